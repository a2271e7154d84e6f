"""Retirement by age, estimated from what stood and what went: a logistic survival curve with censored lives.

A unit that survives to age a retires in the next year with chance b / (1 + exp(-b (a - h))): the hazard of the curve
1 / (1 + exp(b (a - h))), with half-life h and steepness b. Lives that have not ended count with the years that they
have lasted (right-censored), lives that began before the record with those after its start (left-truncated).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OLDEST: Final = 120
"""Last age of a table in years; everything older counts as this old."""
STARTS: Final = tuple((b, h) for b in (0.05, 0.1, 0.2) for h in (30.0, 50.0, 80.0))
STEP: Final = 1e-3


class Record(NamedTuple):
    """Exposed (MW years) and retired (MW) capacity by whole year of age (0 to OLDEST), and how many units went."""

    exposed: Floats
    retired: Floats
    units: int

    @property
    def rate(self) -> float:
        return float(self.retired.sum() / self.exposed.sum())


class Curve(NamedTuple):
    """Half-life [yr] and steepness [1/yr] of a logistic survival curve, with the standard error of the half-life."""

    half_life: float
    steepness: float
    error: float


def hazard(age: Floats, half_life: float, steepness: float) -> Floats:
    """Chance (...) of retiring within a year at an age in years."""
    return np.asarray(steepness / (1.0 + np.exp(np.clip(-steepness * (age - half_life), -700.0, 700.0))))


def dated(start: Floats, end: Floats, mw: Floats, years: Iterable[int]) -> Record:
    """Record of units with a first year and a last one (infinite: still there) over whole calendar years."""
    exposed, retired, units = np.zeros(OLDEST + 1), np.zeros(OLDEST + 1), 0
    for year in years:
        there = (start <= year) & (end >= year)
        gone = there & (end == year)
        age = np.clip(year - start, 0, OLDEST).astype(int)
        np.add.at(exposed, age[there], np.where(gone, 0.5, 1.0)[there] * mw[there])
        np.add.at(retired, age[gone], mw[gone])
        units += int(gone.sum())
    return Record(exposed, retired, units)


def undated(start: Floats, gone: NDArray[np.bool_], mw: Floats, first: float, last: float) -> Record:
    """Record of units of which it is known only whether they went between two dates: in the middle of what they saw."""
    begun = np.maximum(start, first)
    there = last > begun
    start, gone, mw, begun = start[there], gone[there], mw[there], begun[there]
    lasted = np.where(gone, 0.5, 1.0) * (last - begun)
    exposed, retired = np.zeros(OLDEST + 1), np.zeros(OLDEST + 1)
    parts = 10
    for part in range(parts):
        age = np.clip(begun + lasted * (part + 0.5) / parts - start, 0, OLDEST).astype(int)
        np.add.at(exposed, age, mw * lasted / parts)
    end = np.clip(begun + lasted - start, 0, OLDEST).astype(int)
    np.add.at(retired, end[gone], mw[gone])
    return Record(exposed, retired, int(gone.sum()))


def fitted(record: Record) -> Curve:
    """Curve of most likelihood; a retired MW weighs as one over the mean size of the units that went."""
    from scipy.optimize import minimize

    best = min(
        (minimize(_loss, (np.log(b), h), args=(record,), method="Nelder-Mead") for b, h in STARTS),
        key=lambda result: float(result.fun),
    )
    log_steepness, half_life = map(float, best.x)
    curvature = np.empty((2, 2))
    steps = np.array([STEP, STEP * half_life])
    for i in range(2):
        for j in range(2):
            at = [best.x + a * steps[i] * np.eye(2)[i] + b * steps[j] * np.eye(2)[j] for a in (1, -1) for b in (1, -1)]
            plus, mixed, other, minus = (_loss(x, record) for x in at)
            curvature[i, j] = (plus - mixed - other + minus) / (4.0 * steps[i] * steps[j])
    error = float(np.sqrt(np.linalg.inv(curvature)[1, 1]))
    return Curve(half_life, float(np.exp(log_steepness)), error)


def half_life_at(exposed: Floats, retired: float, steepness: float) -> float:
    """Half-life at which a curve of given steepness retires as much in all as did. Bisection; years."""
    ages = np.arange(OLDEST + 1, dtype=np.float64) + 0.5
    low, high = 0.0, 400.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float((exposed * hazard(ages, middle, steepness)).sum()) > retired:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _loss(at: Floats, record: Record) -> float:
    ages = np.arange(OLDEST + 1, dtype=np.float64) + 0.5
    seen = record.exposed > 0
    chance = hazard(ages[seen], float(at[1]), float(np.exp(at[0])))
    size = record.retired.sum() / record.units
    loss = (record.exposed[seen] * chance - record.retired[seen] * np.log(np.maximum(chance, 1e-12))).sum()
    return float(loss / size)
