"""Work functions with trouble in them, for sweeps that are tested on real worker processes."""

from __future__ import annotations

import functools
import os
import resource
import signal
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

from capacity import cli
from capacity.sweep import session, tasks

POISON, KILLER, KILLED_ONCE, GREEDY, HUNG, FULL_ONCE, FULL = 1, 2, 3, 5, 6, 8, 9
TIME_LIMIT_S, SHORT_LIMIT_S = 600.0, 2.0
"""Of all tasks, and of the hung one alone: a busy machine must not make the others miss theirs."""


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
    if job.task == HUNG and job.timeout_s == TIME_LIMIT_S:
        job = replace(job, timeout_s=SHORT_LIMIT_S)
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
    time.sleep(0.6)
    return tasks.run(job)


def idle(job: tasks.Job) -> tasks.Outcome:
    """A moment of nothing."""
    time.sleep(0.1)
    return tasks.Outcome(job.task)


def gated(job: tasks.Job) -> tasks.Outcome:
    """`tasks.run` for tasks below the gate; the others wait until it is raised. Leaves a mark when it begins."""
    home = Path(job.url).parent
    (home / f"begun-{job.task}-{os.getpid()}").touch()
    while job.task >= int((home / "gate").read_text()):
        time.sleep(0.02)
    return tasks.run(job)


def raise_gate(home: Path, task: int) -> None:
    """Let the tasks below that number pass, on stores in that folder."""
    (home / "gate.new").write_text(str(task))
    (home / "gate.new").replace(home / "gate")


def begun(home: Path) -> list[tuple[int, int]]:
    """Task and process of every beginning under `gated`."""
    marks = (path.name.split("-") for path in home.glob("begun-*"))
    return sorted((int(task), int(process)) for _, task, process in marks)


def main(work: str) -> None:
    """`gridflops` with this module's work of that name in place of `tasks.run`."""
    session.execute = functools.partial(session.execute, work=globals()[work])
    cli.main()
