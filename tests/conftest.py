"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent

settings.register_profile("ci", print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# Helpers beside the tests (grid_factory, reference) are imported by name although tests are no package.
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def originals() -> Path:
    """Folder of public originals, for tests of the build; named by GRIDFLOPS_ORIGINALS."""
    folder = os.environ.get("GRIDFLOPS_ORIGINALS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("GRIDFLOPS_ORIGINALS names no folder; `gridflops grids fetch` makes one")
    return Path(folder)


@pytest.fixture(scope="session")
def grid_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny made-up grid as a file, for tests of the command line."""
    from grid_factory import tiny_grid

    from grids import write_grid

    path = tmp_path_factory.mktemp("grid") / "tiny.nc"
    write_grid(tiny_grid(), path)
    return path
