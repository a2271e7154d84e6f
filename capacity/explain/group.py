"""Why a group of areas that help each other can host what it can: its hardest hours, the cut that binds in each, and
what one more MW of a resource in an area, of a link, or of a cap on net imports adds (`capacity.explain.point`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.adequacy.policies import Policy
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.errors import CapacityError
from capacity.explain import group_year
from capacity.explain.brought import More, brought_mw
from capacity.explain.group_store import Adds, GroupStore
from capacity.explain.hours import dates, longest, seasons
from capacity.explain.point import ENERGY, FIRM, Bound, Loads, Point, bound_of, imports_mw, point_at
from capacity.explain.resources import NOTHING_MW, RESOURCES
from capacity.explain.standing import standing_mw, unit_shares
from capacity.explain.terms import ALL
from capacity.network import import_caps, storage_split
from capacity.network import sites as network_sites
from capacity.network.case import NetworkName
from capacity.network.hours import cut_name
from capacity.network.sites import Known
from capacity.supply.fleet import number_of
from scenarios import Scenario

Floats = NDArray[np.float64]

LINKS_SHOWN = 10


@dataclass(frozen=True)
class NetworkExplanation:
    """One group of areas, year and draw; `area` is the one asked for.

    draw : int                    Whose group headroom is the asked quantile of the draws.
    headroom_mw, group_mw : float New load that fits in the area, and in the group along its direction. [MW]
    bound_by : str                The term that keeps the group's load from rising.
    curtailed_hours : int         Hours in which the group's load is curtailed.
    hours : pandas.DataFrame      Hours in which it is curtailed most, or where none is those with least left: UTC and
                                  local time, make-up of the area's margin, its import beside the new load, the short
                                  side of the cut, what the group's stores hold as one. [MW], [MWh]
    adds : {area: {resource: MW}} Group headroom that one more MW adds: exact derivatives. Under notice and terms that
                                  carry on from hour to hour what one MW brings, of caps none, and of other areas
                                  firm capacity only. [MW/MW]
    adds_dispatched : likewise    The same where what storage counts for, which `adds` holds, is found again as that of
                                  one store beside the sum of the areas; empty by its credit and under other terms.
    link_adds : {(from, to): MW}  The same of links, the largest first. [MW/MW]
    cap_adds : {region: MW}       The same of caps on net imports, those that bind. [MW/MW]
    standing : {name: MW}         The area's units, their expected outage, storage as it counts firm, reserve. [MW]
    unit_shares : dict            Firm capacity that one MW of nameplate of units is, by technology. [MW/MW]
    native_short_hours : int      Hours in which native load of the group is short without any new load.
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
    bound_by: str
    curtailed_hours: int
    hours: pd.DataFrame
    adds: dict[str, dict[str, float]]
    adds_dispatched: dict[str, dict[str, float]]
    link_adds: dict[tuple[str, str], float]
    cap_adds: dict[str, float]
    standing: dict[str, float]
    unit_shares: dict[str, float]
    native_short_hours: int
    season_hours: dict[str, int]
    longest_event_h: int
    curtailed_mw: Floats


@dataclass(frozen=True)
class _Group:
    """One group in one draw: numbers of its areas, their names and margins, and the one asked for among them."""

    known: group_year.YearCase
    g: int
    draw: int
    areas: NDArray[np.int64]
    margins: list[notions.Margin]
    own: int

    @cached_property
    def store(self) -> GroupStore | None:
        """What all areas' stores are as one."""
        known, balances = self.known, [self.known.case.balances[i] for i in self.areas]
        counted = np.array([0.0 if b.storage_mw is None else b.storage_mw[self.draw, 0] for b in balances])
        mw = self.margin_mw, counted, known.storage_nameplate_mw(self.draw, self.areas)
        at = self.draw, len(known.draws.years) - 1
        return GroupStore.of([known.stores[i] for i in self.areas], mw, at, float(known.case.share[self.draw, 0]))

    @property
    def names(self) -> list[str]:
        return [self.known.fleet.areas[i] for i in self.areas]

    @property
    def margin_mw(self) -> Floats:
        """Margins (hour, area). [MW]"""
        return np.stack([m.coefficients[0, 0] @ m.profiles[0] for m in self.margins], axis=1)

    def firm_extra_mw(self, direction: Floats) -> Floats:
        """What storage adds (area,) to load along a direction that is never cut. [MW]"""
        at = self.areas, np.array([self.draw], dtype=np.int64), 0
        joined = self.known.terms_of(self.g, self.draw).now
        return storage_split.for_firm(self.known.case, at, joined, direction[None], "auto")[0]


class _Worth(NamedTuple):
    """Which term binds a group, and what one more MW adds: by area and resource, with what storage counts for found
    again, by link, by region. [MW/MW]"""

    term: str
    adds: dict[str, dict[str, float]]
    again: dict[str, dict[str, float]]
    links: dict[tuple[str, str], float]
    caps: dict[str, float]


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
    storage: StorageName = DEFAULT_STORAGE,
    exchange: NetworkName = "network",
) -> NetworkExplanation:
    """Explain the headroom of an area's group in a year at a quantile over draws, under firm_capacity.

    storage : "equivalent" or "credit", both firm capacity
    exchange : within limits, or "copper-plate" without any

    Raises CapacityError for an unknown area, a year before the model's first, a quantile outside 0 to 1, storage that
    is dispatched, and what a run with a network does not know.
    """
    group, solved = _group_of(grid, scenario, area, group_year.Asked(year, draws, seed, storage, exchange), quantile)
    loads = solved.hours.flexible_mw[group.draw, group.areas, 0]
    point, worth = _worth(group, solved)
    cut = _cut_mw(group, point, worth.term)
    known, a = group.known, int(group.areas[group.own])
    table, weather_year = _hours(grid, group, _hardest(point, shown), (point, cut))
    return NetworkExplanation(
        area,
        known.case.links.groups[group.g].name,
        year,
        quantile,
        int(known.draws.ids[group.draw]),
        weather_year,
        float(loads[group.own]),
        float(loads.sum()),
        worth.term,
        int((cut > 0.0).sum()),
        table,
        worth.adds,
        worth.again,
        worth.links,
        worth.caps,
        standing_mw(grid, (known.fleet, known.draws), (group.draw, a), known.nameplate_mw, known.case.balances[a]),
        unit_shares(grid, (known.fleet, known.draws), group.draw),
        point.native_short,
        seasons(np.flatnonzero(cut)),
        longest(cut > 0.0),
        cut,
    )


def _group_of(
    grid: xr.Dataset, scenario: Scenario, area: str, asked: group_year.Asked, quantile: float
) -> tuple[_Group, group_year.Solved]:
    """The group that an area belongs to, in the draw at a quantile, and solved."""
    if asked.storage == "dispatch":
        raise CapacityError("storage dispatched in every year knows islands only; leave it out, or the network")
    if not 0.0 <= quantile <= 1.0:
        raise CapacityError(f"quantile {quantile}: give a quantile from 0 to 1")
    name, a = number_of(grid, area)
    known = group_year.year_case(grid, scenario, name, asked)
    g = known.group_of(a)
    solved = known.at_quantile(g, quantile)
    areas = known.case.links.groups[g].areas
    own = int(np.flatnonzero(areas == a)[0])
    return _Group(known, g, solved.draw, areas, known.margins(g, solved.draw), own), solved


def _worth(group: _Group, solved: group_year.Solved) -> tuple[Point, _Worth]:
    """The group at its headroom, what binds it, and what one more MW adds."""
    known, draw = group.known, group.draw
    firm, flexible = (mw[draw, group.areas, 0] for mw in (solved.hours.firm_mw, solved.hours.flexible_mw))
    load = float(flexible.sum())
    direction = flexible / load if load > 0.0 else np.zeros(len(flexible))
    terms = known.policy.at(np.array([draw]), 0)
    within = known.transfers(group.g, draw)
    point = point_at(group.margin_mw, within, direction, load, float(known.case.share[draw, 0]))
    if terms.by_hours or load <= 0.0:
        loads = Loads(load, float(firm.sum()), float(solved.by_energy_mw[draw]))
        bound = bound_of(point, loads, terms, group.firm_extra_mw(direction))
        adds, again = _adds(group, bound)
        caps = caps_of(bound, known.case.caps, group.areas)
        return point, _Worth(bound.term, adds, again, links_of(bound, group.names), caps)
    at_once = known.terms_of(group.g, draw)
    cut = network_sites.cuts_mw(at_once, flexible[None], terms, "auto")[0][0]
    worth = _brought(group, links_of(Bound(ENERGY, point), group.names), at_once, direction, terms)
    return point._replace(curtailed_mw=cut if load > firm.sum() else np.zeros(len(cut))), worth


def _brought(
    group: _Group, links: Mapping[tuple[str, str], float], at_once: Known, direction: Floats, terms: Policy
) -> _Worth:
    """What one more MW brings under terms that carry on from hour to hour: of all in the area, of firm capacity in all
    areas, and of links that would help plain load."""
    outputs = {name: group.margins[group.own].profiles[0, notions.TERMS.index(name)] for name in RESOURCES}
    constant = {a: More(a, np.ones(len(group.margin_mw))) for a in range(len(group.names)) if a != group.own}
    wider = {pair: More(group.names.index(pair[0]), end=group.names.index(pair[1])) for pair in links}
    more = [*(More(group.own, output) for output in outputs.values()), *constant.values(), *wider.values()]
    found = brought_mw(at_once, direction, terms, group.firm_extra_mw(direction), more).tolist()
    own, rest = found[: len(outputs)], found[len(outputs) :]
    adds = {group.names[group.own]: dict(zip(outputs, own, strict=True))}
    adds |= {group.names[a]: {"constant": mw} for a, mw in zip(constant, rest, strict=False)}
    by_link = dict(zip(wider, rest[len(constant) :], strict=True))
    best = sorted(by_link, key=lambda pair: (-by_link[pair], pair))
    in_order = {name: adds[name] for name in group.names}
    return _Worth(ALL, in_order, {}, {pair: by_link[pair] for pair in best if by_link[pair] > NOTHING_MW}, {})


def _cut_mw(group: _Group, point: Point, term: str) -> Floats:
    """Curtailment (hour,): what hours lack beyond the deepest cut, and all where none is made, the store gives."""
    deepest = 0.0 if term == FIRM else float(group.known.policy.depth[group.draw, 0])
    return np.minimum(point.curtailed_mw, deepest * point.load_mw)


def _hardest(point: Point, shown: int) -> NDArray[np.int64]:
    """Hours curtailed most, from the most; where none is, those with least left in all areas together."""
    cut = np.count_nonzero(point.curtailed_mw)
    order = -point.curtailed_mw if cut else point.margin.sum(axis=1)
    return np.argsort(order, kind="stable")[: min(shown, cut or shown)]


def _adds(group: _Group, bound: Bound) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Group headroom that one more MW of each resource in each area adds, and that with storage found again. [MW/MW]"""
    outputs = [{name: margin.profiles[0, notions.TERMS.index(name)] for name in RESOURCES} for margin in group.margins]
    adds = [{name: bound.worth(i, output) for name, output in each.items()} for i, each in enumerate(outputs)]
    again: Adds = []
    if group.store is not None:
        adds = group.store.held_adds(adds)
        if group.known.policy.only_energy and bound.point.load_mw > 0.0:
            again = group.store.found_again(adds, outputs)
    return dict(zip(group.names, adds, strict=True)), dict(zip(group.names, again, strict=False))


def links_of(bound: Bound, names: list[str]) -> dict[tuple[str, str], float]:
    """The links whose next MW adds most."""
    pairs = [(i, j) for i, j in np.argwhere(bound.point.within.limits_mw > 0.0) if i != j]
    adds = {(names[i], names[j]): bound.link_worth(int(i), int(j)) for i, j in pairs}
    best = sorted(adds, key=lambda pair: (-adds[pair], pair))[:LINKS_SHOWN]
    return {pair: adds[pair] for pair in best if adds[pair] > 0.0}


def caps_of(bound: Bound, caps: import_caps.ImportCaps | None, areas: NDArray[np.int64]) -> dict[str, float]:
    """Regions whose cap on net imports would add by being wider, the largest first. areas : numbers, of the group"""
    if caps is None:
        return {}
    regions = {tuple(np.flatnonzero(inside)): name for name, inside in zip(caps.names, caps.member, strict=True)}
    one, sets = bound.cap_worth()
    adds = {regions.get((a,), ""): worth for a, worth in zip(areas, one, strict=True)}
    for inside, worth in zip(bound.point.within.member, sets, strict=True):
        adds[regions[tuple(areas[inside > 0.0])]] = worth
    return {name: adds[name] for name in sorted(adds, key=lambda name: -adds[name]) if name and adds[name] > 0.0}


def _hours(
    grid: xr.Dataset, group: _Group, rows: NDArray[np.int64], at: tuple[Point, Floats]
) -> tuple[pd.DataFrame, int]:
    """Date and make-up of one area's margin in some hours, its imports and who is short; and the weather year. [MW]

    at : the group at its headroom, and its curtailment (hour,)
    """
    point, cut = at
    known, margin, a = group.known, group.margins[group.own], int(group.areas[group.own])
    weather = known.case.records[a].weather
    weather_year = weather[min(known.weather_number(group.g, group.draw), len(weather) - 1)].weather_year
    firm_mw = float(known.case.balances[a].firm_mw[group.draw, 0])
    parts = margin.coefficients[0, 0][:, None] * margin.profiles[0][:, rows]
    by = dict(zip(margin.terms, parts, strict=True))
    nil = np.zeros(len(rows))
    zone = str(grid["area_timezone"].sel(area=group.names[group.own]).item())
    utc, local = dates(weather_year, rows, zone)
    need = point.load_mw * point.direction - point.margin[rows]
    stored = {} if group.store is None else {"group_storage_mwh": group.store.charge_mwh(point.load_mw)[rows]}
    sides = ([int(i) for i in group.areas[side]] for side in point.within.cuts(need).short_side)
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
            "import_beside_mw": imports_mw(need, point.within)[:, group.own],
            "group_curtailed_mw": cut[rows],
            **stored,
            "short_side": [cut_name(side, known.case.links.groups[group.g], known.fleet.areas) for side in sides],
        }
    )
    return table, weather_year
