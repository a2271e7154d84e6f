"""numba body of water_level; `water_level.water_level` holds the contract.

What is served falls as the level rises. So the search begins with two levels close together, of which one surely serves
too much and the other too little: they take most decisions of the halving, which looks at all hours for each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int64, types

from ._jit import entry, fused, lean
from .water_level import HALVINGS

ROUNDING = 2.3e-16
STEPS = 12
"""Of Newton's method, at most; some four do."""
CLOSE = 2.0**-28
"""How far from the root the two levels lie, over the range."""
_ARGUMENTS = (float64[:, ::1], int64[::1], int64[::1], float64[::1], float64, float64[::1], float64[:, ::1])


@fused
def _served(values: Any, level: float, low: float, high: float) -> Any:
    """What is served at a level, and in how many hours it changes with the level."""
    total, moving = 0.0, 0
    for h in range(values.size):
        part = values[h] - level
        moving += 1 if (part > low) & (part < high) else 0
        # Written so that a NaN stays one.
        part = low if part < low else part
        total += high if part > high else part
    return total, moving


@lean
def _between(values: Any, ends: Any, limits: Any, doubt: float) -> Any:
    """Close levels at which surely too much and too little is served; infinite where there is none that is sure."""
    bottom, top = ends
    low, high, target = limits
    level, reach, above, below = 0.5 * (bottom + top), CLOSE * (top - bottom), -np.inf, np.inf
    for _ in range(STEPS):
        served, moving = _served(values, level, low, high)
        excess = served - target
        if excess > doubt:
            bottom = above = level
        elif excess < -doubt:
            top = below = level
        step = excess / moving if moving > 0 else 0.0
        level += step
        if not bottom < level < top:
            level = 0.5 * (bottom + top)
        elif abs(step) < reach:
            break
    for probe in (level - reach, level + reach):
        excess = _served(values, probe, low, high)[0] - target
        if excess > doubt:
            above = max(above, probe)
        elif excess < -doubt:
            below = min(below, probe)
    return above, below


@entry(types.boolean(*_ARGUMENTS))
def levels(values: Any, starts: Any, ends: Any, low: Any, high: float, target: Any, found: Any) -> bool:
    """Fill the levels in. False where a decision hangs on rounding, or a NaN: then they must be found another way."""
    for row in range(values.shape[0]):
        for span in range(starts.shape[0]):
            some = values[row, starts[span] : ends[span]]
            bottom = top = some[0]
            for h in range(some.size):
                bottom, top = min(bottom, some[h]), max(top, some[h])
            bottom -= high
            # No order of adding n numbers of that size up errs by more.
            doubt = ROUNDING * float(some.size) * float(some.size) * max(abs(low[span]), abs(high))
            limits = (low[span], high, target[span])
            above, below = _between(some, (bottom, top), limits, 2.0 * doubt)
            for _ in range(HALVINGS):
                level = 0.5 * (bottom + top)
                if level <= above:
                    bottom = level
                elif level >= below:
                    top = level
                else:
                    excess = _served(some, level, low[span], high)[0] - target[span]
                    if not abs(excess) > doubt:
                        return False
                    bottom, top = (bottom, level) if excess < 0.0 else (level, top)
            found[row, span] = top
    return True
