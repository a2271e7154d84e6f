"""Invariants of the joint allocation of power, chips and capital (I8, I9, I17)."""

import numpy as np
from allocation_reference import KINDS, batch, random_program
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.limits.allocation import allocate, minimum

programs = st.builds(random_program, seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(KINDS))
THROUGHPUT, WATTS, BOUND, COST, POWER, BUDGET = range(6)


def solve(program):
    return allocate(*batch(program))


def changed(program, position, change):
    return (*program[:position], change(program[position]), *program[position + 1 :])


@settings(max_examples=150, deadline=None)
@given(program=programs)
def test_what_the_limits_are_worth_is_the_total(program):
    """I17: Euler's theorem. The worth of the limits is the total unless power and budget are both met by chance with
    no item used in part; the shares always sum to one."""
    found = solve(program)
    assert abs(found.shares().sum() - 1.0) <= 1e-12
    assert (found.shares() >= 0).all()
    part = found.count[0] / np.where(program[BOUND] > 0, program[BOUND], 1.0)
    in_part = ((part > 1e-9) & (part < 1 - 1e-9)).any()
    slack = [program[limit] - found.count[0] @ program[each] for limit, each in ((POWER, WATTS), (BUDGET, COST))]
    if in_part or max(slack) > 1e-9 * max(1.0, program[POWER], program[BUDGET]):
        np.testing.assert_allclose(found.worth.sum(), found.total[0], rtol=1e-9, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(program=programs)
def test_the_joint_total_is_never_above_any_limit_alone(program):
    """I17: LP <= min of relaxations."""
    assert solve(program).total[0] <= minimum(*batch(program)).min() * (1 + 1e-12)


@settings(max_examples=100, deadline=None)
@given(program=programs, which=st.sampled_from([BOUND, POWER, BUDGET]), by=st.floats(0.0, 2.0), pick=st.integers(0, 99))
def test_more_of_any_limit_never_gives_less(program, which, by, pick):
    at = pick % len(program[BOUND])
    more = changed(program, which, lambda v: v + by * (np.arange(len(v)) == at if which == BOUND else 1.0))
    assert solve(more).total[0] >= solve(program).total[0] * (1 - 1e-12)


@settings(max_examples=100, deadline=None)
@given(program=programs, scale=st.floats(1e-6, 1e6))
def test_all_limits_scaled_scale_the_total_and_keep_the_values(program, scale):
    """I8."""
    bigger = program
    for which in (BOUND, POWER, BUDGET):
        bigger = changed(bigger, which, lambda v: v * scale)
    one, two = solve(program), solve(bigger)
    np.testing.assert_allclose(two.total, scale * one.total, rtol=1e-9)
    np.testing.assert_allclose(two.count, scale * one.count, rtol=1e-6, atol=1e-9 * scale)
    np.testing.assert_allclose(two.power_value, one.power_value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(two.shares(), one.shares(), rtol=1e-6, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(program=programs, scales=st.tuples(*[st.floats(1e-3, 1e3)] * 2))
def test_units_of_power_and_money_do_not_matter(program, scales):
    """I27 of this program."""
    other = program
    for which, scale in ((WATTS, scales[0]), (POWER, scales[0]), (COST, scales[1]), (BUDGET, scales[1])):
        other = changed(other, which, lambda v, scale=scale: v * scale)
    one, two = solve(program), solve(other)
    np.testing.assert_allclose(two.total, one.total, rtol=1e-9)
    np.testing.assert_allclose(two.power_value * scales[0], one.power_value, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(two.budget_value * scales[1], one.budget_value, rtol=1e-6, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(program=programs, seed=st.integers(0, 9999))
def test_order_of_items_does_not_matter(program, seed):
    """I9."""
    order = np.random.default_rng(seed).permutation(len(program[BOUND]))
    turned = (*(values[order] for values in program[:4]), *program[4:])
    one, two = solve(program), solve(turned)
    np.testing.assert_allclose(two.total, one.total, rtol=1e-12)
    size = max(1.0, float(program[BOUND].max()))
    np.testing.assert_allclose(two.count[0], one.count[0][order], rtol=1e-9, atol=1e-9 * size)
    np.testing.assert_allclose(two.chip_value[0], one.chip_value[0][order], rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(program=programs)
def test_twins_of_equal_bounds_run_equally(program):
    double = (*(np.repeat(values, 2) for values in program[:4]), 2 * program[POWER], 2 * program[BUDGET])
    count = solve(double).count[0]
    np.testing.assert_allclose(count[::2], count[1::2], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(solve(double).total, 2 * solve(program).total, rtol=1e-9)
