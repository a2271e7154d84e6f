"""What the joint limits cost beside the headroom: processor seconds of each part of a run.

    python -m benchmarks.joint [--draws 64] [--years 2025-2050] [--out benchmarks/results/joint.json]

Processor time of this process, areas solved one after the other, so that a busy machine changes little. The second pass
counts: the first compiles and reads.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import grids
from capacity import country
from capacity.adequacy.parts import weather_by_area
from capacity.area_hours import How
from capacity.draws import Draws
from capacity.estimation import COUNTRIES
from capacity.limits import joint
from scenarios import load

SEED = 2025


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--years", default="2025-2050")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/joint.json"))
    asked = parser.parse_args()
    first, last = (int(year) for year in asked.years.split("-"))
    found = measure(asked.draws, np.arange(first, last + 1))
    asked.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def measure(draws: int, years: np.ndarray) -> dict[str, Any]:
    """Processor seconds of supply and headroom of both countries, and of the joint limits on top."""
    grid = grids.open_grid()
    weather = weather_by_area(grid)
    how = How("firm_capacity", "cpu", "auto", threads=1)
    drawn = Draws(SEED, np.arange(draws), years, load(["reference"])[0])

    def solve(name: str, some: Draws) -> country.CountryResult:
        return country.run(grid, name, some, weather, how, lambda _: None)

    few = Draws(SEED, np.arange(2), years[:2], drawn.scenario)
    joint.solve({name: solve(name, few) for name in COUNTRIES}, few)
    solved, headroom = _timed(lambda: {name: solve(name, drawn) for name in COUNTRIES})
    _, limits = _timed(lambda: joint.solve(solved, drawn))
    return {
        "draws": draws,
        "years": [int(years[0]), int(years[-1])],
        "headroom_cpu_s": round(headroom, 3),
        "joint_cpu_s": round(limits, 3),
        "ratio": round((headroom + limits) / headroom, 4),
        "joint_cpu_ms_per_draw_year": round(1e3 * limits / (draws * len(years)), 4),
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    found = work()
    return found, time.process_time() - began


if __name__ == "__main__":
    main()
