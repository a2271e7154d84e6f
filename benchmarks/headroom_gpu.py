"""Time per case of the headroom kernel on a card against other ways to get the same numbers there.

    python -m benchmarks.headroom_gpu                 a table
    python -m benchmarks.headroom_gpu --write FILE    put it into docs/performance.md between its markers

Inputs lie on the card, answers come back to the host; solvers interleaved, time on the clock, medians with the spread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from cuda_kernels import KernelError, devices

from . import problem
from .headroom import SHARES, machine, write
from .solvers_gpu import available

BEGIN, END = "<!-- benchmarks.headroom_gpu: begin -->", "<!-- benchmarks.headroom_gpu: end -->"
TOLERANCE = {"JAX lax.map, batched": 1e-3, "torch.compile": 1e-3}
"""Of the largest answer; those work in float32, the others agree within 1e-8."""


def measure(cases: int, hours: int, repetitions: int) -> list[dict[str, Any]]:
    """Microseconds a case by solver and share, and the largest difference from ours over the largest of our answers."""
    inputs = problem.profiles(hours), problem.draws(cases)
    calls = {name: solver(*inputs) for name, solver in available().items()}
    rows = []
    for share in SHARES:
        answers = {name: call(share) for name, call in calls.items()}  # compiles, and warms up
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(repetitions):
            for name, call in calls.items():
                begun = time.perf_counter()
                call(share)
                times[name].append((time.perf_counter() - begun) / cases * 1e6)
        truth = next(iter(answers.values()))
        for name, taken in times.items():
            difference = float(np.abs(answers[name] - truth).max() / truth.max())
            row = {"solver": name, "cases": cases, "share": share, "difference": difference}
            rows.append(row | {"microseconds": statistics.median(taken), "lowest": min(taken), "highest": max(taken)})
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: microseconds a case, and how many times the first solver's time that is."""
    lines = ["| cases | solver | " + " | ".join(f"{share:.2%}" for share in SHARES) + " | largest difference |"]
    lines.append("|---|---|" + "---|" * (len(SHARES) + 1))
    found = {(row["cases"], row["solver"], row["share"]): row for row in rows}
    first = rows[0]["solver"]
    for cases, name in dict.fromkeys((row["cases"], row["solver"]) for row in rows):
        mine = [found[cases, name, share] for share in SHARES]
        ratios = [row["microseconds"] / found[cases, first, row["share"]]["microseconds"] for row in mine]
        cells = [f"{row['microseconds']:.3g} us ({ratio:.3g}x)" for row, ratio in zip(mine, ratios, strict=True)]
        difference = max(row["difference"] for row in mine)
        lines.append(f"| {cases:,} | {name} | " + " | ".join(cells) + f" | {difference:.1e} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.headroom_gpu", description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--hours", type=int, default=8760)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    try:
        card = devices.survey()[1][devices.current()]
    except KernelError as error:
        print(f"nothing was measured: {error}", file=sys.stderr)
        return 3
    rows = [row for cases in chosen.cases for row in measure(cases, chosen.hours, chosen.repetitions)]
    versions = ", ".join(f"{key} {value}" for key, value in machine().items())
    said = f"{chosen.hours:,} hours, six profiles; {card.name}; medians of {chosen.repetitions}. {versions}."
    text = f"{table(rows)}\n\n{said}"
    if chosen.write:
        write(chosen.write, text, (BEGIN, END))
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
