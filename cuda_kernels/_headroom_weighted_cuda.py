"""Launcher of headroom_weighted.cu; `headroom.headroom_mw` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_cuda import MAX_PROFILES
from ._launch import Kernel, launch
from ._namespace import array_namespace
from .errors import KernelError
from .headroom_deal import BLOCK


def kernel(profiles: int, shares: int) -> Kernel:
    """headroom_weighted for a number of profiles and of shares searched at once."""
    parameters = ("float64[]",) * 7 + ("int32",) * 4 + ("float64",)
    return Kernel("headroom_weighted", f"headroom_weighted<{profiles}, {shares}>", parameters)


def solve(
    profile_set: tuple[Any, Any], coefficients: Any, allowed: Any, limits: tuple[Any, Any, float]
) -> tuple[Any, Any]:
    """Headroom and curtailed weight (set, case, share) of sets of profiles that share their weights, in one launch.

    profile_set = (profiles (set, K, hour), weights (hour,) on the host); limits = (loads right of the roots, largest
    margins, both (set, case); where margins are floored).
    """
    profiles, weights = profile_set
    start, reach, lowest = limits
    cupy = array_namespace(profiles)
    sets, terms, hours = profiles.shape
    if terms > MAX_PROFILES:
        raise KernelError(f"{terms} profiles: the CUDA kernel holds at most {MAX_PROFILES}; combine some")
    load, curtailed = cupy.empty(allowed.shape, dtype=cupy.float64), cupy.empty(allowed.shape, dtype=cupy.float64)
    behind = cupy.broadcast_to(cupy.asarray(weights), (sets, 1, hours))
    arrays = (cupy.concatenate([profiles, behind], axis=1), coefficients, allowed, start, reach, load, curtailed)
    _, cases, row = allowed.shape
    first = 0
    while first < row:
        together = min(row - first, 2)  # more would cost resident threads
        sizes = tuple(np.int32(size) for size in (hours, cases, row, first))
        launch(kernel(terms, together), cases, (*arrays, *sizes, np.float64(lowest)), block=BLOCK, rows=sets)
        first += together
    return load, curtailed
