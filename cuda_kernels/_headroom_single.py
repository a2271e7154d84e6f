"""float32 primitives of the numba headroom engine; `_headroom_leaf` and `_headroom_numba` say how they are used.

Rows lie one behind the other in a flat array: profile k at hours 0..n of a list is rows[k * n : (k + 1) * n]. Sums may
be reordered and products fused: float32 values only ever decide together with a bound of their error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import fused, lean, view

ROUNDING = 2.0**-24  # relative, of one float32 operation


@fused
def dot(rows: Any, weights: Any, out: Any) -> None:
    """out = weights @ rows."""
    n = out.size
    k = 0
    if weights.size < 4:
        for i in range(n):
            out[i] = np.float32(0.0)
    else:
        r0, r1, r2, r3 = view(rows, 0, n), view(rows, n, n), view(rows, 2 * n, n), view(rows, 3 * n, n)
        w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
        for i in range(n):
            out[i] = (w0 * r0[i] + w1 * r1[i]) + (w2 * r2[i] + w3 * r3[i])
        k = 4
    while k + 1 < weights.size:
        r0, r1 = view(rows, k * n, n), view(rows, (k + 1) * n, n)
        w0, w1 = weights[k], weights[k + 1]
        for i in range(n):
            out[i] += w0 * r0[i] + w1 * r1[i]
        k += 2
    if k < weights.size:
        r0 = view(rows, k * n, n)
        w0 = weights[k]
        for i in range(n):
            out[i] += w0 * r0[i]


@fused
def box_bounds(rows: Any, box: Any, plane: Any, low: Any, high: Any) -> None:
    """Bounds of (weights @ (rows - plane)) minus the plane's constant for weights = box[0] -/+ box[1]."""
    n = low.size
    k_count = box.shape[1]
    constant = plane[k_count]
    for i in range(n):
        low[i] = -constant
        high[i] = -constant
    k = 0
    while k + 1 < k_count:  # two at a time: the bounds are read and written half as often
        r0, r1 = view(rows, k * n, n), view(rows, (k + 1) * n, n)
        m0, m1, w0, w1 = box[0, k], box[0, k + 1], box[1, k], box[1, k + 1]
        q0, q1 = plane[k], plane[k + 1]
        for i in range(n):
            d0 = r0[i] - q0
            d1 = r1[i] - q1
            value = m0 * d0 + m1 * d1
            reach = w0 * abs(d0) + w1 * abs(d1)
            low[i] += value - reach
            high[i] += value + reach
        k += 2
    if k < k_count:
        r0 = view(rows, k * n, n)
        m0, w0 = box[0, k], box[1, k]
        q0 = plane[k]
        for i in range(n):
            d0 = r0[i] - q0
            low[i] += m0 * d0 - w0 * abs(d0)
            high[i] += m0 * d0 + w0 * abs(d0)


@fused
def below(x: Any, load: Any) -> tuple[Any, Any]:
    """Sum of min(x - load, 0), and the number of x below `load`."""
    depth = np.float32(0.0)
    count = np.float32(0.0)
    for i in range(x.size):
        d = x[i] - load
        depth += d - abs(d)  # twice min(d, 0), in a form that vectorises
        count += np.float32(1.0) if d < np.float32(0.0) else np.float32(0.0)
    return np.float32(0.5) * depth, count


@fused
def below_both(x: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """How many x lie below each of two values."""
    first = np.float32(0.0)
    second = np.float32(0.0)
    for i in range(x.size):
        first += np.float32(1.0) if x[i] < low else np.float32(0.0)
        second += np.float32(1.0) if x[i] < high else np.float32(0.0)
    return first, second


@fused
def outside(x: Any, marks: Any, load: Any) -> Any:
    """How many unmarked x lie below `load`."""
    count = np.float32(0.0)
    for i in range(x.size):
        count += np.float32(1.0) - marks[i] if x[i] < load else np.float32(0.0)
    return count


@lean
def raise_to(x: Any, floor: Any) -> None:
    """x at least `floor`."""
    for i in range(x.size):
        x[i] = x[i] if x[i] > floor else floor


@lean
def lowest_of(x: Any, lanes: Any) -> Any:
    """The least x. lanes = 16 float32: side by side, they vectorise although a NaN would have its rule."""
    for j in range(16):
        lanes[j] = np.float32(np.inf)
    whole = x.size - x.size % 16
    for i in range(0, whole, 16):
        for j in range(16):
            v = x[i + j]
            lanes[j] = v if v < lanes[j] else lanes[j]
    for i in range(whole, x.size):
        lanes[0] = min(lanes[0], x[i])
    least = lanes[0]
    for j in range(1, 16):
        least = min(least, lanes[j])
    return least


@lean
def largest_size(row: Any, lanes: Any) -> Any:
    """The largest absolute value of a row. lanes = 16 float32."""
    for j in range(16):
        lanes[j] = np.float32(0.0)
    whole = row.size - row.size % 16
    for i in range(0, whole, 16):
        for j in range(16):
            v = abs(row[i + j])
            lanes[j] = v if v > lanes[j] else lanes[j]
    for i in range(whole, row.size):
        lanes[0] = max(lanes[0], abs(row[i]))
    most = lanes[0]
    for j in range(1, 16):
        most = max(most, lanes[j])
    return most


@lean
def select(x: Any, floor: Any, load: Any, mask: Any) -> None:
    """All bits set where floor < x < load."""
    for i in range(x.size):
        mask[i] = -1 if (x[i] < load) & (x[i] > floor) else 0


@fused
def masked_steps(steps: Any, mask: Any, sums: Any) -> None:
    """sums += the sums of steps over selected hours; integers, so free of order."""
    n = mask.size
    k = 0
    while k + 3 < sums.size:
        r0, r1 = view(steps, k * n, n), view(steps, (k + 1) * n, n)
        r2, r3 = view(steps, (k + 2) * n, n), view(steps, (k + 3) * n, n)
        s0, s1, s2, s3 = 0, 0, 0, 0
        for i in range(n):
            m = mask[i]
            s0 += r0[i] & m
            s1 += r1[i] & m
            s2 += r2[i] & m
            s3 += r3[i] & m
        sums[k] += s0
        sums[k + 1] += s1
        sums[k + 2] += s2
        sums[k + 3] += s3
        k += 4
    while k < sums.size:
        r0 = view(steps, k * n, n)
        s0 = 0
        for i in range(n):
            s0 += r0[i] & mask[i]
        sums[k] += s0
        k += 1


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
def listed_steps(table: Any, hours: Any, sums: Any) -> None:
    """sums += the sums of steps table (K, H) over listed hours."""
    for k in range(sums.size):
        row = table[k]
        total = 0
        for j in range(hours.size):
            total += row[hours[j]]
        sums[k] += total


@fused
def weighted_sum(row: Any, weight: Any) -> float:
    """Sum of weight * row, in float64."""
    total = 0.0
    for i in range(weight.size):
        total += float(weight[i] * row[i])
    return total


@lean
def shift(rows: Any, zero: Any, out: Any, n: int) -> None:
    """out = rows - zero."""
    for k in range(zero.size):
        r, o = view(rows, k * n, n), view(out, k * n, n)
        z = zero[k]
        for i in range(n):
            o[i] = r[i] - z


@lean
def take(rows: Any, n: int, chosen: Any, zero: Any, out: Any) -> None:
    """out = rows - zero at chosen places."""
    m = chosen.size
    for k in range(zero.size):
        r, o = view(rows, k * n, n), view(out, k * m, m)
        z = zero[k]
        for j in range(m):
            o[j] = r[chosen[j]] - z
