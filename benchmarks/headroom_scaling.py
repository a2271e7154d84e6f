"""How the cost of a case grows with hours, cases, cores and spread, and what memory a call takes."""

from __future__ import annotations

import os
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cuda_kernels import Engine, headroom_mw

from . import problem

SHARE = 0.005
HOURS = (2190, 8760, 87_600)
CASES = (100, 500, 1_000, 10_000, 100_000)
GROUPS = 20  # of cases with a centre of their own, as years and scenarios have
YEARS = range(2026, 2026 + GROUPS)
POOLED = f"{GROUPS} years and scenarios pooled"


def pooled(cases: int) -> problem.Floats:
    """Coefficients (cases, 6) of GROUPS years and scenarios in one call: each has its own centre."""
    each = -(-cases // GROUPS)
    growth = np.exp(np.random.default_rng(7).normal(0.0, 0.15, (GROUPS, len(problem.CENTRAL_MW))))
    parts = [problem.draws(each, seed=group) * growth[group] for group in range(GROUPS)]
    return np.concatenate(parts)[:cases]


def measure(
    cases: int, hours: int, repetitions: int, engine: Engine, shares: Sequence[float] = (SHARE,)
) -> list[dict[str, Any]]:
    """Rows of what was varied, its value, and microseconds per case (CPU time; cores: time on the clock).

    Pooled years and scenarios are solved at each of the shares, all else at SHARE.
    """
    rows, year = [], problem.profiles(hours)
    for name, value, shapes, coefficients in _settings(cases, hours, year):
        taken = _microseconds((shapes, coefficients, SHARE), repetitions, (engine, time.process_time))
        rows.append({"varied": name, "value": value, "microseconds": taken})
    for share in shares:
        taken = _microseconds((year, pooled(cases), share), repetitions, (engine, time.process_time))
        rows.append({"varied": POOLED, "value": f"{cases:,} at {share:.2%}", "share": share, "microseconds": taken})
    for name, coefficients in (("cores", problem.draws(cases)), (f"cores, {POOLED}", pooled(GROUPS * cases))):
        for cores in _cores():
            before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, set(sorted(before)[:cores]))
            try:
                taken = _microseconds((year, coefficients, SHARE), repetitions, (engine, time.perf_counter))
            finally:
                os.sched_setaffinity(0, before)
            value = f"{cores}, {len(coefficients):,} cases"
            rows.append({"varied": name, "value": value, "cores": cores, "microseconds": taken})
    rows.append({"varied": "peak memory, MB", "value": _peak_mb(year, problem.draws(cases), engine)})
    return rows


def measure_years(areas: Sequence[str], cases: int, repetitions: int, engine: Engine) -> list[dict[str, Any]]:
    """Rows of areas of the grid: GROUPS years in one call, and as many cases of one year in a call, the years' mean."""
    rows, how = [], (engine, time.process_time)
    for area in areas:
        shapes, parts = problem.real_years(area, YEARS, cases)
        pooled_years = np.concatenate([part[: max(1, cases // GROUPS)] for part in parts])
        taken = _microseconds((shapes, pooled_years, SHARE), repetitions, how)
        name = f"`{area}`, {YEARS[0]} to {YEARS[-1]}"
        rows.append({"varied": f"{name}, pooled", "value": len(pooled_years), "microseconds": taken})
        alone = [_microseconds((shapes, part, SHARE), repetitions, how) for part in parts]
        rows.append({"varied": f"{name}, year by year", "value": cases, "microseconds": statistics.mean(alone)})
    return rows


def _settings(cases: int, hours: int, year: Any) -> Iterator[tuple[str, int, Any, Any]]:
    scale = hours / 8760
    for count in HOURS:
        length = max(24, round(count * scale))
        yield "hours", length, problem.profiles(length), problem.draws(cases)
    for count in CASES:
        some = max(2, round(count * cases / 10_000))
        yield "cases", some, year, problem.draws(some)


def _cores() -> list[int]:
    """Numbers of cores to try, where the system lets a process choose."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    return [count for count in (1, 2, 4, 8) if count <= len(os.sched_getaffinity(0))]


def _microseconds(given: tuple[Any, Any, float], repetitions: int, how: tuple[Engine, Callable[[], float]]) -> float:
    """A case. given = (profiles, coefficients, share)."""
    engine, clock = how
    rounds = max(1, 2_000 // len(given[1]))  # the clock is coarse
    headroom_mw(*given, engine=engine)
    taken: list[float] = []
    for _ in range(repetitions):
        begun = clock()
        for _ in range(rounds):
            headroom_mw(*given, engine=engine)
        taken.append((clock() - begun) / rounds / len(given[1]) * 1e6)
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
        value = f"{row['value']:.3g}" if isinstance(row["value"], float) else f"{row['value']}"
        value = f"{row['value']:,}" if isinstance(row["value"], int) else value
        lines.append(f"| {row['varied']} | {value} | {taken} |")
    return "\n".join(lines)
