"""Named baselines, each a normal of the log level over that of the origin."""

from __future__ import annotations

import numpy as np

from capacity.hindcast.mixture import Mixture, single
from capacity.hindcast.panel import LEAST_SPREAD, Panel, mean_known, spread_known


def naive_drift(panel: Panel, horizon: int) -> Mixture:
    """Random walk with the drift of the last eight years; bands s^2 (h + h^2/m) of Farmer and Lafond 2016."""
    h = np.arange(1.0, horizon + 1.0)
    count = np.isfinite(panel.window).sum(axis=1)[:, None]
    spread = spread_known(panel.window)[:, None] * np.sqrt(h + h**2 / np.maximum(count, 1))
    return single(mean_known(panel.window)[:, None] * h, spread)


def last_value(panel: Panel, horizon: int) -> Mixture:
    """Random walk without drift; its step is the root mean square growth of the last eight years."""
    step = np.maximum(np.sqrt(mean_known(panel.window**2)), LEAST_SPREAD)
    h = np.arange(1.0, horizon + 1.0)
    return single(np.zeros((len(step), horizon)), step[:, None] * np.sqrt(h))
