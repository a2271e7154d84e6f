"""The worth of pooling on real hours, a second time: the base year's headroom by one linear program in HiGHS.

    python -m benchmarks.pooling_check [--group western] [--weather-year 0] [--at-the-root]

Nothing of the network kernel is used: transfers are columns, a row each area and hour says that load less shortage is
met, and hours enter the program only once the load found leaves some area short in them, which changes no answer: a
row that holds without transfers holds with them. Native load is served first. Prints the headroom along isolated
headrooms and along requests, and the best total over all splits, beside the kernel's. With --at-the-root, quicker for
large groups: the energy that HiGHS finds curtailed at the kernel's headroom, over the energy that may be.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

import grids
import scenarios
from capacity.adequacy.parts import weather_by_area
from capacity.base_year import pooling
from capacity.supply.fleet import Fleet

Floats = NDArray[np.float64]

FIRST_HOURS = 300
"""Hours of the least total margin that the program starts with."""


CHUNK = 100
"""Hours solved together where nothing joins them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", default="western")
    parser.add_argument("--weather-year", type=int, default=0)
    parser.add_argument("--at-the-root", action="store_true")
    asked = parser.parse_args()
    grid, scenario = grids.open_grid(), scenarios.load(["reference"])[0]
    country = "CN" if asked.group == "cn" else "US"
    known = pooling.groups(grid, scenario, Fleet.of(grid, country), weather_by_area(grid), "firm_capacity")
    hours = next(group for group in known if group[0].group == asked.group)[asked.weather_year]
    for siting in ("isolated", "request"):
        weight = hours.weights[siting] / hours.weights[siting].sum()
        if asked.at_the_root:
            total = hours.along(weight, hours.share)
            print(
                f"{siting}: curtailed over allowed {at_root(hours, total * weight):.12f} at {total / 1e3:.6f} GW",
                flush=True,
            )
            continue
        report(siting, headroom(hours, weight[:, None]), hours.along(weight, hours.share))
    if not asked.at_the_root:
        report("total", headroom(hours, np.eye(hours.joint.shape[1])), hours.along(hours.best(), hours.share))


def at_root(hours: pooling.Hours, load_mw: Floats) -> float:
    """Energy curtailed at a load (area,) over the energy that may be, hours in lots of CHUNK."""
    margin, curtailed = hours.joint, 0.0
    looked = margin[(margin < load_mw).any(axis=1)]
    for first in range(0, len(looked), CHUNK):
        part = looked[first : first + CHUNK]
        curtailed += shortage(part - load_mw, hours.limits) - shortage(part, hours.limits)
    return curtailed / (hours.share * len(margin) * float(load_mw.sum()))


def report(siting: str, found: tuple[float, int, float], kernel_mw: float) -> None:
    total, looked, seconds = found
    print(
        f"{siting}: HiGHS {total / 1e3:.6f} GW ({looked} hours in the program, {seconds:.0f} s), kernel "
        f"{kernel_mw / 1e3:.6f} GW, ratio {kernel_mw / total:.9f}"
    )


def headroom(hours: pooling.Hours, splits: Floats, first: int = FIRST_HOURS) -> tuple[float, int, float]:
    """Largest total of new load in any mixture of splits (area, split); hours in the program, seconds. [MW]"""
    began = time.process_time()
    margin, limits = hours.joint, hours.limits
    inside = np.zeros(len(margin), dtype=bool)
    inside[np.argsort(margin.sum(axis=1))[:first]] = True
    inside |= (margin < 0.0).any(axis=1)
    native = shortage(margin[inside], limits)
    while True:
        load = solve(margin[inside], limits, splits, (native, hours.share * len(margin)))
        placed = splits @ load
        missing = (margin < placed).any(axis=1) & ~inside
        if not missing.any():
            return float(load.sum()), int(inside.sum()), time.process_time() - began
        inside |= missing


def shortage(margin: Floats, limits: Floats) -> float:
    """Energy that natives go short of at least, for margins (hour, area). [MWh]"""
    hourly, bounds = flows(limits)
    many = sparse.block_diag([hourly] * len(margin))
    cost = np.tile(np.r_[np.ones(margin.shape[1]), np.zeros(hourly.shape[1] - margin.shape[1])], len(margin))
    found = linprog(cost, A_ub=-many, b_ub=margin.ravel(), bounds=bounds * len(margin), method="highs")
    assert found.status == 0, found.message
    return float(found.fun)


def solve(margin: Floats, limits: Floats, splits: Floats, allowed: tuple[float, float]) -> Floats:
    """Load (split,) with the largest sum. allowed : native shortage [MWh], and hours of full curtailment."""
    native, share_hours = allowed
    areas, count = margin.shape[1], splits.shape[1]
    hourly, bounds = flows(limits)
    serve = sparse.hstack(
        [sparse.csr_matrix(np.tile(splits, (len(margin), 1))), -sparse.block_diag([hourly] * len(margin))]
    )
    short = np.tile(np.r_[np.ones(areas), np.zeros(hourly.shape[1] - areas)], len(margin))
    energy = sparse.csr_matrix(np.r_[np.full(count, -share_hours), short])
    found = linprog(
        np.r_[-np.ones(count), np.zeros(len(short))],
        A_ub=sparse.vstack([serve, energy]).tocsr(),
        b_ub=np.r_[margin.ravel(), native],
        bounds=[(0.0, None)] * count + bounds * len(margin),
        method="highs",
    )
    assert found.status == 0, found.message
    return np.asarray(found.x[:count])


def flows(limits: Floats) -> tuple[sparse.csr_matrix, list[tuple[float, float | None]]]:
    """What a column adds to an area's supply (area, column): its shortage, then its links; and bounds of columns."""
    start, end = np.nonzero(limits > 0.0)
    links = np.arange(len(start))
    net = sparse.csr_matrix(
        (np.r_[np.ones(len(links)), -np.ones(len(links))], (np.r_[end, start], np.r_[links, links])),
        shape=(len(limits), len(links)),
    )
    bounds: list[tuple[float, float | None]] = [(0.0, None)] * len(limits)
    bounds += [(0.0, float(mw)) for mw in limits[start, end]]
    return sparse.hstack([sparse.eye(len(limits)), net]).tocsr(), bounds


if __name__ == "__main__":
    main()
