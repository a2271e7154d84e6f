"""From facility power to accelerators: known values, limits, balances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity import compute
from capacity.draws import CentralPath
from scenarios import load

YEARS = np.arange(2025, 2041)


@pytest.fixture(scope="module")
def central():
    return CentralPath(load(["reference"])[0], YEARS)


def test_pue_of_a_cold_site_is_losses_alone(central):
    cooling = compute.Cooling.of(central)
    cold = compute.pue(np.array([-20.0]), cooling)[0, 0]
    assert cold == pytest.approx(1.0 + float(cooling.electrical_loss[0] + cooling.fan_loss[0]))


def test_pue_rises_with_temperature_within_published_range(central):
    values = compute.pue(np.linspace(-10, 45, 56), compute.Cooling.of(central))[0]
    assert (np.diff(values) >= 0).all()
    assert 1.03 < values[0] < values[-1] < 1.5  # 1.05 to 1.40 are the published 5-95 % bounds


def test_one_gigawatt_of_new_us_facility_is_about_a_million_h100e(central):
    """Published rule of thumb: 1 GW of Blackwell facility runs about 1.1 million H100-equivalents."""
    it_power = np.full((1, 1, len(YEARS)), 1000.0 / 1.2)
    found = compute.from_it_power("US", it_power, np.ones((1, len(YEARS))), central)
    assert 0.7e6 < found.h100e[0, 0, 0] < 1.4e6
    assert 0.3e28 < found.flop_per_year[0, 0, 0] < 1.5e28


def test_china_gets_less_compute_from_the_same_power(central):
    it_power = np.full((1, 1, len(YEARS)), 1000.0)
    both = [compute.from_it_power(c, it_power, np.ones((1, len(YEARS))), central).h100e for c in ("US", "CN")]
    assert (both[1] < both[0]).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), life=st.floats(2.0, 12.0))
def test_vintages_sum_to_the_hosted_power(seed, life):
    rng = np.random.default_rng(seed)
    power = rng.uniform(0, 1000, (3, 2, 12)) * (rng.uniform(size=(3, 2, 12)) > 0.2)
    stock = compute.fill_with_vintages(power, compute.life_survival(np.full(3, life), np.full(3, 0.3 * life), 12))
    np.testing.assert_allclose(stock.sum(axis=2), power, rtol=1e-9, atol=1e-9)
    assert (stock >= 0).all()
    vintage, year = np.indices((12, 12))
    assert (stock[:, :, vintage > year] == 0).all()


def test_a_remnant_too_small_to_divide_by_is_no_overflow():
    """Hosted once, then nothing for decades, then again: what is left of the first vintage is next to nothing."""
    power = np.zeros((1, 1, 26))
    power[..., 0] = 1.0
    power[..., -1] = 1e6
    stock = compute.fill_with_vintages(power, np.where(np.arange(26) == 0, 1.0, 1e-310)[None, :])
    np.testing.assert_allclose(stock.sum(axis=2), power, rtol=1e-9)


def test_life_survival_starts_whole_and_falls():
    share = compute.life_survival(np.array([3.0, 5.0, 9.0]), np.array([0.9, 1.5, 1.5]), 20)
    assert (share[:, 0] == 1).all()
    assert (np.diff(share, axis=1) <= 0).all()
    mean_life = share.sum(axis=1) - 0.5
    np.testing.assert_allclose(mean_life, [3.0, 5.0, 9.0], rtol=0.02)
