"""Ramps of new load in areas that exchange power, beside the best that foresight could do: linear programs in HiGHS.

    python -m benchmarks.ramp_network_check [--country CN] [--year 2035] [--draws 16] [--scenario siting-by-request]

A run cuts every area to a level of its own (`docs/network.md`, Policies), which is a bound from below. In the program
cuts of every area and hour are free, within depth, ramps and the share of energy, natives are served as well as without
new load, and the load is the largest. Shortages of sets of areas enter as they are found broken, until none is.
A draw whose bound is within `--near` of what the share of energy alone allows is not solved: no program exceeds that.
Terms are a ramp and the share of energy; notice, batteries, backup and caps are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

import grids
import scenarios
from capacity.adequacy.policies import Policy
from capacity.explain.group_year import Asked, YearCase, year_case
from capacity.network import headroom
from capacity.network import terms as network_terms
from capacity.network.sites import Known, Sites
from cuda_kernels.network import unserved_mw

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

RAMPED = """
name: ramped
title: Ramps of new load
rationale: Beside linear programs.
sources: [none]
flexible_load:
  us: {label: J, source: benchmark, fixed_because: benchmark, ramp_share_an_hour: %g}
  cn: {label: J, source: benchmark, fixed_because: benchmark, ramp_share_an_hour: %g}
"""
ROUNDS = 60
BROKEN = 1e-5
"""Of the load, by which natives and load may be short beyond what the program knows."""


class Group(NamedTuple):
    """margin (hour, area) and limits (area, area) [MW], direction (area,), and what natives lack in each hour [MW]."""

    margin: Floats
    limits: Floats
    direction: Floats
    native: Floats


class Cut(NamedTuple):
    """A row of the program: columns and their values, at most so much."""

    columns: list[int]
    values: list[float]
    most: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--country", choices=["US", "CN"], default="CN")
    parser.add_argument("--year", type=int, default=2035)
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--scenario", default="siting-by-request")
    parser.add_argument("--ramp", type=float, default=0.1)
    parser.add_argument("--near", type=float, default=0.06)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ramped.yaml"
        path.write_text(RAMPED % (asked.ramp, asked.ramp))
        scenario = scenarios.load([f"{asked.scenario}+{path}"])[0]
    found = year_case(grids.open_grid(), scenario, asked.country, Asked(asked.year, asked.draws, 2025))
    for g, group in enumerate(found.case.links.groups):
        if len(group.areas) > 1:
            compare(found, g, asked.near)


def compare(found: YearCase, g: int, near: float) -> None:
    one, areas = found.only(g), found.case.links.groups[g].areas
    solved = headroom.solve(one, found.place, "auto")
    energy, firm = solved.flexible_mw[:, areas, 0].copy(), solved.firm_mw[:, areas, 0].sum(axis=1)
    network_terms.limit(one, found.place, found.policy, solved, limited=True, how=("auto", 1))
    bound = solved.flexible_mw[:, areas, 0].sum(axis=1)
    best = energy.sum(axis=1)
    for draw, most in enumerate(best.copy()):
        if bound[draw] < (1.0 - near) * most:
            began = time.process_time()
            terms = found.policy.at(np.array([draw]), 0)
            best[draw] = max(best_mw(found.terms_of(g, draw), energy[draw] / most, terms, most), firm[draw])
            said = (
                f"firm {firm[draw]:.0f}, share of energy {most:.0f}, bound {bound[draw]:.0f}, program {best[draw]:.0f}"
            )
            print(f"  draw {draw}: {said} MW ({time.process_time() - began:.0f} s)", flush=True)
    medians = (np.median(mw) / 1e3 for mw in (energy.sum(axis=1), bound, best))
    print(
        "{}: medians, GW: share of energy {:.1f}, bound {:.1f}, program {:.1f}".format(
            one.links.groups[0].name, *medians
        )
    )


def best_mw(known: Known, direction: Floats, terms: Policy, most_mw: float) -> float:
    """Largest load, at most that of the share of energy, whose cuts, with foresight, keep depth, ramps and energy. [MW]

    In terms of one over the load, which is least, and cuts over the load.
    """
    margin, limits = known.called.margin_mw(0), known.called.limits_mw[0]
    group = Group(margin, limits, direction, unserved_mw(-margin, limits).unserved_mw)
    step = float(terms.ramp_share_an_hour[0] * terms.flexible_load_share[0])
    levels = Sites.of(known, direction[None], np.array([most_mw]), terms, "auto")
    short = np.zeros(margin.T.shape, dtype=bool)
    short[direction > 0.0] = levels.site.called_mw < levels.part[:, None] * most_mw * (1.0 - 1e-9)
    reach = np.ones(2 * int(np.ceil(1.0 / step)) + 1)
    free = np.array([np.convolve(row, reach, "same") > 0.5 for row in short])
    column = np.where(free, np.cumsum(free).reshape(free.shape), 0)  # column 0 is one over the load
    size = int(free.sum()) + 1
    energy = np.zeros(size)
    energy[column[free]] = np.repeat(direction, free.sum(axis=1))
    ramps = _ramps(column, size)
    hours = np.flatnonzero(short.any(axis=0))
    cuts: dict[tuple[int, bytes], Cut] = {}
    asked = step, float(terms.energy[0]) * len(margin), float(terms.depth[0])
    load, cut = most_mw, np.zeros(margin.shape)
    for part in (1e-6, 0.25, 0.5, 0.75, 1.0):
        _broken(group, (part * most_mw, cut), hours, (column, most_mw), cuts)
    for _ in range(ROUNDS):
        found = _solved(ramps, list(cuts.values()), energy, asked)
        if found is None:
            return 0.0
        load, cut = most_mw / found[0], np.where(free, found[column], 0.0).T
        if not _broken(group, (load, cut), hours, (column, most_mw), cuts):
            break
    return float(load)


def _solved(
    ramps: sparse.csr_matrix, cuts: list[Cut], energy: Floats, limits: tuple[float, float, float]
) -> Floats | None:
    """One over the load, at least 1, and cuts; None where not even next to nothing fits.

    limits : largest step from hour to hour, cut energy, and cut of an hour
    """
    step, allowed, deepest = limits
    at = np.repeat(np.arange(len(cuts)), [len(row.columns) for row in cuts])
    values = np.concatenate([row.values for row in cuts])
    columns = np.concatenate([row.columns for row in cuts]).astype(int)
    sets = sparse.csr_matrix((values, (at, columns)), shape=(len(cuts), len(energy)))
    found = linprog(
        np.r_[1.0, np.zeros(len(energy) - 1)],
        A_ub=sparse.vstack([ramps, -ramps, sets, sparse.csr_matrix(energy)]),
        b_ub=np.r_[np.full(2 * ramps.shape[0], step), [row.most for row in cuts], allowed],
        bounds=[(1.0, None)] + [(0.0, deepest)] * (len(energy) - 1),
        method="highs-ipm",
    )
    if found.status == 2:
        return None
    assert found.status == 0, found.message
    return np.asarray(found.x)


def _ramps(column: NDArray[np.int64], size: int) -> sparse.csr_matrix:
    """How each cut changes from hour to hour, next to an hour without a column from nil."""
    before, after = column[:, :-1].ravel(), column[:, 1:].ravel()
    some = (before > 0) | (after > 0)
    before, after = before[some], after[some]
    row = np.arange(len(before))
    parts = [(after, 1.0), (before, -1.0)]
    entries = [(np.full((c > 0).sum(), value), row[c > 0], c[c > 0]) for c, value in parts]
    values, rows, columns = (np.concatenate(each) for each in zip(*entries, strict=True))
    return sparse.csr_matrix((values, (rows, columns)), shape=(len(before), size))


def _broken(
    group: Group,
    tried: tuple[float, Floats],
    hours: NDArray[np.int64],
    scale: tuple[NDArray[np.int64], float],
    cuts: dict[tuple[int, bytes], Cut],
) -> bool:
    """Whether sets of areas are short at a load and cuts (hour, area) over it, which it adds."""
    load, cut = tried
    column, most_mw = scale
    need = load * group.direction * (1.0 - cut[hours]) - group.margin[hours]
    beside = unserved_mw(need, group.limits)
    short = np.flatnonzero(beside.unserved_mw - group.native[hours] > BROKEN * load)
    before = len(cuts)
    for hour, side in zip(hours[short], beside.short_side[short], strict=True):
        served = group.native[hour] + group.margin[hour, side].sum() + group.limits[np.ix_(~side, side)].sum()
        own = np.flatnonzero(side & (column[:, hour] > 0))
        cuts[hour, side.tobytes()] = Cut(
            [0, *column[own, hour]], [-served / most_mw, *-group.direction[own]], -group.direction[side].sum()
        )
    return len(cuts) > before


if __name__ == "__main__":
    main()
