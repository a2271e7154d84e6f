"""Forecasts as mixtures of normals of the log level, and what can be said of them exactly.

A forecast is (weight, mean, spread), each (component, ...): weights sum to 1 over the components. CRPS of a
normal mixture after Grimit, Gneiting, Berrocal and Johnson 2006.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Mixture(NamedTuple):
    """Weights, means and standard deviations of the normals, each (component, ...)."""

    weight: Floats
    mean: Floats
    spread: Floats

    def widened(self, factor: float | Floats) -> Mixture:
        """The same with every normal `factor` as wide around its own mean."""
        return Mixture(self.weight, self.mean, self.spread * factor)


def single(mean: Floats, spread: Floats) -> Mixture:
    """One normal."""
    return Mixture(np.ones((1, *mean.shape)), mean[None], spread[None])


def pool(parts: list[Mixture], weights: list[Floats]) -> Mixture:
    """Linear pool: each part is drawn with its weight (broadcast to the parts' shape)."""
    weight = np.concatenate([part.weight * w for part, w in zip(parts, weights, strict=True)])
    return Mixture(weight, np.concatenate([p.mean for p in parts]), np.concatenate([p.spread for p in parts]))


def crps(forecast: Mixture, outcome: Floats) -> Floats:
    """Continuous ranked probability score, in log points; NaN where the outcome is."""
    weight, mean, spread = forecast
    first = (weight * _fold(outcome - mean, spread)).sum(axis=0)
    second = np.zeros_like(first)
    for i in range(len(weight)):
        for j in range(len(weight)):
            both = np.hypot(spread[i], spread[j])
            second += weight[i] * weight[j] * _fold(mean[i] - mean[j], both)
    return first - 0.5 * second


def pit(forecast: Mixture, outcome: Floats) -> Floats:
    """Probability below the outcome; NaN where the outcome is."""
    from scipy.special import ndtr

    weight, mean, spread = forecast
    return np.asarray((weight * ndtr((outcome - mean) / spread)).sum(axis=0))


def quantile(forecast: Mixture, level: float) -> Floats:
    """Quantile by bisection, to 1e-9 of the widest component."""
    from scipy.special import ndtri

    far = max(abs(float(ndtri(level))), 1.0) + 1.0
    low = (forecast.mean - far * forecast.spread).min(axis=0)
    high = (forecast.mean + far * forecast.spread).max(axis=0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = pit(forecast, middle) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high))


def median_mean(forecast: Mixture) -> Floats:
    """Mean of the log level."""
    return np.asarray((forecast.weight * forecast.mean).sum(axis=0))


def _fold(difference: Floats, spread: Floats) -> Floats:
    """E|X| of a normal with this mean and spread."""
    from scipy.special import ndtr

    ratio = difference / spread
    density = np.exp(-0.5 * ratio**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(2.0 * spread * density + difference * (2.0 * ndtr(ratio) - 1.0))
