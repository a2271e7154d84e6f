"""What a sweep costs beside its computing: scheduling overhead and client memory at 1x, 10x and 100x tasks.

    python benchmarks/sweep.py scale --tasks 20 --out benchmarks/results     # 20, 200 and 2,000 tasks
    python benchmarks/sweep.py storm --tasks 2000                            # kill workers and the client
    python benchmarks/sweep.py window                                        # 100,000 empty tasks: client memory

Tasks stand in for real ones: they wait a known time (`--task-seconds`) instead of computing, then encode, checksum and
store arrays of a real shape, different for every task. So the machine's load does not blur what is measured, which is
everything around the computing. The client process holds Dask's scheduler, whose memory is therefore included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from sweep_factory import PLAN, write_inputs, write_plan

from capacity.sweep import engine, plan, prepare, session, store, tasks

WORKERS = 2


def stand_in(job: tasks.Job) -> tasks.Outcome:
    """A task that waits instead of computing, and keeps arrays that only its number decides."""
    started = time.monotonic()
    opened = store.open_store(job.url)
    cut = opened.layout
    _, first, stop = cut.place(job.task)
    rng = np.random.default_rng(job.task)
    shapes = {name: (1, s[1], stop - first, *s[3:]) for name, s in opened.shapes.items()}
    arrays = {name: rng.random(shape) for name, shape in shapes.items()}
    time.sleep(float(os.environ["TASK_SECONDS"]))
    record = opened.write(job.task, arrays, seconds=time.monotonic() - started, worker=tasks.worker_name())
    return tasks.Outcome(job.task, time.monotonic() - started, record.bytes)


def empty(job: tasks.Job) -> tasks.Outcome:
    """A task that does nothing at all."""
    return tasks.Outcome(job.task)


def ready(folder: Path, count: int) -> prepare.Prepared:
    """A sweep of that many tasks of 8 draws."""
    grid_file = write_inputs(folder)
    text = PLAN.replace("[reference, us-flexible-load]", "[reference]")
    return prepare.prepare(
        plan.read(write_plan(folder, text, draws=8 * count, block=8)), folder=folder, grid_file=grid_file
    )


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_once(folder: Path, count: int) -> dict[str, float]:
    """One sweep through a local cluster, timed from the first submission to the last outcome."""
    address = str(folder / "store")
    found = ready(folder, count)
    resume = store.state(address) == "sweep"
    opened = session.make_or_open(address, found, resume=resume, allow_code_change=False)
    times: list[float] = []
    tally = session.execute(
        opened,
        engine.Pool("local", workers=WORKERS),
        engine.Limits(retries=5),
        progress=lambda *_: times.append(time.monotonic()),
        work=stand_in,
    )
    wall = times[-1] - times[0]
    return {
        "tasks": tally.tasks,
        "computed": tally.computed,
        "wall_seconds": round(wall, 2),
        "busy_seconds": tally.busy_seconds,
        "overhead_share": round(WORKERS * wall / tally.busy_seconds - 1.0, 4) if tally.busy_seconds else 0.0,
        "overhead_ms_a_task": round(1e3 * (WORKERS * wall - tally.busy_seconds) / max(1, tally.computed), 2),
        "client_peak_mib": round(peak_mib(), 1),
    }


def child(folder: Path, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "once", "--tasks", str(count), "--folder", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def scale(count: int, out: Path) -> None:
    """Each size in a process of its own, so that peak memory is its own."""
    rows = []
    for factor in (1, 10, 100):
        with tempfile.TemporaryDirectory() as folder:
            output, _ = child(Path(folder), factor * count).communicate()
            rows.append(json.loads(output.splitlines()[-1]) | {"factor": factor})
            print(rows[-1], flush=True)
    out.mkdir(parents=True, exist_ok=True)
    said = {"workers": WORKERS, "task_seconds": float(os.environ["TASK_SECONDS"]), "cores": os.cpu_count()}
    (out / "sweep.json").write_text(json.dumps({"setting": said, "rows": rows}, indent=2) + "\n")
    plot(rows, out / "sweep.png")


def plot(rows: list[dict[str, float]], target: Path) -> None:
    import matplotlib.pyplot as plt

    count = [row["tasks"] for row in rows]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    columns = (
        ("overhead_share", "Overhead, % of task time", 100.0),
        ("overhead_ms_a_task", "Overhead, ms a task", 1.0),
        ("client_peak_mib", "Peak memory of the client, MiB", 1.0),
    )
    for axis, (name, title, factor) in zip(axes, columns, strict=True):
        axis.semilogx(count, [factor * row[name] for row in rows], "o-")
        axis.set(title=title, xlabel="tasks", ylim=(0, None))
    figure.savefig(target, dpi=120)
    plt.close(figure)


def storm(count: int, kill_every: float) -> None:
    """Kill a random worker every so often and the client twice; compare every chunk with an undisturbed run."""
    with tempfile.TemporaryDirectory() as home:
        calm, rough = Path(home) / "calm", Path(home) / "rough"
        calm.mkdir()
        rough.mkdir()
        output, _ = child(calm, count).communicate()
        print("calm ", json.loads(output.splitlines()[-1]), flush=True)
        kills = {"workers": 0, "clients": 0}
        done = rough / "store" / "sweep" / "done"
        thresholds = [count // 3, 2 * count // 3]
        recomputed = []
        while True:
            client = child(rough, count)
            output = watched(client, done, thresholds, kill_every, kills)
            if client.returncode == 0:
                recomputed.append(json.loads(output.splitlines()[-1]))
                break
        print("rough", recomputed[-1], kills, flush=True)
        ours, theirs = store.open_store(rough / "store"), store.open_store(calm / "store")
        same = all(
            ours.place.get(ours.chunk_key(name, task)) == theirs.place.get(theirs.chunk_key(name, task))
            for name in ours.shapes
            for task in ours.layout
        )
        print(json.dumps({"tasks": count, "killed": kills, "bit_identical": same, "complete": len(ours.done())}))


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


def window(count: int) -> None:
    """Client memory and rate of very many tasks that do nothing."""
    jobs = (tasks.Job("none", task, "none") for task in range(count))
    seen = [0]

    def done(_: tasks.Outcome) -> None:
        seen[0] += 1

    watch = engine.Watch(done, lambda outcome, tries: None, lambda text: None)
    pool = engine.Pool("local", workers=WORKERS)
    with engine.connected(pool) as client:
        before, started = peak_mib(), time.monotonic()
        engine.Run(pool, client, empty, engine.Limits(), watch)(jobs)
        wall = time.monotonic() - started
    row = {"tasks": seen[0], "ms_a_task": round(1e3 * wall / count, 3), "start_mib": round(before, 1)}
    print(json.dumps(row | {"peak_mib": round(peak_mib(), 1)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["scale", "storm", "window", "once"])
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--task-seconds", type=float, default=0.5)
    parser.add_argument("--kill-every", type=float, default=10.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    os.environ.setdefault("TASK_SECONDS", str(chosen.task_seconds))
    if chosen.what == "scale":
        scale(chosen.tasks, chosen.out)
    elif chosen.what == "storm":
        storm(chosen.tasks, chosen.kill_every)
    elif chosen.what == "window":
        window(chosen.tasks)
    else:
        print(json.dumps(run_once(chosen.folder, chosen.tasks)))


if __name__ == "__main__":
    main()
