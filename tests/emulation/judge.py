"""Run a changed .cu file against the NumPy twins, in a process of its own: what is wrong with it may be fatal."""

from __future__ import annotations

import multiprocessing
import os
import sys
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from unittest.mock import patch

import numpy as np
from storage_reference import days_and_nights

from cuda_kernels import KernelError, _headroom_cuda, _launch, headroom_mw
from cuda_kernels.event_figures import event_figures, event_figures_of_sets
from cuda_kernels.headroom_deal import halved, keys
from cuda_kernels.headroom_sets import headroom_sets_mw
from cuda_kernels.network import network_headroom
from cuda_kernels.network_sets import network_headroom_of_sets
from cuda_kernels.philox import normal_from_uniform, philox4x32, uniform
from cuda_kernels.quantile import quantile
from cuda_kernels.storage_dispatch import storage_scan
from cuda_kernels.storage_firm import storage_as_firm
from cuda_kernels.water_fill import water_fill_of_areas

from . import (
    stand_in,
    test_event_figures,
    test_headroom_deal,
    test_network,
    test_quantile,
    test_storage,
    test_water_fill,
)

_DIFFERS = 3  # exit code; 1 is a failure of the judge itself


def headroom_differs(cupy: object) -> bool:
    """Whether any thread order gives other bits than NumPy, or the emulation objects."""
    rng = np.random.default_rng(3)
    profiles = np.vstack([np.ones(300), rng.normal(size=(2, 300))])
    coefficients = np.column_stack([rng.normal(1.5, 1, 151), rng.normal(size=(151, 2))])
    near = np.array([3.0, 1.0, 1.0]) * np.exp(0.03 * rng.normal(size=(151, 3)))  # a box that prunes
    tied = np.vstack([np.repeat([3.0, 5.0, 9.0], 100), np.zeros(300), np.zeros(300)])
    shares = np.array([0.0, 0.01, 0.3, 0.1, 0.02])
    for order in ("ascending", "descending", "random"):
        stand_in.settings.order = order
        for shapes, cases, rule in (
            (profiles, coefficients, "native_first"),
            (profiles, coefficients, "plain"),
            (tied, coefficients, "native_first"),
            (profiles, near, "native_first"),
            (profiles - 1.5, near, "native_first"),
        ):
            want = headroom_mw(shapes, cases, shares, rule=rule, engine="numpy")
            try:
                got = headroom_mw(cupy.asarray(shapes), cupy.asarray(cases), shares, rule=rule)
            except RuntimeError:
                return True
            if any((one.get() != other).any() for one, other in zip(got, want, strict=True)):
                return True
            if roots_differ(cupy, (shapes, cases, shares), rule, want.headroom_mw):
                return True
        if sets_differ(cupy, np.stack([profiles, 7.0 * profiles]), np.stack([near, coefficients]), shares):
            return True
    return False


def roots_differ(cupy: object, inputs: tuple[np.ndarray, ...], rule: str, want: np.ndarray) -> bool:
    """Whether the search leaves the finish more to do than rounding, which would be slow and give the same answers."""
    profiles, coefficients, shares = inputs
    peaks = np.abs(profiles).max(axis=1)
    arrays = [cupy.asarray(a) for a in (profiles, peaks, coefficients, np.tile(shares, (len(coefficients), 1)))]

    def without_finish(kernel: _launch.Kernel, *arguments: object, **how: object) -> None:
        if not kernel.name.startswith("headroom_finish"):
            _launch.launch(kernel, *arguments, **how)

    with patch.object(_headroom_cuda, "launch", without_finish):
        roots = _headroom_cuda.headroom((arrays[0], arrays[1]), *arrays[2:], rule == "native_first")[0].get()
    near = 1e-9 * np.maximum(want, 1e-3 * (np.abs(coefficients) @ peaks)[:, None])
    return bool((np.abs(roots - want) > near)[(want > 0.0) & (shares > 0.0)].any())


def sets_differ(cupy: object, profiles: np.ndarray, coefficients: np.ndarray, shares: np.ndarray) -> bool:
    """Two sets of profiles in one launch, firm cases beside others."""
    of_case = np.tile(shares, (*coefficients.shape[:2], 1))
    of_case[:, 1::2] = shares[::-1]
    arrays = [cupy.asarray(a) for a in (profiles, np.abs(profiles).max(axis=2), coefficients, of_case)]
    try:
        got = _headroom_cuda.headroom_of_sets((arrays[0], arrays[1]), arrays[2], arrays[3], True)
    except RuntimeError:
        return True
    each = [headroom_mw(*one, engine="numpy") for one in zip(profiles, coefficients, of_case, strict=True)]
    return any((got[i].get() != np.stack([one[i] for one in each])).any() for i in (0, 1))


def deal_differs(cupy: object) -> bool:
    for order in ("ascending", "random"):
        stand_in.settings.order = order
        for cases in (3, 300, 2049):
            values = test_headroom_deal.coefficients_of(cases)
            members = np.random.default_rng(1).permutation(cases)
            both = np.concatenate([members, cases + members[::-1]]).astype(np.int32)
            inputs = both, values, test_headroom_deal.EFFECTS, 2.0 * test_headroom_deal.EFFECTS
            moments = test_headroom_deal.moments_of(values)
            try:
                got = [*halved(*map(cupy.asarray, inputs))]
                got.append(keys(*map(cupy.asarray, inputs[1:3]), 9, tuple(map(cupy.asarray, moments))))
            except RuntimeError:
                return True
            want = [*halved(*inputs), keys(*inputs[1:3], 9, moments)]
            if any((one.get() != other).any() for one, other in zip(got, want, strict=True)):
                return True
    return False


def weighted_differs(cupy: object) -> bool:
    rng = np.random.default_rng(5)
    profiles = np.stack([np.vstack([np.ones(200), rng.normal(size=(2, 200))]) for _ in range(2)])
    profiles[1] *= 3.0
    coefficients = rng.normal(1.0, 1.0, (2, 151, 3))
    coefficients[:, ::5, 0] = -9.0  # short in every hour
    shares = np.tile([0.0, 0.01, 0.3], (2, 151, 1))
    shares[:, 1::2] = shares[:, 1::2, ::-1]
    weights = rng.choice([0.0, 0.3, 1.0, 7.0], 200)
    for order in ("ascending", "descending", "random"):
        stand_in.settings.order = order
        for rule in ("native_first", "plain"):
            how = {"rule": rule, "hour_weights": weights}
            want = headroom_sets_mw(profiles, coefficients, shares, engine="numpy", **how)
            try:
                got = headroom_sets_mw(*map(cupy.asarray, (profiles, coefficients, shares)), **how)
            except RuntimeError:
                return True
            if any((one.get() != other).any() for one, other in zip(got, want, strict=True)):
                return True
    return False


def philox_differs(cupy: object) -> bool:
    rng = np.random.default_rng(2)
    counter = rng.integers(0, 2**32, (70, 4), dtype=np.uint32)
    key = rng.integers(0, 2**32, 2, dtype=np.uint32)
    u = np.concatenate([np.linspace(0.001, 0.999, 99), 10.0 ** -np.linspace(3, 300, 50)])
    draws, years, lanes = np.arange(11), np.arange(3), np.arange(5)
    device = cupy.asarray
    try:
        return bool(
            (philox4x32(device(counter), key).get() != philox4x32(counter, key)).any()
            or (uniform(5, device(draws), 6, years, lanes).get() != uniform(5, draws, 6, years, lanes)).any()
            or not np.allclose(normal_from_uniform(device(u)).get(), normal_from_uniform(u), rtol=1e-13, atol=0)
        )
    except (RuntimeError, KernelError):
        return True


def events_differ(cupy: object) -> bool:
    for order in ("ascending", "descending", "random"):
        stand_in.settings.order = order
        for cases, hours in ((3, 40), (9, 1100), (5, 2050)):
            arrays = test_event_figures.made_up(cases, hours)
            try:
                got = event_figures_of_sets(*map(cupy.asarray, arrays)).get()
            except RuntimeError:
                return True
            each = [event_figures(*one, arrays[3], engine="numpy") for one in zip(*arrays[:3], strict=True)]
            if not np.array_equal(got, np.stack(each)):
                return True
    return False


def quantile_differs(cupy: object) -> bool:
    probabilities = (0.0, 0.13, 0.29, 0.41, 0.62, 0.77, 0.95, 1.0)
    for order in ("ascending", "descending", "random"):
        stand_in.settings.order = order
        for draws in (1, 3, 5, 40, 300, 513):
            values = test_quantile.awkward(draws, 9)
            try:
                got = quantile(cupy.asarray(values), probabilities).get()
            except RuntimeError:
                return True
            if not np.array_equal(got, quantile(values, probabilities), equal_nan=True):
                return True
    return False


def storage_differs(cupy: object) -> bool:
    for order in ("ascending", "descending", "random"):
        stand_in.settings.order = order
        for stores, cases, hours in (("tenths", 7, 500), ("seldom_full", 6, 1300), ("made_up", 3, 13)):
            margin, *store = getattr(test_storage, stores)(cases, hours)
            load = np.linspace(0.0, 2.0, cases)
            try:
                got = storage_scan(*map(cupy.asarray, (margin, load, *store)))
            except RuntimeError:
                return True
            want = storage_scan(margin, load, *store, engine="numpy")
            if any(not np.allclose(one.get(), two, rtol=1e-12, atol=1e-12) for one, two in zip(got, want, strict=True)):
                return True
    return False


def storage_firm_differs(cupy: object) -> bool:
    for order in ("ascending", "random"):
        stand_in.settings.order = order
        families = [days_and_nights(seed, 22, hours, **how) for seed, hours, how in test_storage.FAMILIES]
        for inputs in (*families, test_storage.slow_to_fill()):
            try:
                got = storage_as_firm(*inputs, device="gpu")
            except RuntimeError:
                return True
            want = storage_as_firm(*inputs, engine="numpy")
            if any((one != two).any() for one, two in zip(got, want, strict=True)):
                return True
    return False


def network_differs(cupy: object) -> bool:
    for order in ("ascending", "random"):
        stand_in.settings.order = order
        for seed, areas, hours in ((2, 5, 140), (3, 13, 40), (4, 20, 25)):
            inputs, beside = test_network.group(seed, areas, hours)
            try:
                got = network_headroom(*inputs, **beside, device="gpu")
            except RuntimeError:
                return True
            if apart(got, network_headroom(*inputs, **beside, engine="numpy")):
                return True
        sets = [test_network.group(seed, 7, 30)[0] for seed in (3, 5)]
        with patch.object(cupy.cuda.runtime, "memGetInfo", lambda: (4 * 4 * 32 * 30, 1 << 30)):  # four cases at once
            try:
                got = network_headroom_of_sets(sets, device="gpu")
            except RuntimeError:
                return True
        want = network_headroom_of_sets(sets, engine="numpy")
        if any(apart(one, two) for one, two in zip(got, want, strict=True)):
            return True
    return False


def apart(got: tuple[np.ndarray, ...], want: tuple[np.ndarray, ...]) -> bool:
    """Whether networks differ by more than rounding, or in anything that is counted."""
    exact = zip(got, want, strict=True)
    return not all(np.allclose(a, b, rtol=1e-9, atol=1e-9 * (b.dtype == np.float64)) for a, b in exact)


def water_fill_differs(cupy: object) -> bool:
    for order in ("ascending", "random"):
        stand_in.settings.order = order
        for cells, years, draws in (((1,), 1, 1), ((5, 2), 4, 43), ((1, 7, 3), 3, 128)):
            tables, loads = test_water_fill.areas(cells, years, draws)
            loads[0][0, years // 2, -1] = np.nan
            there, moved = test_water_fill.on(cupy, tables, loads)
            want = water_fill_of_areas(tables, *loads)
            try:
                got = water_fill_of_areas(there, *moved)
            except RuntimeError:
                return True
            if not all(np.array_equal(one.get(), two, equal_nan=True) for one, two in zip(got, want, strict=True)):
                return True
    return False


JUDGES = {
    "headroom": headroom_differs,
    "headroom_deal": deal_differs,
    "headroom_weighted": weighted_differs,
    "network": network_differs,
    "philox": philox_differs,
    "event_figures": events_differ,
    "quantile": quantile_differs,
    "storage": storage_differs,
    "storage_firm": storage_firm_differs,
    "water_fill": water_fill_differs,
}


def differs(kind: str, text: str) -> bool:
    """Whether the text in the place of a .cu file gives other results than NumPy, is objected to, or brings its process
    down; kind is one of JUDGES. A judge that fails by itself finds nothing: that is an error."""
    alone = _processes().Process(target=_judge, args=(kind, text))
    alone.start()
    alone.join()
    assert alone.exitcode in (0, _DIFFERS) or alone.exitcode < 0, f"the judge of {kind} failed: {alone.exitcode}"
    return alone.exitcode != 0


@cache
def _processes() -> ForkServerContext:
    """Processes that begin with all of this imported, which takes as long as most mutants live."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with patch.dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1])):
        forkserver.ensure_running()
    return context


def _judge(kind: str, text: str) -> None:
    module = sys.modules["cupy"] = stand_in.make_module()
    stand_in.settings.flags = ("-O1",)
    unchanged = _launch.source
    _launch.source = lambda module: text if module == kind else unchanged(module)
    sys.exit(_DIFFERS if JUDGES[kind](module) else 0)
