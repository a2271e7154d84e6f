"""`gridflops explain --network network`: derivatives against finite differences, hours that add up, the command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity import CapacityError, explain_network
from capacity.cli import main
from grids import store
from scenarios import load

sys.path.insert(0, str(Path(__file__).parents[1]))

from network_reference import random_network


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def found(grid):
    return explain_network.explain_group(grid, load(["reference"])[0], "cn.gansu", 2027, draws=6, quantile=0.4)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_one_more_megawatt_or_link_adds_its_derivative(share):
    """Random networks, natives short in places; one-sided differences agree where the two sides do."""
    checked = 0
    for seed in range(60):
        margin, limits, direction = random_network(seed, areas=3 + seed % 4, hours=60)
        limits = np.where(np.isinf(limits), 50.0, limits)
        base = explain_network.headroom_along(margin, limits, direction, share)
        if base <= 0.0:
            continue
        point = explain_network.point_at(margin, limits, direction, base, share)
        output = np.random.default_rng(seed).random(60)
        i, (start, end) = seed % margin.shape[1], np.argwhere(limits > 0)[seed % (limits > 0).sum()]
        step = 1e-6
        differences = []
        for sign in (1.0, -1.0):
            more, wider = margin.copy(), limits.copy()
            more[:, i] += sign * step * output
            wider[start, end] += sign * step
            differences.append(
                [
                    (explain_network.headroom_along(more, limits, direction, share) - base) / (sign * step),
                    (explain_network.headroom_along(margin, wider, direction, share) - base) / (sign * step),
                ]
            )
        up, down = np.array(differences)
        for number, value in enumerate(
            (explain_network.worth(point, i, output), explain_network.link_worth(point, int(start), int(end)))
        ):
            if abs(up[number] - down[number]) < 1e-3:  # no kink within the step
                assert value == pytest.approx(up[number], rel=1e-3, abs=1e-3)
                checked += 1
    assert checked >= 15


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
    refused = CliRunner().invoke(main, [*arguments, "--figure", str(page)])
    assert refused.exit_code != 0
    assert "--network network" in refused.output
    for storage in ("dispatch", "credit"):  # a network knows neither
        refused = CliRunner().invoke(main, [*arguments, "--network", "network", "--storage", storage])
        assert refused.exit_code != 0
        assert f"--storage {storage} explains islands only" in refused.output


def test_wrong_requests_are_named(grid):
    with pytest.raises(CapacityError, match=r"us\.sustained_depth need areas as islands"):
        explain_network.explain_group(grid, load(["us-power-capping"])[0], "us.ercot", 2026, draws=2)
    with pytest.raises(CapacityError, match=r"no area 'cn\.ganzu'"):
        explain_network.explain_group(grid, load(["reference"])[0], "cn.ganzu", 2027)
    with pytest.raises(CapacityError, match="quantile"):
        explain_network.explain_group(grid, load(["reference"])[0], "cn.gansu", 2027, quantile=-1.0)
    with pytest.raises(CapacityError, match="year 2020"):
        explain_network.explain_group(grid, load(["reference"])[0], "cn.gansu", 2020)
