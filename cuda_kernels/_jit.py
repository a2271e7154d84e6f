"""How this package compiles functions with numba: cached on disk, GIL released, no flag that swallows a NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def in_order(function: F) -> F:
    """Every addition as written."""
    return cast(F, njit(cache=True, nogil=True)(function))


def any_order(function: F) -> F:
    """Sums may be reordered, and so vectorised; nothing else is relaxed (not nnan, not ninf, not contract)."""
    return cast(F, njit(cache=True, nogil=True, fastmath={"reassoc", "nsz"})(function))
