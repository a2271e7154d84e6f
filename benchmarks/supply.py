"""The supply projection of both countries as `gridflops project` does it: wall time, processor seconds and memory.

    python -m benchmarks.supply [--draws 10000] [--threads 2] [--out benchmarks/results/supply.json]

Every draw of 49 areas, 12 technologies and 26 years with NumPy alone, in blocks, one block a thread. On a busy machine
wall time says little; so each thread's time is split as the kernel counts it: on a processor, ready but without one,
and blocked, which is waiting for the interpreter that another thread holds. `wall_alone_s`, what the threads spent on
a processor or blocked, over their number, is what a machine with a core for each and nothing else to do would need;
rather less, since a thread that holds the interpreter on a busy machine is itself kept waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import grids
from capacity.draws import Draws
from capacity.project.place import BLOCK, each_block
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from scenarios import load

SEED = 2025
YEARS = np.arange(2025, 2051)
COUNTRIES = ("US", "CN")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/supply.json"))
    asked = parser.parse_args()
    # Threads are those of the projection alone.
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    found = measure(asked.draws, asked.threads)
    asked.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def measure(draws: int, threads: int) -> dict[str, Any]:
    """Project `draws` draws of both countries; reading and one small projection are not counted."""
    grid, scenario = grids.open_grid(), load(["reference"])[0]
    fleets = [Fleet.of(grid, name) for name in COUNTRIES]
    for fleet in fleets:
        projection.project(fleet, Draws(SEED, np.arange(2), YEARS, scenario))
    total, spent, lock = np.zeros(draws), np.zeros(3), threading.Lock()
    started, busy = time.perf_counter(), time.process_time()
    for fleet in fleets:

        def work(rows: slice, block: Draws, fleet: Fleet = fleet) -> None:
            before = _times()
            total[rows] += projection.project(fleet, block).nameplate_mw.sum(axis=(1, 2, 3))
            with lock:
                spent[:] += _times() - before

        each_block(work, scenario, SEED, draws, YEARS, threads)
    wall, busy = time.perf_counter() - started, time.process_time() - busy
    clock, ran, waited = map(float, spent)
    return {
        "draws": draws,
        "areas": sum(len(fleet.areas) for fleet in fleets),
        "technologies": len(fleets[0].technologies),
        "years": [int(YEARS[0]), int(YEARS[-1])],
        "block": BLOCK,
        "threads": threads,
        "wall_s": round(wall, 2),
        "cpu_s": round(busy, 2),
        "wall_alone_s": round((clock - waited) / threads, 2),
        "blocked_s": round(clock - ran - waited, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0),
        "total_gw": float(np.round(total.sum() / 1000.0, 3)),
    }


def _times() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds by the clock, of this thread on a processor, and of it ready to run but without one (Linux only)."""
    place = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    ran, waited = map(int, place.read_text().split()[:2]) if place.exists() else (time.thread_time_ns(), 0)
    return np.array([time.perf_counter(), ran / 1e9, waited / 1e9])


if __name__ == "__main__":
    main()
