"""The supply projection for one place: a country, an area or a cell, by technology, over draws, with its history."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import country as countries
from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.supply import cells as supply_cells
from capacity.supply import experts, hindcast_flags
from capacity.supply import projection as supply
from capacity.supply.fleet import Fleet
from scenarios import Scenario

Floats = NDArray[np.float64]

BLOCK = 250
"""Draws worked on at once: bounds the memory, about 300 MB a thread; any block gives the same bits."""
MOST_THREADS = 8
"""Beyond it the interpreter is what the threads wait for."""
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
CELL_QUANTILES = (0.1, 0.5, 0.9)
HOURS = 8760
MW_PER_GW = 1000.0
MWH_PER_TWH = 1e6


@dataclass(frozen=True)
class Place:
    """What to project: a country, one of its areas, or one of its cells."""

    name: str
    country: str
    area: str | None = None
    cell: int | None = None


@dataclass(frozen=True)
class Projection:
    """nameplate_mw (draw, technology, year) of a place; history_mw (technology, history_year), NaN where unknown.

    expert_share : (expert, technology, year)  Share of draws that follow each of `experts.EXPERTS`.
    """

    place: Place
    years: NDArray[np.int64]
    technologies: tuple[str, ...]
    nameplate_mw: Floats
    history_years: NDArray[np.int64]
    history_mw: Floats
    expert_share: Floats


def find_place(grid: xr.Dataset, text: str) -> Place:
    """`US`, `us.ercot`, or `LAT,LON` in degrees as the nearest cell within one cell's width.

    Raises CapacityError naming what there is.
    """
    if text.upper() in ("US", "CN"):
        return Place(text.upper(), text.upper())
    areas = [str(name) for name in grid["area"].values]
    if text in areas:
        return Place(text, str(grid["area_country"].values[areas.index(text)]), text)
    match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*", text)
    if not match:
        raise CapacityError(f"{text!r} is no place; give US, CN, LAT,LON, or one of {', '.join(areas)}")
    lat, lon = float(match[1]), float(match[2])
    away = np.hypot(grid["cell_lat"].to_numpy() - lat, grid["cell_lon"].to_numpy() - lon)
    nearest = int(np.argmin(away))
    if away[nearest] > 0.5:
        raise CapacityError(f"{text}: no cell of the US or Chinese grid within half a degree")
    area = str(grid["cell_area_id"].values[nearest])
    return Place(text, str(grid["area_country"].values[areas.index(area)]), area, nearest)


def each_block(
    work: Callable[[slice, Draws], None],
    scenario: Scenario,
    seed: int,
    draws: int,
    years: NDArray[np.int64],
    threads: int | None = None,
) -> None:
    """Do some work on all draws, BLOCK at a time, a block a thread; `work` takes the block and where its draws go.

    threads : blocks worked on at a time, and so held in memory; None means one for each core, at most MOST_THREADS.
        NumPy lets go of the interpreter in each operation, and a draw depends on its number alone: no bit changes.
    """
    places = [slice(start, min(start + BLOCK, draws)) for start in range(0, draws, BLOCK)]

    def one(place: slice) -> None:
        work(place, Draws(seed, np.arange(place.start, place.stop, dtype=np.int64), years, scenario))

    workers = threads or min(os.cpu_count() or 1, MOST_THREADS)
    with ThreadPoolExecutor(min(workers, len(places))) as pool:
        for _ in pool.map(one, places):
            pass


def project(
    grid: xr.Dataset,
    place: Place,
    scenario: Scenario,
    *,
    years: Sequence[int],
    draws: int,
    seed: int,
    threads: int | None = None,
) -> Projection:
    """Capacity of a place by technology. The model starts right after the grid's base year, whatever `years` asks."""
    fleet = Fleet.of(grid, place.country)
    model = np.arange(fleet.base_year + 1, years[-1] + 1)
    kept = np.isin(model, years)
    result = np.empty((draws, len(fleet.technologies), int(kept.sum())))
    expert = np.empty(result.shape, dtype=np.int8)

    def work(rows: slice, block: Draws) -> None:
        projected = supply.project(fleet, block)
        result[rows] = _at(grid, fleet, place, projected, block)[..., kept]
        expert[rows] = projected.expert[..., kept]

    each_block(work, scenario, seed, draws, model, threads)
    share = np.stack([(expert == code).mean(axis=0) for code in range(len(experts.EXPERTS))])
    history = _history(grid, fleet, place)
    return Projection(place, model[kept], fleet.technologies, result, *history, share)


def _at(grid: xr.Dataset, fleet: Fleet, place: Place, projected: supply.Supply, draws: Draws) -> Floats:
    """(draw, technology, year) of a place."""
    if place.area is None:
        return projected.nameplate_mw.sum(axis=1)
    a = fleet.areas.index(place.area)
    if place.cell is None:
        return projected.nameplate_mw[:, a]
    shares = supply_cells.area_shares(grid, fleet, a)
    at = int(np.flatnonzero(shares.cells == place.cell)[0])
    own = (projected.existing_mw[:, a], projected.pipeline_mw[:, a], projected.trend_mw[:, a])
    parts = shares.parts(*own, draws.scalar("addition_pattern_share"))
    return np.asarray(sum(amount * table[None, :, at, None] for amount, table in parts))


def _history(grid: xr.Dataset, fleet: Fleet, place: Place) -> tuple[NDArray[np.int64], Floats]:
    years = grid["history_year"].to_numpy().astype(np.int64)
    if place.area is None:
        return years, fleet.history_mw.sum(axis=0)
    if place.cell is None:
        return years, fleet.history_mw[fleet.areas.index(place.area)]
    known = np.full((len(fleet.technologies), len(years)), np.nan)
    known[:, -1] = grid["cell_nameplate_mw"].to_numpy()[:, place.cell]
    return years, known


def table(projection: Projection, at_years: Sequence[int]) -> list[dict[str, Any]]:
    """One record a technology (and the total) and year: base year, quantiles, mean and standard deviation, GW."""
    records = []
    total = projection.nameplate_mw.sum(axis=1, keepdims=True)
    stacked = np.concatenate([projection.nameplate_mw, total], axis=1) / MW_PER_GW
    base = np.append(projection.history_mw[:, -1], projection.history_mw[:, -1].sum()) / MW_PER_GW
    for k, technology in enumerate((*projection.technologies, "total")):
        for year in at_years:
            (match,) = np.nonzero(projection.years == year)
            if not match.size:
                continue
            values = stacked[:, k, match[0]]
            low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
            records.append(
                {
                    "technology": technology, "year": int(year), "base_gw": float(base[k]), "p10_gw": float(low),
                    "p50_gw": float(middle), "p90_gw": float(high), "mean_gw": float(values.mean()),
                    "sd_gw": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
                    "experts": _shares(projection, k, int(match[0])),
                }
            )  # fmt: skip
    return records


def _shares(projection: Projection, k: int, y: int) -> str:
    """Who is followed, e.g. `trend 35 %, second 65 %`; nothing for the total."""
    if k >= len(projection.technologies):
        return ""
    shares = projection.expert_share[:, k, y]
    return ", ".join(f"{name} {share:.0%}" for name, share in zip(experts.EXPERTS, shares, strict=True) if share > 0)


def beside_outlooks(grid: xr.Dataset, projection: Projection) -> list[dict[str, Any]]:
    """Published outlooks for the country with the projection's 10, 50 and 90 % in the same unit."""
    place = projection.place
    if place.area is not None:
        return []
    factor = _national_factor(grid, Fleet.of(grid, place.country))
    records = []
    for entry in _outlooks():
        (match,) = np.nonzero(projection.years == entry["year"])
        if entry["country"] != place.country or not match.size:
            continue
        names = projection.technologies if entry["technologies"] == "all" else entry["technologies"]
        rows = [projection.technologies.index(name) for name in names]
        capacity = projection.nameplate_mw[:, rows, match[0]]
        values = (
            capacity @ factor[rows] * HOURS / 1e6 if entry["quantity"] == "energy" else capacity.sum(axis=1) / MW_PER_GW
        )
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
        said = {key: entry[key] for key in ("who", "year", "unit", "value", "label", "why")}
        ours = {"p10": float(low), "p50": float(middle), "p90": float(high)}
        records.append(said | ours | {"difference": float(middle) / entry["value"] - 1.0})
    return records


def _national_factor(grid: xr.Dataset, fleet: Fleet) -> Floats:
    """Recent capacity factor (technology,) of the country, weighted by capacity; 0 where nothing stands."""
    mean, weight = countries.recent_capacity_factor(grid, fleet), fleet.nameplate_mw.sum(axis=2)
    total = weight.sum(axis=0)
    return np.divide((mean * weight).sum(axis=0), total, out=np.zeros_like(total), where=total > 0)


@cache
def _outlooks() -> tuple[dict[str, Any], ...]:
    from ruamel.yaml import YAML

    text = files("capacity").joinpath("data", "outlooks.yaml").read_text(encoding="utf-8")
    return tuple(YAML(typ="safe").load(text))


def dataset(projection: Projection, scenario: str, seed: int) -> xr.Dataset:
    """CF-style dataset: quantiles, mean and spread over draws by technology and year, and the history."""
    values = projection.nameplate_mw
    dims = ("technology", "year")
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1:])
    quantiles = np.quantile(values, QUANTILES, axis=0)
    variables = {
        "nameplate_mw": (("quantile", *dims), quantiles, _mw("Nameplate capacity, quantiles over draws")),
        "nameplate_mean_mw": (dims, values.mean(axis=0), _mw("Nameplate capacity, mean over draws")),
        "nameplate_sd_mw": (dims, spread, _mw("Nameplate capacity, standard deviation over draws")),
        "history_mw": (("technology", "history_year"), projection.history_mw, _mw("Capacity at year ends")),
        "expert_share": (
            ("expert", *dims),
            projection.expert_share,
            {"units": "1", "long_name": "Share of draws that follow each expert"},
        ),
    }
    coordinates = {
        "quantile": list(QUANTILES),
        "technology": list(projection.technologies),
        "year": projection.years,
        "expert": list(experts.EXPERTS),
        "history_year": projection.history_years,
    }
    country = projection.place.country
    rule = hindcast_flags.variable([country], projection.technologies)
    attrs = hindcast_flags.attribute([country]) | {
        "Conventions": "CF-1.11",
        "title": f"Projected supply of {projection.place.name}",
        "place": projection.place.name,
        "scenario": scenario,
        "seed": np.uint64(seed),
        "draws": len(values),
    }
    return xr.Dataset(variables | {hindcast_flags.VARIABLE: rule[0]}, coordinates, attrs)


def _mw(name: str) -> dict[str, str]:
    return {"units": "MW", "long_name": name}
