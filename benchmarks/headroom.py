"""Time per case of the headroom kernel against other ways to get the same numbers.

    python -m benchmarks.headroom                 a table
    python -m benchmarks.headroom --json          the same for machines
    python -m benchmarks.headroom --write FILE    put the tables into docs/performance.md between its markers
    python -m benchmarks.headroom --figure FILE   draw them

A made-up problem whose draws lie close together, and areas of the grid as a run meets them. One process on one core,
solvers interleaved, CPU time, medians with the spread of the repetitions. Slow solvers get fewer cases.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from cuda_kernels import Engine

from . import headroom_scaling, problem
from .solvers import Solver, available

SHARES = (0.0025, 0.005, 0.01, 0.05)
AREAS = ("us.ercot", "us.pjm_east", "cn.guangdong")
YEAR = 2030
MADE_UP = "made up"
SLOW = {"xarray bisection": 64, "NumPy sort": 512, "JAX lax.map": 1024, "torch.compile": 1024, "numba, all hours": 2048}
TOLERANCE = {"JAX lax.map": 1e-3, "torch.compile": 1e-3}  # float32
BEGIN, END = "<!-- benchmarks.headroom: begin -->", "<!-- benchmarks.headroom: end -->"


def measure(cases: int, hours: int, repetitions: int, areas: Sequence[str] = (), year: int = YEAR) -> dict[str, Any]:
    """Microseconds per case by problem, solver and share, and the largest difference from the first solver's answers.

    The difference is over the largest of those answers. `areas` stand beside the made-up problem.
    """
    problems = {MADE_UP: (problem.profiles(hours), problem.draws(cases))}
    problems |= {area: problem.real(area, year, cases) for area in areas}
    cores = _on_one_core()
    rows = [row | {"problem": name} for name, given in problems.items() for row in _rows(given, repetitions)]
    if cores:
        os.sched_setaffinity(0, cores)
    engine: Engine = "numba" if "gridflops [fast]" in available() else "numpy"
    scaling = headroom_scaling.measure(cases, hours, repetitions, engine, SHARES)
    scaling[-1:-1] = headroom_scaling.measure_years(areas, cases, repetitions, engine)  # memory is the last row
    described = {"cases": cases, "hours": hours, "repetitions": repetitions, "year": year, "machine": machine()}
    return described | {"rows": rows, "scaling": scaling}


def _rows(given: tuple[problem.Floats, problem.Floats], repetitions: int) -> list[dict[str, Any]]:
    """One problem. given = (profiles, coefficients)."""
    shapes, coefficients = given
    cases, solvers = len(coefficients), available()
    rows: list[dict[str, Any]] = []
    for share in SHARES:
        answers = {name: _answer(name, solver, (shapes, coefficients, share)) for name, solver in solvers.items()}
        times: dict[str, list[float]] = {name: [] for name in solvers}
        for _ in range(repetitions):
            for name, solver in solvers.items():
                mine = coefficients[: SLOW.get(name, cases)]
                begun = time.process_time()
                solver(shapes, mine, share)
                times[name].append((time.process_time() - begun) / len(mine) * 1e6)
        truth = answers[next(iter(answers))]
        for name in solvers:
            difference = float(np.abs(answers[name] - truth[: len(answers[name])]).max() / truth.max())
            spread = {"lowest": min(times[name]), "highest": max(times[name])}
            row = {"solver": name, "share": share, "microseconds": statistics.median(times[name])}
            rows.append(row | spread | {"difference": difference})
    return rows


def _on_one_core() -> set[int]:
    """Keep this process to one core, where the system lets it; the cores it had."""
    if not hasattr(os, "sched_setaffinity"):
        return set()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    return cores


def _answer(name: str, solver: Solver, arguments: tuple[Any, Any, float]) -> Any:
    """Results of a solver, which also compiles it and warms it up."""
    shapes, coefficients, share = arguments
    return solver(shapes, coefficients[: SLOW.get(name, len(coefficients))], share)


def machine() -> dict[str, str]:
    """Processor and versions."""
    described = {"python": platform.python_version(), "system": platform.system(), "processor": _processor()}
    for package in ("numpy", "numba", "jax", "torch", "xarray"):
        try:
            described[package] = version(package)
        except PackageNotFoundError:
            described[package] = "not installed"
    return described


def _processor() -> str:
    listing = Path("/proc/cpuinfo")  # Linux; elsewhere the platform's own word
    names = [platform.processor()]
    if listing.exists():
        names = [
            line.split(":")[1].strip() for line in listing.read_text().splitlines() if line.startswith("model name")
        ]
    return f"{names[0] if names else 'unknown'}, {os.cpu_count()} cores"


def table(result: dict[str, Any]) -> str:
    """Markdown: microseconds per case, and how many times faster the first solver is."""
    lines: list[str] = []
    for name in dict.fromkeys(row["problem"] for row in result["rows"]):
        what = "Made up" if name == MADE_UP else f"`{name}`, {result['year']}, scenario `reference`, one weather year"
        lines += [f"{what}:", "", *_table([row for row in result["rows"] if row["problem"] == name]), ""]
    versions = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    lines += [f"{result['cases']:,} cases, the made-up ones of {result['hours']:,} hours and six profiles, others of "
              f"8,760 and nine or ten; medians of {result['repetitions']} interleaved repetitions, CPU time of the "
              f"process. {versions}."]  # fmt: skip
    lines += ["", f"One case at {headroom_scaling.SHARE:.1%} by the first solver, as one thing is varied (time on the "
              "clock for cores; memory over the inputs):", "", headroom_scaling.table(result["scaling"])]  # fmt: skip
    lines += _pooled(result)
    return "\n".join(lines)


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines of one problem's table."""
    names = list(dict.fromkeys(row["solver"] for row in rows))
    found = {(row["solver"], row["share"]): row for row in rows}
    lines = ["| solver | " + " | ".join(f"{share:.2%}" for share in SHARES) + " | largest difference |"]
    lines.append("|---|" + "---|" * (len(SHARES) + 1))
    for name in names:
        cells = []
        for share in SHARES:
            mine, first = found[name, share], found[names[0], share]
            ratio = mine["microseconds"] / first["microseconds"]
            cells.append(f"{mine['microseconds']:.3g} us ({ratio:.3g}x)")
        difference = max(found[name, share]["difference"] for share in SHARES)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {difference:.1e} |")
    return lines


def _pooled(result: dict[str, Any]) -> list[str]:
    """How many times as long the best JAX takes for a case as pooled years and scenarios do."""
    peers: dict[float, float] = {}
    for row in result["rows"]:
        if row["problem"] == MADE_UP and row["solver"].startswith("JAX"):
            peers[row["share"]] = min(row["microseconds"], peers.get(row["share"], row["microseconds"]))
    times = {row["share"]: peers[row["share"]] / row["microseconds"] for row in result["scaling"]
             if row.get("share") in peers}  # fmt: skip
    if not times:
        return []
    said = " / ".join(f"{ratio:.3g}" for ratio in times.values())
    return ["", f"JAX takes {said} times as long as pooled cases at {' / '.join(f'{share:.2%}' for share in times)}."]


def draw(file: Path, result: dict[str, Any]) -> None:
    """Time per case by solver over the curtailable share, made up, and of the first solver over the number of cases."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for name in dict.fromkeys(row["solver"] for row in result["rows"]):
        mine = [row for row in result["rows"] if row["solver"] == name and row["problem"] == MADE_UP]
        taken = [row["microseconds"] for row in mine]
        spread = [[t - row["lowest"] for t, row in zip(taken, mine, strict=True)],
                  [row["highest"] - t for t, row in zip(taken, mine, strict=True)]]  # fmt: skip
        left.errorbar([row["share"] * 100 for row in mine], taken, yerr=spread, marker="o", markersize=4, label=name)
    left.set(xscale="log", yscale="log", xlabel="curtailable share, %", ylabel="CPU time per case, µs")
    left.set_xticks(sorted({row["share"] * 100 for row in result["rows"]}), labels=None)
    left.xaxis.set_major_formatter("{x:g}")
    left.xaxis.set_minor_formatter("")
    left.legend(fontsize=7, loc="center right", bbox_to_anchor=(1.0, 0.77), ncols=2)
    cases = [row for row in result["scaling"] if row["varied"] == "cases"]
    right.plot([row["value"] for row in cases], [row["microseconds"] for row in cases], marker="o")
    called = f"cases in a call of {result['rows'][0]['solver']}"
    right.set(xscale="log", xlabel=f"{called}, share {headroom_scaling.SHARE:.1%}", ylim=(0, None))
    right.set_ylabel("CPU time per case, µs")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)


def write(file: Path, text: str, markers: tuple[str, str] = (BEGIN, END)) -> None:
    """Replace what stands between the markers of a page."""
    page = file.read_text(encoding="utf-8")
    begin, end = markers
    before, rest = page.split(begin)
    file.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.headroom", description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--hours", type=int, default=8760)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--areas", nargs="*", default=AREAS, help=f"of the grid [default: {' '.join(AREAS)}]")
    parser.add_argument("--year", type=int, default=YEAR, help=f"of these areas [default: {YEAR}]")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--figure", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    result = measure(chosen.cases, chosen.hours, chosen.repetitions, chosen.areas, chosen.year)
    if chosen.write:
        write(chosen.write, table(result))
    if chosen.figure:
        draw(chosen.figure, result)
    print(json.dumps(result, indent=1) if chosen.json else table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
