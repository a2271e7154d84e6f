"""Storage under a network beside its best joint operation, on real hours: one linear program in HiGHS.

    python -m benchmarks.storage_network_check [--group eastern] [--year 2030] [--draws 2] [--siting isolated]

In the program every area's store charges and discharges as it likes, with foresight, every link carries what it can,
natives are served as well as without new load, and the new load grows along its direction until the share of its
energy is curtailed. Beside it: the network with the stores as constant firm capacity, the group's one store shared out
(what a run does), and each area's own; and the copper plate with one store dispatched. Some weeks of the year, evenly
spread, are put one behind the other; `--areas` takes a part of a group, with the links between its areas.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

import grids
import scenarios
from capacity import country
from capacity.adequacy import notions
from capacity.adequacy.parts import base_year_mean_mw, weather_by_area
from capacity.adequacy.storage import Store
from capacity.draws import Draws, draw_ids
from capacity.network import storage_group, storage_split
from capacity.network.case import case_of, margin_of, weather_of
from capacity.network.sites import Joined
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from capacity.winter import weather_place
from cuda_kernels import headroom_mw
from cuda_kernels.network import network_headroom
from cuda_kernels.storage_firm import StorageFirm, storage_as_firm

Floats = NDArray[np.float64]

WEEK = 168
WEEKS = 52


class Case(NamedTuple):
    """A group: margin (hour, area) without stores, limits (area, area) [MW]; requests (area,) as a siting.

    store : (area, 3) power [MW], energy [MWh], efficiency [1]
    """

    margin: Floats
    store: Floats
    limits: Floats
    share: float
    requests: Floats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", default="eastern")
    parser.add_argument("--areas", default="", help="only these of the group, ids with commas")
    parser.add_argument("--year", type=int, default=2030)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--weeks", type=int, default=6)
    parser.add_argument("--siting", choices=["isolated", "request"], default="isolated")
    asked = parser.parse_args()
    for number, case in enumerate(cases(asked)):
        began = time.process_time()
        lines = compare(case, asked.siting)
        print(f"{asked.group} {asked.year}, draw {number} ({time.process_time() - began:.0f} s)")
        for line in lines:
            print("  " + line, flush=True)


def cases(asked: argparse.Namespace) -> list[Case]:
    """One case a draw."""
    grid, scenario = grids.open_grid(), scenarios.load(["reference"])[0]
    fleet = Fleet.of(grid, "CN" if asked.group == "cn" else "US")
    years = np.arange(fleet.base_year + 1, asked.year + 1)
    draws = Draws(2025, draw_ids(asked.draws), years, scenario)
    balances, central = (
        country.balances_of(grid, fleet, path, projection.project(fleet, path)) for path in (draws, draws.central)
    )
    weather = weather_by_area(grid)
    records = notions.area_records(grid, fleet, weather, draws.central)
    place = weather_place(fleet, weather, base_year_mean_mw(grid, "annual_load_mwh", fleet.areas), draws)
    case = case_of(grid, fleet, draws, records, (balances, central), notions.firm_capacity)
    group = next(g for g in case.links.groups if g.name == asked.group)
    only = asked.areas.split(",") if asked.areas else fleet.areas
    areas = np.array([a for a in group.areas if fleet.areas[a] in only])
    first = np.arange(asked.weeks) * (WEEKS // asked.weeks)
    hours = (first[:, None] * WEEK + np.arange(WEEK)).ravel()
    found: dict[int, Case] = {}
    for number, members in weather_of(case.records, group, place):
        margins = [margin_of(case, int(a), number, members) for a in areas]
        for row, draw in enumerate(members):
            margin = np.stack([m.coefficients[row, -1] @ m.profiles[-1] for m in margins], axis=1)[hours]
            stores = [balances[a].store for a in areas]
            store = np.array([[float(values[draw, -1]) for values in store] for store in stores if store is not None])
            limits = case.limits_mw[draw, -1][np.ix_(areas, areas)]
            share = float(case.share[draw, -1])
            found[int(draw)] = Case(margin, store, limits, share, case.siting.requests[areas])
    return [found[draw] for draw in sorted(found)]


def compare(case: Case, siting: str) -> list[str]:
    """A line for load that may be curtailed and one for firm load. [GW]"""
    own = [one_store(margin, store, case.share) for margin, store in zip(case.margin.T, case.store, strict=True)]
    alone = np.array([float(found.headroom_mw[0]) for found in own])
    direction = alone if siting == "isolated" else case.requests
    if direction.sum() <= 0.0:
        return ["no headroom"]
    direction = direction / direction.sum()
    whole = storage_group.one_of([Store(*store[:, None]) for store in case.store])
    total = case.margin.sum(axis=1)
    joint = one_store(total, np.concatenate(whole), case.share)
    kept = [float(mw[0]) for mw in storage_group.worth_of(joint, total[None], whole.power_mw)]
    power = case.store[:, 0] / max(float(whole.power_mw[0]), 1e-300)
    lines = []
    for share, name, worth, copper in (
        (case.share, "flexible", kept[0], joint.headroom_mw),
        (0.0, "firm", sum(kept), joint.firm_headroom_mw),
    ):
        best = joint_headroom(case, direction, share)
        by = {
            "group's store": worth * power,
            "areas' own": np.array([float(found.equivalent_mw[0]) for found in own]),
            "no store": np.zeros(len(power)),
        }
        if share == 0.0:
            by["its extra moved"] = worth * power + _moved(case, direction, kept) - kept[1] * power
        said = {which: along(case.margin + mw, case.limits, direction, share) for which, mw in by.items()}
        text = ", ".join(f"{w} {mw / 1e3:.2f} ({mw / max(best, 1e-9) - 1.0:+.1%})" for w, mw in said.items())
        lines.append(f"{name}: joint operation {best / 1e3:.2f}, {text}, copper plate {float(copper[0]) / 1e3:.2f} GW")
    return lines


def _moved(case: Case, direction: Floats, kept: list[float]) -> Floats:
    """What the store adds to firm load (area,), moved to where it is short. kept : equivalent and extra. [MW]"""
    power = case.store[:, 0]
    share = power / max(float(power.sum()), 1e-300)
    margin = (case.margin + kept[0] * share).T
    profiles, ones = np.stack([np.ones_like(margin), margin], axis=1), np.tile([0.0, 1.0], (1, len(power), 1))
    extra = kept[1] * share
    most = np.maximum(power - kept[0] * share, extra)
    joined = Joined(profiles, ones, case.limits[None])
    return storage_split.towards_short(joined, direction[None], extra[None], most[None], "auto")[0]


def one_store(margin: Floats, store: Floats, share: float) -> StorageFirm:
    """One store (3,) beside a margin (hour,)."""
    ones = np.ones((1, 1))
    if store[0] <= 0.0:
        nil = np.zeros(1)
        loads = [headroom_mw(margin[None], ones, eps).headroom_mw[:, 0] for eps in (share, 0.0)]
        return StorageFirm(loads[0], loads[1], nil, nil)
    power, energy, efficiency = (np.array([value]) for value in store)
    return storage_as_firm([(margin[None], ones)], (power, energy, efficiency), np.array([share]))


def along(margin: Floats, limits: Floats, direction: Floats, share: float) -> float:
    """Headroom of a network along a direction. [MW]"""
    ones = np.ones((1, margin.shape[1], 1))
    return float(network_headroom(margin.T[:, None], ones, limits, direction, share).headroom_mw[0, 0])


def joint_headroom(case: Case, direction: Floats, share: float) -> float:
    """Largest load of the best joint operation of stores and links. [MW]"""
    hours, areas = case.margin.shape
    serve, keep, bounds = operation(case)
    short = np.tile(np.r_[np.ones(areas), np.zeros(serve.shape[1] // hours - areas)], hours)
    full = np.r_[case.store[:, 1], np.zeros((hours - 1) * areas)]
    load = sparse.csr_matrix(np.tile(direction, hours)[:, None])
    nothing = sparse.csr_matrix((hours * areas, 1))
    takes, keeps = sparse.hstack([load, -serve]).tocsr(), sparse.hstack([nothing, keep]).tocsr()

    def solve(cost: Floats, rows: sparse.csr_matrix, limit: Floats, most: float) -> float:
        found = linprog(
            cost,
            A_ub=rows,
            b_ub=limit,
            A_eq=keeps,
            b_eq=full,
            bounds=np.concatenate([[[0.0, most]], bounds]),
            method="highs-ipm",
        )
        assert found.status == 0, found.message
        return float(found.fun)

    supply_mw = case.margin.ravel()
    native = solve(np.r_[0.0, short], takes, supply_mw, 0.0) if (case.margin < 0.0).any() else 0.0
    energy = sparse.csr_matrix(np.r_[-share * hours, short])
    rows = sparse.vstack([takes, energy]).tocsr()
    allowed = np.r_[supply_mw, native + 1e-6 * max(native, 1.0)]
    return -solve(np.r_[-1.0, np.zeros(len(short))], rows, allowed, np.inf)


def operation(case: Case) -> tuple[sparse.csr_matrix, sparse.csr_matrix, Floats]:
    """What the columns of all hours add to supply, how they keep stores, and their bounds.

    Columns of an hour: shortage, discharge, charge and content of each area, then the links.
    """
    hours, areas = case.margin.shape
    start, end = np.nonzero(case.limits > 0.0)
    links = np.arange(len(start))
    net = sparse.csr_matrix(
        (np.r_[np.ones(len(links)), -np.ones(len(links))], (np.r_[end, start], np.r_[links, links])),
        shape=(areas, len(links)),
    )
    one, nil, idle = sparse.eye(areas), sparse.csr_matrix((areas, areas)), sparse.csr_matrix((areas, len(links)))
    serve = sparse.kron(sparse.eye(hours), sparse.hstack([one, one, -one, nil, net]))
    now = sparse.hstack([nil, one, -sparse.diags(case.store[:, 2]), one, idle])
    before = sparse.hstack([nil, nil, nil, -one, idle])
    keep = sparse.kron(sparse.eye(hours), now) + sparse.kron(sparse.eye(hours, k=-1), before)
    power, energy = case.store[:, 0], case.store[:, 1]
    most = np.r_[np.full(areas, np.inf), power, power, energy, case.limits[start, end]]
    bounds = np.stack([np.zeros(len(most) * hours), np.tile(most, hours)], axis=1)
    return serve.tocsr(), keep.tocsr(), bounds


if __name__ == "__main__":
    main()
