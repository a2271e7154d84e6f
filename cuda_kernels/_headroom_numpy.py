"""NumPy body of the headroom kernel; `headroom.headroom_mw` holds the contract.

*Prune*: many cases are pruned together, by a plane above all their answers and interval arithmetic over the box that
holds them along axes of their own (see `_headroom_numba`, `_headroom_axes`), and are cut in two across the widest
effect until few are left. *Guess and prove*: these are solved at once (`_headroom_block`), and nearly all come out
proven. *Search and finish*: the others take Newton's descent, and its last steps again with sums that do not depend on
order (_exact.py), so that a case's bits depend neither on its block nor on the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from . import _exact
from ._headroom_block import LEAST_SPREAD, NEAR, NEARBY, Hours, centre_root, floor_of, of_hours, solve
from ._headroom_frame import Space, extreme, framed, space_for

ROOTLESS = 1e-12  # plain rule: cost above this share of the scale is no rounding
_ALIKE = 10  # binary orders of magnitude by which cases that are pruned together may differ
_ALONE = 512  # cases that are not worth axes of their own
_BLOCK = 768  # cases that are solved at once; twice as many where few hours are left in play
_TIGHT, _AND = 6.0, 400  # few hours: so many times those allowed, and beside them
_FEW = 64  # cases that are searched for at once
_MAX_STEPS = 400
_ROUNDING = 1e-12  # of the largest products that a margin is the sum of
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
    size = np.frexp(np.abs(coefficients) @ peaks)[1]
    if np.ptp(size) > _ALIKE:
        with np.errstate(over="ignore"):
            alike = np.ldexp(coefficients, -size[:, None])
        if np.isfinite(alike).all():  # powers of two change no bit
            load, count = headroom(profile_set, alike, shares, native_first)
            return np.ldexp(load, size[:, None]), count
        for one in np.unique(size):  # denormal profiles: coefficients of that size would be too large
            some = size == one
            load[some], count[some] = headroom(profile_set, coefficients[some], shares[some], native_first)
        return load, count
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    allowed = shares * profiles.shape[1]
    space = space_for(profiles.shape[1])
    everywhere = Hours(
        _exact.rounded(profiles, anchor),
        np.full(profiles.shape[1], np.inf),
        anchor,
        peaks,
        0.0 if native_first else -np.inf,
    )
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


class _Axes(NamedTuple):
    """Axes along which cases are told apart: margins are places along them times profiles along them."""

    places: Any  # (axis, case)
    weights: Any  # (axis,): effect of a place on margins near the load
    turn: Any  # (axis, K): places of coefficients
    rows: Any  # (axis, hour): profiles
    rounding: float  # of a margin


class _Node(NamedTuple):
    """Cases of a part of the tree, and the hours that may be curtailed in any of them."""

    cases: Any
    places: Any  # (axis, case)
    hours: Any
    rows: Any  # (axis, those hours)
    floor: Any  # (those hours,): what no margin falls below
    plane: Any  # (axis + 1,): above the roots
    due: float  # prune when no more cases are left


def _blocks(hours: Hours, coefficients: Any, allowed: Any) -> Iterator[tuple[Any, Hours, Any]]:
    """Blocks of cases, the hours that may be curtailed in any of them, and a plane above their roots.

    Cut at the mean of the place along the axis of widest effect; rounding can put the mean outside.
    """
    most, n = float(allowed.max()), hours.profiles.shape[1]
    top = (np.abs(coefficients) @ hours.peaks).max() / (1.0 - most / n)  # a constant right of every root
    plane = np.append(np.zeros(len(hours.peaks)), top)
    if len(coefficients) <= _ALONE:
        yield np.arange(len(coefficients)), hours._replace(floor=floor_of(hours, coefficients)), plane
        return
    axes = _axes(hours, coefficients, most)
    waiting = [_Node(np.arange(len(coefficients)), axes.places, np.arange(n), axes.rows, hours.floor, plane, np.inf)]
    while waiting:
        node = waiting.pop()
        if len(node.cases) <= max(node.due, _BLOCK):
            node = _pruned(node, axes, most, hours.lowest)
        column = node.places[np.argmax(np.ptp(node.places, axis=1) * axes.weights)]
        left = column <= column.mean()
        few = len(node.cases) <= (_BLOCK if len(node.hours) > _TIGHT * most + _AND else 2 * _BLOCK)
        if few or left.all() or not left.any():
            plane = np.append(node.plane[:-1] @ axes.turn, node.plane[-1] + axes.rounding)
            near = of_hours(hours, node.hours)._replace(floor=node.floor)
            for first in range(0, len(node.cases), 2 * _BLOCK):
                yield node.cases[first : first + 2 * _BLOCK], near, plane
            continue
        for side in (np.flatnonzero(~left), np.flatnonzero(left)):
            waiting.append(node._replace(cases=node.cases[side], places=np.take(node.places, side, axis=1)))


def _axes(hours: Hours, coefficients: Any, most: float) -> _Axes:
    """Axes of the cases' own (see `_headroom_axes`).

    They are uncorrelated over the cases, and their effects over the hours near the mean case's load.
    """
    reach = float((np.abs(coefficients) @ hours.peaks).max())
    plain = _Axes(coefficients.T, hours.peaks, np.eye(len(hours.peaks)), hours.profiles, _ROUNDING * reach)
    peaks = np.where(hours.peaks > 0.0, hours.peaks, 1.0)
    shares = coefficients * hours.peaks
    unit = max(np.abs(shares).sum(axis=1).mean(), _LEAST_SCALE)
    shares /= unit
    rows, centre = hours.profiles / peaks[:, None], shares.mean(axis=0)
    margin = np.maximum(centre @ rows, hours.lowest)
    load, active = centre_root(np.sort(margin), most)
    away = rows - rows[:, margin < load].sum(axis=1)[:, None] / max(active - most, 1.0)
    factor = np.linalg.cholesky(np.cov(shares.T, bias=True) + LEAST_SPREAD**2 * np.eye(len(rows)))
    effects = factor.T @ away
    effects = effects[:, np.abs(margin - load) < NEARBY * np.sqrt((effects * effects).sum(axis=0))]
    values, vectors = np.linalg.eigh(effects @ effects.T)
    with np.errstate(all="ignore"):
        turn = np.linalg.solve(factor.T, vectors).T * (hours.peaks / unit)
        back = (factor @ vectors).T * (unit / peaks)
        size = np.abs(turn).T @ (np.abs(back) @ hours.peaks)
        rounding = _ROUNDING * float((np.abs(coefficients) @ size).max())
    if not (np.isfinite(rounding) and np.isfinite(back).all() and np.isfinite(turn).all()):
        return plain  # numbers beyond what float64 can turn
    return _Axes(turn @ coefficients.T, np.sqrt(np.maximum(values, 0.0)), turn, back @ hours.profiles, rounding)


def _pruned(node: _Node, axes: _Axes, most: float, lowest: float) -> _Node:
    """A part with the hours that may be curtailed somewhere in its box, and the plane at its centre.

    Plain rule: the plane of a larger share bounds the roots of smaller ones only where they are positive. There,
    short hours are curtailed in any case; kept, they lead the other cases to their answer, which is 0.
    """
    rows = node.rows
    low, high = node.places.min(axis=1), node.places.max(axis=1)
    middle, width = 0.5 * (low + high), 0.5 * (high - low)
    spread, inside = width @ np.abs(rows) + axes.rounding, middle @ rows
    plane = _plane(rows, node.places.mean(axis=1), (inside - spread, inside + spread), (most, lowest), node.plane)
    offset = rows - plane[:-1, None]
    largest = np.maximum(np.abs(low), np.abs(high))
    guard = 16.0 * axes.rounding + 16.0 * NEAR * (float(largest @ np.abs(plane[:-1])) + abs(plane[-1]))
    near = middle @ offset - plane[-1] - width @ np.abs(offset) <= guard
    if lowest < 0.0:
        near |= inside - spread <= guard
    kept = np.flatnonzero(near)
    due = len(node.cases) / (2.0 if 4 * len(kept) < 3 * len(near) else 4.0)  # where little dropped out, less often
    floor = inside[kept] - spread[kept] if lowest == 0.0 else np.full(len(kept), np.inf)
    return node._replace(hours=node.hours[kept], rows=np.take(rows, kept, axis=1), floor=floor, plane=plane, due=due)


def _plane(rows: Any, centre: Any, box: tuple[Any, Any], rule: tuple[float, float], other: Any) -> Any:
    """A plane above the roots in a box, from the hours curtailed at its centre; another one if none are.

    box = (floor, ceiling) of margins, rule = (most hours allowed, least margin).
    """
    (floor, ceiling), (most, lowest) = box, rule
    margin = centre @ rows
    threshold, _ = centre_root(np.sort(np.maximum(margin, lowest)), most)
    weight, constant = (margin < threshold).astype(np.float64), 0.0
    excess = np.count_nonzero(weight) - most
    if excess <= 0:
        return other
    if lowest == 0.0:  # a chord above max(margin, 0) where an hour changes sign within the box
        gap = np.where(floor < 0.0, ceiling - floor, 1.0)
        weight *= np.where(floor >= 0.0, 1.0, np.maximum(ceiling, 0.0) / np.maximum(gap, 5e-324))
        constant = -float(weight @ np.minimum(floor, 0.0))
    return np.append(rows @ weight, constant) / excess


def _near(hours: Hours, part: tuple[Any, Any], plane: Any) -> Any:
    """A plane above the roots of a few cases, nearer than another, and well beyond where `_finish` starts."""
    coefficients, allowed = part
    low, high, profiles = coefficients.min(axis=0), coefficients.max(axis=0), hours.profiles
    inside, spread = 0.5 * (low + high) @ profiles, 0.5 * (high - low) @ np.abs(profiles)
    rule = float(allowed.max()), hours.lowest
    plane = _plane(profiles, coefficients.mean(axis=0), (inside - spread, inside + spread), rule, plane).copy()
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
    frame = framed(hours.profiles, coefficients, plane[:-1], guard, False)
    above = extreme(np.minimum, frame, np.maximum(start, 0.0) + frame.guard, space)
    profiles = hours.profiles[:, above <= 0.0]
    margin = _margins(profiles, coefficients, hours.lowest)
    return _finish(hours, (profiles, margin), part, _search(margin, allowed, start))


def _margins(profiles: Any, coefficients: Any, lowest: float) -> Any:
    """Margins (case, hour): products added in ascending k, without fused operations; at least `lowest`."""
    margin = coefficients[:, :1] * profiles[0]
    term = np.empty_like(margin)
    for k in range(1, len(profiles)):
        np.multiply(coefficients[:, k : k + 1], profiles[k], out=term)
        margin += term
    return np.maximum(margin, lowest, out=margin) if lowest == 0.0 else margin


def _search(margin: Any, allowed: Any, load: Any) -> Any:
    """Newton from the right on margins (case, hour): the roots, to rounding."""
    for _ in range(_MAX_STEPS):
        depth = margin - load[:, None]
        count = np.count_nonzero(depth < 0.0, axis=1)
        total = np.minimum(depth, 0.0, out=depth).sum(axis=1) + count * load
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
    parts = np.concatenate(_exact.halves(profiles, hours.anchor)).T
    curtailed = margin < load[:, None]
    count = np.count_nonzero(curtailed, axis=1)
    total = np.zeros(len(allowed))
    open_ = np.ones(len(allowed), dtype=bool)  # cases still descending
    for _ in range(_MAX_STEPS):
        if hours.lowest == 0.0:
            curtailed &= margin > 0.0
        sums = curtailed.astype(np.float64) @ parts  # exact: no order to depend on
        fresh = np.zeros(len(allowed))
        for k in range(len(profiles)):
            fresh += coefficients[:, k] * (sums[:, k] + sums[:, k + len(profiles)])
        total = np.where(open_, fresh, total)
        excess = count - allowed
        lower = np.divide(total, excess, out=load.copy(), where=excess > 0.0)
        open_ &= lower < load
        load = np.where(open_, lower, load)
        curtailed = margin < load[:, None]
        still = np.count_nonzero(curtailed, axis=1)
        open_ &= still != count
        if not open_.any():
            break
        count = np.where(open_, still, count)
    cost = (count - allowed) * load - total
    none = (load <= 0.0) | (hours.lowest < 0.0) & (count <= allowed) & (cost > ROOTLESS * (allowed + count) * reach)
    firm = allowed == 0.0
    least = margin.min(axis=1, initial=np.inf if margin.shape[1] else 0.0)
    load = np.where(firm, np.maximum(least, 0.0), np.where(none, 0.0, load))
    return load, np.where(none | firm, 0.0, count).astype(np.int64)
