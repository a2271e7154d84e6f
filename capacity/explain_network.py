"""Why a group of areas that help each other can host what it can: its hardest hours, the cut that binds in each, and
what one more MW of a resource in an area, or of a link, adds.

At the headroom l along a direction w, sum_h [U_h(l w - m) - U_h(-m)] = eps T l, where U_h is the unserved load of an
hour and S_h its tightest set of areas. One MW in area a that gives g_h raises its margin by g_h, so that

    dl/dMW = sum_h g_h (1[a in S_h(l)] - 1[a in S_h(0)]) / (sum_h w(S_h(l)) - eps T),

and one MW of the link j -> i counts in the hours in which it enters the set, i in S_h and j not. Exact wherever l moves
smoothly; the direction is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity import adequacy, explain, network, network_year, notions, reliability
from capacity.errors import CapacityError
from capacity.fleet import number_of
from cuda_kernels.network import curtailed_mw, network_headroom, unserved_mw
from scenarios import Scenario

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

LINKS_SHOWN = 10
_RIGHT = 1e-9  # relative: a firm headroom is looked at just right of it, where its one hour is curtailed


@dataclass(frozen=True)
class NetworkExplanation:
    """One group of areas, year and draw; `area` is the one asked for.

    draw : int                    Whose group headroom is the asked quantile of the draws.
    headroom_mw, group_mw : float New load that fits in the area, and in the group along its direction. [MW]
    hours : pandas.DataFrame      Hours in which the group's load is curtailed most: UTC and local time, make-up of the
                                  area's margin, its import beside the new load, the short side of the cut. [MW]
    adds : {area: {resource: MW}} Group headroom that one more MW adds: exact derivatives. [MW/MW]
    link_adds : {(from, to): MW}  The same of links, the largest first. [MW/MW]
    standing : {name: MW}         The area's units, their expected outage, storage as it counts firm, reserve. [MW]
    curtailed_mw : (hour,)        Curtailment of the group's new load over the year. [MW]
    """

    area: str
    group: str
    year: int
    quantile: float
    draw: int
    weather_year: int
    headroom_mw: float
    group_mw: float
    curtailed_hours: int
    hours: pd.DataFrame
    adds: dict[str, dict[str, float]]
    link_adds: dict[tuple[str, str], float]
    standing: dict[str, float]
    season_hours: dict[str, int]
    longest_event_h: int
    curtailed_mw: Floats


class Point(NamedTuple):
    """A group at a load along a direction: margins (hour, area), limits, and the cuts there and without new load.

    load_mw : float; direction : (area,); allowed : curtailed hours eps T
    side, native_side : bool (hour, area)   Tightest sets where load is curtailed; empty elsewhere.
    curtailed_mw : (hour,); import_mw : (hour, area) net.
    """

    load_mw: float
    direction: Floats
    allowed: float
    margin: Floats
    side: Booleans
    native_side: Booleans
    curtailed_mw: Floats
    import_mw: Floats

    @property
    def rise(self) -> float:
        """Slope of curtailed energy in the load, less what is allowed. [h]"""
        return float((self.side @ self.direction).sum() - self.allowed)


def explain_group(
    grid: xr.Dataset,
    scenario: Scenario,
    area: str,
    year: int,
    *,
    quantile: float = 0.5,
    draws: int = 64,
    seed: int = 2025,
    shown: int = 20,
) -> NetworkExplanation:
    """Explain the headroom of an area's group in a year at a quantile over draws, under firm_capacity.

    Raises CapacityError for an unknown area, a year before the model's first, or a quantile outside 0 to 1.
    """
    if not 0.0 <= quantile <= 1.0:
        raise CapacityError(f"quantile {quantile}: give a quantile from 0 to 1")
    name, a = number_of(grid, area)
    known = network_year.year_case(grid, scenario, name, year, draws, seed)
    g = known.group_of(a)
    areas = known.case.links.groups[g].areas
    draw, solved = known.at_quantile(g, quantile)
    loads = solved.flexible_mw[draw, areas, 0]
    load = float(loads.sum())
    direction = loads / load if load > 0.0 else np.zeros(len(areas))
    margins = known.margins(g, draw)
    margin = np.stack([m.coefficients[0, 0] @ m.profiles[0] for m in margins], axis=1)
    limits = known.limits(g, draw)
    point = point_at(margin, limits, direction, load, float(known.case.share[draw, 0]))
    names = [known.fleet.areas[i] for i in areas]
    own = int(np.flatnonzero(areas == a)[0])
    (tight,) = np.nonzero(point.curtailed_mw > 0.0)
    rows = tight[np.argsort(-point.curtailed_mw[tight], kind="stable")][:shown]
    hours, weather_year = _hours(
        known, (g, a, draw), margins[own], (rows, str(grid["area_timezone"].sel(area=area).item()))
    )
    hours["import_beside_mw"] = point.import_mw[rows, own]
    hours["group_curtailed_mw"] = point.curtailed_mw[rows]
    group = known.case.links.groups[g]
    sides = ([int(i) for i in areas[point.side[h]]] for h in rows)
    hours["short_side"] = [network.cut_name(side, group, known.fleet.areas) for side in sides]
    return NetworkExplanation(
        area,
        group.name,
        year,
        quantile,
        int(known.draws.ids[draw]),
        weather_year,
        float(loads[own]),
        load,
        len(tight),
        hours,
        {n: _resources(point, margins[i], i) for i, n in enumerate(names)},
        _links(point, limits, names),
        _standing(grid, known, a, draw),
        explain.seasons(tight),
        explain.longest(point.curtailed_mw > 0.0),
        point.curtailed_mw,
    )


def point_at(margin: Floats, limits: Floats, direction: Floats, load_mw: float, share: float) -> Point:
    """Cuts of every hour at a load along a direction, and without it.

    Flows are sought in hours with curtailment alone, a few hundred: in a group of 92 zones each takes its time.
    """
    hours, areas = margin.shape
    allowed = share * hours
    load = (load_mw * (1.0 + _RIGHT) if allowed == 0.0 else load_mw) * direction
    found = curtailed_mw(margin.T[:, None], np.ones((1, areas, 1)), limits, load[None])[0]
    (tight,) = np.nonzero(found > 1e-11 * np.abs(margin).sum(axis=1).max())
    curtailed, net, sides = np.zeros(hours), np.zeros((hours, areas)), np.zeros((2, hours, areas), bool)
    if tight.size:
        beside, alone = unserved_mw(load - margin[tight], limits), unserved_mw(-margin[tight], limits)
        curtailed[tight] = beside.unserved_mw - alone.unserved_mw
        net[tight] = beside.transfer_mw.sum(axis=1) - beside.transfer_mw.sum(axis=2)
        sides[:, tight] = beside.short_side, alone.short_side
    return Point(load_mw, direction, allowed, margin, sides[0], sides[1], curtailed, net)


def worth(point: Point, i: int, output: Floats) -> float:
    """Group headroom that one more MW in an area adds, for its output (hour,) of one MW. [MW/MW]"""
    if point.rise <= 0.0:
        return 0.0
    helps = point.side[:, i].astype(np.float64) - point.native_side[:, i]
    return float(output @ helps / point.rise)


def link_worth(point: Point, start: int, end: int) -> float:
    """Group headroom that one more MW of the link from, to adds. [MW/MW]"""
    if point.rise <= 0.0:
        return 0.0
    enters = [(side[:, end] & ~side[:, start]).sum() for side in (point.side, point.native_side)]
    return float((int(enters[0]) - int(enters[1])) / point.rise)


def headroom_along(margin: Floats, limits: Floats, direction: Floats, share: float) -> float:
    """Headroom of a group along a direction by the network kernel, for margins (hour, area). [MW]"""
    ones = np.ones((1, margin.shape[1], 1))
    found = network_headroom(np.ascontiguousarray(margin.T)[:, None], ones, limits, direction, share)
    return float(found.headroom_mw[0, 0])


def _resources(point: Point, margin: notions.Margin, i: int) -> dict[str, float]:
    outputs = {name: margin.profiles[0, notions.TERMS.index(name)] for name in explain.RESOURCES}
    return {name: worth(point, i, output) for name, output in outputs.items()}


def _links(point: Point, limits: Floats, names: list[str]) -> dict[tuple[str, str], float]:
    """The links whose next MW adds most."""
    pairs = [(i, j) for i, j in np.argwhere(limits > 0.0) if i != j]
    adds = {(names[i], names[j]): link_worth(point, int(i), int(j)) for i, j in pairs}
    best = sorted(adds, key=lambda pair: (-adds[pair], pair))[:LINKS_SHOWN]
    return {pair: adds[pair] for pair in best if adds[pair] > 0.0}


def _hours(
    known: network_year.YearCase,
    at: tuple[int, int, int],
    margin: notions.Margin,
    where: tuple[NDArray[np.int64], str],
) -> tuple[pd.DataFrame, int]:
    """Date and make-up of one area's margin in some hours, and the weather year. at : group, area, draw. [MW]"""
    (g, a, draw), (rows, zone) = at, where
    weather = known.case.records[a].weather
    weather_year = weather[min(known.weather_number(g, draw), len(weather) - 1)].weather_year
    firm_mw = float(known.case.balances[a].firm_mw[draw, 0])
    parts = margin.coefficients[0, 0][:, None] * margin.profiles[0][:, rows]
    by = dict(zip(margin.terms, parts, strict=True))
    nil = np.zeros(len(rows))
    utc, local = explain.dates(weather_year, rows, zone)
    table = pd.DataFrame(
        {
            "utc": utc,
            "local": local,
            "load_mw": notions.load_mw(by, firm_mw),
            **notions.added_mw(by),
            "firm_mw": firm_mw + by.get("cold_spell", nil),
            "wind_mw": by["wind"] + by["offshore_wind"],
            "solar_mw": by["solar"],
            "hydro_mw": by["hydro"],
            "margin_mw": parts.sum(axis=0),
        }
    )
    return table, weather_year


def _standing(grid: xr.Dataset, known: network_year.YearCase, a: int, draw: int) -> dict[str, float]:
    """What an area's firm capacity is made of, alike in all hours. [MW]"""
    fleet, nameplate = known.fleet, known.nameplate_mw[..., None]
    summer = grid["summer_capability_fraction"].sel(country=fleet.country).to_numpy()
    last = type(known.draws)(known.draws.seed, known.draws.ids, known.draws.years[-1:], known.draws.scenario)

    def expected(technologies: tuple[str, ...]) -> float:
        return float(reliability.expected_mw(fleet, last, nameplate, summer, technologies)[draw, a, 0])

    units = tuple(t for t in fleet.technologies if t in reliability.UNITS)
    installed = sum(float(nameplate[draw, a, k, 0] * summer[k]) for k, t in enumerate(fleet.technologies) if t in units)
    balance = known.case.balances[a]
    worth, firm = balance.storage_mw, float(balance.firm_mw[draw, 0])
    available, storage = expected(units), 0.0
    if worth is not None:
        storage = float(worth[draw, 0] * adequacy.reserve_of(fleet, last)[draw, 0])
    return {
        "units_mw": installed,
        "expected_outage_mw": installed - available,
        "storage_mw": storage,
        "reserve_mw": available + storage - firm,
    }
