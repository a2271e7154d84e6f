"""Headroom of weighted hours: both CPU engines against bisection, repeated hours, and the answer without weights."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from reference import headroom_weighted

from cuda_kernels import KernelError, headroom_mw
from cuda_kernels.headroom_sets import headroom_sets_mw

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])
rules = pytest.mark.parametrize("rule", ["native_first", "plain"])
SHARES = np.array([0.0, 0.0025, 0.01, 0.05, 0.3])


def made_up(seed: int, hours: int = 120, cases: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Profiles and coefficients of a system that is short in some hours of some cases."""
    rng = np.random.default_rng(seed)
    profiles = np.stack([np.ones(hours), rng.random(hours), -1 - 0.3 * rng.random(hours)])
    return profiles, np.array([60e3, 12e3, 50e3]) * np.exp(0.1 * rng.normal(size=(cases, 3)))


@engines
@rules
@pytest.mark.parametrize("seed", range(4))
def test_weighted_hours_match_bisection(seed, rule, engine):
    profiles, coefficients = made_up(seed, hours=40, cases=6)
    weights = np.random.default_rng(seed).choice([0.0, 1.0, 2.5, 30.0, 1e-3], 40)
    got = headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine, hour_weights=weights)
    for case, margin in enumerate(coefficients @ profiles):
        for number, share in enumerate(SHARES):
            want = headroom_weighted(margin, weights, share, rule == "native_first")
            assert_allclose(got.headroom_mw[case, number], want, rtol=1e-11, atol=1e-7)
            curtailed = weights[margin < want * (1 - 1e-9)].sum() if share * want > 0 else 0.0
            assert_allclose(got.curtailed_hours[case, number], curtailed, rtol=1e-12)


@engines
@rules
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whole_weights_are_repeated_hours(engine, rule, data):
    hours = data.draw(st.integers(1, 30))
    profiles, coefficients = made_up(data.draw(st.integers(0, 999)), hours, cases=5)
    weights = np.array(data.draw(st.lists(st.integers(0, 4), min_size=hours, max_size=hours)), dtype=float)
    weights[data.draw(st.integers(0, hours - 1))] += 1.0
    how = {"rule": rule, "engine": engine}
    got = headroom_mw(profiles, coefficients, SHARES, hour_weights=weights, **how)
    want = headroom_mw(profiles.repeat(weights.astype(int), axis=1), coefficients, SHARES, **how)
    assert_allclose(got.headroom_mw, want.headroom_mw, rtol=1e-11, atol=1e-7)
    margin, load = (coefficients @ profiles)[:, None], want.headroom_mw[:, :, None]
    tied = (weights * (np.abs(margin - load) <= 1e-9 * load)).sum(axis=2)  # either may count hours at the load itself
    assert (np.abs(got.curtailed_hours - want.curtailed_hours) <= tied).all()


@engines
@rules
def test_weights_of_one_change_nothing(rule, engine):
    profiles, coefficients = made_up(8, hours=2000, cases=70)
    got = headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine, hour_weights=np.ones(2000))
    want = headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine)
    assert_allclose(got.headroom_mw, want.headroom_mw, rtol=1e-12)
    assert_array_equal(got.curtailed_hours, want.curtailed_hours)
    assert (got.headroom_mw > 0).any()


@engines
def test_loads_do_not_depend_on_the_unit_of_the_weights(engine):
    profiles, coefficients = made_up(1)
    weights = np.random.default_rng(1).random(120)
    one = headroom_mw(profiles, coefficients, SHARES, engine=engine, hour_weights=weights)
    other = headroom_mw(profiles, coefficients, SHARES, engine=engine, hour_weights=weights * 2.0**900)
    assert_array_equal(other.headroom_mw, one.headroom_mw)
    assert_array_equal(other.curtailed_hours, one.curtailed_hours * 2.0**900)


@needs_numba
@rules
def test_engines_agree_bit_for_bit_and_cases_stand_alone(rule):
    profiles, coefficients = made_up(5, hours=300, cases=70)
    weights = np.random.default_rng(5).exponential(size=300)
    by_engine = [
        headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine, hour_weights=weights)
        for engine in ("numpy", "numba")
    ]
    for one, other in zip(*by_engine, strict=True):
        assert_array_equal(one, other)
    alone = headroom_mw(profiles, coefficients[60:61], SHARES[2], rule=rule, hour_weights=weights)
    assert_array_equal(alone.headroom_mw, by_engine[0].headroom_mw[60:61, 2])


def test_years_share_their_weights():
    years = [made_up(seed) for seed in (1, 2)]
    profiles, coefficients = (np.stack(parts) for parts in zip(*years, strict=True))
    weights = np.linspace(0.0, 3.0, 120)
    got = headroom_sets_mw(profiles, coefficients, np.full((2, 20, 1), 0.02), hour_weights=weights)
    for set_, (shapes, cases) in enumerate(years):
        want = headroom_mw(shapes, cases, 0.02, hour_weights=weights)
        assert_array_equal(got.headroom_mw[set_, :, 0], want.headroom_mw)
        assert_array_equal(got.curtailed_hours[set_, :, 0], want.curtailed_hours)


def test_a_case_that_is_not_finite_is_nan_and_no_cases_are_none():
    profiles, coefficients = made_up(1)
    coefficients[3, 1] = np.nan
    with pytest.warns(RuntimeWarning, match=r"1 of 20 cases \(3\)"):
        got = headroom_mw(profiles, coefficients, 0.01, hour_weights=np.ones(120))
    assert np.flatnonzero(np.isnan(got.headroom_mw)).tolist() == [3]
    assert got.curtailed_hours[3] == -1
    assert headroom_mw(profiles, coefficients[:0], 0.01, hour_weights=np.ones(120)).headroom_mw.shape == (0,)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(5), r"float64 \(120,\), got float64 \(5,\)"),
        (np.ones(120, dtype=int), "got int64"),
        (np.where(np.arange(120) == 7, -1.0, 1.0), "holds -1.0 at hour 7 .1 such"),
        (np.where(np.arange(120) == 7, np.nan, 1.0), "holds nan at hour 7"),
        (np.where(np.arange(120) > 7, np.inf, 1.0), "holds inf at hour 8 .112 such"),
        (np.zeros(120), "all 0"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, message):
    with pytest.raises(KernelError, match=message):
        headroom_mw(*made_up(0), 0.01, hour_weights=weights)
