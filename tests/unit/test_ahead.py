"""Work done ahead of time comes in order, no further ahead than allowed, and ends with the first error."""

from __future__ import annotations

from functools import partial
from threading import Barrier, Event, get_ident

import pytest

from capacity.ahead import in_advance

PATIENCE_S = 60.0


def test_without_threads_each_task_waits_until_it_is_asked_for():
    begun: list[int] = []
    found = in_advance([partial(begun.append, number) for number in range(3)], 0, lambda: None)
    assert begun == []
    next(found)
    assert begun == [0]
    assert next(in_advance([get_ident], 0, lambda: None)) == get_ident()


def test_tasks_run_side_by_side_and_come_in_order():
    both = Barrier(2, timeout=PATIENCE_S)

    def task(number: int) -> int:
        both.wait()
        return number

    assert list(in_advance([partial(task, number) for number in range(4)], 2, lambda: None)) == [0, 1, 2, 3]


def test_no_more_is_begun_than_is_allowed():
    taken: list[int] = []
    tasks = (taken.append(number) or partial(int, number) for number in range(9))
    found = in_advance(tasks, 2, lambda: None)
    next(found)
    assert taken == [0, 1, 2]
    found.close()


def test_an_error_ends_what_is_under_way():
    under_way, ended = Event(), Event()

    def fails() -> None:
        under_way.wait(PATIENCE_S)
        raise ValueError("first")

    def waits() -> None:
        under_way.set()
        assert ended.wait(PATIENCE_S)

    with pytest.raises(ValueError, match="first"):
        list(in_advance([fails, waits], 2, ended.set))
    assert ended.is_set()


def test_closing_early_ends_what_is_under_way():
    ended = Event()
    waits = partial(ended.wait, PATIENCE_S)
    found = in_advance([partial(int, 7), waits, waits], 2, ended.set)
    assert next(found) == 7
    found.close()
    assert ended.is_set()
