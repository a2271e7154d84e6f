"""Memory of the numba headroom engine: what a thread keeps from call to call, and how tree, leaf and group share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._headroom_types import Axes, Bounds, Box, Group, Leaf, Scratch, Tree
from ._jit import lean, view
from ._lanes import WIDTH

MAX_DEPTH = 40  # of the tree
_LISTS = 5  # room for lists of hours, in years

_spare: dict[tuple[int, int], list[Any]] = {}  # of one shape: popping from a list is safe from any thread


@contextmanager
def workspace(profiles: int, hours: int) -> Iterator[Any]:
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


def _width(profiles: int) -> int:
    """Numbers in a line of places (`_headroom_lines`)."""
    return -(-profiles // WIDTH) * WIDTH


def lines_of(cases: int, profiles: int) -> Any:
    """Room for the places of cases, each line at the beginning of a cache line."""
    size = cases * _width(profiles)
    memory = np.empty(size + WIDTH, dtype=np.float32)
    first = -memory.__array_interface__["data"][0] // memory.itemsize % WIDTH
    return memory[first : first + size]


def shared_memory(space: Any) -> Any:
    """Of a thread's memory what others read: lists of hours, planes, axes."""
    (rows, hours, *_), axes = space[0], space[5]
    return rows, hours, space[2][0], axes.turn, axes.peaks, axes.inverse, axes.wide


def _new_workspace(profiles: int, hours: int) -> Any:
    """Memory of one thread, by type; `leaf_scratch` says what for. Zeros, as lanes may read on behind a list."""
    size, room, wide = profiles * hours, hours + 2 * WIDTH, _width(profiles)
    lanes = WIDTH * (hours + profiles + 5)
    singles = np.zeros((_LISTS + 2) * size + WIDTH + 7 * room + lanes + 2 * profiles + 1, dtype=np.float32)
    places = np.empty(_LISTS * hours + 9 * room, dtype=np.int32)
    longs = np.empty(2 * size + 2 * hours + (WIDTH + 1) * profiles + 2 * wide, dtype=np.int64)
    doubles = np.empty(size + hours + (WIDTH + 6) * profiles + 6 * WIDTH + 1)
    flags, shifted = np.zeros(hours + 8 - hours % 8, dtype=np.uint8), np.empty(hours)
    tables = (np.empty((MAX_DEPTH + 2, profiles + 1)), np.empty((2, profiles)), np.empty(profiles + 1))
    square = (profiles, profiles)
    few = (np.empty(square, dtype=np.float32), np.empty(profiles, dtype=np.float32))
    axes = Axes._make([np.empty(shape) for shape in 5 * [square] + 5 * [profiles]] + [*few, np.zeros(wide * profiles)])
    stack = np.empty((MAX_DEPTH + 2, 5), dtype=np.int64)
    twins = (flags, flags.view(np.uint64), shifted, shifted.view(np.int64))
    shares = np.empty((3, profiles), dtype=np.float32)
    about = (wide, np.empty(3 * WIDTH, dtype=np.float32), np.empty((MAX_DEPTH, 2), dtype=np.int64))
    lines = (*about, np.empty((2, profiles)), np.empty(profiles))
    return (singles, places, longs, doubles), twins, tables, stack, shares, axes, lines


@lean
def _group_scratch(memory: Any, at: int, k_count: int, hours: int) -> Group:
    """Scratch of a group of cases, at the ends of the tree's and the leaf's."""
    f, i, g, d = memory
    x, weights = view(f, at, WIDTH * hours), view(f, at + WIDTH * hours, WIDTH * k_count)
    few = view(f, at + WIDTH * (hours + k_count), 5 * WIDTH)
    sums, room = g.size - WIDTH * k_count - hours, hours + 2 * WIDTH
    free = _LISTS * hours + 5 * room
    c = d.size - (k_count + 6) * WIDTH
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
        view(d, last + 5 * WIDTH, WIDTH),
    )


@lean
def leaf_scratch(memory: Any, hours: int) -> Leaf:
    """Scratch of a leaf and its cases, behind that of the tree."""
    (f, i, g, d), twins, tables, axes = memory[0], memory[1], memory[2], memory[5]
    k_count = tables[1].shape[1]
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
    group = _group_scratch(memory[0], at + 7 * room, k_count, hours)
    few = at + 7 * room + WIDTH * (hours + k_count + 5)
    weights, free = view(f, few, k_count), _LISTS * hours
    across, found = axes.wide.size // k_count, view(i, free + 2 * room, hours)
    steps, mask, sums = view(g, 0, size), view(g, size, hours), view(g, size + hours, across)
    base, first = view(g, size + hours + across, k_count), size + hours + across + k_count
    case = Scratch(weights, view(f, at + 6 * room, hours), mask, (twins[0], twins[1]), found, sums)
    part = (view(f, _LISTS * size, size), view(i, free + 3 * room, hours), steps)
    active = (view(f, (_LISTS + 1) * size, size), view(i, free + 4 * room, hours), view(g, first, size + across))
    few = size + hours
    swing, plane = view(d, few + 2 * k_count, k_count), view(d, few + 3 * k_count, k_count + 1)
    frame = (view(d, few, k_count), view(d, few + k_count, k_count), swing, plane, base)
    double = (view(d, 0, size), view(d, size, hours), twins[2], twins[3])
    lists = (view(i, free, hours), view(i, free + room, hours))
    return Leaf(bounds, lists[0], lists[1], case, part, active, double, frame, group, axes, tables[2])


@lean
def tree_scratch(memory: Any, tables: Any, stack: Any, shares: Any, hours: int) -> tuple[Tree, Box]:
    """Scratch of the tree, and of the box of a node."""
    f, i, _, d = memory
    k_count = tables[1].shape[1]
    few = (k_count + 1) * hours + 4 * k_count + 1
    effect, centre = view(d, few, k_count), view(d, few + k_count, k_count)
    tree = Tree(view(f, 0, _LISTS * k_count * hours), view(i, 0, _LISTS * hours), tables[0], stack, effect)
    flat = view(f, f.size - k_count - 1, k_count + 1)
    return tree, Box(tables[1], centre, shares, flat)
