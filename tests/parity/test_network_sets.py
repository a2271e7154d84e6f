"""Caps on what sets of areas import on balance: cuts against linear programs, and what must hold."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from network_reference import headroom_lp, random_caps, random_network, random_sets, unserved_lp
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels import KernelError
from cuda_kernels._network_sets import body_of
from cuda_kernels.network import network_headroom, unserved_mw
from cuda_kernels.network_cuts import tightest_cuts

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])


def solve(margin, limits, direction, share, sets=None, caps=None, engine="auto"):
    coefficients = np.ones((1, margin.shape[1], 1))
    return network_headroom(
        margin.T[:, None], coefficients, limits, direction, share,
        import_cap_mw=caps, import_sets=sets, engine=engine,
    )  # fmt: skip


@engines
@pytest.mark.parametrize("seed", range(60))
def test_unserved_load_equals_linear_programs(seed, engine):
    margin, limits, _ = random_network(seed, areas=3 + seed % 9, hours=4)
    member, caps = random_sets(seed, margin.shape[1])
    own = random_caps(seed, margin.shape[1]) if seed % 2 else np.full(margin.shape[1], np.inf)
    found = body_of(engine)(member.astype(float), limits, np.r_[own, caps]).tightest(-margin)[0]
    want = [unserved_lp(-m, limits, own, (member, caps)) for m in margin]
    assert_allclose(found, want, rtol=1e-9, atol=1e-9)


@needs_numba
@pytest.mark.parametrize("seed", range(20))
def test_many_sets_of_many_areas_equal_linear_programs(seed):
    """Hours one after another, as each begins with the flow of the last; ties in half of the networks."""
    areas = 13 + 3 * seed
    margin, limits, _ = random_network(seed, areas, hours=4)
    if seed % 2:
        margin, limits = np.round(margin), np.round(limits)
    rng = np.random.default_rng(seed)
    member = rng.integers(0, 9, areas) == np.arange(8)[:, None]
    caps = np.round(rng.exponential(2.0, 8) * (rng.random(8) < 0.8), 1)
    found = tightest_cuts(1.0 - margin, limits, import_sets=(member, caps))
    want = [unserved_lp(1.0 - m, limits, np.inf, (member, caps)) for m in margin]
    assert_allclose(found.unserved_mw, want, rtol=1e-9, atol=1e-9)


@engines
@pytest.mark.parametrize("seed", range(24))
def test_headroom_equals_one_large_linear_program(seed, engine):
    margin, limits, direction = random_network(seed, areas=3 + seed % 9, hours=6 + seed % 7)
    sets = random_sets(seed, margin.shape[1])
    share = [0.0, 0.02, 0.1, 0.3][seed % 4]
    found = solve(margin, limits, direction, share, sets, engine=engine).headroom_mw[0, 0]
    assert_allclose(found, headroom_lp(margin, limits, direction, share, sets=sets), rtol=1e-9, atol=1e-9)


@engines
def test_a_set_that_feeds_another_pays_twice(engine):
    """Power for R comes from Q, which may import as much more for itself: one MW on R's cap serves two."""
    limits = np.zeros((4, 4))
    outside, surplus, short, other = range(4)
    limits[outside, short], limits[surplus, other], limits[outside, other] = 9.0, 9.0, 9.0
    deficit = np.array([[-20.0, -8.0, 6.0, 7.0]])
    member = np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    found = [tightest_cuts(deficit, limits, import_sets=(member, [0.0, cap]), engine=engine) for cap in (2, 3)]
    assert [one.unserved_mw[0] for one in found] == pytest.approx([9.0, 7.0])
    assert found[0].set_price[0].tolist() == [1.0, 2.0]  # of what Q and R import


def test_caps_that_bind_nowhere_change_nothing_and_tighter_ones_host_no_more():
    margin, limits, direction = random_network(4, areas=8, hours=60)
    margin += 1.0
    member, _ = random_sets(2, 8)
    free = solve(margin, limits, direction, 0.05)
    open_ = solve(margin, limits, direction, 0.05, (member, np.full(len(member), np.inf)))
    assert_allclose(open_.headroom_mw, free.headroom_mw, rtol=1e-9)
    assert_array_equal(open_.curtailed_hours, free.curtailed_hours)
    loads = [solve(margin, limits, direction, 0.05, (member, np.full(len(member), cap))) for cap in (0.0, 0.4, 2.0)]
    steps = [load.headroom_mw[0, 0] for load in loads] + [free.headroom_mw[0, 0]]
    assert (np.diff(steps) >= -1e-9).all()
    assert steps[0] < steps[-1]


def test_a_set_of_one_area_is_an_area_with_a_cap():
    margin, limits, direction = random_network(9, areas=6, hours=50)
    member, caps = np.eye(6)[:2].astype(bool), np.array([0.3, 0.7])
    own = np.r_[caps, np.full(4, np.inf)]
    one, other = solve(margin, limits, direction, 0.1, (member, caps)), solve(margin, limits, direction, 0.1, caps=own)
    assert_allclose(one.headroom_mw, other.headroom_mw, rtol=1e-9)
    assert_allclose(one.native_unserved_mwh, other.native_unserved_mwh, rtol=1e-9)


def test_sets_that_cannot_be_solved_are_refused():
    margin, limits, direction = random_network(1, areas=4, hours=5)
    both = np.array([[True, True, False, False], [False, True, True, False]])
    with pytest.raises(KernelError, match="share an area"):
        solve(margin, limits, direction, 0.1, (both, np.ones(2)))
    with pytest.raises(KernelError, match="caps of import_sets"):
        solve(margin, limits, direction, 0.1, (both[:1], np.array([-1.0])))
    wide = np.ones((5, 14)), np.zeros((14, 14)), np.full(14, 1 / 14)
    with pytest.raises(KernelError, match="14 areas: at most 5 and 12"):
        solve(*wide, 0.1, (np.eye(14)[:1], np.ones(1)), engine="numpy")


@engines
@pytest.mark.parametrize("seed", range(24))
def test_prices_of_cuts_are_what_one_more_megawatt_serves(seed, engine):
    """Of capacity, of a link, of a cap: beside linear programs a step to either side, where these agree."""
    margin, limits, _ = random_network(seed, areas=3 + seed % 6, hours=2)
    limits = np.minimum(limits, 40.0)
    (member, caps), own, step = random_sets(seed, len(limits)), 0.1 + random_caps(seed, len(limits)), 1e-4
    caps = np.maximum(caps, 0.1)
    own[member.any(axis=0)] = np.inf
    found = tightest_cuts(-margin, limits, import_cap_mw=own, import_sets=(member, caps), engine=engine)
    start, end = np.argwhere(limits > 0.0)[seed % (limits > 0.0).sum()] if limits.any() else (0, 1)
    at, unit, first = seed % len(limits), np.eye(len(limits)), np.arange(len(caps)) == 0
    seen = found.seen(member)
    for h, m in enumerate(margin):
        moves = {
            "area": (float(found.short_side[h, at]), lambda x, m=m: (-m - x * unit[at], limits, own, (member, caps))),
            "link": (max(seen[h, end] - seen[h, start], 0.0),
                     lambda x, m=m: (-m, limits + x * np.outer(unit[start], unit[end]), own, (member, caps))),
            "cap": (found.cap_price[h, at], lambda x, m=m: (-m, limits, own + x * unit[at], (member, caps))),
            "set": (found.set_price[h, 0], lambda x, m=m: (-m, limits, own, (member, caps + x * first))),
        }  # fmt: skip
        for name, (worth, moved) in moves.items():
            if name == "link" and not limits[start, end] > step:
                continue
            less, same, more = (unserved_lp(*moved(x)) for x in (-step, 0.0, step))
            assert same == pytest.approx(found.unserved_mw[h], rel=1e-9, abs=1e-9)
            if abs((less - same) - (same - more)) < 0.01 * step:
                assert worth == pytest.approx((same - more) / step, abs=0.02), name


def test_without_caps_cuts_of_small_and_large_networks_are_those_of_the_network():
    for areas in (5, 70):
        margin, limits, _ = random_network(3, areas, 6)
        found, want = tightest_cuts(-margin, limits), unserved_mw(-margin, limits, engine="numpy")
        assert_allclose(found.unserved_mw, want.unserved_mw, rtol=1e-9, atol=1e-9)
        assert not found.cap_price.any()
        assert found.set_price.shape == (6, 0)
