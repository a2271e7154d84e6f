"""Runs what the claims need, each scenario once, and answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import xarray as xr

from capacity.claims import growth, limits, money
from capacity.claims.evidence import REFERENCE, TEST_YEARS, Answer, Evidence, pinned, scaled, with_parameter
from capacity.claims.texts import Claim, document
from capacity.errors import CapacityError
from capacity.estimation import Progress, estimate
from cuda_kernels import DeviceName
from scenarios import Scenario, load

LEAST_LAST_YEAR = 2031
"""Five years from the bust of 2027 on must be inside the run."""
ANSWERS: Mapping[int, Callable[[Evidence, Claim], Answer]] = {
    1: growth.supply,
    2: limits.power,
    3: growth.regimes,
    4: money.capital,
    5: money.efficiency,
    6: limits.speed,
}
NEEDS: Mapping[int, tuple[str, ...]] = {
    1: (REFERENCE,),
    2: (REFERENCE,),
    3: (REFERENCE, growth.SWAPPED, growth.REFORM, growth.PATCHWORK, growth.SURGE),
    4: (REFERENCE, money.BUST, money.NO_BUST),
    5: (REFERENCE, *money.REBOUND),
    6: (REFERENCE, limits.TIGHT, limits.LOOSE, *limits.FASTER.values()),
}
"""Scenarios that each claim reads; those that several read run once."""


def claims_of(numbers: Sequence[int]) -> tuple[Claim, ...]:
    """Claims by number, all where none is named. Raises CapacityError for a number that is no claim."""
    known = {claim.number: claim for claim in document().claims}
    strange = [number for number in numbers if number not in known]
    if strange:
        raise CapacityError(f"claim {strange[0]}: there is none; known: {', '.join(map(str, known))}")
    return tuple(known[number] for number in sorted(set(numbers) or known))


def scenarios_for(claims: Sequence[Claim]) -> tuple[Scenario, ...]:
    """Every scenario that the claims need, once each, the reference first."""
    names = list(dict.fromkeys(name for claim in claims for name in NEEDS[claim.number]))
    return tuple(_scenario(name, {claim.number: claim for claim in document().claims}) for name in names)


def _scenario(name: str, claims: Mapping[int, Claim]) -> Scenario:
    """A scenario of the library, or one that the report makes from it."""
    if name == money.NO_BUST:
        return pinned(load([REFERENCE])[0], name, {"us.bust_hazard": 0.0, "cn.bust_hazard": 0.0})
    if name == money.SHOCK_DRAWN:
        shock, reference = load([money.SHOCK_LOW, REFERENCE])
        return with_parameter(shock, name, reference.parameter("demand_rebound"))
    for country, made in limits.FASTER.items():
        if name == made:
            parameter = f"{country.lower()}.energisation_lag_years"
            return scaled(load([REFERENCE])[0], name, parameter, 1.0 - claims[6].threshold("lag_cut"))
    return load([name])[0]


def gather(
    grid: xr.Dataset,
    claims: Sequence[Claim],
    *,
    years: Sequence[int],
    draws: int,
    seed: int,
    device: DeviceName = "auto",
    progress: Progress,
) -> Evidence:
    """Run every scenario that the claims need, with the same draws, once.

    Raises CapacityError for years that the tests cannot do with, and as `estimate` does.
    """
    if years[0] > TEST_YEARS[0] or years[-1] < LEAST_LAST_YEAR:
        raise CapacityError(
            f"years {years[0]}-{years[-1]}: the tests need {TEST_YEARS[0]} to {LEAST_LAST_YEAR} at least, for example "
            "2025-2040"
        )
    chosen = scenarios_for(claims)
    result = estimate(grid, chosen, years=years, draws=draws, seed=seed, device=device, progress=progress)
    return Evidence(grid, result, {scenario.name: scenario for scenario in chosen})


def answer(evidence: Evidence, claims: Sequence[Claim]) -> list[Answer]:
    """What the draws say about each claim."""
    return [ANSWERS[claim.number](evidence, claim) for claim in claims]
