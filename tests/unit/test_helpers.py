"""Threads that kernels share."""

from __future__ import annotations

import os
from threading import Event, get_ident

import pytest

from cuda_kernels import _helpers

WAIT = 60.0  # seconds until a thread counts as lost

needs_a_second_core = pytest.mark.skipif(_helpers.cores() < 2, reason="one core, and so no helper")


def drain() -> None:
    """Until helpers have nothing to do."""
    done = Event()
    _helpers.ask(lambda: None, 1)
    _helpers._helpers[_helpers._usable()][0].put(done.set)
    assert done.wait(WAIT)


@needs_a_second_core
def test_a_helper_works_beside_the_caller():
    met, who = Event(), []
    drain()

    def work() -> None:
        who.append(get_ident())
        met.set()

    _helpers.ask(work, 1)
    assert met.wait(WAIT)
    assert who != [get_ident()]


def test_no_helpers_no_threads():
    ran = []
    before = {cores: list(threads) for cores, (_, threads) in _helpers._helpers.items()}
    _helpers.ask(lambda: ran.append(1), 0)
    assert ran == []
    assert all(threads == before.get(cores, []) for cores, (_, threads) in _helpers._helpers.items())


@needs_a_second_core
def test_whoever_finds_the_helpers_busy_does_not_wait_and_leaves_little():
    let_go, done, late, most = Event(), Event(), [], _helpers.cores() - 1
    begun = [Event() for _ in range(most)]
    mine = iter(begun)

    def busy() -> None:
        next(mine).set()
        let_go.wait(WAIT)

    _helpers.ask(lambda: None, most)  # there are as many as there may be
    queue, threads = _helpers._helpers[_helpers._usable()]
    try:
        for _ in range(most):
            queue.put(busy)
        assert all(event.wait(WAIT) for event in begun)
        for _ in range(3):
            _helpers.ask(lambda: late.append(1), most)
        assert late == []
        assert queue.qsize() == len(threads) == most
    finally:
        let_go.set()
    queue.put(done.set)
    assert done.wait(WAIT)


@needs_a_second_core
def test_a_helper_that_fails_says_so_and_helps_again(caplog):
    done = Event()
    drain()

    def fail() -> None:
        raise ArithmeticError("seven")

    _helpers.ask(lambda: None, 1)
    queue, threads = _helpers._helpers[_helpers._usable()]
    for _ in range(len(threads)):
        queue.put(fail)
    queue.put(done.set)
    assert done.wait(WAIT)
    assert "seven" in caplog.text
    assert all(thread.is_alive() for thread in threads)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_begins_anew():
    _helpers.ask(lambda: None, 1)
    kept = dict(_helpers._helpers)
    assert kept
    try:
        _helpers._forget()
        assert _helpers._helpers == {}
    finally:
        _helpers._helpers.update(kept)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system lets no process choose its cores")
@needs_a_second_core
def test_helpers_use_the_cores_that_their_caller_may():
    before, seen, met = os.sched_getaffinity(0), [], Event()

    def look() -> None:
        seen.append(os.sched_getaffinity(0))
        met.set()

    drain()
    os.sched_setaffinity(0, {min(before)})
    try:
        _helpers.ask(look, 1)  # nobody: it has the only core itself
    finally:
        os.sched_setaffinity(0, before)
    _helpers.ask(look, 1)
    assert met.wait(WAIT)
    assert seen == [before]
