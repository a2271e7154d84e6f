"""numba body of storage_firm: the whole year of sixteen cases side by side, before each goes on by itself.

Their margins lie beside each other, hour after hour. One scan at the loads where the searches begin finds what goes
unserved, and lists for each case the hours from a full store to the next in which something does.
"""

from __future__ import annotations

from typing import Any

from ._jit import lean
from ._lanes import WIDTH, bits, load, lowest_bit, save, spread, where

MAGIC = 6755399441055744.0  # 1.5 * 2**52: adding it and taking it away rounds to whole numbers


@lean
def margins(profiles: Any, weights: Any, wide: Any) -> None:
    """Margins (hour, 16) in whole units, of weights (K, 16)."""
    magic = spread(MAGIC)
    for h in range(profiles.shape[1]):
        some = spread(0.0)
        for k in range(profiles.shape[0]):
            some = some + spread(profiles[k, h]) * load(weights, k * WIDTH)
        save(wide, h * WIDTH, (some + magic) - magic)


@lean
def scan(wide: Any, loads: Any, store: Any, figures: Any, lists: Any) -> None:
    """Fills figures with unserved energy, its slope, the lowest margin and hours that the store cannot serve, (4, 16).

    store (3, 16) : power, energy, efficiency
    lists : room for margins, their count, and where the run began that is not over, of 16 cases each
    """
    _, counts, begins = lists
    hours = wide.size // WIDTH
    zero, one, magic = spread(0.0), spread(1.0), spread(MAGIC)
    level, power, energy, eta = load(loads, 0), load(store, 0), load(store, WIDTH), load(store, 2 * WIDTH)
    less = zero - power
    state, run, unserved, slope, worse, least = zero, zero, zero, zero, zero, level
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
        least = where(margin < least, margin, least)
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
    save(figures, 2 * WIDTH, least)
    save(figures, 3 * WIDTH, worse)


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
def take(wide: Any, lane: int, step: int, into: Any) -> None:
    """Every so manieth margin of one case."""
    for i in range(into.size):
        into[i] = wide[i * step * WIDTH + lane]
