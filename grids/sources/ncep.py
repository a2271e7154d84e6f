"""Monthly normal air temperature near the surface, NCEP/NCAR Reanalysis 1, 2.5 degrees (NOAA PSL)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from grids.variables import GridDataError

FOLDER = Path("ncep_air_climatology")
FILES = {"us": "air_sig995_monthly_us_2p5deg.csv", "cn": "air_sig995_monthly_china_2p5deg.csv"}
STEP_DEG = 2.5


def read(originals: Path) -> dict[str, xr.DataArray]:
    """Long-term monthly mean air temperature at sigma 0.995.

    originals : Path  Folder that holds ``ncep_air_climatology``.
    Returns {"us", "cn"}: DataArray (month, lat, lon) [degC]; lat and lon ascending, lon in -180..180 degrees east.
    Raises GridDataError when a window is not a full lattice or a value lies outside -60..50.
    """
    return {window: _lattice(originals / FOLDER / name) for window, name in FILES.items()}


def _lattice(path: Path) -> xr.DataArray:
    table = pd.read_csv(path)
    lat = np.unique(table["lat"].to_numpy(dtype=np.float64))
    lon = np.unique(table["lon"].to_numpy(dtype=np.float64))
    months = [str(month) for month in range(1, 13)]
    full = len(table) == lat.size * lon.size and not table.duplicated(["lat", "lon"]).any()
    if not full or not (np.allclose(np.diff(lat), STEP_DEG) and np.allclose(np.diff(lon), STEP_DEG)):
        raise GridDataError(f"{path.name}: not a full {STEP_DEG} degree lattice")
    values = table.sort_values(["lat", "lon"])[months].to_numpy(dtype=np.float64)
    if not (np.isfinite(values).all() and values.min() > -60.0 and values.max() < 50.0):
        raise GridDataError(f"{path.name}: temperature missing or outside -60..50 degC")
    cube = values.reshape(lat.size, lon.size, 12).transpose(2, 0, 1)
    east = np.where(lon > 180.0, lon - 360.0, lon)
    coords = {"month": np.arange(1, 13), "lat": lat, "lon": east}
    return xr.DataArray(cube, coords=coords, dims=("month", "lat", "lon"), attrs={"units": "degC"})
