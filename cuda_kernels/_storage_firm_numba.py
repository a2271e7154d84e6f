"""numba body of storage_firm: one case after another, each over the hours in which its store can be less than full.

Margins of these hours lie one behind the other: between them the store is full, so that nothing is lost by leaving the
others out. Hours that matter at one load contain those of every smaller one, and each scan packs them for the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import fused, in_order, lean
from ._storage_firm_numpy import CLOSE, SAMPLED, STEPS

_MAGIC = 6755399441055744.0  # 1.5 * 2**52: adding it and taking it away rounds to whole numbers


def solve(sets: Any, store: Any, allowed: Any, found: Any) -> None:
    """As _storage_firm_numpy.solve."""
    start = 0
    for profiles, coefficients in sets:
        end = start + len(coefficients)
        _solve_set(profiles, coefficients, store[start:end], allowed[start:end], found[start:end])
        start = end


@in_order
def _solve_set(profiles: Any, coefficients: Any, store: Any, allowed: Any, found: Any) -> None:
    hours = profiles.shape[1]
    margin, listed = np.empty(hours), np.empty(hours)
    sample = np.empty((hours + SAMPLED - 1) // SAMPLED)
    for case in range(len(coefficients)):
        _margins(profiles, coefficients[case], margin)
        for h in range(hours):
            margin[h] = (margin[h] + _MAGIC) - _MAGIC
        for i in range(sample.size):
            sample[i] = margin[i * SAMPLED]
        one = (store[case, 0], store[case, 1], store[case, 2], store[case, 3])
        _solve(margin, sample, listed, one, allowed[case], found[case])


@fused
def _margins(profiles: Any, c: Any, margin: Any) -> None:
    """Margins in whole units; products and their sums are exact, so that neither order nor fusing shows."""
    for h in range(margin.size):
        margin[h] = 0.0
    for k in range(0, c.size - 2, 3):
        one, two, three = c[k], c[k + 1], c[k + 2]
        first, second, third = profiles[k], profiles[k + 1], profiles[k + 2]
        for h in range(margin.size):
            margin[h] += (one * first[h] + two * second[h]) + three * third[h]
    for k in range(c.size - c.size % 3, c.size):
        weight, row = c[k], profiles[k]
        for h in range(margin.size):
            margin[h] += weight * row[h]


@lean
def _solve(margin: Any, sample: Any, listed: Any, store: Any, allowed: float, found: Any) -> None:
    power = store[0]
    native, load, kept = 0.0, 0.0, 0
    if _below(margin, margin.size, 0.0, np.inf)[1] > 0.0:
        native, _, kept = _discharge(margin, margin.size, 0.0, store, listed)
    if _below(margin, margin.size, -power, np.inf)[1] <= allowed:
        load = _start(sample, power, allowed * (sample.size / margin.size))
        load, kept = _headroom(margin, listed, load, (native, allowed), store)
    lowest = load
    for i in range(kept):
        lowest = min(lowest, listed[i])
    found[0], found[1], found[3] = load, 0.0, lowest
    found[2] = _equivalent(listed, kept, load, (native, allowed), power)
    if native == 0.0 and load > 0.0:
        found[1] = _firm(listed, kept, min(load, lowest + power), store)


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
def _headroom(margin: Any, listed: Any, load: float, limits: Any, store: Any) -> tuple[float, int]:
    """Newton on unserved energy: up over all hours until the root is passed, then down over those that matter."""
    native, allowed = limits
    kept = 0
    for _ in range(STEPS):
        unserved, slope, kept = _discharge(margin, margin.size, load, store, listed)
        cost, rise = unserved - native - allowed * load, slope - allowed
        if cost > 0.0:
            break
        higher = 2.0 * load + store[0] + 1.0
        if rise > 0.0:
            higher = min(higher, np.floor(load - cost / rise) + 1.0)
        load = higher
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
    """Unserved energy at a load, its slope, and the number of hours that matter, which it lists."""
    power, energy, eta, charged = store
    missing, unserved, slope, run = 0.0, 0.0, 0.0, 0.0
    kept = 0
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
                missing -= (-need * eta + _MAGIC) - _MAGIC
                run += eta
            if missing <= 0.0:
                missing, run = 0.0, 0.0
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
                given = (-need * eta + _MAGIC) - _MAGIC
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
