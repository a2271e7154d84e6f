"""Normal monthly air temperature at any place, from the 2.5 degree normals of NCEP/NCAR Reanalysis 1."""

from __future__ import annotations

import functools
import importlib.resources
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from grids.sources import ncep
from grids.variables import GridDataError

Floats = npt.NDArray[np.float64]

LAPSE_C_PER_KM: Final = 6.5
"""International Standard Atmosphere. [F]"""
ALTITUDE_STEP_M, ALTITUDE_BASE_M, ALTITUDE_NO_DATA = 28.0, -450.0, 255
"""Coding of the altitude map of pvlib: bytes of 28 m from -450 m; 255 is no data, at sea."""
ALTITUDE_CELLS_PER_DEG: Final = 12
CELL_DEG: Final = 0.5
"""Width over which the height of a place is averaged where none is given: the usual lattice of a grid file."""


def monthly_temperature_c(
    originals: Path,
    lat: npt.ArrayLike,
    lon: npt.ArrayLike,
    elevation_m: npt.ArrayLike | None = None,
    *,
    width_deg: float = CELL_DEG,
) -> Floats:
    """Normal monthly mean air temperature at any place.

    originals : Path          Folder that holds ``ncep_air_climatology``.
    lat, lon : array (n,)     Degrees north and east (-180 to 180), inside the US or the China window.
    elevation_m : array (n,)  Height of each place [m]; left out, the mean of pvlib's altitude map over
                              a square `width_deg` wide around it.
    Returns array (n, 12) [degC]. The normals are brought to sea level with 6.5 degC per km and the mean height of
    their own 2.5 degree cells (the height of the reanalysis surface, as far as it resolves mountains), interpolated
    bilinearly, and brought up to the place at the same rate.
    Raises GridDataError for a place outside both windows, or an elevation that is not finite.
    """
    north, east = np.atleast_1d(np.asarray(lat, dtype=np.float64)), np.atleast_1d(np.asarray(lon, dtype=np.float64))
    if elevation_m is None:
        height = mean_altitude_m(north, east, width_deg)
    else:
        height = np.atleast_1d(np.asarray(elevation_m, dtype=np.float64))
    if not np.isfinite(height).all():
        raise GridDataError(f"{int((~np.isfinite(height)).sum())} elevations are not finite; leave elevation_m out")
    sea_level = np.full((north.size, 12), np.nan)
    for lattice in ncep.read(originals).values():
        inside = _inside(lattice, north, east)
        if inside.any():
            points = {"lat": xr.DataArray(north[inside], dims="n"), "lon": xr.DataArray(east[inside], dims="n")}
            reduced = _at_sea_level(lattice)
            sea_level[inside] = reduced.interp(points, method="linear").transpose("n", "month").to_numpy()
    outside = ~np.isfinite(sea_level).all(axis=1)
    if outside.any():
        first = int(np.argmax(outside))
        raise GridDataError(
            f"{int(outside.sum())} places outside the temperature normals, the first {north[first]}, {east[first]}"
        )
    return sea_level - LAPSE_C_PER_KM * height[:, np.newaxis] / 1000.0


def mean_altitude_m(lat: Floats, lon: Floats, width_deg: float) -> Floats:
    """Mean height of the land and sea in a square around each place, from the altitude map in pvlib. [m]

    lat, lon : array (n,) degrees; width_deg : side of the square. Water without data counts as 0 m.
    Source: Mapzen terrain tiles (USGS 3DEP, SRTM, GMTED2010, ETOPO1) as shipped by pvlib, five arc minutes.
    """
    heights = _altitude_map()
    half = max(1, round(width_deg * ALTITUDE_CELLS_PER_DEG / 2.0))
    row = np.rint((90.0 - lat) * ALTITUDE_CELLS_PER_DEG).astype(np.int64)
    column = np.rint((lon + 180.0) * ALTITUDE_CELLS_PER_DEG).astype(np.int64)
    steps = np.arange(-half, half)
    rows = np.clip(row[:, None, None] + steps[None, :, None], 0, heights.shape[0] - 1)
    columns = (column[:, None, None] + steps[None, None, :]) % heights.shape[1]
    return np.asarray(heights[rows, columns].mean(axis=(1, 2)), dtype=np.float64)


@functools.cache
def _altitude_map() -> Floats:
    """Heights (2160, 4320) [m], rows from 90 north, columns from 180 west."""
    import netCDF4

    with netCDF4.Dataset(str(importlib.resources.files("pvlib").joinpath("data", "Altitude.h5"))) as file:
        file.set_auto_maskandscale(False)
        coded = np.asarray(file["Altitude"][:])
    return np.where(coded == ALTITUDE_NO_DATA, 0.0, coded * ALTITUDE_STEP_M + ALTITUDE_BASE_M)


def _at_sea_level(lattice: xr.DataArray) -> xr.DataArray:
    lat, lon = np.meshgrid(lattice["lat"].to_numpy(), lattice["lon"].to_numpy(), indexing="ij")
    surface = mean_altitude_m(lat.ravel(), lon.ravel(), ncep.STEP_DEG).reshape(lat.shape)
    return lattice + LAPSE_C_PER_KM * surface[np.newaxis] / 1000.0


def _inside(lattice: xr.DataArray, lat: Floats, lon: Floats) -> npt.NDArray[np.bool_]:
    south, north = float(lattice["lat"].min()), float(lattice["lat"].max())
    west, east = float(lattice["lon"].min()), float(lattice["lon"].max())
    return (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)
