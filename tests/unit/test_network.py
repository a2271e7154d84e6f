"""Networks of areas: groups, limits, siting directions, names of cuts, and runs that use them."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid
from network_reference import best_total_lp, random_network

import grids
from capacity import CapacityError, estimate
from capacity.base_year import areas as base_year
from capacity.draws import Draws, draw_ids
from capacity.network import best_total, planned_lines
from capacity.network.case import NETWORKS
from capacity.network.hours import Group, cut_name
from capacity.network.links import limits_of, links
from capacity.network.siting import Siting, siting_direction
from capacity.supply.fleet import Fleet
from cuda_kernels.network import network_headroom
from scenarios import load

YEARS = [2025, 2026]


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def runs(grid):
    return {
        exchange: estimate(grid, load(["reference"]), years=YEARS, draws=10, seed=5, device="cpu", exchange=exchange)
        for exchange in NETWORKS
    }


def test_links_across_us_interconnections_are_left_out_and_provinces_are_joined(grid):
    us, china = (links(grid, Fleet.of(grid, country)) for country in ("US", "CN"))
    assert [group.name for group in us.groups] == ["Eastern", "ERCOT", "Western"]
    assert not us.high_mw.any()
    assert [list(group.areas) for group in china.groups] == [[0, 1]]
    assert china.low_mw[1, 0] == 8000.0
    assert china.high_mw[1, 0] == pytest.approx(10100.0)
    limits = china.limits(np.array([[0.0], [0.5]]), np.array([[1.0], [1.1]]))
    assert limits[:, 0, 1, 0] == pytest.approx([8000.0, 9050.0 * 1.1])


def test_planned_lines_join_known_areas_inside_a_group_and_count_from_their_year():
    grid = grids.open_grid()
    for country, prefix in (("US", "us."), ("CN", "cn.")):
        fleet = Fleet.of(grid, country)
        group_of = {fleet.areas[a]: group.name for group in links(grid, fleet).groups for a in group.areas}
        for line in (
            line for line in planned_lines.planned() if line["from"].startswith(prefix) and line["from"] != line["to"]
        ):
            assert group_of[line["from"]] == group_of[line["to"]], line["name"]
    areas, years = ("cn.gansu", "cn.shandong", "cn.ningxia"), np.array([2024, 2025, 2026, 2027])
    added = planned_lines.added_mw(areas, years, 2024, np.array([[0.0], [1.6]]) + np.zeros(4), np.full((2, 4), 0.5))
    np.testing.assert_array_equal(added[:, :, 0, 1], [[0.0, 4000.0, 4000.0, 4000.0], [0.0, 0.0, 0.0, 4000.0]])
    assert added.sum() == added[:, :, 0, 1].sum()  # one way only, and no line whose other end is unknown


def test_a_link_grows_at_its_rate_or_by_planned_lines_whichever_is_more():
    grid = grids.open_grid()
    fleet = Fleet.of(grid, "CN")
    draws = Draws(7, draw_ids(20), np.arange(2025, 2031), load(["reference"])[0])
    known = links(grid, fleet)
    limits = limits_of(known, fleet, draws)
    position = draws.parameter("cn.transfer_limit_position")
    today = known.limits(position, np.ones(position.shape))
    start, end = (fleet.areas.index(a) for a in ("cn.gansu", "cn.shandong"))
    by_2030 = (limits - today)[:, -1]
    assert (by_2030[:, start, end] >= 0.6 * 8000.0).all()
    assert (limits >= today).all()


def test_islands_networks_and_copper_plates_are_ordered(runs):
    network_, copper = runs["network"], runs["copper-plate"]
    assert (network_["grid_headroom_mw"] >= network_["firm_headroom_mw"] - 1e-6).all()
    assert (network_["hostable_mw"] <= network_["grid_headroom_mw"] + 1e-6).all()
    # natives of the tiny grid are served without imports, so that pooling helps all the way
    np.testing.assert_array_equal(network_["native_unserved_mwh"], 0.0)
    assert (network_["grid_headroom_mw"] >= network_["isolated_headroom_mw"] * (1 - 1e-9)).all()
    assert (network_["copper_plate_headroom_mw"] >= network_["grid_headroom_mw"] * (1 - 1e-9)).all()
    np.testing.assert_allclose(copper["grid_headroom_mw"], network_["copper_plate_headroom_mw"], rtol=1e-12)
    assert set(copper["binding_cut"].to_numpy().ravel()) == {"whole group"}  # hours and cuts are the plate's too
    assert "isolated_headroom_mw" not in runs["island"]


def test_areas_alone_in_their_group_equal_their_isolated_headroom(runs):
    us = runs["network"].sel(country="US")
    np.testing.assert_allclose(us["grid_headroom_mw"], us["isolated_headroom_mw"], rtol=1e-9)


def test_draws_do_not_depend_on_their_company_in_a_network(grid, runs):
    block = estimate(grid, load(["reference"]), years=YEARS, draws=[7, 2], seed=5, device="cpu", exchange="network")
    for name in ("hostable_mw", "firm_headroom_mw", "copper_plate_headroom_mw", "flop_per_year"):
        np.testing.assert_array_equal(block[name].to_numpy(), runs["network"][name].sel(draw=[7, 2]).to_numpy())


def test_events_of_a_network_are_those_of_its_groups(grid):
    asked = {"years": YEARS, "draws": 6, "seed": 5, "device": "cpu", "event_draws": 4}
    joined, alone = (estimate(grid, load(["reference"]), exchange=x, **asked) for x in ("network", "island"))
    assert set(alone.data_vars) <= set(joined.data_vars)
    china = joined.sel(area=["cn.jiangsu", "cn.gansu"])
    for name in ("area_event_hours", "area_event_count", "area_event_longest_hours", "area_event_deepest_share"):
        first, second = china[name].transpose("area", ...).to_numpy()
        np.testing.assert_array_equal(first, second)
    assert (china["area_event_hours"] > 0.0).any()
    share = joined["area_event_deepest_share"]
    assert ((share >= 0.0) & (share <= 1.0 + 1e-12)).all()


def test_engines_agree_on_a_network(grid, runs):
    other = estimate(
        grid, load(["reference"]), years=YEARS, draws=3, seed=5, device="cpu", exchange="network", engine="numpy"
    )
    for name in ("grid_headroom_mw", "firm_headroom_mw", "copper_plate_headroom_mw"):
        np.testing.assert_allclose(other[name], runs["network"][name].sel(draw=slice(0, 2)), rtol=1e-8, atol=1e-6)


def test_direction_mixes_isolated_headroom_and_load():
    isolated, native = np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [2.0, 6.0]])
    found = siting_direction(isolated, native, np.array([0.0, 0.5]))
    np.testing.assert_allclose(found, [[0.75, 0.25], [0.25, 0.75]])


def test_weights_of_a_scenario_pull_the_direction():
    none, pull = np.zeros((2, 1)), np.array([[1.0], [0.5]])
    weight, requests = np.tile([[3.0], [1.0], [0.0], [0.0]], (2, 1, 1)), np.array([0.1, 0.4, 0.3, 0.2])
    siting = Siting(none, none, pull, none, weight, requests)
    isolated, native = np.array([[1.0, 1.0], [1.0, 1.0]]), np.ones((2, 2))
    both = np.arange(2)
    np.testing.assert_allclose(siting.direction(0, both, both, isolated, native), [[0.75, 0.25], [0.625, 0.375]])
    # areas 2 and 3 have no weight: their group keeps its own direction
    np.testing.assert_allclose(siting.direction(0, both, both + 2, isolated, native), 0.5)
    by_request = Siting(none, pull, none, none, weight, requests)
    np.testing.assert_allclose(by_request.direction(0, both, both, isolated, native), [[0.2, 0.8], [0.35, 0.65]])


def test_the_best_direction_hosts_what_a_linear_program_over_all_splits_finds():
    for seed in range(6):
        margin, limits, start = random_network(seed, areas=3 + seed % 3, hours=24)
        margin = np.abs(margin)
        case = (np.ascontiguousarray(margin.T)[:, None], np.ones((1, margin.shape[1], 1)), limits[None])
        every = list(range(margin.shape[1]))
        for sets in (None, (np.eye(len(every))[:1], np.array([[0.4]]))):
            found = best_total.direction(case, start[None], np.array([0.1]), caps=(None, sets), most_steps=40)
            got = network_headroom(*case, found, 0.1, import_sets=sets).headroom_mw[0, 0]
            of_one = None if sets is None else (sets[0], sets[1][0])
            want = best_total_lp(margin, limits, every, np.ones(len(every)), 0.1, of_one)
            assert got == pytest.approx(want, rel=0.01)


def test_the_best_direction_is_never_worse_than_its_start_and_knows_no_company():
    margin, limits, start = random_network(1, areas=5, hours=48)
    case = (np.ascontiguousarray(margin.T)[:, None], np.ones((3, 5, 1)), np.stack([limits, 0.5 * limits, limits]))
    starts = np.stack([start, np.full(5, 0.2), np.zeros(5)])
    found = best_total.direction(case, starts, np.full(3, 0.1))
    before, after = (network_headroom(*case, w, 0.1).headroom_mw for w in (starts, found))
    assert (after >= before).all()
    assert not found[2].any()
    for c in range(3):
        one = (case[0], case[1][c : c + 1], case[2][c : c + 1])
        np.testing.assert_array_equal(best_total.direction(one, starts[c : c + 1], np.full(1, 0.1))[0], found[c])


@pytest.mark.parametrize("name", ["siting-by-request", "siting-for-total"])
def test_siting_scenarios_keep_islands_and_change_networks(grid, runs, name):
    asked = {"years": YEARS, "draws": 3, "seed": 5, "device": "cpu"}
    draws, island = slice(0, 2), estimate(grid, load([name]), exchange="island", **asked)
    np.testing.assert_array_equal(island["hostable_mw"], runs["island"]["hostable_mw"].sel(draw=draws))
    total, before = estimate(grid, load([name]), exchange="network", **asked), runs["network"].sel(draw=draws)
    np.testing.assert_allclose(total["copper_plate_headroom_mw"], before["copper_plate_headroom_mw"], rtol=1e-12)
    if name == "siting-for-total":
        assert (total["grid_headroom_mw"].to_numpy() >= before["grid_headroom_mw"].to_numpy() * (1 - 1e-12)).all()


def test_a_run_along_weights_puts_the_load_where_they_say(grid, tmp_path):
    path = tmp_path / "by-weight.yaml"
    said = "label: J, fixed_because: a test, source: a test of weights"
    path.write_text(
        "name: by-weight\ntitle: Three to one\nrationale: Only a test of weights.\nsources: [a test]\noverrides:\n"
        f"  siting_by_weight_share: {{value: 1, {said}}}\n"
        f"  cn.siting_weight_jiangsu: {{value: 3, {said}}}\n"
        f"  cn.siting_weight_gansu: {{value: 1, {said}}}\n"
    )
    scenario = load([str(path)])
    found = estimate(grid, scenario, years=YEARS, draws=3, seed=5, device="cpu", exchange="network", area_draws=True)
    by_area = found["area_grid_headroom_mw_draws"].isel(scenario=0)
    ratio = by_area.sel(area="cn.jiangsu") / by_area.sel(area="cn.gansu")
    np.testing.assert_allclose(ratio, 3.0, rtol=1e-9)


def test_a_cut_is_named_by_its_smaller_side():
    group = Group("g", np.arange(5))
    names = ("a", "b", "c", "d", "e")
    assert cut_name((0, 1, 2, 3, 4), group, names) == "whole group"
    assert cut_name((0, 2, 3, 4), group, names) == "all but b"
    assert cut_name((1, 3), group, names) == "b, d"


def test_the_result_says_which_cut_binds_and_who_is_short(runs):
    result = runs["network"]
    assert result.attrs["exchange"] == "network"
    assert list(result["group_name"].to_numpy()[0]) == ["Eastern", "ERCOT", "Western", "cn"]
    assert set(result["binding_cut"].to_numpy().ravel()) <= {"whole group", "cn.jiangsu", "cn.gansu", "none"}
    assert ((result["binding_cut_share"] >= 0) & (result["binding_cut_share"] <= 1)).all()
    assert ((result["area_short_share"] >= 0) & (result["area_short_share"] <= 1)).all()


def test_base_year_shows_the_network_beside_the_island(grid):
    table = base_year.compare(grid, load(["reference"])[0])
    assert (table["networked_headroom_gw"] <= table["copper_plate_headroom_gw"] + 1e-9).all()
    sums = base_year.national(table)
    assert (sums["networked_headroom_gw"] >= sums["isolated_headroom_gw"] - 1e-9).all()
    assert table["group_binding_cut"].str.len().gt(0).all()
    china = table[table["country"] == "CN"]
    assert china["import_at_the_limit_gw"].sum() == pytest.approx(0.0, abs=1e-9)


def test_an_unknown_exchange_is_named(grid):
    with pytest.raises(CapacityError, match="copper-plate"):
        estimate(grid, load(["reference"]), years=YEARS, draws=1, seed=1, exchange="ring")
