"""numba body of the levels of a network; `network_levels.served_mw` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import in_order
from ._network_hours import look_at, walk
from ._network_numba import _AT_ONCE, _fixed, _one, _room, _roughly, _scales
from ._network_numpy import MAX_STEPS, NEGLIGIBLE


def levels(profiles: Any, coefficients: Any, network: tuple[Any, Any], weights: Any, top: Any) -> Any:
    """All cases, (case, hour). network : limits, caps. Inputs checked by the caller."""
    found = np.repeat(top[:, None], profiles.shape[2], axis=1)
    if len(top):
        fixed = _fixed(profiles, coefficients, network, weights)
        _levels(fixed, np.ascontiguousarray(top), found, _room(profiles.shape, fixed[0].ends))
    return found


@in_order
def _levels(fixed: Any, top: Any, out: Any, room: Any) -> None:
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
                hour = room[1].hours[at]
                out[case, hour] = _descend(top[case], hours[at : at + 1], spare[0][at], tolerance, looked_at, room[3])


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
