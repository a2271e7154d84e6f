"""What every hourly reader shares: the checks, the clock, and the cut to a calendar year.

A series leaves a reader as a float64 ``pandas.Series`` on a naive UTC index, one value per hour, each value the
mean of the hour that begins at its label.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.hours import year_values
from grids.units import HOURS_PER_YEAR
from grids.variables import GridDataError

Floats = npt.NDArray[np.float64]

LONGEST_GAP_HOURS = 6
"""Gaps up to this long are interpolated linearly; longer ones stay missing and spoil their year. [J]"""
LARGEST_SHIFT_HOURS = 12
SHORTEST_CLOCK_CHECK_HOURS = 672


def sun_elevation_deg(index: pd.DatetimeIndex, lat: float, lon: float) -> Floats:
    """Sun elevation in the middle of each hour.

    index : DatetimeIndex (hour,)  Naive UTC, hour-beginning.
    lat, lon : float               Degrees north and east.
    Returns array (hour,) [deg], -90 to 90, without refraction. Source: pvlib, NREL SPA algorithm.
    """
    from pvlib import solarposition

    middle = index.tz_localize("UTC") + pd.Timedelta(minutes=30)
    position = solarposition.spa_python(middle, lat, lon)
    return np.asarray(position["elevation"], dtype=np.float64)


def clock_shift_hours(series: pd.Series, lat: float, lon: float) -> int:
    """Whole hours to add to the labels of a solar series so that they are UTC and hour-beginning.

    series : Series (hour,)  Solar output on the labels as published; at least 28 days; any unit.
    lat, lon : float         Where most of the output comes from. Degrees north and east.
    Returns int in -12..12: the shift under which the series correlates best with the positive part of the sine
    of the sun's elevation there. The whole day enters, so a flat or clipped top does not move the answer.
    Raises GridDataError when the series is too short or never sees the sun.
    """
    return int(np.argmax(_clock_scores(series, lat, lon))) - LARGEST_SHIFT_HOURS


def _clock_scores(series: pd.Series, lat: float, lon: float) -> Floats:
    values = series.to_numpy(dtype=np.float64)
    index = pd.DatetimeIndex(series.index)
    if len(values) < SHORTEST_CLOCK_CHECK_HOURS or not np.isfinite(values).all() or np.ptp(values) == 0.0:
        raise GridDataError(
            f"{series.name!r}: the clock cannot be checked on {len(values)} values; "
            f"give {SHORTEST_CLOCK_CHECK_HOURS} or more finite, varying hours"
        )
    pad = pd.Timedelta(hours=LARGEST_SHIFT_HOURS)
    longer = pd.date_range(index[0] - pad, index[-1] + pad, freq="h")
    sun = np.maximum(np.sin(np.radians(sun_elevation_deg(longer, lat, lon))), 0.0)
    place = longer.get_indexer(index)
    shifts = range(-LARGEST_SHIFT_HOURS, LARGEST_SHIFT_HOURS + 1)
    return np.array([np.corrcoef(values, sun[place + shift])[0, 1] for shift in shifts])


def checked_hours(series: pd.Series, name: str, *, lowest: float = 0.0, highest: float = 1.0) -> pd.Series:
    """Every hour once, in order, inside the range; short gaps interpolated, long gaps left missing.

    series : Series (hour,)  Capacity factors on a naive UTC index. [1]
    name : str               What to call it in an error.
    Returns Series (hour,) float64 without duplicates, named ``name``; attrs["filled_hours"] counts interpolated ones.
    Raises GridDataError naming the first offending hours.
    """
    problems: list[str] = []
    index = pd.DatetimeIndex(series.index)
    if index.has_duplicates:
        problems.append(f"hour {index[index.duplicated()][0]} appears twice")
    if not (index.minute == 0).all():
        problems.append("labels are not whole hours")
    values = series.to_numpy(dtype=np.float64)
    wrong = np.isfinite(values) & ((values < lowest) | (values > highest))
    if wrong.any():
        problems.append(f"value {values[wrong][0]:.4g} at {index[wrong][0]} outside {lowest:g}..{highest:g}")
    if problems:
        raise GridDataError(f"{name}: " + "; ".join(problems))
    full = pd.date_range(index.min(), index.max(), freq="h")
    out = pd.Series(values, index=index).reindex(full)
    missing = out.isna()
    run = missing.groupby((~missing).cumsum()).transform("sum")
    short = missing & (run <= LONGEST_GAP_HOURS)
    out[short] = out.interpolate("linear", limit_area="inside")[short]
    out.name = name
    out.attrs["filled_hours"] = int((short & out.notna()).sum())
    return out


def whole_year(series: pd.Series, year: int) -> Floats:
    """The 8,760 hours of a UTC year, 29 February dropped. Shape (8760,).

    Where the record begins or ends up to ``LONGEST_GAP_HOURS`` inside the year (a change of clock does that), the
    missing hours take those of the neighbouring day; otherwise as ``grids.hours.year_values``.
    Raises GridDataError when an hour of the year is missing from the series.
    """
    index = pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h")
    values = series.reindex(index).to_numpy(dtype=np.float64, copy=True)
    head, tail = values[:LONGEST_GAP_HOURS], values[-LONGEST_GAP_HOURS:]
    head[:] = np.where(np.isnan(head), values[24 : 24 + LONGEST_GAP_HOURS], head)
    tail[:] = np.where(np.isnan(tail), values[-24 - LONGEST_GAP_HOURS : -24], tail)
    return year_values(pd.Series(values, index=index, name=series.name), year)


def complete_years(series: pd.Series) -> tuple[int, ...]:
    """Calendar years for which ``whole_year`` succeeds."""
    present = series.dropna()
    count = present.groupby(pd.DatetimeIndex(present.index).year).size()
    years = []
    for year in count[count >= HOURS_PER_YEAR - LONGEST_GAP_HOURS].index:
        try:
            whole_year(series, int(year))
        except GridDataError:
            continue
        years.append(int(year))
    return tuple(years)
