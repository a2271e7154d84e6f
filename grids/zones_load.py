"""Demand of zones: the area's hour times the zone's share of that hour, shares adding up to one in every hour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from grids.zones import Cut, Part

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]

SWEEPS = 12
"""Of the two normalisations of hourly shares; the second then holds exactly and the first to 1e-9. [method]"""

RECORDS = {
    "load_record": "modelled: the zone's share of every hour of its area; the area's: ",
    "wind_record": "borrowed from the area: ",
    "solar_record": "borrowed from the area: ",
}
"""What the records of a zone begin with."""


def profiles(grid: xr.Dataset, zones: xr.Dataset, cut: Cut) -> Iterator[Part]:
    """Every weather year of every area after the cut; wind and sun are those of the area."""
    owner, year = grid["profile_area"].values.tolist(), grid["weather_year"].values.tolist()
    row_of: dict[int, list[int]] = {}
    parents = grid["area"].values.tolist()
    for row, area in enumerate(owner):
        row_of.setdefault(parents.index(area), []).append(row)
    rows = [(a, row) for a, at in enumerate(cut.parent.tolist()) for row in row_of[at]]
    source = np.array([row for _, row in rows])
    yield "profile", ("profile",), [f"{cut.names[a]}/{year[row]}" for a, row in rows]
    yield "profile_area", ("profile",), [cut.names[a] for a, _ in rows]
    zone = cut.is_zone[[a for a, _ in rows]]
    for name in map(str, grid.data_vars):
        if "profile" in grid[name].dims and name not in ("profile_area", "load_shape"):
            values = grid[name].values[source]
            if name in RECORDS:
                texts = (
                    RECORDS[name] + text if cut_ else text for text, cut_ in zip(values.tolist(), zone, strict=True)
                )
                values = np.array(list(texts))
            yield name, tuple(map(str, grid[name].dims)), values
    shape = grid["load_shape"].values[source]
    number = {pair: at for at, pair in enumerate(rows)}
    for parent in map(int, np.unique(cut.parent[cut.is_zone])):
        members = np.flatnonzero(cut.parent == parent)
        weight = cut.weight[members]
        for row in row_of[parent]:
            places = [number[int(a), row] for a in members]
            ratio = _ratio(zones, cut.zone[members], year[row])
            shape[places] *= hourly_shares(ratio, weight, shape[places[0]]) / weight[:, None]
    yield "load_shape", ("profile", "hour"), shape


def history(grid: xr.Dataset, zones: xr.Dataset, cut: Cut) -> Iterator[Part]:
    """Energy and highest hour of every year; years before the first with hourly load have that year's shares."""
    years = grid["history_year"].values.tolist()
    energy = grid["annual_load_mwh"].values[cut.parent].copy()
    peak = grid["peak_load_mw"].values[cut.parent].copy()
    record = grid["load_history_record"].values[cut.parent].astype(object)
    known = zones["year"].values.tolist()
    owner, weather = grid["profile_area"].values, grid["weather_year"].values
    ids = grid["area"].values
    for parent in np.unique(cut.parent[cut.is_zone]):
        members = np.flatnonzero(cut.parent == parent)
        zone = cut.zone[members]
        shares = zones["load_share"].values[zone]
        mine = {int(weather[p]): grid["load_shape"].values[p] for p in np.flatnonzero(owner == ids[parent])}
        for y, year in enumerate(years):
            like = min(max(year, known[0]), known[-1])
            share = shares[:, known.index(like)]
            energy[members, y] *= share
            shape = mine.get(like, next(iter(mine.values())))
            hours = hourly_shares(_ratio(zones, zone, like), share, shape) * shape
            peak[members, y] = peak[members, y] * hours.max(axis=1) / shape.max()
            record[members, y] = [f"{text}; zone: a share of it" for text in record[members, y]]
    yield "annual_load_mwh", ("area", "history_year"), energy
    yield "peak_load_mw", ("area", "history_year"), peak
    yield "load_history_record", ("area", "history_year"), record.astype(str)


def hourly_shares(ratio: Floats, share: Floats, shape: Floats) -> Floats:
    """Shares (zone, hour) of an area's load, near `share` times `ratio`, that add up to one in every hour.

    ratio : (zone, hour)  Of hourly shares to the year's. [1]
    share : (zone,)       Of the year's energy, sum 1; met within 1e-9.
    shape : (hour,)       The area's load.
    """
    part = share[:, None] * ratio
    weight = shape / shape.sum()
    if (ratio == 1.0).all():
        return part / part.sum(axis=0)
    for _ in range(SWEEPS):
        part *= (share / (part @ weight))[:, None]
        part /= part.sum(axis=0)
    return part


def _ratio(zones: xr.Dataset, zone: npt.NDArray[np.int64], year: int) -> Floats:
    """Ratios (zone, hour) of a weather year; level where the file does not have it."""
    years = zones["year"].values.tolist()
    if year not in years:
        return np.ones((len(zone), zones.sizes["hour"]))
    return np.asarray(zones["load_ratio"].values[zone, years.index(year)], dtype=np.float64)
