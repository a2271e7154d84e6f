"""Which expert a draw follows in which year, and how fast the two statistical ones let a technology grow.

pipeline (E2) the recorded project pipeline, near the base year; trend (E1) the damped trend of the country's own
capacity; second (E3) the path of diffusion (wind, solar) or displacement (coal, gas) that a hindcast learnt from
all countries. See docs/projection.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.experts_data import TAILS, ExpertRecord, held, read_experts
from capacity.fleet import Fleet

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

TREND, SECOND, PIPELINE = 0, 1, 2
EXPERTS = ("trend", "second", "pipeline")
"""Names of the codes, in order."""

TREND_OF = {
    "coal": "coal",
    "gas": "gas",
    "oil": "oil",
    "nuclear": "nuclear",
    "hydro": "hydro",
    "wind": "wind",
    "offshore_wind": "wind",
    "solar": "solar",
}
"""Which hindcast series lends its damping and spread to a technology; the rest use `other`."""

DRIFT_YEARS = 8
MIN_SPREAD = 0.005
"""Least spread of yearly log growth, a numerical floor: a flat record does not pass for certainty."""


def record_of(fleet: Fleet, technology: str) -> ExpertRecord | None:
    """What the hindcast earned for a technology in the fleet's country; None where no series stands for it."""
    return read_experts().get((fleet.country, TREND_OF.get(technology, "")))


def statistical_growth(fleet: Fleet, draws: Draws | CentralPath, k: int) -> tuple[Floats, Codes]:
    """Yearly log growth (draw, year) of national capacity of technology k, and the expert behind it, TREND or SECOND.

    A draw follows the second expert at horizon h where its uniform lies below that expert's weight at h; the uniform
    is one a draw, so that a draw changes expert only where the weights do.
    """
    technology = fleet.technologies[k]
    record = record_of(fleet, technology)
    growth = trend_growth(fleet, draws, k)
    expert = np.full(growth.shape, TREND, dtype=np.int8)
    if record is None or record.second is None:
        return growth, expert
    weight = held(record.weight, growth.shape[1]) * draws.scalar(f"{fleet.prefix}.second_expert_share")[:, None]
    follows = draws.uniform(f"{fleet.prefix}.statistics.{technology}")[:, None] < weight
    expert[follows] = SECOND
    return np.where(follows, second_growth(fleet, draws, k, record), growth), expert


def trend_growth(fleet: Fleet, draws: Draws | CentralPath, k: int) -> Floats:
    """E1, damped trend: phi^h g0 x multiplier, plus the error of a random walk with estimated drift.

    g0 = half the mean of the last eight yearly log growth rates plus half the mean of the last three. After Farmer and
    Lafond 2016, damped.
    """
    pre, technology = fleet.prefix, fleet.technologies[k]
    trend = TREND_OF.get(technology, "other")
    growth = _log_differences(fleet.history_mw[:, k].sum(axis=0))
    g0 = 0.5 * growth[-DRIFT_YEARS:].mean() + 0.5 * growth[-3:].mean() if growth.size else 0.0
    damping = draws.scalar(f"{pre}.trend_damping_{trend}")[:, None]
    kappa = draws.scalar(f"{pre}.trend_kappa_{trend}")[:, None]
    multiplier = draws.parameter(f"{pre}.growth_multiplier_{trend}")
    horizon = (draws.years - fleet.base_year)[None, :]
    return damping**horizon * g0 * multiplier + kappa * _error(fleet, draws, k, "trend")


def second_growth(fleet: Fleet, draws: Draws | CentralPath, k: int, record: ExpertRecord) -> Floats:
    """E3, the learnt mean path of the country with the spread it earned."""
    assert record.second is not None
    path = record.growth(len(draws.years))[None, :]
    return path + record.kappa[record.second] * _error(fleet, draws, k, record.second)


def _error(fleet: Fleet, draws: Draws | CentralPath, k: int, expert: str) -> Floats:
    """s x (e_h + d), e ~ N(0, 1), d ~ N(0, 1/8), s as wide as the record says; one draw has one tail in all years."""
    pre, technology = fleet.prefix, fleet.technologies[k]
    noise = draws.normal(f"{pre}.trend.{technology}", yearly=True)
    common = draws.normal(f"{pre}.drift.{technology}")[:, None] / np.sqrt(DRIFT_YEARS)
    own = max(_spread(_log_differences(fleet.history_mw[:, k].sum(axis=0))), MIN_SPREAD)
    record = record_of(fleet, technology)
    if record is None:
        return np.sqrt(own * max(_median_spread(fleet), MIN_SPREAD)) * (noise + common)
    weight = record.own[expert]
    unit = own**weight * record.size_spread ** (1.0 - weight)
    wide = np.asarray(held(record.widening, noise.shape[1]))[None, :]
    tail = _tail(draws.uniform(f"{pre}.tail.{technology}"), record.tail[expert])[:, None]
    return unit * tail * wide * (noise + common)


def _tail(uniform: Floats, shape: int) -> Floats:
    """Spread (draw,) of the normal that a draw's error comes from."""
    weights, widths = (np.array(column) for column in zip(*TAILS[shape], strict=True))
    place = np.searchsorted(np.cumsum(weights), uniform, side="right")
    return np.asarray(widths[np.minimum(place, len(widths) - 1)])


def _log_differences(series_mw: Floats) -> Floats:
    """Yearly log growth from the first year with at least 2 % of the latest level; earlier ones are start-up noise."""
    if series_mw[-1] <= 0:
        return np.zeros(0)
    (small,) = np.nonzero(series_mw < 0.02 * series_mw[-1])
    start = small[-1] + 1 if small.size else 0
    return np.diff(np.log(series_mw[start:]))


def _spread(growth: Floats) -> float:
    return float(growth.std(ddof=1)) if growth.size > 2 else 0.0


def _median_spread(fleet: Fleet) -> float:
    national = fleet.history_mw.sum(axis=0)
    spreads = [_spread(_log_differences(row)) for row in national]
    return float(np.median([s for s in spreads if s > 0] or [MIN_SPREAD]))
