"""Fleet on the cells: located units first, the rest by stated weights, sums exactly those of the areas."""

from __future__ import annotations

from dataclasses import dataclass
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

QUICKLY_BUILT: Final = ("wind", "solar", "battery")
"""US technologies of which enough opened between the fleet's year and the plant list's to matter."""

CONTRADICTION_KM: Final = 100.0
"""A tracked unit farther than this from the province it is said to be in is left out: one of the two is wrong and
nothing tells which. Nine of 9,869 Chinese units. Label J."""

KM_PER_DEGREE: Final = 111.195

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sited:
    """Fleet and plans on the cells, both (technology, cell) [MW]."""

    nameplate_mw: Floats
    planned_mw: Floats


def build(originals: Path, lattice: Lattice, target: Floats, cap: Floats, load: Floats, people: Floats) -> Sited:
    """Operating capacity whose cells sum to ``target``, planned units with a known site, at most ``cap``.

    ``target``, ``cap``: (area, technology) [MW], areas in `area_ids` order. ``load``, ``people``: weights of the
    cells, each summing to 1 in an area. Plans are tracked units and US farms that opened after 2024; where they
    exceed the area's plan, all sites are scaled down alike.
    """
    pattern, opened_later = _as_of_target(lattice, target, *located_pattern(originals, lattice))
    tracked = _on_cells(lattice, _with_area(originals, gem_points.planned(originals)))
    return Sited(
        _operating(lattice, target, pattern, _priors(originals, lattice, pattern, load, people), load),
        _at_most(lattice, cap, tracked + opened_later),
    )


def _operating(lattice: Lattice, target: Floats, pattern: Floats, priors: Floats, load: Floats) -> Floats:
    """Operating capacity, (technology, cell) [MW]; batteries without a site follow wind and solar."""
    result = np.zeros((len(TECHNOLOGIES), len(lattice)))
    battery = TECHNOLOGIES.index("battery")
    for k in [k for k in range(len(TECHNOLOGIES)) if k != battery] + [battery]:
        prior = priors[k]
        if k == battery:
            farms = result[[TECHNOLOGIES.index(name) for name in ("wind", "solar")]].sum(axis=0)
            prior = np.where(_has(pattern[k], lattice), pattern[k], farms)
        result[k] = fill(lattice, target[:, k], pattern[k], prior, load)
    return result


def _at_most(lattice: Lattice, cap: Floats, pattern: Floats) -> Floats:
    """Pattern scaled down in each area and technology to at most ``cap``, (technology, cell) [MW]."""
    result = np.zeros_like(pattern)
    for i, area in enumerate(area_ids(lattice)):
        cells = lattice.cells_of(area)
        listed = pattern[:, cells].sum(axis=1)
        scale = np.divide(cap[i], listed, out=np.zeros(len(TECHNOLOGIES)), where=listed > 0.0)
        result[:, cells] = pattern[:, cells] * np.minimum(scale, 1.0)[:, None]
    return result


def _as_of_target(lattice: Lattice, target: Floats, pattern: Floats, recent: Floats) -> tuple[Floats, Floats]:
    """Split the sites of recent farms into what the target still needs and what opened after it.

    The plant list is a year younger than the fleet. Older sites count first; recent ones are scaled alike to
    reach the target, what is left of them opened later. Both (technology, cell) [MW].
    """
    needed = np.zeros_like(pattern)
    for i, area in enumerate(area_ids(lattice)):
        cells = lattice.cells_of(area)
        new = recent[:, cells].sum(axis=1)
        lacking = target[i] - (pattern[:, cells].sum(axis=1) - new)
        share = np.divide(lacking, new, out=np.zeros(len(TECHNOLOGIES)), where=new > 0.0)
        needed[:, cells] = recent[:, cells] * np.clip(share, 0.0, 1.0)[:, None]
    return pattern - recent + needed, recent - needed


def area_ids(lattice: Lattice) -> list[str]:
    """Ids of the areas on the lattice, sorted."""
    return [str(name) for name in np.unique(lattice.area)]


def located_pattern(originals: Path, lattice: Lattice) -> tuple[Floats, Floats]:
    """Units on record at their own cells, and the part of them that is recent US wind, solar and battery.

    Both (technology, cell) [MW], before scaling to the fleet.
    """
    us = _in_polygons(plants_us.sites(originals), boundaries.us_areas(originals))
    china = _with_area(originals, gem_points.operating(originals).query("country == 'CN'"))
    farms = _in_polygons(wri.china_farms(originals), boundaries.china_provinces(originals))
    pattern = _on_cells(lattice, us) + _on_cells(lattice, china) + _on_cells(lattice, farms)
    return pattern, _on_cells(lattice, us[us["recent"] & us["technology"].isin(QUICKLY_BUILT)])


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
