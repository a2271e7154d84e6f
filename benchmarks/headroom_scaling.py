"""How the cost of a case grows with hours, cases, cores and spread, and what memory a call takes."""

from __future__ import annotations

import os
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np

from cuda_kernels import Engine, headroom_mw

from . import problem

SHARE = 0.005
HOURS = (2190, 8760, 87_600)
CASES = (100, 500, 1_000, 10_000, 100_000)
GROUPS = 20  # of cases with a centre of their own, as years and scenarios have


def pooled(cases: int) -> problem.Floats:
    """Coefficients (cases, 6) of GROUPS years and scenarios in one call: each has its own centre."""
    each = -(-cases // GROUPS)
    growth = np.exp(np.random.default_rng(7).normal(0.0, 0.15, (GROUPS, len(problem.CENTRAL_MW))))
    parts = [problem.draws(each, seed=group) * growth[group] for group in range(GROUPS)]
    return np.concatenate(parts)[:cases]


def measure(cases: int, hours: int, repetitions: int, engine: Engine) -> list[dict[str, Any]]:
    """Rows of what was varied, its value, and microseconds per case (CPU time; cores: time on the clock)."""
    rows = []
    year = problem.profiles(hours)
    for name, value, shapes, coefficients in _settings(cases, hours, year):
        taken = _microseconds(shapes, coefficients, repetitions, (engine, time.process_time))
        rows.append({"varied": name, "value": value, "microseconds": taken})
    for cores in _cores():
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, set(sorted(before)[:cores]))
        try:
            taken = _microseconds(year, problem.draws(cases), repetitions, (engine, time.perf_counter))
        finally:
            os.sched_setaffinity(0, before)
        rows.append({"varied": "cores", "value": cores, "microseconds": taken})
    rows.append({"varied": "peak memory, MB", "value": _peak_mb(year, problem.draws(cases), engine)})
    return rows


def _settings(cases: int, hours: int, year: Any) -> Iterator[tuple[str, int, Any, Any]]:
    scale = hours / 8760
    for count in HOURS:
        length = max(24, round(count * scale))
        yield "hours", length, problem.profiles(length), problem.draws(cases)
    for count in CASES:
        some = max(2, round(count * cases / 10_000))
        yield "cases", some, year, problem.draws(some)
    yield f"{GROUPS} years and scenarios pooled", cases, year, pooled(cases)


def _cores() -> list[int]:
    """Numbers of cores to try, where the system lets a process choose."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    return [count for count in (1, 2, 4, 8) if count <= len(os.sched_getaffinity(0))]


def _microseconds(shapes: Any, coefficients: Any, repetitions: int, how: tuple[Any, Any]) -> float:
    engine, clock = how
    rounds = max(1, 2_000 // len(coefficients))  # the clock is coarse
    headroom_mw(shapes, coefficients, SHARE, engine=engine)
    taken: list[float] = []
    for _ in range(repetitions):
        begun = clock()
        for _ in range(rounds):
            headroom_mw(shapes, coefficients, SHARE, engine=engine)
        taken.append((clock() - begun) / rounds / len(coefficients) * 1e6)
    return statistics.median(taken)


def _peak_mb(shapes: Any, coefficients: Any, engine: Engine) -> float:
    """Most memory that a call holds at a time over its inputs, workspaces included. [MB]"""
    headroom_mw(shapes[:, :24], coefficients[:2], SHARE, engine=engine)  # so that compiling is not counted
    tracemalloc.start()
    try:
        headroom_mw(shapes[:, : shapes.shape[1] - 1], coefficients, SHARE, engine=engine)  # a length not met before
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| varied | value | us a case |", "|---|---|---|"]
    for row in rows:
        taken = f"{row['microseconds']:.3g}" if "microseconds" in row else ""
        value = f"{row['value']:,}" if isinstance(row["value"], int) else f"{row['value']:.3g}"
        lines.append(f"| {row['varied']} | {value} | {taken} |")
    return "\n".join(lines)
