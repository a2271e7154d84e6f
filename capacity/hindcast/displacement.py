"""E3 for coal and gas: what demand leaves to a fuel after new renewables, learnt from all countries so far.

Log growth over h years = b0 + b1 drift + b2 growth of total generation + b3 sqrt(share of wind, solar, bioenergy),
fitted over every earlier origin whose outcome is known at the origin, with weights 1/spread^2 and Huber's loss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.experts import unit_spread
from capacity.hindcast.panel import DRIFT_YEARS, Panel, mean_known

Floats = NDArray[np.float64]

LEAST_PAIRS = 60
LONGEST_LEARNT = 10
"""Years: longer horizons rest on too few origins to be scored, so nothing is claimed about them."""
HUBER = 1.5
ROUNDS = 6
SHRINKAGE = 1.0
"""Ridge in units of sqrt(pairs) x mean weight, towards half the drift for ever slower; a scored setting."""
PRIOR_DAMPING = 0.7
GROWTH_LIMITS = (-0.2, 0.2)
LEAST_WEIGHT_SPREAD = 0.01


def features(panel: Panel) -> Floats:
    """(entity, 3): eight-year drift, growth of the total, square root of the share of new renewables."""
    demand = np.clip(mean_known(panel.total_growth[:, -DRIFT_YEARS:]), *GROWTH_LIMITS)
    share = np.clip(panel.renewables[:, -1] / panel.total[:, -1], 0.0, 1.0)
    return np.stack([mean_known(panel.window), demand, np.sqrt(share)], axis=1)


def displacement_path(panel: Panel, horizon: int) -> Floats:
    """Mean path (entity, horizon); NaN everywhere where the record is too short to learn from."""
    pairs = _Pairs(panel, min(horizon, LONGEST_LEARNT))
    now = features(panel)
    path = np.full((len(panel.entities), horizon), np.nan)
    for h in range(1, horizon + 1):
        learnt = pairs.longest(min(h, LONGEST_LEARNT))
        if learnt:
            offset = _prior(now[:, 0], learnt)
            # Beyond the longest horizon that can be learnt the yearly mean goes on, damped.
            path[:, h - 1] = (offset + pairs.correction(learnt, now)) * _steps(h) / _steps(learnt)
    return path


def _steps(h: int) -> float:
    return float(sum(PRIOR_DAMPING**i for i in range(1, h + 1)))


def _prior(drift: Floats, h: int) -> Floats:
    return np.asarray(drift * _steps(h))


class _Pairs:
    """Features at earlier origins with their outcomes, by horizon."""

    def __init__(self, panel: Panel, horizon: int) -> None:
        self._rows: dict[int, list[tuple[Floats, Floats, Floats]]] = {h: [] for h in range(1, horizon + 1)}
        self._fits: dict[int, tuple[Floats, Floats, Floats]] = {}
        last = int(panel.years[-1])
        for origin in map(int, panel.years[DRIFT_YEARS // 2 : -1]):
            before = panel.until(origin)
            if not before.eligible.any():
                continue
            known, spread = features(before), unit_spread(before)
            outcomes = panel.outcomes(origin, min(horizon, last - origin))
            for h in range(1, outcomes.shape[1] + 1):
                keep = before.eligible & np.isfinite(outcomes[:, h - 1]) & np.isfinite(known).all(axis=1)
                self._rows[h].append((known[keep], outcomes[keep, h - 1], spread[keep]))

    def longest(self, h: int) -> int:
        """The longest horizon up to h with enough pairs; 0 without any."""
        return next((k for k in range(h, 0, -1) if sum(len(r[1]) for r in self._rows[k]) >= LEAST_PAIRS), 0)

    def correction(self, h: int, now: Floats) -> Floats:
        if h not in self._fits:
            self._fits[h] = self._fit(h)
        centre, scale, slopes = self._fits[h]
        return np.asarray(slopes[0] + ((now - centre) / scale) @ slopes[1:])

    def _fit(self, h: int) -> tuple[Floats, Floats, Floats]:
        known, outcome, spread = (np.concatenate(column) for column in zip(*self._rows[h], strict=True))
        rest = outcome - _prior(known[:, 0], h)
        centre, scale = known.mean(axis=0), known.std(axis=0) + 1e-9
        design = np.column_stack([np.ones(len(rest)), (known - centre) / scale])
        root = 1.0 / np.maximum(spread, LEAST_WEIGHT_SPREAD)
        slopes = np.zeros(design.shape[1])
        for _ in range(ROUNDS):
            error = (rest - design @ slopes) * root
            middle = 1.4826 * float(np.median(np.abs(error))) + 1e-9
            weight = root**2 * np.minimum(1.0, HUBER * middle / np.maximum(np.abs(error), 1e-12))
            ridge = np.full(design.shape[1], SHRINKAGE * np.sqrt(len(rest)) * float(weight.mean()))
            ridge[0] *= 0.3
            slopes = np.linalg.solve(design.T @ (weight[:, None] * design) + np.diag(ridge), design.T @ (weight * rest))
        return centre, scale, slopes
