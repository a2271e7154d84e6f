"""The supply projection of both countries: processor seconds, wall time and memory.

    python -m benchmarks.supply [--draws 10000] [--workers 2] [--out benchmarks/results/supply.json]

Every draw of 49 areas, 12 technologies and 26 years with NumPy alone. Each worker takes a range of draws, block by
block, and keeps no more than one block; a range can start anywhere, since a draw depends on its number only. Processor
seconds over workers is the wall time of an idle machine with a core for each; wall time tells how busy the machine was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import grids
from capacity import supply
from capacity.draws import Draws
from capacity.fleet import Fleet
from capacity.projection import BLOCK
from scenarios import load

SEED = 2025
YEARS = np.arange(2025, 2051)
COUNTRIES = ("US", "CN")


class Part(NamedTuple):
    """What one worker did: processor seconds, those of reading before it, peak memory and a sum to check. [MB, MW]"""

    cpu_s: float
    reading_s: float
    peak_mb: float
    total_mw: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/supply.json"))
    asked = parser.parse_args()
    # One thread a worker, so that processor seconds are those of the work and not of waiting threads.
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    found = measure(asked.draws, asked.workers)
    asked.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def measure(draws: int, workers: int) -> dict[str, Any]:
    """Project `draws` draws with some workers, each its own process."""
    edges = np.linspace(0, draws, workers + 1).astype(int)
    ranges = [(int(first), int(last)) for first, last in pairwise(edges)]
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        parts = pool.starmap(work, ranges, chunksize=1)
    wall = time.perf_counter() - started
    busy = [part.cpu_s for part in parts]
    return {
        "draws": draws,
        "areas": 49,
        "technologies": 12,
        "years": [int(YEARS[0]), int(YEARS[-1])],
        "block": BLOCK,
        "workers": workers,
        "cpu_s": round(sum(busy), 2),
        "cpu_s_of_the_slowest_worker": round(max(busy), 2),
        "reading_s": round(max(part.reading_s for part in parts), 2),
        "wall_s": round(wall, 2),
        "peak_mb_of_a_worker": round(max(part.peak_mb for part in parts)),
        "total_gw": round(sum(part.total_mw for part in parts) / 1000.0, 3),
    }


def work(first: int, last: int) -> Part:
    """Project the draws from `first` to before `last`; reading and one small projection are timed apart."""
    started = time.process_time()
    grid, scenario = grids.open_grid(), load(["reference"])[0]
    fleets = [Fleet.of(grid, name) for name in COUNTRIES]
    for fleet in fleets:
        supply.project(fleet, Draws(SEED, np.arange(2), YEARS, scenario))
    ready = time.process_time()
    total = 0.0
    for fleet in fleets:
        for start in range(first, last, BLOCK):
            block = Draws(SEED, np.arange(start, min(start + BLOCK, last)), YEARS, scenario)
            total += float(supply.project(fleet, block).nameplate_mw.sum())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return Part(time.process_time() - ready, ready - started, peak, total)


if __name__ == "__main__":
    main()
