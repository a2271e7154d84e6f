"""The supply projection on the cells: existing and planned units where they stand, other additions by weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.country import CountryResult
from capacity.fleet import Fleet

Floats = NDArray[np.float64]

SPREAD_BY_LAND = ("wind", "offshore_wind", "solar")
"""Half of these follow land, half the existing pattern; other technologies follow load instead of land. Label J."""


def nameplate_mw(grid: xr.Dataset, results: Sequence[CountryResult]) -> Floats:
    """Projected capacity (year, technology, cell), mean over draws, summing to each area. [MW]

    Today's plants keep their cells. Pipeline additions go to the cells of planned units as far as these are
    known, the rest and all trend additions by weights: half by the technology's existing pattern, half by land
    (wind, solar) or load (all else). Linear in the additions, so the mean over draws is exact.
    """
    years = results[0].supply.existing_mw.shape[-1]
    fleet = np.zeros((years, *grid["cell_nameplate_mw"].shape))
    for result in results:
        existing, pipeline, trend = (
            part.mean(axis=0) for part in (result.supply.existing_mw, result.supply.pipeline_mw, result.supply.trend_mw)
        )
        for a in range(len(result.fleet.areas)):
            shares = area_shares(grid, result.fleet, a)
            fleet[:, :, shares.cells] = (
                existing[a].T[:, :, None] * shares.standing
                + pipeline[a].T[:, :, None] * shares.along_plan
                + trend[a].T[:, :, None] * shares.elsewhere
            )
    return fleet


class AreaShares(NamedTuple):
    """How one area's capacity lies on its cells; all (technology, cell), rows sum to 1.

    standing: today's plants; along_plan: pipeline additions; elsewhere: all other additions.
    """

    cells: NDArray[np.int64]
    standing: Floats
    along_plan: Floats
    elsewhere: Floats


def area_shares(grid: xr.Dataset, fleet: Fleet, a: int) -> AreaShares:
    """Shares of area number `a` of a fleet."""
    cells = np.flatnonzero(grid["cell_area_id"].to_numpy() == fleet.areas[a])
    planned = grid["cell_planned_mw"].to_numpy()[:, cells]
    plan = fleet.planned_addition_mw[a].sum(axis=1)
    weights = addition_weights(grid, cells, fleet.technologies)
    standing = _shares(grid["cell_nameplate_mw"].to_numpy()[:, cells], weights)
    located = np.divide(planned.sum(axis=1), plan, out=np.zeros(len(plan)), where=plan > 0).clip(0.0, 1.0)[:, None]
    along_plan = located * _shares(planned, weights) + (1.0 - located) * weights
    return AreaShares(cells, standing, along_plan, weights)


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
