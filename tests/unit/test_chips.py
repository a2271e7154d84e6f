"""Pools of accelerators: nothing is made or lost, control works on the legal part, chips only get fewer."""

import numpy as np
import pytest
from joint_factory import YEARS, drawn

from capacity.draws import CentralPath
from capacity.limits import chips
from scenarios import load


def test_what_china_imports_is_not_there_for_others():
    pools = chips.pools(drawn())
    np.testing.assert_allclose(pools.us + pools.elsewhere + pools.imported, pools.aligned, rtol=1e-12)
    for name in ("us", "elsewhere", "legal", "smuggled", "domestic"):
        assert (getattr(pools, name) >= 0).all(), name
    more = chips.pools(drawn({"cn.legal_import_factor": 10}))
    np.testing.assert_array_equal(more.aligned, pools.aligned)
    assert (more.us[:, 1:] < pools.us[:, 1:]).all()
    gained = more.imported - pools.imported
    lost = (pools.us + pools.elsewhere) - (more.us + more.elsewhere)
    np.testing.assert_allclose(gained, lost, rtol=1e-6, atol=1e-3)


def test_imports_end_where_the_world_s_shipments_do():
    pools = chips.pools(drawn({"cn.legal_import_factor": 100, "us_aligned_shipment_factor": 0.01}))
    assert (pools.imported <= pools.aligned * (1 + 1e-12)).all()
    cut = pools.imported >= pools.aligned * (1 - 1e-12)
    assert cut[:, 1:].any()
    np.testing.assert_allclose(pools.us[cut], 0.0, atol=1e-3)


def test_nothing_is_shipped_twice():
    pools = chips.pools(drawn())
    for name in ("aligned", "us", "legal", "smuggled", "domestic"):
        assert (getattr(pools, name)[:, YEARS <= 2025] == 0).all(), "what came up to 2025 is in the stock"


def test_tight_control_takes_legal_imports_only():
    shut = chips.pools(drawn({"cn.legal_import_factor": 0}))
    free = chips.pools(drawn())
    assert (shut.legal == 0).all()
    np.testing.assert_array_equal(shut.smuggled, free.smuggled)
    np.testing.assert_array_equal(shut.domestic, free.domestic)


def test_control_moves_in_odd_years_by_one_step():
    states = chips.control_states(drawn({"cn.control_change_probability": 1.0}, count=200))
    assert (states[:, YEARS < 2027] == 0).all()
    step = np.diff(states, axis=1)
    assert (np.abs(step) <= 1).all()
    assert (step[:, (YEARS[1:] % 2) == 0] == 0).all()
    assert {-1, 0, 1} == set(np.unique(states))
    assert (chips.control_states(drawn({"cn.control_change_probability": 0.0})) == 0).all()


def test_the_calendar_of_control_is_a_parameter():
    always = {"cn.control_change_probability": 1.0, "cn.control_first_year": 2028, "cn.control_step_years": 3}
    moved = np.diff(chips.control_states(drawn(always, count=200)), axis=1) != 0
    assert set(YEARS[1:][moved.any(axis=0)]) == {2028, 2031, 2034, 2037, 2040}


def test_a_shock_is_not_made_up_for():
    base = chips.aligned_shipments(drawn())
    shock = chips.aligned_shipments(drawn({"us_aligned_shipment_factor": {2027: 1.0, 2028: 0.4, 2030: 0.4, 2031: 1.0}}))
    hit = (YEARS >= 2028) & (YEARS <= 2030)
    np.testing.assert_allclose(shock[:, hit], 0.4 * base[:, hit])
    np.testing.assert_allclose(shock[:, ~hit], base[:, ~hit])


def test_domestic_deliveries_wait_for_memory():
    shipped = chips.domestic_shipments(drawn({"cn.memory_ramp_year": 2029, "cn.domestic_growth": 1.6}))
    early = shipped[:, (YEARS >= 2026) & (YEARS <= 2029)]
    np.testing.assert_allclose(early, early[:, :1] * np.ones(4))
    assert (shipped[:, YEARS == 2030] > early[:, -1:] * 1.3).all()


def test_survival_starts_whole_and_falls_faster_with_failures():
    survive = [chips.survival("US", drawn({"accelerator_early_failure": rate}), 12) for rate in (0.0, 0.1)]
    for share in survive:
        assert (share[:, 0] == 1).all()
        assert (np.diff(share, axis=1) <= 0).all()
        assert ((share >= 0) & (share <= 1)).all()
    np.testing.assert_allclose(survive[1], survive[0] * 0.9 ** np.arange(12), rtol=1e-12)


def test_the_stock_of_2025_is_what_was_counted():
    """Epoch AI counts 19.7 million H100e of US-aligned makers at the end of 2025, about 75 % owned from the US."""
    central = CentralPath(load(["reference"])[0], YEARS)
    us, china = (chips.stock(country, central) for country in ("US", "CN"))
    assert us.count.sum() == pytest.approx(14.5e6, rel=1e-6)
    assert 0.65 < us.count.sum() / 19.7e6 < 0.8
    assert us.count.sum() + china.count.sum() * 0.59 < 19.7e6
    assert 5e9 < us.base_it_w[0] < 9e9


def test_us_stock_ends_where_the_makers_stock_does():
    stock = chips.stock("US", drawn({"us_aligned_stock_2025_h100e": 10e6, "cn.stock_2025_h100e": 2e6,
                                     "cn.stock_domestic_share": 0.5}))  # fmt: skip
    np.testing.assert_allclose(stock.count.sum(axis=1), 9e6)


def test_potential_power_counts_every_chip_once():
    draws = drawn({"accelerator_early_failure": 0.0, "us.chip_life_years": 12, "chip_life_spread_years": 0.2})
    alive = chips.survival("US", draws, len(YEARS) + 2)
    stock = chips.stock("US", draws)
    none = np.zeros((len(draws), len(YEARS)))
    one = none.copy()
    one[:, 3] = 2.0
    found = chips.potential_it_w(stock, [(one, np.full_like(none, 500.0))], alive, YEARS)
    alone = chips.potential_it_w(stock, [(none, none)], alive, YEARS)
    np.testing.assert_allclose((found - alone)[:, 3:8], 1000.0, rtol=1e-5)
    np.testing.assert_allclose((found - alone)[:, :3], 0.0, atol=1e-3)
    np.testing.assert_allclose(alone[:, 0], (stock.count * stock.watts).sum(axis=1))


def test_china_s_own_chips_need_more_power():
    draws = drawn(count=400)
    own, imported, newest = (chips.watts(pool, draws) for pool in ("domestic", "imported", "us"))
    assert (imported >= newest).all()
    assert np.median(own[:, 0] / newest[:, 0]) > 1.8
