"""Storage dispatch and ramp envelopes: every engine against linear programs, and what must hold."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from storage_reference import ramp_lp, random_store, storage_headroom_lp, storage_lp

from cuda_kernels import KernelError, headroom_mw
from cuda_kernels.storage_dispatch import ramp_envelope_mw, storage_headroom_mw, storage_scan

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])


@engines
def test_greedy_dispatch_leaves_what_the_linear_program_leaves(engine):
    for seed in range(80):
        margin, *store = random_store(seed)
        found = storage_scan(margin[None], 0.3, *store, engine=engine)
        assert_allclose(found.unserved_mwh, storage_lp(margin - 0.3, *store), rtol=1e-9, atol=1e-9)


@engines
def test_headroom_equals_one_linear_program(engine):
    for seed in range(80):
        margin, *store = random_store(seed)
        share = [0.0, 0.01, 0.1, 0.3][seed % 4]
        found = storage_headroom_mw(margin[None], *store, share, engine=engine).headroom_mw[0, 0]
        assert_allclose(found, storage_headroom_lp(margin, *store, share), rtol=1e-8, atol=1e-8)


@engines
def test_the_slope_is_the_derivative_and_unserved_energy_is_convex(engine):
    rng = np.random.default_rng(1)
    margin = rng.normal(1, 2, (40, 60))
    store = (1.5, 4.0, 0.8)
    loads = np.linspace(0.0, 3.0, 31)
    scans = [storage_scan(margin, load, *store, engine=engine) for load in loads]
    unserved = np.stack([scan.unserved_mwh for scan in scans])
    assert (np.diff(unserved, 2, axis=0) >= -1e-9).all()
    step = 1e-7
    ahead = storage_scan(margin, 1.234 + step, *store, engine=engine).unserved_mwh
    here = storage_scan(margin, 1.234, *store, engine=engine)
    assert_allclose((ahead - here.unserved_mwh) / step, here.slope_h, rtol=1e-5, atol=1e-5)


@engines
def test_without_a_store_it_is_the_plain_headroom_and_a_larger_store_never_hurts(engine):
    rng = np.random.default_rng(2)
    margin = rng.normal(2, 2, (30, 200))
    shares = [0.0, 0.01, 0.1]
    none = storage_headroom_mw(margin, 0.0, 0.0, 1.0, shares, engine=engine).headroom_mw
    assert_allclose(none, headroom_mw(margin, np.eye(30), shares, engine="numpy").headroom_mw, rtol=1e-9, atol=1e-9)
    enough = np.maximum(margin, 0.0)  # natives served, so that all the store does is for the new load
    before = np.zeros((30, 3))
    for size in (0.0, 1.0, 3.0):
        after = storage_headroom_mw(enough, size, 4 * size, 0.85, shares, engine=engine).headroom_mw
        assert (after >= before - 1e-9).all()
        before = after


@needs_numba
def test_engines_agree():
    rng = np.random.default_rng(3)
    margin, power, energy = rng.normal(1, 2, (50, 300)), rng.uniform(0, 2, 50), rng.uniform(0, 8, 50)
    one, two = (storage_headroom_mw(margin, power, energy, 0.85, [0.0, 0.05], engine=e) for e in ("numpy", "numba"))
    for left, right in zip(one, two, strict=True):
        assert_allclose(left, right, rtol=1e-10, atol=1e-9)


@engines
def test_ramp_envelope_equals_the_linear_program(engine):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        need = np.maximum(rng.normal(0, 2, (1, 25)), 0.0)
        limit = rng.exponential(0.7, 1) * (seed % 5 > 0)
        found = ramp_envelope_mw(need, limit, engine=engine)
        assert_allclose(found.sum(), ramp_lp(need[0], float(limit[0])), rtol=1e-9, atol=1e-9)
        assert (found >= need).all()
        assert (np.abs(np.diff(found)) <= limit + 1e-12).all()


def test_wrong_input_is_named():
    with pytest.raises(KernelError, match=r"efficiency is 0\.0 in case 0; .*|efficiency is 0"):
        storage_scan(np.ones((2, 3)), 0.0, 1.0, 1.0, 0.0)
    with pytest.raises(KernelError, match="load_mw is nan in case 1; give a finite load"):
        storage_scan(np.ones((2, 3)), [0.0, np.nan], 1.0, 1.0, 1.0)
    with pytest.raises(KernelError, match="margin_mw holds NaN"):
        storage_scan(np.full((2, 3), np.nan), 0.0, 1.0, 1.0, 1.0)
    with pytest.raises(KernelError, match="ramp_mw"):
        ramp_envelope_mw(np.ones((1, 3)), [-1.0])
    assert_array_equal(storage_scan(np.ones((0, 3)), 0.0, 1.0, 1.0, 1.0, engine="numpy").unserved_mwh, [])


@engines
def test_a_case_has_the_same_bits_in_any_company(engine):
    rng = np.random.default_rng(1)
    cases, hour = 200, np.arange(500)
    day = np.sin(hour * 2 * np.pi / 24 + rng.uniform(0, 6, (cases, 1))) * rng.uniform(0.5, 2, (cases, 1))
    weather = np.cumsum(rng.normal(0, 0.06, (cases, hour.size)), axis=1) / np.sqrt(1 + 0.01 * hour)
    margin = 4e3 * (1 + day + weather + rng.normal(0, 0.5, (cases, 1)))
    store = 4e3 * rng.uniform(0.2, 2, cases), 4e3 * rng.uniform(1, 8, cases), rng.uniform(0.7, 1, cases)
    whole = storage_headroom_mw(margin, *store, [0.0, 0.01], engine=engine)
    for few in np.split(np.arange(cases), 20):
        alone = storage_headroom_mw(margin[few], *(s[few] for s in store), [0.0, 0.01], engine=engine)
        assert_array_equal(alone.headroom_mw, whole.headroom_mw[few])
        assert_array_equal(alone.unserved_mwh, whole.unserved_mwh[few])
