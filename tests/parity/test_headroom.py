"""Headroom: both CPU engines against an exact oracle, and against what must hold for any such function."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from reference import excess, headroom_sorted

from cuda_kernels import Headroom, KernelError, headroom_mw

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
ENGINES = ["numpy", pytest.param("numba", marks=needs_numba)]
RULES = ["native_first", "plain"]
SHARES = np.array([0.0, 0.0025, 0.005, 0.01, 0.05, 0.3])

engines = pytest.mark.parametrize("engine", ENGINES)
rules = pytest.mark.parametrize("rule", RULES)


def made_up(seed: int, hours: int = 400, cases: int = 30, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Profiles and coefficients that look like a power system: firm, wind, sun, load, other."""
    rng = np.random.default_rng(seed)
    hour = np.arange(hours)
    load = 1 + 0.2 * np.cos(2 * np.pi * hour / 24) + rng.normal(0, 0.1, hours)
    sun = np.maximum(0, np.sin(2 * np.pi * hour / 24)) * rng.uniform(0.5, 1, hours)
    profiles = np.stack([np.ones(hours), rng.random(hours), sun, -load, rng.normal(0, 0.2, hours)])
    scale = np.exp(spread * rng.normal(size=(cases, 5)))
    return profiles, np.array([60e3, 12e3, 15e3, 50e3, 2e3]) * scale


FAMILIES = {
    "flat": lambda rng: np.full(50, 7.0),
    "two values": lambda rng: rng.choice([3.0, 9.0], 60),
    "many ties": lambda rng: rng.integers(0, 5, 80).astype(float),
    "integers, root on a kink": lambda rng: np.arange(1.0, 41.0),
    "one deep spike": lambda rng: np.append(rng.uniform(50, 60, 99), -400.0),
    "all short": lambda rng: -rng.uniform(1, 5, 40),
    "straddles zero": lambda rng: rng.normal(0, 1, 120),
    "a few short hours": lambda rng: np.append(rng.uniform(1, 2, 400), -rng.uniform(0, 1, 3)),
    "one hour": lambda rng: np.array([4.0]),
    "one short hour": lambda rng: np.array([-4.0]),
    "zeros": lambda rng: np.zeros(30),
    "tiny": lambda rng: rng.random(70) * 1e-300,
    "denormal": lambda rng: rng.random(70) * 1e-310,
    "huge": lambda rng: rng.random(70) * 1e250,
    "repeated hours": lambda rng: np.repeat(rng.normal(5, 2, 20), 7),
    "wide range": lambda rng: 10.0 ** rng.uniform(-12, 12, 90),
}


@engines
@rules
@pytest.mark.parametrize("family", FAMILIES)
def test_families_match_the_exact_oracle(family, rule, engine):
    rng = np.random.default_rng(5)
    margin = FAMILIES[family](rng)
    got = headroom_mw(margin[None, :], np.ones((1, 1)), SHARES, rule=rule, engine=engine)
    for share, load, hours in zip(SHARES, got.headroom_mw[0], got.curtailed_hours[0], strict=True):
        want, want_hours = headroom_sorted(margin, share, rule == "native_first")
        grid = 2.0**-46 * np.abs(margin).max()  # profiles are rounded to a grid this fine relative to their peak
        assert_allclose(load, want, rtol=1e-12, atol=grid, err_msg=f"share {share}")
        assert abs(hours - want_hours) <= np.count_nonzero(np.isclose(margin, want, rtol=1e-12, atol=grid))


@engines
@rules
@pytest.mark.parametrize("seed", range(6))
def test_power_systems_match_the_exact_oracle(seed, rule, engine):
    profiles, coefficients = made_up(seed, spread=[0.02, 0.1, 0.4][seed % 3])
    got = headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine)
    for case, row in enumerate(coefficients):
        for number, share in enumerate(SHARES):
            want, hours = headroom_sorted(row @ profiles, share, rule == "native_first")
            assert_allclose(got.headroom_mw[case, number], want, rtol=1e-11, atol=1e-9)
            assert got.curtailed_hours[case, number] == hours


@rules
@pytest.mark.parametrize("spread", [0.0, 0.001, 0.1, 1.0])
@needs_numba
def test_engines_agree_bit_for_bit(rule, spread):
    profiles, coefficients = made_up(11, hours=1000, cases=200, spread=spread)
    by_engine = [headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=e) for e in ("numpy", "numba")]
    for one, other in zip(*by_engine, strict=True):
        assert_array_equal(one, other)


@engines
@rules
def test_a_case_does_not_depend_on_its_neighbours(rule, engine):
    profiles, coefficients = made_up(3, hours=900, cases=150, spread=0.2)
    whole = headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine)
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 64):
        chosen = rng.permutation(150)[:size]
        part = headroom_mw(profiles, coefficients[chosen], SHARES, rule=rule, engine=engine)
        assert_array_equal(part.headroom_mw, whole.headroom_mw[chosen])
        assert_array_equal(part.curtailed_hours, whole.curtailed_hours[chosen])
    for number, share in enumerate(SHARES):
        alone = headroom_mw(profiles, coefficients, share, rule=rule, engine=engine)
        assert alone.headroom_mw.shape == (150,)
        assert_array_equal(alone.headroom_mw, whole.headroom_mw[:, number])


@engines
def test_many_cases_use_all_cores_without_changing_a_bit(engine):
    profiles, coefficients = made_up(4, hours=120, cases=2100)
    whole = headroom_mw(profiles, coefficients, 0.02, engine=engine)
    part = headroom_mw(profiles, coefficients[1000:1010], 0.02, engine=engine)
    assert_array_equal(whole.headroom_mw[1000:1010], part.headroom_mw)


margins = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e4, 1e4, allow_subnormal=False))
shares = st.floats(0.0, 0.6)


def solve(margin: np.ndarray, share: float, rule: str, engine: str) -> tuple[float, int]:
    """One case whose margin is given outright."""
    got = headroom_mw(margin[None, :], np.ones((1, 1)), share, rule=rule, engine=engine)
    return float(got.headroom_mw[0]), int(got.curtailed_hours[0])


@engines
@rules
@settings(max_examples=60, deadline=None)
@given(margin=margins, share=shares)
def test_the_answer_is_the_largest_load_within_the_share(engine, rule, margin, share):
    load, hours = solve(margin, share, rule, engine)
    native_first = rule == "native_first"
    scale = np.abs(margin).sum() + len(margin) * load
    assert load >= 0
    if load > 0:
        assert excess(margin, load, share, native_first) <= 1e-12 * scale
        assert hours <= len(margin)
    step = 1e-6 * max(load, np.abs(margin).max(), 1e-300)
    assert excess(margin, load + step, share, native_first) > -1e-15 * len(margin) * (load + step)  # of rounding


@engines
@rules
@settings(max_examples=60, deadline=None)
@given(margin=margins, share=shares, more=st.floats(0, 0.3), firm=st.floats(0, 1e4), data=st.data())
def test_order_of_answers(engine, rule, margin, share, more, firm, data):
    """More flexibility or more capacity never lowers the headroom; order of hours is irrelevant; a firm
    addition with every hour curtailed the same raises it by at least itself where it was above zero."""
    load, _ = solve(margin, share, rule, engine)
    tolerance = 1e-9 * (np.abs(margin).max() + firm + 1e-9)
    assert solve(margin, share + more, rule, engine)[0] >= load - tolerance
    raised = solve(margin + firm, share, rule, engine)[0]
    assert raised >= load - tolerance
    if load > 0 and rule == "plain":
        assert raised >= load + firm - tolerance
    shuffled = data.draw(st.permutations(range(len(margin))))
    assert_allclose(solve(margin[shuffled], share, rule, engine)[0], load, rtol=1e-9, atol=tolerance)


@engines
@settings(max_examples=40, deadline=None)
@given(margin=margins, share=shares, power=st.integers(-20, 20))
def test_scale_invariance_is_exact_for_powers_of_two(engine, margin, share, power):
    load, hours = solve(margin, share, "native_first", engine)
    scaled, scaled_hours = solve(margin * 2.0**power, share, "native_first", engine)
    assert scaled == load * 2.0**power
    assert scaled_hours == hours


@engines
def test_without_flexibility_the_lowest_margin_decides(engine):
    assert solve(np.array([5.0, 3.0, 8.0]), 0.0, "native_first", engine) == (3.0, 0)
    assert solve(np.array([5.0, -3.0, 8.0]), 0.0, "native_first", engine) == (0.0, 0)


@engines
def test_native_shortage_is_charged_only_by_the_plain_rule(engine):
    margin = np.concatenate([np.full(99, 10.0), [-5.0]])
    share = 0.05
    # One short hour curtails L; the other 99 curtail L - 10 each once L > 10: 100 L - 990 = 5 L.
    assert solve(margin, share, "native_first", engine)[0] == pytest.approx(990 / 95)
    # The plain rule also counts the 5 MWh that nobody serves anyway.
    assert solve(margin, share, "plain", engine)[0] == pytest.approx(985 / 95)


@engines
def test_shortage_beyond_the_share_leaves_no_headroom(engine):
    margin = np.concatenate([np.full(90, 10.0), np.full(10, -1.0)])
    assert solve(margin, 0.05, "native_first", engine) == (0.0, 0)


@engines
def test_shares_per_case(engine):
    profiles, coefficients = made_up(8, cases=6)
    per_case = np.linspace(0.0, 0.05, 12).reshape(6, 2)
    got = headroom_mw(profiles, coefficients, per_case, engine=engine)
    for case in range(6):
        alone = headroom_mw(profiles, coefficients[case : case + 1], per_case[case], engine=engine)
        assert_array_equal(got.headroom_mw[case], alone.headroom_mw[0])


@engines
def test_read_only_and_strided_inputs_are_taken_as_they_are(engine):
    profiles, coefficients = made_up(9)
    want = headroom_mw(profiles, coefficients, 0.01, engine=engine).headroom_mw
    for array in (profiles, coefficients):
        array.flags.writeable = False
    assert_array_equal(headroom_mw(profiles, coefficients, 0.01, engine=engine).headroom_mw, want)
    fortran = headroom_mw(np.asfortranarray(profiles), coefficients[::-1], 0.01, engine=engine).headroom_mw
    assert_array_equal(fortran[::-1], want)


@engines
def test_no_cases_give_no_answers(engine):
    got = headroom_mw(np.ones((2, 5)), np.ones((0, 2)), [0.1, 0.2], engine=engine)
    assert isinstance(got, Headroom)
    assert got.headroom_mw.shape == got.curtailed_hours.shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"profiles": np.array([[1.0, np.nan]])}, "profile 0 holds nan at hour 1"),
        ({"coefficients": np.array([[1.0], [np.inf]])}, "case 1 holds inf at coefficient 0"),
        ({"coefficients": np.ones((2, 3))}, "1 profiles but 3 coefficients"),
        ({"coefficients": np.array([[1.0], [1e300]])}, r"case 1 holds 1e\+300 at coefficient 0"),
        ({"profiles": np.full((1, 2), 1e200), "coefficients": np.array([[1.0], [1e200]])}, "case 1: margins of up to"),
        ({"curtailable_fraction": 1.0}, "0 <= share < 1"),
        ({"curtailable_fraction": [0.1, np.nan]}, "curtailable_fraction is nan at flat index 1"),
        ({"curtailable_fraction": np.zeros((3, 1))}, r"\(2, share\), got \(3, 1\)"),
        ({"curtailable_fraction": []}, "at least one share"),
        ({"profiles": np.ones(3)}, r"profiles must have two dimensions"),
        ({"profiles": np.ones((1, 0))}, "must not be empty"),
        ({"profiles": np.array([["a"]])}, "must be real numbers"),
        ({"rule": "duke"}, "choose 'native_first' or 'plain'"),
        ({"missing": "zero"}, "choose 'nan' or 'refuse'"),
        ({"engine": "fortran"}, "choose 'auto', 'numpy' or 'numba'"),
    ],
)
def test_bad_input_is_refused_by_name(change, message):
    arguments = {
        "profiles": np.ones((1, 2)),
        "coefficients": np.ones((2, 1)),
        "curtailable_fraction": 0.1,
        "missing": "refuse",
    } | change
    with pytest.raises(KernelError, match=message):
        headroom_mw(**arguments)


@engines
@rules
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_missing_coefficient_is_no_number_and_its_case_is_named(engine, rule, value):
    profiles, coefficients = made_up(12, cases=40)
    want = headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine)
    coefficients[[3, 17], [1, 4]] = value
    with pytest.warns(RuntimeWarning, match=rf"NaN in 2 of 40 cases \(3, 17\): case 3 holds {value} at coefficient 1"):
        got = headroom_mw(profiles, coefficients, SHARES, rule=rule, engine=engine)
    others = np.delete(np.arange(40), [3, 17])
    assert np.isnan(got.headroom_mw[[3, 17]]).all()
    assert (got.curtailed_hours[[3, 17]] == -1).all()
    assert_array_equal(got.headroom_mw[others], want.headroom_mw[others])
    assert_array_equal(got.curtailed_hours[others], want.curtailed_hours[others])


@engines
def test_a_missing_hour_is_no_zero_even_where_its_profile_weighs_nothing(engine):
    profiles, coefficients = made_up(13, cases=15)
    profiles[2, 100] = np.nan
    coefficients[:, 2] = 0.0
    with pytest.warns(RuntimeWarning, match=r"15 of 15 cases \(0, 1, .*, 9, \.\.\.\): profile 2 holds nan at hour 100"):
        got = headroom_mw(profiles, coefficients, [0.0, 0.01], engine=engine)
    assert np.isnan(got.headroom_mw).all()
    assert (got.curtailed_hours == -1).all()


def test_all_problems_come_at_once():
    with pytest.raises(KernelError, match=r"profile 0 holds nan.*case 0 holds inf.*\(2 such values\)"):
        headroom_mw(np.array([[np.nan]]), np.array([[np.inf], [np.inf]]), 0.1, missing="refuse")


def test_importing_the_package_imports_no_accelerator():
    code = "import sys, cuda_kernels; print(sorted({'cupy', 'numba', 'scipy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
