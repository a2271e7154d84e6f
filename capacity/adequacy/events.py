"""Events of curtailment: hours, length, depth, season and time of day. See docs/adequacy.md, Events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from grids.hours import MONTH_OF_HOUR

Floats = NDArray[np.float64]

HOURS = 8760
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}
DAY_PARTS = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}
"""Hours of local time, from and to."""
FIGURES = ("hours", "events", "longest_h", "deepest_share", *SEASONS, *DAY_PARTS)
"""What is counted in a year: hours with any curtailment, runs of them, the longest run, the deepest cut over the load,
and hours by season and part of the day."""
SEASON_OF_HOUR = np.select([np.isin(MONTH_OF_HOUR, months) for months in SEASONS.values()], range(len(SEASONS)))


@cache
def day_part_of_hour(weather_year: int, zone: str) -> NDArray[np.int64]:
    """Index into DAY_PARTS (hour,) of the hours of a weather year, which are UTC, by local time."""
    local = year_hours(weather_year).tz_convert(zone).hour.to_numpy()
    return np.searchsorted([start for start, _ in DAY_PARTS.values()], local, side="right") - 1


@cache
def kinds_of_hours(weather_year: int, zone: str) -> NDArray[np.int64]:
    """Indices (2, hour) into SEASONS and DAY_PARTS, as `cuda_kernels.event_figures` takes them."""
    return np.stack([SEASON_OF_HOUR, day_part_of_hour(weather_year, zone)])


def year_hours(weather_year: int) -> pd.DatetimeIndex:
    """The 8760 hours of a weather year without its 29 February, UTC."""
    calendar = pd.date_range(pd.Timestamp(weather_year, 1, 1, tz="UTC"), periods=366 * 24, freq="h")
    return calendar[(calendar.month != 2) | (calendar.day != 29)][:HOURS]


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

    def take(self, members: NDArray[np.int64], at: tuple[int, int], found: Floats) -> None:
        """Keep the figures (member, figure) of some draws in an area and year, at = (a, y)."""
        self.values[members, at[0], at[1]] = found
