"""Cases of a call of the numba headroom engine in blocks, each for one thread at a time."""

from __future__ import annotations

from typing import Any

from ._headroom_types import double, double_table, long, long_table, number
from ._jit import entry, lean, view

_SAMPLE = 64  # cases that tell where to cut


@lean
def _widest(coefficients: Any, effect: Any, cases: Any) -> tuple[int, float]:
    """The coefficient whose spread over a sample of the cases has the widest effect, and its mean."""
    step = max(1, cases.size // _SAMPLE)
    best, middle, widest = 0, 0.0, -1.0
    for k in range(effect.size):
        low = high = coefficients[cases[0], k]
        mean, count = 0.0, 0
        for i in range(0, cases.size, step):
            value = coefficients[cases[i], k]
            low, high = min(low, value), max(high, value)
            mean, count = mean + value, count + 1
        if (high - low) * effect[k] > widest:
            best, middle, widest = k, mean / count, (high - low) * effect[k]
    return best, middle


@entry(number(double_table, double, long, long_table, number))
def divide(coefficients: Any, effect: Any, order: Any, blocks: Any, most: int) -> int:
    """Cut cases into blocks of at most `most` as long as there is room for more; how many there are.

    order (2 * case,) : the first half is put in the order of the blocks, the second is scratch; blocks = (first, size).
    """
    n = coefficients.shape[0]
    blocks[0, 0], blocks[0, 1] = 0, n
    count, block = 1, 0
    while block < count:
        first, size = blocks[block, 0], blocks[block, 1]
        left = right = 0
        if size > most and count < blocks.shape[0]:
            best, middle = _widest(coefficients, effect, view(order, first, size))
            for i in range(first, first + size):  # without a branch that nobody can foresee
                case = order[i]
                side = 1 if coefficients[case, best] <= middle else 0
                order[first + left], order[n + right] = case, case
                left += side
                right += 1 - side
        for i in range(right):
            order[first + left + i] = order[n + i]
        if left == 0 or right == 0:
            block += 1
            continue
        blocks[block, 1], blocks[count, 0], blocks[count, 1] = left, first + left, right
        count += 1
    return count
