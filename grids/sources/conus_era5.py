"""Reanalysis capacity factors of wide regions: ERA5 over the contiguous US, MERRA-2 by SREX region and by cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from grids.sources.hourly import checked_hours, clock_shift_hours

FOLDER = Path("era5_merra2_regional")
ERA5_FILE = FOLDER / "us_conus_top25_era5_2010_2020.parquet"
SREX_FILE = FOLDER / "srex_merra2_2015_2016.parquet"
MAP_FILE = FOLDER / "merra2_annual_mean_cf_2009_2018_global.nc"

ERA5_SOLAR_PLACE = (35.0, -111.0)
"""The best quarter of cells for solar lies in the Southwest: the place on which its clock is checked. [J]"""
SREX_SOLAR_PLACE = {"WNA": (42.0, -117.5), "CNA": (39.0, -95.0), "ENA": (36.0, -77.0)}
"""Middles of the land of the SREX regions used (Seneviratne et al. 2012, figure 3-1), rounded. [R]"""


def read(originals: Path) -> dict[str, pd.Series]:
    """Hourly factors of the best quarter of ERA5 cells in the contiguous US, 2010-2020.

    originals : Path  Folder that holds ``era5_merra2_regional``.
    Returns {"wind", "solar"}: Series (hour,) [1] naive UTC, hour-beginning, within 0-1. Both are moved by the whole
    hours that the solar series needs (attrs ``clock_shift_hours``); what the move leaves empty at an end stays out.
    """
    table = pd.read_parquet(originals / ERA5_FILE)
    start = pd.to_datetime(table["year"].astype(str) + "-01-01")
    label = pd.DatetimeIndex(start + pd.to_timedelta(table["hour_of_year_utc"], unit="h"))
    solar = pd.Series(table["solar_cf"].to_numpy(dtype=np.float64), index=label, name="ERA5 solar")
    shift = clock_shift_hours(solar, *ERA5_SOLAR_PLACE)
    return {
        tech: _moved(pd.Series(table[f"{tech}_cf"].to_numpy(dtype=np.float64), index=label), f"ERA5 {tech}", shift)
        for tech in ("wind", "solar")
    }


def read_srex(originals: Path) -> dict[tuple[str, str], pd.Series]:
    """Hourly MERRA-2 factors of the SREX regions WNA, CNA and ENA, 2015-2016, by (region, technology).

    Same form and clock rule as ``read``.
    """
    table = pd.read_parquet(originals / SREX_FILE)
    out: dict[tuple[str, str], pd.Series] = {}
    for region, place in SREX_SOLAR_PLACE.items():
        shift = clock_shift_hours(table[f"{region}_solar"].astype(np.float64), *place)
        for tech in ("wind", "solar"):
            series = table[f"{region}_{tech}"].astype(np.float64)
            out[region, tech] = _moved(series, f"MERRA-2 {region} {tech}", shift)
    return out


def _moved(series: pd.Series, name: str, shift: int) -> pd.Series:
    out = checked_hours(series, name)
    out.index = out.index + pd.Timedelta(hours=shift)
    out.attrs["clock_shift_hours"] = shift
    return out


def read_annual_wind_map(originals: Path) -> xr.DataArray:
    """Mean MERRA-2 wind factor at 100 m, 2009-2018, dims (lat, lon) [1]; an idealised curve: a relative map only."""
    with xr.open_dataset(originals / MAP_FILE) as dataset:
        return dataset["wind_cf_100m"].astype(np.float64).load()
