"""NumPy body of the network kernel; `network.network_headroom` holds the contract.

Leaves are folded into their neighbours, the cuts of what is left are compared as one matrix product with a row maximum
where there are at most 2**12 of them, and the flows of larger cores are augmented for all hours side by side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

MOST_ENUMERATED = 12  # areas left after folding
MOST_IN_A_WORD = 64  # areas whose sets the numba body keeps in a word; for larger networks see _network_wide
NEGLIGIBLE = 1e-12  # of the largest margin: an excess below it is rounding
LEAST_START = 1e-3  # of the largest total margin: the first load tried is at least that
SETTLED = 0.1  # of the tolerance: a cost below it is the root
BEYOND = 1e-9  # relative: a start that may be the root itself is moved right of it
MAX_STEPS = 200


class Fold(NamedTuple):
    """The order in which leaves fold into their neighbour (-1: none), and what is left."""

    leaf: tuple[int, ...]
    parent: tuple[int, ...]
    core: tuple[int, ...]


def fold_plan(limits: Any) -> Fold:
    """Areas with at most one neighbour, taken away one after another."""
    joined = (limits > 0.0) | (limits.T > 0.0)
    np.fill_diagonal(joined, False)
    left = list(range(len(limits)))
    leaf: list[int] = []
    parent: list[int] = []
    while True:
        ends = [i for i in left if joined[i, left].sum() <= 1]
        if not ends:
            return Fold(tuple(leaf), tuple(parent), tuple(left))
        neighbours = [j for j in left if joined[ends[0], j]]
        leaf.append(ends[0])
        parent.append(neighbours[0] if neighbours else -1)
        left.remove(ends[0])


class Cuts(NamedTuple):
    """All cuts of the folded graph: membership (cut, core area), limit of the links into each (cut,)."""

    member: Any
    imports: Any


def all_cuts(limits: Any) -> Cuts:
    """Every subset of the areas, the empty one first."""
    areas = len(limits)
    member = ((np.arange(2**areas)[:, None] >> np.arange(areas)) & 1).astype(np.float64)
    return Cuts(member, imports_into(member, limits))


def imports_into(member: Any, limits: Any) -> Any:
    """Sum of the limits of the links into each set (set,), for membership (set, area) of 0 and 1. [MW]"""
    limits = np.where(np.eye(len(limits), dtype=bool), 0.0, limits)
    endless = np.isinf(limits)
    total = (((1.0 - member) @ np.where(endless, 0.0, limits)) * member).sum(axis=1)
    open_ = (((1.0 - member) @ endless) * member).sum(axis=1) > 0.0
    return np.where(open_, np.inf, total)


class Network:
    """One set of limits, and of caps on what areas import on balance, prepared."""

    def __init__(
        self, limits: Any, caps: Any = np.inf, *, fold: bool = True, enumerate_up_to: int = MOST_ENUMERATED
    ) -> None:
        self.limits, self.caps = limits, caps
        self.plan = fold_plan(limits) if fold else Fold((), (), tuple(range(len(limits))))
        core = list(self.plan.core)
        self.core_limits = limits[np.ix_(core, core)]
        self.cuts = all_cuts(self.core_limits) if len(core) <= enumerate_up_to else None

    def short_side(self, deficit: Any) -> Any:
        """Membership (hour, area) of the tightest set of each hour, for deficits (hour, area)."""
        work = deficit.copy()
        ruling = []
        for i, j in zip(self.plan.leaf, self.plan.parent, strict=True):
            into, out = (self.limits[j, i], self.limits[i, j]) if j >= 0 else (0.0, 0.0)
            ruling.append(np.where(work[:, i] > into, 1, np.where(work[:, i] < -out, -1, 0)))
            if j >= 0:
                work[:, j] += np.clip(work[:, i], -out, into)
        member = np.zeros(deficit.shape, dtype=bool)
        core = list(self.plan.core)
        if core:
            member[:, core] = self._core_side(work[:, core])
        order = list(zip(self.plan.leaf, self.plan.parent, ruling, strict=True))
        for i, j, rule in reversed(order):
            with_parent = member[:, j] if j >= 0 else np.zeros(len(member), dtype=bool)
            member[:, i] = (rule > 0) | ((rule == 0) & with_parent)
        return member

    def _core_side(self, deficit: Any) -> Any:
        if self.cuts is None:
            return augmented(deficit, self.core_limits)[0]
        value = deficit @ self.cuts.member.T - self.cuts.imports
        return self.cuts.member[value.argmax(axis=1)].astype(bool)

    def tightest(self, deficit: Any) -> tuple[Any, Any]:
        """Unserved load (hour,) and the set that explains it (hour, area)."""
        shared, capped = np.minimum(deficit, self.caps), deficit > self.caps
        member = self.short_side(shared)
        inside = member.astype(np.float64)
        value = (shared * inside).sum(axis=1) - imports_into(inside, self.limits)
        value = np.maximum(value, 0.0)
        member &= (value > 0.0)[:, None]
        return value + np.where(capped, deficit - shared, 0.0).sum(axis=1), member | capped


def augmented(deficit: Any, limits: Any) -> tuple[Any, Any]:
    """Short side (hour, area) and transfers (hour, area, area) by augmenting along shortest paths, hours at once."""
    hours, areas = deficit.shape
    balance = -deficit
    residual = np.broadcast_to(np.where(np.eye(areas, dtype=bool), 0.0, limits), (hours, areas, areas)).copy()
    flow = np.zeros((hours, areas, areas))
    side = np.zeros((hours, areas), dtype=bool)
    waiting = np.flatnonzero((balance < 0.0).any(axis=1))
    while waiting.size:
        reached, hop = _towards_need(balance[waiting], residual[waiting])
        side[waiting] = reached
        source = np.where(reached, balance[waiting], 0.0)
        going = source.max(axis=1) > 0.0
        waiting = waiting[going]
        if waiting.size:
            _push(balance, residual, flow, waiting, source[going].argmax(axis=1), hop[going])
    return side, np.maximum(flow - flow.transpose(0, 2, 1), 0.0)


def _towards_need(balance: Any, residual: Any) -> tuple[Any, Any]:
    """Areas from which a short area can still be reached, and the next area on the shortest way."""
    reached = balance < 0.0
    hop = np.full(balance.shape, -1)
    frontier = reached.copy()
    while frontier.any():
        onward = (residual > 0.0) & frontier[:, None, :]
        fresh = onward.any(axis=2) & ~reached
        hop = np.where(fresh, onward.argmax(axis=2), hop)
        reached |= fresh
        frontier = fresh
    return reached, hop


def _push(balance: Any, residual: Any, flow: Any, hours: Any, source: Any, hop: Any) -> None:
    """Send from one area of surplus to a short one along `hop`, as much as the way and both ends allow."""
    rows = np.arange(len(hours))
    steps, at = [], source.copy()
    amount = balance[hours, source].copy()
    while True:
        onward = np.where(balance[hours, at] < 0.0, -1, hop[rows, at])
        moving = onward >= 0
        if not moving.any():
            break
        steps.append((at.copy(), onward, moving))
        amount = np.where(moving, np.minimum(amount, residual[hours, at, onward]), amount)
        at = np.where(moving, onward, at)
    amount = np.minimum(amount, -balance[hours, at])
    for start, end, moving in steps:
        h, i, j, sent = hours[moving], start[moving], end[moving], amount[moving]
        residual[h, i, j] -= sent
        residual[h, j, i] += sent
        flow[h, i, j] += sent
    balance[hours, source] -= amount
    balance[hours, at] += amount


def unserved(deficit: Any, network: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """Unserved load (hour,), short side (hour, area), transfers (hour, area, area). network : limits, caps."""
    value, member = Network(*network).tightest(deficit)
    return value, member, augmented(np.minimum(deficit, network[1]), network[0])[1]


def headroom(
    profiles: Any,
    coefficients: Any,
    network: tuple[Any, Any],
    weights: Any,
    shares: Any,
    firmer: Any,
    *,
    kind: type[Network] = Network,
) -> tuple[Any, ...]:
    """All cases; fields of network.NetworkHeadroom. network : limits, caps. Inputs checked by the caller.

    firmer : (case, area) of network_headroom's firm_extra_mw
    kind : how the tightest sets are found
    """
    limits, caps = network
    cases, row, areas = len(coefficients), shares.shape[1], profiles.shape[0]
    shape = (cases, row)
    results = (
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape, np.int64),
        np.zeros(cases),
        np.zeros(cases, np.int64),
        np.zeros((*shape, areas), bool),
        np.zeros(shape, np.int64),
        np.zeros((*shape, areas), np.int64),
    )
    for case in range(cases):
        margin = np.einsum("ak,akh->ha", coefficients[case], profiles)
        one = _Case(kind(limits[case], caps[case]), margin, weights[case])
        results[3][case], results[4][case] = one.native.sum(), np.count_nonzero(one.native > one.tolerance)
        most, copper = np.inf, np.inf
        for number, s in enumerate(np.argsort(-shares[case], kind="stable") if weights[case].sum() > 0.0 else ()):
            allowed = float(shares[case, s]) * len(margin)
            held = number > 0 and allowed == 0.0 and bool(firmer[case].sum() > 0.0)
            asked = _Case(one.network, margin + firmer[case], weights[case]) if held else one
            results[1][case, s] = min(asked.copper_plate(allowed), copper if held else np.inf)
            found = asked.solve(allowed, results[1][case, s])
            if held and found[0] > most:
                found = asked.at(most)
            results[0][case, s], results[2][case, s] = found[:2]
            results[5][case, s], results[6][case, s], results[7][case, s] = found[2:]
            most, copper = results[0][case, s], results[1][case, s]
    return results


def curtailed(
    profiles: Any, coefficients: Any, network: tuple[Any, Any], load: Any, *, kind: type[Network] = Network
) -> Any:
    """Curtailment (case, hour) of loads (case, area). network : limits, caps. Inputs checked by the caller."""
    limits, caps = network
    found = np.zeros((len(load), profiles.shape[2]))
    for case in range(len(load)):
        one = _Case(kind(limits[case], caps[case]), np.einsum("ak,akh->ha", coefficients[case], profiles), load[case])
        excess = one.network.tightest(load[case] - one.margin)[0] - one.native
        found[case] = np.where(excess > one.tolerance, excess, 0.0)
    return found


class _Case:
    """One case: margins (hour, area) [MW], direction (area,)."""

    def __init__(self, network: Network, margin: Any, weights: Any) -> None:
        self.network, self.margin, self.weights = network, margin, weights
        self.tolerance = NEGLIGIBLE * float(np.abs(margin).sum(axis=1).max())
        self.native = network.tightest(-margin)[0]

    def copper_plate(self, allowed: float) -> float:
        """Headroom of the areas as one."""
        total = np.maximum(self.margin.sum(axis=1), 0.0)
        if allowed == 0.0:
            return float(total.min())
        load = float(total.max()) / (1.0 - allowed / len(total))
        for _ in range(MAX_STEPS):
            below = total < load
            lower = total[below].sum() / max(np.count_nonzero(below) - allowed, 1e-300)
            if np.count_nonzero(below) <= allowed or lower >= load:
                break
            load = float(lower)
        return load

    def solve(self, allowed: float, start: float) -> tuple[Any, ...]:
        """Headroom, curtailed hours, binding cut, its hours, short hours by area."""
        load = max(start * (1.0 + BEYOND), LEAST_START * float(np.abs(self.margin.sum(axis=1)).max()), self.tolerance)
        member, short = np.zeros(self.margin.shape, bool), np.zeros(len(self.margin), bool)
        hours, right, beyond = np.arange(len(self.margin)), False, BEYOND
        for _ in range(MAX_STEPS if load > 0.0 else 0):
            value, member = self.network.tightest(load * self.weights - self.margin[hours])
            excess = np.maximum(value - self.native[hours], 0.0)
            slope = member @ self.weights
            short = excess > self.tolerance
            cost, rise = excess[short].sum() - allowed * load, slope[short].sum() - allowed
            right = right or (bool(short.any()) if allowed == 0.0 else cost > self.tolerance)
            if not right:
                beyond *= 10.0
                load = (load - cost / rise) * (1.0 + beyond) if rise > 0.0 else 2.0 * load
                continue
            hours = hours[short]
            if allowed == 0.0:
                lower = float((load - excess[short] / slope[short]).min()) if short.any() else load
            else:
                lower = load - cost / rise if cost > SETTLED * self.tolerance and rise > 0.0 else load
            if lower <= 0.0:
                load = 0.0
                break
            done = load - lower <= 1e-13 * load or not short.any()
            load = lower
            if done:
                break
        return load, *_binding(member[short] if load > 0.0 else member[:0])

    def at(self, load: float) -> tuple[Any, ...]:
        """The same as `solve` for a given headroom."""
        value, member = self.network.tightest(load * self.weights - self.margin)
        short = (value - self.native > self.tolerance) & (load > 0.0)
        return load, *_binding(member[short])


def _binding(member: Any) -> tuple[Any, ...]:
    """Hours, most frequent set (the first of its kind on ties), its hours, hours of each area."""
    if len(member) == 0:
        return 0, np.zeros(member.shape[1], bool), 0, np.zeros(member.shape[1], np.int64)
    sets, first, count = np.unique(member, axis=0, return_index=True, return_counts=True)
    best = np.lexsort((first, -count))[0]
    return len(member), sets[best], count[best], member.sum(axis=0)
