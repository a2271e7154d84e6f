"""Water-filling of cells: sums exact, caps kept, monotone in load, never un-sited."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_factory import scenario
from scipy.optimize import brentq, linprog
from scipy.special import expit

import grids
from capacity import sites, siting
from capacity.draws import Draws
from capacity.supply.fleet import Fleet
from cuda_kernels.water_fill import water_fill

areas = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


def draw_cells(rng, count=25):
    cap = rng.uniform(1, 500, count)
    return cap, rng.normal(60, 15, count)


def exact(cap, cost, temperature, load):
    """Oracle: the level by Brent's method."""
    reach = 60 * temperature
    placed = lambda level: (cap * expit((level - cost) / temperature)).sum() - load  # noqa: E731
    level = brentq(placed, cost.min() - reach, cost.max() + reach, xtol=1e-12, rtol=1e-15)
    return cap * expit((level - cost) / temperature)


def placed_by(table, load, theta):
    """Split (load, cell) of loads that each stand alone."""
    ones = np.ones(len(load))
    return water_fill(table, load[None], theta, ones, np.ones(len(table.split_mw))).split_mw[:, 0].T


def place(cap, cost, temperature, load):
    table = siting.solve(cap, cost, np.array([temperature, 2 * temperature]))
    return placed_by(table, load, np.full(len(load), temperature))


@settings(max_examples=40, deadline=None)
@given(rng=areas, temperature=st.floats(0.01, 1e4))
def test_placing_sums_to_the_load_within_caps_and_rises_with_it(rng, temperature):
    cap, cost = draw_cells(rng)
    load = np.sort(rng.uniform(0, cap.sum(), 12))
    load[0], load[-1] = 0.0, cap.sum()
    placed = place(cap, cost, temperature, load)
    np.testing.assert_allclose(placed.sum(axis=1), load, rtol=1e-9, atol=1e-9)
    assert (placed >= 0).all()
    assert (placed <= cap * (1 + 1e-12)).all()
    assert (np.diff(placed, axis=0) >= -1e-9).all()


def test_cold_placing_is_merit_order():
    cap, cost = draw_cells(np.random.default_rng(5), 12)
    load = 0.4 * cap.sum()
    placed = place(cap, cost, 0.05, np.array([load]))[0]
    best = linprog(cost, A_eq=np.ones((1, 12)), b_eq=[load], bounds=list(zip(np.zeros(12), cap, strict=True)))
    assert abs(placed @ cost - best.fun) < 1e-2 * best.fun


def test_hot_placing_is_proportional():
    cap, cost = draw_cells(np.random.default_rng(6))
    placed = place(cap, cost, 1e9, np.array([0.3 * cap.sum()]))[0]
    np.testing.assert_allclose(placed, 0.3 * cap, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(rng=areas)
def test_table_keeps_sums_exactly_and_stays_near_the_solved_split(rng):
    cap, cost = draw_cells(rng)
    nodes = np.array([2.0, 4.0, 5.0, 6.0, 8.0, 11.0, 18.0])
    table = siting.solve(cap, cost, nodes)
    load = rng.uniform(0, cap.sum(), 30)
    theta = rng.uniform(2, 18, 30)
    placed = placed_by(table, load, theta)
    np.testing.assert_allclose(placed.sum(axis=1), load, rtol=1e-9)
    solved = np.stack([exact(cap, cost, t, x) for x, t in zip(load, theta, strict=True)])
    assert np.abs(placed - solved).max() < 0.04 * cap.max()
    at_node = np.stack([exact(cap, cost, 6.0, x) for x in load])
    assert np.abs(placed_by(table, load, np.full(30, 6.0)) - at_node).max() < 0.002 * cap.max()
    assert table.levels_mw[:, -1] == pytest.approx(cap.sum())


def test_sites_once_built_stay():
    cap, cost = draw_cells(np.random.default_rng(7))
    table = siting.solve(cap, cost, np.array([3.0, 6.0, 12.0]))
    load = np.array([100.0, 800.0, 300.0, 0.0, 900.0])
    split = water_fill(table, load[:, None], np.array([6.0]), np.ones(1), np.ones(25)).split_mw[..., 0]
    np.testing.assert_allclose(split.sum(axis=0), load, rtol=1e-9)
    np.testing.assert_allclose(split[:, 2], split[:, 1] * 300 / 800, rtol=1e-9)
    assert (split[:, 4] >= split[:, 1] - 1e-9).all()


def test_cells_in_another_order_get_the_same_load():
    cap, cost = draw_cells(np.random.default_rng(8))
    turned = np.random.default_rng(9).permutation(25)
    load = np.array([0.5 * cap.sum()])
    np.testing.assert_allclose(
        place(cap[turned], cost[turned], 5.0, load), place(cap, cost, 5.0, load)[:, turned], rtol=1e-9
    )


def test_hubs_lie_in_their_provinces_and_get_more_of_the_load_when_power_is_cheaper_there():
    grid = grids.open_grid()
    inside = sites.in_hub(grid, np.arange(grid.sizes["cell"])) == 1.0
    owner = grid["cell_area_id"].to_numpy()
    assert {hub["area"] for hub in sites.hubs()["hubs"].values()} <= set(owner[inside])
    assert all(str(area).startswith("cn.") for area in owner[inside])
    assert inside.sum() < 0.05 * (np.char.startswith(owner.astype(str), "cn.")).sum()
    fleet = Fleet.of(grid, "CN")
    load = np.full((4, len(fleet.areas), 1), 500.0)

    def hub_share(**values):
        draws = Draws(1, np.arange(4), np.array([2025]), scenario(**values))
        placed = sites.place(grid, fleet, draws, load)
        return placed.cell_mean_mw[0, inside[placed.cells]].sum()

    plain = hub_share()
    np.testing.assert_array_equal(plain, hub_share(cn__hub_discount_usd_per_mwh=0.0, cn__siting_temperature_factor=1.0))
    assert hub_share(cn__hub_discount_usd_per_mwh=15.0) > 1.5 * plain
    assert hub_share(us__siting_temperature_factor=0.5) == plain
