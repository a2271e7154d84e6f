"""The embedded grid itself: complete, small enough, in step with published totals and with the list of sources."""

from __future__ import annotations

import importlib.resources
import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import grids
from grids import cli, info, store
from grids.build.bundle import LARGEST_BYTES
from grids.provenance import required_files, sources


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    return grids.open_grid()


def test_it_is_small_enough_to_ship() -> None:
    size = len(importlib.resources.files("grids").joinpath(*store.BUNDLE).read_bytes())
    assert 1_000_000 < size < LARGEST_BYTES


def test_every_area_and_profile_is_there(grid: xr.Dataset) -> None:
    assert grid["area"].values.tolist() == [area.id for area in grids.AREAS]
    assert tuple(grid["technology"].values) == grids.TECHNOLOGIES
    us = [f"{area.id}/{year}" for area in grids.AREAS if area.country == "US" for year in range(2020, 2025)]
    cn = [f"{area.id}/2020" for area in grids.AREAS if area.country == "CN"]
    assert grid["profile"].values.tolist() == us + cn
    assert set(grid["cell_area_id"].values.tolist()) == set(grid["area"].values.tolist())


def test_packing_keeps_the_mean_of_load_shapes(grid: xr.Dataset) -> None:
    np.testing.assert_allclose(grid["load_shape"].mean("hour"), 1.0, rtol=0, atol=1e-4)


def test_published_totals_are_met(grid: xr.Dataset) -> None:
    rows = info.known_totals(grid)
    wrong = [(row.known.id, row.computed, row.difference) for row in rows if row.verdict != "agrees"]
    assert wrong == []


def test_records_say_observed_modelled_or_borrowed(grid: xr.Dataset) -> None:
    assert all(row["other"] == 0 for row in info.records(grid))


def test_every_source_is_on_the_list_and_every_input_has_a_checksum(grid: xr.Dataset) -> None:
    assert set(store.source_ids(grid)) <= set(sources())
    inputs = dict(reversed(line.split("  ", 1)) for line in grid.attrs["input_sha256"].splitlines())
    expected = {file.path: file.sha256 for _, file in required_files()}
    assert set(inputs) == set(expected)
    exact = {path: digest for path, digest in expected.items() if digest}
    assert {path: inputs[path] for path in exact} == exact


def test_nothing_of_the_machine_that_built_it_is_inside(grid: xr.Dataset) -> None:
    texts = [str(value) for value in grid.attrs.values()]
    texts += [str(value) for variable in grid.variables.values() for value in variable.attrs.values()]
    assert [text for text in texts if "/tmp" in text or "/home" in text or "/root" in text] == []


def test_info_of_the_embedded_grid_as_json() -> None:
    result = CliRunner().invoke(cli.grids, ["info", "--json"])
    assert result.exit_code == 0
    document = json.loads(result.output)
    assert document["grid"] == "embedded"
    assert [row["areas"] for row in document["coverage"]] == [18, 31]


def test_a_missing_bundle_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUNDLE", ("bundle", "nowhere.nc"))
    with pytest.raises(grids.GridDataError, match="the embedded grid is missing; reinstall gridflops, or build it"):
        grids.open_grid()
