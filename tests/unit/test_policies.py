"""Flexible-load policies against linear programs, exhaustive search and each other."""

import numpy as np
import pytest
from policy_reference import fewest_calls, headroom_by_trial, headroom_lp, least_cut_with_backup, terms

from capacity.adequacy import policies
from capacity.adequacy.policies import Policy, Site
from cuda_kernels import headroom_mw
from cuda_kernels.storage_dispatch import storage_scan
from cuda_kernels.storage_trace import storage_trace

ENGINES = ("numpy", "numba")


def margins(seed: int, cases: int = 1, hours: int = 24) -> np.ndarray:
    return np.maximum(np.random.default_rng(seed).normal(3.0, 2.0, (cases, hours)), 0.0)


def solve(margin: np.ndarray, policy: Policy, native: np.ndarray | None = None, engine: str = "numpy") -> np.ndarray:
    """Headroom (case,), from the ceiling that a run starts from."""
    ones = np.ones((1, 1))
    ceiling = [
        float(headroom_mw(row[None], ones, share, engine=engine).headroom_mw[0])
        for row, share in zip(margin, policy.energy, strict=True)
    ]
    return policies.headroom(Site.of(margin, native, policy), policy, np.array(ceiling), engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"flexible_load_share": 0.6},
        {"flexible_load_share": 0.8, "sustained_depth": 0.4},
        {"ramp_share_an_hour": 0.3},
        {"ramp_share_an_hour": 0.15, "flexible_load_share": 0.7, "sustained_depth": 0.6},
        {"site_battery_share": 0.3, "site_battery_hours": 3.0},
        {"site_battery_share": 1.0, "site_battery_hours": 1.5, "site_battery_efficiency": 1.0},
    ],
)
def test_equals_the_linear_program(seed, given, engine):
    margin = margins(seed)
    policy = terms(curtailable_fraction=0.06, **given)
    assert solve(margin, policy, engine=engine)[0] == pytest.approx(headroom_lp(margin[0], policy), rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_batteries_and_other_terms_one_after_another_are_a_bound_from_below(seed):
    margin = margins(seed)
    policy = terms(
        curtailable_fraction=0.06, site_battery_share=0.3, site_battery_hours=3.0, sustained_depth=0.5,
        ramp_share_an_hour=0.4,
    )  # fmt: skip
    found, best = solve(margin, policy)[0], headroom_lp(margin[0], policy)
    assert found <= best * (1 + 1e-7)


@pytest.mark.parametrize("seed", range(10))
def test_backup_in_the_shortest_hours_is_the_best_choice_of_hours(seed):
    margin = margins(seed, hours=16)
    policy = terms(curtailable_fraction=0.05, backup_share=0.3, backup_permit_hours=3.0)
    load = solve(margin, policy)
    cut = policies.cuts_mw(Site.of(margin, None, policy), policy, load, "numpy")
    least = least_cut_with_backup(margin[0], float(load[0]), 0.3, 3)
    assert cut.sum() == pytest.approx(least, rel=1e-6, abs=1e-6)
    assert least == pytest.approx(0.05 * 16 * load[0], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(25))
def test_length_and_number_of_events_equal_exhaustive_search(seed):
    margin = margins(seed, hours=14)
    longest, calls = 1 + seed % 3, seed % 4
    policy = terms(curtailable_fraction=0.3, longest_event_hours=float(longest), events_a_year=float(calls))
    ceiling = float(headroom_mw(margin, np.ones((1, 1)), 0.3, engine="numpy").headroom_mw[0])
    assert solve(margin, policy)[0] == headroom_by_trial(margin[0], longest, calls, ceiling)


@pytest.mark.parametrize("seed", range(8))
def test_search_and_closed_form_agree(seed):
    """A battery of no size sends the same terms through the search."""
    margin = margins(seed, hours=60)
    given = {"curtailable_fraction": 0.1, "longest_event_hours": 3.0, "events_a_year": 4.0, "sustained_depth": 0.7}
    closed = solve(margin, terms(**given))
    searched = solve(margin, terms(**given, site_battery_share=1e-300, site_battery_hours=1.0))
    np.testing.assert_allclose(searched, closed, rtol=1e-8)
    ramped = solve(margin, terms(**given, ramp_share_an_hour=0.999999999))
    np.testing.assert_allclose(ramped, closed, rtol=1e-6)


def test_cases_do_not_depend_on_their_neighbours():
    margin = margins(3, cases=9, hours=200) * 1000.0
    policy = terms(
        9, curtailable_fraction=0.02, longest_event_hours=4.0, events_a_year=6.0, ramp_share_an_hour=0.3,
        site_battery_share=0.2, site_battery_hours=2.0, backup_share=0.1, backup_permit_hours=5.0,
    )  # fmt: skip
    whole = solve(margin, policy, engine="numba")
    rows = [solve(margin[i : i + 1], policy.rows(slice(i, i + 1)), engine="numba")[0] for i in range(9)]
    np.testing.assert_array_equal(whole, rows)
    np.testing.assert_array_equal(whole, solve(margin, policy, engine="numpy"))


def test_notice_costs_the_forecast_error():
    margin, native = margins(4, hours=50) + 1.0, np.full((1, 50), 10.0)
    now = solve(margin, terms(curtailable_fraction=0.05), native)
    day = solve(margin, terms(curtailable_fraction=0.05, notice_hours=24.0), native)
    shifted = solve(np.maximum(margin - 0.03 * 10.0, 0.0), terms(curtailable_fraction=0.05))
    np.testing.assert_allclose(day, shifted, rtol=1e-8)
    assert 0.0 < day[0] < solve(margin, terms(curtailable_fraction=0.05, notice_hours=6.0), native)[0] < now[0]


def test_payback_makes_up_what_the_grid_has_room_for():
    margin = np.full((1, 100), 10.0)
    margin[0, 50] = 2.0
    load = np.array([8.0])
    half = terms(curtailable_fraction=0.5, payback_share=0.5)
    site = Site.of(margin, None, half)
    cut = policies.cuts_mw(site, half, load, "numpy")
    assert cut.sum() == 6.0
    assert policies.lost_mwh(site, half, load, cut)[0] == pytest.approx(3.0)
    tight = np.where(margin > 5.0, 8.05, margin)  # room of 0.05 MW in each of the 24 hours that follow
    site = Site.of(tight, None, half)
    assert policies.lost_mwh(site, half, load, cut)[0] == pytest.approx(6.0 - 24 * 0.05)
    whole = terms(curtailable_fraction=0.5)
    assert policies.lost_mwh(site, whole, load, cut)[0] == 6.0


@pytest.mark.parametrize("seed", range(20))
def test_fewest_calls(seed):
    rng = np.random.default_rng(seed)
    hours = np.flatnonzero(rng.random(12) < 0.4)
    for length in (1, 2, 4):
        fewest = fewest_calls(hours.tolist(), length)
        assert policies.fits(hours, fewest, length)
        assert not fewest or not policies.fits(hours, fewest - 1, length)


@pytest.mark.parametrize("engine", ENGINES)
def test_trace_sums_to_the_scan(engine):
    margin = np.random.default_rng(5).normal(0.5, 2.0, (6, 300))
    store = np.array([0.0, 1.0, 2.0, 2.0, 5.0, 1.0]), np.array([0.0, 4.0, 1.0, 8.0, 9.0, 0.0]), np.full(6, 0.8)
    trace = storage_trace(margin, *store, engine=engine)
    scan = storage_scan(margin, np.zeros(6), *store, engine=engine)
    np.testing.assert_allclose(trace.unserved_mw.sum(axis=1), scan.unserved_mwh, rtol=1e-12)
    assert ((trace.charge_mwh >= 0.0) & (trace.charge_mwh <= store[1][:, None])).all()
    other = storage_trace(margin, *store, engine="numpy")
    np.testing.assert_array_equal(trace.unserved_mw, other.unserved_mw)
    np.testing.assert_array_equal(trace.charge_mwh, other.charge_mwh)
