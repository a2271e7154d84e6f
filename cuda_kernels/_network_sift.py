"""Hours of a network that need a closer look, sifted in float32 by evening out. Used by _network_numba.py.

Hours lie side by side in tiles, so that a step is one instruction for several of them. In each hour every link evens
out what its two areas have left, as far as its limit allows, a few rounds over all links. Whatever flows come of that
keep the limits; where they leave no area short, by more than the rounding error, the hour is served and needs no look.
Most hours that are left are short. The flows found are handed on, in float64, as the first ones to try.

An hour's bounds depend on the case alone, so that a case does not depend on its company.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from ._headroom_single import ROUNDING, dot
from ._headroom_types import double_table, single
from ._jit import entry, lean, view
from ._lanes import WIDTH, load, save, size_of, spread, where
from ._network_flow import ends_of

TILE = 128
FIRST, AGAIN = 2, 8  # rounds of evening out: of all hours, and from the start of those that these leave
_MOST_HOURS = 2**24
_ORDINARY = (1e-250, 1e250)  # sums of absolute margins between which float32 shares of them can stand in


class Shared(NamedTuple):
    """What the cases of a call share.

    tiles : float32 (tile * area * K * TILE,)   Profiles over their peaks; the last hour fills up the last tile.
    peaks : (area, K)                           Largest absolute values of the profiles, 1 where they are nil.
    by_hour : (H, K, area)                      Profiles.
    ends : int64 (2, link)                      Areas that a link joins in any case, each pair once.
    most_links : int                            Links of the area that has the most.
    """

    tiles: Any
    peaks: Any
    by_hour: Any
    ends: Any
    most_links: int


class Singles(NamedTuple):
    """Margins of some cases in float32, over the unit of each: the sum over areas of their largest margins.

    margin : (case, tile * area * TILE)   total, size : (case, tile * TILE), sum of margins and of absolute ones
    weights : (case, area * K)            Coefficients times peaks.
    """

    margin: Any
    total: Any
    size: Any
    weights: Any


class Tile(NamedTuple):
    """Hours side by side: balances (area * TILE,), flows (link * TILE,) and lowest balances (TILE,), float32."""

    balance: Any
    flow: Any
    low: Any


class Sifting(NamedTuple):
    """Scratch: a tile of hours as they come, one of those that wait for a second look, and hours found."""

    first: Tile
    second: Tile
    waiting: Any
    hours: Any


def shared(profiles: Any, limits: Any) -> Shared:
    """Profiles (area, K, H) in both layouts; the links of limits (case, area, area)."""
    profiles = np.require(profiles, np.float64, ["C", "W"])
    areas, k_count, hours = profiles.shape
    peaks = np.maximum(profiles.max(axis=2), -profiles.min(axis=2))
    peaks = np.where(peaks > 0.0, peaks, 1.0)
    tiles = np.empty(-(-hours // TILE) * areas * k_count * TILE, np.float32)
    by_hour = np.empty((hours, k_count, areas))
    _lay(profiles, peaks, tiles, by_hour)
    ends = ends_of((limits > 0.0).any(axis=0))
    return Shared(tiles, peaks, by_hour, ends, int(np.bincount(ends.ravel(), minlength=1).max()))


@entry(types.void(types.float64[:, :, ::1], double_table, single, types.float64[:, :, ::1]))
def _lay(profiles: Any, peaks: Any, tiles: Any, by_hour: Any) -> None:
    """Both layouts a tile after the other, so that each profile is read once."""
    areas, k_count, hours = profiles.shape
    for first in range(0, hours, TILE):
        n = min(TILE, hours - first)
        for a in range(areas):
            for k in range(k_count):
                to = view(tiles, (first * areas + a * TILE) * k_count + k * TILE, TILE)
                row, peak = profiles[a, k], peaks[a, k]
                for i in range(n):
                    to[i] = np.float32(row[first + i] / peak)
                for i in range(n, TILE):
                    to[i] = to[n - 1]
        for hour in range(first, first + n):
            for k in range(k_count):
                for a in range(areas):
                    by_hour[hour, k, a] = profiles[a, k, hour]


def singles(cases: int, shape: tuple[int, int, int]) -> Singles:
    """Room for some cases of profiles of a shape (area, K, H)."""
    areas, k_count, hours = shape
    length = -(-hours // TILE) * TILE
    margin, total, size = (np.empty((cases, n), np.float32) for n in (areas * length, length, length))
    return Singles(margin, total, size, np.empty((cases, areas * k_count), np.float32))


def sifting(areas: int, links: int, hours: int) -> Sifting:
    first, second = (Tile(*(np.zeros(size * TILE, np.float32) for size in (areas, links, 1))) for _ in range(2))
    return Sifting(first, second, np.empty(TILE, np.int64), np.empty(hours, np.int64))


@lean
def units(coefficients: Any, peaks: Any, out: Singles, reaches: Any, unit: Any) -> None:
    """Weights of some cases, the sum of their areas' largest margins, and the unit: that, or 0 where float32 has no
    room for it and nothing can be sifted."""
    areas, k_count = peaks.shape
    for case in range(len(coefficients)):
        reach = 0.0
        for a in range(areas):
            for k in range(k_count):
                reach += abs(coefficients[case, a, k]) * peaks[a, k]
        ordinary = reach > _ORDINARY[0] and reach < _ORDINARY[1]
        reaches[case], unit[case] = reach, reach if ordinary else 0.0
        for a in range(areas):
            for k in range(k_count):
                scaled = coefficients[case, a, k] * peaks[a, k]
                out.weights[case, a * k_count + k] = np.float32(scaled / reach if ordinary else 0.0)


@lean
def margins(tiles: Any, cases: int, k_count: int, out: Singles) -> None:
    """Margins of some cases, area by area."""
    areas = out.weights.shape[1] // k_count
    out.total[:] = np.float32(0.0)
    out.size[:] = np.float32(0.0)
    for t in range(out.total.shape[1] // TILE):
        for a in range(areas):
            at = t * areas + a
            rows = view(tiles, at * k_count * TILE, k_count * TILE)
            for case in range(cases):
                row = view(out.margin[case], at * TILE, TILE)
                dot(rows, view(out.weights[case], a * k_count, k_count), row)
                total, size = out.total[case], out.size[case]
                for h in range(0, TILE, WIDTH):
                    here = load(row, h)
                    save(total, t * TILE + h, load(total, t * TILE + h) + here)
                    save(size, t * TILE + h, load(size, t * TILE + h) + size_of(here))


@lean
def _even(ends: Any, limits: Any, rounds: int, room: Tile) -> None:
    """Links even out what their areas have left, one after another."""
    balance, flow, half = room.balance, room.flow, spread(np.float32(0.5))
    for _ in range(rounds):
        for e in range(ends.shape[1]):
            one, other, at = ends[0, e] * TILE, ends[1, e] * TILE, e * TILE
            most, least = spread(limits[0, e]), spread(-limits[1, e])
            for h in range(0, TILE, WIDTH):
                left, right, before = load(balance, one + h), load(balance, other + h), load(flow, at + h)
                wanted = before + half * (left - right)
                wanted = where(wanted < least, least, wanted)
                wanted = where(most < wanted, most, wanted)
                moved = wanted - before
                save(flow, at + h, wanted)
                save(balance, one + h, left - moved)
                save(balance, other + h, right + moved)


@lean
def _served(task: Any, rounds: int, room: Tile) -> None:
    """Lowest balance in each hour of a tile after some rounds, in `low`; -1 where an area is short beyond its cap."""
    ends, limits, caps, _ = task
    nobody, zero = spread(np.float32(np.inf)), spread(np.float32(0.0))
    beyond = spread(np.float32(-1.0))
    for h in range(0, TILE, WIDTH):
        low = nobody
        for a in range(caps.size):
            low = where(load(room.balance, a * TILE + h) < spread(-caps[a]), beyond, low)
        save(room.low, h, low)
    for i in range(0, room.flow.size, WIDTH):
        save(room.flow, i, zero)
    _even(ends, limits, rounds, room)
    for h in range(0, TILE, WIDTH):
        low = load(room.low, h)
        for a in range(caps.size):
            here = load(room.balance, a * TILE + h)
            low = where(here < low, here, low)
        save(room.low, h, low)


@lean
def sift(margin: Any, task: Any, guard: Any, flows: Any, room: Sifting) -> int:
    """Hours that may be short, first of `room.hours`, and the flows (hour, link) that come closest; how many.

    margin : (tile * area * TILE,) of the case. task = (ends, limits, caps, load), all but ends in float32: limits
    (2, link), caps (area,), load (area,) the new load in each area.
    """
    new, areas, every = task[3], task[3].size, room.hours.size
    first, second = room.first, room.second
    width, kept = 0, 0
    for t in range(margin.size // (areas * TILE)):
        tile = view(margin, t * areas * TILE, areas * TILE)
        for a in range(areas):
            for h in range(a * TILE, (a + 1) * TILE, WIDTH):
                save(first.balance, h, load(tile, h) - spread(new[a]))
        _served(task, FIRST, first)
        for h in range(min(TILE, every - t * TILE)):
            if first.low[h] < guard:
                room.waiting[width] = t * TILE + h
                for a in range(areas):
                    second.balance[a * TILE + width] = tile[a * TILE + h] - new[a]
                width += 1
                if width == TILE:
                    kept = _look_again((kept, width), task, guard, flows, room)
                    width = 0
    return _look_again((kept, width), task, guard, flows, room)


@lean
def _look_again(counts: tuple[int, int], task: Any, guard: Any, flows: Any, room: Sifting) -> int:
    """Hours that more rounds do not serve either, of `counts[1]` that wait, behind the `counts[0]` found before."""
    kept, width = counts
    second = room.second
    _served(task, AGAIN, second)
    for h in range(width):
        if second.low[h] < guard:
            room.hours[kept] = room.waiting[h]
            for e in range(flows.shape[1]):
                flows[kept, e] = second.flow[e * TILE + h]
            kept += 1
    return kept


@lean
def guard_of(k_count: int, most_links: int, balance: float, most: float) -> float:
    """Rounding error of a balance after evening out, over the unit.

    most_links : links of the area that has the most. balance : largest balance of an area before, which evening out
    does not raise. most : largest limit. Both over the unit.
    """
    moved = 2.0 * most_links * AGAIN * (balance + min(most, AGAIN * balance))
    return float(ROUNDING * ((k_count + 8.0) * balance + moved) + 1e-30)
