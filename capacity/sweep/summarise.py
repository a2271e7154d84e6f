"""Reduce a sweep to exact quantiles and means, streaming: memory does not grow with tasks or draws.

Every reduction is a state that adds (chunk, combine, finalise): `+` is associative and commutative to the last bit, so
chunks may be read in any order and states of parts may be merged. Quantiles are found by counting: the values of a
series are mapped to integers in their own order, a bracket around each wanted rank is cut into bins, the values in each
bin are counted over all chunks, and the bracket shrinks to the bin that holds the rank until it is one number. The mean
sums mantissas as integers by exponent and rounds once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.sweep import store

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
BINS = 1024
BUDGET_BYTES = 256 * 2**20
"""Series whose draws fit in this are sorted at once; others are counted. The answer is the same."""
SIGN = np.uint64(1 << 63)
LOWEST_EXPONENT, EXPONENTS = -1100, 2200
HALF_BITS = 26


def to_keys(values: Floats) -> Keys:
    """Unsigned integers in the order of finite values; -0.0 counts as 0.0."""
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & SIGN, ~bits, bits | SIGN)


def from_keys(keys: Keys) -> Floats:
    """The values of which `to_keys` made the keys."""
    return np.where(keys & SIGN, keys ^ SIGN, ~keys).view(np.float64)


@dataclass(frozen=True)
class Extent:
    """Lowest and highest key of each series, and how many values each has."""

    low: Keys
    high: Keys
    count: int

    @classmethod
    def of(cls, values: Floats) -> Extent:
        """values : (draw, series)"""
        keys = to_keys(values)
        return cls(keys.min(axis=0), keys.max(axis=0), len(keys))

    def __add__(self, other: Extent) -> Extent:
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Extent(low, high, self.count + other.count)


@dataclass(frozen=True)
class Brackets:
    """Where each rank's value lies: low <= key <= high, with `below` values under low. All (rank, series)."""

    ranks: Counts
    low: Keys
    high: Keys
    below: Counts

    @classmethod
    def start(cls, extent: Extent, ranks: Sequence[int]) -> Brackets:
        shape = (len(ranks), len(extent.low))
        return cls(
            np.broadcast_to(np.asarray(ranks, dtype=np.int64)[:, None], shape),
            np.broadcast_to(extent.low, shape),
            np.broadcast_to(extent.high, shape),
            np.zeros(shape, dtype=np.int64),
        )

    @property
    def width(self) -> Keys:
        """Keys a bin, at least one."""
        return (self.high - self.low) // np.uint64(BINS) + np.uint64(1)

    @property
    def found(self) -> bool:
        return bool((self.low == self.high).all())

    def narrowed(self, histogram: Histogram) -> Brackets:
        """The bin of each bracket that holds its rank."""
        upto = self.below[..., None] + np.cumsum(histogram.counts, axis=-1)
        chosen = (upto <= self.ranks[..., None]).sum(axis=-1)
        before = np.take_along_axis(upto - histogram.counts, chosen[..., None], axis=-1)[..., 0]
        low = self.low + chosen.astype(np.uint64) * self.width
        high = np.minimum(self.high, low + (self.width - np.uint64(1)))
        return Brackets(self.ranks, low, high, before)


@dataclass(frozen=True)
class Histogram:
    """Values in each bin of each bracket: counts (rank, series, bin)."""

    counts: Counts

    @classmethod
    def of(cls, values: Floats, at: Brackets) -> Histogram:
        keys, width = to_keys(values), at.width
        series = np.broadcast_to(np.arange(keys.shape[1]), keys.shape)
        counts = np.zeros((*at.low.shape, BINS), dtype=np.int64)
        for r in range(len(at.low)):
            inside = (keys >= at.low[r]) & (keys <= at.high[r])
            bins = ((keys - at.low[r]) // width[r])[inside].astype(np.int64)
            flat = np.bincount(series[inside] * BINS + bins, minlength=keys.shape[1] * BINS)
            counts[r] = flat.reshape(keys.shape[1], BINS)
        return cls(counts)

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.counts + other.counts)


@dataclass(frozen=True)
class ExactSum:
    """Sum of each series without rounding: mantissa halves as integers, by exponent. (series, exponent)"""

    upper: Counts
    lower: Counts
    count: int

    @classmethod
    def of(cls, values: Floats) -> ExactSum:
        """values : (draw, series), finite; below 2**36 draws no sum overflows."""
        mantissa, exponent = np.frexp(values)
        whole = np.ldexp(mantissa, 53).astype(np.int64)
        place = (np.broadcast_to(np.arange(values.shape[1]), values.shape), exponent - LOWEST_EXPONENT)
        upper = np.zeros((values.shape[1], EXPONENTS), dtype=np.int64)
        lower = np.zeros_like(upper)
        np.add.at(upper, place, whole >> HALF_BITS)
        np.add.at(lower, place, whole & ((1 << HALF_BITS) - 1))
        return cls(upper, lower, len(values))

    def __add__(self, other: ExactSum) -> ExactSum:
        return ExactSum(self.upper + other.upper, self.lower + other.lower, self.count + other.count)

    def mean(self) -> Floats:
        """Mean of each series, the float nearest to the exact one."""
        result = np.zeros(len(self.upper))
        for i, (upper, lower) in enumerate(zip(self.upper, self.lower, strict=True)):
            total = Fraction(0)
            for e in np.flatnonzero(upper | lower):
                whole = (int(upper[e]) << HALF_BITS) + int(lower[e])
                total += whole * Fraction(2) ** (int(e) + LOWEST_EXPONENT - 53)
            result[i] = float(total / self.count)
        return result


class Chunks:
    """One variable of one variant as blocks (draw, series), read anew on each pass."""

    def __init__(self, opened: store.Opened, array: Any, variant: int, tasks: Sequence[int]) -> None:
        self._opened, self._array, self._variant, self._tasks = opened, array, variant, tasks

    def __iter__(self) -> Iterator[Floats]:
        for task in self._tasks:
            _, start, stop = self._opened.layout.place(task)
            block = np.asarray(self._array[self._variant, :, start:stop], dtype=np.float64)
            values = np.ascontiguousarray(np.moveaxis(block, 1, 0)).reshape(stop - start, -1)
            if not np.isfinite(values).all():
                raise CapacityError(f"task {task}: {self._array.path} holds no number; run the sweep with --resume")
            yield values


def quantiles_of(blocks: Iterable[Floats], q: Sequence[float], budget: int = BUDGET_BYTES) -> Floats:
    """Exact quantiles (quantile, series) of blocks (draw, series), the same bits as `numpy.quantile` of all draws.

    blocks : read once where all of it fits the budget [byte], else about eight times, one block in memory.
    """
    extent = reduce(add, (Extent.of(block) for block in blocks))
    series = len(extent.low)
    if extent.count * series * 16 <= budget:
        return np.quantile(np.concatenate(list(blocks)), q, axis=0)
    virtual = [quantile * (extent.count - 1) for quantile in q]
    left = [int(np.floor(v)) for v in virtual]
    ranks = sorted({*left, *(min(i + 1, extent.count - 1) for i in left)})
    slab = max(1, budget // (2 * len(ranks) * BINS * 8))
    parts = [_ranked(blocks, slice(at, at + slab), extent, ranks) for at in range(0, series, slab)]  # (rank, series)
    ordered = dict(zip(ranks, np.concatenate(parts, axis=1), strict=True))
    return np.stack(
        [_between(ordered[i], ordered[min(i + 1, extent.count - 1)], v - i) for i, v in zip(left, virtual, strict=True)]
    )


def _ranked(blocks: Iterable[Floats], part: slice, extent: Extent, ranks: Sequence[int]) -> Floats:
    at = Brackets.start(Extent(extent.low[part], extent.high[part], extent.count), ranks)
    while not at.found:
        at = at.narrowed(reduce(add, (Histogram.of(block[:, part], at) for block in blocks)))
    return from_keys(at.low)


def _between(low: Floats, high: Floats, share: float) -> Floats:
    """Linear interpolation in the form that NumPy's quantile uses, so that the last bit agrees too."""
    step = high - low
    result = high - step * (1.0 - share) if share >= 0.5 else low + step * share
    return np.where(low == high, low, result)


@dataclass(frozen=True)
class Summary:
    """Quantiles (quantile, year, ...) and mean (year, ...) of one variable of one variant."""

    scenario: str
    variable: str
    draws: int
    quantiles: Floats
    mean: Floats


def summaries(
    opened: store.Opened,
    dataset: xr.Dataset,
    *,
    variables: Sequence[str] = (),
    partial: bool = False,
    budget: int = BUDGET_BYTES,
) -> Iterator[Summary]:
    """Each variable of each variant, one after the other.

    partial : also variants of which tasks are missing, over the draws that are there; a variant without any is left out
    Raises CapacityError naming what is missing otherwise.
    """
    done, cut = opened.done(), opened.layout
    if len(done) < cut.tasks and not partial:
        raise CapacityError(
            f"{opened.url}: {cut.tasks - len(done)} of {cut.tasks} tasks are missing; finish it with --resume, or add "
            "--partial to summarise the draws that are there"
        )
    group = _arrays(opened)
    names = [str(name) for name in dataset["scenario"].to_numpy()]
    for variant in range(cut.variants):
        present = [task for task in range(variant * cut.blocks, (variant + 1) * cut.blocks) if task in done]
        if not present:
            continue
        for variable in variables or tuple(opened.shapes):
            shape = (opened.shapes[variable][1], *opened.shapes[variable][store.DRAW_AXIS + 1 :])
            chunks = Chunks(opened, group[variable], variant, present)
            total = reduce(add, (ExactSum.of(block) for block in chunks))
            found = quantiles_of(chunks, QUANTILES, budget)
            mean = total.mean().reshape(shape)
            yield Summary(names[variant], variable, total.count, found.reshape(-1, *shape), mean)


def _arrays(opened: store.Opened) -> Mapping[str, Any]:
    import zarr

    group = zarr.open_group(opened.url, mode="r")
    return {name: group[name] for name in opened.shapes}


def rows(summary: Summary, dataset: xr.Dataset) -> Iterator[dict[str, Any]]:
    """One row per year and place of a summary, as plain values."""
    dims = [str(dim) for dim in dataset[summary.variable].dims if dim not in ("scenario", "draw")]
    labels = [dataset[dim].to_numpy() for dim in dims]
    for place in np.ndindex(summary.mean.shape):
        row: dict[str, Any] = {"scenario": summary.scenario, "variable": summary.variable, "draws": summary.draws}
        for dim, values, i in zip(dims, labels, place, strict=True):
            row[dim] = int(values[i]) if dim == "year" else str(values[i])
        row["mean"] = float(summary.mean[place])
        for q, values in zip(QUANTILES, summary.quantiles, strict=True):
            row[f"p{round(100 * q):02d}"] = float(values[place])
        yield row
