"""Products of the supply projection: what is in the matrix beside changes no bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from capacity.supply.products import product

SIZES = st.integers(1, 20)


@given(st.integers(0, 2**32 - 1), SIZES, SIZES, SIZES, st.integers(1, 4))
def test_a_part_of_a_product_is_the_product_of_a_part(seed, n, k, m, draws):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(n, k)), rng.normal(size=(draws, k, m))
    left[:, rng.random(k) < 0.3] = 0.0
    whole = product(left, right)
    np.testing.assert_allclose(whole, left @ right, rtol=1e-12, atol=1e-12)
    some, until, row = rng.integers(draws), rng.integers(1, m + 1), rng.integers(n)
    np.testing.assert_array_equal(
        product(left[row : row + 1], right[some, :, :until]), whole[some, row : row + 1, :until]
    )
    longer = product(np.pad(left, ((0, 0), (0, 3))), np.pad(right, ((0, 0), (0, 3), (0, 0))))
    np.testing.assert_array_equal(longer, whole)
    square = np.triu(right[..., :k]) if m >= k else np.triu(rng.normal(size=(draws, k, k)))
    np.testing.assert_array_equal(product(left, square, upper=True), product(left, square))
