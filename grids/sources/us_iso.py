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
LARGEST_PLAUSIBLE = 1.5
"""ISO-NE counts solar plants that EIA-860 leaves out, so that its factor may pass 1: only its shape is used."""


def read(originals: Path) -> dict[tuple[str, str], pd.Series]:
    """Hourly capacity factors by (operator, technology).

    originals : Path  Folder that holds ``us_iso_observed``.
    Returns Series (hour,) [1] on a naive UTC index, hour-beginning, 0 and up; attrs: ``filled_hours``,
    ``clock_shift_hours`` (solar only: whole hours moved after the time zone was removed, found from the sun).
    Negative hours (station use of MISO wind, up to 0.2 % of nameplate) count as zero output.
    Raises GridDataError for an unknown time basis, duplicates or values out of range.
    """
    table = pd.read_parquet(originals / FILE)
    out: dict[tuple[str, str], pd.Series] = {}
    for (operator, tech), rows in table.groupby(["ba", "tech"], observed=True):
        name = f"{operator} {tech} observed"
        series = _to_utc(rows, name).clip(lower=0.0)
        series = checked_hours(series, name, highest=LARGEST_PLAUSIBLE)
        if tech == "solar":
            shift = clock_shift_hours(series.dropna(), *SOLAR_PLACE[operator])
            filled = series.attrs["filled_hours"]
            series.index = series.index + pd.Timedelta(hours=shift)
            series.attrs.update(clock_shift_hours=shift, filled_hours=filled)
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
