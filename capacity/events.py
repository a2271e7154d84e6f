"""Events of curtailment: hours, length, depth, season and time of day. See docs/adequacy.md, Events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from capacity import notions

Floats = NDArray[np.float64]

HOURS = 8760
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}
DAY_PARTS = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}
"""Hours of local time, from and to."""
FIGURES = ("hours", "events", "longest_h", "deepest_share", *SEASONS, *DAY_PARTS)
"""What is counted in a year: hours with any curtailment, runs of them, the longest run, the deepest cut over the load,
and hours by season and part of the day."""
SEASON_OF_HOUR = np.select([np.isin(notions.MONTH_OF_HOUR, months) for months in SEASONS.values()], range(len(SEASONS)))


_YES = np.ones(1, dtype=bool)


class Cuts(NamedTuple):
    """Curtailment of one case where there is any: hours of the year, ascending, and MW."""

    hours: NDArray[np.int64]
    cut_mw: Floats


@cache
def day_part_of_hour(weather_year: int, zone: str) -> NDArray[np.int64]:
    """Index into DAY_PARTS (hour,) of the hours of a weather year, which are UTC, by local time."""
    local = year_hours(weather_year).tz_convert(zone).hour.to_numpy()
    return np.searchsorted([start for start, _ in DAY_PARTS.values()], local, side="right") - 1


def year_hours(weather_year: int) -> pd.DatetimeIndex:
    """The 8760 hours of a weather year without its 29 February, UTC."""
    calendar = pd.date_range(pd.Timestamp(weather_year, 1, 1, tz="UTC"), periods=366 * 24, freq="h")
    return calendar[(calendar.month != 2) | (calendar.day != 29)][:HOURS]


def figures(cuts: Cuts, load_mw: float, day_part: NDArray[np.int64]) -> Floats:
    """FIGURES of one case; all nil where nothing is curtailed."""
    hours = cuts.hours
    found = np.zeros(len(FIGURES))
    if not hours.size:
        return found
    first = np.flatnonzero(np.concatenate([_YES, hours[1:] - hours[:-1] > 1, _YES]))
    lengths = first[1:] - first[:-1]
    found[:4] = len(hours), len(lengths), lengths.max(), cuts.cut_mw.max() / load_mw
    found[4:8] = np.bincount(SEASON_OF_HOUR[hours], minlength=len(SEASONS))
    found[8:] = np.bincount(day_part[hours], minlength=len(DAY_PARTS))
    return found


def of_constant_load(profiles: Floats, coefficients: Floats, load_mw: Floats) -> list[Cuts]:
    """Cuts of loads (case,) that take what is left of the margin, coefficients (case, term) @ profiles (term, hour).

    A sum in single precision finds the hours that may be short, and these are summed again in a fixed order, so that a
    case's cuts do not depend on the cases beside it.
    """
    rough = coefficients.astype(np.float32) @ profiles.astype(np.float32)
    slack = 1e-5 * (np.abs(coefficients) @ np.maximum(profiles.max(axis=1), -profiles.min(axis=1)))
    found = []
    for row, weights, load, doubt in zip(rough, coefficients, load_mw, slack, strict=True):
        (hours,) = np.nonzero(row < load + doubt) if load > 0.0 else (np.zeros(0, dtype=np.int64),)
        cut = load - np.maximum(margin_mw(profiles[:, hours], weights[None])[0], 0.0)
        found.append(Cuts(hours[cut > 0.0], cut[cut > 0.0]))
    return found


def margin_mw(profiles: Floats, coefficients: Floats) -> Floats:
    """Margins (case, hour), the terms added in order, so that a case does not depend on the cases beside it. [MW]"""
    total = coefficients[:, :1] * profiles[0]
    for term in range(1, len(profiles)):
        total += coefficients[:, term : term + 1] * profiles[term]
    return total


@dataclass(frozen=True)
class Tally:
    """Figures (sample, a, y, figure) of the first draws of a run, at their positions `numbers` (sample,)."""

    numbers: NDArray[np.int64]
    values: Floats

    @classmethod
    def empty(cls, draws: int, count: int, areas: int, years: int) -> Tally:
        """For the first `count` of the draws."""
        numbers = np.arange(min(draws, count))
        return cls(numbers, np.zeros((len(numbers), areas, years, len(FIGURES))))

    def sampled(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places among `members`, ascending positions of draws, of those in the sample."""
        return np.flatnonzero(members < len(self.numbers))

    def take(
        self,
        members: NDArray[np.int64],
        at: tuple[int, int],
        cuts: Sequence[Cuts],
        load_mw: Floats,
        days: NDArray[np.int64],
    ) -> None:
        """Count the cuts of some draws in an area and year, at = (a, y)."""
        for draw, cut, load in zip(members, cuts, load_mw, strict=True):
            self.values[draw, at[0], at[1]] = figures(cut, float(load), days)
