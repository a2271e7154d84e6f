"""Margins of single hours in float64, and the areas as one. Used by _network_numba.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_single import ROUNDING, raise_to
from ._jit import fused, in_order, lean
from ._network_numpy import MAX_STEPS


@lean
def margins_at(profiles: Any, coefficients: Any, margin: Any) -> None:
    """Margins (area,) of an hour from profiles (K, area) of that hour and coefficients (K, area)."""
    for i in range(margin.size):
        margin[i] = coefficients[0, i] * profiles[0, i]
    for k in range(1, coefficients.shape[0]):
        for i in range(margin.size):
            margin[i] += coefficients[k, i] * profiles[k, i]


@fused
def _below(x: Any, load: Any) -> tuple[Any, Any]:
    """Sum of min(x - load, 0), and the number of x below `load`."""
    depth, count = np.float32(0.0), np.float32(0.0)
    for i in range(x.size):
        d = x[i] - load
        depth += d - abs(d)  # twice min(d, 0), in a form that vectorises
        count += np.float32(1.0) if d < np.float32(0.0) else np.float32(0.0)
    return np.float32(0.5) * depth, count


@lean
def _about(total: Any, allowed: float, most: Any) -> float:
    """Roughly the load at which hours of a total margin lack an allowed share of it, by Newton's method in float32."""
    load = most / np.float32(1.0 - allowed / total.size)
    for _ in range(MAX_STEPS):
        depth, count = _below(total, load)
        if float(count) <= allowed:
            break
        lower = (float(depth) + float(count) * float(load)) / (float(count) - allowed)
        if not lower < float(load) * (1.0 - 1e-6):
            break
        load = np.float32(lower)
    return float(load)


@in_order
def _exact(load: float, allowed: float, total: Any) -> tuple[float, bool]:
    """The largest load whose shortage is allowed, if that lies left of `load`; whether it does."""
    summed, count = 0.0, 0
    for m in total:
        if m < load:
            count += 1
            summed += max(m, 0.0)
    if not count * load - summed > allowed * load:
        return load, False
    for _ in range(MAX_STEPS):
        lower = summed / (count - allowed)
        if lower >= load:
            break
        load = lower
        summed, count = 0.0, 0
        for m in total:
            if m < load:
                count += 1
                summed += max(m, 0.0)
        if count <= allowed:
            break
    return load, True


@in_order
def copper_plate(total: Any, limits: tuple[float, float], unit: float, exact: Any, scratch: Any) -> float:
    """Headroom of the areas as one, native load first.

    limits : hours that may be curtailed, and firm capacity beside the margins where none may
    total : float32 (hour,) margins over the unit; 0 for a unit that float32 has no room for.
    exact : by_hour (hour, K, area), coefficients (K, area). scratch : margin (area,), float32 (hour,), float64 (hour,)
    """
    margin, floored, few = scratch
    by_hour, coefficients = exact
    allowed, firmer = limits
    every, areas = by_hour.shape[0], by_hour.shape[2]
    guard = ROUNDING * (coefficients.shape[0] + areas + 8.0)
    least, most = np.float32(np.inf), np.float32(0.0)
    for h in range(every):
        floored[h] = total[h]
        least, most = min(least, total[h]), max(most, total[h])
    raise_to(floored, np.float32(0.0))
    top = float(least) if allowed == 0.0 else max(_about(floored, allowed, most) * 1.001, 8.0 * guard)
    while True:
        edge = np.float32(top + 2.0 * guard) if unit > 0.0 else np.float32(np.inf)
        count = 0
        for h in range(every):
            if total[h] <= edge:
                margins_at(by_hour[h], coefficients, margin)
                few[count] = _sum(margin)
                count += 1
        if allowed == 0.0:
            return max(_least(few[:count]) + firmer, 0.0)
        whole = count == every
        start = max(_most(few[:count]), 0.0) / (1.0 - allowed / every) if whole else top * unit
        load, right = _exact(start, allowed, few[:count])
        if right or whole:
            return load
        top = max(2.0 * top, top + 1.0)  # beyond one, every hour is looked at


@lean
def _sum(values: Any) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


@lean
def _least(values: Any) -> float:
    least = np.inf
    for value in values:
        least = min(least, value)
    return float(least)


@lean
def _most(values: Any) -> float:
    most = -np.inf
    for value in values:
        most = max(most, value)
    return float(most)
