"""Sixteen cases of a leaf at once, one in each lane: `_headroom_case.quick` for cases that need no look-up.

An hour's profiles are the same for all lanes; coefficients, margins, loads and counts differ. Newton runs until no lane
moves. The exact sums go over hours that are curtailed in some lanes and not in others; the rest is one sum. Lanes
whose set is not proven at once (margins within rounding of the load, floors or roots in doubt) are left to `quick`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_block import NEAR
from ._headroom_types import Call, Frame, Group, Part
from ._jit import lean, view
from ._lanes import WIDTH, bits, double, load, of_bits, save, single, size_of, spread, where

WORST_CONDITION = 100.0  # curtailed hours over those beyond the allowance: above, float64 decides
_ALL = 2**WIDTH - 1


@lean
def spread_out(rows: Any, n: int, weights: Any, x: Any) -> None:
    """x[i] = weights @ rows[:, i], lane by lane."""
    k_count = weights.size // WIDTH
    k = 0
    if k_count >= 6:
        r0, r1, r2 = view(rows, 0, n), view(rows, n, n), view(rows, 2 * n, n)
        r3, r4, r5 = view(rows, 3 * n, n), view(rows, 4 * n, n), view(rows, 5 * n, n)
        w0, w1, w2 = load(weights, 0), load(weights, WIDTH), load(weights, 2 * WIDTH)
        w3, w4, w5 = load(weights, 3 * WIDTH), load(weights, 4 * WIDTH), load(weights, 5 * WIDTH)
        for i in range(n):
            first = spread(r0[i]) * w0 + spread(r1[i]) * w1 + spread(r2[i]) * w2
            save(x, i * WIDTH, first + spread(r3[i]) * w3 + spread(r4[i]) * w4 + spread(r5[i]) * w5)
        k = 6
    else:
        zero = spread(np.float32(0.0))
        for i in range(n):
            save(x, i * WIDTH, zero)
    while k + 2 < k_count:
        r0, r1, r2 = view(rows, k * n, n), view(rows, (k + 1) * n, n), view(rows, (k + 2) * n, n)
        w0, w1, w2 = load(weights, k * WIDTH), load(weights, (k + 1) * WIDTH), load(weights, (k + 2) * WIDTH)
        for i in range(n):
            first = spread(r0[i]) * w0 + spread(r1[i]) * w1
            save(x, i * WIDTH, load(x, i * WIDTH) + first + spread(r2[i]) * w2)
        k += 3
    while k < k_count:
        r0, w0 = view(rows, k * n, n), load(weights, k * WIDTH)
        for i in range(n):
            save(x, i * WIDTH, load(x, i * WIDTH) + spread(r0[i]) * w0)
        k += 1


@lean
def _below(x: Any, n: int, y: Any) -> tuple[Any, Any]:
    """Sum of min(x - y, 0), and the number of x below y."""
    zero, one = spread(np.float32(0.0)), spread(np.float32(1.0))
    depth, count, depth_too, count_too = zero, zero, zero, zero
    for i in range(0, n - 1, 2):
        d = load(x, i * WIDTH) - y
        e = load(x, (i + 1) * WIDTH) - y
        depth, depth_too = depth + where(d < zero, d, zero), depth_too + where(e < zero, e, zero)
        count, count_too = count + where(d < zero, one, zero), count_too + where(e < zero, one, zero)
    if n % 2 == 1:
        d = load(x, (n - 1) * WIDTH) - y
        depth, count = depth + where(d < zero, d, zero), count + where(d < zero, one, zero)
    return depth + depth_too, count + count_too


@lean
def _counts(x: Any, n: int, low: Any, high: Any) -> tuple[Any, Any]:
    """How many x lie below each of two values."""
    zero, one = spread(np.float32(0.0)), spread(np.float32(1.0))
    first, second = zero, zero
    for i in range(n):
        here = load(x, i * WIDTH)
        first = first + where(here < low, one, zero)
        second = second + where(here < high, one, zero)
    return first, second


@lean
def _descend(x: Any, n: int, y: Any, known: Any) -> tuple[Any, Any]:
    """Newton from the right. known = (hours curtailed for certain less the allowance, their x and the allowance's).

    Returns the last loads, and how many x lie below them.
    """
    beyond, sums = known
    zero = spread(np.float32(0.0))
    last = spread(np.float32(np.inf))
    count = last
    for _ in range(60):
        depth, count = _below(x, n, y)
        excess = count + beyond
        lower = (depth + count * y + sums) / excess
        moves = (lower < y) & (count < last) & (zero < excess)
        if bits(moves) == 0:
            break
        y, last = where(moves, lower, y), count
    return y, count


@lean
def _sums(between: Any, part: Part, call: Call, space: Group) -> None:
    """Grid steps of each profile over the hours between floor and y, by lane, into space.sums."""
    floor, y = between
    n = part.hours.size
    every, mixed = 0, 0
    for i in range(n):
        here = load(space.x, i * WIDTH)
        lanes = bits((here < y) & (floor < here))
        space.every[every], space.mixed[mixed], space.lanes[mixed] = i, i, lanes
        every += 1 if lanes == _ALL else 0
        mixed += 1 if (lanes != 0) & (lanes != _ALL) else 0
    none = spread(np.int64(0))
    for k in range(part.base.size):
        row = view(part.steps, k * n, n)
        total = part.base[k]
        for j in range(every):
            total += row[space.every[j]]
        sums = spread(total)
        for j in range(mixed):
            sums = sums + where(of_bits(space.lanes[j]), spread(row[space.mixed[j]]), none)
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
def _place(plane: Any, frame: Frame, part: Part, call: Call, space: Group) -> None:
    """Weights, start, floor and what is certain, by lane. plane = (K + 1 numbers, what to add for rounding)."""
    zero = spread(0.0)
    at_zero, total, reach, start = zero, zero, zero, spread(plane[0][call.peaks.size] + plane[1])
    for k in range(call.peaks.size):
        c = load(space.c, k * WIDTH)
        save(space.weights, k * WIDTH, single(c * spread(frame.scale[k])))
        at_zero = at_zero + c * spread(frame.zero[k])
        start = start + c * spread(plane[0][k])
        total = total + c * spread(part.base[k] * call.grid[2][k])
        reach = reach + size_of(c) * spread(call.peaks[k])
    save(space.at_zero, 0, at_zero)
    save(space.reach, 0, reach)
    inverse, beyond = spread(1.0 / frame.unit), spread(part.certain) - load(space.allowed, 0)
    save(space.few, 0, single((start - at_zero) * inverse))
    save(space.few, WIDTH, single(beyond))
    save(space.few, 2 * WIDTH, single((total - beyond * at_zero) * inverse))
    save(space.few, 3 * WIDTH, single((zero - at_zero) * inverse) if frame.short else spread(np.float32(-np.inf)))


@lean
def _loads(count: Any, frame: Frame, part: Part, call: Call, space: Group) -> tuple[int, Any, Any]:
    """Exact loads of the found sets; lanes with a sound root, and the x about them where no margin may lie."""
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
    room = spread(np.float64(frame.tolerance)) + where(size < small, small, size) * spread(3.0 * NEAR) * inverse
    floor = double(load(space.few, 3 * WIDTH))
    sound = (curtailed < excess * spread(WORST_CONDITION)) & (zero < root) & (zero < mine)
    return bits(sound & (floor < x - room * spread(3.0))), single(x - room), single(x + room)


@lean
def _floored(n: int, frame: Frame, part: Part, space: Group) -> tuple[int, int]:
    """Raise x to the floor. Lanes that are short in more hours than allowed; lanes in which that is in doubt."""
    x = space.x
    floor, tolerance = load(space.few, 3 * WIDTH), spread(frame.tolerance)
    sure, perhaps = _counts(x, n, floor - tolerance, floor + tolerance)
    for i in range(n):
        here = load(x, i * WIDTH)
        save(x, i * WIDTH, where(floor < here, here, floor))
    return bits(load(space.allowed, 0) < spread(part.negative) + double(sure)), bits(sure < perhaps)


@lean
def solve_group(plane: Any, frame: Frame, part: Part, call: Call, space: Group) -> tuple[int, int]:
    """Roots and curtailed hours of the cases in the lanes, into space.load and space.count.

    plane = (plane above the roots, what to add for rounding). Returns the lanes that are proven, and those that host
    nothing, whatever space.load says.
    """
    few, x, n = space.few, space.x, part.hours.size
    _place(plane, frame, part, call, space)
    spread_out(part.rows, n, space.weights, x)
    none, doubtful = 0, 0
    if frame.short:
        none, doubtful = _floored(n, frame, part, space)
    floor = load(few, 3 * WIDTH)
    y, count = _descend(x, n, load(few, 0), (load(few, WIDTH), load(few, 2 * WIDTH)))
    _sums((floor, y), part, call, space)
    sound, low, high = _loads(count, frame, part, call, space)
    fewest, most = _counts(x, n, low, high)
    return sound & ~(doubtful | bits(fewest < count) | bits(count < most)), none
