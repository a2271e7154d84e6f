"""Matrix products that do not depend on what else is in the matrix.

`np.matmul` adds up in an order that a library chooses by processor and shapes: the last bits of a year would depend on
how many years follow, and those of a draw on how many others there are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def product(left: Floats, right: Floats, *, upper: bool = False) -> Floats:
    """left (..., n, k) @ right (..., k, m), added up in the order of k. (..., n, m)

    upper : right is 0 where m < k: what is built in a year stands in no year before.
    """
    total = left[..., :, 0, None] * right[..., 0, None, :]
    term = np.empty_like(total)
    for i in range(1, left.shape[-1]):
        if left[..., i].any():
            first = i if upper else 0
            here = np.multiply(left[..., :, i, None], right[..., i, None, first:], out=term[..., first:])
            total[..., first:] += here
    return np.asarray(total)
