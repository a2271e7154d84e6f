"""numba body of the levels of a network; `network_levels` holds the contracts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import in_order, lean
from ._network_flow import NONE, ONE, lowest
from ._network_hours import look_at, walk
from ._network_numba import _AT_ONCE, _fixed, _one, _room, _roughly, _scales
from ._network_numpy import MAX_STEPS, NEGLIGIBLE


def levels(linear: tuple[Any, Any], network: tuple[Any, Any], weights: Any, top: Any, *, apart: bool) -> Any:
    """All cases, (case, hour, 1 or area). linear : profiles, coefficients; network : limits, caps.

    apart : whether each area has a level of its own. Inputs checked by the caller.
    """
    profiles, coefficients = linear
    found = np.empty((len(top), profiles.shape[2], len(profiles) if apart else 1))
    found[:] = top[:, None, None]
    if len(top):
        fixed = _fixed(profiles, coefficients, network, weights)
        stack = np.empty((2 * len(profiles) + 2, 4)), np.empty((2 * len(profiles) + 2, 2), np.uint64)
        _levels(fixed, np.ascontiguousarray(top), found, _room(profiles.shape, fixed[0].ends), stack)
    return found


@in_order
def _levels(fixed: Any, top: Any, out: Any, room: Any, stack: Any) -> None:
    """Levels of each case, hour by hour, of the hours that the top may be short in."""
    hours, spare = room[3][0], room[3][4]
    reach, unit = np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    for start in range(0, top.size, _AT_ONCE):
        until = min(start + _AT_ONCE, top.size)
        _roughly(start, until, fixed, (reach, unit), room[0])
        for case in range(start, until):
            one = _one(case, case - start, fixed, (reach, unit), room[0])
            tolerance = NEGLIGIBLE * _scales(one[0])[0]
            looked_at, count = look_at(top[case], one, room)
            hours[:count] = np.arange(count)
            walk(0.0, hours, count, looked_at, room[3], spare)
            for at in range(count):
                level, hour = out[case, room[1].hours[at]], hours[at : at + 1]
                if level.size == 1:
                    level[0] = _descend(top[case], hour, spare[0][at], tolerance, looked_at, room[3])
                else:
                    asked = top[case], (spare[0][at], spare[2][at]), tolerance
                    _split(asked, hour, looked_at, room[3], stack, level)


@in_order
def _descend(top: float, hour: Any, native: float, tolerance: float, case: Any, walks: Any) -> float:
    """Newton from the top in one hour, whose flow goes along."""
    value, slope, _ = walks[3]
    load = top
    for _ in range(MAX_STEPS):
        walk(load, hour, 1, case, walks, walks[3])
        cost = value[0] - native
        if cost <= tolerance or slope[0] <= 0.0 or load <= 0.0:
            break
        load = max(load - cost / slope[0], 0.0)
    return load


@in_order
def _split(asked: Any, hour: Any, case: Any, walks: Any, stack: Any, level: Any) -> None:
    """Levels of the areas in one hour, as in `_network_levels_numpy`.

    asked : the top, what natives lack and the set, the tolerance
    """
    top, native, tolerance = asked
    value, _, member = walks[3]
    line, sets = stack
    walk(top, hour, 1, case, walks, walks[3])
    if value[0] - native[0] <= tolerance:
        return
    wide = member[0] | native[1]
    _join(native[1], 0.0, level)
    line[0, 0], line[0, 1], sets[0, 0] = native[0], _share(native[1], case.weights), native[1]
    line[0, 3], sets[0, 1] = _share(wide, case.weights), wide
    line[0, 2] = value[0] - line[0, 3] * top
    left = 1
    while left > 0:
        left -= 1
        low, low_slope, high, high_slope = line[left, 0], line[left, 1], line[left, 2], line[left, 3]
        small, large = sets[left, 0], sets[left, 1]
        rise = high_slope - low_slope
        load = min(max((low - high) / rise, 0.0), top) if rise > 0.0 else 0.0
        walk(load, hour, 1, case, walks, walks[3])
        between = (member[0] | small) & large
        slope = _share(between, case.weights)
        if value[0] - (low + low_slope * load) <= tolerance or slope <= low_slope or slope >= high_slope:
            _join(large & ~small, load, level)
            continue
        middle = value[0] - slope * load
        line[left, 2], line[left, 3], sets[left, 1] = middle, slope, between
        line[left + 1, 0], line[left + 1, 1], sets[left + 1, 0] = middle, slope, between
        line[left + 1, 2], line[left + 1, 3], sets[left + 1, 1] = high, high_slope, large
        left += 2


@lean
def _join(side: Any, load: float, level: Any) -> None:
    """Give a set of areas its level."""
    while side != NONE:
        level[lowest(side)] = load
        side &= side - ONE


@lean
def _share(side: Any, weights: Any) -> float:
    """Part of the new load in a set of areas."""
    total = 0.0
    while side != NONE:
        total += weights[lowest(side)]
        side &= side - ONE
    return total
