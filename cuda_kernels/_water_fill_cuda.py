"""Launcher of water_fill.cu; `water_fill` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._launch import Kernel, launch
from ._namespace import array_namespace

KERNEL = Kernel("water_fill", "water_fill", ("float64[]",) * 10 + ("int32",) * 5)


def fill(
    temperatures: Any, levels: Any, split: Any, load: Any, temperature: Any, scale: Any, weight: Any
) -> tuple[Any, Any, Any]:
    """Fields of water_fill.Fill."""
    cupy = array_namespace(load)
    outputs = (
        cupy.empty((len(split), *load.shape), dtype=cupy.float64),
        cupy.empty(load.shape, dtype=cupy.float64),
        cupy.empty(load.shape, dtype=cupy.float64),
    )
    sizes = tuple(np.int32(size) for size in (*levels.shape, len(split), *load.shape))
    launch(KERNEL, load.size, (temperatures, levels, split, load, temperature, scale, weight, *outputs, *sizes))
    return outputs
