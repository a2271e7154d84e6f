"""Money: plans, commitments with their dates, busts and their end."""

import numpy as np
import pytest
from joint_factory import YEARS, drawn

from capacity import capital
from capacity.draws import CentralPath
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
    left, bust = capital.bust_path("US", draws)
    at = {int(year): left[0, y] for y, year in enumerate(YEARS)}
    assert at[2026] == 1.0
    assert at[2027] == at[2028] == at[2029] == pytest.approx(0.4)
    assert at[2032] == pytest.approx(0.7)
    assert at[2035] == pytest.approx(0.85)
    np.testing.assert_array_equal(bust[0], (YEARS >= 2027) & (YEARS < 2032))


def test_bust_hazard_is_what_it_says():
    draws = drawn({"us.bust_hazard": 0.1}, count=4000)
    began = capital.bust_began("US", draws)
    assert (began >= 2026).all()
    struck = np.isfinite(began)
    assert struck.mean() == pytest.approx(1 - 0.9**15, abs=0.02)
    assert (began == 2026).mean() == pytest.approx(0.1, abs=0.015)


def test_demand_scales_all_spending():
    draws = drawn()
    once, twice = (capital.spending("US", factor * ones(draws), draws).spending_busd for factor in (1.0, 2.0))
    np.testing.assert_allclose(twice, 2.0 * once)


def test_the_middle_path_has_no_bust():
    central = CentralPath(load(["reference"])[0], YEARS)
    assert (capital.spending("US", ones(central), central).bust == 0).all()
