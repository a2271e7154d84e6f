"""Two rasters that steer siting: population of China, and the yearly wind and solar resource of MERRA-2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from grids.sources.checks import original
from grids.variables import GridDataError

Floats = NDArray[np.float64]


def china_population_density(originals: Path) -> xr.DataArray:
    """People per km2 on 0.2 degree points, (lat, lon) ascending; NaN outside China.

    Source: PyPSA-China-PIK ``pop_density_china.nc`` (CC0/CC-BY); sums to 1.34 billion people.
    """
    with xr.open_dataset(original(originals, "pypsa_china_pik/pop_density_china.nc")) as file:
        density = file["pop_density"].rename({"x": "lon", "y": "lat"}).transpose("lat", "lon").load()
    return density.sortby("lat").sortby("lon").astype(np.float64)


def mean_capacity_factor(originals: Path, technology: str) -> xr.DataArray:
    """Mean yearly capacity factor 2009-2018 of "wind" (100 m, idealised curve) or "solar", (lat, lon) ascending.

    A relative map: the wind curve has no losses. Source: MERRA-2 (NASA) by Create_Wind_and_Solar_Resource_Files.
    """
    names = {"wind": "wind_cf_100m", "solar": "solar_cf"}
    if technology not in names:
        raise GridDataError(f"no resource map for {technology!r}; known: {sorted(names)}")
    path = original(originals, "era5_merra2_regional/merra2_annual_mean_cf_2009_2018_global.nc")
    with xr.open_dataset(path) as file:
        return file[names[technology]].transpose("lat", "lon").load().astype(np.float64)


def mean_in_squares(raster: xr.DataArray, lat: Floats, lon: Floats, degrees: float, points: int = 5) -> Floats:
    """Mean of a (lat, lon) raster over squares around points, by bilinear sampling.

    ``lat``, ``lon``: square centres, (cell,) [degree]; ``degrees``: side. ``points`` x ``points`` samples a square;
    samples that the raster does not know are left out of the mean. Returns (cell,), NaN where it knows none.
    """
    from scipy.interpolate import RegularGridInterpolator

    axes = (raster["lat"].to_numpy(), raster["lon"].to_numpy())
    known = np.isfinite(raster.to_numpy())
    values = RegularGridInterpolator(axes, np.where(known, raster.to_numpy(), 0.0), bounds_error=False)
    weights = RegularGridInterpolator(axes, known.astype(np.float64), bounds_error=False, fill_value=0.0)
    values.fill_value = 0.0
    steps = ((np.arange(points) + 0.5) / points - 0.5) * degrees
    total, weight = np.zeros(lat.shape), np.zeros(lat.shape)
    for north in steps:
        for east in steps:
            at = np.column_stack([lat + north, lon + east])
            total += values(at)
            weight += weights(at)
    mean: Floats = np.divide(total, weight, out=np.full(lat.shape, np.nan), where=weight > 0.0)
    return mean


def nearest_known(raster: xr.DataArray, lat: Floats, lon: Floats) -> Floats:
    """Value of the nearest raster point that holds one, (cell,); distances in degrees."""
    from scipy.spatial import cKDTree

    rows, columns = np.nonzero(np.isfinite(raster.to_numpy()))
    points = np.column_stack([raster["lat"].to_numpy()[rows], raster["lon"].to_numpy()[columns]])
    found = cKDTree(points).query(np.column_stack([lat, lon]))[1]
    values: Floats = raster.to_numpy()[rows[found], columns[found]]
    return values
