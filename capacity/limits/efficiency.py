"""What algorithms make of compute, and what that does to demand for it. See docs/limits.md, Efficiency."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws

Floats = NDArray[np.float64]

START = 2025
"""The year in which the frontier's algorithmic factor is 1."""


def algorithmic_factor(country: str, draws: Draws | CentralPath) -> Floats:
    """Capability per unit of compute (draw, year) over that of the frontier in 2025. [1]

    Doubles every `algorithmic_halving_months`; China's is that of some months before (Ho et al. 2024).
    """
    rate = _rate(draws)
    doublings = _doublings(rate, draws.years)
    if country == "CN":
        doublings = doublings - rate * draws.parameter("cn.algorithmic_lag_months") / 12.0
    return 2.0**doublings


def rebound(draws: Draws | CentralPath) -> Floats:
    """Factor (draw, year) on requests and capital that gains beyond the documented default's bring. [1]

    (a / a_default)^(xi - 1): demand for computing at constant capability grows by xi for each unit of gain, which
    needs a times less physical compute. Exactly 1 where the scenario says what the default says.
    """
    ours = _doublings(_rate(draws), draws.years)
    default = _doublings(12.0 / draws.default("algorithmic_halving_months"), draws.years)
    return 2.0 ** ((ours - default) * (draws.parameter("demand_rebound") - 1.0))


def _rate(draws: Draws | CentralPath) -> Floats:
    """Doublings a year (draw, year) under the scenario."""
    months = draws.parameter("algorithmic_halving_months") * draws.parameter("algorithmic_halving_factor")
    return np.asarray(12.0 / months)


def _doublings(rate: Floats, years: NDArray[np.int64]) -> Floats:
    """Doublings (draw, year) from 2025 to the end of each year at a rate a year (draw, year)."""
    return np.cumsum(np.where(years[None, :] > START, rate, 0.0), axis=1)
