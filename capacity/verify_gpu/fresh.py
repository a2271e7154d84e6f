"""Fresh random inputs for the checks on a device: everyday ones, and families that have hurt solvers before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cuda_kernels.water_fill import Table

Floats = NDArray[np.float64]
Kinds = NDArray[np.int64]

SHARES = np.array([0.0, 0.0025, 0.005, 0.01, 0.05, 0.3, 0.6])
"""Seven, so that the launcher groups them by two and one."""

LEVELS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
"""Nine, one more than a launch of the quantile kernel takes."""

_CENTRAL_MW = np.array([70e3, 12e3, 15e3, 5e3, 50e3, 2e3])  # firm, wind, sun, hydro, load, interchange
_SPREAD = np.array([0.03, 0.10, 0.15, 0.05, 0.04, 0.05])  # of the logarithm, draw to draw


def area(rng: np.random.Generator, hours: int) -> Floats:
    """Profiles (6, hours) with the rhythms of a power system: firm, wind, sun, hydro, minus load, interchange [1]."""
    hour = np.arange(hours)
    day, year = 2 * np.pi * hour / 24, 2 * np.pi * hour / 8760
    weather = rng.normal(size=(2, hours // 24 + 2)).repeat(24, axis=1)[:, :hours]  # one value a day
    load = 1 + 0.15 * np.cos(year - rng.uniform(0, 6)) + 0.12 * np.cos(day - 4.7) + 0.05 * weather[0]
    wind = np.clip(0.35 + 0.2 * weather[1] + 0.05 * rng.normal(size=hours), 0, 1)
    sun = np.clip(np.sin(day - 1.6), 0, 1) * rng.uniform(0.5, 1, hours)
    hydro = 0.4 + 0.2 * np.cos(year)
    return np.stack([np.ones(hours), wind, sun, hydro, -load, rng.normal(0, 0.2, hours)])


def draws(rng: np.random.Generator, cases: int, widening: float = 1.0) -> Floats:
    """Coefficients (cases, 6), lognormal about a central area [MW]."""
    return _CENTRAL_MW * np.exp(widening * _SPREAD * rng.normal(size=(cases, len(_CENTRAL_MW))))


def headroom_families(
    rng: np.random.Generator, cases: int, hours: int, profile_counts: tuple[int, ...]
) -> Iterator[tuple[str, Floats, Floats]]:
    """Name, profiles (K, hours) and coefficients (cases, K) of each family."""
    profiles = area(rng, hours)
    yield "power system", profiles, draws(rng, cases)
    yield "wide draws", profiles, draws(rng, cases, widening=6.0)
    yield "equal draws", profiles, draws(rng, 1).repeat(cases, axis=0)
    yield "tiny", profiles * 1e-200, draws(rng, cases)
    yield "huge", profiles * 1e200, draws(rng, cases)
    for count in profile_counts:
        shapes = np.vstack([np.ones(hours), rng.normal(size=(count - 1, hours))])
        coefficients = np.column_stack([rng.normal(1, 1, cases), rng.normal(size=(cases, count - 1))])
        yield f"straddles zero, {count} profiles", shapes, coefficients
        ties = rng.integers(-3, 4, (count, hours)).astype(np.float64)
        yield f"ties, {count} profiles", ties, rng.integers(-3, 8, (cases, count)).astype(np.float64)


def loads_beside_margins(rng: np.random.Generator, cases: int, hours: int) -> tuple[Floats, Floats, Floats, Kinds]:
    """Profiles (2, 6, hours), coefficients (2, cases, 6) and loads (2, cases) of two years; kinds (2, hours)."""
    profiles = np.stack([area(rng, hours) for _ in range(2)])
    coefficients = np.stack([draws(rng, cases) for _ in range(2)])
    load = rng.exponential(25e3, (2, cases))
    load[:, ::7] = 0.0
    return profiles, coefficients, load, rng.integers(0, 4, (2, hours))


def stores(rng: np.random.Generator, sizes: tuple[int, int]) -> tuple[Floats, Floats, Floats, Floats]:
    """Margin (cases, hours), power, energy and efficiency (cases,) of stores, some of them empty or without power.

    Margins leave room for new load in most hours, so that headrooms are of their size and not of rounding errors.
    """
    cases, _ = sizes
    margin = rng.normal(4, 2, sizes)
    power, energy = rng.uniform(0, 2, cases), rng.uniform(0, 8, cases)
    power[::7], energy[::11] = 0.0, 0.0
    return margin, power, energy, rng.uniform(0.6, 1, cases)


Stores = tuple[list[tuple[Floats, Floats]], tuple[Floats, Floats, Floats], Floats]


def stores_beside_profiles(rng: np.random.Generator, cases: int, hours: int) -> Stores:
    """Arguments of `storage_as_firm`: two years of profiles and draws, stores of some hours, shares of 0 to 5 %."""
    sets = [(area(rng, hours), draws(rng, cases)) for _ in range(2)]
    size = np.concatenate([(coefficients @ profiles).std(axis=1) for profiles, coefficients in sets])
    power = rng.exponential(0.5, 2 * cases) * size
    energy = rng.uniform(0.5, 50, 2 * cases) * power
    power[::7], energy[::11] = 0.0, 0.0
    return sets, (power, energy, rng.uniform(0.6, 1, 2 * cases)), rng.choice([0.0, 0.005, 0.05], 2 * cases)


NETWORK_AREAS = (11, 31)
"""As in the Eastern interconnection and in China."""

Network = tuple[Floats, Floats, Floats, Floats, Floats]


def network(rng: np.random.Generator, areas: int, cases: int, hours: int) -> tuple[Network, Floats, Floats]:
    """Arguments of `network_headroom` for areas on a ring with some links across, two shares; caps on net imports, some
    infinite, and firm capacity (case, area) beside the margins."""
    profiles = np.stack([area(rng, hours) for _ in range(areas)])
    coefficients = np.stack([draws(rng, cases) for _ in range(areas)], axis=1) * rng.uniform(0.1, 1.5, (areas, 1))
    coefficients[..., 0] *= rng.uniform(0.7, 1.0, areas)  # some cannot serve their natives alone
    ring = np.arange(areas)
    joined = rng.random((areas, areas)) < 1.0 / areas
    joined[ring, (ring + 1) % areas] = True
    limits = (joined | joined.T) * rng.exponential(4e3, (cases, areas, areas))
    caps = np.where(rng.random((cases, areas)) < 0.5, rng.exponential(1e4, (cases, areas)), np.inf)
    inputs = profiles, coefficients, limits, rng.dirichlet(np.ones(areas), cases), np.array([0.0, 0.005])
    return inputs, caps, rng.exponential(1e3, (cases, areas))


def quantile_levels(rng: np.random.Generator, count: int) -> Floats:
    """Numbers in (0, 1), half of them far out in the tails."""
    tails = 10.0 ** -rng.uniform(1, 300, count // 4)
    near_one = 1 - 10.0 ** -rng.uniform(1, 15, count // 4)
    return np.concatenate([tails, near_one, rng.uniform(1e-9, 1 - 1e-9, count - 2 * (count // 4))])


def columns(rng: np.random.Generator, draws: int) -> tuple[Floats, Floats]:
    """Values (draws, column) of every scale and sign, some tied; with NaN in every fifth column, and without."""
    whole = rng.normal(size=(draws, 40)) * 10.0 ** rng.integers(-300, 300, 40)
    whole[:, ::3] = rng.integers(-2, 3, whole[:, ::3].shape)
    values = whole.copy()
    values[draws // 2, ::5] = np.nan
    return values, whole


def cells(rng: np.random.Generator, draws: int) -> tuple[Table, tuple[Floats, Floats, Floats, Floats]]:
    """An area of 60 cells with flat stretches in its table; loads of five years, temperatures, scales and weights."""
    steps = rng.uniform(0, 5, (60, 7, 128)) * (rng.random((60, 7, 128)) < 0.8)
    steps[..., 0] = 0.0
    split = np.cumsum(steps, axis=2)
    load = np.maximum(np.cumsum(rng.normal(500, 4000, (5, draws)), axis=0), 0.0)
    own = rng.uniform(0, 9, draws), rng.uniform(0.5, 2, draws), rng.uniform(0.6, 0.9, 60)
    return Table(np.linspace(1.0, 8.0, 7), split.sum(axis=0), split), (load, *own)
