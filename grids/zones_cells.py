"""Cells and links of zones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from grids.areas import parent_of
from grids.variables import GridDataError
from grids.zones import Cut, Part, conserved

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]

LIMITS = ("link_limit_low_mw", "link_limit_high_mw", "link_record")


def cells(grid: xr.Dataset, zones: xr.Dataset, cut: Cut) -> Iterator[Part]:
    """Cells by zone: units keep their cells as far as the zone's fleet holds them, the rest follows land and load.

    Sums by zone and technology are those of the fleet. Raises GridDataError for zones without a cell.
    """
    owner = cell_owner(grid, zones)
    empty = sorted(set(cut.names) - set(owner))
    if empty:
        raise GridDataError(f"no cell of this grid lies in {', '.join(empty)}; zones need cells of half a degree")
    yield "cell_area_id", ("cell",), owner
    index = np.array([cut.names.index(name) for name in owner])
    areas = len(cut.names)
    load = shares(grid["cell_load_weight"].values, grid["cell_land_km2"].values, index, areas)
    yield "cell_load_weight", ("cell",), load
    standing = _fleet(grid, zones, cut, "nameplate_mw")
    rows = zip(grid["cell_nameplate_mw"].values, standing.T, strict=True)
    yield (
        "cell_nameplate_mw",
        ("technology", "cell"),
        np.stack([shares(row, load, index, areas) * total[index] for row, total in rows]),
    )
    planned = _fleet(grid, zones, cut, "planned_addition_mw")
    rows = zip(grid["cell_planned_mw"].values, planned.T, strict=True)
    yield "cell_planned_mw", ("technology", "cell"), np.stack([at_most(row, total, index) for row, total in rows])


def at_most(values: Floats, total: Floats, index: npt.NDArray[np.int64]) -> Floats:
    """Values (cell,) scaled down so that those of an area sum to no more than `total` (area,)."""
    there = np.bincount(index, weights=values, minlength=len(total))
    return values * np.minimum(np.divide(total, there, out=np.ones_like(total), where=there > total), 1.0)[index]


def _fleet(grid: xr.Dataset, zones: xr.Dataset, cut: Cut, name: str) -> Floats:
    """Fleet or plans after the cut, summed to (area, technology). [MW]"""
    dims = tuple("zone" if dim == "area" else str(dim) for dim in grid[name].dims)
    table = conserved(grid[name].values, zones[name].transpose(*dims).values, cut)
    return np.asarray(table.sum(axis=2))


def cell_owner(grid: xr.Dataset, zones: xr.Dataset) -> list[str]:
    """Zone of every cell: that of the same place in the file of zones, else of its area the nearest."""
    width = float(zones.attrs["cell_degrees"])
    named = zones["cell_zone"].values.tolist()
    at = np.column_stack([zones["cell_row"].values, zones["cell_column"].values])
    known = {tuple(place): name for place, name in zip(at.tolist(), named, strict=True)}
    parents = np.array([parent_of(name) for name in named])
    lat, lon = grid["cell_lat"].values, grid["cell_lon"].values
    owner: list[str] = grid["cell_area_id"].values.tolist()
    for cell, area in enumerate(owner):
        place = np.floor(np.array([lat[cell], lon[cell]]) / width)
        found = known.get((int(place[0]), int(place[1])), "")
        if parent_of(found) == area:
            owner[cell] = found
        elif (parents == area).any():
            mine = np.flatnonzero(parents == area)
            owner[cell] = named[mine[np.argmin(((at[mine] - place) ** 2).sum(axis=1))]]
    return owner


def shares(values: Floats, otherwise: Floats, index: npt.NDArray[np.int64], areas: int) -> Floats:
    """Share (cell,) of each cell in its area's sum of `values`, or of `otherwise` where that is nil."""
    total = np.bincount(index, weights=values, minlength=areas)
    other = np.bincount(index, weights=otherwise, minlength=areas)
    first = np.divide(values, total[index], out=np.zeros_like(values), where=total[index] > 0.0)
    second = np.divide(otherwise, other[index], out=np.zeros_like(values), where=other[index] > 0.0)
    return np.where(total[index] > 0.0, first, second)


def links(grid: xr.Dataset, zones: xr.Dataset, cut: Cut) -> Iterator[Part]:
    """Links between zones in the place of those between areas with zones, scaled to the limits of the areas' links.

    Raises GridDataError for links of the grid that no pair of zones carries.
    """
    whole, inner = _links(grid), _links(zones)
    names, divided = set(cut.names), {parent_of(name) for name in cut.names if parent_of(name) != name}
    between = {pair: row for pair, row in whole.items() if set(pair) <= divided}
    sums: dict[tuple[str, str], Floats] = {}
    for (a, b), row in inner.items():
        pair = parent_of(a), parent_of(b)
        sums[pair] = sums.get(pair, np.zeros(2)) + np.array(row[:2])
    lost = sorted(set(between) - set(sums))
    if lost:
        raise GridDataError([f"link {a}->{b}: no pair of zones carries it" for a, b in lost])
    found = {}
    for (a, b), (low, high, record) in inner.items():
        pair = parent_of(a), parent_of(b)
        if not {a, b} <= names or (pair[0] != pair[1] and pair not in between):
            continue
        scale = np.ones(2)
        if pair in between:
            scale = np.divide(between[pair][:2], sums[pair], out=np.zeros(2), where=sums[pair] > 0.0)
        found[a, b] = (low * scale[0], high * scale[1], record)
    found |= {pair: row for pair, row in whole.items() if pair not in between}
    yield "link", ("link",), [f"{a}->{b}" for a, b in found]
    columns = list(zip(*((*pair, *row) for pair, row in found.items()), strict=True))
    for name, values in zip(("link_from", "link_to", *LIMITS), columns, strict=True):
        yield name, ("link",), np.array(values)


def _links(ds: xr.Dataset) -> dict[tuple[str, str], tuple[float, float, str]]:
    """Lower and higher limit [MW] and record of every link by its ends."""
    names = ("link_from", "link_to", *LIMITS)
    return {
        (a, b): (low, high, said) for a, b, low, high, said in zip(*(ds[n].values.tolist() for n in names), strict=True)
    }
