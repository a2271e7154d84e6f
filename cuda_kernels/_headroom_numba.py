"""numba body of the headroom kernel; `headroom.headroom_mw` holds the contract.

Certified pruning. For any set A of more than `allowed` hours, sum_A margin / (|A| - allowed) is at or above the root
and linear in the coefficients: a plane above the answers of *all* cases. A node of the tree holds cases within a box
of coefficients and the hours that may still be curtailed in any of them. It solves the case at the box's centre,
takes that case's curtailed hours as A, and drops every hour whose margin stays above the plane over the whole box
(interval arithmetic in float32, with a guard for rounding). The box is cut in two across its widest effect until few
cases are left; `_headroom_leaf` solves those.

Floored margins (native first) are followed by a chord above the kink where an hour changes sign within the box.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import _exact
from ._headroom_box import enclose, narrow
from ._headroom_case import Call
from ._headroom_leaf import kept_hours, solve_cases, solve_plainly
from ._headroom_single import take
from ._jit import in_order, lean, lent

_LEAF = 96  # cases solved on one list
_KEEP = 0.8  # a list is copied when it shrinks below this share of its parent's
_MAX_DEPTH = 40
_CASES_PER_THREAD = 512  # fewer are not worth a thread
_LISTS = 5  # room for lists of hours, in years
_ORDINARY = (1e-250, 1e250)  # profiles whose peaks lie between, or are 0, have float32 twins
_MOST_HOURS = 2**24  # float32 counts no further


def headroom(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values).
    """
    profiles, peaks = profile_set
    load = np.zeros(shares.shape)
    hours = np.zeros(shares.shape, dtype=np.int64)
    allowed = shares * profiles.shape[1]
    cases = len(coefficients)
    if cases == 0:
        return load, hours
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    grid = (anchor, anchor.view(np.int64), _exact.steps(anchor))
    ordinary = _is_ordinary(profiles, peaks, coefficients)
    inverse = np.divide(1.0, peaks, out=np.zeros_like(peaks), where=(peaks > 0.0) & ordinary)
    # A read-only array is another type to numba, and would be compiled for again.
    profiles, coefficients = np.require(profiles, requirements="W"), np.require(coefficients, requirements="W")
    lowest = 0.0 if native_first else -np.inf
    pieces = max(1, min(_cores(), cases // _CASES_PER_THREAD))
    edges = [cases * i // pieces for i in range(pieces + 1)]

    def solve(piece: int) -> None:
        part = slice(edges[piece], edges[piece + 1])
        order = np.arange(edges[piece + 1] - edges[piece])
        problem, result = (coefficients[part], allowed[part], order), (load[part], hours[part])
        with _workspace(*profiles.shape) as space:
            _solve((profiles, grid, peaks, inverse), lowest, problem, result, space, ordinary)

    if pieces == 1:
        solve(0)
    else:
        with ThreadPoolExecutor(pieces) as pool:
            list(pool.map(solve, range(pieces)))
    return load, hours


def _is_ordinary(profiles: Any, peaks: Any, coefficients: Any) -> bool:
    """Whether float32 can stand in for scaled profiles and coefficients."""
    low, high = _ORDINARY
    scales = peaks[peaks > 0.0]
    if scales.size == 0 or profiles.shape[1] >= _MOST_HOURS or not (scales.min() > low and scales.max() < high):
        return False
    reach = (np.abs(coefficients) @ peaks).min()
    return bool(low < reach)


_spare: dict[tuple[int, int], list[Any]] = {}  # of one shape: popping from a list is safe from any thread


@contextmanager
def _workspace(profiles: int, hours: int) -> Iterator[Any]:
    """Scratch arrays, kept from call to call: fresh ones would cost more than a small call itself."""
    shape = (profiles, hours)
    if shape not in _spare:
        _spare.clear()
    kept = _spare.setdefault(shape, [])
    try:
        space = kept.pop()
    except IndexError:
        space = _new_workspace(profiles, hours)
    yield space
    kept.append(space)


def _new_workspace(profiles: int, hours: int) -> Any:
    size = profiles * hours
    singles = np.empty((_LISTS + 2) * size + 7 * hours + profiles + 16, dtype=np.float32)
    places = np.empty((_LISTS + 5) * hours, dtype=np.int32)
    flags = np.zeros(hours + 8 - hours % 8, dtype=np.uint8)
    shifted = np.empty(hours)
    longs = np.empty(2 * size + hours + profiles, dtype=np.int64)
    doubles = np.empty(size + hours)
    twins = (flags, flags.view(np.uint64)), (shifted, shifted.view(np.int64))
    return (singles, places, longs, doubles, *twins)


@in_order
def _lay_out(memory: Any, k_count: int, hours: int) -> Any:
    """Scratch by use: lists of the tree; bounds, lists, cases, parts and float64 of a leaf; grid steps."""
    singles, places, longs, doubles, flags, shifted = memory
    f, i, g, d = lent(singles), lent(places), lent(longs), lent(doubles)
    size = k_count * hours
    at = (_LISTS + 2) * size
    store = (f[: _LISTS * size], i[: _LISTS * hours])
    bounds = (
        f[at : at + hours],
        f[at + hours : at + 2 * hours],
        f[at + 2 * hours : at + 3 * hours],
        f[at + 3 * hours : at + 4 * hours],
        f[at + 4 * hours : at + 5 * hours],
        f[at + 5 * hours : at + 6 * hours],
    )
    x, weights = f[at + 6 * hours : at + 7 * hours], f[at + 7 * hours : at + 7 * hours + k_count]
    free = i[_LISTS * hours :]
    lists = (free[:hours], free[hours : 2 * hours])
    found, whole_hours, short_hours = free[2 * hours : 3 * hours], free[3 * hours : 4 * hours], free[4 * hours :]
    mask, sums = g[2 * size : 2 * size + hours], g[2 * size + hours :]
    case = (weights, x, mask, (lent(flags[0]), lent(flags[1])), found, sums, f[at + 7 * hours + k_count :])
    whole = f[_LISTS * size : (_LISTS + 1) * size]
    parts = ((whole, whole_hours), (f[(_LISTS + 1) * size : at], short_hours, g[size : 2 * size]))
    double = (d[:size], d[size:], (lent(shifted[0]), lent(shifted[1])))
    return store, (bounds, lists, case, parts, double), g[:size].reshape((k_count, hours))


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


@lean
def _tables(call: Call, rows: Any, hours: Any) -> None:
    """Profiles over their peaks in float32, and in steps of their grids."""
    k_count, n = call.profiles.shape
    for k in range(k_count):
        profile, to, steps = call.profiles[k], rows[k * n : (k + 1) * n], call.steps[k]
        inverse, anchor, step = call.inverse[k], call.grid[0][k], 1.0 / call.grid[2][k]
        for i in range(n):
            to[i] = np.float32(profile[i] * inverse)
            steps[i] = np.int64(((profile[i] + anchor) - anchor) * step)
    for i in range(n):
        hours[i] = i


@lean
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


@lean
def _effects(rows: Any, n: int, plane: Any, call: Call, effect: Any) -> None:
    """Distance of each profile from the plane, summed over a sample of the list."""
    step = max(1, n // 64)
    for k in range(effect.size):
        effect[k] = 0.0
        for i in range(0, n, step):
            effect[k] += abs(float(rows[k * n + i]) * call.peaks[k] - plane[k])


@in_order
def _shorten(store: Any, at: Any, box: Any, centre: Any, plane: Any, scratch: Any) -> Any:
    """Narrow a node's list; a new list behind the old one when it pays and there is room."""
    row_store, hour_store = store
    limits, bounds, chosen = scratch
    k_count = centre.size
    first, n = at
    rows = row_store[first * k_count : (first + n) * k_count]
    work = (bounds[0][:n], bounds[1][:n], bounds[2][:n], bounds[3][:n], bounds[4][:n], bounds[5][:n])
    guard, _ = narrow(rows, box, centre, plane, limits, work)
    kept = kept_hours(work[2], work[4], guard, limits[1], chosen)
    behind = first + n
    if kept > _KEEP * n or behind + kept > hour_store.size:
        return at
    take(rows, n, chosen[:kept], np.zeros(k_count, dtype=np.float32), row_store[behind * k_count :])
    for j in range(kept):
        hour_store[behind + j] = hour_store[first + chosen[j]]
    return behind, kept


@in_order
def _solve(given: Any, lowest: float, problem: Any, result: Any, memory: Any, ordinary: bool) -> None:
    """Solve all cases of one profile set. given = (profiles, grid, peaks, 1 / peaks)."""
    profiles, grid, peaks, inverse = given
    store, space, steps = _lay_out(memory, profiles.shape[0], profiles.shape[1])
    lent_grid = (lent(grid[0]), lent(grid[1]), lent(grid[2]))
    call = Call(lent(profiles), steps, lent_grid, lent(peaks), lent(inverse), lowest)
    lent_problem = (lent(problem[0]), lent(problem[1]), lent(problem[2]))  # owned by the caller: see lent
    lent_result = (lent(result[0]), lent(result[1]))
    if ordinary:
        _tables(call, store[0], store[1])
        _tree(call, lent_problem, lent_result, store, space)
    else:
        solve_plainly(lent_problem[:2], call, lent_result, space)


@in_order
def _tree(call: Call, problem: Any, result: Any, store: Any, space: Any) -> None:
    """Prune for the cases of each node, from all hours down to leaves, which are solved."""
    coefficients, allowed, cases = problem
    k_count, hour_count = call.profiles.shape
    box = np.empty((2, k_count))
    centre = np.empty(k_count)
    effect = np.empty(k_count)
    limits = (allowed.max(), call.lowest, call.peaks, call.inverse)
    planes = np.zeros((_MAX_DEPTH + 2, k_count + 1))
    enclose(coefficients, cases, box, centre)
    for k in range(k_count):  # the plane to begin with: a constant right of every root
        planes[0, k_count] += max(abs(box[0, k]), abs(box[1, k])) * call.peaks[k]
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
        enclose(coefficients, part, box, centre)
        middle = 0
        if part.size > _LEAF and depth < _MAX_DEPTH:
            at = _shorten(store, at, box, centre, plane, (limits, space[0], space[1][0]))
            rows = store[0][at[0] * k_count : (at[0] + at[1]) * k_count]
            _effects(rows, at[1], plane, call, effect)
            middle = _cut(coefficients, part, box, centre, effect)
        if middle == 0 or middle == part.size:
            rows = store[0][at[0] * k_count : (at[0] + at[1]) * k_count]
            hours = store[1][at[0] : at[0] + at[1]]
            node = (rows, hours, part, plane, box, centre)
            solve_cases(node, (coefficients, allowed), call, result, space)
            continue
        stack[top] = np.array([first + middle, end, depth + 1, at[0], at[1]])
        stack[top + 1] = np.array([first, first + middle, depth + 1, at[0], at[1]])
        top += 2
