"""network.cu, run on the CPU through the product's own launcher."""

from __future__ import annotations

import numpy as np
import pytest
from network_reference import headroom_lp, random_caps, random_network
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels import KernelError, _network_cuda
from cuda_kernels.network import network_headroom
from cuda_kernels.network_sets import fits_device, network_headroom_of_sets

from . import build, stand_in

LOADS = 1e-9
"""Relative: tightest sets are found by other roads."""
SHARES = np.array([0.005, 0.0, 0.1, 0.3])


def group(seed: int, areas: int, hours: int) -> tuple[tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Three cases: limits and shares of their own, one hosts nothing; caps and firm capacity where the seed is even."""
    rng = np.random.default_rng(seed)
    margin, limits, direction = random_network(seed, areas, hours)
    profiles = np.stack([margin.T, rng.normal(0.0, 0.3, margin.T.shape)], axis=1)
    coefficients = rng.uniform(0.5, 2.0, (3, areas, 2))
    of_case = np.where(limits > 0.0, limits, 0.0) * np.array([1.0, 0.5, 2.0])[:, None, None]
    directions = direction * np.array([1.0, 1.0, 0.0])[:, None]
    shares = np.stack([SHARES, 0.8 * SHARES[::-1], SHARES])
    if seed % 2:
        return (profiles, coefficients, of_case, directions, shares), {}
    coefficients[..., 1] *= 0.1
    profiles[:, 0] += 4.0  # firm loads that are not nil
    beside = {"import_cap_mw": random_caps(seed, areas), "firm_extra_mw": rng.exponential(0.3, areas)}
    return (profiles, coefficients, of_case, directions, shares), beside


def same(got, want) -> None:
    for name, one, two in zip(want._fields, got, want, strict=True):
        assert one.dtype == two.dtype
        if two.dtype == np.float64:
            assert_allclose(one, two, rtol=LOADS, atol=LOADS, err_msg=name)
        else:
            assert_array_equal(one, two, err_msg=name)


@pytest.mark.parametrize(("seed", "areas", "hours"), [(1, 1, 3), (2, 5, 40), (3, 13, 140), (4, 20, 25), (6, 32, 12)])
def test_headroom_is_that_of_the_twin_in_any_thread_order(cupy, order, seed, areas, hours):
    inputs, beside = group(seed, areas, hours)
    same(network_headroom(*inputs, **beside, device="gpu"), network_headroom(*inputs, **beside, engine="numpy"))


def test_headroom_equals_one_large_linear_program(cupy):
    for seed in range(12):
        areas, share = 2 + seed % 9, [0.0, 0.02, 0.1, 0.3][seed % 4]
        margin, limits, direction = random_network(seed, areas, hours=6 + seed % 7)
        caps = random_caps(seed, areas) if seed % 3 == 0 else np.full(areas, np.inf)
        case = margin.T[:, None], np.ones((1, areas, 1)), limits, direction
        found = network_headroom(*case, share, import_cap_mw=caps, device="gpu").headroom_mw[0, 0]
        assert_allclose(found, headroom_lp(margin, limits, direction, share, caps), rtol=LOADS, atol=LOADS)


def test_a_case_has_the_same_bits_in_any_company(cupy, monkeypatch):
    """Sets of profiles in one launch, or in as many as memory has room for, and each case by itself."""
    sets = [group(seed, 7, 30)[0] for seed in (3, 5)]
    stand_in.launches.clear()
    together = network_headroom_of_sets(sets, device="gpu")
    assert len(stand_in.launches) == 1
    monkeypatch.setattr(cupy.cuda.runtime, "memGetInfo", lambda: (4 * 4 * 32 * 30, 1 << 30))
    in_parts = network_headroom_of_sets(sets, device="gpu")
    assert len(stand_in.launches) == 3  # of four cases and of two
    for one, again, inputs in zip(together, in_parts, sets, strict=True):
        same(one, network_headroom(*inputs, engine="numpy"))
        for c in range(3):
            profiles, *by_case = inputs
            alone = network_headroom(profiles, *(values[c : c + 1] for values in by_case), device="gpu")
            for field, part, single in zip(one, again, alone, strict=True):
                assert_array_equal(field, part)
                assert_array_equal(field[c], single[0])


def test_less_memory_than_there_was_halves_the_cases(cupy, monkeypatch, caplog):
    inputs, beside = group(2, 5, 40)
    want = network_headroom(*inputs, **beside, device="gpu")
    empty, refused = cupy.empty, []

    def full(shape, *arguments, **more):
        if shape[-1] == 4 and not refused:
            refused.append(shape)
            raise cupy.cuda.memory.OutOfMemoryError(1, 1)
        return empty(shape, *arguments, **more)

    monkeypatch.setattr(cupy, "empty", full, raising=False)
    same(network_headroom(*inputs, **beside, device="gpu"), want)
    assert "out of device memory with 3 cases; trying 1" in caplog.text


@pytest.mark.parametrize(
    ("areas", "terms", "links", "what"),
    [
        (33, 1, 0, "33 areas, at most 32"),
        (3, 13, 0, "13 profiles an area, at most 12"),
        (32, 1, 97, "97 links, at most 96"),
    ],
)
def test_what_the_kernel_does_not_hold_is_refused(cupy, areas, terms, links, what):
    limits = np.zeros((areas, areas))
    start, end = (part[:links] for part in np.triu_indices(areas, 1))
    limits[start, end] = 1.0
    assert not fits_device(areas, terms, limits)
    case = np.ones((areas, terms, 2)), np.ones((1, areas, terms)), limits, np.full(areas, 1.0 / areas), 0.1
    with pytest.raises(KernelError, match=what):
        network_headroom(*case, device="gpu")
    limits[start[:1], end[:1]] = 0.0
    assert fits_device(min(areas, 32), min(terms, 12), limits[:32, :32])


def test_caps_on_sets_of_areas_and_sets_of_other_sizes_are_refused(cupy):
    inputs, _ = group(3, 4, 5)
    capped = np.array([[True, True, False, False]]), np.array([1.0])
    with pytest.raises(KernelError, match="caps on sets of areas"):
        network_headroom(*inputs, import_sets=capped, device="gpu")
    with pytest.raises(KernelError, match="the same sizes"):
        network_headroom_of_sets([inputs, group(3, 4, 6)[0]], device="gpu")
    assert network_headroom_of_sets([], device="gpu") == []


def test_no_case_is_no_launch(cupy):
    profiles, *by_case = group(3, 4, 5)[0]
    stand_in.launches.clear()
    found = network_headroom(profiles, *(values[:0] for values in by_case), device="gpu")
    assert found.headroom_mw.shape == (0, 4)
    assert found.short_hours.shape == (0, 4, 4)
    assert stand_in.launches == []


def test_launcher_and_kernel_agree_on_sizes():
    text = build.INCLUDE.joinpath("network_flow.cuh").read_text()
    for name in ("MOST_LINKS", "MOST_TERMS", "BLOCK"):
        assert f"constexpr int {name} = {getattr(_network_cuda, name)};" in text
