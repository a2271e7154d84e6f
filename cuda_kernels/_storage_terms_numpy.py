"""NumPy body of storage_terms: stretches of use of many cases side by side, a step at all loads at a time.

They are those at the highest load looked for if the store kept nothing for later, up to the last hour that could then
be cut. At a lower load, or with something kept, the store never holds less: it is full where a stretch begins, and
nothing is cut outside. What it has to keep for hours after a stretch is never more than it then holds anyway. So all
other hours are left out, and change no bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._storage_runs import Stretches, stretches
from .storage_terms import NO_CUT, STEPS


def headroom(margin: Any, numbers: Any) -> Any:
    """Fields of numbers as in storage_terms; returns the load (case,)."""
    terms, (low, high) = numbers[3:7], (values.copy() for values in numbers[7:])
    found, hours = stretches(margin, high, np.stack(numbers[:3]), short=True), margin.shape[1]
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        good = _kept(found, hours, middle, terms)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return low


def _kept(found: Stretches, hours: int, load: Any, terms: Any) -> Any:
    """Whether the cuts of loads (case,) keep the terms."""
    share, depth, longest, most = terms
    kept, case, hour, cut = _cuts(found, load, depth * load)
    # In the order of hours, as sums are taken one after another.
    order = np.argsort(case * hours + hour, kind="stable")
    case, hour, cut = case[order], hour[order], cut[order]
    kept &= np.bincount(case, cut, len(load)) <= share * hours * load
    kept &= _longest(case, hour, len(load)) <= longest
    count = np.bincount(case, minlength=len(load))
    return kept & _within_calls(case * 2 * hours + hour, count, most, np.minimum(longest, hours))


def _cuts(stretch: Stretches, load: Any, deepest: Any) -> tuple[Any, Any, Any, Any]:
    """Whether stores can keep what they must (case,); case, hour and height of each cut."""
    kept = np.ones(len(load), dtype=bool)
    found = []
    for margin, number, (power, energy, efficiency) in stretch.runs:
        case = stretch.case[number]
        need = load[case] - margin
        short = need > 0.0
        firm = np.maximum(need - deepest[case], 0.0)
        taken = np.where(short, np.minimum(need, power), -efficiency * np.minimum(-need, power))
        reserve = np.zeros((len(need) + 1, len(case)))
        moved = np.where(short, firm, taken)
        for before, row, after in zip(reserve[::-1], moved[::-1], reserve[-2::-1], strict=False):
            np.add(before, row, out=after)
            np.maximum(after, 0.0, out=after)
        firm[~short] = 0.0
        kept[case[((firm > power) | (reserve[:-1] > energy)).any(axis=0)]] = False
        reserve[1:][~short] = -np.inf  # a store that charges keeps back nothing
        charge, room = energy.copy(), np.empty_like(energy)
        for row, back in zip(taken, reserve[1:], strict=True):
            np.subtract(charge, back, out=room)
            np.minimum(row, room, out=row)
            np.subtract(charge, row, out=charge)
            np.minimum(charge, energy, out=charge)
        need -= taken
        place, run = np.nonzero(short & (need > NO_CUT * load[case]))
        found.append((case[run], stretch.hour[number[run]] + place, need[place, run]))
    none = np.zeros(0, dtype=np.int64)
    columns = zip(*found, strict=True) if found else ([none], [none], [np.zeros(0)])
    case, hour, cut = (np.concatenate(column) for column in columns)
    return kept, case, hour, cut


def _longest(case: Any, hour: Any, cases: int) -> Any:
    """Most hours (case,) in a row, of hours in order."""
    found = np.zeros(cases)
    first = np.flatnonzero((np.diff(case, prepend=-1) != 0) | (np.diff(hour, prepend=-2) != 1))
    np.maximum.at(found, case[first], np.diff(first, append=len(hour)))
    return found


def _within_calls(key: Any, count: Any, most: Any, longest: Any) -> Any:
    """Whether calls (case,) of `longest` hours hold all hours, in order of case and hour."""
    end = np.cumsum(count)
    at = end - count
    left = np.flatnonzero((at < end) & (count > most))  # as many calls as hours are enough
    calls = np.zeros(len(count))
    good = np.ones(len(count), dtype=bool)
    while left.size:
        calls[left] += 1.0
        good[left] = calls[left] <= most[left]
        left = left[good[left]]
        at[left] = np.minimum(np.searchsorted(key, key[at[left]] + np.maximum(longest[left], 1.0)), end[left])
        left = left[at[left] < end[left]]
    return good
