"""A leaf of the numba headroom engine: few cases, one list of hours, one curtailable share.

Hours that lie below the plane by more than the plane's distance from the answers are curtailed in every case and enter
as one sum. That distance is measured on a few cases and checked for each of the others, which are solved on the whole
list when they break it. Cases that float32 cannot decide (`_headroom_case`) are solved in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_box import above, narrow, reach_of
from ._headroom_case import Call, Frame, Part, descend, place, quick
from ._headroom_lists import gather, solve
from ._headroom_single import ROUNDING, largest_size, listed_steps, raise_to, shift, take
from ._headroom_wide import first_active, solve_wide
from ._jit import in_order, lean

_PROBES = 3  # cases that measure how far the plane lies above the answers
_GAP = 3.0  # times the largest distance found
_WORTH = 0.9  # share of a leaf's hours above which the undecided ones are not listed by themselves
_WIDE = 1024  # hours in play beyond which cases share the hours that any of them needed
_FEW = 4096  # hours whose grid steps are laid out for a leaf; of longer lists they are looked up


@in_order
def _steps_of(call: Call, hours: Any, out: Any) -> Any:
    """Grid steps at listed hours, flat, for a list that is short enough."""
    if hours.size > _FEW:
        return out[:0]
    n = hours.size
    for k in range(call.peaks.size):
        row, to = call.steps[k], out[k * n : (k + 1) * n]
        for j in range(n):
            to[j] = row[hours[j]]
    return out[: call.peaks.size * n]


@in_order
def _frame(rows: Any, n: int, zero: Any, box: Any, call: Call, short: bool) -> Frame:
    """Coordinates in which no margin of the leaf's cases exceeds one, and the rounding error of those margins."""
    k_count = call.peaks.size
    origin = np.empty(k_count)
    scale = np.empty(k_count)
    lanes = np.empty(16, dtype=np.float32)
    reach = 0.0
    unit = 0.0
    for k in range(k_count):
        largest = max(abs(box[0, k]), abs(box[1, k])) * call.peaks[k]
        origin[k] = float(zero[k]) * call.peaks[k]
        reach += largest
        unit += largest * float(largest_size(rows[k * n : (k + 1) * n], lanes))
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


@in_order
def _parts(rows: Any, hours: Any, kept: Any, zero: Any, space: Any) -> Part:
    """The whole list of a leaf: hours in play, relative to its plane."""
    row_space, hour_space = space
    n = kept.size
    whole = row_space[: zero.size * n]
    if n == hours.size:
        shift(rows, zero, whole, n)
    else:
        take(rows, hours.size, kept, zero, whole)
    for j in range(n):
        hour_space[j] = hours[kept[j]]
    none = np.zeros(zero.size, dtype=np.int64)
    return Part(whole, np.empty(0, dtype=np.int64), hour_space[:n], none, 0.0, 0.0)


@in_order
def _short_part(whole: Part, chosen: Any, sizes: Any, call: Call, space: Any) -> Part:
    """The undecided hours of a leaf, with the sums of those that are curtailed for certain."""
    row_space, hour_space, step_space = space
    undecided, positive, negative = sizes
    k_count = call.peaks.size
    n = whole.hours.size
    rows = row_space[: k_count * undecided]
    take(whole.rows, n, chosen[:undecided], np.zeros(k_count, dtype=np.float32), rows)
    for j in range(undecided):
        hour_space[j] = whole.hours[chosen[j]]
    hours = hour_space[:undecided]
    certain = np.empty(positive, dtype=np.int32)
    for j in range(positive):
        certain[j] = whole.hours[chosen[n - positive + j]]
    base = np.zeros(k_count, dtype=np.int64)
    listed_steps(call.steps, certain, base)
    return Part(rows, _steps_of(call, hours, step_space), hours, base, float(positive + negative), float(negative))


@lean
def _gap(coefficients: Any, cases: Any, tops: Any, frame: Frame, whole: Part, wanted: Any, space: Any) -> float:
    """The largest distance of a few cases' answers from the plane, by float32. [unit]"""
    allowed, share, lowest = wanted
    x = space[1][: whole.hours.size]
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


@in_order
def _prepare(node: Any, problem: Any, share: int, call: Call, space: Any) -> tuple[Frame, Part, Part, float, Any]:
    """Coordinates and hours of a leaf: the whole list, the undecided ones, how deep the latter hold, and the plane."""
    rows, hours, cases, plane, box, centre = node
    plane = plane.copy()  # the next share begins with the node's
    coefficients, allowed = problem
    bounds, lists, case_space, part_spaces = space
    n = hours.size
    most = 0.0
    for case in cases:
        most = max(most, allowed[case, share])
    x, weight, low, high = bounds[0][:n], bounds[1][:n], bounds[2][:n], bounds[3][:n]
    floor, ceiling = bounds[4][:n], bounds[5][:n]
    limits = (most, call.lowest, call.peaks, call.inverse)
    guard, short = narrow(rows, box, centre, plane, limits, (x, weight, low, high, floor, ceiling))
    reach = reach_of(box, call.peaks)
    tops = np.empty(cases.size)
    for j in range(cases.size):
        tops[j] = above(plane, coefficients[cases[j]]) + guard * reach
    zero = np.empty(call.peaks.size, dtype=np.float32)
    for k in range(zero.size):
        zero[k] = np.float32(plane[k] * call.inverse[k])
    kept = lists[0][: kept_hours(low, floor, guard, call.lowest, lists[0])]
    whole = _parts(rows, hours, kept, zero, part_spaces[0])
    frame = _frame(whole.rows, kept.size, zero, box, call, short and call.lowest == 0.0)
    if most > 0.0:
        gap = _gap(coefficients, cases, tops, frame, whole, (allowed, share, call.lowest), case_space)
        depth = _GAP * gap * frame.unit + guard * reach
        edge = (np.float32(-depth / reach) - np.float32(2.0) * guard, guard)
        signs = (short, call.lowest < 0.0)
        sizes = _certain(kept, edge, (high, floor, ceiling), signs, lists[1])
        if sizes[0] < _WORTH * kept.size:
            return frame, whole, _short_part(whole, lists[1], sizes, call, part_spaces[1]), depth, tops
    steps = _steps_of(call, whole.hours, part_spaces[1][2])
    whole = Part(whole.rows, steps, whole.hours, whole.base, 0.0, 0.0)
    return frame, whole, whole, np.inf, tops


@lean
def _reach(c: Any, peaks: Any) -> float:
    """The largest margin a case can have."""
    reach = 0.0
    for k in range(c.size):
        reach += abs(c[k]) * peaks[k]
    return reach


@lean
def _slowly(c: Any, whole: Part, call: Call, wanted: Any, space: Any) -> tuple[float, int]:
    """A case that float32 cannot decide, in float64. wanted = (allowed, a load right of the root)."""
    case_space, double_space = space[2], space[4]
    n = whole.hours.size
    gather(call.profiles, call.grid[0], whole.hours, double_space[0])
    limits = (wanted[0], call.lowest, call.grid, call.peaks)
    scratch = (double_space[1][:n], case_space[2][:n], double_space[2])
    return solve(double_space[0], c, limits, wanted[1], scratch)


@in_order
def solve_cases(node: Any, problem: Any, call: Call, result: Any, space: Any) -> None:
    """All cases of a leaf. node = (rows, hours, cases, plane, box, centre of the box)."""
    allowed = problem[1]
    largest = 0
    for share in range(allowed.shape[1]):
        if allowed[node[2], share].max() > allowed[node[2], largest].max():
            largest = share
    prepared = _prepare(node, problem, largest, call, space[:4])
    if prepared[3] == np.inf and prepared[1].hours.size > _WIDE:
        _solve_far_apart(node, problem, prepared, (call, result), space)
        return
    _solve_near(node, problem, largest, (call, result, prepared), space)
    for share in range(allowed.shape[1]):
        if share != largest:
            prepared = _prepare(node, problem, share, call, space[:4])
            _solve_near(node, problem, share, (call, result, prepared), space)


@lean
def _solve_near(node: Any, problem: Any, share: int, given: Any, space: Any) -> None:
    """All cases of a leaf for one share."""
    cases = node[2]
    call, result, prepared = given
    coefficients, allowed = problem
    load, hours = result
    frame, whole, part, depth, tops = prepared
    for j in range(cases.size):
        case = cases[j]
        c = coefficients[case]
        mine = allowed[case, share]
        wanted = (mine, tops[j], _reach(c, call.peaks))
        done, root, curtailed = False, 0.0, 0
        if mine > 0.0:
            done, root, curtailed = quick(c, frame, part, call, wanted, space[2])
        if mine == 0.0 or (done and root < tops[j] - depth):
            done, root, curtailed = quick(c, frame, whole, call, wanted, space[2])
        if not done:
            root, curtailed = _slowly(c, whole, call, (mine, tops[j]), space)
        load[case, share], hours[case, share] = root, curtailed


@in_order
def _solve_far_apart(node: Any, problem: Any, prepared: Any, given: Any, space: Any) -> None:
    """All cases of a leaf for all shares, on hours that other cases needed."""
    cases = node[2]
    call, result = given
    coefficients, allowed = problem
    load, hours = result
    frame, whole, _, _, tops = prepared
    bounds, lists, case_space, part_spaces, _ = space
    n = whole.hours.size
    wide_space = (case_space, bounds[4][:n], bounds[0][:n], lists[1], part_spaces[1])
    active = first_active(whole, bounds[1], lists[0], call, wide_space)
    for j in range(cases.size):
        case = cases[j]
        c = coefficients[case]
        wanted = (allowed[case], tops[j], _reach(c, call.peaks), load[case], hours[case])
        done, active = solve_wide(c, frame, (whole, active), call, wanted, wide_space)
        if not done:
            for share in range(allowed.shape[1]):
                mine = (allowed[case, share], tops[j])
                load[case, share], hours[case, share] = _slowly(c, whole, call, mine, space)


@in_order
def solve_plainly(problem: Any, call: Call, result: Any, space: Any) -> None:
    """Every case on every hour, in float64: for numbers too large or too small for float32."""
    coefficients, allowed = problem
    load, hours = result
    case_space, double_space = space[2], space[4]
    n = call.profiles.shape[1]
    gather(call.profiles, call.grid[0], np.arange(n), double_space[0])
    scratch = (double_space[1][:n], case_space[2][:n], double_space[2])
    for case in range(coefficients.shape[0]):
        c = coefficients[case]
        reach = _reach(c, call.peaks)
        for share in range(allowed.shape[1]):
            limits = (allowed[case, share], call.lowest, call.grid, call.peaks)
            start = reach / (1.0 - allowed[case, share] / n)
            load[case, share], hours[case, share] = solve(double_space[0], c, limits, start, scratch)
