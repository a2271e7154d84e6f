"""Sobol indices and Shapley effects from model outputs in which groups of inputs were exchanged one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A share of the variance for each group, and its standard error. Both (group,)."""

    value: Floats
    error: Floats


def saltelli_rows(a: Numbers, b: Numbers, groups: int) -> Numbers:
    """Draw numbers (run, group) of Saltelli's scheme: all from `a`, all from `b`, then `a` with one group from `b`.

    a, b : (n,) draw numbers, none in both. The order of runs is that of `saltelli_blocks`.
    """
    rows = np.empty((groups + 2, len(a), groups), dtype=np.int64)
    rows[:] = a[None, :, None]
    rows[1] = b[:, None]
    for group in range(groups):
        rows[2 + group, :, group] = b
    return rows.reshape(-1, groups)


def saltelli_blocks(outputs: Floats, groups: int) -> tuple[Floats, Floats, Floats]:
    """Outputs (run,) of `saltelli_rows` as f(A) (n,), f(B) (n,), f(A with a group of B) (group, n)."""
    blocks = outputs.reshape(groups + 2, -1)
    return blocks[0], blocks[1], blocks[2:]


def sobol(f_a: Floats, f_b: Floats, f_ab: Floats, *, resamples: int = 200) -> tuple[Estimate, Estimate]:
    """First-order and total indices: shares of the variance that a group explains alone, and with all others.

    f_a, f_b : (n,); f_ab : (group, n), outputs with one group of A taken from B.

    First order after Saltelli et al. 2010, total after Jansen 1999; errors by bootstrap over the n rows. A constant
    output has indices of zero.
    """
    n = len(f_a)
    rng = np.random.default_rng(n)
    picks = np.vstack([np.arange(n), rng.integers(0, n, (resamples, n))])
    first, total = np.empty((2, len(picks), len(f_ab)))
    for row, pick in enumerate(picks):
        first[row], total[row] = _indices(f_a[pick], f_b[pick], f_ab[:, pick])
    return tuple(Estimate(values[0], values[1:].std(axis=0)) for values in (first, total))  # type: ignore[return-value]


def _indices(f_a: Floats, f_b: Floats, f_ab: Floats) -> tuple[Floats, Floats]:
    both = np.concatenate([f_a, f_b])
    variance, mean = both.var(), both.mean()
    if variance <= 0.0:
        return np.zeros(len(f_ab)), np.zeros(len(f_ab))
    first = ((f_b - mean) * (f_ab - f_a)).mean(axis=1) / variance
    return first, 0.5 * ((f_a - f_ab) ** 2).mean(axis=1) / variance


def chain_rows(a: Numbers, b: Numbers, order: Numbers) -> Numbers:
    """Draw numbers (run, group) of chains from `a` to `b`, groups exchanged one after the other.

    a, b : (n,) draw numbers; order : (n, group), permutations. Runs are ordered by step 0 to groups, then by chain.
    """
    place = np.argsort(order, axis=1)  # at which step a group is exchanged
    steps = np.arange(order.shape[1] + 1)
    return np.where(place[None] < steps[:, None, None], b[None, :, None], a[None, :, None]).reshape(-1, order.shape[1])


def shapley(outputs: Floats, order: Numbers) -> Estimate:
    """Shapley effects: fair shares of the variance, the mean of what a group adds over all orders of the groups.

    outputs : (run,) of `chain_rows`; order : (n, group).

    Unbiased for independent groups (Goda 2021): with f(x) the start of a chain and F before and after the exchange of
    a group, that group gets (f(x) - (F_before + F_after) / 2) (F_before - F_after). The shares sum to one up to the
    error of the variance itself, by which they are scaled.
    """
    n, groups = order.shape
    steps = outputs.reshape(groups + 1, n)
    gains = (steps[0] - 0.5 * (steps[:-1] + steps[1:])) * (steps[:-1] - steps[1:])  # (step, chain)
    parts = np.empty((n, groups))
    np.put_along_axis(parts, order, gains.T, axis=1)
    variance = parts.sum(axis=1).mean()
    if variance <= 0.0:
        return Estimate(np.zeros(groups), np.zeros(groups))
    value = parts.mean(axis=0) / variance
    residual = parts - value * parts.sum(axis=1, keepdims=True)
    return Estimate(value, residual.std(axis=0) / np.sqrt(n) / variance)
