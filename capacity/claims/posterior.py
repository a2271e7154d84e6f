"""What draws say: a median with its band, a probability, and the Monte-Carlo error of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.output.report import median_standard_error

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BAND = (0.05, 0.95)
WORDS = (
    (0.95, "holds in nearly all draws"),
    (2 / 3, "holds in most draws"),
    (1 / 3, "is undecided between the draws"),
    (0.05, "fails in most draws"),
    (0.0, "fails in nearly all draws"),
)
"""Least probability and the words for it; label J. A verdict is never given without its number."""


@dataclass(frozen=True)
class Posterior:
    """Median and 90 % band of a statistic over draws; `error` is the Monte-Carlo standard error of the median."""

    median: float
    low: float
    high: float
    error: float
    draws: int


@dataclass(frozen=True)
class Probability:
    """Share of draws in which a condition holds, with its Monte-Carlo standard error."""

    value: float
    error: float
    draws: int

    @property
    def words(self) -> str:
        return next(words for least, words in WORDS if self.value >= least)


def posterior(values: Floats) -> Posterior:
    """Summary of independent draws (draw,). Infinite values are allowed (a wait that does not end); NaN is not.

    Raises CapacityError for no draws or a NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not values.size or np.isnan(values).any():
        raise CapacityError(f"a posterior needs draws (draw,) without NaN, got shape {values.shape}")
    if np.isfinite(values).all():
        low, median, high = np.quantile(values, (BAND[0], 0.5, BAND[1]))
        return Posterior(float(median), float(low), float(high), float(median_standard_error(values)), values.size)
    low, median, high = np.quantile(values, (BAND[0], 0.5, BAND[1]), method="inverted_cdf")
    with np.errstate(invalid="ignore"):
        error = float(median_standard_error(values))
    return Posterior(float(median), float(low), float(high), error, values.size)


def probability(holds: Flags) -> Probability:
    """Share of draws (draw,) in which something holds.

    The error is the standard deviation of the Jeffreys posterior, so that 0 of n and n of n have one too.
    """
    holds = np.asarray(holds)
    if holds.ndim != 1 or not holds.size or holds.dtype != np.bool_:
        raise CapacityError(f"a probability needs booleans (draw,), got {holds.dtype} {holds.shape}")
    count = int(holds.sum())
    a, b = count + 0.5, holds.size - count + 0.5
    error = float(np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1.0))))
    return Probability(count / holds.size, error, holds.size)


@dataclass(frozen=True)
class Ratio:
    """A ratio of two spreads with the jackknife standard error of it."""

    value: float
    error: float
    draws: int


def spread_ratio(above: Floats, below: Floats) -> Ratio:
    """Standard deviation of `above` over that of `below`, draws (draw,) paired by number; jackknife error.

    A ratio of 0 means that `above` does not vary; nan where `below` does not.
    """
    count = above.size
    if count < 3 or below.std() == 0.0:
        return Ratio(float("nan"), float("nan"), count)
    whole = above.std(ddof=1) / below.std(ddof=1)
    left = np.array([_without(above, i) / max(_without(below, i), 1e-300) for i in range(count)])
    error = np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum())
    return Ratio(float(whole), float(error), count)


def _without(values: Floats, index: int) -> float:
    return float(np.delete(values, index).std(ddof=1))
