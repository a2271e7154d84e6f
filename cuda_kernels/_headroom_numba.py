"""numba body of the headroom kernel; `headroom.headroom_mw` holds the contract.

Certified pruning. For any set A of more than `allowed` hours, sum_A margin / (|A| - allowed) is at or above the root
and linear in the coefficients: a plane above the answers of *all* cases. A node of the tree holds cases within a box
of coefficients and the hours that may still be curtailed in any of them. It solves the case at the box's centre,
takes that case's curtailed hours as A, and drops every hour whose margin stays above the plane over the whole box
(interval arithmetic, with a guard for rounding). The box is cut in two across its widest effect until few cases are
left. In such a leaf, hours that stay below the plane by more than the plane's distance from the answers are curtailed
in every case and enter as one sum; that distance is measured on a few cases and checked on each of the others, which
are solved on the whole list when they break it. What remains undecided is short.

Floored margins (native first) are followed by a chord above the kink where an hour changes sign within the box.
Every case ends in `_finish`, the twin of the NumPy body's: its bits do not depend on the tree.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from . import _exact
from ._headroom_lists import (
    bounds,
    chords,
    copy,
    count_below,
    exact_sum,
    margins,
    mark,
    row,
    search,
    select,
    to_grid,
    weighted_sum,
)
from ._headroom_numpy import NEAR
from ._jit import in_order

_LEAF = 64  # cases solved on one list
_PROBES = 3  # of them to measure how far the plane lies above the answers
_KEEP = 0.8  # a list is copied when it shrinks below this share of its parent's
_MAX_DEPTH = 40
_CASES_PER_THREAD = 512  # fewer are not worth a thread


def headroom(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values).
    """
    profiles, peaks = profile_set
    load = np.zeros(shares.shape)
    hours = np.zeros(shares.shape, dtype=np.int64)
    allowed = shares * profiles.shape[1]
    lowest = 0.0 if native_first else -np.inf
    cases = len(coefficients)
    if cases == 0:
        return load, hours
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    grid = (anchor, anchor.view(np.int64), _exact.steps(anchor))
    # A read-only array is another type to numba, and would be compiled for again.
    profiles, coefficients = np.require(profiles, requirements="W"), np.require(coefficients, requirements="W")
    pieces = max(1, min(_cores(), cases // _CASES_PER_THREAD))
    edges = [cases * i // pieces for i in range(pieces + 1)]

    def solve(piece: int) -> None:
        part = slice(edges[piece], edges[piece + 1])
        space = _workspace(*profiles.shape)
        _tree((profiles, grid, peaks), coefficients[part], allowed[part], lowest, (load[part], hours[part]), space)

    if pieces == 1:
        solve(0)
    else:
        with ThreadPoolExecutor(pieces) as pool:
            list(pool.map(solve, range(pieces)))
    return load, hours


_kept = threading.local()


def _workspace(profiles: int, hours: int) -> Any:
    """Scratch arrays of this thread, kept from call to call: fresh ones would cost more than a small call itself."""
    if getattr(_kept, "shape", None) != (profiles, hours):
        shifted = np.empty(hours)
        spare = (np.empty(hours), np.empty(hours, dtype=np.int64), (shifted, shifted.view(np.int64)))
        stores = (np.empty(5 * profiles * hours), np.empty(profiles * hours))
        _kept.shape, _kept.space = (profiles, hours), (*stores, np.empty((6, hours)), np.empty(hours, np.int32), spare)
    return _kept.space


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


@in_order
def _finish(c: Any, at: Any, store: Any, limits: Any, base: Any, found: float, scratch: Any) -> tuple[float, int]:
    """Root and curtailed hours from a found root: the same bits whatever list and start it came from.

    limits = (allowed, lowest, grid, peaks); base = (high sums, low sums, number) of hours curtailed for certain.
    """
    allowed, lowest, grid, peaks = limits
    margin, mask, shifted = scratch
    anchor, bits, step = grid
    reach = 0.0
    for k in range(c.size):
        reach += abs(c[k]) * peaks[k]
    if allowed == 0.0:
        return (max(margin.min(), 0.0), 0) if margin.size > 0 else (0.0, 0)
    load = found + NEAR * max(abs(found), 1e-3 * reach)
    count = base[1] + count_below(margin, load)
    total = 0.0
    for _ in range(400):
        select(margin, load, lowest, mask)
        total = 0.0
        for k in range(c.size):
            steps = base[0][k] + exact_sum(row(store, at, k), mask, (anchor[k], bits[k]), shifted)
            total += c[k] * (steps * step[k])
        if count <= allowed:
            break
        lower = total / (count - allowed)
        if lower >= load:
            break
        load = lower
        still = base[1] + count_below(margin, load)
        if still == count:
            break
        count = still
    if load <= 0.0:
        return 0.0, 0
    cost = (count - allowed) * load - total
    if lowest < 0.0 and count <= allowed and cost > 1e-12 * (allowed + count) * reach:
        return 0.0, 0  # plain rule: too dear even with every hour left out that helps, so there is no root
    return load, int(count)


@in_order
def _above(plane: Any, c: Any) -> Any:
    """The plane at a case: at or above its root, but for rounding."""
    value = plane[c.size]
    for k in range(c.size):
        value += c[k] * plane[k]
    return value


@in_order
def _narrow(store: Any, at: Any, box: Any, centre: Any, plane: Any, limits: Any, work: Any) -> Any:
    """Move the plane to the box's centre and bound each hour's distance from it; returns a guard for rounding.

    Leaves in `work`: distance (low, high), margin (low, high) over the box.
    """
    allowed, lowest, _, peaks = limits
    n = at[1]
    k_count = centre.size
    margin, weight = work[0][:n], work[1][:n]
    low, high, floor, ceiling = work[2][:n], work[3][:n], work[4][:n], work[5][:n]
    reach = 0.0
    for k in range(k_count):
        reach += max(abs(box[0, k]), abs(box[1, k])) * peaks[k]
    margins(store, at, centre, lowest, margin)
    _, threshold = search(margin, allowed, (0.0, 0.0), _above(plane, centre) + 1e-9 * reach)
    count = count_below(margin, threshold)
    bounds(store, at, box, np.zeros(k_count + 1), floor, ceiling)
    if count > allowed:
        mark(margin, threshold, weight)
        constant = chords(floor, ceiling, weight) if lowest == 0.0 else 0.0
        for k in range(k_count):
            plane[k] = weighted_sum(row(store, at, k), weight) / (count - allowed)
        plane[k_count] = constant / (count - allowed)
    bounds(store, at, box, plane, low, high)
    size = reach + abs(plane[k_count])
    for k in range(k_count):
        size += max(abs(box[0, k]), abs(box[1, k])) * abs(plane[k])
    return 1e-12 * size


@in_order
def _box(coefficients: Any, cases: Any, box: Any, centre: Any) -> None:
    """Bounds and mean of the coefficients of some cases."""
    for k in range(centre.size):
        low = coefficients[cases[0], k]
        high = low
        total = 0.0
        for case in cases:
            value = coefficients[case, k]
            low = min(low, value)
            high = max(high, value)
            total += value
        box[0, k] = low
        box[1, k] = high
        centre[k] = min(max(total / cases.size, low), high)


@in_order
def _cut(coefficients: Any, cases: Any, box: Any, centre: Any, effect: Any) -> int:
    """Reorder `cases` about the mean of the coefficient with the widest effect; size of the first part."""
    best = 0
    for k in range(centre.size):
        if (box[1, k] - box[0, k]) * effect[k] > (box[1, best] - box[0, best]) * effect[best]:
            best = k
    left = 0
    right = cases.size - 1
    while left <= right:
        if coefficients[cases[left], best] <= centre[best]:
            left += 1
        else:
            cases[left], cases[right] = cases[right], cases[left]
            right -= 1
    return left


@in_order
def _effects(store: Any, at: Any, plane: Any, effect: Any) -> None:
    """Distance of each profile from the plane, summed over a sample of the list."""
    step = max(1, at[1] // 64)
    for k in range(effect.size):
        r = row(store, at, k)
        effect[k] = 0.0
        for i in range(0, at[1], step):
            effect[k] += abs(r[i] - plane[k])


@in_order
def _in_play(low: float, floor: float, guard: float, lowest: float) -> bool:
    """Whether an hour may be curtailed somewhere in the box: its margin may fall below the plane.

    Plain rule: the plane of a larger share bounds the roots of smaller ones only where they are positive. There,
    short hours are curtailed in any case; kept, they lead the other cases to their answer, which is 0.
    """
    return low <= guard or (lowest < 0.0 and floor <= guard)


@in_order
def _sort_hours(n: int, distance: tuple[float, float], lowest: float, work: Any, mask: Any, chosen: Any) -> Any:
    """Undecided hours into `chosen`; `mask` set for hours curtailed for certain with a positive margin.

    Returns the number of undecided hours, and of all that are curtailed for certain.
    """
    gap, guard = distance
    low, high, floor, ceiling = work[2], work[3], work[4], work[5]
    undecided = 0
    certain = 0.0
    for i in range(n):
        mask[i] = 0
        if not _in_play(low[i], floor[i], guard, lowest):
            continue
        sure = high[i] <= -gap - guard
        if sure and (lowest < 0.0 or floor[i] >= guard):
            mask[i] = -1
            certain += 1.0
        elif sure and ceiling[i] <= -guard:
            certain += 1.0
        else:
            chosen[undecided] = i
            undecided += 1
    return undecided, certain


@in_order
def _whole(c: Any, lists: Any, limits: Any, start: float, spare: Any) -> tuple[float, int]:
    """One case on the whole list."""
    at, store = lists
    margin, mask, shifted = spare
    n = at[1]
    margins(store, at, c, limits[1], margin[:n])
    found, _ = search(margin[:n], limits[0], (0.0, 0.0), start)
    nothing = (np.zeros(c.size, dtype=np.int64), 0.0)
    return _finish(c, at, store, limits, nothing, found, (margin[:n], mask[:n], shifted))


@in_order
def _leaf(lists: Any, coefficients: Any, cases: Any, plane: Any, limits: Any, share: int, buffers: Any) -> None:
    """All cases of a leaf for one share."""
    store, at, short_store = lists
    work, spare, chosen, box, centre, allowed, load, hours = buffers
    _, lowest, grid, peaks = limits
    margin, mask, shifted = spare
    guard = _narrow(store, at, box, centre, plane, limits, work)
    gap = 0.0
    probes = min(_PROBES, cases.size)
    for j in range(probes):
        case = cases[j * (cases.size - 1) // max(probes - 1, 1)]
        above = _above(plane, coefficients[case])
        mine = (allowed[case, share], lowest, grid, peaks)
        load[case, share], hours[case, share] = _whole(coefficients[case], (at, store), mine, above + guard, spare)
        gap = max(gap, above - load[case, share])
    gap = 3.0 * gap + guard
    undecided, certain = _sort_hours(at[1], (gap, guard), lowest, work, mask, chosen)
    short = copy(store, at, chosen[:undecided], centre.size, short_store, 0)
    sums = np.empty(centre.size, dtype=np.int64)
    known = np.empty(centre.size)
    for k in range(centre.size):
        sums[k] = exact_sum(row(store, at, k), mask[: at[1]], (grid[0][k], grid[1][k]), shifted)
        known[k] = sums[k] * grid[2][k]
    for case in cases:
        c = coefficients[case]
        above = _above(plane, c)
        mine = (allowed[case, share], lowest, grid, peaks)
        total = 0.0
        for k in range(c.size):
            total += c[k] * known[k]
        margins(short_store, short, c, lowest, margin[:undecided])
        found, _ = search(margin[:undecided], mine[0], (total, certain), above + guard)
        if certain > 0.0 and (found < above - gap or mine[0] == 0.0):
            load[case, share], hours[case, share] = _whole(c, (at, store), mine, above + guard, spare)
            continue
        scratch = (margin[:undecided], mask[:undecided], shifted)
        load[case, share], hours[case, share] = _finish(c, short, short_store, mine, (sums, certain), found, scratch)


@in_order
def _tree(profile_set: Any, coefficients: Any, allowed: Any, lowest: float, results: Any, space: Any) -> None:
    """Solve all cases of one profile set."""
    profiles, grid, peaks = profile_set
    load, hours = results
    store, short_store, work, chosen, spare = space
    k_count, hour_count = profiles.shape
    for k in range(k_count):
        to_grid(profiles[k], grid[0][k], store[k * hour_count : (k + 1) * hour_count])
    box = np.empty((2, k_count))
    centre = np.empty(k_count)
    effect = np.empty(k_count)
    cases = np.arange(coefficients.shape[0])
    limits = (allowed.max(), lowest, grid, peaks)
    planes = np.zeros((_MAX_DEPTH + 2, k_count + 1))
    _box(coefficients, cases, box, centre)
    for k in range(k_count):  # the plane to begin with: a constant right of every root
        planes[0, k_count] += max(abs(box[0, k]), abs(box[1, k])) * peaks[k]
    planes[0, k_count] *= 1.0 / (1.0 - limits[0] / hour_count)
    stack = np.empty((_MAX_DEPTH + 2, 5), dtype=np.int64)  # first case, end, depth, list offset, list hours
    stack[0] = np.array([0, cases.size, 0, 0, hour_count])
    top = 1
    while top > 0:
        top -= 1
        first, end, depth = stack[top, 0], stack[top, 1], stack[top, 2]
        at = (stack[top, 3], stack[top, 4])
        part = cases[first:end]
        plane = planes[depth + 1]
        plane[:] = planes[depth]
        _box(coefficients, part, box, centre)
        middle = 0
        if depth == 0 or part.size > _LEAF:
            at = _shorten(store, at, box, centre, plane, limits, (work, chosen))
        if part.size > _LEAF and depth < _MAX_DEPTH:
            _effects(store, at, plane, effect)
            middle = _cut(coefficients, part, box, centre, effect)
        if middle == 0 or middle == part.size:
            for share in range(allowed.shape[1]):
                most = (allowed[:, share].max(), lowest, grid, peaks)
                buffers = (work, spare, chosen, box, centre, allowed, load, hours)
                _leaf((store, at, short_store), coefficients, part, plane.copy(), most, share, buffers)
            continue
        stack[top] = np.array([first + middle, end, depth + 1, at[0], at[1]])
        stack[top + 1] = np.array([first, first + middle, depth + 1, at[0], at[1]])
        top += 2


@in_order
def _shorten(store: Any, at: Any, box: Any, centre: Any, plane: Any, limits: Any, scratch: Any) -> Any:
    """Narrow a node's list; a new list behind the old one when it pays and there is room."""
    work, chosen = scratch
    guard = _narrow(store, at, box, centre, plane, limits, work)
    kept = 0
    for i in range(at[1]):
        chosen[kept] = i
        kept += _in_play(work[2, i], work[4, i], guard, limits[1])
    behind = at[0] + centre.size * at[1]
    if kept > _KEEP * at[1] or behind + centre.size * kept > store.size:
        return at
    return copy(store, at, chosen[:kept], centre.size, store, behind)
