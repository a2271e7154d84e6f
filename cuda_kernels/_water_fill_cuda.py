"""Launcher of water_fill.cu; `water_fill` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._launch import Kernel, launch
from ._namespace import array_namespace

KERNEL = Kernel("water_fill", "water_fill", ("float64[]",) * 3 + ("int32[]",) + ("float64[]",) * 7 + ("int32",) * 4)


def fill(table: tuple[Any, ...], load: Any, temperature: Any, scale: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Fields of water_fill.Fill."""
    cupy = array_namespace(load)
    temperatures, levels, split = table
    ends = cupy.arange(2, dtype=cupy.int32) * len(split)
    one = (temperatures[None], levels[None], split, ends)
    cells, total, weighted = fill_areas(one, load[None], temperature, scale, weight)
    return cells, total[0], weighted[0]


def fill_areas(
    table: tuple[Any, Any, Any, Any], load: Any, temperature: Any, scale: Any, weight: Any
) -> tuple[Any, Any, Any]:
    """The same for areas (area, ...) in one launch; table ends with each area's first cell, and the end of the last."""
    cupy = array_namespace(load)
    _, levels, split, _ = table
    areas, years, draws = load.shape
    outputs = (
        cupy.empty((len(split), years, draws), dtype=cupy.float64),
        cupy.empty(load.shape, dtype=cupy.float64),
        cupy.empty(load.shape, dtype=cupy.float64),
    )
    sizes = tuple(np.int32(size) for size in (*levels.shape[1:], years, draws))
    launch(KERNEL, years * draws, (*table, load, temperature, scale, weight, *outputs, *sizes), rows=areas)
    return outputs
