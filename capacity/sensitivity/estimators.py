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


def sobol(
    f_a: Floats, f_b: Floats, f_first: Floats, f_total: Floats, *, resamples: int = 200
) -> tuple[Estimate, Estimate]:
    """First-order and total indices: the share of the variance that goes when a group is known, and that stays when
    all others are.

    f_a, f_b : (n,)             Outputs of two sets of independent draws.
    f_first : (group, n)        With one group of B, and all others as A draws them given that group.
    f_total : (group, n)        With one group as B draws it, given all others of A.

    For independent groups the last two are the same, A with one group from B. First order after Saltelli et al. 2010,
    total after Jansen 1999; errors by bootstrap over the n rows. A constant output has indices of zero.
    """
    n = len(f_a)
    rng = np.random.default_rng(n)
    picks = np.vstack([np.arange(n), rng.integers(0, n, (resamples, n))])
    first, total = np.empty((2, len(picks), len(f_first)))
    for row, pick in enumerate(picks):
        first[row], total[row] = _indices(f_a[pick], f_b[pick], f_first[:, pick], f_total[:, pick])
    return tuple(Estimate(values[0], values[1:].std(axis=0)) for values in (first, total))  # type: ignore[return-value]


def _indices(f_a: Floats, f_b: Floats, f_first: Floats, f_total: Floats) -> tuple[Floats, Floats]:
    both = np.concatenate([f_a, f_b])
    variance, mean = both.var(), both.mean()
    if variance <= 0.0:
        return np.zeros(len(f_first)), np.zeros(len(f_first))
    first = ((f_b - mean) * (f_first - f_a)).mean(axis=1) / variance
    return first, 0.5 * ((f_a - f_total) ** 2).mean(axis=1) / variance


def chain_steps(order: Numbers) -> NDArray[np.bool_]:
    """Groups exchanged (step 0 to groups, chain, group) where each chain exchanges one group after the other.

    order : (n, group), permutations.
    """
    place = np.argsort(order, axis=1)  # at which step a group is exchanged
    return place[None] < np.arange(order.shape[1] + 1)[:, None, None]


def shapley(outputs: Floats, order: Numbers) -> Estimate:
    """Shapley effects: fair shares of the variance, the mean of what a group adds over all orders of the groups.

    outputs : (run,) of chains of `chain_steps`, by step and then by chain; order : (n, group).

    With f(x) the start of a chain and F before and after the exchange of a group, that group gets
    (f(x) - (F_before + F_after) / 2) (F_before - F_after). Goda 2021 shows it for independent groups. It holds for
    dependent ones too if what is exchanged is drawn given what stays: half the mean of (f(x) - F)^2 is then the
    variance that stays when all that is not exchanged is known, the cost of Song et al. 2016. The shares sum to one up
    to the error of the variance itself, by which they are scaled.
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
