"""Observed hourly wind and solar output of four US system operators, as capacity factors.

Public data of ERCOT, MISO, ISO New England and NYISO with EIA-860 nameplate, as collected by GODEEEP
(renewable-power-evaluation). Output is net of curtailment.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from grids.sources.hourly import checked_hours, clock_shift_hours
from grids.variables import GridDataError

FILE = Path("us_iso_observed") / "us_iso_hourly_wind_solar.parquet"

ZONES = {
    "US/Central as published": "US/Central",
    "US/Eastern prevailing hour-beginning (Nov repeat hour folded)": "US/Eastern",
    "EST hour-beginning": "Etc/GMT+5",
    "UTC hour-beginning": "UTC",
}
SOLAR_PLACE = {"ERCO": (31.6, -101.0), "ISNE": (42.4, -71.9)}
"""Where most of the observed solar capacity stands, degrees north and east. [J]"""
FROZEN_HOURS, FROZEN_RANGE, FROZEN_LEVEL = 8, 0.004, 0.03
"""Eight hours within 0.4 % of nameplate above a level of 3 %: the feed stood still (MISO, up to 66 hours in October
2020); never seen in ERCOT's eleven years."""
REPEATS = 3
"""This many equal successive values of wind are a feed that stood still."""
CALM = 0.05
"""An exact zero while the median of the thirteen hours around it is above this is a missing report. [J]"""
LARGEST_PLAUSIBLE = 1.5
"""ISO-NE counts solar plants that EIA-860 leaves out, so that its factor may pass 1: only its shape is used."""


def read(originals: Path) -> dict[tuple[str, str], pd.Series]:
    """Hourly capacity factors by (operator, technology).

    originals : Path  Folder that holds ``us_iso_observed``.
    Returns Series (hour,) [1] on a naive UTC index, hour-beginning, 0 and up; attrs: ``filled_hours``,
    ``clock_shift_hours`` (solar only: whole hours moved after the time zone was removed, found from the sun).
    Hours in which a wind feed stood still or reported nothing are faults (attrs ``faulty_hours``): taken out, then
    interpolated where the gap is short, else left missing.
    Negative hours (station use of MISO wind, up to 0.2 % of nameplate) count as zero output.
    Raises GridDataError for an unknown time basis, duplicates or values out of range.
    """
    table = pd.read_parquet(originals / FILE)
    out: dict[tuple[str, str], pd.Series] = {}
    for (operator, tech), rows in table.groupby(["ba", "tech"], observed=True):
        name = f"{operator} {tech} observed"
        series = _to_utc(rows, name).clip(lower=0.0)
        faults = _faults(series) if tech == "wind" else pd.Series(False, index=series.index)
        series = checked_hours(series.mask(faults), name, highest=LARGEST_PLAUSIBLE)
        series.attrs["faulty_hours"] = int(faults.sum())
        if tech == "solar":
            shift = clock_shift_hours(series.dropna(), *SOLAR_PLACE[str(operator)])
            filled = series.attrs["filled_hours"]
            series.index = series.index + pd.Timedelta(hours=shift)
            series.attrs.update(clock_shift_hours=shift, filled_hours=filled, faulty_hours=0)
        out[str(operator), str(tech)] = series
    return out


def _to_utc(rows: pd.DataFrame, name: str) -> pd.Series:
    """Published labels to naive UTC. Of two equal local labels in November the first is summer time."""
    bases = rows["time_basis"].unique()
    unknown = [str(basis) for basis in bases if str(basis) not in ZONES]
    if unknown or len(bases) != 1:
        raise GridDataError(f"{name}: no rule for time basis {unknown or list(bases)}; add it to ZONES")
    local = pd.DatetimeIndex(rows["time"])
    order = np.argsort(local.to_numpy(), kind="stable")
    local = local[order]
    zoned = local.tz_localize(ZONES[str(bases[0])], ambiguous=~local.duplicated(), nonexistent="NaT")
    series = pd.Series(rows["cf"].to_numpy(dtype=np.float64)[order], index=zoned.tz_convert("UTC").tz_localize(None))
    return series[series.index.notna()].sort_index()


def _faults(series: pd.Series) -> pd.Series:
    """Hours in which the feed stood still or sent an exact zero amid output, True, shape of ``series``."""
    window = series.rolling(FROZEN_HOURS)
    frozen = (window.max() - window.min() < FROZEN_RANGE) & (window.mean() > FROZEN_LEVEL)
    # The window looks back: every hour inside a frozen window is frozen.
    spread = frozen[::-1].rolling(FROZEN_HOURS, min_periods=1).max()[::-1].astype(bool)
    same = series.diff() == 0.0
    repeated = same & (same.groupby((~same).cumsum()).transform("sum") >= REPEATS) & (series > FROZEN_LEVEL)
    silent = (series == 0.0) & (series.rolling(13, center=True).median() > CALM)
    return spread | repeated | silent
