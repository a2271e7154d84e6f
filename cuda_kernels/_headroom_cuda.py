"""Launcher of headroom.cu; `headroom.headroom_mw` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _exact
from ._launch import Kernel, launch
from ._namespace import array_namespace
from .errors import KernelError

MAX_PROFILES = 12  # coefficients a thread keeps in registers
_SHARES_AT_ONCE = (4, 2, 1)
_THREADS = 128
_CASES_AT_ONCE = 2**24  # case numbers stay far inside int32
_PARAMETERS = ("float64[]",) * 7 + ("int64[]", "int32", "int32", "int32", "int32", "float64")


def kernel(profiles: int, shares: int) -> Kernel:
    """headroom_direct for a number of profiles and of shares solved at once."""
    return Kernel("headroom", f"headroom_direct<{profiles}, {shares}>", _PARAMETERS)


def headroom(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller."""
    profiles, peaks = profile_set
    cupy = array_namespace(profiles)
    k_count, hours = profiles.shape
    if k_count > MAX_PROFILES:
        raise KernelError(f"{k_count} profiles: the CUDA kernel holds at most {MAX_PROFILES}; combine some")
    anchor = _exact.anchors(cupy, peaks, hours)
    rounded = _exact.rounded(profiles, anchor)
    load = cupy.empty(shares.shape, dtype=cupy.float64)
    curtailed = cupy.empty(shares.shape, dtype=cupy.int64)
    lowest = np.float64(0.0 if native_first else -np.inf)
    for first in range(0, len(coefficients), _CASES_AT_ONCE):
        part = slice(first, first + _CASES_AT_ONCE)
        reach = cupy.zeros(len(coefficients[part]))
        for k in range(k_count):
            reach += cupy.abs(coefficients[part, k]) * peaks[k]
        inputs = (rounded, anchor, coefficients[part], shares[part], reach)
        _solve(inputs, (load[part], curtailed[part]), np.int32(hours), lowest)
    return load, curtailed


def _solve(inputs: tuple[Any, ...], outputs: tuple[Any, Any], hours: Any, lowest: Any) -> None:
    profiles, _, _, shares, reach = inputs
    cases, row = shares.shape
    # Right of every root: the load at which all hours are curtailed, at the largest share.
    start = reach / (1.0 - shares.max(axis=1))
    first = 0
    while first < row:
        at_once = next(size for size in _SHARES_AT_ONCE if size <= row - first)
        sizes = (hours, np.int32(cases), np.int32(row), np.int32(first), lowest)
        launch(kernel(len(profiles), at_once), cases, (*inputs, start, *outputs, *sizes), block=_THREADS)
        first += at_once
