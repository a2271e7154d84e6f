"""Power, chips and capital together: limits, balances, order, attribution."""

import numpy as np
import pytest
from joint_factory import AREAS, YEARS, drawn, solved_country

from capacity import CapacityError, deployment
from capacity.draws import Draws
from capacity.limits import chips, joint, operation, runs

NO_BUST = {"us.bust_hazard": 0.0, "cn.bust_hazard": 0.0}


def solve(values=None, count=32, **kinds):
    draws = drawn(values, count)
    return joint.solve({c: solved_country(c, draws, **kinds) for c in ("US", "CN")}, draws), draws


@pytest.fixture(scope="module")
def reference():
    return solve()


def test_shares_sum_to_one_and_are_no_less_than_nothing(reference):
    for found in reference[0].values():
        np.testing.assert_allclose(found.shares.sum(axis=-1), 1.0, rtol=0, atol=1e-9)
        assert (found.shares >= -1e-12).all()
        areas = joint.area_shares(found)
        np.testing.assert_allclose(areas.sum(axis=-1), 1.0, rtol=0, atol=1e-9)
        assert areas.shape == (found.deployment.limit.shape[1], len(YEARS), len(joint.LIMITS))


def test_operated_load_and_idle_load_are_what_is_deployed(reference):
    for found in reference[0].values():
        total = found.deployment.deployed_mw.sum(axis=1)
        np.testing.assert_allclose(found.operated_mw + found.idle_mw, total, rtol=1e-12)
        assert (found.operated_mw <= found.deployment.supported_mw.sum(axis=1) * (1 + 1e-9)).all()
        assert (found.idle_mw >= -1e-6).all()
        assert (found.deployed_h100e <= found.chips_available_h100e * (1 + 1e-9)).all()


def test_every_number_is_finite(reference):
    for found in reference[0].values():
        for name in joint.Joint.__dataclass_fields__:
            if name not in ("deployment", "capital"):
                assert np.isfinite(getattr(found, name)).all(), name


def test_without_room_only_what_runs_in_the_base_year_is_left():
    found, draws = solve({"us.onsite_share": 0.0}, hostable_mw=0.0)
    us = found["US"]
    assert (us.operated_mw == 0).all()
    assert (us.deployed_h100e > 0).all(), "the older chips run on load inside native demand"
    stock = chips.stock("US", draws)
    assert (us.deployed_h100e[:, 0] * stock.watts[:, 1] <= stock.base_it_w * (1 + 1e-9)).all()
    power = us.shares[..., : len(deployment.POWER_LIMITS)]
    assert (power[..., joint.LIMITS.index("grid")] == power.sum(axis=-1)).all()


def test_with_room_and_money_chips_limit():
    values = {**NO_BUST, "us.ai_capex_2026_busd": 9999, "us.requests_2025_gw": 1400, "us.energised_2025_gw": 39,
              "us.energisation_lag_years": 0, "us.equipment_limit_gw": 999, "shell_overbuild_ratio": 9}  # fmt: skip
    us = solve(values)[0]["US"]
    assert (us.shares[:, :4, joint.LIMITS.index("chips")] > 0.99).all()
    np.testing.assert_allclose(us.deployed_h100e[:, :4], us.chips_available_h100e[:, :4])


def test_without_money_nothing_new_is_bought():
    values = {"us.ai_capex_2026_busd": 0.0, "us.commitment_realised_share": 0.0, "us.energised_2025_gw": 39}
    us = solve(values)[0]["US"]
    assert (np.diff(us.deployed_h100e, axis=1) <= 1e-6).all(), "chips only get fewer"
    last = us.shares[:, 3:6, joint.LIMITS.index("capital")]
    assert (last >= 0).all()


def test_a_bust_leaves_shells_idle_and_they_fill_again():
    calm = solve({**NO_BUST, "us.energised_2025_gw": 20})[0]["US"]
    bust = solve({"cn.bust_hazard": 0.0, "us.bust_year": 2028, "us.bust_depth": 0.95, "us.energised_2025_gw": 20,
                  "bust_trough_years": 3})[0]["US"]  # fmt: skip
    np.testing.assert_array_equal(bust.deployment.deployed_mw, calm.deployment.deployed_mw)
    assert (np.diff(bust.deployment.deployed_mw, axis=-1) >= -1e-9).all()
    trough = (YEARS >= 2028) & (YEARS <= 2030)
    assert bust.deployed_h100e[:, trough].mean() < 0.8 * calm.deployed_h100e[:, trough].mean()
    assert bust.idle_mw[:, trough].mean() > calm.idle_mw[:, trough].mean()
    assert bust.operated_mw[:, YEARS == 2036].mean() > bust.operated_mw[:, YEARS == 2030].mean()


def test_more_of_a_limit_never_means_fewer_chips_in_use():
    base = solve(NO_BUST)[0]
    for values in ({"us.ai_capex_2026_busd": 2000}, {"us.share_of_aligned": 0.95}, {"us.requests_2025_gw": 700}):
        more = solve({**NO_BUST, **values})[0]
        # Not in each later year: what is bought early ages early. The first years cannot fall.
        assert (more["US"].deployed_h100e[:, :3] >= base["US"].deployed_h100e[:, :3] * (1 - 1e-9)).all()


def test_export_control_moves_chips_between_the_countries():
    tight = solve({**NO_BUST, "cn.legal_import_factor": 0.0, "cn.smuggling_factor": 0.0})[0]
    loose = solve({**NO_BUST, "cn.legal_import_factor": 5.0})[0]
    assert (loose["CN"].chips_available_h100e[:, 2] > tight["CN"].chips_available_h100e[:, 2]).all()
    assert (loose["US"].chips_available_h100e[:, 1] < tight["US"].chips_available_h100e[:, 1]).all()


def test_draws_do_not_depend_on_their_company(reference):
    found, draws = reference
    few = Draws(draws.seed, np.array([7, 21]), draws.years, draws.scenario)
    part = joint.solve({c: solved_country(c, few) for c in ("US", "CN")}, few)
    for country in ("US", "CN"):
        for name in ("deployed_h100e", "operated_mw", "shares", "largest_run_flop", "tokens_per_day"):
            np.testing.assert_array_equal(getattr(part[country], name), getattr(found[country], name)[[7, 21]])


def test_power_s_share_goes_to_what_holds_each_area():
    shares = np.array([[[0.6, 0.3, 0.1]]])
    limit = np.array([[[deployment.GRID], [deployment.EQUIPMENT]]], dtype=np.int8)
    found = joint.attribution(shares, np.array([[[30.0], [10.0]]]), limit)[0, 0]
    np.testing.assert_allclose(found, [0.45, 0, 0, 0.15, 0.3, 0.1])
    alike = joint.attribution(shares, np.zeros((1, 2, 1)), limit)[0, 0]
    np.testing.assert_allclose(alike, [0.3, 0, 0, 0.3, 0.3, 0.1])


def test_one_vintage_is_the_least_of_three_limits():
    """The joint program with one kind of chip is min(power / watts, chips, money / cost)."""
    rng = np.random.default_rng(0)
    count, years = 200, np.array([2025])
    stock = chips.Stock(np.zeros((count, 2)), np.full((count, 2), 1000.0), np.array([1.0, 0.0]))
    on_sale, power = rng.uniform(0, 1e6, (count, 1)), rng.uniform(0, 1e9, (count, 1))
    budget = rng.uniform(0, 40, (count, 1))
    money = operation.Money(budget, np.full((count, 1), 40.0), np.full(count, 0.35))
    offer = operation.Offer(on_sale, np.full((count, 1), 800.0))
    ran = operation.operate(years, stock, [offer], np.ones((count, 3)), operation.Power(power, power), money)
    least = np.minimum(np.minimum(power / 800.0, on_sale), budget / (40.0 * 800.0 / 1e9))
    np.testing.assert_allclose(ran.h100e, least, rtol=1e-9)


def test_refilling_a_shell_costs_chips_only():
    """In the second year the shells of the first stand empty: the same money buys more."""
    years = np.array([2025, 2026])
    gone = np.zeros((1, 5))
    gone[:, 0] = 1.0  # everything fails within a year
    stock = chips.Stock(np.array([[0.0, 1e6]]), np.array([[1000.0, 1000.0]]), np.array([0.0, 0.0]))
    money = operation.Money(np.array([[0.0, 10.0]]), np.full((1, 2), 40.0), np.array([0.35]))
    offer = operation.Offer(np.array([[0.0, 1e7]]), np.full((1, 2), 1000.0))
    ample = np.full((1, 2), 1e12)
    ran = operation.operate(years, stock, [offer], gone, operation.Power(ample, ample), money)
    np.testing.assert_allclose(ran.h100e[0], [1e6, 10e9 / (40.0 * 0.65) / 1000.0])


@pytest.mark.parametrize("first", [2024, 2026])
def test_another_base_year_is_refused(first):
    draws = drawn()
    other = Draws(draws.seed, draws.ids, np.arange(first, 2030), draws.scenario)
    with pytest.raises(CapacityError, match="a base year of 2024 is needed"):
        joint.solve({c: solved_country(c, other) for c in AREAS}, other)


def test_energy_goes_by_the_mean_of_pue_not_by_its_peak():
    found, draws = solve()
    for country, one in found.items():
        served = 1.0 - draws.parameter(f"{country.lower()}.curtailable_fraction")
        np.testing.assert_allclose(
            one.operated_mwh, 0.8 * one.operated_mw * 8760 * runs.load_factor(country, draws) * served, rtol=1e-12
        )
    ratio = np.array([[0.8, 0.9]])
    load = np.array([[[3.0, 0.0], [1.0, 0.0]]])
    np.testing.assert_allclose(joint._energy_pue(ratio, load), [[0.825, 0.85]])
