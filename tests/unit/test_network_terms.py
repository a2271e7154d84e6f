"""Policies of load in areas that exchange power, against linear programs, trial of every level, and islands."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid
from network_policy_reference import joint_lp
from network_reference import headroom_lp, random_caps, random_network, random_sets, unserved_lp
from policy_reference import POLICY, headroom_by_trial, least_cut_with_backup, terms
from scipy.optimize import linprog

from benchmarks import ramp_network_check
from capacity import estimate
from capacity.adequacy import policies
from capacity.adequacy.policies import Policy, Site
from capacity.network import events as network_events
from capacity.network import sites as network_sites
from capacity.network import terms as network_terms
from capacity.network.sites import Joined, Known
from cuda_kernels import headroom_mw
from cuda_kernels.network import network_headroom
from cuda_kernels.network_levels import levels_mw
from scenarios import load

AREAS = 3


def joined_of(margin, limits, caps=None, sets=None) -> Joined:
    """One network of margins (hour, area), caps (area,) and sets: membership (set, area) and caps (set,)."""
    caps = None if caps is None else caps[None]
    sets = None if sets is None else (np.asarray(sets[0], float), sets[1][None])
    return Joined(np.ascontiguousarray(margin.T)[:, None], np.ones((1, margin.shape[1], 1)), limits[None], caps, sets)


def between_of(joined: Joined, direction, policy: Policy):
    """Load that needs no cut, and what the share of energy allows."""
    shares = [[0.0, float(policy.energy[0])]]
    linear = joined.profiles, joined.coefficients, joined.limits_mw, direction
    found = network_headroom(*linear, shares, **joined.capped, engine="numpy").headroom_mw
    return found[:, 0], found[:, 1]


def solve(margin, limits, direction, policy: Policy, called=None, caps=None, sets=None):
    """Headroom of one network under a policy, and what needs no cut. called : margins at the call, where other."""
    now = joined_of(margin, limits, caps, sets)
    known = Known(now, now if called is None else joined_of(called, limits, caps, sets))
    between = between_of(now, direction, policy)
    return network_terms.headroom(known, direction[None], policy, between, "numpy"), between[0]


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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "given",
    [
        {"sustained_depth": 0.7, "longest_event_hours": 3.0, "events_a_year": 4.0},
        {"notice_hours": 12.0, "longest_event_hours": 3.0},
        {"notice_hours": 24.0, "ramp_share_an_hour": 0.3, "sustained_depth": 0.8},
        {"site_battery_share": 0.3, "site_battery_hours": 2.0, "backup_share": 0.2, "backup_permit_hours": 3.0},
        {"site_battery_share": 0.3, "site_battery_hours": 2.0, "longest_event_hours": 4.0, "notice_hours": 6.0},
    ],
)
def test_a_group_of_one_area_is_an_island(seed, given):
    margin = np.random.default_rng(seed).normal(3.0, 2.0, (60, 1))
    native = np.full(margin.shape, 9.0)
    policy = terms(curtailable_fraction=0.11, **given)
    ceiling, firm = (
        np.ravel(headroom_mw(margin.T, np.ones((1, 1)), e, engine="numpy").headroom_mw) for e in (0.11, 0.0)
    )
    alone = policies.headroom(Site.of(margin.T, native.T, policy), policy, ceiling, "numpy")
    called = margin - policy.call_error * native if policy.notice_hours.any() else None
    found, _ = solve(margin, np.zeros((1, 1)), np.ones(1), policy, called)
    np.testing.assert_allclose(found.load_mw, np.maximum(alone, firm), rtol=1e-8, atol=1e-9)


CARRIED = [
    {"ramp_share_an_hour": 0.3},
    {"ramp_share_an_hour": 0.15, "flexible_load_share": 0.7, "sustained_depth": 0.6},
    {"site_battery_share": 0.3, "site_battery_hours": 3.0},
    {"site_battery_share": 1.0, "site_battery_hours": 1.5, "site_battery_efficiency": 1.0},
]


def areas_alone(margin, limits, direction, caps=None):
    """Margins (hour, area) up to the areas' levels, which `tests/parity/test_network_levels.py` looks at."""
    joined = joined_of(margin, limits, caps)
    linear = joined.profiles, joined.coefficients, joined.limits_mw, direction, np.array([1e3])
    return levels_mw(*linear, import_cap_mw=joined.caps_mw)[0] * direction


@pytest.mark.parametrize("given", CARRIED)
@pytest.mark.parametrize("seed", range(4))
def test_ramps_and_batteries_hold_in_every_area_and_stay_below_the_best_joint_operation(seed, given):
    margin, limits, direction = toy(seed, 10)
    policy = terms(curtailable_fraction=0.1, **given)
    found, firm = solve(margin, limits, direction, policy)
    apart = joint_lp(areas_alone(margin, limits, direction), np.zeros_like(limits), direction, policy)
    assert found.load_mw[0] == pytest.approx(max(apart, firm[0]), rel=1e-7, abs=1e-7)
    alike, best = (joint_lp(margin, limits, direction, policy, alike=alike) for alike in (True, False))
    assert alike * (1 - 1e-7) <= found.load_mw[0] <= best * (1 + 1e-7) + 1e-7
    assert best <= joint_lp(margin, limits, direction, policy, as_one=True) * (1 + 1e-7) + 1e-7


@pytest.mark.parametrize("given", [CARRIED[0], CARRIED[1], {"ramp_share_an_hour": 0.1}])
@pytest.mark.parametrize("seed", range(3))
def test_the_benchmark_of_ramps_is_the_linear_program(seed, given):
    margin, limits, direction = toy(seed, 24)
    policy = terms(curtailable_fraction=0.1, **given)
    joined = joined_of(margin, limits)
    most = float(between_of(joined, direction, policy)[1][0])
    best = ramp_network_check.best_mw(Known(joined, joined), direction, policy, most) if most > 0.0 else 0.0
    assert best == pytest.approx(joint_lp(margin, limits, direction, policy), rel=1e-4, abs=1e-4)


def test_natives_short_behind_a_link_leave_no_room_for_load_that_ramps():
    """Where natives are short all new load behind the link is off, and so for hours before and after."""
    margin = np.full((48, 2), 10.0)
    margin[24, 1] = -1.0
    limits, direction = np.zeros((2, 2)), np.array([0.5, 0.5])
    slow, quick = (terms(curtailable_fraction=0.02, ramp_share_an_hour=ramp) for ramp in (0.5, 1.0))
    assert solve(margin, limits, direction, quick)[0].load_mw[0] > 20.0
    assert solve(margin, limits, direction, slow)[0].load_mw[0] == joint_lp(margin, limits, direction, slow) == 0.0


@pytest.mark.parametrize("given", CARRIED)
@pytest.mark.parametrize("seed", [1, 2])
def test_without_limits_ramps_and_batteries_are_exact(seed, given):
    margin, _, direction = toy(seed, 10)
    policy = terms(curtailable_fraction=0.11, **given)
    found, _ = solve(margin, np.full((AREAS, AREAS), np.inf), direction, policy)
    want = joint_lp(margin, np.full((AREAS, AREAS), 1e3), direction, policy)
    assert found.load_mw[0] == pytest.approx(want, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_backup_of_each_area_runs_in_its_best_hours(seed):
    margin, limits, direction = toy(seed, 12)
    policy = terms(curtailable_fraction=0.05, backup_share=0.4, backup_permit_hours=3.0)
    load = float(solve(margin, limits, direction, policy)[0].load_mw[0])
    alone = areas_alone(margin, limits, direction)
    least = sum(least_cut_with_backup(alone[:, a], load * direction[a], 0.4, 3) for a in np.flatnonzero(direction))
    assert least == pytest.approx(0.05 * 12 * load, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_a_call_covers_the_forecast_error(seed):
    margin, limits, direction = toy(seed, 9)
    called = margin - np.random.default_rng(seed).uniform(0.0, 0.4, margin.shape)
    policy = terms(curtailable_fraction=0.15, notice_hours=24.0)
    found, firm = solve(margin, limits, direction, policy, called)
    want = max(headroom_lp(called, limits, direction, 0.15), firm[0])
    assert found.load_mw[0] == pytest.approx(want, rel=1e-7, abs=1e-7)
    # Depth is of what has to be cut in the end, length of what is called.
    deep = terms(curtailable_fraction=0.15, notice_hours=24.0, sustained_depth=0.3, longest_event_hours=2.0)
    level = np.array([headroom_lp(m[None], limits, direction, 0.0) for m in called])
    ceiling = min(want, firm[0] / 0.7)
    want = max(headroom_by_trial(level, 2, len(level), ceiling), firm[0])
    assert solve(margin, limits, direction, deep, called)[0].load_mw[0] == pytest.approx(want, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_caps_on_imports_of_areas_beside_terms_equal_the_linear_program(seed):
    margin, limits, direction = toy(seed, 8)
    caps = random_caps(seed, AREAS)
    given = ({"sustained_depth": 0.4}, {"ramp_share_an_hour": 0.3})[seed % 2]
    policy = terms(curtailable_fraction=0.2, flexible_load_share=0.8, **given)
    found, _ = solve(margin, limits, direction, policy, caps=caps)
    if policy.local:
        want = joint_lp(margin, limits, direction, policy, caps=caps)
    else:
        want = joint_lp(areas_alone(margin, limits, direction, caps), np.zeros_like(limits), direction, policy)
        assert want <= joint_lp(margin, limits, direction, policy, caps=caps) * (1 + 1e-7) + 1e-7
    assert found.load_mw[0] == pytest.approx(want, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_caps_on_imports_of_sets_beside_terms(seed):
    margin, limits, direction = toy(seed, 8)
    sets = random_sets(seed, AREAS)
    policy = terms(curtailable_fraction=0.2, longest_event_hours=2.0, events_a_year=2.0)
    found, firm = solve(margin, limits, direction, policy, sets=sets)
    level = np.array([headroom_lp(m[None], limits, direction, 0.0, sets=sets) for m in margin])
    ceiling = headroom_lp(margin, limits, direction, 0.2, sets=sets)
    want = max(headroom_by_trial(level, 2, 2, ceiling), firm[0])
    assert found.load_mw[0] == pytest.approx(want, rel=1e-6, abs=1e-6)
    ramped = terms(curtailable_fraction=0.2, flexible_load_share=0.8, ramp_share_an_hour=0.3)
    alike, best = (joint_lp(margin, limits, direction, ramped, alike=alike, sets=sets) for alike in (True, False))
    load = solve(margin, limits, direction, ramped, sets=sets)[0].load_mw[0]
    assert alike * (1 - 1e-7) - 1e-7 <= load <= best * (1 + 1e-7) + 1e-7


def test_what_was_cut_is_made_up_where_the_group_has_room():
    hours = 60
    margin = np.full((hours, 2), [6.0, 4.0])
    margin[30] = [1.0, 1.0]
    joined = joined_of(margin, np.zeros((2, 2)))
    load = np.array([[5.0, 3.0]])
    policy = terms(curtailable_fraction=0.5, payback_share=0.5)
    cut, lost = network_sites.cuts_mw(Known(joined, joined), load, policy, "numpy")
    assert cut[0, 30] == pytest.approx(6.0)
    assert lost[0] == pytest.approx(3.0)
    tight = margin.copy()
    tight[31:] = [5.0, 3.03]  # no room in one area, too little in the other
    joined = joined_of(tight, np.zeros((2, 2)))
    assert network_sites.cuts_mw(Known(joined, joined), load, policy, "numpy")[1][0] == pytest.approx(6.0 - 24 * 0.03)


def test_no_cut_that_is_counted_is_deeper_than_the_depth():
    cut, lost = network_events.within_depth(
        np.array([[0.0, 2.0, 5.0], [1.0, 1.0, 0.0]]), np.array([7.0, 1.5]), np.array([3.0, 3.0])
    )
    np.testing.assert_array_equal(cut, [[0.0, 2.0, 3.0], [1.0, 1.0, 0.0]])
    np.testing.assert_array_equal(lost, [5.0, 1.5])


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


def test_a_run_on_a_network_knows_every_term(grid, tmp_path):
    given = {
        "limits": "notice_h: 12, ramp_share_an_hour: 0.2, payback_share: 0.5, longest_event_h: 9",
        "supply": "battery_share: 0.3, battery_h: 4, backup_share: 0.2, backup_permit_h: 100",
    }
    for name, of in given.items():
        (tmp_path / f"{name}.yaml").write_text((POLICY % of).replace("asked", name), encoding="utf-8")
    files = [str(tmp_path / f"{name}.yaml") for name in given]
    run = estimate(grid, load(["reference", *files]), **GIVEN, exchange="network").sel(country="US")
    plain, limited, supplied = (run["grid_headroom_mw"].isel(scenario=s) for s in range(3))
    firm = run["firm_headroom_mw"].isel(scenario=1)
    assert (limited >= firm * (1 - 1e-12)).all()
    assert (limited <= plain * (1 + 1e-12)).all()
    assert (limited < plain).any()
    assert (supplied > plain).all()
    events = run.isel(scenario=1).sel(quantile=0.9)
    assert (events["event_longest_hours"] <= 9.0).all()
