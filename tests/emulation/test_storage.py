"""storage.cu, run on the CPU through the product's own launcher."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cuda_kernels.storage_dispatch import storage_headroom_mw, storage_scan


def made_up(cases: int, hours: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(cases)
    margin = rng.normal(1, 2, (cases, hours))
    return margin, rng.uniform(0, 2, cases), rng.uniform(0, 8, cases), rng.uniform(0.6, 1, cases)


@pytest.mark.parametrize(("cases", "hours"), [(1, 1), (127, 30), (128, 31), (131, 200)])
def test_scan_gives_the_bits_of_the_twin_in_any_thread_order(cupy, order, cases, hours):
    margin, *store = made_up(cases, hours)
    load = np.linspace(0.0, 3.0, cases)
    want = storage_scan(margin, load, *store, engine="numba")
    got = storage_scan(*(cupy.asarray(a) for a in (margin, load, *store)))
    for one, other in zip(got, want, strict=True):
        assert_array_equal(one.get(), other)


def test_headroom_on_the_device_equals_the_host(cupy):
    margin, *store = made_up(40, 100)
    want = storage_headroom_mw(margin, *store, [0.0, 0.05], engine="numba")
    got = storage_headroom_mw(*(cupy.asarray(a) for a in (margin, *store)), [0.0, 0.05])
    assert_array_equal(got.headroom_mw.get(), want.headroom_mw)
