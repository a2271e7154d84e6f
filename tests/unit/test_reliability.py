"""Outages unit by unit: rates by temperature, fleets to scale, runs under the three notions, and how far scale errs."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid

from capacity import estimate
from capacity.adequacy import notions, reliability
from capacity.adequacy.parts import weather_by_area
from capacity.base_year import areas as base_year
from capacity.country import balances_of
from capacity.draws import Draws, draw_ids
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from cuda_kernels.outage_table import expected_headroom_mw, outage_table
from scenarios import load

YEARS = [2025, 2026]


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def drawn():
    return Draws(5, draw_ids(6), np.arange(2025, 2027), load(["reference"])[0])


@pytest.fixture(scope="module")
def outages(grid, drawn):
    fleet = Fleet.of(grid, "CN")
    nameplate = tuple(projection.project(fleet, d).nameplate_mw for d in (drawn, drawn.central))
    return reliability.Outages.of(grid, fleet, drawn, nameplate, "expected_unserved")


def test_rates_follow_the_temperature_and_keep_their_mean(outages):
    temperatures, weight = np.array([-15.0, 10.0, 35.0]), np.array([0.2, 0.5, 0.3])
    cold, hot = outages.ratios["gas"]
    found = outages.rates("gas", 0.05, temperatures, weight)
    assert found / found[1] == pytest.approx([cold, 1.0, hot])
    assert weight @ found == pytest.approx(0.05)
    assert outages.rates("biomass", 0.09, temperatures, weight) == pytest.approx([0.09] * 3)
    assert outages.rates("gas", 0.3, np.array([-45.0, 10.0]), np.array([0.1, 0.9])).max() == reliability.HIGHEST_RATE


def test_a_state_has_the_expected_capacity_of_the_central_fleet(outages):
    for a in range(2):
        state = outages.state(a, 0)
        want = sum(
            outages.central_mw[a, outages.technologies.index(t), 0] * (1.0 - outages.rate[t][0])
            for t in reliability.UNITS
        )
        assert state.mean_mw == pytest.approx(want, rel=2e-3)
        assert outages.state(a, 0) is state


def test_headroom_of_a_draw_is_that_of_its_own_units(grid, drawn, outages):
    """A table made from the draw's own fleet, unit by unit, against the central table to scale: within 2 %."""
    fleet = Fleet.of(grid, "CN")
    projected = projection.project(fleet, drawn)
    weather = weather_by_area(grid)
    records = notions.area_records(grid, fleet, weather, drawn.central)
    balances = balances_of(grid, fleet, drawn, projected)
    central = balances_of(grid, fleet, drawn.central, projection.project(fleet, drawn.central))
    share = drawn.parameter("cn.curtailable_fraction")
    members = np.arange(6)
    conditions = records[0].weather[0]
    margin = notions.firm_capacity(records[0], conditions, balances[0], central[0])
    found = outages.solve(0, members, margin, balances[0], share)
    summer = grid["summer_capability_fraction"].sel(country="CN").to_numpy()
    temperatures, rows = outages.rows(0)
    weight = np.bincount(rows) / rows.size
    multiplier = drawn.parameter("cn.forced_outage_multiplier")
    for draw in range(3):
        sizes, rates = [], []
        for t in reliability.UNITS:
            k = fleet.technologies.index(t)
            standing = projected.nameplate_mw[draw, 0, k, 1] * summer[k]
            count = max(1, round(standing / outages.unit_mw[t]))
            mean = drawn.parameter(f"forced_outage_rate_{t}")[draw, 1] * multiplier[draw, 1]
            sizes.append(np.full(count, standing / count))
            rates.append(np.repeat(outages.rates(t, float(mean), temperatures, weight)[:, None], count, axis=1))
        own = outage_table(np.concatenate(sizes), np.concatenate(rates, axis=1), step_mw=10.0)
        firm = margin.coefficients[draw, 1] @ margin.profiles[1] - balances[0].firm_mw[draw, 1]
        net = -firm - outages.storage_mw[draw, 0, 1]
        want = expected_headroom_mw(net, own, rows, "eue_flexible", float(share[draw, 1])).headroom_mw[0]
        assert found.flexible_mw[draw, 1] == pytest.approx(want, rel=0.02)


def test_runs_under_the_three_notions_are_ordered(grid):
    def run(adequacy_notion, draws=4):
        return estimate(
            grid, load(["reference"]), years=YEARS, draws=draws, seed=5, device="cpu", adequacy=adequacy_notion
        )

    whole = {name: run(name) for name in reliability.NOTIONS}
    for found in whole.values():
        assert (found["grid_headroom_mw"] > 0).all()
        np.testing.assert_array_equal(found["grid_headroom_mw"], whole["lolh"]["grid_headroom_mw"])
    # a tenth of a day is stricter than 2.4 hours: days count by their worst hour
    assert (whole["lole"]["firm_headroom_mw"] <= whole["lolh"]["firm_headroom_mw"] * (1 + 1e-9)).all()
    assert whole["lole"].attrs["adequacy"] == "lole"
    block = run("expected_unserved", [3, 1])
    for name in ("grid_headroom_mw", "firm_headroom_mw"):
        np.testing.assert_array_equal(block[name], whole["expected_unserved"][name].sel(draw=[3, 1]))


def test_base_year_has_the_notion_beside_the_others(grid):
    table = base_year.compare(grid, load(["reference"])[0])
    assert (table["expected_unserved_headroom_gw"] >= table["firm_capacity_headroom_gw"] * 0.9).all()
    assert base_year.national(table)["expected_unserved_headroom_gw"].gt(0).all()
