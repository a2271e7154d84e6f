"""numba body of the network kernel; `network.network_headroom` holds the contract.

The hours of a case are walked in order with one flow that is carried along: where last hour's transfers still serve
every area, the hour is settled by looking at it. Otherwise the flow is augmented along shortest residual paths from
areas with surplus to short ones; when none is left, the areas from which a short one can still be reached are the
tightest set. Its unserved load is then computed from the set itself, so that rounding in the carried flow cannot leak.
Hours that are served at a load right of the root are served at every lower one and drop out for good.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ._jit import in_order
from ._network_flow import NONE, ONE, augment, flow_of, imports_into, links_of, lowest, members
from ._network_margins import TILE, copper_plate, margins, scales
from ._network_numpy import BEYOND, LEAST_START, MAX_STEPS, NEGLIGIBLE, SETTLED

_CASES_PER_THREAD = 4
_AT_ONCE = 4  # cases whose margins are computed together: reading the profiles takes longer than using them


def unserved(deficit: Any, network: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """Unserved load (hour,), short side (hour, area), transfers (hour, area, area). network : limits, caps."""
    hours, areas = deficit.shape
    limits, caps = network
    if np.isfinite(caps).any():  # evening out beyond the need may pass a cap on the way
        from ._network_numpy import unserved as side_by_side

        return side_by_side(deficit, network)
    limits = np.require(np.where(np.eye(areas, dtype=bool), 0.0, limits), requirements=["C", "W"])
    value, side = np.zeros(hours), np.zeros(hours, np.uint64)
    residual = np.zeros((hours, areas, areas))
    _unserved(deficit, limits, links_of(limits), (value, side, residual), flow_of(areas))
    member = members(side, areas)
    endless = np.isinf(limits)
    if (endless & endless.T).any():  # no limit either way: residuals do not tell the flow, so augment side by side
        from ._network_numpy import augmented

        return value, member, augmented(deficit, limits)[1]
    sent = np.where(endless, 0.0, limits) - np.where(endless, 0.0, residual)
    sent = np.where(endless, -sent.transpose(0, 2, 1), sent)
    return value, member, np.maximum(sent, 0.0)


@in_order
def _unserved(deficit: Any, limits: Any, links: Any, found: Any, flow: Any) -> None:
    value, side, residual = found
    for h in range(deficit.shape[0]):
        _begin(limits, links, flow)
        for i in range(deficit.shape[1]):
            flow[0][0, i] = -deficit[h, i]
        tightest = augment(flow)
        short, _ = _of_side(tightest, -deficit[h], 0.0, deficit[h])
        short -= imports_into(tightest, limits, links)
        residual[h] = flow[1]
        if short > 0.0:
            value[h] = short
            side[h] = tightest


@in_order
def _begin(limits: Any, links: Any, flow: Any) -> None:
    """No transfers yet."""
    flow[0][1] = 0.0
    flow[1][:] = limits
    flow[2][:] = links


@in_order
def _of_side(side: Any, margin: Any, load: float, weights: Any) -> Any:
    """Shortage of a set of areas that imports nothing, and the share of the new load in it."""
    short = 0.0
    inside = 0.0
    while side != NONE:
        i = lowest(side)
        side &= side - ONE
        short += load * weights[i] - margin[i]
        inside += weights[i]
    return short, inside


def headroom(profiles: Any, coefficients: Any, network: tuple[Any, Any], weights: Any, shares: Any) -> tuple[Any, ...]:
    """All cases; fields of network.NetworkHeadroom. network : limits, caps. Inputs checked by the caller."""
    limits, caps = network
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
    clean = np.where(np.eye(areas, dtype=bool), 0.0, limits)
    hourly = (np.ascontiguousarray(profiles), np.ascontiguousarray(coefficients))
    fixed = (*hourly, clean, np.array(weights), links_of(clean), np.array(caps))
    order = np.argsort(-shares, axis=1, kind="stable")
    allowed = shares * profiles.shape[2]
    pieces = max(1, min(_cores(), cases // _CASES_PER_THREAD))
    edges = [cases * i // pieces for i in range(pieces + 1)]

    def solve(piece: int) -> None:
        _cases(edges[piece], edges[piece + 1], fixed, allowed, order, results, _room(profiles.shape[2], areas))

    if pieces == 1:
        solve(0)
    else:
        with ThreadPoolExecutor(pieces) as pool:
            list(pool.map(solve, range(pieces)))
    return results


def _room(hours: int, areas: int) -> tuple[Any, ...]:
    """Scratch of one thread: hours looked at, their native shortage, a flow, and the sets found at two loads."""
    sets = [(np.empty(hours), np.empty(hours), np.zeros(hours, np.uint64)) for _ in range(2)]
    return np.empty(hours, np.int64), np.zeros(hours), flow_of(areas), *sets


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


@in_order
def _walk(load: float, hours: Any, count: int, case: Any, flow: Any, found: Any) -> None:
    """Tightest set of hours[:count] at a load: found = value (hour,), share of the direction in it (hour,), set."""
    margin, limits, weights, links, caps = case
    balance, carried = flow[0][0], flow[0][1]
    value, slope, member = found
    _begin(limits, links, flow)
    for at in range(count):
        h = hours[at]
        row = margin[h]
        any_short = False
        capped = NONE
        for i in range(weights.size):
            own = row[i] - load * weights[i]
            if own < -caps[i]:
                own = -caps[i]
                capped |= ONE << np.uint64(i)
            left = own + carried[i]
            balance[i] = left
            any_short |= left < 0.0
        value[at] = 0.0
        slope[at] = 0.0
        if not any_short and capped == NONE:
            continue
        linked = augment(flow) if any_short else NONE
        side = linked | capped
        if side == NONE:
            continue
        short, inside = _of_side(side, margin[h], load, weights)
        short -= imports_into(linked, limits, links)
        capped &= ~linked
        while capped != NONE:
            short -= caps[lowest(capped)]
            capped &= capped - ONE
        member[at] = side
        if short > 0.0:
            value[at] = short
            slope[at] = inside


@in_order
def _start(load: float, allowed: float, tolerance: float, case: Any, room: Any) -> Any:
    """A load right of the root, and the hours short there (first `count` of `hours`), with their native shortage."""
    hours, native, flow, found, spare = room
    value, slope, member = found
    every = case[0].shape[0]
    count = 0
    beyond = BEYOND
    for _ in range(MAX_STEPS):
        for h in range(every):
            hours[h] = h
        _walk(load, hours, every, case, flow, found)
        count = 0
        for h in range(every):
            if value[h] > 0.0:
                hours[count] = h
                value[count] = value[h]
                slope[count] = slope[h]
                member[count] = member[h]
                count += 1
        _walk(0.0, hours, count, case, flow, spare)
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
    return load, count


@in_order
def _descend(load: float, count: int, allowed: float, tolerance: float, case: Any, room: Any) -> Any:
    """Newton from right of the root, where `found` holds the hours' cuts; the root, and how many hours are kept.

    The hours kept, short at the last load that was looked at, lead `hours`, `native` and `found`. Each step goes to the
    root for the cuts at hand, which never lies left of the true one, and only then looks for tighter cuts.
    """
    hours, native, flow, found, _ = room
    for _ in range(MAX_STEPS):
        lower = _root_of_cuts(load, count, allowed, tolerance, native, found)
        if lower <= 0.0:
            return 0.0, 0
        if load - lower <= 1e-13 * load:
            return lower, count
        load = lower
        _walk(load, hours, count, case, flow, found)
        count = _keep(count, tolerance, hours, native, found)
        if count == 0:
            return load, 0
    return load, count


@in_order
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


@in_order
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
def _cases(first: int, end: int, fixed: Any, allowed: Any, order: Any, results: Any, room: Any) -> None:
    """Solve cases first..end."""
    profiles, coefficients, limits, weights, links, caps = fixed
    areas, _, every = profiles.shape
    margin, total, buffer = np.empty((_AT_ONCE, every, areas)), np.empty((_AT_ONCE, every)), np.empty(TILE)
    for start in range(first, end, _AT_ONCE):
        until = min(start + _AT_ONCE, end)
        margins(profiles, coefficients[start:until], margin, total, buffer)
        for case in range(start, until):
            own = (margin[case - start], limits[case], weights[case], links[case], caps[case])
            _case(case, own, total[case - start], (allowed[case], order[case]), results, room)


@in_order
def _case(case: int, task: Any, total: Any, asked: Any, results: Any, room: Any) -> None:
    """Solve one case, its shares from the largest to the smallest."""
    load_out, copper_out, hours_out, unserved_out, native_out, cut_out, cut_hours_out, area_out = results
    hours, _, flow, found, spare = room
    scale, largest = scales(task[0], total)
    tolerance = NEGLIGIBLE * scale
    hosting = task[2].sum() > 0.0
    load, count, at_start = 0.0, 0, 0
    for number in range(asked[0].size if hosting else 0):
        s = asked[1][number]
        limit = asked[0][s]
        copper_out[case, s] = copper_plate(total, limit)
        if number == 0:
            beyond = max(copper_out[case, s] * (1.0 + BEYOND), LEAST_START * largest, tolerance)
            load, count = _start(beyond, limit, tolerance, task, room)
            at_start = count
        elif load <= 0.0:
            continue  # no headroom at a larger share, none at this
        load, count = _descend(load, count, limit, tolerance, task, room)
        load_out[case, s] = load
        hours_out[case, s] = count
        if load > 0.0:
            cut_hours_out[case, s] = _binding(found[2], count, cut_out[case, s], area_out[case, s])
    # Hours that are served beside the new load are served without it.
    if not hosting:
        at_start = total.size
        for h in range(at_start):
            hours[h] = h
        _walk(0.0, hours, at_start, task, flow, spare)
    for h in range(at_start):
        unserved_out[case] += spare[0][h]
        native_out[case] += spare[0][h] > tolerance
