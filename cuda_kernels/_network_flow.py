"""One hour's flow between areas: augmentation along shortest residual paths. Used by _network_numba.py.

A set of areas is a word of 64 bits, so that a step of the search is a few operations on words: into[v] holds the areas
that may still send to v, out[v] those that v may still send to. They follow the residual limits at every transfer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import lean
from ._network_numpy import MOST_IN_A_WORD

NONE, ONE = np.uint64(0), np.uint64(1)


def _trailing_zeros(typing_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return types.int64(types.uint64), generate


lowest: Any = intrinsic(_trailing_zeros)
"""Number of the lowest bit set in a word that is not zero."""


def words(joined: Any) -> Any:
    """Rows of a boolean matrix (..., area) as sets (...)."""
    bits = ONE << np.arange(joined.shape[-1], dtype=np.uint64)
    return np.bitwise_or.reduce(np.where(joined, bits, NONE), axis=-1)


def members(sets: Any, areas: int) -> Any:
    """Sets (...) as booleans (..., area)."""
    return (sets[..., None] >> np.arange(areas, dtype=np.uint64)) & ONE != NONE


def links_of(limits: Any) -> Any:
    """Sets (..., 2, area) of the areas that may send to each area, and that each may send to; diagonals are 0."""
    open_ = limits > 0.0
    return np.stack([words(open_.swapaxes(-1, -2)), words(open_)], axis=-2)


class Ways(NamedTuple):
    """Where residual limits stand, and scratch of a search.

    ends : int64 (2, link)   Areas that a link joins.
    number : int64 (area, area)   Place of the residual limit from, to among those of all links, there and then back.
    levels, path : (area + 1,)   Sets of areas by steps from the nearest short one; areas on the way.
    """

    ends: Any
    number: Any
    levels: Any
    path: Any


def ends_of(joined: Any) -> Any:
    """Ends (2, link) of the links of a matrix (area, area): each pair once, the lower number first."""
    return np.ascontiguousarray(np.stack(np.nonzero(np.triu(joined | joined.T, 1))))


def ways_of(ends: Any, areas: int) -> Ways:
    number = np.zeros((areas, areas), np.int64)
    links = np.arange(ends.shape[1])
    number[ends[0], ends[1]], number[ends[1], ends[0]] = links, links + len(links)
    return Ways(ends, number, np.zeros(areas + 1, np.uint64), np.zeros(areas + 1, np.int64))


@lean
def imports_into(side: Any, limits: Any, links: Any) -> float:
    """Limit of all links into a set of areas."""
    total = 0.0
    left = side
    while left != NONE:
        i = lowest(left)
        left &= left - ONE
        outside = links[0, i] & ~side
        while outside != NONE:
            total += limits[lowest(outside), i]
            outside &= outside - ONE
    return total


@lean
def lay(flows: Any, limits: Any, ends: Any, state: Any) -> None:
    """Flows (link,) from ends[0] to ends[1] within limits (2, link), there and back: the state of an hour.

    state = (net, residual, links): net import of each area, residual limits (2 * link,), sets (2, area) of the areas
    that may still send to each area, and that each may still send to. ends[0] ascends, so that its sums stay at hand.
    """
    net, residual, links = state
    count = np.uint64(flows.size)
    for i in range(net.size):
        net[i], links[0, i], links[1, i] = 0.0, NONE, NONE
    e = NONE
    while e < count:
        i, given, senders, takers = ends[0, e], 0.0, NONE, NONE
        bit_i = ONE << np.uint64(i)
        while e < count and ends[0, e] == i:
            j, sent = np.uint64(ends[1, e]), flows[e]
            bit_j, there, back = ONE << j, limits[0, e] - sent, limits[1, e] + sent
            residual[e], residual[count + e] = there, back
            given += sent
            net[j] += sent
            takers |= bit_j if there > 0.0 else NONE
            senders |= bit_j if back > 0.0 else NONE
            links[0, j] |= bit_i if there > 0.0 else NONE
            links[1, j] |= bit_i if back > 0.0 else NONE
            e += ONE
        net[i] -= given
        links[0, i] |= senders
        links[1, i] |= takers


@lean
def augment(balance: Any, residual: Any, links: Any, ways: Ways) -> Any:
    """Send surplus to short areas until no way is left; the tightest set, empty if nobody is short.

    balance : (area,) surplus, negative where an area is short. residual, links : of `lay`; all three are changed.
    Shortest ways first (Dinic).
    """
    levels = ways.levels
    short, giving = _ask_neighbours(balance, residual, links, ways)
    while short != NONE:
        if giving == NONE:  # everybody short or just served: no set is tighter than all areas together
            return ~NONE >> np.uint64(MOST_IN_A_WORD - balance.size)
        reached, side = _levels(short, giving, links, levels)
        if reached == 0:
            return side
        sources = levels[reached] & giving
        while sources != NONE:
            s = lowest(sources)
            sources &= sources - ONE
            _send(s, reached, balance, residual, links, ways)
        short, giving = _sort_out(balance)
    return NONE


@lean
def _sort_out(balance: Any) -> Any:
    """Areas that are short, and areas with surplus."""
    short, giving, bit = NONE, NONE, ONE
    for i in range(balance.size):
        short |= bit if balance[i] < 0.0 else NONE
        giving |= bit if balance[i] > 0.0 else NONE
        bit <<= ONE
    return short, giving


@lean
def _transfer(u: int, v: int, amount: float, residual: Any, links: Any, ways: Ways) -> None:
    """Send an amount from u to v along their link."""
    there = ways.number[u, v]
    left = residual[there] - amount
    residual[there] = left
    residual[ways.number[v, u]] += amount
    bit_u, bit_v = ONE << np.uint64(u), ONE << np.uint64(v)
    if left <= 0.0:
        links[0, v] &= ~bit_u
        links[1, u] &= ~bit_v
    links[0, u] |= bit_v
    links[1, v] |= bit_u


@lean
def _settle(u: int, v: int, amount: float, balance: Any) -> None:
    """Book an amount that left u and came to v."""
    balance[u] -= amount
    balance[v] += amount


@lean
def _ask_neighbours(balance: Any, residual: Any, links: Any, ways: Ways) -> Any:
    """Short areas draw on neighbours with surplus, to half the difference where that is more than they need: what is
    evened out beyond the need spares other areas a longer way. Areas that are short, and with surplus, then."""
    short, giving = _sort_out(balance)
    left = short
    while left != NONE:
        v = lowest(left)
        left &= left - ONE
        asked = links[0, v] & giving
        while asked != NONE and balance[v] < 0.0:
            u = lowest(asked)
            asked &= asked - ONE
            amount = min(balance[u], max(-balance[v], 0.5 * (balance[u] - balance[v])))
            amount = min(amount, residual[ways.number[u, v]])
            _transfer(u, v, amount, residual, links, ways)
            _settle(u, v, amount, balance)
            if balance[u] <= 0.0:
                giving &= ~(ONE << np.uint64(u))
        if balance[v] >= 0.0:
            short &= ~(ONE << np.uint64(v))
            if balance[v] > 0.0:
                giving |= ONE << np.uint64(v)
    return short, giving


@lean
def _levels(short: Any, giving: Any, links: Any, levels: Any) -> Any:
    """Sets of areas by steps from the nearest short one, in `levels`: the least step that meets a surplus, 0 when none
    does; and all areas met."""
    side = short
    front = short
    levels[0] = short
    step = 0
    while True:
        following = NONE
        while front != NONE:
            following |= links[0, lowest(front)]
            front &= front - ONE
        front = following & ~side
        if front == NONE:
            return 0, side
        side |= front
        step += 1
        levels[step] = front
        if front & giving != NONE:
            return step, side


@lean
def _send(source: int, reached: int, balance: Any, residual: Any, links: Any, ways: Ways) -> None:
    """Send the surplus of one area down the levels; areas that lead nowhere leave theirs."""
    levels, path = ways.levels, ways.path
    depth = 0
    path[0] = source
    while True:
        v = path[depth]
        step = reached - depth
        if step == 0 and balance[v] < 0.0:
            amount = min(balance[source], -balance[v])
            for k in range(depth):
                amount = min(amount, residual[ways.number[path[k], path[k + 1]]])
            for k in range(depth):
                _transfer(path[k], path[k + 1], amount, residual, links, ways)
            _settle(source, v, amount, balance)
            if balance[source] <= 0.0:
                return
            depth = 0
            continue
        onward = links[1, v] & levels[step - 1] if step > 0 else NONE
        if onward != NONE:
            depth += 1
            path[depth] = lowest(onward)
            continue
        levels[step] &= ~(ONE << np.uint64(v))
        if depth == 0:
            return
        depth -= 1
