"""Supply projection: what stands, what is in the pipeline, and what the trend adds. See docs/method.md, Supply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.supply import regimes
from capacity.supply.additions import Course
from capacity.supply.equipment import Equipment
from capacity.supply.fleet import Fleet, delayed, toeplitz
from capacity.supply.known_additions import open_plans
from capacity.supply.products import product
from capacity.supply.retirement import existing_mw

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

RECENT_YEARS = 6
"""Years whose additions count as recent for the shares of areas; `trend_recent_share` carries the doubt."""


@dataclass(frozen=True)
class Supply:
    """Projected capacity of one country. All (draw, area, technology, year), MW.

    existing_mw     Plants standing at the end of the base year that still stand.
    pipeline_mw     Surviving additions that follow the recorded project pipeline.
    trend_mw        Surviving additions that follow an expert other than the pipeline.
    expert          (draw, technology, year) int8, index into `experts.EXPERTS`: who said how much is added.
    equipped        (draw, year) in [0, 1]: part of what plants and loads want to connect that gets its equipment.
    """

    existing_mw: Floats
    pipeline_mw: Floats
    trend_mw: Floats
    expert: Codes
    equipped: Floats

    @property
    def nameplate_mw(self) -> Floats:
        return self.existing_mw + self.pipeline_mw + self.trend_mw

    def through(self, years: int) -> Supply:
        """The same in the first so many years."""
        return Supply(*(np.ascontiguousarray(getattr(self, part.name)[..., :years]) for part in fields(self)))


def project(fleet: Fleet, draws: Draws | CentralPath) -> Supply:
    """Stock-flow projection of a country's fleet under one scenario.

    Capacity = survivors of today's fleet + survivors of additions. Additions of a technology follow, per
    draw, the recorded pipeline up to a random horizon and one of the other experts after it, all under
    growth and absolute limits and what equipment there is; the latter go to areas by recent additions and
    existing fleet. The build regime scales both, area by area. Years whose national additions are on record meet
    them exactly, in every draw.
    """
    standing = existing_mw(fleet, draws)
    planned, came = _pipeline_mw(fleet, draws)
    trend_share = area_share(fleet.history_mw, draws.scalar("trend_recent_share"))
    regime, on_record = regimes.factors(fleet, draws)
    recorded: NDArray[np.bool_] = np.asarray(fleet.planned_addition_mw.any(axis=(0, 2)))
    groups = [regimes.group_of(technology) for technology in fleet.technologies]
    for k in map(int, np.flatnonzero(recorded)):
        planned[:, :, k] *= on_record[:, :, groups[k]]
        planned[:, :, k] += came[:, k]
    # Areas of all technologies are added up at once: of one alone their numbers lie apart, which is slow.
    national = zip(standing.sum(axis=1).swapaxes(0, 1), planned.sum(axis=1).swapaxes(0, 1), strict=True)
    paces = [(trend_share[:, :, k, None] * regime[:, :, group]).sum(axis=1) for k, group in enumerate(groups)]
    courses = [Course(fleet, draws, k, *sums, paces[k]) for k, sums in enumerate(national)]
    equipped = _year_by_year(courses, Equipment(fleet, draws), len(draws), len(draws.years))
    pipeline_added, trend_added = np.zeros_like(standing), np.zeros_like(standing)
    for k, course in enumerate(courses):
        shares = toeplitz(course.survival)
        if recorded[k]:
            pipeline_added[:, :, k] = _surviving(course.pipeline_scale[:, None, :] * planned[:, :, k], shares)
        by_area = trend_share[:, :, k, None] * regime[:, :, groups[k]]
        by_area *= (course.trend_mw / paces[k])[:, None, :]
        trend_added[:, :, k] = _surviving(by_area, shares)
    expert = np.stack([course.expert for course in courses], axis=1)
    return Supply(standing, pipeline_added, trend_added, expert, equipped)


def _year_by_year(courses: Sequence[Course], equipment: Equipment, draws: int, years: int) -> Floats:
    """Let all technologies of a country build together, and return the part (draw, year) that got its equipment."""
    equipped = np.ones((draws, years))
    for y in range(years):
        open_now = [course for course in courses if y >= course.known]
        wishes = np.zeros(draws)
        for course in open_now:
            wishes += course.wish(y)
        equipped[:, y] = equipment.share(y, wishes)
        for course in open_now:
            course.build(y, equipped[:, y])
    return equipped


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


def _surviving(added: Floats, standing: Floats) -> Floats:
    """Stock (draw, area, year) of yearly additions; `standing` (draw, year built, year) is the share that stands."""
    return product(added, standing, upper=True)
