"""A leaf of the numba headroom engine: few cases, one list of hours, one curtailable share.

Hours that lie below the plane by more than the plane's distance from the answers are curtailed in every case and enter
as one sum. That distance is measured on a few cases and checked for each of the others, which are solved on the whole
list when they break it. Cases that float32 cannot decide (`_headroom_case`) are solved in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ._headroom_box import above, narrow, reach_of
from ._headroom_case import descend, place, quick
from ._headroom_lists import reach_of_case
from ._headroom_single import ROUNDING, largest_size, listed_steps, raise_to, shift, take
from ._headroom_slow import slowly
from ._headroom_types import BOX, CALL, LEAF, NODE, PROBLEM, RESULT, Bounds, Box, Call, Frame, Leaf, Part
from ._headroom_wide import solve_far_apart
from ._jit import apart, lean, view

_PROBES = 3  # cases that measure how far the plane lies above the answers
_GAP = 3.0  # times the largest distance found
_WORTH = 0.9  # share of a leaf's hours above which the undecided ones are not listed by themselves
_WIDE = 1024  # hours in play beyond which cases share the hours that any of them needed
_FEW = 4096  # hours whose grid steps are laid out for a leaf; of longer lists they are looked up


@lean
def _lay_steps(call: Call, hours: Any, out: Any) -> int:
    """Grid steps at listed hours, flat, of a list that is short enough; how many they are."""
    n = hours.size
    if n > _FEW:
        return 0
    for k in range(call.peaks.size):
        row, to = call.steps[k], view(out, k * n, n)
        for j in range(n):
            to[j] = row[hours[j]]
    return call.peaks.size * n


@lean
def _frame(whole: Part, edges: Any, call: Call, short: bool, space: Leaf) -> Frame:
    """Coordinates in which no margin of the leaf's cases exceeds one, and the rounding error of those margins."""
    origin, scale, _, zero, _, _ = space.frame
    k_count, n = call.peaks.size, whole.hours.size
    reach = 0.0
    unit = 0.0
    for k in range(k_count):
        largest = max(abs(edges[0, k]), abs(edges[1, k])) * call.peaks[k]
        origin[k] = float(zero[k]) * call.peaks[k]
        reach += largest
        unit += largest * float(largest_size(view(whole.rows, k * n, n), space.case.lanes))
    unit = max(unit, 1e-4 * reach)
    for k in range(k_count):
        scale[k] = call.peaks[k] / unit
    return Frame(origin, scale, unit, np.float32((3.0 * reach / unit + k_count + 8.0) * ROUNDING), short)


@lean
def kept_hours(low: Any, floor: Any, guard: Any, lowest: float, chosen: Any) -> int:
    """Hours that may be curtailed somewhere in the box: their margin may fall below the plane.

    Plain rule: the plane of a larger share bounds the roots of smaller ones only where they are positive. There,
    short hours are curtailed in any case; kept, they lead the other cases to their answer, which is 0.
    """
    kept = 0
    if lowest < 0.0:
        for i in range(low.size):
            chosen[kept] = i
            kept += 1 if (low[i] <= guard) | (floor[i] <= guard) else 0
    else:
        for i in range(low.size):
            chosen[kept] = i
            kept += 1 if low[i] <= guard else 0
    return kept


@lean
def _certain(kept: Any, edge: Any, bounds: Any, signs: Any, chosen: Any) -> tuple[int, int, int]:
    """Sort kept hours: undecided ones to the front of `chosen`, curtailed ones with a positive margin to its end.

    edge = (depth below the plane that makes sure, guard); signs = (margins may be negative, plain rule). Returns how
    many are undecided, certain and positive, certain and negative.
    """
    high, floor, ceiling = bounds
    sure, guard = edge
    short, plain = signs
    undecided, positive, negative = 0, 0, 0
    for j in range(kept.size):
        i = kept[j]
        if high[i] > sure:
            chosen[undecided] = j
            undecided += 1
        elif plain or not short or floor[i] >= guard:
            positive += 1
            chosen[kept.size - positive] = j
        elif ceiling[i] <= -guard:
            negative += 1
        else:
            chosen[undecided] = j
            undecided += 1
    return undecided, positive, negative


@lean
def _whole_part(rows: Any, hours: Any, kept: Any, space: Leaf) -> Part:
    """The whole list of a leaf: hours in play, relative to its plane."""
    row_space, hour_space = space.whole
    zero, none = space.frame[3], space.frame[4]
    n = kept.size
    whole = view(row_space, 0, zero.size * n)
    if n == hours.size:
        shift(rows, zero, whole, n)
    else:
        take(rows, hours.size, kept, zero, whole)
    for j in range(n):
        hour_space[j] = hours[kept[j]]
    for k in range(zero.size):
        none[k] = 0
    return Part(whole, view(space.case.sums, 0, 0), view(hour_space, 0, n), none, 0.0, 0.0)


@lean
def _short_part(whole: Part, sizes: Any, call: Call, space: Leaf) -> Part:
    """The undecided hours of a leaf, with the sums of those that are curtailed for certain."""
    row_space, hour_space, step_space = space.short
    chosen, zero, base = space.chosen, space.frame[3], space.frame[5]
    undecided, positive, negative = sizes
    k_count = call.peaks.size
    n = whole.hours.size
    for k in range(k_count):
        zero[k] = np.float32(0.0)
        base[k] = 0
    rows, hours = view(row_space, 0, k_count * undecided), view(hour_space, 0, undecided)
    take(whole.rows, n, view(chosen, 0, undecided), zero, rows)
    for j in range(undecided):
        hours[j] = whole.hours[chosen[j]]
    certain = view(chosen, n - positive, positive)
    for j in range(positive):
        certain[j] = whole.hours[certain[j]]
    listed_steps(call.steps, certain, base)
    steps = view(step_space, 0, _lay_steps(call, hours, step_space))
    return Part(rows, steps, hours, base, float(positive + negative), float(negative))


@lean
def _gap(cases: Any, problem: Any, share: int, lists: Any, lowest: float, space: Any) -> float:
    """The largest distance of a few cases' answers from the plane, by float32. [unit]"""
    frame, whole = lists
    coefficients, allowed, _, tops = problem
    x = view(space.x, 0, whole.hours.size)
    gap = 0.0
    probes = min(_PROBES, cases.size)
    for p in range(probes):
        j = p * (cases.size - 1) // max(probes - 1, 1)
        mine = allowed[cases[j], share]
        at_zero, floor = place(coefficients[cases[j]], frame, whole, space)
        if frame.short and lowest == 0.0:
            raise_to(x, floor)
        start = (tops[j] - at_zero) / frame.unit
        _, _, root = descend(x, np.float32(start), (0.0, mine * at_zero / frame.unit), mine)
        gap = max(gap, start - root)
    return gap


@lean
def _prepare(node: Any, box: Box, problem: Any, share: int, call: Call, space: Leaf) -> tuple[Frame, Part, Part, float]:
    """Coordinates and hours of a leaf: the whole list, the undecided ones, and how deep the latter hold.

    Leaves a load right of each case's root in problem[3].
    """
    rows, hours, cases, node_plane = node
    allowed, tops = problem[1], problem[3]
    _, _, plane, zero, _, _ = space.frame
    n, k_count = hours.size, call.peaks.size
    for k in range(k_count + 1):
        plane[k] = node_plane[k]  # the next share begins with the node's
    most = 0.0
    for j in range(cases.size):
        most = max(most, allowed[cases[j], share])
    work = bounds_of(space.bounds, n)
    guard, short = narrow((rows, box, plane, (most, call.lowest, call.peaks, call.inverse), work, space.case.lanes))
    reach = reach_of(box.edges, call.peaks)
    for j in range(cases.size):
        tops[j] = above(plane, problem[0][cases[j]]) + guard * reach
    for k in range(k_count):
        zero[k] = np.float32(plane[k] * call.inverse[k])
    kept = view(space.kept, 0, kept_hours(work.low, work.floor, guard, call.lowest, space.kept))
    whole = _whole_part(rows, hours, kept, space)
    frame = _frame(whole, box.edges, call, short and call.lowest == 0.0, space)
    if most > 0.0:
        depth = _GAP * _gap(cases, problem, share, (frame, whole), call.lowest, space.case) * frame.unit + guard * reach
        edge = (np.float32(-depth / reach) - np.float32(2.0) * guard, guard)
        signs = (short, call.lowest < 0.0)
        sizes = _certain(kept, edge, (work.high, work.floor, work.ceiling), signs, space.chosen)
        if sizes[0] < _WORTH * kept.size:
            return frame, whole, _short_part(whole, sizes, call, space), depth
    steps = view(space.short[2], 0, _lay_steps(call, whole.hours, space.short[2]))
    whole = Part(whole.rows, steps, whole.hours, whole.base, 0.0, 0.0)
    return frame, whole, whole, np.inf


@lean
def bounds_of(bounds: Any, n: int) -> Any:
    """Scratch for n hours."""
    return Bounds(
        view(bounds.x, 0, n),
        view(bounds.weight, 0, n),
        view(bounds.low, 0, n),
        view(bounds.high, 0, n),
        view(bounds.floor, 0, n),
        view(bounds.ceiling, 0, n),
    )


@lean
def _solve_near(cases: Any, problem: Any, share: int, prepared: Any, given: Any, space: Leaf) -> None:
    """All cases of a leaf for one share."""
    call, result = given
    coefficients, allowed, _, tops = problem
    load, hours = result
    frame, whole, part, depth = prepared
    for j in range(cases.size):
        case = cases[j]
        c = coefficients[case]
        wanted = (allowed[case, share], tops[j], reach_of_case(c, call.peaks))
        lists, all_hours = part, allowed[case, share] == 0.0 or depth == np.inf
        if all_hours:
            lists = whole
        while True:
            done, root, curtailed = quick((c, frame, lists, call, wanted, space.case))
            if all_hours or not done or root >= tops[j] - depth:
                break
            lists, all_hours = whole, True
        if not done:
            root, curtailed = slowly((c, whole.hours, call, wanted, space.double, space.case.mask))
        load[case, share], hours[case, share] = root, curtailed


@apart(types.void(NODE, BOX, PROBLEM, CALL, RESULT, LEAF))
def solve_cases(node: Any, box: Box, problem: Any, call: Call, result: Any, space: Leaf) -> None:
    """All cases of a leaf; the share that curtails most comes first."""
    allowed, cases = problem[1], node[2]
    largest, most = 0, -1.0
    for share in range(allowed.shape[1]):
        for j in range(cases.size):
            if allowed[cases[j], share] > most:
                largest, most = share, allowed[cases[j], share]
    for turn in range(allowed.shape[1]):
        share = largest if turn == 0 else turn - 1 if turn <= largest else turn
        frame, whole, part, depth = _prepare(node, box, problem, share, call, space)
        if turn == 0 and depth == np.inf and whole.hours.size > _WIDE:
            solve_far_apart(cases, problem, (frame, whole), (call, result), space)
            return
        _solve_near(cases, problem, share, (frame, whole, part, depth), (call, result), space)
