"""States of outage tables, sampled: what stands in a number of equally likely states of every hour.

Areas that exchange power have no common table: their capacities are independent, and what is short depends on all of
them. The states of an hour are stratified: of K states, each area's capacity lies once in each K-th of its
distribution, in an order of its own, drawn anew for every hour. Expected values over states are therefore unbiased, and
exact as K grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import KernelError
from .outage_table import Floats, OutageTable
from .philox import philox4x32

Integers = NDArray[np.int64]
Singles = NDArray[np.float32]

TILT = 2.0
"""Deviations of all areas' capacity by which deep states lie deeper; label J."""
TOGETHER = 8
"""States that a search looks at together first, by the lowest capacity of each area in any of them."""
_MASK = 0xFFFFFFFF
_MOST = 600.0  # of a logarithm


class Deeper(NamedTuple):
    """States of which deep ones come more often than they are, from the deepest to the one where most stands.

    capacity_mw : (area, hour, state)   weight : (hour, state)
    lowest_mw : (area, hour, part)      Each area's lowest in every TOGETHER states that follow one another.
    lasting : int                       Hours that a state lasts.

    Sums over states times weight, over the number of states, are expected values. Capacities are multiples of a table's
    step, which float32 holds exactly in half the room.
    """

    capacity_mw: Singles
    weight: Floats
    lowest_mw: Singles
    lasting: int


def sampled_mw(table: OutageTable, condition: Integers, states: int, address: tuple[int, int]) -> Floats:
    """Available capacity (hour, state) in equally likely states of every hour. [MW]

    condition : (hour,)   Row of the table that each hour lives in.
    states : >= 1         States an hour.
    address : seed of Philox, 0 <= seed < 2**64, and the number of this table's stream, 0 <= number < 2**32

    Raises KernelError for shapes and values.
    """
    _check(table, condition, states, 1)
    return _capacity(table, condition, stratified(len(condition), states, address))


def deeper_mw(
    areas: Sequence[tuple[OutageTable, Integers, int]], states: int, seed: int, *, lasting: int = 1
) -> Deeper:
    """Capacity of some areas, half of the states as likely as they are and half drawn where much is out.

    areas : table of each, the row of it that each hour lives in, and the number of its stream
    states : >= 2   States an hour.
    lasting : hours that a state lasts, so that a unit that is out in one of them is out in all of the same condition;
        they must divide the hours

    Shortage is rare and in few of K states; of states with probabilities over exp(TILT x missing / its deviation) many
    are short. A state's weight is what it is likely over what it is drawn, by all areas together, and 2 at most.
    """
    for table, condition, _ in areas:
        _check(table, condition, states, lasting)
    deviation = float(np.sqrt(sum(_variance(table, condition) for table, condition, _ in areas)))
    tilt = TILT / deviation if deviation > 0.0 else 0.0
    likely = -(-states // 2)
    found, ratio = [], np.zeros((len(areas[0][1]) // lasting, states))
    for table, condition, stream in areas:
        blocks, first = len(condition) // lasting, condition[::lasting]
        chance = np.empty((blocks, states))
        chance[:, :likely] = stratified(blocks, likely, (seed, stream))
        chance[:, likely:] = stratified(blocks, states - likely, (seed, stream), part=1)
        for row in np.unique(first):
            here = first == row
            chance[here], logs = _bent(table, row, chance[here], likely, tilt)
            ratio[here] += logs
        rows = len(table.probability)
        each, place = np.unique(np.arange(len(condition)) // lasting * rows + condition, return_inverse=True)
        found.append(_capacity(table, each % rows, chance[each // rows]).astype(np.float32)[place])
    share = likely / states
    weight = np.repeat(1.0 / (share + (1.0 - share) * np.exp(np.minimum(ratio, _MOST))), lasting, axis=0)
    capacity = np.stack(found)
    total = capacity[:, ::lasting].sum(axis=0, dtype=np.float64)
    order = np.repeat(np.argsort(total, axis=1, kind="stable"), lasting, axis=0)
    capacity = np.take_along_axis(capacity, order[None], axis=2)
    lowest = np.minimum.reduceat(capacity, np.arange(0, states, TOGETHER), axis=2)
    return Deeper(capacity, np.take_along_axis(weight, order, axis=1), lowest, lasting)


def _bent(table: OutageTable, row: int, chance: Floats, likely: int, tilt: float) -> tuple[Floats, Floats]:
    """Places (block, state) in the distribution, those behind the first `likely` drawn from the bent one, and the
    logarithm of how much more often that has the capacity there."""
    plain = table.probability[row]
    capacity = np.arange(plain.size) * table.step_mw
    bent = plain * np.exp(-tilt * (capacity - plain @ capacity))
    total = bent.sum()
    below, bent_below = (np.concatenate([[0.0], values.cumsum()]) for values in (plain, bent / total))
    node = np.searchsorted(bent_below[1:-1], chance[:, likely:])
    inside = np.clip((chance[:, likely:] - bent_below[node]) * total / bent[node], 0.0, 1.0)
    place = chance.copy()
    place[:, likely:] = below[node] + inside * plain[node]
    at = np.searchsorted(below[1:-1], place) * table.step_mw
    return place, -tilt * (at - plain @ capacity) - np.log(total)


def _variance(table: OutageTable, condition: Integers) -> float:
    """Mean over hours of the variance of the available capacity. [MW2]"""
    capacity = np.arange(table.probability.shape[1]) * table.step_mw
    by_row = table.probability @ capacity**2 - (table.probability @ capacity) ** 2
    return float(np.maximum(by_row, 0.0)[condition].mean())


def _capacity(table: OutageTable, condition: Integers, chance: Floats) -> Floats:
    """Capacity (hour, state) at places in the distribution of each hour."""
    node = np.empty(chance.shape, np.int64)
    for row in np.unique(condition):
        here = condition == row
        node[here] = np.searchsorted(table.short[row, : table.probability.shape[1] - 1], chance[here])
    capacity: Floats = np.multiply(node, table.step_mw)
    return capacity


def _check(table: OutageTable, condition: Integers, states: int, lasting: int) -> None:
    hours = len(condition)
    if states < 1 or lasting < 1 or hours % lasting:
        raise KernelError(f"{states} states lasting {lasting} of {hours} hours: give at least one, and whole parts")
    if hours and not 0 <= condition.min() <= condition.max() < len(table.probability):
        raise KernelError(f"condition names rows outside a table of {len(table.probability)}")


def stratified(blocks: int, states: int, address: tuple[int, int], part: int = 0) -> Floats:
    """Uniforms (block, state), one in each of as many equal parts as there are states, in a random order. [1]

    address : as of sampled_mw. part : of the stream. A block depends on no other, nor on how many there are.
    """
    seed, stream = address
    if not 0 <= seed <= _MASK << 32 | _MASK or not 0 <= stream <= _MASK:
        raise KernelError(f"seed {seed} and stream {stream} must fit 64 and 32 bits without sign")
    quads = states // 4 + 1  # a word each state, and one for where in the parts the numbers lie
    counter = np.zeros((blocks, quads, 4), np.uint32)
    counter[..., 0] = np.arange(blocks, dtype=np.uint32)[:, None]
    counter[..., 1] = stream
    counter[..., 2] = part
    counter[..., 3] = np.arange(quads, dtype=np.uint32)
    words = philox4x32(counter, np.array([seed & _MASK, seed >> 32], np.uint32)).reshape(blocks, -1)
    order = np.argsort(words[:, :states], axis=1, kind="stable")
    found: Floats = np.divide(order + (words[:, states, None] + 0.5) * 2.0**-32, states)
    return found
