"""The experts: what each says about the path of a series, from the panel as it was known at the origin.

Each returns the mean path of the log level over that of the origin (entity, horizon). The spread around it follows
one law for all: kappa x s x sqrt(h + h^2/m), the error of a random walk whose drift is estimated over m years
(Farmer and Lafond 2016).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.panel import DRIFT_YEARS, WORLD, Panel, mean_known, spread_known
from capacity.supply import smoothing

Floats = NDArray[np.float64]

RECENT_YEARS = 3
SHARE_CEILING = 0.5
"""Share of all generation at which the diffusion of one source ends; a setting, scored by the hindcast."""
LEARNING = {"solar": 0.32, "wind": 0.19}
"""Log cost that falls per log point of experience (Way et al. 2022, recalled); a setting, scored by the hindcast."""
LEAST_SHARE_STEP = 0.001
LEAST_COMPARED = 10
DEMAND_LIMITS = (-0.05, 0.10)
"""Yearly growth of the total that the diffusion is carried along with, at least and at most; a setting, scored
by the hindcast."""


class Trend(NamedTuple):
    """Settings of the damped trend: damping a year, and weight of the eight-year mean against the three-year one."""

    damping: float
    long_weight: float
    shrunk: bool = False


class Diffusion(NamedTuple):
    """Settings of the S-curve: damping a year, response of growth to falling cost, and room over the record."""

    damping: float
    response: float
    room: float


class Smoothing(NamedTuple):
    """Setting of exponential smoothing: the power of the likelihood that tells its own settings apart."""

    trust: float


SMOOTHINGS = (Smoothing(0.25), Smoothing(1.0))
TRENDS = tuple(Trend(d, w, s) for d in (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95) for w in (0.5, 1.0) for s in (False, True))
DIFFUSIONS = tuple(Diffusion(d, r, m) for d in (0.8, 0.9, 1.0) for r in (0.0, 0.5, 1.0) for m in (1.0, 1.3))


def drift(panel: Panel, long_weight: float) -> Floats:
    """Yearly log growth (entity,) that a trend starts from."""
    recent = panel.window[:, -RECENT_YEARS:].mean(axis=1)
    return long_weight * mean_known(panel.window) + (1.0 - long_weight) * recent


def shrunk(panel: Panel, growth: Floats) -> Floats:
    """Drift drawn towards the panel's median as far as its own years are noisy (empirical Bayes).

    weight = tau^2 / (tau^2 + s^2/m), tau^2 the spread of true drifts over the eligible entities.
    """
    keep = panel.counted
    if keep.sum() < LEAST_COMPARED:
        return growth
    noise = unit_spread(panel) ** 2 / DRIFT_YEARS
    middle = float(np.median(growth[keep]))
    # From the middle half of the entities, so that a few wild series do not say how different all are.
    width = float(np.subtract(*np.quantile(growth[keep], [0.75, 0.25]))) / 1.349
    real = max(width**2 - float(np.median(noise[keep])), 0.1 * width**2)
    return np.asarray(middle + real / (real + noise) * (growth - middle))


def trend_path(panel: Panel, setting: Trend, horizon: int) -> Floats:
    """E1, damped trend: sum over i of damping^i x drift."""
    steps = np.cumsum(setting.damping ** np.arange(1.0, horizon + 1.0))
    growth = drift(panel, setting.long_weight)
    return (shrunk(panel, growth) if setting.shrunk else growth)[:, None] * steps


def smoothing_path(panel: Panel, setting: Smoothing, horizon: int) -> Floats:
    """Exponential smoothing with a damped trend over the whole unbroken record of each entity."""
    return smoothing.path(panel.growth, setting.trust, horizon)


def diffusion_path(panel: Panel, setting: Diffusion, horizon: int) -> Floats:
    """E3 for wind and solar: logistic diffusion of the share of generation, its yearly step under a ceiling.

    du = min(step, (r - g) u (1 - u/u*)); r starts from the drift and changes each year by damping and by learning
    (response x exponent x growth of experience), g is the growth of the total, step the largest yearly gain of share
    the entity has had, or the median of such records over the panel, whichever is larger, times `room`.
    """
    share = panel.level[:, -1] / panel.total[:, -1]
    growth = drift(panel, 0.5)
    demand = np.clip(mean_known(panel.total_growth[:, -DRIFT_YEARS:]), *DEMAND_LIMITS)
    step = setting.room * share_step(panel)
    learning = LEARNING.get(panel.series, 0.0) * experience(reference(panel))
    faster = setting.damping * np.exp(setting.response * learning)
    now, path = share.copy(), np.zeros((len(share), horizon))
    for h in range(horizon):
        growth = growth * faster
        gain = np.minimum(step, (growth - demand) * now * (1.0 - now / SHARE_CEILING))
        now = np.maximum(now + gain, 0.7 * now)
        path[:, h] = np.log(now / share) + demand * (h + 1)
    return path


def share_step(panel: Panel) -> Floats:
    """Largest yearly gain of share on record (entity,), at least the median of the panel's records."""
    share = panel.level[:, -DRIFT_YEARS - 1 :] / panel.total[:, -DRIFT_YEARS - 1 :]
    gains = np.diff(share, axis=1)
    own = np.where(np.isfinite(gains), gains, -np.inf).max(axis=1)
    return np.maximum(own, usual_share_step(reference(panel)))


def usual_share_step(panel: Panel) -> float:
    """Median over the counted entities of their largest yearly gain of share."""
    share = panel.level[panel.counted, -DRIFT_YEARS - 1 :] / panel.total[panel.counted, -DRIFT_YEARS - 1 :]
    gains = np.diff(share, axis=1)
    best = np.where(np.isfinite(gains), gains, -np.inf).max(axis=1)
    known = best[np.isfinite(best)]
    return max(float(np.median(known)) if known.size else 0.0, LEAST_SHARE_STEP)


def reference(panel: Panel) -> Panel:
    """The panel at the latest of its last four years in which at least ten entities can be compared, else as it is.

    Two countries report two years before the others; what is said of all comes from the year that all have.
    """
    for back in range(4):
        earlier = panel.until(int(panel.years[-1]) - back)
        if earlier.counted.sum() >= LEAST_COMPARED:
            return earlier
    return panel


def experience(panel: Panel) -> float:
    """Log growth a year of all that the panel has ever generated, over the last three years; 0 without a record."""
    own = np.array([name != WORLD for name in panel.entities])
    made = np.where(np.isfinite(panel.level[own]), panel.level[own], 0.0).sum(axis=0).cumsum()
    before = made[-1 - RECENT_YEARS] if made.size > RECENT_YEARS else 0.0
    return float(np.log(made[-1] / before) / RECENT_YEARS) if before > 0.0 else 0.0


def unit_spread(panel: Panel) -> Floats:
    """Spread (entity,) of yearly growth: geometric mean of the entity's own and of what its size lets expect."""
    own, size = spreads(panel)
    return np.sqrt(own * size)


def spreads(panel: Panel) -> tuple[Floats, Floats]:
    """The entity's own spread of yearly growth, and the spread its size lets expect, both (entity,).

    Large systems are steadier; the line of log spread over log level is fitted over the eligible entities, each
    once. Fewer than ten entities: their median instead.
    """
    level, slope = size_law(reference(panel))
    size = np.log(np.where(panel.level[:, -1] > 0.0, panel.level[:, -1], np.nan))
    return spread_known(panel.window), np.exp(level + slope * size)


def size_law(panel: Panel) -> tuple[float, float]:
    """Intercept and slope of log spread over log level among the eligible entities."""
    keep = panel.counted
    own = np.log(spread_known(panel.window[keep])) if keep.any() else np.log(np.array([0.05]))
    if keep.sum() < LEAST_COMPARED:
        return float(np.median(own)), 0.0
    size = np.log(panel.level[keep, -1])
    slope, level = np.polyfit(size, own, 1)
    return float(level), float(slope)


def widening(horizon: int) -> Floats:
    """sqrt(h + h^2/m) for h = 1..horizon."""
    h = np.arange(1.0, horizon + 1.0)
    return np.sqrt(h + h**2 / DRIFT_YEARS)
