"""What is known of the years after the base year binds every draw, and nothing is built twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grid_factory import tiny_grid

import grids
from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.supply import experts, known_additions, projection
from capacity.supply.fleet import Fleet
from capacity.supply.known_additions import Known, open_plans
from capacity.supply.known_additions import known_additions as known_of
from scenarios import load

YEARS = np.arange(2025, 2033)


@pytest.fixture(scope="module", params=["US", "CN"])
def case(request):
    fleet = Fleet.of(grids.open_grid(), request.param)
    draws = Draws(7, np.arange(24), YEARS, load(["reference"])[0])
    return fleet, draws, projection.project(fleet, draws)


def with_solar(mw: float, areas: str = "US") -> Fleet:
    fleet = Fleet.of(tiny_grid(), areas)
    added = np.full((len(fleet.technologies), 1), np.nan)
    added[fleet.technologies.index("solar")] = mw
    return replace(
        fleet, known=Known(added, np.zeros(len(fleet.technologies), dtype=np.int64), added[:, :0], added[:, :0])
    )


def test_known_additions_are_met_in_every_draw_and_the_record_says_so(case):
    fleet, _, projected = case
    added = (projected.pipeline_mw + projected.trend_mw)[..., 0].sum(axis=1)
    known = fleet.on_record.added_mw[:, 0]
    on_record = np.isfinite(known)
    assert on_record.sum() >= 4
    np.testing.assert_allclose(
        added[:, on_record], np.broadcast_to(known[on_record], (24, on_record.sum())), rtol=1e-12
    )
    assert (projected.expert[:, on_record, 0] == experts.KNOWN).all()
    assert not (projected.expert[:, ~on_record] == experts.KNOWN).any()
    assert not (projected.expert[..., 1:] == experts.KNOWN).any()


def test_what_came_lies_where_it_was_planned(case):
    fleet, _, projected = case
    k = fleet.technologies.index("solar")
    planned = fleet.planned(fleet.planned_addition_mw, YEARS)[:, k, 0]
    np.testing.assert_allclose(
        projected.pipeline_mw[3, :, k, 0] / projected.pipeline_mw[3, :, k, 0].sum(), planned / planned.sum(), rtol=1e-9
    )


def test_a_grid_without_all_areas_knows_nothing():
    for country in ("US", "CN"):
        assert Fleet.of(tiny_grid(), country).on_record.added_mw.shape == (12, 0)


def test_a_record_that_the_base_year_holds_already_is_left_out():
    fleet = Fleet.of(grids.open_grid(), "CN")
    assert known_of("CN", fleet.areas, fleet.technologies, 2025).added_mw.shape == (12, 0)
    assert known_of("CN", fleet.areas, fleet.technologies, 2024).added_mw.shape == (12, 1)


def plans(added, surveyed=0, planned=(10.0, 8.0, 4.0, 2.0)):
    known = Known(np.array([added], dtype=float), np.array([surveyed]), np.empty((1, 0)), np.empty((1, 0)))
    table = np.outer([0.25, 0.75], planned)[:, None, :]
    return open_plans(known, table, np.arange(2025, 2025 + len(planned)), 2024)


def test_what_did_not_come_is_planned_anew_and_a_surplus_is_taken_off_the_next_plans():
    short = plans([6.0])
    np.testing.assert_allclose(short.late.sum(axis=(0, 1)), [0.0, 12.0, 4.0, 2.0])
    np.testing.assert_allclose(short.came.sum(axis=(0, 1)), [10.0, 0.0, 0.0, 0.0])
    over = plans([21.0])
    np.testing.assert_allclose(over.late.sum(axis=(0, 1)), [0.0, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(over.late[1, 0], 3.0 * over.late[0, 0])
    np.testing.assert_allclose(plans([0.0]).late.sum(axis=(0, 1)), [0.0, 18.0, 4.0, 2.0])


def test_a_gap_in_the_record_ends_it():
    np.testing.assert_array_equal(plans([np.nan, 5.0]).late.sum(axis=(0, 1)), [10.0, 8.0, 4.0, 2.0])
    assert not plans([np.nan, 5.0]).came.any()


def test_a_survey_holds_what_slipped():
    asked = plans([6.0], surveyed=2026)
    np.testing.assert_allclose(asked.surveyed.sum(axis=(0, 1)), [0.0, 8.0, 0.0, 0.0])
    np.testing.assert_allclose(asked.late.sum(axis=(0, 1)), [0.0, 0.0, 4.0, 2.0])
    np.testing.assert_array_equal(plans([np.nan], surveyed=2026).surveyed, 0.0)


def test_the_drift_of_the_trend_sees_the_known_year():
    draws = Draws(3, np.arange(40), YEARS, load(["reference"])[0])
    more, less = (
        projection.project(with_solar(mw), draws).nameplate_mw[:, :, 8].sum(axis=1) for mw in (20_000.0, 2_000.0)
    )
    growth_more, growth_less = (np.log(n[:, 5] / n[:, 0]).mean() for n in (more, less))
    assert growth_more > growth_less
    k = with_solar(0.0).technologies.index("solar")
    growth, _ = experts.statistical_growth(with_solar(2_000.0), draws, k, np.full((40, 1), 60_000.0))
    assert (growth[:, 0] == 0.0).all()
    assert (growth[:, 1] != 0.0).all()


def test_horizons_count_from_the_last_known_year():
    np.testing.assert_array_equal(experts._from_origin(np.array([1.0, 2.0, 3.0]), 5, 1), [1.0, 1.0, 2.0, 3.0, 3.0])
    fleet = with_solar(2_000.0)
    assert experts.origin(fleet, fleet.technologies.index("solar")) == 2025
    assert experts.origin(fleet, fleet.technologies.index("coal")) == 2024
    record = experts.record_of(fleet, "solar")
    assert record.growth(3, 2025)[0] == pytest.approx(record.later_paths[2025][0])
    np.testing.assert_array_equal(record.growth(3, 2031), record.growth(3))


def test_draws_stay_the_same_in_any_company(case):
    fleet, draws, projected = case
    few = Draws(draws.seed, draws.ids[5:9], draws.years, draws.scenario)
    np.testing.assert_array_equal(projection.project(fleet, few).nameplate_mw, projected.nameplate_mw[5:9])


def test_a_figure_without_a_source_is_refused(monkeypatch):
    added = {"country": "US", "year": 2025, "mw": {"solar": {"value": 1, "label": "F"}}}
    table = {"added": [added], "retired": [], "planned": [], "surveyed": []}
    monkeypatch.setattr(known_additions, "read_table", lambda *_: table)
    known_additions.read_known.cache_clear()
    try:
        with pytest.raises(CapacityError, match="US 2025 solar"):
            known_additions.read_known()
    finally:
        known_additions.read_known.cache_clear()


def test_younger_plans_raise_the_total_and_go_where_the_grid_plans():
    grid_plans = np.zeros((2, 2, 3))
    grid_plans[:, 0] = [[30.0, 1.0, 0.0], [10.0, 0.0, 0.0]]
    known = known_additions.nothing_known(2)._replace(planned_mw=np.array([[np.nan, 42.0, 0.0], [np.nan] * 3]))
    plans = known_additions.with_younger_plans(known, grid_plans)
    np.testing.assert_allclose(plans[:, 0].sum(axis=0), [40.0, 42.0, 0.0])
    np.testing.assert_allclose(plans[:, 0, 1], [1.0 + 41.0 * 31.0 / 41.0, 10.0])
    np.testing.assert_array_equal(plans[:, 1], 0.0)
    nowhere = known._replace(planned_mw=np.array([[np.nan], [5.0]]))
    with pytest.raises(CapacityError, match="have no area"):
        known_additions.with_younger_plans(nowhere, grid_plans)


def test_the_plans_of_2027_are_those_of_january_2026():
    fleet = Fleet.of(grids.open_grid(), "US")
    planned = fleet.planned(fleet.planned_addition_mw, YEARS).sum(axis=0)
    assert planned[fleet.technologies.index("solar"), 2] == pytest.approx(26_600.0)
    assert planned[fleet.technologies.index("gas"), 3] == pytest.approx(10_600.0)
