"""numba body of the network kernel; `network.network_headroom` holds the contract.

Hours that are served at a load right of the root are served at every lower one. Most are found by evening out in
float32 (`_network_sift`), which also gives the others a flow to begin with. It is augmented along shortest residual
paths from areas with surplus to short ones; when none is left, the areas from which a short one can still be reached
are the tightest set. Its unserved load is then computed from the set itself, so that rounding in the flow cannot leak.
The hour keeps its flow for the next, lower load, where little changes.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ._jit import in_order, lean
from ._network_flow import NONE, ONE, Ways, augment, ends_of, imports_into, lay, links_of, lowest, members, ways_of
from ._network_hours import ENDLESS, Rough, case_of, look_at, of_side, walk
from ._network_margins import copper_plate
from ._network_numpy import BEYOND, LEAST_START, MAX_STEPS, NEGLIGIBLE, SETTLED
from ._network_sift import margins, shared, sifting, singles, units

_CASES_PER_THREAD = 4
_AT_ONCE = 4  # cases whose margins are computed together: reading the profiles takes longer than using them


def unserved(deficit: Any, network: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """Unserved load (hour,), short side (hour, area), transfers (hour, area, area). network : limits, caps."""
    hours, areas = deficit.shape
    limits, caps = network
    if np.isfinite(caps).any():  # evening out beyond the need may pass a cap on the way
        from ._network_numpy import unserved as side_by_side

        return side_by_side(deficit, network)
    most = ENDLESS * max(float(np.abs(deficit).sum(axis=1).max(initial=0.0)), 1e-300)
    limits = np.require(np.minimum(np.where(np.eye(areas, dtype=bool), 0.0, limits), most), requirements=["C", "W"])
    ways = ways_of(ends_of(limits > 0.0), areas)
    start, end = ways.ends
    both = np.stack([limits[start, end], limits[end, start]])
    value, side, sent = np.zeros(hours), np.zeros(hours, np.uint64), np.zeros((hours, len(start)))
    _unserved(np.require(deficit, requirements="W"), (both, limits, links_of(limits)), (value, side, sent), ways)
    transfer = np.zeros((hours, areas, areas))
    transfer[:, start, end], transfer[:, end, start] = np.maximum(sent, 0.0), np.maximum(-sent, 0.0)
    return value, members(side, areas), transfer


@in_order
def _unserved(deficit: Any, network: Any, found: Any, ways: Ways) -> None:
    limits, matrix, words = network
    value, side, sent = found
    areas, count = deficit.shape[1], limits.shape[1]
    net, residual, links = np.empty(areas), np.empty(2 * count), np.empty((2, areas), np.uint64)
    for h in range(deficit.shape[0]):
        lay(sent[h], limits, ways.ends, (net, residual, links))
        tightest = augment(-deficit[h], residual, links, ways)
        sent[h] = limits[0] - residual[:count]
        short, _ = of_side(tightest, -deficit[h], 0.0, deficit[h])
        short -= imports_into(tightest, matrix, words)
        if short > 0.0:
            value[h] = short
            side[h] = tightest


def headroom(
    profiles: Any, coefficients: Any, network: tuple[Any, Any], weights: Any, shares: Any, firmer: Any
) -> tuple[Any, ...]:
    """All cases; fields of network.NetworkHeadroom. network : limits, caps. Inputs checked by the caller.

    firmer : (case, area) of network_headroom's firm_extra_mw
    """
    cases, row, areas = len(coefficients), shares.shape[1], profiles.shape[0]
    shape = (cases, row)
    results = (
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape, np.int64),
        np.zeros(cases),
        np.zeros(cases, np.int64),
        np.zeros((*shape, areas), np.bool_),
        np.zeros(shape, np.int64),
        np.zeros((*shape, areas), np.int64),
    )
    if cases == 0:
        return results
    fixed = _fixed(profiles, coefficients, network, weights)
    order = np.argsort(-shares, axis=1, kind="stable")
    asked = (shares * profiles.shape[2], order, np.require(firmer, requirements=["C", "W"]))
    pieces = max(1, min(_cores(), cases // _CASES_PER_THREAD))
    edges = [cases * i // pieces for i in range(pieces + 1)]

    def solve(piece: int) -> None:
        room = _room(profiles.shape, fixed[0].ends)
        _cases(edges[piece], edges[piece + 1], fixed, asked, results, room)

    if pieces == 1:
        solve(0)
    else:
        with ThreadPoolExecutor(pieces) as pool:
            list(pool.map(solve, range(pieces)))
    return results


def curtailed(profiles: Any, coefficients: Any, network: tuple[Any, Any], load: Any) -> Any:
    """Curtailment (case, hour) of loads (case, area). network : limits, caps. Inputs checked by the caller."""
    found, total = np.zeros((len(load), profiles.shape[2])), load.sum(axis=1)
    if len(load):
        weights = np.divide(load, total[:, None], out=np.zeros_like(load), where=total[:, None] > 0.0)
        fixed = _fixed(profiles, coefficients, network, weights)
        _curtailed(fixed, total, found, _room(profiles.shape, fixed[0].ends))
    return found


def _fixed(profiles: Any, coefficients: Any, network: tuple[Any, Any], weights: Any) -> tuple[Any, Any]:
    """What the cases of a call share, and what each has of its own."""
    limits, caps = network
    clean = np.where(np.eye(profiles.shape[0], dtype=bool), 0.0, limits)
    given = shared(profiles, clean)
    there, back = clean[:, given.ends[0], given.ends[1]], clean[:, given.ends[1], given.ends[0]]
    by_case = [coefficients, clean, links_of(clean), np.stack([there, back], axis=1), weights, caps]
    # one type for all calls
    return given, tuple(np.require(values, requirements=["C", "W"]) for values in by_case)


def _room(shape: tuple[int, int, int], ends: Any) -> tuple[Any, ...]:
    """Scratch of one thread: some cases' margins, what sifts them, hours of one case, walks, and the areas as one."""
    areas, _, hours = shape
    links = ends.shape[1]
    sets = [(np.empty(hours), np.empty(hours), np.zeros(hours, np.uint64)) for _ in range(2)]
    search = (ways_of(ends, areas), np.empty(areas), np.empty(areas))
    walks = (np.empty(hours, np.int64), np.zeros(hours), search, *sets)
    state = [np.empty((hours, size)) for size in (areas, areas, 2 * links)]
    looked_at = (np.empty((hours, links)), (*state, np.empty((hours, 2, areas), np.uint64)))
    as_one = (np.empty(areas), np.empty(hours, np.float32), np.empty(hours))
    return singles(_AT_ONCE, shape), sifting(areas, links, hours), looked_at, walks, as_one


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


@in_order
def _start(load: float, asked: tuple[float, float], fixed: Any, room: Any) -> Any:
    """The case, a load right of the root, and the hours short there (first `count` of `hours`), with native shortage.

    asked = (allowed hours, tolerance).
    """
    allowed, tolerance = asked
    hours, native, _, found, spare = room[3]
    value, slope, _ = found
    case, looked_at = look_at(load, fixed, room)
    count = 0
    beyond = BEYOND
    for _ in range(MAX_STEPS):
        hours[:looked_at] = np.arange(looked_at)
        walk(load, hours, looked_at, case, room[3], found)
        native[:looked_at] = 0.0
        count = _keep(looked_at, 0.0, hours, native, found)
        walk(0.0, hours, count, case, room[3], spare)
        cost, rise, short = -allowed * load, -allowed, 0
        for at in range(count):
            native[at] = spare[0][at]
            excess = value[at] - native[at]
            if excess > tolerance:
                cost += excess
                rise += slope[at]
                short += 1
        if (short > 0) if allowed == 0.0 else (cost > tolerance):
            break
        beyond *= 10.0
        load = (load - cost / rise) * (1.0 + beyond) if rise > 0.0 else 2.0 * load
        case, looked_at = look_at(load, fixed, room)
    return case, load, count


@lean
def _descend(load: float, count: int, allowed: float, tolerance: float, case: Any, room: Any) -> Any:
    """Newton from right of the root, where `found` holds the hours' cuts; the root, and how many hours are kept.

    The hours kept, short at the last load that was looked at, lead `hours`, `native` and `found`. Each step goes to the
    root for the cuts at hand, which never lies left of the true one, and only then looks for tighter cuts.
    """
    hours, native, _, found, _ = room
    for _ in range(MAX_STEPS):
        lower = _root_of_cuts(load, count, allowed, tolerance, native, found)
        if lower <= 0.0:
            return 0.0, 0
        if load - lower <= 1e-13 * load:
            return lower, count
        load = lower
        walk(load, hours, count, case, room, found)
        count = _keep(count, tolerance, hours, native, found)
        if count == 0:
            return load, 0
    return load, count


@lean
def _root_of_cuts(load: float, count: int, allowed: float, tolerance: float, native: Any, found: Any) -> float:
    """Root right of the true one if the cuts in `found`, taken at `load`, were the only ones."""
    value, slope, _ = found
    at_load = load
    if allowed == 0.0:
        for at in range(count):
            if value[at] - native[at] > tolerance:
                load = min(load, at_load - (value[at] - native[at]) / slope[at])
        return load
    for _ in range(MAX_STEPS):
        cost = -allowed * load
        rise = -allowed
        for at in range(count):
            excess = value[at] - native[at] - (at_load - load) * slope[at]
            if excess > tolerance:
                cost += excess
                rise += slope[at]
        if rise <= 0.0 or cost <= SETTLED * tolerance:
            return load
        lower = load - cost / rise
        if lower <= 0.0:
            return 0.0
        if load - lower <= 1e-13 * load:
            return lower
        load = lower
    return load


@lean
def _keep(count: int, tolerance: float, hours: Any, native: Any, found: Any) -> int:
    """Move the hours that are still curtailed to the front; how many they are."""
    value, slope, member = found
    kept = 0
    for at in range(count):
        if value[at] - native[at] > tolerance:
            hours[kept] = hours[at]
            native[kept] = native[at]
            value[kept] = value[at]
            slope[kept] = slope[at]
            member[kept] = member[at]
            kept += 1
    return kept


@in_order
def _binding(member: Any, count: int, cut: Any, by_area: Any) -> int:
    """Most frequent set among member[:count] into `cut`; its hours. Hours of each area into `by_area`."""
    best = 0
    winner = NONE
    counted = np.zeros(count, np.bool_)
    for first in range(count):
        left = member[first]
        while left != NONE:
            by_area[lowest(left)] += 1
            left &= left - ONE
        if counted[first]:
            continue
        same = 0
        for other in range(first, count):
            if member[first] == member[other]:
                counted[other] = True
                same += 1
        if same > best:
            best = same
            winner = member[first]
    while winner != NONE:
        cut[lowest(winner)] = True
        winner &= winner - ONE
    return best


@in_order
def _cases(first: int, end: int, fixed: Any, asked: Any, results: Any, room: Any) -> None:
    """Solve cases first..end."""
    reach, unit = np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    for start in range(first, end, _AT_ONCE):
        until = min(start + _AT_ONCE, end)
        _roughly(start, until, fixed, (reach, unit), room[0])
        for case in range(start, until):
            one = _one(case, case - start, fixed, (reach, unit), room[0])
            _case(case, one, (asked[0][case], asked[1][case], asked[2][case]), results, room)


@in_order
def _curtailed(fixed: Any, load: Any, out: Any, room: Any) -> None:
    """What each case's load is curtailed by, hour by hour."""
    hours, _, _, found, spare = room[3]
    reach, unit = np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    for start in range(0, load.size, _AT_ONCE):
        until = min(start + _AT_ONCE, load.size)
        _roughly(start, until, fixed, (reach, unit), room[0])
        for case in range(start, until):
            one = _one(case, case - start, fixed, (reach, unit), room[0])
            tolerance = NEGLIGIBLE * _scales(one[0])[0]
            looked_at, count = look_at(load[case], one, room)
            hours[:count] = np.arange(count)
            walk(load[case], hours, count, looked_at, room[3], found)
            walk(0.0, hours, count, looked_at, room[3], spare)
            for at in range(count):
                excess = found[0][at] - spare[0][at]
                if excess > tolerance:
                    out[case, room[1].hours[at]] = excess


@in_order
def _roughly(start: int, until: int, fixed: Any, scale: Any, single: Any) -> None:
    """Margins of some cases in float32. scale : reach and unit of each."""
    given, by_case = fixed
    units(by_case[0][start:until], given.peaks, single, *scale)
    margins(given.tiles, until - start, given.peaks.shape[1], single)


@in_order
def _one(case: int, s: int, fixed: Any, scale: Any, single: Any) -> Any:
    """One case, at place s among those in float32: what float32 knows of it, what is its own, what all share."""
    given, by_case = fixed
    coefficients, matrix, words, limits, weights, caps = by_case
    rough = Rough(single.margin[s], single.total[s], single.size[s], scale[0][s], scale[1][s])
    turned = np.ascontiguousarray(coefficients[case].T)
    return rough, (turned, matrix[case], words[case], limits[case], weights[case], caps[case]), given


@in_order
def _case(case: int, fixed: Any, asked: Any, results: Any, room: Any) -> None:
    """Solve one case, its shares from the largest to the smallest."""
    load_out, copper_out, hours_out, unserved_out, native_out, cut_out, cut_hours_out, area_out = results
    rough, whole, given = fixed
    hours, _, _, found, spare = room[3]
    scale, largest = _scales(rough)
    tolerance = NEGLIGIBLE * scale
    hosting = whole[4].sum() > 0.0
    load, count, at_start, raised = 0.0, 0, 0, False
    looked_at = case_of(room[2][1], whole)
    for number in range(asked[0].size if hosting else 0):
        s = asked[1][number]
        limit = asked[0][s]
        firmer = asked[2].sum() if number > 0 and limit == 0.0 else 0.0
        copper = copper_plate(rough.total, (limit, firmer), rough.unit, (given.by_hour, whole[0]), room[4])
        copper_out[case, s] = copper if firmer == 0.0 else min(copper, copper_out[case, asked[1][number - 1]])
        if number == 0:
            beyond = max(copper * (1.0 + BEYOND), LEAST_START * largest, tolerance)
            looked_at, load, count = _start(beyond, (limit, tolerance), fixed, room)
            at_start = count
            _tally(case, spare[0][:at_start], tolerance, unserved_out, native_out)
        elif load <= 0.0:
            continue  # no headroom at a larger share, none at this
        elif firmer > 0.0 and not raised:
            count, raised = _raise(load, count, asked[2], tolerance, looked_at, room[3]), True
        load, count = _descend(load, count, limit, tolerance, looked_at, room[3])
        load_out[case, s] = load
        hours_out[case, s] = count
        if load > 0.0:
            cut_hours_out[case, s] = _binding(found[2], count, cut_out[case, s], area_out[case, s])
    # Hours that are served beside the new load are served without it.
    if not hosting:
        looked_at, at_start = look_at(0.0, fixed, room)
        hours[:at_start] = np.arange(at_start)
        walk(0.0, hours, at_start, looked_at, room[3], spare)
        _tally(case, spare[0][:at_start], tolerance, unserved_out, native_out)


@lean
def _tally(case: int, unserved: Any, tolerance: float, unserved_out: Any, native_out: Any) -> None:
    """Add up what natives lack in some hours, and the hours."""
    for value in unserved:
        unserved_out[case] += value
        native_out[case] += value > tolerance


@lean
def _raise(load: float, count: int, firmer: Any, tolerance: float, case: Any, room: Any) -> int:
    """Give areas more firm capacity in the hours kept, and look at them again; how many stay short."""
    hours, native, _, found, spare = room
    for at in range(count):
        for i in range(firmer.size):
            case.margins[hours[at], i] += firmer[i]
    walk(0.0, hours, count, case, room, spare)
    for at in range(count):
        native[at] = spare[0][at]
    walk(load, hours, count, case, room, found)
    return _keep(count, tolerance, hours, native, found)


@lean
def _scales(rough: Rough) -> Any:
    """Largest sum of absolute margins of an hour, and largest absolute total margin."""
    if rough.unit == 0.0:
        return rough.reach, rough.reach
    size, total = np.float32(0.0), np.float32(0.0)
    for h in range(rough.size.size):
        size, total = max(size, rough.size[h]), max(total, abs(rough.total[h]))
    return float(size) * rough.unit, float(total) * rough.unit
