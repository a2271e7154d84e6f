"""NumPy body of storage_firm: hundreds of cases at a time, over the hours in which something goes unserved and before.

All quantities are whole numbers of a unit so small that nothing is lost, held in float64, and losses whole parts of
65,536. Sums are exact then, so that the order of additions, and which hours are left out because nothing goes unserved
until the store is full, show in no bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._storage_firm_runs import Block, Runs, joined, only, runs_at, split
from ._storage_firm_short import Shortages, shortages
from ._storage_firm_walk import counted, discharge, overload

CLOSE = 1.0 / 128.0
"""A step of Newton's method that is shorter, over load and power of the store, is the last: what is left is of its
square."""
SAMPLED = 7
"""The search begins at the headroom of every so manieth hour."""
STEPS = 60
_CASES, _HOURS, _FEW = 1024, 64, 128
"""Cases and hours worked on at a time, and cases whose samples are; no bit shows it. A block of a year takes 200 MB."""
_WORTH = 0.8
"""Samples of cases that are done are left out where that leaves a smaller share."""


def solve(sets: Any, store: Any, allowed: Any, found: Any) -> None:
    """All cases of some sets of profiles (K, hour) and coefficients (case, K).

    Their product is the margin in units, before rounding; cases are those of one set after another.
    store (case, 4) : power, energy, efficiency, and what an hour at full power charges, whole units
    allowed (case,) : hours of the load that may be curtailed
    found (case, 4) : filled with headroom, firm headroom, equivalent capacity and lowest margin, in units
    """
    sets = [(np.ascontiguousarray(profiles.T), coefficients) for profiles, coefficients in sets]  # as products like it
    rows, load = np.arange(len(store)), None
    while rows.size:
        again = []
        for first in range(0, len(rows), _CASES):
            some = rows[first : first + _CASES]
            margin = _margins(sets, some)
            begin = _starts(margin, store[some, 0], allowed[some]) if load is None else load[first : first + _CASES]
            fits, found[some] = _solve(margin, begin, np.ascontiguousarray(store[some, :3].T), allowed[some])
            again.append(some[fits])
        rows = np.concatenate(again)
        load = found[rows, 0]


def _margins(sets: Any, rows: Any) -> Any:
    """Margins (hour, case) of some cases, by rising number, in whole units; from sets of profiles (hour, K)."""
    margin = np.empty((len(sets[0][0]), len(rows)))
    ends = np.cumsum([len(coefficients) for _, coefficients in sets])
    firsts = np.searchsorted(rows, np.concatenate([[0], ends]))
    parts = [
        (profiles, np.ascontiguousarray(coefficients[rows[at:to] - end + len(coefficients)].T), np.s_[at:to])
        for (profiles, coefficients), end, at, to in zip(sets, ends, firsts, firsts[1:], strict=False)
        if to > at
    ]
    for hour in range(0, len(margin), _HOURS):
        some = margin[hour : hour + _HOURS]
        for profiles, weights, columns in parts:
            np.matmul(profiles[hour : hour + _HOURS], weights, out=some[:, columns])
        np.rint(some, out=some)
    return margin


def _starts(margin: Any, power: Any, allowed: Any) -> Any:
    """Where the search begins."""
    load = np.empty(len(power))
    for first in range(0, len(power), _FEW):
        some = np.s_[first : first + _FEW]
        load[some] = _start(margin[::SAMPLED, some].copy(), power[some], allowed[some], len(margin))
    return load


def _start(sample: Any, power: Any, allowed: Any, hours: int) -> Any:
    """Headroom in a sample (hour, case) of the hours with half of the power as firm."""
    half = np.floor(0.5 * power)
    size = len(sample)
    allowed = allowed * (size / hours)
    room = np.empty(sample.size)
    native = np.maximum(np.subtract(-half, sample, out=room.reshape(sample.shape)), 0.0).sum(axis=0)
    load = np.floor((sample.sum(axis=0) + half * size + native) / (size - allowed)) + 1.0
    open_ = np.arange(len(load))
    for _ in range(STEPS):
        left = np.subtract((load - half)[open_], sample, out=room[: sample.size].reshape(sample.shape))
        rise = counted(left > 0.0) - allowed[open_]
        cost = np.maximum(left, 0.0, out=left).sum(axis=0) - native[open_] - allowed[open_] * load[open_]
        lower = _lower(load[open_], cost, rise)
        far = (cost > 0.0) & (rise > 0.0) & (load[open_] - lower > CLOSE * load[open_])
        load[open_[far]] = lower[far]
        if not far.any():
            break
        if np.count_nonzero(far) < _WORTH * len(far):
            open_, sample = open_[far], sample.compress(far, axis=1)
    return np.maximum(load, np.floor(0.125 * power) + 1.0)


def _lower(load: Any, cost: Any, rise: Any) -> Any:
    """A step of Newton's method down; nothing where it finds no way."""
    ahead = rise > 0.0
    return np.where(ahead, np.maximum(np.floor(load - cost / np.where(ahead, rise, 1.0)), 0.0), 0.0)


def _solve(margin: Any, load: Any, store: Any, allowed: Any) -> tuple[Any, Any]:
    """Which cases fit at the load (case,), where the search begins; and the figures found.

    Of those that fit, the first figure is the higher load where the search goes on.
    """
    power = store[0]
    runs = runs_at(margin, load, store)
    native, worse = _natives(runs, power)
    again, load, runs = _headroom(runs, np.where(worse <= allowed, load, 0.0), (native, allowed), store)
    short_of = shortages(margin, np.where(again, -np.inf, load))
    lowest = short_of.lowest(load)
    sure = ~again & (native == 0.0) & (load > 0.0)
    firm = _firm(runs, np.where(sure, np.minimum(load, lowest + power), 0.0))
    return again, np.stack([load, firm, _equivalent(short_of, load, (native, allowed), power, ~again), lowest], axis=1)


def _natives(runs: Runs, power: Any) -> tuple[Any, Any]:
    """What natives go without (case,), and hours in which the store cannot serve them, whatever it holds."""
    worse = np.zeros(len(power))
    short = []
    for block in runs:
        some = block.margin.min(axis=0) < 0.0
        if some.any():
            short.append(block.only(some))
            margin, case, store = short[-1]
            worse += np.bincount(case, counted(margin < -store[0]), len(power))
    return discharge(short, np.zeros(len(power)))[0], worse


def _headroom(runs: Runs, load: Any, limits: tuple[Any, Any], store: Any) -> tuple[Any, Any, Runs]:
    """Newton on unserved energy, down from a load; one step up, and no more, where the load fits.

    The last are runs in which something goes unserved at a load near the headroom, of cases whose natives are served.
    """
    native, allowed = limits
    power = store[0]
    hopeful = load > 0.0
    runs = only(runs, hopeful)
    unserved, slope, marks = discharge(runs, load)
    cost, rise = unserved - native - allowed * load, slope - allowed
    again = hopeful & (cost <= 0.0)
    ahead = rise > 0.0
    higher = 2.0 * load + power + 1.0
    root = np.floor(load - cost / np.where(ahead, rise, 1.0)) + 1.0
    load = np.where(again, np.where(ahead, np.minimum(higher, root), higher), load)
    open_ = hopeful & ~again
    runs = only(runs, open_)
    left: list[Block] = []
    for _ in range(STEPS):
        lower = _lower(load, cost, rise)
        far = (load - lower > np.maximum(CLOSE * np.minimum(load, power), 1.0)) & (lower > 0.0)
        load = np.where(open_, lower, load)
        open_ &= far
        left += only(runs, ~open_ & (native == 0.0))
        if not open_.any():
            break
        runs = only(runs, open_)
        unserved, slope, marks = discharge(runs, load)
        runs = split(runs, marks, open_, store)
        cost, rise = unserved - native - allowed * load, slope - allowed
        open_ &= cost > 0.0
    return again, load, joined(left, store)


def _firm(runs: Runs, load: Any) -> Any:
    """Newton on the constraint that asks the load to fall most, of those that come first since the store was full."""
    for _ in range(STEPS):
        runs = only(runs, load > 0.0)
        if not runs:
            break
        most, runs = overload(runs, load)
        load = np.maximum(np.floor(load - most), 0.0)
    return load


def _equivalent(short_of: Shortages, load: Any, limits: tuple[Any, Any], power: Any, open_: Any) -> Any:
    """Firm capacity beside which the same load fits; without a load, beside which natives miss as much."""
    native, allowed = limits
    wanted = np.where(load == 0.0, native, allowed * load)
    most = np.where(load == 0.0, np.inf, load)
    low, high, firm = np.zeros(len(power)), power, np.floor(0.5 * power)
    roomy = open_ & (load == 0.0)
    for _ in range(STEPS):
        if not open_.any():
            break
        cut, count = short_of.below(load - firm, most)
        over = cut > wanted
        low, high = np.where(open_ & over, firm, low), np.where(open_ & ~over, firm, high)
        inside = count > 0.0
        wish = np.where(inside, firm + (cut - wanted) / np.where(inside, count, 1.0), firm)
        newton = (low < wish) & (wish < high)
        after = np.where(newton, np.floor(wish), np.floor(0.5 * (low + high)))
        far = np.abs(after - firm) > 0.01 * CLOSE * power
        firm = np.where(open_, after, firm)
        open_ = open_ & far
    return _leaving_nothing(short_of, firm, roomy, allowed, power)


def _leaving_nothing(short_of: Shortages, firm: Any, roomy: Any, allowed: Any, power: Any) -> Any:
    """The firm capacity; where there is no load, the most, up to it, that leaves no room for one."""
    if not roomy.any():
        return firm
    most = np.full(len(firm), np.inf)
    roomy = roomy & (short_of.below(-firm, most)[1] < allowed)
    low, high = np.zeros(len(firm)), firm
    for _ in range(STEPS):
        open_ = roomy & (high - low > 0.01 * CLOSE * power)
        if not open_.any():
            break
        middle = np.floor(0.5 * (low + high))
        short = short_of.below(-middle, most)[1] >= allowed
        low, high = np.where(open_ & short, middle, low), np.where(open_ & ~short, middle, high)
    return np.where(roomy, low, firm)
