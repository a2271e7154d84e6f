"""Margins of some hundred cases less their loads, as one matrix product.

Seen from the mean case and from a point among the profiles (`framed`), what is left of coefficients and profiles is
small, so that float32 tells on which side of a load most hours lie, in half the time. `Frame.guard` bounds what it
rounds off; who asks float32 looks whether an hour lies that near. The load is one more coefficient, of a row of ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_ROOM = 2**19  # multiplications of a product: small enough for BLAS to stay in its thread
HELD = 2**17  # numbers that are worked on at once: small enough for the cache
_WIDE = 1024  # hours of a product of which the extremes over cases are asked: long rows are quick to compare
PROBES = 2  # cases of which a product over all hours fits at least
LARGEST = 1e12  # of numbers that float32 may be asked about
_LEAST = 1e-24  # what it rounds off at least, of these
_MAX_STEPS = 100


class Space(NamedTuple):
    """Memory for products."""

    numbers: Any
    marks: Any


class Frame(NamedTuple):
    """Cases on hours: weights @ rows are margins less loads."""

    rows: Any  # (K + 2, n): margins of the mean case, profiles, both less the point's, and ones
    weights: Any  # (case, K + 2): ones, coefficients less the mean case's, and room for a load
    origin: Any  # (case,): the load at which that is nil
    guard: Any  # (case,): rounding of a margin less a load near it


class Descent(NamedTuple):
    """What Newton's method ended with."""

    load: Any  # (case,)
    below: Any  # (case, n or more): the hours below it; the rest is False
    count: Any  # (case,)
    nearest: Any  # (case,): distance of the nearest hour


def space_for(hours: int) -> Space:
    size = max(HELD, PROBES * (hours + 8))
    return Space(np.empty(size), np.empty(size, dtype=bool))


def framed(profiles: Any, coefficients: Any, point: Any, guard: Any, single: bool) -> Frame:
    """Cases on hours, seen from a point (K,), in float32 or float64.

    Less the mean case's, coefficients are rounded in proportion to its: cases may differ a thousandfold in size, and no
    more (`_headroom_numpy._ALIKE`). guard (case,) = what float64 rounds off.
    """
    kind: Any = np.float32 if single else np.float64
    centre = coefficients.mean(axis=0)
    rows = np.empty((len(profiles) + 2, profiles.shape[1]), dtype=kind)
    np.subtract(profiles, point[:, None], out=rows[1:-1], casting="same_kind")
    rows[0], rows[-1] = centre @ profiles - centre @ point, 1.0
    weights = np.empty((len(coefficients), len(profiles) + 2), dtype=kind)
    weights[:, 0], weights[:, -1] = 1.0, 0.0
    np.subtract(coefficients, centre, out=weights[:, 1:-1], casting="same_kind")
    guard = guard + 1e-12 * (np.abs(coefficients) @ np.abs(point))
    return Frame(rows, weights, coefficients @ point, guard)


def rounding(frame: Frame) -> Any:
    """The guard (case,) with what these rows round off near a load.

    K + 2 sums of products, and each factor by itself: each off by 2**-24 of products that add up to twice `size`.
    """
    if frame.rows.dtype == np.float64:
        return frame.guard
    largest = np.maximum(frame.rows.max(axis=1, initial=0.0), -frame.rows.min(axis=1, initial=0.0))
    size = np.abs(frame.weights[:, :-1]) @ largest[:-1]
    return frame.guard + 2.0**-23 * (len(frame.rows) + 3) * size.astype(np.float64) + _LEAST


def on_hours(frame: Frame, chosen: Any) -> Frame:
    return frame._replace(rows=np.take(frame.rows, chosen, axis=1))


def of_cases(frame: Frame, chosen: Any) -> Frame:
    return Frame(frame.rows, *(array[chosen] for array in frame[1:]))


def chunks(count: int, each: int) -> list[slice]:
    """Cases of so many numbers each that are worked on at once."""
    step = max(1, HELD // max(each, 1))
    return [slice(first, first + step) for first in range(0, count, step)]


def product(weights: Any, rows: Any, space: Space) -> Any:
    """weights @ rows in scratch memory."""
    size = len(weights) * rows.shape[1]
    return times(weights, rows, space.numbers.view(rows.dtype)[:size].reshape(len(weights), -1))


def times(one: Any, other: Any, out: Any) -> Any:
    """A matrix product, as many rows at once as leave BLAS in its thread."""
    each = max(1, _ROOM // max(1, other.size))
    for first in range(0, len(one), each):
        np.matmul(one[first : first + each], other, out=out[first : first + each])
    return out


def extreme(of: Any, frame: Frame, load: Any, space: Space) -> Any:
    """The least (of = np.minimum) or largest margin less load over all cases, by hour."""
    frame.weights[:, -1] = frame.origin - load
    n = frame.rows.shape[1]
    found = np.empty(n, dtype=frame.rows.dtype)
    wide = max(_WIDE, HELD // len(load))
    for first in range(0, n, wide):
        rows, best = frame.rows[:, first : first + wide], found[first : first + wide]
        for number, some in enumerate(chunks(len(load), len(best))):
            here = of.reduce(product(frame.weights[some], rows, space), axis=0)
            best[:] = of(best, here) if number else here
    return found


def per_row(marks: Any) -> Any:
    """Number of marks in each row of a multiple of eight; adding up truth values is ten times slower."""
    eights = np.bitwise_count(marks.view(np.uint64)).astype(np.float32)
    return (eights @ np.ones(eights.shape[1], dtype=np.float32)).astype(np.float64)


def width_of(hours: int) -> int:
    """What `per_row` can count."""
    return 8 * max(1, -(-hours // 8))


def below_of(gap: Any, out: Any) -> Any:
    """Which numbers are negative, into rows that may be longer. (signbit is wrong for some such rows, NumPy 2.4.)"""
    n = gap.shape[1]
    out[:, n:] = False
    np.less(gap, 0.0, out=out[:, :n])
    return out


def step(frame: Frame, account: tuple[Any, Any, Any], load: Any, space: Space) -> tuple[Any, Any, Any, Any]:
    """A step of Newton's method: the next load, hours below this one, which these are, how far each hour lies from it.

    account = (hours allowed less other curtailed hours, the sum of their margins, the sum of the rows). The latter two
    results are scratch memory.
    """
    allowed, others, sums = account
    m, wide = len(load), width_of(frame.rows.shape[1])
    frame.weights[:, -1] = frame.origin - load
    gap = product(frame.weights, frame.rows, space)
    marks = below_of(gap, space.marks[: m * wide].reshape(m, wide))
    depth = 0.5 * (frame.weights @ sums - np.abs(gap, out=gap) @ frame.rows[-1])
    count = per_row(marks)
    excess = count - allowed
    total = depth + count * load + others
    return np.divide(total, excess, out=load.copy(), where=excess > 0.0), count, marks, gap


def nearest_of(gap: Any) -> Any:
    """The least of each row of numbers above zero: as integers, which are quicker to compare, they are in order too."""
    if gap.shape[1] == 0:
        return np.full(len(gap), np.inf)
    whole = np.int32 if gap.dtype == np.float32 else np.int64
    return gap.view(whole).min(axis=1).view(gap.dtype).astype(np.float64)


def descend(frame: Frame, account: tuple[Any, Any], load: Any, space: Space) -> Descent:
    """Newton's method. account = (hours allowed less other curtailed hours, the sum of their margins), by case."""
    m, wide = len(load), width_of(frame.rows.shape[1])
    found = Descent(load.copy(), np.zeros((m, wide), dtype=bool), np.zeros(m), np.zeros(m))
    sums = frame.rows.sum(axis=1, dtype=np.float64)
    for chunk in chunks(m, wide):
        moving, mine = np.arange(m)[chunk], of_cases(frame, chunk)
        allowed, others, last = account[0][chunk], account[1][chunk], np.full(len(moving), np.inf)
        for turn in range(_MAX_STEPS):
            here = found.load[moving]
            lower, count, marks, gap = step(mine, (allowed, others, sums), here, space)
            moves = (here - lower > mine.guard) & (count < last) if turn else np.abs(here - lower) > mine.guard
            number = np.count_nonzero(moves)
            last = np.where(lower < here, count, np.inf)
            if 2 * number > len(moving):
                found.load[moving] = np.where(moves, lower, here)
                continue
            at = np.flatnonzero(~moves)
            done = moving[at]
            found.below[done], found.count[done] = marks[at], count[at]
            found.nearest[done] = nearest_of(gap[at])
            if number == 0:
                break
            moving, mine, last = moving[moves], of_cases(mine, moves), last[moves]
            allowed, others = allowed[moves], others[moves]
            found.load[moving] = lower[moves]
    return found
