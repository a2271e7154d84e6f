"""Grid files: packed, atomic, the same after a round trip, and one clear error when they are damaged."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from grid_factory import tiny_grid

import grids
from capacity.cli import main
from grids import store
from grids.variables import REGISTRY

HOURLY = ("load_shape", "wind_capacity_factor", "offshore_wind_capacity_factor", "solar_capacity_factor")


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    return tiny_grid()


@pytest.fixture(scope="module")
def written(grid: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grid") / "grid.nc"
    grids.write_grid(grid, path)
    return path


def test_round_trip_keeps_names_text_and_numbers(grid: xr.Dataset, written: Path) -> None:
    back = grids.open_grid(written)
    assert set(back.data_vars) == set(grid.data_vars)
    assert set(back.coords) == set(grid.coords)
    for name, variable in grid.variables.items():
        stored = back.variables[name]
        assert stored.dims == variable.dims
        if variable.dtype.kind in "iuU":
            np.testing.assert_array_equal(stored.values, variable.values)
            assert stored.dtype.kind == variable.dtype.kind
        elif name in HOURLY:
            assert stored.dtype == np.float64
            np.testing.assert_allclose(stored.values, variable.values, rtol=0, atol=2.0**-15)
        else:
            assert stored.dtype == np.float64
            np.testing.assert_allclose(stored.values, variable.values, rtol=1e-7, atol=0)


def test_exact_zero_one_and_missing_survive_packing(tmp_path: Path) -> None:
    grid = tiny_grid()
    sun = grid["solar_capacity_factor"].values
    assert (sun == 0.0).any()
    sun[0, 12] = 1.0
    path = tmp_path / "grid.nc"
    grids.write_grid(grid, path)
    back = grids.open_grid(path)
    assert back["solar_capacity_factor"].values[0, 12] == 1.0
    np.testing.assert_array_equal(back["solar_capacity_factor"].values == 0.0, np.round(sun * 2**15) == 0)
    missing = np.isnan(grid["offshore_wind_capacity_factor"].values)
    assert missing.any()
    np.testing.assert_array_equal(np.isnan(back["offshore_wind_capacity_factor"].values), missing)


def test_load_shape_keeps_its_mean_of_one(written: Path) -> None:
    mean = grids.open_grid(written)["load_shape"].mean("hour")
    np.testing.assert_allclose(mean, 1.0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("largest", [0.3, 1.0, 1.99994, 2.0, 3.7, 7.9999])
def test_step_always_leaves_a_code_for_the_largest_value(largest: float) -> None:
    step = store._step(np.array([0.0, largest]))
    assert np.log2(step) == round(np.log2(step))
    assert round(largest / step) <= store.LARGEST_CODE
    assert step <= 2.0**-15 or round(largest / (step / 2)) > store.LARGEST_CODE


def test_a_negative_hourly_value_is_refused_not_wrapped() -> None:
    with pytest.raises(grids.GridDataError, match="must not be negative"):
        store._step(np.array([0.2, -0.1]))


def test_the_same_grid_gives_the_same_bytes(grid: xr.Dataset, written: Path, tmp_path: Path) -> None:
    grids.write_grid(grid, tmp_path / "again.nc")
    assert (tmp_path / "again.nc").read_bytes() == written.read_bytes()


def test_hash_follows_content_not_encoding(grid: xr.Dataset, written: Path, tmp_path: Path) -> None:
    expected = grids.grid_hash(grid)
    back = grids.open_grid(written)
    assert grids.grid_hash(back) == expected
    plain = {n: v.astype(object) if v.dtype.kind == "U" else v for n, v in back.variables.items()}
    objects = back.assign(plain)  # Zarr has no stable type for fixed-width text
    objects.to_zarr(tmp_path / "grid.zarr", consolidated=False)
    assert grids.grid_hash(grids.open_grid(tmp_path / "grid.zarr")) == expected
    described = grid.assign_attrs(title="another title")
    assert grids.grid_hash(described) == expected


@pytest.mark.parametrize("name", ["load_shape", "nameplate_mw", "area_name", "weather_year"])
def test_hash_changes_with_one_value(grid: xr.Dataset, name: str) -> None:
    changed = grid.copy(deep=True)
    flat = changed[name].values
    flat.flat[0] = {"U": "X", "f": 0.0, "i": 1990}[flat.dtype.kind]
    assert grids.grid_hash(changed) != grids.grid_hash(grid)


def test_file_follows_cf(written: Path) -> None:
    with xr.open_dataset(written, decode_times=False) as ds:
        assert ds.attrs["Conventions"] == "CF-1.11"
        assert {"title", "history", "license", "source", "references"} <= set(ds.attrs)
        assert "cell_lat" in ds["cell_nameplate_mw"].coords
        assert ds["cell_lat"].attrs["standard_name"] == "latitude"
        for name, variable in ds.variables.items():
            assert variable.attrs["long_name"] == REGISTRY[str(name)].doc
    with xr.open_dataset(written, mask_and_scale=False, decode_times=False) as raw:
        assert {raw[name].dtype for name in HOURLY} == {np.dtype("uint16")}
        assert raw["nameplate_mw"].dtype == np.float32


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_cut_short_is_one_clear_error(written: Path, tmp_path: Path, share: float) -> None:
    cut = tmp_path / "cut.nc"
    content = written.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(grids.GridDataError, match=r"cut\.nc: cannot be read.*fetch or export") as caught:
        grids.open_grid(cut)
    assert "\n" not in str(caught.value)


def test_damage_inside_a_file_is_noticed(written: Path, tmp_path: Path) -> None:
    content = bytearray(written.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    damaged = tmp_path / "damaged.nc"
    damaged.write_bytes(content)
    with pytest.raises(grids.GridDataError, match=r"damaged\.nc"):
        grids.open_grid(damaged)


def test_missing_file_wrong_kind_and_text_file(tmp_path: Path) -> None:
    with pytest.raises(grids.GridDataError, match="no such file"):
        grids.open_grid(tmp_path / "nowhere.nc")
    with pytest.raises(grids.GridDataError, match=r"\.nc file or a \.zarr store, got '\.csv'"):
        grids.open_grid(tmp_path / "table.csv")
    (tmp_path / "text.nc").write_text("not a grid")
    with pytest.raises(grids.GridDataError, match=r"text\.nc: cannot be read"):
        grids.open_grid(tmp_path / "text.nc")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(grids.GridDataError, match=r"empty\.zarr: cannot be read"):
        grids.open_grid(tmp_path / "empty.zarr")


def test_wrong_unit_names_file_and_variable(grid: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "unit.nc"
    wrong = grid.copy(deep=True)
    wrong["nameplate_mw"].attrs["units"] = "GW"
    wrong.to_netcdf(path)
    with pytest.raises(grids.GridDataError, match=r"unit\.nc: 'nameplate_mw': must be in 'MW', got units='GW'"):
        grids.open_grid(path)


def test_an_invalid_grid_is_not_written(grid: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "grid.nc"
    with pytest.raises(grids.GridDataError, match="peak_load_mw"):
        grids.write_grid(grid.drop_vars("peak_load_mw"), path)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(
    grid: xr.Dataset, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grid.nc"
    shutil.copy(written, path)

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(grids.GridDataError, match="No space left on device"):
        grids.write_grid(grid, path)
    assert path.read_bytes() == written.read_bytes()
    assert [item.name for item in tmp_path.iterdir()] == ["grid.nc"]


def test_an_unwritable_place_is_one_clear_error(grid: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(grids.GridDataError, match="cannot write there"):
        grids.write_grid(grid, tmp_path / "file" / "grid.nc")


@pytest.mark.parametrize("command", [["build", "--originals", "."], ["import-cf", "none.nc", "--technology", "wind"]])
@pytest.mark.parametrize(
    ("out", "words"), [("file/grid.nc", "cannot write there"), ("folder.nc", "is a folder"), ("grid.txt", "a .nc file")]
)
def test_where_a_grid_cannot_go_is_told_before_the_work(
    command: list[str], out: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.nc").mkdir()
    done = CliRunner().invoke(main, ["grids", *command, "--out", out])
    assert done.exit_code == 1
    assert words in done.output


def test_tiny_grid_is_the_same_for_one_seed_and_differs_between_seeds() -> None:
    assert grids.grid_hash(tiny_grid(3)) == grids.grid_hash(tiny_grid(3))
    assert grids.grid_hash(tiny_grid(3)) != grids.grid_hash(tiny_grid(4))
