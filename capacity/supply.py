"""Supply projection: what stands, what is in the pipeline, and what the trend adds. See docs/method.md, Supply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capacity import experts, regimes
from capacity.draws import CentralPath, Draws
from capacity.fleet import Fleet, delayed, toeplitz
from capacity.known_additions import open_plans
from capacity.retirement import Ageing, existing_mw

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

RECENT_YEARS = 6
"""Years whose additions count as recent for the shares of areas; `trend_recent_share` carries the doubt."""
MIN_ADDITION_MW = 300.0
"""Yearly additions that no growth limit forbids; label F, the smallest growth bin of gas in NREL's ReEDS."""


@dataclass(frozen=True)
class Supply:
    """Projected capacity of one country. All (draw, area, technology, year), MW.

    existing_mw     Plants standing at the end of the base year that still stand.
    pipeline_mw     Surviving additions that follow the recorded project pipeline.
    trend_mw        Surviving additions that follow one of the two statistical experts.
    expert          (draw, technology, year) int8, index into `experts.EXPERTS`: who said how much is added.
    """

    existing_mw: Floats
    pipeline_mw: Floats
    trend_mw: Floats
    expert: Codes

    @property
    def nameplate_mw(self) -> Floats:
        return self.existing_mw + self.pipeline_mw + self.trend_mw


def project(fleet: Fleet, draws: Draws | CentralPath) -> Supply:
    """Stock-flow projection of a country's fleet under one scenario.

    Capacity = survivors of today's fleet + survivors of additions. Additions of a technology follow, per
    draw, the recorded pipeline up to a random horizon and one of two statistical experts after it, all under
    growth and absolute limits; the latter go to areas by recent additions and existing fleet. The build regime scales
    both, area by area. Years whose national additions are on record meet them exactly, in every draw.
    """
    standing = existing_mw(fleet, draws)
    planned, came = _pipeline_mw(fleet, draws)
    pipeline_added, trend_added = np.zeros_like(standing), np.zeros_like(standing)
    expert = np.empty((len(draws), len(fleet.technologies), len(draws.years)), dtype=np.int8)
    trend_share = area_share(fleet.history_mw, draws.scalar("trend_recent_share"))
    regime, on_record = regimes.factors(fleet, draws)
    for k, technology in enumerate(fleet.technologies):
        by_area = trend_share[:, :, k, None] * regime[:, :, regimes.group_of(technology)]
        recorded = bool(fleet.planned_addition_mw[:, k].any())
        if recorded:
            planned[:, :, k] *= on_record[:, :, regimes.group_of(technology)]
            planned[:, :, k] += came[:, k]
        pace = by_area.sum(axis=1)
        national = _national_additions(fleet, draws, k, standing[:, :, k].sum(axis=1), planned[:, :, k], pace)
        expert[:, k] = national.expert
        shares = toeplitz(addition_survival(fleet, draws, technology))
        if recorded:
            pipeline_added[:, :, k] = _surviving(national.pipeline_scale[:, None, :] * planned[:, :, k], shares)
        trend_added[:, :, k] = _surviving(by_area * (national.trend_mw / pace)[:, None, :], shares)
    return Supply(standing, pipeline_added, trend_added, expert)


@dataclass(frozen=True)
class _National:
    pipeline_scale: Floats
    trend_mw: Floats
    expert: Codes


def _national_additions(
    fleet: Fleet, draws: Draws | CentralPath, k: int, standing: Floats, planned: Floats, pace: Floats
) -> _National:
    """Yearly national additions (draw, year) of technology k, by the source they follow.

    pace : (draw, year)  Factor of the build regime on additions that follow a statistical expert. [1]
    """
    technology, pre = fleet.technologies[k], fleet.prefix
    known = fleet.on_record.run(k)[: len(draws.years)]
    build = draws.parameter(f"{pre}.build_multiplier") * pace * draws.parameter(f"{pre}.addition_factor")
    floor = draws.parameter(f"{pre}.addition_floor_{technology}")
    ratio = draws.scalar(f"{pre}.growth_limit_ratio")
    ceiling = draws.parameter(f"{pre}.addition_limit_{technology}")
    history = fleet.history_mw[:, k].sum(axis=0)
    follow = _follows_pipeline(fleet, draws, k, planned)
    pipeline = planned.sum(axis=1)
    shares = addition_survival(fleet, draws, technology)

    levels, scale, trend = _known_years(known, standing, pipeline, shares)
    growth, expert = experts.statistical_growth(fleet, draws, k, levels)
    added = scale * pipeline + trend
    before = levels[:, -1] if known.size else np.full(len(draws), history[-1])
    record = max(MIN_ADDITION_MW, float(np.diff(history).max(initial=0.0)), float(known.max(initial=0.0)))
    largest = np.full(len(draws), record)
    for y in range(known.size, len(draws.years)):
        survivors = _survivors(standing, added, shares, y)
        wanted = np.maximum(np.maximum(before * np.exp(growth[:, y]) - survivors, 0.0) * build[:, y], floor[:, y])
        limit = np.minimum(ceiling[:, y], ratio * largest)
        in_pipeline = np.where(follow[:, y], np.minimum(pipeline[:, y], limit), 0.0)
        beside = np.maximum(np.minimum(floor[:, y], limit) - in_pipeline, 0.0)
        trend[:, y] = np.where(follow[:, y], beside, np.minimum(wanted, limit))
        scale[:, y] = np.divide(in_pipeline, pipeline[:, y], out=np.zeros_like(limit), where=pipeline[:, y] > 0)
        added[:, y] = in_pipeline + trend[:, y]
        largest = np.maximum(largest, added[:, y])
        before = survivors + added[:, y]
    expert = np.where(follow, np.int8(experts.PIPELINE), expert)
    expert[:, : known.size] = experts.KNOWN
    return _National(scale, trend, expert)


def _known_years(known: Floats, standing: Floats, pipeline: Floats, shares: Floats) -> tuple[Floats, Floats, Floats]:
    """National capacity (draw, known year) after what is known, scale of the pipeline and trend (draw, year).

    What is known goes where that year's plans were, and where there were none to the areas of the trend.
    """
    scale, trend, added = (np.zeros_like(pipeline) for _ in range(3))
    levels = np.empty((len(pipeline), known.size))
    for y, total in enumerate(known):
        planned = pipeline[:, y]
        scale[:, y] = np.divide(total, planned, out=np.zeros_like(planned), where=planned > 0)
        trend[:, y] = np.where(planned > 0, 0.0, total)
        added[:, y] = total
        levels[:, y] = _survivors(standing, added, shares, y) + total
    return levels, scale, trend


def _survivors(standing: Floats, added: Floats, shares: Floats, y: int) -> Floats:
    """Capacity (draw,) from before year number y that still stands in it."""
    return np.asarray(
        standing[:, y] + (added[:, :y] * shares[:, y - 1 :: -1][:, :y] if y else added[:, :0]).sum(axis=1)
    )


def _pipeline_mw(fleet: Fleet, draws: Draws | CentralPath) -> tuple[Floats, Floats]:
    """Expected completions (draw, area, technology, year) of the recorded pipeline, and plans (area, technology, year)
    of years that are known, where the first are none.

    Of a surveyed year's plans a share comes on time; what is left of it is late like any other plan.
    """
    planned = fleet.planned(fleet.planned_addition_mw, draws.years)
    plans = open_plans(fleet.on_record, planned, draws.years, fleet.base_year)
    completion = np.stack([draws.scalar(f"{fleet.prefix}.pipeline_completion_{t}") for t in fleet.technologies], axis=1)
    coming = _late_mw(fleet, draws, plans.late, completion)
    if plans.surveyed.any():
        on_time = draws.scalar(f"{fleet.prefix}.pipeline_on_time_share")[:, None, None, None]
        again = np.zeros_like(plans.surveyed)
        again[..., 1:] = plans.surveyed[..., :-1]
        coming += on_time * plans.surveyed + (1.0 - on_time) * _late_mw(fleet, draws, again, completion)
    return coming, plans.came


def _late_mw(fleet: Fleet, draws: Draws | CentralPath, planned: Floats, completion: Floats) -> Floats:
    """What comes (draw, area, technology, year) of plans (area, technology, year).

    Delay and completion may change with the year for which a unit is planned; years alike are worked on at once.
    """
    slower, _ = regimes.queue_factors(fleet)
    slip = draws.scalar(f"{fleet.prefix}.pipeline_slip_years")
    factor = draws.parameter(f"{fleet.prefix}.pipeline_delay_factor")
    limit = regimes.suspension_limit(fleet, draws)
    late = np.zeros((len(draws), *planned.shape))
    for years in _alike(factor, limit):
        now = np.where(years, planned, 0.0)
        first = int(np.argmax(years))
        kept = regimes.kept_share(fleet, limit[:, first], completion)
        for a in np.flatnonzero(now.any(axis=(1, 2))):
            late[:, a] += kept[:, a, :, None] * delayed(now[a], slower[a] * slip * factor[:, first])
    for k in np.flatnonzero(planned.any(axis=(0, 2))):
        late[:, :, k] *= completion[:, k, None, None]
    return late


def _alike(*tables: Floats) -> Iterator[NDArray[np.bool_]]:
    """Masks (year,) of the years in which every table (draw, year) holds the same column."""
    joint = np.concatenate(tables)
    left = np.ones(joint.shape[1], dtype=bool)
    while left.any():
        same = left & (joint == joint[:, [int(np.argmax(left))]]).all(axis=0)
        yield same
        left &= ~same


def _follows_pipeline(fleet: Fleet, draws: Draws | CentralPath, k: int, planned: Floats) -> NDArray[np.bool_]:
    """Which draws follow the pipeline in which year; once a draw has left the pipeline it does not return.

    A draw follows it with probability exp(-h / memory), h years after the last that is known, in years whose record
    is no thinner than a share of the recent yearly additions: a thin record is not a plan to build nothing.
    """
    horizon = np.maximum(draws.years - experts.origin(fleet, k), 0)[None, :]
    choice = draws.uniform(f"{fleet.prefix}.expert.{fleet.technologies[k]}")[:, None]
    chosen = choice < np.exp(-horizon / draws.scalar("pipeline_memory_years")[:, None])
    history = fleet.history_mw[:, k].sum(axis=0)
    known = fleet.on_record.run(k)
    recent = max(0.0, float(history[-1] - history[-1 - 3 + min(known.size, 3)]) + float(known[-3:].sum())) / 3.0
    recorded = fleet.planned(fleet.planned_addition_mw, draws.years)[:, k].sum(axis=0)
    covered = recorded[None, :] > (draws.scalar("pipeline_record_share") * recent)[:, None]
    return chosen & covered & (planned.sum(axis=1) > 0.0)


def area_share(history_mw: Floats, by_recent: Floats) -> Floats:
    """Share (draw, area, technology) of additions: a share `by_recent` (draw,) by recent additions, the rest by
    existing fleet, both of `history_mw` (area, technology, year); where only one of them exists, by that one."""
    recent = np.clip(np.diff(history_mw[..., -RECENT_YEARS:], axis=2), 0.0, None).sum(axis=2)
    recent, standing = _normalised(recent[None]), _normalised(history_mw[None, ..., -1])
    weight = by_recent[:, None, None]
    both = _normalised(weight * recent + (1.0 - weight) * standing)
    everywhere = np.full_like(both, 1.0 / both.shape[1])
    return np.where(both.sum(axis=1, keepdims=True) > 0, both, everywhere)


def _normalised(table: Floats) -> Floats:
    """Shares over areas of a table (draw, area, technology); 0 where there is nothing to share."""
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


def addition_survival(fleet: Fleet, draws: Draws | CentralPath, technology: str) -> Floats:
    """Share (draw, age) of an addition still standing 0, 1, 2, ... years after its first year."""
    age = np.arange(len(draws.years), dtype=float)[None, :]
    return Ageing.of(fleet.country, draws, technology).share(age)


def _surviving(added: Floats, standing: Floats) -> Floats:
    """Stock (draw, area, year) of yearly additions; `standing` (draw, year built, year) is the share that stands."""
    return np.matmul(added, standing)
