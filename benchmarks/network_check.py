"""The acceptance check of the network kernel: 2,000 random instances against HiGHS, 1,000 trees against all cuts.

    python -m benchmarks.network_check [--instances 2000] [--trees 1000]

Prints the largest relative error of each engine and the time a batch of the linear programs takes beside it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from cuda_kernels._network_numpy import Network
from cuda_kernels.network import network_headroom

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from network_reference import headroom_lp, random_caps, random_network, random_tree

SHARES = (0.0, 0.02, 0.1, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--trees", type=int, default=1000)
    asked = parser.parse_args()
    instances(asked.instances)
    trees(asked.trees)


def instances(count: int) -> None:
    """n = 2..31 areas, 4 to 10 hours, both directions, zero and infinite limits, half of them with caps on imports."""
    worst = {"numpy": 0.0, "numba": 0.0}
    seconds = {"highs": 0.0, "numpy": 0.0, "numba": 0.0}
    for seed in range(count):
        margin, limits, direction = random_network(seed, areas=2 + seed % 30, hours=4 + seed % 7)
        share = SHARES[(seed // 30) % len(SHARES)]
        began = time.perf_counter()
        caps = random_caps(seed, margin.shape[1]) if seed % 2 else np.full(margin.shape[1], np.inf)
        want = headroom_lp(margin, limits, direction, share, caps)
        seconds["highs"] += time.perf_counter() - began
        for engine in worst:
            began = time.perf_counter()
            ones = np.ones((1, margin.shape[1], 1))
            case = (margin.T[:, None], ones, limits, direction, share)
            got = network_headroom(*case, import_cap_mw=caps, engine=engine)  # type: ignore[arg-type]
            seconds[engine] += time.perf_counter() - began
            error = abs(float(got.headroom_mw[0, 0]) - want) / max(1.0, abs(want))
            worst[engine] = max(worst[engine], error)
    for engine, error in worst.items():
        print(
            f"{count} instances, {engine}: largest relative error {error:.1e}, {seconds[engine]:.1f} s "
            f"(HiGHS {seconds['highs']:.1f} s)"
        )


def trees(count: int) -> None:
    """Folding against all cuts of trees of 2 to 12 areas, four hours each."""
    worst = 0.0
    for seed in range(count):
        areas = 2 + seed % 11
        limits = random_tree(seed, areas)
        deficit = np.random.default_rng(seed).normal(-0.5, 2, (4, areas))
        folded, whole = Network(limits).tightest(deficit)[0], Network(limits, fold=False).tightest(deficit)[0]
        worst = max(worst, float(np.abs(folded - whole).max()))
    print(f"{count} trees: folded and full cuts differ by at most {worst:.1e}")


if __name__ == "__main__":
    main()
