"""Have tasks computed on Dask: the only module that knows its scheduler.

Tasks are submitted in a moving window, so that client and scheduler hold a few dozen tasks whatever the plan holds.
A task that raises is tried again after a pause; one whose worker process dies is tried again elsewhere and, when that
keeps happening, once more with the cluster to itself, so that no task is blamed for a neighbour. What still fails is
quarantined. A lost scheduler is waited for, and what was in flight is submitted again.
"""

from __future__ import annotations

import heapq
import logging
import os
import queue
import time
import uuid
from asyncio import CancelledError
from collections.abc import Iterable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlparse

import dask
from distributed import Client, Future, LocalCluster
from distributed.scheduler import KilledWorker
from distributed.security import Security
from distributed.system import MEMORY_LIMIT

from capacity.errors import CapacityError
from capacity.sweep.orders import Limits, Pool, Trouble, Watch, Work
from capacity.sweep.tasks import Job, Outcome
from cuda_kernels import resolve_device

LOOPBACK = "127.0.0.1"
TICK_S = 0.25
COUNT_EVERY_S = 2.0
HEAL_AFTER_S = 30.0
"""How long a local pool may be short of processes before new ones are asked for: Dask gives up on one that is killed
while it starts."""
FETCH_S = 30.0
CLOSE_S = 30.0
KEPT = 1000
LOST = (CancelledError, futures.CancelledError, OSError, TimeoutError)
"""What fetching an outcome raises when the scheduler, or the worker that holds it, is gone."""


@contextmanager
def connected(pool: Pool) -> Iterator[Client]:
    """A client of the pool. A local cluster listens on loopback only and ends with the block."""
    if not pool.is_local:
        outside = _connect(pool, 30.0)
        try:
            yield outside
        finally:
            _close(outside)
        return
    settings = {
        "distributed.scheduler.allowed-failures": 0,  # the engine counts deaths itself
        "distributed.scheduler.worker-saturation": 1.0,  # a dying process takes no queued neighbour with it
        "distributed.admin.tick.limit": "1h",
        "distributed.comm.timeouts.connect": "60s",
        # what the scheduler keeps of past tasks for its dashboard, by default up to 100,000
        "distributed.scheduler.dashboard.tasks.task-stream-length": KEPT,
        "distributed.admin.log-length": KEPT,
    }
    with dask.config.set(settings):
        cluster = _cluster(pool)
        client: Client | None = None
        try:
            client = Client(cluster, set_as_default=False)
            yield client
        finally:  # on a busy machine processes may be slow to end, which is no fault of the run
            if client is not None:
                _close(client)
            with suppress(OSError, TimeoutError, RuntimeError, CancelledError):
                cluster.close(timeout=CLOSE_S)


def _connect(pool: Pool, timeout_s: float) -> Client:
    scheme = urlparse(pool.scheduler).scheme
    if scheme not in ("tcp", "tls"):
        raise CapacityError(f"--scheduler {pool.scheduler}: choose local, threads, tcp://HOST:PORT or tls://HOST:PORT")
    security = None
    if scheme == "tls":
        files = {}
        if pool.tls is not None:
            files = dict(zip(("tls_ca_file", "tls_client_cert", "tls_client_key"), pool.tls, strict=True))
        security = Security(require_encryption=True, **files)
        if not security.get_connection_args("client").get("ssl_context"):
            raise CapacityError(f"--scheduler {pool.scheduler}: give --tls-ca, --tls-cert and --tls-key")
    try:
        return Client(pool.scheduler, security=security, timeout=timeout_s, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise CapacityError(f"--scheduler {pool.scheduler}: no answer ({reason}); is the scheduler running?") from error


def _close(client: Client) -> None:
    with suppress(OSError, TimeoutError, RuntimeError):
        client.close(timeout=5)


def _cluster(pool: Pool) -> Any:
    count = pool.workers or _cores()
    if pool.gpus:
        return _cuda_cluster(pool)
    common = {
        "dashboard_address": f"{LOOPBACK}:0",
        "silence_logs": logging.CRITICAL,
    }
    if pool.scheduler == "threads":
        return LocalCluster(n_workers=1, threads_per_worker=count, processes=False, **common)
    memory = pool.memory or MEMORY_LIMIT // count
    cluster = LocalCluster(
        n_workers=0, threads_per_worker=1, processes=True, host=LOOPBACK, memory_limit=memory, **common
    )
    cluster.scale(count)  # not at once: a process that dies while it starts would fail the whole cluster
    return cluster


def check(pool: Pool) -> None:
    """Refuse a pool that cannot be had here, before anything is written.

    Raises CapacityError for GPUs without dask-cuda, KernelError where there is no device.
    """
    if pool.gpus and pool.is_local:
        _cuda_class(pool)
        resolve_device("gpu")


def _cuda_class(pool: Pool) -> Any:
    if pool.scheduler != "local":
        raise CapacityError("--gpus starts a local cluster of processes; leave --scheduler threads out")
    try:
        from dask_cuda import LocalCUDACluster
    except ImportError as error:
        raise CapacityError("--gpus needs dask-cuda: install gridflops[sweep-cuda12]") from error
    return LocalCUDACluster


def _cuda_cluster(pool: Pool) -> Any:
    """One process a GPU; each sees its own device as the first, so tasks need no device number."""
    made = _cuda_class(pool)
    options: dict[str, object] = {"threads_per_worker": 1, "host": LOOPBACK, "dashboard_address": f"{LOOPBACK}:0"}
    if pool.workers is not None:
        options["n_workers"] = pool.workers
    if pool.memory is not None:
        options["memory_limit"] = pool.memory
    try:
        return made(**options)
    except Exception as error:  # NVML, CUDA and dask-cuda each raise their own kind where there is no device
        raise CapacityError(f"--gpus: no usable NVIDIA GPU ({error}); leave --gpus out to run on CPUs") from error


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


def dashboard(client: Client) -> str:
    """Address of Dask's dashboard, or what it takes to have one."""
    try:
        import bokeh  # noqa: F401
    except ImportError:
        return "none (install bokeh for it)"
    try:
        return str(client.dashboard_link)
    except KeyError:
        return "none (the scheduler was started without one)"


def has_time_limit(pool: Pool, client: Client) -> bool:
    """Whether tasks can be limited in time: that needs processes of their own with one thread each."""
    if pool.is_local:
        return pool.scheduler == "local"
    return max(client.nthreads().values(), default=1) == 1


class Run:
    """One run of jobs through a client, from the first submission to the last outcome."""

    def __init__(self, pool: Pool, client: Client, work: Work, limits: Limits, watch: Watch) -> None:
        self._pool, self._client, self._work, self._limits, self._watch = pool, client, work, limits, watch
        self._ready: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._flying: dict[Future[Any], Job] = {}
        self._trouble = Trouble()
        self._failed = 0
        self._last_sign = time.monotonic()
        self._own_client = False
        self._workers, self._counted = 0, -COUNT_EVERY_S
        self._most, self._whole = (pool.workers or _cores()) if pool.scheduler == "local" else 0, time.monotonic()

    def __call__(self, jobs: Iterable[Job]) -> int:
        """Run every job and return how many were quarantined.

        Raises CapacityError when going on is pointless: other code on a worker, too many failures, no workers.
        """
        waiting = iter(jobs)
        by_task: dict[int, Job] = {}
        try:
            while self._fill(waiting, by_task) or self._flying or self._trouble.later or self._trouble.alone:
                self._wait(by_task)
                self._watch.go_on()
        finally:
            for future in list(self._flying):
                with suppress(Exception):
                    future.cancel()
            self._flying.clear()
            if self._own_client:
                _close(self._client)
        return self._failed

    def _window(self) -> int:
        """Tasks in flight: enough that no worker waits for the client, and no more."""
        return 8 + 4 * max(1, self._count_workers())

    def _count_workers(self) -> int:
        """Workers of the cluster, asked for now and then."""
        if time.monotonic() - self._counted > COUNT_EVERY_S:
            with suppress(OSError, TimeoutError, RuntimeError):
                self._workers = len(self._client.nthreads())
                self._heal()
            self._counted = time.monotonic()
        return self._workers

    def _heal(self) -> None:
        """Ask for the processes that a local pool has lost for good."""
        cluster, now = self._client.cluster, time.monotonic()
        if cluster is None or self._pool.gpus or self._workers >= self._most:
            self._whole = now
        elif now - self._whole > HEAL_AFTER_S and not cluster._lock.locked():  # else it is starting some
            self._watch.say(f"{self._most - self._workers} worker processes did not come back; starting new ones")
            cluster.scale(len(cluster.worker_spec) + self._most - self._workers)
            self._whole = now

    def _fill(self, waiting: Iterator[Job], by_task: dict[int, Job]) -> bool:
        """Submit until the window is full; True while new jobs may be left."""
        if self._client.status != "running":
            return True
        trouble, now = self._trouble, time.monotonic()
        room = self._window() - len(self._flying)
        while room > 0 and trouble.later and trouble.later[0][0] <= now:
            self._submit(by_task[heapq.heappop(trouble.later)[1]], by_task)
            room -= 1
        more = True
        while room > 0 and more:
            job = next(waiting, None)
            more = job is not None
            if job is not None:
                self._submit(job, by_task)
                room -= 1
        if not more and not self._flying and not trouble.later and trouble.alone:
            self._submit(by_task[trouble.alone.pop()], by_task)
        return more

    def _submit(self, job: Job, by_task: dict[int, Job]) -> None:
        key = f"task-{job.task:09d}-{uuid.uuid4().hex[:12]}"
        future = self._client.submit(self._work, job, key=key, pure=False, retries=0)
        by_task[job.task] = job
        self._flying[future] = job
        future.add_done_callback(self._ready.put)

    def _wait(self, by_task: dict[int, Job]) -> None:
        """Deal with everything that has come back, or look after the connection."""
        try:
            future = self._ready.get(timeout=TICK_S)
        except queue.Empty:
            self._look_after()
            return
        while True:
            job = self._flying.pop(future, None)
            if job is not None:
                self._last_sign = time.monotonic()
                self._settle(future, job, by_task)
            try:
                future = self._ready.get_nowait()
            except queue.Empty:
                return

    def _settle(self, future: Future[Any], job: Job, by_task: dict[int, Job]) -> None:
        try:
            if future.status == "finished":
                self._outcome(future.result(timeout=FETCH_S), job, by_task)
                return
            error = future.exception(timeout=FETCH_S) if future.status == "error" else None
        except LOST:
            error = None
        if isinstance(error, KilledWorker):
            self._death(job, by_task)
        elif error is not None:  # raised by Dask around the task, e.g. while sending it
            self._outcome(Outcome(job.task, error=f"{type(error).__name__}: {error}"), job, by_task)
        else:  # cancelled or lost with its scheduler or worker: no fault of the task
            heapq.heappush(self._trouble.later, (time.monotonic(), job.task))

    def _outcome(self, outcome: Outcome, job: Job, by_task: dict[int, Job]) -> None:
        if outcome.fatal:
            raise CapacityError(outcome.error)
        if not outcome.error:
            del by_task[job.task]
            self._watch.done(outcome)
            return
        tries = self._trouble.errors
        tries[job.task] += 1
        if tries[job.task] <= self._limits.retries:
            self._watch.say(f"task {job.task}: {outcome.error}; try {tries[job.task] + 1} follows")
            pause = 0.5 * 2 ** tries[job.task]
            heapq.heappush(self._trouble.later, (time.monotonic() + pause, job.task))
            return
        self._give_up(outcome, tries[job.task], by_task)

    def _death(self, job: Job, by_task: dict[int, Job]) -> None:
        deaths = self._trouble.deaths
        deaths[job.task] += 1
        if deaths[job.task] <= self._limits.retries:
            self._watch.say(f"task {job.task}: its worker process died; try {deaths[job.task] + 1} follows")
            heapq.heappush(self._trouble.later, (time.monotonic(), job.task))
        elif deaths[job.task] == self._limits.retries + 1:
            self._watch.say(f"task {job.task}: its worker process died again; it will be tried alone at the end")
            self._trouble.alone.append(job.task)
        else:
            text = "its worker process died each time (killed, out of memory, or over the time limit)"
            self._give_up(Outcome(job.task, error=text), deaths[job.task], by_task)

    def _give_up(self, outcome: Outcome, tries: int, by_task: dict[int, Job]) -> None:
        del by_task[outcome.task]
        self._failed += 1
        self._watch.failed(outcome, tries)
        if self._failed >= self._limits.max_failed:
            raise CapacityError(f"{self._failed} tasks failed, the last with {outcome.error!r}; stopped (--max-failed)")

    def _look_after(self) -> None:
        """Nothing came back for a moment: is there still a scheduler, and are there workers?"""
        silent = time.monotonic() - self._last_sign
        if self._client.status == "closed":
            self._reconnect()
        elif self._client.status == "running" and self._count_workers():
            self._last_sign = time.monotonic()
        elif silent > self._limits.patience_s:
            raise CapacityError(
                f"--scheduler {self._pool.scheduler}: no workers for {silent:.0f} s; start some and use --resume"
            )

    def _reconnect(self) -> None:
        """A new client for a scheduler that came back; what was in flight is submitted again."""
        if self._pool.is_local:
            raise CapacityError("the local cluster is gone; use --resume to go on")
        self._watch.say("connection to the scheduler lost; waiting for it to come back")
        deadline = time.monotonic() + self._limits.patience_s
        while True:
            try:
                client = _connect(self._pool, 10.0)
                break
            except CapacityError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1.0)
        self._client, self._own_client = client, True
        for job in self._flying.values():
            heapq.heappush(self._trouble.later, (time.monotonic(), job.task))
        self._flying.clear()
        self._last_sign = time.monotonic()
        self._watch.say("connected again")
