"""The result on disk: what old readers of NetCDF ask of a file, and that nothing is lost on the way there and back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from grid_factory import tiny_grid

import capacity
import scenarios
from capacity import CapacityError, open_result
from capacity.output import run_folder
from capacity.result import netcdf

CLASSIC = {"int8", "|S1", "int16", "int32", "float32", "float64"}
"""Types that every reader of NetCDF knows (the classic model)."""


@pytest.fixture(scope="module")
def result() -> xr.Dataset:
    chosen = scenarios.load(["reference", "us-flexible-load"])
    return capacity.estimate(tiny_grid(), chosen, years=[2025, 2026], draws=4, seed=3)


@pytest.fixture(scope="module")
def path(result: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("file") / "result.nc"
    run_folder.write_result(result, target)
    return target


def test_nothing_is_lost_on_the_way(result: xr.Dataset, path: Path) -> None:
    with open_result(path) as back:
        assert set(back.variables) == set(result.variables)
        for name, values in result.variables.items():
            read = back.variables[name]
            assert read.dims == values.dims, name
            if values.dtype.kind == "f":
                rtol = 1e-6 if str(name).startswith("cell_") else 0.0
                np.testing.assert_allclose(read.to_numpy(), values.to_numpy(), rtol=rtol, err_msg=str(name))
            else:
                assert read.to_numpy().tolist() == values.to_numpy().tolist(), name
            assert read.attrs.get("units") == values.attrs.get("units"), name
        assert float(back["hostable_mw"].sel(scenario="reference", country="US", year=2026, draw=1)) > 0.0
        assert set(back.coords) == set(result.coords)


def test_types_are_those_that_every_reader_knows(path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        assert {str(v.dtype) for v in file.variables.values()} <= CLASSIC
        assert all(isinstance(file.getncattr(n), (str, np.int32, float)) for n in file.ncattrs())
        assert not any(len(v.dimensions) > 1 and n in file.dimensions for n, v in file.variables.items())


def test_every_variable_is_described_as_cf_asks(path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        assert file.Conventions == "CF-1.11"
        assert "4 draws, seed 3" in file.history
        for name, variable in file.variables.items():
            assert variable.long_name, name
            text = variable.dtype.kind == "S" or name == netcdf.CELL_POINT
            assert text or variable.units in netcdf.UDUNITS, name
            assert "coordinates" not in variable.ncattrs(), name
        for name in set(file.dimensions) & set(file.variables):
            values = file.variables[name][:]
            assert "_FillValue" not in file.variables[name].ncattrs(), name
            assert (np.diff(values) > 0).all(), f"{name} rises"
        assert file.variables["load_mwh"].counted_in == "MWh"


def test_cells_say_where_they_lie(path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        on_cells = [v for n, v in file.variables.items() if "cell" in v.dimensions and v.dtype.kind == "f"]
        tied = [v for v in on_cells if v.name not in ("cell_lat", "cell_lon")]
        assert len(tied) >= 3
        for variable in tied:
            point = file.variables[variable.geometry]
            assert point.geometry_type == "point"
            axes = [file.variables[name].axis for name in point.node_coordinates.split()]
            assert axes == ["X", "Y"]


def test_cells_in_the_file_add_up_to_areas(path: Path) -> None:
    with open_result(path) as back:
        cells = back["cell_hostable_mw_mean"].load()
        owner = back["cell_area_id"].to_numpy()
        areas = back["area_hostable_mw_mean"].load()
        for area in areas["area"].to_numpy():
            total = cells.isel(cell=np.flatnonzero(owner == area)).sum("cell")
            np.testing.assert_allclose(total, areas.sel(area=area), rtol=1e-9)


def test_plain_xarray_opens_it_without_a_warning(path: Path) -> None:
    with xr.open_dataset(path) as plain:
        assert plain["scenario_label"].to_numpy().astype(str).tolist() == ["reference", "us-flexible-load"]
        assert plain["hostable_mw"].dims == ("scenario", "year", "draw", "country")


def test_unknown_units_and_large_seeds_have_a_form() -> None:
    data = xr.Dataset({"x": ("k", [1.0], {"units": "busd"})}, {"k": ["a"]}, {"seed": np.uint64(2**63), "odd": True})
    stored, encoding = netcdf.to_file(data)
    assert (stored["x"].attrs["units"], stored["x"].attrs["counted_in"]) == ("1", "busd")
    assert stored.attrs == {"seed": str(2**63), "odd": "True"}
    assert encoding["k_label"]["dtype"] == "S1"
    back = netcdf.from_file(stored)
    assert back["x"].attrs == {"units": "busd"}
    assert back["k"].to_numpy().tolist() == ["a"]


def test_what_is_no_result_is_said_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "result.nc"
    broken.write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    with pytest.raises(CapacityError, match=r"result\.nc: cannot be read") as caught:
        open_result(broken)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(shutil.which("ncdump") is None, reason="ncdump is not installed")
def test_ncdump_reads_all_of_it(path: Path) -> None:
    done = subprocess.run(["ncdump", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
