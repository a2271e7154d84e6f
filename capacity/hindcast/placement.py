"""Hindcast of where additions go: the rules of the projection against where capacity really came.

Two rules share out additions without a site: to areas (recent additions and existing fleet), and inside an area to
cells (existing pattern, and land or load). Each is set, with what stood at an origin, against the additions of the five
years after it and against named baselines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.placement_data import PERIODS, TECHNOLOGIES, read_additions
from capacity.supply import projection
from capacity.supply.cells import SPREAD_BY_LAND
from capacity.supply.fleet import Fleet

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]

RULE_SHARE = 0.5
"""Middle of `trend_recent_share` and of `addition_pattern_share`."""
RULE_SHARES = (0.2, 0.5, 0.8)
"""Least, middle and largest value of both parameters."""
UNIFORM_PART = 0.02
"""Part of every forecast that is spread evenly, the same for all: a place given nothing would score minus infinity."""
LEAST_ADDED_MW = 500.0
"""Additions of a technology and period below which where they went says little; a setting of the scoring."""
AREA_TECHNOLOGIES = {
    "US": ("coal", "gas", "nuclear", "hydro", "wind", "solar", "battery"),
    "CN": ("coal", "gas", "nuclear", "hydro", "pumped_storage", "wind", "solar"),
}
"""Batteries of Chinese provinces are shared out, not observed, so nothing can be learnt from them."""


class Contest(NamedTuple):
    """Forecasts of where additions go.

    added : (place,)       What came. [MW]
    forecasts : by name    Share of each place, (place,), sums to 1.
    """

    added: Floats
    forecasts: Mapping[str, Floats]


def scores(contest: Contest) -> dict[str, tuple[float, float]]:
    """By forecast: bits gained over the uniform one per MW, and half the sum of differences in share (0 to 1)."""
    actual = contest.added / contest.added.sum()
    even = np.full(len(actual), 1.0 / len(actual))
    found = {}
    for name, forecast in contest.forecasts.items():
        careful = (1.0 - UNIFORM_PART) * forecast + UNIFORM_PART * even
        bits = float((actual * np.log2(careful / even)).sum())
        found[name] = (bits, float(0.5 * np.abs(actual - forecast).sum()))
    return found


def table(grid: xr.Dataset) -> list[dict[str, Any]]:
    """One record a level, country, technology and period: GW added, bits a MW and distance of every forecast.

    Inside areas the scores of areas are weighted by what came there.
    """
    records = []
    for country in TECHNOLOGIES:
        fleet = Fleet.of(grid, country)
        for first, last in PERIODS:
            for technology, contest in _areas(fleet, first, last):
                records.append(_record("areas", country, technology, first, last, [contest]))
            for technology, contests in _cells(grid, fleet, first, last):
                records.append(_record("cells", country, technology, first, last, contests))
    return records


def _record(
    level: str, country: str, technology: str, first: int, last: int, contests: list[Contest]
) -> dict[str, Any]:
    weight = np.array([contest.added.sum() for contest in contests])
    found = [scores(contest) for contest in contests]
    names = tuple(found[0])
    mean = {name: np.average([one[name] for one in found], axis=0, weights=weight) for name in names}
    return {
        "level": level, "country": country, "technology": technology, "years": f"{first}-{last}",
        "added_gw": float(weight.sum()) / 1000.0,
        "bits": {name: float(mean[name][0]) for name in names},
        "distance": {name: float(mean[name][1]) for name in names},
    }  # fmt: skip


def _areas(fleet: Fleet, first: int, last: int) -> Iterator[tuple[str, Contest]]:
    """Contests over the areas of a country, from capacity at year ends; what was lost counts as nothing added."""
    years = fleet.base_year - fleet.history_mw.shape[2] + 1 + np.arange(fleet.history_mw.shape[2])
    known = fleet.history_mw[..., years < first]
    gains = np.clip(np.diff(fleet.history_mw[..., (years >= first - 1) & (years <= last)], axis=2), 0.0, None).sum(
        axis=2
    )
    shares = {share: projection.area_share(known, np.array([share]))[0] for share in (*RULE_SHARES, 0.0, 1.0)}
    for technology in AREA_TECHNOLOGIES[fleet.country]:
        k = fleet.technologies.index(technology)
        added = gains[:, k]
        if added.sum() >= LEAST_ADDED_MW:
            even = np.full(len(added), 1.0 / len(added))
            forecasts = {"uniform": even, "existing": shares[0.0][:, k], "recent": shares[1.0][:, k]}
            rules = {_name(share): shares[share][:, k] for share in RULE_SHARES}
            yield technology, Contest(added, forecasts | rules)


def _cells(grid: xr.Dataset, fleet: Fleet, first: int, last: int) -> Iterator[tuple[str, list[Contest]]]:
    """Contests inside each area of a country, over its cells."""
    records = read_additions()
    records = records[records["country"] == fleet.country]
    owner = grid["cell_area_id"].to_numpy()
    for technology in TECHNOLOGIES[fleet.country]:
        rows = records[records["technology"] == technology]
        before = _on_cells(grid, rows, ["before_mw", *(f"added_{a}_{b}_mw" for a, b in PERIODS if b < first)])
        added = _on_cells(grid, rows, [f"added_{first}_{last}_mw"])
        weight = grid["cell_land_km2" if technology in SPREAD_BY_LAND else "cell_load_weight"].to_numpy()
        contests = [
            _inside(before[cells], added[cells], weight[cells])
            for cells in (np.flatnonzero(owner == area) for area in fleet.areas)
            if added[cells].sum() > 0.0
        ]
        if added.sum() >= LEAST_ADDED_MW:
            yield technology, contests


def _inside(before: Floats, added: Floats, weight: Floats) -> Contest:
    even = np.full(len(before), 1.0 / len(before))
    spread = weight / weight.sum() if weight.sum() > 0.0 else even
    pattern = before / before.sum() if before.sum() > 0.0 else spread
    rules = {_name(share): share * pattern + (1.0 - share) * spread for share in RULE_SHARES}
    return Contest(added, {"uniform": even, "existing": pattern, "land_or_load": spread} | rules)


def _name(share: float) -> str:
    return "rule" if share == RULE_SHARE else f"rule_{share:g}"


def _on_cells(grid: xr.Dataset, rows: pd.DataFrame, columns: list[str]) -> Floats:
    """Sum of columns on the cells (cell,) of a grid. [MW]"""
    at = {
        (round(float(lat), 2), round(float(lon), 2)): cell
        for cell, (lat, lon) in enumerate(zip(grid["cell_lat"].values, grid["cell_lon"].values, strict=True))
    }
    result = np.zeros(len(at))
    places = zip(rows["lat"].round(2), rows["lon"].round(2), strict=True)
    for place, value in zip(places, rows[columns].sum(axis=1), strict=True):
        if place in at:
            result[at[place]] += value
    return result
