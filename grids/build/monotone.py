"""Monotone maps of capacity factors: keep the order of the hours, meet a given mean, stay within 0-1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from grids.variables import GridDataError

Floats = npt.NDArray[np.float64]

LARGEST_SCALED = 0.95
"""Plain scaling is used while the highest hour stays at or below this. [J]"""


def to_mean(values: Floats, mean: float) -> tuple[Floats, str]:
    """Move a series to a mean by a strictly increasing map of 0-1 onto itself or into it.

    values : array (hour,)  Capacity factors, 0 and up. [1]
    mean : float            Wanted mean, above 0 and below 1. [1]
    Returns (array (hour,), words for the record). Where ``mean`` is reached by a factor that leaves the highest hour
    at or below 0.95, that factor; otherwise 1 - (1 - x)**a: slope ``a`` near zero, saturating at 1, so that no hour is
    cut off and two different hours stay different.
    Raises GridDataError when the series is flat zero or the mean is out of reach.
    """
    if not (np.isfinite(values).all() and values.min() >= 0.0 and values.max() > 0.0 and 0.0 < mean < 1.0):
        raise GridDataError(f"cannot move a series of {values.min():.3g}..{values.max():.3g} to the mean {mean:.3g}")
    factor = mean / float(values.mean())
    if factor * values.max() <= LARGEST_SCALED:
        return values * factor, f"scaled by {factor:.2f}"
    below_one = values / max(1.0, float(values.max()) / LARGEST_SCALED)

    def miss(exponent: float) -> float:
        return float(np.mean(1.0 - (1.0 - below_one) ** exponent)) - mean

    if miss(100.0) < 0.0 or miss(0.01) > 0.0:
        raise GridDataError(f"no monotone map takes a series of mean {values.mean():.3g} to {mean:.3g}")
    exponent = float(brentq(miss, 0.01, 100.0, xtol=1e-12))
    return 1.0 - (1.0 - below_one) ** exponent, f"raised by 1-(1-x)^{exponent:.2f}"


def toward(values: Floats, quantiles: Floats, mean: float) -> tuple[Floats, str]:
    """Keep the order of the hours, but draw their distribution half way to that of observed fleets.

    A mean over the area of a whole province stands idle at wind speeds in which farms on good sites run, so that a
    plain lift of its level would saturate at 1 and leave half the hours at exactly zero.
    values : array (hour,)        Capacity factors; equal ones are ordered by their 25-hour moving mean. [1]
    quantiles : array (q,)        Distribution of observed fleets at equal steps of probability. [1]
    mean : float                  Level to which both distributions are moved before they are averaged. [1]
    Returns (array (hour,), words for the record).
    """
    own, _ = to_mean(values, mean)
    other, _ = to_mean(quantiles, mean)
    around = np.convolve(np.concatenate([values[-12:], values, values[:12]]), np.full(25, 0.04), mode="valid")
    rank = np.lexsort((around, values)).argsort(kind="stable")
    probability = (rank + 0.5) / rank.size
    like_fleet = np.interp(probability, np.linspace(0.0, 1.0, quantiles.size), other)
    return 0.5 * (np.sort(own)[rank] + like_fleet), ", distribution half way to that of four US fleets"
