"""NumPy body of the headroom kernel; `headroom.headroom_mw` holds the contract.

*Prune*: native customers first, a root on some of the hours can only be higher than the root on all. So the hours that
the case at the centre of a block of near neighbours needs give a bound above the root of every case of the block, and
only hours with a margin below its case's bound matter. Many cases are pruned together beforehand, by a plane above all
their answers and interval arithmetic over their box of coefficients (see `_headroom_numba`), as is the plain rule's
every block. Hours that are curtailed in every case enter as one sum; cases that turn out to break that are solved again
without. *Search*: Newton's descent on the remaining hours, all cases of the block at once.
*Finish*: the last steps again with sums that do not depend on order (_exact.py), so that a case's bits depend neither
on its block nor on the engine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _exact

NEAR = 1e-9  # relative: how far right of its own answer the finish starts; decides ties alike on every path
ROOTLESS = 1e-12  # plain rule: cost above this share of the scale is no rounding
_BLOCK = 64  # cases that are solved at once
_LARGE_BLOCK = 192  # the same where few hours are left: calls of NumPy cost more than the work
_MANY = 2000  # hours
_GROUP = 1024  # cases that share one pruning of the hours
_MORE = 1.25  # times the hours that the centre needs bound the other roots
_PROBES = 4
_MAX_STEPS = 400


class _Problem(NamedTuple):
    """What all blocks share."""

    profiles: Any  # (K, H), on their grids (_exact.py)
    anchor: Any  # (K,)
    peaks: Any  # (K,)
    lowest: float  # 0 when native customers come first, else -inf


class _Base(NamedTuple):
    """Hours curtailed in every case of a block: their profile sums in two exact parts, and their number."""

    high: Any  # (K,)
    low: Any
    number: float


def headroom(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values).
    """
    profiles, peaks = profile_set
    load = np.zeros(shares.shape)
    hours = np.zeros(shares.shape, dtype=np.int64)
    if len(coefficients) == 0:
        return load, hours
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    rounded = _exact.rounded(profiles, anchor)
    problem = _Problem(rounded, anchor, peaks, 0.0 if native_first else -np.inf)
    allowed = shares * profiles.shape[1]
    effect = np.ptp(rounded, axis=1)
    for group in _blocks(coefficients, effect, _GROUP):
        inside, most = coefficients[group], float(allowed[group].max())
        plane = _flat_plane(problem, inside, most)
        listed = problem
        if len(group) > _BLOCK or not native_first:
            bounds, plane, (low, _), guard = _narrow(problem, np.arange(profiles.shape[1]), inside, most, plane)
            listed = problem._replace(profiles=rounded[:, _in_play(problem, low, bounds[0], guard)])
        size = _BLOCK if listed.profiles.shape[1] > _MANY else _LARGE_BLOCK
        for block in _blocks(inside, effect, size):
            cases = group[block]
            solve = _solve if native_first else _solve_plain
            load[cases], hours[cases] = solve(listed, (inside[block], allowed[cases]), plane)
    return load, hours


def _flat_plane(problem: _Problem, coefficients: Any, allowed: float) -> Any:
    """A constant right of every root: all hours curtailed at the largest margin there can be."""
    reach = (np.abs(coefficients) @ problem.peaks).max()
    return np.append(np.zeros(len(problem.peaks)), reach / (1.0 - allowed / problem.profiles.shape[1]))


def _blocks(coefficients: Any, effect: Any, size: int) -> list[Any]:
    """Case numbers, split at the mean of the coefficient of widest effect until at most `size` are together."""
    waiting, done = [np.arange(len(coefficients))], []
    while waiting:
        cases = waiting.pop()
        inside = coefficients[cases]
        widest = int(np.argmax(np.ptp(inside, axis=0) * effect))
        left = inside[:, widest] <= inside[:, widest].mean()
        if len(cases) <= size or left.all() or not left.any():  # rounding can put the mean outside
            done.append(cases)
        else:
            waiting += [cases[left], cases[~left]]
    return done


def _narrow(problem: _Problem, hours: Any, coefficients: Any, allowed: float, plane: Any) -> tuple[Any, ...]:
    """The plane at the centre of some cases; each hour's margin over their box, and its distance from the plane.

    Returns margin bounds, plane (K + 1: weights and a constant), distance bounds, and a guard for rounding.
    """
    profiles = problem.profiles[:, hours]
    box_low, box_high = coefficients.min(axis=0), coefficients.max(axis=0)
    middle, width = 0.5 * (box_low + box_high), 0.5 * (box_high - box_low)
    reach = float(np.maximum(np.abs(box_low), np.abs(box_high)) @ problem.peaks)
    centre = coefficients.mean(axis=0)
    margin = np.maximum(centre @ profiles, problem.lowest)
    start = float(centre @ plane[:-1] + plane[-1]) + NEAR * reach
    nothing = (0.0, 0.0)
    _, threshold = _search(margin[:, None], np.array([allowed]), nothing, np.array([start]))
    spread = width @ np.abs(profiles)
    inside = middle @ profiles
    bounds = (inside - spread, inside + spread)
    curtailed = margin < threshold[0]
    excess = np.count_nonzero(curtailed) - allowed
    if excess > 0:
        weight = np.where(curtailed, 1.0, 0.0)
        constant = 0.0
        if problem.lowest == 0.0:  # a chord above max(margin, 0) where an hour changes sign within the box
            gap = np.where(bounds[0] < 0.0, bounds[1] - bounds[0], 1.0)
            weight *= np.where(bounds[0] >= 0.0, 1.0, np.maximum(bounds[1], 0.0) / np.maximum(gap, 5e-324))
            constant = -float(weight @ np.minimum(bounds[0], 0.0))
        plane = np.append(profiles @ weight, constant) / excess
    offset = profiles - plane[:-1, None]
    inside = middle @ offset - plane[-1]
    spread = width @ np.abs(offset)
    size = reach + float(np.maximum(np.abs(box_low), np.abs(box_high)) @ np.abs(plane[:-1])) + abs(plane[-1])
    return bounds, plane, (inside - spread, inside + spread), 1e-12 * size


def _in_play(problem: _Problem, low: Any, floor: Any, guard: float) -> Any:
    """Which hours may be curtailed somewhere in the box: their margin may fall below the plane.

    Plain rule: the plane of a larger share bounds the roots of smaller ones only where they are positive. There,
    short hours are curtailed in any case; kept, they lead the other cases to their answer, which is 0.
    """
    return (low <= guard) | (floor <= guard) if problem.lowest < 0.0 else low <= guard


def _solve(problem: _Problem, part: tuple[Any, Any], plane: Any) -> tuple[Any, Any]:
    """Headroom and curtailed hours (case, share) of a block of cases; native customers come first.

    With fewer hours a root can only be higher. So the roots on the hours that the case at the centre needs bound the
    roots, and an hour matters only if some case's margin lies below its bound. The bound of a case's largest share
    serves its smaller ones.
    """
    coefficients, allowed = part
    most = allowed.max(axis=1)
    size = np.abs(coefficients)
    guard = 1e-12 * (size @ problem.peaks)
    start = coefficients @ plane[:-1] + plane[-1] + guard + 1e-12 * (size @ np.abs(plane[:-1]) + abs(plane[-1]))
    few = _needed(problem, coefficients.mean(axis=0), float(most.max()), plane)
    bound = _newton(coefficients @ problem.profiles[:, few], most, start, guard)[0] + guard
    margin = coefficients @ problem.profiles
    listed = np.flatnonzero((margin <= bound[:, None]).any(axis=0))
    margin = margin[:, listed]
    load, count = np.zeros(allowed.shape), np.zeros(allowed.shape, dtype=np.int64)
    for share in range(allowed.shape[1]):
        mine = (coefficients, allowed[:, share])
        load[:, share], count[:, share] = _solve_share(problem, (listed, margin), mine, bound)
    return load, count


def _needed(problem: _Problem, centre: Any, allowed: float, plane: Any) -> Any:
    """The hours that one case curtails, and some more."""
    margin = centre @ problem.profiles
    guard = np.array([1e-12 * (np.abs(centre) @ problem.peaks)])
    start = np.array([centre @ plane[:-1] + plane[-1]]) + guard
    root = _newton(margin[None], np.array([allowed]), start, guard)[0][0]
    wanted = int(_MORE * np.count_nonzero(margin < root)) + _BLOCK
    return np.argpartition(margin, wanted)[:wanted] if wanted < margin.size else np.arange(margin.size)


def _newton(margin: Any, allowed: Any, load: Any, guard: Any) -> Any:
    """Newton from the right on margins (case, hour): loads at or a hair above the roots, and the roots to rounding.

    guard : (case,)  Rounding of a margin; few hours over the allowance multiply it.
    """
    margin = np.maximum(margin, 0.0)
    for _ in range(_MAX_STEPS):
        curtailed = margin < load[:, None]
        count = _per_row(curtailed)
        excess = count - allowed
        total = np.einsum("ch,ch->c", margin, curtailed)
        root = np.divide(total, excess, out=load.copy(), where=excess > 0.0)
        step = np.divide(total + guard * count, excess, out=load.copy(), where=excess > 0.0)
        if not (step < load).any():
            break
        load = np.minimum(load, step)
    return load, root


def _per_row(marked: Any) -> Any:
    """Number of marks in each row; adding up truth values is ten times slower."""
    return np.bitwise_count(np.packbits(marked, axis=1)).sum(axis=1, dtype=np.int64)


def _solve_share(problem: _Problem, lists: tuple[Any, Any], part: tuple[Any, Any], bound: Any) -> tuple[Any, Any]:
    """One share of a block's cases. lists = (hours that matter, margins (case, hour) in them)."""
    listed, margin = lists
    coefficients, allowed = part
    load, count = np.zeros(len(allowed)), np.zeros(len(allowed), dtype=np.int64)
    firm = allowed == 0.0
    if firm.any():
        load[firm] = _firm(problem, listed, coefficients[firm])
    guard = 1e-12 * (np.abs(coefficients) @ problem.peaks)
    # A case that is short in more hours than it may curtail hosts nothing.
    live = np.flatnonzero(~firm & (_per_row(margin < -guard[:, None]) <= allowed))
    if len(live) == 0:
        return load, count
    margin, coefficients, allowed, guard = margin[live], coefficients[live], allowed[live], guard[live]
    roots, found = _newton(margin, allowed, bound[live], guard)
    slack = guard + 4.0 * NEAR * np.maximum(roots, 1e9 * guard)
    kept = np.flatnonzero((margin <= (roots + slack)[:, None]).any(axis=0))
    margin, listed = margin[:, kept], listed[kept]
    sure = (margin <= (roots - slack)[:, None]).all(axis=0)
    positive = sure & (margin >= guard[:, None]).all(axis=0)
    negative = sure & (margin <= -guard[:, None]).all(axis=0)
    base = _base(problem, listed[positive], int(np.count_nonzero(negative)))
    part = (coefficients, allowed)
    load[live], count[live] = _finish(problem, listed[~positive & ~negative], part, base, found)
    again = load[live] < roots - slack  # the hours that were sure may not be
    if base.number > 0.0 and again.any():
        part = (coefficients[again], allowed[again])
        load[live[again]], count[live[again]] = _finish(problem, listed, part, _nothing(problem), found[again])
    return load, count


def _nothing(problem: _Problem) -> _Base:
    return _Base(np.zeros(len(problem.peaks)), np.zeros(len(problem.peaks)), 0.0)


def _base(problem: _Problem, positive: Any, negative: int) -> _Base:
    """Hours that are curtailed in every case, given those of positive margin and the number of others."""
    high, low = _exact.halves(problem.profiles[:, positive], problem.anchor)
    return _Base(high.sum(axis=1), low.sum(axis=1), float(len(positive) + negative))


def _solve_plain(problem: _Problem, part: tuple[Any, Any], plane: Any) -> tuple[Any, Any]:
    """Headroom and curtailed hours (case, share) of a block of cases where shortage is charged."""
    coefficients, allowed = part
    found = [_plain_share(problem, (coefficients, allowed[:, share]), plane) for share in range(allowed.shape[1])]
    return np.stack([load for load, _ in found], axis=1), np.stack([count for _, count in found], axis=1)


def _plain_share(problem: _Problem, part: tuple[Any, Any], plane: Any) -> tuple[Any, Any]:
    """One share of a block's cases where shortage is charged.

    Hours that lie below the block's plane by more than its distance from the answers are curtailed in every case. That
    distance is measured on a few cases, and the cases that turn out to break it are solved again without that step.
    """
    coefficients, allowed = part
    everywhere = np.arange(problem.profiles.shape[1])
    if not allowed.any():
        return _firm(problem, everywhere, coefficients), np.zeros(len(allowed), dtype=np.int64)
    bounds, plane, (low, high), guard = _narrow(problem, everywhere, coefficients, float(allowed.max()), plane)
    above = coefficients @ plane[:-1] + plane[-1]
    keep = _in_play(problem, low, bounds[0], guard)
    probes = np.unique(np.linspace(0, len(allowed) - 1, _PROBES).astype(np.intp))
    whole = np.flatnonzero(keep)
    nothing = _nothing(problem)
    few, _ = _on_list(problem, whole, (coefficients[probes], allowed[probes]), nothing, above[probes] + guard)
    gap = 3.0 * float((above[probes] - few).max()) + guard
    sure = keep & (high <= -gap - guard)
    base = _base(problem, np.flatnonzero(sure), 0)
    load, count = _on_list(problem, np.flatnonzero(keep & ~sure), part, base, above + guard)
    again = (load < above - gap) | (allowed == 0.0)
    if base.number > 0.0 and again.any():
        left = (coefficients[again], allowed[again])
        load[again], count[again] = _on_list(problem, whole, left, nothing, above[again] + guard)
    return load, count


def _firm(problem: _Problem, hours: Any, coefficients: Any) -> Any:
    """Headroom without curtailment, max(0, lowest margin), from the hours that rounding leaves in question."""
    margin = coefficients @ problem.profiles[:, hours]
    guard = 1e-12 * (np.abs(coefficients) @ problem.peaks)
    lowest = (margin <= (margin.min(axis=1) + guard)[:, None]).any(axis=0)
    return np.maximum(_margins(problem.profiles[:, hours[lowest]], coefficients, problem.lowest).min(axis=0), 0.0)


def _on_list(problem: _Problem, hours: Any, part: tuple[Any, Any], base: _Base, start: Any) -> tuple[Any, Any]:
    """Search and finish on some hours."""
    coefficients, allowed = part
    profiles = problem.profiles[:, hours]
    margin = _margins(profiles, coefficients, problem.lowest)
    known = np.zeros(len(allowed))
    for k in range(len(profiles)):
        known += coefficients[:, k] * (base.high[k] + base.low[k])
    found, _ = _search(margin, allowed, (known, base.number), start)
    return _finish_from(problem, (profiles, margin), part, base, found)


def _finish(problem: _Problem, hours: Any, part: tuple[Any, Any], base: _Base, found: Any) -> tuple[Any, Any]:
    """Root and curtailed hours from roots found on other margins."""
    profiles = problem.profiles[:, hours]
    margin = _margins(profiles, part[0], problem.lowest)
    return _finish_from(problem, (profiles, margin), part, base, found)


def _margins(profiles: Any, coefficients: Any, lowest: float) -> Any:
    """Margins (hour, case): products added in ascending k, without fused operations; at least `lowest`."""
    margin = profiles[0][:, None] * coefficients[:, 0]
    term = np.empty_like(margin)
    for k in range(1, len(profiles)):
        np.multiply(profiles[k][:, None], coefficients[:, k], out=term)
        margin += term
    return np.maximum(margin, lowest, out=margin) if lowest == 0.0 else margin


def _search(margin: Any, allowed: Any, base: tuple[Any, Any], load: Any) -> tuple[Any, Any]:
    """Newton from the right on margins (hour, case); the roots, to rounding, and the loads that gave them.

    base = (sum, number) of hours that are curtailed at any load in question.
    """
    previous = load
    for _ in range(_MAX_STEPS):
        depth = margin - load
        count = np.count_nonzero(depth < 0.0, axis=0)
        total = base[0] + (np.minimum(depth, 0.0, out=depth).sum(axis=0) + count * load)
        excess = base[1] + count - allowed
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0.0)
        moved = lower < load
        if not moved.any():
            previous = np.where(excess > 0.0, load, previous)
            break
        previous = np.where(excess > 0.0, load, previous)
        load = np.where(moved, lower, load)
    return load, previous


def _finish_from(
    problem: _Problem, lists: tuple[Any, Any], part: tuple[Any, Any], base: _Base, found: Any
) -> tuple[Any, Any]:
    """Root and curtailed hours from found roots: the same bits whatever list and start they came from."""
    profiles, margin = lists
    coefficients, allowed = part
    reach = np.zeros(len(allowed))
    for k in range(len(profiles)):
        reach += np.abs(coefficients[:, k]) * problem.peaks[k]
    load = found + NEAR * np.maximum(np.abs(found), 1e-3 * reach)
    parts = np.concatenate(_exact.halves(profiles, problem.anchor))
    offset = np.concatenate([base.high, base.low])
    count = base.number + np.count_nonzero(margin < load, axis=0)
    total = np.zeros(len(allowed))
    open_ = np.ones(len(allowed), dtype=bool)  # cases still descending
    for _ in range(_MAX_STEPS):
        curtailed = margin < load if problem.lowest < 0.0 else (margin < load) & (margin > 0.0)
        sums = parts @ curtailed.astype(np.float64) + offset[:, None]  # exact: no order to depend on
        fresh = np.zeros(len(allowed))
        for k in range(len(profiles)):
            fresh += coefficients[:, k] * (sums[k] + sums[k + len(profiles)])
        total = np.where(open_, fresh, total)
        excess = count - allowed
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0.0)
        open_ &= lower < load
        load = np.where(open_, lower, load)
        still = base.number + np.count_nonzero(margin < load, axis=0)
        open_ &= still != count
        if not open_.any():
            break
        count = np.where(open_, still, count)
    cost = (count - allowed) * load - total
    none = (load <= 0.0) | (problem.lowest < 0.0) & (count <= allowed) & (cost > ROOTLESS * (allowed + count) * reach)
    firm = allowed == 0.0
    least = margin.min(axis=0, initial=np.inf if len(margin) else 0.0)
    load = np.where(firm, np.maximum(least, 0.0), np.where(none, 0.0, load))
    return load, np.where(none | firm, 0.0, count).astype(np.int64)
