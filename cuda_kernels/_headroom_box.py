"""Planes and boxes of the numba headroom engine: what holds for all cases whose coefficients lie in a box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ._headroom_single import ROUNDING, below, box_bounds, dot, lowest_of, raise_to, sieve, weighted_sum
from ._headroom_types import BOUNDS, BOX, LIMITS, Bounds, Box, real, single, truth
from ._headroom_types import double as double_array
from ._jit import apart, lean, view
from ._lanes import WIDTH, bits, load, number_of, pack, save, spread, where


@lean
def above(plane: Any, c: Any) -> float:
    """The plane at a case: at or above its root, but for rounding."""
    value = plane[c.size]
    for k in range(c.size):
        value += c[k] * plane[k]
    return float(value)


@lean
def reach_of(box: Any, peaks: Any) -> float:
    """The largest margin there can be in the box."""
    reach = 0.0
    for k in range(peaks.size):
        reach += max(abs(box[0, k]), abs(box[1, k])) * peaks[k]
    return reach


@lean
def threshold(allowed: float, y: Any, work: Bounds) -> tuple[Any, int]:
    """Newton at the centre: the last load that curtails more hours than allowed, how many, and which: work.places."""
    n = sieve(work.x, y, work.high, work.places)
    x = view(work.high, 0, n)
    last, count = y, 0.0
    for _ in range(60):
        depth, now = below(x, y)
        if float(now) <= allowed:
            break
        last = y
        lower = (float(depth) + float(now) * float(y)) / (float(now) - allowed)
        if float(now) == count or not lower < float(y):
            break
        count = float(now)
        y = np.float32(lower)
    found, limit = 0, spread(last)
    for i in range(0, n, WIDTH):
        lanes = bits(load(x, i) < limit)
        pack(work.places, found, work.places, i, lanes)
        found += number_of(lanes)
    return last, found


@lean
def _weights(y: Any, places: Any, chords: bool, work: Bounds) -> float:
    """Weight 1 where x < y, or the slope of a chord above max(margin, 0) over the box; returns the constant part."""
    limit, zero, one, constant = spread(y), spread(np.float32(0.0)), spread(np.float32(1.0)), 0.0
    for i in range(0, work.x.size, WIDTH):
        save(work.weight, i, where(load(work.x, i) < limit, one, zero))
    if chords:
        for j in range(places.size):
            i = places[j]
            low, high = work.floor[i], max(work.ceiling[i], np.float32(0.0))
            if low < np.float32(0.0):
                work.weight[i] *= high / (high - low)
                constant -= float(work.weight[i] * low)
    return constant


@lean
def _scaled(box: Any, centre: Any, peaks: Any, reach: float, out: Any) -> float:
    """Centre, middle and half width of a box in shares of its reach; returns the sum of the half widths."""
    spread = 0.0
    for k in range(peaks.size):
        unit = peaks[k] / reach
        out[0, k] = np.float32(0.5 * (box[0, k] + box[1, k]) * unit)
        half = 0.5 * (box[1, k] - box[0, k]) * unit
        out[1, k] = np.float32(half)
        out[2, k] = np.float32(centre[k] * unit)
        spread += half
    return spread


@lean
def _rounding(k_count: int) -> float:
    return (2.0 * k_count + 12.0) * ROUNDING


@apart(truth(single, BOX, real, double_array, BOUNDS))
def place_margins(rows: Any, box: Box, lowest: float, peaks: Any, work: Bounds) -> bool:
    """Margins at the box's centre, and whether some margin may be negative in the box.

    Leaves in `work`, in shares of the box's reach: the margins, raised to 0 where they are floored (x), and, where some
    may be negative, their bounds over the box (floor, ceiling).
    """
    rounding = _rounding(peaks.size)
    spread = _scaled(box.edges, box.centre, peaks, reach_of(box.edges, peaks), box.shares)
    dot(rows, box.shares[2], work.x)
    short = float(lowest_of(work.x)) - spread <= 4.0 * rounding
    if short or lowest < 0.0:
        for k in range(peaks.size + 1):
            box.flat[k] = np.float32(0.0)
        box_bounds(rows, box.shares, box.flat, work.floor, work.ceiling)
        n = work.x.size
        for i in range(n, n + (-n) % WIDTH):
            work.floor[i] = np.float32(np.inf)
        short = float(lowest_of(work.floor)) <= 4.0 * rounding
    if short and lowest == 0.0:
        raise_to(work.x, np.float32(0.0))
    return short


@apart(types.float32(single, BOX, double_array, LIMITS, truth, BOUNDS))
def narrow(rows: Any, box: Box, plane: Any, limits: Any, short: bool, work: Bounds) -> Any:
    """Move the plane to the box's centre and bound each hour's distance from it, after `place_margins`.

    limits = (allowed, lowest, peaks, inverse peaks); short as that returns it. Returns a guard for rounding. Leaves in
    `work`, in shares of the box's reach, the distance over the box (low, high).
    """
    allowed, lowest, peaks, inverse = limits
    k_count, n, flat, edges = peaks.size, work.x.size, box.flat, box.edges
    reach, rounding = reach_of(edges, peaks), _rounding(peaks.size)
    y, count = threshold(allowed, np.float32(above(plane, box.centre) / reach + 4.0 * rounding), work)
    condition = 1.0
    if count > allowed:
        condition = count / (count - allowed)
        constant = _weights(y, view(work.places, 0, count), short and lowest == 0.0, work)
        for k in range(k_count):
            plane[k] = peaks[k] * weighted_sum(view(rows, k * n, n), work.weight) / (count - allowed)
        plane[k_count] = constant * reach / (count - allowed)
    size = 2.0 + abs(plane[k_count]) / reach
    for k in range(k_count):
        flat[k] = np.float32(plane[k] * inverse[k])
        size += max(abs(edges[0, k]), abs(edges[1, k])) * abs(plane[k]) / reach
    flat[k_count] = np.float32(plane[k_count] / reach)
    box_bounds(rows, box.shares, flat, work.low, work.high)
    return np.float32(rounding * (size + 2.0 * condition))
