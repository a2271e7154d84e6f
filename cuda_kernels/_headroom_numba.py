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

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import numpy as np
from numba import types

from . import _exact
from ._headroom_box import enclose, narrow
from ._headroom_divide import divide
from ._headroom_leaf import bounds_of, in_play, solve_cases
from ._headroom_slow import solve_plainly
from ._headroom_types import (
    GIVEN,
    MEMORY,
    PROBLEM,
    RESULT,
    Bounds,
    Box,
    Call,
    Group,
    Leaf,
    Scratch,
    Tree,
    real,
    truth,
)
from ._helpers import cores, helped
from ._jit import entry, lean, view
from ._lanes import WIDTH, number_of, pack

_LEAF = 96  # cases solved on one list
_KEEP = 0.8  # a list is copied when it shrinks below this share of its parent's
_MAX_DEPTH = 40
_CASES_PER_THREAD = 512  # fewer are not worth a thread
_SAMPLE = 100  # hours that tell how far a profile swings
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
    if len(coefficients) == 0:
        return load, hours
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    steps = (anchor, anchor.view(np.int64), _exact.steps(anchor))
    ordinary = _is_ordinary(profiles, peaks, coefficients)
    inverse = np.divide(1.0, peaks, out=np.zeros_like(peaks), where=(peaks > 0.0) & ordinary)
    # A read-only array is another type to numba, and would be compiled for again.
    profiles, coefficients = np.require(profiles, requirements="W"), np.require(coefficients, requirements="W")
    lowest = 0.0 if native_first else -np.inf
    threads = max(1, min(cores(), len(coefficients) // _CASES_PER_THREAD))
    given, waiting, cut = (profiles, steps, peaks, inverse), list[Any](), Event()

    def work() -> None:
        """Solve one block after the other while there are any."""
        with _workspace(*profiles.shape) as space:
            if ordinary and not (cut.is_set() and not waiting):
                _lay(given, space)  # in other threads while the cases are cut
            cut.wait()
            while True:
                try:
                    order = waiting.pop()
                except IndexError:
                    break
                room = (np.concatenate([order, order, order]), np.empty((2 + len(peaks)) * len(order)))
                _solve(given, lowest, (coefficients, allowed, *room), (load, hours), space, ordinary)

    with helped(work, threads - 1):
        try:
            waiting += _shares_of_work(profiles, coefficients, threads)
        finally:
            cut.set()
        work()
    return load, hours


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
    count = divide(coefficients, effect, order, places, cases // threads)
    return sorted((order[first : first + size] for first, size in places[:count].tolist()), key=len)


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
    """Memory of one thread, by type; `_leaf_scratch` says what for. Zeros, as lanes may read on behind a list."""
    size, room = profiles * hours, hours + 2 * WIDTH
    lanes = WIDTH * (hours + profiles + 4)
    singles = np.zeros((_LISTS + 2) * size + WIDTH + 7 * room + lanes + 2 * profiles + 1, dtype=np.float32)
    places = np.empty(_LISTS * hours + 9 * room, dtype=np.int32)
    longs = np.empty(size + 2 * hours + (WIDTH + 2) * profiles, dtype=np.int64)
    doubles = np.empty(size + hours + (WIDTH + 5) * profiles + 5 * WIDTH + 1)
    flags, shifted = np.zeros(hours + 8 - hours % 8, dtype=np.uint8), np.empty(hours)
    tables = (np.empty((_MAX_DEPTH + 2, profiles + 1)), np.empty((2, profiles)))
    long_tables = (np.empty((_MAX_DEPTH + 2, 5), dtype=np.int64), np.empty((profiles, hours), dtype=np.int64))
    twins = (flags, flags.view(np.uint64), shifted, shifted.view(np.int64))
    return (singles, places, longs, doubles), twins, tables, long_tables, np.empty((3, profiles), dtype=np.float32)


@lean
def _group_scratch(memory: Any, at: int, k_count: int, hours: int) -> Group:
    """Scratch of a group of cases, at the ends of the tree's and the leaf's."""
    f, i, g, d = memory
    x, weights = view(f, at, WIDTH * hours), view(f, at + WIDTH * hours, WIDTH * k_count)
    few = view(f, at + WIDTH * (hours + k_count), 4 * WIDTH)
    sums, room = g.size - WIDTH * k_count - hours, hours + 2 * WIDTH
    free = _LISTS * hours + 5 * room
    c = d.size - (k_count + 5) * WIDTH
    last = c + k_count * WIDTH
    return Group(
        x,
        weights,
        view(d, c, k_count * WIDTH),
        few,
        view(g, sums, WIDTH * k_count),
        view(g, sums + WIDTH * k_count, hours),
        view(i, free, hours),
        view(i, free + room, hours),
        view(i, free + 2 * room, hours),
        view(d, last, WIDTH),
        view(d, last + WIDTH, WIDTH),
        view(d, last + 2 * WIDTH, WIDTH),
        view(d, last + 3 * WIDTH, WIDTH),
        view(d, last + 4 * WIDTH, WIDTH),
    )


@lean
def _leaf_scratch(memory: Any, twins: Any, k_count: int, hours: int) -> Leaf:
    """Scratch of a leaf and its cases, behind that of the tree."""
    f, i, g, d = memory
    size, room = k_count * hours, hours + 2 * WIDTH
    at = (_LISTS + 2) * size + WIDTH
    bounds = Bounds(
        view(f, at, hours),
        view(f, at + room, hours),
        view(f, at + 2 * room, hours),
        view(f, at + 3 * room, hours),
        view(f, at + 4 * room, hours),
        view(f, at + 5 * room, hours),
        view(i, _LISTS * hours + 8 * room, hours),
    )
    group = _group_scratch(memory, at + 7 * room, k_count, hours)
    few = at + 7 * room + WIDTH * (hours + k_count + 4)
    weights, free = view(f, few, k_count), _LISTS * hours
    sums, base = view(g, size + hours, k_count), view(g, size + hours + k_count, k_count)
    found, steps = view(i, free + 2 * room, hours), view(g, 0, size)
    case = Scratch(weights, view(f, at + 6 * room, hours), view(g, size, hours), (twins[0], twins[1]), found, sums)
    part = (view(f, _LISTS * size, size), view(i, free + 3 * room, hours), steps)
    active = (view(f, (_LISTS + 1) * size, size), view(i, free + 4 * room, hours), steps)
    few = size + hours
    frame = (view(d, few, k_count), view(d, few + k_count, k_count), view(d, few + 2 * k_count, k_count + 1))
    double = (view(d, 0, size), view(d, size, hours), twins[2], twins[3])
    lists = (view(i, free, hours), view(i, free + room, hours))
    return Leaf(bounds, lists[0], lists[1], case, part, active, double, (*frame, base), group)


@lean
def _tree_scratch(memory: Any, tables: Any, long_tables: Any, shares: Any) -> tuple[Tree, Box]:
    """Scratch of the tree, and of the box of a node."""
    f, i, _, d = memory
    k_count, hours = long_tables[1].shape
    few = (k_count + 1) * hours + 3 * k_count + 1
    effect, centre = view(d, few, k_count), view(d, few + k_count, k_count)
    tree = Tree(view(f, 0, _LISTS * k_count * hours), view(i, 0, _LISTS * hours), tables[0], long_tables[0], effect)
    flat = view(f, f.size - k_count - 1, k_count + 1)
    return tree, Box(tables[1], centre, shares, flat)


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
def _effects(rows: Any, n: int, plane: Any, call: Call, effect: Any) -> None:
    """Distance of each profile from the plane, summed over a sample of the list."""
    step = max(1, n // 64)
    for k in range(effect.size):
        effect[k] = 0.0
        for i in range(0, n, step):
            effect[k] += abs(float(rows[k * n + i]) * call.peaks[k] - plane[k])


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
def _push(stack: Any, top: int, node: Any, at: Any) -> None:
    """A node to come: first case, end, depth; where its list of hours begins, and how many they are."""
    stack[top, 0], stack[top, 1], stack[top, 2] = node
    stack[top, 3], stack[top, 4] = at


@lean
def _grow(call: Call, problem: Any, result: Any, scratch: Any, space: Leaf) -> None:
    """Prune for the cases of each node, from all hours down to leaves, which are solved."""
    coefficients, allowed, order, numbers = problem
    tree, box = scratch
    k_count, hour_count = call.profiles.shape
    size = order.size // 3
    cases, places = view(order, 0, size), view(order, size, 2 * size)
    columns, numbers = view(numbers, 2 * size, k_count * size), view(numbers, size, size)
    for j in range(size):
        for k in range(k_count):
            columns[k * size + j] = coefficients[cases[j], k]
    planes, stack = tree.planes, tree.stack
    most = 0.0
    for case in cases:
        for share in range(allowed.shape[1]):
            most = max(most, allowed[case, share])
    limits = (most, call.lowest, call.peaks, call.inverse)
    enclose((columns, size), 0, size, box.edges, box.centre)
    total = 0.0
    for k in range(k_count):  # the plane to begin with: a constant right of every root
        planes[0, k] = 0.0
        total += max(abs(box.edges[0, k]), abs(box.edges[1, k])) * call.peaks[k]
    planes[0, k_count] = total * (1.0 / (1.0 - most / hour_count))
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
        if part.size > _LEAF and depth < _MAX_DEPTH:
            at = _shorten(tree, at, box, plane, limits, space)
            _effects(view(tree.rows, at[0] * k_count, at[1] * k_count), at[1], plane, call, tree.effect)
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


@entry(types.void(GIVEN, MEMORY))
def _lay(given: Any, memory: Any) -> None:
    """Tables of a profile set, for all cases that are solved in this memory."""
    call = _call(given, 0.0, memory)
    tree, _ = _tree_scratch(memory[0], memory[2], memory[3], memory[4])
    _tables(call, tree.rows, tree.hours)


@entry(types.void(GIVEN, real, PROBLEM, RESULT, MEMORY, truth))
def _solve(given: Any, lowest: float, problem: Any, result: Any, memory: Any, ordinary: Any) -> None:
    """Solve some cases of the profile set whose tables lie in memory; none are needed where float32 will not do."""
    call = _call(given, lowest, memory)
    space = _leaf_scratch(memory[0], memory[1], given[0].shape[0], given[0].shape[1])
    if ordinary:
        tree, box = _tree_scratch(memory[0], memory[2], memory[3], memory[4])
        _grow(call, problem, result, (tree, box), space)
    else:
        solve_plainly((problem, call, result, space))
