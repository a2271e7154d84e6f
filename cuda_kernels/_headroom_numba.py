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
from ._headroom_axes import choose, plain, turn_rows
from ._headroom_box import narrow
from ._headroom_divide import divide
from ._headroom_leaf import bounds_of, in_play, solve_cases
from ._headroom_lines import cut, effects, enclose, lay_lines
from ._headroom_slow import solve_plainly
from ._headroom_space import MAX_DEPTH, leaf_scratch, lines_of, tree_scratch, workspace
from ._headroom_types import (
    GIVEN,
    MEMORY,
    PROBLEM,
    RESULT,
    Call,
    Leaf,
    Lines,
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
_APART = 1e-30  # the smallest margin over the largest for which float32 has room
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
    for how in (ordinary, False):
        load, hours, fine = _solve_all((profiles, peaks), _writable(coefficients), shares, native_first, how)
        if fine:
            break
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
    places = lines_of(len(coefficients), len(peaks))
    given, waiting, cut, fine = (profiles, steps, peaks, inverse), list[Any](), Event(), list[bool]()

    def work() -> None:
        """Solve one block after the other while there are any."""
        with workspace(*profiles.shape) as space:
            if ordinary and not (cut.is_set() and not waiting):
                _lay(given, space[:-1])  # in other threads while the cases are cut
            cut.wait()
            while True:
                try:
                    cases, spare = waiting.pop()
                except IndexError:
                    break
                problem = (coefficients, allowed, cases, Lines(places, spare, *space[-1]))
                fine.append(_solve(given, lowest, problem, (load, hours), space[:-1], ordinary))

    with helped(work, threads - 1):
        try:
            waiting += _shares_of_work(profiles, coefficients, threads)
        finally:
            cut.set()
        work()
    return load, hours, all(fine)


def _shares_of_work(profiles: Any, coefficients: Any, threads: int) -> list[Any]:
    """Cases in blocks that lie close together, none larger than a thread's share: each reads the whole year once.

    Each with as much room beside it.
    """
    cases = len(coefficients)
    order = np.arange(2 * cases)
    if threads == 1:
        return [(order[:cases], order[cases:])]
    step = max(1, profiles.shape[1] // _SAMPLE)
    sample = profiles[:, ::step]
    effect = sample.max(axis=1) - sample.min(axis=1) + 1e-3 * np.abs(sample[:, 0])  # a constant moves all hours alike
    places = np.empty((2 * threads + 1, 2), dtype=np.int64)
    count = divide(coefficients, effect, order, places, cases * 17 // (16 * threads))
    blocks = sorted(places[:count].tolist(), key=lambda block: block[1])
    return [(order[first : first + size], order[cases + first : cases + first + size]) for first, size in blocks]


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
def _shorten(tree: Tree, at: Any, box: Any, plane: Any, limits: Any, space: Leaf) -> Any:
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
def _turn(tree: Tree, given: Any, allowed: float, limits: Any, space: Leaf) -> tuple[int, int]:
    """The year's rows along axes of the cases' own, behind the year itself; where such a list begins, and its length.

    given = (coefficients, cases); limits = (call, the largest margin of the call).
    """
    call, whole = limits
    k_count, n = call.profiles.shape
    rows, axes = view(tree.rows, 0, n * k_count), space.axes
    if not choose(given, rows, allowed, limits, axes, bounds_of(space.bounds, n)):
        plain(call, whole, axes)
        return 0, n
    turn_rows(rows, n, axes, view(tree.rows, n * k_count, n * k_count))
    for i in range(n):
        tree.hours[n + i] = i
    return n, n


@lean
def _push(stack: Any, top: int, node: Any, at: Any) -> None:
    """A node to come: first case, end, depth; where its list of hours begins, and how many they are."""
    stack[top, 0], stack[top, 1], stack[top, 2] = node
    stack[top, 3], stack[top, 4] = at


@lean
def _largest(call: Call, coefficients: Any, cases: Any) -> float:
    """The largest margin that a case may have; 0: some are too small or too large for float32, or no numbers."""
    low, high = np.inf, 0.0
    fine = True
    for case in cases:
        row, reach = coefficients[case], 0.0
        for k in range(row.size):
            reach += abs(row[k]) * call.peaks[k]
            fine &= abs(row[k]) < _LARGEST
        low, high = min(low, reach), max(high, reach)
    fine &= (_ORDINARY[0] < low) & (high < _LARGEST / call.profiles.shape[1]) & (_APART * high < low)
    return high if fine else 0.0


@lean
def _most(allowed: Any, cases: Any) -> float:
    """The largest number of hours that any of the cases may curtail."""
    most = 0.0
    for case in cases:
        for share in range(allowed.shape[1]):
            most = max(most, allowed[case, share])
    return most


@lean
def _grow(call: Call, whole: float, problem: Any, result: Any, scratch: Any, space: Leaf) -> None:
    """Prune for the cases of each node, from all hours down to leaves, which are solved."""
    coefficients, allowed, cases, lines = problem
    tree, box = scratch
    k_count, hour_count = call.profiles.shape
    planes, stack, axes = tree.planes, tree.stack, space.axes
    most, at = _most(allowed, cases), (0, hour_count)
    plain(call, whole, axes)
    if cases.size > _LEAF:
        at = _turn(tree, (coefficients, cases), most, (call, whole), space)
    lay_lines(coefficients, cases, axes, lines)
    limits = (most, call.lowest, axes.peaks, axes.inverse)
    for k in range(k_count):  # the plane to begin with: a constant right of every root
        planes[0, k] = 0.0
    planes[0, k_count] = whole * (1.0 / (1.0 - most / hour_count))
    _push(stack, 0, (0, cases.size, 0), at)
    top = 1
    while top > 0:
        top -= 1
        first, end, depth = stack[top, 0], stack[top, 1], stack[top, 2]
        at = (stack[top, 3], stack[top, 4])
        part = view(cases, first, end - first)
        plane = planes[depth + 1]
        for k in range(k_count + 1):
            plane[k] = planes[depth, k]
        enclose(lines, part, box.edges, box.centre)
        middle = 0
        if part.size > (_LEAF if 2 * at[1] < hour_count else _WIDE_LEAF) and depth < MAX_DEPTH:
            at = _shorten(tree, at, box, plane, limits, space)
            effects(view(tree.rows, at[0] * k_count, at[1] * k_count), at[1], plane, axes.inverse, tree.effect)
            middle = cut(lines, part, box.edges, box.centre, tree.effect)
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
    whole = _largest(call, problem[0], problem[2])
    if whole == 0.0:
        return False
    tree, box = tree_scratch(memory[0], memory[2], memory[3], memory[4])
    _grow(call, whole, problem, result, (tree, box), space)
    return True
