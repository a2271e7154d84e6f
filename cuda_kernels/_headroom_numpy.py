"""NumPy body of the headroom kernel; `headroom.headroom_mw` holds the contract.

*Prune*: for any set A of more than `allowed` hours, sum_A margin / (|A| - allowed) is at or above the root and linear
in the coefficients, a plane above the answers of all cases. Cases are gathered into blocks of near neighbours; the
block's centre is solved, and interval arithmetic over the block's box of coefficients drops the hours whose margins
never fall below its plane. Hours that stay below it by more than its distance from the answers are curtailed in every
case and enter as one sum; that distance is measured on a few cases, and the cases that turn out to break it are solved
again without that step. *Search*: Newton's descent on the remaining hours, all cases of the block at once.
*Finish*: the last steps again with sums that do not depend on order (_exact.py), so that a case's bits depend neither
on its block nor on the engine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _exact

NEAR = 1e-9  # relative: how far right of its own answer the finish starts; decides ties alike on every path
ROOTLESS = 1e-12  # plain rule: cost above this share of the scale is no rounding
_BLOCK = 64
_PROBES = 4
_MAX_STEPS = 400
_CLOSER_STEPS = 8
_CLOSE = 0.8  # a step that takes less than a fifth off the bound no longer pays


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
    everywhere = np.arange(profiles.shape[1])
    plane = _flat_plane(problem, coefficients, float(allowed.max()))
    bounds, plane, (low, _), guard = _narrow(problem, everywhere, coefficients, float(allowed.max()), plane)
    shortlist = np.flatnonzero(_in_play(problem, low, bounds[0], guard))
    for block in _blocks(coefficients, np.abs(rounded - plane[:-1, None]).mean(axis=1)):
        for share in range(shares.shape[1]):
            part = (coefficients[block], allowed[block, share])
            load[block, share], hours[block, share] = _solve(problem, shortlist, part, plane)
    return load, hours


def _flat_plane(problem: _Problem, coefficients: Any, allowed: float) -> Any:
    """A constant right of every root: all hours curtailed at the largest margin there can be."""
    reach = (np.abs(coefficients) @ problem.peaks).max()
    return np.append(np.zeros(len(problem.peaks)), reach / (1.0 - allowed / problem.profiles.shape[1]))


def _blocks(coefficients: Any, effect: Any) -> list[Any]:
    """Case numbers, split at the mean of the coefficient of widest effect until blocks are small."""
    waiting, done = [np.arange(len(coefficients))], []
    while waiting:
        cases = waiting.pop()
        inside = coefficients[cases]
        widest = int(np.argmax(np.ptp(inside, axis=0) * effect))
        left = inside[:, widest] <= inside[:, widest].mean()
        if len(cases) <= _BLOCK or left.all() or not left.any():  # rounding can put the mean outside
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


def _solve(problem: _Problem, hours: Any, part: tuple[Any, Any], plane: Any) -> tuple[Any, Any]:
    """Headroom and curtailed hours of a block of cases, one share each."""
    coefficients, allowed = part
    if not allowed.any():
        return _firm(problem, hours, coefficients), np.zeros(len(allowed), dtype=np.int64)
    bounds, plane, (low, high), guard = _narrow(problem, hours, coefficients, float(allowed.max()), plane)
    above = coefficients @ plane[:-1] + plane[-1]
    keep = _in_play(problem, low, bounds[0], guard)
    if problem.lowest == 0.0:
        hours = hours[keep]
        bounds, above, high, keep = _closer(problem, hours, part, above, guard)
    nothing = _Base(np.zeros(len(problem.peaks)), np.zeros(len(problem.peaks)), 0.0)
    probes = np.unique(np.linspace(0, len(allowed) - 1, _PROBES).astype(np.intp))
    whole = hours[keep]
    few, _ = _on_list(problem, whole, (coefficients[probes], allowed[probes]), nothing, above[probes] + guard)
    gap = 3.0 * float((above[probes] - few).max()) + guard
    sure = keep & (high <= -gap - guard)
    if problem.lowest == 0.0:
        positive, negative = sure & (bounds[0] >= guard), sure & (bounds[1] <= -guard)
    else:
        positive, negative = sure, np.zeros_like(sure)
    certain = problem.profiles[:, hours[positive]]
    parts = _exact.halves(certain, problem.anchor)
    base = _Base(parts[0].sum(axis=1), parts[1].sum(axis=1), float(np.count_nonzero(positive | negative)))
    undecided = hours[keep & ~positive & ~negative]
    load, count = _on_list(problem, undecided, part, base, above + guard)
    again = (load < above - gap) | (allowed == 0.0)
    if base.number > 0.0 and again.any():
        left = (coefficients[again], allowed[again])
        load[again], count[again] = _on_list(problem, whole, left, nothing, above[again] + guard)
    return load, count


def _closer(problem: _Problem, hours: Any, part: tuple[Any, Any], above: Any, guard: float) -> tuple[Any, ...]:
    """What the box of coefficients leaves open, asked of the cases themselves; native customers come first.

    Where the cases lie far apart their box says little. Returns each hour's lowest and highest margin, a bound above
    each root a few Newton steps closer, the hour's largest distance below that bound, and which hours stay in play. A
    case that is short in more hours than it may curtail hosts nothing, so its bound is zero.
    """
    coefficients, allowed = part
    margin = coefficients @ problem.profiles[:, hours]
    bounds = (margin.min(axis=0), margin.max(axis=0))
    short = np.count_nonzero(margin < -guard, axis=1) > allowed
    np.maximum(margin, 0.0, out=margin)
    above = np.where(short, 0.0, above)
    for _ in range(_CLOSER_STEPS):
        curtailed = margin < above[:, None]
        excess = np.count_nonzero(curtailed, axis=1) - allowed
        total = np.einsum("ch,ch->c", margin, curtailed)
        step = np.divide(total, excess, out=above.copy(), where=excess > 0.0) + guard
        far = step < _CLOSE * above
        above = np.minimum(above, step)
        if not far.any():
            break
    margin -= above[:, None]
    return bounds, above, margin.max(axis=0), margin.min(axis=0) <= guard


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
    return _finish(problem, (profiles, margin), part, base, found)


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


def _finish(
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
