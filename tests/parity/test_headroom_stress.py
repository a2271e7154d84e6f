"""Thousands of odd cases: engines agree bit for bit, and with sorting."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from cuda_kernels import _headroom_numpy, headroom_mw

ROUNDS = int(os.environ.get("GRIDFLOPS_STRESS_ROUNDS", "60"))  # 150 or 300 cases each


def odd_problem(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Profiles, coefficients, shares and rule, of a kind drawn at random."""
    hours, count = int(rng.choice([1, 2, 7, 63, 64, 65, 200, 500, 2500])), int(rng.integers(1, 8))
    cases = 300 if hours < 2500 else 150
    profiles = rng.normal(size=(count, hours))
    kind = rng.integers(0, 9)
    if kind == 0:  # ties
        profiles = np.round(profiles)
    if kind == 1:  # repeated hours
        profiles = profiles[:, rng.integers(0, max(1, hours // 5), hours)]
    if kind == 2:  # one spike
        profiles[:, rng.integers(0, hours)] *= 1e4
    profiles[0] = 1.0 if kind != 3 else 0.0
    if kind == 6:  # tiny, down to denormals, or huge
        profiles *= rng.choice([1e-311, 1e-300, 1e-150, 1e150, 1e270])
    centre = rng.normal(size=count) * 10.0 ** rng.integers(-3, 6)
    centre[0] = abs(centre[0]) * rng.choice([0.0, 1.0, 4.0])
    spread = rng.choice([0.0, 1e-12, 1e-3, 0.1, 3.0])
    coefficients = centre * (1.0 + spread * rng.normal(size=(cases, count)))
    if kind == 4:  # integers, roots on kinks
        profiles, coefficients = np.round(profiles), np.round(coefficients)
    if kind == 7:  # missing
        coefficients[rng.integers(0, cases, 3), rng.integers(0, count)] = rng.choice([np.nan, np.inf, -np.inf])
    if kind == 8 and spread < 1.0:  # all short, or short and long by turns
        profiles[0], coefficients[:, 0] = (
            np.sign(rng.normal(size=hours) - rng.choice([0.0, 9.0])),
            3.0 * abs(centre).max(),
        )
    shares = np.sort(rng.choice([0.0, 1e-6, 0.0025, 0.01, 0.05, 0.25, 0.5, 0.9], 3, replace=False))
    return profiles, coefficients, shares, str(rng.choice(["native_first", "plain"]))


def by_sorting(margin: np.ndarray, share: float, rule: str) -> np.ndarray:
    """Roots by prefix sums over sorted margins (case, hour): the last piece of the line below zero decides."""
    hours = margin.shape[1]
    values = np.sort(np.maximum(margin, 0.0) if rule == "native_first" else margin, axis=1)
    sums, allowed = np.cumsum(values, axis=1), share * hours
    number = np.arange(1, hours + 1)
    line = sums / np.where(number > allowed, number - allowed, np.nan)
    least = np.nanmin(line, axis=1)
    return np.maximum(least, 0.0)


@pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
@pytest.mark.slow
def test_odd_cases():
    rng = np.random.default_rng(2025)
    for number in range(ROUNDS):
        profiles, coefficients, shares, rule = odd_problem(rng)
        missing = ~np.isfinite(coefficients).all(axis=1)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="headroom is NaN in")
            one = headroom_mw(profiles, coefficients, shares, rule=rule, engine="numba")
            other = headroom_mw(profiles, coefficients, shares, rule=rule, engine="numpy")
        np.testing.assert_array_equal(np.isnan(one.headroom_mw).all(axis=1), missing, err_msg=f"round {number}")
        np.testing.assert_array_equal(one.headroom_mw, other.headroom_mw, err_msg=f"round {number}")
        np.testing.assert_array_equal(one.curtailed_hours, other.curtailed_hours, err_msg=f"round {number}")
        if rule == "plain":  # where there is no root the least line is no answer: checked by the oracle elsewhere
            continue
        margin = coefficients[~missing] @ profiles
        reach = np.abs(coefficients[~missing]) @ np.abs(profiles).max(axis=1)
        rounding = margin.shape[1] * len(profiles) * 5e-324  # of denormals
        for column, share in enumerate(shares):
            want = by_sorting(margin, share, rule)
            count = (np.maximum(margin, 0) <= want[:, None] * (1 + 1e-9)).sum(axis=1)
            condition = 1 + count / np.maximum(count - share * margin.shape[1], 1e-3)
            assert (np.abs(one.headroom_mw[~missing, column] - want) <= (1e-12 * reach + rounding) * condition).all(), (
                f"round {number}"
            )


@pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
def test_hours_that_float32_cannot_order_between_two_loads():
    """Margins a hundred-thousandth of what cancels in them: an hour settled about one load must be settled anew."""
    rng = np.random.default_rng(2025)
    for _ in range(1181):
        profiles, coefficients, shares, rule = odd_problem(rng)
    by_engine = [headroom_mw(profiles, coefficients, shares, rule=rule, engine=e) for e in ("numpy", "numba")]
    for one, other in zip(*by_engine, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
def test_cases_far_apart_that_need_other_hours():
    """Nearly all hours stay in play, and what some cases of a leaf need says little of what others do."""
    for seed in (1, 23, 28, 36, 45, 62):
        rng = np.random.default_rng(seed)
        hours, terms = int(rng.integers(3100, 4096)), int(rng.integers(3, 9))
        spread = rng.choice([0.3, 0.6, 1.0])
        profiles = np.concatenate([np.ones((1, hours)), rng.random((terms, hours)) ** rng.choice([1, 2, 4])])
        profiles[1 + terms // 2 :] *= -1.0
        coefficients = 100.0 * np.exp(spread * rng.normal(size=(60, terms + 1)))
        coefficients[:, 0] *= rng.choice([1, 2, 3])
        shares = np.array([0.0, rng.choice([0.0025, 0.005, 0.02])])
        one, other = (headroom_mw(profiles, coefficients, shares, engine=engine) for engine in ("numpy", "numba"))
        np.testing.assert_array_equal(one.headroom_mw, other.headroom_mw, err_msg=f"seed {seed}")
        np.testing.assert_array_equal(one.curtailed_hours, other.curtailed_hours, err_msg=f"seed {seed}")


@pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
@pytest.mark.parametrize("sizes", [3, 10, 25, 40])
@pytest.mark.parametrize("terms", [5, 17])
def test_cases_of_all_sizes_beside_each_other(sizes, terms):
    """What is told of cases that are pruned together, in shares of the largest one's margin, holds for the smallest."""
    rng = np.random.default_rng(sizes * terms)
    profiles = rng.normal(size=(terms, 300))
    profiles[0] = 1.0
    coefficients = rng.normal(size=terms) * (1.0 + 0.2 * rng.normal(size=(500, terms)))
    coefficients[:, 0] = 8.0
    coefficients *= 10.0 ** rng.integers(-sizes, sizes, (500, 1))
    one, other = (headroom_mw(profiles, coefficients, [0.01, 0.1], engine=engine) for engine in ("numpy", "numba"))
    assert (one.headroom_mw > 0.0).any()
    np.testing.assert_array_equal(one.headroom_mw, other.headroom_mw)
    np.testing.assert_array_equal(one.curtailed_hours, other.curtailed_hours)


@pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_root_hard_to_find_beside_cases_of_other_sizes(engine):
    """Few curtailed hours more than allowed: Newton from the scale of the largest case ends in rounding."""
    rng = np.random.default_rng(15)
    profiles = rng.normal(size=(3, 2500))
    profiles[0] = 1.0
    coefficients = rng.normal(size=3) * (1.0 + 0.1 * rng.normal(size=(120, 3)))
    coefficients[:, 0] = 0.0  # half of the hours are short, and half of the energy may be curtailed
    coefficients *= 10.0 ** rng.integers(-10, 10, (120, 1))
    whole = headroom_mw(profiles, coefficients, 0.5, engine=engine).headroom_mw
    alone = [headroom_mw(profiles, coefficients[case : case + 1], 0.5, engine=engine) for case in range(120)]
    assert (whole > 0.0).sum() > 60
    np.testing.assert_array_equal(whole, np.concatenate([one.headroom_mw for one in alone]))


@pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
def test_cases_in_small_blocks(monkeypatch):
    """Blocks that NumPy cuts along axes of their own, of odd cases: no place along them moves a bit."""
    monkeypatch.setattr(_headroom_numpy, "_ALONE", 64)
    monkeypatch.setattr(_headroom_numpy, "_BLOCK", 64)
    monkeypatch.setattr(_headroom_numpy, "_AND", 0)  # beside them some of twice that size
    rng = np.random.default_rng(4)
    for number in range(25):
        profiles, coefficients, shares, rule = odd_problem(rng)
        coefficients = coefficients[np.isfinite(coefficients).all(axis=1)]
        one, other = (headroom_mw(profiles, coefficients, shares, rule=rule, engine=e) for e in ("numpy", "numba"))
        np.testing.assert_array_equal(one.headroom_mw, other.headroom_mw, err_msg=f"round {number}")
        np.testing.assert_array_equal(one.curtailed_hours, other.curtailed_hours, err_msg=f"round {number}")


@pytest.mark.parametrize("rule", ["plain", "native_first"])
def test_denormal_profiles_under_coefficients_of_all_sizes(rule):
    rng = np.random.default_rng(6)
    profiles = 1e-311 * rng.normal(1.0, 1.0, (2, 300))
    coefficients = rng.normal(1.0, 0.3, (80, 2)) * 10.0 ** rng.uniform(200, 285, (80, 1))
    whole = headroom_mw(profiles, coefficients, [0.0, 0.5, 0.9], rule=rule, engine="numpy").headroom_mw
    for i in range(80):
        alone = headroom_mw(profiles, coefficients[[i]], [0.0, 0.5, 0.9], rule=rule, engine="numpy").headroom_mw
        np.testing.assert_array_equal(alone[0], whole[i])
    assert np.isfinite(whole).all()
