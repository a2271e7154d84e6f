"""NumPy body of the headroom kernel; `headroom.headroom_mw` holds the contract.

*Prune*: many cases are pruned together, by a plane above all their answers and interval arithmetic over their box of
coefficients (see `_headroom_numba`), and are cut in two across the widest effect until few are left. *Guess and prove*:
these are solved at once (`_headroom_block`), and nearly all come out proven. *Search and finish*: the others take
Newton's descent, and its last steps again with sums that do not depend on order (_exact.py), so that a case's bits
depend neither on its block nor on the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _exact
from ._headroom_block import (
    LEAST_SPREAD,
    NEAR,
    NEARBY,
    Hours,
    Space,
    centre_root,
    extreme,
    of_hours,
    solve,
    space_for,
    weights_of,
)

ROOTLESS = 1e-12  # plain rule: cost above this share of the scale is no rounding
_BLOCK = 512  # cases that are solved at once
_AGAIN = 2  # times fewer cases than at the last pruning are worth another one
_FEW = 64  # cases that are searched for at once
_MAX_STEPS = 400
_LEAST_SCALE = 1e-300  # of margins, where there are none


def headroom(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values).
    """
    profiles, peaks = profile_set
    load = np.zeros(shares.shape)
    count = np.zeros(shares.shape, dtype=np.int64)
    if len(coefficients) == 0:
        return load, count
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    rows = np.concatenate([_exact.rounded(profiles, anchor), np.ones((1, profiles.shape[1]))])
    allowed = shares * profiles.shape[1]
    space = space_for(*profiles.shape)
    everywhere = Hours(rows, anchor, peaks, 0.0 if native_first else -np.inf)
    for cases, hours, plane in _blocks(everywhere, coefficients, allowed):
        mine = coefficients[cases], allowed[cases]
        load[cases], count[cases], proven = solve(hours, mine, plane, space)
        for share in range(shares.shape[1]):
            open_ = cases[~proven[:, share]]
            for first in range(0, len(open_), _FEW):
                few = open_[first : first + _FEW]
                part = coefficients[few], allowed[few, share]
                load[few, share], count[few, share] = _search_and_finish(hours, part, _near(hours, part, plane), space)
    return load, count


def _blocks(hours: Hours, coefficients: Any, allowed: Any) -> Iterator[tuple[Any, Hours, Any]]:
    """Blocks of cases, the hours that may be curtailed in any of them, and a plane above their roots.

    Cut at the mean of the place along the axis of widest effect; rounding can put the mean outside.
    """
    most, n = float(allowed.max()), hours.rows.shape[1]
    plane = np.zeros(len(hours.rows))
    plane[-1] = (np.abs(coefficients) @ hours.peaks).max() / (1.0 - most / n)  # a constant right of every root
    places = _places(hours, coefficients, most) if len(coefficients) > _BLOCK else coefficients.T
    waiting = [(np.arange(len(coefficients)), np.ascontiguousarray(coefficients.T), places, hours, plane, np.inf)]
    while waiting:
        cases, columns, places, hours, plane, pruned = waiting.pop()
        if len(cases) > _BLOCK and _AGAIN * len(cases) <= pruned:
            box = columns.min(axis=1), columns.max(axis=1), columns.mean(axis=1)
            hours, plane = _pruned(hours, box, most, plane)
            pruned = len(cases)
        column = places[np.argmax(np.ptp(places, axis=1))]
        left = column <= column.mean()
        if len(cases) <= _BLOCK or left.all() or not left.any():
            for first in range(0, len(cases), _BLOCK):
                yield cases[first : first + _BLOCK], hours, plane
            continue
        for side in (np.flatnonzero(~left), np.flatnonzero(left)):
            parts = np.take(columns, side, axis=1), np.take(places, side, axis=1)
            waiting.append((cases[side], *parts, hours, plane, pruned))


def _places(hours: Hours, coefficients: Any, most: float) -> Any:
    """Where cases lie (axis, case) along axes of their own (see `_headroom_axes`), in units of their effect on margins.

    The axes are uncorrelated over the cases, and their effects over the hours near the mean case's load.
    """
    peaks = np.where(hours.peaks > 0.0, hours.peaks, 1.0)
    shares = coefficients * hours.peaks
    shares /= max(np.abs(shares).sum(axis=1).mean(), _LEAST_SCALE)
    rows, centre = hours.rows[:-1] / peaks[:, None], shares.mean(axis=0)
    margin = np.maximum(centre @ rows, hours.lowest)
    load, active = centre_root(np.sort(margin), most)
    away = rows - rows[:, margin < load].sum(axis=1)[:, None] / max(active - most, 1.0)
    factor = np.linalg.cholesky(np.cov(shares.T, bias=True) + LEAST_SPREAD**2 * np.eye(len(rows)))
    effects = factor.T @ away
    effects = effects[:, np.abs(margin - load) < NEARBY * np.sqrt((effects * effects).sum(axis=0))]
    values, vectors = np.linalg.eigh(effects @ effects.T)
    return (np.sqrt(np.maximum(values, 0.0)) * vectors).T @ np.linalg.solve(factor, shares.T)


def _pruned(hours: Hours, box: tuple[Any, Any, Any], most: float, plane: Any) -> tuple[Hours, Any]:
    """Hours that may be curtailed somewhere in a box, and the plane at its centre. box = (low, high, centre).

    Plain rule: the plane of a larger share bounds the roots of smaller ones only where they are positive. There,
    short hours are curtailed in any case; kept, they lead the other cases to their answer, which is 0.
    """
    low, high, centre = box
    profiles = hours.rows[:-1]
    middle, width = 0.5 * (low + high), 0.5 * (high - low)
    largest = np.maximum(np.abs(low), np.abs(high))
    reach = float(largest @ hours.peaks)
    margin = centre @ profiles
    threshold, _ = centre_root(np.sort(np.maximum(margin, hours.lowest)), most)
    spread, inside = width @ np.abs(profiles), middle @ profiles
    floor, ceiling = inside - spread, inside + spread
    excess = np.count_nonzero(margin < threshold) - most
    if excess > 0:
        weight, constant = (margin < threshold).astype(np.float64), 0.0
        if hours.lowest == 0.0:  # a chord above max(margin, 0) where an hour changes sign within the box
            gap = np.where(floor < 0.0, ceiling - floor, 1.0)
            weight *= np.where(floor >= 0.0, 1.0, np.maximum(ceiling, 0.0) / np.maximum(gap, 5e-324))
            constant = -float(weight @ np.minimum(floor, 0.0))
        plane = np.append(profiles @ weight, constant) / excess
    offset = profiles - plane[:-1, None]
    guard = 1e-12 * (reach + float(largest @ np.abs(plane[:-1])) + abs(plane[-1]))
    kept = middle @ offset - plane[-1] - width @ np.abs(offset) <= guard
    if hours.lowest < 0.0:
        kept |= floor <= guard
    return of_hours(hours, np.flatnonzero(kept)), plane


def _near(hours: Hours, part: tuple[Any, Any], plane: Any) -> Any:
    """A plane above the roots of a few cases, nearer than another, and well beyond where `_finish` starts."""
    coefficients, allowed = part
    box = coefficients.min(axis=0), coefficients.max(axis=0), coefficients.mean(axis=0)
    plane = _pruned(hours, box, float(allowed.max()), plane)[1].copy()
    reach = np.abs(coefficients) @ hours.peaks
    plane[-1] += 4.0 * NEAR * float(np.maximum(np.abs(coefficients @ plane[:-1] + plane[-1]), 1e-3 * reach).max())
    return plane


def _search_and_finish(hours: Hours, part: tuple[Any, Any], plane: Any, space: Space) -> tuple[Any, Any]:
    """Headroom and curtailed hours of a few cases at one share, in float64 throughout."""
    coefficients, allowed = part
    size = np.abs(coefficients)
    guard = 1e-12 * (size @ hours.peaks)
    start = coefficients @ plane[:-1] + plane[-1] + guard + 1e-12 * (size @ np.abs(plane[:-1]) + abs(plane[-1]))
    # Plain rule: where no load is right, hours of shortage lead the descent to the answer, which is 0.
    above = extreme(np.minimum, hours, weights_of(coefficients), np.maximum(start, 0.0) + guard, space)
    profiles = hours.rows[:-1, above <= 0.0]
    margin = _margins(profiles, coefficients, hours.lowest)
    return _finish(hours, (profiles, margin), part, _search(margin, allowed, start))


def _margins(profiles: Any, coefficients: Any, lowest: float) -> Any:
    """Margins (hour, case): products added in ascending k, without fused operations; at least `lowest`."""
    margin = profiles[0][:, None] * coefficients[:, 0]
    term = np.empty_like(margin)
    for k in range(1, len(profiles)):
        np.multiply(profiles[k][:, None], coefficients[:, k], out=term)
        margin += term
    return np.maximum(margin, lowest, out=margin) if lowest == 0.0 else margin


def _search(margin: Any, allowed: Any, load: Any) -> Any:
    """Newton from the right on margins (hour, case): the roots, to rounding."""
    for _ in range(_MAX_STEPS):
        depth = margin - load
        count = np.count_nonzero(depth < 0.0, axis=0)
        total = np.minimum(depth, 0.0, out=depth).sum(axis=0) + count * load
        excess = count - allowed
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0.0)
        moved = lower < load
        if not moved.any():
            break
        load = np.where(moved, lower, load)
    return np.maximum(load, lower)  # a step up: rounding, from far away, had led past the root


def _finish(hours: Hours, lists: tuple[Any, Any], part: tuple[Any, Any], found: Any) -> tuple[Any, Any]:
    """Root and curtailed hours from found roots: the same bits whatever list and start they came from."""
    profiles, margin = lists
    coefficients, allowed = part
    reach = np.zeros(len(allowed))
    for k in range(len(profiles)):
        reach += np.abs(coefficients[:, k]) * hours.peaks[k]
    load = found + NEAR * np.maximum(np.abs(found), 1e-3 * reach)
    parts = np.concatenate(_exact.halves(profiles, hours.anchor))
    count = np.count_nonzero(margin < load, axis=0)
    total = np.zeros(len(allowed))
    open_ = np.ones(len(allowed), dtype=bool)  # cases still descending
    for _ in range(_MAX_STEPS):
        curtailed = margin < load if hours.lowest < 0.0 else (margin < load) & (margin > 0.0)
        sums = parts @ curtailed.astype(np.float64)  # exact: no order to depend on
        fresh = np.zeros(len(allowed))
        for k in range(len(profiles)):
            fresh += coefficients[:, k] * (sums[k] + sums[k + len(profiles)])
        total = np.where(open_, fresh, total)
        excess = count - allowed
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0.0)
        open_ &= lower < load
        load = np.where(open_, lower, load)
        still = np.count_nonzero(margin < load, axis=0)
        open_ &= still != count
        if not open_.any():
            break
        count = np.where(open_, still, count)
    cost = (count - allowed) * load - total
    none = (load <= 0.0) | (hours.lowest < 0.0) & (count <= allowed) & (cost > ROOTLESS * (allowed + count) * reach)
    firm = allowed == 0.0
    least = margin.min(axis=0, initial=np.inf if len(margin) else 0.0)
    load = np.where(firm, np.maximum(least, 0.0), np.where(none, 0.0, load))
    return load, np.where(none | firm, 0.0, count).astype(np.int64)
