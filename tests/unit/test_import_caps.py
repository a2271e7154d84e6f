"""Caps on what US regions import on balance: their figures, their growth, and what a run makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import grids
from capacity import CapacityError, country
from capacity.adequacy import notions
from capacity.adequacy.parts import base_year_mean_mw, weather_by_area
from capacity.base_year import areas as base_year
from capacity.draws import Draws, draw_ids
from capacity.explain.group import explain_group
from capacity.network import headroom
from capacity.network.case import case_of
from capacity.network.import_caps import ImportCaps, regions, share_of_peak
from capacity.network.links import links
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from scenarios import load


@pytest.fixture(scope="module")
def grid():
    return grids.open_grid()


def caps_of(grid, name, years):
    fleet = Fleet.of(grid, "US")
    draws = Draws(3, draw_ids(2), years, load([name])[0])
    balances = country.balances_of(grid, fleet, draws, projection.project(fleet, draws))
    return ImportCaps.of(fleet, draws, balances, base_year_mean_mw(grid, "annual_load_mwh", fleet.areas)), balances


def test_every_us_area_is_in_one_region_and_figures_are_whole():
    listed = [area for entry in regions()["regions"].values() for area in entry["areas"]]
    assert sorted(listed) == sorted(area.id for area in grids.AREAS if area.country == "US")
    assert all(0 < entry["mw"] < entry["peak_mw"] for entry in regions()["regions"].values())
    assert regions()["label"] in grids.variables.LABELS


def test_shares_hold_to_2031_and_are_gone_in_2050():
    found = share_of_peak(0.1, np.array([2025, 2031, 2032, 2050, 2060]))
    np.testing.assert_allclose(found, [0.1, 0.1, 0.1 + 0.9 / 19, 1.0, 1.0])


def test_caps_grow_with_the_load_of_their_region(grid):
    years = np.arange(2025, 2034)
    known, balances = caps_of(grid, "us-net-import-caps", years)
    names = list(regions()["regions"])
    fleet = Fleet.of(grid, "US")
    texas = fleet.areas.index("us.ercot")
    grown = balances[texas].load_mw / base_year_mean_mw(grid, "annual_load_mwh", ["us.ercot"])[0]
    np.testing.assert_allclose(known.cap_mw[:, :7, names.index("ERCOT")], 800.0 * grown[:, :7], rtol=1e-12)
    assert (known.cap_mw[:, -1] > known.cap_mw[:, 6]).all()
    assert caps_of(grid, "reference", years)[0] is None


def test_regions_of_a_group_are_single_areas_or_sets(grid):
    known, _ = caps_of(grid, "us-net-import-caps", np.array([2025]))
    fleet = Fleet.of(grid, "US")
    west = np.array([a for a, area in enumerate(fleet.areas) if "caiso" in area or "grid" in area or "west" in area])
    west = west[[not fleet.areas[a].startswith(("us.pjm", "us.miso")) for a in west]]
    single, (member, cap) = known.inside(west, np.array([1]), 0)
    assert np.isfinite(single).sum() == 1
    assert sorted(member.sum(axis=1)) == [2.0, 3.0]
    assert cap.shape == (1, 2)
    # a region that is its whole group, as Texas, imports from nobody
    alone, sets = known.inside(np.array([fleet.areas.index("us.ercot")]), np.array([0]), 0)
    assert sets is None
    assert alone.shape == (1, 1)


def eastern_gw(grid, weather, name):
    """Networked headroom of the Eastern interconnection in 2025, one draw."""
    fleet = Fleet.of(grid, "US")
    draws = Draws(3, draw_ids(1), np.array([2025]), load([name])[0])
    balances, central = (
        country.balances_of(grid, fleet, path, projection.project(fleet, path)) for path in (draws, draws.central)
    )
    records = notions.area_records(grid, fleet, weather, draws.central)
    case = case_of(grid, fleet, draws, records, (balances, central), notions.firm_capacity)
    east = replace(case, links=replace(case.links, groups=case.links.groups[:1]))
    return headroom.solve(east, np.array([0.3]), "auto").flexible_mw.sum() / 1e3


def test_caps_lower_the_headroom_most_where_load_follows_requests(grid):
    weather = weather_by_area(grid)
    free, capped, asked, both = (
        eastern_gw(grid, weather, name)
        for name in (
            "reference", "us-net-import-caps", "siting-by-request", "us-net-import-caps+siting-by-request"
        )
    )  # fmt: skip
    assert 0.9 * free < capped <= free * (1.0 + 1e-9)
    assert both < 0.9 * asked


def test_what_does_not_know_caps_says_so(grid):
    scenario = load(["us-net-import-caps"])[0]
    with pytest.raises(CapacityError, match="base-year knows no net-import caps"):
        base_year.compare(grid, scenario)


def test_zones_share_the_cap_of_their_region(grid):
    years = np.array([2025])
    of_areas, _ = caps_of(grid, "us-net-import-caps", years)
    cut = grids.open_grid(areas="us-zones")
    of_zones, _ = caps_of(cut, "us-net-import-caps", years)
    assert of_zones.names == of_areas.names
    np.testing.assert_allclose(of_zones.cap_mw, of_areas.cap_mw, rtol=1e-9)
    assert (of_zones.member.sum(axis=0) == 1).all()
    eastern = links(cut, Fleet.of(cut, "US")).groups[0].areas
    single, (member, cap) = of_zones.inside(eastern, np.array([0]), 0)
    assert np.isinf(single).all()
    assert member.shape == (7, 92)
    assert cap.shape == (1, 7)


def test_what_a_wider_cap_adds_is_explained(grid):
    scenario = load(["us-net-import-caps+siting-by-request"])[0]
    found = explain_group(grid, scenario, "us.pjm_east", 2025, draws=1)
    assert next(iter(found.cap_adds)) == "PJM"
    assert 0.0 < found.cap_adds["PJM"] <= found.adds["us.pjm_east"]["constant"] * (1.0 + 1e-9)
