"""Fleet on the cells: located units first, what is not located by stated weights, sums exactly those of the areas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from grids.areas import TECHNOLOGIES
from grids.build import cell_weights as weights
from grids.build.lattice import Lattice
from grids.sources import boundaries, gem_points, nea_kinds, plants_us, wri

if TYPE_CHECKING:
    import pandas as pd

PATTERN_SHARE: Final = 0.5
"""Part of un-located wind and solar that follows the farms on record; the rest follows the resource. Label J."""

SPREAD_BY_RESOURCE: Final = ("wind", "offshore_wind", "solar")

Floats = NDArray[np.float64]


def nameplate_mw(originals: Path, lattice: Lattice, target: Floats, load: Floats) -> Floats:
    """Operating capacity, (technology, cell) [MW].

    ``target``: (area, technology) in the order of the lattice's area names sorted as `area_ids`; [MW].
    ``load``: load weight of the cells. Cells of an area sum to its target.
    """
    pattern = located_pattern(originals, lattice)
    result = np.zeros((len(TECHNOLOGIES), len(lattice)))
    priors = _priors(originals, lattice, pattern, load)
    order = [name for name in TECHNOLOGIES if name != "battery"] + ["battery"]
    for technology in order:
        k = TECHNOLOGIES.index(technology)
        if technology == "battery":
            farms = result[[TECHNOLOGIES.index(name) for name in ("wind", "solar")]].sum(axis=0)
            priors[k] = np.where(_has(pattern[k], lattice), pattern[k], farms)
        result[k] = fill(lattice, target[:, k], pattern[k], priors[k], load)
    return result


def planned_mw(originals: Path, lattice: Lattice, cap: Floats) -> Floats:
    """Planned units whose site is known, (technology, cell) [MW]; never above ``cap`` (area, technology) [MW].

    Where the trackers list more than the area's plan holds, all sites are scaled down alike.
    """
    units = gem_points.planned(originals)
    pattern = _on_cells(lattice, units, _own_area(originals, units))
    result = np.zeros_like(pattern)
    for i, area in enumerate(area_ids(lattice)):
        cells = lattice.cells_of(area)
        listed = pattern[:, cells].sum(axis=1)
        scale = np.divide(cap[i], listed, out=np.zeros(len(TECHNOLOGIES)), where=listed > 0.0)
        result[:, cells] = pattern[:, cells] * np.minimum(scale, 1.0)[:, None]
    return result


def area_ids(lattice: Lattice) -> list[str]:
    """Ids of the areas on the lattice, sorted."""
    return [str(name) for name in np.unique(lattice.area)]


def located_pattern(originals: Path, lattice: Lattice) -> Floats:
    """Capacity of the units on record at their own cells, (technology, cell) [MW], before scaling to the fleet."""
    us = plants_us.sites(originals)
    us["area"] = weights.nearest_area(
        boundaries.us_areas(originals), us["lat"].to_numpy(), us["lon"].to_numpy()
    )
    china = gem_points.operating(originals).query("country == 'CN'")
    farms = wri.china_wind_and_solar(originals)
    provinces = boundaries.china_provinces(originals)
    farms["area"] = weights.nearest_area(provinces, farms["lat"].to_numpy(), farms["lon"].to_numpy())
    tables = ((us, us["area"]), (china, _own_area(originals, china)), (farms, farms["area"]))
    return np.sum([_on_cells(lattice, table, area.to_numpy(dtype=str)) for table, area in tables], axis=0)


def fill(lattice: Lattice, target: Floats, pattern: Floats, prior: Floats, load: Floats) -> Floats:
    """Spread one technology's area totals over cells, (cell,) [MW].

    ``target``: (area,) in `area_ids` order. Located capacity ``pattern`` is kept up to the target (scaled down
    alike beyond it); the remainder follows ``prior``, or the load weight where the prior is nothing.
    """
    result = np.zeros(len(lattice))
    for i, area in enumerate(area_ids(lattice)):
        cells = lattice.cells_of(area)
        total = target[i]
        if not total > 0.0:
            continue
        located = pattern[cells].sum()
        kept = min(located, total)
        share = prior[cells] if prior[cells].sum() > 0.0 else load[cells]
        values = (total - kept) * share / share.sum()
        if located > 0.0:
            values = values + pattern[cells] * (kept / located)
        result[cells] = values * (total / values.sum())
    return result


def _priors(originals: Path, lattice: Lattice, pattern: Floats, load: Floats) -> Floats:
    """What the un-located remainder of each technology follows, (technology, cell), any scale per area.

    Thermal, hydro and storage plants follow the plants on record. Wind and solar follow half the farms on record,
    half the resource; Chinese roof solar, a published share of each province, follows people. Offshore wind
    stands at coastal cells by the wind resource.
    """
    priors = pattern.copy()
    resource = {name: weights.resource_weight(originals, lattice, name, load) for name in ("wind", "solar")}
    for name, field in resource.items():
        priors[TECHNOLOGIES.index(name)] = _blend(lattice, pattern[TECHNOLOGIES.index(name)], field)
    solar, utility = TECHNOLOGIES.index("solar"), np.ones(len(lattice))
    for area, share in nea_kinds.utility_share(originals).items():
        utility[lattice.cells_of(area)] = share
    priors[solar] = utility * priors[solar] + (1.0 - utility) * load
    offshore = TECHNOLOGIES.index("offshore_wind")
    shore = weights.on_coast(originals, lattice) * resource["wind"]
    priors[offshore] = np.where(_has(pattern[offshore], lattice), pattern[offshore], shore)
    return priors


def _blend(lattice: Lattice, pattern: Floats, field: Floats) -> Floats:
    """Half the pattern (as shares of its area), half the field; the field alone where nothing is on record."""
    blended = field.copy()
    for area in area_ids(lattice):
        cells = lattice.cells_of(area)
        located = pattern[cells].sum()
        if located > 0.0:
            blended[cells] = PATTERN_SHARE * pattern[cells] / located + (1.0 - PATTERN_SHARE) * field[cells]
    return blended


def _has(values: Floats, lattice: Lattice) -> NDArray[np.bool_]:
    """Whether the area of each cell has any of the values, (cell,)."""
    found = np.zeros(len(lattice), dtype=np.bool_)
    for area in area_ids(lattice):
        cells = lattice.cells_of(area)
        found[cells] = values[cells].sum() > 0.0
    return found


def _own_area(originals: Path, units: pd.DataFrame) -> pd.Series:
    """Area of each tracked unit: the stated province in China, the polygon that holds it in the US."""
    area = units["province"].copy()
    unknown = area == ""
    points = units[unknown]
    for country, polygons in (("US", boundaries.us_areas), ("CN", boundaries.china_provinces)):
        here = points[points["country"] == country]
        if len(here):
            lat, lon = here["lat"].to_numpy(), here["lon"].to_numpy()
            area.loc[here.index] = weights.nearest_area(polygons(originals), lat, lon)
    return area


def _on_cells(lattice: Lattice, units: pd.DataFrame, area: pd.Series | NDArray[np.str_]) -> Floats:
    """Sum of units by technology and cell of their own area, (technology, cell) [MW]."""
    cell = weights.nearest_cells(
        lattice, units["lat"].to_numpy(float), units["lon"].to_numpy(float), np.asarray(area, dtype=str)
    )
    technology = units["technology"].map({name: i for i, name in enumerate(TECHNOLOGIES)}).to_numpy(dtype=int)
    result = np.zeros((len(TECHNOLOGIES), len(lattice)))
    np.add.at(result, (technology, cell), units["mw"].to_numpy(float))
    return result
