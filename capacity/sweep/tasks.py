"""One task, as a worker runs it: a scenario variant and a block of draws in, arrays in the store out.

Nothing but a Job goes to the worker and nothing but an Outcome comes back: the inputs are read from the store once a
process, the arrays are written by the worker itself, and arrays on a device never leave the task.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import capacity
import grids
from capacity.errors import CapacityError
from capacity.sweep import design, identity
from capacity.sweep import store as stores
from scenarios import Scenario

Floats = NDArray[np.float64]

GROUPS = ("country", "area", "fleet")
"""Names for the variables of a result that have scenario, year and draw: by technology, else by area, else the rest."""
SETUP_S = 300.0
"""Least time for a new process to import the model and read the sweep's inputs, which is not the task's own time."""
GRACE_S = 10.0
"""How long a process over its time limit may take to say so before it is ended from outside the interpreter."""
TRACEBACK_CHARS = 4000


@dataclass(frozen=True)
class Job:
    """What a worker is sent.

    url : of the store; task : its number; code : hash of the sources that the client runs
    timeout_s : a process that takes longer ends itself; 0 for never (workers with several threads)
    """

    url: str
    task: int
    code: str
    timeout_s: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What comes back: seconds and bytes, or the error. `fatal` is an error that no other task would escape."""

    task: int
    seconds: float = 0.0
    bytes: int = 0
    error: str = ""
    traceback: str = ""
    fatal: bool = False


@dataclass(frozen=True)
class Sweep:
    """An opened store with its inputs in memory."""

    store: stores.Opened
    inputs: stores.Inputs
    grid: xr.Dataset

    def scenario(self, variant: int) -> Scenario:
        base = self.inputs.scenarios[variant // (self.store.layout.variants // len(self.inputs.scenarios))]
        values = dict(zip(self.inputs.parameters, map(float, self.inputs.design[variant]), strict=True))
        return design.variant(base, self.inputs.names[variant], values)


def run(job: Job) -> Outcome:
    """Compute one task and keep its arrays in the store. Never raises: an error comes back as text."""
    started = time.monotonic()
    try:
        with time_limit(job, max(job.timeout_s, SETUP_S)):
            if identity.code_version()["source_sha256"] != job.code:
                text = f"worker {worker_name()} runs other code than the client; install the same version on both"
                return Outcome(job.task, error=text, fatal=True)
            sweep = opened(job.url)
            earlier = sweep.store.record(job.task)
            if earlier is not None and not sweep.store.fault(job.task):
                return Outcome(job.task, 0.0, 0)
        with time_limit(job, job.timeout_s):
            arrays = compute(sweep, job.task)
            seconds = time.monotonic() - started
            record = sweep.store.write(job.task, arrays, seconds=seconds, worker=worker_name())
        return Outcome(job.task, time.monotonic() - started, record.bytes)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return Outcome(job.task, time.monotonic() - started, 0, text, traceback.format_exc()[-TRACEBACK_CHARS:])


def check(job: Job) -> Outcome:
    """Compare a recorded task's chunks with their checksums; a task that fails comes back with an error."""
    try:
        return Outcome(job.task, error=stores.open_store(job.url).fault(job.task))
    except Exception as error:
        return Outcome(job.task, error=f"{type(error).__name__}: {error}")


def compute(sweep: Sweep, task: int) -> Mapping[str, Floats]:
    """The arrays (1, year, draw, ...) of one task, as `capacity.estimate` gives them."""
    said = sweep.store.identity
    variant, _, _ = sweep.store.layout.place(task)
    result = capacity.estimate(
        sweep.grid,
        [sweep.scenario(variant)],
        years=said["years"],
        draws=list(sweep.store.layout.draw_numbers(task)),
        seed=int(said["plan"]["seed"]),
        adequacy=said["plan"]["adequacy"],
        exchange=said["plan"]["exchange"],
        storage=said["plan"]["storage"],
        device=said["device"],
        engine=said["engine"],
        area_draws=True,
        threads=1,  # the scheduler already has a task for each core
    )
    kept = _in_order(result[list(sweep.store.shapes)])
    return {str(name): kept[name].to_numpy().astype(np.float64, copy=False) for name in kept.data_vars}


def _in_order(result: xr.Dataset) -> xr.Dataset:
    """With the dimensions in the order of the store."""
    return result.transpose(*stores.DIMS, ...)


def chosen_outputs(result: xr.Dataset, outputs: tuple[str, ...]) -> xr.Dataset:
    """The variables of a result that a plan keeps. Raises CapacityError naming what there is to choose from."""
    groups: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name, variable in result.data_vars.items():
        if {*stores.DIMS} <= {*variable.dims}:
            groups[_group(variable.dims)].append(str(name))
    every = [name for names in groups.values() for name in names]
    unknown = [name for name in outputs if name not in groups and name not in every]
    if unknown:
        raise CapacityError(f"outputs: {', '.join(unknown)}: choose from {', '.join([*GROUPS, *every])}")
    keep = {name for asked in outputs for name in groups.get(asked, [asked])}
    return _in_order(result[[name for name in every if name in keep]])


def _group(dims: tuple[Hashable, ...]) -> str:
    if "technology" in dims:
        return "fleet"
    return "area" if "area" in dims else "country"


_lock = threading.Lock()
_opened: dict[str, tuple[str, Sweep]] = {}


def opened(url: str) -> Sweep:
    """The sweep at an address, read once a process and again only when the store there is another one."""
    at = stores.open_store(url)
    mark = repr(sorted(at.identity.items()))
    with _lock:
        if url not in _opened or _opened[url][0] != mark:
            _opened.clear()
            inputs = at.inputs()
            _ = capacity.estimate  # imports the model now, before a task's clock runs
            _opened[url] = (mark, Sweep(at, inputs, grid_from(inputs.grid)))
        return _opened[url][1]


def grid_from(content: bytes) -> xr.Dataset:
    """The grid of a store, from the bytes of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grid.nc"
        path.write_bytes(content)
        return grids.open_grid(path)


def worker_name() -> str:
    """Host and number of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def time_limit(job: Job, seconds: float) -> Iterator[None]:
    """End this process when the block takes longer than that, with a note in the store that says why.

    A hung computation may hold the interpreter, so the note is written by a thread if one gets to run, and a
    watchdog outside the interpreter ends the process in any case. Dask then starts a new worker process.
    """
    if job.timeout_s <= 0:
        yield
        return

    def give_up() -> None:
        try:
            stores.open_store(job.url).note(job.task, f"took longer than the time limit of {seconds:g} s")
        finally:
            os._exit(3)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    faulthandler.dump_traceback_later(seconds + GRACE_S, exit=True)
    try:
        yield
    finally:
        timer.cancel()
        faulthandler.cancel_dump_traceback_later()
