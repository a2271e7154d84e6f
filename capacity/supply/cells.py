"""The supply projection on the cells: existing and planned units where they stand, other additions by weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.supply.fleet import Fleet
from capacity.supply.projection import Supply

Floats = NDArray[np.float64]

SPREAD_BY_LAND = ("wind", "offshore_wind", "solar")
"""What of these does not follow the existing pattern follows land; of other technologies load."""

Parts = Sequence[tuple[Floats, Floats]]
"""Amounts (draw, technology, year) [MW] and their shares (technology, cell) [1]; the products add up to the cells."""


def nameplate_mw(grid: xr.Dataset, countries: Sequence[tuple[Fleet, Supply]], by_pattern: Floats) -> Floats:
    """Projected capacity (year, technology, cell), mean over draws, summing to each area. [MW]

    Today's plants keep their cells. Pipeline additions go to the cells of planned units as far as these are
    known, the rest and all trend additions by weights: a share `by_pattern` (draw,) by the technology's existing
    pattern, the rest by land (wind, solar) or load (all else).
    """
    years = countries[0][1].existing_mw.shape[-1]
    found = np.zeros((years, *grid["cell_nameplate_mw"].shape))
    for fleet, supply in countries:
        for a in range(len(fleet.areas)):
            shares = area_shares(grid, fleet, a)
            added = (supply.existing_mw[:, a], supply.pipeline_mw[:, a], supply.trend_mw[:, a])
            found[:, :, shares.cells] = sum(
                amount.mean(axis=0).T[:, :, None] * table for amount, table in shares.parts(*added, by_pattern)
            )
    return found


class AreaShares(NamedTuple):
    """How one area's capacity lies on its cells; tables (technology, cell), rows sum to 1.

    standing: today's plants; planned: units with a known site; pattern: like today's plants; spread: by land or load.
    located: (technology,) share of the pipeline whose site is known. [1]
    """

    cells: NDArray[np.int64]
    standing: Floats
    planned: Floats
    pattern: Floats
    spread: Floats
    located: Floats

    def parts(self, existing: Floats, pipeline: Floats, trend: Floats, by_pattern: Floats) -> Parts:
        """Capacity (draw, technology, year) of the area as parts that each keep one table; `by_pattern` is (draw,)."""
        known = pipeline * self.located[:, None]
        rest = pipeline - known + trend
        share = by_pattern[:, None, None]
        return (
            (existing, self.standing),
            (known, self.planned),
            (share * rest, self.pattern),
            ((1.0 - share) * rest, self.spread),
        )


def area_shares(grid: xr.Dataset, fleet: Fleet, a: int) -> AreaShares:
    """Shares of area number `a` of a fleet."""
    cells = np.flatnonzero(grid["cell_area_id"].to_numpy() == fleet.areas[a])
    planned = grid["cell_planned_mw"].to_numpy()[:, cells]
    plan = fleet.planned_addition_mw[a].sum(axis=1)
    spread = spread_shares(grid, cells, fleet.technologies)
    pattern = _shares(grid["cell_nameplate_mw"].to_numpy()[:, cells], spread)
    located = np.divide(planned.sum(axis=1), plan, out=np.zeros(len(plan)), where=plan > 0).clip(0.0, 1.0)
    return AreaShares(cells, pattern, _shares(planned, spread), pattern, spread, located)


def spread_shares(grid: xr.Dataset, cells: NDArray[np.int64], technologies: Sequence[str]) -> Floats:
    """Shares (technology, cell) by land or load; each row sums to 1."""
    land, load = (grid[name].to_numpy()[cells] for name in ("cell_land_km2", "cell_load_weight"))
    by_land = np.stack([land if name in SPREAD_BY_LAND else load for name in technologies])
    return _shares(by_land, np.full(by_land.shape, 1.0 / len(cells)))


def _shares(table: Floats, otherwise: Floats) -> Floats:
    """Rows normalised to 1; a row without anything takes the fallback."""
    total = table.sum(axis=1, keepdims=True)
    return np.where(total > 0, np.divide(table, total, out=np.zeros_like(table), where=total > 0), otherwise)
