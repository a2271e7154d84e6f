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

from threading import Event
from typing import Any

import numpy as np
from numba import types

from . import _exact
from ._headroom_axes import choose, plain, turn_columns, turn_plane, turn_rows
from ._headroom_box import enclose, narrow, reach_of
from ._headroom_divide import divide
from ._headroom_leaf import bounds_of, in_play, solve_cases
from ._headroom_slow import solve_plainly
from ._headroom_space import MAX_DEPTH, leaf_scratch, tree_scratch, workspace
from ._headroom_types import (
    GIVEN,
    MEMORY,
    PROBLEM,
    RESULT,
    Box,
    Call,
    Leaf,
    Tree,
    double,
    double_table,
    real,
    truth,
)
from ._helpers import cores, helped
from ._jit import entry, lean, view
from ._lanes import WIDTH, bits, load, number_of, pack, size_of, spread, where
from ._lanes import most as largest
from .headroom import _LARGEST

_LEAF = 200  # cases solved on one list
_WIDE_LEAF = 96  # the same where it holds half of the hours or more
_KEEP = 0.8  # a list is copied when it shrinks below this share of its parent's
_CASES_PER_THREAD = 512  # fewer are not worth a thread
_SAMPLE = 100  # hours that tell how far a profile swings
_ORDINARY = (1e-250, 1e250)  # profiles whose peaks lie between, or are 0, have float32 twins
_MOST_HOURS = 2**24  # float32 counts no further


def headroom(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values).
    """
    profiles, peaks = _writable(profile_set[0]), profile_set[1]
    if len(coefficients) == 0:
        return np.zeros(shares.shape), np.zeros(shares.shape, dtype=np.int64)
    ordinary = _ordinary_peaks(peaks, profiles.shape[1])
    ordinary = ordinary and bool(_ORDINARY[0] < (np.abs(coefficients) @ peaks).min())
    load, hours, _ = _solve_all((profiles, peaks), _writable(coefficients), shares, native_first, ordinary)
    return load, hours


def at_once(profiles: Any, coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any] | None:
    """As `headroom`, of arrays that nobody has looked at. None: they are not as numbers commonly are."""
    profiles, coefficients, peaks = _writable(profiles), _writable(coefficients), np.empty(len(profiles))
    if not (_peaks(profiles, peaks) and _ordinary_peaks(peaks, profiles.shape[1])):
        return None
    load, hours, fine = _solve_all((profiles, peaks), coefficients, shares, native_first, True)
    return (load, hours) if fine else None


def _writable(array: Any) -> Any:
    """A read-only array is another type to numba."""
    return np.require(array, requirements="W")


def _solve_all(
    profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool, ordinary: bool
) -> tuple[Any, Any, bool]:
    """Headroom, curtailed hours, and whether all coefficients were ordinary where that was supposed."""
    profiles, peaks = profile_set
    load, hours = np.zeros(shares.shape), np.zeros(shares.shape, dtype=np.int64)
    allowed = shares * profiles.shape[1]
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    steps = (anchor, anchor.view(np.int64), _exact.steps(anchor))
    inverse = np.divide(1.0, peaks, out=np.zeros_like(peaks), where=(peaks > 0.0) & ordinary)
    lowest = 0.0 if native_first else -np.inf
    threads = max(1, min(cores(), len(coefficients) // _CASES_PER_THREAD))
    given, waiting, cut, fine = (profiles, steps, peaks, inverse), list[Any](), Event(), list[bool]()

    def work() -> None:
        """Solve one block after the other while there are any."""
        with workspace(*profiles.shape) as space:
            if ordinary and not (cut.is_set() and not waiting):
                _lay(given, space)  # in other threads while the cases are cut
            cut.wait()
            while True:
                try:
                    order = waiting.pop()
                except IndexError:
                    break
                room = (np.concatenate([order, order, order]), np.empty((2 + len(peaks)) * len(order)))
                fine.append(_solve(given, lowest, (coefficients, allowed, *room), (load, hours), space, ordinary))

    with helped(work, threads - 1):
        try:
            waiting += _shares_of_work(profiles, coefficients, threads)
        finally:
            cut.set()
        work()
    return load, hours, all(fine)


def _shares_of_work(profiles: Any, coefficients: Any, threads: int) -> list[Any]:
    """Cases in blocks that lie close together, none larger than a thread's share: each reads the whole year once."""
    cases = len(coefficients)
    order = np.arange(2 * cases)
    if threads == 1:
        return [order[:cases]]
    step = max(1, profiles.shape[1] // _SAMPLE)
    sample = profiles[:, ::step]
    effect = sample.max(axis=1) - sample.min(axis=1) + 1e-3 * np.abs(sample[:, 0])  # a constant moves all hours alike
    places = np.empty((2 * threads + 1, 2), dtype=np.int64)
    count = divide(coefficients, effect, order, places, cases * 17 // (16 * threads))
    return sorted((order[first : first + size] for first, size in places[:count].tolist()), key=len)


def _ordinary_peaks(peaks: Any, hours: int) -> bool:
    """Whether float32 can stand in for scaled profiles."""
    low, high = _ORDINARY
    scales = peaks[peaks > 0.0]
    return bool(scales.size > 0 and hours < _MOST_HOURS and scales.min() > low and scales.max() < high)


@lean
def _tables(call: Call, rows: Any, hours: Any) -> None:
    """Profiles over their peaks in float32, and in steps of their grids."""
    k_count, n = call.profiles.shape
    for k in range(k_count):
        profile, to, steps = call.profiles[k], view(rows, k * n, n), call.steps[k]
        inverse, anchor, step = call.inverse[k], call.grid[0][k], 1.0 / call.grid[2][k]
        for i in range(n):
            to[i] = np.float32(profile[i] * inverse)
            steps[i] = np.int64(((profile[i] + anchor) - anchor) * step)
    for i in range(n):
        hours[i] = i


@lean
def _cut(table: Any, at: Any, cases: Any, box: Any, effect: Any, scratch: Any) -> int:
    """Reorder cases about the mean of the coefficient with the widest effect; size of the first part.

    table = (coefficients by column, length of one); at = where the cases begin in each; scratch = (places, numbers).
    """
    columns, length = table
    edges, centre = box
    places, numbers = scratch
    n = cases.size
    best = 0
    for k in range(effect.size):
        if (edges[1, k] - edges[0, k]) * effect[k] > (edges[1, best] - edges[0, best]) * effect[best]:
            best = k
    column, middle = view(columns, best * length + at, n), centre[best]
    left, right = 0, 0
    for i in range(n):  # without a branch that nobody can foresee
        places[left], places[n + right] = i, i
        side = 1 if column[i] <= middle else 0
        left += side
        right += 1 - side
    if left == 0 or right == 0:
        return left
    for i in range(right):
        places[left + i] = places[n + i]
    for k in range(effect.size):
        column = view(columns, k * length + at, n)
        for i in range(n):
            numbers[i] = column[places[i]]
        for i in range(n):
            column[i] = numbers[i]
    for i in range(n):
        places[i] = cases[places[i]]
    for i in range(n):
        cases[i] = places[i]
    return left


@lean
def _effects(rows: Any, n: int, plane: Any, peaks: Any, effect: Any) -> None:
    """Distance of each profile from the plane, summed over a sample of the list."""
    step = max(1, n // 64)
    for k in range(effect.size):
        effect[k] = 0.0
        for i in range(0, n, step):
            effect[k] += abs(float(rows[k * n + i]) * peaks[k] - plane[k])


@lean
def _shorten(tree: Tree, at: Any, box: Box, plane: Any, limits: Any, space: Leaf) -> Any:
    """Narrow a node's list; a new list behind the old one when it pays and there is room."""
    k_count = plane.size - 1
    first, n = at
    rows = view(tree.rows, first * k_count, n * k_count)
    work = bounds_of(space.bounds, n)
    guard, _ = narrow((rows, box, plane, limits, work))
    masks, kept = space.case.mask, 0
    for i in range(0, n, WIDTH):
        masks[i // WIDTH] = in_play(work, i, guard, limits[1])
        kept += number_of(masks[i // WIDTH])
    behind = first + n
    if kept > _KEEP * n or behind + kept > tree.hours.size:
        return first, n
    to = behind * k_count
    for k in range(k_count):
        for i in range(0, n, WIDTH):
            pack(tree.rows, to, rows, k * n + i, masks[i // WIDTH])
            to += number_of(masks[i // WIDTH])
    to = behind
    for i in range(0, n, WIDTH):
        pack(tree.hours, to, tree.hours, first + i, masks[i // WIDTH])
        to += number_of(masks[i // WIDTH])
    return behind, kept


@lean
def _turn(tree: Tree, at: Any, table: Any, plane: Any, allowed: float, call: Call, space: Leaf) -> Any:
    """Cases, plane and hours along axes of their own; the turned list lies behind the old one."""
    k_count, axes = plane.size - 1, space.axes
    first, n = at
    rows, work = view(tree.rows, first * k_count, n * k_count), bounds_of(space.bounds, n)
    if first + 2 * n + WIDTH > tree.hours.size or not choose(table, rows, allowed, call, axes, work):
        plain(call, axes)
        return at
    turn_plane(plane, call, axes)
    turn_columns(table[0], table[1], axes)
    behind = first + n
    turn_rows(rows, n, axes, view(tree.rows, behind * k_count, n * k_count))
    for i in range(n):
        tree.hours[behind + i] = tree.hours[first + i]
    return behind, n


@lean
def _push(stack: Any, top: int, node: Any, at: Any) -> None:
    """A node to come: first case, end, depth; where its list of hours begins, and how many they are."""
    stack[top, 0], stack[top, 1], stack[top, 2] = node
    stack[top, 3], stack[top, 4] = at


@lean
def _columns(call: Call, coefficients: Any, cases: Any, columns: Any) -> bool:
    """Coefficients of some cases by column; whether their margins are neither too small nor too large."""
    size, low, high = cases.size, _ORDINARY[0], _LARGEST / call.profiles.shape[1]
    fine = True
    for j in range(size):
        row, reach = coefficients[cases[j]], 0.0
        for k in range(row.size):
            columns[k * size + j] = row[k]
            reach += abs(row[k]) * call.peaks[k]
            fine &= abs(row[k]) < _LARGEST
        fine &= (low < reach) & (reach < high)  # and so no NaN
    return fine


@lean
def _most(allowed: Any, cases: Any) -> float:
    """The largest number of hours that any of the cases may curtail."""
    most = 0.0
    for case in cases:
        for share in range(allowed.shape[1]):
            most = max(most, allowed[case, share])
    return most


@lean
def _grow(call: Call, problem: Any, result: Any, scratch: Any, space: Leaf) -> None:
    """Prune for the cases of each node, from all hours down to leaves, which are solved."""
    _, allowed, order, numbers = problem
    tree, box = scratch
    k_count, hour_count = call.profiles.shape
    size = order.size // 3
    cases, places = view(order, 0, size), view(order, size, 2 * size)
    columns, numbers = view(numbers, 2 * size, k_count * size), view(numbers, size, size)
    planes, stack, axes = tree.planes, tree.stack, space.axes
    most = _most(allowed, cases)
    plain(call, axes)
    limits = (most, call.lowest, axes.peaks, axes.inverse)
    enclose((columns, size), 0, size, box.edges, box.centre)
    for k in range(k_count):  # the plane to begin with: a constant right of every root
        planes[0, k] = 0.0
    planes[0, k_count] = reach_of(box.edges, call.peaks) * (1.0 / (1.0 - most / hour_count))
    _push(stack, 0, (0, cases.size, 0), (0, hour_count))
    top = 1
    while top > 0:
        top -= 1
        first, end, depth = stack[top, 0], stack[top, 1], stack[top, 2]
        at = (stack[top, 3], stack[top, 4])
        part = view(cases, first, end - first)
        plane = planes[depth + 1]
        for k in range(k_count + 1):
            plane[k] = planes[depth, k]
        enclose((columns, size), first, part.size, box.edges, box.centre)
        middle = 0
        if part.size > (_LEAF if 2 * at[1] < hour_count else _WIDE_LEAF) and depth < MAX_DEPTH:
            at = _shorten(tree, at, box, plane, limits, space)
            if depth == 0 and part.size > _LEAF:
                at = _turn(tree, at, (columns, size), plane, most, call, space)
                enclose((columns, size), first, part.size, box.edges, box.centre)
            _effects(view(tree.rows, at[0] * k_count, at[1] * k_count), at[1], plane, axes.peaks, tree.effect)
            middle = _cut((columns, size), first, part, (box.edges, box.centre), tree.effect, (places, numbers))
        if middle == 0 or middle == part.size:
            rows, hours = view(tree.rows, at[0] * k_count, at[1] * k_count), view(tree.hours, at[0], at[1])
            solve_cases(((rows, hours, part, plane), box, problem, call, result, space))
            continue
        _push(stack, top, (first + middle, end, depth + 1), at)
        _push(stack, top + 1, (first, first + middle, depth + 1), at)
        top += 2


@lean
def _call(given: Any, lowest: float, memory: Any) -> Call:
    profiles, grid, peaks, inverse = given
    return Call(profiles, memory[3][1], grid, peaks, inverse, lowest)


@entry(truth(double_table, double))
def _peaks(profiles: Any, peaks: Any) -> bool:
    """Each profile's largest absolute value; whether all are finite numbers that are not too large."""
    fine, limit, n = (1 << WIDTH) - 1, spread(_LARGEST), profiles.shape[1]
    for k in range(peaks.size):
        row, high = profiles[k], spread(0.0)
        whole = n - n % WIDTH
        for i in range(0, whole, WIDTH):
            here = size_of(load(row, i))
            fine &= bits(here < limit)
            high = where(high < here, here, high)
        peaks[k] = largest(high)
        for i in range(whole, n):
            peaks[k] = max(peaks[k], abs(row[i]))
            fine = fine if abs(row[i]) < _LARGEST else 0
    return fine == (1 << WIDTH) - 1


@entry(types.void(GIVEN, MEMORY))
def _lay(given: Any, memory: Any) -> None:
    """Tables of a profile set, for all cases that are solved in this memory."""
    call = _call(given, 0.0, memory)
    tree, _ = tree_scratch(memory[0], memory[2], memory[3], memory[4])
    _tables(call, tree.rows, tree.hours)


@entry(truth(GIVEN, real, PROBLEM, RESULT, MEMORY, truth))
def _solve(given: Any, lowest: float, problem: Any, result: Any, memory: Any, ordinary: Any) -> bool:
    """Solve some cases of the profile set whose tables lie in memory; none are needed where float32 will not do.

    False: nothing was solved, as not all coefficients are ordinary after all.
    """
    call = _call(given, lowest, memory)
    space = leaf_scratch(memory, given[0].shape[1])
    if not ordinary:
        solve_plainly((problem, call, result, space))
        return True
    size = problem[2].size // 3
    columns = view(problem[3], 2 * size, call.peaks.size * size)
    if not _columns(call, problem[0], view(problem[2], 0, size), columns):
        return False
    tree, box = tree_scratch(memory[0], memory[2], memory[3], memory[4])
    _grow(call, problem, result, (tree, box), space)
    return True
