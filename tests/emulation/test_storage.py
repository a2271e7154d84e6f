"""storage.cu and storage_firm.cu, run on the CPU through the product's own launchers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from storage_reference import days_and_nights

from cuda_kernels import _storage_firm_cuda
from cuda_kernels.storage_dispatch import storage_headroom_mw, storage_scan
from cuda_kernels.storage_firm import storage_as_firm

from . import stand_in

SUMS = 1e-12
"""Relative: lanes add up their own hours."""


def made_up(cases: int, hours: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(cases)
    margin = rng.normal(1, 2, (cases, hours))
    return margin, rng.uniform(0, 2, cases), rng.uniform(0, 8, cases), rng.uniform(0.6, 1, cases)


def tenths(cases: int, hours: int) -> tuple[np.ndarray, ...]:
    """Stores that are just full, just empty or just enough again and again, but for the last bit of their charge."""
    rng = np.random.default_rng(cases)
    margin = rng.integers(-20, 30, (cases, hours)) / 10
    sizes = rng.integers(0, 20, cases) / 10, rng.integers(0, 80, cases) / 10
    return margin, *sizes, rng.choice([0.7, 0.9, 1.0], cases)


def seldom_full(cases: int, hours: int) -> tuple[np.ndarray, ...]:
    """Stores larger than a tile of hours, some without power or without energy, and weeks without any lack."""
    rng = np.random.default_rng(cases)
    margin = rng.normal(np.where(np.arange(hours) < 800, 0.7, 0.1), 1, (cases, hours))
    margin[1::2, 380:800] += 6.0  # in the second tile of hours nothing is short
    power, energy = rng.uniform(0, 3, cases), rng.uniform(0, 900, cases)
    efficiency = rng.uniform(0.6, 1, cases)
    power[::4], energy[::7] = 0.0, 0.0
    power[5::6], energy[5::6], efficiency[5::6] = 0.5, 250.0, 0.6  # not full after that tile, and empty in the end
    return margin, power, energy, efficiency


def slow_to_fill() -> tuple[list, tuple, np.ndarray]:
    """A store that two evenings empty, with little to spare in the weeks between them, more than a tile of hours."""
    margin = np.full(1400, 1000.0)
    margin[10:1210] = 97.7
    margin[10:14] = margin[1206:1210] = 90.0
    store = (np.array([20.0]), np.array([30.0]), np.array([0.7]))
    return [(margin[None], np.ones((1, 1)))], store, np.array([0.0002])


def same(got, want) -> None:
    assert_allclose(got.unserved_mwh.get(), want.unserved_mwh, rtol=SUMS, atol=SUMS)
    assert_allclose(got.slope_h.get(), want.slope_h, rtol=SUMS, atol=SUMS)
    assert_array_equal(got.short_hours.get(), want.short_hours)


@pytest.mark.parametrize(
    ("stores", "cases", "hours"), [(made_up, 1, 1), (made_up, 5, 30), (tenths, 6, 500), (seldom_full, 8, 1300)]
)
def test_scan_gives_what_the_twin_gives_in_any_thread_order(cupy, order, stores, cases, hours):
    margin, *store = stores(cases, hours)
    load = np.linspace(0.0, 3.0, cases)
    want = storage_scan(margin, load, *store, engine="numba")
    same(storage_scan(*(cupy.asarray(a) for a in (margin, load, *store))), want)


@pytest.mark.parametrize("hours", [11, 12, 13, 383, 384, 385, 768, 769])
def test_charges_are_those_of_the_twin_to_the_bit_in_any_number_of_hours(cupy, hours):
    margin, *store = tenths(40, hours)
    same(storage_scan(*map(cupy.asarray, (margin, np.zeros(40), *store))), storage_scan(margin, 0.0, *store))


def test_headroom_on_the_device_equals_the_host(cupy):
    margin, *store = made_up(40, 100)
    want = storage_headroom_mw(margin, *store, [0.0, 0.05], engine="numba")
    got = storage_headroom_mw(*(cupy.asarray(a) for a in (margin, *store)), [0.0, 0.05])
    assert_allclose(got.headroom_mw.get(), want.headroom_mw, rtol=1e-10, atol=1e-12)


WEEKS = {"period": 200, "lasting": (10.0, 100.0), "served": True}
FAMILIES = [(21, 400, {}), (2, 900, WEEKS), (4, 400, {"served": True}), (3, 13, {})]


@pytest.mark.parametrize(("seed", "hours", "how"), [*FAMILIES, (0, 1, {}), (5, 384, WEEKS)])
def test_firm_capacity_of_stores_has_the_bits_of_the_twins_in_any_thread_order(cupy, order, seed, hours, how):
    sets, store, share = days_and_nights(seed, 6, hours, **how)
    want = storage_as_firm(sets, store, share)
    got = storage_as_firm(sets, store, share, device="gpu")
    for one, two in zip(got, want, strict=True):
        assert_array_equal(one, two)


def test_a_store_fills_over_hours_in_which_nothing_is_short(cupy):
    for one, two in zip(storage_as_firm(*slow_to_fill(), device="gpu"), storage_as_firm(*slow_to_fill()), strict=True):
        assert_array_equal(one, two)


def test_stores_are_solved_in_the_blocks_that_memory_allows(cupy, monkeypatch, caplog):
    sets, store, share = days_and_nights(1, 12, 100)
    want = storage_as_firm(sets, store, share, device="gpu")
    monkeypatch.setattr(_storage_firm_cuda, "_cases_at_once", lambda *_: 5)
    launch, refused = _storage_firm_cuda.launch, []

    def full(kernel, threads, arguments):
        if not refused:
            refused.append(threads)
            raise cupy.cuda.memory.OutOfMemoryError(1, 1)
        launch(kernel, threads, arguments)

    monkeypatch.setattr(_storage_firm_cuda, "launch", full)
    stand_in.launches.clear()
    again = storage_as_firm(sets, store, share, device="gpu")
    assert len(stand_in.launches) == 6  # of two cases each
    assert "out of device memory with 5 cases; trying 2" in caplog.text
    for one, two in zip(again, want, strict=True):
        assert_array_equal(one, two)
