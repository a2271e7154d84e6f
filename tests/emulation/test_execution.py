"""The unmodified .cu files, run on the CPU through the product's own launchers, equal their NumPy twins."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import cuda_kernels
from cuda_kernels import KernelError, asnumpy, headroom_mw, resolve_device, to_device
from cuda_kernels.headroom_sets import headroom_sets_mw
from cuda_kernels.philox import normal_from_uniform, philox4x32, uniform

RULES = ["native_first", "plain"]


def made_up(cases: int, hours: int, profiles: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(cases + hours)
    shapes = np.vstack([np.ones(hours), rng.normal(size=(profiles - 1, hours))])
    return shapes, np.column_stack([rng.normal(1, 1, cases), rng.normal(size=(cases, profiles - 1))])


@pytest.mark.parametrize("rule", RULES)
def test_headroom_gives_the_bits_of_numpy_in_any_thread_order(cupy, order, rule):
    profiles, coefficients = made_up(cases=150, hours=300)
    shares = np.array([0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.003])
    want = headroom_mw(profiles, coefficients, shares, rule=rule, engine="numpy")
    got = headroom_mw(cupy.asarray(profiles), cupy.asarray(coefficients), shares, rule=rule)
    assert isinstance(got.headroom_mw, cupy.ndarray)
    assert_array_equal(asnumpy(got.headroom_mw), want.headroom_mw)
    assert_array_equal(asnumpy(got.curtailed_hours), want.curtailed_hours)


@pytest.mark.parametrize(("cases", "hours"), [(1, 1), (1, 257), (2, 256), (128, 255), (129, 511)])
def test_headroom_at_the_edges_of_blocks_and_tiles(cupy, cases, hours):
    profiles, coefficients = made_up(cases, hours, profiles=1 if hours == 1 else 6)
    want = headroom_mw(profiles, coefficients, 0.03, engine="numpy")
    got = headroom_mw(cupy.asarray(profiles), cupy.asarray(coefficients), 0.03)
    assert_array_equal(got.headroom_mw.get(), want.headroom_mw)


@pytest.mark.parametrize("profiles", [7, 9, 12])
def test_headroom_of_many_profiles(cupy, profiles):
    arrays = made_up(140, 260, profiles)
    want = headroom_mw(*arrays, [0.0, 0.03], engine="numpy")
    got = headroom_mw(*map(cupy.asarray, arrays), [0.0, 0.03])
    for one, other in zip(got, want, strict=True):
        assert_array_equal(one.get(), other)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sizes", [3, 25])
def test_headroom_of_cases_of_all_sizes(cupy, rule, sizes):
    profiles, coefficients = made_up(cases=80, hours=130)
    coefficients[:, 0] = 8.0
    coefficients *= 10.0 ** np.random.default_rng(sizes).integers(-sizes, sizes, (80, 1))
    want = headroom_mw(profiles, coefficients, [0.01, 0.1], rule=rule, engine="numpy")
    got = headroom_mw(cupy.asarray(profiles), cupy.asarray(coefficients), [0.01, 0.1], rule=rule)
    assert (want.headroom_mw > 0.0).any()
    assert_array_equal(got.headroom_mw.get(), want.headroom_mw)


@pytest.mark.parametrize("rule", RULES)
def test_headroom_of_weighted_hours_gives_the_bits_of_numpy(cupy, order, rule):
    profiles, coefficients = made_up(cases=150, hours=300)
    weights = np.random.default_rng(4).choice([0.0, 0.3, 1.0, 7.0], 300)
    shares = np.array([0.0, 0.01, 0.05, 0.2, 0.6])
    how = {"rule": rule, "hour_weights": weights}
    want = headroom_mw(profiles, coefficients, shares, engine="numpy", **how)
    got = headroom_mw(cupy.asarray(profiles), cupy.asarray(coefficients), shares, **how)
    assert_array_equal(got.headroom_mw.get(), want.headroom_mw)
    assert_array_equal(got.curtailed_hours.get(), want.curtailed_hours)


@pytest.mark.parametrize("terms", [1, 6, 12])
def test_sets_of_profiles_share_their_weights(cupy, terms):
    years = [made_up(cases, hours=100, profiles=terms) for cases in (130, 130)]
    profiles, coefficients = (np.stack(parts) for parts in zip(*years, strict=True))
    profiles[1] *= 0.7
    weights, shares = np.linspace(0.0, 2.0, 100), np.tile([0.0, 0.02, 0.3], (2, 130, 1))
    want = headroom_sets_mw(profiles, coefficients, shares, engine="numpy", hour_weights=weights)
    moved = (cupy.asarray(array) for array in (profiles, coefficients, shares))
    got = headroom_sets_mw(*moved, hour_weights=weights)
    for one, other in zip(got, want, strict=True):
        assert_array_equal(one.get(), other)


def test_headroom_leaves_only_summaries_to_fetch(cupy):
    from . import stand_in

    profiles, coefficients = (cupy.asarray(a) for a in made_up(cases=40, hours=100))
    stand_in.transfers.clear()
    headroom_mw(profiles, coefficients, 0.01)
    assert stand_in.transfers["device to host"] <= 5  # the checks of the inputs: one truth value each
    assert stand_in.transfers["host to device"] <= 1  # the share


def test_headroom_splits_what_memory_cannot_hold(cupy, monkeypatch):
    from cuda_kernels import _headroom_cuda

    from . import stand_in

    profiles, coefficients = (cupy.asarray(array) for array in made_up(cases=300, hours=40))
    whole = headroom_mw(profiles, coefficients, [0.1, 0.2]).headroom_mw.get()
    stand_in.launches.clear()
    monkeypatch.setattr(_headroom_cuda, "_blocks_at_once", lambda cupy, hours: 1)
    assert_array_equal(headroom_mw(profiles, coefficients, [0.1, 0.2]).headroom_mw.get(), whole)
    # cases are dealt, and four blocks of them pruned, searched and finished, each by itself
    assert len(stand_in.launches) == 1 + 4 * 3


def test_memory_that_runs_out_is_met_by_half_as_many_blocks(cupy, monkeypatch, caplog):
    from . import stand_in

    arrays = made_up(cases=900, hours=40)
    profiles, coefficients = (cupy.asarray(array) for array in arrays)
    want = headroom_mw(*arrays, [0.1, 0.2], engine="numpy").headroom_mw
    allocate, refused = cupy.empty, []

    def scarce(shape, dtype=np.float64):
        if dtype == np.int32 and np.ndim(shape) == 1 and len(shape) == 2 and shape[0] > 3 and shape[1] == 40:
            refused.append(shape)
            raise cupy.cuda.memory.OutOfMemoryError("Out of memory allocating 1,280 bytes")
        return allocate(shape, dtype)

    monkeypatch.setattr(cupy, "empty", scarce, raising=False)
    stand_in.launches.clear()
    assert_array_equal(headroom_mw(profiles, coefficients, [0.1, 0.2]).headroom_mw.get(), want)
    assert refused == [(8, 40), (4, 40)]
    assert [blocks for name, blocks, _ in stand_in.launches if "prune" in name] == [2, 2, 2, 2]
    assert "out of device memory with 8 blocks of cases; trying 4" in caplog.text

    def none_left(shape, dtype=np.float64):
        if dtype == np.int32 and shape == (1, 40):
            raise cupy.cuda.memory.OutOfMemoryError("Out of memory\nallocating 160 bytes")
        return scarce(shape, dtype)

    monkeypatch.setattr(cupy, "empty", none_left, raising=False)
    with pytest.raises(KernelError, match=r"128 cases \(160 bytes\): Out of memory allocating 160 bytes; free"):
        headroom_mw(profiles[:, :40], coefficients[:100], 0.1)


def test_blocks_follow_the_free_memory(cupy):
    from cuda_kernels._headroom_cuda import _blocks_at_once

    assert _blocks_at_once(cupy, 8760) == 2**28 // (4 * 8760)
    assert _blocks_at_once(cupy, 10**9) == 1


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("spread", [0.0, 0.02, 0.3])
def test_pruning_changes_nothing(cupy, rule, spread):
    from cuda_kernels import _headroom_cuda

    rng = np.random.default_rng(6)
    hours, cases = 700, 300
    profiles = np.stack([np.ones(hours), rng.random(hours), -1 - 0.3 * rng.random(hours)])
    coefficients = np.array([60.0, 20.0, 50.0]) * np.exp(spread * rng.normal(size=(cases, 3)))
    shares = np.tile([0.01, 0.05], (cases, 1))
    want = headroom_mw(profiles, coefficients, shares, rule=rule, engine="numpy")
    arrays = [cupy.asarray(array) for array in (profiles, np.abs(profiles).max(axis=1), coefficients, shares)]
    for prune in (True, False):
        got = _headroom_cuda.headroom((arrays[0], arrays[1]), *arrays[2:], rule == "native_first", prune=prune)
        assert_array_equal(got[0].get(), want.headroom_mw)
        assert_array_equal(got[1].get(), want.curtailed_hours)


def test_headroom_without_cases_launches_nothing(cupy):
    from . import stand_in

    got = headroom_mw(cupy.ones((2, 5)), cupy.ones((0, 2)), [0.1, 0.2])
    assert got.headroom_mw.shape == (0, 2)
    assert stand_in.launches == []


def test_missing_device_input_gives_nan_for_the_cases_that_meet_it(cupy):
    profiles, coefficients = made_up(cases=20, hours=60)
    coefficients[7, 2] = np.nan
    with pytest.warns(RuntimeWarning, match=r"NaN in 1 of 20 cases \(7\)"):
        got = headroom_mw(cupy.asarray(profiles), cupy.asarray(coefficients), [0.0, 0.1])
    with pytest.warns(RuntimeWarning, match="case 7 holds nan"):
        want = headroom_mw(profiles, coefficients, [0.0, 0.1], engine="numpy")
    assert_array_equal(got.headroom_mw.get(), want.headroom_mw)
    assert_array_equal(got.curtailed_hours.get(), want.curtailed_hours)
    assert np.isnan(want.headroom_mw[7]).all()


def test_bad_device_input_is_refused_by_name(cupy):
    with pytest.raises(KernelError, match="case 1 holds nan at coefficient 0"):
        headroom_mw(cupy.ones((1, 4)), cupy.asarray(np.array([[1.0], [np.nan]])), 0.1, missing="refuse")
    with pytest.raises(KernelError, match="at most 12"):
        headroom_mw(cupy.ones((13, 4)), cupy.ones((1, 13)), 0.1)
    with pytest.raises(KernelError, match="host and device"):
        headroom_mw(np.ones((1, 4)), cupy.ones((1, 1)), 0.1)


def test_philox_integers_are_bit_identical(cupy, order):
    rng = np.random.default_rng(1)
    counter = rng.integers(0, 2**32, (1000, 4), dtype=np.uint32)
    key = rng.integers(0, 2**32, 2, dtype=np.uint32)
    assert_array_equal(philox4x32(cupy.asarray(counter), key).get(), philox4x32(counter, key))


def test_uniform_and_normal_agree(cupy):
    draws, years, lanes = np.arange(37), np.array([2025, 2040]), np.arange(9)
    host = uniform(2**40 + 5, draws, 77, years, lanes)
    device = uniform(2**40 + 5, cupy.asarray(draws), 77, years, lanes)
    assert_array_equal(device.get(), host)
    assert_array_equal(uniform(3, cupy.asarray(draws), 1, 2030).get(), uniform(3, draws, 1, 2030))
    assert_allclose(normal_from_uniform(device).get(), normal_from_uniform(host), rtol=1e-15)
    u = 10.0 ** -np.linspace(0.1, 300, 500)
    assert_allclose(normal_from_uniform(cupy.asarray(u)).get(), normal_from_uniform(u), rtol=1e-14)


def test_devices_are_resolved_and_arrays_moved(cupy):
    assert resolve_device("auto") == resolve_device("gpu") == "gpu"
    moved = to_device("gpu")(np.arange(3.0))
    assert isinstance(moved, cupy.ndarray)
    assert cuda_kernels.array_namespace(moved) is cupy
    assert_array_equal(to_device("cpu")(moved), np.arange(3.0))


def test_a_machine_without_a_device_is_told_in_one_line(cupy, monkeypatch):
    def no_driver() -> int:
        raise cupy.cuda.runtime.CUDARuntimeError("cudaErrorInsufficientDriver: too old\nmore")

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", no_driver)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(KernelError, match=r"no usable CUDA device \(cudaErrorInsufficientDriver: too old\)"):
        resolve_device("gpu")
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 0)
    with pytest.raises(KernelError, match="finds no CUDA device"):
        resolve_device("gpu")
