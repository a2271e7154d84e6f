"""One case of the numba headroom engine, decided in float32 and added up in integers.

Its margins, taken relative to a point near its leaf's plane so that little cancels, come with a bound of their rounding
error. Newton's descent on them finds a set of curtailed hours; the exact sums over that set (_exact.py) give its load
in float64. Hours whose margins lie within the error bound of that load are looked up in float64. Then the set is proven
to be the set of hours below the load, so the load is the root, to the bit that float64 would have given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_block import NEAR
from ._headroom_group import UNSEEN, WORST_CONDITION
from ._headroom_lists import margin_at
from ._headroom_single import (
    ROUNDING,
    add_steps,
    below,
    below_both,
    dot,
    list_between,
    listed_steps,
    lowest_of,
    places_between,
    raise_to,
)
from ._headroom_types import (
    CALL,
    FRAME,
    PART,
    SCRATCH,
    WANTED,
    Call,
    Frame,
    Part,
    double,
    number,
    real,
    together,
    truth,
)
from ._jit import apart, lean, view


@lean
def tolerance_of(c: Any, frame: Frame, reach: float) -> Any:
    """Bound of the rounding error of a case's coordinates; reach = its largest margin."""
    swing = 0.0
    for k in range(c.size):
        swing += abs(c[k]) * frame.swing[k]
    return np.float32((UNSEEN * reach + (c.size + 8.0) * swing) * ROUNDING / frame.unit)


@lean
def weigh(c: Any, frame: Frame, space: Any) -> float:
    """Weights of a leaf's rows that give a case's coordinates, into space.weights; the load at zero."""
    at_zero = 0.0
    for k in range(c.size):
        at_zero += c[k] * frame.zero[k]
        space.weights[k] = np.float32(c[k] * frame.scale[k])
    return at_zero


@lean
def _place(c: Any, frame: Frame, part: Part, space: Any) -> tuple[float, Any]:
    """Coordinates of a case's margins into space.x; the load at zero, and the coordinate of no margin."""
    at_zero = weigh(c, frame, space)
    dot(part.rows, space.weights, view(space.x, 0, part.hours.size))
    return at_zero, np.float32(-at_zero / frame.unit)


@lean
def descend(x: Any, y: Any, known: Any, allowed: float) -> tuple[Any, float, float]:
    """Newton from the right in float32. known = (hours curtailed for certain, sum of their x and of the allowance).

    Returns the last load, the number of x below it (-1: fewer than allowed), and the load that these give.
    """
    count = -1.0
    lower = float(y)
    for _ in range(60):
        depth, now = below(x, y)
        excess = known[0] + now - allowed
        if excess <= 0.0:
            return y, -1.0, lower
        lower = (float(depth) + float(now) * float(y) + known[1]) / excess
        if float(now) == count or not lower < float(y):
            return y, float(now), lower
        count = float(now)
        y = np.float32(lower)
    return y, -1.0, lower


@lean
def exact(c: Any, x: Any, between: Any, part: Part, call: Call, space: Any) -> float:
    """Sum of the margins of curtailed hours, to the bit that every engine gives."""
    found, sums = space.found, space.sums
    for k in range(c.size):
        sums[k] = part.base[k]
    count = places_between(x, between[0], between[1], found)
    if part.beside.size > 0:
        add_steps(part.beside, c.size, view(found, 0, count), sums)
    else:
        for j in range(count):
            found[j] = part.hours[found[j]]
        listed_steps(call.profiles, call.grid, view(found, 0, count), sums)
    total = 0.0
    for k in range(c.size):
        total += c[k] * (sums[k] * call.grid[2][k])
    return total


@lean
def firm(c: Any, x: Any, part: Part, tolerance: Any, call: Call, space: Any) -> float:
    """Headroom without curtailment: the lowest margin, among those that rounding leaves in question."""
    if x.size == 0:
        return 0.0
    limits = (np.float32(-np.inf), lowest_of(x) + np.float32(2.0) * tolerance)
    count = list_between(x, limits, part.hours, space.flags, space.found)
    least = np.inf
    for j in range(count):
        margin = margin_at(call.profiles, call.grid[0], space.found[j], c)
        least = margin if margin < least else least
    return least if least > 0.0 else 0.0


@lean
def _settle(c: Any, x: Any, edges: Any, value: float, part: Part, call: Call) -> bool:
    """Move x off a stretch too narrow for float32, up or down as the float64 margin lies to `value`.

    edges = (where the stretch begins, where it ends, how far a margin must lie from `value`). False: one lies closer.
    """
    low, high, room = edges
    for i in range(x.size):
        if low <= x[i] and x[i] < high:
            margin = margin_at(call.profiles, call.grid[0], part.hours[i], c)
            if abs(margin - value) <= room and room > 0.0:
                return False
            x[i] = high if margin > value else low - (high - low)
    return True


@lean
def _coordinates(c: Any, prepared: Any, call: Call, allowed: float, space: Any) -> tuple[float, Any, float]:
    """A case's margins, floored, as coordinates; the load at zero, the floor, and how many hours are short.

    prepared = (Frame, Part, bound of the rounding error).
    """
    frame, part, tolerance = prepared
    x = view(space.x, 0, part.hours.size)
    at_zero, floor = _place(c, frame, part, space)
    if not frame.short:
        return at_zero, np.float32(-np.inf), 0.0
    low, high = floor - tolerance, floor + tolerance
    sure, perhaps = below_both(x, low, high)
    short = part.negative + float(sure)
    if sure != perhaps and short <= allowed:
        _settle(c, x, (low, high, 0.0), 0.0, part, call)
        short = part.negative + float(below_both(x, low, high)[0])
    raise_to(x, floor)
    return at_zero, floor, short


@apart(together([truth, real, number])(double, FRAME, PART, CALL, WANTED, SCRATCH))
def quick(c: Any, frame: Frame, part: Part, call: Call, wanted: Any, space: Any) -> tuple[bool, float, int]:
    """Root and curtailed hours of a case, decided in float32. wanted = (allowed, a load right of the root, reach).

    False: float64 must decide.
    """
    allowed, start, reach = wanted
    x = view(space.x, 0, part.hours.size)
    tolerance = tolerance_of(c, frame, reach)
    prepared = (frame, part, tolerance)
    at_zero, floor, short = _coordinates(c, prepared, call, allowed, space)
    if short > allowed:
        return True, 0.0, 0
    if allowed == 0.0:
        return True, firm(c, x, part, tolerance, call, space), 0
    total = 0.0
    for k in range(c.size):
        total += c[k] * (part.base[k] * call.grid[2][k])
    known = (part.certain, (total + (allowed - part.certain) * at_zero) / frame.unit)
    y, count, _ = descend(x, np.float32((start - at_zero) / frame.unit), known, allowed)
    proven, moved = False, False  # whether float64 stands behind the set; whether x still lies where it was moved
    for _ in range(6):
        excess = part.certain + count - allowed
        if count < 0.0 or excess * WORST_CONDITION < part.certain + count:
            break
        load = exact(c, x, (floor, y), part, call, space) / excess
        where = (load - at_zero) / frame.unit
        near = 3.0 * NEAR * max(abs(load), 1e-3 * reach)
        room = float(tolerance) + near / frame.unit
        if load <= 0.0 or where - 3.0 * room <= floor:
            break
        if moved:  # it was moved about another load
            _coordinates(c, prepared, call, allowed, space)
        low, high = np.float32(where - room), np.float32(where + room)
        fewest, most = below_both(x, low, high)
        moved = fewest != most
        if moved:
            if not _settle(c, x, (low, high, near), load, part, call):
                break
            fewest, _ = below_both(x, low, high)
        if float(fewest) == count and (proven or not moved):  # sets of hours below a load are nested
            return True, load, int(part.certain + count)
        y, count, proven = np.float32(where), float(fewest), True
    return False, 0.0, 0
