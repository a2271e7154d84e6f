"""A queue whose pace changes by date; at a pace of 1 it is the plain queue."""

from __future__ import annotations

import numpy as np
import pytest
from scenario_factory import YEARS, drawn

from capacity import deployment, pace

AREAS = ("us.nyiso", "us.ercot", "us.caiso")
ROOM = np.full((20, 3, len(YEARS)), 1e6)
DEMAND = np.ones((20, len(YEARS)))


def queue(**values):
    draws = drawn(20, **values)
    return deployment.energised("US", AREAS, ROOM, DEMAND, draws)


def test_a_pace_of_nearly_one_is_the_plain_queue():
    plain = queue()
    np.testing.assert_array_equal(queue(us__connection_pace={2025: 1.0, 2035: 1.0})[0], plain[0])
    nearly = queue(us__connection_pace=1.0 + 1e-12)
    np.testing.assert_allclose(nearly[0], plain[0], rtol=1e-9)
    np.testing.assert_array_equal(nearly[1], plain[1])


def test_twice_the_pace_is_half_the_delay_for_what_is_filed_later():
    rng = np.random.default_rng(3)
    made = rng.uniform(1.0, 2.0, (5, 2, 12))
    made[..., 0] = 1e-9  # open requests aged at the old pace, so they are left out here
    median, ages = rng.uniform(2.0, 6.0, (5, 2, 1)), np.full((5, 8), 1.0 / 8.0)

    def ready(factor):
        return lambda age: deployment.lag_cdf(age, factor * median, np.full((5, 1, 1), 0.4))

    fast = pace.come(made, ready(1.0), np.full((5, 12), 2.0), ages)
    short = pace.come(made, ready(0.5), np.ones((5, 12)), ages)
    np.testing.assert_allclose(fast, short, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("speed", [1.67, 0.5])
def test_a_change_of_pace_shows_from_its_year_on(speed):
    plain, changed = queue(), queue(us__connection_pace={2027: 1.0, 2028: speed})
    early = YEARS <= 2027
    np.testing.assert_allclose(changed[0][..., early], plain[0][..., early], rtol=1e-12)
    sign = np.sign(speed - 1.0)
    assert (sign * (changed[0] - plain[0])[..., YEARS >= 2028] > 0.0).all()
    assert (np.diff(changed[0], axis=-1) >= -1e-6).all(), "what has come stays"
    total = changed[0][..., -1].sum(axis=1)
    assert (total <= 1.0001 * queue(us__connection_pace=10.0)[0][..., -1].sum(axis=1)).all()


def test_the_slowest_of_several_is_the_median_of_the_largest():
    assert pace.slowest(np.array([1.0]), np.array([0.6]))[0] == 1.0
    rng = np.random.default_rng(3)
    for count in (2, 4):
        waits = np.exp(0.6 * rng.standard_normal((200_000, count))).max(axis=1)
        assert pace.slowest(np.array([float(count)]), np.array([0.6]))[0] == pytest.approx(np.median(waits), rel=0.01)


def test_a_limit_that_never_binds_holds_nothing_back():
    wanted = np.cumsum(np.random.default_rng(1).uniform(0, 1, (3, 4, 6)), axis=2)
    assert pace.held_back(wanted, np.full((3, 6), 4.0)) is wanted
    held = pace.held_back(wanted, np.full((3, 6), 1.0))
    assert (held <= wanted + 1e-12).all()
    assert (np.diff(held, axis=2) >= 0.0).all()
    assert (np.diff(held.sum(axis=1), axis=1, prepend=0.0) <= 1.0 + 1e-12).all()
