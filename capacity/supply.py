"""Supply projection: what stands, what is in the pipeline, and what the trend adds. See docs/method.md, Supply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.fleet import Fleet, delayed, existing_mw, survival

Floats = NDArray[np.float64]

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

PIPELINE_MEMORY_YEARS = 3.0
"""A draw follows the project pipeline at horizon h with probability exp(-h/3); label J."""
COVERAGE_OF_RECENT = 0.25
"""A year's pipeline is believed to be recorded when it holds a quarter of the recent yearly additions; label J.
Below that the record is thin, and a thin record is not a plan to build nothing."""
RECENT_YEARS = 6
DRIFT_YEARS = 8
MIN_SPREAD = 0.005
MIN_ADDITION_MW = 300.0


@dataclass(frozen=True)
class Supply:
    """Projected capacity of one country. All (draw, area, technology, year), MW.

    existing_mw     Plants standing at the end of the base year that still stand.
    pipeline_mw     Surviving additions that follow the recorded project pipeline.
    trend_mw        Surviving additions that follow the damped trend.
    """

    existing_mw: Floats
    pipeline_mw: Floats
    trend_mw: Floats

    @property
    def nameplate_mw(self) -> Floats:
        return self.existing_mw + self.pipeline_mw + self.trend_mw


def project(fleet: Fleet, draws: Draws | CentralPath) -> Supply:
    """Stock-flow projection of a country's fleet under one scenario.

    Capacity = survivors of today's fleet + survivors of additions. Additions of a technology follow, per
    draw, the recorded pipeline up to a random horizon and the damped national trend after it, both under
    growth and absolute limits; trend additions go to areas by recent additions and existing fleet.
    """
    standing = existing_mw(fleet, draws)
    planned = _pipeline_mw(fleet, draws)
    pipeline_added, trend_added = np.zeros_like(standing), np.zeros_like(standing)
    trend_share = _area_share(fleet)
    for k, technology in enumerate(fleet.technologies):
        national = _national_additions(fleet, draws, k, standing[:, :, k].sum(axis=1), planned[:, :, k])
        pipeline_added[:, :, k] = national.pipeline_scale[:, None, :] * planned[:, :, k]
        trend_added[:, :, k] = trend_share[None, :, k, None] * national.trend_mw[:, None, :]
        shares = addition_survival(draws, technology)
        pipeline_added[:, :, k] = _surviving(pipeline_added[:, :, k], shares)
        trend_added[:, :, k] = _surviving(trend_added[:, :, k], shares)
    return Supply(standing, pipeline_added, trend_added)


@dataclass(frozen=True)
class _National:
    pipeline_scale: Floats
    trend_mw: Floats


def _national_additions(
    fleet: Fleet, draws: Draws | CentralPath, k: int, standing: Floats, planned: Floats
) -> _National:
    """Yearly national additions (draw, year) of technology k, by the source they follow."""
    technology, pre = fleet.technologies[k], fleet.prefix
    growth = log_growth(fleet, draws, k)
    build = draws.parameter(f"{pre}.build_multiplier")
    ratio = draws.scalar(f"{pre}.growth_limit_ratio")
    ceiling = draws.parameter(f"{pre}.addition_limit_{technology}")
    history = fleet.history_mw[:, k].sum(axis=0)
    follow = _follows_pipeline(fleet, draws, k, planned)
    pipeline = planned.sum(axis=1)
    shares = addition_survival(draws, technology)

    before = np.full(len(draws), history[-1])
    largest = np.full(len(draws), max(MIN_ADDITION_MW, float(np.diff(history).max(initial=0.0))))
    added = np.zeros_like(growth)
    scale, trend = np.zeros_like(growth), np.zeros_like(growth)
    for y in range(len(draws.years)):
        survivors = standing[:, y] + (added[:, :y] * shares[:, y - 1 :: -1][:, :y] if y else added[:, :0]).sum(axis=1)
        wanted = np.maximum(before * np.exp(growth[:, y]) - survivors, 0.0) * build[:, y]
        limit = np.minimum(ceiling[:, y], ratio * largest)
        in_pipeline = np.where(follow[:, y], np.minimum(pipeline[:, y], limit), 0.0)
        trend[:, y] = np.where(follow[:, y], 0.0, np.minimum(wanted, limit))
        scale[:, y] = np.divide(in_pipeline, pipeline[:, y], out=np.zeros_like(limit), where=pipeline[:, y] > 0)
        added[:, y] = in_pipeline + trend[:, y]
        largest = np.maximum(largest, added[:, y])
        before = survivors + added[:, y]
    return _National(scale, trend)


def log_growth(fleet: Fleet, draws: Draws | CentralPath, k: int) -> Floats:
    """Yearly log growth (draw, year) of national capacity: damped drift with estimated-drift noise.

    g_h = phi^h g0 x multiplier + e_h + d, with g0 = half the mean of the last eight yearly log growth
    rates plus half the mean of the last three, e ~ N(0, (kappa s)^2) and d ~ N(0, (kappa s)^2 / 8);
    s is the geometric mean of the technology's own spread and the country's median spread.
    After Farmer and Lafond 2016 (random walk with estimated drift), damped.
    """
    pre, technology = fleet.prefix, fleet.technologies[k]
    trend = TREND_OF.get(technology, "other")
    drift = _log_differences(fleet.history_mw[:, k].sum(axis=0))
    g0 = 0.5 * drift[-DRIFT_YEARS:].mean() + 0.5 * drift[-3:].mean() if drift.size else 0.0
    spread = np.sqrt(max(_spread(drift), MIN_SPREAD) * max(_median_spread(fleet), MIN_SPREAD))
    damping = draws.scalar(f"{pre}.trend_damping_{trend}")[:, None]
    kappa = draws.scalar(f"{pre}.trend_kappa_{trend}")[:, None]
    multiplier = draws.parameter(f"{pre}.growth_multiplier_{trend}")
    horizon = (draws.years - fleet.base_year)[None, :]
    noise = draws.normal(f"{pre}.trend.{technology}", yearly=True)
    common = draws.normal(f"{pre}.drift.{technology}")[:, None] / np.sqrt(DRIFT_YEARS)
    return damping**horizon * g0 * multiplier + kappa * spread * (noise + common)


def _log_differences(series_mw: Floats) -> Floats:
    """Yearly log growth from the first year with at least 2 % of the latest level; earlier ones are start-up noise."""
    if series_mw[-1] <= 0:
        return np.zeros(0)
    (small,) = np.nonzero(series_mw < 0.02 * series_mw[-1])
    start = small[-1] + 1 if small.size else 0
    return np.diff(np.log(series_mw[start:]))


def _spread(drift: Floats) -> float:
    return float(drift.std(ddof=1)) if drift.size > 2 else 0.0


def _median_spread(fleet: Fleet) -> float:
    national = fleet.history_mw.sum(axis=0)
    spreads = [_spread(_log_differences(row)) for row in national]
    return float(np.median([s for s in spreads if s > 0] or [MIN_SPREAD]))


def _pipeline_mw(fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Expected completions (draw, area, technology, year) of the recorded pipeline."""
    planned = fleet.planned(fleet.planned_addition_mw, draws.years)
    late = delayed(planned, draws.scalar(f"{fleet.prefix}.pipeline_slip_years"))
    for k, technology in enumerate(fleet.technologies):
        late[:, :, k] *= draws.scalar(f"{fleet.prefix}.pipeline_completion_{technology}")[:, None, None]
    return late


def _follows_pipeline(fleet: Fleet, draws: Draws | CentralPath, k: int, planned: Floats) -> NDArray[np.bool_]:
    """Which draws follow the pipeline in which year; once a draw has left the pipeline it does not return."""
    horizon = (draws.years - fleet.base_year)[None, :]
    choice = draws.uniform(f"{fleet.prefix}.expert.{fleet.technologies[k]}")[:, None]
    chosen = choice < np.exp(-horizon / PIPELINE_MEMORY_YEARS)
    history = fleet.history_mw[:, k].sum(axis=0)
    recent = max(0.0, float(history[-1] - history[-1 - 3])) / 3.0
    recorded = fleet.planned(fleet.planned_addition_mw, draws.years)[:, k].sum(axis=0)
    covered = recorded > COVERAGE_OF_RECENT * recent
    return chosen & covered[None, :] & (planned.sum(axis=1) > 0.0)


def _area_share(fleet: Fleet) -> Floats:
    """Share (area, technology) of trend additions: half by recent additions, half by existing fleet; label J."""
    recent = np.clip(np.diff(fleet.history_mw[..., -RECENT_YEARS:], axis=2), 0.0, None).sum(axis=2)
    fleet_mw = fleet.history_mw[..., -1]
    shares = [_normalised(table) for table in (recent, fleet_mw)]
    both = _normalised(shares[0] + shares[1])
    everywhere = np.full_like(both, 1.0 / both.shape[0])
    return np.where(both.sum(axis=0, keepdims=True) > 0, both, everywhere)


def _normalised(table: Floats) -> Floats:
    total = table.sum(axis=0, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


def addition_survival(draws: Draws | CentralPath, technology: str) -> Floats:
    """Share (draw, age) of an addition still standing 0, 1, 2, ... years after its first year."""
    age = np.arange(len(draws.years), dtype=float)[None, :]
    return survival(
        age,
        draws.scalar(f"survival_max_age_{technology}")[:, None],
        draws.scalar("survival_half_life_share")[:, None],
        draws.scalar("survival_steepness")[:, None],
    )


def _surviving(added: Floats, shares: Floats) -> Floats:
    """Stock (draw, area, year) of yearly additions under survival shares (draw, age)."""
    years = added.shape[-1]
    stock = np.zeros_like(added)
    for age in range(years):
        stock[..., age:] += shares[:, None, age, None] * added[..., : years - age]
    return stock
