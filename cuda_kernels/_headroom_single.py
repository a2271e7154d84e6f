"""float32 primitives of the numba headroom engine; `_headroom_leaf` and `_headroom_numba` say how they are used.

Rows lie one behind the other in a flat array: profile k at hours 0..n of a list is rows[k * n : (k + 1) * n]. Sums may
be reordered and products fused: float32 values only ever decide together with a bound of their error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import fused, item, lean
from ._lanes import (
    WIDTH,
    bits,
    double,
    least,
    load,
    most,
    number_of,
    pack,
    pack_places,
    same_bits,
    save,
    size_of,
    spread,
    total,
    where,
)

ROUNDING = 2.0**-24  # relative, of one float32 operation


@lean
def dot(rows: Any, weights: Any, out: Any) -> None:
    """out = weights @ rows; infinite from its end to the next multiple of 16, where out must have room.

    Rows may be longer than out.
    """
    n, length = out.size, rows.size // weights.size
    whole = n - n % (4 * WIDTH)
    for i in range(0, whole, 4 * WIDTH):
        a, b, c, d = spread(np.float32(0.0)), spread(np.float32(0.0)), spread(np.float32(0.0)), spread(np.float32(0.0))
        for k in range(weights.size):
            weight, at = spread(item(weights, k)), k * length + i
            a, b = a + load(rows, at) * weight, b + load(rows, at + WIDTH) * weight
            c, d = c + load(rows, at + 2 * WIDTH) * weight, d + load(rows, at + 3 * WIDTH) * weight
        save(out, i, a)
        save(out, i + WIDTH, b)
        save(out, i + 2 * WIDTH, c)
        save(out, i + 3 * WIDTH, d)
    for i in range(whole, n, WIDTH):
        sums = load(rows, i) * spread(weights[0])
        for k in range(1, weights.size):
            sums = sums + load(rows, k * length + i) * spread(weights[k])
        save(out, i, sums)
    for i in range(n, n + (-n) % WIDTH):
        out[i] = np.float32(np.inf)


@lean
def box_bounds(rows: Any, box: Any, plane: Any, low: Any, high: Any) -> None:
    """Bounds of (weights @ (rows - plane)) minus the plane's constant for weights = box[0] -/+ box[1].

    Beyond their ends low and high are written to, up to the next multiple of 16.
    """
    n, k_count = low.size, box.shape[1]
    start, zero = spread(-plane[k_count]), spread(np.float32(0.0))
    for i in range(0, n, WIDTH):
        value, reach = start, zero
        for k in range(k_count):
            d = load(rows, k * n + i) - spread(plane[k])
            value, reach = value + spread(box[0, k]) * d, reach + spread(box[1, k]) * size_of(d)
        save(low, i, value - reach)
        save(high, i, value + reach)


@lean
def below(x: Any, limit: Any) -> tuple[Any, Any]:
    """Sum of min(x - limit, 0), and the number of x below `limit`, of x that `dot` has left."""
    y, zero, one = spread(limit), spread(np.float32(0.0)), spread(np.float32(1.0))
    depth, count = zero, zero
    for i in range(0, x.size, WIDTH):
        d = load(x, i) - y
        depth, count = depth + where(d < zero, d, zero), count + where(d < zero, one, zero)
    return total(depth), total(count)


@fused
def below_both(x: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """How many x lie below each of two values."""
    first = np.float32(0.0)
    second = np.float32(0.0)
    for i in range(x.size):
        first += np.float32(1.0) if x[i] < low else np.float32(0.0)
        second += np.float32(1.0) if x[i] < high else np.float32(0.0)
    return first, second


@lean
def outside(x: Any, marks: Any, limit: Any, places: Any) -> int:
    """Places of unmarked x below `limit`, of x that `dot` has left; how many they are. Marks are 0 or 1."""
    high, half, count = spread(limit), spread(np.float32(0.5)), 0
    for i in range(0, x.size, WIDTH):
        chosen = bits((load(x, i) < high) & (load(marks, i) < half))
        if chosen != 0:  # seldom
            pack_places(places, count, i, chosen)
            count += number_of(chosen)
    return count


@lean
def raise_to(x: Any, floor: Any) -> None:
    """x at least `floor`."""
    for i in range(x.size):
        x[i] = x[i] if x[i] > floor else floor


@lean
def lowest_of(x: Any) -> Any:
    """The least x, of x that `dot` has left."""
    low = spread(np.float32(np.inf))
    for i in range(0, x.size, WIDTH):
        here = load(x, i)
        low = where(here < low, here, low)
    return least(low)


@lean
def largest_size(row: Any) -> Any:
    """The largest absolute value of a row."""
    largest = np.float32(0.0)
    if row.size < WIDTH:
        for i in range(row.size):
            largest = max(largest, abs(row[i]))
        return largest
    high = size_of(load(row, row.size - WIDTH))
    for i in range(0, row.size - WIDTH, WIDTH):
        here = size_of(load(row, i))
        high = where(high < here, here, high)
    return most(high)


@lean
def sieve(x: Any, limit: Any, out: Any, found: Any) -> int:
    """The x below `limit`, of x that `dot` has left, into out, which may be x, and their places; how many they are.

    out has room for 16 more, of which those to the next multiple of 16 become infinite.
    """
    y, count = spread(limit), 0
    for i in range(0, x.size, WIDTH):
        lanes = bits(load(x, i) < y)
        pack_places(found, count, i, lanes)
        pack(out, count, x, i, lanes)
        count += number_of(lanes)
    save(out, count, spread(np.float32(np.inf)))
    return count


@lean
def add_steps(steps: Any, length: int, places: Any, sums: Any) -> None:
    """sums += the steps at listed places, so many profiles of a place side by side; integers, so free of order.

    Beyond that number sums hold what comes of what lies behind.
    """
    for at in range(0, sums.size, WIDTH):
        total = load(sums, at)
        for place in places:
            total = total + load(steps, place * length + at)
        save(sums, at, total)


@lean
def places_between(x: Any, floor: Any, limit: Any, places: Any) -> int:
    """Places of floor < x < limit, of x that `dot` has left; how many they are."""
    low, high, count = spread(floor), spread(limit), 0
    for i in range(0, x.size, WIDTH):
        here = load(x, i)
        chosen = bits((here < high) & (low < here))
        pack_places(places, count, i, chosen)
        count += number_of(chosen)
    return count


@fused
def list_between(x: Any, limits: Any, hours: Any, marks: Any, found: Any) -> int:
    """hours[i] of limits[0] < x[i] < limits[1] into `found`, whose length is returned.

    marks = (bytes, the same memory as 8-byte words): words without a mark are passed over.
    """
    flag, word = marks
    floor, load = limits
    n = x.size
    words = (n + 7) // 8
    word[words - 1] = 0
    for i in range(n):
        flag[i] = 1 if (x[i] < load) & (x[i] > floor) else 0
    count = 0
    for w in range(words):
        if word[w] != 0:
            for i in range(8 * w, min(8 * w + 8, n)):
                found[count] = hours[i]
                count += flag[i]
    return count


@fused
def steps_at(row: Any, hour: int, grid: tuple[float, int]) -> int:
    """A profile in an hour in steps of its grid (`_exact`). grid = (its anchor, the bits of that)."""
    return int(same_bits(item(row, hour) + grid[0]) - grid[1])


@lean
def listed_steps(profiles: Any, grid: Any, hours: Any, sums: Any) -> None:
    """sums += the sums of profiles over listed hours, in steps of their grids."""
    for k in range(profiles.shape[0]):
        row, here, total = profiles[k], (grid[0][k], grid[1][k]), 0
        for j in range(hours.size):
            total += steps_at(row, hours[j], here)
        sums[k] += total


@lean
def weighted_sum(row: Any, weight: Any) -> float:
    """Sum of weight * row. Weights are 0 from their end to the next multiple of 16.

    Eight products are added in float32 before float64 takes over: fewer roundings than a bound with K + 8 allows for.
    """
    n, sums = weight.size, spread(0.0)
    for first in range(0, n, 8 * WIDTH):
        few = spread(np.float32(0.0))
        for i in range(first, min(first + 8 * WIDTH, n), WIDTH):
            few = few + load(weight, i) * load(row, i)
        sums = sums + double(few)
    return total(sums)
