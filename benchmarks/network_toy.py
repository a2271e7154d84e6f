"""The network kernel beside a batch of linear programs (HiGHS) and beside PyPSA, on one toy network.

    python -m benchmarks.network_toy [--cases 20] [--hours 168] [--areas 4]

Every solver finds the largest new load along a direction at 2 % of curtailed energy, native load first, for the same
random networks. Prints the CPU time a case and the largest relative difference from the kernel. PyPSA is optional
(`pip install pypsa`): load is a component of negative sign whose capacity follows the direction, and shortage a
component whose energy is bounded; it is made for richer problems than this one and builds its model anew each time.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cuda_kernels.network import network_headroom

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from network_reference import headroom_lp, random_network

Floats = NDArray[np.float64]
Solver = Callable[[Floats, Floats, Floats], float]

SHARE = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--areas", type=int, default=4)
    asked = parser.parse_args()
    for name, (seconds, difference) in compare(asked.cases, asked.hours, asked.areas).items():
        print(f"{name}: {1e3 * seconds:,.3f} ms a case, at most {difference:.1e} from the kernel")


def compare(cases: int, hours: int, areas: int) -> dict[str, tuple[float, float]]:
    """CPU seconds a case, and largest relative difference from the kernel, of every solver at hand."""
    networks = [random_network(seed, areas, hours) for seed in range(cases)]
    networks = [(margin, np.minimum(limits, 1e6), direction) for margin, limits, direction in networks]
    kernel(*networks[0])  # compiles once
    found: dict[str, tuple[float, Floats]] = {}
    for name, solve in solvers().items():
        began = time.process_time()
        answers = np.array([solve(*network) for network in networks])
        found[name] = ((time.process_time() - began) / cases, answers)
    want = found["gridflops"][1]
    scale = np.maximum(1.0, np.abs(want))
    return {name: (seconds, float(np.max(np.abs(got - want) / scale))) for name, (seconds, got) in found.items()}


def solvers() -> dict[str, Solver]:
    """Those that are installed, the kernel first."""
    known: dict[str, Solver] = {"gridflops": kernel, "HiGHS": lambda m, c, w: headroom_lp(m, c, w, SHARE)}
    if importlib.util.find_spec("pypsa") is not None:
        known["PyPSA"] = pypsa_headroom
    return known


def kernel(margin: Floats, limits: Floats, direction: Floats) -> float:
    ones = np.ones((1, margin.shape[1], 1))
    found = network_headroom(np.ascontiguousarray(margin.T)[:, None], ones, limits, direction, SHARE)
    return float(found.headroom_mw[0, 0])


def pypsa_headroom(margin: Floats, limits: Floats, direction: Floats) -> float:
    """The same through PyPSA: least native shortage first, then the largest load."""
    native = toy(margin, limits, np.zeros(len(direction)))
    native.optimize(solver_name="highs", log_to_console=False)
    allowed = float(native.generators_t.p.filter(like="short").to_numpy().sum())
    both = toy(margin, limits, direction)

    def along(network: object, _: object) -> None:
        model = network.model  # type: ignore[attr-defined]
        total = model.add_variables(lower=0.0, name="total")
        capacity, output = model["Generator-p_nom"], model["Generator-p"]
        for i, share in enumerate(direction):
            model.add_constraints(capacity.loc[f"new {i}"] - float(share) * total == 0.0, name=f"share {i}")
        short = sum(output.loc[:, f"short {i}"].sum() for i in range(len(direction)))
        model.add_constraints(short - SHARE * len(margin) * total <= allowed, name="curtailed")
        model.add_objective(-1.0 * total, overwrite=True)

    both.optimize(solver_name="highs", log_to_console=False, extra_functionality=along)
    return float(both.model.variables["total"].solution)


def toy(margin: Floats, limits: Floats, direction: Floats):  # type: ignore[no-untyped-def]
    """A PyPSA network: a bus, surplus or deficit, shortage at cost 1 and new load an area, and directed links."""
    import pypsa

    network = pypsa.Network()
    network.set_snapshots(range(len(margin)))
    most = float(np.abs(margin).sum())
    for i in range(margin.shape[1]):
        network.add("Bus", f"area {i}")
    for i in range(margin.shape[1]):
        network.add("Load", f"native {i}", bus=f"area {i}", p_set=np.maximum(-margin[:, i], 0.0))
        surplus = np.maximum(margin[:, i], 0.0) / most
        network.add("Generator", f"surplus {i}", bus=f"area {i}", p_nom=most, p_max_pu=surplus)
        network.add("Generator", f"short {i}", bus=f"area {i}", p_nom=10.0 * most, marginal_cost=1.0)
        if direction.any():
            network.add(
                "Generator", f"new {i}", bus=f"area {i}", sign=-1.0, p_nom_extendable=True, p_min_pu=1.0, p_max_pu=1.0
            )
    for i, j in np.argwhere(limits > 0.0):
        network.add(
            "Link", f"{i} to {j}", bus0=f"area {i}", bus1=f"area {j}", p_nom=float(limits[i, j]), efficiency=1.0
        )
    return network


if __name__ == "__main__":
    main()
