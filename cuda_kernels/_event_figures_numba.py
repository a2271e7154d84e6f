"""numba body of event_figures; `event_figures.event_figures` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import in_order, lean, view

SPAN, BLOCK = 256, 64
"""Hours whose margins are added up together, as many as a core keeps at hand, and that are looked at together."""


@in_order
def count(profiles: Any, coefficients: Any, load: Any, kinds: Any, found: Any) -> None:
    """Fill the figures of all cases in, which must be nil before."""
    hours, rows = profiles.shape[1], profiles.ravel()
    margin, runs = np.empty(SPAN), np.zeros(len(load), np.int64)
    for first in range(0, hours, SPAN):
        length = min(SPAN, hours - first)
        for case in range(len(load)):
            if not load[case] > 0.0:
                continue
            _add_up(rows, coefficients[case], first, length, margin)
            for start in range(0, length, BLOCK):
                some = view(margin, start, min(BLOCK, length - start))
                if _short(some, load[case]):
                    runs[case] = _events(some, first + start, runs[case], (load[case], kinds), found[case])
                else:
                    runs[case] = 0
    for case in range(len(load)):
        if load[case] > 0.0:
            found[case, 3] /= load[case]


@lean
def _add_up(rows: Any, weights: Any, first: int, length: int, margin: Any) -> None:
    """Margins of some hours, the terms added in order, three at a time where there are as many."""
    terms = weights.size
    year = rows.size // terms
    one, p = weights[0], view(rows, first, length)
    for h in range(length):
        margin[h] = one * p[h]
    term = 1
    while term + 3 <= terms:
        one, two, three = weights[term], weights[term + 1], weights[term + 2]
        p = view(rows, term * year + first, length)
        q, r = view(rows, (term + 1) * year + first, length), view(rows, (term + 2) * year + first, length)
        for h in range(length):
            margin[h] = margin[h] + one * p[h] + two * q[h] + three * r[h]
        term += 3
    while term < terms:
        one, p = weights[term], view(rows, term * year + first, length)
        for h in range(length):
            margin[h] += one * p[h]
        term += 1


@lean
def _short(margin: Any, load: float) -> int:
    """How many hours' margins do not reach the load."""
    short = 0
    for h in range(margin.size):
        short += 0 if margin[h] >= load else 1
    return short


@lean
def _events(margin: Any, first: int, run: int, asked: Any, found: Any) -> int:
    """Add some hours to the figures of a case, after a run of curtailed hours; returns the run at their end."""
    load, kinds = asked
    hours, runs, longest, deepest = 0, 0, run, found[3]
    for h in range(margin.size):
        cut = load - max(margin[h], 0.0)
        if cut > 0.0:
            runs += run == 0
            run += 1
            hours += 1
            longest, deepest = max(longest, run), max(deepest, cut)
            found[4 + kinds[0, first + h]] += 1.0
            found[8 + kinds[1, first + h]] += 1.0
        else:
            run = 0
    found[0] += hours
    found[1] += runs
    found[2] = max(found[2], longest)
    found[3] = deepest
    return run
