"""numba primitives on hour lists, for _headroom_numba.

A list is a copy of the profiles at some hours, row by row in one flat store: `at` = (offset, hours), so profile k
lies at store[offset + k * hours:]. Loops run over hours so that they vectorise.
"""

from __future__ import annotations

from typing import Any

from ._jit import any_order, in_order


@in_order
def row(store: Any, at: Any, k: int) -> Any:
    """Profile k of a list."""
    first = at[0] + k * at[1]
    return store[first : first + at[1]]


@in_order
def to_grid(profile: Any, anchor: float, out: Any) -> None:
    """_exact.rounded for one profile."""
    for i in range(out.size):
        out[i] = (profile[i] + anchor) - anchor


@in_order
def margins(store: Any, at: Any, c: Any, lowest: float, out: Any) -> None:
    """Margins of one case: products added in ascending k, without fused operations; at least `lowest`."""
    n = at[1]
    r0 = row(store, at, 0)
    c0 = c[0]
    for i in range(n):
        out[i] = r0[i] * c0
    k = 1
    while k + 1 < c.size:
        r0 = row(store, at, k)
        r1 = row(store, at, k + 1)
        c0 = c[k]
        c1 = c[k + 1]
        for i in range(n):
            out[i] = (out[i] + r0[i] * c0) + r1[i] * c1
        k += 2
    if k < c.size:
        r0 = row(store, at, k)
        c0 = c[k]
        for i in range(n):
            out[i] += r0[i] * c0
    if lowest == 0.0:
        for i in range(n):
            out[i] = max(out[i], 0.0)


@any_order
def below(margin: Any, load: float) -> tuple[float, float]:
    """Sum of min(margin - load, 0), and the number of margins below `load`."""
    depth = 0.0
    count = 0.0
    for i in range(margin.size):
        depth += min(margin[i] - load, 0.0)
        count += 1.0 if margin[i] < load else 0.0
    return depth, count


@in_order
def search(margin: Any, allowed: float, base: Any, load: float) -> tuple[float, float]:
    """Newton from the right. base = (sum, number) of hours that are curtailed at any load in question.

    Returns the root, to rounding, and the load whose curtailed hours gave it.
    """
    previous = load
    for _ in range(400):
        depth, count = below(margin, load)
        excess = base[1] + count - allowed
        if excess <= 0.0:
            break
        lower = (base[0] + (depth + count * load)) / excess
        if lower >= load:
            previous = load
            break
        previous = load
        load = lower
    return load, previous


@any_order
def count_below(margin: Any, load: float) -> float:
    count = 0.0
    for i in range(margin.size):
        count += 1.0 if margin[i] < load else 0.0
    return count


@in_order
def mark(margin: Any, load: float, weight: Any) -> None:
    """weight = 1 where the margin is below `load`, else 0."""
    for i in range(margin.size):
        weight[i] = 1.0 if margin[i] < load else 0.0


@in_order
def select(margin: Any, load: float, lowest: float, mask: Any) -> None:
    """All bits set where the margin counts towards the sum of curtailed hours: below load, above a floor of 0."""
    if lowest == 0.0:
        for i in range(margin.size):
            mask[i] = -1 if (margin[i] < load) & (margin[i] > 0.0) else 0
    else:
        for i in range(margin.size):
            mask[i] = -1 if margin[i] < load else 0


@in_order
def exact_sum(profile: Any, mask: Any, anchor: Any, scratch: Any) -> int:
    """Sum of a profile over selected hours, in grid steps (see _exact): integers, so free of order.

    anchor = (value, its bits); scratch = (float64 array, the same memory as int64).
    """
    value, bits = anchor
    shifted, shifted_bits = scratch
    for i in range(mask.size):
        shifted[i] = profile[i] + value
    total = 0
    for i in range(mask.size):
        total += (shifted_bits[i] - bits) & mask[i]
    return total


@any_order
def weighted_sum(profile: Any, weight: Any) -> float:
    total = 0.0
    for i in range(weight.size):
        total += weight[i] * profile[i]
    return total


@in_order
def bounds(store: Any, at: Any, box: Any, plane: Any, low: Any, high: Any) -> None:
    """Lowest and highest value over a box of coefficients of each hour's margin minus a plane."""
    n = at[1]
    k_count = box.shape[1]
    constant = plane[k_count]
    for i in range(n):
        low[i] = -constant
        high[i] = -constant
    k = 0
    while k + 1 < k_count:  # two profiles at a time: the bounds are read and written half as often
        r0 = row(store, at, k)
        r1 = row(store, at, k + 1)
        middle0, width0 = 0.5 * (box[0, k] + box[1, k]), 0.5 * (box[1, k] - box[0, k])
        middle1, width1 = 0.5 * (box[0, k + 1] + box[1, k + 1]), 0.5 * (box[1, k + 1] - box[0, k + 1])
        q0 = plane[k]
        q1 = plane[k + 1]
        for i in range(n):
            d0 = r0[i] - q0
            d1 = r1[i] - q1
            value = middle0 * d0 + middle1 * d1
            reach = width0 * abs(d0) + width1 * abs(d1)
            low[i] += value - reach
            high[i] += value + reach
        k += 2
    if k < k_count:
        r0 = row(store, at, k)
        middle0, width0 = 0.5 * (box[0, k] + box[1, k]), 0.5 * (box[1, k] - box[0, k])
        q0 = plane[k]
        for i in range(n):
            d0 = r0[i] - q0
            low[i] += middle0 * d0 - width0 * abs(d0)
            high[i] += middle0 * d0 + width0 * abs(d0)


@any_order
def chords(low: Any, high: Any, weight: Any) -> float:
    """Turn weights of 1 into slopes of a line above max(margin, 0) over the box; returns the constant part."""
    constant = 0.0
    for i in range(weight.size):
        span = high[i] - low[i]
        slope = 1.0 if low[i] >= 0.0 else (high[i] / span if high[i] > 0.0 else 0.0)
        weight[i] *= slope
        constant -= weight[i] * min(low[i], 0.0)
    return constant


@in_order
def copy(store: Any, at: Any, kept: Any, k_count: int, to: Any, offset: int) -> Any:
    """Copy chosen hours of a list to to[offset:]; returns the new list."""
    n = kept.size
    for k in range(k_count):
        r = row(store, at, k)
        for j in range(n):
            to[offset + k * n + j] = r[kept[j]]
    return offset, n
