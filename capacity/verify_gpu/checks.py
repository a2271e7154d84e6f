"""The checks that only a card can answer: parity of every CUDA kernel with its NumPy twin, speed against the floor.

Each kernel file has an entry in CHECKS. A check yields pairs of results, on fresh random inputs; what counts as
agreement is stated with the pair. Integers, sums of fixed order and headroom are meant to have equal bits: the table
counts those that differ even where the tolerance allows them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from capacity.verify_gpu import fresh, speed
from cuda_kernels import KernelError, asnumpy, devices, headroom_deal, headroom_mw, philox, to_device
from cuda_kernels.event_figures import event_figures, event_figures_of_sets
from cuda_kernels.headroom import Rule
from cuda_kernels.network import network_headroom
from cuda_kernels.quantile import order_statistic, quantile
from cuda_kernels.storage_dispatch import storage_headroom_mw, storage_scan
from cuda_kernels.storage_firm import storage_as_firm
from cuda_kernels.water_fill import Table, water_fill

HEADROOM_TOLERANCE = 1e-8  # relative; the bits are meant to be equal
NORMAL_TOLERANCE = 1e-13  # relative; logarithm and square root are the device's own
NETWORK_HOURS = 1e-2  # of the largest number of hours
NETWORK_TOLERANCE = 1e-9  # of the largest load; tightest sets are found by other roads
STORAGE_TOLERANCE = 1e-10  # of the largest value; the NumPy twin takes its minima in another order
PROFILE_COUNTS = (1, 6, 12)  # a kernel is compiled for each
RULES: tuple[Rule, ...] = ("native_first", "plain")
BATCHES = (1, 10, 100, 1000)  # times the number of cases
DRAWS_A_CASE = 10  # draws of the kernels over draws, times the number of cases
REPETITIONS = 5
DEVICE_ERRORS = (KernelError, RuntimeError, MemoryError)  # CuPy's own are of the last two kinds
SHARE = 0.005  # of the throughput runs; the middle case of Norris et al. 2025

# The fewest passes the kernels can make, for the floor: Newton needs one to move and one to see that it stays.
_CENTRE_PASSES, _SEARCH_PASSES, _FINISH_PASSES = 2, 2, 2
_BOUND_OPERATIONS = 5  # per profile: a difference, two products, a minimum, a sum


@dataclass(frozen=True)
class Comparison:
    """Results of a kernel beside its twin's: how many values, how many with other bits, the worst, and the verdict."""

    kernel: str
    what: str
    values: int
    differing: int
    worst: float
    tolerance: float
    agrees: bool
    problem: str = ""


@dataclass(frozen=True)
class Throughput:
    """Headroom at one batch size, per case: measured time, and the floor from counted work and the device's rates."""

    cases: int
    microseconds: float
    listed_hours: float
    operations: float
    bytes: float
    floor_microseconds: float


@dataclass(frozen=True)
class Verification:
    """Everything one run found; `pool_bytes` is the high-water mark of device memory."""

    date: str
    gridflops: str
    commit: str
    cuda: devices.Cuda
    device: devices.Device
    seed: int
    cases: int
    hours: int
    comparisons: tuple[Comparison, ...]
    throughput: tuple[Throughput, ...]
    other_kernels: tuple[speed.Speed, ...]
    pool_bytes: int

    @property
    def agrees(self) -> bool:
        return all(comparison.agrees for comparison in self.comparisons)


class Pair(NamedTuple):
    """The device's result and the twin's; how far apart they may lie (0: equal bits), each or of the largest."""

    what: str
    on_device: Any
    twin: Any
    tolerance: float = 0.0
    of_largest: bool = False


Sizes = tuple[int, int]  # cases, hours


def verify(cases: int, hours: int, seed: int, progress: Callable[[str], None] = lambda line: None) -> Verification:
    """Run all checks on the current device; device memory should be free of other work.

    Raises KernelError in one line where there is no device. What goes wrong within a check is part of the result.
    """
    cuda, found = devices.survey()
    device = found[devices.current()]
    devices.release_memory()
    rng = np.random.default_rng(seed)
    comparisons: list[Comparison] = []
    for kernel, check in CHECKS.items():
        progress(f"{kernel}.cu: parity with its NumPy twin")
        comparisons += _guarded(kernel, check(rng, (cases, hours)))
    speeds: list[Throughput] = []
    for batch in (cases * factor for factor in BATCHES):
        progress(f"headroom: {batch:,} cases of {hours:,} hours")
        try:
            speeds.append(throughput(rng, (batch, hours), device))
        except DEVICE_ERRORS as error:
            comparisons.append(_stopped("headroom", f"{batch:,} cases", error))
            break
    others: list[speed.Speed] = []
    progress(f"other kernels: {cases:,} cases, {cases * DRAWS_A_CASE:,} draws")
    try:
        others += speed.over_draws(rng, cases * DRAWS_A_CASE, device)
        others += speed.over_hours(rng, (cases, hours), device)
        others += speed.of_stores(rng, (cases, hours), device)
        others += speed.of_networks(rng, (cases, hours), device)
    except DEVICE_ERRORS as error:
        comparisons.append(_stopped("other kernels", "timing", error))
    return Verification(
        date=datetime.now(UTC).date().isoformat(),
        gridflops=version("gridflops"),
        commit=commit(),
        cuda=cuda,
        device=device,
        seed=seed,
        cases=cases,
        hours=hours,
        comparisons=tuple(comparisons),
        throughput=tuple(speeds),
        other_kernels=tuple(others),
        pool_bytes=devices.pool_bytes(),
    )


def _guarded(kernel: str, pairs: Iterator[Pair]) -> list[Comparison]:
    """The comparisons of a check; an exception ends it and is one of them."""
    results: list[Comparison] = []
    try:
        for pair in pairs:
            results.append(compare(kernel, pair))
    except DEVICE_ERRORS as error:
        results.append(_stopped(kernel, f"after {len(results)} comparisons", error))
    return results


def _stopped(kernel: str, where: str, error: Exception) -> Comparison:
    reason = " ".join(str(error).split()) or type(error).__name__
    return Comparison(kernel, f"stopped: {where}", 0, 0, float("nan"), 0.0, False, reason)


def compare(kernel: str, pair: Pair) -> Comparison:
    """Judge one pair; a NaN never agrees, nor does a zero beside something else unless measured by the largest."""
    what, on_device, want, tolerance, of_largest = pair
    got = asnumpy(on_device)
    if got.shape != want.shape or got.dtype != want.dtype:
        problem = f"{got.dtype} {got.shape} for {want.dtype} {want.shape}"
        return Comparison(kernel, what, want.size, want.size, float("nan"), tolerance, False, problem)
    differing = int((got != want).sum())
    if differing == 0:
        return Comparison(kernel, what, want.size, 0, 0.0, tolerance, True)
    left, right = got.astype(np.float64), want.astype(np.float64)
    size = np.abs(right).max() if of_largest else np.abs(right)
    with np.errstate(divide="ignore", invalid="ignore"):  # beside 0, anything else is infinitely far
        distance = np.where(left == right, 0.0, np.abs(left - right) / size)
    worst = float(distance.max())
    return Comparison(kernel, what, want.size, differing, worst, tolerance, worst <= tolerance)


def check_headroom(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Both rules, seven shares for all cases and one share for each, on every family of inputs."""
    cases, hours = sizes
    move = to_device("gpu")
    for family, profiles, coefficients in fresh.headroom_families(rng, cases, hours, PROFILE_COUNTS):
        choices = {"seven shares": fresh.SHARES, "own shares": rng.uniform(0, 0.2, (cases, 1))}
        for rule, (kind, shares) in product(RULES, choices.items()):
            want = headroom_mw(profiles, coefficients, shares, rule=rule, engine="numpy")
            got = headroom_mw(move(profiles), move(coefficients), shares, rule=rule)
            name = f"{family}, {rule}, {kind}"
            yield Pair(f"load: {name}", got.headroom_mw, want.headroom_mw, HEADROOM_TOLERANCE)
            yield Pair(f"hours: {name}", got.curtailed_hours, want.curtailed_hours)


def check_headroom_deal(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Numbers and order of cases, and their reach, by their bits; more cases than a group holds, some of them tied."""
    cases = sizes[0] + headroom_deal.MOST_CASES
    move = to_device("gpu")
    coefficients = np.stack([fresh.draws(rng, cases), rng.integers(-3, 4, (cases, 6)).astype(np.float64)])
    effects = rng.uniform(size=(2, 6))
    moments = coefficients.mean(axis=1), coefficients.std(axis=1)
    there = move(coefficients), move(effects)
    want = headroom_deal.keys(coefficients, effects, 20, moments)
    yield Pair("key", headroom_deal.keys(*there, 20, (move(moments[0]), move(moments[1]))), want)
    members = np.argsort(want, kind="stable").astype(np.int32)
    dealt = headroom_deal.halved(members, coefficients, effects, effects)
    again = headroom_deal.halved(move(members), *there, there[1])
    for field, got, one in zip(dealt._fields, again, dealt, strict=True):
        yield Pair(field, got, one)


def check_headroom_weighted(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Both rules by their bits, some hours without weight."""
    cases, hours = sizes
    move = to_device("gpu")
    weights = rng.exponential(size=hours) * (rng.random(hours) < 0.8)
    weights[0] = 1.0
    for count, rule in product(PROFILE_COUNTS, RULES):
        profiles = np.vstack([np.ones(hours), rng.normal(size=(count - 1, hours))])
        coefficients = np.column_stack([rng.normal(1, 1, cases), rng.normal(size=(cases, count - 1))])
        shares = fresh.SHARES
        want = headroom_mw(profiles, coefficients, shares, rule=rule, engine="numpy", hour_weights=weights)
        got = headroom_mw(move(profiles), move(coefficients), shares, rule=rule, hour_weights=weights)
        name = f"{count} profiles, {rule}"
        yield Pair(f"load: {name}", got.headroom_mw, want.headroom_mw, HEADROOM_TOLERANCE)
        yield Pair(f"weight: {name}", got.curtailed_hours, want.curtailed_hours)


def check_philox(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Words and uniform numbers by their bits, normals by value."""
    count = 100 * sizes[0]
    move = to_device("gpu")
    counter = rng.integers(0, 2**32, (count, 4), dtype=np.uint32)
    key = rng.integers(0, 2**32, 2, dtype=np.uint32)
    yield Pair("words", philox.philox4x32(move(counter), key), philox.philox4x32(counter, key))
    years, lanes = np.arange(2025, 2041), np.arange(7)
    number, parameter = (int(word) for word in rng.integers(0, 2**32, 2))
    draw_numbers = rng.integers(0, 2**32, sizes[0])
    for name, year, lane in (("years and lanes", years, lanes), ("one year", 2030, 0)):
        want = philox.uniform(number, draw_numbers, parameter, year, lane)
        got = philox.uniform(number, move(draw_numbers), parameter, *(moved(move, word) for word in (year, lane)))
        yield Pair(f"uniform: {name}", got, want)
    level = fresh.quantile_levels(rng, count)
    yield Pair("normal", philox.normal_from_uniform(move(level)), philox.normal_from_uniform(level), NORMAL_TOLERANCE)


def moved(move: Callable[[Any], Any], word: Any) -> Any:
    """An array on the device; a plain number as it is."""
    return move(word) if isinstance(word, np.ndarray) else word


def check_storage(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """One scan, and the Newton search that repeats it."""
    inputs = margin, power, energy, efficiency = fresh.stores(rng, sizes)
    load = rng.uniform(0, 3, len(margin))
    move = to_device("gpu")
    there = dict(zip(("margin_mw", "power_mw", "energy_mwh", "efficiency"), map(move, inputs), strict=True))
    want = storage_scan(margin, load, power, energy, efficiency, engine="numpy")
    got = storage_scan(load_mw=move(load), **there)
    for field, one, other in zip(want._fields, got, want, strict=True):
        yield Pair(f"scan: {field}", one, other, 0.0 if field == "short_hours" else STORAGE_TOLERANCE, True)
    shares = [0.0, 0.01, 0.1]
    loads = storage_headroom_mw(margin, power, energy, efficiency, shares, engine="numpy").headroom_mw
    again = storage_headroom_mw(curtailable_fraction=shares, **there).headroom_mw
    yield Pair("load", again, loads, STORAGE_TOLERANCE, True)


def check_storage_firm(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Whole numbers throughout, so that every figure has the host's bits."""
    inputs = fresh.stores_beside_profiles(rng, *sizes)
    want, got = storage_as_firm(*inputs, engine="numpy"), storage_as_firm(*inputs, device="gpu")
    for field, one, other in zip(want._fields, got, want, strict=True):
        yield Pair(field, one, other)


def check_quantile(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Quantiles and order statistics by their bits, on columns of every scale, with ties and with values missing."""
    move = to_device("gpu")
    values, whole = fresh.columns(rng, sizes[0])
    got = quantile(move(values), fresh.LEVELS)
    yield Pair("missing", got != got, np.isnan(quantile(values, fresh.LEVELS)))
    for name, part in (("few", whole[:3]), ("all", whole)):
        want = quantile(part, fresh.LEVELS)
        yield Pair(f"{name} draws", quantile(move(part), fresh.LEVELS), want)
    ranks = range(0, len(whole), 1 + len(whole) // 9)
    yield Pair("ranks", order_statistic(move(whole), ranks), order_statistic(whole, ranks))


def check_water_fill(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Split, sum and weighted sum by their bits."""
    move = to_device("gpu")
    table, loads = fresh.cells(rng, sizes[0])
    got = water_fill(Table(*map(move, table)), *map(move, loads))
    for field, one, other in zip(got._fields, got, water_fill(table, *loads), strict=True):
        yield Pair(field, one, other)


def check_event_figures(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Events of two years of loads by their bits, of loads that are never met, sometimes, and always."""
    arrays = fresh.loads_beside_margins(rng, *sizes)
    got = asnumpy(event_figures_of_sets(*map(to_device("gpu"), arrays)))
    *years, kinds = arrays
    for year, (profiles, coefficients, load) in enumerate(zip(*years, strict=True)):
        want = event_figures(profiles, coefficients, load, kinds, engine="numpy")
        yield Pair(f"figures, year {year}", got[year], want)


def check_network(rng: np.random.Generator, sizes: Sizes) -> Iterator[Pair]:
    """Groups as large as the US's and China's, beside the CPU's fastest body.

    Sets of areas that lie within rounding of each other may be told apart otherwise, so that counts have a tolerance.
    """
    for areas in fresh.NETWORK_AREAS:
        inputs, caps, extra = fresh.network(rng, areas, *sizes)
        solved = partial(network_headroom, *inputs, import_cap_mw=caps, firm_extra_mw=extra)
        want, got = solved(), solved(device="gpu")
        for field, one, other in zip(want._fields, got, want, strict=True):
            if other.dtype == np.float64:
                yield Pair(f"load: {field}, {areas} areas", one, other, NETWORK_TOLERANCE, True)
            elif other.dtype == np.int64:
                yield Pair(f"hours: {field}, {areas} areas", one, other, NETWORK_HOURS, True)


CHECKS: dict[str, Callable[[np.random.Generator, Sizes], Iterator[Pair]]] = {
    "philox": check_philox,
    "headroom": check_headroom,
    "headroom_deal": check_headroom_deal,
    "headroom_weighted": check_headroom_weighted,
    "storage": check_storage,
    "storage_firm": check_storage_firm,
    "quantile": check_quantile,
    "water_fill": check_water_fill,
    "event_figures": check_event_figures,
    "network": check_network,
}
"""By the stem of the .cu file."""


def throughput(rng: np.random.Generator, sizes: Sizes, device: devices.Device) -> Throughput:
    """Measured time and floor of headroom at one share, native load first, arrays on the device."""
    cases, hours = sizes
    move = to_device("gpu")
    profiles = move(fresh.area(rng, hours))
    coefficients = move(fresh.draws(rng, cases))
    seconds = devices.median_seconds(lambda: headroom_mw(profiles, coefficients, SHARE), REPETITIONS)
    listed = asnumpy(devices.listed_hours(profiles, coefficients, SHARE))
    blocks = listed[listed >= 0]
    operations, moved_bytes = work_per_case(profiles.shape, cases, len(blocks), float(blocks.mean()))
    floor = max(operations / device.operations_per_s, moved_bytes / device.bytes_per_s)
    return Throughput(
        cases=cases,
        microseconds=1e6 * seconds / cases,
        listed_hours=float(blocks.mean()),
        operations=operations,
        bytes=moved_bytes,
        floor_microseconds=1e6 * floor,
    )


def work_per_case(shape: tuple[int, int], cases: int, blocks: int, listed: float) -> tuple[float, float]:
    """The fewest float64 operations and bytes of device memory that one case at one share can cost.

    shape : (profiles, hours); blocks : of cases that share a list; listed : hours in a list, mean.
    Pruning reads all hours once per pass and block, solving the listed hours once per pass and case. Inputs, lists and
    answers pass through memory once; repeated reads are taken to come from the cache.
    """
    profiles, hours = shape
    margin = 2 * profiles  # products and sums, and the floor
    prune = hours * ((_CENTRE_PASSES + 1) * margin + _BOUND_OPERATIONS * profiles)
    solve = listed * (_SEARCH_PASSES + _FINISH_PASSES) * margin
    shared = 8 * profiles * hours / cases + 2 * 4 * listed * blocks / cases  # profiles; lists written and read
    own = 8 * profiles + 8 + 8 + 4 + 16  # coefficients, share, reach, place; load and hours
    return prune * blocks / cases + solve, shared + own


def commit() -> str:
    """Short commit of the checkout this package runs from; "" for an installed copy."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git, or a folder it does not trust
        return ""
