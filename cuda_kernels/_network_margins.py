"""Margins of all areas and hours of a case, and the areas as one. Used by _network_numba.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import any_order, in_order
from ._network_numpy import MAX_STEPS

TILE = 128  # hours whose margins are computed area by area and then stored hour by hour


@any_order
def margins(profiles: Any, c: Any, margin: Any, total: Any, buffer: Any) -> None:
    """Margins (case, hour, area) of some cases, and their sum over areas (case, hour)."""
    areas, k_count, hours = profiles.shape
    total[:] = 0.0
    for first in range(0, hours, TILE):
        width = min(TILE, hours - first)
        for a in range(areas):
            for case in range(len(c)):
                row, factor = profiles[a, 0, first : first + width], c[case, a, 0]
                for h in range(width):
                    buffer[h] = factor * row[h]
                for k in range(1, k_count):
                    row, factor = profiles[a, k, first : first + width], c[case, a, k]
                    if factor == 0.0:
                        continue
                    for h in range(width):
                        buffer[h] += factor * row[h]
                sums, own = total[case, first : first + width], margin[case, first : first + width, a]
                for h in range(width):
                    sums[h] += buffer[h]
                for h in range(width):
                    own[h] = buffer[h]


@in_order
def copper_plate(total: Any, allowed: float) -> float:
    """Headroom of the areas as one, native load first."""
    load = 0.0
    least = np.inf
    for m in total:
        load = max(load, m)
        least = min(least, m)
    if allowed == 0.0:
        return max(least, 0.0)
    load /= 1.0 - allowed / total.size
    for _ in range(MAX_STEPS):
        below = 0
        summed = 0.0
        for m in total:
            if m < load:
                below += 1
                summed += max(m, 0.0)
        if below <= allowed or summed / (below - allowed) >= load:
            break
        load = summed / (below - allowed)
    return load


@any_order
def scales(margin: Any, total: Any) -> Any:
    """Largest sum of absolute margins of an hour, and largest absolute total margin."""
    scale = 0.0
    largest = 0.0
    for h in range(total.size):
        one = 0.0
        for i in range(margin.shape[1]):
            one += abs(margin[h, i])
        scale = max(scale, one)
        largest = max(largest, abs(total[h]))
    return scale, largest
