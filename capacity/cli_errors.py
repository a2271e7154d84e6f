"""Errors on the command line: one clear line, exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the packages' own exceptions into one clear line and exit code 1."""
    from capacity.errors import CapacityError
    from cuda_kernels import KernelError
    from grids import GridDataError
    from scenarios import ScenarioError

    try:
        yield
    except (CapacityError, GridDataError, KernelError, ScenarioError) as error:
        raise click.ClickException(str(error)) from error
    except MemoryError as error:
        raise click.ClickException(f"not enough memory ({error}); ask for fewer draws or years") from error
