"""What a sweep costs beside its computing, and whether it survives: overhead, client memory, storms, summaries.

    python benchmarks/sweep.py scale --tasks 20            # 20, 200 and 2,000 tasks that compute: overhead and memory
    python benchmarks/sweep.py waves --tasks 1000          # 1,000, 10,000 and 100,000 tiny tasks: memory and graph
    python benchmarks/sweep.py storm --tasks 2000          # kill workers and the client; same bytes?
    python benchmarks/sweep.py summaries --tasks 20        # 20, 200 and 2,000 tasks summarised: memory
    python benchmarks/sweep.py plot                        # figure of the results

Tasks of `scale` and `storm` compute: the made-up grid of the tests, 8 draws, two years, 0.25 s on an idle core. With
`--stand-in SECONDS` they wait that long instead, then encode, checksum and store arrays of a real shape, so that the
load of a shared machine does not blur what is measured; `waves` always does, with no wait. Overhead is the time of the
workers that no task accounts for. The client process holds Dask's scheduler, whose memory and CPU time are included.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from sweep_factory import PLAN, write_inputs, write_plan

from capacity.sweep import engine, orders, plan, prepare, session, store, summarise, tasks

WORKERS = int(os.environ.get("SWEEP_WORKERS", "2"))
RESULTS = Path(__file__).parent / "results"
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "sweeps.png"
FACTORS = (1, 10, 100)
STAND_IN = "SWEEP_STAND_IN_SECONDS"
COMPUTING: dict[str, object] = {
    "block": 8,
    "years": "2025-2026",
    "engine": "numba",
    "outputs": "[hostable_mw, deployed_mw]",
}
SUMMARISED: dict[str, object] = {"block": 32, "outputs": "[hostable_mw, area_hostable_mw_draws]"}
SMALL_BUDGET = 2**16
TINY: dict[str, object] = {"block": 1, "outputs": "[hostable_mw]"}


def stand_in(job: tasks.Job) -> tasks.Outcome:
    """A task that waits instead of computing, and keeps arrays that only its number decides."""
    started = time.monotonic()
    opened = store.open_store(job.url)
    cut = opened.layout
    _, first, stop = cut.place(job.task)
    rng = np.random.default_rng(job.task)
    shapes = {name: (1, s[1], stop - first, *s[3:]) for name, s in opened.shapes.items()}
    arrays = {name: rng.random(shape) for name, shape in shapes.items()}
    time.sleep(float(os.environ[STAND_IN]))
    record = opened.write(job.task, arrays, seconds=time.monotonic() - started, worker=tasks.worker_name())
    return tasks.Outcome(job.task, time.monotonic() - started, record.bytes)


def ready(folder: Path, count: int, settings: dict[str, object]) -> prepare.Prepared:
    """A sweep of that many tasks of one scenario."""
    grid_file = write_inputs(folder)
    text = PLAN.replace("[reference, us-flexible-load]", "[reference]")
    draws = count * int(str(settings["block"]))
    return prepare.prepare(
        plan.read(write_plan(folder, text, draws=draws, **settings)), folder=folder, grid_file=grid_file
    )


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Gauge:
    """Takes the time of each outcome, and now and then what client and scheduler hold."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.futures, self.tasks, self.client = 0, 0, None

    @contextmanager
    def connected(self, pool: orders.Pool) -> Iterator[Any]:
        with CONNECTED(pool) as self.client:
            yield self.client

    def __call__(self, done: int, failed: int, total: int) -> None:
        self.times.append(time.monotonic())
        if done % 50 == 0 and self.client is not None:
            self.futures = max(self.futures, len(self.client.futures))
            self.tasks = max(self.tasks, len(self.client.cluster.scheduler.tasks))


CONNECTED = engine.connected


def run_once(folder: Path, count: int, settings: dict[str, object]) -> dict[str, float]:
    """One sweep through a local cluster, timed from the first submission to the last outcome."""
    address = str(folder / "store")
    waits = bool(os.environ.get(STAND_IN))
    found = ready(folder, count, settings | {"engine": "numpy"} if waits else settings)
    resume = store.state(address) == "sweep"
    opened = session.make_or_open(address, found, resume=resume, allow_code_change=False)
    gauge = Gauge()
    before, cpu = peak_mib(), time.process_time()
    with mock.patch.object(engine, "connected", gauge.connected):
        tally = session.execute(
            opened,
            orders.Pool("local", workers=WORKERS),
            orders.Limits(retries=5),
            progress=gauge,
            work=stand_in if waits else tasks.run,
        )
    wall, computed = gauge.times[-1] - gauge.times[0], max(1, tally.computed)
    job = tasks.Job(opened.url, count, found.identity["code"]["source_sha256"], 3600.0)
    return {
        "tasks": tally.tasks,
        "computed": tally.computed,
        "wall_seconds": round(wall, 2),
        "busy_seconds": tally.busy_seconds,
        "overhead_share": round(WORKERS * wall / tally.busy_seconds - 1.0, 4) if tally.busy_seconds else 0.0,
        "overhead_ms_a_task": round(1e3 * (WORKERS * wall - tally.busy_seconds) / computed, 2),
        "ms_a_task": round(1e3 * wall / computed, 3),
        "client_cpu_ms_a_task": round(1e3 * (time.process_time() - cpu) / computed, 2),
        "client_start_mib": round(before, 1),
        "client_peak_mib": round(peak_mib(), 1),
        "most_futures": gauge.futures,
        "most_scheduler_tasks": gauge.tasks,
        "job_bytes": len(pickle.dumps(job)),
        "load_average": round(os.getloadavg()[0], 1),
    }


def child(folder: Path, count: int, what: str = "once") -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, what, "--tasks", str(count), "--folder", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def last_line(process: subprocess.Popen[bytes]) -> dict[str, float]:
    output, _ = process.communicate()
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def at_each_size(name: str, count: int, out: Path, what: str) -> None:
    """Each size in a process of its own, so that peak memory is its own."""
    rows: list[dict[str, float]] = []
    wait = os.environ.get(STAND_IN, "")
    said = {"workers": WORKERS, "cores": os.cpu_count(), "stand_in_seconds": float(wait) if wait else None}
    out.mkdir(parents=True, exist_ok=True)
    for factor in FACTORS:
        with tempfile.TemporaryDirectory() as folder:
            row = last_line(child(Path(folder), factor * count, what))
        rows.append(row | {"factor": factor})
        print(rows[-1], flush=True)
        (out / f"{name}.json").write_text(json.dumps({"setting": said, "rows": rows}, indent=2) + "\n")


def summarise_once(folder: Path, count: int) -> dict[str, float]:
    """Fill a store with made-up numbers, without Dask, and summarise it in the way of sweeps beyond the budget."""
    os.environ[STAND_IN] = "0.0"
    opened = session.make_or_open(
        str(folder / "store"), ready(folder, count, SUMMARISED), resume=False, allow_code_change=False
    )
    for task in opened.layout:
        stand_in(tasks.Job(opened.url, task, ""))
    before, started = peak_mib(), time.monotonic()
    with xr.open_zarr(opened.url, chunks=None) as dataset:
        found = sum(s.quantiles.size for s in summarise.summaries(opened, dataset, budget=SMALL_BUDGET))
    return {
        "tasks": count,
        "draws": opened.layout.draws,
        "quantiles": found,
        "seconds": round(time.monotonic() - started, 1),
        "start_mib": round(before, 1),
        "peak_mib": round(peak_mib(), 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


def plot(out: Path) -> None:
    """Figure of the documentation from the results of `scale` and `waves`."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    for name, label in (("sweep", "longer tasks"), ("sweep_waves", "tiny tasks")):
        rows = json.loads((out / f"{name}.json").read_text())["rows"]
        count = [row["tasks"] for row in rows]
        axes[0].loglog(count, [row["wall_seconds"] for row in rows], "o-", label=label)
        axes[1].semilogx(count, [row["overhead_ms_a_task"] for row in rows], "o-", label=label)
        axes[2].semilogx(count, [row["client_peak_mib"] for row in rows], "o-", label=label)
    ends = np.array([20.0, 1e4])
    axes[0].loglog(ends, 0.2 * ends, ":", color="grey", label="proportional")
    titles = ("Wall time, s", "Overhead, ms a task", "Peak memory of the client, MiB")
    for axis, title in zip(axes, titles, strict=True):
        axis.set(title=title, xlabel="tasks")
    axes[0].legend()
    for axis in axes[1:]:
        axis.set_ylim(0, None)
    figure.savefig(FIGURE, dpi=120, metadata={"Software": None})
    plt.close(figure)


def storm(count: int, kill_every: float, out: Path) -> None:
    """Kill a random worker every so often and the client twice; compare every chunk with an undisturbed run."""
    with tempfile.TemporaryDirectory() as home:
        calm, rough = Path(home) / "calm", Path(home) / "rough"
        calm.mkdir()
        rough.mkdir()
        undisturbed = last_line(child(calm, count))
        print("calm ", undisturbed, flush=True)
        kills = {"workers": 0, "clients": 0}
        done = rough / "store" / "sweep" / "done"
        thresholds = [count // 3, 2 * count // 3]
        while True:
            client = child(rough, count)
            output = watched(client, done, thresholds, kill_every, kills)
            if client.returncode == 0:
                last = json.loads(output.splitlines()[-1])
                break
        print("rough", last, kills, flush=True)
        ours, theirs = store.open_store(rough / "store"), store.open_store(calm / "store")
        same = all(
            ours.place.get(ours.chunk_key(name, task)) == theirs.place.get(theirs.chunk_key(name, task))
            for name in ours.shapes
            for task in ours.layout
        )
        wait = os.environ.get(STAND_IN, "")
        said = {
            "stand_in_seconds": float(wait) if wait else None,
            "kill_every_seconds": kill_every,
            "undisturbed": undisturbed,
            "killed": kills,
            "complete": len(ours.done()),
            "failed": len(ours.failed()),
            "bit_identical": same,
            "last_client": last,
        }
        print(json.dumps(said), flush=True)
        out.mkdir(parents=True, exist_ok=True)
        (out / "sweep_storm.json").write_text(json.dumps(said, indent=2) + "\n")


def watched(
    client: subprocess.Popen[bytes], done: Path, thresholds: list[int], kill_every: float, kills: dict[str, int]
) -> bytes:
    """Wait for a client to end, killing its workers and, at each threshold of finished tasks, the client itself."""
    collected: list[bytes] = []
    reader = threading.Thread(target=lambda: collected.append(client.stdout.read() if client.stdout else b""))
    reader.start()
    chance, last = random.Random(count_of(done)), time.monotonic()
    while client.poll() is None:
        time.sleep(0.2)
        if thresholds and count_of(done) >= thresholds[0]:
            thresholds.pop(0)
            client.kill()
            kills["clients"] += 1
        elif time.monotonic() - last > kill_every:
            last = time.monotonic()
            prey = workers_of(client.pid)
            if prey:
                os.kill(chance.choice(prey), signal.SIGKILL)
                kills["workers"] += 1
    reader.join()
    return b"".join(collected)


def count_of(done: Path) -> int:
    return sum(name.endswith(".json") for name in os.listdir(done)) if done.is_dir() else 0


def workers_of(parent: int) -> list[int]:
    """Worker processes: children started by spawn, by whichever thread, without the resource tracker."""
    found = []
    for listing in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in listing.read_text().split():
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and b"spawn_main" in command.read_bytes():
                found.append(int(pid))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    whats = ["scale", "waves", "storm", "summaries", "plot", "once", "tiny-once", "summarise-once"]
    parser.add_argument("what", choices=whats)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--stand-in", type=float, help="Seconds that tasks wait instead of computing.")
    parser.add_argument("--kill-every", type=float, default=10.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    if chosen.stand_in is None and chosen.what == "waves":
        chosen.stand_in = 0.0
    if chosen.stand_in is not None:
        os.environ[STAND_IN] = str(chosen.stand_in)
    if chosen.what == "scale":
        at_each_size("sweep", chosen.tasks, chosen.out, "once")
    elif chosen.what == "waves":
        at_each_size("sweep_waves", chosen.tasks, chosen.out, "tiny-once")
    elif chosen.what == "summaries":
        at_each_size("sweep_summaries", chosen.tasks, chosen.out, "summarise-once")
    elif chosen.what == "storm":
        storm(chosen.tasks, chosen.kill_every, chosen.out)
    elif chosen.what == "plot":
        plot(chosen.out)
    elif chosen.what == "summarise-once":
        print(json.dumps(summarise_once(chosen.folder, chosen.tasks)))
    else:
        settings = TINY if chosen.what == "tiny-once" else COMPUTING
        print(json.dumps(run_once(chosen.folder, chosen.tasks, settings)))


if __name__ == "__main__":
    main()
