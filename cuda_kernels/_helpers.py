"""Threads that stay, so that a call of a few milliseconds does not start its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

logger = logging.getLogger("gridflops")

_Work = Callable[[], None]
_helpers: dict[frozenset[int], tuple[SimpleQueue[_Work], list[Thread]]] = {}


def cores() -> int:
    """How many of them this process may use."""
    return len(_usable())


def _usable() -> frozenset[int]:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return frozenset(affinity(0) if affinity else range(os.cpu_count() or 1))


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    _helpers.clear()


if hasattr(os, "register_at_fork"):  # absent on Windows
    os.register_at_fork(after_in_child=_forget)


def ask(work: _Work, helpers: int) -> None:
    """Have `work` done by so many other threads too, as soon as they have nothing else to do; nobody waits for them.

    All callers share these threads, one less than there are cores: whoever finds them busy does all by itself, and
    `work` that begins late must find out that there is nothing left to do.
    """
    if helpers == 0:
        return
    usable = _usable()  # a thread keeps to the cores of the one that started it
    if usable not in _helpers:
        _helpers.setdefault(usable, (SimpleQueue(), []))
    queue, threads = _helpers[usable]
    while len(threads) < min(helpers, len(usable) - 1):
        threads.append(Thread(target=_serve, args=(queue,), name="gridflops", daemon=True))
        threads[-1].start()
    for _ in range(min(helpers, len(threads) - queue.qsize())):
        queue.put(work)


def _serve(queue: SimpleQueue[_Work]) -> None:
    while True:
        try:
            queue.get()()
        except Exception:  # whoever asked does all by itself
            logger.exception("a thread that helps kernels failed")
