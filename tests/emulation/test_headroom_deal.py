"""Dealing cases to blocks: the twin's order, each case once, neighbours together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cuda_kernels import headroom_deal
from cuda_kernels.headroom_deal import BLOCK, MOST_CASES, deal, halved, keys

EFFECTS = np.array([[1.0, 5.0, 0.1], [0.3, 0.2, 0.4]])
SIZES = (1, 2, 128, 129, 257, 1000, MOST_CASES, MOST_CASES + 1)


def coefficients_of(cases: int) -> np.ndarray:
    """Two sets, wide in one coefficient here and in another there, the second with ties."""
    rng = np.random.default_rng(cases)
    values = rng.normal(size=(2, cases, 3)) * np.array([3.0, 2.0, 30.0])
    far = rng.random((2, cases)) < 0.5
    values[..., 0] += 200.0 * far
    values[..., 1] *= np.where(far, 1.0, 0.01)
    values[1] = np.round(values[1])
    return values


def moments_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two effects equally wide in the first set; in the second one without any, as where all draws are equal."""
    mean, spread = values.mean(axis=1), values.std(axis=1)
    spread[0] = 1.0 / EFFECTS[0]
    spread[1, 2] = 0.0
    return mean, spread


@pytest.mark.parametrize("cases", SIZES)
def test_every_case_is_dealt_once_and_blocks_are_of_one_set(cases):
    values = coefficients_of(cases)
    order, reach = deal(values, EFFECTS, EFFECTS)
    assert order.shape[1] <= BLOCK
    assert sorted(order[order >= 0]) == list(range(2 * cases))
    assert not (np.diff((order >= 0).astype(int), axis=1) > 0).any(), "a gap before the fillers"
    sets = order // cases
    assert all(len(set(row[cells >= 0])) <= 1 for row, cells in zip(sets, order, strict=True))
    np.testing.assert_allclose(reach, np.einsum("sck,sk->sc", np.abs(values), EFFECTS), rtol=1e-14)


@pytest.mark.parametrize("cases", [1000, 5000])
def test_blocks_are_narrow_where_the_effect_is_wide(cases):
    values = coefficients_of(cases)[:1] * np.array([0.01, 10.0, 0.1])
    order = deal(values, EFFECTS[:1], EFFECTS[:1]).order
    within = np.mean([np.ptp(values[0, row[row >= 0], 1]) for row in order])
    assert within < 0.5 * np.ptp(values[0, :, 1])


@pytest.mark.parametrize("cases", SIZES)
def test_the_device_deals_as_the_twin(cupy, order, cases):
    values = coefficients_of(cases)
    rng = np.random.default_rng(1)
    members = np.concatenate([rng.permutation(cases), cases + rng.permutation(cases)]).astype(np.int32)
    there = [cupy.asarray(array) for array in (members, values, EFFECTS, 2.0 * EFFECTS)]
    for got, want in zip(halved(*there), halved(members, values, EFFECTS, 2.0 * EFFECTS), strict=True):
        assert_array_equal(got.get(), want)


def test_the_device_numbers_cases_as_the_twin(cupy, order):
    values = coefficients_of(300)
    moments = moments_of(values)
    got = keys(*map(cupy.asarray, (values, EFFECTS)), 9, tuple(map(cupy.asarray, moments)))
    want = keys(values, EFFECTS, 9, moments)
    assert_array_equal(got.get(), want)
    assert len(np.unique(want[:300])) > 30


def test_neighbours_in_the_key_are_neighbours_in_every_coefficient_that_matters(cupy):
    values = coefficients_of(4000)[:1]
    ranked = values[0, keys(values, EFFECTS[:1], 6).argsort(kind="stable"), 0]
    assert np.abs(np.diff(ranked)).mean() < 0.5 * np.abs(np.diff(values[0, :, 0])).mean()


def test_launchers_meet_many_cases_of_one_coefficient(cupy):
    values = np.random.default_rng(0).normal(size=(1, MOST_CASES + 3, 1))
    order, _ = deal(cupy.asarray(values), *(cupy.ones((1, 1)) for _ in range(2)))
    assert sorted(order.get()[order.get() >= 0]) == list(range(MOST_CASES + 3))
    assert headroom_deal._plan(MOST_CASES + 3).groups == 2
