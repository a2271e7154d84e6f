"""NumPy body of storage_firm: a few cases at a time, their hours in blocks side by side.

All quantities are whole numbers of a unit so small that nothing is lost, held in float64, and losses whole parts of
65,536. Sums are exact then, so that the order of additions, and which hours are left out because the store is full in
them, show in no bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CLOSE = 1.0 / 128.0
"""A step of Newton's method that is shorter, over load and power of the store, is the last: what is left is of its
square."""
SAMPLED = 7
"""The search begins at the headroom of every so manieth hour."""
STEPS = 60
_FAR = 2.0**40
"""More than any margin is."""
_CASES = 16
"""Worked on at a time; changes no bit."""
_WORTH = 0.8
"""Hours that matter are listed again where fewer than this share of them still do."""


def solve(sets: Any, store: Any, allowed: Any, found: Any) -> None:
    """All cases of some sets of profiles (K, hour) and coefficients (case, K).

    Their product is the margin in units, before rounding; cases are those of one set after another.
    store (case, 4) : power, energy, efficiency, and what an hour at full power charges, whole units
    allowed (case,) : hours of the load that may be curtailed
    found (case, 4) : filled with headroom, firm headroom, equivalent capacity and lowest margin, in units
    """
    start = 0
    for profiles, coefficients in sets:
        for first in range(0, len(coefficients), _CASES):
            some = coefficients[first : first + _CASES]
            rows = slice(start + first, start + first + len(some))
            margin = np.ascontiguousarray(np.rint(some @ profiles).T)
            _solve(margin, store[rows], allowed[rows], found[rows])
        start += len(coefficients)


def _solve(margin: Any, store: Any, allowed: Any, found: Any) -> None:
    power = store[:, 0]
    count = len(store)
    native, load, lowest = np.zeros(count), np.zeros(count), np.zeros(count)
    (hopeless,) = np.nonzero((margin < -power).sum(axis=0) > allowed)
    (short,) = np.nonzero((margin < 0.0).any(axis=0))
    if short.size:
        native[short] = _discharge(margin[:, short], load[short], store[short])[0]
    listed = _packed(margin[:, hopeless], margin[:, hopeless] < 0.0)
    lowest[hopeless] = listed.min(axis=0, initial=0.0)
    found[hopeless, 2] = _equivalent(listed, load[hopeless], (native[hopeless], allowed[hopeless]), power[hopeless])
    hopeful = np.delete(np.arange(count), hopeless)
    if hopeful.size:
        begin = _start(margin[::SAMPLED, hopeful], power[hopeful], allowed[hopeful], len(margin))
        limits, own = (native[hopeful], allowed[hopeful]), store[hopeful]
        load[hopeful], listed = _headroom(margin[:, hopeful], begin, limits, own)
        lowest[hopeful] = np.minimum(listed.min(axis=0), load[hopeful])
        found[hopeful, 2] = _equivalent(listed, load[hopeful], limits, own[:, 0])
        (sure,) = np.nonzero((limits[0] == 0.0) & (load[hopeful] > 0.0))
        at = hopeful[sure]
        if sure.size:
            found[at, 1] = _firm(listed[:, sure], np.minimum(load, lowest + power)[at], own[sure])
    found[:, 0], found[:, 3] = load, lowest


def _below(margin: Any, level: Any, most: Any) -> tuple[Any, Any]:
    """What margins (hour, case) lack to a level, at most so much each, and how many lack something, but less."""
    left = np.maximum(level - margin, 0.0)
    count = ((left > 0.0) & (left < most)).sum(axis=0)
    return np.minimum(left, most, out=left).sum(axis=0), count.astype(np.float64)


def _packed(margin: Any, mask: Any) -> Any:
    """Margins (place, case) where the mask (hour, case) holds, one after another; far above any load after the last."""
    counts = mask.sum(axis=0)
    packed = np.full((int(counts.max(initial=0)), len(counts)), _FAR)
    case, hour = np.nonzero(mask.T)
    first = np.cumsum(counts) - counts
    packed[np.arange(len(hour)) - first[case], case] = margin[hour, case]
    return packed


def _start(sample: Any, power: Any, allowed: Any, hours: int) -> Any:
    """Headroom in a sample of the hours with half of the power as firm: where the search begins."""
    half = np.floor(0.5 * power)
    allowed = allowed * (len(sample) / hours)
    native = _below(sample, -half, np.inf)[0]
    load = np.floor((sample.sum(axis=0) + half * len(sample) + native) / (len(sample) - allowed)) + 1.0
    open_ = np.arange(len(load))
    for _ in range(STEPS):
        cut, count = _below(sample[:, open_], (load - half)[open_], np.inf)
        cost, rise = cut - native[open_] - allowed[open_] * load[open_], count - allowed[open_]
        right = (cost > 0.0) & (rise > 0.0)
        open_, cost, rise = open_[right], cost[right], rise[right]
        lower = np.maximum(np.floor(load[open_] - cost / rise), 0.0)
        far = load[open_] - lower > CLOSE * load[open_]
        open_ = open_[far]
        load[open_] = lower[far]
        if not open_.size:
            break
    return np.maximum(load, np.floor(0.125 * power) + 1.0)


def _headroom(margin: Any, load: Any, limits: tuple[Any, Any], store: Any) -> tuple[Any, Any]:
    """Newton on unserved energy: up over all hours until the root is passed, then down over those that matter.

    Returns the headroom and the margins (place, case) that matter at it.
    """
    native, allowed = limits
    load = load.copy()
    cost, rise = np.zeros((2, len(load)))
    open_ = np.arange(len(load))
    mask = np.zeros(margin.shape, dtype=bool)
    for _ in range(STEPS):
        unserved, slope, mask[:, open_] = _discharge(margin[:, open_], load[open_], store[open_])
        cost[open_] = unserved - native[open_] - allowed[open_] * load[open_]
        rise[open_] = slope - allowed[open_]
        open_ = open_[cost[open_] <= 0.0]
        if not open_.size:
            break
        ahead = rise[open_] > 0.0
        higher = 2.0 * load[open_] + store[open_, 0] + 1.0
        root = np.floor(load[open_] - cost[open_] / np.where(ahead, rise[open_], 1.0)) + 1.0
        load[open_] = np.where(ahead, np.minimum(higher, root), higher)
    whole = listed = _packed(margin, mask)
    open_ = np.arange(len(load))
    for _ in range(STEPS):
        ahead = rise > 0.0
        now = load[open_]
        lower = np.where(ahead, np.maximum(np.floor(now - cost / np.where(ahead, rise, 1.0)), 0.0), 0.0)
        load[open_] = lower
        far = (now - lower > np.maximum(CLOSE * np.minimum(now, store[open_, 0]), 1.0)) & (lower > 0.0)
        open_, listed = open_[far], listed[:, far]
        if not open_.size:
            break
        unserved, slope, kept = _discharge(listed, load[open_], store[open_])
        cost, rise = unserved - native[open_] - allowed[open_] * load[open_], slope - allowed[open_]
        above = cost > 0.0
        listed = _packed(listed, kept)[:, above] if _lean(kept) else listed[:, above]
        open_, cost, rise = open_[above], cost[above], rise[above]
        if not open_.size:
            break
    return load, whole


def _lean(kept: Any) -> bool:
    return bool(kept.sum(axis=0).max(initial=0) < _WORTH * len(kept))


def _flows(margin: Any, load: Any, store: Any) -> tuple[Any, ...]:
    """Need (hour, case), where it is above nil, what surplus gives, what is taken, and how that moves with the load."""
    power, eta, charged = store[:, 0], store[:, 2], store[:, 3]
    need = load - margin
    short = need > 0.0
    given = np.minimum(np.rint(np.maximum(-need, 0.0) * eta), charged)
    taken = np.where(short, np.minimum(need, power), -given)
    moved = np.where(short, need <= power, np.where(need > -power, eta, 0.0))
    return need, short, given, taken, moved


def _walk(taken: Any, energy: Any) -> Any:
    """What is missing from stores (hour, case) after each hour, before it is held between nil and the energy.

    Blocks of hours are walked side by side: from a full and from an empty store, which tells what each block makes of
    any state; then, one block after another, where each begins; then from there.
    """
    hours, cases = taken.shape
    blocks = max(int(np.sqrt(hours)), 1)
    size = -(-hours // blocks)
    steps = np.zeros((blocks, size, cases))
    steps.reshape(-1, cases)[:hours] = taken
    low, high = np.zeros((blocks, cases)), np.broadcast_to(energy, (blocks, cases)).copy()
    for hour in range(size):
        for state in (low, high):
            state += steps[:, hour]
            np.minimum(state, energy, out=state)
            np.maximum(state, 0.0, out=state)
    total, begin = steps.sum(axis=1), np.zeros((blocks, cases))
    for block in range(1, blocks):
        ends = np.maximum(begin[block - 1] + total[block - 1], low[block - 1])
        begin[block] = np.minimum(ends, high[block - 1])
    state = begin
    for hour in range(size):
        steps[:, hour] += state
        np.minimum(steps[:, hour], energy, out=state)
        np.maximum(state, 0.0, out=state)
    return steps.reshape(-1, cases)[:hours]


def _since(total: Any, ended: Any) -> Any:
    """Sums (hour, case) since the last hour before it that ended a run, from sums since the first."""
    hours = len(total)
    places = np.maximum.accumulate(np.where(ended, np.arange(1, hours + 1)[:, None], 0), axis=0)
    before = np.concatenate([np.zeros_like(total[:1]), total])
    return total - np.take_along_axis(before, np.concatenate([np.zeros_like(places[:1]), places[:-1]]), axis=0)


def _discharge(margin: Any, load: Any, store: Any) -> tuple[Any, Any, Any]:
    """Unserved energy of loads (case,), its slope, and the hours (hour, case) that matter."""
    power, energy = store[:, 0], store[:, 1]
    need, short, _, taken, moved = _flows(margin, load, store)
    held = _walk(taken, energy)
    over = held > energy
    unserved = np.maximum(need - power, 0.0).sum(axis=0) + np.where(over, held - energy, 0.0).sum(axis=0)
    runs = _since(np.cumsum(moved, axis=0), over | (held <= 0.0))
    slope = (need > power).sum(axis=0) + np.where(over, runs, 0.0).sum(axis=0)
    kept = short
    kept[1:] |= (held[:-1] > 0.0) & (energy > 0.0)
    return unserved, slope, kept


def _firm(listed: Any, load: Any, store: Any) -> Any:
    """Newton on the constraint that asks the load to fall most."""
    load = load.copy()
    open_ = np.arange(len(load))
    for _ in range(STEPS):
        most, kept = _overload(listed, load[open_], store[open_])
        far = (most > 0.0) & (load[open_] > 0.0)
        listed = _packed(listed, kept)[:, far] if _lean(kept) else listed[:, far]
        open_ = open_[far]
        if not open_.size:
            break
        load[open_] = np.maximum(np.floor(load[open_] - most[far]), 0.0)
    return load


def _overload(listed: Any, load: Any, store: Any) -> tuple[Any, Any]:
    """By how much loads fall at least before nothing goes unserved, and the hours (place, case) that matter."""
    power, energy = store[:, 0], store[:, 1]
    need, short, given, taken, moved = _flows(listed, load, store)
    held = _walk(taken, energy)
    ended = (held <= 0.0) | (~short & (energy <= 0.0))
    asked = _since(np.cumsum(np.where(short, need, -given), axis=0), ended)
    runs = _since(np.cumsum(np.where(short, 1.0, moved), axis=0), ended)
    excess = np.divide(asked - energy, runs, out=np.zeros_like(asked), where=short)
    most = np.where(short, np.maximum(need - power, excess), 0.0).max(axis=0, initial=0.0)
    kept = short
    kept[1:] |= (held[:-1] > 0.0) & (energy > 0.0)
    return np.maximum(most, 0.0), kept


def _equivalent(listed: Any, load: Any, limits: tuple[Any, Any], power: Any) -> Any:
    """Firm capacity beside which the same load fits; without a load, beside which natives miss as much."""
    native, allowed = limits
    wanted = np.where(load == 0.0, native, allowed * load)
    most = np.where(load == 0.0, np.inf, load)
    low, high, firm = np.zeros_like(power), power.copy(), np.floor(0.5 * power)
    open_ = np.arange(len(power))
    for _ in range(STEPS):
        now = firm[open_]
        cut, count = _below(listed[:, open_], load[open_] - now, most[open_])
        over = cut > wanted[open_]
        low[open_], high[open_] = np.where(over, now, low[open_]), np.where(over, high[open_], now)
        inside = count > 0.0
        wish = np.where(inside, now + (cut - wanted[open_]) / np.where(inside, count, 1.0), now)
        newton = (low[open_] < wish) & (wish < high[open_])
        firm[open_] = np.where(newton, np.floor(wish), np.floor(0.5 * (low[open_] + high[open_])))
        open_ = open_[np.abs(firm[open_] - now) > 0.01 * CLOSE * power[open_]]
        if not open_.size:
            break
    return _leaving_nothing(listed, load, firm, allowed, power)


def _leaving_nothing(listed: Any, load: Any, firm: Any, allowed: Any, power: Any) -> Any:
    """The firm capacity where there is a load; else the most, up to it, that leaves no room for one."""
    roomy = np.flatnonzero(load == 0.0)
    roomy = roomy[_below(listed[:, roomy], -firm[roomy], np.inf)[1] < allowed[roomy]]
    low, high = np.zeros(len(roomy)), firm[roomy]
    for _ in range(STEPS):
        open_ = high - low > 0.01 * CLOSE * power[roomy]
        if not open_.any():
            break
        middle = np.floor(0.5 * (low + high))
        short = _below(listed[:, roomy], -middle, np.inf)[1] >= allowed[roomy]
        low, high = np.where(open_ & short, middle, low), np.where(open_ & ~short, middle, high)
    firm[roomy] = low
    return firm
