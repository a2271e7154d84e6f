"""Levers that only scenarios move: at their defaults they change no bit, moved they do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid
from scenario_factory import YEARS, drawn

from capacity.network.links import compounded
from capacity.supply import projection, regimes
from capacity.supply.fleet import Fleet
from capacity.supply.projection import Supply

GRID = tiny_grid()


def project(country: str, **values: float | dict[int, float]) -> Supply:
    return projection.project(Fleet.of(GRID, country), drawn(**values))


@pytest.mark.parametrize("country", ["US", "CN"])
def test_neutral_paths_give_the_bits_of_neutral_constants(country):
    """A path of equal values goes the way of a dated one, so that way is the plain one where nothing moves."""
    pre = country.lower()
    moved = {
        f"{pre}__pipeline_delay_factor": {2025: 1.0, 2035: 1.0},
        f"{pre}__addition_factor": {2025: 1.0, 2035: 1.0},
        f"{pre}__addition_floor_nuclear": {2025: 0.0, 2035: 0.0},
    }
    one, other = project(country), project(country, **moved)
    for name in ("existing_mw", "pipeline_mw", "trend_mw", "expert"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


def test_a_limit_of_suspension_that_nobody_reaches_changes_no_bit():
    fleet = Fleet.of(GRID, "US")
    completion = drawn().scalar("us.pipeline_completion_solar")[:, None]
    _, today = regimes.queue_factors(fleet)
    for limit in (1.0, 0.7, 0.6):
        kept = regimes.kept_share(fleet, np.full(60, limit), completion)
        np.testing.assert_array_equal(kept, np.broadcast_to(today[None, :, None], kept.shape))


def test_a_limit_of_suspension_finishes_more_in_the_areas_above_it_and_never_more_than_all():
    fleet = Fleet.of(GRID, "US")
    completion = drawn().scalar("us.pipeline_completion_solar")[:, None]
    _, today = regimes.queue_factors(fleet)
    kept = regimes.kept_share(fleet, np.full(60, 0.2), completion)[:, :, 0]
    new_york, texas = fleet.areas.index("us.nyiso"), fleet.areas.index("us.ercot")
    np.testing.assert_array_equal(kept[:, texas], today[texas])
    expected = np.minimum(today[new_york] * 0.8 / 0.4, np.maximum(1.0 / completion[:, 0], today[new_york]))
    np.testing.assert_allclose(kept[:, new_york], expected, rtol=1e-12)
    assert (kept[:, new_york] * completion[:, 0] <= 1.0 + 1e-12).all()
    np.testing.assert_array_equal(regimes.kept_share(Fleet.of(GRID, "CN"), np.ones(60), completion), 1.0)


def test_what_is_planned_before_a_reform_is_as_late_as_before():
    fleet = Fleet.of(GRID, "US")
    plain = projection._pipeline_mw(fleet, drawn())[0]
    reform = projection._pipeline_mw(fleet, drawn(us__pipeline_delay_factor={2027: 1.0, 2028: 0.6}))[0]
    np.testing.assert_array_equal(reform[..., YEARS < 2028], plain[..., YEARS < 2028])
    later = reform[..., YEARS < 2033].sum(axis=-1) - plain[..., YEARS < 2033].sum(axis=-1)
    built = fleet.planned_addition_mw.any(axis=2)
    assert (later[:, built] > 0.0).all()
    whole = projection._pipeline_mw(fleet, drawn(us__pipeline_delay_factor=0.6))[0]
    assert (whole.sum(axis=-1) >= reform.sum(axis=-1) - 1e-9).all()


def test_a_factor_on_building_is_a_factor_on_the_trend():
    plain, more = project("CN"), project("CN", cn__addition_factor={2029: 1.0, 2030: 1.2})
    before = YEARS <= 2029
    np.testing.assert_array_equal(more.trend_mw[..., before], plain.trend_mw[..., before])
    assert more.nameplate_mw[..., -1].sum() > plain.nameplate_mw[..., -1].sum()


def test_a_programme_builds_what_it_says_within_the_limits():
    fleet = Fleet.of(GRID, "US")
    k = fleet.technologies.index("nuclear")
    draws = drawn(us__addition_floor_nuclear={2029: 0.0, 2030: 3_000.0}, us__addition_limit_nuclear=2_500.0)
    plain = project("US", us__addition_limit_nuclear=2_500.0)
    more = projection.project(fleet, draws)
    np.testing.assert_array_equal(more.nameplate_mw[..., YEARS < 2030], plain.nameplate_mw[..., YEARS < 2030])
    others = [i for i in range(len(fleet.technologies)) if i != k]
    np.testing.assert_array_equal(more.nameplate_mw[:, :, others], plain.nameplate_mw[:, :, others])
    stands = (more.pipeline_mw + more.trend_mw)[:, :, k].sum(axis=1)
    added = np.diff(stands, axis=1)
    assert (added <= 2_500.0 + 1e-6).all()
    assert (added[:, -1] >= 0.95 * 2_500.0).all(), "by 2040 the growth limit lets through what the other limit does"
    assert (added[:, YEARS[1:] == 2030] < 2_500.0).all(), "the first year is held by the growth limit"


def test_growth_of_transfers_compounds_year_by_year():
    elapsed = np.arange(1, 6)
    level = np.array([[0.01], [0.03]]) * np.ones((1, 5))
    np.testing.assert_array_equal(compounded(level, elapsed), (1.0 + level) ** elapsed[None, :])
    stepped = np.array([[0.01, 0.01, 0.05, 0.05, 0.05]])
    expected = 1.01 ** np.minimum(elapsed, 2) * 1.05 ** np.maximum(elapsed - 2, 0)
    np.testing.assert_allclose(compounded(stepped, elapsed)[0], expected, rtol=1e-14)
    np.testing.assert_allclose(compounded(stepped[:, 2:], elapsed[2:])[0, 0], 1.05**3, rtol=1e-14)
