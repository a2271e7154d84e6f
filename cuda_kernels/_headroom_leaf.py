"""A leaf of the numba headroom engine: few cases, one list of hours, one curtailable share.

Hours that lie below the plane by more than the plane's distance from the answers are curtailed in every case and enter
as one sum. That distance is measured on a few cases and checked for each of the others. Those that break it, and those
that float32 cannot decide (`_headroom_case`), are solved in float64 on the whole list.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ._headroom_axes import place_of, turn_back
from ._headroom_box import above, narrow, place_margins, reach_of
from ._headroom_case import descend, quick
from ._headroom_firm import solve_firm
from ._headroom_group import decide, fill, solve_group
from ._headroom_lines import effects, order
from ._headroom_lists import reach_of_case
from ._headroom_single import dot, largest_size, listed_steps, raise_to, sieve, steps_at
from ._headroom_slow import slowly
from ._headroom_types import BOX, CALL, LEAF, NODE, PROBLEM, RESULT, Bounds, Box, Call, Frame, Leaf, Part
from ._headroom_wide import solve_far_apart
from ._jit import apart, lean, view
from ._lanes import WIDTH, bits, load, number_of, pack_places, same_bits, save, single, spread

_PROBES = 3  # cases that measure how far the plane lies above the answers
_GAP = 10.0  # times the largest distance found
_WORTH = 0.9  # share of a leaf's hours above which the undecided ones are not listed by themselves
_WIDE = 6000  # hours in play beyond which cases share the hours that any of them needed,
_FAR = 3  # where they are this many times as many as the case at the centre needs
_SOME = 96  # hours in play from which on it pays to put like cases next to each other
_MAGIC = np.int64(0x4338000000000000)  # the bits of 1.5 * 2**52
_GROUP = 3  # cases that are solved side by side rather than one after the other


@lean
def _as_double(whole: Any) -> Any:
    """Lanes of int64 up to 2**51 as float64, in a form that every processor has for lanes."""
    return same_bits(whole + spread(_MAGIC)) - spread(1.5 * 2.0**52)


@lean
def _lay(call: Call, plane: Any, zero: Any, part: Part, scratch: Any) -> None:
    """Grid steps over peaks at listed hours, less a point near the plane, which is put into zero; the steps themselves,
    where the part has room for them.

    The difference is taken between integers, so that only what is left of a profile is rounded.
    """
    n = part.hours.size
    for k in range(call.peaks.size):
        row, rows, grid = call.profiles[k], view(part.rows, k * n, n), (call.grid[0][k], call.grid[1][k])
        steps = view(part.steps, k * n, n) if part.steps.size > 0 else view(scratch, 0, n)
        peak, step = call.peaks[k], call.grid[2][k]
        point = np.int64(min(max(plane[k], -peak), peak) / step)
        zero[k] = point * step
        scale = step * call.inverse[k]
        for j in range(n):
            steps[j] = steps_at(row, part.hours[j], grid)
        whole = n - n % WIDTH
        for j in range(0, whole, WIDTH):
            save(rows, j, single(_as_double(load(steps, j) - spread(point)) * spread(scale)))
        for j in range(whole, n):
            rows[j] = np.float32((steps[j] - point) * scale)


@lean
def _frame(part: Part, reach: float, call: Call, short: bool, space: Leaf) -> Frame:
    """Coordinates in which margins of the leaf's cases are of the size of one; reach = the largest of their box."""
    zero, scale, swing = space.frame[0], space.frame[1], space.frame[2]
    k_count, n = call.peaks.size, part.hours.size
    widest = 1e-4
    for k in range(k_count):
        size = np.float64(largest_size(view(part.rows, k * n, n)))
        swing[k] = size * call.peaks[k]
        widest = max(widest, size)
    unit = reach * widest
    for k in range(k_count):
        scale[k] = call.peaks[k] / unit
    return Frame(zero, scale, swing, unit, short)


@lean
def in_play(bounds: Any, i: int, guard: Any, lowest: float) -> int:
    """Which of 16 hours may be curtailed somewhere in the box: their margin may fall below the plane.

    Plain rule: the plane of a larger share bounds the roots of smaller ones only where they are positive. There,
    short hours are curtailed in any case; kept, they lead the other cases to their answer, which is 0.
    """
    kept = ~bits(spread(guard) < load(bounds.low, i))
    if lowest < 0.0:
        kept |= ~bits(spread(guard) < load(bounds.floor, i))
    return kept & ((1 << min(WIDTH, bounds.low.size - i)) - 1)


@lean
def _sort(bounds: Any, edge: Any, signs: Any, chosen: Any, certain: Any) -> tuple[int, int, int]:
    """Hours in play that are undecided, and those that are curtailed everywhere with a positive margin.

    edge = (depth below the plane that makes sure, guard); signs = (margins may be negative, lowest). Returns how
    many are undecided, certain and positive, certain and negative.
    """
    sure, guard = edge
    short, lowest = signs
    undecided, positive, negative = 0, 0, 0
    for i in range(0, bounds.low.size, WIDTH):
        kept = in_play(bounds, i, guard, lowest)
        deep = kept & bits(load(bounds.high, i) < spread(sure))
        above, short_of = deep, 0
        if short and lowest == 0.0:
            above = deep & ~bits(load(bounds.floor, i) < spread(guard))
            short_of = deep & ~above & bits(load(bounds.ceiling, i) < spread(-guard))
        open_to = kept & ~(above | short_of)
        pack_places(chosen, undecided, i, open_to)
        pack_places(certain, positive, i, above)
        undecided, positive = undecided + number_of(open_to), positive + number_of(above)
        negative += number_of(short_of)
    return undecided, positive, negative


@lean
def _part(node: Any, sizes: Any, far: bool, call: Call, space: Leaf) -> Part:
    """The undecided hours of a leaf, relative to its plane, with the sums of those that are curtailed for certain.

    Without steps where cases are far apart: each will be solved on fewer hours.
    """
    all_hours = node[1]
    row_space, hour_space, step_space = space.part
    zero, base, plane = space.frame[0], space.frame[4], space.frame[3]
    undecided, positive, negative = sizes
    k_count = call.peaks.size
    rows, steps = view(row_space, 0, k_count * undecided), view(step_space, 0, 0 if far else k_count * undecided)
    hours = view(hour_space, 0, undecided)
    for j in range(undecided):
        hours[j] = all_hours[space.chosen[j]]
    certain = view(space.sure, 0, positive)
    for j in range(positive):
        certain[j] = all_hours[certain[j]]
    for k in range(k_count):
        base[k] = 0
    listed_steps(call.profiles, call.grid, certain, base)
    part = Part(rows, steps, view(steps, 0, 0), hours, base, float(positive + negative), float(negative))
    _lay(call, plane, zero, part, space.case.mask)
    return part


@lean
def _gap(node: Any, problem: Any, share: int, units: Any, call: Call, space: Leaf) -> float:
    """The largest distance of a few cases' answers from the plane, by float32. [reach]

    units = (reach, what to add to the plane for rounding).
    """
    rows, hours, cases, _ = node
    reach, rounding = units
    x, weights, axes = view(space.case.x, 0, hours.size), space.case.weights, space.axes
    gap = 0.0
    probes = min(_PROBES, cases.size)
    for p in range(probes):
        j = p * (cases.size - 1) // max(probes - 1, 1)
        for k in range(weights.size):
            weights[k] = np.float32(place_of(problem[0][cases[j]], k, axes) * axes.peaks[k] / reach)
        dot(rows, weights, x)
        if call.lowest == 0.0:
            raise_to(x, np.float32(0.0))
        start = (above(space.frame[3], problem[0][cases[j]]) + rounding) / reach
        few = view(x, 0, sieve(x, np.float32(start), x, space.chosen))
        _, _, root = descend(few, np.float32(start), (0.0, 0.0), problem[1][cases[j], share])
        gap = max(gap, start - root)
    return gap


@lean
def _prepare(
    node: Any, box: Box, problem: Any, which: Any, call: Call, space: Leaf
) -> tuple[Frame, Part, float, float, bool]:
    """Coordinates (Frame) and undecided hours (Part) of a leaf, how deep below the plane they hold, its rounding, and
    whether its cases lie so far apart that each is better solved on hours of its own.

    which = (share, whether it is the first, whether some margin may be negative).
    """
    share, first, short = which
    rows, hours, cases, node_plane = node
    allowed, plane = problem[1], space.frame[3]
    k_count = call.peaks.size
    most = 0.0
    for j in range(cases.size):
        most = max(most, allowed[cases[j], share])
    work = bounds_of(space.bounds, hours.size)
    turned, axes = space.turned, space.axes
    for k in range(k_count + 1):
        turned[k] = node_plane[k]  # the next share begins with the node's
    guard = narrow((rows, box, turned, (most, call.lowest, axes.peaks, axes.inverse), short, work))
    turn_back(turned, axes, plane)
    reach = reach_of(box.edges, axes.peaks)
    rounding = guard * reach
    signs, nothing = (short, call.lowest), (np.float32(-np.inf), guard)
    many, sizes, depth = max(_WIDE, _FAR * _curtailed(hours.size, work)), (0, 0, 0), np.inf
    if first and hours.size > many:
        sizes = _sort(work, nothing, signs, space.chosen, space.sure)
    if most > 0.0 and sizes[0] <= 2 * many:  # so few that some of them may be certain
        depth = _GAP * _gap(node, problem, share, (reach, rounding), call, space) * reach + rounding
        edge = np.float32(-depth / reach) - np.float32(2.0) * guard
        sizes = _sort(work, (edge, guard), signs, space.chosen, space.sure)
    if depth == np.inf or sizes[0] > _WORTH * (sizes[0] + sizes[1] + sizes[2]):
        depth = np.inf
        sizes = _sort(work, nothing, signs, space.chosen, space.sure)
    far = first and depth == np.inf and sizes[0] > many
    part = _part(node, sizes, far, call, space)
    return _frame(part, reach, call, short and call.lowest == 0.0, space), part, depth, rounding, far


@lean
def _curtailed(n: int, bounds: Bounds) -> int:
    """In how many hours the case at the box's centre is curtailed."""
    count, none = 0, spread(np.float32(0.0))
    for i in range(0, n, WIDTH):
        count += number_of(bits(none < load(bounds.weight, i)))
    return count


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
        bounds.places,
    )


@lean
def _solve_one(
    j: int, node: Any, problem: Any, share: int, prepared: Any, call: Call, space: Leaf
) -> tuple[float, int]:
    """Root and curtailed hours of a case of a leaf for one share, by itself."""
    frame, part, depth, rounding, _ = prepared
    _, hours, cases, _ = node
    case = cases[j]
    c, allowed = problem[0][case], problem[1][case, share]
    top = above(space.frame[3], c) + rounding
    wanted = (allowed, top, reach_of_case(c, call.peaks))
    if allowed > 0.0 or depth == np.inf:
        done, root, curtailed = quick((c, frame, part, call, wanted, space.case))
        if done and (depth == np.inf or root >= top - depth):
            return root, curtailed
    return slowly((c, hours, call, wanted, space.double, space.case.mask))


@lean
def _solve_near(node: Any, problem: Any, share: int, prepared: Any, given: Any, space: Leaf) -> None:
    """All cases of a leaf for one share."""
    call, (loads, counts) = given
    frame, part, depth, rounding, _ = prepared
    cases, group, plane = node[2], space.group, space.frame[3]
    for first in range(0, cases.size, WIDTH):
        mine = view(cases, first, min(WIDTH, cases.size - first))
        proven, none, open_to, near = 0, 0, 0, 0
        if mine.size >= _GROUP:
            fill(mine, problem[0], problem[1], share, group)
            if bits(spread(0.0) < load(group.allowed, 0)) == 0:
                solve_firm((plane, rounding), frame, part, call, (problem[0], mine), group)
                for lane in range(mine.size):
                    loads[mine[lane], share], counts[mine[lane], share] = group.load[lane], 0
                continue
            proven, none, (open_to, near) = solve_group((plane, rounding), frame, part, call, group)
        for lane in range(mine.size):
            case, j = mine[lane], first + lane
            if (open_to >> lane) & 1 and decide(lane, problem[0][case], near, (frame, part), call, group):
                proven |= 1 << lane
            if (none >> lane) & 1:
                loads[case, share], counts[case, share] = 0.0, 0
            elif (proven >> lane) & 1 and (depth == np.inf or group.load[lane] >= group.top[lane] - depth):
                loads[case, share], counts[case, share] = group.load[lane], int(group.count[lane])
            else:
                loads[case, share], counts[case, share] = _solve_one(j, node, problem, share, prepared, call, space)


@apart(types.void(NODE, BOX, PROBLEM, CALL, RESULT, LEAF))
def solve_cases(node: Any, box: Box, problem: Any, call: Call, result: Any, space: Leaf) -> None:
    """All cases of a leaf; the share that curtails most comes first."""
    allowed, cases = problem[1], node[2]
    largest, most = 0, -1.0
    for share in range(allowed.shape[1]):
        for j in range(cases.size):
            if allowed[cases[j], share] > most:
                largest, most = share, allowed[cases[j], share]
    work = bounds_of(space.bounds, node[1].size)
    short = place_margins((node[0], box, call.lowest, space.axes.peaks, work))
    for turn in range(allowed.shape[1]):
        share = largest if turn == 0 else turn - 1 if turn <= largest else turn
        prepared = _prepare(node, box, problem, (share, turn == 0, short), call, space)
        frame, part, _, rounding, far = prepared
        if turn == 0 and part.hours.size > _SOME:
            effects(node[0], node[1].size, space.turned, space.axes.inverse, space.axes.size)
            order(problem[3], cases, space.axes.size)
        if far:
            solve_far_apart(cases, problem, (frame, part, rounding), (call, result), space)
            return
        _solve_near(node, problem, share, prepared, (call, result), space)
