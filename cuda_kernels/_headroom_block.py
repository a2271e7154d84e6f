"""A block of cases of the NumPy headroom engine: found by guessing, accepted by proof.

The case at the block's centre gives a plane, and some probes tell how far the roots of the others bend off it. Hours
above such a load in every case drop out, hours far below it in every case are one sum, and Newton's method goes over
the rest, all cases at once. None of these guesses needs to hold. A load counts if exact sums over the hours below it
give it again, if no hour lies within rounding of it, and if it lies where what was left out is known: then these are
the hours below the root for every engine (`_headroom_numpy._finish`), and the bits are the same. The rest is solved
there.

Margins less loads are matrix products in float32 (`_headroom_frame`); what it leaves in doubt, float64 decides.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _exact
from ._headroom_frame import (
    HELD,
    LARGEST,
    PROBES,
    Frame,
    Space,
    below_of,
    chunks,
    descend,
    extreme,
    framed,
    nearest_of,
    of_cases,
    on_hours,
    per_row,
    product,
    rounding,
    times,
    width_of,
)

NEAR = 1e-9  # relative: how far right of its own answer the finish starts; decides ties alike on every path
LEAST_SPREAD = 1e-4  # of the largest margin: what no coefficient differs by less, so that axes can be told apart
NEARBY = 2.0  # standard deviations of margins from the load that make an hour one by which axes are chosen
_WORST_CONDITION = 100.0  # curtailed hours over those beyond the allowance
_FEWEST, _PROBES = 16, 32  # cases, if there is room, that measure how far the start may lie from the loads
_GAP = 8.0  # times the largest distance found
_BESIDE = 0.25  # of the centre's curtailed hours, on both sides of its load, tell how roots bend
_LIKELY = 4.0  # times the centre's curtailed hours, and _AND, are looked at for that
_LEAST_BEND = 1e-9  # of the probes
_AND = 64
_OVER = 1.0 + 1e-5  # times a distance from a load: what float32 may take it for
_LEAST_GUARD = 1e-290  # products of smaller numbers round otherwise


class Hours(NamedTuple):
    """Hours in play, and what all cases share."""

    profiles: Any  # (K, n), on their grids (_exact.py)
    floor: Any  # (n,): what no margin of any case falls below; infinite where shortage is charged: it does not matter
    anchor: Any  # (K,)
    peaks: Any  # (K,)
    lowest: float  # 0 when native customers come first, else -inf


class _Cases(NamedTuple):
    """Cases of a block at one share."""

    coefficients: Any  # (case, K)
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


def of_hours(hours: Hours, chosen: Any) -> Hours:
    return hours._replace(profiles=np.take(hours.profiles, chosen, axis=1), floor=hours.floor[chosen])


def floor_of(hours: Hours, coefficients: Any) -> Any:
    """What no margin of any case falls below, by hour."""
    profiles = hours.profiles
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
    reach = np.abs(coefficients) @ hours.peaks
    cases = _Cases(coefficients, allowed.max(axis=1), np.maximum(1e-12 * reach, _LEAST_GUARD), reach)
    load, count = np.zeros(allowed.shape), np.zeros(allowed.shape, dtype=np.int64)
    proven = _short_hours(hours, cases, space)[:, None] > allowed  # these host nothing
    live = np.flatnonzero(~proven.all(axis=1))
    cases = _of_cases(cases, live)
    start = cases.coefficients @ plane[:-1] + plane[-1]
    for share in np.argsort(-allowed.max(axis=0)):
        cases = cases._replace(allowed=allowed[live, share])
        if len(live) == 0 or hours.profiles.shape[1] == 0:
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
    margin = cases.coefficients.mean(axis=0) @ hours.profiles
    wanted = min(int(2.0 * cases.allowed.max()) + _AND, margin.size)
    few = np.argpartition(margin, wanted - 1)[:wanted]
    shortage = _shortage(of_hours(hours, few), cases, space)
    return np.where(shortage.clear, per_row(shortage.negative), 0)


def _solve_share(hours: Hours, cases: _Cases, start: Any, space: Space) -> tuple[Hours, Any, tuple[Any, Any, Any]]:
    """The hours below the start, the start, and (load, count, proven) of one share."""
    frame, near, (bound, room) = _start(hours, cases, start, space)
    guard = rounding(frame)
    slack = 4.0 * guard + 12.0 * NEAR * np.maximum(np.abs(near), 1e-3 * cases.reach)
    doubtful = (hours.floor <= 0.0).any()  # else no root lies above the bound
    most, least = near + room if doubtful else np.minimum(near + room, bound), near - slack - room
    most += slack
    lowest = extreme(np.minimum, frame, most + guard, space)
    kept = np.flatnonzero(lowest <= 0.0)
    hours, frame = of_hours(hours, kept), on_hours(frame, kept)
    if hours.lowest == 0.0:
        floor = lowest[kept] + (most - 1e-5 * np.abs(most - frame.origin)).min()
        hours = hours._replace(floor=np.maximum(hours.floor, floor))
    sure = extreme(np.maximum, frame, least - guard, space) < 0.0
    high, low = _exact.halves(hours.profiles[:, sure], hours.anchor)
    sums = np.concatenate([high.sum(axis=1), low.sum(axis=1)])
    certain = _Certain(sums, float(np.count_nonzero(sure)), least, most)
    open_, short = np.flatnonzero(~sure), np.flatnonzero(sure & (hours.floor <= 0.0))
    left = of_hours(hours, np.concatenate([open_, short]))
    return hours, most, _prove(left, (cases, on_hours(frame, open_), near), certain, space)


def _start(hours: Hours, cases: _Cases, above: Any, space: Space) -> tuple[Frame, Any, tuple[Any, float]]:
    """The cases framed, loads near the roots, loads above most of them, and how far away they may be.

    From a plane through the centre, and how the roots bend off it.
    """
    most, margin = float(cases.allowed.max()), cases.coefficients.mean(axis=0) @ hours.profiles
    ordered = np.sort(np.maximum(margin, hours.lowest))
    root, active = centre_root(ordered, most)
    point, bound, bend = np.zeros(len(hours.peaks)), above, np.zeros(len(above))
    if active > most:
        curtailed = (margin < root) & (margin > hours.lowest)
        point = hours.profiles @ curtailed.astype(np.float64) / (active - most)
        bound = np.minimum(cases.coefficients @ point, above)
        first, last = ordered[[int((1.0 - _BESIDE) * active), min(int((1.0 + _BESIDE) * active), margin.size - 1)]]
        beside = np.flatnonzero((margin >= first) & (margin <= last))
        bend = _bend(hours, cases, np.take(hours.profiles, beside, axis=1) - point[:, None])
    single = max(np.abs(cases.coefficients).max(), hours.peaks.max()) < LARGEST
    frame = framed(hours.profiles, cases.coefficients, point, cases.guard, single)
    likely = np.flatnonzero(margin <= ordered[min(int(_LIKELY * active) + _AND, margin.size) - 1])
    every = -(-len(above) // max(PROBES, min(_PROBES, max(_FEWEST, len(above) // 8), HELD // len(likely))))
    high, some = bound[::every], bend[::every]
    probes = on_hours(of_cases(frame, slice(None, None, every)), likely)
    lower = _lower(probes, cases.allowed[::every], (high, hours.lowest), space)
    size = max(0.0, float((high - lower) @ some) / max(float(some @ some), _LEAST_BEND))
    return frame, bound - size * bend, (bound, _GAP * float(np.abs(high - size * some - lower).max()))


def _bend(hours: Hours, cases: _Cases, away: Any) -> Any:
    """How far roots lie below a plane through the centre, but for a factor; at most 1.

    A root is the least of many planes. It bends off one of them with the mean square by which margins of hours near the
    load, less the plane, differ from the centre's: so much do they change places. away (K, hours near the load).
    """
    peaks = np.where(hours.peaks > 0.0, hours.peaks, 1.0)
    away /= peaks[:, None]
    apart = (cases.coefficients - cases.coefficients.mean(axis=0)) * peaks
    apart /= max(float(cases.reach.max()), _LEAST_GUARD)
    bend = np.maximum(((apart @ (away @ away.T)) * apart).sum(axis=1), 0.0)
    return bend / max(float(bend.max()), _LEAST_GUARD)


def _lower(frame: Frame, allowed: Any, load: tuple[Any, float], space: Space) -> Any:
    """Where a step of Newton's method leads. load = (loads, least margin)."""
    here, lowest = load
    frame.weights[:, -1] = frame.origin - here
    gap = product(frame.weights, frame.rows, space)
    ones = frame.rows[-1]
    count = (gap < 0.0).astype(gap.dtype) @ ones
    total = np.minimum(gap, 0.0) @ ones + count * here
    if lowest == 0.0:
        gap += here[:, None].astype(gap.dtype)
        total -= np.minimum(gap, 0.0, out=gap) @ ones
    excess = count - allowed
    return np.divide(total, excess, out=here.copy(), where=excess > 0.0)


def centre_root(margins: Any, allowed: float) -> tuple[float, int]:
    """The root of one case, from sorted margins, and the number of margins below; infinite if none are beyond."""
    beyond = np.arange(1.0, margins.size + 1.0) - allowed
    first = np.count_nonzero(beyond <= 0.0)
    root = float((np.cumsum(margins)[first:] / beyond[first:]).min(initial=np.inf))
    return root, int(np.searchsorted(margins, root))


def _shortage(hours: Hours, cases: _Cases, space: Space) -> _Shortage:
    """Where margins are negative, given what they do not fall below."""
    perhaps, m = np.flatnonzero(hours.floor <= 0.0), len(cases.allowed)
    negative, total, clear = np.zeros((m, width_of(len(perhaps))), dtype=bool), np.zeros(m), np.ones(m, dtype=bool)
    if len(perhaps):
        profiles, ones = np.take(hours.profiles, perhaps, axis=1), np.ones(len(perhaps))
        for chunk in chunks(m, len(perhaps)):
            gap = product(cases.coefficients[chunk], profiles, space)
            below_of(gap, negative[chunk])
            total[chunk] = 0.5 * (gap @ ones)
            total[chunk] -= 0.5 * (np.abs(gap, out=gap) @ ones)
            clear[chunk] = nearest_of(gap) > cases.guard[chunk]
    return _Shortage(perhaps, negative, total, clear)


def _prove(hours: Hours, part: tuple[_Cases, Frame, Any], certain: _Certain, space: Space) -> tuple[Any, Any, Any]:
    """Load and curtailed hours of each case, and whether they are proven. part = (cases, their frame, start).

    Hours beyond those of the frame are certain, but in some case short. What float32 leaves in doubt, float64 decides.
    """
    cases, frame, _ = part
    shortage = _shortage(hours, cases, space)
    load, count, proven, again = _proved(hours, part, (certain, shortage), space)
    if frame.rows.dtype == np.float32 and again.any():
        few = np.flatnonzero(again)
        n, some = frame.rows.shape[1], _of_cases(cases, few)
        point = np.zeros(len(hours.peaks))
        exact = framed(hours.profiles[:, :n], some.coefficients, point, some.guard, False)
        certain = certain._replace(least=certain.least[few], most=certain.most[few])
        shortage = _Shortage(shortage.hours, *(array[few] for array in shortage[1:]))
        found = _proved(hours, (some, exact, load[few]), (certain, shortage), space)
        load[few], count[few], proven[few] = found[:3]
    return load, count.astype(np.int64), proven


def _proved(hours: Hours, part: tuple[_Cases, Frame, Any], known: tuple[_Certain, _Shortage], space: Space) -> Any:
    """As `_prove`, and where it did not come to a decision. known = (certain hours, shortage)."""
    (cases, frame, start), (certain, shortage) = part, known
    k_count = len(hours.peaks)
    others = cases.coefficients @ (certain.sums[:k_count] + certain.sums[k_count:]) - shortage.total
    guard = rounding(frame)
    found = descend(frame._replace(guard=guard), (cases.allowed - certain.number, others), start, space)
    count = found.count + certain.number
    sums = _sums(hours, frame.rows.shape[1], found.below, shortage, space) + certain.sums
    total = np.zeros(len(start))
    for k in range(k_count):
        total += cases.coefficients[:, k] * (sums[:, k] + sums[:, k + k_count])
    excess = count - cases.allowed
    root = np.divide(total, excess, out=np.zeros(len(start)), where=excess > 0.0)
    room = cases.guard + 4.0 * NEAR * np.maximum(np.abs(root), 1e-3 * cases.reach)
    right = (count < _WORST_CONDITION * excess) & (root > 3.0 * room) & (cases.allowed > 0.0) & shortage.clear
    right &= (root - 2.0 * room > certain.least) & (root + 2.0 * room < certain.most)
    decided = found.nearest > _OVER * np.abs(root - found.load) + guard + 2.0 * room
    none = shortage.clear & (per_row(shortage.negative) > cases.allowed) & (cases.allowed > 0.0)
    root[none], count[none] = 0.0, 0.0
    return root, count, right & decided | none, right & ~decided & ~none


def _sums(hours: Hours, n: int, below: Any, shortage: _Shortage, space: Space) -> Any:
    """Sums of profiles over curtailed hours that are not short, exact, in two parts (case, 2 K).

    below (case, n or more) of the first n hours; the others are curtailed.
    """
    ours = np.count_nonzero(shortage.hours < n)  # they are in order
    if ours:
        below[:, shortage.hours[:ours]] &= ~shortage.negative[:, :ours]
    parts = np.concatenate(_exact.halves(hours.profiles, hours.anchor)).T
    sums = np.empty((len(below), parts.shape[1]))
    for chunk in chunks(len(below), 2 * len(parts)):
        marks = below[chunk]
        numbers = space.numbers[: len(marks) * len(parts)].reshape(len(marks), -1)
        numbers[:, :n] = marks[:, :n]
        np.negative(shortage.negative[chunk, ours : len(shortage.hours)], out=numbers[:, n:], dtype=np.float64)
        times(numbers, parts, sums[chunk])
    return sums


def _least(hours: Hours, cases: _Cases, start: Any, space: Space) -> tuple[Any, Any, Any]:
    """Headroom without curtailment, max(0, lowest margin), no curtailed hours, and whether it is proven."""
    m, n = len(start), hours.profiles.shape[1]
    at, least, second = np.empty(m, dtype=np.intp), np.empty(m), np.empty(m)
    for chunk in chunks(m, n):
        gap = product(cases.coefficients[chunk], hours.profiles, space)
        lane = np.arange(len(gap))
        at[chunk] = gap.argmin(axis=1)
        least[chunk] = gap[lane, at[chunk]]
        gap[lane, at[chunk]] = np.inf
        second[chunk] = gap.min(axis=1)
    margin = hours.profiles[0, at] * cases.coefficients[:, 0]
    for k in range(1, len(hours.peaks)):  # as `_headroom_numpy._margins` adds, to the bit
        margin += hours.profiles[k, at] * cases.coefficients[:, k]
    proven = (second > least + 2.0 * cases.guard) & (least + cases.guard < start) | (least < -cases.guard)
    return np.maximum(margin, 0.0), np.zeros(m, dtype=np.int64), proven
