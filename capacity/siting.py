"""Where in an area new load goes: the table by which `water_fill` splits loads. See docs/method.md, Siting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cuda_kernels.water_fill import Table

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
    different, of_cell = np.unique(cost, return_inverse=True)  # where cooling is free, all cells of a price cost alike
    filled = np.empty((LEVELS, len(cap_mw)))
    filled[0], filled[-1] = 0.0, cap_mw
    np.take(expit((level - different) / temperature), of_cell, axis=1, out=filled[1:-1])
    filled[1:-1] *= cap_mw
    return filled


def solve(cap_mw: Floats, cost: Floats, temperatures: Floats) -> Table:
    """An area's table at ascending siting temperatures."""
    levels, splits = np.empty((len(temperatures), LEVELS)), np.empty((len(cap_mw), len(temperatures), LEVELS))
    for t, theta in enumerate(temperatures):
        filled = split(cap_mw, cost, float(theta))
        levels[t], splits[:, t] = filled.sum(axis=1), filled.T
    return Table(temperatures, levels, splits)
