"""Algorithms and rebound: exact in the reference, both signs, lag."""

import numpy as np
import pytest
from joint_factory import YEARS, drawn

from capacity.limits import efficiency
from scenarios import load

FAST = {2025: 8.0, 2026: 4.0, 2028: 4.0, 2029: 8.0}


def test_rebound_is_exactly_one_where_nothing_is_overridden():
    assert (efficiency.rebound(drawn()) == 1.0).all()


def test_other_overrides_leave_rebound_at_one():
    assert (efficiency.rebound(drawn({"demand_rebound": 1.3, "us.bust_year": 2027})) == 1.0).all()


@pytest.mark.parametrize(("xi", "sign"), [(0.6, -1), (1.0, 0), (1.3, 1)])
def test_both_signs_of_rebound(xi, sign):
    fast = drawn({"algorithmic_halving_months": FAST, "demand_rebound": xi})
    slow = efficiency.algorithmic_factor("US", drawn())
    gain = efficiency.algorithmic_factor("US", fast) / slow
    factor = efficiency.rebound(fast)
    np.testing.assert_allclose(factor, gain ** (xi - 1.0), rtol=1e-9)
    ahead = gain[:, YEARS == 2028] > 1.0
    assert (np.sign(factor[:, YEARS == 2028][ahead] - 1.0) == sign).all()
    assert (factor[:, 0] == 1.0).all()


def test_compute_for_a_capability_halves_in_the_stated_months():
    factor = efficiency.algorithmic_factor("US", drawn({"algorithmic_halving_months": 6.0}))
    np.testing.assert_allclose(factor[0, :4], [1.0, 4.0, 16.0, 64.0])


def test_china_is_behind_by_its_months():
    draws = drawn({"algorithmic_halving_months": 8.0, "cn.algorithmic_lag_months": 8.0})
    us, china = (efficiency.algorithmic_factor(country, draws) for country in ("US", "CN"))
    np.testing.assert_allclose(china, us / 2.0)
    none = drawn({"cn.algorithmic_lag_months": 0.0})
    np.testing.assert_array_equal(*(efficiency.algorithmic_factor(c, none) for c in ("US", "CN")))


def test_default_is_the_documented_one():
    fast = drawn({"algorithmic_halving_months": 3.0})
    plain = drawn()
    np.testing.assert_array_equal(
        fast.default("algorithmic_halving_months"), plain.parameter("algorithmic_halving_months")
    )
    assert load(["reference"])[0].parameter("algorithmic_halving_months").value.median == 8
