"""numba body of caps on what sets of areas import on balance, for any number of sets and areas.

The linear program of `_network_sets` is a flow of least cost. Each set R has a node, and so has the ground, what all
sets exchange with. All load is served to begin with: what it takes, sum of max(0, d_i), leaves R for the areas i that
are short. It may leave by an area with surplus, as far as that goes, and by the ground, up to the cap of R; the ground
gives to every set without end; links carry on from area to area; and straight from R to an area at a cost of 1, which
is load that goes unserved. The flow is raised along the cheapest ways, costs being whole numbers: first the free ones,
then those at 1, then those by which one MW unserved lets two be served elsewhere, and so on. An hour begins with what
links carried in the one before it, which keeps the caps and goes by free ways only.

The price p of a node is the cost of one MW more there. Then y_i = p_i - p_R(i) is 1 for areas on the short side and 0
for others, l_R = p_ground - p_R is the price of a cap, and links see z_i = p_i - p_ground = y_i - l_R(i). Load and the
limits at these prices give the unserved load, as in `_network_sets`. Areas without a cap share a set with none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._jit import in_order
from ._network_numpy import Network
from ._network_sets import CappedSets

FAR = 1 << 30
"""Cost of a node that no way leads to."""


class Graph(NamedTuple):
    """Nodes are areas, sets, the ground. Arcs come in pairs, there and back: e and e ^ 1.

    head, cost, room : (arc,)   Where it ends, what it costs, what it may carry [MW].
    start, out : (node + 1,), (arc,)   Arcs out of node v are out[start[v] : start[v + 1]].
    owner : (area,)             Node of an area's set.
    links : 0 and the arcs of links end there; after them come those of load that goes unserved, then of surplus, two
            an area each, out of its set first.
    """

    head: Any
    cost: Any
    room: Any
    start: Any
    out: Any
    owner: Any
    links: int


class Work(NamedTuple):
    """What an hour is solved in: residual (arc,) of the flow, and by node what links bring on balance, what is left to
    send and to receive [MW], price, cost beyond the prices, step, place among arcs and queue; path (arc,)."""

    residual: Any
    brought: Any
    excess: Any
    need: Any
    price: Any
    beyond: Any
    step: Any
    place: Any
    queue: Any
    path: Any


class PricedSets(CappedSets):
    """The same limits and caps, but that cuts are found by flows."""

    def __init__(self, member: Any, limits: Any, caps: Any) -> None:
        areas = len(limits)
        Network.__init__(self, limits, caps[:areas], fold=False, enumerate_up_to=0)
        self.graph = graph_of(member, limits, caps[areas:])

    def priced(self, shared: Any) -> tuple[Any, Any, Any]:
        """Unserved load (hour,), its set (hour, area) and prices of the sets' caps (hour, set), but for areas' caps."""
        hours, areas = shared.shape
        sets = len(self.graph.start) - 2 - areas
        value, side, price = np.zeros(hours), np.zeros((hours, areas), np.bool_), np.zeros((hours, sets))
        _walk(np.ascontiguousarray(shared), self.graph, _work(self.graph), (value, side, price))
        return value, side, price[:, :-1]


def graph_of(member: Any, limits: Any, caps: Any) -> Graph:
    """The graph of limits (area, area), of sets (set, area), disjoint, and their caps (set,)."""
    areas, sets = len(limits), len(member) + 1
    ground = areas + sets
    owner = np.where(member.any(axis=0), member.argmax(axis=0), sets - 1) + areas
    limits = np.where(np.eye(areas, dtype=bool), 0.0, limits)
    pairs = [(i, j, 0, limits[i, j], limits[j, i]) for i, j in np.argwhere(np.triu(limits + limits.T) > 0.0)]
    links = 2 * len(pairs)
    pairs += [(r, i, 1, np.inf, 0.0) for i, r in enumerate(owner)]
    pairs += [(r, i, 0, 0.0, np.inf) for i, r in enumerate(owner)]
    pairs += [(areas + r, ground, 0, cap, np.inf) for r, cap in enumerate([*caps, np.inf])]
    ends = np.array([(i, j) for i, j, *_ in pairs], np.int64)
    tail, head = ends.ravel(), ends[:, ::-1].ravel()
    cost = np.array([(c, -c) for _, _, c, *_ in pairs], np.int64).ravel()
    room = np.array([both for *_, there, back in pairs for both in (there, back)], np.float64)
    start = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=ground + 1))])
    return Graph(head, cost, room, start, np.argsort(tail, kind="stable"), owner, links)


def _work(graph: Graph) -> Work:
    arcs, nodes = len(graph.head), len(graph.start) - 1
    brought, excess, need = np.zeros((3, nodes))
    price, beyond, step, place, queue = np.zeros((5, nodes), np.int64)
    path = np.empty(nodes + 1, np.int64)
    return Work(np.empty(arcs), brought, excess, need, price, beyond, step, place, queue, path)


@in_order
def _walk(deficit: Any, graph: Graph, work: Work, found: Any) -> None:
    """Every hour's unserved load, short side and prices of caps."""
    value, side, price = found
    areas = deficit.shape[1]
    ground = graph.start.size - 2
    work.residual[:], work.brought[:] = graph.room, 0.0
    for h in range(deficit.shape[0]):
        if not _begin(deficit[h], graph, work):
            continue
        while True:
            nearest = _measure(graph, work)
            if nearest == FAR:
                break
            for v in range(ground + 1):
                work.price[v] += min(work.beyond[v], nearest)
            while _levels(graph, work):
                work.place[:] = graph.start[:-1]
                for r in range(areas, ground):
                    while work.excess[r] > 0.0 and _send(r, graph, work):
                        pass
        short = 0.0
        for i in range(areas):
            if work.price[i] > work.price[graph.owner[i]]:
                side[h, i] = True
                short += deficit[h, i]
        for r in range(areas, ground):
            price[h, r - areas] = work.price[ground] - work.price[r]
        short -= _carried(graph, work)
        if short > 0.0:
            value[h] = short
        else:
            side[h], price[h] = False, 0.0


@in_order
def _begin(deficit: Any, graph: Graph, work: Work) -> Any:
    """Lay an hour out; whether any area is short."""
    work.excess[:], work.need[:], work.price[:] = 0.0, 0.0, 0
    areas, short = deficit.size, False
    for i in range(areas):
        unserved = graph.links + 2 * i
        surplus = unserved + 2 * areas
        left = work.brought[i] - deficit[i]
        work.residual[unserved], work.residual[unserved + 1] = np.inf, 0.0
        work.residual[surplus], work.residual[surplus + 1] = max(left, 0.0), np.inf
        if left < 0.0:
            short = True
            work.need[i] = -left
            work.excess[graph.owner[i]] -= left
    return short


@in_order
def _carried(graph: Graph, work: Work) -> Any:
    """What links and caps carry at the prices. [MW]"""
    total = 0.0
    for v in range(graph.start.size - 1):
        for k in range(graph.start[v], graph.start[v + 1]):
            arc = graph.out[k]
            rise = work.price[graph.head[arc]] - work.price[v]
            if rise > 0 and graph.room[arc] > 0.0 and graph.cost[arc] == 0:
                total += rise * graph.room[arc]
    return total


@in_order
def _measure(graph: Graph, work: Work) -> Any:
    """Cost of each node from where something is left to send, beyond the prices; the least of a node in need."""
    waiting, head, tail = work.place, 0, 0
    size = work.queue.size
    count = 0
    for v in range(size):
        work.beyond[v] = FAR
        waiting[v] = 0
        if work.excess[v] > 0.0:
            work.beyond[v] = 0
            waiting[v] = 1
            work.queue[tail] = v
            tail += 1
            count += 1
    while count > 0:
        v = work.queue[head]
        head = (head + 1) % size
        tail %= size
        count -= 1
        waiting[v] = 0
        for k in range(graph.start[v], graph.start[v + 1]):
            arc = graph.out[k]
            u = graph.head[arc]
            if work.residual[arc] <= 0.0:
                continue
            cost = work.beyond[v] + graph.cost[arc] + work.price[v] - work.price[u]
            if cost < work.beyond[u]:
                work.beyond[u] = cost
                if waiting[u] == 0:
                    waiting[u] = 1
                    tail %= size
                    work.queue[tail] = u
                    tail += 1
                    count += 1
    nearest = FAR
    for v in range(size):
        if work.need[v] > 0.0:
            nearest = min(nearest, work.beyond[v])
    return nearest


@in_order
def _levels(graph: Graph, work: Work) -> Any:
    """Steps of nodes along arcs that cost their prices, up to those of the first in need; whether there is one."""
    tail = 0
    for v in range(work.queue.size):
        work.step[v] = FAR
        if work.excess[v] > 0.0:
            work.step[v] = 0
            work.queue[tail] = v
            tail += 1
    first, head = FAR, 0
    while head < tail:
        v = work.queue[head]
        head += 1
        if work.step[v] >= first:
            break
        for k in range(graph.start[v], graph.start[v + 1]):
            arc = graph.out[k]
            u = graph.head[arc]
            if work.step[u] == FAR and work.residual[arc] > 0.0 and _tight(v, arc, graph, work):
                work.step[u] = work.step[v] + 1
                work.queue[tail] = u
                tail += 1
                if work.need[u] > 0.0:
                    first = min(first, work.step[u])
    return first < FAR


@in_order
def _tight(v: int, arc: int, graph: Graph, work: Work) -> Any:
    return graph.cost[arc] + work.price[v] - work.price[graph.head[arc]] == 0


@in_order
def _send(source: int, graph: Graph, work: Work) -> Any:
    """Send along one way down the steps from a node with something left; whether there was one."""
    v, depth = source, 0
    while work.need[v] <= 0.0:
        onward = -1
        while work.place[v] < graph.start[v + 1]:
            arc = graph.out[work.place[v]]
            u = graph.head[arc]
            if work.step[u] == work.step[v] + 1 and work.residual[arc] > 0.0 and _tight(v, arc, graph, work):
                onward = arc
                break
            work.place[v] += 1
        if onward >= 0:
            work.path[depth] = onward
            depth += 1
            v = graph.head[onward]
        elif depth == 0:
            return False
        else:
            depth -= 1
            v = graph.head[work.path[depth] ^ 1]
            work.place[v] += 1
    amount = min(work.excess[source], work.need[v])
    for k in range(depth):
        amount = min(amount, work.residual[work.path[k]])
    for k in range(depth):
        arc = work.path[k]
        work.residual[arc] -= amount
        work.residual[arc ^ 1] += amount
        if arc < graph.links:
            work.brought[graph.head[arc ^ 1]] -= amount
            work.brought[graph.head[arc]] += amount
    work.excess[source] -= amount
    work.need[v] -= amount
    return True
