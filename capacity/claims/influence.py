"""Which parameters a statistic hangs on: rank correlation over the draws, with what noise alone would reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from capacity.draws import Draws
from capacity.supply.experts import DRIFT_YEARS
from scenarios.defaults import groups
from scenarios.distributions import Distribution

Floats = NDArray[np.float64]

METHOD = (
    "Spearman's rank correlation between a parameter and the statistic over the draws; parameters that go together "
    "rank through each other"
)
NOISE_LEVEL = 0.05
"""Chance that noise alone lifts any of the parameters over the noise bound (Bonferroni); label J."""
YEARLY = ("hydro_year_factor",)
"""Parameters drawn anew each year: they have no one value a draw."""


CHANCE = "chance: "
CHANCE_SAID = (
    "What begins with chance is no parameter but luck drawn beside them: the errors of a trend summed over the years, "
    "or how far a five-year plan is met."
)
TRENDS = ("coal", "gas", "nuclear", "hydro", "wind", "solar")


@dataclass(frozen=True)
class Influence:
    """One parameter's rank correlation with a statistic.

    what : the parameter in a sentence
    low, high : medians of the statistic over the quarter of draws in which the parameter is lowest and highest
    """

    id: str
    what: str
    correlation: float
    low: float
    high: float
    label: str
    above_noise: bool


Influences = tuple[Influence, ...]


def parameter_values(draws: Draws, countries: tuple[str, ...], topics: tuple[str, ...] = ()) -> dict[str, Floats]:
    """Values (draw,) of every parameter that is a distribution, for the countries named and those of both.

    topics : of parameters (files of `scenarios/parameters`) to keep; all where none is named.
    """
    others = tuple(f"{country}." for country in ("us", "cn") if country not in countries)
    kept = {name for group in groups() for name in group.ids if not topics or group.topic in topics}
    return {
        p.id: draws.scalar(p.id)
        for p in draws.scenario.parameters
        if isinstance(p.value, Distribution)
        and p.id in kept
        and not p.id.startswith(others)
        and not p.id.endswith(YEARLY)
    }


def chances(draws: Draws, countries: tuple[str, ...], last: int) -> dict[str, Floats]:
    """What chance adds beside parameters (draw,), in standard units: errors of the trends summed to the year `last`,
    drift included, and the luck of the plans of 2026 and 2031 (`experts` and `regimes` of `capacity.supply`)."""
    inside = draws.years <= last
    found = {}
    for pre in countries:
        for technology in TRENDS:
            errors = draws.normal(f"{pre}.trend.{technology}", yearly=True)[:, inside].sum(axis=1)
            drift = draws.normal(f"{pre}.drift.{technology}") / np.sqrt(DRIFT_YEARS)
            found[f"{CHANCE}trend of {technology}, {pre.upper()}"] = errors + inside.sum() * drift
        for start in (2026, 2031):
            found[f"{CHANCE}plan of {start}, {pre.upper()}"] = draws.normal(f"{pre}.plan.{start}")
    return found


def _what(name: str, draws: Draws) -> str:
    """The first sentence of a parameter's description; luck says what it is of."""
    if name.startswith(CHANCE):
        return "Errors of a trend, summed" if "trend" in name else "How far a plan is met"
    said = draws.scenario.parameter(name).description.split(". ")[0].rstrip(".")
    return f"{said[0].upper()}{said[1:]}"


def _label(name: str, draws: Draws) -> str:
    """Label of a parameter; errors of trends were measured on the past (P), those of plans are judged (J)."""
    if name.startswith(CHANCE):
        return "P" if "trend" in name else "J"
    return draws.scenario.parameter(name).label


def noise_bound(draws: int, parameters: int) -> float:
    """Absolute rank correlation that noise reaches in any of so many parameters with the chance NOISE_LEVEL."""
    if draws < 3 or parameters < 1:
        return 1.0
    return float(min(1.0, ndtri(1.0 - NOISE_LEVEL / (2.0 * parameters)) / np.sqrt(draws - 1.0)))


def most_influential(statistic: Floats, draws: Draws, values: Mapping[str, Floats], count: int = 3) -> Influences:
    """The parameters with the largest absolute rank correlation with a statistic (draw,), largest first.

    values : of the parameters to rank (`parameter_values`). Empty where the statistic does not vary. Correlations
        below `noise_bound` are returned and marked.
    """
    if np.ptp(rankdata(statistic)) == 0.0:
        return ()
    ranks = _standard(rankdata(statistic))
    found = {name: float(ranks @ _standard(rankdata(drawn)) / len(ranks)) for name, drawn in values.items()}
    bound = noise_bound(len(statistic), len(found))
    quarter = max(1, len(statistic) // 4)
    result = []
    for name in sorted(found, key=lambda name: (-abs(found[name]), name))[:count]:
        order = np.argsort(values[name], kind="stable")
        result.append(
            Influence(
                name,
                _what(name, draws),
                found[name],
                float(np.median(statistic[order[:quarter]])),
                float(np.median(statistic[order[-quarter:]])),
                _label(name, draws),
                abs(found[name]) > bound,
            )
        )
    return tuple(result)


def _standard(ranks: Floats) -> Floats:
    spread = ranks.std()
    return (ranks - ranks.mean()) / spread if spread > 0 else np.zeros_like(ranks)
