"""numba body of storage_firm: sixteen cases side by side for a scan of the year, then one case after another.

Margins of the hours from a full store to the next full one lie one behind the other, but for those in which nothing
goes unserved meanwhile: nothing would at a smaller load either, and nothing is lost by leaving them out. Each scan
packs the hours for the next.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._jit import fused, in_order, lean, view
from ._lanes import WIDTH
from ._storage_firm_numpy import CLOSE, SAMPLED, STEPS
from ._storage_firm_wide import MAGIC, list_below, margins, sample, scan, take


def solve(sets: Any, store: Any, allowed: Any, found: Any) -> None:
    """As _storage_firm_numpy.solve."""
    longest = max(profiles.shape[1] for profiles, _ in sets)
    by_year = tuple(np.empty((3, longest * WIDTH)))  # made once: memory of each set's own would be fresh pages
    start = 0
    for profiles, coefficients in sets:
        end = start + len(coefficients)
        _solve_set(profiles, coefficients, store[start:end], allowed[start:end], found[start:end], by_year)
        start = end


class Group(NamedTuple):
    """Sixteen cases side by side; all by (16,), one such row after another.

    wide : margins by hour
    weights, stores : coefficients by term; power, energy and efficiency
    loads, natives : what the search is at; what natives go without
    lowest : margins
    figures, lists : what `scan` fills
    """

    wide: Any
    weights: Any
    stores: Any
    loads: Any
    natives: Any
    lowest: Any
    figures: Any
    lists: Any


class Room(NamedTuple):
    """Margins (16, hour), one case behind the other; those of some hours of a case; and of a sample of each."""

    margins: Any
    spare: Any
    samples: Any


@in_order
def _solve_set(profiles: Any, coefficients: Any, store: Any, allowed: Any, found: Any, by_year: Any) -> None:
    terms, hours = profiles.shape
    lists = (by_year[1][: hours * WIDTH], np.zeros(WIDTH, np.int64), np.zeros(WIDTH, np.int64))
    group = Group(
        by_year[0][: hours * WIDTH],
        np.empty(terms * WIDTH),
        np.empty(3 * WIDTH),
        np.empty(WIDTH),
        np.empty(WIDTH),
        np.empty(WIDTH),
        np.empty(3 * WIDTH),
        lists,
    )
    sampled = (hours + SAMPLED - 1) // SAMPLED
    room, flat = Room(by_year[2], np.empty(hours), np.empty(sampled * WIDTH)), profiles.reshape(-1)
    for first in range(0, len(coefficients), WIDTH):
        size = min(WIDTH, len(coefficients) - first)
        _fill(group, coefficients[first : first + size], store[first : first + size])
        margins(flat, group.weights, group.wide, group.lowest)
        sample(group.wide, SAMPLED, room.samples)
        for lane in range(WIDTH):
            share = allowed[first + min(lane, size - 1)] * (sampled / hours)
            group.loads[lane] = _start(view(room.samples, lane * sampled, sampled), group.stores[lane], share)
        scan(group.wide, group.loads, group.stores, group.figures, lists)
        rising = 0
        for lane in range(size):
            rising |= _rises(group, lane, room.spare, store[first + lane], allowed[first + lane]) << lane
        take(group.wide, rising, room.margins)
        for lane in range(size):
            here = view(room.margins, lane * hours, hours * ((rising >> lane) & 1))
            _solve(group, lane, here, store[first + lane], allowed[first + lane], found[first + lane])
        list_below(group.wide, group.loads, lists[0], lists[1])
        for lane in range(size):
            below = view(lists[0], lane * hours, lists[1][lane])
            limits = (group.natives[lane], allowed[first + lane])
            found[first + lane, 2] = _equivalent(below, below.size, group.loads[lane], limits, group.stores[lane])


@lean
def _fill(group: Group, coefficients: Any, store: Any) -> None:
    """Puts cases side by side, the last again and again until there are sixteen."""
    for lane in range(WIDTH):
        case = min(lane, len(coefficients) - 1)
        for k in range(coefficients.shape[1]):
            group.weights[k * WIDTH + lane] = coefficients[case, k]
        for k in range(3):
            group.stores[k * WIDTH + lane] = store[case, k]


@lean
def _rises(group: Group, lane: int, spare: Any, store: Any, allowed: float) -> int:
    """What natives of a case go without, into group.natives; 1: its search begins below the root."""
    listed, native = view(group.lists[0], lane * spare.size, group.lists[1][lane]), 0.0
    if group.lowest[lane] < 0.0:
        native = _discharge(listed, listed.size, 0.0, (store[0], store[1], store[2], store[3]), spare)[0]
    group.natives[lane] = native
    below = group.figures[lane] - native - allowed * group.loads[lane] <= 0.0
    return 1 if below and group.figures[2 * WIDTH + lane] <= allowed else 0


@lean
def _solve(group: Group, lane: int, margin: Any, store: Any, allowed: float, found: Any) -> None:
    """One case, but for its equivalent. margin (hour,), or (0,) where the search begins above the root."""
    one, native = (store[0], store[1], store[2], store[3]), group.natives[lane]
    hours = group.wide.size // WIDTH
    listed = view(group.lists[0], lane * hours, hours)
    begin = (group.loads[lane], group.figures[lane], group.figures[WIDTH + lane], group.lists[1][lane])
    load, kept = 0.0, 0
    if group.figures[2 * WIDTH + lane] <= allowed:
        limits = (native, allowed)
        if margin.size > 0:
            begin = _rise(margin, listed, begin, limits, one)
        load, kept = _fall(listed, begin, limits, one)
    lowest = min(group.lowest[lane], load)
    group.loads[lane] = load
    found[0], found[1], found[3] = load, 0.0, lowest
    if native == 0.0 and load > 0.0:
        found[1] = _firm(listed, kept, min(load, lowest + one[0]), one)


@lean
def _start(sample: Any, power: float, allowed: float) -> float:
    """Headroom in a sample of the hours with half of the power as firm: where the search begins."""
    half = np.floor(0.5 * power)
    native = _below(sample, sample.size, -half, np.inf)[0]
    load = np.floor((_sum(sample) + half * sample.size + native) / (sample.size - allowed)) + 1.0
    for _ in range(STEPS):
        cut, count = _below(sample, sample.size, load - half, np.inf)
        cost, rise = cut - native - allowed * load, count - allowed
        if cost <= 0.0 or rise <= 0.0:
            break
        lower = max(np.floor(load - cost / rise), 0.0)
        if load - lower <= CLOSE * load:
            break
        load = lower
    return max(load, np.floor(0.125 * power) + 1.0)


@fused
def _below(margin: Any, size: int, level: float, most: float) -> tuple[float, float]:
    """What margins lack to a level, at most so much each, and how many lack something, but less than that."""
    total, count = 0.0, 0.0
    for i in range(size):
        left = level - margin[i]
        left = left if left > 0.0 else 0.0
        count += 1.0 if (left > 0.0) & (left < most) else 0.0
        total += left if left < most else most
    return total, count


@fused
def _sum(values: Any) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


@lean
def _rise(margin: Any, listed: Any, begin: Any, limits: Any, store: Any) -> Any:
    """Newton on unserved energy over all hours, up from a load until the root is passed.

    begin : load, unserved energy, slope, and the number of hours that matter; it gives the like
    """
    native, allowed = limits
    load, unserved, slope, kept = begin
    for _ in range(STEPS - 1):
        cost, rise = unserved - native - allowed * load, slope - allowed
        if cost > 0.0:
            break
        higher = 2.0 * load + store[0] + 1.0
        if rise > 0.0:
            higher = min(higher, np.floor(load - cost / rise) + 1.0)
        load = higher
        unserved, slope, kept = _discharge(margin, margin.size, load, store, listed)
    return load, unserved, slope, kept


@lean
def _fall(listed: Any, begin: Any, limits: Any, store: Any) -> tuple[float, int]:
    """Newton on unserved energy over the hours that matter, down from a load."""
    native, allowed = limits
    load, unserved, slope, kept = begin
    cost, rise = unserved - native - allowed * load, slope - allowed
    for _ in range(STEPS):
        lower = max(np.floor(load - cost / rise), 0.0) if rise > 0.0 else 0.0
        close = load - lower <= max(CLOSE * min(load, store[0]), 1.0)
        load = lower
        if close or load == 0.0:
            break
        unserved, slope, kept = _discharge(listed, kept, load, store, listed)
        cost, rise = unserved - native - allowed * load, slope - allowed
        if cost <= 0.0:
            break
    return load, kept


@lean
def _discharge(margin: Any, count: int, load: float, store: Any, listed: Any) -> tuple[float, float, int]:
    """Unserved energy at a load, its slope, and the number of hours that matter, which it lists.

    Those since the store was full are taken back where nothing has gone unserved when it is again.
    """
    power, energy, eta, charged = store
    missing, unserved, slope, run = 0.0, 0.0, 0.0, 0.0
    kept, first, before = 0, 0, 0.0
    for i in range(count):
        need = load - margin[i]
        if need > 0.0:
            listed[kept] = margin[i]
            kept += 1
            if need > power:
                unserved += need - power
                slope += 1.0
                missing += power
            else:
                missing += need
                run += 1.0
            if missing > energy:
                unserved += missing - energy
                slope += run
                missing, run = energy, 0.0
        elif missing > 0.0:
            listed[kept] = margin[i]
            kept += 1
            if need <= -power:
                missing -= charged
            else:
                missing -= (-need * eta + MAGIC) - MAGIC
                run += eta
            if missing <= 0.0:
                missing, run = 0.0, 0.0
                if unserved > before:
                    first, before = kept, unserved
                else:
                    kept = first
    return unserved, slope, kept


@lean
def _firm(listed: Any, kept: int, load: float, store: Any) -> float:
    """Newton on the constraint that asks the load to fall most, of those that come first since the store was full."""
    for _ in range(STEPS):
        most, kept = _overload(listed, kept, load, store)
        if most <= 0.0 or load == 0.0:
            break
        load = max(np.floor(load - most), 0.0)
    return load


@lean
def _overload(listed: Any, count: int, load: float, store: Any) -> tuple[float, int]:
    """By how much the load falls at least before nothing goes unserved, and the number of hours that matter."""
    power, energy, eta, charged = store
    missing, asked, run, most = 0.0, 0.0, 0.0, 0.0
    kept = 0
    for i in range(count):
        margin = listed[i]
        need = load - margin
        if need > 0.0:
            listed[kept] = margin
            kept += 1
            missing = min(missing + min(need, power), energy)
            asked, run = asked + need, run + 1.0
            most = max(most, need - power)
            if asked > energy:
                most = max(most, (asked - energy) / run)
        elif missing > 0.0:
            listed[kept] = margin
            kept += 1
            given = charged
            if need > -power:
                given = (-need * eta + MAGIC) - MAGIC
                run += eta
            missing, asked = missing - given, asked - given
            if missing <= 0.0:
                missing, asked, run = 0.0, 0.0, 0.0
        else:
            asked, run = 0.0, 0.0
    return most, kept


@lean
def _equivalent(listed: Any, kept: int, load: float, limits: Any, power: float) -> float:
    """Firm capacity beside which the same load fits; without a load, beside which natives miss as much."""
    native, allowed = limits
    wanted = native if load == 0.0 else allowed * load
    most = np.inf if load == 0.0 else load
    low, high = 0.0, power
    firm = np.floor(0.5 * power)
    for _ in range(STEPS):
        cut, count = _below(listed, kept, load - firm, most)
        if cut > wanted:
            low = firm
        else:
            high = firm
        wish = firm + (cut - wanted) / count if count > 0.0 else firm
        after = np.floor(wish) if (low < wish) & (wish < high) else np.floor(0.5 * (low + high))
        if abs(after - firm) <= 0.01 * CLOSE * power:
            firm = after
            break
        firm = after
    return firm if load > 0.0 else _leaving_nothing(listed, kept, firm, allowed, power)


@lean
def _leaving_nothing(listed: Any, kept: int, firm: float, allowed: float, power: float) -> float:
    """The firm capacity, or the most below it that leaves no room for a load."""
    if _below(listed, kept, -firm, np.inf)[1] >= allowed:
        return firm
    low, high = 0.0, firm
    for _ in range(STEPS):
        if high - low <= 0.01 * CLOSE * power:
            break
        middle = np.floor(0.5 * (low + high))
        if _below(listed, kept, -middle, np.inf)[1] >= allowed:
            low = middle
        else:
            high = middle
    return low
