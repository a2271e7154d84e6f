"""The hourly axis: 8760 hours of a year in UTC, each named by its beginning, 29 February dropped."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING

import numpy as np

from grids.units import HOURS_PER_LEAP_YEAR, HOURS_PER_YEAR

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

DAYS_IN_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MONTH_OF_HOUR = np.repeat(np.arange(1, 13), DAYS_IN_MONTH * 24)
"""Calendar month, 1 to 12, of each of the 8760 hours."""


def hours_in_year(year: int) -> int:
    """Hours of a calendar year: 8760, or 8784 in a leap year. Mean load of a year is its energy over this."""
    return HOURS_PER_LEAP_YEAR if calendar.isleap(year) else HOURS_PER_YEAR


def local_to_utc(values: npt.NDArray[np.float64], utc_offset_hours: int) -> npt.NDArray[np.float64]:
    """Turn series in local standard time (..., hour) into UTC.

    A clock ahead of UTC by n hours shows hour h + n at UTC hour h; the n hours that leave the year at one end
    enter at the other, which joins 31 December to 1 January of the same year.
    """
    return np.roll(np.asarray(values), -utc_offset_hours, axis=-1)


def year_values(series: pd.Series[float], year: int) -> npt.NDArray[np.float64]:
    """The 8760 values of one calendar year of an hourly series.

    Parameters
    ----------
    series : pandas.Series
        Hourly values with a DatetimeIndex in UTC (aware, or naive and meant as UTC), hour-beginning.
    year : int
        Calendar year; it must be complete. 29 February is dropped.

    Raises
    ------
    GridDataError
        Hours that are missing, repeated, or without a value, with their number and the first of them.
    """
    import pandas as pd

    from grids.variables import GridDataError

    index = pd.DatetimeIndex(series.index)
    if index.tz is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    inside = index.year == year
    name = f"series {series.name!r}, year {year}"
    stamps, values = index[inside], series.to_numpy(dtype=np.float64)[inside]
    problems = []
    if stamps.has_duplicates:
        twice = stamps[stamps.duplicated()]
        problems.append(f"{name}: {len(twice)} hours occur twice, first {twice[0]}; keep one of each")
    wanted = pd.date_range(f"{year}-01-01", periods=hours_in_year(year), freq="h")
    absent = wanted.difference(stamps)
    if len(absent):
        problems.append(f"{name}: {len(absent)} hours missing, first {absent[0]} UTC; fill them by a stated rule")
    if np.isnan(values).any():
        first = stamps[np.isnan(values)][0]
        problems.append(f"{name}: {int(np.isnan(values).sum())} hours without a value, first {first} UTC; fill them")
    if len(stamps.difference(wanted)):
        problems.append(f"{name}: {stamps.difference(wanted)[0]} is not on the hour; resample first")
    if problems:
        raise GridDataError(problems)
    ordered = np.argsort(stamps.to_numpy())
    kept = ~((wanted.month == 2) & (wanted.day == 29))
    return np.asarray(values[ordered][kept], dtype=np.float64)
