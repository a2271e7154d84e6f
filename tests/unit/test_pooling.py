"""The worth of pooling in the base year, and one linear program over the same hours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid
from network_reference import headroom_lp, random_network

from benchmarks import pooling_check
from capacity.base_year import pooling
from capacity.cli import main
from scenarios import load


@pytest.fixture(scope="module")
def table():
    return pooling.table(tiny_grid(), load(["reference"])[0])


def test_headrooms_are_ordered_in_every_group_and_notion(table):
    assert set(table["notion"]) == {"firm_capacity", "historic_peak"}
    assert set(table["load"]) == {"firm", "flexible"}
    slack = 1e-9
    assert (table["isolated_gw"] <= table["network_by_isolated_gw"] + slack).all()
    for siting in pooling.SITINGS:
        assert (table[f"network_by_{siting}_gw"] <= table["copper_plate_gw"] + slack).all()
        flexible = table[table["load"] == "flexible"]
        assert (flexible[f"network_by_{siting}_gw"] <= flexible["network_by_total_gw"] * 1.002 + slack).all()
    for siting in ("isolated", "request"):
        assert (table[f"network_by_{siting}_gw"] <= table[f"more_lines_by_{siting}_gw"] + slack).all()


def test_historic_peak_counts_no_interchange(table):
    peak = table[table["notion"] == "historic_peak"]
    np.testing.assert_allclose(peak["island_gw"], peak["isolated_gw"])
    np.testing.assert_array_equal(peak["interchange_counted_gw"], 0.0)


def test_hours_added_as_they_are_needed_give_the_whole_program():
    for seed in (2, 5, 11):
        margin, limits, direction = random_network(seed, areas=4, hours=40)
        hours = pooling.Hours(
            "g", margin, margin, margin, np.zeros(margin.shape[1]), limits, 0.05, {"isolated": direction}
        )
        total, looked, _ = pooling_check.headroom(hours, direction[:, None], first=4)
        assert total == pytest.approx(headroom_lp(margin, limits, direction, 0.05), rel=1e-7, abs=1e-7)
        assert looked <= 40
        assert hours.along(direction, 0.05) == pytest.approx(total, rel=1e-7, abs=1e-7)


def test_the_command_prints_and_gives_json(tmp_path):
    path = tmp_path / "grid.nc"
    tiny_grid().to_netcdf(path)
    asked = ["base-year", "--pooling", "--grid", str(path)]
    shown = CliRunner().invoke(main, asked)
    assert shown.exit_code == 0, shown.output
    assert "copper" in shown.output
    rows = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)
    assert {row["group"] for row in rows} >= {"cn"}
