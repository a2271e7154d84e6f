"""NumPy body of storage_firm: the hours in which margins lie below a load, by size, so that levels are looked up."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._storage_firm_runs import FAR, divided

_CASES = 64
"""Sorted at a time: what fits a processor's cache."""


class Shortages(NamedTuple):
    """Margins by size, those of one case after another.

    keys (hour,) : margins, and their case's number times FAR
    sums (hour + 1,) : of the margins before each, whole numbers
    start (case + 1,) : where those of a case begin
    """

    keys: Any
    sums: Any
    start: Any

    def lowest(self, load: Any) -> Any:
        """The lowest margin (case,); the load where there is none."""
        first, end = self.start[:-1], self.start[1:]
        return np.where(first < end, self.sums[np.minimum(first + 1, end)] - self.sums[first], load)

    def below(self, level: Any, most: Any) -> tuple[Any, Any]:
        """What margins lack to a level (case,), at most so much each, and how many lack something, but less."""
        first, place = self.start[:-1], np.arange(len(level)) * FAR
        end = np.searchsorted(self.keys, level + place)
        full = np.maximum(np.searchsorted(self.keys, level - most + place, side="right"), first)
        total = (end - full) * level - (self.sums[end] - self.sums[full])
        return total + (full - first) * np.where(full > first, most, 0.0), end - full


def shortages(margin: Any, load: Any) -> Shortages:
    """Of margins (hour, case) those below loads (case,)."""
    cases = len(load)
    found = []
    for first in range(0, cases, _CASES):
        some = np.s_[:, first : first + _CASES]
        below = margin[some] < load[some[1]]
        hour, case = divided(np.flatnonzero(below), below.shape[1])
        case += first
        found.append(np.sort(margin.reshape(-1)[hour * cases + case] + case * FAR))
    keys = np.concatenate(found)
    start = np.searchsorted(keys, (np.arange(cases + 1) - 0.5) * FAR)
    margins = keys - np.repeat(np.arange(cases) * FAR, np.diff(start))
    return Shortages(keys, np.concatenate([[0], np.cumsum(margins.astype(np.int64))]), start)
