"""Threads that stay, so that a call of a few milliseconds does not start its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

_pools: dict[frozenset[int], ThreadPoolExecutor] = {}


def cores() -> int:
    """How many of them this process may use."""
    return len(_usable())


def _usable() -> frozenset[int]:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return frozenset(affinity(0) if affinity else range(os.cpu_count() or 1))


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    _pools.clear()


if hasattr(os, "register_at_fork"):  # absent on Windows
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def helped(work: Callable[[], None], helpers: int) -> Iterator[None]:
    """Run `work` in some other threads during the block; those that have not begun by its end do not.

    Callers share the threads: one whose helpers are busy elsewhere does all by itself, and does not wait for them.
    """
    futures: list[Future[None]] = []
    if helpers > 0:
        usable = _usable()  # a thread keeps to the cores of the one that started it
        if usable not in _pools:
            _pools[usable] = ThreadPoolExecutor(max(1, len(usable) - 1), "gridflops")
        futures = [_pools[usable].submit(work) for _ in range(helpers)]
    try:
        yield
    finally:
        begun = [future for future in futures if not future.cancel()]
    for future in begun:
        future.result()
