"""A connection queue whose pace changes by date: a reform quickens what waits as well as what is filed later.

A request moves towards its connection by the pace of each year; a pace of 1 in all years is the queue of
`capacity.deployment`, which is used as it is where no scenario changes the pace. See docs/limits.md, Deployment.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Ready = Callable[[Floats], Floats]


def come(made: Floats, ready: Ready, pace: Floats, ages_of_open: Floats) -> Floats:
    """Load (draw, area, year) that has come of requests made (draw, area, year filed) by each year. [MW]

    ready : share (draw, area, k) connected at ages (draw, 1, k), in years at a pace of 1
    pace : (draw, year) >= 0       Years by which a request ages in a calendar year.
    ages_of_open : (draw, age)     Share of the requests of the first year with an entry that are 0.5, 1.5, ... years
        old at its end; those of later years are filed in the middle of theirs.
    """
    clock = np.cumsum(pace, axis=1)[:, None, :]
    total = np.zeros(made.shape)
    filed = np.flatnonzero(made.any(axis=(0, 1)))
    for u in filed:
        since = clock[..., u:] - clock[..., u : u + 1]
        first = u == filed[0]
        share = _of_open(ready, since, ages_of_open) if first else ready(since + 0.5 * pace[:, None, u : u + 1])
        total[..., u:] += made[..., u, None] * share
    return total


def held_back(wanted: Floats, limit: Floats) -> Floats:
    """What stands (draw, area, year) of a path that wants to grow, when a country adds at most `limit` (draw, year).

    What a year holds back is wanted again the next; areas share a year's limit in proportion to what they want.
    """
    if (np.diff(wanted.sum(axis=1), axis=1, prepend=0.0) <= limit).all():
        return wanted
    result = np.zeros_like(wanted)
    stands = np.zeros(wanted.shape[:2])
    for y in range(wanted.shape[-1]):
        more = np.maximum(wanted[..., y] - stands, 0.0)
        total = more.sum(axis=1)
        part = np.divide(limit[:, y], total, out=np.ones_like(total), where=total > limit[:, y])
        stands = stands + more * part[:, None]
        result[..., y] = stands
    return result


def slowest(rule_sets: Floats, spread: Floats) -> Floats:
    """Median wait (...) for the slowest of several consents over that for one, each lognormal with `spread` of logs.

    rule_sets : (...) >= 1, need not be whole. The median of the largest of n lies where one stays below it with a
    chance of (1/2)**(1/n).
    """
    return np.exp(spread * ndtri(0.5 ** (1.0 / rule_sets)))


def _of_open(ready: Ready, since: Floats, ages: Floats) -> Floats:
    """Share (draw, area, k) of open requests connected by k: (F(a + k) - F(a)) / (1 - F(a)), over their ages a."""
    total: Floats = np.zeros(())
    for a in range(ages.shape[1]):
        gone = ready(np.full_like(since[..., :1], a + 0.5))
        still = 1.0 - gone
        now = ready(since + a + 0.5)
        part = np.divide(now - gone, still, out=np.ones_like(now), where=still > 1e-12)
        total = total + ages[:, a, None, None] * part
    return total
