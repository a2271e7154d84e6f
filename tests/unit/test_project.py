"""`gridflops project`: places, sums of cells, history joined on, blocks of draws."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity.errors import CapacityError
from capacity.project import figure as projection_figure
from capacity.project import grid as projection_grid
from capacity.project import place as projection
from capacity.project.cli import project
from capacity.supply.fleet import Fleet
from scenarios import load

YEARS = range(2025, 2036)


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def scenario():
    return load(["reference"])[0]


def run(grid, scenario, where, draws=30, threads=None):
    place = projection.find_place(grid, where)
    return projection.project(grid, place, scenario, years=YEARS, draws=draws, seed=9, threads=threads)


def test_areas_add_up_to_the_country_and_cells_to_their_area(grid, scenario):
    fleet = Fleet.of(grid, "US")
    country = run(grid, scenario, "US").nameplate_mw
    areas = [run(grid, scenario, area).nameplate_mw for area in fleet.areas]
    np.testing.assert_allclose(sum(areas), country, rtol=1e-9)
    owner = grid["cell_area_id"].to_numpy()
    cells = np.flatnonzero(owner == fleet.areas[0])
    total = sum(
        projection.project(
            grid, projection.Place("cell", "US", fleet.areas[0], int(cell)), scenario, years=YEARS, draws=30, seed=9
        ).nameplate_mw
        for cell in cells
    )
    np.testing.assert_allclose(total, areas[0], rtol=1e-9)


def test_base_year_equals_the_grid(grid, scenario):
    found = run(grid, scenario, "CN")
    assert found.history_years[-1] == 2024
    np.testing.assert_allclose(found.history_mw[:, -1], Fleet.of(grid, "CN").history_mw[..., -1].sum(axis=0))
    rows = projection.table(found, (2030,))
    assert {row["technology"] for row in rows} == {*found.technologies, "total"}
    assert all(row["p10_gw"] <= row["p50_gw"] <= row["p90_gw"] for row in rows)


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_of_draws_and_threads_change_nothing(grid, scenario, monkeypatch, threads):
    whole = run(grid, scenario, "US")
    monkeypatch.setattr(projection, "BLOCK", 7)
    cut = run(grid, scenario, "US", threads=threads)
    np.testing.assert_array_equal(cut.nameplate_mw, whole.nameplate_mw)
    np.testing.assert_array_equal(cut.expert_share, whole.expert_share)


def test_expert_shares_sum_to_one(grid, scenario):
    np.testing.assert_allclose(run(grid, scenario, "CN").expert_share.sum(axis=0), 1.0)


def test_cells_of_the_grid_add_up_and_quantiles_are_ordered(grid, scenario):
    cells = projection_grid.on_grid(grid, scenario, years=(2030,), draws=20, seed=9)
    country = run(grid, scenario, "US", draws=20).nameplate_mw[:, :, 5].mean(axis=0)
    american = np.array([name.startswith("us.") for name in cells["area"].values])
    mean = cells["nameplate_mean_mw"].isel(year=0).values[:, american].sum(axis=1)
    np.testing.assert_allclose(mean, country, rtol=1e-9)
    assert (np.diff(cells["nameplate_mw"].values, axis=0) >= -1e-9).all()


def test_unknown_places_name_the_known_ones(grid):
    with pytest.raises(CapacityError, match=r"us\.nyiso"):
        projection.find_place(grid, "atlantis")
    with pytest.raises(CapacityError, match="no cell"):
        projection.find_place(grid, "0,0")
    lat, lon = float(grid["cell_lat"][0]), float(grid["cell_lon"][0])
    assert projection.find_place(grid, f"{lat},{lon}").cell == 0


def test_figure_is_written_and_repeats(grid, scenario, tmp_path):
    found = run(grid, scenario, "us.nyiso")
    for name in ("a.png", "b.png"):
        projection_figure.draw(found, tmp_path / name, "Source: test.")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_command_writes_dataset_and_figure(grid, tmp_path, monkeypatch):
    monkeypatch.setattr("grids.open_grid", lambda path=None, areas="us-areas": tiny_grid())
    arguments = ["--where", "CN", "--years", "2025-2030", "--draws", "12", "--out", str(tmp_path), "--json", "--grid"]
    done = CliRunner().invoke(project, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    report = json.loads(done.output[done.output.index("{") :])
    assert report["outlooks"]
    with xr.open_dataset(tmp_path / "supply.nc") as written:
        assert written["nameplate_mw"].dims == ("quantile", "technology", "year")
        assert written.attrs["Conventions"] == "CF-1.11"
    with xr.open_dataset(tmp_path / "supply_cells.nc") as cells:
        assert cells["nameplate_mw"].attrs["units"] == "MW"
    assert (tmp_path / "supply_map_solar_2030.png").stat().st_size > 10_000
    assert (tmp_path / "supply.png").stat().st_size > 10_000
