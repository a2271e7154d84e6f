"""Winter: heat, cold spells and hard winters; off they change no bit, on they do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid
from scenario_factory import drawn

from capacity import country, winter
from capacity.adequacy import notions
from capacity.adequacy.parts import base_year_mean_mw, native_mw, peak_mw, weather_by_area
from capacity.supply import projection
from capacity.supply.fleet import Fleet

GRID = tiny_grid()
WEATHER = weather_by_area(GRID)


def balances(country_name, **values):
    fleet, draws = Fleet.of(GRID, country_name), drawn(20, **values)
    return fleet, draws, country.balances_of(GRID, fleet, draws, projection.project(fleet, draws))


def margin(a, country_name="US", weather=0, **values):
    """Hourly margin (draw, hour) of an area in the last year, and its balance."""
    fleet, draws, drawn_balances = balances(country_name, **values)
    central = country.balances_of(GRID, fleet, draws.central, projection.project(fleet, draws.central))
    record = notions.area_records(GRID, fleet, WEATHER, draws.central)[a]
    found = notions.firm_capacity(record, record.weather[weather], drawn_balances[a], central[a])
    return found.coefficients[:, -1] @ found.profiles[-1], drawn_balances[a], record.weather[weather]


def test_without_levers_there_is_no_winter_term():
    fleet, _, plain = balances("US")
    assert all(balance.winter is None for balance in plain)
    record = notions.area_records(GRID, fleet, WEATHER, drawn(20).central)[0]
    found = notions.firm_capacity(record, record.weather[0], plain[0], plain[0].take(np.array([0])))
    assert not set(notions.WINTER_TERMS) & set(found.terms)
    assert found.profiles.shape[1] == len(found.terms)


def test_heat_moves_load_into_cold_months_and_keeps_the_energy():
    plain, balance, weather = margin(0)
    heated, same, _ = margin(0, us__electric_heating_share={2025: 0.0, 2040: 0.2})
    np.testing.assert_array_equal(same.load_mw, balance.load_mw)
    january, july = slice(0, 744), slice(4344, 5088)
    assert (heated[:, january].mean(axis=1) < plain[:, january].mean(axis=1)).all()
    assert (heated[:, july].mean(axis=1) > plain[:, july].mean(axis=1)).all()
    load = native_mw(weather, same, np.arange(len(same.load_mw)), -1)
    np.testing.assert_allclose(load.mean(axis=1), balance.load_mw[:, -1], rtol=1e-9)
    np.testing.assert_allclose(load.max(axis=1), peak_mw(weather, same)[:, -1], rtol=1e-12)


def test_a_cold_spell_takes_gas_in_its_hours_alone():
    plain, balance, weather = margin(1)
    cold, same, _ = margin(1, us__cold_spell_gas_loss=0.2)
    spell = winter.cold_spell(weather.load_shape, 120) == 1.0
    assert spell.sum() == 120
    assert set(winter.MONTH_OF_HOUR[spell]) <= {12, 1, 2}
    lost = plain - cold
    hydro = lost - np.where(spell, same.winter.cold_loss_mw[:, -1:], 0.0)
    # Water and exports are scheduled anew around the spell: they shift energy, and take none over the year.
    assert (lost[:, spell].mean(axis=1) > 0.5 * same.winter.cold_loss_mw[:, -1]).all()
    assert np.abs(hydro.mean(axis=1)).max() < 0.02 * balance.load_mw[:, -1].max()
    gas_mw = 0.95 * balance.load_mw[:, 0]
    assert (same.winter.cold_loss_mw[:, 0] < 0.2 * 1.2 * gas_mw).all()


def test_heat_follows_the_cold_and_is_flat_where_there_is_none():
    cold = np.array([-5.0, -3, 3, 10, 16, 21, 24, 23, 18, 11, 4, -2])
    shape = winter.heating_shape(cold)
    assert shape.mean() == pytest.approx(1.0)
    assert shape.min() == 0.0
    assert winter.MONTH_OF_HOUR[shape.argmax()] == 1
    assert abs(shape[0] - shape[-1]) < 0.01, "December runs on into January"
    np.testing.assert_array_equal(winter.heating_shape(np.full(12, 25.0)), 1.0)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.001])
def test_hard_winters_come_first_and_for_all_areas_at_once(share):
    fleet, draws = Fleet.of(GRID, "US"), drawn(200, us__hard_winter_share=share)
    load = base_year_mean_mw(GRID, "annual_load_mwh", fleet.areas)
    place = winter.weather_place(fleet, WEATHER, load, draws)
    if share == 1.0:
        np.testing.assert_array_equal(place, draws.uniform("weather_year"))
        return
    hardness = [winter._hardness(fleet, [WEATHER[area][n] for area in fleet.areas], load, 100) for n in range(2)]
    assert set((place * 2).astype(int)) == {int(np.argmax(hardness))}
    groups = list(notions.weather_groups(WEATHER["us.ercot"], place))
    assert [len(members) for _, members in groups][int(np.argmax(hardness))] == 200


def test_levers_of_one_country_leave_the_other_alone():
    _, _, china = balances("CN", us__electric_heating_share=0.3, us__cold_spell_gas_loss=0.3)
    assert all(balance.winter is None for balance in china)
