"""Cells: geometry and spreading rules on made-up lattices, and the cells built from the originals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from grids.areas import AREAS, TECHNOLOGIES
from grids.build import cell_fleet, cell_weights, cells, fleet, lattice, outlines
from grids.outlines import read_outlines
from grids.sources import boundaries, gem_points, koeppen, nea_kinds, plants_us, rasters
from grids.variables import REGISTRY, GridDataError

CELL_NAMES = {name for name in REGISTRY if name.startswith("cell_")}


def _lattice(areas: str = "aab", start: float = 100.25) -> lattice.Lattice:
    """One row of half-degree cells, one letter an area."""
    count = len(areas)
    return lattice.Lattice(
        degrees=0.5,
        lat=np.full(count, 30.25),
        lon=start + 0.5 * np.arange(count),
        area=np.array(list(areas)),
        region=np.array(list(areas)),
        land_km2=np.full(count, 1000.0),
    )


def test_overlaps_tile_a_polygon_and_measure_it_on_the_sphere() -> None:
    overlaps = lattice.overlaps_km2(shapely.box(10.1, 40.0, 11.2, 41.0), 0.5)
    sphere = 6371.0088**2 * np.radians(1.1) * (np.sin(np.radians(41.0)) - np.sin(np.radians(40.0)))
    assert sum(overlaps.values()) == pytest.approx(sphere, rel=1e-12)
    assert set(overlaps) == {(row, column) for row in (80, 81) for column in (20, 21, 22)}


def test_overlaps_of_a_sliver_have_the_sum_of_the_whole() -> None:
    triangle = shapely.Polygon([(0.2, 0.2), (3.7, 0.21), (0.2, 2.9)])
    parts = [lattice.overlaps_km2(triangle, degrees) for degrees in (0.25, 0.5, 1.0)]
    whole = boundaries.equal_area_km(triangle).area
    assert [sum(part.values()) for part in parts] == pytest.approx([whole] * 3, rel=1e-12)


@pytest.mark.parametrize("degrees", [0.0, -0.5, 0.3])
def test_a_width_that_does_not_divide_a_degree_is_refused(degrees: float) -> None:
    with pytest.raises(GridDataError, match="divide a degree"):
        lattice.build(Path("unused"), degrees)


def test_topojson_walks_shared_arcs_backwards() -> None:
    topology = {
        "transform": {"scale": [1.0, 1.0], "translate": [10.0, 20.0]},
        "arcs": [[[1, 0], [0, 1]], [[1, 1], [-1, 0], [0, -1], [1, 0]], [[1, 0], [1, 0], [0, 1], [-1, 0]]],
        "objects": {
            "land": {
                "type": "GeometryCollection",
                "geometries": [{"type": "Polygon", "arcs": [[0, 1]]}, {"type": "Polygon", "arcs": [[2, -1]]}],
            }
        },
    }
    land = boundaries.topojson_layer(topology, "land")
    assert land.area == pytest.approx(2.0)
    assert land.bounds == (10.0, 20.0, 12.0, 21.0)


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("Inner Mongolia Autonomous Region", "cn.inner_mongolia"),
        ("Gansu province", "cn.gansu"),
        ("Guangxi Zhuang Autonomous Region", "cn.guangxi"),
        ("Tibet", "cn.tibet"),
    ],
)
def test_province_names_lose_their_suffix(name: str, area: str) -> None:
    assert boundaries.province_id(name) == area


def test_a_point_stays_in_its_cell_or_moves_to_the_nearest_of_its_own_area() -> None:
    lat, lon = np.array([30.1, 30.1, 30.1, 35.0]), np.array([100.6, 101.4, 100.1, 90.0])
    area = np.array(["a", "a", "b", "b"])
    assert cell_weights.nearest_cells(_lattice("aab"), lat, lon, area).tolist() == [1, 1, 2, 2]


def test_a_point_of_an_area_without_cells_is_an_error() -> None:
    with pytest.raises(GridDataError, match="no cell belongs to 'z'"):
        cell_weights.nearest_cells(_lattice(), np.array([30.0]), np.array([100.0]), np.array(["z"]))


def test_nearest_area_takes_the_polygon_that_holds_a_point_else_the_closest() -> None:
    polygons = {"a": shapely.box(0, 0, 1, 1), "b": shapely.box(1, 0, 2, 1)}
    found = cell_weights.nearest_area(polygons, np.array([0.5, 0.5, 0.5]), np.array([0.9, 1.1, 3.0]))
    assert found.tolist() == ["a", "b", "b"]


def test_neighbours_share_within_an_area_and_keep_the_sum() -> None:
    spread = cell_weights.around(_lattice("aaab"), np.array([0.0, 9.0, 0.0, 5.0]))
    assert spread.tolist() == [3.0, 3.0, 3.0, 5.0]


def test_an_area_without_weights_is_named() -> None:
    with pytest.raises(GridDataError, match="b: siting weights sum to 0"):
        cell_weights.normalised(np.array([1.0, 3.0, 0.0]), _lattice("aab"))


amounts = st.floats(0.0, 1e5, allow_subnormal=False)


@given(
    st.lists(amounts, min_size=6, max_size=6),
    st.lists(amounts, min_size=6, max_size=6),
    st.lists(amounts, min_size=2, max_size=2),
)
def test_filled_cells_sum_to_the_area_whatever_is_on_record(
    pattern: list[float], prior: list[float], target: list[float]
) -> None:
    grid, load = _lattice("aaabbb"), np.full(6, 1 / 3)
    filled = cell_fleet.fill(grid, np.array(target), np.array(pattern), np.array(prior), load)
    assert np.all(filled >= 0.0)
    assert filled[:3].sum() == pytest.approx(target[0], rel=1e-12, abs=1e-300)
    assert filled[3:].sum() == pytest.approx(target[1], rel=1e-12, abs=1e-300)


def test_located_units_are_kept_and_only_the_rest_is_spread() -> None:
    grid, load = _lattice("aa"), np.array([0.5, 0.5])
    pattern, prior = np.array([100.0, 0.0]), np.array([0.0, 1.0])
    assert cell_fleet.fill(grid, np.array([150.0]), pattern, prior, load).tolist() == [100.0, 50.0]
    assert cell_fleet.fill(grid, np.array([40.0]), pattern, prior, load).tolist() == [40.0, 0.0]
    nothing = np.zeros(2)
    assert cell_fleet.fill(grid, np.array([8.0]), nothing, nothing, load).tolist() == [4.0, 4.0]


def test_recent_farms_beyond_the_fleet_opened_later() -> None:
    grid = _lattice("aab")
    wind = TECHNOLOGIES.index("wind")
    pattern, recent, target = (np.zeros((len(TECHNOLOGIES), n)) for n in (3, 3, 2))
    pattern[wind], recent[wind], target[wind] = [100.0, 60.0, 40.0], [0.0, 60.0, 40.0], [120.0, 90.0]
    kept, later = cell_fleet._as_of_target(grid, target.T, pattern, recent)
    assert kept[wind].tolist() == [100.0, 20.0, 40.0]
    assert later[wind].tolist() == [0.0, 40.0, 0.0]
    limited = cell_fleet._at_most(grid, np.full((2, len(TECHNOLOGIES)), 10.0), later)
    assert limited[wind].tolist() == [0.0, 10.0, 0.0]


def test_raster_means_leave_out_what_is_unknown() -> None:
    values = np.array([[1.0, 3.0], [np.nan, 5.0]])
    raster = xr.DataArray(values, coords={"lat": [0.0, 1.0], "lon": [0.0, 1.0]}, dims=("lat", "lon"))
    at = np.array([0.0, 1.0, 1.0]), np.array([0.5, 0.5, 0.0])
    assert rasters.mean_in_squares(raster, *at, degrees=1e-9)[:2].tolist() == pytest.approx([2.0, 5.0])
    assert np.isnan(rasters.mean_in_squares(raster, *at, degrees=1e-9, points=1)[2])
    assert rasters.nearest_known(raster, np.array([0.9]), np.array([0.0])).tolist() == [1.0]


def test_climate_of_a_point_in_the_water_is_that_of_the_land_around() -> None:
    zones = np.full(koeppen.SHAPE, 9, dtype=np.uint8)
    zones[:, : 180 * 36] = 1
    zones[60 * 36 : 61 * 36, 190 * 36 : 191 * 36] = 2
    climate = koeppen.Climate(zones, {1: "Cfa", 2: "Dfb", 9: "Ocean"})
    assert climate.at(10.0, -20.0, 0.5) == "Cfa"
    assert climate.at(29.9, 9.99, 0.5) == "Dfb", "sea pixel beside an island"
    with pytest.raises(GridDataError, match="no land climate"):
        climate.at(-50.0, 90.0, 0.5)


def test_outlines_in_the_package_are_light_and_complete() -> None:
    rings = read_outlines()
    assert list(rings) == [area.id for area in AREAS]
    for area, parts in rings.items():
        for ring in parts:
            assert ring.shape[0] >= 4, area
            assert ring[0].tolist() == ring[-1].tolist(), area
    path = Path(boundaries.__file__).parents[1] / "data" / "outlines.json"
    assert path.stat().st_size < 150_000
    text = json.loads(path.read_text(encoding="utf-8"))
    assert text["sources"] == outlines.PROVENANCE["sources"]


@pytest.fixture(scope="module")
def area_fleet(originals: Path) -> xr.Dataset:
    return fleet.build(originals)


@pytest.fixture(scope="module")
def built(originals: Path, area_fleet: xr.Dataset) -> xr.Dataset:
    return cells.build(originals, area_fleet)


def test_outlines_are_those_of_the_originals(originals: Path, tmp_path: Path) -> None:
    outlines.write(originals, tmp_path / "outlines.json")
    path = Path(boundaries.__file__).parents[1] / "data" / "outlines.json"
    assert (tmp_path / "outlines.json").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_cells_hold_every_registered_variable_with_its_attributes(built: xr.Dataset) -> None:
    assert set(built.data_vars) == CELL_NAMES
    for name in CELL_NAMES:
        registered, attrs = REGISTRY[name], built[name].attrs
        assert built[name].dims == tuple(registered.dims)
        assert (attrs["units"], attrs["label"]) == (registered.units, registered.label)
        assert attrs["source"]
        assert attrs["method"]


@pytest.mark.slow
def test_cells_cover_the_land_of_both_countries_once(built: xr.Dataset) -> None:
    area = built["cell_area_id"].values.astype(str)
    us = np.char.startswith(area, "us.")
    assert set(area) == {entry.id for entry in AREAS}
    assert 3300 <= us.sum() <= 3600
    assert 3900 <= (~us).sum() <= 4200
    positions = np.column_stack([built["cell_lat"].values, built["cell_lon"].values])
    assert len(np.unique(positions, axis=0)) == len(positions)
    assert np.all(np.lexsort((positions[:, 1], positions[:, 0])) == np.arange(len(positions)))
    land = built["cell_land_km2"].values.astype(float)
    assert land[us].sum() == pytest.approx(7.80e6, rel=0.02)
    assert land[~us].sum() == pytest.approx(9.36e6, rel=0.02)


@pytest.mark.slow
def test_cells_sum_to_the_fleet(built: xr.Dataset, area_fleet: xr.Dataset) -> None:
    area = built["cell_area_id"].values.astype(str)
    target = area_fleet["nameplate_mw"].sum("vintage").sel(technology=list(TECHNOLOGIES))
    cap = area_fleet["planned_addition_mw"].sum("plan_year").sel(technology=list(TECHNOLOGIES))
    for name in np.unique(area):
        inside = area == name
        sums = built["cell_nameplate_mw"].values[:, inside].astype(np.float64).sum(axis=1)
        np.testing.assert_allclose(sums, target.sel(area=name).values, rtol=1e-6, atol=1e-6)
        planned = built["cell_planned_mw"].values[:, inside].astype(np.float64).sum(axis=1)
        assert np.all(planned <= cap.sel(area=name).values * (1 + 1e-6) + 1e-6)
        assert built["cell_load_weight"].values[inside].astype(np.float64).sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
def test_large_plants_stand_where_they_are_known_to_stand(built: xr.Dataset) -> None:
    def here(technology: str, lat: float, lon: float) -> float:
        at = (built["cell_lat"] == lat) & (built["cell_lon"] == lon)
        return float(built["cell_nameplate_mw"].sel(technology=technology).where(at, drop=True).sum())

    assert here("nuclear", 33.25, -112.75) == pytest.approx(4210, rel=0.05), "Palo Verde"
    assert here("hydro", 47.75, -118.75) > 6000, "Grand Coulee"
    assert here("hydro", 30.75, 111.25) > 20000, "Three Gorges and Gezhouba"
    assert here("nuclear", 33.25, 110.25) == 0.0


@pytest.mark.slow
def test_prices_are_masked_where_none_is_published(built: xr.Dataset) -> None:
    region = built["cell_region"].values.astype(str)
    missing = np.isnan(built["cell_price_usd_per_mwh"].values)
    chinese = np.char.startswith(built["cell_area_id"].values.astype(str), "cn.")
    np.testing.assert_array_equal(missing, chinese | (region == "WY"))


@pytest.mark.slow
def test_captive_works_draw_load_that_people_do_not_explain(originals: Path, built: xr.Dataset) -> None:
    grid = lattice.build(originals)
    people = cell_weights.people_weight(originals, grid)
    load = built["cell_load_weight"].values.astype(float)
    zouping = int(np.flatnonzero((grid.lat == 36.75) & (grid.lon == 117.75))[0])
    assert load[zouping] > 1.5 * people[zouping], "aluminium smelters of Shandong"
    us = np.char.startswith(grid.area, "us.")
    np.testing.assert_allclose(load[us], people[us], rtol=1e-6)


@pytest.mark.slow
def test_a_tampered_cell_is_named(built: xr.Dataset, area_fleet: xr.Dataset) -> None:
    broken = built.copy(deep=True)
    number = int(np.flatnonzero(built["cell_area_id"].values == "us.ercot")[0])
    broken["cell_nameplate_mw"][TECHNOLOGIES.index("wind"), number] += 500.0
    broken["cell_lat"][0], broken["cell_lon"][0] = broken["cell_lat"][1], broken["cell_lon"][1]
    with pytest.raises(GridDataError) as caught:
        cells.check(broken, area_fleet)
    assert "us.ercot wind" in str(caught.value)
    assert "position occurs twice" in str(caught.value)


def test_located_us_capacity_matches_published_totals(originals: Path) -> None:
    """EIA, end of 2024, contiguous states: nuclear 104 GW, gas 571, wind 153; sites need no scaling to get there."""
    located = plants_us.sites(originals).groupby("technology")["mw"].sum()
    assert located["nuclear"] == pytest.approx(104e3, rel=0.02)
    assert located["gas"] == pytest.approx(571e3, rel=0.03)
    assert located["wind"] == pytest.approx(153e3, rel=0.05)
    assert located["coal"] == pytest.approx(189e3, rel=0.05)


def test_tracked_units_in_china(originals: Path) -> None:
    units = gem_points.operating(originals)
    china = units[units["country"] == "CN"].groupby("technology")["mw"].sum()
    assert china["coal"] == pytest.approx(1.19e6, rel=0.05)
    assert china["pumped_storage"] == pytest.approx(58.7e3, rel=0.05), "NEA: 58.7 GW at the end of 2024"
    provinces = set(units.loc[units["country"] == "CN", "province"])
    assert provinces - {""} <= {area.id for area in AREAS}
    planned = gem_points.planned(originals)
    assert planned["year"].dropna().between(2025, 2035).all()


def test_roof_solar_shares(originals: Path) -> None:
    share = nea_kinds.utility_share(originals)
    assert set(share) == {area.id for area in AREAS if area.country == "CN"}
    assert share["cn.qinghai"] > 0.95
    assert share["cn.zhejiang"] < 0.3
    with pytest.raises(GridDataError, match="201709"):
        nea_kinds.utility_share(originals, "201709")
