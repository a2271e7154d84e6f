"""What demand grows by: energies add up, hours follow clock and weather, off it changes no bit."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from grid_factory import tiny_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_factory import YEARS, drawn, scenario

from capacity import country, demand
from capacity import demand_components as components
from capacity.adequacy import notions
from capacity.adequacy.parts import base_year_mean_mw, native_mw, peak_mw, peak_to_mean_ratio, weather_by_area
from capacity.estimation import estimate
from capacity.supply import projection
from capacity.supply.fleet import Fleet

GRID = tiny_grid()
WEATHER = weather_by_area(GRID)
OFF = {"us__component_share": 0, "cn__component_share": 0}
NO_CENTRES = {"us__base_year_datacenter_share": 0, "cn__base_year_datacenter_share": 0}
EVERY = np.arange(12)


def balances(name="US", **values):
    fleet, draws = Fleet.of(GRID, name), drawn(len(EVERY), **values)
    return fleet, draws, country.balances_of(GRID, fleet, draws, projection.project(fleet, draws))


def margin(a, balance, fleet, draws, weather):
    central = country.balances_of(GRID, fleet, draws.central, projection.project(fleet, draws.central))
    record = notions.area_records(GRID, fleet, WEATHER, draws.central)[a]
    return notions.firm_capacity(record, weather, balance, central[a])


@pytest.mark.parametrize("name", ["US", "CN"])
@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_energy_grows_as_its_parameters_say_and_data_centres_stay(name, share):
    fleet, draws, found = balances(name, us__component_share=share, cn__component_share=share)
    path = demand.project(name, fleet.base_year, draws)
    base = base_year_mean_mw(GRID, "annual_load_mwh", fleet.areas)
    part = draws.scalar(f"{fleet.prefix}.base_year_datacenter_share")[:, None]
    assert (part > 0.0).all()
    for a, balance in enumerate(found):
        others = balance.load_mw - part * base[a]
        np.testing.assert_allclose(others / ((1.0 - part) * base[a]), path.energy_ratio, rtol=1e-12)
        for weather in WEATHER[fleet.areas[a]]:
            load = native_mw(weather, balance, EVERY, -1)
            np.testing.assert_allclose(load.mean(axis=1), balance.load_mw[:, -1], rtol=2e-4)  # shapes are stored packed


def test_the_margin_holds_the_native_load():
    fleet, draws, found = balances(us__electric_heating_share=0.1)
    weather = WEATHER[fleet.areas[1]][0]
    parts = margin(1, found[1], fleet, draws, weather)
    assert set(components.HOURLY) < set(parts.terms)
    by = dict(zip(parts.terms, parts.coefficients[3, -1, :, None] * parts.profiles[-1], strict=True))
    load = native_mw(weather, found[1], EVERY, -1)[3]
    np.testing.assert_allclose(notions.load_mw(by, float(found[1].firm_mw[3, -1])), load, rtol=1e-9)
    assert all((values >= 0.0).all() for values in notions.added_mw(by).values())


def test_data_centres_of_the_base_year_are_in_the_load_and_grow_in_no_hour():
    """What changes with their share is their own growth alone, alike in all hours."""
    same = {"us__peak_energy_delta": 0, **OFF}
    fleet, draws, with_them = balances(us__base_year_datacenter_share=0.1, **same)
    _, _, without = balances(us__base_year_datacenter_share=0, **same)
    growth = demand.project("US", fleet.base_year, draws).energy_ratio[:, -1:] - 1.0
    base = base_year_mean_mw(GRID, "annual_load_mwh", fleet.areas)
    for a, area in enumerate(fleet.areas):
        load, more = (native_mw(WEATHER[area][0], b[a], EVERY, -1) for b in (with_them, without))
        np.testing.assert_allclose(more - load, np.broadcast_to(0.1 * base[a] * growth, load.shape), rtol=1e-9)


def test_off_it_is_the_load_shape_alone_and_nothing_else_reads_the_shares():
    fleet, draws, off = balances(**OFF, **NO_CENTRES)
    _, _, other = balances(us__added_share_heat=0.9, us__component_peak_error=0.02, **OFF, **NO_CENTRES)
    path = demand.project("US", fleet.base_year, draws)
    base = base_year_mean_mw(GRID, "annual_load_mwh", fleet.areas)
    peak = peak_to_mean_ratio(GRID, fleet.areas)
    for a, (one, two) in enumerate(zip(off, other, strict=True)):
        assert one.added is None
        np.testing.assert_array_equal(one.load_mw, base[a] * path.energy_ratio)
        np.testing.assert_array_equal(one.shaped_mw, one.load_mw)
        np.testing.assert_array_equal(one.stretch, demand.stretch(path.peak_ratio, float(peak[a])))
        np.testing.assert_array_equal(one.stretch, two.stretch)
        weather = WEATHER[fleet.areas[a]][0]
        found = margin(a, one, fleet, draws, weather)
        assert found.terms == notions.TERMS
        np.testing.assert_array_equal(found.coefficients[..., 0], one.firm_mw + one.load_mw * one.stretch)


@settings(max_examples=60, deadline=None)
@given(
    ratio=st.floats(0.7, 2.5),
    frozen=st.floats(0.0, 0.2),
    shares=st.lists(st.floats(0.0, 0.25), min_size=4, max_size=4),
)
def test_what_is_added_never_exceeds_the_growth(ratio, frozen, shares):
    path = demand.DemandPath(np.full((1, 1), ratio), np.ones((1, 1)), np.array([frozen]))
    flat, added = components.divide(1000.0, path, np.array([shares]))
    assert all((mw >= 0.0).all() for mw in added)
    shaped = 1000.0 * path.load_ratio - flat - sum(added)
    # The load shape holds data centres: what is theirs of it, with the flat part, makes their load and industry's.
    others = shaped * (1.0 - frozen)
    centres = shaped * frozen + flat - 1000.0 * (1.0 - frozen) * max(ratio - 1.0, 0.0) * shares[3]
    assert centres[0, 0] == pytest.approx(1000.0 * frozen, abs=1e-6)
    lowest = 1000.0 * (1.0 - frozen) * min(ratio, 1.0)
    assert others[0, 0] >= lowest - 1e-6


def test_more_cars_take_from_the_rest_and_leave_the_energy():
    _, _, few = balances(us__added_share_vehicles=0.1)
    _, _, many = balances(us__added_share_vehicles=0.4)
    for one, other in zip(few, many, strict=True):
        np.testing.assert_array_equal(one.load_mw, other.load_mw)
        assert (other.added.vehicles_mw >= one.added.vehicles_mw).all()
        assert (other.shaped_mw <= one.shaped_mw + 1e-9).all()


@pytest.mark.parametrize("name", ["US", "CN"])
def test_shares_of_areas_make_those_of_the_country(name):
    fleet = Fleet.of(GRID, name)
    draws = drawn(len(EVERY))
    shares = components.added_shares(GRID, fleet, draws)
    assert (shares >= 0.0).all()
    assert (shares.sum(axis=2) <= 1.0 + 1e-12).all()
    load = GRID["annual_load_mwh"].sel(area=list(fleet.areas)).to_numpy()[:, -1]
    whole = np.einsum("a,sac->sc", load / load.sum(), shares)
    asked = np.stack([draws.scalar(f"{fleet.prefix}.added_share_{c}") for c in components.COMPONENTS], axis=1)
    kept = shares.sum(axis=2).max(axis=1) < 1.0 - 1e-9
    np.testing.assert_allclose(whole[kept], asked[kept], rtol=1e-9)


def test_cars_are_charged_by_the_local_clock_and_less_on_sunday_mornings():
    working, weekend = components.charging_by_hour()
    assert working.mean() == pytest.approx(1.0)
    assert weekend.mean() == pytest.approx(1.0)
    for area, offset in (("us.ercot", -6), ("cn.jiangsu", 8)):
        weather = WEATHER[area][0]
        local = np.roll(weather.added[0], offset).reshape(365, 24)
        at_weekend = components.at_weekend(weather.weather_year)
        np.testing.assert_allclose(local[~at_weekend], np.broadcast_to(working, local[~at_weekend].shape), rtol=1e-9)
        np.testing.assert_allclose(local[at_weekend], np.broadcast_to(weekend, local[at_weekend].shape), rtol=1e-9)


@pytest.mark.parametrize("year", [2019, 2020, 2024])
def test_weekends_are_those_of_the_calendar(year):
    days = [datetime.date(year, 1, 1) + datetime.timedelta(n) for n in range(366)]
    days = [day for day in days if (day.month, day.day) != (2, 29)][:365]
    np.testing.assert_array_equal(components.at_weekend(year), [day.weekday() >= 5 for day in days])


def test_heat_and_cooling_are_what_spells_add_to_a_calm_year():
    """A load that is made of a calm day, a cold spell and a hot one gives the two back."""
    calm = np.tile(np.linspace(0.8, 1.0, 24), 365)
    cold, hot = np.zeros(8760), np.zeros(8760)
    cold[480:600], hot[4700:4900] = 0.5, 0.7
    normal = np.array([0.0, 2, 6, 12, 17, 22, 25, 24, 19, 13, 6, 1])
    warm = components.warm_hours(normal)
    heat, cooling = components.weather_load(np.roll(calm + cold + hot, 6), warm, 2021, -6)
    np.testing.assert_allclose(heat, np.roll(cold, 6), atol=1e-12)
    np.testing.assert_allclose(cooling, np.roll(hot, 6), atol=1e-12)
    flat = components.shapes(calm, warm, 2021, 0)
    np.testing.assert_array_equal(flat[1:], 1.0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), most=st.floats(0.0, 1.0))
def test_the_hours_that_are_looked_at_hold_the_peak_of_all(seed, most):
    rng = np.random.default_rng(seed)
    shape, one, two = rng.uniform(0.2, 2.0, (3, 300)).round(1)
    ratios = rng.uniform(0.0, most, (40, 2))
    load = shape + ratios @ np.stack([one, two])
    hours = components.peak_hours(shape, [(ratios[:, 0].max(), one), (ratios[:, 1].max(), two)])
    np.testing.assert_array_equal(load[:, hours].max(axis=1), load.max(axis=1))


def test_the_peak_is_that_of_the_native_load_and_knows_no_other_draws():
    fleet, _, found = balances("CN", cn__electric_heating_share=0.1)
    for a, area in enumerate(fleet.areas):
        weather = WEATHER[area][0]
        peaks = peak_mw(weather, found[a])
        load = native_mw(weather, found[a], EVERY, -1)
        np.testing.assert_allclose(peaks[:, -1], load.max(axis=1), rtol=1e-12)
        few = np.array([7, 2])
        np.testing.assert_array_equal(peak_mw(weather, found[a].take(few)), peaks[few])


def test_a_run_is_the_same_by_engine_and_by_blocks():
    asked = {"years": range(2025, 2028), "seed": 3, "threads": 1}
    whole = estimate(GRID, [scenario()], draws=6, engine="numba", **asked)
    other = estimate(GRID, [scenario()], draws=6, engine="numpy", **asked)
    few = estimate(GRID, [scenario()], draws=[4, 1], engine="numpy", **asked)
    for name in ("hostable_mw", "peak_load_mw", "load_mwh", "firm_headroom_mw"):
        np.testing.assert_array_equal(whole[name], other[name])
        np.testing.assert_array_equal(whole[name].sel(draw=[4, 1]), few[name])
    off = estimate(GRID, [scenario(**OFF)], draws=6, engine="numpy", **asked)
    np.testing.assert_allclose(whole["load_mwh"], off["load_mwh"], rtol=1e-12)
    assert not np.array_equal(whole["grid_headroom_mw"], off["grid_headroom_mw"])


def test_a_network_has_the_hours_of_the_components():
    asked = {"years": range(2025, 2028), "draws": 4, "seed": 3, "exchange": "network"}
    one, other, off = (
        estimate(GRID, [scenario(**values)], engine=engine, **asked)
        for values, engine in (({}, "numpy"), ({}, "numba"), (OFF, "numpy"))
    )
    np.testing.assert_allclose(one["grid_headroom_mw"], other["grid_headroom_mw"], rtol=1e-9)
    assert not np.allclose(one["grid_headroom_mw"], off["grid_headroom_mw"], rtol=1e-6)


def test_provinces_grow_from_what_they_used_in_the_base_year():
    """Whatever year the shapes of their hours were made for."""
    fleet, draws, found = balances("CN", **OFF, **NO_CENTRES)
    record = GRID["annual_load_mwh"].sel(area=list(fleet.areas)).to_numpy()[:, -1]
    assert int(GRID["history_year"][-1]) == fleet.base_year == YEARS[0] - 1
    growth = 1.0 + draws.scalar("cn.nondatacenter_growth_2025_2030")
    for a, balance in enumerate(found):
        np.testing.assert_allclose(balance.load_mw[:, 0] * 8784.0, record[a] * growth, rtol=1e-12)
