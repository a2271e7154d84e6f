"""A user's own factors: accepted as atlite writes them, refused with every reason at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from grid_factory import tiny_grid

import grids
from grids.import_cf import import_capacity_factors
from grids.variables import GridDataError


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    return tiny_grid()


def factors(labels: list[str], year: int = 2020, dim: str = "dim_0") -> xr.DataArray:
    """An array as atlite's shapes= and per_unit=True give it: (shape index, time), float32."""
    time = pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h")
    rng = np.random.default_rng(7)
    values = rng.uniform(0.0, 1.0, (len(labels), time.size)).astype(np.float32)
    return xr.DataArray(values, coords={dim: labels, "time": time}, dims=(dim, "time"), attrs={"units": "p.u."})


@pytest.mark.parametrize("suffix", ["nc", "zarr"])
def test_profile_of_the_same_year_is_replaced_and_leap_day_dropped(
    grid: xr.Dataset, tmp_path: Path, suffix: str
) -> None:
    array = factors(["us.ercot", "Jiangsu", "甘肃"])
    path = tmp_path / f"own.{suffix}"
    if suffix == "zarr":
        array.to_dataset(name="cf").to_zarr(path, zarr_format=2)
    else:
        array.to_netcdf(path)
    got = import_capacity_factors(grid, path, "wind")
    grids.validate(got)
    row = got.sel(profile="us.ercot/2020")
    day = array.sel(dim_0="us.ercot").to_numpy().astype(float)
    np.testing.assert_allclose(row["wind_capacity_factor"], np.delete(day, slice(59 * 24, 60 * 24)), atol=1e-7)
    assert row["wind_record"].item().startswith(f"user: own.{suffix}, sha256 ")
    assert len(row["wind_record"].item().split()[-1]) == 64
    untouched = got.sel(profile="us.nyiso/2020")["wind_capacity_factor"]
    np.testing.assert_array_equal(untouched, grid.sel(profile="us.nyiso/2020")["wind_capacity_factor"])
    assert "own-data" not in grid["wind_capacity_factor"].attrs["source"]


def test_a_year_without_profile_replaces_its_pair_or_adds_a_profile(grid: xr.Dataset, tmp_path: Path) -> None:
    paired = grid.copy(deep=True)
    paired["vre_year"][paired["profile"].to_numpy().tolist().index("us.caiso/2021")] = 2016
    path = tmp_path / "own.nc"
    factors(["caiso", "ercot"], year=2016).transpose("time", "dim_0").to_netcdf(path)
    got = import_capacity_factors(paired, path, "offshore_wind")
    grids.validate(got)
    assert "us.caiso/2016" not in got["profile"]
    assert "Offshore user: own.nc" in got.sel(profile="us.caiso/2021")["wind_record"].item()
    profiles = got["profile"].to_numpy().tolist()
    assert profiles.index("us.ercot/2016") == profiles.index("us.ercot/2020") - 1
    new = got.sel(profile="us.ercot/2016")
    assert int(new["vre_year"]) == int(new["weather_year"]) == 2016
    assert "shape of 2020" in new["load_record"].item()
    np.testing.assert_array_equal(new["load_shape"], grid.sel(profile="us.ercot/2020")["load_shape"])
    assert got.sizes["profile"] == grid.sizes["profile"] + 1


def test_every_problem_is_named_at_once(grid: xr.Dataset, tmp_path: Path) -> None:
    array = factors(["us.ercott", "us.nyiso", "us.caiso"]).isel(time=slice(0, 8783))
    array.attrs["units"] = "MW"
    array.values[1, 5] = np.nan
    array.values[2, 5] = 17.0
    path = tmp_path / "bad.nc"
    array.to_netcdf(path)
    with pytest.raises(GridDataError) as caught:
        import_capacity_factors(grid, path, "wind")
    text = str(caught.value)
    for part in ("us.ercott", "nearest: us.ercot", "8783 of 8784", "MW", "per_unit=True"):
        assert part in text
    array = factors(["us.nyiso", "us.caiso"])
    array.values[0, 5] = np.nan
    array.values[1, 5] = 17.0
    array.to_netcdf(tmp_path / "values.nc")
    with pytest.raises(
        GridDataError, match=r"us.nyiso 2020: 1 hours have no value[\s\S]*us.caiso 2020: values .* to 17"
    ):
        import_capacity_factors(grid, tmp_path / "values.nc", "wind")


def test_half_hours_cells_and_missing_files_are_refused(grid: xr.Dataset, tmp_path: Path) -> None:
    late = factors(["us.ercot"])
    late = late.assign_coords(time=late["time"] + np.timedelta64(30, "m"))
    late.to_netcdf(tmp_path / "late.nc")
    with pytest.raises(GridDataError, match="no whole hour"):
        import_capacity_factors(grid, tmp_path / "late.nc", "wind")
    cells = xr.DataArray(np.zeros((8760, 2, 2)), dims=("time", "y", "x"), name="cf")
    cells.assign_coords(time=pd.date_range("2019-01-01", periods=8760, freq="h")).to_netcdf(tmp_path / "cells.nc")
    with pytest.raises(GridDataError, match="shapes="):
        import_capacity_factors(grid, tmp_path / "cells.nc", "wind")
    with pytest.raises(GridDataError, match="no such file"):
        import_capacity_factors(grid, tmp_path / "absent.nc", "wind")
    (tmp_path / "broken.nc").write_bytes(b"CDF no more")
    with pytest.raises(GridDataError, match="cannot be read"):
        import_capacity_factors(grid, tmp_path / "broken.nc", "wind")
    with pytest.raises(GridDataError, match="offshore_wind"):
        import_capacity_factors(grid, tmp_path / "late.nc", "tidal")


def test_solar_in_local_time_is_refused_with_the_shift(grid: xr.Dataset, tmp_path: Path) -> None:
    array = factors(["us.ercot"], year=2021)
    hour = array["time"].dt.hour.to_numpy()
    for name, centre in (("utc", 18.0), ("local", 12.0)):
        array.values[0] = np.maximum(0.0, np.cos((hour + 0.5 - centre - 0.55) * np.pi / 12.0))
        array.to_netcdf(tmp_path / f"{name}.nc")
    grids.validate(import_capacity_factors(grid, tmp_path / "utc.nc", "solar"))
    with pytest.raises(GridDataError, match=r"shift of \+6 h"):
        import_capacity_factors(grid, tmp_path / "local.nc", "solar")
