"""The firm capacity that a store is worth: engines to the bit, against the dispatch of whole years, and its order."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from storage_reference import days_and_nights

from cuda_kernels import KernelError, headroom_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_firm import shifted, storage_as_firm

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])


@needs_numba
@pytest.mark.parametrize("seed", range(12))
def test_engines_give_the_same_bits_in_any_blocks(seed):
    sets, store, share = days_and_nights(seed, 24 + 16 * (seed % 2))
    one = storage_as_firm(sets, store, share, engine="numba")
    two = storage_as_firm(sets, store, share, engine="numpy")
    last = [(profiles, weights[-3:]) for profiles, weights in sets[1:]]
    few = storage_as_firm(last, tuple(v[-3:] for v in store), share[-3:], engine="numpy")
    for left, right, part in zip(one, two, few, strict=True):
        assert_array_equal(left, right)
        assert_array_equal(left[-3:], part)


@needs_numba
@pytest.mark.parametrize("hours", [1, 5, 701, 720])
def test_engines_agree_on_small_stores_and_lossy_ones(hours):
    """Stores of a few units that round away, that lose nearly all, that last for weeks, in years of any length."""
    rng = np.random.default_rng(hours)
    for scale in (1e-6, 1.0, 1e6):
        sets, (power, energy, _), share = days_and_nights(hours, 24, hours)
        power = power * 10.0 ** rng.uniform(-9, 0, 24)
        store = (scale * power, scale * energy * 10.0 ** rng.uniform(-3, 3, 24), rng.choice([0.01, 0.3, 0.85, 1.0], 24))
        sets = [(profiles, scale * weights) for profiles, weights in sets]
        one, two = (storage_as_firm(sets, store, share, engine=engine) for engine in ("numba", "numpy"))
        for left, right in zip(one, two, strict=True):
            assert_array_equal(left, right)


@engines
@pytest.mark.parametrize("seed", range(6))
def test_against_the_dispatch_of_whole_years(seed, engine):
    sets, store, share = days_and_nights(seed)
    found = storage_as_firm(sets, store, share, engine=engine)
    margin = np.concatenate([weights @ profiles for profiles, weights in sets])
    scale = np.abs(margin).max(axis=1)
    shares = np.stack([np.zeros(len(share)), share], axis=1)
    want = storage_headroom_mw(margin, *store, shares, engine="numpy").headroom_mw
    assert_allclose(found.headroom_mw / scale, want[:, 1] / scale, atol=3e-4)
    assert_allclose(found.firm_headroom_mw / scale, want[:, 0] / scale, atol=1e-6)
    assert (found.equivalent_mw >= 0.0).all()
    assert (found.equivalent_mw <= store[0] * (1 + 1e-6)).all()
    # In the place of the store the equivalent leaves room for the same load, unless the store stands in its way.
    inside = (found.equivalent_mw > 1e-6 * scale) & (found.equivalent_mw < store[0] * (1 - 1e-6))
    for case in np.flatnonzero(inside | (found.headroom_mw == 0.0)):
        beside = margin[case : case + 1] + found.equivalent_mw[case]
        again = headroom_mw(beside, np.ones((1, 1)), shares[case : case + 1], engine="numpy").headroom_mw[0]
        assert again[1] == pytest.approx(found.headroom_mw[case], abs=1e-3 * scale[case])
        together = again[0] + found.firm_extra_mw[case]
        assert together >= found.firm_headroom_mw[case] - 1e-6 * scale[case]


@engines
def test_more_power_or_energy_is_worth_more_and_each_megawatt_less(engine):
    """Where natives are served: storage that first helps natives can leave the new load less."""
    sets, _, _ = days_and_nights(3, cases=40)
    sets = [(p, np.abs(w) * [0, 1, 0.5, 1]) for p, w in sets]
    for profiles, weights in sets:
        weights[:, 0] = -(weights @ profiles).min(axis=1) + 0.1 * np.abs(weights).max(axis=1)
    scale = np.concatenate([np.abs(w).max(axis=1) for _, w in sets])
    share = np.full(40, 0.01)

    def worth(power: float, hours: float) -> np.ndarray:
        store = (power * scale, power * hours * scale, np.full(40, 0.85))
        return storage_as_firm(sets, store, share, engine=engine).equivalent_mw / scale

    sizes = np.array([0.05, 0.1, 0.2, 0.4])
    by_power = np.stack([worth(size, 4.0) for size in sizes])
    assert (np.diff(by_power, axis=0) >= -1e-4).all()
    assert (np.diff(by_power / sizes[:, None], axis=0) <= 1e-2).all()
    by_energy = np.stack([worth(0.2, hours) for hours in (1.0, 2.0, 4.0, 8.0)])
    assert (np.diff(by_energy, axis=0) >= -1e-4).all()


def test_wrong_input_is_named():
    sets, store, share = days_and_nights(1)
    with pytest.raises(KernelError, match="efficiency must be above 0"):
        storage_as_firm(sets, (store[0], store[1], np.zeros(24)), share)
    with pytest.raises(KernelError, match="finite and >= 0"):
        storage_as_firm(sets, (-store[0] - 1, store[1], store[2]), share)
    spoilt = [(sets[0][0], np.full_like(sets[0][1], np.nan)), sets[1]]
    with pytest.raises(KernelError, match="must be finite"):
        storage_as_firm(spoilt, store, share)
    with pytest.raises(KernelError, match=r"profiles \(K, hour\)"):
        storage_as_firm([(sets[0][0][:2], sets[0][1]), sets[1]], store, share)
    assert storage_as_firm([], (np.zeros(0), np.zeros(0), np.ones(0)), np.zeros(0)).headroom_mw.shape == (0,)


def test_a_shift_of_bits_is_that_of_numpy():
    values = np.random.default_rng(3).normal(size=(4, 50)) * np.array([[1.0], [1e-300], [1e300], [0.0]])
    for bits in ([22, -5, 0, 7], [999, 0, 0, 0], [-1070, 1000, -1070, 0], [0, -60, 20, 3]):
        shift = np.array(bits)[:, None]
        assert_array_equal(shifted(values, shift), np.ldexp(values, shift))
