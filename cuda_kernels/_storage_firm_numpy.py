"""NumPy body of storage_firm: hundreds of cases at a time, over the hours in which their stores can be less than full.

All quantities are whole numbers of a unit so small that nothing is lost, held in float64, and losses whole parts of
65,536. Sums are exact then, so that the order of additions, and which hours are left out because the store is full in
them, show in no bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._storage_firm_runs import Runs, below, counts, discharge, overload, runs_at

CLOSE = 1.0 / 128.0
"""A step of Newton's method that is shorter, over load and power of the store, is the last: what is left is of its
square."""
SAMPLED = 7
"""The search begins at the headroom of every so manieth hour."""
STEPS = 60
_CASES = 1024
"""Worked on at a time; changes no bit. A block of a year takes about 200 MB."""


def solve(sets: Any, store: Any, allowed: Any, found: Any) -> None:
    """All cases of some sets of profiles (K, hour) and coefficients (case, K).

    Their product is the margin in units, before rounding; cases are those of one set after another.
    store (case, 4) : power, energy, efficiency, and what an hour at full power charges, whole units
    allowed (case,) : hours of the load that may be curtailed
    found (case, 4) : filled with headroom, firm headroom, equivalent capacity and lowest margin, in units
    """
    for first in range(0, len(store), _CASES):
        rows = np.arange(first, min(first + _CASES, len(store)))
        margin = _margins(sets, first, len(rows))
        load = _start(np.ascontiguousarray(margin[::SAMPLED].T), store[rows, 0], allowed[rows], len(margin))
        while rows.size:
            again, figures = _solve(runs_at(margin, load, store[rows]), load, store[rows], allowed[rows])
            found[rows[~again]] = figures[~again]
            rows, load, margin = rows[again], figures[again, 0], margin[:, again]


def _margins(sets: Any, first: int, count: int) -> Any:
    """Margins (hour, case) of so many cases, in whole units."""
    margin = np.empty((sets[0][0].shape[1], count))
    start, at = 0, 0
    for profiles, coefficients in sets:
        some = coefficients[max(first - start, 0) : max(first + count - start, 0)]
        if len(some):
            np.matmul(profiles.T, some.T, out=margin[:, at : at + len(some)])
        start, at = start + len(coefficients), at + len(some)
    return np.rint(margin, out=margin)


def _start(sample: Any, power: Any, allowed: Any, hours: int) -> Any:
    """Headroom in a sample (case, hour) of the hours with half of the power as firm: where the search begins."""
    half = np.floor(0.5 * power)
    size = sample.shape[1]
    allowed = allowed * (size / hours)
    native = np.maximum(-half[:, None] - sample, 0.0).sum(axis=1)
    load = np.floor((sample.sum(axis=1) + half * size + native) / (size - allowed)) + 1.0
    open_ = np.arange(len(load))
    for _ in range(STEPS):
        left = (load - half)[open_, None] - sample
        np.maximum(left, 0.0, out=left)
        cost = left.sum(axis=1) - native[open_] - allowed[open_] * load[open_]
        rise = np.count_nonzero(left, axis=1) - allowed[open_]
        lower = _lower(load[open_], cost, rise)
        far = (cost > 0.0) & (rise > 0.0) & (load[open_] - lower > CLOSE * load[open_])
        open_, sample = open_[far], sample[far]
        load[open_] = lower[far]
        if not open_.size:
            break
    return np.maximum(load, np.floor(0.125 * power) + 1.0)


def _lower(load: Any, cost: Any, rise: Any) -> Any:
    """A step of Newton's method down; nothing where it finds no way."""
    ahead = rise > 0.0
    return np.where(ahead, np.maximum(np.floor(load - cost / np.where(ahead, rise, 1.0)), 0.0), 0.0)


def _solve(runs: Runs, load: Any, store: Any, allowed: Any) -> tuple[Any, Any]:
    """Which cases fit at the load (case,), where the search begins and which their runs are at; and the figures found.

    Of those that fit, the first figure is the higher load where the search goes on.
    """
    power = store[:, 0]
    worse, short = counts(runs, power)
    native = np.zeros(len(load))
    if short.any():
        native = discharge(runs.only(short > 0, native), native)[0]
    hopeful = worse <= allowed
    again, load = _headroom(runs, np.where(hopeful, load, 0.0), (native, allowed), power)
    lowest = load.copy()
    np.minimum.at(lowest, runs.case, runs.least)
    firm = np.zeros(len(load))
    sure = ~again & (native == 0.0) & (load > 0.0)
    firm[sure] = np.minimum(load, lowest + power)[sure]
    firm = _firm(runs, firm, sure)
    return again, np.stack([load, firm, _equivalent(runs, load, (native, allowed), power, ~again), lowest], axis=1)


def _headroom(runs: Runs, load: Any, limits: tuple[Any, Any], power: Any) -> tuple[Any, Any]:
    """Newton on unserved energy, down from a load; one step up, and no more, where the load fits."""
    native, allowed = limits
    hopeful = load > 0.0
    unserved, slope = discharge(runs.only(hopeful, load), load)
    cost, rise = unserved - native - allowed * load, slope - allowed
    again = hopeful & (cost <= 0.0)
    ahead = rise > 0.0
    higher = 2.0 * load + power + 1.0
    root = np.floor(load - cost / np.where(ahead, rise, 1.0)) + 1.0
    load = np.where(again, np.where(ahead, np.minimum(higher, root), higher), load)
    open_ = hopeful & ~again
    for _ in range(STEPS):
        lower = _lower(load, cost, rise)
        far = (load - lower > np.maximum(CLOSE * np.minimum(load, power), 1.0)) & (lower > 0.0)
        load = np.where(open_, lower, load)
        open_ &= far
        if not open_.any():
            break
        runs = runs.only(open_, load)
        unserved, slope = discharge(runs, load)
        cost, rise = unserved - native - allowed * load, slope - allowed
        open_ &= cost > 0.0
        if not open_.any():
            break
    return again, load


def _firm(runs: Runs, load: Any, open_: Any) -> Any:
    """Newton on the constraint that asks the load to fall most, of those that come first since the store was full."""
    for _ in range(STEPS):
        if not open_.any():
            break
        runs = runs.only(open_, load)
        most = overload(runs, load)
        open_ = open_ & (most > 0.0) & (load > 0.0)
        load = np.where(open_, np.maximum(np.floor(load - most), 0.0), load)
    return load


def _equivalent(runs: Runs, load: Any, limits: tuple[Any, Any], power: Any, open_: Any) -> Any:
    """Firm capacity beside which the same load fits; without a load, beside which natives miss as much."""
    native, allowed = limits
    wanted = np.where(load == 0.0, native, allowed * load)
    most = np.where(load == 0.0, np.inf, load)
    low, high, firm = np.zeros(len(power)), power, np.floor(0.5 * power)
    roomy = open_ & (load == 0.0)
    whole = runs
    for _ in range(STEPS):
        if not open_.any():
            break
        runs = runs.only(open_, load - low)
        cut, count = below(runs, load - firm, most)
        over = cut > wanted
        low, high = np.where(open_ & over, firm, low), np.where(open_ & ~over, firm, high)
        inside = count > 0.0
        wish = np.where(inside, firm + (cut - wanted) / np.where(inside, count, 1.0), firm)
        newton = (low < wish) & (wish < high)
        after = np.where(newton, np.floor(wish), np.floor(0.5 * (low + high)))
        far = np.abs(after - firm) > 0.01 * CLOSE * power
        firm = np.where(open_, after, firm)
        open_ = open_ & far
    return _leaving_nothing(whole.only(roomy, load), firm, roomy, allowed, power)


def _leaving_nothing(runs: Runs, firm: Any, roomy: Any, allowed: Any, power: Any) -> Any:
    """The firm capacity; where there is no load, the most, up to it, that leaves no room for one."""
    if not roomy.any():
        return firm
    most = np.full(len(firm), np.inf)
    roomy = roomy & (below(runs, -firm, most)[1] < allowed)
    low, high = np.zeros(len(firm)), firm
    for _ in range(STEPS):
        open_ = roomy & (high - low > 0.01 * CLOSE * power)
        if not open_.any():
            break
        runs = runs.only(open_, low)
        middle = np.floor(0.5 * (low + high))
        short = below(runs, -middle, most)[1] >= allowed
        low, high = np.where(open_ & short, middle, low), np.where(open_ & ~short, middle, high)
    return np.where(roomy, low, firm)
