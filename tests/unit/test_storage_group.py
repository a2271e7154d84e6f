"""Stores of areas that exchange power: one store beside the group's hours, against joint operation in one program."""

from argparse import Namespace

import numpy as np
import pytest
from grid_factory import tiny_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import storage_network_check as check
from capacity import estimate
from capacity.adequacy.storage import Store
from capacity.network import storage_group
from capacity.network.links import limits_of
from scenarios import load

GIVEN = {"draws": 5, "seed": 5, "device": "cpu"}
HEADROOMS = ("grid_headroom_mw", "firm_headroom_mw", "isolated_headroom_mw", "copper_plate_headroom_mw")
seeds = st.integers(0, 2**32 - 1)


def random_case(seed, *, areas=3, days=4, limit=np.inf):
    """Areas with a daily wave each, and stores alike in losses and hours."""
    rng = np.random.default_rng(seed)
    hours = np.arange(24 * days)[:, None]
    wave = np.sin(2.0 * np.pi * (hours / 24.0 + rng.random(areas))) * rng.uniform(20.0, 60.0, areas)
    margin = wave + rng.normal(rng.uniform(40.0, 90.0), 15.0, (24 * days, areas))
    power = rng.uniform(5.0, 30.0, areas)
    store = np.stack([power, 3.0 * power, np.full(areas, 0.85)], axis=1)
    limits = np.full((areas, areas), limit)
    np.fill_diagonal(limits, 0.0)
    return check.Case(margin, store, limits, 0.02, np.ones(areas))


def joint(case):
    whole = storage_group.one_of([Store(*store[:, None]) for store in case.store])
    return whole, check.one_store(case.margin.sum(axis=1), np.concatenate(whole), case.share)


@pytest.mark.parametrize("seed", range(6))
def test_without_limits_one_store_is_the_best_joint_operation(seed):
    case = random_case(seed)
    whole, found = joint(case)
    direction = np.array([0.5, 0.3, 0.2])
    extra = storage_group.worth_of(found, case.margin.sum(axis=1)[None], whole.power_mw)
    for share, dispatched, worth in (
        (case.share, found.headroom_mw, extra[0]),
        (0.0, found.firm_headroom_mw, sum(extra)),
    ):
        best = check.joint_headroom(case, direction, share)
        assert_allclose(dispatched, best, rtol=2e-3, atol=1e-2)
        shared = worth * case.store[:, 0] / whole.power_mw
        assert_allclose(check.along(case.margin + shared, case.limits, direction, share), best, rtol=2e-3, atol=1e-2)


@pytest.mark.parametrize("seed", range(4))
def test_within_limits_it_passes_joint_operation_by_little(seed):
    case = random_case(seed, limit=12.0)
    whole, found = joint(case)
    shared = found.equivalent_mw * case.store[:, 0] / whole.power_mw
    direction = np.array([0.5, 0.3, 0.2])
    best = check.joint_headroom(case, direction, case.share)
    load = check.along(case.margin + shared, case.limits, direction, case.share)
    assert 0.7 * best <= load <= 1.05 * best


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_pooling_of_stores_never_hurts(seed):
    case = random_case(seed)
    case = case._replace(margin=np.maximum(case.margin, -case.store[:, 0]))
    alone = [check.one_store(m, s, case.share) for m, s in zip(case.margin.T, case.store, strict=True)]
    if min(float(one.firm_headroom_mw[0]) for one in alone) <= 0.0:
        return  # where natives are short in isolation, others serve them first
    together = joint(case)[1]
    for field in ("headroom_mw", "firm_headroom_mw"):
        apart = sum(float(getattr(one, field)[0]) for one in alone)
        assert float(getattr(together, field)[0]) >= apart * (1.0 - 1e-3)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_sums_of_areas_are_the_same_in_any_order_and_company(seed):
    rng = np.random.default_rng(seed)
    parts = [(rng.normal(0.0, 2.0, (3, 40)), rng.normal(0.0, 10.0 ** rng.uniform(0, 5), (4, 3))) for _ in range(9)]

    def total(some, cases=slice(None)):
        weights = np.concatenate([c[cases] for _, c in some], axis=1)
        return storage_group.added_up(storage_group.rounded([p for p, _ in some]), weights)

    whole = total(parts)
    assert_array_equal(total(parts[::-1]), whole)
    assert_array_equal(total(parts, slice(2, 3)), whole[2:3])
    assert_allclose(whole, sum(c @ p for p, c in parts), atol=1e-5 * np.abs(whole).max())


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def found(grid):
    years = range(2025, 2028)
    return estimate(grid, load(["reference"]), years=years, exchange="network", threads=2, **GIVEN)


def test_a_draw_depends_on_no_other_nor_on_threads(grid, found):
    years = range(2025, 2028)
    alone = estimate(grid, load(["reference"]), years=years, exchange="network", threads=1, **GIVEN)
    few = estimate(grid, load(["reference"]), years=[2027], exchange="network", threads=1, **GIVEN | {"draws": [1, 3]})
    for name in HEADROOMS:
        assert_array_equal(alone[name], found[name])
        assert_array_equal(few[name].sel(year=2027), found[name].sel(year=2027).isel(draw=[1, 3]))


def test_both_engines_find_the_same(grid, found):
    pytest.importorskip("numba")
    plain = estimate(grid, load(["reference"]), years=[2025], exchange="network", engine="numpy", **GIVEN)
    for name in HEADROOMS:
        assert_allclose(plain[name].sel(year=2025), found[name].sel(year=2025), rtol=1e-9, atol=1e-6)


def test_isolated_areas_keep_their_own_stores(grid, found):
    """The isolated headroom of a network is that of islands without interchange, whose stores are dispatched."""
    credit = estimate(grid, load(["reference"]), years=[2025], exchange="network", storage="credit", **GIVEN)
    name = "isolated_headroom_mw"
    assert (found[name].sel(year=2025) != credit[name].sel(year=2025)).any()
    assert (found["firm_headroom_mw"] <= found["grid_headroom_mw"] * (1.0 + 1e-12)).all()
    assert (found["copper_plate_headroom_mw"] >= found["grid_headroom_mw"] * (1.0 - 1e-9)).all()


def test_more_transfer_never_lowers_the_total(grid, found, monkeypatch):
    plain = limits_of
    monkeypatch.setattr("capacity.network.case.limits_of", lambda *given: 2.0 * plain(*given))
    more = estimate(grid, load(["reference"]), years=range(2025, 2028), exchange="network", **GIVEN)
    assert (more["native_unserved_mwh"] <= found["native_unserved_mwh"] + 1e-6).all()
    served = (found["native_unserved_mwh"] == 0.0).values
    for name in ("grid_headroom_mw", "firm_headroom_mw"):
        gain = (more[name] - found[name] * (1.0 - 1e-9)).values
        assert (gain[served] >= -1e-6).all()


def test_the_check_on_real_hours_runs():
    asked = Namespace(
        group="western", areas="us.caiso,us.northerngrid_west,us.northerngrid_south", year=2026, draws=1, weeks=1
    )
    (case,) = check.cases(asked)
    assert case.margin.shape == (168, 3)
    flexible, firm = check.compare(case, "request")
    assert "joint operation" in flexible
    assert "copper plate" in firm
