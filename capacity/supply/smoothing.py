"""Exponential smoothing with a damped trend (Holt 1957, Gardner and McKenzie 1985), many series and settings at once.

l_t = l_(t-1) + phi b_(t-1) + alpha e_t,  b_t = phi b_(t-1) + alpha beta e_t,  with e_t the error one year ahead.

No single setting is trusted: a series gets the mean over a grid of them, each weighted by how well it has foretold
the series one year ahead. Used by the hindcast on generation and by the projection on capacity.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from capacity.supply.products import product

Floats = NDArray[np.float64]

STARTING_YEARS = 4
"""The first trend is the mean of so many growth rates."""
LEAST_ERROR = 1e-8
"""Sum of squared errors below which settings are no longer told apart, a numerical floor. [square log points]"""
_ALPHAS = (0.2, 0.4, 0.6, 0.8, 1.0)
_BETAS = (0.0, 0.1, 0.3, 0.6, 1.0)
_DAMPINGS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
ALPHA, BETA, DAMPING = (
    column[:, None] for column in np.array([(a, b, p) for a in _ALPHAS for b in _BETAS for p in _DAMPINGS]).T
)
"""The grid of settings, (setting, 1) each: reaction of the level, of the trend as part of it, damping of the trend."""


def unbroken(growth: Floats) -> NDArray[np.int64]:
    """First index (series,) of the run of known growth rates up to the last; the number of years where that is NaN."""
    years = growth.shape[1]
    last_gap = np.where(~np.isfinite(growth), np.arange(1, years + 1), 0)
    return np.asarray(last_gap.max(axis=1, initial=0), dtype=np.int64)


def states(growth: Floats) -> tuple[Floats, Floats, Floats]:
    """Last level less the last value, last trend, and sum of squared errors, each (setting, series).

    growth : (series, year)  Log growth, NaN before a series starts or where it is broken. The states are linear in it.
    A series whose last growth is unknown has states of zero.
    """
    start = unbroken(growth)
    known = np.where(np.arange(growth.shape[1]) >= start[:, None], growth, 0.0)
    value = np.concatenate([np.zeros((len(growth), 1)), np.cumsum(known, axis=1)], axis=1)
    level, trend, error = (np.zeros((len(ALPHA), len(growth))) for _ in range(3))
    first = np.zeros(len(growth))
    for row, at in enumerate(start):
        run = growth[row, at : at + STARTING_YEARS]
        first[row] = run.mean() if run.size else 0.0
    for t in range(growth.shape[1] + 1):
        ahead = level + DAMPING * trend
        missed = value[:, t] - ahead
        later, begins = start < t, start == t
        level = np.where(later, ahead + ALPHA * missed, np.where(begins, value[:, t], level))
        trend = np.where(later, DAMPING * trend + ALPHA * BETA * missed, np.where(begins, first, trend))
        error = error + np.where(later, missed**2, 0.0)
    return level - value[:, -1], trend, error


def shares(error: Floats, count: NDArray[np.int64], trust: float) -> Floats:
    """Weight (setting, series) of each setting, its likelihood to the power `trust`; they sum to 1.

    count : (series,)  Growth rates behind the sums of squared errors. Below one, `trust` holds settings nearer to
    equal than the likelihood does: errors of following years are not independent.
    """
    likelihood = -0.5 * count * np.log(np.maximum(error, LEAST_ERROR))
    weight = np.exp(trust * (likelihood - likelihood.max(axis=0)))
    return np.asarray(weight / weight.sum(axis=0))


def path(growth: Floats, trust: float, horizon: int) -> Floats:
    """Mean path (series, horizon) of the log level over the last value; NaN where the last growth is unknown."""
    level, trend, error = states(growth)
    count = growth.shape[1] - unbroken(growth)
    weight = shares(error, count, trust)
    found = (weight * level).sum(axis=0)[:, None] + product((weight * trend).T, _steps(horizon))
    return np.where(count[:, None] > 0, found, np.nan)


def response(growth: Floats, years: int, trust: float, horizon: int) -> Floats:
    """Path over the last value (year, horizon) per unit of growth in each of `years` years.

    growth : (year,)  The record that weighs the settings. With its weights held, the path of any other record of
    `years` growth rates is that record times the response, so that thousands of draws cost one product. Worked out once
    for all scenarios and blocks of draws; not to be written to.
    """
    return _response(tuple(map(float, growth)), years, trust, horizon)


@lru_cache(1000)
def _response(growth: tuple[float, ...], years: int, trust: float, horizon: int) -> Floats:
    weight = shares(states(np.array([growth]))[2], np.array([len(growth)]), trust)
    level, trend, _ = states(np.eye(years))
    found = (weight * level).sum(axis=0)[:, None] + product((weight * trend).T, _steps(horizon))
    found.flags.writeable = False
    return found


def _steps(horizon: int) -> Floats:
    """Sum of damping^i for i = 1..h, (setting, horizon)."""
    return np.cumsum(DAMPING ** np.arange(1.0, horizon + 1.0), axis=1)
