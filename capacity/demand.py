"""Native demand: load before new data centres, as a level, a stretch of the weather-year shape, what stands still."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws

Floats = NDArray[np.float64]

GROWTH_PERIODS = ((2030, "2025_2030"), (2035, "2031_2035"), (9999, "2036_2040"))
"""Last year of each growth period and the suffix of its parameter; the last period holds beyond 2040."""
STRETCH_LIMITS = (-0.3, 0.5)


@dataclass(frozen=True)
class DemandPath:
    """National demand relative to the base year.

    energy_ratio : (draw, year)  Energy of all but data centres over that of the base year. [1]
    peak_ratio : (draw, year)    Growth of the peak-to-mean ratio since the base year. [1]
    frozen : (draw,)             Data centres' part of the load of the base year, which stays as it is. [1]
    """

    energy_ratio: Floats
    peak_ratio: Floats
    frozen: Floats = field(default_factory=lambda: np.zeros(1))

    @property
    def load_ratio(self) -> Floats:
        """Native load (draw, year) over that of the base year. [1]"""
        return self.energy_ratio + self.frozen[:, None] * (1.0 - self.energy_ratio)


def project(country: str, base_year: int, draws: Draws | CentralPath) -> DemandPath:
    """Compound the non-datacenter growth of each period and the peak-minus-energy growth.

    Data centres already energised are part of the base year's load and stay at that level, in every hour alike: their
    later growth is the new load that the model hosts.
    """
    pre = country.lower()
    horizon = draws.years - base_year
    log_growth = np.zeros((len(draws), len(draws.years)))
    start = base_year
    for last, suffix in GROWTH_PERIODS:
        rate = draws.scalar(f"{pre}.nondatacenter_growth_{suffix}")
        elapsed = np.clip(draws.years, start, last) - start
        log_growth += np.log1p(rate)[:, None] * elapsed[None, :]
        start = last
    delta = draws.scalar(f"{pre}.peak_energy_delta")[:, None]
    frozen = draws.scalar(f"{pre}.base_year_datacenter_share")
    return DemandPath(np.exp(log_growth), (1.0 + delta) ** horizon[None, :], frozen)


def stretch(peak_ratio: Floats, peak_to_mean: float) -> Floats:
    """How far to pull the load shape away from its mean so that its peak grows by `peak_ratio`.

    Load = mean x (1 + (1 + stretch)(shape - 1)). Limited to [-0.3, 0.5], where the shape stays a load shape.
    """
    excess = max(peak_to_mean - 1.0, 1e-6)
    return np.clip((peak_ratio - 1.0) * peak_to_mean / excess, *STRETCH_LIMITS)
