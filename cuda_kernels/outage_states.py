"""States of outage tables, sampled: what stands in a number of equally likely states of every hour.

Areas that exchange power have no common table: their capacities are independent, and what is short depends on all of
them. The states of an hour are stratified: of K states, each area's capacity lies once in each K-th of its
distribution, in an order of its own, drawn anew for every hour. Expected values over states are therefore unbiased, and
exact as K grows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import KernelError
from .outage_table import Floats, OutageTable
from .philox import philox4x32

_MASK = 0xFFFFFFFF


def sampled_mw(
    table: OutageTable, condition: NDArray[np.int64], states: int, address: tuple[int, int], *, lasting: int = 1
) -> Floats:
    """Available capacity (hour, state) in equally likely states of every hour. [MW]

    condition : (hour,)   Row of the table that each hour lives in.
    states : >= 1         States an hour.
    address : seed of Philox, 0 <= seed < 2**64, and the number of this table's stream, 0 <= number < 2**32
    lasting : hours that a state lasts, so that a unit that is out in one of them is out in all of the same condition;
        they must divide the hours

    Raises KernelError for shapes and values.
    """
    hours = len(condition)
    if states < 1 or lasting < 1 or hours % lasting:
        raise KernelError(f"{states} states lasting {lasting} of {hours} hours: give at least one, and whole parts")
    if hours and not 0 <= condition.min() <= condition.max() < len(table.probability):
        raise KernelError(f"condition names rows outside a table of {len(table.probability)}")
    chance = np.repeat(stratified(hours // lasting, states, address), lasting, axis=0)
    node = np.empty(chance.shape, np.int64)
    for row in np.unique(condition):
        here = condition == row
        node[here] = np.searchsorted(table.short[row, : table.probability.shape[1] - 1], chance[here])
    capacity: Floats = np.multiply(node, table.step_mw)
    return capacity


def stratified(blocks: int, states: int, address: tuple[int, int]) -> Floats:
    """Uniforms (block, state), one in each of as many equal parts as there are states, in a random order. [1]

    address : as of sampled_mw. A block depends on no other, nor on how many there are.
    """
    seed, stream = address
    if not 0 <= seed <= _MASK << 32 | _MASK or not 0 <= stream <= _MASK:
        raise KernelError(f"seed {seed} and stream {stream} must fit 64 and 32 bits without sign")
    quads = states // 4 + 1  # a word each state, and one for where in the parts the numbers lie
    counter = np.zeros((blocks, quads, 4), np.uint32)
    counter[..., 0] = np.arange(blocks, dtype=np.uint32)[:, None]
    counter[..., 1] = stream
    counter[..., 3] = np.arange(quads, dtype=np.uint32)
    words = philox4x32(counter, np.array([seed & _MASK, seed >> 32], np.uint32)).reshape(blocks, -1)
    part = np.argsort(words[:, :states], axis=1, kind="stable")
    found: Floats = np.divide(part + (words[:, states, None] + 0.5) * 2.0**-32, states)
    return found
