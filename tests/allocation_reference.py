"""Oracles of the allocation: random programs, HiGHS, and one-sided values by moving one limit a little."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

KINDS = ("spread", "whole", "twins", "fleet", "one limit")

Program = tuple[np.ndarray, ...]


def random_program(seed: int, kind: str) -> Program:
    """throughput, watts, bound, cost (item,), power and budget (): of kind

    spread      numbers spread over orders of magnitude, some bounds and costs of zero
    whole       small whole numbers: ties, zeros, limits met exactly
    twins       every item twice
    fleet       vintages and new chips as in a run, in H100-equivalents, watts and billions
    one limit   a limit of zero, or one that all items meet exactly
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    items = int(rng.integers(1, 30))
    if kind == "fleet":
        return _fleet(rng, items)
    if kind == "whole":
        throughput, watts, cost, bound = (rng.integers(low, high, items) * 1.0 for low, high in _WHOLE)
        power, budget = (float(rng.integers(0, 1 + int(each @ bound))) for each in (watts, cost))
        return throughput, watts, bound, cost, power, budget
    throughput, watts, cost, bound = rng.lognormal(0.0, 1.5, (4, items))
    cost, bound = cost * (rng.random(items) > 0.4), bound * (rng.random(items) > 0.2)
    if kind == "twins":
        throughput, watts, cost, bound = (np.repeat(values, 2) for values in (throughput, watts, cost, bound))
    power, budget = (1.2 * rng.random() * float(each @ bound) for each in (watts, cost))
    if kind == "one limit":
        factors = rng.permutation([0.0, 1.0, rng.random()])[:2]
        power, budget = (factor * float(each @ bound) for factor, each in zip(factors, (watts, cost), strict=True))
    return throughput, watts, bound, cost, power, budget


_WHOLE = ((0, 4), (1, 4), (0, 3), (0, 4))


def _fleet(rng: np.random.Generator, items: int) -> Program:
    watts = 1500.0 * 1.3 ** -np.arange(items) * rng.lognormal(0.0, 0.1, items)
    bound = rng.lognormal(14.0, 1.0, items)
    cost = np.where(np.arange(items) >= items - 3, watts * rng.lognormal(0.0, 0.3, items) * 3e-8, 0.0)
    power, budget = (1.3 * rng.random() * float(each @ bound) for each in (watts, cost))
    return np.ones(items), watts, bound, cost, power, budget


def batch(*programs: Program) -> Program:
    """Programs with equal numbers of items as arrays (case, item) and (case,)."""
    return tuple(np.stack([np.asarray(program[i]) for program in programs]) for i in range(6))


def highs_total(program: Program) -> float:
    """Largest throughput by HiGHS, which is given numbers near one."""
    throughput, watts, bound, cost, power, budget = program
    scale = [top if top > 0 else 1.0 for top in (throughput @ bound, watts @ bound, cost @ bound)]
    found = linprog(
        -throughput * bound / scale[0],
        A_ub=np.stack([watts * bound / scale[1], cost * bound / scale[2]]),
        b_ub=[power / scale[1], budget / scale[2]],
        bounds=[(0.0, 1.0)] * len(bound),
        method="highs",
    )
    assert found.status == 0, found.message
    return -found.fun * scale[0]


def two_sided_means(total, program: Program, step: float = 1e-6) -> tuple[float, np.ndarray, float]:
    """Values of power (), chips (item,) and budget () from totals with one limit moved by +-step; the side that is
    there when a limit is zero. `total` is the solver: program -> float."""
    _, _, bound, _, power, budget = program

    def mean(amount, moved):
        more = (total(moved(step)) - total(program)) / step
        return more if amount < step else 0.5 * (more + (total(program) - total(moved(-step))) / step)

    def with_(position, value):
        return (*program[:position], value, *program[position + 1 :])

    unit = np.eye(len(bound))
    chips = [mean(bound[v], lambda h, v=v: with_(2, bound + h * unit[v])) for v in range(len(bound))]
    return (
        mean(power, lambda h: with_(4, power + h)),
        np.array(chips),
        mean(budget, lambda h: with_(5, budget + h)),
    )
