"""The level above which limited energy serves a load, span by span of the hours. See docs/method.md, Adequacy.

What is served of a span is the sum of clip(value - level, low, high) over its hours. The level is sought by halving,
and the one that serves less than the target is kept. All bodies take the same decisions, so they find the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import KernelError
from .headroom import Engine, _use_numba

Floats = NDArray[np.float64]

HALVINGS = 20
"""Halvings of the search, from all that may be served down to nothing."""


def water_level(
    values: Floats, starts: NDArray[np.int64], low: Floats, high: float, target: Floats, *, engine: Engine = "auto"
) -> Floats:
    """Levels (row, span), each at most 2**-20 of its span's range above that at which `target` is served.

    values : (row, hour)   What could be served in each hour, whose highest parts are.
    starts : (span,)       First hour of each span, ascending from 0; the last ends with the hours.
    low, target : (span,)  Least that is served in each hour, and what is served in all of a span.
    high : float           Most that is served in an hour.
    engine : "auto" (numba when installed), "numpy" or "numba"; the same bits

    A NaN makes the levels of its span NaN. Raises KernelError for shapes that do not fit.
    """
    if values.ndim != 2 or {low.shape, target.shape} != {starts.shape}:
        shapes = (values.shape, starts.shape, low.shape, target.shape)
        raise KernelError(f"values must be (row, hour), starts, low and target (span,), got {shapes}")
    if not _use_numba(engine):
        return _numpy(values, starts, low, high, target)
    from ._water_level_numba import levels

    found = np.empty((len(values), len(starts)))
    ends = np.append(starts[1:], values.shape[1])
    if levels(np.ascontiguousarray(values), starts, ends, low, float(high), target, found):
        return found
    return _numpy(values, starts, low, high, target)


def _numpy(values: Floats, starts: NDArray[np.int64], low: Floats, high: float, target: Floats) -> Floats:
    lengths = np.diff(starts, append=values.shape[1])
    hourly_low, served = np.repeat(low, lengths), np.empty_like(values)
    bottom = _by_span(np.minimum, values, starts) - high
    top = _by_span(np.maximum, values, starts)
    for _ in range(HALVINGS):
        level = 0.5 * (bottom + top)
        np.subtract(values, np.repeat(level, lengths, axis=1), out=served)
        np.clip(served, hourly_low, high, out=served)
        short = _by_span(np.add, served, starts) < target
        top = np.where(short, level, top)
        bottom = np.where(short, bottom, level)
    return top


def _by_span(ufunc: np.ufunc, values: Floats, starts: NDArray[np.int64]) -> Any:
    return ufunc.reduceat(values, starts, axis=1)
