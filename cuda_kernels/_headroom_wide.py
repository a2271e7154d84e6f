"""A leaf of the numba headroom engine whose cases lie far apart, so that their box leaves thousands of hours in play.

Only a few hundred of those hours are curtailed in any case. Each case is solved on the hours that earlier cases needed:
with fewer hours a root can only be higher. One pass over all the leaf's hours then shows whether another one lies below
it; if so, it joins the list, and the case is solved again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_block import NEAR
from ._headroom_box import above
from ._headroom_case import firm, quick, tolerance_of, weigh
from ._headroom_lists import reach_of_case
from ._headroom_single import dot, outside, steps_at
from ._headroom_slow import slowly
from ._headroom_types import Call, Frame, Leaf, Part
from ._jit import lean, view

_TRIES = 6
_AHEAD = 0.1  # hours up to this share above the root join along with those below


@lean
def _join(count: int, places: Any, whole: Part, marks: Any, call: Call, space: Leaf) -> Part:
    """A list of so many hours, and hours of the leaf at some places behind them, which are marked."""
    row_space, hour_space, step_space = space.active
    k_count, length = call.peaks.size, whole.hours.size
    for place in places:
        hour = whole.hours[place]
        hour_space[count], marks[place] = hour, np.float32(1.0)
        for k in range(k_count):
            row_space[k * length + count] = whole.rows[k * length + place]
            step_space[count * k_count + k] = steps_at(call.profiles[k], hour, (call.grid[0][k], call.grid[1][k]))
        count += 1
    rows, hours = view(row_space, 0, k_count * length), view(hour_space, 0, count)
    return Part(rows, whole.steps, view(step_space, 0, count * k_count), hours, whole.base, 0.0, 0.0)


@lean
def _on_list(c: Any, frame: Frame, listed: Part, call: Call, wanted: Any, space: Any) -> tuple[bool, float, bool]:
    """Solve a case's shares on a list of hours, but for those that curtail nothing.

    Returns whether float32 could decide, the highest root, and whether there were any such shares.
    """
    allowed, start, reach, load, hours = wanted
    highest, some = 0.0, False
    for share in range(allowed.size):
        if allowed[share] > 0.0:
            some = True
            done, root, curtailed = quick((c, frame, listed, call, (allowed[share], start, reach), space))
            if not done:
                return False, 0.0, True
            load[share], hours[share] = root, curtailed
            highest = max(highest, root)
    return True, highest, some


@lean
def _set_firm(c: Any, frame: Frame, whole: Part, call: Call, wanted: Any, space: Leaf) -> None:
    """Loads of the shares that curtail nothing, from the margins of all hours of the leaf (space.bounds.x)."""
    allowed, _, reach, load, hours = wanted
    for share in range(allowed.size):
        if allowed[share] == 0.0:
            x, tolerance = view(space.bounds.x, 0, whole.hours.size), tolerance_of(c, frame, reach)
            load[share], hours[share] = firm(c, x, whole, tolerance, call, space.case), 0


@lean
def _edge(c: Any, frame: Frame, highest: float, reach: float) -> Any:
    """Coordinate below which an hour may lie below the root, or so near that rounding leaves it in question."""
    at_zero = 0.0
    for k in range(c.size):
        at_zero += c[k] * frame.zero[k]
    room = float(tolerance_of(c, frame, reach)) + 3.0 * NEAR * max(highest, 1e-3 * reach) / frame.unit
    return np.float32((highest - at_zero) / frame.unit + room)


@lean
def _solve(given: Any, active: Part, marks: Any, space: Leaf) -> tuple[bool, Part]:
    """All shares of a case; the list with the hours that it needed. False: float32 cannot decide.

    given = (coefficients, frame, all hours of the leaf, call, wanted).
    """
    c, frame, whole, call, wanted = given
    allowed, _, reach, load, hours = wanted
    x, places = view(space.bounds.x, 0, whole.hours.size), space.sure
    weigh(c, frame, space.case)
    for turn in range(_TRIES):
        done, highest, some = _on_list(c, frame, active, call, wanted, space.case)
        if done and some and highest == 0.0:  # no room on few hours: none on more
            for share in range(allowed.size):
                load[share], hours[share] = 0.0, 0
            return True, active
        if turn == 0:
            dot(whole.rows, space.case.weights, x)
        edge = _edge(c, frame, highest, reach)
        missing = outside(x, marks, edge, places) if some else 0
        if done and missing == 0:
            _set_firm(c, frame, whole, call, wanted, space)
            return True, active
        settled = False
        if not done or missing > active.hours.size:  # the list says little
            settled, highest, _ = _on_list(c, frame, whole, call, wanted, space.case)
            if not settled:
                return False, active
            if highest == 0.0:
                _set_firm(c, frame, whole, call, wanted, space)
                return True, active
            edge = _edge(c, frame, highest, reach)
        missing = outside(x, marks, edge + np.float32(_AHEAD * highest / frame.unit), places)
        active = _join(active.hours.size, view(places, 0, missing), whole, marks, call, space)
        if settled:
            _set_firm(c, frame, whole, call, wanted, space)
            return True, active
    return False, active


@lean
def solve_far_apart(cases: Any, problem: Any, prepared: Any, given: Any, space: Leaf) -> None:
    """All cases of a leaf for all shares, on hours that other cases needed.

    The list begins with the curtailed hours of the case at the box's centre.
    """
    call, result = given
    frame, whole, rounding = prepared
    n, places, count = whole.hours.size, space.sure, 0
    marks = view(space.bounds.floor, 0, n)
    for j in range(n):
        marks[j], places[count] = np.float32(0.0), j
        count += 1 if space.bounds.weight[space.chosen[j]] > np.float32(0.0) else 0
    active = _join(0, view(places, 0, count), whole, marks, call, space)
    for case in cases:
        c, allowed = problem[0][case], problem[1][case]
        reach, top = reach_of_case(c, call.peaks), above(space.frame[3], c) + rounding
        wanted = (allowed, top, reach, result[0][case], result[1][case])
        settled, active = _solve((c, frame, whole, call, wanted), active, marks, space)
        if not settled:
            for share in range(allowed.size):
                result[0][case, share], result[1][case, share] = slowly(
                    (c, whole.hours, call, (allowed[share], top, reach), space.double, space.case.mask)
                )
