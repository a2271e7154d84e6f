"""Policies of load in areas that exchange power, against linear programs, trial of every level, and islands."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid
from network_reference import headroom_lp, random_network, unserved_lp
from policy_reference import POLICY, headroom_by_trial, terms
from scipy.optimize import linprog

from capacity import estimate, network_terms, policies
from capacity.errors import CapacityError
from capacity.network_terms import Joined
from capacity.policies import Policy, Site
from cuda_kernels import headroom_mw
from cuda_kernels.network import network_headroom
from scenarios import load

AREAS = 3


def solve(margin, limits, direction, policy: Policy):
    """Headroom of one network, margins (hour, area), under a policy; and the headroom without a cut."""
    joined = Joined(np.ascontiguousarray(margin.T)[:, None], np.ones((1, margin.shape[1], 1)), limits[None],
                    np.full((1, margin.shape[1]), np.inf))  # fmt: skip
    shares = [[0.0, float(policy.energy[0])]]
    by_energy = network_headroom(joined.profiles, joined.coefficients, limits, direction, shares, engine="numpy")
    between = by_energy.headroom_mw[:, 0], by_energy.headroom_mw[:, 1]
    return network_terms.headroom(joined, direction[None], policy, between, "numpy"), between[0]


def depth_lp(margin, limits, direction, share: float, depth: float) -> float:
    """Largest load that may be cut by a share of its energy, by at most the depth in every area, natives first."""
    hours, areas = margin.shape
    arcs = np.argwhere(limits > 0.0)
    width = 2 * areas + len(arcs)  # cuts, shortage of natives, flows of an hour
    size = 1 + hours * width
    rows, bound, upper = [], [], [None]
    for t, m in enumerate(margin):
        at = 1 + t * width
        for i in range(areas):
            row = np.zeros(size)
            row[0], row[at + i], row[at + areas + i] = direction[i], -1.0, -1.0
            for e, (start, end) in enumerate(arcs):
                row[at + 2 * areas + e] = float(start == i) - float(end == i)
            rows.append(row)
            bound.append(m[i])
            deepest = np.zeros(size)
            deepest[0], deepest[at + i] = -depth * direction[i], 1.0
            rows.append(deepest)
            bound.append(0.0)
        native = np.zeros(size)
        native[at + areas : at + 2 * areas] = 1.0
        rows.append(native)
        bound.append(unserved_lp(-m, limits))
        upper += [None] * (2 * areas) + [float(limits[tuple(arc)]) for arc in arcs]
    energy = np.zeros(size)
    energy[0] = -share * hours
    for t in range(hours):
        energy[1 + t * width : 1 + t * width + areas] = 1.0
    cost = np.zeros(size)
    cost[0] = -1.0
    found = linprog(cost, A_ub=np.array([*rows, energy]), b_ub=[*bound, 0.0], bounds=[(0, most) for most in upper])
    assert found.status == 0, found.message
    return float(found.x[0])


def toy(seed: int, hours: int):
    margin, limits, direction = random_network(seed, AREAS, hours)
    return margin + 2.0 * (seed % 3), np.minimum(limits, 1e6), direction


@pytest.mark.parametrize("seed", range(20))
def test_energy_and_depth_equal_the_linear_program(seed):
    margin, limits, direction = toy(seed, 8)
    policy = terms(curtailable_fraction=0.2, flexible_load_share=0.8, sustained_depth=(0.2, 0.6)[seed % 2])
    want = depth_lp(margin, limits, direction, float(policy.energy[0]), float(policy.depth[0]))
    found, firm = solve(margin, limits, direction, policy)
    assert found.load_mw[0] == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert found.load_mw[0] >= firm[0]


@pytest.mark.parametrize("seed", range(20))
def test_length_and_number_of_calls_equal_trial_of_every_level(seed):
    margin, limits, direction = toy(seed, 12)
    longest, calls = 1 + seed % 3, seed % 4
    policy = terms(curtailable_fraction=0.3, longest_event_hours=float(longest), events_a_year=float(calls))
    level = np.array([headroom_lp(m[None], limits, direction, 0.0) for m in margin])
    ceiling = headroom_lp(margin, limits, direction, 0.3)
    found, _ = solve(margin, limits, direction, policy)
    assert found.load_mw[0] == pytest.approx(headroom_by_trial(level, longest, calls, ceiling), rel=1e-6, abs=1e-6)
    if found.load_mw[0] > 1e-6:
        assert set(found.hours[0]) == set(np.flatnonzero(level < found.load_mw[0] - 1e-6))
    assert len(found.short_side[0]) == len(found.hours[0])


@pytest.mark.parametrize("seed", range(6))
def test_a_group_of_one_area_is_an_island(seed):
    margin = np.maximum(np.random.default_rng(seed).normal(3.0, 2.0, (60, 1)), 0.0)
    policy = terms(curtailable_fraction=0.1, sustained_depth=0.7, longest_event_hours=3.0, events_a_year=4.0)
    ceiling = headroom_mw(margin.T, np.ones((1, 1)), 0.1, engine="numpy").headroom_mw
    alone = policies.headroom(Site.of(margin.T, None, policy), policy, np.ravel(ceiling), "numpy")
    found, _ = solve(margin, np.zeros((1, 1)), np.ones(1), policy)
    np.testing.assert_allclose(found.load_mw, alone, rtol=1e-8)


GIVEN = {"years": range(2025, 2027), "draws": 3, "seed": 5, "device": "cpu", "event_draws": 3}


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.mark.parametrize("exchange", ["network", "copper-plate"])
def test_a_run_on_a_network_keeps_the_terms(grid, tmp_path, exchange):
    file = tmp_path / "asked.yaml"
    file.write_text(POLICY % "sustained_depth: 0.3, longest_event_h: 2, events_a_year: 6", encoding="utf-8")
    plain, asked = (
        estimate(grid, load([name]), **GIVEN, exchange=exchange).isel(scenario=0) for name in ("reference", str(file))
    )
    firm, flexible = (asked[name].sel(country="US") for name in ("firm_headroom_mw", "grid_headroom_mw"))
    assert (flexible >= firm * (1 - 1e-12)).all()
    assert (flexible <= firm / 0.7 * (1 + 1e-9)).all()
    assert (flexible < plain["grid_headroom_mw"].sel(country="US")).any()
    np.testing.assert_array_equal(
        asked["grid_headroom_mw"].sel(country="CN"), plain["grid_headroom_mw"].sel(country="CN")
    )
    events = asked.sel(country="US", quantile=0.9)
    assert (events["event_longest_hours"] <= 2.0).all()
    assert (events["event_deepest_share"] <= 0.3 + 1e-6).all()
    assert (events["event_hours"] <= 12.0).all()


def test_terms_that_a_network_does_not_know_are_named(grid, tmp_path):
    file = tmp_path / "asked.yaml"
    file.write_text(POLICY % "ramp_share_an_hour: 0.2, longest_event_h: 3", encoding="utf-8")
    with pytest.raises(CapacityError, match=r"us\.ramp_share_an_hour need areas as islands"):
        estimate(grid, load([str(file)]), **GIVEN, exchange="network")
