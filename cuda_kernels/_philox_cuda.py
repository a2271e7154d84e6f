"""Launchers of philox.cu; philox.py holds the contracts and checks the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._launch import Kernel, launch
from ._namespace import array_namespace

BLOCKS = Kernel("philox", "philox4x32_blocks", ("uint32[]", "uint32[]", "uint32", "uint32", "uint64"))
UNIFORM = Kernel(
    "philox",
    "philox_uniform",
    (
        "uint32[]",
        "uint32[]",
        "uint32[]",
        "float64[]",
        "uint32",
        "uint32",
        "uint32",
        "uint64",
        "uint64",
        "uint64",
    ),
)
NORMAL = Kernel("philox", "normal_quantile", ("float64[]", "float64[]", "uint64"))


def blocks(counter: Any, k0: int, k1: int) -> Any:
    cupy = array_namespace(counter)
    counter = cupy.ascontiguousarray(counter)
    out = cupy.empty_like(counter)
    count = counter.size // 4
    launch(BLOCKS, count, (counter, out, np.uint32(k0), np.uint32(k1), np.uint64(count)))
    return out


def uniform(words: tuple[Any, Any, Any], shape: tuple[int, ...], parameter_id: int, key: tuple[int, int]) -> Any:
    """words: integer arrays draws, years, lanes; the result has one value per combination."""
    cupy = array_namespace(*words)
    draws, years, lanes = (cupy.ascontiguousarray(word.ravel().astype(cupy.uint32)) for word in words)
    out = cupy.empty(shape, dtype=cupy.float64)
    sizes = (np.uint64(years.size), np.uint64(lanes.size), np.uint64(out.size))
    identity = (np.uint32(parameter_id), np.uint32(key[0]), np.uint32(key[1]))
    launch(UNIFORM, out.size, (draws, years, lanes, out, *identity, *sizes))
    return out


def normal(u: Any) -> Any:
    cupy = array_namespace(u)
    u = cupy.ascontiguousarray(u)
    out = cupy.empty_like(u)
    launch(NORMAL, out.size, (u, out, np.uint64(out.size)))
    return out
