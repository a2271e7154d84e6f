"""Statistics of the claims on datasets made by hand, whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from capacity.claims import statistics as stats
from capacity.claims.influence import chances, most_influential, noise_bound, parameter_values
from capacity.claims.posterior import WORDS, posterior, probability, spread_ratio
from capacity.draws import Draws
from capacity.errors import CapacityError
from scenarios import load

LIMITS = ["grid", "siting", "interconnection", "equipment", "chips", "capital"]


def dataset() -> xr.Dataset:
    """Two draws, two years; in draw 0 power has 0.6 of the compute, in draw 1 chips have 0.7."""
    shares = np.zeros((1, 1, 2, 2, 6))
    shares[0, 0, 0] = [0.1, 0.1, 0.3, 0.1, 0.3, 0.1]
    shares[0, 0, 1] = [0.0, 0.0, 0.1, 0.0, 0.7, 0.2]
    mw = np.array([[10.0, 20.0], [30.0, 60.0]])[None, None]
    dims = ("scenario", "country", "draw", "year")
    coords = {"scenario": ["reference"], "country": ["US"], "draw": [0, 1], "year": [2030, 2031], "limit": LIMITS}
    return xr.Dataset({"binding_share": ((*dims, "limit"), shares), "deployed_mw": (dims, mw)}, coords)


def test_values_of_a_country_and_year():
    result = dataset()
    values = stats.drawn(result, "deployed_mw", "US", "reference")
    np.testing.assert_array_equal(values, [[10, 20], [30, 60]])
    np.testing.assert_array_equal(stats.at(result, values, 2031), [20, 60])
    with pytest.raises(CapacityError, match="2040"):
        stats.at(result, values, 2040)
    with pytest.raises(CapacityError, match="no variable"):
        stats.drawn(result, "magic", "US", "reference")
    with pytest.raises(CapacityError, match="not run"):
        stats.drawn(result, "deployed_mw", "US", "other")


def test_limits_by_kind_sum_to_one_and_the_largest_is_found():
    shares = stats.limit_shares(dataset(), "US", "reference")
    np.testing.assert_allclose(shares["power"], [[0.6, 0.6], [0.1, 0.1]])
    np.testing.assert_allclose(sum(shares.values()), 1.0)
    np.testing.assert_array_equal(stats.largest(shares, "power"), [[True, True], [False, False]])
    np.testing.assert_array_equal(stats.largest(shares, "chips"), [[False, False], [True, True]])


def test_growth_rate_and_growth_by_origin():
    assert float(stats.growth_rate(100.0, 121.0, 2)) == pytest.approx(0.1)
    series = xr.DataArray([50.0, 100.0, 121.0], {"national_year": [2000, 2010, 2012]}, ("national_year",))
    found = stats.growth_by_origin(series, (2000, 2010), 2012)
    assert found[2010] == pytest.approx(0.1)
    assert found[2000] == pytest.approx(2.42 ** (1 / 12) - 1)


def test_paired_log_change():
    np.testing.assert_allclose(
        stats.log_change(np.array([2.0, 1.0, 0.0]), np.array([1.0, 2.0, 0.0])), [np.log(2), -np.log(2), 0]
    )
    with pytest.raises(CapacityError, match="both"):
        stats.log_change(np.array([1.0]), np.array([0.0]))


def test_loss_and_recovery():
    base = np.full((4, 5), 10.0)
    path = np.array([[10, 10, 10, 10, 10], [10, 5, 5, 10, 10], [10, 5, 5, 5, 5], [10, 5, 10, 9, 9.6]], dtype=float)
    np.testing.assert_allclose(stats.loss(path, base), [0.0, 0.2, 0.4, 0.128])
    np.testing.assert_array_equal(stats.years_to_recover(path, base), [0, 2, np.inf, 3])
    flags = path < 10
    np.testing.assert_array_equal(stats.first_year_of(flags, np.arange(2030, 2035)), [np.inf, 2031, 2031, 2031])


def test_energy_share_of_cost_and_what_a_price_does():
    one = np.ones(1)
    capital = float(stats.yearly_capital_cost(40.0 * one, 0.25 * one, 5.0 * one, 20.0)[0])
    assert capital == pytest.approx(30 / 5 + 10 / 20)
    share = stats.energy_cost_share(100.0 * one, capital * one, 1.2 * one, 0.5 * one)
    energy = 100 * 8760e3 * 1.2 * 0.5 / 1e9
    assert share[0] == pytest.approx(energy / (energy + capital))
    change = stats.compute_change_from_price(share, 2.0 * one)[0]
    assert np.exp(change) == pytest.approx((energy + capital) / (2 * energy + capital))
    assert stats.compute_change_from_price(share, one)[0] == 0.0


def test_posterior_of_known_draws():
    found = posterior(np.arange(101.0))
    assert (found.median, found.low, found.high, found.draws) == (50.0, 5.0, 95.0, 101)
    assert found.error == pytest.approx(5.5, abs=1.0)
    waits = posterior(np.array([1.0, 2.0, 3.0, np.inf, np.inf]))
    assert waits.median == 3.0
    assert waits.high == np.inf
    with pytest.raises(CapacityError, match="NaN"):
        posterior(np.array([1.0, np.nan]))


def test_error_of_the_median_covers_repeated_samples():
    generator = np.random.default_rng(1)
    samples = generator.normal(size=(400, 257))
    spread = np.median(samples, axis=1).std()
    assert np.mean([posterior(sample).error for sample in samples]) == pytest.approx(spread, rel=0.15)


@given(st.integers(1, 400), st.data())
def test_probability_has_an_error_even_at_the_ends(count, data):
    holds = data.draw(st.integers(0, count))
    found = probability(np.arange(count) < holds)
    assert found.value == holds / count
    assert 0 < found.error < 0.5
    assert found.words in [words for _, words in WORDS]


def test_a_probability_needs_booleans():
    with pytest.raises(CapacityError, match="booleans"):
        probability(np.array([0.0, 1.0]))


def test_spread_ratio_with_jackknife_error():
    draws = np.random.default_rng(2).normal(size=400)
    found = spread_ratio(2.0 * draws, draws)
    assert found.value == pytest.approx(2.0)
    assert found.error == pytest.approx(0.0, abs=1e-9)
    other = np.random.default_rng(3).normal(size=400)
    assert spread_ratio(other, draws).error == pytest.approx(other.std() / draws.std() / np.sqrt(400), rel=0.2)
    assert np.isnan(spread_ratio(draws, np.ones(400)).value)


def test_influence_finds_the_parameter_that_made_the_statistic():
    draws = Draws(7, np.arange(200), np.arange(2025, 2028), load(["reference"])[0])
    values = parameter_values(draws, ("us", "cn"))
    driver = "us.electricity_price_usd_per_mwh"
    assert not any(name.endswith("hydro_year_factor") for name in values)
    first, *others = most_influential(-(values[driver] ** 2), draws, values)
    assert (first.id, first.above_noise) == (driver, True)
    assert first.correlation == pytest.approx(-1.0)
    assert first.low > first.high
    assert first.label in "FPRJ"
    assert draws.scenario.parameter(driver).description.lower().startswith(first.what.lower())
    assert all(abs(other.correlation) < 0.35 for other in others)
    assert most_influential(np.ones(200), draws, values) == ()
    assert not any(name.startswith("us.") for name in parameter_values(draws, ("cn",)))
    some = parameter_values(draws, ("us", "cn"), ("supply",))
    assert driver not in some
    assert set(some) < set(values)


def test_chance_is_ranked_beside_parameters():
    draws = Draws(7, np.arange(200), np.arange(2025, 2041), load(["reference"])[0])
    lucky = chances(draws, ("us", "cn"), 2035)
    assert chances(draws, ("us",), 2035).keys() < lucky.keys()
    name = "chance: trend of solar, CN"
    spread = np.sqrt(11 + 11**2 / 8)
    assert lucky[name].std() == pytest.approx(spread, rel=0.15)
    first, *_ = most_influential(lucky[name], draws, parameter_values(draws, ("us", "cn")) | lucky)
    assert (first.id, first.label) == (name, "P")
    assert not np.array_equal(chances(draws, ("cn",), 2030)[name], lucky[name])


def test_noise_seldom_passes_the_noise_bound():
    draws = Draws(7, np.arange(100), np.arange(2025, 2027), load(["reference"])[0])
    generator = np.random.default_rng(5)
    values = parameter_values(draws, ("us", "cn"))
    noise = [most_influential(generator.normal(size=100), draws, values, count=1) for _ in range(40)]
    passed = [found[0].above_noise for found in noise]
    assert np.mean(passed) < 0.2
    assert noise_bound(2, 10) == 1.0
