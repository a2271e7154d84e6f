"""US areas cut into zones: every sum is kept, and what is known by area is found by zone."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid

import grids
from capacity import CapacityError, zones
from capacity.deployment import request_pattern
from capacity.draws import Draws, draw_ids
from capacity.network import planned_lines
from capacity.network.links import links
from capacity.supply import regimes
from capacity.supply.fleet import Fleet, number_of
from grids import GridDataError
from grids.areas import parent_of
from grids.zones import open_zones, split
from grids.zones_cells import at_most, shares
from grids.zones_load import hourly_shares
from scenarios import load

SUMMED = (
    "nameplate_mw",
    "planned_addition_mw",
    "planned_retirement_mw",
    "capacity_history_mw",
    "generation_mwh",
    "annual_load_mwh",
    "net_export_mwh",
)


@pytest.fixture(scope="module")
def whole():
    return grids.open_grid()


@pytest.fixture(scope="module")
def cut(whole):
    return split(whole)


def summed(cut, whole, name):
    """Sums of a variable over the zones of each area of `whole`."""
    total = np.zeros(whole[name].shape)
    owner = [whole["area"].values.tolist().index(parent_of(area)) for area in cut["area"].values.tolist()]
    np.add.at(total, owner, cut[name].values)
    return total


def test_every_zone_has_an_area_load_and_a_cell(cut):
    known = open_zones()
    names = known["zone"].values.tolist()
    assert len(names) == 134
    assert {parent_of(name) for name in names} == {area.id for area in grids.AREAS if area.country == "US"}
    assert sorted(int(name.rsplit(".p", 1)[1]) for name in names) == list(range(1, 135))
    assert (known["load_share"].values > 0.0).all()
    assert set(cut["cell_area_id"].values.tolist()) == set(cut["area"].values.tolist())


def test_zones_add_up_to_their_area(cut, whole):
    for name in SUMMED:
        np.testing.assert_allclose(summed(cut, whole, name), whole[name].values, rtol=1e-9, atol=1e-6, err_msg=name)


def test_the_file_itself_adds_up_to_the_grid_it_was_made_with(whole):
    known = open_zones()
    owner = [parent_of(name) for name in known["zone"].values.tolist()]
    for name in (
        "nameplate_mw",
        "planned_addition_mw",
        "planned_retirement_mw",
        "capacity_history_mw",
        "generation_mwh",
    ):
        of_areas = known[name].groupby(known["zone"].copy(data=owner).rename("area")).sum()
        want = whole[name].sel(area=of_areas["area"].values).transpose(*of_areas.dims)
        np.testing.assert_allclose(of_areas.values, want.values, rtol=2e-6, atol=20.0 if "mwh" in name else 0.02)


def test_zones_demand_what_their_area_demands_in_every_hour(cut, whole):
    level = dict(zip(cut["area"].values.tolist(), cut["annual_load_mwh"].values[:, -1], strict=True))
    base = dict(zip(whole["area"].values.tolist(), whole["annual_load_mwh"].values[:, -1], strict=True))
    total = {name: np.zeros(8760) for name in whole["profile"].values.tolist()}
    rows = zip(cut["profile_area"].values.tolist(), cut["weather_year"].values, cut["load_shape"].values, strict=True)
    for area, year, shape in rows:
        total[f"{parent_of(area)}/{year}"] += level[area] * shape
    for number, name in enumerate(whole["profile"].values.tolist()):
        want = base[name.split("/")[0]] * whole["load_shape"].values[number]
        np.testing.assert_allclose(total[name], want, rtol=1e-12)


def test_zones_peak_at_different_hours_and_never_less_than_their_area_together(cut, whole):
    together = summed(cut, whole, "peak_load_mw")[:, -1]
    alone = whole["peak_load_mw"].values[:, -1]
    assert (together >= alone * (1.0 - 1e-6)).all()
    texas = whole["area"].values.tolist().index("us.ercot")
    assert together[texas] > 1.01 * alone[texas]


def test_links_of_zones_carry_what_links_of_areas_carry(cut, whole):
    for end in ("low", "high"):
        total: dict[tuple[str, str], float] = {}
        ends = zip(cut["link_from"].values.tolist(), cut["link_to"].values.tolist(), strict=True)
        for (a, b), mw in zip(ends, cut[f"link_limit_{end}_mw"].values, strict=True):
            pair = parent_of(a), parent_of(b)
            total[pair] = total.get(pair, 0.0) + mw
        ends = zip(whole["link_from"].values.tolist(), whole["link_to"].values.tolist(), strict=True)
        for pair, mw in zip(ends, whole[f"link_limit_{end}_mw"].values, strict=True):
            assert total.pop(pair) == pytest.approx(mw, rel=1e-9)
        assert all(a == b for a, b in total)
    groups = links(cut, Fleet.of(cut, "US")).groups
    # The source has no interface of the small zone of WAPA in north-eastern Montana, p19.
    sizes = sorted((group.name, len(group.areas)) for group in groups)
    assert sizes == [("eastern", 92), ("ercot", 7), ("western", 1), ("western", 34)]


def test_china_stays_as_it_is(cut, whole):
    china = whole["area"].values[whole["area_country"].values == "CN"]
    for name in (*SUMMED, "area_name", "peak_load_mw", "hydro_monthly_capacity_factor", "annual_capacity_factor"):
        np.testing.assert_array_equal(cut[name].sel(area=china).values, whole[name].sel(area=china).values)
    mine, theirs = (ds["load_shape"].values[ds["profile_area"].isin(china).values] for ds in (cut, whole))
    np.testing.assert_array_equal(mine, theirs)


def test_a_grid_of_ones_own_is_cut_with_every_sum_kept(whole):
    """Another fleet, other limits and a weather year that the zones do not know."""
    own = whole.isel(profile=np.flatnonzero(np.isin(whole["weather_year"].values, [2020, 2024]))).copy(deep=True)
    for name in ("nameplate_mw", "capacity_history_mw", "cell_nameplate_mw", "generation_mwh", "link_limit_high_mw"):
        own[name] *= 1.25
    own["weather_year"] = own["weather_year"].where(own["weather_year"] != 2024, 2031)
    pairs = zip(own["profile_area"].values.tolist(), own["weather_year"].values.tolist(), strict=True)
    own = own.assign_coords(profile=[f"{area}/{year}" for area, year in pairs])
    parts = split(own)
    for name in SUMMED:
        np.testing.assert_allclose(summed(parts, own, name), own[name].values, rtol=1e-9, atol=1e-6, err_msg=name)
    of_pair = [parent_of(a) + parent_of(b) for a, b in (text.split("->") for text in parts["link"].values.tolist())]
    florida = [pair == "us.frccus.sertp" for pair in of_pair]
    want = own["link_limit_high_mw"].sel(link="us.frcc->us.sertp").item()
    assert parts["link_limit_high_mw"].values[florida].sum() == pytest.approx(want)


def test_what_cannot_be_cut_is_refused(cut, whole):
    with pytest.raises(GridDataError, match="no area of this grid has zones"):
        split(cut)
    with pytest.raises(GridDataError, match=r"no cell of this grid lies in .*us\.caiso\.p10"):
        split(tiny_grid())
    changed = whole.copy(deep=True)
    changed["link_from"].values[0], changed["link_to"].values[0] = "us.nyiso", "us.caiso"
    with pytest.raises(GridDataError, match=r"us\.nyiso->us\.caiso: no pair of zones carries it"):
        split(changed)


def test_a_damaged_file_of_zones_is_named(tmp_path):
    with pytest.raises(GridDataError, match="no such file of zones"):
        open_zones(tmp_path / "none.nc")
    bad = open_zones().drop_vars("link_to")
    bad.to_netcdf(tmp_path / "bad.nc")
    with pytest.raises(GridDataError, match="link_to is missing"):
        open_zones(tmp_path / "bad.nc")


def test_hourly_shares_add_up_and_keep_the_year():
    rng = np.random.default_rng(3)
    share, shape = np.array([0.5, 0.3, 0.2]), rng.uniform(0.6, 1.8, 400)
    found = hourly_shares(rng.uniform(0.7, 1.4, (3, 400)), share, shape)
    np.testing.assert_allclose(found.sum(axis=0), 1.0, rtol=1e-14)
    np.testing.assert_allclose(found @ shape / shape.sum(), share, rtol=1e-9)


def test_cells_take_shares_or_are_cut_to_a_total():
    index = np.array([0, 0, 1, 1, 2])
    found = shares(np.array([1.0, 3.0, 0.0, 0.0, 5.0]), np.array([1.0, 1.0, 1.0, 3.0, 0.0]), index, 3)
    np.testing.assert_allclose(found, [0.25, 0.75, 0.25, 0.75, 1.0])
    kept = at_most(np.array([1.0, 3.0, 2.0, 2.0, 0.0]), np.array([2.0, 9.0, 1.0]), index)
    np.testing.assert_allclose(kept, [0.5, 1.5, 2.0, 2.0, 0.0])


def test_requests_of_an_area_lie_in_its_zones(cut, whole):
    areas, of_zones = (Fleet.of(ds, "US").areas for ds in (whole, cut))
    weight, years = request_pattern(areas)
    parts, slow = request_pattern(of_zones)
    owner = [areas.index(parent_of(zone)) for zone in of_zones]
    np.testing.assert_allclose(np.bincount(owner, weights=parts), weight, rtol=1e-12)
    np.testing.assert_allclose(slow, years[owner], rtol=1e-9)
    dominion = of_zones.index("us.pjm_east.p99")
    assert parts[dominion] == max(parts[at] for at, zone in enumerate(of_zones) if parent_of(zone) == "us.pjm_east")
    np.testing.assert_allclose(np.bincount(owner, weights=zones.load_shares(of_zones)), 1.0)


def test_zones_share_the_rules_the_record_and_the_lines_of_their_area(cut, whole):
    fleets = [Fleet.of(ds, "US") for ds in (whole, cut)]
    draws = Draws(5, draw_ids(3), np.arange(2025, 2034), load(["reference"])[0])
    owner = [fleets[0].areas.index(parent_of(zone)) for zone in fleets[1].areas]
    of_areas, of_zones = (regimes.factors(fleet, draws) for fleet in fleets)
    for one, many in zip(of_areas, of_zones, strict=True):
        np.testing.assert_array_equal(many, one[:, owner])
    np.testing.assert_array_equal(fleets[1].on_record.added_mw, fleets[0].on_record.added_mw)
    years, nil, full = np.array([2030, 2031]), np.zeros((1, 2)), np.ones((1, 2))
    added, parts = (planned_lines.added_mw(fleet.areas, years, 2024, nil, full) for fleet in fleets)
    inside = sum(line["mw"] for line in planned_lines.planned() if line["from"] == line["to"])
    assert parts[0, -1].sum() == pytest.approx(added[0, -1].sum() + 2 * inside)


def test_links_into_a_zone_are_raised_until_its_highest_load_is_served():
    pytest.importorskip("shapely", reason="the extra [build] is not installed")
    from grids.build.transfers import Limit
    from grids.build.zones import raised

    limits = {
        ("us.a.p1", "us.a.p2"): Limit(10.0, 40.0, "x"),
        ("us.a.p3", "us.a.p2"): Limit(30.0, 60.0, "x"),
        ("us.b.p4", "us.a.p2"): Limit(20.0, 25.0, "x"),
        ("us.a.p2", "us.a.p1"): Limit(10.0, 40.0, "x"),
    }
    assert raised(limits, {"us.a.p2": 60.0, "us.a.p1": 0.0}) == limits
    found = raised(limits, {"us.a.p2": 100.0, "us.b.p4": 50.0})
    low, high, record = found["us.a.p1", "us.a.p2"]
    assert (low, high) == (20.0, 40.0)
    assert "low raised by 2.00" in record
    assert found["us.a.p3", "us.a.p2"][:2] == (60.0, 60.0)
    assert found["us.b.p4", "us.a.p2"] == limits["us.b.p4", "us.a.p2"]
    assert found["us.a.p2", "us.a.p1"] == limits["us.a.p2", "us.a.p1"]


def test_a_zone_without_the_option_is_told_of_it(cut, whole):
    with pytest.raises(CapacityError, match=r"zone of us\.ercot, add --areas us-zones"):
        number_of(whole, "us.ercot.p63")
    assert number_of(cut, "us.ercot.p63")[0] == "US"
