"""The lattice of land cells: which area and which state or province each cell belongs to, and its land."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from grids.areas import AREAS
from grids.sources import boundaries
from grids.variables import GridDataError

MIN_LAND_KM2: Final = 10.0
"""Least land in a cell of the lattice [km2]. Drops slivers of coast and border that are narrower than the
simplification of the outlines (0.03 degree); at most 0.4 % of a cell of half a degree. Label J."""

Floats = NDArray[np.float64]
Cell = tuple[int, int]


@dataclass(frozen=True)
class Lattice:
    """Land cells, ordered from the south-west row by row; every array has one entry per cell."""

    degrees: float
    lat: Floats
    lon: Floats
    area: NDArray[np.str_]
    region: NDArray[np.str_]
    land_km2: Floats

    def __len__(self) -> int:
        return len(self.lat)

    def cells_of(self, area: str) -> NDArray[np.intp]:
        """Numbers of the cells of one area."""
        return np.flatnonzero(self.area == area)


def build(originals: Path, degrees: float = 0.5) -> Lattice:
    """Lattice of land cells ``degrees`` wide over the 49 areas.

    A cell belongs to the one area with the largest overlap, and its region is the state or province with the
    largest overlap; land is that of the country inside the cell, on the sphere [km2]. Every area keeps at
    least the cell that it overlaps most. Raises GridDataError for a width that does not divide a degree.
    """
    if degrees <= 0 or abs(round(1 / degrees) * degrees - 1) > 1e-9:
        raise GridDataError(f"cell width must divide a degree, got {degrees}; use 0.5 or 0.25")
    states = boundaries.us_states(originals)
    provinces = boundaries.china_provinces(originals)
    us = _country(boundaries.us_areas(originals), states, degrees)
    names = {area.id: area.name for area in AREAS}
    china = _country(provinces, provinces, degrees)
    owned = us | {cell: (area, names[area], land) for cell, (area, _, land) in china.items()}
    cells = sorted(owned)
    return Lattice(
        degrees=degrees,
        lat=np.array([(row + 0.5) * degrees for row, _ in cells]),
        lon=np.array([(column + 0.5) * degrees for _, column in cells]),
        area=np.array([owned[cell][0] for cell in cells]),
        region=np.array([owned[cell][1] for cell in cells]),
        land_km2=np.array([owned[cell][2] for cell in cells]),
    )


def overlaps_km2(polygon: BaseGeometry, degrees: float) -> dict[Cell, float]:
    """Area [km2] of a polygon (degrees) inside each lattice cell (row, column) that it touches."""
    west, south, east, north = polygon.bounds
    rows = range(int(np.floor(south / degrees)), int(np.floor(north / degrees)) + 1)
    columns = range(int(np.floor(west / degrees)), int(np.floor(east / degrees)) + 1)
    x, y = _edges_km(columns, degrees, 0), _edges_km(rows, degrees, 1)
    projected = boundaries.equal_area_km(polygon)
    found: dict[Cell, float] = {}
    for i, row in enumerate(rows):
        strip = shapely.intersection(projected, shapely.box(x[0], y[i], x[-1], y[i + 1]))
        if strip.is_empty:
            continue
        inside = shapely.area(shapely.intersection(strip, shapely.box(x[:-1], y[i], x[1:], y[i + 1])))
        found.update(((row, columns[j]), float(inside[j])) for j in np.flatnonzero(inside > 0.0))
    return found


def _edges_km(numbers: range, degrees: float, axis: int) -> Floats:
    edges = np.zeros((len(numbers) + 1, 2))
    edges[:, axis] = np.arange(numbers.start, numbers.stop + 1) * degrees
    return boundaries.project_km(edges)[:, axis]


def _country(
    areas: Mapping[str, BaseGeometry], regions: Mapping[str, BaseGeometry], degrees: float
) -> dict[Cell, tuple[str, str, float]]:
    """Owner, region and land of the cells of one country."""
    area_overlap = _by_cell({name: overlaps_km2(polygon, degrees) for name, polygon in areas.items()})
    region_overlap = area_overlap
    if regions is not areas:
        region_overlap = _by_cell({name: overlaps_km2(polygon, degrees) for name, polygon in regions.items()})
    cells = {}
    for cell, overlap in area_overlap.items():
        here = region_overlap.get(cell, {})
        land = sum(here.values())
        if land >= MIN_LAND_KM2:
            cells[cell] = (_largest(overlap), _largest(here), land)
    return _keep_small_areas(cells, area_overlap, region_overlap)


def _keep_small_areas(
    cells: dict[Cell, tuple[str, str, float]],
    area_overlap: Mapping[Cell, Mapping[str, float]],
    region_overlap: Mapping[Cell, Mapping[str, float]],
) -> dict[Cell, tuple[str, str, float]]:
    """Give an area that is nowhere the largest the cell that it overlaps most."""
    owners = {area for area, _, _ in cells.values()}
    missing = sorted({area for overlap in area_overlap.values() for area in overlap} - owners)
    for area in missing:
        best = max((overlap.get(area, 0.0), cell) for cell, overlap in area_overlap.items())[1]
        here = region_overlap[best]
        cells[best] = (area, _largest(here), sum(here.values()))
    return cells


def _by_cell(tables: Mapping[str, Mapping[Cell, float]]) -> dict[Cell, dict[str, float]]:
    cells: dict[Cell, dict[str, float]] = {}
    for name, table in tables.items():
        for cell, area in table.items():
            cells.setdefault(cell, {})[name] = area
    return cells


def _largest(overlap: Mapping[str, float]) -> str:
    """Name with the largest overlap; the alphabet breaks a tie."""
    return min(overlap, key=lambda name: (-overlap[name], name))
