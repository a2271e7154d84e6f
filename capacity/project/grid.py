"""The supply projection on all cells with quantiles over draws, as one CF dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.draws import Draws
from capacity.project.place import CELL_QUANTILES, each_block
from capacity.supply import cells as supply_cells
from capacity.supply import hindcast_flags, projection
from capacity.supply.fleet import Fleet
from scenarios import Scenario

Floats = NDArray[np.float64]

COUNTRIES = ("US", "CN")


def on_grid(
    grid: xr.Dataset,
    scenario: Scenario,
    *,
    years: Sequence[int],
    draws: int,
    seed: int,
    progress: Callable[[str], None] = lambda text: None,
) -> xr.Dataset:
    """Capacity (year, technology, cell): mean over draws, which adds up to each area, and quantiles.

    Quantiles of cells do not add up to quantiles of areas. One country at a time; of each only the areas' capacity
    in `years` is kept over draws, the cells are filled area by area.
    """
    count, technologies = grid.sizes["cell"], grid.sizes["technology"]
    mean = np.zeros((len(years), technologies, count))
    quantiles = np.zeros((len(CELL_QUANTILES), *mean.shape))
    for name in COUNTRIES:
        progress(name)
        fleet = Fleet.of(grid, name)
        existing, pipeline, trend, by_pattern = _areas(fleet, scenario, years, draws, seed)
        for a in range(len(fleet.areas)):
            shares = supply_cells.area_shares(grid, fleet, a)
            parts = shares.parts(existing[:, a], pipeline[:, a], trend[:, a], by_pattern)
            for k in range(technologies):
                # (draw, year, cell) of one technology in one area
                cells = sum((amount[:, k, :, None] * table[k] for amount, table in parts), np.zeros(1))
                mean[:, k, shares.cells] = cells.mean(axis=0)
                quantiles[:, :, k, shares.cells] = np.quantile(cells, CELL_QUANTILES, axis=0)
    asked = {"scenario": scenario.name, "seed": np.uint64(seed), "draws": draws}
    return _dataset(grid, years, (mean, quantiles), asked)


def _areas(
    fleet: Fleet, scenario: Scenario, years: Sequence[int], draws: int, seed: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Existing, pipeline and other capacity (draw, area, technology, year), in the asked years only, and the share
    (draw,) of additions without a site that follows the existing pattern."""
    model = np.arange(fleet.base_year + 1, max(years) + 1)
    kept = np.isin(model, years)
    shape = (draws, len(fleet.areas), len(fleet.technologies), int(kept.sum()))
    existing, pipeline, trend = np.empty(shape), np.empty(shape), np.empty(shape)
    by_pattern = np.empty(draws)

    def work(rows: slice, block: Draws) -> None:
        projected = projection.project(fleet, block)
        existing[rows] = projected.existing_mw[..., kept]
        pipeline[rows] = projected.pipeline_mw[..., kept]
        trend[rows] = projected.trend_mw[..., kept]
        by_pattern[rows] = block.scalar("addition_pattern_share")

    each_block(work, scenario, seed, draws, model)
    return existing, pipeline, trend, by_pattern


def _dataset(
    grid: xr.Dataset, years: Sequence[int], found: tuple[Floats, Floats], asked: Mapping[str, object]
) -> xr.Dataset:
    """found : mean (year, technology, cell), quantiles (quantile, year, technology, cell) [MW]; asked : attributes"""
    mean, quantiles = found
    dims = ("year", "technology", "cell")
    where = {"coordinates": "lat lon area", "units": "MW"}
    return xr.Dataset(
        {
            "nameplate_mean_mw": (dims, mean, {**where, "long_name": "Capacity, mean over draws; sums to the area"}),
            "nameplate_mw": (("quantile", *dims), quantiles, {**where, "long_name": "Capacity, quantiles over draws"}),
            hindcast_flags.VARIABLE: hindcast_flags.variable(COUNTRIES, [str(t) for t in grid["technology"].values]),
        },
        {
            "quantile": list(CELL_QUANTILES),
            "year": list(years),
            "country": list(COUNTRIES),
            "technology": grid["technology"].to_numpy(),
            "lat": ("cell", grid["cell_lat"].to_numpy(), {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("cell", grid["cell_lon"].to_numpy(), {"units": "degrees_east", "standard_name": "longitude"}),
            "area": ("cell", grid["cell_area_id"].to_numpy().astype(str)),
        },
        {"Conventions": "CF-1.11", "title": "Projected supply on 0.5 degree cells"}
        | dict(asked)
        | hindcast_flags.attribute(COUNTRIES),
    )
