"""Hindcast of where additions go: scores, and forecasts from before the origin only."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import grids
from capacity.hindcast import placement
from capacity.hindcast.cli import hindcast
from capacity.hindcast.placement import Contest
from capacity.hindcast.placement_data import PERIODS, TECHNOLOGIES, build, read_additions
from capacity.supply.fleet import Fleet


@pytest.fixture(scope="module")
def grid():
    return grids.open_grid()


def test_a_perfect_forecast_scores_best_and_an_even_one_nothing():
    added = np.array([6.0, 2.0, 0.0, 0.0])
    even = np.full(4, 0.25)
    found = placement.scores(Contest(added, {"even": even, "right": added / 8.0, "wrong": np.array([0, 0, 0.5, 0.5])}))
    assert found["even"] == (pytest.approx(0.0, abs=1e-12), 0.5)
    # Two places of four, three quarters and one: 2 bits less the entropy of 0.81.
    assert found["right"][0] == pytest.approx(2.0 - 0.8113, abs=0.06)
    assert found["right"][1] == 0.0
    assert found["wrong"][0] < -4.0
    assert found["wrong"][1] == 1.0


def test_forecasts_are_shares(grid):
    fleet = Fleet.of(grid, "CN")
    for _, contest in placement._areas(fleet, 2020, 2024):
        for forecast in contest.forecasts.values():
            assert forecast.sum() == pytest.approx(1.0)
            assert (forecast >= 0.0).all()
    for _, contests in placement._cells(grid, fleet, 2020, 2024):
        assert all(f.sum() == pytest.approx(1.0) for contest in contests for f in contest.forecasts.values())


def test_nothing_after_the_origin_moves_a_forecast(grid):
    fleet = Fleet.of(grid, "US")
    later = fleet.history_mw.copy()
    later[..., -5:] *= np.linspace(1.0, 9.0, len(fleet.areas))[:, None, None]
    plain, other = (dict(placement._areas(f, 2020, 2024)) for f in (fleet, replace(fleet, history_mw=later)))
    for name, forecast in plain["solar"].forecasts.items():
        np.testing.assert_array_equal(forecast, other["solar"].forecasts[name])
    assert not np.allclose(plain["solar"].added, other["solar"].added)


def test_the_record_holds_what_it_says():
    table = read_additions()
    assert set(table["country"]) == set(TECHNOLOGIES)
    assert not table.duplicated(["country", "technology", "lat", "lon"]).any()
    for first, last in PERIODS:
        assert (table[f"added_{first}_{last}_mw"] >= 0.0).all()
    wind = table[(table["country"] == "US") & (table["technology"] == "wind")]
    assert 75_000.0 < wind[["added_2015_2019_mw", "added_2020_2024_mw"]].to_numpy().sum() < 95_000.0


def test_command_prints_and_writes_the_table(tmp_path):
    done = CliRunner().invoke(hindcast, ["--placement", "--out", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    records = json.loads((tmp_path / "placement.json").read_text())
    solar = next(r for r in records if (r["level"], r["country"], r["technology"]) == ("cells", "US", "solar"))
    assert solar["bits"]["rule"] > max(solar["bits"]["existing"], solar["bits"]["land_or_load"])
    assert "existing" in done.output


def test_the_record_is_what_the_originals_give(grid, originals):
    assert build(originals, grid).equals(read_additions())
