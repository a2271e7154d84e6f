"""`gridflops explain --adequacy`: hours that add up, derivatives against differences of the headroom, the command."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity import CapacityError, estimate
from capacity.adequacy import reliability
from capacity.adequacy.notions import TERMS
from capacity.cli import main
from capacity.explain import island_outages
from capacity.explain.area_year import area_case, asked
from capacity.explain.outage_area import outages_of
from capacity.explain.report import plain
from grids import store
from scenarios import load

SCENARIO = load(["reference"])[0]
PROFILES = {"constant": "constant", "wind": "wind", "solar": "solar", "hydro": "hydro", "imports": "load"}


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def found(grid):
    return {
        notion: island_outages.explain_outages(grid, SCENARIO, "us.ercot", 2027, notion=notion, draws=3)
        for notion in reliability.NOTIONS
    }


def test_it_explains_the_headroom_of_a_run(grid, found):
    one = found["lolh"]
    asked_of = {"years": [2027], "draws": 3, "seed": 2025, "adequacy": "lolh", "area_draws": True}
    run = estimate(grid, [SCENARIO], device="cpu", **asked_of).isel(scenario=0)
    at = {"area": "us.ercot", "year": 2027, "draw": one.draw}
    assert one.headroom_mw == pytest.approx(float(run["area_grid_headroom_mw_draws"].sel(at)), rel=1e-12)
    assert {other.headroom_mw for other in found.values()} == {one.headroom_mw}


def test_hours_add_up_and_are_in_order(found):
    for one in found.values():
        for of, load_mw in ((one.flexible, one.headroom_mw), (one.firm, one.firm.headroom_mw)):
            hours = of.hours
            given = hours[["units_mw", "wind_mw", "solar_mw", "hydro_mw", "net_import_mw", "storage_firm_mw"]].sum(
                axis=1
            )
            np.testing.assert_allclose(given - hours["load_mw"] - load_mw, hours["may_be_out_mw"], rtol=1e-9, atol=1e-6)
            assert hours["short_probability"].between(0.0, 1.0).all()
            assert (hours["outage_mw"] > 0.0).all()
            assert (hours["storage_mwh"] >= 0.0).all()
            assert hours["part"].sum() <= 1.0 + 1e-12
        assert one.flexible.hours["lacking_mw"].is_monotonic_decreasing
        if one.firm.headroom_mw > 0.0:
            assert one.firm.hours["part"].is_monotonic_decreasing
        curtailed = one.curtailed_mw.sum() / (8760 * one.headroom_mw)
        assert curtailed == pytest.approx(0.005, rel=1e-6)
        sums = (sum(one.season_hours.values()), sum(one.day_part_hours.values()))
        assert sums == pytest.approx((one.flexible.short_hours,) * 2)
    assert found["lolh"].firm.short_hours == pytest.approx(2.4, abs=0.05)


@pytest.mark.parametrize("notion", list(reliability.NOTIONS))
def test_derivatives_are_differences_of_the_headroom(grid, found, notion):
    """One MW of capacity, wind, sun, water, imports and of the fleet to scale, by the public headroom function."""
    one = found[notion]
    known = area_case(grid, *asked(grid, SCENARIO, "us.ercot", (2027, 0.5), (3, 2025)), "equivalent")
    outages = outages_of(grid, known, notion)
    members, last, a = np.array([one.draw]), known.last, known.a
    conditions = next(weather for weather, draws in known.by_weather() if one.draw in draws)
    margin, balance = known.margin(conditions, known.balance.take(members)), known.balance.take(members)

    def headroom(term, mw):
        coefficients, units = margin.coefficients.copy(), outages.units_mw.copy()
        if term == "units":
            units[one.draw, a, last] += mw
        else:
            coefficients[0, last, TERMS.index(PROFILES[term])] += mw
        moved = type(outages)(**{**vars(outages), "units_mw": units})
        share = np.array([0.005])
        got = moved.solve_year(a, last, members, margin._replace(coefficients=coefficients), balance, (share, "auto"))
        return float(got.flexible_mw[0]), float(got.firm_mw[0])

    for term in ("units", *PROFILES):
        up, down = (headroom(term, step) for step in (1e-3, -1e-3))
        assert one.flexible.adds[term] == pytest.approx((up[0] - down[0]) / 2e-3, rel=1e-4, abs=1e-6), term
        if notion == "expected_unserved":
            assert one.firm.adds[term] == pytest.approx((up[1] - down[1]) / 2e-3, rel=1e-3, abs=1e-5), term
        else:  # hours and days stand still on a step of the table
            up, down = (headroom(term, step) for step in (200.0, -200.0))
            assert one.firm.adds[term] == pytest.approx((up[1] - down[1]) / 400.0, rel=0.1, abs=0.02), term


def test_storage_by_its_credit_and_areas_where_nothing_fits(grid):
    credit = island_outages.explain_outages(grid, SCENARIO, "us.ercot", 2026, draws=2, storage="credit")
    assert "storage_mwh" not in credit.flexible.hours
    assert 0.0 < credit.flexible.adds["storage"] < credit.flexible.adds["constant"]
    poor = grid.copy(deep=True)
    for name in ("nameplate_mw", "capacity_history_mw"):
        poor[name] = poor[name] * 0.2
    nothing = island_outages.explain_outages(poor, SCENARIO, "us.ercot", 2026, draws=2)
    assert nothing.headroom_mw == nothing.firm.headroom_mw == 0.0
    assert nothing.native_short_hours > 100.0
    assert set(nothing.adds.values()) == {0.0}
    assert nothing.flexible.hours["lacking_mw"].is_monotonic_decreasing


def test_wrong_requests_are_named(grid):
    for more, what in (
        ({"notion": "historic_peak"}, "has no outages; choose expected_unserved, lolh, lole"),
        ({"storage": "dispatch"}, "knows firm_capacity only"),
        ({"quantile": 2.0}, "quantile 2"),
    ):
        with pytest.raises(CapacityError, match=what):
            island_outages.explain_outages(grid, SCENARIO, "us.ercot", 2027, **more)
    with pytest.raises(CapacityError, match="keep to curtailable_fraction"):
        island_outages.explain_outages(grid, load(["us-power-capping"])[0], "us.ercot", 2027, draws=2)


def test_the_command_prints_draws_and_writes(grid, found, tmp_path):
    path, page, csv = tmp_path / "tiny.nc", tmp_path / "binds.png", tmp_path / "hours.csv"
    store.write_grid(grid, path)
    arguments = ["explain", "us.ercot", "2026", "--draws", "2", "--grid", str(path), "--adequacy", "lolh"]
    done = CliRunner().invoke(main, [*arguments, "--figure", str(page), "--csv", str(csv), "--hours", "3"])
    assert done.exit_code == 0, done.output
    assert "bound by: expected hours of shortage" in done.output
    assert "units like those that stand" in done.output
    assert page.read_bytes().startswith(b"\x89PNG")
    assert pd.read_csv(csv)["of"].tolist() == ["flexible"] * 3 + ["firm"] * 3
    data = json.loads(json.dumps(plain(found["lole"])))
    assert len(data["flexible"]["hours"]) == len(data["firm"]["hours"]) == 20
