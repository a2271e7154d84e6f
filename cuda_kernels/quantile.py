"""Quantiles and order statistics over draws, column by column.

The quantile at probability p of n values is the value at the place p (n - 1) in ascending order, linear between
neighbours (definition 7 of Hyndman and Fan 1996): the bits of `numpy.quantile`. A NaN among the values makes the
answers of its column NaN: what is missing is not skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._namespace import Array, array_namespace
from .errors import KernelError


def quantile(values: Array, probabilities: Sequence[float], *, axis: int = 0) -> Array:
    """Quantiles over one axis, linear between order statistics.

    values : float64, finite or NaN     At least one along `axis`.
    probabilities : (p,)                0 <= p <= 1. [1]
    axis : that is reduced; the others keep their order behind the new first axis (p, ...).

    Returns float64 on the device of the values. Raises KernelError for no values or a probability out of range.
    """
    wanted = np.asarray(probabilities, dtype=np.float64)
    if wanted.ndim != 1 or not ((wanted >= 0.0) & (wanted <= 1.0)).all():
        raise KernelError(f"probabilities must be a list of numbers from 0 to 1, got {wanted.tolist()}")
    count = _count(values, axis)
    place = (count - 1) * wanted
    low = np.minimum(np.floor(place).astype(np.int32), count - 1)
    return _between(values, axis, (low, np.minimum(low + 1, count - 1), place - low))


def order_statistic(values: Array, ranks: Sequence[int], *, axis: int = 0) -> Array:
    """The values (rank, ...) that come at the given ranks, from 0, in ascending order; else as `quantile`."""
    wanted, count = np.asarray(ranks, dtype=np.int32), _count(values, axis)
    if wanted.ndim != 1 or not ((wanted >= 0) & (wanted < count)).all():
        raise KernelError(f"ranks must be a list of whole numbers from 0 to {count - 1}, got {wanted.tolist()}")
    return _between(values, axis, (wanted, wanted, np.zeros(len(wanted))))


def _count(values: Array, axis: int) -> int:
    if values.dtype != np.float64 or values.ndim == 0 or values.shape[axis] == 0:
        raise KernelError(
            f"values must be float64 with at least one along axis {axis}, got {values.dtype} {values.shape}"
        )
    return int(values.shape[axis])


def _between(values: Array, axis: int, places: tuple[Any, Any, Any]) -> Array:
    """places = (lower rank, upper rank, weight of the upper), each (p,)."""
    xp = array_namespace(values)
    last = xp.moveaxis(values, axis, -1)
    columns = xp.ascontiguousarray(last.reshape(-1, last.shape[-1]))
    if xp is np:
        found = _numpy(columns, *places)
    else:
        from ._quantile_cuda import select

        found = select(columns, *places)
    return found.reshape(len(places[0]), *last.shape[:-1])


def _numpy(columns: Any, low: Any, high: Any, weight: Any) -> Any:
    """The twin (p, column): sorting contiguous columns is faster than partitioning them, and the ranks are many."""
    ordered = np.sort(columns, axis=1)  # NaN comes last
    below, above = ordered[:, low], ordered[:, high]
    with np.errstate(invalid="ignore"):  # between infinities there is nothing
        step = above - below
        between = np.where(weight >= 0.5, above - step * (1.0 - weight), below + step * weight)
    found = np.where(low == high, below, between)
    return np.where(np.isnan(ordered[:, -1:]), np.nan, found).T
