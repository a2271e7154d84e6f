"""A leaf of the numba headroom engine whose cases lie far apart, so that their box leaves thousands of hours in play.

Only a few hundred of those hours are curtailed in any case. Each case is solved on the hours that earlier cases needed:
with fewer hours a root can only be higher. One pass over all the leaf's hours then shows whether another one lies below
it; if so, it joins the list, and the case is solved again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_case import Call, Frame, Part, quick
from ._headroom_numpy import NEAR
from ._headroom_single import dot, outside, take
from ._jit import in_order, lean

_TRIES = 6
_AHEAD = 0.1  # hours up to this share above the root join along with those below


@in_order
def _active(whole: Part, marks: Any, call: Call, chosen: Any, space: Any) -> Part:
    """The marked hours of a leaf as a list of its own."""
    row_space, hour_space, step_space = space
    n = 0
    for i in range(marks.size):
        chosen[n] = i
        n += 1 if marks[i] > np.float32(0.0) else 0
    k_count = call.peaks.size
    rows, hours, steps = row_space[: k_count * n], hour_space[:n], step_space[: k_count * n]
    take(whole.rows, marks.size, chosen[:n], np.zeros(k_count, dtype=np.float32), rows)
    for j in range(n):
        hours[j] = whole.hours[chosen[j]]
    for k in range(k_count):
        for j in range(n):
            steps[k * n + j] = call.steps[k, hours[j]]
    return Part(rows, steps, hours, whole.base, 0.0, 0.0)


@lean
def _on_active(c: Any, frame: Frame, active: Part, call: Call, wanted: Any, space: Any) -> tuple[bool, float]:
    """Solve a case's shares on a list; whether float32 could decide, and the highest root."""
    allowed, start, reach, load, hours = wanted
    highest = 0.0
    for share in range(allowed.size):
        done, root, curtailed = quick(c, frame, active, call, (allowed[share], start, reach), space)
        if not done:
            return False, 0.0
        load[share], hours[share] = root, curtailed
        highest = max(highest, root)
    return True, highest


@in_order
def solve_wide(c: Any, frame: Frame, parts: Any, call: Call, wanted: Any, space: Any) -> tuple[bool, Part]:
    """All shares of one case; whether float32 could decide, and the list of hours as it now is.

    parts = (all hours of the leaf, the list so far); wanted = (allowed (share,), a load right of the roots, reach, load
    and hours to fill).
    """
    whole, active = parts
    case_space, marks, x, chosen, part_space = space
    reach = wanted[2]
    for _ in range(_TRIES):
        done, highest = _on_active(c, frame, active, call, wanted, case_space)
        if not done or highest == 0.0:  # no room on few hours: none on more
            return done, active
        at_zero = 0.0
        for k in range(c.size):
            at_zero += c[k] * frame.zero[k]
        room = float(frame.tolerance) + 3.0 * NEAR * max(highest, 1e-3 * reach) / frame.unit
        edge = np.float32((highest - at_zero) / frame.unit + room)
        dot(whole.rows, case_space[0], x)
        if outside(x, marks, edge) == np.float32(0.0):
            return True, active
        edge += np.float32(_AHEAD * highest / frame.unit)
        for i in range(x.size):
            marks[i] = np.float32(1.0) if x[i] < edge else marks[i]
        active = _active(whole, marks, call, chosen, part_space)
    return False, active


@in_order
def first_active(whole: Part, weight: Any, kept: Any, call: Call, space: Any) -> Part:
    """The list to begin with: the curtailed hours of the case at the centre."""
    _, marks, _, chosen, part_space = space
    for j in range(marks.size):
        marks[j] = np.float32(1.0) if weight[kept[j]] > np.float32(0.0) else np.float32(0.0)
    return _active(whole, marks, call, chosen, part_space)
