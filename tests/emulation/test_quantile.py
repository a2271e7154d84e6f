"""quantile.cu, run on the CPU through the product's own launcher."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cuda_kernels.quantile import order_statistic, quantile

PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


def awkward(draws: int, columns: int) -> np.ndarray:
    """Columns of every kind: spread, tied, of both signs, tiny, huge, some with a NaN."""
    rng = np.random.default_rng(draws)
    values = rng.normal(size=(draws, columns)) * 10.0 ** rng.integers(-300, 300, columns)
    values[:, 1::4] = rng.integers(-2, 3, values[:, 1::4].shape)
    values[:, 2::4] = np.abs(values[:, 2::4]) * 5e-324
    values[draws // 2, 3::8] = np.nan
    return values


@pytest.mark.parametrize("draws", [1, 2, 31, 256, 257, 600])
def test_quantiles_have_the_bits_of_numpy(cupy, order, draws):
    values = awkward(draws, 11)
    assert_array_equal(quantile(cupy.asarray(values), PROBABILITIES).get(), quantile(values, PROBABILITIES))


def test_more_quantiles_than_one_launch_takes_and_other_axes(cupy):
    from . import stand_in

    values = awkward(90, 12).reshape(90, 3, 4)
    many = np.linspace(0.0, 1.0, 19)
    got = quantile(cupy.asarray(values), many)
    assert_array_equal(got.get(), quantile(values, many))
    assert len(stand_in.launches) == 3
    last = np.ascontiguousarray(np.moveaxis(values, 0, -1))
    assert_array_equal(quantile(cupy.asarray(last), many, axis=-1).get(), got.get())


def test_order_statistics_of_infinities(cupy):
    values = np.array([[np.inf, -np.inf, 3.0], [1.0, -np.inf, -0.0], [-np.inf, np.inf, 0.0]])
    want = np.sort(values, axis=0)[[0, 2]]
    assert_array_equal(order_statistic(cupy.asarray(values), [0, 2]).get(), want)
    assert_array_equal(order_statistic(values, [0, 2]), want)


def test_ranks_are_uploaded_once(cupy):
    from . import stand_in

    values = cupy.asarray(awkward(20, 4))
    quantile(values, PROBABILITIES)
    stand_in.transfers.clear()
    quantile(values, PROBABILITIES)
    assert not stand_in.transfers
