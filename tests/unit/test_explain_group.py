"""`gridflops explain --network network`: derivatives against finite differences, hours that add up, the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity import CapacityError, estimate
from capacity.cli import main
from capacity.explain import group
from capacity.explain.point import CALLS, DEPTH, ENERGY, FIRM
from capacity.explain.terms import ALL
from grids import store
from scenarios import load


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def found(grid):
    return group.explain_group(grid, load(["reference"])[0], "cn.gansu", 2027, draws=6, quantile=0.4)


def test_hours_add_up_and_say_who_is_short(found):
    table = found.hours
    parts = table["firm_mw"] + table["wind_mw"] + table["solar_mw"] + table["hydro_mw"]
    np.testing.assert_allclose(parts - table["load_mw"], table["margin_mw"], rtol=1e-9)
    assert (table["group_curtailed_mw"].diff().dropna() <= 1e-9).all()
    assert set(table["short_side"]) <= {"whole group", "cn.gansu", "cn.jiangsu"}
    assert sum(found.season_hours.values()) == found.curtailed_hours >= found.longest_event_h > 0
    assert found.curtailed_mw.sum() / (8760 * found.group_mw) == pytest.approx(0.005, rel=1e-6)
    assert 0.0 < found.headroom_mw < found.group_mw
    assert all(worth["constant"] >= 0.0 for worth in found.adds.values())


def test_standing_capacity_adds_up_to_firm(found):
    standing = found.standing
    firm = standing["units_mw"] - standing["expected_outage_mw"] + standing["storage_mw"] - standing["reserve_mw"]
    assert firm == pytest.approx(found.hours["firm_mw"].iloc[0], rel=1e-9)
    assert standing["expected_outage_mw"] > 0.0


def test_the_command_prints_draws_and_refuses(grid, tmp_path):
    path = tmp_path / "tiny.nc"
    store.write_grid(grid, path)
    arguments = ["explain", "cn.gansu", "2026", "--draws", "4", "--grid", str(path)]
    page = tmp_path / "binds.png"
    networked = [*arguments, "--network", "network", "--figure", str(page)]
    done = CliRunner().invoke(main, networked)
    assert done.exit_code == 0, done.output
    assert "links:" in done.output
    assert page.read_bytes().startswith(b"\x89PNG")
    data = json.loads(CliRunner().invoke(main, [*networked, "--json"]).stdout)
    assert set(data["adds"]) == {"cn.jiangsu", "cn.gansu"}
    credit = CliRunner().invoke(main, [*arguments, "--network", "network", "--storage", "credit"])
    assert credit.exit_code == 0, credit.output
    assert credit.output != done.output
    refused = CliRunner().invoke(main, [*arguments, "--network", "network", "--storage", "dispatch"])
    assert refused.exit_code != 0
    assert "dispatched in every year knows islands only" in refused.output


def test_wrong_requests_are_named(grid):
    with pytest.raises(CapacityError, match=r"no area 'cn\.ganzu'"):
        group.explain_group(grid, load(["reference"])[0], "cn.ganzu", 2027)
    with pytest.raises(CapacityError, match="quantile"):
        group.explain_group(grid, load(["reference"])[0], "cn.gansu", 2027, quantile=-1.0)
    with pytest.raises(CapacityError, match="year 2020"):
        group.explain_group(grid, load(["reference"])[0], "cn.gansu", 2020)


@pytest.mark.parametrize(
    ("name", "terms"),
    [("us-power-capping", {FIRM, DEPTH, CALLS}), ("us-interruptible-tariff", {ENERGY, FIRM, DEPTH, CALLS})],
)
def test_a_policy_is_explained_by_the_term_that_binds(grid, name, terms):
    found = group.explain_group(grid, load([name])[0], "us.ercot", 2026, draws=2)
    assert found.bound_by in terms
    assert found.adds["us.ercot"]["constant"] > 0.0
    if name == "us-power-capping":
        assert found.longest_event_h <= 3
        assert (found.hours["group_curtailed_mw"] <= 0.25 * found.group_mw * (1.0 + 1e-9)).all()
        asked = {"years": range(2025, 2027), "draws": 2, "seed": 2025, "exchange": "network", "area_draws": True}
        run = estimate(grid, load([name]), **asked)["area_grid_headroom_mw_draws"].isel(scenario=0)
        of_draw = run.sel(area="us.ercot", year=2026, draw=found.draw)
        assert found.headroom_mw == pytest.approx(float(of_draw), rel=1e-9)


def test_terms_that_carry_on_are_explained_by_what_one_megawatt_brings(grid):
    plain = group.explain_group(grid, load(["reference"])[0], "us.ercot", 2027, draws=2)
    found = group.explain_group(grid, load(["us-sites-with-storage"])[0], "us.ercot", 2027, draws=2)
    assert found.bound_by == ALL
    assert found.group_mw > plain.group_mw
    assert 0.0 < found.adds["us.ercot"]["constant"] < 2.0 * plain.adds["us.ercot"]["constant"]
    assert found.curtailed_hours == (found.curtailed_mw > 0.0).sum() > 0


def test_where_nothing_fits_the_hours_with_least_left_are_shown(grid):
    poor = grid.copy(deep=True)
    poor["nameplate_mw"] = poor["nameplate_mw"] * 0.2
    poor["capacity_history_mw"] = poor["capacity_history_mw"] * 0.2
    found = group.explain_group(poor, load(["reference"])[0], "us.ercot", 2026, draws=2)
    assert found.group_mw == 0.0
    assert found.native_short_hours > 0
    assert len(found.hours) == 20
    assert set(found.adds["us.ercot"].values()) == {0.0}
