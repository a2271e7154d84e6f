"""NumPy body of storage_firm: what happens in runs (`_storage_firm_runs`) at a load, a block of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._storage_firm_runs import Runs

_NARROW, _SIDES = 256, 8
"""Blocks of no more runs are cut into pieces side by side, if into so many at least."""


def counted(flags: Any) -> Any:
    """How many are set (run,) of flags (place, run)."""
    return np.add.reduce(flags.view(np.uint8), axis=0, dtype=np.uint8 if len(flags) < 256 else np.uint16)


def discharge(runs: Runs, load: Any) -> tuple[Any, Any, Sequence[tuple[Any, Any]]]:
    """Unserved energy of loads (case,), its slope, and marks for `split`."""
    total, rise = np.zeros((2, len(load)))
    marks = []
    for margin, case, (power, energy, eta) in runs:
        need = np.subtract(load[case], margin)
        used = np.zeros((len(margin) + 1, len(case)), dtype=bool)
        short = np.greater(need, 0.0, out=used[1:])
        charges = need > -power
        held = np.minimum(need, power)
        need -= held
        unserved = need.sum(axis=0)
        deep = need > 0.0
        _taken(held, (power, -power, eta), held, need)
        _walk(held, energy)
        goes = held > 0.0
        held -= energy
        over = held > 0.0
        np.maximum(held, 0.0, out=held)
        unserved += held.sum(axis=0)
        np.greater(charges, short, out=charges)
        lacks = deep | over
        slope = counted(deep).astype(np.float64)
        np.greater(short, deep, out=deep)
        _passed_on(over, goes > over)
        deep &= over
        charges &= over
        slope += counted(deep) + eta * counted(charges)
        total += np.bincount(case, unserved, len(load))
        rise += np.bincount(case, slope, len(load))
        used[2:] |= goes[:-1]
        marks.append((used, lacks))
    return total, rise, marks


def overload(runs: Runs, load: Any) -> tuple[Any, Runs]:
    """By how much loads (case,) fall at least before nothing goes unserved, and the runs in which something does."""
    total = np.zeros(len(load))
    left = []
    for block in runs:
        margin, case, (power, energy, eta) = block
        need = np.subtract(load[case], margin)
        held, moved = np.empty((2, *need.shape))
        _taken(need, (power, -power, eta), held, moved)
        short = need > 0.0
        np.maximum(eta, short, out=moved)
        moved *= short | (need > -power)
        asked = np.where(short, need, held)
        need -= power
        _walk(held, energy)
        goes = short | (energy > 0.0)
        goes &= held > 0.0
        _carry(asked, goes)
        _carry(moved, goes)
        asked -= energy
        np.divide(asked, moved, out=asked, where=short)
        np.maximum(asked, need, out=asked)
        asked *= short
        most = asked.max(axis=0)
        np.maximum.at(total, case, most)
        some = most > 0.0
        if some.any():
            left.append(block.only(some))
    return total, left


def _taken(need: Any, store: tuple[Any, Any, Any], into: Any, room: Any) -> None:
    """What is taken from the store for a need, or given to it: losses are less than what is given, as eta <= 1."""
    power, less, eta = store
    np.minimum(need, power, out=into)
    np.maximum(into, less, out=into)
    np.multiply(into, eta, out=room)
    np.maximum(into, room, out=into)
    np.rint(into, out=into)


def _pieces(shape: tuple[int, int]) -> tuple[int, int]:
    """Into how many pieces a block (place, run) is cut, and how long they are; no pieces where that does not pay."""
    side = int(np.sqrt(shape[0])) if shape[1] <= _NARROW else 0
    return (side, shape[0] // side) if side >= _SIDES else (0, 0)


def _walk(held: Any, energy: Any) -> None:
    """Of what is taken makes what is missing after each hour, before it is held between nil and the energy.

    A piece is walked from a full and from an empty store, which tells what it makes of any state; then, one piece after
    another, where each begins; then from there.
    """
    side, size = _pieces(held.shape)
    state = np.zeros(held.shape[1])
    if side:
        steps = held[: side * size].reshape(side, size, -1)
        ends = np.zeros((2, *steps[:, 0].shape))
        ends[1] = energy
        for i in range(size):
            np.add(ends, steps[:, i], out=ends)
            np.minimum(ends, energy, out=ends)
            np.maximum(ends, 0.0, out=ends)
        begin = np.zeros_like(ends[0])
        for before, total, low, high, after in zip(begin, steps.sum(axis=1), *ends, begin[1:], strict=False):
            np.add(before, total, out=after)
            np.maximum(after, low, out=after)
            np.minimum(after, high, out=after)
        for i in range(size):
            _step(steps[:, i], begin, energy)
        state = begin[-1]
    for row in held[side * size :]:
        _step(row, state, energy)


def _step(row: Any, state: Any, energy: Any) -> None:
    np.add(row, state, out=row)
    np.minimum(row, energy, out=state)
    np.maximum(state, 0.0, out=state)


def _passed_on(flags: Any, goes_on: Any) -> None:
    """Sets flags (place, run) of hours that go on to an hour whose flag is set."""
    side, size = _pieces(flags.shape)
    ahead = np.zeros(flags.shape[1], dtype=bool)
    room = np.empty_like(ahead)
    for row, on in zip(flags[side * size :][::-1], goes_on[side * size :][::-1], strict=True):
        row |= np.logical_and(ahead, on, out=room)
        ahead = row
    if not side:
        return
    steps, on_ = (each[: side * size].reshape(side, size, -1) for each in (flags, goes_on))
    first = np.zeros(steps[:, 0].shape, dtype=bool)
    for i in range(size - 1, -1, -1):
        first &= on_[:, i]
        first |= steps[:, i]
    through = on_.all(axis=1)
    end = np.empty_like(first)
    end[-1] = ahead
    for i in range(side - 1, 0, -1):
        np.logical_and(end[i], through[i], out=end[i - 1])
        end[i - 1] |= first[i]
    room = np.empty_like(end)
    for i in range(size - 1, -1, -1):
        steps[:, i] |= np.logical_and(end, on_[:, i], out=room)
        end = steps[:, i]


def _carry(values: Any, goes_on: Any) -> None:
    """Sums since the last hour before that did not go on.

    In pieces as _walk: each from nil first, to which comes what it begins with if all its hours go on.
    """
    side, size = _pieces(values.shape)
    carried = np.zeros(values.shape[1])
    if side:
        steps, on = (each[: side * size].reshape(side, size, -1) for each in (values, goes_on))
        added = np.zeros(steps[:, 0].shape)
        for i in range(size):
            np.add(added, steps[:, i], out=added)
            np.multiply(added, on[:, i], out=added)
        begin = np.zeros_like(added)
        for before, more, through, after in zip(begin, added, on.all(axis=1), begin[1:], strict=False):
            np.multiply(before, through, out=after)
            np.add(after, more, out=after)
        for i in range(size):
            np.add(steps[:, i], begin, out=steps[:, i])
            np.multiply(steps[:, i], on[:, i], out=begin)
        carried = begin[-1]
    for row, on_ in zip(values[side * size :], goes_on[side * size :], strict=True):
        np.add(row, carried, out=row)
        np.multiply(row, on_, out=carried)
