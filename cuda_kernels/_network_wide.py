"""numba body of the network kernel for more areas than bits in a word; `network.network_headroom` holds the contract.

Newton's method, folding and the value of a set are those of the NumPy body; only the tightest set of each hour is found
here. The hours are walked in order with one flow that is carried along; unlike in `_network_numba`, sets are arrays and
areas know their neighbours, of which there are few: the work of an hour grows with the links and not with the square of
the areas.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _network_numpy
from ._jit import in_order
from ._network_numpy import Network

FAR = 1 << 30
"""Steps to an area that leads nowhere."""


def headroom(
    profiles: Any, coefficients: Any, network: tuple[Any, Any], weights: Any, shares: Any, firmer: Any
) -> tuple[Any, ...]:
    """All cases; fields of network.NetworkHeadroom. Arguments as of the NumPy body, checked by the caller."""
    return _network_numpy.headroom(profiles, coefficients, network, weights, shares, firmer, kind=WideNetwork)


def curtailed(profiles: Any, coefficients: Any, network: tuple[Any, Any], load: Any) -> Any:
    """Curtailment (case, hour) of loads (case, area). network : limits, caps. Inputs checked by the caller."""
    return _network_numpy.curtailed(profiles, coefficients, network, load, kind=WideNetwork)


class WideNetwork(Network):
    """A network whose hours are walked with one flow."""

    def _core_side(self, deficit: Any) -> Any:
        return short_sides(deficit, self.core_limits) if self.cuts is None else super()._core_side(deficit)


def short_sides(deficit: Any, limits: Any) -> Any:
    """Membership (hour, area) of the tightest set of each hour, for deficits (hour, area) and limits (area, area)."""
    areas = deficit.shape[1]
    limits = np.where(np.eye(areas, dtype=bool), 0.0, limits)
    joined = (limits > 0.0) | (limits.T > 0.0)
    count = joined.sum(axis=1)
    near = np.zeros((areas, max(int(count.max(initial=0)), 1)), np.int64)
    for i in range(areas):
        near[i, : count[i]] = np.flatnonzero(joined[i])
    member = np.zeros(deficit.shape, np.bool_)
    _walk(np.ascontiguousarray(deficit), limits.copy(), near, count, member)
    return member


@in_order
def _walk(deficit: Any, residual: Any, near: Any, count: Any, member: Any) -> None:
    """Tightest set of every hour into `member`; `residual` begins as the limits and is used up."""
    hours, areas = deficit.shape
    carried, balance = np.zeros(areas), np.empty(areas)
    steps, queue = np.empty(areas, np.int64), np.empty(areas, np.int64)
    path, place = np.empty(areas + 1, np.int64), np.empty(areas, np.int64)
    flow, ways, way = (balance, carried, residual), (near, count), (steps, place, path)
    for h in range(hours):
        short = False
        for i in range(areas):
            balance[i] = carried[i] - deficit[h, i]
            short |= balance[i] < 0.0
        if short:
            _ask_neighbours(flow, ways)
            while True:
                nearest, reached = _measure(balance, residual, ways, steps, queue)
                if nearest == FAR:
                    for at in range(reached):
                        member[h, queue[at]] = True
                    break
                place[:] = 0
                for at in range(reached):
                    source = queue[at]
                    if steps[source] == nearest and balance[source] > 0.0:
                        _send(source, flow, ways, way)


@in_order
def _transfer(u: int, v: int, amount: float, residual: Any) -> None:
    residual[u, v] -= amount
    residual[v, u] += amount


@in_order
def _settle(u: int, v: int, amount: float, balance: Any, carried: Any) -> None:
    """Book an amount that left u and came to v."""
    balance[u] -= amount
    balance[v] += amount
    carried[u] -= amount
    carried[v] += amount


@in_order
def _ask_neighbours(flow: Any, ways: Any) -> None:
    """Short areas draw on neighbours with surplus, to half the difference where that is more than they need."""
    balance, carried, residual = flow
    near, count = ways
    for v in range(balance.size):
        for k in range(count[v]):
            if balance[v] >= 0.0:
                break
            u = near[v, k]
            if balance[u] <= 0.0 or residual[u, v] <= 0.0:
                continue
            amount = min(balance[u], max(-balance[v], 0.5 * (balance[u] - balance[v])), residual[u, v])
            _transfer(u, v, amount, residual)
            _settle(u, v, amount, balance, carried)


@in_order
def _measure(balance: Any, residual: Any, ways: Any, steps: Any, queue: Any) -> Any:
    """Steps of areas to the nearest short one, FAR where there is no way; areas met, in order, in `queue`.

    Returns the least steps from a surplus, and how many areas are met; the search ends with the first step that meets
    one. Nobody short: nobody is met.
    """
    near, count = ways
    end = 0
    for i in range(balance.size):
        steps[i] = FAR
        if balance[i] < 0.0:
            steps[i] = 0
            queue[end] = i
            end += 1
    nearest = FAR
    at = 0
    while at < end:
        v = queue[at]
        at += 1
        if steps[v] >= nearest:
            break
        for k in range(count[v]):
            u = near[v, k]
            if steps[u] == FAR and residual[u, v] > 0.0:
                steps[u] = steps[v] + 1
                queue[end] = u
                end += 1
                if balance[u] > 0.0:
                    nearest = min(nearest, steps[u])
    return nearest, end


@in_order
def _send(source: int, flow: Any, ways: Any, way: Any) -> None:
    """Send the surplus of one area down the steps. way : steps, how far each area's neighbours are looked through, and
    a path."""
    balance, carried, residual = flow
    near, count = ways
    steps, place, path = way
    depth = 0
    path[0] = source
    while True:
        v = path[depth]
        if steps[v] == 0 and balance[v] < 0.0:
            amount = min(balance[source], -balance[v])
            for k in range(depth):
                amount = min(amount, residual[path[k], path[k + 1]])
            for k in range(depth):
                _transfer(path[k], path[k + 1], amount, residual)
            _settle(source, v, amount, balance, carried)
            if balance[source] <= 0.0:
                return
            depth = 0
            continue
        onward = -1
        while place[v] < count[v]:
            u = near[v, place[v]]
            if steps[u] == steps[v] - 1 and residual[v, u] > 0.0:
                onward = u
                break
            place[v] += 1
        if onward >= 0:
            depth += 1
            path[depth] = onward
            continue
        if depth == 0:
            return
        depth -= 1
        place[path[depth]] += 1
