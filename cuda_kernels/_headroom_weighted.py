"""Bodies of the headroom kernel for weighted hours; `headroom.headroom_mw` holds the contract.

Newton's descent on every hour, without pruning: from the right of the root, L <- sum_A w margin / (sum_A w - eps W), A
the hours below L and W the sum of all weights. Every sum runs over the hours in their order, in NumPy, numba and CUDA
alike, so that they give the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._namespace import Array, array_namespace, asnumpy
from .errors import KernelError

_BLOCK = 64  # cases at a time
_MAX_STEPS = 400  # as in headroom_input.cuh
_ROOTLESS = 1e-12  # plain rule: cost above this share of the scale is no rounding


def checked(hour_weights: Array, hours: int) -> Any:
    """Weights on the host. KernelError names the first that cannot be one."""
    weights = np.asarray(asnumpy(hour_weights))
    if weights.shape != (hours,) or weights.dtype != np.float64:
        raise KernelError(f"hour_weights must be float64 ({hours},), got {weights.dtype} {weights.shape}")
    bad = ~((weights >= 0.0) & (weights < np.inf))
    if bad.any():
        at = int(bad.argmax())
        raise KernelError(f"hour_weights holds {weights[at]} at hour {at} ({bad.sum()} such values); 0 <= weight < inf")
    if not weights.any():
        raise KernelError("hour_weights are all 0: no hour counts; at least one weight must be above 0")
    return weights


def headroom(
    profile_set: tuple[Any, Any], coefficients: Any, shares: Any, weights: Any, how: tuple[bool, bool]
) -> tuple[Any, Any]:
    """Headroom [MW] and sum of the weights of curtailed hours, both (..., case, share); inputs checked by the caller.

    profile_set = (profiles (..., K, hour), their largest absolute values (..., K)), on the device with one more
    dimension, of sets that share their weights; weights (hour,) on the host; how = (native first, with numba).
    """
    profiles, peaks = profile_set
    xp = array_namespace(profiles)
    _, exponent = np.frexp(weights.max())
    scaled = np.ldexp(weights, -int(exponent))  # exact: changes no bit of a load, and sums can no longer overflow
    reach = xp.zeros(coefficients.shape[:-1])
    for k in range(profiles.shape[-2]):
        reach += xp.abs(coefficients[..., k]) * peaks[..., k, None]
    allowed = shares * math.fsum(scaled)
    limits = reach / (1.0 - shares.max(axis=-1)), reach, 0.0 if how[0] else -np.inf
    body = _cuda if xp is not np else _numba if how[1] else _numpy
    load, curtailed = body((profiles, scaled), coefficients, allowed, limits)
    return load, curtailed * float(np.ldexp(1.0, int(exponent)))


def _numpy(rows: tuple[Any, Any], coefficients: Any, allowed: Any, limits: tuple[Any, Any, float]) -> tuple[Any, Any]:
    """The readable form."""
    from .event_figures import margin_mw

    profiles, weights = rows
    start, reach, lowest = limits
    load, curtailed = np.zeros(allowed.shape), np.zeros(allowed.shape)
    for first in range(0, len(coefficients), _BLOCK):
        some = slice(first, first + _BLOCK)
        margin = np.maximum(margin_mw(profiles, coefficients[some]), lowest)
        least = margin[:, weights > 0.0].min(axis=1)
        for share in range(allowed.shape[1]):
            may = allowed[some, share]
            found, total, below = _descend(margin, weights, may, start[some])
            cost = (below - may) * found - total
            rootless = (lowest < 0.0) & (below <= may) & (cost > _ROOTLESS * (may + below) * reach[some])
            none, firm = (found <= 0.0) | rootless, may == 0.0
            load[some, share] = np.where(firm, np.maximum(least, 0.0), np.where(none, 0.0, found))
            curtailed[some, share] = np.where(none | firm, 0.0, below)
    return load, curtailed


def _descend(margin: Any, weights: Any, allowed: Any, load: Any) -> tuple[Any, Any, Any]:
    """Roots of margins (case, hour), and what is curtailed at them: sum of weighted margins, sum of weights."""
    for _ in range(_MAX_STEPS):
        inside = np.where(margin < load[:, None], weights, 0.0)
        total = np.cumsum(inside * margin, axis=1)[:, -1]  # a cumulative sum keeps the order, a sum does not
        below = np.cumsum(inside, axis=1)[:, -1]
        excess = below - allowed
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0.0)
        if not (lower < load).any():
            break
        load = np.minimum(load, lower)
    return load, total, below


def _numba(rows: tuple[Any, Any], coefficients: Any, allowed: Any, limits: tuple[Any, Any, float]) -> tuple[Any, Any]:
    from ._headroom_weighted_numba import solve

    load, curtailed = np.zeros(allowed.shape), np.zeros(allowed.shape)
    # A read-only array is another type to numba, and would be compiled for again.
    profiles, coefficients = (np.require(array, requirements="W") for array in (rows[0], coefficients))
    solve((profiles, rows[1]), coefficients, allowed, limits, (load, curtailed))
    return load, curtailed


def _cuda(*arguments: Any) -> tuple[Any, Any]:
    from ._headroom_weighted_cuda import solve

    return solve(*arguments)
