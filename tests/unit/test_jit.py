"""Functions compiled apart: called by address, so that a wrong type must be refused when the caller is compiled."""

from __future__ import annotations

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from cuda_kernels._jit import apart, entry, view  # noqa: E402

doubles, number, real = numba.float64[::1], numba.int64, numba.float64


@apart(real(doubles, number))
def weighted(values, weight):
    total = 0.0
    for value in values:
        total += value * weight
    return total


def test_parts_call_each_other_and_views_begin_where_they_should():
    @entry(numba.void(doubles, doubles))
    def fill(values, out):
        out[0] = weighted((view(values, 2, 3), 10))
        out[1] = view(values, 4, 1)[0]

    out = np.zeros(2)
    fill(np.arange(6.0), out)
    assert out.tolist() == [90.0, 4.0]


def test_a_call_with_other_types_is_refused():
    with pytest.raises(numba.TypingError, match="weighted takes"):

        @entry(numba.void(doubles))
        def wrong(values):
            values[0] = weighted((values, 1.5))
