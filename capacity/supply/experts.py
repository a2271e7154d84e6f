"""Which expert a draw follows in which year, and how fast those beside the pipeline let a technology grow.

pipeline (E2) the recorded project pipeline, near the base year; trend (E1) and smoothing, two damped trends of the
country's own capacity; second (E3) the path of diffusion (wind, solar) or displacement (coal, gas) that a hindcast
learnt from all countries. See docs/projection.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.supply import smoothing
from capacity.supply.experts_data import SMOOTHING as SMOOTHER
from capacity.supply.experts_data import TAILS, ExpertRecord, faded, held, read_experts
from capacity.supply.fleet import Fleet
from capacity.supply.products import product

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

TREND, SECOND, PIPELINE, KNOWN, SMOOTHING = 0, 1, 2, 3, 4
EXPERTS = ("trend", "second", "pipeline", "known", "smoothing")
"""Names of the codes, in order; known is no expert but the record of a year that is over."""

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
TESTED_YEARS = 10
"""Longest horizon of the hindcast."""
MIN_SPREAD = 0.005
"""Least spread of yearly log growth, a numerical floor: a flat record does not pass for certainty."""


def record_of(fleet: Fleet, technology: str) -> ExpertRecord | None:
    """What the hindcast earned for a technology in the fleet's country; None where no series stands for it."""
    return read_experts().get((fleet.country, TREND_OF.get(technology, "")))


def origin(fleet: Fleet, k: int) -> int:
    """Last year whose additions of technology k are known; horizons count from it."""
    return fleet.base_year + fleet.on_record.run(k).size


def statistical_growth(
    fleet: Fleet, draws: Draws | CentralPath, k: int, reached: Floats | None = None
) -> tuple[Floats, Codes]:
    """Yearly log growth (draw, year) of national capacity of technology k, and the expert behind it.

    reached : (draw, known year)  National capacity after each year that is known. All experts start from the last of
    them and see all of them; growth in known years is zero, for it is not asked for. [MW]

    A draw has one uniform: where it lies below the second expert's weight at a horizon the draw follows it there,
    where it lies within the smoothing's weight of one it follows the smoothing, else the trend. So a draw changes
    expert only where the weights do.
    """
    technology, pre = fleet.technologies[k], fleet.prefix
    record = record_of(fleet, technology)
    past = _past_growth(fleet, k, np.empty((1, 0)) if reached is None else reached)
    growth = trend_growth(fleet, draws, k, past)
    expert = np.full(growth.shape, TREND, dtype=np.int8)
    if record is None:
        return growth, expert
    known = origin(fleet, k) - fleet.base_year
    beside = draws.scalar(f"{pre}.second_expert_share")[:, None]
    at = draws.uniform(f"{pre}.statistics.{technology}")[:, None]
    follows = at >= 1.0 - beside * _from_origin(record.weight[SMOOTHER], growth.shape[1], known)
    expert[follows] = SMOOTHING
    growth = np.where(follows, smoothed_growth(fleet, draws, k, past), growth)
    if record.second is None:
        return growth, expert
    follows = at < beside * _from_origin(record.weight[record.second], growth.shape[1], known)
    expert[follows] = SECOND
    return np.where(follows, second_growth(fleet, draws, k, past), growth), expert


def trend_growth(fleet: Fleet, draws: Draws | CentralPath, k: int, past: Floats) -> Floats:
    """E1, damped trend: phi^h g0 x multiplier, plus the error of a random walk with estimated drift.

    g0 = half the mean of the last eight yearly log growth rates plus half the mean of the last three. After Farmer and
    Lafond 2016, damped. `past` is what `_past_growth` returns.
    """
    pre, technology = fleet.prefix, fleet.technologies[k]
    trend = TREND_OF.get(technology, "other")
    g0 = np.zeros((1, 1))
    if past.shape[1]:
        g0 = (0.5 * past[:, -DRIFT_YEARS:].mean(axis=1) + 0.5 * past[:, -3:].mean(axis=1))[:, None]
    damping = draws.scalar(f"{pre}.trend_damping_{trend}")[:, None]
    kappa = draws.scalar(f"{pre}.trend_kappa_{trend}")[:, None]
    multiplier = draws.parameter(f"{pre}.growth_multiplier_{trend}")
    horizon = (draws.years - origin(fleet, k))[None, :]
    growth = damping ** np.maximum(horizon, 1) * g0 * multiplier + kappa * _error(fleet, draws, k, "trend", past)
    return np.where(horizon > 0, growth, 0.0)


def smoothed_growth(fleet: Fleet, draws: Draws | CentralPath, k: int, past: Floats) -> Floats:
    """Exponential smoothing of the record of capacity, with the spread it earned, times the factor on trends.

    What weighs its settings is the record until the base year, the same for every draw, so that the path is linear in
    the growth of each (`smoothing.response`). Beyond the horizons that the hindcast tests growth fades by a tenth a
    year, as that of the second expert does beyond its path.
    """
    technology = fleet.technologies[k]
    record = record_of(fleet, technology)
    assert record is not None
    known = origin(fleet, k) - fleet.base_year
    years = len(draws.years) - known
    growth = np.zeros((1, len(draws.years)))
    if past.shape[1] and years > 0:
        settled, tested = _past_growth(fleet, k, np.empty((1, 0)))[0], min(years, TESTED_YEARS)
        path = sum(share * smoothing.response(settled, past.shape[1], trust, tested) for share, trust in record.trust)
        steps = product(past, np.diff(path, axis=1, prepend=0.0))
        growth = np.concatenate([np.zeros((len(steps), known)), faded(steps, years)], axis=1)
    multiplier = draws.parameter(f"{fleet.prefix}.growth_multiplier_{TREND_OF[technology]}")
    error = record.kappa[SMOOTHER] * _error(fleet, draws, k, SMOOTHER, past)
    return np.where(draws.years > origin(fleet, k), growth * multiplier + error, 0.0)


def second_growth(fleet: Fleet, draws: Draws | CentralPath, k: int, past: Floats) -> Floats:
    """E3, the learnt mean path of the country with the spread it earned."""
    record = record_of(fleet, fleet.technologies[k])
    assert record is not None
    assert record.second is not None
    start = origin(fleet, k)
    known = start - fleet.base_year
    path = np.concatenate([np.zeros(known), record.growth(max(len(draws.years) - known, 0), start)])
    error = record.kappa[record.second] * _error(fleet, draws, k, record.second, past)
    return np.where(draws.years > start, path[: len(draws.years)] + error, 0.0)


def _error(fleet: Fleet, draws: Draws | CentralPath, k: int, expert: str, past: Floats) -> Floats:
    """s x (e_h + d), e ~ N(0, 1), d ~ N(0, 1/8), s as wide as the record says; one draw has one tail in all years."""
    pre, technology = fleet.prefix, fleet.technologies[k]
    noise = draws.normal(f"{pre}.trend.{technology}", yearly=True)
    common = draws.normal(f"{pre}.drift.{technology}")[:, None] / np.sqrt(DRIFT_YEARS)
    spread = past.std(axis=1, ddof=1) if past.shape[1] > 2 else np.zeros(1)
    own = np.maximum(spread, MIN_SPREAD)[:, None]
    record = record_of(fleet, technology)
    if record is None:
        return np.sqrt(own * max(_median_spread(fleet), MIN_SPREAD)) * (noise + common)
    weight = record.own[expert]
    unit = own**weight * record.size_spread ** (1.0 - weight)
    wide = _from_origin(record.widening, noise.shape[1], origin(fleet, k) - fleet.base_year)[None, :]
    tail = _tail(draws.uniform(f"{pre}.tail.{technology}"), record.tail[expert])[:, None]
    return np.asarray(unit * tail * wide * (noise + common))


def _from_origin(by_horizon: Floats, years: int, known: int) -> Floats:
    """A table by horizon on the model years (year,), where the first year after the known ones is horizon one."""
    return held(by_horizon, years + known)[np.maximum(np.arange(years) - known, 0)]


def _tail(uniform: Floats, shape: int) -> Floats:
    """Spread (draw,) of the normal that a draw's error comes from."""
    weights, widths = (np.array(column) for column in zip(*TAILS[shape], strict=True))
    place = np.searchsorted(np.cumsum(weights), uniform, side="right")
    return np.asarray(widths[np.minimum(place, len(widths) - 1)])


def _past_growth(fleet: Fleet, k: int, reached: Floats) -> Floats:
    """Yearly log growth (draw, or one row for all, past year) of national capacity, the known years included."""
    history = fleet.history_mw[:, k].sum(axis=0)
    latest = float(history[-1]) + float(fleet.on_record.run(k)[: reached.shape[1]].sum())
    past = np.concatenate([np.broadcast_to(history, (len(reached), len(history))), reached], axis=1)
    return np.diff(np.log(past[:, _first_year(history, latest) :]), axis=1) if history[-1] > 0 else np.zeros((1, 0))


def _first_year(series_mw: Floats, latest_mw: float) -> int:
    """First year from which on all are at least 2 % of the latest level; earlier ones are start-up noise."""
    (small,) = np.nonzero(series_mw < 0.02 * latest_mw)
    return int(small[-1]) + 1 if small.size else 0


def _log_differences(series_mw: Floats) -> Floats:
    """Yearly log growth from the first year that is no start-up noise."""
    if series_mw[-1] <= 0:
        return np.zeros(0)
    return np.diff(np.log(series_mw[_first_year(series_mw, float(series_mw[-1])) :]))


def _spread(growth: Floats) -> float:
    return float(growth.std(ddof=1)) if growth.size > 2 else 0.0


def _median_spread(fleet: Fleet) -> float:
    national = fleet.history_mw.sum(axis=0)
    spreads = [_spread(_log_differences(row)) for row in national]
    return float(np.median([s for s in spreads if s > 0] or [MIN_SPREAD]))
