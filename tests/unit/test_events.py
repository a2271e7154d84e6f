"""Events of curtailment, and the terms of a policy in whole runs."""

import numpy as np
import pytest
from grid_factory import tiny_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_factory import scenario_with

from capacity import CapacityError, estimate
from capacity.adequacy import events
from capacity.explain.hours import seasons
from capacity.output import events as events_report
from cuda_kernels import KernelError
from cuda_kernels.event_figures import Cuts, cuts_of_constant_load, event_figures, figures, margin_mw
from scenarios import load

YEARS = range(2025, 2029)


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def result(grid):
    names = ["reference", "us-power-capping", "us-sites-with-storage", "us-flexible-load+us-power-capping"]
    return estimate(grid, load(names), years=YEARS, draws=12, seed=5, device="cpu", event_draws=8)


def test_figures_of_a_year():
    hours = np.array([0, 1, 2, 100, 101, 4000])
    cuts = Cuts(np.ones(6, dtype=np.int64), hours, np.arange(1.0, 7.0))
    before, of_year = figures(cuts, np.array([9.0, 12.0]), np.stack([events.SEASON_OF_HOUR, np.arange(8760) % 4]))
    assert not before.any()
    found = dict(zip(events.FIGURES, of_year, strict=True))
    assert found == {
        "hours": 6, "events": 3, "longest_h": 3, "deepest_share": 0.5,
        "winter": 5, "spring": 0, "summer": 1, "autumn": 0,
        "night": 3, "morning": 2, "afternoon": 1, "evening": 0,
    }  # fmt: skip
    assert seasons(hours) == {name: found[name] for name in events.SEASONS}
    none = figures(Cuts(hours[:0], hours[:0], np.zeros(0)), np.zeros(1), hours[None])
    assert not none.any()


def test_parts_of_the_day_are_local():
    part = events.day_part_of_hour(2020, "America/Chicago")
    assert len(part) == events.HOURS
    at_noon_in_january = part[18]  # 18 UTC
    assert list(events.DAY_PARTS)[at_noon_in_january] == "afternoon"
    assert np.bincount(part) == pytest.approx(np.full(4, 2190), abs=3)


def test_cuts_of_a_constant_load_are_exact():
    rng = np.random.default_rng(2)
    profiles, coefficients = rng.normal(0.5, 1.0, (4, 500)), rng.uniform(0.0, 1e4, (6, 4))
    load_mw = np.array([0.0, 10.0, 1e3, 5e3, 1e4, 2e4])
    cuts = cuts_of_constant_load(profiles, coefficients, load_mw)
    for case, (row, mw) in enumerate(zip(coefficients, load_mw, strict=True)):
        margin = margin_mw(profiles, row[None])[0]
        cut = np.maximum(mw - np.maximum(margin, 0.0), 0.0)
        np.testing.assert_array_equal(cuts.hours[cuts.cases == case], np.flatnonzero(cut))
        np.testing.assert_array_equal(cuts.cut_mw[cuts.cases == case], cut[cut > 0.0])


def plain_figures(profiles, coefficients, load, kinds):
    """The same hour by hour, one case after the other."""
    runs, run, deepest = [], 0, 0.0
    counts = np.zeros((2, 4))
    for hour in range(profiles.shape[1]):
        margin = coefficients[0] * profiles[0, hour]
        for term in range(1, len(profiles)):
            margin += coefficients[term] * profiles[term, hour]
        cut = load - max(margin, 0.0)
        if load > 0.0 and cut > 0.0:
            run, deepest = run + 1, max(deepest, cut)
            counts[[0, 1], kinds[:, hour]] += 1
        elif run:
            runs, run = [*runs, run], 0
    runs = [*runs, run] if run else runs
    depth = deepest / load if runs else 0.0
    return [sum(runs), len(runs), max(runs, default=0), depth, *counts[0], *counts[1]]


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@given(seed=st.integers(0, 2**32 - 1), hours=st.integers(1, 60), terms=st.integers(1, 5), coarse=st.booleans())
@settings(max_examples=60, deadline=None)
def test_engines_count_events_as_hour_by_hour(engine, seed, hours, terms, coarse):
    """Coarse numbers make ties: a load that is just served is not curtailed."""
    rng = np.random.default_rng(seed)
    profiles, coefficients = rng.normal(0.3, 1.0, (terms, hours)), rng.uniform(0.0, 50.0, (3, terms))
    if coarse:
        profiles, coefficients = profiles.round(), coefficients.round()
    load_mw, kinds = np.array([0.0, 20.0, 90.0]), rng.integers(0, 4, (2, hours))
    found = event_figures(profiles, coefficients, load_mw, kinds, engine=engine)
    wanted = [plain_figures(profiles, row, mw, kinds) for row, mw in zip(coefficients, load_mw, strict=True)]
    np.testing.assert_array_equal(found, wanted)


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(KernelError, match=r"must be \(\(2, 1\), \(2, 5\)\)"):
        event_figures(np.ones((1, 5)), np.ones((2, 1)), np.ones(2), np.zeros((2, 4), dtype=np.int64))


def test_events_are_in_the_result_and_add_up(result):
    assert result["area_event_hours"].dims == ("scenario", "year", "event_quantile", "area")
    assert (result["area_event_count"] <= result["area_event_hours"]).all()
    assert (result["area_event_deepest_share"] <= 1.0 + 1e-12).all()
    assert (result["area_event_hours"].diff("event_quantile") >= 0.0).all()
    capped = result.sel(scenario="us-power-capping")
    american = capped["area_country"] == "US"
    assert (capped["area_event_longest_hours"].where(american, 0.0) <= 3.0).all()
    assert (capped["area_event_deepest_share"].where(american, 0.0) <= 0.25 + 1e-9).all()


def test_policies_order_the_headroom(result):
    us = result["grid_headroom_mw"].sel(country="US")
    reference = us.sel(scenario="reference", drop=True)
    slack = 1e-7 * reference.max()
    assert (us.sel(scenario="us-power-capping", drop=True) <= reference + slack).all()
    assert (us.sel(scenario="us-sites-with-storage", drop=True) >= reference - slack).all()
    assert (us.sel(scenario="us-sites-with-storage", drop=True) > reference).any()
    both = us.sel(scenario="us-flexible-load+us-power-capping", drop=True)
    assert (both >= us.sel(scenario="us-power-capping", drop=True) - slack).all()
    china = result["grid_headroom_mw"].sel(country="CN")
    assert (china == china.sel(scenario="reference")).all()


def test_a_sample_of_draws_does_not_depend_on_the_others(grid, result):
    few = estimate(grid, load(["us-sites-with-storage"]), years=YEARS, draws=8, seed=5, device="cpu", event_draws=8)
    there = result.sel(scenario=["us-sites-with-storage"])
    for name in ("area_event_hours", "event_hours_by_season", "area_event_deepest_share"):
        np.testing.assert_array_equal(few[name], there[name])
    np.testing.assert_array_equal(few["grid_headroom_mw"], there["grid_headroom_mw"].isel(draw=slice(8)))


def test_counting_events_changes_nothing_else(grid, result):
    plain = estimate(grid, load(["reference"]), years=YEARS, draws=12, seed=5, device="cpu")
    assert "area_event_hours" not in plain
    for name in plain.data_vars:
        counted = result[name].sel(scenario=["reference"]) if "scenario" in result[name].dims else result[name]
        np.testing.assert_array_equal(plain[name], counted)


def test_tables(result):
    table = events_report.by_country(result)
    assert len(table) == 4 * 2 * len(YEARS)
    assert ((table["main_season_share"] >= 0.25) | (table["event_hours_p50"] == 0.0)).all()
    assert set(table["main_day_part"]) <= {*events.DAY_PARTS, "none"}
    assert {"area", "event_count_p50"} <= set(events_report.by_area(result).columns)


def test_energy_that_is_lost_is_what_is_cut(grid):
    payback = {"us.longest_event_hours": 6.0, "us.payback_share": 0.8}
    lost, back = scenario_with({"us.longest_event_hours": 6.0}), scenario_with(payback)
    made = [lost.model_copy(update={"name": "lost"}), back.model_copy(update={"name": "back"})]
    found = estimate(grid, made, years=YEARS, draws=6, seed=5, device="cpu")
    us = found["flop_per_year"].sel(country="US")
    lost, back = us.sel(scenario="lost", drop=True), us.sel(scenario="back", drop=True)
    assert (back >= lost).all()
    assert (back > lost).any()
    assert (found["hostable_mw"].sel(scenario="lost") == found["hostable_mw"].sel(scenario="back")).all()


def test_terms_that_need_hours_of_each_area_are_refused(grid):
    with pytest.raises(CapacityError, match=r"us-power-capping'.*us\.longest_event_hours, us\.sustained_depth"):
        estimate(grid, load(["us-power-capping"]), years=[2025], draws=2, seed=1, adequacy="lolh")
