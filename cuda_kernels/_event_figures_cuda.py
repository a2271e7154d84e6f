"""Launcher of event_figures.cu; `event_figures` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._launch import Kernel, launch
from ._namespace import array_namespace

KERNEL = Kernel("event_figures", "event_figures", ("float64[]",) * 3 + ("int64[]", "float64[]") + ("int32",) * 3)
BLOCK = 128  # threads; BLOCK in event_figures.cu


def count(profiles: Any, coefficients: Any, load: Any, kinds: Any, columns: int) -> Any:
    """Figures (set, case, column) of loads (set, case), all sets of profiles in one launch."""
    cupy = array_namespace(profiles)
    sets, cases, terms = coefficients.shape
    figures = cupy.empty((sets, cases, columns), dtype=cupy.float64)
    arrays = [cupy.ascontiguousarray(array) for array in (profiles, coefficients, load, kinds)]
    sizes = (np.int32(size) for size in (terms, profiles.shape[2], cases))
    launch(KERNEL, cases * BLOCK, (*arrays, figures, *sizes), block=BLOCK, rows=sets)
    return figures
