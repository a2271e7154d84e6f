"""Exponential smoothing of many series at once: by hand, by statsmodels, and as a response to the record."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from capacity.supply import smoothing


def holt_by_hand(values, alpha, beta, damping):
    """Level and trend after a series of levels, one value at a time."""
    level, trend, missed = values[0], np.mean(np.diff(values)[:4]), 0.0
    for value in values[1:]:
        ahead = level + damping * trend
        missed += (value - ahead) ** 2
        level, trend = ahead + alpha * (value - ahead), damping * trend + alpha * beta * (value - ahead)
    return level, trend, missed


def test_smoothing_of_many_series_is_that_of_each_by_hand():
    generator = np.random.default_rng(8)
    growth = generator.normal(0.03, 0.05, (5, 12))
    growth[1, :4] = np.nan
    growth[2, 5] = np.nan
    level, trend, error = smoothing.states(growth)
    for row, first in enumerate((0, 4, 6, 0, 0)):
        values = np.concatenate([[0.0], np.cumsum(growth[row, first:])])
        for i in range(0, len(smoothing.ALPHA), 17):
            setting = (float(table[i, 0]) for table in (smoothing.ALPHA, smoothing.BETA, smoothing.DAMPING))
            want = holt_by_hand(values, *setting)
            assert_allclose((level[i, row] + values[-1], trend[i, row], error[i, row]), want, atol=1e-12)
    assert np.isnan(smoothing.path(np.array([[0.1, np.nan]]), 1.0, 3)).all()


def test_smoothing_is_that_of_statsmodels():
    """Their first forecast is from the starting state, so their first value is our second."""
    holtwinters = pytest.importorskip("statsmodels.tsa.holtwinters")
    growth = np.random.default_rng(2).normal(0.02, 0.04, 20)
    values = np.cumsum(growth)
    level, trend, _ = smoothing.states(growth[None, :])
    for i in (8, 60, 110, 160):
        alpha, beta, damping = (float(table[i, 0]) for table in (smoothing.ALPHA, smoothing.BETA, smoothing.DAMPING))
        start = {"initial_level": 0.0, "initial_trend": growth[:4].mean()}
        model = holtwinters.Holt(values, damped_trend=True, initialization_method="known", **start)
        kept = {"smoothing_level": alpha, "smoothing_trend": beta, "damping_trend": damping, "optimized": False}
        ours = level[i, 0] + values[-1] + trend[i, 0] * np.cumsum(damping ** np.arange(1.0, 5.0))
        assert_allclose(ours, model.fit(**kept).forecast(4), atol=1e-10)


def test_the_response_of_a_path_gives_the_path_of_the_record_that_weighed_it():
    growth = np.random.default_rng(3).normal(0.05, 0.05, (1, 14))
    whole = smoothing.path(growth, 0.25, 8)
    assert_allclose(growth @ smoothing.response(growth[0], 14, 0.25, 8), whole, atol=1e-12)
    assert_allclose(smoothing.shares(smoothing.states(growth)[2], np.array([14]), 0.25).sum(), 1.0)
