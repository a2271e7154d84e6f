"""Years of units that fail and are repaired: an order for the hours of which an outage table knows the distribution.

A unit has a place v in (0, 1) and is out in the hours whose outage rate lies above it; in every hour the place is drawn
anew with probability p. In each hour a unit is thus out with exactly its rate, independent of all others, so that the
capacity of the hour is distributed as the table says, whatever the rate does from hour to hour. At a rate o that stays
the unit is a two-state Markov chain, which fails with p o and is repaired with p (1 - o) an hour: outages last
1 / (p (1 - o)) hours in the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import KernelError
from .outage_table import Floats
from .philox import philox4x32

Integers = NDArray[np.int64]

MOST_RENEWED = 1.0 - 1e-9
"""Highest probability that a place is drawn anew: outages of less than an hour are of one."""
SPARE = 8.0
"""Standard deviations beyond the mean number of low places that are drawn at once; more follow where they end early."""
_MASK = 0xFFFFFFFF
_LONGEST = 2.0**40  # hours, whose sums still fit


class Kind(NamedTuple):
    """Units that differ in capacity only.

    capacity_mw : (unit,)         Of each; whole numbers keep sums exact. [MW]
    outage_rate : (condition,)    Probability that a unit is out. [1]
    outage_h : float              Mean duration of an outage at the mean rate of the year. [h]
    """

    capacity_mw: Floats
    outage_rate: Floats
    outage_h: float


def outage_year_mw(kinds: Sequence[Kind], condition: Integers, address: tuple[int, int, int]) -> Floats:
    """Available capacity (hour,) of all units in one year. [MW]

    condition : (hour,)   Number of the outage rate that each hour has.
    address : seed of Philox, 0 <= seed < 2**64, and numbers of the stream and of the year in it, 0 to 2**32 - 1

    Raises KernelError for shapes and values.
    """
    _check(kinds, condition, address)
    hours = len(condition)
    change = np.zeros(hours + 1)
    for number, kind in enumerate(kinds):
        begins, ends, size = _outages(kind, condition, (*address, number))
        change += np.bincount(begins, size, hours + 1) - np.bincount(ends, size, hours + 1)
    standing = sum(float(kind.capacity_mw.sum()) for kind in kinds)
    available: Floats = standing - np.cumsum(change[:-1])
    return available


def _outages(kind: Kind, condition: Integers, address: tuple[int, ...]) -> tuple[Integers, Integers, Floats]:
    """First hours of stretches that a unit is out, the hours after their last, and the unit's capacity. [MW]

    The units stand in one line, year after year: a year apart, they know nothing of each other.
    """
    hours, count = len(condition), len(kind.capacity_mw)
    begins, ends, place = _low_places(kind, condition, address)
    new = np.concatenate([[True], condition[1:] != condition[:-1]])
    run, first = np.cumsum(new) - 1, np.flatnonzero(new)
    after = np.append(first[1:], hours)
    ends = np.minimum(ends, count * hours)
    # A low place is no outage wherever the rate is lower still, so each is cut where the rate may change.
    lowest, highest = (at // hours * len(first) + run[at % hours] for at in (begins, ends - 1))
    parts = highest - lowest + 1
    each = np.repeat(np.arange(len(begins)), parts)
    unit, run = np.divmod(lowest[each] + np.arange(len(each)) - np.repeat(np.cumsum(parts) - parts, parts), len(first))
    out = place[each] < kind.outage_rate[condition[first[run]]]
    each, unit, run = each[out], unit[out], run[out]
    start = np.maximum(begins[each] - unit * hours, first[run])
    stop = np.minimum(ends[each] - unit * hours, after[run])
    return start, stop, kind.capacity_mw[unit]


def _low_places(kind: Kind, condition: Integers, address: tuple[int, ...]) -> tuple[Integers, Integers, Floats]:
    """Where places below the highest rate begin and end in the line of all units, and these places. [1]

    At the end of one the next place is low with that rate; until then none is, and each hour begins a low one with
    that rate times p.
    """
    line, highest = len(condition) * len(kind.capacity_mw), float(kind.outage_rate[condition].max(initial=0.0))
    stays = max(1.0 - float(kind.outage_rate[condition].mean()), 0.0)
    renewed = min(1.0 / max(kind.outage_h * stays, 1.0), MOST_RENEWED)
    mean = line * renewed * highest
    size = int(mean + SPARE * np.sqrt(mean)) + 1 if mean > 0.0 else 0
    begins, ends, place = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    while size and (not ends.size or ends[-1] < line):
        wait, stay, low = _uniforms(address, len(ends), size)
        waited = np.maximum((wait - highest) / max(1.0 - highest, 2.0**-33), 2.0**-33)
        gap = np.where(wait < highest, 0, 1 + _geometric(waited, renewed * highest))
        length = 1 + _geometric(stay, renewed)
        last = np.cumsum(gap + length) + (ends[-1] if ends.size else 0)
        begins, ends = np.concatenate([begins, last - length]), np.concatenate([ends, last])
        place = np.concatenate([place, low * highest])
    inside = begins < line
    return begins[inside], ends[inside], place[inside]


def _geometric(chance: Floats, probability: float) -> Integers:
    """How often an event of some probability fails to come before it comes, by inversion of chances in (0, 1)."""
    return np.minimum(np.log(chance) / np.log1p(-probability), _LONGEST).astype(np.int64)


def _uniforms(address: tuple[int, ...], first: int, count: int) -> tuple[Floats, Floats, Floats]:
    """Three uniforms in (0, 1) for each number from `first` on."""
    seed, stream, year, kind = address
    counter = np.empty((count, 4), np.uint32)
    counter[:, 0] = np.arange(first, first + count)
    counter[:, 1:] = stream, kind, year
    words = philox4x32(counter, np.array([seed & _MASK, seed >> 32], np.uint32))
    wait, stay, low = ((words[:, word] + 0.5) * 2.0**-32 for word in range(3))
    return wait, stay, low


def _check(kinds: Sequence[Kind], condition: Integers, address: tuple[int, int, int]) -> None:
    seed, *numbers = address
    if not 0 <= seed <= _MASK << 32 | _MASK or not all(0 <= number <= _MASK for number in numbers):
        raise KernelError(f"seed {seed} must fit 64 bits, stream and year {numbers} 32 bits without sign")
    if not len(condition) or condition.min() < 0:
        raise KernelError("condition must name a rate for at least one hour")
    for number, kind in enumerate(kinds):
        sizes, rates = kind.capacity_mw, kind.outage_rate
        if sizes.ndim != 1 or rates.ndim != 1 or condition.max() >= rates.size:
            raise KernelError(f"kind {number}: {sizes.shape} units, {rates.shape} rates, {condition.max()} named")
        within = np.isfinite(sizes).all() and (sizes >= 0.0).all() and (rates >= 0.0).all() and (rates <= 1.0).all()
        if not within or not kind.outage_h > 0.0:
            raise KernelError(f"kind {number}: capacity must be finite and >= 0, rates 0 to 1, outages longer than 0 h")
