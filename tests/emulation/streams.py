"""Streams and events of the stand-in for CuPy: what a stream of its own is given happens as late as it may.

The current stream works at once. Any other keeps its orders until somebody waits for them, so that a missing wait
shows: a reader finds what lay there before. `log` tells what was ordered and waited for, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

log: list[tuple[str, str]] = []


class Stream:
    """Orders of one stream; the null stream carries them out at once."""

    def __init__(self, null: bool = False, non_blocking: bool = False, *, name: str = "copying") -> None:
        self.name = "current" if null else name
        self._eager, self._orders = null, list[Callable[[], None]]()

    def order(self, what: str, act: Callable[[], None]) -> None:
        log.append((self.name, what))
        self._orders.append(act)
        if self._eager:
            self.carry_out(self.given)

    def wait_event(self, event: Event) -> None:
        seen = event.upto  # an event waits for what was recorded before the wait, not after
        self.order(f"waits for {event.name}", lambda: event.reach(seen))

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def synchronize(self) -> None:
        log.append(("host", f"waits for {self.name}"))
        self.carry_out(self.given)

    def carry_out(self, count: int) -> None:
        """The first orders, those before which `count` were given included."""
        for at, act in enumerate(self._orders[:count]):
            self._orders[at] = _nothing  # before it acts: orders may wait for one another
            act()

    @property
    def given(self) -> int:
        return len(self._orders)


def _nothing() -> None:
    """What is left of an order that was carried out."""


class Event:
    """A place in a stream's orders."""

    def __init__(self, block: bool = False, disable_timing: bool = False) -> None:
        self.upto: tuple[Stream, int] | None = None
        self.name = f"event {id(self)}"

    def record(self, stream: Stream | None = None) -> None:
        stream = stream or CURRENT
        self.upto = (stream, stream.given)
        self.name = f"work on {stream.name} up to {sum(who == stream.name for who, _ in log)}"

    def synchronize(self) -> None:
        log.append(("host", f"waits for {self.name}"))
        self.reach(self.upto)

    def reach(self, place: tuple[Stream, int] | None) -> None:
        if place is not None:
            place[0].carry_out(place[1])


CURRENT = Stream(null=True)


def pinned(size: int) -> np.ndarray:
    """Page-locked memory, full of rubbish."""
    return np.full(size, 0xEE, dtype=np.uint8)


def copy_later(there: np.ndarray, host: np.ndarray, stream: Any) -> None:
    """Copy what `host` holds when the stream comes to it."""
    if there.shape != host.shape or there.dtype != host.dtype:
        raise ValueError(f"shape mismatch: {there.shape} {there.dtype} from {host.shape} {host.dtype}")
    (stream or CURRENT).order(f"copies {there.nbytes} bytes", lambda: there.__setitem__(..., host))
