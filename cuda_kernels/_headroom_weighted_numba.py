"""numba body of the headroom of weighted hours; `_headroom_weighted` says how."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_weighted import _MAX_STEPS, _ROOTLESS
from ._jit import in_order

_LANES = 16  # cases side by side, so that sums in a fixed order vectorise


@in_order
def solve(rows: Any, coefficients: Any, allowed: Any, limits: Any, result: Any) -> None:
    """Fill load and curtailed weight (case, share) in; limits = (loads right of the roots, largest margins, floor)."""
    start, reach, lowest = limits
    cases, terms = coefficients.shape
    c = np.empty((terms, _LANES))
    lanes = np.empty((6, _LANES))
    for first in range(0, cases, _LANES):
        for lane in range(_LANES):  # spare lanes repeat the last case
            for k in range(terms):
                c[k, lane] = coefficients[min(first + lane, cases - 1), k]
        _least(rows, c, lowest, lanes)
        for share in range(allowed.shape[1]):
            for lane in range(_LANES):
                case = min(first + lane, cases - 1)
                lanes[0, lane], lanes[1, lane] = start[case], allowed[case, share]
            _descend(rows, c, lowest, lanes)
            for lane in range(min(_LANES, cases - first)):
                found = _answer(lanes[:, lane], reach[first + lane], lowest)
                result[0][first + lane, share], result[1][first + lane, share] = found


@in_order
def _margins(profiles: Any, c: Any, hour: int, lowest: float, margin: Any) -> None:
    for lane in range(_LANES):
        margin[lane] = c[0, lane] * profiles[0, hour]
    for k in range(1, c.shape[0]):
        value = profiles[k, hour]
        for lane in range(_LANES):
            margin[lane] += c[k, lane] * value
    for lane in range(_LANES):
        margin[lane] = margin[lane] if margin[lane] > lowest else lowest


@in_order
def _least(rows: Any, c: Any, lowest: float, lanes: Any) -> None:
    """Least margin of an hour that counts, into row 5."""
    profiles, weights = rows
    lanes[5] = np.inf
    for hour in range(weights.size):
        if weights[hour] > 0.0:
            _margins(profiles, c, hour, lowest, lanes[4])
            for lane in range(_LANES):
                lanes[5, lane] = min(lanes[5, lane], lanes[4, lane])


@in_order
def _descend(rows: Any, c: Any, lowest: float, lanes: Any) -> None:
    """Newton from the right. lanes: load, allowance, sum of weighted margins, sum of weights, margins, least margin."""
    profiles, weights = rows
    for _ in range(_MAX_STEPS):
        load, total, below, margin = lanes[0], lanes[2], lanes[3], lanes[4]
        total[:] = 0.0
        below[:] = 0.0
        for hour in range(weights.size):
            _margins(profiles, c, hour, lowest, margin)
            weight = weights[hour]
            for lane in range(_LANES):
                inside = weight if margin[lane] < load[lane] else 0.0
                total[lane] += inside * margin[lane]
                below[lane] += inside
        moved = False
        for lane in range(_LANES):
            excess = below[lane] - lanes[1, lane]
            if excess > 0.0 and total[lane] / excess < load[lane]:
                load[lane] = total[lane] / excess
                moved = True
        if not moved:
            break


@in_order
def _answer(lane: Any, reach: float, lowest: float) -> tuple[float, float]:
    """Headroom and curtailed weight of one case."""
    load, allowed, total, below, _, least = lane
    if allowed == 0.0:
        return max(least, 0.0), 0.0
    cost = (below - allowed) * load - total
    rootless = lowest < 0.0 and below <= allowed and cost > _ROOTLESS * (allowed + below) * reach
    if load <= 0.0 or rootless:
        return 0.0, 0.0
    return load, below
