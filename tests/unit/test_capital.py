"""Money: plans, commitments with their dates, busts and their end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_factory import YEARS, drawn

from capacity.draws import CentralPath
from capacity.limits import capital
from scenarios import load

NO_BUST = {"us.bust_hazard": 0.0, "cn.bust_hazard": 0.0}


def ones(draws):
    return np.ones((len(draws), len(draws.years)))


def test_without_a_bust_spending_is_plans_and_commitments():
    draws = drawn(NO_BUST)
    found = capital.spending("US", ones(draws), draws)
    np.testing.assert_allclose(found.spending_busd, capital.planned_busd("US", draws) + capital.commitments_busd(draws))
    assert (found.bust == 0).all()
    assert (found.spending_busd[:, 0] == 0).all(), "what 2025 bought is in the stock"


def test_growth_starts_after_2026_and_changes_in_2031():
    draws = drawn({**NO_BUST, "cn.ai_capex_2026_busd": 100, "cn.ai_capex_growth_2027_2030": 0.2,
                   "cn.ai_capex_growth_2031_2040": 0.0})  # fmt: skip
    path = capital.planned_busd("CN", draws)[0]
    np.testing.assert_allclose(path[[1, 2, 5, 6, 15]], [100, 120, 100 * 1.2**4, 100 * 1.2**4, 100 * 1.2**4])


@pytest.mark.parametrize(("revised", "total", "span", "until"), [(0, 1400, 8, 2033), (1, 600, 5, 2030)])
def test_both_dated_commitments_are_spent_over_their_years(revised, total, span, until):
    draws = drawn({"us.commitment_revised_share": revised, "us.commitment_realised_share": 0.5,
                   "us.commitment_outside_share": 0.4})  # fmt: skip
    paid = capital.commitments_busd(draws)
    np.testing.assert_allclose(paid.sum(axis=1), total * 0.2)
    np.testing.assert_allclose(paid[:, YEARS == 2026], total * 0.2 / span)
    assert (paid[:, until + 1 <= YEARS] == 0).all()


def test_a_set_bust_falls_by_its_depth_lasts_and_heals():
    draws = drawn({"us.bust_year": 2027, "us.bust_depth": 0.6, "bust_trough_years": 2, "bust_recovery_years": 3})
    left, bust = capital.bust_path("US", ones(draws), draws)
    at = {int(year): left[0, y] for y, year in enumerate(YEARS)}
    assert at[2026] == 1.0
    assert at[2027] == at[2028] == at[2029] == pytest.approx(0.4)
    assert at[2032] == pytest.approx(0.7)
    assert at[2035] == pytest.approx(0.85)
    np.testing.assert_array_equal(bust[0], (YEARS >= 2027) & (YEARS < 2032))


def test_bust_hazard_is_what_it_says():
    draws = drawn({"us.bust_hazard": 0.1}, count=4000)
    _, bust = capital.bust_path("US", np.full((4000, len(YEARS)), 1e6), draws)
    assert (bust[:, 0] == 0).all()
    assert bust.any(axis=1).mean() == pytest.approx(1 - 0.9**15, abs=0.02)
    assert bust[:, 1].mean() == pytest.approx(0.1, abs=0.015)


def test_no_bust_strikes_below_the_line_and_demand_can_lift_spending_above_it():
    level = {"us.bust_hazard": 1.0, "us.gdp_2025_busd": 30_000, "us.gdp_growth": 0.0, "bust_spending_share": 0.012}
    draws = drawn(level)
    for busd, struck in ((359.0, False), (361.0, True)):
        left, bust = capital.bust_path("US", np.full((len(draws), len(YEARS)), busd), draws)
        assert bust.any() == struck
        assert (left < 1.0).any() == struck
    growing = drawn({**level, "us.gdp_growth": 0.02})
    _, bust = capital.bust_path("US", np.full((len(draws), len(YEARS)), 361.0), growing)
    assert not bust.any(), "the economy outgrows it"


def test_a_second_bust_waits_for_the_trough_and_for_spending_to_be_back():
    draws = drawn({"us.bust_hazard": 1.0, "us.bust_depth": 0.5, "bust_trough_years": 2, "bust_recovery_years": 1,
                   "us.gdp_2025_busd": 30_000, "us.gdp_growth": 0.0, "bust_spending_share": 0.012})  # fmt: skip
    left, _ = capital.bust_path("US", np.full((len(draws), len(YEARS)), 500.0), draws)
    # 250 until 2028, 375 in 2029, which is above 360: the second bust takes half of that.
    np.testing.assert_allclose(left[0, 1:6], [0.5, 0.5, 0.5, 0.375, 0.375])


@settings(max_examples=40, deadline=None)
@given(
    hazard=st.floats(0.0, 1.0),
    depth=st.floats(0.0, 1.0),
    trough=st.floats(0.0, 10.0),
    half=st.floats(0.1, 20.0),
    scale=st.floats(0.01, 10.0),
)
def test_what_busts_leave_is_a_share_that_more_spending_never_makes_safer(hazard, depth, trough, half, scale):
    draws = drawn({"us.bust_hazard": hazard, "us.bust_depth": depth, "bust_trough_years": trough,
                   "bust_recovery_years": half}, count=16)  # fmt: skip
    wanted = 400.0 * scale * np.linspace(0.5, 1.5, len(YEARS)) * ones(draws)
    left, bust = capital.bust_path("US", wanted, draws)
    assert ((left >= 0.0) & (left <= 1.0)).all()
    assert set(np.unique(bust)) <= {0.0, 1.0}
    first, first_of_more = (np.where(b.any(axis=1), b.argmax(axis=1), len(YEARS)) for b in (
        bust, capital.bust_path("US", 2.0 * wanted, draws)[1]
    ))  # fmt: skip
    assert (first_of_more <= first).all()


def test_gross_domestic_product_grows_from_2025():
    draws = drawn({"cn.gdp_2025_busd": 20_000, "cn.gdp_growth": 0.05})
    np.testing.assert_allclose(capital.gdp_busd("CN", draws)[0, [0, 1, 10]], [20_000, 21_000, 20_000 * 1.05**10])


def test_busts_are_common_in_the_us_and_rare_in_china_because_less_is_spent():
    draws = drawn(count=2000)
    us, cn = (capital.spending(country, ones(draws), draws).bust.any(axis=1).mean() for country in ("US", "CN"))
    assert us > 0.5
    assert cn < 0.2


def test_demand_scales_all_spending():
    draws = drawn(NO_BUST)
    once, twice = (capital.spending("US", factor * ones(draws), draws).spending_busd for factor in (1.0, 2.0))
    np.testing.assert_allclose(twice, 2.0 * once)


def test_the_middle_path_has_no_bust():
    central = CentralPath(load(["reference"])[0], YEARS)
    assert (capital.spending("US", ones(central), central).bust == 0).all()
