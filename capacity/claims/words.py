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


def share(chance: Probability) -> str:
    """A probability in percent of the draws."""
    return f"{100.0 * chance.value:.0f} % of draws"


def share_with_error(chance: Probability) -> str:
    """The same with its Monte-Carlo error."""
    return f"{share(chance)} (Monte-Carlo error {100.0 * chance.error:.1f} points)"


def spread(found: Posterior, unit: str) -> str:
    """Median and 90 % band with the unit."""
    return f"{number(found.median)} {unit} (90 % band {number(found.low)} to {number(found.high)})"


def percent(log_change: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln changes as percent changes."""
    return np.asarray(100.0 * np.expm1(log_change))


COUNTRY = {"US": "United States", "CN": "China"}
