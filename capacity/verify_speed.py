"""Measured time of the kernels over draws beside the floor that counted bytes and operations set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from capacity import verify_inputs
from cuda_kernels import devices, to_device
from cuda_kernels.quantile import quantile
from cuda_kernels.water_fill import Table, water_fill

REPETITIONS, COLUMNS = 5, 784
_FILL_OPERATIONS = 12  # of a cell and load: four products and three sums of corners, two factors, two sums, one weight


@dataclass(frozen=True)
class Speed:
    """One kernel on the device: what it did, its time, counted bytes and float64 operations, and their floor. [ms]"""

    kernel: str
    what: str
    milliseconds: float
    bytes: float
    operations: float
    floor_milliseconds: float


def over_draws(rng: np.random.Generator, draws: int, device: devices.Device) -> Iterator[Speed]:
    """Quantiles of COLUMNS columns and water-filling of 60 cells over five years, of so many draws."""
    move = to_device("gpu")
    values = move(rng.normal(size=(draws, COLUMNS)))
    # Values are read, laid out by column, and read again; repeated passes are taken to come from the cache.
    moved = 24.0 * values.size + 8.0 * len(verify_inputs.LEVELS) * values.shape[1]
    work = f"{values.shape[1]} columns of {draws:,}"
    yield _timed("quantile", work, lambda: quantile(values, verify_inputs.LEVELS), (moved, 0.0), device)
    table, loads = verify_inputs.cells(rng, draws)
    there, inputs = Table(*map(move, table)), [move(array) for array in loads]
    count = loads[0].size
    placed = len(table.split_mw) * count
    moved = 8.0 * (placed + 3 * count + sum(array.size for array in table))
    work = f"{len(table.split_mw)} cells, {count:,} loads"
    operations = float(_FILL_OPERATIONS * placed)
    yield _timed("water_fill", work, lambda: water_fill(there, *inputs), (moved, operations), device)


def _timed(kernel: str, what: str, call: Callable[[], Any], work: tuple[float, float], device: devices.Device) -> Speed:
    moved, operations = work
    floor = max(moved / device.bytes_per_s, operations / device.operations_per_s)
    return Speed(kernel, what, 1e3 * devices.median_seconds(call, REPETITIONS), moved, operations, 1e3 * floor)
