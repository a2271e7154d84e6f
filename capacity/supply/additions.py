"""National additions of one technology, year by year: whom they follow, and the limits they keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.supply import experts
from capacity.supply.fleet import Fleet
from capacity.supply.retirement import Ageing

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

MIN_ADDITION_MW = 300.0
"""Yearly additions that no growth limit forbids; label F, the smallest growth bin of gas in NREL's ReEDS."""


class Course:
    """Additions (draw, year) of technology k: first what a year wants (`wish`), then what it gets (`build`).

    pipeline_scale : (draw, year)  Factor on the recorded pipeline. [1]
    trend_mw : (draw, year)        Additions that follow an expert other than the pipeline. [MW]
    expert : (draw, year) int8     Index into `experts.EXPERTS`.
    survival : (draw, age)         Share of an addition that still stands 0, 1, 2, ... years after its first year. [1]
    known : number of years whose additions are on record; they are settled from the start
    """

    def __init__(
        self, fleet: Fleet, draws: Draws | CentralPath, k: int, standing: Floats, pipeline: Floats, pace: Floats
    ) -> None:
        """standing, pipeline : (draw, year)  Today's plants that still stand, and what comes of plans. [MW]

        pace : (draw, year)  Factor of the build regime on additions that follow another expert. [1]
        """
        technology, pre = fleet.technologies[k], fleet.prefix
        known = fleet.on_record.run(k)[: len(draws.years)]
        history = fleet.history_mw[:, k].sum(axis=0)
        self.known = known.size
        self._standing, self._pipeline = standing, pipeline
        age = np.arange(len(draws.years), dtype=float)[None, :]
        self.survival = Ageing.of(fleet.country, draws, technology).share(age)
        self._building = draws.parameter(f"{pre}.build_multiplier") * pace * draws.parameter(f"{pre}.addition_factor")
        self._floor = draws.parameter(f"{pre}.addition_floor_{technology}")
        self._ratio = draws.scalar(f"{pre}.growth_limit_ratio")
        self._ceiling = draws.parameter(f"{pre}.addition_limit_{technology}")
        self._follow = _follows_pipeline(fleet, draws, k, pipeline)
        levels = self._settle(known)
        self._growth, statistical = experts.statistical_growth(fleet, draws, k, levels)
        # National capacity (draw,) after the last year that was built.
        self._level = levels[:, -1] if known.size else np.full(len(draws), history[-1])
        record = max(MIN_ADDITION_MW, float(np.diff(history).max(initial=0.0)), float(known.max(initial=0.0)))
        self._largest = np.full(len(draws), record)
        self._late = np.zeros(len(draws))
        self._in_pipeline = np.zeros(len(draws))
        self._in_trend = np.zeros(len(draws))
        self.expert: Codes = np.where(self._follow, np.int8(experts.PIPELINE), statistical)
        self.expert[:, : known.size] = experts.KNOWN

    def wish(self, y: int) -> Floats:
        """What year number y would add (draw,), with what lacked equipment before, under the technology's limits."""
        survivors = self._survivors(y)
        grown = np.maximum(self._level * np.exp(self._growth[:, y]) - survivors, 0.0) * self._building[:, y]
        wanted = np.maximum(grown, self._floor[:, y]) + self._late
        limit = np.minimum(self._ceiling[:, y], self._ratio * self._largest)
        follow = self._follow[:, y]
        planned = np.where(follow, np.minimum(self._pipeline[:, y] + self._late, limit), 0.0)
        beside = np.maximum(np.minimum(self._floor[:, y], limit) - planned, 0.0)
        self._level = survivors
        self._in_pipeline, self._in_trend = planned, np.where(follow, beside, np.minimum(wanted, limit))
        return self._in_pipeline + self._in_trend

    def build(self, y: int, part: Floats) -> None:
        """Give year number y a part (draw,) of its wish; the rest is wished for again."""
        pipeline = self._pipeline[:, y]
        planned, self.trend_mw[:, y] = part * self._in_pipeline, part * self._in_trend
        self.pipeline_scale[:, y] = np.divide(planned, pipeline, out=np.zeros_like(planned), where=pipeline > 0)
        self._added[:, y] = planned + self.trend_mw[:, y]
        self._late = (1.0 - part) * (self._in_pipeline + self._in_trend)
        self._largest = np.maximum(self._largest, self._added[:, y])
        self._level = self._level + self._added[:, y]

    def _settle(self, known: Floats) -> Floats:
        """Fill the years that are known and return national capacity (draw, known year) after each.

        What is known goes where that year's plans were, and where there were none to the areas of the trend.
        """
        pipeline = self._pipeline
        self.pipeline_scale, self.trend_mw, self._added = (np.zeros_like(pipeline) for _ in range(3))
        levels = np.empty((len(pipeline), known.size))
        for y, total in enumerate(known):
            planned = pipeline[:, y]
            self.pipeline_scale[:, y] = np.divide(total, planned, out=np.zeros_like(planned), where=planned > 0)
            self.trend_mw[:, y] = np.where(planned > 0, 0.0, total)
            self._added[:, y] = total
            levels[:, y] = self._survivors(y) + total
        return levels

    def _survivors(self, y: int) -> Floats:
        """Capacity (draw,) from before year number y that still stands in it."""
        shares = self.survival[:, y - 1 :: -1][:, :y] if y else self.survival[:, :0]
        return np.asarray(self._standing[:, y] + (self._added[:, :y] * shares).sum(axis=1))


def _follows_pipeline(fleet: Fleet, draws: Draws | CentralPath, k: int, pipeline: Floats) -> NDArray[np.bool_]:
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
    return chosen & covered & (pipeline > 0.0)
