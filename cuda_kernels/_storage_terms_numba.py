"""numba body of storage_terms: one case after another, a load given up as soon as a term is broken."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import in_order
from .storage_terms import NO_CUT, STEPS


def headroom(margin: Any, numbers: Any) -> Any:
    """Fields of numbers as in storage_terms; returns the load (case,)."""
    found = np.empty(len(margin))
    _cases(margin, np.stack(numbers, axis=1), found)
    return found


@in_order
def _cases(margin: Any, numbers: Any, found: Any) -> None:
    reserve = np.zeros(margin.shape[1] + 1)
    for case in range(len(margin)):
        low, high = numbers[case, 7], numbers[case, 8]
        for _ in range(STEPS):
            middle = 0.5 * (low + high)
            if _kept(margin[case], middle, numbers[case], reserve):
                low = middle
            else:
                high = middle
        found[case] = low


@in_order
def _kept(margin: Any, load: float, numbers: Any, reserve: Any) -> bool:
    """Whether the cuts of a load keep the terms."""
    power, energy, efficiency = numbers[0], numbers[1], numbers[2]
    longest, most = numbers[5], numbers[6]
    if not _reserved(margin, load, numbers, reserve):
        return False
    allowed = numbers[3] * margin.size * load
    nothing = NO_CUT * load
    charge, total, run, calls, until = energy, 0.0, 0.0, 0.0, 0.0
    for h in range(margin.size):
        need = load - margin[h]
        if need <= 0.0:
            charge = min(charge + efficiency * min(-need, power), energy)
            run = 0.0
            continue
        given = min(need, power, charge - reserve[h + 1])
        charge -= given
        cut = need - given
        if cut <= nothing:
            run = 0.0
            continue
        total += cut
        run += 1.0
        if h >= until:
            calls += 1.0
            until = h + longest
        if run > longest or calls > most or total > allowed:
            return False
    return True


@in_order
def _reserved(margin: Any, load: float, numbers: Any, reserve: Any) -> bool:
    """What the store must hold at the start of each hour, into `reserve`; whether it can."""
    power, energy, efficiency = numbers[0], numbers[1], numbers[2]
    deepest = numbers[4] * load
    held = 0.0
    for h in range(margin.size - 1, -1, -1):
        need = load - margin[h]
        if need > 0.0:
            firm = max(need - deepest, 0.0)
            held += firm
            if firm > power or held > energy:
                return False
        else:
            held = max(held - efficiency * min(-need, power), 0.0)
        reserve[h] = held
    return True
