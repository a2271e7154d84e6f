"""Cases of the numba headroom engine that float32 cannot decide, in float64."""

from __future__ import annotations

from typing import Any

from numba import types

from ._headroom_lists import gather, reach_of_case, solve
from ._headroom_types import (
    CALL,
    DOUBLE,
    LEAF,
    PROBLEM,
    RESULT,
    WANTED,
    Call,
    Leaf,
    double,
    long,
    number,
    place,
    real,
    together,
)
from ._jit import apart, view


@apart(together([real, number])(double, place, CALL, WANTED, DOUBLE, long))
def slowly(c: Any, hours: Any, call: Call, wanted: Any, space: Any, mask: Any) -> tuple[float, int]:
    """Root and curtailed hours of one case on a list. wanted = (allowed, a load right of the root, reach)."""
    n = hours.size
    rows, margin, shifted, bits = space
    gather(call.profiles, call.grid[0], hours, rows)
    limits = (wanted[0], call.lowest, call.grid, wanted[2])
    return solve(rows, c, limits, wanted[1], (view(margin, 0, n), view(mask, 0, n), (shifted, bits)))


@apart(types.void(PROBLEM, CALL, RESULT, LEAF))
def solve_plainly(problem: Any, call: Call, result: Any, space: Leaf) -> None:
    """Every case on every hour: for numbers too large or too small for float32."""
    coefficients, allowed, cases, _ = problem
    n = call.profiles.shape[1]
    for i in range(n):
        space.chosen[i] = i
    for case in cases:
        c = coefficients[case]
        reach = reach_of_case(c, call.peaks)
        for share in range(allowed.shape[1]):
            wanted = (allowed[case, share], reach / (1.0 - allowed[case, share] / n), reach)
            result[0][case, share], result[1][case, share] = slowly(
                (c, view(space.chosen, 0, n), call, wanted, space.double, space.case.mask)
            )
