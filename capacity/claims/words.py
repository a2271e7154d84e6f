"""Numbers as people read them; sentences are built from these, never typed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from capacity.claims.posterior import Posterior, Probability


def number(value: float) -> str:
    """Three places, thousands with separators, huge or tiny ones in powers of ten, and words for what is infinite."""
    if math.isinf(value):
        return "never" if value > 0 else "minus infinity"
    if math.isnan(value):
        return "not defined"
    value += 0.0  # no minus before a zero
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def year(value: float) -> str:
    """A calendar year, without a separator; `never` where there is none."""
    return f"{value:.0f}" if math.isfinite(value) else number(value)


def share(chance: Probability) -> str:
    """A probability in percent of the draws."""
    return f"{100.0 * chance.value:.0f} % of draws"


def share_with_error(chance: Probability) -> str:
    """The same with its Monte-Carlo error."""
    return f"{share(chance)} (Monte-Carlo error {100.0 * chance.error:.1f} points)"


def rounded(value: float, error: float) -> str:
    """A number to the first place of its Monte-Carlo error, and to three at most: no more is known of it."""
    if not (math.isfinite(value) and 0.0 < error < math.inf) or abs(value) >= 1e6:
        return number(value)
    places = -math.floor(math.log10(error))
    if value:
        places = min(places, 2 - math.floor(math.log10(abs(value))))
    kept = round(value, places) + 0.0  # no minus before a zero
    return f"{kept:,.{max(places, 0)}f}"


def spread(found: Posterior, unit: str) -> str:
    """Median and 90 % band with the unit, as exactly as the draws tell the median."""
    median, low, high = (rounded(value, found.error) for value in (found.median, found.low, found.high))
    return f"{median} {unit} (90 % band {low} to {high})"


def percent(log_change: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln changes as percent changes."""
    return np.asarray(100.0 * np.expm1(log_change))


COUNTRY = {"US": "United States", "CN": "China"}
