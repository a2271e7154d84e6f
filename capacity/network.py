"""Areas that help each other: the headroom of synchronous groups along a siting direction. See docs/network.md.

In place of the yearly net interchange of the base year, power flows in every hour wherever the links let it, native
load first. A group's new load is spread over its areas along a direction and grows until the curtailed share of its
energy reaches the limit; the areas on the short side of the cut that binds then say which links to widen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import best_total, import_caps, lines, notions, pace, storage_split, zones
from capacity.adequacy import AreaBalance, base_year_mean_mw
from capacity.deployment import request_pattern
from capacity.draws import CentralPath, Draws
from capacity.fleet import Fleet
from capacity.network_hours import Group as Group
from capacity.network_hours import NetworkHours as NetworkHours
from capacity.network_sites import Joined
from capacity.policies import Policy
from cuda_kernels import Engine, headroom_mw
from cuda_kernels.network import NetworkHeadroom, network_headroom
from grids.areas import parent_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NetworkName = Literal["island", "network", "copper-plate"]
NETWORKS: tuple[NetworkName, ...] = ("island", "network", "copper-plate")
CONSTANT = notions.TERMS.index("constant")
"""The term of a margin that firm capacity is in."""


@dataclass(frozen=True)
class Links:
    """Transfer limits [MW] (area, area) from, to, lower and higher figure, and the groups they join."""

    low_mw: Floats
    high_mw: Floats
    groups: tuple[Group, ...]

    def limits(self, position: Floats, growth: Floats) -> Floats:
        """Limits (draw, year, area, area) at a position (draw, year) between the figures, times growth. [MW]"""
        between = self.low_mw + position[..., None, None] * (self.high_mw - self.low_mw)
        return between * growth[..., None, None]


def links(grid: xr.Dataset, fleet: Fleet) -> Links:
    """The links inside a country. US links across interconnections (DC ties of at most 820 MW) are left out."""
    number = {area: i for i, area in enumerate(fleet.areas)}
    joint = grid["area_interconnection"].sel(area=list(fleet.areas)).to_numpy().astype(str)
    limits = np.zeros((2, len(number), len(number)))
    ends = zip(grid["link_from"].to_numpy(), grid["link_to"].to_numpy(), strict=True)
    figures = np.stack([grid["link_limit_low_mw"].to_numpy(), grid["link_limit_high_mw"].to_numpy()])
    for at, (start, end) in enumerate(ends):
        if start in number and end in number:
            i, j = number[start], number[end]
            if fleet.country != "US" or joint[i] == joint[j]:
                limits[:, i, j] = figures[:, at]
    from scipy.sparse.csgraph import connected_components  # takes a while to load

    count, member = connected_components(limits[1] > 0.0, directed=False)
    groups = []
    for g in range(count):
        areas = np.flatnonzero(member == g)
        inside = sorted(set(joint[areas]))
        groups.append(Group(inside[0] if len(inside) == 1 else fleet.country.lower(), areas))
    return Links(limits[0], limits[1], tuple(groups))


@dataclass(frozen=True)
class Case:
    """What a country's network is solved from; balances and records in the order of the fleet; caps on net imports."""

    links: Links
    records: Sequence[notions.AreaRecord]
    balances: Sequence[AreaBalance]
    central: Sequence[AreaBalance]
    notion: notions.Notion
    share: Floats
    limits_mw: Floats
    siting: Siting
    caps: import_caps.ImportCaps | None = None


@dataclass(frozen=True)
class Siting:
    """Where a group's new load goes: a mixture of isolated headroom, native load, requests and a scenario's weights.

    by_load, by_request, by_weight : (draw, year)   Shares of native load, requests and weights in the mixture. [1]
    for_total : (draw, year)            Share of the mixture that makes way for the direction of the largest total. [1]
    weight : (draw, area, year)         Weights of the areas, >= 0. [1]
    requests : (area,)                  Requests for data centres in 2025, over the country's. [1]
    """

    by_load: Floats
    by_request: Floats
    by_weight: Floats
    for_total: Floats
    weight: Floats
    requests: Floats

    @classmethod
    def of(cls, fleet: Fleet, draws: Draws | CentralPath) -> Siting:
        names = [f"{fleet.prefix}.siting_weight_{parent_of(area).split('.', 1)[1]}" for area in fleet.areas]
        inside = zones.load_shares(fleet.areas)
        return cls(
            draws.parameter("siting_by_load_share"),
            draws.parameter("siting_by_request_share"),
            draws.parameter("siting_by_weight_share"),
            draws.parameter("siting_for_total_share"),
            np.stack([share * draws.parameter(name) for name, share in zip(names, inside, strict=True)], axis=1),
            request_pattern(fleet.areas)[0],
        )

    def last_year(self) -> Siting:
        """The same for the last year only."""
        shares = (self.by_load, self.by_request, self.by_weight, self.for_total)
        load, request, own, total = [share[:, -1:] for share in shares]
        return Siting(load, request, own, total, self.weight[..., -1:], self.requests)

    def direction(self, y: int, members: Integers, areas: Integers, isolated_mw: Floats, load_mw: Floats) -> Floats:
        """Shares (member, area) of a group's new load in one year, but for `for_total`; zero where nothing fits.

        Requests pull the mixture of headroom and load, then weights pull that; a group without weights keeps its own.
        """
        found = siting_direction(isolated_mw, load_mw, self.by_load[members, y])
        requested = np.broadcast_to(self.requests[areas], found.shape)
        for share, weight in ((self.by_request, requested), (self.by_weight, self.weight[members, :, y][:, areas])):
            pull = np.where(weight.sum(axis=1) > 0.0, share[members, y], 0.0)
            found = mixed(found, _shares(weight), pull)
        return found


def case_of(
    grid: xr.Dataset,
    fleet: Fleet,
    draws: Draws | CentralPath,
    records: Sequence[notions.AreaRecord],
    balances: tuple[Sequence[AreaBalance], Sequence[AreaBalance]],
    notion: notions.Notion,
) -> Case:
    """Links, limits and siting of a country under a scenario. balances : of the draws, of the central path."""
    known = links(grid, fleet)
    return Case(
        known,
        without_interchange(records),
        *balances,
        notion,
        Policy.of(fleet.prefix, draws).energy,
        limits_of(known, fleet, draws),
        Siting.of(fleet, draws),
        import_caps.ImportCaps.of(fleet, draws, balances[0], base_year_mean_mw(grid, "annual_load_mwh", fleet.areas)),
    )


def without_interchange(records: Sequence[notions.AreaRecord]) -> list[notions.AreaRecord]:
    """The same areas without the interchange of the base year, which links take the place of."""
    return [replace(record, net_export_mw=0.0) for record in records]


def limits_of(known: Links, fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Limits (draw, year, area, area): those on record and their growth, or planned lines where these are more. [MW]"""
    position, rate, share, delay = (
        draws.parameter(f"{fleet.prefix}.transfer_{name}")
        for name in ("limit_position", "growth", "planned_share", "planned_delay_years")
    )
    if fleet.country == "US":
        sets, spread = (draws.parameter(f"us.transfer_{name}") for name in ("rule_sets", "consent_spread"))
        rate = rate / pace.slowest(sets, spread)
    grown = known.limits(position, compounded(rate, draws.years - fleet.base_year))
    today = known.limits(position, np.ones(position.shape))
    return np.maximum(grown, today + lines.added_mw(fleet.areas, draws.years, fleet.base_year, delay, share))


def compounded(rate: Floats, elapsed: Integers) -> Floats:
    """Growth (draw, year) since the base year at yearly rates (draw, year), `elapsed` (year,) years after it. [1]"""
    if (rate == rate[:, :1]).all():
        return np.asarray((1.0 + rate) ** elapsed[None, :])
    steps = np.diff(elapsed, prepend=0)
    return np.asarray(np.cumprod((1.0 + rate) ** steps[None, :], axis=1))


def solve(
    case: Case,
    weather: Floats,
    engine: Engine,
    exchange: NetworkName = "network",
    *,
    threads: int = 1,
    alive: Callable[[], None] = lambda: None,
    solve_year: Callable[..., None] | None = None,
) -> NetworkHours:
    """Headroom of every group.

    weather : (draw,)  Uniform that picks each draw's weather year, for all areas at once.
    exchange : "network", or "copper-plate" to spread what the group could host without limits.
    threads : areas, then years, of a group side by side; changes no bit of the result.
    alive : called after each year of a group; what it raises ends this.
    solve_year : fills in a year of a group in the place of `_solve_year`, where units fail (`network_outages`)
    """
    draws, years = case.share.shape
    hours = NetworkHours.empty(draws, case.links.groups, len(case.records), years)
    fill: Callable[..., None] = solve_year or _solve_year
    with ThreadPoolExecutor(threads) as pool:
        for g, group in enumerate(case.links.groups):
            for number, members in weather_of(case.records, group, weather):
                margins = list(pool.map(partial(margin_of, case, number=number, members=members), group.areas))
                year = partial(fill, case, g, members=members, margins=margins, engine=engine, hours=hours)
                for _ in pool.map(year, range(years)):
                    alive()
    if exchange == "copper-plate":
        return hours.without_limits()
    return hours


def of_group(margins: Sequence[notions.Margin], y: int) -> tuple[Floats, Floats]:
    """Profiles (area, K, hour) and coefficients (draw, area, K) of a group's margins in one year."""
    rows = [margin.profiles[y] for margin in margins]
    used = np.flatnonzero(np.any([row.any(axis=1) for row in rows], axis=0))  # the interchange of an island is nil here
    profiles = np.empty((len(rows), len(used), rows[0].shape[1]))
    for out, row in zip(profiles, rows, strict=True):
        np.take(row, used, axis=0, out=out, mode="clip")  # "clip" writes into out without a copy of its own
    return profiles, np.stack([margin.coefficients[:, y][:, used] for margin in margins], axis=1)


def weather_of(records: Sequence[notions.AreaRecord], group: Group, weather: Floats) -> Iterator[tuple[int, Integers]]:
    """Number of each weather year of a group with the draws that live in it. weather : (draw,) uniform."""
    most = max(len(records[a].weather) for a in group.areas)
    chosen = np.minimum((weather * most).astype(np.int64), most - 1)
    for number in range(most):
        members = np.flatnonzero(chosen == number)
        if members.size:
            yield number, members


def margin_of(
    case: Case, a: int, number: int, members: Integers, records: Sequence[notions.AreaRecord] | None = None
) -> notions.Margin:
    """Margin of one area in a weather year for some draws, nothing imported unless other `records` say so."""
    record = (case.records if records is None else records)[a]
    conditions = record.weather[min(number, len(record.weather) - 1)]
    return case.notion(record, conditions, case.balances[a].take(members), case.central[a])


class Asked(NamedTuple):
    """What the kernel is asked of some draws of a group in one year.

    inputs : profiles, coefficients, limits, direction and shares, the first five arguments of `network_headroom`
    caps : on net imports of areas and of sets of areas; None where there are none
    firm_extra_mw : (member, area) firm capacity of stores beyond their equivalent. [MW]
    isolated_mw : (member, area) flexible headroom of areas on their own. [MW]
    """

    inputs: tuple[Floats, Floats, Floats, Floats, Floats]
    caps: tuple[Floats | None, tuple[Floats, Floats] | None]
    firm_extra_mw: Floats
    isolated_mw: Floats


def _solve_year(
    case: Case,
    g: int,
    y: int,
    *,
    members: Integers,
    margins: Sequence[notions.Margin],
    engine: Engine,
    hours: NetworkHours,
) -> None:
    ask = asked(case, g, y, members, margins, engine)
    hours.put((g, y), members, (ask.inputs[3], ask.isolated_mw), answer(ask, engine))


def answer(ask: Asked, engine: Engine) -> NetworkHeadroom:
    """What the kernel answers on the CPU."""
    single, sets = ask.caps
    return network_headroom(
        *ask.inputs, import_cap_mw=single, import_sets=sets, firm_extra_mw=ask.firm_extra_mw, engine=engine
    )


def asked(case: Case, g: int, y: int, members: Integers, margins: Sequence[notions.Margin], engine: Engine) -> Asked:
    """What the kernel is asked of some draws of a group in one year; margins : of the group's areas."""
    areas = case.links.groups[g].areas
    profiles, coefficients = of_group(margins, y)
    flexible = case.share[members, y]
    shares = np.stack([np.zeros(len(members)), flexible], axis=1)
    isolated = _isolated(case, areas, y, members, (profiles, coefficients), engine)
    load = np.stack([case.balances[a].load_mw[members, y] for a in areas], axis=1)
    direction = case.siting.direction(y, members, areas, isolated, load)
    limits = case.limits_mw[members, y][:, areas[:, None], areas]
    pull = case.siting.for_total[members, y]
    caps = (None, None) if case.caps is None else case.caps.inside(areas, members, y)
    if pull.any():
        start = siting_direction(isolated, load, (isolated.sum(axis=1) <= 0.0).astype(np.float64))
        best = best_total.direction((profiles, coefficients, limits), start, flexible, caps=caps, engine=engine)
        direction = mixed(direction, best, pull)
    joined = Joined(profiles, coefficients, limits, *caps)
    extra = storage_split.for_firm(case, (areas, members, y), joined, direction, engine)
    return Asked((profiles, coefficients, limits, direction, shares), caps, extra, isolated)


def _isolated(
    case: Case, areas: Integers, y: int, members: Integers, margins: tuple[Floats, Floats], engine: Engine
) -> Floats:
    """Flexible headroom (member, area) of areas that import nothing, each with its own store. [MW]"""
    profiles, coefficients = margins
    alone = storage_split.of_stores([case.balances[a].alone_mw for a in areas], members, y)
    if alone.any():
        coefficients = coefficients.copy()
        coefficients[..., CONSTANT] += alone
    share = case.share[members, y, None]
    each = zip(profiles, coefficients.swapaxes(0, 1), strict=True)
    found = [headroom_mw(*one, share, engine=engine, missing="refuse").headroom_mw for one in each]
    return np.concatenate(found, axis=1)


def siting_direction(isolated_mw: Floats, load_mw: Floats, by_load: Floats) -> Floats:
    """Shares (draw, area) of a group's new load: a mixture of isolated headroom and native load; zero where nil."""
    mixture = (1.0 - by_load[:, None]) * _shares(isolated_mw) + by_load[:, None] * _shares(load_mw)
    return np.where((isolated_mw.sum(axis=1) > 0.0)[:, None], mixture, _shares(mixture))


def mixed(one: Floats, other: Floats, pull: Floats) -> Floats:
    """Shares (draw, area) of one direction with a part `pull` (draw,) of the other; untouched where nothing pulls."""
    if not pull.any():
        return one
    return np.where(pull[:, None] > 0.0, _shares((1.0 - pull[:, None]) * one + pull[:, None] * other), one)


def _shares(values: Floats) -> Floats:
    total = values.sum(axis=1, keepdims=True)
    return np.divide(values, total, out=np.zeros_like(values), where=total > 0.0)


def cut_name(side: Sequence[int], group: Group, names: Sequence[str]) -> str:
    """A cut in words: all of the group, the short side, or all but the few areas that could still give."""
    if not side:
        return "none"
    if len(side) == len(group.areas):
        return "whole group"
    inside = set(side)
    if 2 * len(side) > len(group.areas):
        return "all but " + ", ".join(names[a] for a in group.areas if a not in inside)
    return ", ".join(names[a] for a in side)


def main_cut(hours: NetworkHours, at: tuple[int, int]) -> tuple[tuple[int, ...], float]:
    """Short side that binds most often over the draws, and its share of all such hours; empty without any."""
    tally: Mapping[tuple[int, ...], float] = hours.binding.get(at, {})
    if not tally:
        return (), 0.0
    side = max(sorted(tally), key=lambda cut: tally[cut])
    return side, tally[side] / sum(tally.values())
