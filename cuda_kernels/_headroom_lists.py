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
def bounds(store: Any, at: Any, box: Any, low: Any, high: Any) -> None:
    """Lowest and highest margin of each hour of a list over a box of coefficients (before any floor)."""
    n = at[1]
    for i in range(n):
        low[i] = 0.0
        high[i] = 0.0
    for k in range(box.shape[1]):
        r = row(store, at, k)
        middle = 0.5 * (box[0, k] + box[1, k])
        width = 0.5 * (box[1, k] - box[0, k])
        for i in range(n):
            value = middle * r[i]
            reach = width * abs(r[i])
            low[i] += value - reach
            high[i] += value + reach


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
def relative(store: Any, at: Any, box: Any, plane: Any, low: Any, high: Any) -> None:
    """Bounds over the box of each hour's margin minus the plane."""
    n = at[1]
    constant = plane[box.shape[1]]
    for i in range(n):
        low[i] = -constant
        high[i] = -constant
    for k in range(box.shape[1]):
        r = row(store, at, k)
        middle = 0.5 * (box[0, k] + box[1, k])
        width = 0.5 * (box[1, k] - box[0, k])
        q = plane[k]
        for i in range(n):
            d = r[i] - q
            value = middle * d
            reach = width * abs(d)
            low[i] += value - reach
            high[i] += value + reach


@in_order
def copy(store: Any, at: Any, kept: Any, k_count: int, to: Any, offset: int) -> Any:
    """Copy chosen hours of a list to to[offset:]; returns the new list."""
    n = kept.size
    for k in range(k_count):
        r = row(store, at, k)
        for j in range(n):
            to[offset + k * n + j] = r[kept[j]]
    return offset, n
