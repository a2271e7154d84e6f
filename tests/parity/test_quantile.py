"""Quantiles over draws: the bits of numpy.quantile, and a slow oracle in rational numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels import KernelError
from cuda_kernels.quantile import order_statistic, quantile

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
COLUMNS = hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=NUMBERS)
PROBABILITIES = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=9)


def exact(column: np.ndarray, probability: float) -> float:
    """By insertion and exact arithmetic."""
    ordered: list[Fraction] = []
    for value in column:
        at = next((i for i, other in enumerate(ordered) if other > Fraction(value)), len(ordered))
        ordered.insert(at, Fraction(value))
    place = Fraction(probability) * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


@settings(max_examples=60, deadline=None)
@given(COLUMNS, PROBABILITIES)
def test_bits_of_numpy_and_value_of_the_oracle(values, probabilities):
    got = quantile(values, probabilities)
    assert_array_equal(got, np.quantile(values, probabilities, axis=0))
    slow = [[exact(column, p) for column in values.T] for p in probabilities]
    # Of two values a thousand times larger their rounding is left.
    assert_allclose(got, slow, rtol=1e-12, atol=1e-9 + 1e-14 * np.abs(values).max())


@settings(max_examples=30, deadline=None)
@given(COLUMNS)
def test_ranks_are_the_sorted_values_in_any_order_of_draws(values):
    ranks = list(range(len(values)))
    assert_array_equal(order_statistic(values, ranks), np.sort(values, axis=0))
    assert_array_equal(order_statistic(values[::-1], ranks), np.sort(values, axis=0))


def test_what_is_missing_is_not_skipped():
    values = np.array([[1.0, 2.0], [np.nan, 3.0], [5.0, 4.0]])
    assert_array_equal(quantile(values, [0.0, 0.5]), [[np.nan, 2.0], [np.nan, 3.0]])


def test_the_axis_of_draws_may_stand_anywhere():
    values = np.random.default_rng(0).normal(size=(4, 30, 5))
    assert_array_equal(quantile(values, [0.1, 0.9], axis=1), np.quantile(values, [0.1, 0.9], axis=1))


@pytest.mark.parametrize(
    ("values", "probabilities", "message"),
    [
        (np.zeros((0, 3)), [0.5], "at least one along axis 0"),
        (np.zeros((3, 3), dtype=np.float32), [0.5], "float32"),
        (np.zeros((3, 3)), [1.5], "from 0 to 1"),
        (np.zeros((3, 3)), [np.nan], "from 0 to 1"),
    ],
)
def test_bad_requests_are_refused(values, probabilities, message):
    with pytest.raises(KernelError, match=message):
        quantile(values, probabilities)
    with pytest.raises(KernelError, match="ranks"):
        order_statistic(np.zeros((3, 3)), [3])
