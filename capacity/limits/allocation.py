"""Which accelerators run: power, chips and capital as one linear program for each draw and year.

For each case (a draw of one country and year) with items v (vintages and pools of accelerators)

    maximise sum_v throughput_v n_v   subject to   sum_v watts_v n_v <= power,   sum_v cost_v n_v <= budget,
                                                   0 <= n_v <= bound_v.

For a price of capital the rest is a fractional knapsack: items fill the power in the order of their reduced
throughput per watt. The total that this gives is a convex, piecewise linear function of the price, so its lowest
point is found by intersecting the line of a price that spends too much with that of one that spends too little
(Kelley 1960). Each step finds a new line or proves the answer, so the method ends; the answer is the mixture of the
two neighbouring knapsacks that spends the budget exactly. All cases advance together.

The program is homogeneous of degree one in its limits, so its value is what the limits are worth (Euler):
total = power_value power + sum_v chip_value_v bound_v + budget_value budget. These are the attributions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capacity.errors import CapacityError
from capacity.limits.dual_face import middle_of_prices

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LIMITS = ("power", "chips", "capital")
"""Order of the attributed limits."""
_BLOCK_NUMBERS = 60_000
"""Numbers (cases x items) solved at a time, so that temporaries stay in the processor's cache."""
_TIE = 1e-12  # relative: reduced throughputs per watt this near are one, and share what power is left
_END = 1e-13  # relative: a knapsack this near to the intersection of its neighbours' lines proves the answer
_STEPS = 1000  # far above the number of lines that any case of some dozens of items has


@dataclass(frozen=True)
class Allocation:
    """What `allocate` found.

    count : (case, item)        Accelerators in use, 0 <= count <= bound. [items]
    total : (case,)             Throughput in use. [throughput]
    power_value : (case,)       What one more watt adds. [throughput/W]
    chip_value : (case, item)   What one more accelerator of an item adds. [throughput/item]
    budget_value : (case,)      What one more unit of budget adds. [throughput/budget]
    worth : (case, 3)           Value of each whole limit, value times amount, order LIMITS. [throughput]
    open_limits : (case, 3)     Whether a limit is zero by itself, where the total is zero.

    A value is the mean of what more adds and what less takes away; the two differ only where a limit is met exactly
    by chance. At a limit of zero there is no less, and the value is what more adds.
    """

    count: Floats
    total: Floats
    power_value: Floats
    chip_value: Floats
    budget_value: Floats
    worth: Floats
    open_limits: Flags

    def shares(self) -> Floats:
        """Shares (case, 3) of power, chips and capital in the total; each row sums to 1.

        The worth of each limit over the sum of the three. By Euler's theorem that sum is the total, except where
        means of two-sided values were taken in two directions at once; there it is the normalisation. Where the total
        is zero, the limits that are zero have it in equal parts: power without a watt, chips without a useful
        accelerator, capital without budget when all accelerators cost.
        """
        worth = np.where(self.total[:, None] > 0.0, self.worth, self.open_limits)
        return worth / worth.sum(axis=1, keepdims=True)


class _Cases(NamedTuple):
    """Inputs of some cases: (case, item) four times, (case,) twice; `weight` is watts x bound."""

    throughput: Floats
    watts: Floats
    bound: Floats
    cost: Floats
    power_w: Floats
    budget: Floats

    def rows(self, chosen: NDArray[np.int64] | slice) -> _Cases:
        return _Cases(*(values[chosen] for values in self))


def allocate(
    throughput: ArrayLike, watts: ArrayLike, bound: ArrayLike, cost: ArrayLike, power_w: ArrayLike, budget: ArrayLike
) -> Allocation:
    """Solve the linear program of every case exactly.

    throughput : (case, item) or (item,), >= 0   What one accelerator of the item adds, e.g. 1 in H100-equivalents.
    watts : (case, item) or (item,), > 0         IT power of one. [W]
    bound : (case, item), >= 0                   How many there are. [items]
    cost : (case, item) or (item,), >= 0         What one costs; 0 for those already bought. [budget]
    power_w : (case,), >= 0                      IT power; infinity means no limit. [W]
    budget : (case,), >= 0                       Money; infinity means no limit. [budget]

    Items whose reduced throughputs per watt tie share what is left in proportion to their bounds, so that the order
    of items does not matter. A case's result does not depend on the others of the call. Raises CapacityError naming
    every fault of the input with its first case.
    """
    cases = _checked(throughput, watts, bound, cost, power_w, budget)
    number, items = cases.bound.shape
    step = max(1, _BLOCK_NUMBERS // items)
    parts = [_solve(cases.rows(slice(start, start + step))) for start in range(0, number, step)]
    if not parts:
        return _solve(cases)
    return Allocation(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


_FIELDS = tuple(Allocation.__dataclass_fields__)


def minimum(
    throughput: ArrayLike, watts: ArrayLike, bound: ArrayLike, cost: ArrayLike, power_w: ArrayLike, budget: ArrayLike
) -> Floats:
    """Totals (case, 3) when only one limit holds beside the number of accelerators: power, chips alone, capital.

    The smallest of the three bounds the joint total from above, and equals it when there is one item: this is the
    `min()` of simple models. Arguments and errors as for `allocate`.
    """
    cases = _checked(throughput, watts, bound, cost, power_w, budget)
    used, _ = _knapsack(cases.throughput, cases.watts, cases.bound * cases.watts, cases.power_w)
    value = cases.throughput * cases.bound
    free = cases.cost == 0.0
    price = np.where(free, 1.0, cases.cost)
    bought, _ = _knapsack(cases.throughput, price, np.where(free, 0.0, cases.bound * price), cases.budget)
    parts = (used, np.ones_like(used), np.where(free, 1.0, bought))
    return np.stack([(value * part).sum(axis=1) for part in parts], axis=1)


def _checked(*given: ArrayLike) -> _Cases:
    names = _Cases._fields
    arrays = [np.asarray(values, dtype=np.float64) for values in given]
    bound, power = arrays[2], arrays[4]
    if bound.ndim != 2 or bound.shape[1] == 0 or power.shape != bound.shape[:1]:
        raise CapacityError(
            f"bound must be (case, item) with at least one item and power_w (case,), got {bound.shape}, {power.shape}"
        )
    problems = []
    for i, (name, values) in enumerate(zip(names, arrays, strict=True)):
        want = bound.shape if i < 4 else bound.shape[:1]
        try:
            arrays[i] = np.broadcast_to(values, want)
        except ValueError:
            problems.append(f"{name} is {values.shape}, which does not fit {want}")
            continue
        low = arrays[i] > 0.0 if name == "watts" else arrays[i] >= 0.0
        good = low & ((arrays[i] < np.inf) if i < 4 else True)
        if not good.all():
            at = tuple(int(n) for n in np.argwhere(~good)[0])
            rule = "above 0" if name == "watts" else "0 or more"
            finite = "finite and " if i < 4 else ""
            problems.append(f"{name} is {float(arrays[i][at])} at case {at[0]}: {finite}{rule} is needed")
    if problems:
        raise CapacityError(problems)
    return _Cases(*arrays)


def _solve(cases: _Cases) -> Allocation:
    """One block."""
    weight, spend = cases.watts * cases.bound, cases.cost * cases.bound
    # Beyond what all items draw and cost a limit does nothing: twice that is finite and as slack.
    power = np.minimum(cases.power_w, 2.0 * weight.sum(axis=1) + 1.0)
    budget = np.minimum(cases.budget, 2.0 * spend.sum(axis=1) + 1.0)
    cases = cases._replace(power_w=power, budget=budget)
    used, price, density = _search(cases, weight, spend)
    total = (cases.throughput * cases.bound * used).sum(axis=1)
    lam, nu, mu = middle_of_prices(cases, used, density, price)
    worth = np.stack([lam * power, (mu * cases.bound).sum(axis=1), nu * budget], axis=1)
    return Allocation(used * cases.bound, total, lam, mu, nu, worth, _open_limits(cases, total))


def _open_limits(cases: _Cases, total: Floats) -> Flags:
    """Limits (case, 3) that are zero by themselves; at least one where the total is zero."""
    useful = (cases.bound > 0.0) & (cases.throughput > 0.0)
    chips = ~useful.any(axis=1)
    capital = (cases.budget == 0.0) & ~(useful & (cases.cost == 0.0)).any(axis=1) & ~chips
    opened = np.stack([cases.power_w == 0.0, chips, capital], axis=1)
    # A total that underflows to zero though no limit is zero has all three in equal parts.
    return opened | ((total <= 0.0) & ~opened.any(axis=1))[:, None]


def _knapsack(value: Floats, watts: Floats, weight: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """Parts (case, item) of the items that fill a limit in the order of value per watt, and the last one's ratio.

    value : (case, item) of one item; those not above 0 stay out. weight : (case, item), watts of all of an item.
    The second result (case,) is what more power would add: 0 where the items do not fill the limit.
    """
    ratio = value / watts
    np.copyto(ratio, 0.0, where=(weight <= 0.0) | (ratio < 0.0))
    order = np.argsort(-ratio, axis=1)
    order += np.arange(len(ratio))[:, None] * ratio.shape[1]
    filled = np.cumsum(weight.ravel()[order], axis=1) < limit[:, None]
    last = filled.sum(axis=1)
    met = last < ratio.shape[1]
    at = order[np.arange(len(ratio)), np.minimum(last, ratio.shape[1] - 1)]
    density = np.where(met, ratio.ravel()[at], 0.0)
    above = ratio > (density * (1.0 + _TIE))[:, None]
    level = (ratio >= (density * (1.0 - _TIE))[:, None]) & ~above & (density > 0.0)[:, None]
    left = limit - (weight * above).sum(axis=1)
    tied = (weight * level).sum(axis=1)
    part = np.clip(np.divide(left, tied, out=np.zeros_like(left), where=tied > 0.0), 0.0, 1.0)
    return above + level * part[:, None], density


class _Line(NamedTuple):
    """A knapsack at a price of capital: what it uses, its total, what it leaves of the budget, its density."""

    used: Floats
    total: Floats
    left: Floats
    density: Floats


def _knapsack_at(price: Floats, cases: _Cases, weight: Floats, spend: Floats) -> _Line:
    value = cases.throughput - price[:, None] * cases.cost
    used, density = _knapsack(value, cases.watts, weight, cases.power_w)
    total = np.einsum("cv,cv,cv->c", cases.throughput, cases.bound, used)
    return _Line(used, total, cases.budget - np.einsum("cv,cv->c", spend, used), density)


def _search(cases: _Cases, weight: Floats, spend: Floats) -> tuple[Floats, Floats, Floats]:
    """Optimal parts (case, item), price of capital (case,) and throughput per watt at the margin (case,)."""
    free = _knapsack_at(np.zeros(len(cases.power_w)), cases, weight, spend)
    used, density, price = free.used, free.density, np.zeros(len(cases.power_w))
    rows = np.flatnonzero(free.left < 0.0)
    if not rows.size:
        return used, price, density
    cases, weight, spend = cases.rows(rows), weight[rows], spend[rows]
    low = [values[rows] for values in free]
    dear = np.divide(cases.throughput, cases.cost, out=np.zeros_like(cases.cost), where=cases.cost > 0.0).max(axis=1)
    # A little above the dearest useful price, where rounding lets no item that costs seem useful.
    high = list(_knapsack_at(dear * (1.0 + 1e-9), cases, weight, spend))
    for _ in range(_STEPS):
        share = high[2] / (high[2] - low[2])  # of `low` in the mixture that spends the budget exactly
        meet = np.maximum((low[1] - high[1]) / (high[2] - low[2]), 0.0)
        want = share * low[1] + (1.0 - share) * high[1]
        found = _knapsack_at(meet, cases, weight, spend)
        proved = found.total + meet * found.left - want <= _END * np.maximum(want, found.total)
        ended = np.flatnonzero(proved)
        if ended.size:
            at, mix = rows[ended], share[ended, None]
            used[at] = mix * low[0][ended] + (1.0 - mix) * high[0][ended]
            price[at], density[at] = meet[ended], found.density[ended]
        rest = np.flatnonzero(~proved)
        if not rest.size:
            return used, price, density
        rows, cases, weight, spend = rows[rest], cases.rows(rest), weight[rest], spend[rest]
        over = found.left[rest] < 0.0
        low = _chosen(over, found, low, rest)
        high = _chosen(~over, found, high, rest)
    raise CapacityError(f"{rows.size} cases did not end after {_STEPS} steps: their numbers differ by too many digits")


def _chosen(take: Flags, found: Sequence[Floats], kept: Sequence[Floats], rest: NDArray[np.int64]) -> list[Floats]:
    """Lines of the remaining cases: the found ones where `take`, else those kept."""
    return [
        np.where(take[:, None] if new.ndim == 2 else take, new[rest], old[rest])
        for new, old in zip(found, kept, strict=True)
    ]
