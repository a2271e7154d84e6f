"""Hours of a weather year as people speak of them: date, season, part of the day, and how many run on end."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from capacity.adequacy.events import DAY_PARTS, SEASON_OF_HOUR, SEASONS, day_part_of_hour, year_hours
from capacity.adequacy.policies import runs


def dates(weather_year: int, rows: NDArray[np.int64], zone: str) -> tuple[pd.Index, pd.Index]:
    """UTC and local time, as text, of hours of a weather year without its 29 February."""
    calendar = year_hours(weather_year)[rows]
    return calendar.strftime("%Y-%m-%d %H:%M"), calendar.tz_convert(zone).strftime("%a %d %b %H:%M")


def seasons(tight: NDArray[np.int64]) -> dict[str, int]:
    """Number of hours in each season."""
    counts = np.bincount(SEASON_OF_HOUR[tight], minlength=len(SEASONS))
    return dict(zip(SEASONS, counts.tolist(), strict=True))


def day_parts(tight: NDArray[np.int64], weather_year: int, zone: str) -> dict[str, int]:
    """Number of hours in each part of the day, local time."""
    counts = np.bincount(day_part_of_hour(weather_year, zone)[tight], minlength=len(DAY_PARTS))
    return dict(zip(DAY_PARTS, counts.tolist(), strict=True))


def longest(curtailed: NDArray[np.bool_]) -> int:
    """Longest run of hours that hold."""
    return max((length for _, length in runs(curtailed)), default=0)
