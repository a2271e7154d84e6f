"""NumPy body of the headroom kernel; `headroom.headroom_mw` holds the contract.

Two stages. *Search*: margins of a block of cases by one matrix product and Newton's descent on them.
It only has to find each root to within _NEAR; matrix products may round differently from block to block.
*Finish*: the hours that can matter are collected, their margins recomputed by single multiplications and
additions in a fixed order, and the descent repeated on them. Sums run over the hours in ascending order,
where an inactive hour adds an exact zero, so a case's bits do not depend on its neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_BLOCK = 16  # cases at a time: their margins stay in the second-level cache
_NEAR = 1e-9  # relative to the largest margin: start of the finish, right of the search's answer
_MAX_STEPS = 400


def headroom(profiles: Any, coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller."""
    load = np.zeros(shares.shape)
    hours = np.zeros(shares.shape, dtype=np.int64)
    lowest = 0.0 if native_first else -np.inf
    for first in range(0, len(coefficients), _BLOCK):
        block = slice(first, first + _BLOCK)
        margin = np.maximum(coefficients[block] @ profiles, lowest)
        reach = np.abs(coefficients[block]) @ np.abs(profiles).max(axis=1)
        for share in range(shares.shape[1]):
            allowed = shares[block, share] * profiles.shape[1]
            found = _search(margin, allowed)
            start = found + _NEAR * reach
            load[block, share], hours[block, share] = _finish(
                profiles, coefficients[block], allowed, lowest, (margin, start)
            )
    return load, hours


def _search(margin: Any, allowed: Any) -> Any:
    """Newton from the mean of all hours (right of the root); rows are cases. Never below the root."""
    load = margin.sum(axis=1) / (margin.shape[1] - allowed)
    for _ in range(_MAX_STEPS):
        active = margin < load[:, None]
        excess = active.sum(axis=1) - allowed
        total = np.where(active, margin, 0.0).sum(axis=1)
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0)
        lower = np.minimum(lower, load)
        if np.array_equal(lower, load):
            break
        load = lower
    return load


def _finish(
    profiles: Any, coefficients: Any, allowed: Any, lowest: float, near: tuple[Any, Any]
) -> tuple[Any, Any]:
    margin, start = near
    hours = np.flatnonzero((margin <= start[:, None]).any(axis=0))
    exact = _exact_margin(profiles[:, hours], coefficients, lowest)
    load, _ = _descend(exact, allowed, start)
    # Hours exactly at the root belong to it or not, by rounding. Starting again from a hair right of
    # the answer makes the choice the same whichever way the first descent came.
    load, active = _descend(exact, allowed, load + _NEAR * np.abs(load))
    # Plain rule: fewer active hours than allowed at a load that still costs too much means no root.
    cost = np.where(active, load - exact, 0.0).sum(axis=0) - allowed * load
    scale = allowed * np.abs(load) + np.abs(np.where(active, exact, 0.0)).sum(axis=0)
    none = (load <= 0.0) | ((active.sum(axis=0) <= allowed) & (cost > _NEAR * scale))
    if not allowed.all():
        firm = allowed == 0.0
        least = exact.min(axis=0, initial=np.inf)
        load, none = np.where(firm, np.maximum(least, 0.0), load), none & ~firm | firm & (least <= 0.0)
        active = active & ~firm
    return np.where(none, 0.0, load), np.where(none, 0, active.sum(axis=0))


def _exact_margin(profiles: Any, coefficients: Any, lowest: float) -> Any:
    """Margins (hour, case), summed over k in ascending order without fused operations."""
    margin = profiles[0][:, None] * coefficients[:, 0]
    for k in range(1, len(profiles)):
        margin += profiles[k][:, None] * coefficients[:, k]
    return np.maximum(margin, lowest, out=margin)


def _descend(margin: Any, allowed: Any, load: Any) -> tuple[Any, Any]:
    """Newton from `load` on margins (hour, case); the root and the hours below it."""
    for _ in range(_MAX_STEPS):
        active = margin < load
        excess = active.sum(axis=0) - allowed
        total = _ordered_sum(np.where(active, margin, 0.0))
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0)
        lower = np.minimum(lower, load)
        if np.array_equal(lower, load):
            break
        load = lower
    return load, active


def _ordered_sum(terms: Any) -> Any:
    """Sum over axis 0 in ascending order. A lone column would be summed pairwise, so it gets company."""
    if terms.shape[1] == 1:
        return np.repeat(terms, 2, axis=1).sum(axis=0)[:1]
    return terms.sum(axis=0)
