"""Launcher of storage.cu; `storage_dispatch` holds the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._launch import Kernel, launch
from ._namespace import array_namespace

WARP = 32
"""Threads of a case, as in storage.cu."""
KERNEL = Kernel("storage", "storage_scan", ("float64[]",) * 7 + ("int64[]", "int32", "int32"))


def scanner(margin: Any, power: Any, energy: Any, efficiency: Any) -> Callable[[Any], tuple[Any, Any, Any]]:
    """The scan as a function of the load (case,); fields of storage_dispatch.Dispatch."""
    cupy = array_namespace(margin)
    cases, hours = margin.shape

    def scan(load: Any) -> tuple[Any, Any, Any]:
        unserved, slope = cupy.empty(cases, dtype=cupy.float64), cupy.empty(cases, dtype=cupy.float64)
        short = cupy.empty(cases, dtype=cupy.int64)
        arguments = (margin, power, energy, efficiency, load, unserved, slope, short)
        launch(KERNEL, cases * WARP, (*arguments, np.int32(hours), np.int32(cases)))
        return unserved, slope, short

    return scan
