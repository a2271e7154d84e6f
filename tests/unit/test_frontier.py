"""Frontiers: linear programs over random networks, bounds that meet, mixes in order, the command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity import CapacityError, frontier
from capacity.cli import main
from capacity.explain.group_outages import explain_group_outages
from capacity.explain.point import Transfers
from grids import store
from scenarios import load

sys.path.insert(0, str(Path(__file__).parents[1]))

from network_reference import best_total_lp, random_network


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_the_best_mix_is_that_of_one_linear_program(share):
    for seed in range(12):
        margin, limits, _ = random_network(seed, areas=3 + seed % 3, hours=24)
        chosen = [0, 1, 2][: 2 + seed % 2]
        within = Transfers.by_links(np.where(np.isinf(limits), 30.0, limits))
        if seed % 3 == 0:
            within = within._replace(sets=(np.eye(len(limits))[:2], np.array([0.6, 0.2])))
        edge = frontier.Edge(np.maximum(margin, 0.2), within, chosen, share)
        edge.along(frontier.simplex(len(chosen)))
        prices = np.array([1.0, 1.0, 0.5])[: len(chosen)]
        best, bound = edge.best(prices)
        want = best_total_lp(edge.margin, within.limits_mw, chosen, prices, share, within.sets)
        assert best @ prices == pytest.approx(want, rel=2e-6, abs=1e-6)
        assert bound == pytest.approx(want, rel=2e-6, abs=1e-6)


def test_every_point_lies_in_every_half_space():
    margin, limits, _ = random_network(4, areas=5, hours=60)
    within = Transfers(limits, np.full(5, np.inf), (np.eye(5)[2:4], np.array([0.5, 0.1])))
    edge = frontier.Edge(np.maximum(margin, 0.0), within, [0, 2, 4], 0.1)
    edge.along(frontier.simplex(3))
    reach = edge.slopes @ edge.points.T
    own = (edge.slopes * edge.points).sum(axis=1)
    assert (reach <= own[:, None] + 1e-7 * (1.0 + np.abs(own[:, None]))).all()


def test_mixes_of_a_grid_are_ordered(grid):
    found = frontier.frontier(grid, load(["reference"])[0], ["cn.gansu", "cn.jiangsu"], 2026, weights=[3, 1], draws=4)
    best = found.mixes["best for the total"].sum()
    assert set(found.mixes) == {"isolated headroom", "native load", "your weights", "best for the total"}
    assert all(mix.sum() <= best * (1 + 1e-9) for mix in found.mixes.values())
    assert found.mixes["your weights"][0] == pytest.approx(3 * found.mixes["your weights"][1])
    assert best == pytest.approx(found.best_bound_mw, rel=1e-5)
    assert found.points.shape == (33, 2)


def test_the_edge_under_outages_is_what_a_group_hosts(grid):
    scenario, areas, how = load(["reference"])[0], ["cn.gansu", "cn.jiangsu"], {"draws": 1, "states": 1}
    group = explain_group_outages(grid, scenario, areas[0], 2026, shown=1, **how)
    split = [group.headroom_mw, group.group_mw - group.headroom_mw]
    found = frontier.frontier(grid, scenario, areas, 2026, weights=split, notion="expected_unserved", **how)
    assert found.mixes["your weights"] == pytest.approx(split, rel=1e-9)
    assert group.group_mw <= found.best_bound_mw * (1.0 + 1e-9)
    assert (found.isolated_mw > 0.0).any()


@pytest.mark.parametrize("areas", [["cn.gansu", "cn.jiangsu"]])
def test_the_command_prints_draws_and_gives_json(grid, tmp_path, areas):
    path = tmp_path / "tiny.nc"
    store.write_grid(grid, path)
    page = tmp_path / "mix.png"
    arguments = ["frontier", *areas, "--year", "2026", "--draws", "3", "--grid", str(path)]
    done = CliRunner().invoke(main, [*arguments, "--figure", str(page), "--weights", "1,1"])
    assert done.exit_code == 0, done.output
    assert "No split exceeds" in done.output
    assert page.read_bytes().startswith(b"\x89PNG")
    data = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert len(data["points"]) == len(data["directions"]) == 33


def test_three_areas_make_a_triangle(tmp_path):
    from capacity import frontier_figure

    directions = frontier.simplex(3)
    assert directions.shape == (45, 3)
    np.testing.assert_allclose(directions.sum(axis=1), 1.0)
    found = frontier.Frontier(
        ("a", "b", "c"), 2030, 0.5, 1, directions, directions * (1e3 + 500 * directions[:, :1]),
        {"best for the total": np.array([1500.0, 0.0, 0.0])}, 1500.0, np.ones(3),
    )  # fmt: skip
    frontier_figure.draw(found, tmp_path / "three.png")
    assert (tmp_path / "three.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("areas", "more", "words"),
    [
        (["cn.gansu"], {}, "two or three"),
        (["cn.gansu", "cn.gansu"], {}, "different"),
        (["cn.gansu", "us.ercot"], {}, "two countries"),
        (["us.ercto", "cn.gansou"], {"quantile": 2.0}, r"(?s)quantile.*mean us\.ercot.*mean .*cn\.gansu"),
        (["us.ercot", "us.caiso"], {}, "exchange no power"),
        (["cn.gansu", "cn.jiangsu"], {"weights": [1, -1]}, "one weight an area"),
        (["cn.gansu", "cn.jiangsu"], {"quantile": 2.0}, "quantile"),
        (["cn.gansu", "cn.jiangsu"], {"notion": "historic_peak"}, "choose firm_capacity, expected_unserved"),
    ],
)
def test_wrong_requests_are_named(grid, areas, more, words):
    with pytest.raises(CapacityError, match=words):
        frontier.frontier(grid, load(["reference"])[0], areas, 2026, draws=2, **more)
