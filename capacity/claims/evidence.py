"""What the claims are judged by: one result with all scenarios that any claim needs, the same draws in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.claims import statistics as stats
from capacity.claims.posterior import Posterior, Probability, posterior, probability
from capacity.claims.texts import Claim
from capacity.claims.words import share, spread
from capacity.draws import Draws
from capacity.errors import CapacityError
from scenarios import Parameter, Scenario
from scenarios.distributions import Constant, Lognormal

Floats = NDArray[np.float64]

REFERENCE = "reference"
TEST_YEARS = (2026, 2035)
"""First and last year of the tests, where the run covers them; label J: far enough to show growth, near enough to "
"know."""
WHY_SET = "The claims report sets it, to ask what it is worth."


@dataclass(frozen=True)
class Finding:
    """One statistic of a claim: its posterior in `unit`, and the probability of `condition` where one is asked."""

    name: str
    unit: str
    posterior: Posterior
    condition: str = ""
    probability: Probability | None = None

    @classmethod
    def of(
        cls, name: str, unit: str, values: Floats, condition: str = "", holds: NDArray[np.bool_] | None = None
    ) -> Finding:
        """From draws (draw,) of the statistic and of the condition."""
        return cls(name, unit, posterior(values), condition, None if holds is None else probability(holds))

    @property
    def band(self) -> str:
        """Median and band with the unit, for a sentence."""
        return spread(self.posterior, self.unit)

    @property
    def chance(self) -> str:
        """How often the condition holds, for a sentence; empty where none is asked."""
        return "" if self.probability is None else share(self.probability)


@dataclass(frozen=True)
class Table:
    """A small table under a claim; `columns` are headers with units, cells are texts."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Answer:
    """What the draws say about a claim.

    holds : Probability               That the claim holds as stated.
    headline : (draw,)                The statistic whose influences are sought, in the unit of the first finding.
    """

    claim: Claim
    holds: Probability
    findings: Sequence[Finding]
    headline: Floats
    headline_of: str
    headline_unit: str
    countries: tuple[str, ...]
    sentences: Sequence[str]
    against: Sequence[str]
    tables: Sequence[Table]
    figure: Mapping[str, Any]
    caption: str


@dataclass(frozen=True)
class Evidence:
    """The grid, the result of all scenarios, and the scenarios by name."""

    grid: xr.Dataset
    result: xr.Dataset
    scenarios: Mapping[str, Scenario]

    @property
    def years(self) -> NDArray[np.int64]:
        return stats.years_of(self.result)

    @property
    def last(self) -> int:
        """Last year of the tests."""
        return int(min(TEST_YEARS[1], self.years[-1]))

    @property
    def first(self) -> int:
        """First year of the tests."""
        return int(max(TEST_YEARS[0], self.years[0]))

    @property
    def window(self) -> NDArray[np.bool_]:
        """Which years of the run lie inside the tests."""
        return (self.years >= self.first) & (self.years <= self.last)

    def values(self, name: str, country: str, scenario: str = REFERENCE) -> Floats:
        """Values (draw, year)."""
        return stats.drawn(self.result, name, country, scenario)

    def at_end(self, name: str, country: str, scenario: str = REFERENCE) -> Floats:
        """Values (draw,) in the last year of the tests."""
        return stats.at(self.result, self.values(name, country, scenario), self.last)

    def shares(self, country: str, scenario: str = REFERENCE) -> dict[str, Floats]:
        """Shares (draw, year) of power, chips and capital."""
        return stats.limit_shares(self.result, country, scenario)

    def mean_shares(self, country: str, scenario: str = REFERENCE) -> dict[str, Floats]:
        """The same, mean (draw,) over the years of the tests."""
        return {kind: values[:, self.window].mean(axis=1) for kind, values in self.shares(country, scenario).items()}

    def draws(self, scenario: str = REFERENCE) -> Draws:
        ids = self.result["draw"].to_numpy().astype(np.int64)
        return Draws(int(self.result.attrs["seed"]), ids, self.years, self.scenarios[scenario])

    def scalar(self, name: str, scenario: str = REFERENCE) -> Floats:
        """Values (draw,) of a parameter."""
        return self.draws(scenario).scalar(name)


def pinned(scenario: Scenario, name: str, values: Mapping[str, float]) -> Scenario:
    """The scenario under another name with parameters at one value in every draw."""
    return _replaced(scenario, name, {key: Constant(value=value) for key, value in values.items()})


def scaled(scenario: Scenario, name: str, parameter: str, factor: float) -> Scenario:
    """The scenario under another name with a lognormal parameter multiplied by a factor in every draw.

    Raises CapacityError for a parameter that is no lognormal.
    """
    value = scenario.parameter(parameter).value
    if not isinstance(value, Lognormal):
        raise CapacityError(f"{parameter}: only a lognormal can be scaled, this is {type(value).__name__}")
    ends = (value.median * factor, value.p5 * factor, value.p95 * factor)
    return _replaced(scenario, name, {parameter: Lognormal(kind="lognormal", median=ends[0], p5=ends[1], p95=ends[2])})


def with_parameter(scenario: Scenario, name: str, parameter: Parameter) -> Scenario:
    """The scenario under another name with one parameter replaced by another of the same id."""
    parameters = tuple(parameter if p.id == parameter.id else p for p in scenario.parameters)
    about = {
        field: getattr(scenario, field) for field in ("title", "rationale", "sources", "overridden", "correlation")
    }
    return Scenario(name=name, parameters=parameters, **about)


def _replaced(scenario: Scenario, name: str, values: Mapping[str, Constant | Lognormal]) -> Scenario:
    for key in values:
        scenario.parameter(key)  # names the nearest id where there is no such parameter
    parameters = tuple(
        Parameter(
            **{field: getattr(p, field) for field in ("id", "unit", "range", "description")},
            value=values[p.id],
            label="J",
            source=WHY_SET,
            fixed_because=WHY_SET if isinstance(values[p.id], Constant) else None,
        )
        if p.id in values
        else p
        for p in scenario.parameters
    )
    about = {field: getattr(scenario, field) for field in ("title", "rationale", "sources", "correlation")}
    overridden = tuple(sorted({*scenario.overridden, *values}))
    return Scenario(name=name, overridden=overridden, parameters=parameters, **about)
