"""Blocks of host arrays on their way to the device: each is copied while the one before it is computed with.

A block goes through page-locked memory in one copy, on a stream of its own. There are two such slots: while the current
stream works on one block, the next is read, packed and copied. Events keep the order: work on a block waits for its
copy, and a copy waits until the work on the block that used the slot before is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from ._namespace import Array, _import_cupy

_ALIGNMENT = 256  # bytes; what CuPy's own allocations start at


def staged(blocks: Iterable[Sequence[Any]], device: Literal["cpu", "gpu"]) -> Iterator[tuple[Array, ...]]:
    """The arrays of each block, on the device; on the CPU just what `blocks` gives.

    blocks : sequences of NumPy arrays, made one ahead of use.

    A block's arrays are good until the next block is asked for: then their memory is written over.
    """
    if device == "cpu":
        yield from map(tuple, blocks)
        return
    cupy = _import_cupy()
    copying = cupy.cuda.Stream(non_blocking=True)
    slots = (_Slot(cupy, copying), _Slot(cupy, copying))
    try:
        ahead: tuple[_Slot, tuple[Array, ...]] | None = None
        for number, block in enumerate(blocks):
            slot = slots[number % 2]
            sent = slot.send([np.ascontiguousarray(array) for array in block])
            if ahead is not None:
                yield from _hand_over(*ahead)
            ahead = slot, sent
        if ahead is not None:
            yield from _hand_over(*ahead)
    finally:
        copying.synchronize()  # nothing may still be written to memory that is given back


def _hand_over(slot: _Slot, arrays: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    slot.wait()
    yield arrays
    slot.release()


class _Slot:
    """Page-locked memory, device memory of the same size, and the events between their users."""

    def __init__(self, cupy: Any, copying: Any) -> None:
        self._cupy, self._copying = cupy, copying
        self._copied, self._used = (cupy.cuda.Event(disable_timing=True) for _ in range(2))
        self._host, self._there = np.empty(0, dtype=np.uint8), cupy.empty(0, dtype=cupy.uint8)

    def send(self, arrays: Sequence[Any]) -> tuple[Array, ...]:
        """Start the copy of some arrays; they may be read after `wait`."""
        starts = np.cumsum([0, *(-(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for array in arrays)])
        self._copied.synchronize()  # the copy before this one has left the page-locked memory
        self._reserve(int(starts[-1]))
        views = []
        for start, array in zip(starts, arrays, strict=False):
            if array.size == 0:
                views.append(self._cupy.empty(array.shape, dtype=array.dtype))
                continue
            place = slice(int(start), int(start) + array.nbytes)
            self._host[place] = array.reshape(-1).view(np.uint8)
            views.append(self._there[place].view(array.dtype).reshape(array.shape))
        size = int(starts[-1])
        self._copying.wait_event(self._used)
        self._there[:size].set(self._host[:size], stream=self._copying)
        self._copied.record(self._copying)
        return tuple(views)

    def wait(self) -> None:
        """What follows on the current stream waits for the copy."""
        self._cupy.cuda.get_current_stream().wait_event(self._copied)

    def release(self) -> None:
        """The next copy waits for what the current stream has been given so far."""
        self._used.record(self._cupy.cuda.get_current_stream())

    def _reserve(self, size: int) -> None:
        if size <= self._host.size:
            return
        self._host = np.frombuffer(self._cupy.cuda.alloc_pinned_memory(size), dtype=np.uint8, count=size)
        self._there = self._cupy.empty(size, dtype=self._cupy.uint8)
        self.release()  # the pool may hand out memory that work still under way reads
