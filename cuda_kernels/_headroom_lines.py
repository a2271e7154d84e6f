"""Cases of the numba headroom engine on their way down the tree: lines of float32, cut in two again and again.

A line holds a case's places along the axes (`_headroom_axes`), in shares of the largest margin of the call, in as many
vectors of sixteen as there are sixteens of profiles. Lines stay where they are, only the numbers of the cases move, so
that a cut costs as much however many profiles there are; a box is the least and the largest of its lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_types import Axes, Lines
from ._jit import lean, view
from ._lanes import WIDTH, load, save, single, size_of, spread, total, where

_ALIKE = 24  # cases that need no order among themselves
_SAMPLED = 4  # times sixteen hours that tell how far a profile lies from the plane


@lean
def lay_lines(coefficients: Any, first_case: int, end: int, axes: Axes, lines: Lines) -> None:
    """Places of some cases along the axes, rounded to float32."""
    k_count, across = axes.peaks.size, lines.width
    for case in range(first_case, end):
        c = coefficients[case]
        for first in range(0, across, WIDTH):
            places = spread(c[0]) * load(axes.wide, first)
            for k in range(1, k_count):
                places = places + spread(c[k]) * load(axes.wide, k * across + first)
            save(lines.all, case * across + first, single(places))


@lean
def enclose(lines: Lines, cases: Any, edges: Any, centre: Any) -> None:
    """Bounds of the places of some cases, and their mean or nearly so."""
    across, few = lines.width, lines.few
    for at in range(0, across, WIDTH):
        low = load(lines.all, cases[0] * across + at)
        high, sums = low, spread(np.float32(0.0))
        low_too, high_too, sums_too = low, low, sums
        for i in range(0, cases.size - 1, 2):
            one, two = load(lines.all, cases[i] * across + at), load(lines.all, cases[i + 1] * across + at)
            low, low_too = where(one < low, one, low), where(two < low_too, two, low_too)
            high, high_too = where(high < one, one, high), where(high_too < two, two, high_too)
            sums, sums_too = sums + one, sums_too + two
        if cases.size % 2 == 1:
            one = load(lines.all, cases[cases.size - 1] * across + at)
            low, high, sums = where(one < low, one, low), where(high < one, one, high), sums + one
        save(few, 0, where(low < low_too, low, low_too))
        save(few, WIDTH, where(high < high_too, high_too, high))
        save(few, 2 * WIDTH, sums + sums_too)
        for lane in range(min(WIDTH, centre.size - at)):
            k = at + lane
            edges[0, k], edges[1, k] = few[lane], few[WIDTH + lane]
            centre[k] = min(max(few[2 * WIDTH + lane] / cases.size, edges[0, k]), edges[1, k])


@lean
def effects(rows: Any, n: int, plane: Any, inverse: Any, effect: Any) -> None:
    """Distance of each profile from the plane, summed over some hours of a list."""
    step = max(WIDTH, n // _SAMPLED)
    for k in range(effect.size):
        level, sums = spread(np.float32(plane[k] * inverse[k])), spread(np.float32(0.0))
        for i in range(0, n, step):
            sums = sums + size_of(load(rows, k * n + min(i, max(n - WIDTH, 0))) - level)
        effect[k] = total(sums)


@lean
def cut(lines: Lines, cases: Any, edges: Any, centre: Any, effect: Any) -> int:
    """Reorder cases about their mean place along the axis where their box has the widest effect.

    Returns the size of the first part.
    """
    across, spare, best = lines.width, lines.cases, 0
    for k in range(effect.size):
        if (edges[1, k] - edges[0, k]) * effect[k] > (edges[1, best] - edges[0, best]) * effect[best]:
            best = k
    middle, left, right = np.float32(centre[best]), 0, 0
    for i in range(cases.size):  # without a branch that nobody can foresee
        case = cases[i]
        side = 1 if lines.all[case * across + best] <= middle else 0
        cases[left], spare[right] = case, case
        left, right = left + side, right + 1 - side
    for i in range(right):
        cases[left + i] = spare[i]
    return left


@lean
def order(lines: Lines, cases: Any, effect: Any) -> None:
    """Put like cases of a leaf next to each other."""
    stack, top = lines.stack, 1
    stack[0, 0], stack[0, 1] = 0, cases.size
    while top > 0:
        top -= 1
        first, size = stack[top, 0], stack[top, 1]
        if size <= _ALIKE or top + 2 > len(stack):
            continue
        part = view(cases, first, size)
        enclose(lines, part, lines.edges, lines.centre)
        left = cut(lines, part, lines.edges, lines.centre, effect)
        if 0 < left < size:
            stack[top, 0], stack[top, 1] = first + left, size - left
            stack[top + 1, 0], stack[top + 1, 1] = first, left
            top += 2
