"""NumPy body of storage_firm: the hours in which something goes unserved, or the store is used before it does.

A run is a stretch of hours from a full store to the last hour, before the store is full again, in which something goes
unserved at some load. At every lower load the store is full before it, and nothing goes unserved between it and the
next, so that runs are walked side by side. They are held in blocks (place, run) of about the same length, places beyond
the end of a run far above any load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

FAR = 2.0**40
"""More than any margin is."""
_HOURS, _PARTS = 8, 12
"""Hours looked through at a time, in so many parts of the year: what fits a processor's cache."""
_SLACK = 2.0**-18
"""Of a store's power and energy: far more than float32 loses in an hour."""
_PLACES, _WIDE = 32768, 1000
"""The most places of a block, but for so many runs in any case."""
_LIKE = 0.7
"""Runs of a block last at least this share of its longest."""


class Block(NamedTuple):
    """Margins (place, run); for each run its case, and power, energy and efficiency (3, run) of its store."""

    margin: Any
    case: Any
    store: Any

    def only(self, kept: Any) -> Block:
        """Some of its runs."""
        if kept.all():
            return self
        return Block(self.margin.compress(kept, axis=1), self.case[kept], self.store.compress(kept, axis=1))


Runs = Sequence[Block]


def only(runs: Runs, wanted: Any) -> Runs:
    """Runs of the wanted cases (case,)."""
    kept = ((block, wanted[block.case]) for block in runs)
    return [block.only(some) for block, some in kept if some.any()]


def runs_at(margin: Any, load: Any, store: Any) -> Runs:
    """Runs of margins (hour, case) at loads (case,) beside stores (3, case); some may be longer, and more.

    They are looked for in float32, at loads that are higher by more than all rounding: what is missing is never less.
    Parts of the year are gone through side by side, the later ones from an empty store.
    """
    hours, cases = margin.shape
    parts = _PARTS if hours % _PARTS == 0 else 1
    by_part = margin.reshape(parts, -1, cases).transpose(1, 0, 2)
    slack = (_SLACK * (store[0] + store[1]) + 2.0) / store[2]
    above = load + slack
    least = np.tile(np.maximum(store[:2] - slack, 0.0).astype(np.float32), parts)
    most = np.tile((store[:2] + slack).astype(np.float32), parts)
    eta = np.tile(store[2].astype(np.float32), parts)
    exact = np.empty((_HOURS, parts, cases))
    given, work = np.empty((2, _HOURS, parts * cases), dtype=np.float32)
    state = np.zeros((_HOURS + 1, parts * cases), dtype=np.float32)
    state[0, cases:] = most[1, cases:]
    used = np.zeros(state.shape, dtype=bool)
    edges = _room_for_edges(len(by_part), parts * cases)
    for first in range(0, len(by_part), _HOURS):
        some = by_part[first : first + _HOURS]
        size = len(some)
        need, room = given[:size], work[:size]
        need[:] = np.subtract(above, some, out=exact[:size]).reshape(need.shape)
        short = np.greater(need, 0.0, out=used[1 : size + 1])
        if short.any() or state[0].any():
            lacks = need > least[0]
            np.minimum(need, most[0], out=need)
            np.maximum(need, -least[0], out=need)
            np.maximum(need, np.multiply(need, eta, out=room), out=need)
            for before, now, after in zip(state, need, state[1:], strict=False):
                np.add(before, now, out=now)
                np.minimum(now, most[1], out=after)
                np.maximum(after, 0.0, out=after)
            lacks |= need > least[1]
            short |= state[:size] > 0.0
            _mark(used[: size + 1], lacks, edges[first : first + size])
            state[0] = state[size]
        else:
            edges[first] = used[0]
        used[0] = used[size]
    edges[0, cases:] ^= used[0, :-cases].view(np.uint8)
    case, hour, length = _lacking(edges, used[0, -cases:], parts)
    return blocks(margin.reshape(-1), (hour * cases + case, np.full(len(hour), cases), length), case, store)


def _room_for_edges(places: int, runs: int) -> Any:
    """Nil (place, run), in memory of whole words."""
    return np.zeros(-(-places * runs // 8) * 8, dtype=np.uint8)[: places * runs].reshape(places, runs)


def _mark(used: Any, lacks: Any, into: Any) -> None:
    """Where (place, run) a run begins, or has ended (1), and where hours with something unserved end (2).

    used (place + 1, run) : whether it was going on before the first place, and whether it does in each
    """
    np.bitwise_xor(used[:-1].view(np.uint8), used[1:].view(np.uint8), out=into)
    np.greater(lacks[:-1], lacks[1:], out=lacks[:-1])
    ends = lacks.view(np.uint8)
    ends += ends
    into |= ends


def _lacking(edges: Any, open_: Any, parts: int = 1) -> tuple[Any, Any, Any]:
    """Run, first place and length of runs in which something goes unserved, up to where it last does.

    open_ : those (run,) that have not ended
    parts : of the places, one beside the other

    Few places are marked, so that words of eight are looked through.
    """
    places, runs = parts * len(edges), edges.shape[1] // parts
    words = np.flatnonzero(edges.base.view(np.uint64)).astype(np.int32)
    eight = edges.base.reshape(-1, 8)[words].reshape(-1)
    at = np.flatnonzero(eight).astype(np.int32)
    sign = eight[at]
    at += (words - np.arange(len(words), dtype=np.int32))[at >> 3] * np.int32(8)
    place, run = divided(at, parts * runs)
    part, run = divided(run, runs)
    key = (run * (places + 1) + part * len(edges) + place) * 4 + sign
    last = (np.flatnonzero(open_) + 1) * ((places + 1) * 4) - 3
    keys = np.sort(np.concatenate([key, last]))
    begin, end = np.flatnonzero(keys & 1).reshape(-1, 2).T
    lacks = keys[end - 1] & 2 != 0
    first = keys[begin[lacks]] >> 2
    run, place = divided(first.astype(np.int64), places + 1)
    return run, place, (keys[end[lacks] - 1] >> 2) - first + 1


def divided(values: Any, by: int) -> tuple[Any, Any]:
    """Quotient and remainder, in less time than numpy.divmod takes."""
    whole = values // by
    return whole, values - whole * by


def blocks(values: Any, places: tuple[Any, Any, Any], case: Any, store: Any) -> Runs:
    """Blocks of runs that begin at a place of values, go on in steps and have a length; store (3, case)."""
    begin, step, length = places
    order = np.argsort(-length, kind="stable")
    begin, step, length, case = begin[order], step[order], length[order], case[order]
    blocks = []
    first = 0
    while first < len(order):
        depth = int(length[first])
        like = int(np.searchsorted(-length, -_LIKE * depth, side="right"))
        some = np.s_[first : min(like, first + max(_PLACES // depth, _WIDE))]
        at = begin[some] + np.arange(depth)[:, None] * step[some]
        margin = values.take(at, mode="clip")
        lasts = np.searchsorted(-length[some], -np.arange(int(length[some][-1]) + 1, depth + 1), side="right")
        for row, count in zip(margin[depth - len(lasts) :], lasts, strict=True):
            row[count:] = FAR
        blocks.append(Block(margin, case[some], store.take(case[some], axis=1)))
        first += margin.shape[1]
    return blocks


def _joined(parts: Sequence[tuple[Block, Any, Any, Any]], store: Any) -> Runs:
    """Blocks of runs that are parts of others: block, run, first place, length."""
    if not parts:
        return []
    places, cases = [], []
    size = 0
    for block, run, first, length in parts:
        wide = block.margin.shape[1]
        places.append(np.stack([size + first * wide + run, np.full(len(run), wide), length]))
        cases.append(block.case[run])
        size += block.margin.size
    values = np.concatenate([block.margin.reshape(-1) for block, _, _, _ in parts])
    begin, step, length = np.concatenate(places, axis=1)
    return blocks(values, (begin, step, length), np.concatenate(cases), store)


def joined(runs: Runs, store: Any) -> Runs:
    """The same runs in fewer blocks."""
    parts = []
    for block in runs:
        wide = block.margin.shape[1]
        length = (block.margin < FAR).sum(axis=0)
        parts.append((block, np.arange(wide), np.zeros(wide, dtype=np.int64), length))
    return _joined(parts, store)


def split(runs: Runs, marks: Sequence[tuple[Any, Any]], open_: Any, store: Any) -> Runs:
    """Runs at a lower load of cases that are open, from runs at a load.

    marks : of each block, where runs go on (place + 1, run), nowhere before the first place, and where something goes
        unserved (place, run)
    """
    parts = []
    for block, (used, lacks) in zip(runs, marks, strict=True):
        kept = open_[block.case] & lacks.any(axis=0)
        if kept.any():
            edges = _room_for_edges(*block.margin.shape)
            _mark(used & kept, lacks & kept, edges)
            parts.append((block, *_lacking(edges, used[-1] & kept)))
    return _joined(parts, store)
