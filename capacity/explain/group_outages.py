"""Why a group of areas can host what it can while units of all its areas fail: hours, cuts and what one more MW adds.

Every hour stands in a number of equally likely states (`capacity.network.outages`). The group at its headroom is that
of `capacity.explain.point` with as many hours as there are states, and so are the derivatives: exact for the states.
Firm load is bound in rarer states, which have weights: by the energy that they lack exactly; by hours and days through
the states that fall short between a little less and a little more load, since any one state's say would be chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy.events import SEASON_OF_HOUR, SEASONS
from capacity.adequacy.reliability import DEFAULT_STATES
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.errors import CapacityError
from capacity.explain import group_year, island_outages
from capacity.explain.area_year import AreaCase, at_quantile
from capacity.explain.group import caps_of, links_of
from capacity.explain.group_store import Adds
from capacity.explain.hours import dates
from capacity.explain.island_outages import FIRM_TERM, FLEXIBLE, OutageExplanation
from capacity.explain.outage_area import make_up
from capacity.explain.outage_firm import FirmRows, firm_rows
from capacity.explain.outage_group import Group, group_of, sampled_of, solved
from capacity.explain.point import ENERGY, Bound, imports_mw, point_at
from capacity.explain.resources import NOTHING_MW
from capacity.explain.standing import unit_shares
from capacity.network import outages as network_outages
from capacity.network.case import NetworkName
from capacity.network.hours import cut_name
from capacity.supply.fleet import number_of
from scenarios import Scenario

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
ByArea = dict[str, dict[str, float]]


@dataclass(frozen=True)
class NetworkOutageExplanation:
    """One group of areas, year and draw, while units fail; `area` is the one asked for.

    notion : str                  Of load that is never curtailed, a name in `reliability.NOTIONS`.
    draw : int                    Whose group headroom is the asked quantile of the draws.
    states : int                  Sampled states of every hour.
    headroom_mw, group_mw : float Load that may be curtailed, in the area and in the group. [MW]
    firm_mw : float               Load of the group that may not. [MW]
    curtailed_hours : float       Expected hours in which the group's load is curtailed. [h]
    hours : pandas.DataFrame      Those in which most of it is expected to be curtailed: UTC and local time, make-up of
                                  the area, what of its units is expected to be out and what is when the load is cut,
                                  its expected import beside the load, how likely a cut is, what is then expected to be
                                  cut in the group, the hour's part in the derivatives, the commonest short side, and
                                  what the group's stores hold as one beside hourly margins. [MW], [1], [MWh]
    adds : {area: {resource: MW}} Group headroom that one more MW adds: exact derivatives for the states. [MW/MW]
    firm_adds : {area: {resource: MW}}   The same of firm load; of hours and days of shortage by states near it. [MW/MW]
    adds_dispatched, firm_adds_dispatched : likewise   Where what storage counts for, which the others hold, is found
                                  again as that of one store; empty by its credit.
    link_adds : {(from, to): MW}  Group headroom that one more MW of a link adds, the largest first. [MW/MW]
    cap_adds : {region: MW}       The same of caps on net imports, those that bind. [MW/MW]
    standing : {name: MW}         The area's units, their mean outage, storage as it counts firm. [MW]
    unit_shares : dict            What is expected to stand of one MW of nameplate of units, by technology. [MW/MW]
    native_unserved_mwh : float   Expected energy that natives of the group lack without new load. [MWh]
    season_hours : {season: h}    Expected hours with curtailment.
    curtailed_mw : (hour,)        Expected curtailment of the group's load. [MW]
    """

    area: str
    group: str
    year: int
    quantile: float
    notion: str
    draw: int
    weather_year: int
    states: int
    headroom_mw: float
    group_mw: float
    firm_mw: float
    curtailed_hours: float
    hours: pd.DataFrame
    adds: ByArea
    adds_dispatched: ByArea
    firm_adds: ByArea
    firm_adds_dispatched: ByArea
    link_adds: dict[tuple[str, str], float]
    cap_adds: dict[str, float]
    standing: dict[str, float]
    unit_shares: dict[str, float]
    native_unserved_mwh: float
    season_hours: dict[str, float]
    curtailed_mw: Floats

    @property
    def bound_by(self) -> str:
        """What keeps the load that may be curtailed from rising."""
        return FLEXIBLE

    @property
    def firm_bound_by(self) -> str:
        """What keeps the load that may not from rising."""
        return FIRM_TERM[self.notion]


class _Asked(NamedTuple):
    """What is asked of a group; shown : hours, zone : whose local time they have; unit_shares : for the draw"""

    year: int
    quantile: float
    notion: str
    shown: int
    zone: str
    unit_shares: dict[str, float]


def explain_group_outages(
    grid: xr.Dataset,
    scenario: Scenario,
    area: str,
    year: int,
    *,
    notion: str = "expected_unserved",
    quantile: float = 0.5,
    draws: int = 64,
    seed: int = 2025,
    shown: int = 20,
    storage: StorageName = DEFAULT_STORAGE,
    exchange: NetworkName = "network",
    states: int = DEFAULT_STATES,
) -> NetworkOutageExplanation | OutageExplanation:
    """Explain the headroom of an area's group in a year at a quantile over draws, under an outage notion.

    exchange : within limits, or "copper-plate" without any; states : of every hour
    An area that exchanges power with no other is explained by its table, nothing imported.

    Raises CapacityError as `explain_outages`, and for what outages in a network do not know.
    """
    island_outages.require(notion, storage)
    if not 0.0 <= quantile <= 1.0:
        raise CapacityError(f"quantile {quantile}: give a quantile from 0 to 1")
    name, a = number_of(grid, area)
    asked = group_year.Asked(year, draws, seed, storage, exchange)
    known = group_year.year_case(grid, scenario, name, asked, plain=True)
    network_outages.require(known.draws, known.fleet, notion)
    g, last = known.group_of(a), len(known.draws.years) - 1
    if len(known.whole.links.groups[g].areas) == 1:
        return island_outages.explained(grid, _by_itself(known, a), notion, quantile, shown)
    sampled = sampled_of(grid, known, notion, states)
    hours = solved(known, sampled, g)
    by_limits = (hours.firm_mw, hours.flexible_mw)
    firm, flexible = by_limits if known.limited else (hours.copper_plate_firm_mw, hours.copper_plate_mw)
    areas = known.whole.links.groups[g].areas
    chosen = at_quantile(flexible[:, areas, last].sum(axis=1), quantile)
    group = group_of(known, sampled, g, chosen, a)
    loads = flexible[chosen, areas, last], firm[chosen, areas, last]
    shares = unit_shares(grid, (known.fleet, known.draws), chosen, reserve=False)
    asked_for = _Asked(year, quantile, notion, shown, str(grid["area_timezone"].sel(area=area).item()), shares)
    return _explained(group, loads, float(hours.native_unserved_mwh[chosen, g, last]), asked_for)


def _by_itself(known: group_year.YearCase, a: int) -> AreaCase:
    """An area that is a group of its own."""
    whole = known.whole
    each = known.fleet, known.draws, a, *known.capacity_mw, list(whole.balances), list(whole.central)
    return AreaCase(*each, whole.records[a], known.stores[a], known.place)


def _explained(
    group: Group, loads: tuple[Floats, Floats], native_unserved_mwh: float, asked: _Asked
) -> NetworkOutageExplanation:
    """A group at its loads (area,), that may be curtailed and that may not."""
    known, g = group.known, group.known.group_of(int(group.areas[0]))
    flexible, firm = (load if load.sum() > NOTHING_MW else np.zeros_like(load) for load in loads)
    margin = group.rows_mw
    share = float(known.case.share[group.draw, 0])
    point = point_at(margin, group.within, _direction(flexible), float(flexible.sum()), share)
    bound = Bound(ENERGY, point)
    cut = point.curtailed_mw.reshape(-1, group.states)
    likely = (cut > 0.0).mean(axis=1)
    table, weather_year = _hours(group, bound, asked.shown, asked.zone)
    rows = firm_rows(group, _direction(firm), float(firm.sum()))
    adds, again = _with_storage(group, [_adds(group, bound, i) for i in range(len(group.areas))])
    firm_adds, firm_again = _with_storage(group, [_firm_adds(group, rows, i) for i in range(len(group.areas))])
    return NetworkOutageExplanation(
        group.names[group.own],
        known.whole.links.groups[g].name,
        asked.year,
        asked.quantile,
        asked.notion,
        int(known.draws.ids[group.draw]),
        weather_year,
        group.states,
        float(flexible[group.own]),
        float(flexible.sum()),
        float(firm.sum()),
        float(likely.sum()),
        table,
        adds,
        again,
        firm_adds,
        firm_again,
        links_of(bound, group.names),
        caps_of(bound, known.case.caps if known.limited else None, group.areas),
        group.units[group.own].standing_mw(group.storage_mw(group.own)),
        asked.unit_shares,
        native_unserved_mwh,
        {name: float(likely[number == SEASON_OF_HOUR].sum()) for number, name in enumerate(SEASONS)},
        cut.mean(axis=1),
    )


def _direction(load_mw: Floats) -> Floats:
    total = load_mw.sum()
    return load_mw / total if total > 0.0 else np.zeros_like(load_mw)


def _adds(group: Group, bound: Bound, i: int) -> dict[str, float]:
    """Group headroom that one more MW of each resource in an area adds. [MW/MW]"""
    mean = group.units[i].mean_mw
    adds = {} if mean <= 0.0 else {"units": bound.worth(i, group.flexible[i].ravel() / mean)}
    adds |= {name: bound.worth(i, np.repeat(output, group.states)) for name, output in group.outputs(i).items()}
    return adds


def _with_storage(group: Group, adds: Adds) -> tuple[ByArea, ByArea]:
    """The same with storage at what it counts for, and with that found again. [MW/MW]"""
    again: Adds = []
    if group.store is not None:
        adds = group.store.held_adds(adds, group.reserve)
        if any(each["constant"] > 0.0 for each in adds):
            outputs = [group.outputs(i) for i in range(len(group.areas))]
            again = group.store.found_again(adds, outputs, group.reserve)
    return dict(zip(group.names, adds, strict=True)), dict(zip(group.names, again, strict=False))


def _firm_adds(group: Group, rows: FirmRows, i: int) -> dict[str, float]:
    """The same of firm load."""
    mean = group.units[i].mean_mw
    adds = {} if mean <= 0.0 else {"units": rows.worth(i, rows.capacity_mw[i] / mean)}
    adds |= {name: rows.worth(i, output[rows.hour]) for name, output in group.outputs(i).items()}
    return adds


def _hours(group: Group, bound: Bound, shown: int, zone: str) -> tuple[pd.DataFrame, int]:
    """Hours with most expected curtailment; where nothing fits, with most expected to lack for natives."""
    point, states, own = bound.point, group.states, group.own
    need = point.load_mw * point.direction - point.margin
    lack = point.curtailed_mw if point.load_mw > 0.0 else group.within.cuts(need).unserved_mw
    expected = lack.reshape(-1, states).mean(axis=1)
    moved = np.zeros(len(point.margin))
    moved[point.hours] = (point.beside.short_side.astype(np.float64) - point.alone.short_side) @ point.direction
    part = moved.reshape(-1, states).sum(axis=1) / max(float(moved.sum()), 1e-300)
    rows = np.argsort(-expected, kind="stable")[:shown]
    each = (rows[:, None] * states + np.arange(states)).ravel()
    cut = lack[each].reshape(-1, states) > 0.0
    units = group.units[own]
    out = units.all_mw - units.scale * group.flexible[own, rows]
    imports = imports_mw(need[each], group.within)[:, own].reshape(-1, states)
    sides = group.within.cuts(need[each]).short_side.reshape(len(rows), states, -1)
    table, weather_year = _make_up(group, rows, zone)
    if group.store is not None:
        table["group_storage_mwh"] = group.store.charge_mwh(float(point.load_mw))[rows]
    table |= {
        "out_when_short_mw": np.divide(
            (out * cut).sum(axis=1), cut.sum(axis=1), where=cut.any(axis=1), out=out.mean(axis=1)
        ),
        "import_beside_mw": imports.mean(axis=1),
        "short_probability": cut.mean(axis=1),
        "lacking_mw": expected[rows],
        "part": part[rows],
        "short_side": [_commonest(group, side) for side in sides],
    }
    return pd.DataFrame(table), weather_year


def _make_up(group: Group, rows: Integers, zone: str) -> tuple[dict[str, Any], int]:
    """Date of some hours and what the area asked for has in them; and the weather year."""
    known, own, a = group.known, group.own, int(group.areas[group.own])
    weather = known.whole.records[a].weather
    g = known.group_of(a)
    weather_year = weather[min(known.weather_number(g, group.draw), len(weather) - 1)].weather_year
    margin = group.margins[own]
    parts = margin.coefficients[0, group.last][:, None] * margin.profiles[group.last][:, rows]
    by = dict(zip(margin.terms, parts, strict=True))
    firm_mw = float(known.whole.balances[a].firm_mw[group.draw, group.last])
    at = dates(weather_year, rows, zone)
    standing = group.units[own], group.storage_mw(own)
    return make_up(at, by, firm_mw, standing, rows), weather_year


def _commonest(group: Group, sides: Flags) -> str:
    """The short side of most states (state, area), those in which nobody is short left out."""
    seen, counts = np.unique(sides[sides.any(axis=1)], axis=0, return_counts=True)
    if not len(seen):
        return "none"
    g = group.known.group_of(int(group.areas[0]))
    side = [int(i) for i in group.areas[seen[counts.argmax()]]]
    return cut_name(side, group.known.whole.links.groups[g], group.known.fleet.areas)
