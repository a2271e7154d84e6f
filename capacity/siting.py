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
    inner = cap_mw * expit((level - cost) / temperature)
    return np.concatenate([np.zeros((1, len(cap_mw))), inner, cap_mw[None, :]])


def solve(cap_mw: Floats, cost: Floats, temperatures: Floats) -> Table:
    """An area's table at ascending siting temperatures."""
    splits = np.stack([split(cap_mw, cost, float(theta)) for theta in temperatures])
    return Table(temperatures, splits.sum(axis=2), np.ascontiguousarray(splits.transpose(2, 0, 1)))
