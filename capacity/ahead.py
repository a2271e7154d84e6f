"""Work done before it is asked for, a few steps ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Found = TypeVar("Found")


def in_advance(
    tasks: Iterable[Callable[[], Found]], ahead: int, stop: Callable[[], None]
) -> Generator[Found, None, None]:
    """Results of tasks in their order, while up to `ahead` later ones are worked on by as many threads.

    ahead : 0 to do each when it is asked for, in the thread that asks
    stop : asks tasks under way to end; called when an error, or closing, ends this early

    The first error of a task, in their order, is raised where its result was due.
    """
    if not ahead:
        for task in tasks:
            yield task()
        return
    waiting: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(ahead) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
