"""float64 primitives of the numba headroom engine: margins, exact sums, and the finish of a case.

Rows lie one behind the other in a flat array: profile k at hours 0..n of a list is rows[k * n : (k + 1) * n].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_block import NEAR
from ._jit import fused, lean, view


@lean
def reach_of_case(c: Any, peaks: Any) -> float:
    """The largest margin a case can have."""
    reach = 0.0
    for k in range(c.size):
        reach += abs(c[k]) * peaks[k]
    return reach


@lean
def gather(profiles: Any, anchor: Any, hours: Any, rows: Any) -> None:
    """Profiles at listed hours, each rounded to its grid (_exact.rounded)."""
    n = hours.size
    for k in range(anchor.size):
        profile, value = profiles[k], anchor[k]
        for j in range(n):
            rows[k * n + j] = (profile[hours[j]] + value) - value


@lean
def margins(rows: Any, c: Any, lowest: float, out: Any) -> None:
    """Margins of one case: products added in ascending k, without fused operations; at least `lowest`."""
    n = out.size
    for k in range(c.size):
        row = view(rows, k * n, n)
        weight = c[k]
        if k == 0:
            for i in range(n):
                out[i] = row[i] * weight
        else:
            for i in range(n):
                out[i] += row[i] * weight
    if lowest == 0.0:
        for i in range(n):
            out[i] = out[i] if out[i] > 0.0 else 0.0


@lean
def margin_at(profiles: Any, anchor: Any, hour: int, c: Any) -> float:
    """The margin of one case in one hour, to the bit as `margins` gives it before the floor."""
    margin = ((profiles[0, hour] + anchor[0]) - anchor[0]) * c[0]
    for k in range(1, c.size):
        margin += ((profiles[k, hour] + anchor[k]) - anchor[k]) * c[k]
    return margin


@fused
def below(margin: Any, load: float) -> tuple[float, float]:
    """Sum of min(margin - load, 0), and the number of margins below `load`."""
    depth = 0.0
    count = 0.0
    for i in range(margin.size):
        d = margin[i] - load
        depth += d - abs(d)  # twice min(d, 0), in a form that vectorises
        count += 1.0 if d < 0.0 else 0.0
    return 0.5 * depth, count


@lean
def search(margin: Any, allowed: float, load: float) -> float:
    """Newton from the right: the root, to rounding."""
    for _ in range(400):
        depth, count = below(margin, load)
        excess = count - allowed
        if excess <= 0.0:
            break
        lower = (depth + count * load) / excess
        moved = lower < load
        load = lower  # a step up: rounding, from far away, had led past the root
        if not moved:
            break
    return load


@fused
def count_below(margin: Any, load: float) -> float:
    count = 0.0
    for i in range(margin.size):
        count += 1.0 if margin[i] < load else 0.0
    return count


@lean
def select(margin: Any, load: float, lowest: float, mask: Any) -> None:
    """All bits set where the margin counts towards the sum of curtailed hours: below load, above a floor of 0."""
    if lowest == 0.0:
        for i in range(margin.size):
            mask[i] = -1 if (margin[i] < load) & (margin[i] > 0.0) else 0
    else:
        for i in range(margin.size):
            mask[i] = -1 if margin[i] < load else 0


@lean
def exact_sum(row: Any, mask: Any, anchor: Any, scratch: Any) -> int:
    """Sum of a profile over selected hours, in grid steps (see _exact): integers, so free of order.

    anchor = (value, its bits); scratch = (float64 array, the same memory as int64).
    """
    value, bits = anchor
    shifted, shifted_bits = scratch
    for i in range(mask.size):
        shifted[i] = row[i] + value
    total = 0
    for i in range(mask.size):
        total += (shifted_bits[i] - bits) & mask[i]
    return total


@lean
def solve(rows: Any, c: Any, limits: Any, start: float, scratch: Any) -> tuple[float, int]:
    """Root and curtailed hours of one case on a list of hours, in float64 throughout.

    limits = (allowed, lowest, grid, reach).
    """
    allowed, lowest, grid, reach = limits
    margin, mask, shifted = scratch
    anchor, bits, step = grid
    margins(rows, c, lowest, margin)
    if allowed == 0.0:
        least = np.inf if margin.size > 0 else 0.0
        for i in range(margin.size):
            least = margin[i] if margin[i] < least else least
        return least if least > 0.0 else 0.0, 0
    found = search(margin, allowed, start)
    load = found + NEAR * max(abs(found), 1e-3 * reach)
    count = count_below(margin, load)
    total = 0.0
    for _ in range(400):
        select(margin, load, lowest, mask)
        total = 0.0
        n = margin.size
        for k in range(c.size):
            steps = exact_sum(view(rows, k * n, n), mask, (anchor[k], bits[k]), shifted)
            total += c[k] * (steps * step[k])
        if count <= allowed:
            break
        lower = total / (count - allowed)
        if lower >= load:
            break
        load = lower
        still = count_below(margin, load)
        if still == count:
            break
        count = still
    if load <= 0.0:
        return 0.0, 0
    cost = (count - allowed) * load - total
    if lowest < 0.0 and count <= allowed and cost > 1e-12 * (allowed + count) * reach:
        return 0.0, 0  # plain rule: too dear even with every hour left out that helps, so there is no root
    return load, int(count)
