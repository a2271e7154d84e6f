"""Launcher of headroom.cu; `headroom.headroom_mw` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._launch import Kernel, launch
from ._namespace import array_namespace
from .errors import KernelError

MAX_PROFILES = 12  # coefficients a thread keeps in registers
_SHARES_AT_ONCE = (4, 2, 1)
_THREADS = 128
_CASES_AT_ONCE = 2**24  # case numbers stay far inside int32
_PARAMETERS = ("float64[]",) * 5 + ("int64[]", "int32", "int32", "int32", "int32", "float64")


def kernel(profiles: int, shares: int) -> Kernel:
    """headroom_direct for a number of profiles and of shares solved at once."""
    return Kernel("headroom", f"headroom_direct<{profiles}, {shares}>", _PARAMETERS)


def headroom(profiles: Any, coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller."""
    cupy = array_namespace(profiles)
    k_count, hours = profiles.shape
    if k_count > MAX_PROFILES:
        raise KernelError(f"{k_count} profiles: the CUDA kernel holds at most {MAX_PROFILES}; combine some")
    load = cupy.empty(shares.shape, dtype=cupy.float64)
    curtailed = cupy.empty(shares.shape, dtype=cupy.int64)
    lowest = 0.0 if native_first else -np.inf
    for first in range(0, len(coefficients), _CASES_AT_ONCE):
        part = slice(first, first + _CASES_AT_ONCE)
        arrays = (profiles, coefficients[part], shares[part], load[part], curtailed[part])
        _solve(cupy, arrays, hours, lowest)
    return load, curtailed


def _solve(cupy: Any, arrays: tuple[Any, ...], hours: int, lowest: float) -> None:
    profiles, coefficients, shares, load, curtailed = arrays
    cases, row = shares.shape
    # Right of every root: the load at which all hours are curtailed, at the largest share.
    reach = cupy.abs(coefficients) @ cupy.abs(profiles).max(axis=1)
    start = cupy.ascontiguousarray(reach / (1.0 - shares.max(axis=1)))
    first = 0
    while first < row:
        at_once = next(size for size in _SHARES_AT_ONCE if size <= row - first)
        arguments = (profiles, coefficients, shares, start, load, curtailed)
        sizes = (np.int32(hours), np.int32(cases), np.int32(row), np.int32(first), np.float64(lowest))
        launch(kernel(len(profiles), at_once), cases, (*arguments, *sizes), block=_THREADS)
        first += at_once
