"""The direction along which a group of areas can host most. See docs/network.md, Siting.

Loads that fit form a convex set, so that 1 / l(w), the reciprocal of the headroom along a direction w, is convex in w.
Its slope costs nothing: with s_i the curtailed hours in which area i is on the short side, less eps T, a unit of share
moved into i lowers l by l s_i / (s w). The search takes load from areas that are short more often than the mean to
those that are short less often, in proportion to what they have (mirror ascent), goes further while that helps and less
far when it does not. The copper plate bounds every direction from above and ends the search when it is close.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cuda_kernels import Engine
from cuda_kernels.network import network_headroom

Floats = NDArray[np.float64]
Caps = tuple[Floats | None, tuple[Floats, Floats] | None]

CLOSE = 1e-3
"""Relative distance from the copper plate at which the search ends; label J."""
MOST_STEPS = 16
"""Directions tried for a case; label J: from either end the base year's totals then agree within 0.2 %."""
LEAST_SHARE = 1e-4
"""An area without load is given this share to begin with; label J."""
LONGER, SHORTER, FARTHEST = 1.5, 0.4, 2.0
"""Factors on the step after one that helped or did not, and the largest change of a logarithm in one step; label J."""


def direction(
    case: tuple[Floats, Floats, Floats],
    start: Floats,
    share: Floats,
    *,
    caps: Caps = (None, None),
    engine: Engine = "auto",
    most_steps: int = MOST_STEPS,
) -> Floats:
    """Direction (case, area) with the largest total found, from a start (case, area); nil where that is nil.

    case : profiles (area, K, hour), coefficients (case, area, K), limits_mw (case, area, area) of the network kernel
    share : (case,) curtailable fraction eps; where it is 0 the start is kept. [1]
    caps : on net imports, of areas (case, area) and of sets of areas, (set, area) and (case, set). [MW]

    Never worse than the start. A case does not depend on its company.
    """
    profiles, coefficients, limits = case
    best, trial, excess = start.copy(), start.copy(), np.ones(start.shape)
    top, step = np.zeros(len(start)), np.full(len(start), 1.0 / LONGER)
    open_ = np.flatnonzero((share > 0.0) & (start.sum(axis=1) > 0.0))
    for _ in range(most_steps):
        if not open_.size:
            break
        single, sets = caps
        found = network_headroom(
            profiles,
            coefficients[open_],
            limits[open_],
            trial[open_],
            share[open_, None],
            import_cap_mw=None if single is None else single[open_],
            import_sets=None if sets is None else (sets[0], sets[1][open_]),
            engine=engine,
        )
        total = found.headroom_mw[:, 0]
        helped = total > top[open_]
        better = open_[helped]
        top[better], best[better] = total[helped], trial[better]
        slope = found.short_hours[helped, 0] - share[better, None] * profiles.shape[2]
        excess[better] = slope / (slope * best[better]).sum(axis=1, keepdims=True) - 1.0
        step[open_] *= np.where(helped, LONGER, SHORTER)
        open_ = open_[(top[open_] > 0.0) & (top[open_] < (1.0 - CLOSE) * found.copper_plate_mw[:, 0])]
        moved = np.clip(-step[open_, None] * excess[open_], -FARTHEST, FARTHEST)
        trial[open_] = np.maximum(best[open_], LEAST_SHARE) * np.exp(moved)
        trial[open_] /= trial[open_].sum(axis=1, keepdims=True)
    return best
