"""Launcher of quantile.cu; `quantile` holds the contract."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import numpy as np

from ._launch import Kernel, launch
from ._namespace import array_namespace

KERNEL = Kernel("quantile", "quantile_select", ("float64[]", "int32[]", "float64[]", "float64[]", *("int32",) * 3))
_BLOCK = 256  # BLOCK in quantile.cu
_AT_ONCE = 8  # quantiles; half of MOST in quantile.cu


def select(columns: Any, low: Any, high: Any, weight: Any) -> Any:
    """Values (p, column) between the ranks low and high (p,) of columns (column, draw)."""
    cupy = array_namespace(columns)
    count, draws = columns.shape
    out = cupy.empty((len(low), count), dtype=cupy.float64)
    for first in range(0, len(low), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        ranks, weights = _places(low[part].tobytes(), high[part].tobytes(), weight[part].tobytes())
        sizes = (np.int32(draws), np.int32(len(weights)), np.int32(count))
        launch(KERNEL, count * _BLOCK, (columns, ranks, weights, out[part], *sizes), block=_BLOCK)
    return out


def _places(low: bytes, high: bytes, weight: bytes) -> tuple[Any, Any]:
    """Ranks, lower and upper by turns, and weights on the current device."""
    return _kept(int(sys.modules["cupy"].cuda.runtime.getDevice()), low, high, weight)


@lru_cache(maxsize=64)  # the same few quantiles are asked for again and again
def _kept(device: int, low: bytes, high: bytes, weight: bytes) -> tuple[Any, Any]:
    ranks = np.stack([np.frombuffer(rank, dtype=np.int32) for rank in (low, high)], axis=1)
    cupy = sys.modules["cupy"]
    return cupy.asarray(ranks), cupy.asarray(np.frombuffer(weight))
