"""Levels of a network: both engines against one linear program an hour, and what must hold."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from network_reference import headroom_lp, random_caps, random_network, random_sets
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels import KernelError
from cuda_kernels._network_sets import CappedSets
from cuda_kernels.network import curtailed_mw, unserved_mw
from cuda_kernels.network_levels import levels_mw, served_mw, short_side

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])
TOP = 12.0


def levels(margin, limits, direction, engine, top=TOP, caps=None, sets=None):
    linear = margin.T[:, None], np.ones((1, margin.shape[1], 1)), limits, direction
    return served_mw(*linear, np.array([top]), import_cap_mw=caps, import_sets=sets, engine=engine)[0]


@engines
@pytest.mark.parametrize("seed", range(16))
def test_levels_equal_one_linear_program_an_hour(seed, engine):
    areas = 2 + seed
    margin, limits, direction = random_network(seed, areas, hours=6)
    caps = random_caps(seed, areas) if seed % 2 else np.full(areas, np.inf)
    found = levels(margin, limits, direction, engine, caps=caps)
    want = [min(TOP, headroom_lp(m[None], limits, direction, 0.0, caps)) for m in margin]
    assert_allclose(found, want, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(10))
def test_levels_within_caps_on_sets_equal_linear_programs(seed):
    margin, limits, direction = random_network(seed, 3 + seed % 9, hours=6)
    member, caps = random_sets(seed, margin.shape[1])
    found = levels(margin, limits, direction, "auto", sets=(member, caps))
    want = [min(TOP, headroom_lp(m[None], limits, direction, 0.0, sets=(member, caps))) for m in margin]
    assert_allclose(found, want, rtol=1e-8, atol=1e-8)


def by_filling(margin, limits, direction, top):
    """Levels (area,) of an hour: all rise together, and those that can rise no more stay (one program for each)."""
    level, rising = np.full(len(direction), top), direction > 0.0
    fixed = np.zeros(len(direction))
    while rising.any():

        def most(raised, held, fixed=fixed):
            """Most that areas can be raised to together, others as they are."""
            share = direction * raised / (direction * raised).sum()
            found = headroom_lp((margin - direction * np.where(raised, 0.0, held))[None], limits, share, 0.0)
            return found / (direction * raised).sum()

        # What natives lack stays theirs: nobody is raised beyond what leaves it as it is.
        together = min(top, most(rising, fixed))
        held = np.where(rising, together, fixed)
        stuck = np.array(
            [rising[a] and most(np.arange(len(direction)) == a, held) < together + 1e-7 for a in range(len(direction))]
        )
        if together >= top - 1e-9 or not stuck.any():
            break
        level[stuck], fixed[stuck] = together, together
        rising &= ~stuck
    return level


@engines
@pytest.mark.parametrize("seed", range(6))
def test_levels_of_areas_are_those_of_filling_all_as_far_as_each_goes(seed, engine):
    areas = 2 + seed % 4
    margin, limits, direction = random_network(seed, areas, hours=5)
    limits = np.minimum(limits, 1e3)
    found = levels_mw(margin.T[:, None], np.ones((1, areas, 1)), limits, direction, np.array([TOP]), engine=engine)[0]
    there = direction > 0.0
    want = np.array([by_filling(m, limits, direction, TOP) for m in margin])
    assert_allclose(found[:, there], want[:, there], rtol=1e-6, atol=1e-6)


@engines
@pytest.mark.parametrize("seed", range(10))
def test_areas_cut_to_their_levels_are_cut_the_least_and_all_are_served_up_to_them(seed, engine):
    areas = 2 + 3 * seed
    margin, limits, direction = random_network(seed, areas, hours=40)
    caps = random_caps(seed, areas) if seed % 2 else np.full(areas, np.inf)
    linear = margin.T[:, None], np.ones((1, areas, 1)), limits
    found = levels_mw(*linear, direction, np.array([TOP]), import_cap_mw=caps, engine=engine)[0]
    native = unserved_mw(-margin, limits, import_cap_mw=caps, engine="numpy").unserved_mw
    for load in (0.2, 1.0, 4.0, TOP):
        short = unserved_mw(load * direction - margin, limits, import_cap_mw=caps, engine="numpy").unserved_mw - native
        assert_allclose((direction * np.maximum(load - found, 0.0)).sum(axis=1), short, rtol=1e-8, atol=1e-8)
        fits = unserved_mw(np.minimum(load, found) * direction - margin, limits, import_cap_mw=caps, engine="numpy")
        assert_allclose(fits.unserved_mw, native, rtol=1e-8, atol=1e-8)
    lowest = levels(margin, limits, direction, engine, caps=caps)
    assert_allclose(found[:, direction > 0.0].min(axis=1), lowest, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_levels_of_areas_within_caps_on_sets_can_be_served_at_once(seed):
    areas = 3 + seed
    margin, limits, direction = random_network(seed, areas, hours=30)
    member, most = random_sets(seed, areas)
    linear = margin.T[:, None], np.ones((1, areas, 1)), limits, direction, np.array([TOP])
    found = levels_mw(*linear, import_sets=(member, most))[0]
    body = CappedSets(member.astype(float), limits, np.r_[np.full(areas, np.inf), most])
    native = body.tightest(-margin)[0]
    lowest = levels(margin, limits, direction, "auto", sets=(member, most))
    assert (found[:, direction > 0.0] >= lowest[:, None] - 1e-8).all()
    assert (found[:, direction > 0.0].max(axis=1) > lowest + 1e-8).any()
    for load in (1.0, 4.0, TOP):
        assert_allclose(body.tightest(np.minimum(load, found) * direction - margin)[0], native, rtol=1e-8, atol=1e-8)
        cut = (direction * np.maximum(load - found, 0.0)).sum(axis=1)
        assert (cut >= body.tightest(load * direction - margin)[0] - native - 1e-8).all()


@engines
def test_an_hour_is_cut_where_the_load_is_above_its_level(engine):
    margin, limits, direction = random_network(5, 9, hours=300)
    found = levels(margin, limits, direction, engine)
    whole = margin.T[:, None], np.ones((1, 9, 1)), limits
    for load in (0.5, 2.0, 7.0):
        cut = curtailed_mw(*whole, load * direction[None], engine=engine)[0]
        assert_array_equal(cut[np.abs(found - load) > 1e-9] > 0.0, (found < load)[np.abs(found - load) > 1e-9])
    assert_allclose(np.minimum(found, 3.0), levels(margin, limits, direction, engine, top=3.0), rtol=1e-9, atol=1e-9)


@engines
def test_a_case_does_not_depend_on_its_company(engine):
    margin, limits, direction = random_network(8, 7, hours=120)
    coefficients = np.linspace(0.5, 1.5, 6)[:, None, None] * np.ones((6, 7, 1))
    top = np.linspace(1.0, 9.0, 6)
    together = served_mw(margin.T[:, None], coefficients, limits, direction, top, engine=engine)
    for c in range(6):
        alone = served_mw(margin.T[:, None], coefficients[c : c + 1], limits, direction, top[c : c + 1], engine=engine)
        assert_array_equal(alone[0], together[c])


@needs_numba
def test_engines_agree_and_networks_of_many_areas_are_known():
    for areas in (6, 31, 70):
        margin, limits, direction = random_network(areas, areas, hours=40)
        one, other = (levels(margin, limits, direction, engine, top=5.0 * areas) for engine in ("numpy", "numba"))
        assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_the_short_side_explains_what_is_short():
    margin, limits, direction = random_network(3, 6, hours=80)
    deficit, free = 4.0 * direction - margin, np.full(6, np.inf)
    member = np.eye(6)[:2]
    open_ = short_side(deficit, limits, import_cap_mw=free, import_sets=(member, np.full(2, np.inf)))
    explained = [deficit[h, s].sum() - limits[np.ix_(~s, s)].sum() for h, s in enumerate(open_)]
    assert_allclose(np.maximum(explained, 0.0), unserved_mw(deficit, limits).unserved_mw, rtol=1e-9, atol=1e-9)


def test_a_top_that_is_none_is_refused():
    margin, limits, direction = random_network(3, 4, hours=5)
    for top in (-1.0, np.inf, np.nan):
        with pytest.raises(KernelError, match="top_mw"):
            levels(margin, limits, direction, "numpy", top=top)
