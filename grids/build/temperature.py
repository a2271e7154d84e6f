"""Normal monthly air temperature at any place, from the 2.5 degree normals of NCEP/NCAR Reanalysis 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from grids.sources import ncep
from grids.variables import GridDataError

Floats = npt.NDArray[np.float64]

LAPSE_C_PER_KM = 6.5
"""International Standard Atmosphere. [F]"""


def monthly_temperature_c(
    originals: Path,
    lat: npt.ArrayLike,
    lon: npt.ArrayLike,
    elevation_m: npt.ArrayLike | None = None,
    reference_elevation_m: npt.ArrayLike | None = None,
) -> Floats:
    """Normal monthly mean air temperature, bilinear between the lattice points.

    originals : Path             Folder that holds ``ncep_air_climatology``.
    lat, lon : array (n,)        Degrees north and east (-180 to 180), inside the US or the China window.
    elevation_m : array (n,)     Height of each place; NaN where unknown, which leaves that place uncorrected. [m]
    reference_elevation_m : array (n,)  Height of the reanalysis surface there (the mean height over its 2.5 degree
                                 cell); required with ``elevation_m``. [m]
    Returns array (n, 12) [degC]. With elevations, minus 6.5 degC per km of place over reference height.
    Raises GridDataError for a place outside both windows or an elevation without its reference.
    """
    north, east = (
        np.atleast_1d(np.asarray(lat, dtype=np.float64)),
        np.atleast_1d(np.asarray(lon, dtype=np.float64)),
    )
    if (elevation_m is None) != (reference_elevation_m is None):
        raise GridDataError("an elevation is corrected against the reanalysis surface: give both heights or neither")
    out = np.full((north.size, 12), np.nan)
    for lattice in ncep.read(originals).values():
        inside = _inside(lattice, north, east)
        if inside.any():
            points = {
                "lat": xr.DataArray(north[inside], dims="n"),
                "lon": xr.DataArray(east[inside], dims="n"),
            }
            out[inside] = lattice.interp(points, method="linear").transpose("n", "month").to_numpy()
    outside = ~np.isfinite(out).all(axis=1)
    if outside.any():
        first = int(np.argmax(outside))
        raise GridDataError(
            f"{int(outside.sum())} places outside the temperature normals, first {north[first]}, {east[first]}"
        )
    if elevation_m is None or reference_elevation_m is None:
        return out
    above_km = (
        np.asarray(elevation_m, dtype=np.float64) - np.asarray(reference_elevation_m, dtype=np.float64)
    ) / 1000.0
    # An unknown height leaves the place as the lattice has it: no correction is better than a guessed one.
    known = np.isfinite(above_km)
    out[known] -= LAPSE_C_PER_KM * above_km[known, np.newaxis]
    return out


def _inside(lattice: xr.DataArray, lat: Floats, lon: Floats) -> npt.NDArray[np.bool_]:
    south, north = float(lattice["lat"].min()), float(lattice["lat"].max())
    west, east = float(lattice["lon"].min()), float(lattice["lon"].max())
    return (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)
