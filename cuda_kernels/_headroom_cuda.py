"""Launchers of headroom.cu; `headroom.headroom_mw` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _exact
from ._launch import Kernel, launch
from ._namespace import array_namespace
from .errors import KernelError

MAX_PROFILES = 12  # coefficients a thread keeps in registers
_SHARES_AT_ONCE = (4, 2, 1)
_BLOCK = 128  # threads, and so at most as many cases; BLOCK in headroom.cu
_MEMORY_SHARE = 0.25  # of the free device memory may go to hour lists
_INPUTS = ("float64[]",) * 5 + ("int32[]",)  # profiles, anchors, coefficients, shares, reaches, order
_PRUNED = ("float64[]", "int32[]", "int32[]")  # planes, counts, lists


def solve_kernel(profiles: int, shares: int) -> Kernel:
    """headroom_solve for a number of profiles and of shares solved at once."""
    outputs = ("float64[]", "int64[]")
    return Kernel(
        "headroom",
        f"headroom_solve<{profiles}, {shares}>",
        (*_INPUTS, *_PRUNED, *outputs, *("int32",) * 5, "float64"),
    )


def prune_kernel(profiles: int) -> Kernel:
    """headroom_prune for a number of profiles."""
    inputs = (_INPUTS[0], *_INPUTS[2:])
    return Kernel("headroom", f"headroom_prune<{profiles}>", (*inputs, *_PRUNED, *("int32",) * 3, "float64"))


def headroom(
    profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool, *, prune: bool = True
) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values). `prune=False` reads every hour of every case: the
    plain form, for comparison.
    """
    profiles, peaks = profile_set
    cupy = array_namespace(profiles)
    k_count, hours = profiles.shape
    if k_count > MAX_PROFILES:
        raise KernelError(f"{k_count} profiles: the CUDA kernel holds at most {MAX_PROFILES}; combine some")
    load = cupy.empty(shares.shape, dtype=cupy.float64)
    curtailed = cupy.empty(shares.shape, dtype=cupy.int64)
    if len(coefficients) == 0:
        return load, curtailed
    anchor = _exact.anchors(cupy, peaks, hours)
    rounded = _exact.rounded(profiles, anchor)
    reach = cupy.zeros(len(coefficients))
    for k in range(k_count):  # in this order on every engine
        reach += cupy.abs(coefficients[:, k]) * peaks[k]
    order = _deal(cupy, coefficients, cupy.abs(rounded).mean(axis=1))
    inputs = (rounded, anchor, coefficients, shares, reach)
    at_once = _blocks_at_once(cupy, hours) if prune else len(order)
    for first in range(0, len(order), at_once):
        part = order[first : first + at_once]
        _solve((*inputs, part), (load, curtailed), np.float64(0.0 if native_first else -np.inf), prune)
    return load, curtailed


def _solve(inputs: tuple[Any, ...], outputs: tuple[Any, Any], lowest: Any, prune: bool) -> None:
    """Prune and solve some blocks of cases."""
    profiles, _, coefficients, shares, reach, order = inputs
    cupy = array_namespace(profiles)
    k_count, hours = profiles.shape
    blocks, width = order.shape
    row = shares.shape[1]
    listed = blocks if prune else 1
    planes = cupy.empty((listed, k_count + 1), dtype=cupy.float64)
    counts = cupy.empty(listed, dtype=cupy.int32)
    lists = cupy.empty((listed, hours if prune else 1), dtype=cupy.int32)
    pruned = (planes, counts, lists)
    sizes = (np.int32(hours), np.int32(width), np.int32(row))
    if prune:
        arguments = (profiles, coefficients, shares, reach, order, *pruned, *sizes, lowest)
        launch(prune_kernel(k_count), blocks * _BLOCK, arguments, block=_BLOCK)
    first = 0
    while first < row:
        together = next(size for size in _SHARES_AT_ONCE if size <= row - first)
        choice = (np.int32(first), np.int32(prune))
        launch(
            solve_kernel(k_count, together),
            blocks * _BLOCK,
            (*inputs, *pruned, *outputs, *sizes, *choice, lowest),
            block=_BLOCK,
        )
        first += together


def _blocks_at_once(cupy: Any, hours: int) -> int:
    """Blocks whose hour lists fit a share of the free memory."""
    free, _ = cupy.cuda.runtime.memGetInfo()
    return max(1, int(_MEMORY_SHARE * free) // (4 * hours))


def _deal(cupy: Any, coefficients: Any, effect: Any) -> Any:
    """Case numbers (block, width), neighbours together; -1 fills what is left over.

    All blocks are halved at once, each by the coefficient of its widest effect, until they hold at most _BLOCK cases.
    """
    cases = len(coefficients)
    halvings = max(0, (-(-cases // _BLOCK) - 1).bit_length())
    width = -(-cases // 2**halvings)
    order = cupy.arange(width * 2**halvings).reshape(1, -1)
    for _ in range(halvings):
        values = coefficients[cupy.minimum(order, cases - 1)]
        widest = ((values.max(axis=1) - values.min(axis=1)) * effect).argmax(axis=1)
        key = cupy.take_along_axis(values, widest[:, None, None], axis=2)[:, :, 0]
        key = cupy.where(order < cases, key, cupy.inf)  # fillers go last
        order = cupy.take_along_axis(order, key.argsort(axis=1), axis=1).reshape(2 * len(order), -1)
    return cupy.ascontiguousarray(cupy.where(order < cases, order, -1).astype(cupy.int32))
