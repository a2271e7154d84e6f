"""The supply projection on the cells: existing and planned units where they stand, other additions by weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.country import CountryResult

Floats = NDArray[np.float64]

SPREAD_BY_LAND = ("wind", "offshore_wind", "solar")
"""Half of these follow land, half the existing pattern; other technologies follow load instead of land. Label J."""


def nameplate_mw(grid: xr.Dataset, results: Sequence[CountryResult]) -> Floats:
    """Projected capacity (year, technology, cell), mean over draws, summing to each area. [MW]

    Today's plants keep their cells. Pipeline additions go to the cells of planned units as far as these are
    known, the rest and all trend additions by weights: half by the technology's existing pattern, half by land
    (wind, solar) or load (all else). Linear in the additions, so the mean over draws is exact.
    """
    owner = grid["cell_area_id"].to_numpy()
    today = grid["cell_nameplate_mw"].to_numpy()
    planned = grid["cell_planned_mw"].to_numpy()
    years = results[0].supply.existing_mw.shape[-1]
    fleet = np.zeros((years, *today.shape))
    for result in results:
        existing, pipeline, trend = (
            part.mean(axis=0) for part in (result.supply.existing_mw, result.supply.pipeline_mw, result.supply.trend_mw)
        )
        plan = result.fleet.planned_addition_mw.sum(axis=2)
        for a, area in enumerate(result.fleet.areas):
            cells = np.flatnonzero(owner == area)
            weights = addition_weights(grid, cells, result.fleet.technologies)
            stands = _shares(today[:, cells], weights)
            sited = _shares(planned[:, cells], weights)
            located = np.divide(
                planned[:, cells].sum(axis=1), plan[a], out=np.zeros(len(plan[a])), where=plan[a] > 0
            ).clip(0.0, 1.0)[:, None]
            along_plan = located * sited + (1.0 - located) * weights
            fleet[:, :, cells] = (
                existing[a].T[:, :, None] * stands
                + pipeline[a].T[:, :, None] * along_plan
                + trend[a].T[:, :, None] * weights
            )
    return fleet


def addition_weights(grid: xr.Dataset, cells: NDArray[np.int64], technologies: Sequence[str]) -> Floats:
    """Weights (technology, cell) of additions without a known site; each row sums to 1."""
    part = grid.isel(cell=cells)
    land, load = part["cell_land_km2"].to_numpy(), part["cell_load_weight"].to_numpy()
    by_land = np.stack([land if name in SPREAD_BY_LAND else load for name in technologies])
    even = np.full(by_land.shape, 1.0 / len(cells))
    spread = _shares(by_land, even)
    return 0.5 * spread + 0.5 * _shares(part["cell_nameplate_mw"].to_numpy(), spread)


def _shares(table: Floats, otherwise: Floats) -> Floats:
    """Rows normalised to 1; a row without anything takes the fallback."""
    total = table.sum(axis=1, keepdims=True)
    return np.where(total > 0, np.divide(table, total, out=np.zeros_like(table), where=total > 0), otherwise)
