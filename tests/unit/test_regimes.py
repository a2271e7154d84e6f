"""Regimes: calendar grids, swapping, diversification; and which expert a draw follows."""

from __future__ import annotations

import numpy as np
import pytest
from grid_factory import tiny_grid

from capacity.draws import Draws
from capacity.supply import experts, projection, regimes
from capacity.supply.fleet import Fleet
from scenarios import load

YEARS = np.arange(2025, 2046)


@pytest.fixture(scope="module")
def reference():
    return load(["reference"])[0]


@pytest.fixture(scope="module", params=["US", "CN"])
def case(request, reference):
    return Fleet.of(tiny_grid(), request.param), Draws(5, np.arange(400), YEARS, reference)


@pytest.mark.parametrize("group", regimes.GROUPS)
def test_federal_policy_changes_only_with_a_term(case, group):
    fleet, draws = case
    state = regimes.federal_states(fleet, draws, group)
    (changes,) = np.nonzero((np.diff(state, axis=1) != 0).any(axis=0))
    assert set(YEARS[changes + 1]) == {2029, 2033, 2037, 2041, 2045}
    assert set(np.unique(state)) == {-1, 0, 1}


def test_federal_policy_stays_as_often_as_it_says(case):
    fleet, draws = case
    state = regimes.federal_states(fleet, draws, "thermal")
    stays = np.mean([state[:, y] == state[:, y - 1] for y in range(len(YEARS)) if YEARS[y] in (2029, 2033, 2037, 2041)])
    assert stays == pytest.approx(draws.scalar("federal_stay_probability").mean(), abs=0.04)


def test_plans_step_with_the_plan_and_rush_at_its_end(case):
    fleet, draws = case
    factor = regimes.five_year_plans(fleet, draws)
    assert (factor[:, :, YEARS < 2026] == 1.0).all()
    rush = 1.0 + 5.0 * draws.scalar("plan_rush")[:, None] * np.arange(-2, 3) / 4.0
    for start in (2026, 2031, 2036):
        inside = (start <= YEARS) & (start + 5 > YEARS)
        level = factor[:, :, inside] / rush[:, None, :]
        np.testing.assert_allclose(level, np.broadcast_to(level[..., :1], level.shape), rtol=1e-12)
    assert (np.diff(factor[:, :, (YEARS >= 2026) & (YEARS < 2031)], axis=-1) >= -1e-12).all()


def test_area_rules_move_one_step_at_a_time(case):
    fleet, draws = case
    states, halted = (table[:, 0] for table in regimes.area_states(fleet, draws, ["somewhere"], [0]))
    assert (np.abs(np.diff(states, axis=1)) <= 1).all()
    assert 0.005 < halted.mean() < 0.15


def test_areas_diversify_under_a_patchwork_and_move_together_under_plans(reference):
    fleet = Fleet.of(tiny_grid(), "CN")
    draws = Draws(5, np.arange(3000), YEARS, reference)
    year = int(np.flatnonzero(YEARS == 2032)[0])

    def correlation(factor):
        return np.corrcoef(np.log(factor[:, 0, year]), np.log(factor[:, 1, year]))[0, 1]

    assert correlation(regimes.five_year_plans(fleet, draws)) > 0.6
    assert correlation(regimes.state_rules(fleet, draws)) < 0.4


def test_regimes_swap_between_countries(reference, tmp_path):
    page = tmp_path / "us-plans.yaml"
    page.write_text(
        "name: us-plans\ntitle: The US under five-year plans\nrationale: Claim of the commentary.\nsources: [Own.]\n"
        "overrides:\n"
        "  us.plan_regime_share: {value: 1, label: J, fixed_because: Set on purpose., source: Own question.}\n",
        encoding="utf-8",
    )
    fleet = Fleet.of(tiny_grid(), "US")
    swapped = Draws(5, np.arange(200), YEARS, load([str(page)])[0])
    own = Draws(5, np.arange(200), YEARS, reference)
    planned, on_record = regimes.factors(fleet, swapped)
    np.testing.assert_array_equal(planned[:, :, 0], regimes.five_year_plans(fleet, swapped))
    np.testing.assert_array_equal(planned, on_record)
    assert not np.array_equal(planned, regimes.factors(fleet, own)[0])


def test_factors_do_not_depend_on_company(case):
    fleet, draws = case
    few = Draws(draws.seed, draws.ids[7:19], draws.years, draws.scenario)
    for some, all_draws in zip(regimes.factors(fleet, few), regimes.factors(fleet, draws), strict=True):
        np.testing.assert_array_equal(some, all_draws[7:19])
    assert all((table == 1.0).all() for table in regimes.factors(fleet, draws.central))


def test_owners_knew_the_policy_under_which_they_planned(case):
    fleet, draws = case
    added, on_record = regimes.factors(fleet, draws)
    patchwork = draws.uniform(f"{fleet.prefix}.regime") >= draws.scalar(f"{fleet.prefix}.plan_regime_share")
    if fleet.country == "CN":
        assert not patchwork.any()
        np.testing.assert_array_equal(added, on_record)
        return
    state = regimes.federal_states(fleet, draws, "renewables")[patchwork]
    same = (state == state[:, :1]).all(axis=1)
    # Where policy never changes only the areas' own rules are left; today's restraint is in the others' additions.
    rules = np.where(same[:, None], added[patchwork][:, 0, 0], np.nan) / on_record[patchwork][:, 0, 0]
    restrict = draws.scalar("federal_restrict_factor")[patchwork]
    late = YEARS >= 2035
    np.testing.assert_allclose(rules[same][:, late], np.repeat(restrict[same][:, None], late.sum(), axis=1), rtol=1e-9)
    assert (on_record[:, :, :, 0] == 1.0).all()


def test_queues_slow_some_areas_and_leave_the_country_as_it_is(reference):
    fleet = Fleet.of(tiny_grid(), "US")
    slower, kept = regimes.queue_factors(fleet)
    weight = fleet.planned_addition_mw.sum(axis=(1, 2))
    assert (slower * weight).sum() / weight.sum() == pytest.approx(1.0)
    assert (kept * weight).sum() / weight.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(regimes.queue_factors(Fleet.of(tiny_grid(), "CN"))[0], 1.0)


def test_every_draw_keeps_its_expert(case):
    fleet, draws = case
    projected = projection.project(fleet, draws)
    assert projected.expert.shape == (len(draws), len(fleet.technologies), len(YEARS))
    assert set(np.unique(projected.expert)) <= {
        experts.TREND, experts.SECOND, experts.PIPELINE, experts.SMOOTHING
    }  # fmt: skip
    solar = fleet.technologies.index("solar")
    record = experts.record_of(fleet, "solar")
    chosen = experts.statistical_growth(fleet, draws, solar)[1]
    for code, name in ((experts.SECOND, "diffusion"), (experts.SMOOTHING, "smoothing"), (experts.TREND, "trend")):
        assert (chosen == code).mean(axis=0)[9] == pytest.approx(record.weight[name][9], abs=0.08)
    nuclear = projected.expert[:, fleet.technologies.index("nuclear")]
    assert not (nuclear == experts.SECOND).any()


def test_the_experts_beside_the_trend_can_be_left_out(tmp_path):
    page = tmp_path / "trend-only.yaml"
    page.write_text(
        "name: trend-only\ntitle: Trends alone\nrationale: To compare.\nsources: [Own.]\noverrides:\n"
        "  cn.second_expert_share: {value: 0, label: J, fixed_because: Set on purpose., source: Own question.}\n",
        encoding="utf-8",
    )
    fleet = Fleet.of(tiny_grid(), "CN")
    draws = Draws(5, np.arange(50), YEARS, load([str(page)])[0])
    assert not np.isin(projection.project(fleet, draws).expert, (experts.SECOND, experts.SMOOTHING)).any()
