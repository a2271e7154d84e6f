"""From a prepared plan to a finished store: make or open it, have done what is left to do, say how it went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from capacity.errors import CapacityError
from capacity.sweep import engine, identity, lease, places, store, tasks
from capacity.sweep.orders import Limits, Pool, Watch, Work
from capacity.sweep.prepare import Prepared, probe

LOG_EVERY_S = 10.0
MAX_LOG_LINES = 20_000


def make_or_open(address: str, prepared: Prepared, *, resume: bool, allow_code_change: bool) -> store.Opened:
    """A new store at an empty address, or an earlier one that says the same and is to be resumed.

    Raises CapacityError naming every difference in one line.
    """
    found = store.state(address)
    if found == "foreign":
        raise CapacityError(f"--out {address}: holds something that is no sweep; choose another folder")
    if found == "sweep" and not resume:
        raise CapacityError(f"--out {address}: holds a sweep already; add --resume to go on with it, or choose another")
    if found != "sweep":
        return _made(address, prepared)
    opened = store.open_store(address)
    old, new = dict(opened.identity), dict(prepared.identity)
    old_code, new_code = {"code": old.pop("code")}, {"code": new.pop("code")}
    for said in (old, new):
        said.pop("grid_file_sha256")  # the same grid packed anew is the same grid
    faults = identity.differences(old, new)
    if faults:
        raise CapacityError(f"--resume {address}: another sweep ({'; '.join(faults)}); use another --out")
    changed = identity.differences(old_code, new_code)
    if changed and not allow_code_change:
        raise CapacityError(
            f"--resume {address}: other code ({'; '.join(changed)}); numbers may differ between tasks; "
            "add --allow-code-change to go on all the same"
        )
    return opened


def _made(address: str, prepared: Prepared) -> store.Opened:
    sample = probe(prepared, device="cpu").assign_attrs(device=prepared.identity["device"])
    try:
        with lease.held(places.of(address)):
            if store.state(address) == "sweep":
                raise CapacityError(f"--out {address}: another client has just made a sweep there; choose another")
            return store.create(address, prepared.identity, prepared.layout, sample, prepared.inputs)
    except OSError as error:
        raise CapacityError(f"--out {address}: cannot write there ({error}); choose another place") from error


@dataclass(frozen=True)
class Tally:
    """How a run ended. `damaged` had a record but not its bytes, and were computed again."""

    tasks: int
    done: int
    failed: int
    computed: int
    damaged: int
    seconds: float
    busy_seconds: float


Progress = Callable[[int, int, int], None]


class RunLog:
    """One run's log: kept in the store, rewritten whole now and then, which any file system can do."""

    def __init__(self, opened: store.Opened) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self._place, self._key = opened.place, f"sweep/logs/{stamp}.log"
        self._lines: list[str] = []
        self._written = 0.0

    def say(self, text: str, *, now: bool = False) -> None:
        if len(self._lines) < MAX_LOG_LINES or now:
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._lines.append(f"{stamp} {' '.join(text.split())}")
        if now or time.monotonic() - self._written > LOG_EVERY_S:
            self.flush()

    def flush(self) -> None:
        self._written = time.monotonic()
        try:
            self._place.put(self._key, ("\n".join(self._lines) + "\n").encode())
        except OSError:
            return  # a full disk must not stop a run that may still get room; the next flush tries again


class _Keeper:
    """Counts outcomes, keeps failures, and tells the log and the progress bar."""

    def __init__(self, opened: store.Opened, log: RunLog, progress: Progress, done: int) -> None:
        self._opened, self._log, self._progress = opened, log, progress
        self.done, self.failed, self.computed, self.busy = done, 0, 0, 0.0
        self._unwritten: list[store.Failure] = []
        self._reported = time.monotonic()

    def on_done(self, outcome: tasks.Outcome) -> None:
        self.done += 1
        self.computed += 1
        self.busy += outcome.seconds
        self._tell()

    def on_failed(self, outcome: tasks.Outcome, tries: int) -> None:
        note = self._opened.take_note(outcome.task)
        error = f"{outcome.error}; {note}" if note else outcome.error
        failure = store.Failure(outcome.task, error, tries, outcome.traceback)
        self.failed += 1
        self._unwritten.append(failure)
        self.keep_failures()
        self._log.say(f"task {outcome.task}: quarantined after {tries} tries: {error}", now=True)
        self._tell()

    def keep_failures(self) -> None:
        """Write what could not be written before; a full disk may have room again."""
        try:
            while self._unwritten:
                self._opened.quarantine(self._unwritten[-1])
                self._unwritten.pop()
        except OSError as error:
            self._log.say(f"a failure could not be written ({error})")

    def _tell(self) -> None:
        self._progress(self.done, self.failed, self._opened.layout.tasks)
        if time.monotonic() - self._reported > 60.0:
            self._reported = time.monotonic()
            self._log.say(f"{self.done} of {self._opened.layout.tasks} tasks done, {self.failed} failed")


def execute(
    opened: store.Opened,
    pool: Pool,
    limits: Limits,
    *,
    progress: Progress = lambda done, failed, total: None,
    announce: Callable[[str], None] = lambda text: None,
    work: Work = tasks.run,
) -> Tally:
    """Compute what the store lacks. Returns how it went; a quarantined task does not stop the others.

    work : what a worker does with a job; tests put trouble around `tasks.run` here
    Raises CapacityError where another client runs the sweep, or when going on is pointless (`engine.Run`).
    """
    with lease.held(opened.place, announce) as mine:
        if identity.differences(store.open_store(opened.url).identity, opened.identity):
            raise CapacityError(f"{opened.url}: another client has made another sweep there; choose another --out")
        with engine.connected(pool) as client:
            address = engine.dashboard(client)
            announce(f"Dask dashboard: {address}")
            log = RunLog(opened)
            log.say(f"run of {opened.layout.tasks} tasks on {pool.scheduler}, dashboard {address}", now=True)
            alone = engine.has_time_limit(pool, client)
            if limits.timeout_s and not alone:
                log.say("no time limit: workers have more than one thread")
            limits = replace(limits, timeout_s=limits.timeout_s if alone else 0.0)
            run = partial(engine.Run, pool, client)
            return _Session(opened, run, limits, log, mine.check)(work, progress)


class _Session:
    """One run through a connected client: check what is there, compute the rest, count."""

    def __init__(
        self,
        opened: store.Opened,
        run: Callable[[Work, Limits, Watch], engine.Run],
        limits: Limits,
        log: RunLog,
        go_on: Callable[[], None],
    ) -> None:
        self._opened, self._run, self._limits, self._log, self._go_on = opened, run, limits, log, go_on
        self._job = tasks.Job(opened.url, 0, identity.code_version()["source_sha256"], limits.timeout_s)

    def __call__(self, work: Work, progress: Progress) -> Tally:
        started, opened, log = time.monotonic(), self._opened, self._log
        for task in opened.failed():
            opened.release(task)
        damaged = self._damaged()
        for task, fault in damaged.items():
            log.say(f"task {task}: {fault}; computed again")
            opened.forget(task)
        done = opened.done()
        keeper = _Keeper(opened, log, progress, len(done))
        progress(len(done), 0, opened.layout.tasks)
        try:
            watch = Watch(keeper.on_done, keeper.on_failed, log.say, self._go_on)
            self._run(work, self._limits, watch)(self._jobs(done))
        finally:
            keeper.keep_failures()
            tally = Tally(
                tasks=opened.layout.tasks,
                done=keeper.done,
                failed=keeper.failed,
                computed=keeper.computed,
                damaged=len(damaged),
                seconds=round(time.monotonic() - started, 3),
                busy_seconds=round(keeper.busy, 3),
            )
            log.say(f"ended with {tally.done} of {tally.tasks} done, {tally.failed} failed", now=True)
        return tally

    def _jobs(self, done: set[int]) -> Iterator[tasks.Job]:
        return (replace(self._job, task=task) for task in self._opened.layout if task not in done)

    def _damaged(self) -> dict[int, str]:
        """Recorded tasks whose bytes are not what was recorded, found by the workers."""
        recorded = sorted(self._opened.done())
        bad: dict[int, str] = {}

        def note(outcome: tasks.Outcome, tries: int) -> None:
            bad[outcome.task] = outcome.error

        watch = Watch(lambda outcome: None, note, lambda text: None, self._go_on)
        once = replace(self._limits, retries=0, max_failed=len(recorded) + 1)
        job = replace(self._job, timeout_s=0.0)
        self._run(tasks.check, once, watch)(replace(job, task=task) for task in recorded)
        return bad


def status(address: str) -> dict[str, Any]:
    """Where a sweep stands, from its store alone: any shell on any machine may ask, while it runs or after."""
    opened = store.open_store(address)
    done, failed = opened.done(), opened.failed()
    cut = opened.layout
    sample = [opened.record(task) for task in sorted(done)[:: max(1, len(done) // 64)]]
    records = [record for record in sample if record is not None]
    client = lease.holder(opened.place)
    logs = opened.place.names("sweep/logs")
    last = (opened.place.get(f"sweep/logs/{logs[-1]}") or b"").decode().strip().splitlines() if logs else []
    remaining = cut.tasks - len(done) - len(failed - done)
    size = float(np.mean([r.bytes for r in records])) * len(done) if records else 0.0
    return {
        "store": opened.url,
        "name": opened.identity["plan"]["name"],
        "state": "complete" if len(done) == cut.tasks else ("partial" if not remaining else "unfinished"),
        "tasks": cut.tasks,
        "done": len(done),
        "failed": len(failed - done),
        "remaining": remaining,
        "stored_bytes": int(size),
        "seconds_a_task": round(float(np.mean([r.seconds for r in records])), 3) if records else None,
        "client": lease.name_of(client) if client else "",
        "failures": [vars(opened.failure(task)) for task in sorted(failed - done)[:20] if opened.failure(task)],
        "last_log_line": last[-1] if last else "",
    }
