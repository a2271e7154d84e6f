"""Sixteen cases of a leaf at once, one in each lane: `_headroom_case.quick` for cases that need no look-up.

An hour's profiles are the same for all lanes; coefficients, margins, loads and counts differ. Newton runs until no lane
moves. The exact sums go over hours that are curtailed in some lanes and not in others; the rest is one sum. Lanes
whose set is not proven at once (margins within rounding of the load, floors or roots in doubt) are left to `quick`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_block import NEAR
from ._headroom_lists import margin_at
from ._headroom_single import ROUNDING
from ._headroom_types import Call, Frame, Group, Part
from ._jit import item, lean, view
from ._lanes import WIDTH, bits, double, load, of_bits, save, single, size_of, spread, where

_SOME = 512  # hours that are looked at before the next, where nothing may fit
UNSEEN = 1e-6  # of the largest margin, times one rounding: what float64 leaves of an error
WORST_CONDITION = 100.0  # curtailed hours over those beyond the allowance: above, float64 decides
_ALL = 2**WIDTH - 1


@lean
def an_hour(rows: Any, n: int, i: int, weights: Any) -> Any:
    """weights @ rows[:, i], lane by lane; n is the length of a row."""
    a = spread(item(rows, i)) * load(weights, 0)
    for k in range(1, weights.size // WIDTH):
        a = a + spread(item(rows, k * n + i)) * load(weights, k * WIDTH)
    return a


@lean
def four_hours(rows: Any, n: int, i: int, weights: Any) -> tuple[Any, Any, Any, Any]:
    """The same of four hours from i on: a weight that has been read serves all of them."""
    weight = load(weights, 0)
    a, b = spread(item(rows, i)) * weight, spread(item(rows, i + 1)) * weight
    c, d = spread(item(rows, i + 2)) * weight, spread(item(rows, i + 3)) * weight
    for k in range(1, weights.size // WIDTH):
        weight, at = load(weights, k * WIDTH), k * n + i
        a, b = a + spread(item(rows, at)) * weight, b + spread(item(rows, at + 1)) * weight
        c, d = c + spread(item(rows, at + 2)) * weight, d + spread(item(rows, at + 3)) * weight
    return a, b, c, d


@lean
def _keep(here: Any, i: int, y: Any, known: Any, x: Any, kept: Any) -> tuple[int, Any, Any]:
    """Add an hour's x to those kept, if some lane's is below y; known, returned anew, is what `_sieve` returns."""
    zero, one = spread(np.float32(0.0)), spread(np.float32(1.0))
    some, sums, count = known
    low = here < y
    save(x, some * WIDTH, here)
    kept[some] = i
    return some + (1 if bits(low) != 0 else 0), sums + where(low, here, zero), count + where(low, one, zero)


@lean
def _sieve(rows: Any, n: int, y: Any, space: Group) -> tuple[int, Any, Any]:
    """x = weights @ rows of hours in which some lane's is below y; the hours are listed in space.kept.

    Returns how many they are, and by lane the sum of x below y and their number.
    """
    zero, whole, weights, x, kept = spread(np.float32(0.0)), n - n % 4, space.weights, space.x, space.kept
    known = (0, zero, zero)
    for i in range(0, whole, 4):
        a, b, c, d = four_hours(rows, n, i, weights)
        known = _keep(a, i, y, known, x, kept)
        known = _keep(b, i + 1, y, known, x, kept)
        known = _keep(c, i + 2, y, known, x, kept)
        known = _keep(d, i + 3, y, known, x, kept)
    for i in range(whole, n):
        known = _keep(an_hour(rows, n, i, weights), i, y, known, x, kept)
    return known


@lean
def _raised(here: Any, edges: Any, short: Any) -> tuple[Any, Any]:
    """An hour's x raised to the floor; in how many hours each lane is short for certain, and perhaps, with it.

    edges = (floor, what is short for certain below it, and perhaps).
    """
    zero, one = spread(np.float32(0.0)), spread(np.float32(1.0))
    floor, low, high = edges
    short = (short[0] + where(here < low, one, zero), short[1] + where(here < high, one, zero))
    return where(floor < here, here, floor), short


@lean
def _sieve_raised(rows: Any, n: int, y: Any, certain: float, space: Group) -> tuple[Any, int, int]:
    """As `_sieve`, of x raised to the floor; lanes short in more hours than allowed, and lanes where that is in doubt.

    certain = hours in which all are short. It stops as soon as every lane is short in more hours than allowed.
    """
    zero, weights, x, kept, few = spread(np.float32(0.0)), space.weights, space.x, space.kept, space.few
    floor, room, allowed = load(few, 3 * WIDTH), load(few, 4 * WIDTH), load(space.allowed, 0)
    edges, known, short = (floor, floor - room, floor + room), (0, zero, zero), (zero, zero)
    none = bits(allowed < spread(certain))
    for first in range(0, n, _SOME):
        end = min(first + _SOME, n)
        whole = end - (end - first) % 4
        for i in range(first, whole, 4):
            a, b, c, d = four_hours(rows, n, i, weights)
            a, short = _raised(a, edges, short)
            known = _keep(a, i, y, known, x, kept)
            b, short = _raised(b, edges, short)
            known = _keep(b, i + 1, y, known, x, kept)
            c, short = _raised(c, edges, short)
            known = _keep(c, i + 2, y, known, x, kept)
            d, short = _raised(d, edges, short)
            known = _keep(d, i + 3, y, known, x, kept)
        for i in range(whole, end):
            a, short = _raised(an_hour(rows, n, i, weights), edges, short)
            known = _keep(a, i, y, known, x, kept)
        none = bits(allowed < spread(certain) + double(short[0]))
        if none == _ALL:
            break
    return known, none, bits(short[0] < short[1])


@lean
def _below(x: Any, n: int, y: Any) -> tuple[Any, Any]:
    """Sum of x below y, and their number."""
    zero, one = spread(np.float32(0.0)), spread(np.float32(1.0))
    sums, count, sums_too, count_too = zero, zero, zero, zero
    for i in range(0, n - 1, 2):
        a, b = load(x, i * WIDTH), load(x, (i + 1) * WIDTH)
        sums, sums_too = sums + where(a < y, a, zero), sums_too + where(b < y, b, zero)
        count, count_too = count + where(a < y, one, zero), count_too + where(b < y, one, zero)
    if n % 2 == 1:
        a = load(x, (n - 1) * WIDTH)
        sums, count = sums + where(a < y, a, zero), count + where(a < y, one, zero)
    return sums + sums_too, count + count_too


@lean
def _descend(x: Any, n: int, y: Any, known: Any) -> tuple[Any, Any]:
    """Newton from the right. known = (hours curtailed for certain less the allowance, the sum of their x and of the
    allowance's, sum and number of the x below y).

    Returns the last loads, and how many x lie below them.
    """
    beyond, certain, sums, count = known
    zero = spread(np.float32(0.0))
    last = spread(np.float32(np.inf))
    for _ in range(60):
        excess = count + beyond
        lower = (sums + certain) / excess
        moves = (lower < y) & (count < last) & (zero < excess)
        if bits(moves) == 0:
            break
        y, last = where(moves, lower, y), count
        sums, count = _below(x, n, y)
    return y, count


@lean
def _sums(between: Any, kept: int, part: Part, space: Group) -> None:
    """Grid steps of each profile over the hours between floor and y, by lane, into space.sums."""
    floor, y = between
    every, mixed = 0, 0
    for i in range(kept):
        here = load(space.x, i * WIDTH)
        lanes = bits((here < y) & (floor < here))
        at = space.kept[i]
        space.every[every], space.mixed[mixed], space.lanes[mixed] = at, at, lanes
        every += 1 if lanes == _ALL else 0
        mixed += 1 if (lanes != 0) & (lanes != _ALL) else 0
    n, k_count = part.hours.size, part.base.size
    for k in range(0, k_count - 2, 3):
        _add_three(view(part.steps, k * n, 3 * n), view(part.base, k, 3), (every, mixed), space, k)
    for k in range(k_count - k_count % 3, k_count):
        _add_one(view(part.steps, k * n, n), part.base[k], (every, mixed), space, k)


@lean
def _add_three(steps: Any, base: Any, sizes: Any, space: Group, k: int) -> None:
    """What `_sums` does for three profiles."""
    n = steps.size // 3
    r0, r1, r2 = view(steps, 0, n), view(steps, n, n), view(steps, 2 * n, n)
    t0, t1, t2 = base[0], base[1], base[2]
    for j in range(sizes[0]):
        at = space.every[j]
        t0, t1, t2 = t0 + item(r0, at), t1 + item(r1, at), t2 + item(r2, at)
    none = spread(np.int64(0))
    s0, s1, s2 = spread(t0), spread(t1), spread(t2)
    for j in range(sizes[1]):
        at, lanes = space.mixed[j], of_bits(space.lanes[j])
        s0, s1 = s0 + where(lanes, spread(item(r0, at)), none), s1 + where(lanes, spread(item(r1, at)), none)
        s2 = s2 + where(lanes, spread(item(r2, at)), none)
    save(space.sums, k * WIDTH, s0)
    save(space.sums, (k + 1) * WIDTH, s1)
    save(space.sums, (k + 2) * WIDTH, s2)


@lean
def _add_one(row: Any, base: int, sizes: Any, space: Group, k: int) -> None:
    """What `_sums` does for one profile."""
    total = base
    for j in range(sizes[0]):
        total += item(row, space.every[j])
    none = spread(np.int64(0))
    sums = spread(total)
    for j in range(sizes[1]):
        sums = sums + where(of_bits(space.lanes[j]), spread(item(row, space.mixed[j])), none)
    save(space.sums, k * WIDTH, sums)


@lean
def fill(cases: Any, coefficients: Any, allowed: Any, share: int, space: Group) -> None:
    """Coefficients and allowances of up to 16 cases; the last one fills the lanes that are left."""
    for lane in range(WIDTH):
        case = cases[min(lane, cases.size - 1)]
        space.allowed[lane] = allowed[case, share]
        for k in range(coefficients.shape[1]):
            space.c[k * WIDTH + lane] = coefficients[case, k]


@lean
def place_group(plane: Any, frame: Frame, part: Part, call: Call, space: Group) -> None:
    """Weights, start, floor and what is certain, by lane. plane = (K + 1 numbers, what to add for rounding)."""
    zero = spread(0.0)
    at_zero, total, reach, swing, start = zero, zero, zero, zero, spread(plane[0][call.peaks.size] + plane[1])
    for k in range(call.peaks.size):
        c = load(space.c, k * WIDTH)
        save(space.weights, k * WIDTH, single(c * spread(frame.scale[k])))
        at_zero = at_zero + c * spread(frame.zero[k])
        start = start + c * spread(plane[0][k])
        total = total + c * spread(part.base[k] * call.grid[2][k])
        reach, swing = reach + size_of(c) * spread(call.peaks[k]), swing + size_of(c) * spread(frame.swing[k])
    save(space.at_zero, 0, at_zero)
    save(space.top, 0, start)
    save(space.reach, 0, reach)
    inverse, beyond = spread(1.0 / frame.unit), spread(part.certain) - load(space.allowed, 0)
    save(space.few, 0, single((start - at_zero) * inverse))
    save(space.few, WIDTH, single(beyond))
    save(space.few, 2 * WIDTH, single((total - beyond * at_zero) * inverse))
    error = reach * spread(UNSEEN) + swing * spread(call.peaks.size + 8.0)
    save(space.few, 4 * WIDTH, single(error * spread(ROUNDING) * inverse))
    save(space.few, 3 * WIDTH, single((zero - at_zero) * inverse) if frame.short else spread(np.float32(-np.inf)))


@lean
def _loads(count: Any, frame: Frame, part: Part, call: Call, space: Group) -> tuple[int, Any, Any]:
    """Exact loads of the found sets; lanes with a sound root, and the x about them where margins are in question."""
    zero, mine, curtailed = spread(0.0), load(space.allowed, 0), double(count) + spread(part.certain)
    total = load(space.c, 0) * (double(load(space.sums, 0)) * spread(call.grid[2][0]))
    for k in range(1, call.peaks.size):
        total = total + load(space.c, k * WIDTH) * (double(load(space.sums, k * WIDTH)) * spread(call.grid[2][k]))
    excess = curtailed - mine
    root = total / excess
    save(space.load, 0, root)
    save(space.count, 0, curtailed)
    inverse, small = spread(1.0 / frame.unit), load(space.reach, 0) * spread(1e-3)
    x, size = (root - load(space.at_zero, 0)) * inverse, size_of(root)
    room = double(load(space.few, 4 * WIDTH)) + where(size < small, small, size) * spread(3.0 * NEAR) * inverse
    room = room + room  # as much again for a load that moves when some of them change sides
    floor = double(load(space.few, 3 * WIDTH))
    sound = (curtailed < excess * spread(WORST_CONDITION)) & (zero < root) & (zero < mine)
    return bits(sound & (floor < x - room * spread(2.0))), single(x - room), single(x + room)


@lean
def _near(x: Any, n: int, low: Any, high: Any, space: Group) -> tuple[int, int, Any]:
    """Hours in which some lane's x lies from low to high, into space.every and space.lanes.

    Returns their number, the lanes that have any, and how many x lie below low.
    """
    zero, one = spread(np.float32(0.0)), spread(np.float32(1.0))
    fewest, most, near = zero, zero, 0
    for first in range(0, n, WIDTH):
        end, before = min(first + WIDTH, n), most - fewest
        for i in range(first, end):
            here = load(x, i * WIDTH)
            fewest, most = fewest + where(here < low, one, zero), most + where(here < high, one, zero)
        if bits(before < most - fewest) != 0:  # seldom
            for i in range(first, end):
                here = load(x, i * WIDTH)
                lanes = bits(here < high) & ~bits(here < low)
                space.every[near], space.lanes[near] = i, lanes
                near += 1 if lanes != 0 else 0
    return near, bits(fewest < most), fewest


@lean
def _exact(lane: int, c: Any, call: Call, space: Group) -> float:
    """Sum of the margins of a lane's curtailed hours, to the bit that every engine gives."""
    total = 0.0
    for k in range(c.size):
        total += c[k] * (space.sums[k * WIDTH + lane] * call.grid[2][k])
    return total


@lean
def decide(lane: int, c: Any, near: int, prepared: tuple[Frame, Part], call: Call, space: Group) -> bool:
    """Prove a lane's set, or mend it, by the float64 margins of the hours in question; False: no proof.

    `solve_group` has left their x in space.x, and in space.few how many x lie below them and the last load.
    """
    frame, part = prepared
    n, y = part.hours.size, space.few[WIDTH + lane]
    first = load_now = space.load[lane]
    count = space.count[lane]
    for _ in range(4):
        members, moved = part.certain + float(space.few[lane]), False
        close = 3.0 * NEAR * max(abs(load_now), 1e-3 * space.reach[lane])
        for j in range(near):
            if (space.lanes[j] >> lane) & 1:
                at, place = space.every[j] * WIDTH + lane, space.kept[space.every[j]]
                margin = margin_at(call.profiles, call.grid[0], part.hours[place], c)
                if abs(margin - load_now) <= close:
                    return False
                below = 1 if margin < load_now else 0
                change = below - (1 if space.x[at] < y else 0)
                if change != 0:
                    moved, count, space.x[at] = True, count + change, np.float32(-np.inf) if below else y
                    for k in range(c.size):
                        space.sums[k * WIDTH + lane] += change * part.steps[k * n + place]
                members += below
        if not moved:
            space.load[lane], space.count[lane] = load_now, count
            return members == count
        excess = count - space.allowed[lane]
        if not count < excess * WORST_CONDITION:
            return False
        load_now = _exact(lane, c, call, space) / excess
        if not (load_now > 0.0 and abs(load_now - first) < frame.unit * space.few[4 * WIDTH + lane]):
            return False
    return False


@lean
def solve_group(plane: Any, frame: Frame, part: Part, call: Call, space: Group) -> tuple[int, int, tuple[int, int]]:
    """Roots and curtailed hours of the cases in the lanes, into space.load and space.count.

    plane = (plane above the roots, what to add for rounding). Returns the lanes that are proven, those that host
    nothing, whatever space.load says, and those that `decide` may prove, with the number of hours in question.
    """
    few, x, n = space.few, space.x, part.hours.size
    place_group(plane, frame, part, call, space)
    none, doubtful, start = 0, 0, load(few, 0)
    if frame.short:
        known, none, doubtful = _sieve_raised(part.rows, n, start, part.negative, space)
        if none == _ALL:
            return 0, none, (0, 0)
    else:
        known = _sieve(part.rows, n, start, space)
    kept, sums, count = known
    floor = load(few, 3 * WIDTH)
    y, count = _descend(x, kept, start, (load(few, WIDTH), load(few, 2 * WIDTH), sums, count))
    _sums((floor, y), kept, part, space)
    sound, low, high = _loads(count, frame, part, call, space)
    near, touched, fewest = _near(x, kept, low, high, space)
    save(few, 0, fewest)
    save(few, WIDTH, y)
    sound &= ~(doubtful | bits(start < high))  # above the start are other hours
    return sound & ~(touched | bits(fewest < count) | bits(count < fewest)), none, (sound & touched, near)
