"""numba body of outage_headroom; `outage_headroom.outage_headroom_mw` holds the contract.

Every search starts right of its root, where H and F of each hour are largest. An hour whose probability of shortage is
nil there (below 1e-17) is served at every lower load and drops out, so that later steps look at few hours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import in_order
from .outage_table import HOURS_OF_DAY

_NIL = 1e-17  # probability of shortage that counts as none
_MAX_STEPS = 200
_BISECTIONS = 60


def headroom(profiles: Any, coefficients: Any, table: Any, criterion: Any, by_case: Any) -> tuple[Any, ...]:
    """All cases; fields of outage_headroom.OutageHeadroom. Inputs checked by the caller."""
    known, rows = table
    results = tuple(np.zeros(len(coefficients)) for _ in range(4))
    begins = (known.short > _NIL).argmax(axis=1).astype(np.float64)  # node from which shortage is possible
    mean = known.most_mw - known.expected_mw[:, -1]
    tables = (float(known.step_mw), known.short, known.expected_mw, begins, mean)
    name, limit = criterion
    kind = ("eue_firm", "lolh", "lole").index(name)
    _cases((profiles, coefficients), tables, rows, (kind, float(limit)), by_case, results)
    return results


@in_order
def _look(tables: Any, row: int, load: float) -> Any:
    """H and F of one net load; outage_table.look_up."""
    step, short, expected, begins, _ = tables
    position = load / step
    if position < begins[row]:
        return 0.0, 0.0
    node = min(int(np.floor(position)), short.shape[1] - 1)
    slope = short[row, node]
    return expected[row, node] + slope * (position - node) * step, slope


@in_order
def _cases(linear: Any, tables: Any, rows: Any, criterion: Any, by_case: Any, results: Any) -> None:
    profiles, coefficients = linear
    hours = profiles.shape[1]
    load = np.empty(hours)
    chosen = np.empty(hours, np.int64)
    top = tables[0] * (tables[1].shape[1] - 1)
    for case in range(len(coefficients)):
        load[:] = 0.0
        for k in range(len(profiles)):
            factor = coefficients[case, k]
            if factor != 0.0:
                for h in range(hours):
                    load[h] += factor * profiles[k, h]
        native = 0.0
        for h in range(hours):
            native += _look(tables, rows[h], load[h])[0]
        start = top - load.min() + tables[0]
        room = (load, rows, chosen)
        flexible = _newton(start, native, by_case[0][case] * hours, tables, room)
        if criterion[0] == 0:
            fixed = criterion[1] * by_case[1][case]
            firm = _newton(start, fixed, criterion[1] * hours, tables, room) if native <= fixed else 0.0
        else:
            firm = _bisect(max(start, 0.0), criterion, tables, room)
        short = 0.0
        for h in range(hours):
            short += _look(tables, rows[h], load[h] + flexible)[1]
        results[0][case], results[1][case], results[2][case], results[3][case] = firm, flexible, short, native


@in_order
def _newton(found: float, fixed: float, allowed: float, tables: Any, room: Any) -> float:
    """Root from the right of sum H(x + L) - fixed - allowed L; 0 where there is none."""
    load, rows, chosen = room
    found = _without_scatter(found, fixed, allowed, tables[4], load, rows)
    count = load.size
    for h in range(count):
        chosen[h] = h
    for _ in range(_MAX_STEPS):
        cost, rise, kept = -fixed - allowed * found, -allowed, 0
        for at in range(count):
            h = chosen[at]
            expected, short = _look(tables, rows[h], load[h] + found)
            if short > 0.0:
                cost += expected
                rise += short
                chosen[kept] = h
                kept += 1
        count = kept
        if cost <= 1e-12 * (1.0 + fixed) or rise <= 0.0 or found <= 0.0:
            break
        lower = max(found - cost / rise, 0.0)
        moved = found - lower > 1e-13 * found
        found = lower
        if not moved:
            break
    return max(found, 0.0)


@in_order
def _without_scatter(found: float, fixed: float, allowed: float, mean: Any, load: Any, rows: Any) -> float:
    """The root if the mean capacity always stood: right of the true one, since H(x) >= (x - mean)^+ (Jensen)."""
    for _ in range(_MAX_STEPS):
        cost, rise = -fixed - allowed * found, -allowed
        for h in range(load.size):
            gap = load[h] + found - mean[rows[h]]
            if gap > 0.0:
                cost += gap
                rise += 1.0
        if cost <= 0.0 or rise <= 0.0:
            break
        lower = found - cost / rise
        if lower <= 0.0 or found - lower <= 1e-9 * found:
            break
        found = lower
    return found


@in_order
def _bisect(high: float, criterion: Any, tables: Any, room: Any) -> float:
    """Largest load within a limit of hours or days of shortage."""
    daily = criterion[0] == 2
    count = _possible(high, daily, tables, room)
    if _shortage(0.0, count, daily, tables, room) > criterion[1]:
        return 0.0
    low = 0.0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if _shortage(middle, count, daily, tables, room) <= criterion[1]:
            low = middle
        else:
            high = middle
    return low


@in_order
def _possible(high: float, daily: bool, tables: Any, room: Any) -> int:
    """Hours that may be short at a load, into `chosen`; of a day's hours under one condition only the hardest."""
    load, rows, chosen = room
    count = 0
    for h in range(load.size):
        if _look(tables, rows[h], load[h] + high)[1] <= 0.0:
            continue
        if daily and count > 0:
            last = chosen[count - 1]
            if last // HOURS_OF_DAY == h // HOURS_OF_DAY and rows[last] == rows[h]:
                if load[h] > load[last]:
                    chosen[count - 1] = h
                continue
        chosen[count] = h
        count += 1
    return count


@in_order
def _shortage(added: float, count: int, daily: bool, tables: Any, room: Any) -> float:
    """Expected hours of shortage, or with `daily` days by each day's worst hour."""
    load, rows, chosen = room
    total = 0.0
    worst = 0.0
    day = -1
    for at in range(count):
        h = chosen[at]
        short = _look(tables, rows[h], load[h] + added)[1]
        if not daily:
            total += short
            continue
        if h // HOURS_OF_DAY != day:
            total += worst
            worst = 0.0
            day = h // HOURS_OF_DAY
        worst = max(worst, short)
    return total + worst
