"""Storage by the firm capacity that its dispatch is worth: years between, draws, islands and networks alike."""

import numpy as np
import pytest
from grid_factory import tiny_grid
from policy_reference import POLICY

from capacity import estimate
from capacity.adequacy import reliability
from capacity.base_year import areas as base_year
from capacity.explain import island
from capacity.storage_equivalent import between, dispatched
from scenarios import load

GIVEN = {"draws": 5, "seed": 5, "device": "cpu"}
FLEXIBLE, FIRM = "grid_headroom_mw", "firm_headroom_mw"


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def found(grid):
    return estimate(grid, load(["reference"]), years=range(2025, 2031), area_draws=True, **GIVEN)


def test_years_between_dispatches():
    years = np.arange(2025, 2033)
    np.testing.assert_array_equal(dispatched(years), [2025, 2030, 2035])
    np.testing.assert_array_equal(dispatched(years[:1]), [2025])
    np.testing.assert_array_equal(dispatched(years[:6]), [2025, 2030])
    values = np.array([[0.5, 0.25, 0.125]])
    got = between(dispatched(years), years, values)
    np.testing.assert_allclose(got[0], np.interp(years, [2025, 2030, 2035], values[0]))
    assert got[0, 0] == 0.5
    assert got[0, 5] == 0.25


def test_in_a_year_of_dispatch_it_is_the_dispatch(grid, found):
    exact = estimate(grid, load(["reference"]), years=range(2025, 2031), **GIVEN, storage="dispatch")
    assert found.attrs["storage"] == "equivalent"
    for name in (FLEXIBLE, FIRM):
        scale = float(exact[name].max())
        off = np.abs(found[name] - exact[name]).max("draw") / scale
        assert off.sel(year=[2025, 2030]).max() < 1e-3
        assert off.max() < 0.06
    credit = estimate(grid, load(["reference"]), years=[2025], **GIVEN, storage="credit")
    assert (np.abs(found[FLEXIBLE].sel(year=2025) - credit[FLEXIBLE].sel(year=2025)) > 0).any()


@pytest.mark.parametrize("year", [2025, 2027])
def test_a_draw_depends_on_no_other_nor_on_the_last_year(grid, found, year):
    few = estimate(grid, load(["reference"]), years=[year], **GIVEN | {"draws": [3]})
    for name in few.data_vars:
        if {"year", "draw"} <= set(few[name].dims):
            np.testing.assert_array_equal(few[name].sel(year=year), found[name].sel(year=year).isel(draw=[3]), name)


LATER = """
name: capped-later
title: Two per cent may be curtailed, later by a quarter of the power at a time
rationale: Terms beyond energy that begin in a later year.
sources: [none]
overrides:
  us.curtailable_fraction: {value: 0.02, unit: "1", label: J, source: test, fixed_because: test}
  us.sustained_depth:
    {value: {kind: path, nodes: {2026: 1.0, 2029: 0.25}}, unit: "1", label: J, source: test, fixed_because: test}
"""


def test_terms_of_later_years_leave_earlier_ones_alone(grid, tmp_path):
    file = tmp_path / "capped-later.yaml"
    file.write_text(LATER, encoding="utf-8")
    short, long = (
        estimate(grid, load([str(file)]), years=years, **GIVEN)[FLEXIBLE].sel(year=2025, country="US")
        for years in ([2025], [2025, 2026])
    )
    np.testing.assert_allclose(short, long, rtol=1e-9)


POLICIES = (
    "sustained_depth: 0.25, longest_event_h: 3",
    "flexible_share: 0.7, curtailment_share: 0.02, longest_event_h: 6, events_a_year: 5",
    "flexible_share: 0.5, notice_h: 24",
    "longest_event_h: 2, events_a_year: 0",
    "sustained_depth: 0.4, ramp_share_an_hour: 0.1, battery_share: 0.2, battery_h: 2",
)


@pytest.mark.parametrize("terms", POLICIES)
def test_firm_load_takes_no_notice_of_a_policy_and_no_policy_falls_below_it(grid, found, terms, tmp_path):
    """Storage is worth to each what its own terms let it be worth."""
    file = tmp_path / "asked.yaml"
    file.write_text(POLICY % terms, encoding="utf-8")
    asked = estimate(grid, load([str(file)]), years=range(2025, 2031), area_draws=True, **GIVEN)
    us = found["area"].str.startswith("us.")
    firm, flexible = (asked[f"area_{name}_draws"].isel(scenario=0).sel(area=us) for name in (FIRM, FLEXIBLE))
    plain = found[f"area_{FIRM}_draws"].isel(scenario=0).sel(area=us)
    assert (flexible >= firm).all()
    assert (firm >= plain).all()  # which a share of energy holds down between years of dispatch
    np.testing.assert_array_equal(firm.sel(year=[2025, 2030]), plain.sel(year=[2025, 2030]))


def test_engines_and_threads_give_the_same_bits(grid, found):
    pytest.importorskip("numba")
    plain = estimate(grid, load(["reference"]), years=[2025, 2026], **GIVEN, engine="numpy", threads=1)
    for name in (FLEXIBLE, FIRM):
        np.testing.assert_array_equal(plain[name].sel(year=2026), found[name].sel(year=2026))


def test_it_counts_wherever_a_margin_does(grid):
    """Networks, outages and a policy take it; where the notion reads no firm capacity, nothing does."""
    for said in ({"exchange": "network"}, {"adequacy": "lolh"}, {"names": ["us-power-capping"]}):
        names = said.pop("names", ["reference"])
        one, two = (
            estimate(grid, load(names), years=[2025], **GIVEN, **said, storage=storage)
            for storage in ("equivalent", "credit")
        )
        assert (one[FLEXIBLE] != two[FLEXIBLE]).any()
    one, two = (
        estimate(grid, load(["reference"]), years=[2025], **GIVEN, adequacy="historic_peak", storage=storage)
        for storage in ("equivalent", "credit")
    )
    np.testing.assert_array_equal(one[FLEXIBLE], two[FLEXIBLE])


def test_explain_explains_the_run(grid, found):
    area = str(found["area"].to_numpy()[0])
    said = island.explain(grid, load(["reference"])[0], area, 2026, draws=5, seed=5)
    drawn = found["area_grid_headroom_mw_draws"].sel(area=area, year=2026).isel(scenario=0, draw=said.draw)
    assert said.headroom_mw == pytest.approx(float(drawn), rel=1e-9)


def test_the_base_year_counts_it(grid):
    table = base_year.compare(grid, load(["reference"])[0])
    assert np.isfinite(table["firm_capacity_headroom_gw"]).all()
    assert reliability.NOTIONS
