"""Stock-flow projection: survivors, pipeline, trend, limits."""

import numpy as np
import pytest
from grid_factory import tiny_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.draws import Draws
from capacity.supply import projection
from capacity.supply.fleet import Fleet, delayed
from capacity.supply.retirement import Ageing, existing_mw, remaining_share
from scenarios import load

YEARS = np.arange(2025, 2041)


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module", params=["US", "CN"])
def case(request, grid):
    fleet = Fleet.of(grid, request.param)
    return fleet, Draws(11, np.arange(40), YEARS, load(["reference"])[0])


@settings(max_examples=60, deadline=None)
@given(
    max_age=st.floats(10, 300),
    half_life=st.floats(3.0, 300.0),
    steepness=st.floats(0.01, 1.0),
    age=st.floats(0, 400),
)
def test_survival_is_a_share_that_never_rises(max_age, half_life, steepness, age):
    ageing = Ageing(*(np.array([[x]]) for x in (max_age, half_life, steepness)))
    now, later = (ageing.share(np.array([[a]])) for a in (age, age + 1.0))
    assert 0.0 <= later <= now <= 1.0
    assert ageing.share(np.zeros((1, 1))) == pytest.approx(1.0)


def test_earlier_years_are_those_of_a_projection_that_ends_there(case):
    fleet, draws = case
    whole, short = projection.project(fleet, draws), projection.project(fleet, draws.through(2028))
    for name, values in vars(whole.through(4)).items():
        np.testing.assert_array_equal(values, getattr(short, name), err_msg=name)


def test_units_past_their_age_leave_gradually(case):
    fleet, draws = case
    share = remaining_share(fleet, draws, "coal")
    assert (np.diff(share, axis=2) <= 1e-12).all()
    assert (share[:, 0] > 0).all(), "the oldest bin has outlived the cut-off"
    assert (share[:, 0, 0] < share[:, -1, 0]).all()


def test_stock_balance_holds_every_year(case):
    """K_y = K_(y-1) + additions - retirements, with retirements of additions only by their own age (I12)."""
    fleet, draws = case
    projected = projection.project(fleet, draws)
    standing = existing_mw(fleet, draws)
    np.testing.assert_array_equal(projected.existing_mw, standing)
    base = fleet.nameplate_mw.sum(axis=2)
    retired = np.diff(np.concatenate([np.broadcast_to(base[None, ..., None], (*standing.shape[:3], 1)), standing], -1))
    assert (retired <= 1e-6).all()
    assert (projected.nameplate_mw >= standing - 1e-9).all()


def test_national_totals_do_not_depend_on_the_area_split(case):
    fleet, draws = case
    projected = projection.project(fleet, draws)
    assert np.isfinite(projected.nameplate_mw).all()
    assert (projected.pipeline_mw >= 0).all()
    assert (projected.trend_mw >= 0).all()


def test_additions_respect_the_limits(case):
    fleet, draws = case
    projected = projection.project(fleet, draws)
    for k, technology in enumerate(fleet.technologies):
        ceiling = draws.parameter(f"{fleet.prefix}.addition_limit_{technology}")
        added = np.diff((projected.pipeline_mw + projected.trend_mw)[:, :, k].sum(axis=1), axis=1)
        assert (added <= ceiling[:, 1:] * (1 + 1e-9) + 1e-6).all(), technology


def test_more_building_never_lowers_supply(grid):
    fleet = Fleet.of(grid, "CN")
    plain, surge = (Draws(3, np.arange(30), YEARS, s) for s in load(["reference", "cn-five-year-plan-surge"]))
    less, more = (projection.project(fleet, d).nameplate_mw.sum(axis=(1, 2)) for d in (plain, surge))
    assert (more.mean(axis=0) >= less.mean(axis=0)).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), mean=st.floats(0.0, 10.0))
def test_delays_move_completions_but_create_none(seed, mean):
    planned = np.random.default_rng(seed).uniform(0, 100, (3, 2, 11))
    late = delayed(planned, np.array([mean]))[0]
    assert (late >= 0).all()
    assert (np.cumsum(late, axis=-1) <= np.cumsum(planned, axis=-1) + 1e-9).all()
    if mean < 1e-3:
        np.testing.assert_allclose(late, planned)


def test_a_draw_is_the_same_in_any_company(case):
    fleet, draws = case
    few = Draws(draws.seed, draws.ids[7:12], draws.years, draws.scenario)
    np.testing.assert_array_equal(
        projection.project(fleet, few).nameplate_mw, projection.project(fleet, draws).nameplate_mw[7:12]
    )


def test_draws_spread_around_the_central_path(case):
    fleet, draws = case
    total = projection.project(fleet, draws).nameplate_mw.sum(axis=(1, 2))
    central = projection.project(fleet, draws.central).nameplate_mw.sum(axis=(1, 2))[0]
    assert (total.min(axis=0) <= central).all()
    assert (total.max(axis=0) >= central).all()
    assert (np.diff(total.std(axis=0))[3:] >= -0.2 * total.std(axis=0)[3:-1]).all()
