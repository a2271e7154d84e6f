"""Launchers of headroom.cu; `headroom.headroom_mw` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _exact
from ._launch import Kernel, fewer, launch
from ._namespace import array_namespace
from .errors import KernelError
from .headroom_deal import BLOCK, deal

MAX_PROFILES = 12  # coefficients a thread keeps in registers
PAIRED = 7  # profiles up to which a thread of the search has registers for two shares
_LANES = 4  # threads a case in the search; LANES in headroom_input.cuh
_MEMORY_SHARE = 0.25  # of the free device memory may go to hour lists
# profiles, anchors, coefficients, shares, reaches, order, then what pruning leaves: planes, counts, lists
_ARRAYS = ("float64[]",) * 5 + ("int32[]", "float64[]", "int32[]", "int32[]")
_SIZES = ("int32",) * 4  # hours, width of the order, shares, cases of a set


def prune_kernel(profiles: int) -> Kernel:
    """headroom_prune for a number of profiles."""
    return Kernel("headroom", f"headroom_prune<{profiles}>", (*_ARRAYS, *_SIZES, "float64"))


def search_kernel(profiles: int, shares: int) -> Kernel:
    """headroom_search for a number of profiles and of shares searched at once."""
    more = ("float64[]", *_SIZES, "int32", "float64", "int32")
    return Kernel("headroom", f"headroom_search<{profiles}, {shares}>", (*_ARRAYS, *more))


def finish_kernel(profiles: int) -> Kernel:
    """headroom_finish for a number of profiles."""
    more = ("float64[]", *_SIZES, "int32", "float64", "int64[]")
    return Kernel("headroom", f"headroom_finish<{profiles}>", (*_ARRAYS, *more))


def headroom(
    profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool, *, prune: bool = True
) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values). `prune=False` reads every hour of every case: the
    plain form, for comparison.
    """
    profiles, peaks = profile_set
    one = headroom_of_sets((profiles[None], peaks[None]), coefficients[None], shares[None], native_first, prune=prune)
    return one[0][0], one[1][0]


def headroom_of_sets(
    profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool, *, prune: bool = True
) -> tuple[Any, Any]:
    """The same for several sets of profiles in one launch: (set, K, H), (set, case, K), (set, case, share)."""
    profiles = profile_set[0]
    cupy = array_namespace(profiles)
    _, k_count, hours = profiles.shape
    if k_count > MAX_PROFILES:
        raise KernelError(f"{k_count} profiles: the CUDA kernel holds at most {MAX_PROFILES}; combine some")
    load = cupy.empty(shares.shape, dtype=cupy.float64)
    curtailed = cupy.empty(shares.shape, dtype=cupy.int64)
    if load.size == 0:
        return load, curtailed
    inputs, order = _prepared(profile_set, coefficients, shares)
    at_once = _blocks_at_once(cupy, hours) if prune else len(order)
    first = 0
    while first < len(order):
        part = order[first : first + at_once]
        try:
            _solve((*inputs, part), (load, curtailed), _lowest(native_first), prune)
        except cupy.cuda.memory.OutOfMemoryError as error:
            one = f"the hours of {BLOCK} cases", 4 * hours
            at_once = fewer(len(part), ("headroom", "blocks of cases"), one, error)
            continue  # what the failed attempt held is free once this clause is left
        first += len(part)
    return load, curtailed


def listed_hours(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> Any:
    """Hours that pruning leaves each block of cases (block,), -1 for a block without cases; to count work."""
    cupy = array_namespace(coefficients)
    profiles, peaks = profile_set
    inputs, order = _prepared((profiles[None], peaks[None]), coefficients[None], shares[None])
    counts = []
    at_once = _blocks_at_once(cupy, profiles.shape[1])
    for first in range(0, len(order), at_once):
        part = order[first : first + at_once]
        found = _prune((*inputs, part), _lowest(native_first))[1]
        counts.append(cupy.where(part[:, 0] < 0, -1, found))
    return cupy.concatenate(counts)


def _lowest(native_first: bool) -> Any:
    """Where margins are floored."""
    return np.float64(0.0 if native_first else -np.inf)


def _prepared(profile_set: tuple[Any, Any], coefficients: Any, shares: Any) -> tuple[tuple[Any, ...], Any]:
    """What all kernels read, and the cases dealt to blocks."""
    profiles, peaks = profile_set
    cupy = array_namespace(profiles)
    anchor = _exact.anchors(cupy, peaks, profiles.shape[2])
    rounded = _exact.rounded(profiles, anchor)
    dealt = deal(coefficients, cupy.abs(rounded).mean(axis=2), peaks)
    return (rounded, anchor, coefficients, shares, dealt.reach), dealt.order


def _solve(inputs: tuple[Any, ...], outputs: tuple[Any, Any], lowest: Any, prune: bool) -> None:
    """Prune, search and finish some blocks of cases."""
    profiles, _, _, shares, _, order = inputs
    cupy = array_namespace(profiles)
    k_count = profiles.shape[1]
    if prune:
        pruned = _prune(inputs, lowest)
    else:  # the direct form reads none of them
        pruned = (cupy.empty((1, k_count + 1)), cupy.empty(1, dtype=cupy.int32), cupy.empty((1, 1), dtype=cupy.int32))
    load, curtailed = outputs  # the roots of the search lie where the answers will
    row = shares.shape[2]
    shared = (*inputs, *pruned, load, *_sizes(inputs), np.int32(prune), lowest)
    first, wide = 0, BLOCK * _LANES
    while first < row:
        together = min(row - first, 2 if k_count <= PAIRED else 1)
        launch(search_kernel(k_count, together), len(order) * wide, (*shared, np.int32(first)), block=wide)
        first += together
    launch(finish_kernel(k_count), len(order) * BLOCK, (*shared, curtailed), block=BLOCK, rows=row)


def _sizes(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    profiles, _, _, shares, _, order = inputs
    return tuple(np.int32(size) for size in (profiles.shape[2], order.shape[1], shares.shape[2], shares.shape[1]))


def _prune(inputs: tuple[Any, ...], lowest: Any) -> tuple[Any, Any, Any]:
    """Planes, counts and lists of hours of some blocks of cases."""
    profiles, order = inputs[0], inputs[-1]
    cupy = array_namespace(profiles)
    _, k_count, hours = profiles.shape
    blocks = len(order)
    planes = cupy.empty((blocks, k_count + 1), dtype=cupy.float64)
    counts = cupy.empty(blocks, dtype=cupy.int32)
    lists = cupy.empty((blocks, hours), dtype=cupy.int32)
    arguments = (*inputs, planes, counts, lists, *_sizes(inputs), lowest)
    launch(prune_kernel(k_count), blocks * BLOCK, arguments, block=BLOCK)
    return planes, counts, lists


def _blocks_at_once(cupy: Any, hours: int) -> int:
    """Blocks whose hour lists fit a share of the free memory."""
    free, _ = cupy.cuda.runtime.memGetInfo()
    return max(1, int(_MEMORY_SHARE * free) // (4 * hours))
