"""NumPy body of storage_firm: the hours in which a store can be less than full, and what happens in them.

A run is a stretch of hours from a full store to the next full store at some load. At every lower load the store is full
before it and after it, so that runs are walked side by side, hundreds of cases and all their runs at once. They are
held by falling length in blocks (place, run), places beyond the end of a run far above any load.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

_FAR = 2.0**40
"""More than any margin is."""
_HOURS, _PLACES, _DEPTH = 32, 65536, 1024
"""Hours looked through at a time, and the most places and the most depth of a block: what fits a processor's cache."""
_FULL = 0.9
"""A block ends where fewer than this share of its runs go on."""
_WORTH = 0.8
"""Runs that no longer matter are dropped where that leaves fewer than this share of the places."""
_NARROW, _SIDES = 256, 8
"""Blocks of no more runs are cut into pieces side by side, if into so many at least."""


class Runs(NamedTuple):
    """Runs of some cases: blocks of margins (place, run), each of the runs that last longest; and for each run its
    case, its lowest margin, and power, energy and efficiency (3, run) of its store."""

    blocks: Sequence[Any]
    case: Any
    least: Any
    own: Any

    def only(self, wanted: Any, load: Any) -> Runs:
        """Those of the wanted cases with a shortage at the load (case,), and perhaps others."""
        kept = wanted[self.case] & (self.least < load[self.case])
        total = np.concatenate([[0], np.cumsum(kept)])
        after = sum(len(block) * int(total[block.shape[1]]) for block in self.blocks)
        if after > _WORTH * sum(block.size for block in self.blocks):
            return self
        places = np.flatnonzero(kept)
        left = [(block, int(total[block.shape[1]])) for block in self.blocks]
        blocks = [block.take(places[:count], axis=1) for block, count in left if count]
        return Runs(blocks, self.case[kept], self.least[kept], self.own[:, kept])

    def rooms(self, count: int) -> Iterator[tuple[Any, Any, Any]]:
        """Each block, with so many arrays of its shape to work in, and three of truth values."""
        size = max((block.size for block in self.blocks), default=0)
        room, flags = np.empty((count, size)), np.empty((3, size), dtype=bool)
        for block in self.blocks:
            some = np.s_[:, : block.size]
            yield block, room[some].reshape(count, *block.shape), flags[some].reshape(3, *block.shape)


def runs_at(margin: Any, load: Any, store: Any) -> Runs:
    """Runs of margins (hour, case) at loads (case,) beside stores (case, 4)."""
    hours, cases = margin.shape
    power, energy, eta = np.ascontiguousarray(store[:, :3].T)
    taken, given = np.empty((2, _HOURS, cases))
    state = np.zeros((_HOURS + 1, cases))
    begins, ends = [], []
    charging = False
    for hour in range(0, hours, _HOURS):
        some = margin[hour : hour + _HOURS]
        size = len(some)
        need = np.subtract(load, some, out=taken[:size])
        if not charging and need.max() <= 0.0:
            continue
        short = need > 0.0
        _taken(need, (power, -power, eta), need, given[:size])
        for before, now, after in zip(state, need, state[1:], strict=False):
            np.add(before, now, out=after)
            np.minimum(after, energy, out=after)
            np.maximum(after, 0.0, out=after)
        full = state[: size + 1] <= 0.0
        full[size] |= hour + size == hours
        begins.append(np.flatnonzero(full[:-1] & short) + hour * cases)
        ends.append(np.flatnonzero((short | ~full[:-1]) & full[1:]) + hour * cases)
        state[0] = state[size]
        charging = bool(state[0].any())
    places = (np.concatenate([np.zeros(0, dtype=np.int64), *each]) for each in (begins, ends))
    first, last = (np.sort(at % cases * hours + at // cases) for at in places)
    return _blocks(margin, first, last - first + 1, (power, energy, eta))


def _blocks(margin: Any, first: Any, length: Any, store: Any) -> Runs:
    """Runs that begin at case * hours + hour and last so many hours."""
    hours, cases = margin.shape
    order = np.argsort(-length, kind="stable")
    case, hour = first[order] // hours, first[order] % hours
    ends = -length[order]
    counts = np.searchsorted(ends, -np.arange(1, int(length.max(initial=0)) + 1), side="right")
    flat = margin.reshape(-1)
    begin = hour * cases + case
    least = np.full(len(case), np.inf)
    blocks = []
    depth = 0
    while depth < len(counts):
        wide = int(counts[depth])
        some = counts[depth : depth + min(max(_PLACES // wide, 1), _DEPTH)]
        some = some[: np.searchsorted(-some, -_FULL * wide, side="right")]
        at = begin[:wide] + np.arange(depth, depth + len(some))[:, None] * cases
        block = flat.take(at, mode="clip")
        for row, count in zip(block, some, strict=True):
            row[count:] = _FAR
        np.minimum(least[:wide], block.min(axis=0), out=least[:wide])
        blocks.append(block)
        depth += len(some)
    return Runs(blocks, case, least, np.stack([values[case] for values in store]))


def counts(runs: Runs, power: Any) -> tuple[Any, Any]:
    """Hours of each case in which its store cannot serve natives, whatever it holds, and in which they are short."""
    worse, short = np.zeros((2, len(runs.case)))
    less = -power[runs.case]
    for block in runs.blocks:
        wide = block.shape[1]
        worse[:wide] += np.count_nonzero(block < less[:wide], axis=0)
        short[:wide] += np.count_nonzero(block < 0.0, axis=0)
    return _by_case(runs, worse, len(power)), _by_case(runs, short, len(power))


def _by_case(runs: Runs, values: Any, cases: int) -> Any:
    return np.bincount(runs.case, values, cases)


def below(runs: Runs, level: Any, most: Any) -> tuple[Any, Any]:
    """What margins lack to a level (case,), at most so much each, and how many lack something, but less."""
    height, limit = level[runs.case], most[runs.case]
    total, count = np.zeros((2, len(height)))
    for block, (left,), (some, other, _) in runs.rooms(1):
        wide = block.shape[1]
        np.subtract(height[:wide], block, out=left)
        np.greater(left, 0.0, out=some)
        some &= np.less(left, limit[:wide], out=other)
        count[:wide] += np.count_nonzero(some, axis=0)
        np.maximum(left, 0.0, out=left)
        np.minimum(left, limit[:wide], out=left)
        total[:wide] += left.sum(axis=0)
    return _by_case(runs, total, len(level)), _by_case(runs, count, len(level))


def _taken(need: Any, store: Any, into: Any, room: Any) -> None:
    """What is taken from the store for a need, or given to it: losses are less than what is given, as eta <= 1."""
    power, less, eta = store
    np.minimum(need, power, out=into)
    np.maximum(into, less, out=into)
    np.multiply(into, eta, out=room)
    np.maximum(into, room, out=into)
    np.rint(into, out=into)


def discharge(runs: Runs, load: Any) -> tuple[Any, Any]:
    """Unserved energy of loads (case,) and its slope."""
    loads = load[runs.case]
    power, energy, eta = runs.own
    less = -power
    state, carried, unserved, slope = np.zeros((4, len(loads)))
    for block, (need, held, moved, room), (deep, inside, goes) in runs.rooms(4):
        wide = block.shape[1]
        most, full = power[:wide], energy[:wide]
        np.subtract(loads[:wide], block, out=need)
        _taken(need, (most, less[:wide], eta[:wide]), held, room)
        np.greater(need, most, out=deep)
        np.greater(need, less[:wide], out=inside)
        np.greater(inside, deep, out=inside)
        np.maximum(eta[:wide], np.greater(need, 0.0, out=goes), out=moved)
        moved *= inside
        need -= most
        np.maximum(need, 0.0, out=need)
        _walk(held, state[:wide], full)
        np.greater(held, 0.0, out=goes)
        held -= full
        over = np.greater(held, 0.0, out=inside)
        np.greater(goes, over, out=goes)
        _carry(moved, carried[:wide], goes)
        np.maximum(held, 0.0, out=held)
        need += held
        moved *= over
        moved += deep
        unserved[:wide] += need.sum(axis=0)
        slope[:wide] += moved.sum(axis=0)
    return _by_case(runs, unserved, len(load)), _by_case(runs, slope, len(load))


def overload(runs: Runs, load: Any) -> Any:
    """By how much loads (case,) fall at least before nothing goes unserved."""
    loads = load[runs.case]
    power, energy, eta = runs.own
    less = -power
    state, one, two, most = np.zeros((4, len(loads)))
    for block, (need, held, asked, moved), (short, inside, goes) in runs.rooms(4):
        wide = block.shape[1]
        full = energy[:wide]
        np.subtract(loads[:wide], block, out=need)
        _taken(need, (power[:wide], less[:wide], eta[:wide]), held, moved)
        np.greater(need, 0.0, out=short)
        np.greater(need, less[:wide], out=inside)
        np.maximum(eta[:wide], short, out=moved)
        moved *= np.logical_or(short, inside, out=inside)
        np.copyto(asked, held)
        np.copyto(asked, need, where=short)
        need -= power[:wide]
        _walk(held, state[:wide], full)
        np.logical_or(short, full > 0.0, out=goes)
        goes &= np.greater(held, 0.0, out=inside)
        _carry(asked, one[:wide], goes)
        _carry(moved, two[:wide], goes)
        asked -= full
        np.divide(asked, moved, out=asked, where=short)
        np.maximum(asked, need, out=asked)
        asked *= short
        np.maximum(most[:wide], asked.max(axis=0), out=most[:wide])
    total = np.zeros(len(load))
    np.maximum.at(total, runs.case, most)
    return total


def _pieces(shape: tuple[int, int]) -> tuple[int, int]:
    """Into how many pieces a block (place, run) is cut, and how long they are; no pieces where that does not pay."""
    side = int(np.sqrt(shape[0])) if shape[1] <= _NARROW else 0
    return (side, shape[0] // side) if side >= _SIDES else (0, 0)


def _walk(held: Any, state: Any, energy: Any) -> None:
    """Of what is taken makes what is missing after each hour, before it is held between nil and the energy.

    state (run,) : what is missing at the beginning, and then at the end

    A piece is walked from a full and from an empty store, which tells what it makes of any state; then, one piece after
    another, where each begins; then from there.
    """
    side, size = _pieces(held.shape)
    if side:
        steps = held[: side * size].reshape(side, size, -1)
        ends = np.zeros((2, *steps[:, 0].shape))
        ends[1] = energy
        for i in range(size):
            np.add(ends, steps[:, i], out=ends)
            np.minimum(ends, energy, out=ends)
            np.maximum(ends, 0.0, out=ends)
        begin = np.empty_like(ends[0])
        begin[0] = state
        for before, total, low, high, after in zip(begin, steps.sum(axis=1), *ends, begin[1:], strict=False):
            np.add(before, total, out=after)
            np.maximum(after, low, out=after)
            np.minimum(after, high, out=after)
        for i in range(size):
            _step(steps[:, i], begin, energy)
        state[:] = begin[-1]
    for row in held[side * size :]:
        _step(row, state, energy)


def _step(row: Any, state: Any, energy: Any) -> None:
    np.add(row, state, out=row)
    np.minimum(row, energy, out=state)
    np.maximum(state, 0.0, out=state)


def _carry(values: Any, carried: Any, goes_on: Any) -> None:
    """Sums since the last hour before that did not go on; carried (run,) is the sum at the beginning, then at the end.

    In pieces as _walk: each from nil first, to which comes what it begins with if all its hours go on.
    """
    side, size = _pieces(values.shape)
    if side:
        steps, on = (each[: side * size].reshape(side, size, -1) for each in (values, goes_on))
        added = np.zeros(steps[:, 0].shape)
        for i in range(size):
            np.add(added, steps[:, i], out=added)
            np.multiply(added, on[:, i], out=added)
        begin = np.empty_like(added)
        begin[0] = carried
        for before, more, through, after in zip(begin, added, on.all(axis=1), begin[1:], strict=False):
            np.multiply(before, through, out=after)
            np.add(after, more, out=after)
        for i in range(size):
            np.add(steps[:, i], begin, out=steps[:, i])
            np.multiply(steps[:, i], on[:, i], out=begin)
        carried[:] = begin[-1]
    for row, on_ in zip(values[side * size :], goes_on[side * size :], strict=True):
        np.add(row, carried, out=row)
        np.multiply(row, on_, out=carried)
