"""Coverage, published totals, records, the `grids` commands, and the merging of parts into a bundle."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from grid_factory import tiny_grid

import grids
from grids import cli, info
from grids.build import bundle
from grids.provenance import required_files, sources
from grids.variables import GridDataError


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    return tiny_grid()


@pytest.fixture(scope="module")
def grid_file(grid: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("info") / "grid.nc"
    grids.write_grid(grid, path)
    return path


def _known(**changes: object) -> info.KnownTotal:
    base = info.KnownTotal(
        id="x", country="US", year=2024, what="Load", measure="load_twh", unit="TWh", low=100.0, high=110.0,
        tolerance=0.05, label="F", check="summed", source="eia-930", why="", technologies=(),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("computed", "difference", "verdict"),
    [
        (105.0, 0.0, "agrees"),
        (96.0, -0.04, "agrees"),
        (115.4, 5.4 / 110, "agrees"),
        (90.0, -0.1, "differs"),
        (132.0, 0.2, "differs"),
        (None, None, "not covered"),
    ],
)
def test_verdict(computed: float | None, difference: float | None, verdict: str) -> None:
    row = info._compare(_known(), computed)
    assert row.verdict == verdict
    assert row.difference == (None if difference is None else pytest.approx(difference))


def test_published_totals_are_well_formed_and_sourced() -> None:
    totals = info.published_totals()
    assert len({known.id for known in totals}) == len(totals)
    for known in totals:
        assert known.label in ("F", "P", "R")
        assert 0 < known.low <= known.high
        assert 0 < known.tolerance <= 0.1
        assert known.why
        if known.label == "F":
            assert set(known.source.split()) <= set(sources())
    assert {known.country for known in totals} == {"US", "CN"}


def test_a_wrong_entry_of_published_totals_is_named() -> None:
    entry = {"country": "US", "year": 2024, "what": "x", "measure": "load_twh", "unit": "TWh", "value": 1.0}
    with pytest.raises(GridDataError, match="x1"):
        info._total("x1", entry)
    whole = entry | {"tolerance": 0.1, "label": "F", "check": "summed", "source": "eia-930", "why": "w"}
    assert info._total("x1", whole).high == 1.0
    with pytest.raises(GridDataError, match="unknown measure"):
        info._total("x1", whole | {"measure": "nonsense"})


def test_a_partial_grid_is_not_compared_with_a_country(grid: xr.Dataset) -> None:
    assert {row.verdict for row in info.known_totals(grid)} == {"not covered"}


def test_measures_against_sums_by_hand(grid: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    own = [area for area in grids.AREAS if area.id in grid["area"].values]
    monkeypatch.setattr(info, "AREAS", own)
    rows = {row.known.id: row for row in info.known_totals(grid)}
    us = grid["area_country"].values == "US"
    load = grid["annual_load_mwh"].values[us, -1].sum() / 1e6
    assert rows["us_load_2024"].computed == pytest.approx(load)
    solar = grid["nameplate_mw"].sel(technology="solar").values[us].sum() / 1e3
    assert rows["us_solar_2024"].computed == pytest.approx(solar)
    generation = grid["generation_mwh"].sel(history_year=2023).values[us].sum() / 1e6
    assert rows["us_generation_2023"].computed == pytest.approx(generation)
    # US areas have two profiles and none of 2024, so no hour by hour sum can be made; China has one each.
    assert rows["us_peak_2024"].verdict == "not covered"
    china = grid["profile_area"].isin(["cn.jiangsu", "cn.gansu"]).values
    mean_mw = grid["annual_load_mwh"].values[~us, -1] / 8784
    peak = (grid["load_shape"].values[china] * mean_mw[:, None]).sum(axis=0).max() / 1e3
    assert rows["cn_peak_2024"].computed == pytest.approx(peak)
    assert rows["cn_peak_2024"].verdict == "differs"


def test_coverage_and_records_count(grid: xr.Dataset) -> None:
    us, cn = info.coverage(grid)
    assert (us["areas"], us["profiles"], us["weather years"], us["cells"], us["links"]) == (3, 6, "2020-2021", 12, 2)
    assert (cn["areas"], cn["profiles"], cn["weather years"], cn["cells"], cn["links"]) == (2, 2, "2020", 8, 1)
    assert us["cells with a price"] == 8  # one of the three areas has none
    rows = {(row["country"], row["series"]): row for row in info.records(grid)}
    assert rows["US", "load"]["observed"] == 6
    assert rows["US", "solar"]["borrowed"] == 6
    assert rows["CN", "wind"]["modelled"] == 2
    assert all(row["other"] == 0 for row in rows.values())


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ("observed: EIA-930", "observed"),
        ("Modelled (ERA5), level observed", "modelled"),
        ("borrowed from MISO, observed there", "borrowed"),
        ("guessed", "other"),
    ],
)
def test_record_kind_is_the_first_word_that_says_it(record: str, kind: str) -> None:
    assert info._kind(record) == kind


def test_sources_of_a_grid_say_which_variables_use_them(grid: xr.Dataset) -> None:
    mixed = grid.copy()
    mixed["peak_load_mw"] = mixed["peak_load_mw"].assign_attrs(source="eia-930 crea-china")
    rows = {row["id"]: row for row in info.source_table(mixed)}
    assert rows["eia-930"]["variables"] == ["peak_load_mw"]
    assert rows["eia-930"]["licence"] == "CC-BY-4.0"
    assert rows["test-material"]["licence"] == "not stated"


def _run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.grids, list(words))
    return result.exit_code, result.output


def test_info_prints_tables_and_json(grid: xr.Dataset, grid_file: Path) -> None:
    code, text = _run("info", "--grid", str(grid_file))
    assert code == 0
    for title in ("Coverage", "Totals against published figures", "Profiles by kind of record", "Sources"):
        assert title in text
    code, text = _run("info", "--grid", str(grid_file), "--json")
    document = json.loads(text)
    assert code == 0
    assert document["hash"] == grids.grid_hash(grid)
    assert len(document["known_totals"]) == len(info.published_totals())
    assert document["coverage"][0]["areas"] == 3


def test_validate_says_yes_or_lists_every_problem(grid: xr.Dataset, grid_file: Path, tmp_path: Path) -> None:
    code, text = _run("validate", str(grid_file))
    assert code == 0
    assert "a valid grid (5 areas, 8 profiles, 20 cells)" in text
    broken = grid.copy(deep=True).drop_vars("peak_load_mw")
    broken["load_shape"].values[0, 5] = np.nan
    broken["nameplate_mw"].attrs["units"] = "GW"
    broken.to_netcdf(tmp_path / "broken.nc")
    code, text = _run("validate", str(tmp_path / "broken.nc"))
    assert code == 1
    assert text.startswith("Error:")
    assert "Traceback" not in text
    for word in ("peak_load_mw", "load_shape", "nameplate_mw"):
        assert word in text
    code, text = _run("validate", str(tmp_path / "broken.nc"), "--json")
    document = json.loads(text)
    assert code == 1
    assert document["valid"] is False
    assert len(document["problems"]) == 3


@pytest.mark.parametrize("words", [("validate", "nowhere.nc"), ("info", "--grid", "nowhere.nc")])
def test_a_missing_file_is_one_line(words: tuple[str, ...]) -> None:
    code, text = _run(*words)
    assert code == 1
    assert text.startswith("Error: nowhere.nc: no such file")
    assert text.count("\n") == 1


def test_an_unknown_option_is_a_usage_error() -> None:
    assert _run("info", "--colour")[0] == 2


@pytest.mark.parametrize("command", ["info", "validate", "fetch", "build", "import-cf"])
def test_every_command_has_an_example_and_json(command: str) -> None:
    code, text = _run(command, "--help")
    assert code == 0
    assert f"gridflops grids {command}" in text
    assert "--json" in text


def test_fetch_with_an_unknown_source_lists_the_known_ones(tmp_path: Path) -> None:
    code, text = _run("fetch", str(tmp_path), "--source", "nowhere")
    assert code == 1
    assert "unknown source nowhere; known: eia-930" in text


def test_build_without_originals_lists_every_missing_file(tmp_path: Path) -> None:
    code, text = _run("build", "--originals", str(tmp_path / "none"), "--out", str(tmp_path / "grid.nc"))
    assert code == 1
    assert "no such folder" in text
    with pytest.raises(GridDataError) as caught:
        bundle.build_bundle(tmp_path, tmp_path / "grid.nc")
    assert len(caught.value.problems) == len(list(required_files()))
    for (source, file), problem in zip(required_files(), caught.value.problems, strict=True):
        assert file.path in problem
        assert source.id in problem
        assert "gridflops grids fetch" in problem or str(file.url) in problem
    assert not list(tmp_path.iterdir())


def test_merge_joins_parts_and_names_disagreements(grid: xr.Dataset) -> None:
    cells = [name for name in grid.data_vars if str(name).startswith("cell_")]
    parts = {"demand": grid.drop_vars([*cells, "cell"]), "cells": grid[cells]}
    whole = bundle.merge(parts)
    grids.validate(whole)
    assert grids.grid_hash(whole) == grids.grid_hash(grid)
    turned = grid[cells].isel(technology=slice(None, None, -1))
    with pytest.raises(GridDataError) as caught:
        bundle.merge({"demand": grid, "cells": turned})
    message = str(caught.value)
    assert "coordinate 'technology': cells and demand disagree" in message
    assert "'cell_lat': both demand and cells bring it" in message


def test_build_writes_what_the_parts_say(grid: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_checksums", lambda originals: {"a/b.csv": "0" * 64})
    monkeypatch.setattr(bundle, "_parts", lambda originals, cell_degrees, say: {"all": grid})
    path = tmp_path / "grid.nc"
    code, text = _run("build", "--originals", str(tmp_path), "--out", str(path), "--json")
    assert code == 0
    assert json.loads(text[text.index("{") :])["bytes"] == path.stat().st_size
    back = grids.open_grid(path)
    assert back.attrs["input_sha256"] == f"{'0' * 64}  a/b.csv"
    assert grids.grid_hash(back) == grids.grid_hash(grid)
    stored = {row["variable"]: row["stored as"] for row in bundle.sizes(back, path)}
    assert stored["load_shape"] == "uint16"
    assert stored["area_name"] == "text"


def test_import_cf_puts_factors_of_a_file_into_a_grid(grid: xr.Dataset, grid_file: Path, tmp_path: Path) -> None:
    time = np.arange("2021-01-01", "2022-01-01", dtype="datetime64[h]")
    factors = np.random.default_rng(1).uniform(0.1, 0.6, (time.size, 1))
    own = xr.DataArray(
        factors, dims=("time", "area"), coords={"time": time.astype("datetime64[ns]"), "area": ["us.ercot"]}
    )
    own.to_dataset(name="wind").to_netcdf(tmp_path / "own.nc")
    words = ("import-cf", str(tmp_path / "own.nc"), "--technology", "wind", "--grid", str(grid_file))
    code, text = _run(*words, "--out", str(tmp_path / "mine.nc"), "--json")
    assert code == 0, text
    assert json.loads(text)["profiles"] == ["us.ercot/2021"]
    mine = grids.open_grid(tmp_path / "mine.nc")
    np.testing.assert_allclose(
        mine["wind_capacity_factor"].sel(profile="us.ercot/2021"), factors[:, 0], rtol=0, atol=2.0**-15
    )
    assert grids.grid_hash(mine) == json.loads(text)["hash"]
    assert _run("import-cf", str(tmp_path / "nowhere.nc"), "--technology", "wind", "--grid", str(grid_file))[0] == 1
    assert _run("import-cf", str(tmp_path / "own.nc"), "--technology", "tides")[0] == 2
