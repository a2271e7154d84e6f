"""Where in an area new load goes: water-filling of its cells. See docs/method.md, Siting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

LEVELS = 129
"""Loads at which an area's split is solved; between them it is linear, which keeps every sum exact."""
TEMPERATURES = 7
"""Siting temperatures at which it is solved, equally likely over the parameter's distribution."""
SEARCH_STEPS = 80


def fill(cap_mw: Floats, cost: Floats, temperature: float, load_mw: Floats) -> Floats:
    """Split loads over cells: x_j = h_j G((lambda - c_j) / theta), G logistic, sum x_j = load.

    cap_mw : (cell,)     Largest load h_j of each cell, >= 0. [MW]
    cost : (cell,)       Cost c_j of serving a unit of load. [usd/MWh]
    temperature : float  Spread theta > 0 of unobserved site value; to 0 it is merit order, to infinity proportional.
    load_mw : (load,)    Totals to place, 0 <= load <= sum of caps. [MW]

    Returns (load, cell) in [0, h_j], non-decreasing in load, summing to the load to rounding. The minimum of
    cost minus theta x entropy of the fill; lambda by bisection on a monotone sum.
    """
    total = cap_mw.sum()
    spread = 45.0 * temperature
    bottom = np.full(load_mw.shape, cost.min() - spread)
    top = np.full(load_mw.shape, cost.max() + spread)
    for _ in range(SEARCH_STEPS):
        level = 0.5 * (bottom + top)
        placed = expit((level[:, None] - cost) / temperature) @ cap_mw
        bottom = np.where(placed < load_mw, level, bottom)
        top = np.where(placed < load_mw, top, level)
    result = cap_mw * expit((top[:, None] - cost) / temperature)
    result[load_mw <= 0.0] = 0.0
    result[load_mw >= total] = cap_mw
    return _sum_exactly(result, cap_mw, load_mw)


def _sum_exactly(filled: Floats, cap_mw: Floats, load_mw: Floats) -> Floats:
    """Close the rounding left by the level search by scaling the fill, or the room above it."""
    placed = filled.sum(axis=1)
    surplus = placed - load_mw
    down = np.divide(load_mw, placed, out=np.ones_like(placed), where=placed > 0)
    room = cap_mw - filled
    left = room.sum(axis=1)
    up = np.divide(-surplus, left, out=np.zeros_like(left), where=left > 0)
    return np.where((surplus > 0)[:, None], filled * down[:, None], filled + up[:, None] * room)


@dataclass(frozen=True)
class SitingTable:
    """One area's split, solved at levels of load and siting temperature.

    cells : (cell,)                       Cell numbers of the area.
    levels_mw : (level,)                  From 0 to the sum of caps. [MW]
    temperatures : (temperature,)         Ascending. [usd/MWh]
    split_mw : (temperature, level, cell) [MW]
    """

    cells: NDArray[np.int64]
    levels_mw: Floats
    temperatures: Floats
    split_mw: Floats

    @property
    def limit_mw(self) -> float:
        """Most load that the area's cells can take. [MW]"""
        return float(self.levels_mw[-1])

    def place(self, load_mw: Floats, temperature: Floats) -> Floats:
        """Split (draw, cell) of loads (draw,) <= limit under siting temperatures (draw,). [MW]"""
        i, u = _position(load_mw, self.levels_mw)
        j, v = _position(temperature, self.temperatures)
        u, v = u[:, None], v[:, None]
        low = (1 - u) * self.split_mw[j, i] + u * self.split_mw[j, i + 1]
        high = (1 - u) * self.split_mw[j + 1, i] + u * self.split_mw[j + 1, i + 1]
        return (1 - v) * low + v * high


def solve(cells: NDArray[np.int64], cap_mw: Floats, cost: Floats, temperatures: Floats) -> SitingTable:
    """Solve an area's split; levels are denser at small loads, where most draws are."""
    levels = cap_mw.sum() * np.linspace(0.0, 1.0, LEVELS) ** 2
    split = np.stack([fill(cap_mw, cost, float(theta), levels) for theta in temperatures])
    return SitingTable(cells, levels, temperatures, split)


def _position(values: Floats, nodes: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Left node and fraction of each value between nodes; outside, the nearest end."""
    left = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)
    width = nodes[left + 1] - nodes[left]
    fraction = np.divide(values - nodes[left], width, out=np.zeros_like(values), where=width > 0)
    return left, np.clip(fraction, 0.0, 1.0)


def operated(table: SitingTable, load_mw: Floats, temperature: Floats) -> Floats:
    """Operated load (draw, year, cell) of an area's loads (draw, year), without un-siting. [MW]

    Sites once built stay: the installed split follows the highest load so far, and where the load falls all
    sites run at the same lower share. Sums over cells equal the load.
    """
    installed_total = np.maximum.accumulate(load_mw, axis=1)
    running = np.divide(load_mw, installed_total, out=np.zeros_like(load_mw), where=installed_total > 0)
    flat_theta = np.broadcast_to(temperature[:, None], load_mw.shape).ravel()
    installed = table.place(installed_total.ravel(), flat_theta)
    return installed.reshape(*load_mw.shape, -1) * running[..., None]
