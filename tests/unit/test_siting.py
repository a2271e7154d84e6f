"""Water-filling of cells: sums exact, caps kept, monotone in load, never un-sited."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from capacity import siting

areas = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


def draw_cells(rng, count=25):
    cap = rng.uniform(0, 500, count) * (rng.uniform(size=count) > 0.2)
    cap[0] = 10.0
    return cap, rng.normal(60, 15, count)


@settings(max_examples=40, deadline=None)
@given(rng=areas, temperature=st.floats(0.01, 1e4))
def test_fill_sums_to_the_load_within_caps_and_rises_with_it(rng, temperature):
    cap, cost = draw_cells(rng)
    load = np.sort(rng.uniform(0, cap.sum(), 12))
    load[0], load[-1] = 0.0, cap.sum()
    split = siting.fill(cap, cost, temperature, load)
    np.testing.assert_allclose(split.sum(axis=1), load, rtol=1e-9, atol=1e-9)
    assert (split >= 0).all()
    assert (split <= cap * (1 + 1e-12)).all()
    assert (np.diff(split, axis=0) >= -1e-7).all()


def test_cold_fill_is_merit_order():
    rng = np.random.default_rng(5)
    cap, cost = draw_cells(rng, 12)
    load = 0.4 * cap.sum()
    split = siting.fill(cap, cost, 1e-4, np.array([load]))[0]
    best = linprog(cost, A_eq=np.ones((1, 12)), b_eq=[load], bounds=list(zip(np.zeros(12), cap, strict=True)))
    assert abs(split @ cost - best.fun) < 1e-3 * best.fun


def test_hot_fill_is_proportional():
    cap, cost = draw_cells(np.random.default_rng(6))
    split = siting.fill(cap, cost, 1e9, np.array([0.3 * cap.sum()]))[0]
    np.testing.assert_allclose(split, 0.3 * cap, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(rng=areas)
def test_table_keeps_sums_exactly_and_stays_near_the_solved_split(rng):
    cap, cost = draw_cells(rng)
    nodes = np.array([2.0, 4.0, 5.0, 6.0, 8.0, 11.0, 18.0])
    table = siting.solve(np.arange(25), cap, cost, nodes)
    load = rng.uniform(0, cap.sum(), 30)
    theta = rng.uniform(2, 18, 30)
    split = table.place(load, theta)
    np.testing.assert_allclose(split.sum(axis=1), load, rtol=1e-9)
    exact = np.concatenate(
        [siting.fill(cap, cost, t, np.array([x])) for x, t in zip(load, theta, strict=True)]
    )
    assert np.abs(split - exact).max() < 0.04 * cap.max()
    assert table.limit_mw == cap.sum()


def test_sites_once_built_stay():
    cap, cost = draw_cells(np.random.default_rng(7))
    table = siting.solve(np.arange(25), cap, cost, np.array([3.0, 6.0, 12.0]))
    load = np.array([[100.0, 800.0, 300.0, 0.0, 900.0]])
    split = siting.operated(table, load, np.array([6.0]))
    np.testing.assert_allclose(split.sum(axis=2), load, rtol=1e-9)
    np.testing.assert_allclose(split[0, 2], split[0, 1] * 300 / 800, rtol=1e-9)
    assert (split[0, 4] >= split[0, 1] - 1e-9).all()


def test_cells_in_another_order_get_the_same_load():
    cap, cost = draw_cells(np.random.default_rng(8))
    turned = np.random.default_rng(9).permutation(25)
    load = np.array([0.5 * cap.sum()])
    np.testing.assert_allclose(
        siting.fill(cap[turned], cost[turned], 5.0, load),
        siting.fill(cap, cost, 5.0, load)[:, turned],
        rtol=1e-9,
    )
