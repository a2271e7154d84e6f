"""Areas for benchmarks: a made-up one, fixed by a seed, and those of the grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CENTRAL_MW = np.array([72e3, 12e3, 15e3, 5e3, 50e3, 2e3])  # firm, wind, solar, hydro, mean load, interchange
SPREAD = np.array([0.03, 0.10, 0.15, 0.05, 0.04, 0.05])  # of the logarithm, draw to draw


def profiles(hours: int = 8760, seed: int = 0) -> Floats:
    """Six hourly profiles (6, hours): constant, wind, solar, hydro, load with its sign, interchange."""
    rng = np.random.default_rng(seed)
    hour = np.arange(hours)
    day, year = 2 * np.pi * hour / 24, 2 * np.pi * hour / 8760
    weather = np.convolve(rng.normal(size=hours + 71), np.ones(72) / np.sqrt(72), "valid")
    load = 1 + 0.15 * np.cos(year - 3.4) + 0.12 * np.cos(day - 4.7) + 0.06 * weather
    gusts = np.convolve(rng.normal(size=hours + 23), np.ones(24) / np.sqrt(24), "valid")
    wind = np.clip(0.35 + 0.25 * gusts, 0, 1)
    solar = np.clip(np.sin(day - 1.6), 0, 1) * rng.uniform(0.5, 1, hours)
    hydro = 0.4 + 0.2 * np.cos(day - 4.7)
    return np.stack([np.ones(hours), wind, solar, hydro, -load, rng.normal(0, 0.2, hours)])


def draws(count: int, seed: int = 1) -> Floats:
    """Coefficients (count, 6) [MW], lognormal about the central case."""
    rng = np.random.default_rng(seed)
    return CENTRAL_MW * np.exp(SPREAD * rng.normal(size=(count, len(CENTRAL_MW))))


def real(area: str, year: int, count: int) -> tuple[Floats, Floats]:
    """Profiles (term, hour) and coefficients (count, term) of an area in a year under `reference`, in one weather year.

    As a run has them, storage by its credit; terms that are nil are left out.
    """
    profiles, (coefficients,) = real_years(area, [year], count)
    return profiles, coefficients


def real_years(area: str, years: Sequence[int], count: int) -> tuple[Floats, list[Floats]]:
    """As `real`, with coefficients for each of several years, all on the profiles of the first.

    Only hydro's differ from year to year.
    """
    import grids
    import scenarios
    from capacity.explain.area_year import area_case, asked

    grid, last = grids.open_grid(), (max(years), 0.5)
    found = area_case(grid, *asked(grid, scenarios.load(["reference"])[0], area, last, (count, 2025)), "credit")
    margin, at = found.margin(found.record.weather[0], found.balance), list(found.draws.years)
    profiles = margin.profiles[at.index(years[0])]
    coefficients = [margin.coefficients[:, at.index(year)] for year in years]
    used = np.flatnonzero(np.abs(profiles).max(axis=1) * np.abs(coefficients).max(axis=(0, 1)))
    return np.ascontiguousarray(profiles[used]), [np.ascontiguousarray(part[:, used]) for part in coefficients]
