"""What is done once per draw after the hours: quantiles and water-filling, against the array code a user would write.

    python -m benchmarks.over_draws [--draws 256] [--out benchmarks/results/over_draws.json]

Processor milliseconds of one core, medians, variants by turns in one process, so that a busy machine changes little.
The peers give the same numbers: `numpy.quantile`, and table look-up a temperature at a time with whole rows of cells.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from capacity.verify_gpu import fresh
from cuda_kernels.quantile import order_statistic, quantile
from cuda_kernels.water_fill import Table, water_fill

REPETITIONS = 7
PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
AREAS, YEARS = 49, 16
CELL_RANKS = (0.1, 0.5, 0.9)

Variant = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=256)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/over_draws.json"))
    asked = parser.parse_args()
    found = measure(asked.draws)
    asked.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def measure(draws: int, repetitions: int = REPETITIONS) -> dict[str, Any]:
    """Milliseconds of each variant, and how many times faster the kernel's NumPy body is."""
    made: dict[str, Any] = {"draws": draws}
    for name, (ours, peer) in cases(draws).items():
        mine, theirs = by_turns((ours, peer), repetitions)
        made[name] = {"gridflops_ms": mine, "peer_ms": theirs, "ratio": round(theirs / mine, 2)}
    return made


def cases(draws: int) -> dict[str, tuple[Variant, Variant]]:
    """Each problem's two variants; they return the same arrays."""
    rng = np.random.default_rng(2025)
    values = rng.lognormal(8.0, 1.0, (draws, AREAS, YEARS))
    table, (load, temperature, scale, weight) = fresh.cells(rng, draws)
    ranks = [max(0, int(np.ceil(p * draws)) - 1) for p in CELL_RANKS]

    def filled() -> tuple[Any, Any]:
        found = water_fill(table, load, temperature, scale, weight)
        return found.split_mw, order_statistic(found.split_mw, ranks, axis=-1)

    def by_rows() -> tuple[Any, Any]:
        split = rows_of_cells(table, load, temperature, scale)
        return np.moveaxis(split, 2, 0), np.moveaxis(np.sort(split, axis=1)[:, ranks], (1, 2), (0, 1))

    return {
        "quantiles": (lambda: quantile(values, PROBABILITIES), lambda: np.quantile(values, PROBABILITIES, axis=0)),
        "water_fill": (filled, by_rows),
    }


def rows_of_cells(table: Table, load: Any, temperature: Any, scale: Any) -> Any:
    """Split (year, draw, cell): for each temperature of the table, two rows of cells for every load near it."""
    wanted = load / scale
    installed = np.maximum.accumulate(wanted, axis=0)
    running = np.divide(wanted, installed, out=np.zeros_like(wanted), where=installed > 0.0)
    node, near = _position(temperature, table.temperatures)
    split = np.zeros((*load.shape, len(table.split_mw)))
    rows = np.ascontiguousarray(table.split_mw.transpose(1, 2, 0))
    for number, levels in enumerate(table.levels_mw):
        share = np.where(node == number, 1.0 - near, np.where(node == number - 1, near, 0.0))
        (used,) = np.nonzero(share)
        at, far = _position(installed[:, used], levels)
        low, high = (share[used] * (1.0 - far))[..., None], (share[used] * far)[..., None]
        split[:, used] += low * rows[number][at] + high * rows[number][at + 1]
    return split * running[..., None] * scale[:, None]


def _position(values: Any, nodes: Any) -> tuple[Any, Any]:
    left = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)
    width = nodes[left + 1] - nodes[left]
    part = np.divide(values - nodes[left], width, out=np.zeros_like(values), where=width > 0.0)
    return left, np.clip(part, 0.0, 1.0)


def by_turns(variants: tuple[Variant, ...], repetitions: int) -> list[float]:
    """Median processor milliseconds of each, after one call each to warm up."""
    times: list[list[float]] = [[] for _ in variants]
    for turn in range(repetitions + 1):
        for spent, call in zip(times, variants, strict=True):
            begun = time.process_time()
            call()
            if turn:
                spent.append(1e3 * (time.process_time() - begun))
    return [round(statistics.median(spent), 3) for spent in times]


if __name__ == "__main__":
    main()
