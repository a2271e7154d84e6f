"""Hourly wind and solar factors of the 31 provinces from ERA5, weather year 2020 (PyPSA-China-THU, atlite).

The publisher's air temperature is damaged: where a grid cell passes about 27.5 degC its packed number overflows and it
reads 69 degC colder. Solar modules were computed on that field, so their output is too high in those hours. The share
of people (the weights of the provincial mean) in wrapped cells shows in the fall of the mean below what the days
around it say, and solar output is divided by 1 + 0.31 times that share.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from grids.sources.hourly import checked_hours, clock_shift_hours
from grids.variables import GridDataError

FILE = Path("china_province_era5_2020") / "china_province_hourly_cf_2020.parquet"
TEMPERATURE_FILE = Path("china_province_era5_2020") / "province_temperature_2020_RAW_CORRUPT_above_27C.parquet"
YEAR = 2020
WRAP_C = 69.0
"""Fall of a cell's temperature where its packed number overflows: the range of the number. [P]"""
LEAST_FALL_C = 13.0
"""Falls of the provincial mean up to this are weather. [J]"""
SOUND_FROM_C = 15.0
WINDOW_HOURS, WINDOW_QUANTILE = 337, 0.75
"""What an hour should have: the upper quartile of the hours from 15 degC up within a week before and after. [J]"""
GAIN_PER_SHARE = 0.31
"""Output of a wholly wrapped province over that of a sound one, less 1: chosen so that the steps of output at the hour
in which wrapping sets in are like those of other days. [J]"""
TECHNOLOGIES = {"onwind": "wind", "offwind": "offshore_wind", "solar": "solar"}
PROVINCES = {"InnerMongolia": "inner_mongolia"}
"""Names that are not simply lower case in our ids."""


def read(originals: Path, places: dict[str, tuple[float, float]]) -> dict[str, pd.DataFrame]:
    """Hourly factors by technology, one column per province.

    originals : Path  Folder that holds ``china_province_era5_2020``.
    places : dict     Area id -> (lat, lon) on which the clock of the province's solar series is checked.
    Returns {"wind", "offshore_wind", "solar"}: DataFrame (8784 hours, province) [1] on the naive UTC hours of 2020,
    columns area ids. The published labels are Beijing time; the eight hours that fall into 31 December 2019 UTC stand
    in for the last eight of 2020. Solar is corrected for the damaged temperature field.
    attrs["clock_shift_hours"] maps each area to the shift that its own solar series asks for.
    Raises GridDataError when the clocks of the provinces disagree, or for duplicates, gaps or values out of range.
    """
    table = pd.read_parquet(originals / FILE)
    frames: dict[str, pd.DataFrame] = {}
    for published, tech in TECHNOLOGIES.items():
        rows = table[table["tech"] == published]
        frame = rows.pivot(index="time", columns="province", values="cf").astype(np.float64)
        frame.columns = pd.Index([_area_id(str(name)) for name in frame.columns])
        frames[tech] = frame.dropna(axis="columns", how="all")
    frames["solar"] = frames["solar"] / (1.0 + GAIN_PER_SHARE * _wrapped(originals, frames["solar"]))
    shifts = {area: clock_shift_hours(frames["solar"][area], *places[area]) for area in frames["solar"].columns}
    common = pd.Series(shifts).mode().iloc[0]
    odd = {area: shift for area, shift in shifts.items() if shift != common}
    if odd:
        raise GridDataError(f"{FILE.name}: solar clocks disagree with the {common} h of the rest: {odd}")
    for tech, frame in frames.items():
        frames[tech] = _to_utc_year(frame, tech, int(common))
        frames[tech].attrs["clock_shift_hours"] = shifts
    return frames


def _wrapped(originals: Path, solar: pd.DataFrame) -> pd.DataFrame:
    """Share of wrapped cells, by people, in the hours and provinces of `solar`. [1]"""
    temperature = pd.read_parquet(originals / TEMPERATURE_FILE).astype(np.float64)
    temperature.columns = pd.Index([_area_id(str(name)) for name in temperature.columns])
    missing = sorted(set(solar.columns) - set(temperature.columns))
    if missing or not temperature.index.equals(solar.index):
        raise GridDataError(f"{TEMPERATURE_FILE.name}: hours differ from those of {FILE.name}, or no {missing}")
    return wrapped_share(temperature[list(solar.columns)])


def wrapped_share(temperature: pd.DataFrame) -> pd.DataFrame:
    """Share of a province in wrapped cells from its mean temperature (hour, province) [degC]: 0 where the mean is less
    than 13 degC below what the days around it say, else that fall over 69 degC, at most 1."""
    sound = temperature.where(temperature >= SOUND_FROM_C)
    usual = sound.rolling(WINDOW_HOURS, center=True, min_periods=1).quantile(WINDOW_QUANTILE)
    fall = usual - temperature
    return (fall / WRAP_C).where(fall > LEAST_FALL_C, 0.0).clip(0.0, 1.0)


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
