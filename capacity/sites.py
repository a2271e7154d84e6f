"""Cells of the grid: how much new load each can take, what it costs there, and how warm it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import compute, siting
from capacity.draws import CentralPath, Draws
from capacity.supply.fleet import Fleet
from cuda_kernels import array_namespace, asnumpy, beside
from cuda_kernels.quantile import order_statistic
from cuda_kernels.streams import staged
from cuda_kernels.water_fill import Fill, Table, Tables, water_fill_of_areas
from grids.tables import read_table

Floats = NDArray[np.float64]

CELL_QUANTILES = (0.1, 0.5, 0.9)
EARTH_RADIUS_KM = 6371.0
_MEMORY_SHARE = 0.125  # of a GPU's free memory may hold the split; its quantiles need as much again


@dataclass(frozen=True)
class Placed:
    """Hostable load: what the grid and the cells of an area can both take, and its split.

    What has draws lies where the headroom lay.

    hostable_mw : (draw, area, year)              Sum over the area's cells. [MW]
    siting_limited : (draw, area, year)           True where the cells, not the grid, set the limit.
    cells : (cell,)                               Cell numbers, area by area.
    cell_area : (cell,)                           Index of the area in the fleet.
    cell_quantile_mw : (quantile, year, cell)     Over draws, at CELL_QUANTILES. [MW]
    cell_mean_mw : (year, cell)                   Over draws. [MW]
    hosted_it_share : (draw, area, year)          Load-weighted mean of 1 / peak PUE over the cells in use. [1]
    """

    hostable_mw: Floats
    siting_limited: NDArray[np.bool_]
    cells: NDArray[np.int64]
    cell_area: NDArray[np.int64]
    cell_quantile_mw: Floats
    cell_mean_mw: Floats
    hosted_it_share: Floats


def cell_cap_mw(grid: xr.Dataset, cells: NDArray[np.int64], area: str, campus_limit_mw: float) -> Floats:
    """Largest new load (cell,) of each cell: what its grid already carries, at most one campus. [MW]

    What the grid carries = the cell's share of the area's peak load plus the plants in it: lines and
    substations of that size stand there today. `siting_room_factor` says how far wrong that may be (J); a cell
    without load or plant takes nothing.
    """
    peak = float(grid["peak_load_mw"].sel(area=area).to_numpy()[-1])
    there = grid["cell_nameplate_mw"].isel(cell=cells).sum("technology").to_numpy()
    carried = grid["cell_load_weight"].to_numpy()[cells] * peak + there
    return np.minimum(carried, campus_limit_mw)


def limit_mw(grid: xr.Dataset, fleet: Fleet, draws: Draws) -> Floats:
    """Largest new load (draw, area) that the cells of each area can take. [MW]"""
    campus = float(draws.central.scalar("campus_limit_mw")[0])
    owner = grid["cell_area_id"].to_numpy()
    caps = [cell_cap_mw(grid, np.flatnonzero(owner == area), area, campus).sum() for area in fleet.areas]
    return draws.scalar("siting_room_factor")[:, None] * np.array(caps)


def cell_cost(grid: xr.Dataset, cells: NDArray[np.int64], country: str, central: CentralPath) -> Floats:
    """Cost (cell,) of a unit of IT energy: mean PUE times the industrial price, known or the country's. [usd/MWh]

    In China a hub's price is lower by `cn.hub_discount_usd_per_mwh`; nil unless a scenario sets it.
    """
    price, climate = (
        grid[name].isel(cell=cells).to_numpy() for name in ("cell_price_usd_per_mwh", "cell_temperature_c")
    )
    national = float(central.scalar(f"{country.lower()}.electricity_price_usd_per_mwh")[0])
    mean_pue = compute.mean_pue(climate, compute.Cooling.of(central))[0]
    known = np.where(np.isfinite(price), price, national)
    if country == "CN":
        known = known - float(central.scalar("cn.hub_discount_usd_per_mwh")[0]) * in_hub(grid, cells)
    return mean_pue * known


def in_hub(grid: xr.Dataset, cells: NDArray[np.int64]) -> Floats:
    """1 for cells (cell,) whose centre lies within a cluster of China's national computing hubs, else 0."""
    at = np.radians(np.stack([grid[name].to_numpy()[cells] for name in ("cell_lat", "cell_lon")]))
    result = np.zeros(len(cells))
    known = hubs()
    for hub in known["hubs"].values():
        there = np.radians([hub["latitude"], hub["longitude"]])
        lift, turn = np.sin((at[0] - there[0]) / 2.0) ** 2, np.sin((at[1] - there[1]) / 2.0) ** 2
        away = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(lift + np.cos(at[0]) * np.cos(there[0]) * turn))
        result[away <= float(known["radius_km"]["value"])] = 1.0
    return result


def hub_shares(areas: Sequence[str]) -> Floats:
    """Share (area,) of the clusters of China's national computing hubs that lie in each area; even without any."""
    count = np.array([sum(hub["area"] == area for hub in hubs()["hubs"].values()) for area in areas], dtype=np.float64)
    return count / count.sum() if count.any() else np.full(len(areas), 1.0 / len(areas))


@cache
def hubs() -> Mapping[str, Any]:
    """Clusters of China's national computing hubs: positions and radius (`data/cn_hubs.yaml`)."""
    known: Mapping[str, Any] = read_table("cn_hubs.yaml", "capacity")
    return known


def place(grid: xr.Dataset, fleet: Fleet, draws: Draws, headroom_mw: Floats) -> Placed:
    """Split each area's headroom (draw, area, year) over its cells by water-filling, where the headroom lies.

    A draw's room factor f scales the room of all cells, so that its split of a load is f times the split of load / f.
    """
    xp, move = array_namespace(headroom_mw), beside(headroom_mw)
    spread = float(draws.central.scalar(f"{fleet.prefix}.siting_temperature_factor")[0])
    temperature = move(draws.scalar("siting_temperature_usd_per_mwh") * spread)
    room = move(draws.scalar("siting_room_factor"))
    ranks = [max(0, int(np.ceil(q * len(draws))) - 1) for q in CELL_QUANTILES]
    hostable, share = xp.zeros_like(headroom_mw), xp.zeros_like(headroom_mw)
    quantiles, means = [], []
    areas = _Areas(grid, fleet, draws)
    blocks = areas.blocks(_cells_at_once(xp, headroom_mw))
    for *tables, weight, limits, plain_means in staged(blocks, "cpu" if xp is np else "gpu"):
        some = slice(areas.handed_over, areas.handed_over + len(limits))
        areas.handed_over = some.stop
        hostable[:, some] = xp.minimum(headroom_mw[:, some], room[:, None, None] * limits[:, None])
        load = hostable[:, some].transpose(1, 2, 0)
        filled = water_fill_of_areas(Tables(*tables), load, temperature, room, weight)
        share[:, some] = _hosted_share(filled, plain_means[:, None, None]).transpose(2, 0, 1)
        quantiles.append(order_statistic(filled.split_mw, ranks, axis=-1))
        means.append(filled.split_mw.mean(axis=-1))
    return Placed(
        hostable_mw=hostable,
        siting_limited=headroom_mw > hostable,
        cells=np.concatenate(areas.cells),
        cell_area=np.repeat(np.arange(len(areas.cells)), [len(cells) for cells in areas.cells]),
        cell_quantile_mw=asnumpy(xp.concatenate(quantiles, axis=1)).swapaxes(1, 2),
        cell_mean_mw=asnumpy(xp.concatenate(means)).T,
        hosted_it_share=share,
    )


def _cells_at_once(xp: Any, headroom_mw: Any) -> int:
    """Cells whose splits are held at a time: of one area on the CPU, on a GPU what a share of its free memory holds."""
    if xp is np:
        return 0
    free, _ = xp.cuda.runtime.memGetInfo()
    of_cell = 8 * headroom_mw.shape[0] * headroom_mw.shape[2]
    return int(_MEMORY_SHARE * free) // of_cell


class _Areas:
    """Inputs of the areas' water-filling, and the cells of each area once its inputs were made."""

    def __init__(self, grid: xr.Dataset, fleet: Fleet, draws: Draws) -> None:
        self._grid, self._fleet, self._draws = grid, fleet, draws
        self.cells: list[NDArray[np.int64]] = []
        self.handed_over = 0

    def blocks(self, most_cells: int) -> Iterator[tuple[NDArray[Any], ...]]:
        """Fields of `Tables` of some areas together, one or as many as have so many cells; 1 / peak PUE of the cells on
        the central path; of each area, the load that fits and its cells' plain mean of that weight."""
        block: list[tuple[Table, Floats]] = []
        for table, weight in self._inputs():
            if block and sum(len(other) for _, other in block) + len(weight) > most_cells:
                yield _together(block)
                block = []
            block.append((table, weight))
        yield _together(block)

    def _inputs(self) -> Iterator[tuple[Table, Floats]]:
        """An area's table, and 1 / peak PUE of its cells."""
        grid, central, country = self._grid, self._draws.central, self._fleet.country
        campus = float(central.scalar("campus_limit_mw")[0])
        spread = float(central.scalar(f"{self._fleet.prefix}.siting_temperature_factor")[0])
        nodes = _temperature_nodes(self._draws) * spread
        pue = compute.peak_pue(grid["cell_temperature_c"].to_numpy(), compute.Cooling.of(central))[0]
        owner = grid["cell_area_id"].to_numpy()
        for area in self._fleet.areas:
            cells = np.flatnonzero(owner == area)
            caps = cell_cap_mw(grid, cells, area, campus)
            cells, caps = cells[caps > 0.0], caps[caps > 0.0]
            self.cells.append(cells)
            yield siting.solve(caps, cell_cost(grid, cells, country, central), nodes), 1.0 / pue[cells]


def _together(block: list[tuple[Table, Floats]]) -> tuple[NDArray[Any], ...]:
    """What `_Areas.blocks` yields of some areas."""
    tables, weights = zip(*block, strict=True)
    temperatures, levels = (np.stack([table[field] for table in tables]) for field in (0, 1))
    splits = [table.split_mw for table in tables]
    ends = np.cumsum([0, *map(len, splits)], dtype=np.int32)
    means = np.array([weight.mean() for weight in weights])
    alone = len(block) == 1
    split, weight = (splits[0], weights[0]) if alone else (np.concatenate(splits), np.concatenate(weights))
    return temperatures, levels, split, ends, weight, levels[:, 0, -1], means


def _temperature_nodes(draws: Draws) -> Floats:
    """Siting temperatures at equally spaced quantiles from 1 % to 99 %, at which the split is solved."""
    parameter = draws.scenario.parameter("siting_temperature_usd_per_mwh")
    nodes = parameter.at(np.linspace(0.01, 0.99, siting.TEMPERATURES), draws.years[:1])[:, 0]
    return np.maximum(nodes, 1e-3)


def _hosted_share(filled: Fill, plain_mean: Any) -> Floats:
    """Load-weighted mean (area, year, draw) of 1 / PUE; an area that hosts nothing gets its cells' plain mean."""
    xp = array_namespace(filled.total_mw)
    hosts = filled.total_mw > 0.0
    return xp.where(hosts, filled.weighted / xp.where(hosts, filled.total_mw, 1.0), plain_mean)


def mean_over_peak_pue(grid: xr.Dataset, fleet: Fleet, draws: Draws) -> Floats:
    """Yearly mean of PUE over its peak (draw, area) where an area's load is. [1]

    A connection is sized by the hottest hours; the energy of a year goes by the mean.
    """
    weight = grid["cell_load_weight"].to_numpy()
    climate = grid["cell_temperature_c"].to_numpy()
    owner = grid["cell_area_id"].to_numpy()
    centres = np.stack([weight[owner == area] @ climate[owner == area] for area in fleet.areas])
    cooling = compute.Cooling.of(draws)
    return compute.mean_pue(centres, cooling) / compute.peak_pue(centres, cooling)


def hosted_pue(grid: xr.Dataset, fleet: Fleet, draws: Draws, placed: Placed) -> Floats:
    """Peak PUE (draw, area, year) of the hosted load: the cells in use under the draw's cooling.

    The overhead (PUE - 1) of the cells in use, on the central path, is scaled by the draw's overhead at the
    area's load centre; the whole by the country's spread between builders. Never below 1.
    """
    weight = grid["cell_load_weight"].to_numpy()
    climate = grid["cell_temperature_c"].to_numpy()
    owner = grid["cell_area_id"].to_numpy()
    centres = np.stack([weight[owner == area] @ climate[owner == area] for area in fleet.areas])
    drawn = compute.peak_pue(centres, compute.Cooling.of(draws)) - 1.0
    central = compute.peak_pue(centres, compute.Cooling.of(draws.central)) - 1.0
    move, xp = beside(placed.hosted_it_share), array_namespace(placed.hosted_it_share)
    builders = move(draws.parameter(f"{fleet.prefix}.pue_multiplier"))
    overhead = 1.0 / placed.hosted_it_share - 1.0
    return xp.maximum(1.0, (1.0 + overhead * move(drawn / central)[:, :, None]) * builders[:, None, :])
