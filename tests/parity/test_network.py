"""Networked headroom: both engines against linear programs, whole-number max-flow and all cuts; and what must hold."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_reference import (
    headroom_lp,
    random_caps,
    random_network,
    random_tree,
    unserved_by_cuts,
    unserved_integer,
    unserved_lp,
)
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels import KernelError, headroom_mw
from cuda_kernels._network_numpy import Network, augmented, fold_plan
from cuda_kernels.network import curtailed_mw, network_headroom, unserved_mw

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
ENGINES = ["numpy", pytest.param("numba", marks=needs_numba)]
engines = pytest.mark.parametrize("engine", ENGINES)
SHARES = [0.0, 0.005, 0.05, 0.2]
seeds = st.integers(0, 2**32 - 1)


def solve(margin, limits, direction, share, engine="numpy", scale=1.0):
    coefficients = np.full((1, margin.shape[1], 1), scale)
    return network_headroom(margin.T[:, None, :], coefficients, limits, direction, share, engine=engine)


@engines
def test_unserved_load_equals_linear_programs_and_transfers_attain_it(engine):
    for seed in range(40):
        margin, limits, _ = random_network(seed, areas=2 + seed % 30, hours=3)
        found = unserved_mw(-margin, limits, engine=engine)
        want = [unserved_lp(-m, limits) for m in margin]
        assert_allclose(found.unserved_mw, want, rtol=1e-9, atol=1e-9)
        sent = found.transfer_mw
        assert (sent >= 0.0).all()
        assert (sent <= limits + 1e-9).all()
        left = margin + sent.sum(axis=1) - sent.sum(axis=2)
        assert_allclose(np.maximum(-left, 0.0).sum(axis=1), want, rtol=1e-9, atol=1e-8)


@engines
def test_headroom_equals_one_large_linear_program(engine):
    for seed in range(40):
        margin, limits, direction = random_network(seed, areas=2 + seed % 30, hours=6 + seed % 7)
        share = [0.0, 0.02, 0.1, 0.3][seed % 4]
        found = solve(margin, limits, direction, share, engine).headroom_mw[0, 0]
        assert_allclose(found, headroom_lp(margin, limits, direction, share), rtol=1e-9, atol=1e-9)


@engines
def test_caps_on_net_imports_equal_linear_programs_and_transfers_keep_them(engine):
    for seed in range(20):
        areas = 2 + 3 * seed % 30
        margin, limits, direction = random_network(seed, areas, hours=5)
        caps = random_caps(seed, areas)
        found = unserved_mw(-margin, limits, import_cap_mw=caps, engine=engine)
        want = [unserved_lp(-m, limits, caps) for m in margin]
        assert_allclose(found.unserved_mw, want, rtol=1e-9, atol=1e-9)
        taken = found.transfer_mw.sum(axis=1) - found.transfer_mw.sum(axis=2)
        assert (taken <= caps + 1e-9).all()
        assert_allclose(np.maximum(-margin - taken, 0.0).sum(axis=1), want, rtol=1e-9, atol=1e-8)
        share = [0.0, 0.02, 0.1, 0.3][seed % 4]
        case = (margin.T[:, None], np.ones((1, areas, 1)), limits, direction, share)
        got = network_headroom(*case, import_cap_mw=caps, engine=engine).headroom_mw[0, 0]
        assert_allclose(got, headroom_lp(margin, limits, direction, share, caps), rtol=1e-9, atol=1e-9)


@engines
def test_caps_that_nobody_reaches_change_nothing_and_a_cap_of_nothing_makes_islands(engine):
    margin, limits, direction = random_network(4, areas=9, hours=60)
    case = (margin.T[:, None], np.ones((1, 9, 1)), limits, direction, SHARES)
    free = network_headroom(*case, engine=engine)
    wide = network_headroom(*case, import_cap_mw=np.full(9, 1e6), engine=engine)
    closed = network_headroom(*case, import_cap_mw=np.zeros((1, 9)), engine=engine)
    alone = network_headroom(*case[:2], np.zeros((9, 9)), *case[3:], engine=engine)
    for one, other in ((free, wide), (closed, alone)):
        for a, b in zip(one, other, strict=True):
            assert_array_equal(a, b)


@engines
def test_firm_capacity_beside_the_margins_counts_where_nothing_may_be_curtailed(engine):
    for seed in range(40):
        areas = 2 + seed % 12
        margin, limits, direction = random_network(seed, areas, hours=30)
        extra = np.random.default_rng(seed).exponential(0.5, areas)
        case = (np.ones((1, areas, 1)), limits, direction)
        plain = network_headroom(margin.T[:, None], *case, SHARES, engine=engine)
        found = network_headroom(margin.T[:, None], *case, SHARES, firm_extra_mw=extra, engine=engine)
        firmer = network_headroom((margin + extra).T[:, None], *case, 0.0, engine=engine)
        for name in ("headroom_mw", "copper_plate_mw"):
            one, two, other = (getattr(each, name)[0] for each in (plain, found, firmer))
            assert_array_equal(two[1:], one[1:])
            assert_allclose(two[0], min(other[0], one[1]), rtol=1e-10, atol=1e-10)
        assert_array_equal(found.native_unserved_mwh, plain.native_unserved_mwh)


@needs_numba
def test_both_engines_see_the_same_cuts_beside_more_firm_capacity():
    for seed in range(20):
        areas = 2 + seed % 12
        margin, limits, direction = random_network(seed, areas, hours=30)
        case = (margin.T[:, None], np.ones((1, areas, 1)), limits, direction, SHARES)
        one, two = (network_headroom(*case, firm_extra_mw=np.full(areas, 0.2), engine=e) for e in ("numpy", "numba"))
        assert_allclose(one.headroom_mw, two.headroom_mw, rtol=1e-10, atol=1e-10)
        assert_array_equal(one.curtailed_hours, two.curtailed_hours)
    with pytest.raises(KernelError, match="firm_extra_mw holds -1"):
        network_headroom(*case, firm_extra_mw=np.full(areas, -1.0))


@engines
def test_whole_numbers_give_the_max_flow_exactly(engine):
    rng = np.random.default_rng(3)
    for areas in (2, 5, 9, 16, 31):
        limits = rng.integers(0, 6, (areas, areas)) * (rng.random((areas, areas)) < 4 / areas)
        np.fill_diagonal(limits, 0)
        deficit = rng.integers(-9, 8, (20, areas))
        found = unserved_mw(deficit, limits, engine=engine).unserved_mw
        assert_array_equal(found, [unserved_integer(d, limits) for d in deficit])


@engines
def test_small_graphs_equal_all_cuts_one_by_one(engine):
    for seed in range(30):
        margin, limits, _ = random_network(seed, areas=1 + seed % 7, hours=2)
        want = [unserved_by_cuts(-m, limits) for m in margin]
        assert_allclose(unserved_mw(-margin, limits, engine=engine).unserved_mw, want, rtol=1e-12, atol=1e-12)


def test_folding_trees_equals_all_their_cuts():
    for seed in range(300):
        areas = 2 + seed % 9
        limits = random_tree(seed, areas)
        deficit = np.random.default_rng(seed).normal(-0.5, 2, (4, areas))
        assert len(fold_plan(limits).core) == 0
        folded, whole = Network(limits), Network(limits, fold=False)
        assert_allclose(folded.tightest(deficit)[0], whole.tightest(deficit)[0], rtol=1e-12, atol=1e-12)


def test_enumerated_cuts_and_augmented_flows_are_the_same_graph():
    for seed in range(40):
        margin, limits, _ = random_network(seed, areas=2 + seed % 9, hours=8)
        by_flow = Network(limits, fold=False, enumerate_up_to=0).tightest(-margin)[0]
        assert_allclose(by_flow, Network(limits).tightest(-margin)[0], rtol=1e-12, atol=1e-12)
        assert (augmented(-margin, limits)[1] <= limits + 1e-12).all()


@needs_numba
def test_engines_agree_on_everything_that_is_not_a_tie():
    for seed in range(40):
        margin, limits, direction = random_network(seed, areas=2 + seed % 17, hours=40 + seed)
        one, two = (solve(margin, limits, direction, SHARES, engine) for engine in ("numpy", "numba"))
        for name in ("headroom_mw", "copper_plate_mw", "native_unserved_mwh"):
            assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-10, atol=1e-9, err_msg=name)
        assert_array_equal(one.native_short_hours, two.native_short_hours)


@engines
def test_a_case_does_not_depend_on_its_company(engine):
    rng = np.random.default_rng(1)
    areas, hours, cases = 14, 40, 11
    profiles = np.stack([np.ones((areas, hours)), rng.normal(size=(areas, hours))], axis=1)
    coefficients = rng.uniform(0.5, 2, (cases, areas, 2))
    limits = np.where(rng.random((cases, areas, areas)) < 0.3, rng.random((cases, areas, areas)), 0.0)
    direction = rng.dirichlet(np.ones(areas), cases)
    whole = network_headroom(profiles, coefficients, limits, direction, SHARES, engine=engine)
    for part in (slice(0, 1), slice(5, 10)):
        alone = network_headroom(profiles, coefficients[part], limits[part], direction[part], SHARES, engine=engine)
        for one, other in zip(alone, whole, strict=True):
            assert_array_equal(one, other[part])


@engines
def test_what_a_load_is_curtailed_by_is_what_it_adds_to_unserved_load(engine):
    for seed in range(12):
        areas = 1 + 3 * seed % 14
        margin, limits, direction = random_network(seed, areas, hours=150)
        caps = random_caps(seed, areas) if seed % 2 else np.full(areas, np.inf)
        load = np.stack([0.7 * direction, 2.0 * direction, np.zeros(areas)])
        case = (margin.T[:, None], np.ones((3, areas, 1)), limits, load)
        found = curtailed_mw(*case, import_cap_mw=caps, engine=engine)
        with_load = [unserved_mw(new - margin, limits, import_cap_mw=caps, engine="numpy").unserved_mw for new in load]
        assert_allclose(found, np.stack(with_load) - with_load[2], rtol=1e-9, atol=1e-9)
        assert (found >= 0.0).all()


def test_a_load_at_the_headroom_is_curtailed_by_the_share_that_may_be():
    margin, limits, direction = random_network(11, areas=8, hours=400)
    margin = np.abs(margin)
    found = solve(margin, limits, direction, 0.05)
    case = (margin.T[:, None], np.ones((1, 8, 1)), limits)
    cut = curtailed_mw(*case, found.headroom_mw[0, 0] * direction[None])
    assert_allclose(cut.sum(), 0.05 * 400 * found.headroom_mw[0, 0], rtol=1e-9)
    assert (cut > 0.0).sum() == found.curtailed_hours[0, 0]
    sets = (np.ones((1, 8), bool), [np.inf])
    assert_allclose(curtailed_mw(*case, direction[None], import_sets=sets), curtailed_mw(*case, direction[None]))
    with pytest.raises(KernelError, match="load_mw must be"):
        curtailed_mw(*case, direction)


@engines
def test_one_area_is_the_island_and_no_limit_is_the_copper_plate(engine):
    margin, _, direction = random_network(8, areas=9, hours=200)
    alone = solve(margin[:, :1], np.zeros((1, 1)), [1.0], SHARES, engine)
    island = headroom_mw(margin[:, :1].T, np.ones((1, 1)), np.array(SHARES), engine="numpy").headroom_mw
    assert_allclose(alone.headroom_mw, island, rtol=1e-12, atol=1e-12)
    free = solve(margin, np.full((9, 9), np.inf), direction, SHARES, engine)
    assert_allclose(free.headroom_mw, free.copper_plate_mw, rtol=1e-11, atol=1e-11)
    total = headroom_mw(margin.sum(axis=1)[None], np.ones((1, 1)), np.array(SHARES), engine="numpy").headroom_mw
    assert_allclose(free.copper_plate_mw, total, rtol=1e-12, atol=1e-12)


@engines
def test_two_areas_by_hand(engine):
    """A has 5 to spare and B nothing; the line carries 2 to B. Load half and half: B gets 2, so 4 in all."""
    margin = np.tile([[5.0, 0.0]], (10, 1))
    limits = np.array([[0.0, 2.0], [9.0, 0.0]])
    found = solve(margin, limits, [0.5, 0.5], [0.0, 0.1], engine)
    # with a tenth curtailed: 0.5 l - 2 = 0.1 l
    assert_allclose(found.headroom_mw, [[4.0, 5.0]], rtol=1e-12)
    assert_array_equal(found.binding_cut[0, 1], [False, True])
    assert_array_equal(found.short_hours[0, 1], [0, 10])
    assert found.binding_hours[0, 1] == found.curtailed_hours[0, 1] == 10


@engines
def test_a_root_that_is_an_interval_gives_its_upper_end(engine):
    """Three of ten hours without a surplus, three tenths curtailable: load is free up to the next hour's margin."""
    margin = np.r_[np.zeros(3), 4.0, np.full(6, 9.0)][:, None]
    assert_allclose(solve(margin, np.zeros((1, 1)), [1.0], 0.3, engine).headroom_mw, 4.0, rtol=1e-9)
    margin, limits, direction = random_network(1294, areas=6, hours=10)
    assert_allclose(solve(margin, limits, direction, 0.3, engine).headroom_mw, 0.17629566587423, rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 9), st.floats(0.0, 3.0))
def test_more_transfer_never_raises_unserved_load_nor_lowers_headroom_of_served_natives(seed, areas, more):
    """I4. Where native load is short, links first help the natives, so that only the total is promised."""
    margin, limits, direction = random_network(seed, areas, hours=30)
    wider = limits + more * (np.random.default_rng(seed).random(limits.shape) < 0.3)
    load = 2.0 * direction - margin
    assert (unserved_mw(load, wider).unserved_mw <= unserved_mw(load, limits).unserved_mw + 1e-9).all()
    enough = np.maximum(margin, 0.0)
    before, after = (solve(enough, x, direction, [0.0, 0.1]).headroom_mw for x in (limits, wider))
    assert (after >= before - 1e-9 * (1 + before)).all()


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(2, 9))
def test_pooling_never_hurts_along_the_isolated_headrooms(seed, areas):
    """I5, with native load served in isolation."""
    margin, limits, _ = random_network(seed, areas, hours=40)
    margin = np.maximum(margin, 0.0)
    isolated = headroom_mw(margin.T, np.eye(areas), 0.1, engine="numpy").headroom_mw
    if isolated.sum() > 0.0:
        direction = isolated / isolated.sum()
        together = solve(margin, limits, direction, 0.1).headroom_mw[0, 0]
        assert together >= isolated.sum() * (1 - 1e-9)


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 14), st.floats(0.1, 5), st.floats(0.1, 5))
def test_curtailment_of_new_load_is_convex_and_natives_are_untouched(seed, areas, one, two):
    """I14-I16: 0 <= U(l w) - U(0) <= l, convex in l; served and curtailed add up."""
    margin, limits, w = random_network(seed, areas, hours=10)

    def curtailed(load: float) -> np.ndarray:
        return unserved_mw(load * w - margin, limits).unserved_mw - unserved_mw(-margin, limits).unserved_mw

    a, b, middle = curtailed(one), curtailed(two), curtailed(0.5 * (one + two))
    for load, cut in ((one, a), (two, b)):
        assert (cut >= -1e-9).all()
        assert (cut <= load + 1e-9).all()
    assert (middle <= 0.5 * (a + b) + 1e-9).all()


def test_a_case_that_hosts_nothing_still_reports_its_natives():
    margin, limits, direction = random_network(5, areas=4, hours=50)
    nothing, something = (solve(margin, limits, w, SHARES) for w in (np.zeros(4), direction))
    assert_array_equal(nothing.headroom_mw, 0.0)
    assert nothing.native_unserved_mwh == something.native_unserved_mwh


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"profiles": np.full((2, 1, 3), np.nan)}, "profiles holds nan at area, profile, hour = 0, 0, 0"),
        ({"limits_mw": np.array([[0.0, -1.0], [0.0, 0.0]])}, "limits_mw holds -1.0"),
        ({"limits_mw": np.zeros((3, 3))}, "limits_mw must be"),
        ({"import_cap_mw": [1.0, -2.0]}, "import_cap_mw holds -2.0 at case, area = 0, 1"),
        ({"direction": [0.5, 0.4]}, "sum of direction holds 0.9"),
        ({"direction": [1.5, -0.5]}, "direction holds -0.5"),
        ({"coefficients": np.ones((1, 2, 2))}, "profiles must be"),
        ({"curtailable_fraction": 1.0}, "curtailable_fraction"),
    ],
)
def test_wrong_input_is_named(change, words):
    right = {
        "profiles": np.ones((2, 1, 3)),
        "coefficients": np.ones((1, 2, 1)),
        "limits_mw": np.zeros((2, 2)),
        "direction": [0.5, 0.5],
        "curtailable_fraction": 0.1,
    }
    with pytest.raises(KernelError, match=words):
        network_headroom(**(right | change))


@needs_numba
def test_sets_fill_a_word_and_larger_networks_go_to_numpy():
    """63 to 65 areas: the last bit of a word is an area like the others, and beyond it NumPy takes over."""
    for areas in (63, 64, 65):
        margin, limits, direction = random_network(areas, areas=areas, hours=8)
        one, two = (solve(margin, limits, direction, SHARES, engine) for engine in ("numpy", "numba"))
        assert_allclose(one.headroom_mw, two.headroom_mw, rtol=1e-10, atol=1e-9)
        found = (unserved_mw(-margin, limits, engine=engine) for engine in ("numpy", "numba"))
        want, got = (f.unserved_mw for f in found)
        assert_allclose(got, want, rtol=1e-10, atol=1e-9)
    free = solve(margin[:, :64], np.full((64, 64), np.inf), np.full(64, 1 / 64), SHARES, "numba")
    assert_allclose(free.headroom_mw, free.copper_plate_mw, rtol=1e-11, atol=1e-11)
