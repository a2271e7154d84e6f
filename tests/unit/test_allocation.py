"""The allocation of accelerators: known answers, HiGHS, one-sided values, refusals."""

import numpy as np
import pytest
from allocation_reference import KINDS, batch, highs_total, random_program, two_sided_means

from benchmarks import allocation_check
from capacity.errors import CapacityError
from capacity.limits import allocation
from capacity.limits.allocation import allocate, minimum


def solve(program):
    return allocate(*batch(program))


def test_power_goes_to_the_most_throughput_per_watt():
    """Three makes of 10, 8 and 5 per kilowatt, ten each; power for the first and half of the second."""
    found = allocate([10.0, 8.0, 5.0], [1.0, 1.0, 1.0], [[10.0, 10.0, 10.0]], [0.0, 0.0, 0.0], [15.0], [0.0])
    np.testing.assert_allclose(found.count, [[10.0, 5.0, 0.0]])
    assert found.total[0] == pytest.approx(140.0)
    assert found.power_value[0] == pytest.approx(8.0)
    np.testing.assert_allclose(found.chip_value, [[2.0, 0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(found.shares(), [[120 / 140, 20 / 140, 0.0]])


def test_power_and_budget_share_when_both_bind():
    """x + y <= 10 W, 2 x <= 8 of money, throughput 3 x + y: x = 4, y = 6; a watt adds 1, a unit of money 1."""
    found = allocate([3.0, 1.0], [1.0, 1.0], [[100.0, 100.0]], [2.0, 0.0], [10.0], [8.0])
    np.testing.assert_allclose(found.count, [[4.0, 6.0]])
    assert (found.power_value[0], found.budget_value[0]) == pytest.approx((1.0, 1.0))
    np.testing.assert_allclose(found.shares(), [[10 / 18, 0.0, 8 / 18]], atol=1e-12)


def test_a_limit_met_by_chance_is_worth_the_mean_of_its_two_sides():
    """Ten watts for exactly ten chips: a watt more adds nothing, a watt less takes one chip; so for the chips."""
    found = allocate([1.0], [1.0], [[10.0]], [0.0], [10.0], [0.0])
    assert (found.power_value[0], found.chip_value[0, 0]) == pytest.approx((0.5, 0.5))
    np.testing.assert_allclose(found.shares(), [[0.5, 0.5, 0.0]], atol=1e-12)


def test_all_three_limits_met_by_chance_have_equal_shares():
    """Each limit alone is worth the mean of 0 and 1; the sum, 1.5 times the total, is scaled back."""
    found = allocate([1.0], [1.0], [[10.0]], [1.0], [10.0], [10.0])
    np.testing.assert_allclose(found.worth, [[5.0, 5.0, 5.0]])
    np.testing.assert_allclose(found.shares(), [[1 / 3, 1 / 3, 1 / 3]])


def test_ties_share_in_proportion_to_their_bounds():
    found = allocate([2.0, 2.0, 1.0], [1.0, 1.0, 1.0], [[30.0, 10.0, 50.0]], [0.0, 0.0, 0.0], [20.0], [0.0])
    np.testing.assert_allclose(found.count, [[15.0, 5.0, 0.0]])


def test_nothing_at_all_is_laid_to_the_limits_that_are_zero():
    bound = np.array([[5.0, 5.0], [0.0, 0.0], [5.0, 0.0], [0.0, 0.0]])
    found = allocate([1.0, 1.0], [1.0, 1.0], bound, [1.0, 0.0], [0.0, 9.0, 9.0, 0.0], [9.0, 9.0, 0.0, 0.0])
    assert (found.total == 0).all()
    np.testing.assert_allclose(found.shares(), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]])
    np.testing.assert_allclose(found.power_value, [1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(found.chip_value[1], [1.0, 1.0])


def test_no_limit_is_infinity():
    free = allocate([1.0, 2.0], [1.0, 1.0], [[3.0, 4.0]], [1.0, 1.0], [np.inf], [np.inf])
    np.testing.assert_allclose(free.count, [[3.0, 4.0]])
    np.testing.assert_allclose(free.shares(), [[0.0, 1.0, 0.0]])


@pytest.mark.parametrize("kind", KINDS)
def test_equals_highs(kind):
    for seed in range(40):
        program = random_program(seed, kind)
        assert solve(program).total[0] == pytest.approx(highs_total(program), rel=1e-8, abs=1e-12), seed


@pytest.mark.parametrize("kind", ["spread", "whole", "twins", "one limit"])
def test_values_are_means_of_one_sided_differences(kind):
    for seed in range(25):
        program = random_program(seed, kind)
        power, chips, budget = two_sided_means(lambda p: float(solve(p).total[0]), program)
        found = solve(program)
        scale = 1e-6 * max(1.0, power, budget, chips.max())
        assert found.power_value[0] == pytest.approx(power, abs=scale), seed
        assert found.budget_value[0] == pytest.approx(budget, abs=scale), seed
        np.testing.assert_allclose(found.chip_value[0], chips, atol=scale, err_msg=str(seed))


def test_minimum_is_exact_for_one_item_and_above_otherwise():
    one = batch(*(random_program(seed, "spread")[:6] for seed in range(200) if _items(seed, "spread") == 1))
    np.testing.assert_allclose(minimum(*one).min(axis=1), allocate(*one).total, rtol=1e-12)
    for kind in KINDS:
        for seed in range(60):
            program = batch(random_program(seed, kind))
            assert allocate(*program).total[0] <= minimum(*program).min() * (1 + 1e-12)


def _items(seed, kind):
    return len(random_program(seed, kind)[0])


def test_a_case_does_not_know_the_others():
    programs = [p for p in (random_program(seed, "fleet") for seed in range(400)) if len(p[0]) == 20]
    together, alone = allocate(*batch(*programs)), [solve(program) for program in programs]
    for name in ("count", "total", "power_value", "chip_value", "budget_value"):
        assert (getattr(together, name) == np.concatenate([getattr(one, name) for one in alone])).all()


def test_blocks_change_nothing(monkeypatch):
    programs = batch(*(p for p in (random_program(seed, "whole") for seed in range(300)) if len(p[0]) == 7))
    whole = allocate(*programs)
    monkeypatch.setattr(allocation, "_BLOCK_NUMBERS", 14)
    for name, values in vars(allocate(*programs)).items():
        assert (values == getattr(whole, name)).all(), name


def test_shares_of_many_draw_years_sum_to_one():
    rng = np.random.default_rng(7)
    cases, items = 100_000, 9
    watts = rng.lognormal(0.0, 1.0, (cases, items))
    bound = rng.lognormal(0.0, 1.0, (cases, items)) * (rng.random((cases, items)) > 0.3)
    cost = rng.lognormal(0.0, 1.0, (cases, items)) * (rng.random((cases, items)) > 0.5)
    power = (watts * bound).sum(axis=1) * rng.choice([0.0, 0.5, 1.0, 1.5], cases) * rng.choice([1.0, 0.7], cases)
    budget = (cost * bound).sum(axis=1) * rng.choice([0.0, 0.5, 1.0, 1.5], cases) * rng.choice([1.0, 0.7], cases)
    found = allocate(np.ones(items), watts, bound, cost, power, budget)
    shares = found.shares()
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    assert (found.count <= bound).all()
    assert ((watts * found.count).sum(axis=1) <= power * (1 + 1e-12)).all()
    assert ((cost * found.count).sum(axis=1) <= budget * (1 + 1e-11)).all()


def test_the_acceptance_check_runs(capsys):
    allocation_check.main(["--instances", "10", "--cases", "40", "--items", "5"])
    lines = capsys.readouterr().out.splitlines()
    errors = [float(line.split()[-1]) for line in lines if "largest relative error" in line]
    assert len(errors) == len(KINDS)
    assert max(errors) < 1e-8
    assert sum("us a case" in line for line in lines) == 2


def test_no_cases_give_no_cases():
    found = allocate(*(np.zeros((0, 3)) for _ in range(4)), np.zeros(0), np.zeros(0))
    assert found.count.shape == (0, 3)
    assert found.shares().shape == (0, 3)


def test_faults_are_named_together():
    bound = np.array([[1.0, 1.0], [1.0, -2.0]])
    with pytest.raises(CapacityError) as raised:
        allocate([1.0, np.nan], [1.0, 0.0], bound, [0.0, 0.0], [1.0, 1.0], [1.0, 2.0, 3.0])
    text = str(raised.value)
    for part in ("throughput is nan", "watts is 0.0", "bound is -2.0 at case 1", "budget is (3,)"):
        assert part in text
    with pytest.raises(CapacityError, match="at least one item"):
        allocate([1.0], [1.0], [1.0], [1.0], [1.0], [1.0])
