"""numba body of water_level; `water_level.water_level` holds the contract."""

from __future__ import annotations

from typing import Any

from numba import float64, int64, types

from ._jit import entry, fused
from .water_level import HALVINGS

ROUNDING = 2.3e-16
_ARGUMENTS = (float64[:, ::1], int64[::1], int64[::1], float64[::1], float64, float64[::1], float64[:, ::1])


@fused
def _served(values: Any, row: int, start: int, end: int, limits: Any) -> float:
    level, low, high = limits
    total = 0.0
    for h in range(start, end):
        part = values[row, h] - level
        # Written so that a NaN stays one.
        part = low if part < low else part
        total += high if part > high else part
    return total


@entry(types.boolean(*_ARGUMENTS))
def levels(values: Any, starts: Any, ends: Any, low: Any, high: float, target: Any, found: Any) -> bool:
    """Fill the levels in. False where a decision hangs on rounding, or a NaN: then they must be found another way."""
    for row in range(values.shape[0]):
        for span in range(starts.shape[0]):
            start, end = starts[span], ends[span]
            bottom = top = values[row, start]
            for h in range(start, end):
                bottom, top = min(bottom, values[row, h]), max(top, values[row, h])
            bottom -= high
            # No order of adding n numbers of that size up errs by more.
            doubt = ROUNDING * float(end - start) * float(end - start) * max(abs(low[span]), abs(high))
            for _ in range(HALVINGS):
                level = 0.5 * (bottom + top)
                excess = _served(values, row, start, end, (level, low[span], high)) - target[span]
                if not abs(excess) > doubt:
                    return False
                if excess < 0.0:
                    top = level
                else:
                    bottom = level
            found[row, span] = top
    return True
