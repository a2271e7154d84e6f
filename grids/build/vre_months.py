"""Published monthly levels of wind and solar in China, and the hours moved to them.

The statistics give hours of use since January by province. Two successive figures bound a period: one month, or
January and February together, which are published as one; within a period the hours keep their own course.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.build import monotone
from grids.sources import crea

Floats = npt.NDArray[np.float64]

CLOCK_HOURS: Final = 8
"""All of China keeps the time of Beijing, and its months with it."""
HIGHEST_FACTOR: Final = 0.75
"""A period above this is a revision of earlier months, not weather. [J]"""
LEAST_RATIO: Final = 0.2
"""A period below this part of the year's mean is a revision too; both are joined to the period before. [J]"""
DECEMBER_RANGE: Final = (0.6, 1.67)
"""The last figure of a year is worked out on capacity that counts plants finished in its last days. Where December
then differs from the modelled one by more than this factor, the modelled one stands. [J]"""
LEAST_LIKENESS: Final = 0.3
"""Correlation of published and modelled levels before December below which the published ones tell how fast a fleet
grew (Qinghai in the autumn of 2020), not how the weather was, and stay out. [J]"""


@dataclass(frozen=True)
class Periods:
    """Mean factors of the parts of one year.

    last_month : last month of each period, 1-12, rising, ending with 12
    factor : mean output over nameplate in each period [1], by the calendar of that year
    """

    last_month: tuple[int, ...]
    factor: tuple[float, ...]

    def of_hours(self) -> npt.NDArray[np.int64]:
        """Number of the period of each of the 8,760 UTC hours, by the clock of Beijing."""
        local = pd.date_range("2021-01-01", periods=8760, freq="h") + pd.Timedelta(hours=CLOCK_HOURS)
        return np.searchsorted(self.last_month, local.month.to_numpy()).astype(np.int64)


def published(originals: Path, year: int) -> dict[tuple[str, str], Periods]:
    """Periods of a year by (area id, wind or solar); a province without a figure for December is left out."""
    hours = crea.read_utilisation_hours(originals)
    months = [f"{year}-{month:02d}" for month in range(1, 13)]
    out: dict[tuple[str, str], Periods] = {}
    for (tech, province), to_date in hours.reindex(months).items():
        found = periods(to_date.to_numpy(dtype=np.float64), year)
        if found is not None:
            out["cn." + str(province).lower().replace(" ", "_"), str(tech)] = found
    return out


def periods(to_date: Floats, year: int) -> Periods | None:
    """Periods from hours of use since January (12,), NaN where none is published; None without a December.

    A figure that falls, or that makes a period higher or lower than a fleet can be, is a revision of what went
    before and is skipped.
    """
    if not np.isfinite(to_date[-1]) or to_date[-1] <= 0.0:
        return None
    days = np.array([pd.Period(f"{year}-{month:02d}").days_in_month for month in range(1, 13)])
    mean = to_date[-1] / (24.0 * days.sum())
    last, factor, past = [], [], 0
    before = 0.0
    for month in range(1, 13):
        value = to_date[month - 1]
        if not np.isfinite(value):
            continue
        level = (value - before) / (24.0 * days[past:month].sum())
        if LEAST_RATIO * mean <= level <= HIGHEST_FACTOR:
            last.append(month)
            factor.append(float(level))
            past, before = month, value
    if not last:
        return None
    if last[-1] != 12:
        # What is left of the year joins the last period.
        begun = last[-2] if len(last) > 1 else 0
        done = sum(f * 24.0 * days[a:b].sum() for f, a, b in zip(factor[:-1], [0, *last[:-2]], last[:-1], strict=True))
        last[-1], factor[-1] = 12, float((to_date[-1] - done) / (24.0 * days[begun:].sum()))
    return Periods(tuple(last), tuple(factor))


def meet(values: Floats, wanted: Periods, mean: float) -> tuple[Floats, str]:
    """Hours (8760,) [1] whose mean is `mean` and whose periods stand to each other as published.

    Each period is moved by its own monotone map, so that the order of hours within a period is kept. Published
    levels that contradict the weather of the whole year leave the hours as they are, and the words say so.
    """
    number = wanted.of_hours()
    own = np.array([values[number == period].mean() for period in range(len(wanted.factor))])
    likeness = float(np.corrcoef(own[:-1], wanted.factor[:-1])[0, 1])
    if likeness < LEAST_LIKENESS:
        return values, f"months modelled: the published ones contradict the weather (correlation {likeness:.2f})"
    levels, words = _levels(own, wanted, np.bincount(number))
    levels = levels * (mean / levels[number].mean())
    out = np.empty_like(values)
    for period, level in enumerate(levels):
        out[number == period], _ = monotone.to_mean(values[number == period], float(level))
    return out, words


def _levels(own: Floats, wanted: Periods, hours: npt.NDArray[np.int64]) -> tuple[Floats, str]:
    """Levels of the periods up to a factor, and their words; `own` are the modelled ones."""
    levels = np.asarray(wanted.factor)
    if wanted.last_month[-2:-1] == (11,):
        earlier = slice(None, -1)
        scale = float(levels[earlier] @ hours[earlier]) / float(own[earlier] @ hours[earlier])
        low, high = DECEMBER_RANGE
        if not low <= levels[-1] / (scale * own[-1]) <= high:
            levels = np.append(levels[earlier], scale * own[-1])
            return levels, f"{levels.size - 1} parts of the year at their published levels, December modelled"
    return levels, f"{levels.size} parts of the year at their published levels"
