"""Hourly wind and solar factors of the 31 provinces from ERA5, weather year 2020 (PyPSA-China-THU, atlite)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from grids.sources.hourly import checked_hours, clock_shift_hours
from grids.variables import GridDataError

FILE = Path("china_province_era5_2020") / "china_province_hourly_cf_2020.parquet"
YEAR = 2020
TECHNOLOGIES = {"onwind": "wind", "offwind": "offshore_wind", "solar": "solar"}
PROVINCES = {"InnerMongolia": "inner_mongolia"}
"""Names that are not simply lower case in our ids."""


def read(originals: Path, places: dict[str, tuple[float, float]]) -> dict[str, pd.DataFrame]:
    """Hourly factors by technology, one column per province.

    originals : Path  Folder that holds ``china_province_era5_2020``.
    places : dict     Area id -> (lat, lon) on which the clock of the province's solar series is checked.
    Returns {"wind", "offshore_wind", "solar"}: DataFrame (8784 hours, province) [1] on the naive UTC hours of 2020,
    columns area ids. The published labels are Beijing time; the eight hours that fall into 31 December 2019 UTC stand
    in for the last eight of 2020. Solar is the column corrected for the packed-integer fault of its temperature field.
    attrs["clock_shift_hours"] maps each area to the shift that its own solar series asks for.
    Raises GridDataError when the clocks of the provinces disagree, or for duplicates, gaps or values out of range.
    """
    table = pd.read_parquet(originals / FILE)
    frames: dict[str, pd.DataFrame] = {}
    for published, tech in TECHNOLOGIES.items():
        rows = table[table["tech"] == published]
        frame = rows.pivot(index="time", columns="province", values="cf_corrected").astype(np.float64)
        frame.columns = pd.Index([_area_id(str(name)) for name in frame.columns])
        frames[tech] = frame.dropna(axis="columns", how="all")
    shifts = {area: clock_shift_hours(frames["solar"][area], *places[area]) for area in frames["solar"].columns}
    common = pd.Series(shifts).mode().iloc[0]
    odd = {area: shift for area, shift in shifts.items() if shift != common}
    if odd:
        raise GridDataError(f"{FILE.name}: solar clocks disagree with the {common} h of the rest: {odd}")
    for tech, frame in frames.items():
        frames[tech] = _to_utc_year(frame, tech, int(common))
        frames[tech].attrs["clock_shift_hours"] = shifts
    return frames


def _to_utc_year(frame: pd.DataFrame, tech: str, shift: int) -> pd.DataFrame:
    checked = {area: checked_hours(frame[area], f"ERA5 {tech} {area}") for area in frame.columns}
    out = pd.DataFrame(checked)
    missing = [area for area in out.columns if out[area].isna().any()]
    if missing or len(out) != 8784:
        raise GridDataError(f"{FILE.name}: {tech} has {len(out)} hours, gaps in {missing}; 8784 without gaps expected")
    labels = pd.date_range(f"{YEAR}-01-01", periods=8784, freq="h")
    return pd.DataFrame(np.roll(out.to_numpy(), shift, axis=0), index=labels, columns=out.columns)


def _area_id(province: str) -> str:
    return "cn." + PROVINCES.get(province, province.lower())
