"""Matrix products that do not depend on what else is in the matrix.

`np.matmul` adds up in an order that a library chooses by processor and shapes: the last bits of a year would depend on
how many years follow, and those of a draw on how many others there are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def product(left: Floats, right: Floats) -> Floats:
    """left (..., n, k) @ right (..., k, m), added up in the order of k. (..., n, m)"""
    total = left[..., :, 0, None] * right[..., 0, None, :]
    term = np.empty_like(total)
    for i in range(1, left.shape[-1]):
        if left[..., i].any():
            total += np.multiply(left[..., :, i, None], right[..., i, None, :], out=term)
    return np.asarray(total)
