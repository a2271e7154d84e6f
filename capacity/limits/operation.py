"""Which accelerators run, year after year: the linear program of one country with what it owns carried on.

See docs/limits.md, Joint allocation. A year's limits are IT power, the accelerators owned or on sale, and money for
the new ones. What was bought and still works is free to use in later years; what was not bought is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capacity.limits import allocation, runs
from capacity.limits.chips import Stock

Floats = NDArray[np.float64]

OLDEST_YEARS = 15
"""Accelerators older than this are left out: at a mean life of 5 years less than one in a million is in service."""
WATTS_PER_GW = 1e9


@dataclass(frozen=True)
class Offer:
    """A pool of new accelerators: count (draw, year) on sale [H100e], watts (draw, year) of one [W]."""

    count: Floats
    watts: Floats


@dataclass(frozen=True)
class Money:
    """What new accelerators may cost.

    budget_busd : (draw, year)       For accelerators and their shells. [bn_usd_2025]
    cost_busd_per_gw : (draw, year)  Of IT power, all-in. [bn_usd_2025/GW]
    shell_share : (draw,)            Part of that cost, saved where a shell stands empty. [1]
    """

    budget_busd: Floats
    cost_busd_per_gw: Floats
    shell_share: Floats


@dataclass(frozen=True)
class Power:
    """it_w, campus_it_w : (draw, year) IT power for all, and that of the largest campus. [W]"""

    it_w: Floats
    campus_it_w: Floats


@dataclass(frozen=True)
class Operation:
    """What runs. All (draw, year) but `shares` (draw, year, 3), in the order power, chips, capital.

    available : accelerators owned or on sale; h100e : in use. [H100e]
    used_it_w : their IT power. [W]
    campus : of those in use, what the largest campus runs. [H100e]
    per_gw, per_h100e, per_busd : what one more GW of IT power, new accelerator, bn_usd_2025 adds. [H100e]
    """

    available: Floats
    h100e: Floats
    used_it_w: Floats
    campus: Floats
    per_gw: Floats
    per_h100e: Floats
    per_busd: Floats
    shares: Floats


@dataclass
class _Owned:
    """Accelerators bought so far: one list entry a vintage. shipped : calendar year; count at shipment (draw,)."""

    shipped: list[float]
    count: list[Floats]
    watts: list[Floats]

    def alive(self, year: int, survival: Floats) -> tuple[Floats, Floats]:
        """Count and watts (draw, vintage) of those that work in a year, without the oldest."""
        kept = [i for i, shipped in enumerate(self.shipped) if year - shipped <= OLDEST_YEARS]
        ages = [int(year - self.shipped[i]) for i in kept]
        count = np.stack([self.count[i] * survival[:, age] for i, age in zip(kept, ages, strict=True)], axis=1)
        return count, np.stack([self.watts[i] for i in kept], axis=1)


def operate(
    years: NDArray[np.int64],
    stock: Stock,
    offers: Sequence[Offer],
    survival: Floats,
    power: Power,
    money: Money,
) -> Operation:
    """Run the program year by year.

    years : (year,) calendar years, the first that of the stock. survival : (draw, age).
    """
    counted = int(years[0])
    shipped = [counted - float(age) for age in stock.ages]
    begun = [stock.count[:, v] / survival[:, int(age)] for v, age in enumerate(stock.ages)]
    owned = _Owned(shipped, begun, [stock.watts[:, v] for v in range(len(shipped))])
    shell_w = np.zeros(len(power.it_w))
    found = []
    for y, year in enumerate(years):
        old, old_w = owned.alive(int(year), survival)
        new = np.stack([offer.count[:, y] for offer in offers], axis=1)
        new_w = np.stack([offer.watts[:, y] for offer in offers], axis=1)
        # In the shells that stand empty first: these need chips only.
        empty_w = np.maximum(shell_w - (old * old_w).sum(axis=1), 0.0)
        inside = np.minimum(new, _fit(new * new_w, empty_w) / new_w)
        full = money.cost_busd_per_gw[:, y, None] * new_w / WATTS_PER_GW
        bound = np.concatenate([old, inside, new - inside], axis=1)
        watts = np.concatenate([old_w, new_w, new_w], axis=1)
        cost = np.concatenate([np.zeros_like(old), full * (1.0 - money.shell_share[:, None]), full], axis=1)
        ran = allocation.allocate(1.0, watts, bound, cost, power.it_w[:, y], money.budget_busd[:, y])
        bought = ran.count[:, old.shape[1] :].reshape(len(bound), 2, len(offers)).sum(axis=1)
        for i in range(len(offers)):
            owned.shipped.append(float(year))
            owned.count.append(bought[:, i])
            owned.watts.append(new_w[:, i])
        used = (ran.count * watts).sum(axis=1)
        shell_w = np.maximum(shell_w, used)
        campus = runs.campus_h100e(ran.count, watts, power.campus_it_w[:, y])
        newest = _newest_value(ran.chip_value[:, old.shape[1] :], bound[:, old.shape[1] :])
        prices = (ran.power_value * WATTS_PER_GW, newest, ran.budget_value)
        found.append((bound.sum(axis=1), ran.total, used, campus, *prices, ran.shares()))
    return Operation(*(np.stack(column, axis=1) for column in zip(*found, strict=True)))


def _fit(demand_w: Floats, empty_w: Floats) -> Floats:
    """Empty shells (draw,) divided over pools in proportion to what they would draw (draw, pool), as (draw, pool)."""
    total = demand_w.sum(axis=1, keepdims=True)
    return np.divide(demand_w, total, out=np.zeros_like(demand_w), where=total > 0.0) * empty_w[:, None]


def _newest_value(value: Floats, bound: Floats) -> Floats:
    """What one more new accelerator adds (draw,): the mean over the pools on sale, 0 where none is."""
    total = bound.sum(axis=1)
    return np.divide((value * bound).sum(axis=1), total, out=np.zeros_like(total), where=total > 0.0)
