"""One hour's flow between areas: augmentation along shortest residual paths. Used by _network_numba.py.

A set of areas is a word of 64 bits, so that a step of the search is a few operations on words: into[v] holds the areas
that may still send to v, out[v] those that v may still send to. They follow the residual limits at every transfer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ._jit import in_order
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


def flow_of(areas: int) -> tuple[Any, ...]:
    """Scratch of one walk: power (balance, net import) of each area, residual limits, links, levels and a path.

    The balance of an area is its surplus, negative where it is short.
    """
    room = np.zeros((2, areas)), np.zeros((areas, areas)), np.zeros((2, areas), np.uint64)
    return *room, np.zeros(areas + 1, np.uint64), np.zeros(areas + 1, np.int64)


@in_order
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


@in_order
def augment(flow: Any) -> Any:
    """Send surplus to short areas until no way is left; the tightest set, empty if nobody is short.

    Shortest ways first (Dinic).
    """
    power, residual, links, levels, path = flow
    short, giving = _ask_neighbours(power, residual, links)
    while short != NONE:
        if giving == NONE:  # everybody short or just served: no set is tighter than all areas together
            return ~NONE >> np.uint64(MOST_IN_A_WORD - power.shape[1])
        reached, side = _levels(short, giving, links, levels)
        if reached == 0:
            return side
        sources = levels[reached] & giving
        while sources != NONE:
            s = lowest(sources)
            sources &= sources - ONE
            _send(s, reached, power, residual, links, levels, path)
        short, giving = _sort_out(power)
    return NONE


@in_order
def _sort_out(power: Any) -> Any:
    """Areas that are short, and areas with surplus."""
    short, giving, bit = NONE, NONE, ONE
    for i in range(power.shape[1]):
        short |= bit if power[0, i] < 0.0 else NONE
        giving |= bit if power[0, i] > 0.0 else NONE
        bit <<= ONE
    return short, giving


@in_order
def _transfer(u: int, v: int, amount: float, residual: Any, links: Any) -> None:
    """Send an amount from u to v along their link."""
    left = residual[u, v] - amount
    residual[u, v] = left
    residual[v, u] += amount
    bit_u, bit_v = ONE << np.uint64(u), ONE << np.uint64(v)
    if left <= 0.0:
        links[0, v] &= ~bit_u
        links[1, u] &= ~bit_v
    links[0, u] |= bit_v
    links[1, v] |= bit_u


@in_order
def _settle(u: int, v: int, amount: float, power: Any) -> None:
    """Book an amount that left u and came to v."""
    power[0, u] -= amount
    power[0, v] += amount
    power[1, u] -= amount
    power[1, v] += amount


@in_order
def _ask_neighbours(power: Any, residual: Any, links: Any) -> Any:
    """Short areas draw on neighbours with surplus, to half the difference where that is more than they need: what is
    evened out beyond the need of this hour often carries the next one. Areas that are short, and with surplus, then."""
    short, giving = _sort_out(power)
    left = short
    while left != NONE:
        v = lowest(left)
        left &= left - ONE
        asked = links[0, v] & giving
        while asked != NONE and power[0, v] < 0.0:
            u = lowest(asked)
            asked &= asked - ONE
            amount = min(power[0, u], max(-power[0, v], 0.5 * (power[0, u] - power[0, v])))
            amount = min(amount, residual[u, v])
            _transfer(u, v, amount, residual, links)
            _settle(u, v, amount, power)
            if power[0, u] <= 0.0:
                giving &= ~(ONE << np.uint64(u))
        if power[0, v] >= 0.0:
            short &= ~(ONE << np.uint64(v))
            if power[0, v] > 0.0:
                giving |= ONE << np.uint64(v)
    return short, giving


@in_order
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


@in_order
def _send(source: int, reached: int, power: Any, residual: Any, links: Any, levels: Any, path: Any) -> None:
    """Send the surplus of one area down the levels; areas that lead nowhere leave theirs."""
    depth = 0
    path[0] = source
    while True:
        v = path[depth]
        step = reached - depth
        if step == 0 and power[0, v] < 0.0:
            amount = min(power[0, source], -power[0, v])
            for k in range(depth):
                amount = min(amount, residual[path[k], path[k + 1]])
            for k in range(depth):
                _transfer(path[k], path[k + 1], amount, residual, links)
            _settle(source, v, amount, power)
            if power[0, source] <= 0.0:
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
