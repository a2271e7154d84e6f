"""Priors of demand growth against what came: exact scores, nothing later than the origin, what the command writes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from capacity.hindcast import demand
from capacity.hindcast.cli import hindcast
from capacity.hindcast.mixture import crps, single
from grids.history import open_history


@pytest.fixture(scope="module")
def history():
    return open_history()


def test_crps_of_samples_is_that_of_their_distribution():
    samples = np.random.default_rng(4).normal([0.1, -0.2], [0.3, 0.05], (20_000, 2))
    outcome = np.array([0.5, -0.21])
    want = crps(single(np.array([0.1, -0.2]), np.array([0.3, 0.05])), outcome)
    assert_allclose(demand.crps_of_samples(samples, outcome), want, rtol=0.02)
    by_hand = demand.crps_of_samples(np.array([[1.0], [3.0]]), np.array([2.0]))
    assert_allclose(by_hand, [1.0 - 0.5])


def test_the_prior_is_what_a_run_draws():
    """US: rates of the first period between its ends, compounded over six years."""
    paths = demand.prior("US")
    rate = np.expm1(paths[:, 5] / 6)
    assert rate.min() >= 0.003
    assert rate.max() <= 0.019
    assert_allclose(paths[:, 5], 6 * paths[:, 0], rtol=1e-9)


def test_outcomes_after_an_origin_change_scores_but_no_forecast(history):
    """From 2015: the forecasts, read off as outcome plus median error, are the same whatever came afterwards."""
    later = history["year"] > 2015
    other = history.assign(generation_twh=history["generation_twh"].where(~later, history["generation_twh"] * 1.1))
    first, second = (demand.table(h, (2015,)) for h in (history, other))
    for left, right in zip(first, second, strict=True):
        assert left["pairs"] == right["pairs"]
        assert_allclose(right["log_bias"] - left["log_bias"], -np.log(1.1), atol=1e-9)
        if left["model"] != "naive_drift":
            assert left["crps_over_naive"] != right["crps_over_naive"]


def test_command_writes_scores_and_says_how_much_spread_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(demand, "ORIGINS", (2014, 2018))
    monkeypatch.setattr(demand.table, "__defaults__", ((2014, 2018),))
    monkeypatch.setattr(demand.needed_spread, "__defaults__", (0.9, (2014, 2018)))
    done = CliRunner().invoke(hindcast, ["--demand", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "demand.json").read_text(encoding="utf-8"))
    assert {row["model"] for row in written["scores"]} == {
        "record", "prior", "prior_spread", "naive_drift", "last_value"
    }  # fmt: skip
    naive = [row["crps_over_naive"] for row in written["scores"] if row["model"] == "naive_drift"]
    assert naive == pytest.approx([1.0] * len(naive))
    assert {row["year"] for row in written["growth_ahead"]} == {2030, 2035}
    assert all(row["p05"] < row["p50"] < row["p95"] for row in written["growth_ahead"])
    assert all(factor > 0.0 for factor in written["spread_needed"].values())
    assert "times its spread" in done.output
