"""Threads that kernels share."""

from __future__ import annotations

import os
from threading import Event, Lock, get_ident

import pytest

from cuda_kernels import _helpers

WAIT = 60.0  # seconds until a thread counts as lost


def test_helpers_run_beside_the_block():
    met = Event()
    with _helpers.helped(met.set, 1):
        assert met.wait(WAIT)


def test_no_helpers_no_threads():
    ran = []
    with _helpers.helped(lambda: ran.append(get_ident()), 0):
        pass
    assert ran == []


def test_whoever_finds_the_helpers_busy_does_not_wait():
    let_go, begun, lock, late = Event(), [Event() for _ in range(256)], Lock(), []

    def busy() -> None:
        with lock:
            mine = begun.pop()
        mine.set()
        let_go.wait(WAIT)

    first = begun[-1]
    try:
        with _helpers.helped(lambda: None, 1):  # the pool exists
            pool = _helpers._pools[_helpers._usable()]
        futures = [pool.submit(busy) for _ in range(pool._max_workers)]
        assert first.wait(WAIT)
        while sum(future.running() for future in futures) < len(futures):
            Event().wait(0.001)
        with _helpers.helped(lambda: late.append(1), 3):
            pass  # would never return
        assert late == []
    finally:
        let_go.set()


def test_what_goes_wrong_in_a_helper_is_told():
    begun = Event()

    def fail() -> None:
        begun.set()
        raise ArithmeticError("seven")

    with pytest.raises(ArithmeticError, match="seven"), _helpers.helped(fail, 1):
        assert begun.wait(WAIT)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_begins_anew():
    with _helpers.helped(lambda: None, 1):
        assert _helpers._pools
    kept = dict(_helpers._pools)
    try:
        _helpers._forget()
        assert _helpers._pools == {}
    finally:
        _helpers._pools.update(kept)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system lets no process choose its cores")
def test_helpers_use_the_cores_that_their_caller_may():
    before, seen = os.sched_getaffinity(0), []

    def look() -> None:
        seen.append(os.sched_getaffinity(0))
        met.set()

    for cores in ({min(before)}, before):
        met = Event()
        os.sched_setaffinity(0, cores)
        try:
            with _helpers.helped(look, 1):
                assert met.wait(WAIT)
        finally:
            os.sched_setaffinity(0, before)
    assert seen == [{min(before)}, before]
