"""What a cell weighs when something must be spread: load, wind and solar resource, coast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from grids.build.lattice import Lattice
from grids.sources import boundaries, cn_consumption, gem_points, rasters, tamu
from grids.sources.checks import original
from grids.variables import GridDataError

REMOTE_FLOOR: Final = 0.05
"""Load density of an empty cell, as a share of its area's mean, in the siting weight of wind and solar. Label J:
plants are built in remote places too, but not in proportion to empty land."""

CAPTIVE_HOURS: Final = 5500.0
"""Full-load hours of captive coal units [h]; above the 4,600 h of China's coal fleet, as works run day and night. J."""

CAPTIVE_LIMIT: Final = 0.5
"""Largest share of a province's load that is placed at captive units [1]. Label J."""

Floats = NDArray[np.float64]


def load_weight(originals: Path, lattice: Lattice, people: Floats) -> Floats:
    """Share of the area's load in each cell, (cell,); sums to 1 per area.

    US: as people. China: the yearly output of captive coal units, as a share of the province's consumption of
    2024, lies at these units; the rest follows people. Other industry, most of China's load, is not located.
    """
    units = gem_points.captive_coal(originals)
    lat, lon = units["lat"].to_numpy(float), units["lon"].to_numpy(float)
    area = units["province"].to_numpy(dtype=str)
    consumption = cn_consumption.read_consumption(originals)[cn_consumption.LAST_YEAR]
    captive = np.bincount(
        nearest_cells(lattice, lat, lon, area), weights=units["mw"].to_numpy(float), minlength=len(lattice)
    ).astype(np.float64)
    weight = people.copy()
    for name, annual_mwh in consumption.items():
        cells = lattice.cells_of(str(name))
        total = captive[cells].sum()
        if total > 0.0:
            share = min(total * CAPTIVE_HOURS / float(annual_mwh), CAPTIVE_LIMIT)
            weight[cells] = (1.0 - share) * people[cells] + share * captive[cells] / total
    return weight


def people_weight(originals: Path, lattice: Lattice) -> Floats:
    """Share of the area's people in each cell, (cell,); sums to 1 per area.

    US: peak load of the synthetic substations of Texas A&M that lie in the cell. China: people on its land.
    """
    substations = tamu.substation_load(originals)
    polygons = boundaries.us_areas(originals)
    lat, lon = substations["lat"].to_numpy(), substations["lon"].to_numpy()
    cell = nearest_cells(lattice, lat, lon, nearest_area(polygons, lat, lon))
    weight = np.bincount(cell, weights=substations["mw"].to_numpy(), minlength=len(lattice)).astype(np.float64)
    china = np.flatnonzero(np.char.startswith(lattice.area, "cn."))
    population = rasters.china_population_density(originals)
    lat, lon = lattice.lat[china], lattice.lon[china]
    density = rasters.mean_in_squares(population, lat, lon, lattice.degrees)
    # Islands and border slivers that the raster misses are as populated as the nearest point it knows.
    unknown = ~np.isfinite(density)
    density[unknown] = rasters.nearest_known(population, lat[unknown], lon[unknown])
    weight[china] = density * lattice.land_km2[china]
    return normalised(weight, lattice)


def resource_weight(originals: Path, lattice: Lattice, technology: str, load: Floats) -> Floats:
    """Siting weight of wind or solar, (cell,), sums to 1 per area.

    Land times the square of the mean capacity factor times the root of the load density relative to the area's
    mean (never below `REMOTE_FLOOR`): good resource first, within reach of a grid. Label J.
    """
    factor = rasters.mean_in_squares(
        rasters.mean_capacity_factor(originals, technology), lattice.lat, lattice.lon, lattice.degrees
    )
    relative = np.empty(len(lattice))
    for area in np.unique(lattice.area):
        cells = lattice.cells_of(str(area))
        land = lattice.land_km2[cells]
        relative[cells] = load[cells] / (land / land.sum())
    return normalised(lattice.land_km2 * factor**2 * np.sqrt(np.maximum(relative, REMOTE_FLOOR)), lattice)


def on_coast(originals: Path, lattice: Lattice) -> NDArray[np.bool_]:
    """Whether a cell has open sea next to it, (cell,): one of its eight neighbours is centred outside all land.

    World land is Natural Earth 1:50 million, in which the Great Lakes count as land.
    """
    number = _numbers(lattice)
    outside: dict[tuple[int, int], list[int]] = {}
    for (row, column), cell in number.items():
        for position in ((row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            if position not in number:
                outside.setdefault(position, []).append(cell)
    centres = (np.array(sorted(outside)) + 0.5) * lattice.degrees
    land = _world_land(originals)
    shapely.prepare(land)
    sea = ~shapely.contains_xy(land, centres[:, 1], centres[:, 0])
    coast = np.zeros(len(lattice), dtype=np.bool_)
    for position, is_sea in zip(sorted(outside), sea, strict=True):
        coast[outside[position]] |= bool(is_sea)
    return coast


def nearest_area(polygons: dict[str, BaseGeometry], lat: Floats, lon: Floats) -> NDArray[np.str_]:
    """Area id of each point: the polygon that holds it, else the nearest one in degrees."""
    names = np.array(list(polygons))
    answer = np.full(len(lat), -1)
    for number, polygon in enumerate(polygons.values()):
        shapely.prepare(polygon)
        answer[shapely.contains_xy(polygon, lon, lat)] = number
    # Only the few points outside all polygons (coast, sea) need the slow search.
    outside = np.flatnonzero(answer < 0)
    tree = shapely.STRtree(list(polygons.values()))
    points, found = tree.query_nearest(shapely.points(lon[outside], lat[outside]), all_matches=False)
    answer[outside[points]] = found
    chosen: NDArray[np.str_] = names[answer]
    return chosen


def nearest_cells(lattice: Lattice, lat: Floats, lon: Floats, area: NDArray[np.str_]) -> NDArray[np.intp]:
    """Cell of each point that belongs to the point's own area: the one it lies in, else the nearest centre."""
    from scipy.spatial import cKDTree

    number = _numbers(lattice)
    rows = np.floor(lat / lattice.degrees).astype(int)
    columns = np.floor(lon / lattice.degrees).astype(int)
    cell = np.array([number.get((int(r), int(c)), -1) for r, c in zip(rows, columns, strict=True)], dtype=np.intp)
    stray = np.flatnonzero((cell < 0) | (lattice.area[cell] != area))
    for name in np.unique(area[stray]):
        own = lattice.cells_of(str(name))
        if own.size == 0:
            raise GridDataError(f"no cell belongs to {str(name)!r}")
        here = stray[area[stray] == name]
        tree = cKDTree(_on_sphere(lattice.lat[own], lattice.lon[own]))
        cell[here] = own[tree.query(_on_sphere(lat[here], lon[here]))[1]]
    return cell


def around(lattice: Lattice, values: Floats) -> Floats:
    """Each cell's value shared equally with its neighbours of the same area, (cell,); sums are kept."""
    number = _numbers(lattice)
    spread = np.zeros(len(lattice))
    for (row, column), cell in number.items():
        near = [number.get((row + i, column + j)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        own = [other for other in near if other is not None and lattice.area[other] == lattice.area[cell]]
        spread[own] += values[cell] / len(own)
    return spread


def normalised(weight: Floats, lattice: Lattice) -> Floats:
    """Weights scaled to sum to 1 in each area; raises GridDataError where an area has none."""
    result = np.empty(len(lattice))
    empty = []
    for area in np.unique(lattice.area):
        cells = lattice.cells_of(str(area))
        total = weight[cells].sum()
        if not total > 0.0:
            empty.append(f"{area}: siting weights sum to {total}")
            continue
        result[cells] = weight[cells] / total
    if empty:
        raise GridDataError(empty)
    return result


def _numbers(lattice: Lattice) -> dict[tuple[int, int], int]:
    """Number of the cell at each lattice position (row, column)."""
    rows = np.floor(lattice.lat / lattice.degrees).astype(int).tolist()
    columns = np.floor(lattice.lon / lattice.degrees).astype(int).tolist()
    return {position: i for i, position in enumerate(zip(rows, columns, strict=True))}


def _on_sphere(lat: Floats, lon: Floats) -> Floats:
    latitude, longitude = np.radians(lat), np.radians(lon)
    flat = np.cos(latitude)
    return np.column_stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)])


def _world_land(originals: Path) -> BaseGeometry:
    path = original(originals, "boundaries/world_countries-50m.json")
    return boundaries.topojson_layer(json.loads(path.read_text(encoding="utf-8")), "land")
