"""numba body of storage_firm: the whole year of sixteen cases side by side, before each goes on by itself.

Their margins lie beside each other, hour after hour. One scan at the loads where the searches begin finds what goes
unserved, and lists for each case the hours from a full store to the next in which something does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import item, lean
from ._lanes import WIDTH, add_product, bits, load, lowest_bit, save, spread, where

MAGIC = 6755399441055744.0  # 1.5 * 2**52: adding it and taking it away rounds to whole numbers


@lean
def margins(profiles: Any, weights: Any, wide: Any, lowest: Any) -> None:
    """Margins (hour, 16) in whole units, of weights (K, 16) and profiles (K * hour,), and the lowest of each case.

    Products and their sums are exact (`storage_firm`).
    """
    magic, hours, least = spread(MAGIC), wide.size // WIDTH, spread(np.inf)
    for h in range(0, hours, 2):  # a weight that has been read serves two hours
        then = min(h + 1, hours - 1)
        one, two = spread(0.0), spread(0.0)
        for k in range(weights.size // WIDTH):
            weight = load(weights, k * WIDTH)
            one = add_product(one, spread(item(profiles, k * hours + h)), weight)
            two = add_product(two, spread(item(profiles, k * hours + then)), weight)
        one, two = (one + magic) - magic, (two + magic) - magic
        least = where(one < least, one, least)
        least = where(two < least, two, least)
        save(wide, h * WIDTH, one)
        save(wide, then * WIDTH, two)
    save(lowest, 0, least)


@lean
def scan(wide: Any, loads: Any, store: Any, figures: Any, lists: Any) -> None:
    """Fills figures with unserved energy, its slope and hours that the store cannot serve, (3, 16).

    store (3, 16) : power, energy, efficiency
    lists : room for margins, their count, and where the run began that is not over, of 16 cases each
    """
    _, counts, begins = lists
    hours = wide.size // WIDTH
    zero, one, magic = spread(0.0), spread(1.0), spread(MAGIC)
    level, power, energy, eta = load(loads, 0), load(store, 0), load(store, WIDTH), load(store, 2 * WIDTH)
    less = zero - power
    state, run, unserved, slope, worse = zero, zero, zero, zero, zero
    going, lacks = 0, 0
    for i in range(WIDTH):
        counts[i] = 0
    for h in range(hours):
        margin = load(wide, h * WIDTH)
        need = level - margin
        short = zero < need
        begun = bits(short)
        if begun | going == 0:
            continue
        deep = power < need
        held = where(deep, power, need)
        excess = need - held
        held = where(held < less, less, held)
        held = where(held < zero, held * eta, held)
        missing = state + ((held + magic) - magic)
        over = energy < missing
        capped = where(over, energy, missing)
        run = run + where(less < need, where(deep, zero, where(short, one, eta)), zero)
        unserved = (unserved + excess) + (missing - capped)
        slope = (slope + where(deep, one, zero)) + where(over, run, zero)
        run = where(over, zero, where(zero < missing, run, zero))
        state = where(capped < zero, zero, capped)
        worse = worse + where(margin < less, one, zero)
        after = bits(zero < state)
        starts = begun & ~going
        lacks = (lacks & ~starts) | bits(deep) | bits(over)
        while starts != 0:
            begins[lowest_bit(starts)] = h
            starts &= starts - 1
        ends = (begun | going) & ~after
        if ends != 0:
            _list(wide, ends & lacks, h, lists)
        going = after
    _list(wide, going & lacks, hours - 1, lists)
    save(figures, 0, unserved)
    save(figures, WIDTH, slope)
    save(figures, 2 * WIDTH, worse)


@lean
def _list(wide: Any, chosen: int, last: int, lists: Any) -> None:
    """Adds margins from the begin of the run to the last hour, for some cases."""
    rooms, counts, begins = lists
    hours = wide.size // WIDTH
    while chosen != 0:
        lane = lowest_bit(chosen)
        chosen &= chosen - 1
        first, to = begins[lane], lane * hours + counts[lane]
        for h in range(first, last + 1):
            rooms[to + h - first] = wide[h * WIDTH + lane]
        counts[lane] += last + 1 - first


@lean
def list_below(wide: Any, loads: Any, rooms: Any, counts: Any) -> None:
    """Margins below the loads of 16 cases, and how many."""
    hours = wide.size // WIDTH
    level = load(loads, 0)
    for i in range(WIDTH):
        counts[i] = 0
    for h in range(hours):
        some = bits(load(wide, h * WIDTH) < level)
        while some != 0:
            lane = lowest_bit(some)
            some &= some - 1
            rooms[lane * hours + counts[lane]] = wide[h * WIDTH + lane]
            counts[lane] += 1


@lean
def take(wide: Any, chosen: int, into: Any) -> None:
    """Margins of some cases, one case behind the other."""
    hours = wide.size // WIDTH
    for h in range(hours if chosen != 0 else 0):
        some = chosen
        while some != 0:
            lane = lowest_bit(some)
            some &= some - 1
            into[lane * hours + h] = item(wide, h * WIDTH + lane)


@lean
def sample(wide: Any, step: int, into: Any) -> None:
    """Every so manieth margin of each case, one case behind the other."""
    size = into.size // WIDTH
    for i in range(size):
        for lane in range(WIDTH):
            into[lane * size + i] = item(wide, i * step * WIDTH + lane)
