"""The acceptance check of the joint allocation: thousands of random programs against HiGHS, and the time of a batch.

    python -m benchmarks.allocation_check [--instances 2000] [--cases 1000000] [--items 27]

Prints the largest relative error of the total by kind of program, the largest error of the sum of shares, how often
`min()` of the limits alone is above the joint total, and the processor time of a large batch beside that of HiGHS.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from capacity.limits.allocation import allocate, minimum

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from allocation_reference import KINDS, batch, highs_total, random_program


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=27)
    asked = parser.parse_args(arguments)
    against_highs(asked.instances)
    for name, make in (("fleet: vintages, three makes that cost", fleet), ("spread: most items cost", spread)):
        timed(name, make(asked.cases, asked.items))


def against_highs(count: int) -> None:
    """`count` programs, the kinds in turn."""
    worst, excess, apart, seconds, refused = dict.fromkeys(KINDS, 0.0), 0.0, 0, 0.0, 0
    for seed in range(count):
        kind = KINDS[seed % len(KINDS)]
        program = random_program(seed, kind)
        began = time.perf_counter()
        want = highs_total(program)
        seconds += time.perf_counter() - began
        found = allocate(*batch(program))
        total = float(found.total[0])
        worst[kind] = max(worst[kind], abs(total - want) / max(abs(want), 1e-9))
        excess = max(excess, abs(float(found.shares().sum()) - 1.0))
        least = float(minimum(*batch(program)).min())
        apart += least > total * (1 + 1e-9)
        refused += total > least * (1 + 1e-12)
    print(f"{count} programs of 1 to 58 items against HiGHS ({seconds / count * 1e6:,.0f} us each)")
    for kind, error in worst.items():
        print(f"  {kind:10} largest relative error of the total {error:.1e}")
    print(f"  shares: sum differs from 1 by at most {excess:.1e}")
    print(f"  min() of the limits alone lies above the joint total in {apart}, below in {refused}")


def fleet(cases: int, items: int) -> tuple[np.ndarray, ...]:
    """Old vintages without cost and three new makes; power and budget up to 1.3 times what all would take."""
    rng = np.random.default_rng(0)
    watts = 1500.0 * 1.3 ** -np.linspace(0, items / 2, items) * rng.lognormal(0, 0.1, (cases, items))
    bound = rng.lognormal(14, 1, (cases, items))
    cost = np.where(np.arange(items) >= items - 3, watts * 3e-8, 0.0)
    return np.ones(items), watts, bound, cost, *_limits(rng, watts, cost, bound, 1.3)


def spread(cases: int, items: int) -> tuple[np.ndarray, ...]:
    """Nothing alike: the hardest batch of this size."""
    rng = np.random.default_rng(0)
    throughput, watts, bound = (rng.lognormal(0, 1, (cases, items)) for _ in range(3))
    cost = rng.lognormal(0, 1, (cases, items)) * (rng.random((cases, items)) > 0.3)
    return throughput, watts, bound, cost, *_limits(rng, watts, cost, bound, 1.0)


def _limits(rng: np.random.Generator, watts: np.ndarray, cost: np.ndarray, bound: np.ndarray, most: float):
    return tuple(most * rng.random(len(bound)) * (each * bound).sum(axis=1) for each in (watts, cost))


def timed(name: str, program: tuple[np.ndarray, ...]) -> None:
    began = time.process_time()
    found = allocate(*program)
    seconds = time.process_time() - began
    cases, items = found.count.shape
    print(f"{cases:,} cases x {items} items, {name}: {seconds:.1f} s, {seconds / cases * 1e6:.1f} us a case")


if __name__ == "__main__":
    main()
