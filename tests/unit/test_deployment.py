"""From hostable to deployed load: limits, conservation, order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_factory import AMPLE_MW, AREAS, YEARS, drawn

from capacity import deployment, sites
from grids.areas import AREAS as ALL_AREAS

US = AREAS["US"]
NO_DELAY = {
    "us.energisation_lag_years": 0,
    "us.onsite_lag_years": 0,
    "us.materialisation_share": 1,
    "us.opposition_share": 0,
    "us.request_growth": 0,
    "us.requests_2025_gw": 100,
    "us.energised_2025_gw": 0,
    "us.equipment_limit_gw": 1000,
    "us.onsite_share": 0.2,
    "us.onsite_realised_share": 0.5,
}


def deploy(values=None, hostable=AMPLE_MW, useful=np.inf, factor=1.0, count=32):
    draws = drawn(values, count)
    shape = (count, len(US), len(YEARS))
    demand = deployment.Demand(np.full((count, len(YEARS)), factor), np.full((count, len(YEARS)), useful))
    load = np.broadcast_to(hostable, shape)
    return deployment.deploy("US", US, load, np.zeros(shape, dtype=bool), demand, draws)


def test_without_delay_all_that_was_asked_for_is_there_from_the_first_year():
    found = deploy(NO_DELAY)
    np.testing.assert_allclose(found.deployed_mw.sum(axis=1), 100_000)
    np.testing.assert_allclose(found.onsite_mw.sum(axis=1), 10_000)


def test_without_requests_only_what_2025_connected_stands():
    found = deploy({"us.requests_2025_gw": 0, "us.energised_2025_gw": 9})
    np.testing.assert_allclose(found.deployed_mw.sum(axis=1), 9_000)
    assert (found.onsite_mw == 0).all()


def test_deployed_load_never_shrinks_and_stays_within_grid_queue_and_site():
    rng = np.random.default_rng(1)
    hostable = rng.uniform(0, 30_000, (32, len(US), len(YEARS)))
    found = deploy(hostable=hostable)
    assert (np.diff(found.deployed_mw, axis=-1) >= -1e-9).all()
    grid = found.deployed_mw - found.onsite_mw
    assert (grid <= np.maximum.accumulate(np.minimum(hostable, found.queue_mw), axis=-1) + 1e-6).all()
    assert (found.supported_mw <= hostable + found.onsite_mw + 1e-6).all()
    assert (found.supported_mw <= found.deployed_mw + 1e-6).all()


def test_the_limit_that_holds_is_named():
    names = deployment.POWER_LIMITS
    quiet = {"us.equipment_limit_gw": 1000}
    assert (deploy(quiet).limit == names.index("interconnection")).all()
    assert (deploy({**NO_DELAY, "us.request_mobility": 0}, hostable=1.0).limit == names.index("grid")).all()
    short = deploy({**NO_DELAY, "us.equipment_limit_gw": 1, "us.equipment_growth": 0, "us.energised_2025_gw": 9,
                    "us.energisation_lag_years": 3})  # fmt: skip
    assert (short.limit[..., 2] == names.index("equipment")).all()


def test_equipment_bounds_what_is_added_from_2026_on():
    found = deploy({"us.equipment_limit_gw": 2, "us.equipment_growth": 0.1, "us.onsite_share": 0})
    added = np.diff(found.deployed_mw.sum(axis=1), axis=1)
    assert (added <= 2_000 * 1.1 ** np.arange(len(YEARS) - 1) + 1e-6).all()
    assert (added[:, 2:6] > 0).all()


def test_nobody_connects_what_no_chip_could_fill():
    found = deploy({"us.onsite_share": 0}, useful=20_000.0)
    total = found.deployed_mw.sum(axis=1)
    assert (total <= np.maximum(20_000.0, total[:, :1]) + 1e-6).all()


def test_more_demand_brings_more_and_flexible_connections_are_faster():
    ample = {"us.equipment_limit_gw": 999}
    assert (deploy(ample, factor=2.0).deployed_mw >= deploy(ample).deployed_mw - 1e-6).all()
    queues = [deploy({"us.flexible_connection_share": share}).queue_mw for share in (0.0, 1.0)]
    assert (queues[1] >= queues[0] - 1e-6).all()
    assert (queues[1][..., 3] > queues[0][..., 3]).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 12.0), st.floats(0.05, 1.0))
def test_shares_connected_are_a_distribution(median, spread):
    age = np.arange(200, dtype=float)
    share = deployment.lag_cdf(age, np.array([[median]]), np.array([[spread]]))[0]
    assert share[0] == 0.0
    assert (np.diff(share) >= 0).all()
    assert share[-1] == pytest.approx(1.0, abs=1e-2)
    half = deployment.lag_cdf(np.array([median]), np.array([[median]]), np.array([[spread]]))
    assert half[0, 0] == pytest.approx(0.5)


def test_open_requests_start_at_nothing_and_all_come():
    ready = deployment.lag_cdf(np.arange(40) + 0.5, np.array([[[3.0]]]), np.array([[[0.45]]]))
    share = deployment.ready_of_open(ready, deployment.ages_of_open(np.array([1.8]), np.array([8.0])))[0, 0]
    assert share[0] == 0.0
    assert (np.diff(share) >= 0).all()
    assert share[-1] == pytest.approx(1.0, abs=1e-6)
    slower = deployment.ready_of_open(ready, deployment.ages_of_open(np.array([5.0]), np.array([8.0])))[0, 0]
    assert (slower[1:5] < share[1:5]).all(), "younger requests wait longer"


def test_cohorts_add_up():
    made = np.array([[1.0, 2.0, 0.0]])
    ready = np.array([[0.0, 0.5, 1.0]])
    np.testing.assert_allclose(deployment.delayed(made, ready), [[0.0, 0.5, 2.0]])


def test_additions_are_cut_in_proportion():
    want = np.array([[[10.0, 30.0], [30.0, 40.0]]])
    found, short = deployment.connect(want, np.array([[20.0, np.inf]]), np.full((1, 2), np.inf))
    np.testing.assert_allclose(found[0, :, 0], [5.0, 15.0])
    np.testing.assert_allclose(found[0, :, 1], [30.0, 40.0])
    assert short[0, :, 0].all()
    assert not short[0, :, 1].any()


def test_request_table_covers_the_map_with_labels():
    table = deployment.request_table()
    assert set(table) == {area.id for area in ALL_AREAS}
    assert all(row["label"] in "FPRJ" and row["weight"] > 0 and row["years"] > 0 for row in table.values())
    share, ratio = deployment.request_pattern([area for area in table if area.startswith("us.")])
    assert share.sum() == pytest.approx(1.0)
    assert (share * ratio).sum() == pytest.approx(1.0)


def test_areas_of_one_s_own_get_the_mean():
    share, ratio = deployment.request_pattern(["us.ercot", "my.area"])
    np.testing.assert_allclose(share, [0.5, 0.5])
    np.testing.assert_allclose(ratio, 1.0)
    np.testing.assert_allclose(deployment.request_pattern(["a", "b"])[0], [0.5, 0.5])


def test_a_memory_of_requests_may_differ_by_draw():
    before = np.array([1.8, 1.3])
    both = deployment.ages_of_open(before, np.array([8.0, 3.0]))
    assert both.shape == (2, 8)
    np.testing.assert_array_equal(both[:1], deployment.ages_of_open(before[:1], np.array([8.0])))
    np.testing.assert_array_equal(both[1, :3], deployment.ages_of_open(before[1:], np.array([3.0]))[0])
    assert not both[1, 3:].any()


def test_power_on_site_waits_for_fuel_and_comes_later():
    free = deploy(NO_DELAY | {"us.onsite_lag_years": 2.0})
    tight = deploy(NO_DELAY | {"us.onsite_lag_years": 2.0, "us.onsite_addition_limit_gw": 1.0})
    added = np.diff(tight.onsite_mw.sum(axis=1), axis=1, prepend=0.0)
    assert (added <= 1000 * (1 + 1e-12)).all()
    assert (tight.onsite_mw <= free.onsite_mw * (1 + 1e-12)).all()
    late = free.onsite_mw.sum(axis=1)[:, -1]
    np.testing.assert_allclose(tight.onsite_mw.sum(axis=1)[:, -1], np.minimum(late, 1000.0 * len(YEARS)))
    np.testing.assert_array_equal(tight.queue_mw, free.queue_mw)


def test_hubs_take_their_share_of_what_can_move():
    areas = tuple(area.id for area in ALL_AREAS if area.id.startswith("cn."))
    values = {"cn.request_mobility": 1.0, "cn.hub_request_share": 1.0, "cn.request_growth": 0.5}
    draws = drawn(values, 4)
    shape = (4, len(areas), len(YEARS))
    made = deployment._placed_requests(
        "CN", areas, np.full(len(areas), 1 / len(areas)), np.ones(shape), np.ones(shape)[:, 0], draws
    )
    shares = sites.hub_shares(areas)
    assert shares.sum() == pytest.approx(1.0)
    assert not shares[areas.index("cn.beijing")]
    new = made[..., np.array(YEARS) > 2025]
    np.testing.assert_allclose(new / new.sum(axis=1, keepdims=True), np.broadcast_to(shares[None, :, None], new.shape))
