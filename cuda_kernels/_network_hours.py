"""The hours of a case that are looked at, and the tightest set of each at a load. Used by _network_numba.py."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._jit import in_order, lean
from ._network_flow import NONE, ONE, augment, imports_into, lay, lowest
from ._network_margins import margins_at
from ._network_sift import guard_of, sift

ENDLESS = 4.0  # times all there is to send: a limit beyond it is none
_FARTHEST = 1e6  # times the unit: at larger loads float32 sifts nothing


class Case(NamedTuple):
    """One case, and the hours of it that are looked at.

    margins, net : (hour, area)   What areas have without transfers, and import on balance.
    residual : (hour, 2 * link)   links : (hour, 2, area)   The flow that goes with it, as `_network_flow.lay` has it.
    limits : (2, link) there and back   matrix : (area, area) the same   words : (2, area) links as sets
    weights, caps : (area,)
    """

    margins: Any
    net: Any
    residual: Any
    links: Any
    limits: Any
    matrix: Any
    words: Any
    weights: Any
    caps: Any


class Rough(NamedTuple):
    """What float32 knows of a case: margins, their sums and absolute sums over areas, over the unit; and the reach."""

    margin: Any
    total: Any
    size: Any
    reach: float
    unit: float


@in_order
def case_of(state: Any, whole: Any) -> Case:
    """Case of scratch for its hours and of (coefficients, matrix, words, limits, weights, caps)."""
    margins, net, residual, links = state
    _, matrix, words, limits, weights, caps = whole
    return Case(margins, net, residual, links, limits, matrix, words, weights, caps)


@in_order
def look_at(load: float, fixed: Any, room: Any) -> Any:
    """The case and the hours that may be short at a load, with their margins and a flow to begin with; how many."""
    rough, whole, given = fixed
    coefficients, matrix, words, limits, weights, caps = whole
    most = ENDLESS * (rough.reach + load)
    limits = np.minimum(limits, most)
    flows, state = room[2]
    case = case_of(state, (coefficients, np.minimum(matrix, most), words, limits, weights, caps))
    search, every, unit = room[1], len(given.by_hour), rough.unit
    if load < _FARTHEST * unit:
        share = load * weights / unit
        balance = 0.0
        for i in range(share.size):
            reach = share[i]
            for k in range(len(coefficients)):
                reach += abs(coefficients[k, i]) * given.peaks[i, k] / unit
            balance = max(balance, reach)
        most = limits.max() / unit if limits.size else 0.0
        guard = guard_of(len(coefficients), given.most_links, balance, most)
        single = ((limits / unit).astype(np.float32), (caps / unit - guard).astype(np.float32))
        task = (given.ends, *single, share.astype(np.float32))
        count = sift(rough.margin, task, np.float32(guard), flows, search)
        _from_single(flows[:count], single[0], limits, unit)
    else:
        count = every
        search.hours[:] = np.arange(every)
        flows[:] = 0.0
    for r in range(count):
        lay(flows[r], limits, given.ends, (case.net[r], case.residual[r], case.links[r]))
        margins_at(given.by_hour[search.hours[r]], coefficients, case.margins[r])
    return case, count


@lean
def _from_single(flows: Any, single: Any, limits: Any, unit: float) -> None:
    """Flows (hour, link) over the unit, of limits in float32, become those of limits in float64."""
    for r in range(flows.shape[0]):
        for e in range(flows.shape[1]):
            sent = flows[r, e]
            if sent >= single[0, e]:  # full, and not all but a rounding error of it
                flows[r, e] = limits[0, e]
            elif sent <= -single[1, e]:
                flows[r, e] = -limits[1, e]
            else:
                flows[r, e] = max(-limits[1, e], min(sent * unit, limits[0, e]))


@lean
def of_side(side: Any, margin: Any, load: float, weights: Any) -> Any:
    """Shortage of a set of areas that imports nothing, and the share of the new load in it."""
    short = 0.0
    inside = 0.0
    while side != NONE:
        i = lowest(side)
        side &= side - ONE
        short += load * weights[i] - margin[i]
        inside += weights[i]
    return short, inside


@lean
def walk(load: float, hours: Any, count: int, case: Case, walks: Any, found: Any) -> None:
    """Tightest set of hours[:count] at a load: found = value (hour,), share of the direction in it (hour,), set."""
    value, slope, member = found
    ways, balance, own = walks[2]
    for at in range(count):
        h = hours[at]
        row, net, capped, short_of = case.margins[h], case.net[h], NONE, False
        for i in range(own.size):
            own[i] = row[i] - load * case.weights[i]
            if own[i] < -case.caps[i]:
                own[i] = -case.caps[i]
                capped |= ONE << np.uint64(i)
            balance[i] = own[i] + net[i]
            short_of |= balance[i] < 0.0
        linked = NONE
        if short_of:
            linked = augment(balance, case.residual[h], case.links[h], ways)
            for i in range(own.size):
                net[i] = balance[i] - own[i]
        value[at], slope[at], member[at] = 0.0, 0.0, linked | capped
        if member[at] == NONE:
            continue
        short, inside = of_side(member[at], row, load, case.weights)
        short -= imports_into(linked, case.matrix, case.words)
        capped &= ~linked
        while capped != NONE:
            short -= case.caps[lowest(capped)]
            capped &= capped - ONE
        if short > 0.0:
            value[at] = short
            slope[at] = inside
