"""Threads that stay, so that a call of a few milliseconds does not start its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

_pool: list[ThreadPoolExecutor] = []


def cores() -> int:
    """How many of them this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    _pool.clear()


if hasattr(os, "register_at_fork"):  # absent on Windows
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def helped(work: Callable[[], None], helpers: int) -> Iterator[None]:
    """Run `work` in some other threads during the block; those that have not begun by its end do not.

    Callers share the threads: one whose helpers are busy elsewhere does all by itself, and does not wait for them.
    """
    futures: list[Future[None]] = []
    if helpers > 0:
        if not _pool:
            _pool.append(ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "gridflops"))
        futures = [_pool[0].submit(work) for _ in range(helpers)]
    try:
        yield
    finally:
        begun = [future for future in futures if not future.cancel()]
    for future in begun:
        future.result()
