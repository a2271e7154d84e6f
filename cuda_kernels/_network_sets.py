"""Caps on what sets of areas import on balance; `network.network_headroom` holds the contract.

In one hour an area takes n_i = sum_j (f_ji - f_ij) in transfers f. The least unserved load u under limits C and caps K
of disjoint sets R is

    min sum u_i   with  d_i - u_i <= n_i,  0 <= f <= C,  u >= 0,  sum_{i in R} n_i <= K_R.

Its dual gives every area a price y_i in [0, 1] and every set a price l_R >= 0 of its cap. What crosses the border of R
pays l_R, so that a link sees prices z_i = y_i - l_R(i), and

    U(d) = max over y, l of  sum_i d_i y_i - sum_ij C_ij max(0, z_j - z_i) - sum_R K_R l_R.

All conditions are on differences of prices, and the prices of an optimum are therefore whole numbers: y is the short
side S, and d enters as in the network without caps. A cut keeps its form, only what may be imported into it is less:

    U(d) = max over S of  sum_{i in S} d_i - imports(S),
    imports(S) = min over l of  sum_ij C_ij max(0, z_j - z_i) + sum_R K_R l_R.

With l = 0 that is the sum of the links into S. A price above 1 is right where one capped set feeds another. If no set
had a price of k and some had more, lowering those by one would save their caps, raise no link out of them, and leave
links into them free, since z_j - z_i <= -1 before; so only prices without such a gap are compared, at most the number
of sets. Folding leaves would hide who imports, so that all cuts of all areas are compared. With numba the same program
is solved as a flow of least cost, for any number of sets and areas (`_network_priced`).
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np

from . import _network_numpy
from ._network_numpy import MOST_ENUMERATED, Network
from .headroom import Engine, _use_numba

MOST_SETS = 5
"""More capped sets of several areas are refused: prices are compared one by one."""
_HOURS_AT_ONCE = 512


def body_of(engine: Engine) -> Any:
    """The class that finds the tightest cuts: by flows (`_network_priced`) or all cuts compared (this module)."""
    if _use_numba(engine):
        from ._network_priced import PricedSets

        return PricedSets
    return CappedSets


def headroom(
    profiles: Any, coefficients: Any, network: tuple[Any, Any], weights: Any, shares: Any, beside: tuple[Any, Any, Any]
) -> tuple[Any, ...]:
    """All cases; fields of network.NetworkHeadroom. network : limits, caps of areas. Inputs checked by the caller.

    beside : firmer (case, area), of firm_extra_mw; sets: membership (set, area), disjoint, and caps (case, set); engine
    """
    firmer, (member, set_caps), engine = beside
    limits, caps = network
    both = np.concatenate([caps, set_caps], axis=1)
    kind: Any = partial(body_of(engine), member)
    return _network_numpy.headroom(profiles, coefficients, (limits, both), weights, shares, firmer, kind=kind)


def curtailed(
    profiles: Any, coefficients: Any, network: tuple[Any, Any], load: Any, beside: tuple[tuple[Any, Any], Engine]
) -> Any:
    """Curtailment (case, hour) of loads (case, area). beside : sets, engine; the rest as of `headroom`."""
    sets, engine = beside
    both = np.concatenate([network[1], sets[1]], axis=1)
    kind: Any = partial(body_of(engine), sets[0])
    return _network_numpy.curtailed(profiles, coefficients, (network[0], both), load, kind=kind)


class CappedSets(Network):
    """One set of limits, caps of areas and, behind them, caps of sets of areas."""

    def __init__(self, member: Any, limits: Any, caps: Any) -> None:
        areas = len(limits)
        super().__init__(limits, caps[:areas], fold=False, enumerate_up_to=MOST_ENUMERATED)
        assert self.cuts is not None  # network_headroom refuses more areas
        self.imports, self.price = capped_imports(self.cuts.member, limits, member, caps[areas:])

    def tightest(self, deficit: Any) -> tuple[Any, Any]:
        """Unserved load (hour,) and the set that explains it (hour, area)."""
        shared, capped = np.minimum(deficit, self.caps), deficit > self.caps
        value, member, _ = self.priced(shared)
        return value + np.where(capped, deficit - shared, 0.0).sum(axis=1), member | capped

    def priced(self, shared: Any) -> tuple[Any, Any, Any]:
        """Unserved load (hour,), its set (hour, area) and prices of the sets' caps (hour, set), but for areas' caps."""
        assert self.cuts is not None
        value, best = np.empty(len(shared)), np.empty(len(shared), np.int64)
        for first in range(0, len(shared), _HOURS_AT_ONCE):
            rows = slice(first, first + _HOURS_AT_ONCE)
            of_cut = shared[rows] @ self.cuts.member.T - self.imports
            best[rows] = of_cut.argmax(axis=1)
            value[rows] = np.take_along_axis(of_cut, best[rows, None], axis=1)[:, 0]
        short = value > 0.0
        member = self.cuts.member[best].astype(bool) & short[:, None]
        return np.maximum(value, 0.0), member, self.price[best] * short[:, None]


def capped_imports(cuts: Any, limits: Any, member: Any, caps: Any) -> tuple[Any, Any]:
    """Most that each cut (cut, area) may import under caps (set,) of sets (set, area) [MW], and prices (cut, set)."""
    limits = np.where(np.eye(len(limits), dtype=bool), 0.0, limits)
    starts, ends = np.nonzero(limits)
    least, prices = np.full(len(cuts), np.inf), np.zeros((len(cuts), len(member)))
    for price in _prices(len(member)):
        # A cap may be infinite, and a price of nothing makes nothing of it.
        cost = np.full(len(cuts), float(sum(cap * p for cap, p in zip(caps, price, strict=True) if p > 0.0)))
        seen = cuts - price @ member
        for i, j in zip(starts, ends, strict=True):
            step = np.maximum(seen[:, j] - seen[:, i], 0.0)
            cost += np.multiply(step, limits[i, j], out=np.zeros_like(step), where=step > 0.0)
        prices[cost < least] = price
        least = np.minimum(least, cost)
    return least, prices


def _prices(sets: int) -> list[Any]:
    """Whole prices (set,) of caps that leave no gap above 0."""
    every = itertools.product(range(sets + 1), repeat=sets)
    return [np.array(p, dtype=np.float64) for p in every if set(range(1, max(p, default=0))) <= set(p)]
