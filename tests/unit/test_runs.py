"""Largest runs and tokens: known values and order."""

import numpy as np
import pytest
from joint_factory import YEARS, drawn

from capacity.draws import CentralPath
from capacity.limits import runs
from scenarios import load


def test_a_campus_takes_the_most_efficient_chips_first():
    count = np.array([[10.0, 10.0, 10.0]])
    watts = np.array([[1000.0, 200.0, 500.0]])
    found = [float(runs.campus_h100e(count, watts, np.array([power]))[0]) for power in (0.0, 1000.0, 2500.0, 1e9)]
    assert found == pytest.approx([0.0, 5.0, 11.0, 30.0])


def test_campus_power_grows_to_its_limit():
    power = runs.campus_power_mw("US", drawn())
    assert (np.diff(power, axis=1) >= 0).all()
    assert power.max() <= 5000
    assert (runs.campus_power_mw("CN", drawn()) <= power).all()


def test_a_firm_lends_a_campus_no_more_than_it_has():
    draws = drawn()
    national = np.full((len(draws), len(YEARS)), 1e6)
    campus, spread = runs.run_flop("US", 10 * national, national, draws)
    ratio = spread / campus
    np.testing.assert_allclose(ratio, draws.parameter("distributed_overhead"))
    small, _ = runs.run_flop("US", 0.001 * national, national, draws)
    assert (small < campus).all()


def test_a_run_of_a_hundred_million_chips_is_known():
    """20 % of 150 million H100e for half a year at 39 % of peak is about 2e29, Epoch AI's figure for 2030."""
    central = CentralPath(load(["reference"])[0], YEARS)
    national = np.full((1, len(YEARS)), 150e6)
    _, spread = runs.run_flop("US", national, national, central)
    assert 1e29 < spread[0, 0] < 3e29


def test_tokens_follow_inference_and_algorithms():
    draws = drawn()
    ones = np.ones((len(draws), len(YEARS)))
    base = runs.tokens_per_day("US", ones * 1e6, ones, ones, draws)
    np.testing.assert_allclose(runs.tokens_per_day("US", ones * 2e6, 3 * ones, ones, draws), 6 * base)
    central = CentralPath(load(["reference"])[0], YEARS)
    one = np.ones((1, len(YEARS)))
    per_chip = runs.tokens_per_day("US", one, one, one, central)[0, 0] / runs.SECONDS_PER_DAY
    assert 300 < per_chip < 3000  # an H100 gives about a thousand tokens a second of a 70-billion model


def test_load_factor_lies_where_facilities_were_measured():
    factor = runs.load_factor("US", drawn(count=500))
    assert ((factor > 0.3) & (factor < 1.0)).all()
    assert 0.6 < np.median(factor) < 0.75
