"""Capacity-outage tables and the headroom under probabilistic adequacy notions.

Units fail independently. On a grid of capacity (10 MW), the distribution of available capacity A follows from one unit
after another by p'(a) = p(a) o + p(a - c) (1 - o). For a net load x (load minus wind, sun, water and storage)

    H(x) = E[(x - A)^+]   expected unserved power, convex and piecewise linear, H' = F
    F(x) = P(A < x)       probability of shortage

are exact by linear interpolation between grid nodes, and the same Newton as for a known capacity finds the headroom.
Outage rates may differ by condition (temperature, season): every hour names the table it lives in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import KernelError

Floats = NDArray[np.float64]
Notion = Literal["eue_flexible", "eue_firm", "lolh", "lole"]

STEP_MW = 10.0
"""Grid of capacity; units are rounded to it, the rounding carried on to the next unit."""
HOURS_OF_DAY = 24
_MAX_STEPS = 200
_BISECTIONS = 60


class OutageTable(NamedTuple):
    """Distribution of available capacity under several conditions.

    step_mw : float                        Grid spacing. [MW]
    probability : float64 (condition, n)   Of available capacity 0, step, 2 step, ... [1]
    short : float64 (condition, n + 1)     F just above each node: P(A <= node); a last column of ones. [1]
    expected_mw : float64 (condition, n)   H at each node. [MW]
    """

    step_mw: float
    probability: Floats
    short: Floats
    expected_mw: Floats

    @property
    def most_mw(self) -> float:
        """Capacity when nothing is out. [MW]"""
        return self.step_mw * (self.probability.shape[1] - 1)


def outage_table(unit_mw: ArrayLike, outage_rate: ArrayLike, *, step_mw: float = STEP_MW) -> OutageTable:
    """Table of independent units.

    unit_mw : (unit,)                              Capacity of each unit, >= 0. [MW]
    outage_rate : (unit,) or (condition, unit)     Probability that a unit is out, 0 to 1. [1]

    Raises KernelError for shapes and values out of range.
    """
    units = np.asarray(unit_mw, dtype=np.float64)
    rates = np.atleast_2d(np.asarray(outage_rate, dtype=np.float64))
    if units.ndim != 1 or rates.ndim != 2 or rates.shape[1] != units.size or step_mw <= 0.0:
        raise KernelError(
            f"unit_mw must be (unit,) and outage_rate (condition, unit), got {units.shape}, {rates.shape}"
        )
    if not ((units >= 0.0).all() and np.isfinite(units).all() and (rates >= 0.0).all() and (rates <= 1.0).all()):
        raise KernelError("unit_mw must be finite and >= 0, outage_rate between 0 and 1")
    sizes = on_grid(units, step_mw)
    probability = np.zeros((len(rates), int(sizes.sum()) + 1))
    probability[:, 0] = 1.0
    top = 0
    for size, rate in zip(sizes, rates.T, strict=True):
        if size == 0:
            continue
        works = probability[:, : top + 1] * (1.0 - rate[:, None])
        probability[:, : top + 1] *= rate[:, None]
        probability[:, size : top + size + 1] += works
        top += int(size)
    cumulative = np.minimum(np.cumsum(probability, axis=1), 1.0)
    expected = np.zeros_like(probability)
    expected[:, 1:] = step_mw * np.cumsum(cumulative[:, :-1], axis=1)
    return OutageTable(step_mw, probability, cumulative, expected)


def on_grid(unit_mw: Floats, step_mw: float) -> NDArray[np.int64]:
    """Steps (unit,) of a grid that units count for, the rounding of each carried on to the next."""
    steps: NDArray[np.int64] = np.diff(np.rint(np.cumsum(unit_mw) / step_mw), prepend=0.0).astype(np.int64)
    return steps


def look_up(table: OutageTable, net_load_mw: Floats, condition: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """H [MW] and F [1] of net loads (..., hour) under each hour's condition (hour,).

    F is the slope of H to the right: P(A <= x) at a node x.
    """
    position = np.asarray(net_load_mw) / table.step_mw
    last = table.probability.shape[1] - 1
    node = np.clip(np.floor(position), 0, last).astype(np.int64)
    slope = np.where(position < 0.0, 0.0, table.short[condition, node])
    expected = table.expected_mw[condition, node] + slope * (position - node) * table.step_mw
    return np.where(position < 0.0, 0.0, expected), slope


class ExpectedHeadroom(NamedTuple):
    """headroom_mw (case,) and, at it, expected unserved energy [MWh] and hours of shortage [h], both (case,)."""

    headroom_mw: Floats
    unserved_mwh: Floats
    short_hours: Floats


def expected_headroom_mw(
    net_load_mw: ArrayLike,
    table: OutageTable,
    condition: ArrayLike,
    notion: Notion,
    limit: float,
    *,
    native_mwh: ArrayLike | None = None,
) -> ExpectedHeadroom:
    """Largest constant load under a probabilistic notion.

    net_load_mw : (case, hour)   Native load minus wind, sun, water and storage. [MW]
    condition : (hour,)          Row of the table that each hour lives in.
    notion, limit :
        eue_flexible   expected curtailment of the new load, natives first, over its energy <= limit [1]
        eue_firm       expected unserved energy over all energy <= limit (1e-6 is one part in a million) [1]
        lolh           expected hours of shortage <= limit [h]
        lole           sum over days of the day's highest probability of shortage <= limit [d]
    native_mwh : (case,)         Energy of the native load, needed by eue_firm. [MWh]

    A case that breaks the limit without new load gets 0. Raises KernelError for shapes and values.
    """
    load = np.atleast_2d(np.asarray(net_load_mw, dtype=np.float64))
    where = np.asarray(condition, dtype=np.int64)
    if not np.isfinite(load).all() or where.shape != load.shape[1:] or not limit >= 0.0:
        raise KernelError(f"net_load_mw must be finite (case, hour), condition (hour,), limit >= 0; got {load.shape}")
    if where.min() < 0 or where.max() >= len(table.probability):
        raise KernelError(f"condition names row {int(where.max())} of a table of {len(table.probability)}")
    found = _search(table, (load, where), (notion, limit), native_mwh)
    expected, short = look_up(table, load + found[:, None], where)
    return ExpectedHeadroom(found, expected.sum(axis=1), short.sum(axis=1))


def _search(
    table: OutageTable,
    hours: tuple[Floats, NDArray[np.int64]],
    asked: tuple[Notion, float],
    native_mwh: ArrayLike | None,
) -> Floats:
    """The load (case,) at the limit. hours : net load (case, hour) and its row; asked : notion, limit"""
    (load, where), (notion, limit) = hours, asked
    if notion == "eue_flexible":
        fixed = look_up(table, load, where)[0].sum(axis=1)
        return _newton(table, load, where, fixed, limit * load.shape[1])
    if notion == "eue_firm":
        if native_mwh is None:
            raise KernelError("eue_firm needs native_mwh, the energy of the native load")
        fixed = limit * np.asarray(native_mwh, dtype=np.float64)
        return _newton(table, load, where, fixed, limit * load.shape[1])
    if notion == "lolh":
        return _bisect(table, load, where, lambda short: short.sum(axis=1) <= limit)
    if notion == "lole":
        if load.shape[1] % HOURS_OF_DAY:
            raise KernelError(f"lole counts whole days; {load.shape[1]} hours are none")

        def days(short: Floats) -> Floats:
            return short.reshape(len(short), -1, HOURS_OF_DAY).max(axis=2).sum(axis=1)

        return _bisect(table, load, where, lambda short: days(short) <= limit)
    raise KernelError(f"notion is {notion!r}; choose eue_flexible, eue_firm, lolh or lole")


def _newton(table: OutageTable, load: Floats, where: NDArray[np.int64], fixed: Floats, allowed: float) -> Floats:
    """Root from the right of sum H(x + L) - fixed - allowed L, all cases together; 0 where the limit is broken at 0."""
    found = table.most_mw - load.min(axis=1) + table.step_mw
    moves = np.ones(len(found), dtype=bool)
    for _ in range(_MAX_STEPS):
        expected, short = look_up(table, load + found[:, None], where)
        cost = expected.sum(axis=1) - fixed - allowed * found
        rise = short.sum(axis=1) - allowed
        open_ = moves & (cost > 1e-12 * (1.0 + fixed)) & (rise > 0.0) & (found > 0.0)
        lower = np.where(open_, np.maximum(found - cost / np.where(open_, rise, 1.0), 0.0), found)
        moves = found - lower > 1e-13 * found  # else it would depend on how long others go on
        found = lower
        if not moves.any():
            break
    return np.maximum(found, 0.0)


def _bisect(
    table: OutageTable, load: Floats, where: NDArray[np.int64], fits: Callable[[Floats], NDArray[np.bool_]]
) -> Floats:
    """Largest load that fits, for a criterion that only worsens with the load."""
    low = np.zeros(len(load))
    high = np.maximum(table.most_mw - load.min(axis=1) + table.step_mw, 0.0)
    nothing = ~fits(look_up(table, load, where)[1])
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        good = fits(look_up(table, load + middle[:, None], where)[1])
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return np.where(nothing, 0.0, low)
