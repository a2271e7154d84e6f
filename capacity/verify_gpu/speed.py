"""Measured time of the other kernels than headroom beside the floor that counted bytes and operations set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from capacity.verify_gpu import fresh
from cuda_kernels import devices, philox, to_device
from cuda_kernels.event_figures import event_figures_of_sets
from cuda_kernels.headroom_deal import deal
from cuda_kernels.headroom_sets import headroom_sets_mw
from cuda_kernels.network import network_headroom
from cuda_kernels.quantile import quantile
from cuda_kernels.storage_dispatch import storage_scan
from cuda_kernels.storage_firm import storage_as_firm
from cuda_kernels.water_fill import Table, water_fill

REPETITIONS, COLUMNS = 5, 784
_FILL_OPERATIONS = 12  # of a cell and load: four products and three sums of corners, two factors, two sums, one weight
_WEIGHTED_PASSES = 2  # at least: Newton needs one to move and one to see that it stays
_NETWORK_PASSES = 2  # at least: one for the sums over areas, one at a load
_SCAN_OPERATIONS = 4  # of an hour of storage: surplus, room, what is moved, and the tangent


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
    """Quantiles of COLUMNS columns, dealing to blocks, water-filling of 60 cells over five years, of so many draws."""
    move = to_device("gpu")
    values = move(rng.normal(size=(draws, COLUMNS)))
    # Values are read, laid out by column, and read again; repeated passes are taken to come from the cache.
    moved = 24.0 * values.size + 8.0 * len(fresh.LEVELS) * values.shape[1]
    work = f"{values.shape[1]} columns of {draws:,}"
    yield _timed("quantile", work, lambda: quantile(values, fresh.LEVELS), (moved, 0.0), device)
    table, loads = fresh.cells(rng, draws)
    area, effects = move(fresh.draws(rng, draws)[None]), move(rng.uniform(size=(1, 6)))
    moved = 2 * 8.0 * area.size + 3 * 8.0 * draws  # read for the key and for halving; key, place and reach
    work = f"{draws:,} cases of {area.shape[2]} profiles"
    yield _timed("headroom_deal", work, lambda: deal(area, effects, effects), (moved, 0.0), device)
    there, inputs = Table(*map(move, table)), [move(array) for array in loads]
    count = loads[0].size
    placed = len(table.split_mw) * count
    moved = 8.0 * (placed + 3 * count + sum(array.size for array in table))
    work = f"{len(table.split_mw)} cells, {count:,} loads"
    operations = float(_FILL_OPERATIONS * placed)
    yield _timed("water_fill", work, lambda: water_fill(there, *inputs), (moved, operations), device)


def over_hours(rng: np.random.Generator, sizes: tuple[int, int], device: devices.Device) -> Iterator[Speed]:
    """Headroom of weighted hours at one share, events, of so many (cases, hours); uniform numbers."""
    cases, hours = sizes
    move = to_device("gpu")
    profiles, coefficients, load, kinds = (move(array) for array in fresh.loads_beside_margins(rng, *sizes))
    sets, terms, _ = profiles.shape
    work, placed = f"{sets} x {cases:,} cases of {hours:,} hours", sets * cases * hours
    weights, share = rng.exponential(size=hours), move(np.full((sets, cases, 1), 0.005))

    def weighted() -> Any:
        return headroom_sets_mw(profiles, coefficients, share, hour_weights=weights)

    def events() -> Any:
        return event_figures_of_sets(profiles, coefficients, load, kinds)

    # A pass multiplies and adds each profile, then adds weight and weighted margin.
    operations = float(_WEIGHTED_PASSES * (2 * terms + 3) * placed)
    moved = 8.0 * (sets * (terms + 1) * hours + sets * cases * (terms + 5))
    yield _timed("headroom_weighted", work, weighted, (moved, operations), device)
    moved = 8.0 * (sets * terms * hours + 2 * hours + sets * cases * (terms + 13))
    yield _timed("event_figures", work, events, (moved, float((2 * terms + 1) * placed)), device)
    numbers, years = move(np.arange(cases)), np.arange(2025, 2041)
    count = cases * len(years)
    work = f"{count:,} uniform numbers"
    yield _timed("philox", work, lambda: philox.uniform(1, numbers, 2, years, 0), (8.0 * count, 0.0), device)


def of_stores(rng: np.random.Generator, sizes: tuple[int, int], device: devices.Device) -> Iterator[Speed]:
    """A scan of stores, and what they are worth, of so many (cases, hours)."""
    cases, hours = sizes
    margin, *store = map(to_device("gpu"), fresh.stores(rng, sizes))
    load = to_device("gpu")(rng.exponential(1.0, cases))
    work = f"{cases:,} cases of {hours:,} hours"
    size = 8.0 * (margin.size + 7 * cases), float(_SCAN_OPERATIONS * margin.size)
    yield _timed("storage", work, lambda: storage_scan(margin, load, *store), size, device)
    inputs = fresh.stores_beside_profiles(rng, *sizes)
    sets = inputs[0]
    work, placed = f"{len(sets)} x {work}, with the host's part", len(sets) * cases * hours
    size = 16.0 * placed, 2.0 * len(sets[0][0]) * placed  # margins, written and read once
    yield _timed("storage_firm", work, lambda: storage_as_firm(*inputs, device="gpu"), size, device)


def of_networks(rng: np.random.Generator, sizes: tuple[int, int], device: devices.Device) -> Iterator[Speed]:
    """Headroom of areas that exchange power, of so many (cases, hours), with the host's part."""
    cases, hours = sizes
    for areas in fresh.NETWORK_AREAS:
        inputs, *_ = fresh.network(rng, areas, *sizes)
        terms = inputs[0].shape[1]
        # Margins and their sums of all hours, once for the totals and once at a load; flows are not counted.
        operations = float(_NETWORK_PASSES * (2 * terms + 1) * areas * cases * hours)
        moved = (
            8.0 * (inputs[0].size + inputs[1].size + inputs[2].size) + 2 * 32.0 * cases * hours
        )  # lists, there and back
        work = f"{cases:,} cases of {areas} areas, {hours:,} hours, with the host's part"
        yield _timed("network", work, partial(network_headroom, *inputs, device="gpu"), (moved, operations), device)


def _timed(kernel: str, what: str, call: Callable[[], Any], work: tuple[float, float], device: devices.Device) -> Speed:
    moved, operations = work
    floor = max(moved / device.bytes_per_s, operations / device.operations_per_s)
    return Speed(kernel, what, 1e3 * devices.median_seconds(call, REPETITIONS), moved, operations, 1e3 * floor)
