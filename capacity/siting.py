"""Where in an area new load goes: water-filling of its cells. See docs/method.md, Siting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

LEVELS = 512
"""Values of lambda at which an area's split is known exactly; between them it is linear, which keeps every sum."""
TEMPERATURES = 7
"""Siting temperatures at which it is known, equally likely over the parameter's distribution."""
TAIL = 30.0
"""Temperatures beyond the cheapest and the dearest cell at which every cell is empty or full to 1e-13."""


def split(cap_mw: Floats, cost: Floats, temperature: float) -> Floats:
    """Splits of growing loads over cells: x_j = h_j G((lambda - c_j) / theta), G logistic, as lambda rises.

    cap_mw : (cell,)     Largest load h_j of each cell, > 0. [MW]
    cost : (cell,)       Cost c_j of serving a unit of load. [usd/MWh]
    temperature : float  Spread theta > 0 of unobserved site value; to 0 it is merit order, to infinity proportional.

    Returns (level, cell), rising from nothing to the caps in every column; a row's sum is the load it splits. Each
    row is the cheapest way to place its load, less theta times the entropy of the fill.
    """
    reach = TAIL * temperature
    level = np.linspace(cost.min() - reach, cost.max() + reach, LEVELS - 2)[:, None]
    inner = cap_mw * expit((level - cost) / temperature)
    return np.concatenate([np.zeros((1, len(cap_mw))), inner, cap_mw[None, :]])


@dataclass(frozen=True)
class SitingTable:
    """One area's split, known at levels of load and siting temperature.

    cells : (cell,)                       Cell numbers of the area.
    temperatures : (temperature,)         Ascending. [usd/MWh]
    levels_mw : (temperature, level)      From 0 to the sum of caps. [MW]
    split_mw : (temperature, level, cell) [MW]
    """

    cells: NDArray[np.int64]
    temperatures: Floats
    levels_mw: Floats
    split_mw: Floats

    @property
    def limit_mw(self) -> float:
        """Most load that the area's cells can take. [MW]"""
        return float(self.levels_mw[0, -1])

    def place(self, load_mw: Floats, temperature: Floats) -> Floats:
        """Split (draw, cell) of loads (draw,) <= limit under siting temperatures (draw,). [MW]

        Linear in the load between known levels and in the temperature between known temperatures, so that the
        cells sum to the load exactly.
        """
        result = np.zeros((len(load_mw), len(self.cells)))
        left, weight = _position(temperature, self.temperatures)
        for number in range(len(self.temperatures)):
            share = np.where(left == number, 1.0 - weight, np.where(left == number - 1, weight, 0.0))
            (used,) = np.nonzero(share)
            i, u = _position(load_mw[used], self.levels_mw[number])
            table, near, far = self.split_mw[number], (share[used] * (1.0 - u))[:, None], (share[used] * u)[:, None]
            result[used] += near * table[i] + far * table[i + 1]
        return result


def solve(cells: NDArray[np.int64], cap_mw: Floats, cost: Floats, temperatures: Floats) -> SitingTable:
    """An area's table at ascending siting temperatures."""
    splits = np.stack([split(cap_mw, cost, float(theta)) for theta in temperatures])
    return SitingTable(cells, temperatures, splits.sum(axis=2), splits)


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
