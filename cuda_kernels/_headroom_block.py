"""A block of cases of the NumPy headroom engine: found by guessing, accepted by proof.

The case at the block's centre says near which load, and on which hours, the others may have theirs. Hours above its
load in every case drop out, hours far below it in every case are one sum, and Newton's method goes over the rest, all
cases at once. None of these guesses needs to hold. A load counts if exact sums over the hours below it give it again,
if no hour lies within rounding of it, and if it lies where what was left out is known: then these are the hours below
the root for every engine (`_headroom_numpy._finish`), and the bits are the same. The rest is solved there.

Margins less loads are one matrix product: the load is one more coefficient, of a profile of ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _exact

NEAR = 1e-9  # relative: how far right of its own answer the finish starts; decides ties alike on every path
LEAST_SPREAD = 1e-4  # of the largest margin: what no coefficient differs by less, so that axes can be told apart
NEARBY = 2.0  # standard deviations of margins from the load that make an hour one by which axes are chosen
_WORST_CONDITION = 100.0  # curtailed hours over those beyond the allowance
_ROOM = 2**19  # multiplications of a product: small enough for the cache, and for BLAS to stay in its thread
_PROBES = (2, 16)  # cases, if there is room, that measure how far the start may lie from the loads
_GAP = 4.0  # times the largest distance found
_LOOSE = 1.5  # times the centre's curtailed hours, and _AND, below the start: it says too little
_MORE = 1.25  # times the centre's curtailed hours, and _AND, give a better one
_AND = 64
_MAX_STEPS = 100
_LEAST_GUARD = 1e-290  # products of smaller numbers round otherwise


class Hours(NamedTuple):
    """Hours in play, and what all cases share."""

    rows: Any  # (K + 1, n): profiles on their grids (_exact.py), and ones
    floor: Any  # (n,): what no margin of any case falls below; infinite where shortage is charged: it does not matter
    anchor: Any  # (K,)
    peaks: Any  # (K,)
    lowest: float  # 0 when native customers come first, else -inf


class Space(NamedTuple):
    """Memory for products."""

    room: int  # numbers, in several rows
    numbers: Any
    marks: Any


class _Cases(NamedTuple):
    """Cases of a block at one share."""

    weights: Any  # (case, K + 1): coefficients, and room for a load
    allowed: Any  # (case,)
    guard: Any  # (case,): rounding of a margin
    reach: Any  # (case,): the largest margin there can be


class _Shortage(NamedTuple):
    """Hours of negative margin, which count as curtailed but have nothing to add."""

    hours: Any  # where it may be negative
    negative: Any  # (case, those hours)
    total: Any  # (case,): what they would add, negative
    clear: Any  # (case,): no sign is in doubt


class _Certain(NamedTuple):
    """Hours that are left out because they are curtailed in every case, or in none."""

    sums: Any  # (2 K,): of the profiles in the former, exact, in two parts
    number: float
    least: Any  # (case,): loads from here
    most: Any  # to here keep them certain


def space_for(profiles: int, hours: int) -> Space:
    room = _ROOM // (profiles + 1)
    size = max(room, _PROBES[0] * hours)
    return Space(room, np.empty(size), np.empty(size, dtype=bool))


def weights_of(coefficients: Any) -> Any:
    """Coefficients, and room for a load."""
    return np.append(coefficients, np.zeros((len(coefficients), 1)), axis=1)


def of_hours(hours: Hours, chosen: Any) -> Hours:
    return hours._replace(rows=np.take(hours.rows, chosen, axis=1), floor=hours.floor[chosen])


def floor_of(hours: Hours, coefficients: Any) -> Any:
    """What no margin of any case falls below, by hour."""
    profiles = hours.rows[:-1]
    if hours.lowest < 0.0:
        return np.full(profiles.shape[1], np.inf)
    low, high = coefficients.min(axis=0), coefficients.max(axis=0)
    guard = max(1e-12 * float((np.abs(coefficients) @ hours.peaks).max()), _LEAST_GUARD)
    return (0.5 * (low + high)) @ profiles - (0.5 * (high - low)) @ np.abs(profiles) - guard


def solve(hours: Hours, part: tuple[Any, Any], plane: Any, space: Space) -> tuple[Any, Any, Any]:
    """Headroom, curtailed hours, and whether they are proven, each (case, share), of a block.

    part = (coefficients, allowed hours); plane above the roots of the largest share.
    """
    coefficients, allowed = part
    weights = weights_of(coefficients)
    reach = np.abs(coefficients) @ hours.peaks
    cases = _Cases(weights, allowed.max(axis=1), np.maximum(1e-12 * reach, _LEAST_GUARD), reach)
    load, count = np.zeros(allowed.shape), np.zeros(allowed.shape, dtype=np.int64)
    proven = _short_hours(hours, cases, space)[:, None] > allowed  # these host nothing
    live = np.flatnonzero(~proven.all(axis=1))
    cases = _of_cases(cases, live)
    start = cases.weights[:, :-1] @ plane[:-1] + plane[-1]
    for share in np.argsort(-allowed.max(axis=0)):
        cases = cases._replace(allowed=allowed[live, share])
        if len(live) == 0 or hours.rows.shape[1] == 0:
            break
        open_, found = ~proven[live, share], _nothing(len(live))
        if cases.allowed.any():
            hours, start, found = _solve_share(hours, cases, start, space)
        firm = cases.allowed == 0.0
        if firm.any():
            found = tuple(np.where(firm, *both) for both in zip(_least(hours, cases, start, space), found, strict=True))
        mine = live[open_]
        load[mine, share], count[mine, share], proven[mine, share] = (array[open_] for array in found)
    return load, count, proven


def _nothing(cases: int) -> tuple[Any, Any, Any]:
    return np.zeros(cases), np.zeros(cases, dtype=np.int64), np.zeros(cases, dtype=bool)


def _of_cases(cases: _Cases, chosen: Any) -> _Cases:
    return _Cases(*(array[chosen] for array in cases))


def _short_hours(hours: Hours, cases: _Cases, space: Space) -> Any:
    """In how many hours each case is short at least, as far as that matters: looks at the hours of lowest margin."""
    if np.count_nonzero(hours.floor <= 0.0) <= cases.allowed.min():
        return np.zeros(len(cases.allowed))
    margin = cases.weights[:, :-1].mean(axis=0) @ hours.rows[:-1]
    wanted = min(int(2.0 * cases.allowed.max()) + _AND, margin.size)
    few = np.argpartition(margin, wanted - 1)[:wanted]
    shortage = _shortage(of_hours(hours, few), cases, space)
    return np.where(shortage.clear, _per_row(shortage.negative), 0)


def _solve_share(hours: Hours, cases: _Cases, start: Any, space: Space) -> tuple[Hours, Any, tuple[Any, Any, Any]]:
    """The hours below the start, the start, and (load, count, proven) of one share."""
    near, room = _start(hours, cases, start, space)
    slack = 4.0 * cases.guard + 12.0 * NEAR * np.maximum(np.abs(near), 1e-3 * cases.reach)
    most, least = near + slack + (room if (hours.floor <= 0.0).any() else 0.0), near - slack - room
    hours = of_hours(hours, np.flatnonzero(extreme(np.minimum, hours, cases.weights, most, space) <= 0.0))
    sure = extreme(np.maximum, hours, cases.weights, least, space) < 0.0
    high, low = _exact.halves(hours.rows[:-1, sure], hours.anchor)
    sums = np.concatenate([high.sum(axis=1), low.sum(axis=1)])
    certain = _Certain(sums, float(np.count_nonzero(sure)), least, most)
    open_, short = np.flatnonzero(~sure), np.flatnonzero(sure & (hours.floor <= 0.0))
    left = of_hours(hours, np.concatenate([open_, short]))
    return hours, most, _prove(left, (cases, near, len(open_)), certain, space)


def _start(hours: Hours, cases: _Cases, above: Any, space: Space) -> tuple[Any, float]:
    """Loads near the roots, most of them above, and how far away they may be.

    From a plane through the centre, or, where that says little, on those hours that the centre needs.
    """
    most, margin = float(cases.allowed.max()), cases.weights[:, :-1].mean(axis=0) @ hours.rows[:-1]
    ordered = np.sort(np.maximum(margin, hours.lowest))
    root, active = centre_root(ordered, most)
    fewest, wished = _PROBES
    step = -(-len(above) // max(fewest, min(wished, space.room // margin.size)))
    probes = np.arange(0, len(above), step)
    some = _of_cases(cases, probes)
    shortage = _shortage(hours, some, space)
    if active > most:
        curtailed = (margin < root) & (margin > hours.lowest)
        near = np.minimum(
            cases.weights[:, :-1] @ (hours.rows[:-1] @ curtailed.astype(np.float64) / (active - most)), above
        )
        here = near[probes]
        lower, count, _, _ = _step(hours, some, (0.0, -shortage.total), here, space)
        if count.mean() < _LOOSE * active + _AND:
            return near, _GAP * float(np.abs(here - lower).max())
    wanted = min(int(_MORE * active) + _AND, margin.size) - 1
    chosen = np.flatnonzero(margin <= ordered[wanted])
    few = of_hours(hours, chosen)
    near = _descend(few, cases, (0.0, -_shortage(few, cases, space).total), above, space)[0]
    near = np.maximum(near, 0.0)  # below, native customers' shortage is no constant
    here = near[probes]
    lower = _step(hours, some, (0.0, -shortage.total), here, space)[0]
    return near, _GAP * float(np.abs(here - lower).max())


def centre_root(margins: Any, allowed: float) -> tuple[float, int]:
    """The root of one case, from sorted margins, and the number of margins below; infinite if none are beyond."""
    beyond = np.arange(1.0, margins.size + 1.0) - allowed
    first = np.count_nonzero(beyond <= 0.0)
    root = float((np.cumsum(margins)[first:] / beyond[first:]).min(initial=np.inf))
    return root, int(np.searchsorted(margins, root))


def _margins(hours: Hours, weights: Any, load: Any, space: Space) -> Any:
    """Margins less a load for each case (case, hour), in scratch memory: for a few cases or hours."""
    weights[:, -1] = -load
    size = len(weights) * hours.rows.shape[1]
    return np.matmul(weights, hours.rows, out=space.numbers[:size].reshape(len(weights), -1))


def _chunks(count: int, each: int, space: Space) -> list[slice]:
    step = max(1, space.room // max(each, 1))
    return [slice(first, first + step) for first in range(0, count, step)]


def extreme(of: Any, hours: Hours, weights: Any, load: Any, space: Space) -> Any:
    """The least (of = np.minimum) or largest margin less load over all cases, by hour. weights as in `_Cases`."""
    found = np.empty(hours.rows.shape[1])
    for chunk in _chunks(len(found), len(load), space):
        some = hours._replace(rows=hours.rows[:, chunk])
        of.reduce(_margins(some, weights, load, space), axis=0, out=found[chunk])
    return found


def _shortage(hours: Hours, cases: _Cases, space: Space) -> _Shortage:
    """Where margins are negative, given what they do not fall below."""
    perhaps, m = np.flatnonzero(hours.floor <= 0.0), len(cases.allowed)
    negative, total, clear = np.empty((m, len(perhaps)), dtype=bool), np.zeros(m), np.ones(m, dtype=bool)
    if len(perhaps):
        those, none = of_hours(hours, perhaps), np.zeros(m)
        for chunk in _chunks(m, len(perhaps), space):
            gap = _margins(those, cases.weights[chunk], none[chunk], space)
            np.signbit(gap, out=negative[chunk])
            total[chunk] = gap @ those.rows[-1]
            total[chunk] -= np.abs(gap, out=gap) @ those.rows[-1]
            clear[chunk] = gap.min(axis=1) > cases.guard[chunk]
    total *= 0.5
    return _Shortage(perhaps, negative, total, clear)


def _per_row(marked: Any) -> Any:
    """Number of marks in each row; adding up truth values is ten times slower."""
    return np.bitwise_count(np.packbits(marked, axis=1)).sum(axis=1, dtype=np.int64)


def _step(hours: Hours, cases: _Cases, left_out: Any, load: Any, space: Space) -> tuple[Any, Any, Any, Any]:
    """A step of Newton's method: the next load, hours below this one, which these are, how far each hour lies from it.

    left_out = number of other curtailed hours, and the sum of their margins. The latter two are scratch memory.
    """
    gap = _margins(hours, cases.weights, load, space)
    marks = np.signbit(gap, out=space.marks[: gap.size].reshape(gap.shape))
    depth = 0.5 * (cases.weights @ hours.rows.sum(axis=1) - np.abs(gap, out=gap) @ hours.rows[-1])
    count = _per_row(marks)
    excess = count + (left_out[0] - cases.allowed)
    total = depth + count * load + left_out[1]
    return np.divide(total, excess, out=load.copy(), where=excess > 0.0), count, marks, gap


def _descend(hours: Hours, cases: _Cases, left_out: Any, load: Any, space: Space) -> tuple[Any, Any, Any]:
    """Newton's method: loads, the hours below them (case, hour), and how near the nearest hour lies to each.

    left_out = number of other curtailed hours, and the sum of their margins.
    """
    m, n = len(load), hours.rows.shape[1]
    load, below, nearest = load.copy(), np.zeros((m, n), dtype=bool), np.zeros(m)
    for chunk in _chunks(m, n, space):
        moving, mine, certain = np.arange(m)[chunk], _of_cases(cases, chunk), left_out[1][chunk]
        last = np.full(len(moving), np.inf)
        for turn in range(_MAX_STEPS):
            here = load[moving]
            lower, count, marks, gap = _step(hours, mine, (left_out[0], certain), here, space)
            moves = (here - lower > mine.guard) & (count < last) if turn else np.abs(here - lower) > mine.guard
            number = np.count_nonzero(moves)
            if 2 * number <= len(moving):
                done = moving[~moves]
                below[done], nearest[done] = marks[~moves], gap.min(axis=1, initial=np.inf)[~moves]
                if number == 0:
                    break
                moving, mine, certain = moving[moves], _of_cases(mine, moves), certain[moves]
                last, load[moving] = np.where(lower < here, count, np.inf)[moves], lower[moves]
            else:
                last, load[moving] = np.where(lower < here, count, np.inf), np.where(moves, lower, here)
    return load, below, nearest


def _prove(hours: Hours, part: tuple[_Cases, Any, Any], certain: _Certain, space: Space) -> tuple[Any, Any, Any]:
    """Load and curtailed hours of each case, and whether they are proven. part = (cases, start, hours in question).

    Hours beyond those in question are certain, but in some case short.
    """
    cases, start, n = part
    k_count = len(hours.peaks)
    shortage = _shortage(hours, cases, space)
    known = cases.weights[:, :-1] @ (certain.sums[:k_count] + certain.sums[k_count:])
    asked = hours._replace(rows=hours.rows[:, :n], floor=hours.floor[:n])
    load, below, nearest = _descend(asked, cases, (certain.number, known - shortage.total), start, space)
    count = _per_row(below) + certain.number
    ours = shortage.hours < n
    if ours.any():
        below[:, shortage.hours[ours]] &= ~shortage.negative[:, ours]
    parts = np.concatenate(_exact.halves(hours.rows[:-1], hours.anchor)).T
    sums = np.empty((len(load), 2 * k_count))
    for chunk in _chunks(len(load), 2 * len(parts), space):
        marks = below[chunk]
        numbers = space.numbers[: len(marks) * len(parts)].reshape(len(marks), -1)
        np.copyto(numbers[:, :n], marks)
        np.negative(shortage.negative[chunk, ~ours], out=numbers[:, n:], dtype=np.float64)
        np.matmul(numbers, parts, out=sums[chunk])
    sums += certain.sums
    total = np.zeros(len(load))
    for k in range(k_count):
        total += cases.weights[:, k] * (sums[:, k] + sums[:, k + k_count])
    excess = count - cases.allowed
    root = np.divide(total, excess, out=np.zeros(len(load)), where=excess > 0.0)
    room = cases.guard + 4.0 * NEAR * np.maximum(np.abs(root), 1e-3 * cases.reach)
    proven = (count < _WORST_CONDITION * excess) & (root > 3.0 * room) & (nearest > 3.0 * room)
    proven &= (np.abs(root - load) < room) & (cases.allowed > 0.0) & shortage.clear
    proven &= (root - 2.0 * room > certain.least) & (root + 2.0 * room < certain.most)
    none = shortage.clear & (_per_row(shortage.negative) > cases.allowed) & (cases.allowed > 0.0)
    root[none], count[none] = 0.0, 0.0
    return root, count.astype(np.int64), proven | none


def _least(hours: Hours, cases: _Cases, start: Any, space: Space) -> tuple[Any, Any, Any]:
    """Headroom without curtailment, max(0, lowest margin), no curtailed hours, and whether it is proven."""
    m, n = len(start), hours.rows.shape[1]
    at, least, second = np.empty(m, dtype=np.intp), np.empty(m), np.empty(m)
    for chunk in _chunks(m, n, space):
        gap = _margins(hours, cases.weights[chunk], np.zeros(m)[chunk], space)
        lane = np.arange(len(gap))
        at[chunk] = gap.argmin(axis=1)
        least[chunk] = gap[lane, at[chunk]]
        gap[lane, at[chunk]] = np.inf
        second[chunk] = gap.min(axis=1)
    margin = hours.rows[0, at] * cases.weights[:, 0]
    for k in range(1, len(hours.peaks)):  # as `_headroom_numpy._margins` adds, to the bit
        margin += hours.rows[k, at] * cases.weights[:, k]
    proven = (second > least + 2.0 * cases.guard) & (least + cases.guard < start) | (least < -cases.guard)
    return np.maximum(margin, 0.0), np.zeros(m, dtype=np.int64), proven
