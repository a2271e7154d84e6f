"""Work functions with trouble in them, for sweeps that are tested on real worker processes."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path
from unittest import mock

from capacity.sweep import tasks

POISON, KILLER, KILLED_ONCE, GREEDY, HUNG, FULL_ONCE, FULL = 1, 2, 3, 5, 6, 8, 9
TIME_LIMIT_S = 8.0


def _first_time(sweep: tasks.Sweep, task: int) -> bool:
    mark = Path(sweep.store.url).parent / f"tried-{task}"
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _poison(sweep, task, compute):
    raise ZeroDivisionError("poisoned for the test")


def _kill(sweep, task, compute):
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_once(sweep, task, compute):
    if _first_time(sweep, task):
        os.kill(os.getpid(), signal.SIGKILL)
    return compute(sweep, task)


def _eat_once(sweep, task, compute):
    """Allocates until the nanny ends the process."""
    if _first_time(sweep, task):
        eaten = []
        while True:
            eaten.append(bytearray(os.urandom(1024)) * (32 * 1024))
            time.sleep(0.01)
    return compute(sweep, task)


def _hang(sweep, task, compute):
    time.sleep(1e6)


def _full(sweep, task, compute):
    """The kernel refuses every write from here on, as a full disk does."""
    arrays = compute(sweep, task)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    return arrays


def _full_once(sweep, task, compute):
    return _full(sweep, task, compute) if _first_time(sweep, task) else compute(sweep, task)


TROUBLE = {
    POISON: _poison,
    KILLER: _kill,
    KILLED_ONCE: _kill_once,
    GREEDY: _eat_once,
    HUNG: _hang,
    FULL_ONCE: _full_once,
    FULL: _full,
}


def troubled(job: tasks.Job) -> tasks.Outcome:
    """`tasks.run`, with trouble in the computation of some tasks."""
    trouble = TROUBLE.get(job.task)
    if trouble is None:
        return tasks.run(job)
    compute = tasks.compute
    try:
        with mock.patch.object(tasks, "compute", lambda sweep, task: trouble(sweep, task, compute)):
            return tasks.run(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def poisoned(job: tasks.Job) -> tasks.Outcome:
    """Task 1 always raises; usable where tasks share a process."""
    if job.task == POISON:
        return tasks.Outcome(job.task, error="ZeroDivisionError: poisoned for the test")
    return tasks.run(job)


def unhurried(job: tasks.Job) -> tasks.Outcome:
    """`tasks.run`, slow enough for a hunter to catch it at work."""
    time.sleep(0.5)
    return tasks.run(job)


def idle(job: tasks.Job) -> tasks.Outcome:
    """Half a second of nothing."""
    time.sleep(0.5)
    return tasks.Outcome(job.task)
