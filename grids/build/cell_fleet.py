"""Fleet on the cells: located units first, the rest by stated weights, sums exactly those of the areas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from grids.areas import TECHNOLOGIES
from grids.build import cell_weights as weights
from grids.build.lattice import Lattice
from grids.sources import boundaries, gem_points, nea_kinds, plants_us, wri

if TYPE_CHECKING:
    import pandas as pd

PATTERN_SHARE: Final = 0.5
"""Part of the un-located remainder that follows the plants on record where these are known to be a small or biased
part: wind (the rest follows the resource), oil, waste heat and biomass (the rest follows load). Label J."""

WITH_LOAD: Final = ("oil", "biomass")

CONTRADICTION_KM: Final = 100.0
"""A tracked unit farther than this from the province it is said to be in is left out: one of the two is wrong and
nothing tells which. Nine of 9,869 Chinese units. Label J."""

KM_PER_DEGREE: Final = 111.195

Floats = NDArray[np.float64]


def nameplate_mw(originals: Path, lattice: Lattice, target: Floats, load: Floats, people: Floats) -> Floats:
    """Operating capacity, (technology, cell) [MW].

    ``target``: (area, technology) in the order of the lattice's area names sorted as `area_ids`; [MW].
    ``load``, ``people``: weights of the cells, each summing to 1 in an area. Cells of an area sum to its target.
    """
    pattern = located_pattern(originals, lattice)
    result = np.zeros((len(TECHNOLOGIES), len(lattice)))
    priors = _priors(originals, lattice, pattern, load, people)
    order = [name for name in TECHNOLOGIES if name != "battery"] + ["battery"]
    for technology in order:
        k = TECHNOLOGIES.index(technology)
        if technology == "battery":
            farms = result[[TECHNOLOGIES.index(name) for name in ("wind", "solar")]].sum(axis=0)
            priors[k] = np.where(_has(pattern[k], lattice), pattern[k], farms)
        result[k] = fill(lattice, target[:, k], pattern[k], priors[k], load)
    return result


def planned_mw(originals: Path, lattice: Lattice, cap: Floats) -> Floats:
    """Planned units whose site is known, (technology, cell) [MW].

    Never above ``cap``, (area, technology) [MW]. Where the trackers list more than the area's plan holds, all
    sites are scaled down alike.
    """
    pattern = _on_cells(lattice, _with_area(originals, gem_points.planned(originals)))
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
    """Units on record at their own cells, (technology, cell) [MW], before scaling to the fleet."""
    us = _in_polygons(plants_us.sites(originals), boundaries.us_areas(originals))
    china = _with_area(originals, gem_points.operating(originals).query("country == 'CN'"))
    farms = _in_polygons(wri.china_farms(originals), boundaries.china_provinces(originals))
    return _on_cells(lattice, us) + _on_cells(lattice, china) + _on_cells(lattice, farms)


def fill(lattice: Lattice, target: Floats, pattern: Floats, prior: Floats, load: Floats) -> Floats:
    """Spread one technology's area totals over cells, (cell,) [MW].

    ``target``: (area,) in `area_ids` order. Located capacity ``pattern`` is kept up to the target (scaled
    down alike beyond it); the remainder follows ``prior``, or the load weight where the prior is nothing.
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


def _priors(originals: Path, lattice: Lattice, pattern: Floats, load: Floats, people: Floats) -> Floats:
    """What the un-located remainder of each technology follows, (technology, cell), any scale per area.

    Coal, gas, nuclear, hydro and storage follow the plants on record; oil and biomass half those, half load.
    Wind follows half the farms on record and the cells around them, half the resource. Solar follows the
    resource (the few farms on record are no pattern for what was built since), Chinese roof solar, a published
    share of each province, people. Offshore wind stands at coastal cells by the wind resource.
    """
    priors = pattern.copy()
    resource = {name: weights.resource_weight(originals, lattice, name, load) for name in ("wind", "solar")}
    wind, solar = TECHNOLOGIES.index("wind"), TECHNOLOGIES.index("solar")
    priors[wind] = _blend(lattice, weights.around(lattice, pattern[wind]), resource["wind"])
    for name in WITH_LOAD:
        k = TECHNOLOGIES.index(name)
        priors[k] = _blend(lattice, pattern[k], load)
    utility = np.ones(len(lattice))
    for area, share in nea_kinds.utility_share(originals).items():
        utility[lattice.cells_of(area)] = share
    priors[solar] = utility * resource["solar"] + (1.0 - utility) * people
    offshore = TECHNOLOGIES.index("offshore_wind")
    shore = weights.on_coast(originals, lattice) * resource["wind"]
    priors[offshore] = np.where(_has(pattern[offshore], lattice), pattern[offshore], shore)
    return priors


def _blend(lattice: Lattice, pattern: Floats, field: Floats) -> Floats:
    """Half the pattern (as shares of its area), half the field; the field alone where nothing is known."""
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


def _with_area(originals: Path, units: pd.DataFrame) -> pd.DataFrame:
    """Tracked units with their own area: the stated province in China, the polygon that holds them in the US.

    Units whose place and stated province contradict each other are dropped.
    """
    import pandas as pd

    us = _in_polygons(units[units["country"] == "US"], boundaries.us_areas(originals))
    provinces = boundaries.china_provinces(originals)
    china = _in_polygons(units[units["country"] == "CN"], provinces)
    stated = china["province"].where(china["province"] != "", china["area"])
    elsewhere = china[china["area"] != stated]
    lat, lon = elsewhere["lat"].to_numpy(float), elsewhere["lon"].to_numpy(float)
    homes = np.array([provinces[name] for name in stated[elsewhere.index]], dtype=object)
    away_km = shapely.distance(homes, shapely.points(lon, lat)) * KM_PER_DEGREE
    contradicting = elsewhere.index[away_km > CONTRADICTION_KM]
    placed: pd.DataFrame = pd.concat([us, china.assign(area=stated).drop(index=contradicting)], ignore_index=True)
    return placed


def _in_polygons(units: pd.DataFrame, polygons: dict[str, BaseGeometry]) -> pd.DataFrame:
    """Units with the area whose polygon holds them or is nearest."""
    lat, lon = units["lat"].to_numpy(float), units["lon"].to_numpy(float)
    return units.assign(area=weights.nearest_area(polygons, lat, lon))


def _on_cells(lattice: Lattice, units: pd.DataFrame) -> Floats:
    """Sum of units by technology and cell of their own area, (technology, cell) [MW]."""
    lat, lon = units["lat"].to_numpy(float), units["lon"].to_numpy(float)
    cell = weights.nearest_cells(lattice, lat, lon, units["area"].to_numpy(dtype=str))
    technology = units["technology"].map({name: i for i, name in enumerate(TECHNOLOGIES)}).to_numpy(dtype=int)
    result = np.zeros((len(TECHNOLOGIES), len(lattice)))
    np.add.at(result, (technology, cell), units["mw"].to_numpy(float))
    return result
