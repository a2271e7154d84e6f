"""A country's network in one year: what `explain` and `frontier` look into. See docs/network.md."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import country, storage_equivalent
from capacity.adequacy import notions, policies
from capacity.adequacy.parts import STORAGE, base_year_mean_mw, weather_by_area
from capacity.adequacy.policies import Policy
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName, Store
from capacity.draws import Draws, draw_ids
from capacity.errors import CapacityError
from capacity.explain.area_year import at_quantile
from capacity.explain.point import Transfers
from capacity.network import headroom
from capacity.network import terms as network_terms
from capacity.network.case import Case, NetworkName, case_of, margin_of
from capacity.network.hours import NetworkHours
from capacity.network.links import links
from capacity.network.sites import Known
from capacity.storage_equivalent import Conditions
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from capacity.winter import weather_place
from scenarios import Scenario

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Asked(NamedTuple):
    """A year, over draws of a seed, how storage counts, "equivalent" or "credit", and how areas exchange power, within
    limits or without."""

    year: int
    draws: int
    seed: int
    storage: StorageName = DEFAULT_STORAGE
    exchange: NetworkName = "network"


class Solved(NamedTuple):
    """A group solved in all draws, and the draw whose headroom is a quantile of theirs.

    by_energy_mw : (draw,) what the share of energy allows in the group, whatever other terms there are. [MW]
    """

    draw: int
    hours: NetworkHours
    by_energy_mw: Floats


@dataclass(frozen=True)
class YearCase:
    """One country in one year.

    case : Case                        The last model year only, all groups.
    whole : Case                       The same of all years up to it.
    policy : Policy                    Terms (draw, 1) of new load.
    place : (draw,)                    Uniform that picks each draw's weather year.
    capacity_mw : (draw, a, k, year)   Projected, of the draws and of the central path. [MW]
    stores : list of Store             By area, before they count as firm; None by their credit.
    limited : bool                     Whether transfers have limits.
    """

    fleet: Fleet
    draws: Draws
    case: Case
    whole: Case
    policy: Policy
    place: Floats
    capacity_mw: tuple[Floats, Floats]
    stores: list[Store | None]
    limited: bool

    @property
    def nameplate_mw(self) -> Floats:
        """Projected capacity (draw, a, k) of that year. [MW]"""
        return self.capacity_mw[0][..., -1]

    def storage_nameplate_mw(self, draw: int, areas: Integers) -> Floats:
        """Nameplate of storage (area,) of some areas in one draw. [MW]"""
        rows = [self.fleet.technologies.index(technology) for technology in STORAGE]
        return self.nameplate_mw[draw][areas][:, rows].sum(axis=1)

    def group_of(self, area: int) -> int:
        """Number of the group that an area belongs to."""
        return next(g for g, group in enumerate(self.case.links.groups) if area in group.areas)

    def only(self, g: int) -> Case:
        """The case with one group."""
        return replace(self.case, links=replace(self.case.links, groups=(self.case.links.groups[g],)))

    def weather_number(self, g: int, draw: int) -> int:
        """Which weather year of a group a draw lives in."""
        most = max(len(self.case.records[a].weather) for a in self.case.links.groups[g].areas)
        return min(int(self.place[draw] * most), most - 1)

    def margins(self, g: int, draw: int) -> list[notions.Margin]:
        """Margins of a group's areas in one draw, nothing imported; shapes (1, term, hour), (1, 1, term)."""
        number, members = self.weather_number(g, draw), np.array([draw], dtype=np.int64)
        return [margin_of(self.case, int(a), number, members) for a in self.case.links.groups[g].areas]

    def at_quantile(self, g: int, quantile: float) -> Solved:
        """The group solved in all draws, under its policy, and the draw at a quantile of them."""
        areas = self.case.links.groups[g].areas
        solved = headroom.solve(self.only(g), self.place, "auto", "network" if self.limited else "copper-plate")
        by_energy = solved.flexible_mw[:, areas, 0].sum(axis=1)
        if not self.policy.only_energy:
            network_terms.limit(self.only(g), self.place, self.policy, solved, limited=self.limited, how=("auto", 1))
        return Solved(at_quantile(solved.flexible_mw[:, areas, 0].sum(axis=1), quantile), solved, by_energy)

    def terms_of(self, g: int, draw: int) -> Known:
        """What terms beyond energy look at in a group in one draw."""
        one, members = self.only(g), np.array([draw], dtype=np.int64)
        weather = self.weather_number(g, draw), members
        within = network_terms.Within.of(one, one.links.groups[0].areas, weather, self.policy, self.limited)
        return within.known(0, np.zeros(1, np.int64), bool(self.policy.notice_hours[draw].any()))

    def transfers(self, g: int, draw: int) -> Transfers:
        """Limits of a group in one draw. [MW]"""
        areas, members = self.case.links.groups[g].areas, np.array([draw], dtype=np.int64)
        limits = self.case.limits_mw[draw, 0][np.ix_(areas, areas)]
        if not self.limited:
            return Transfers.by_links(np.full_like(limits, np.inf))
        if self.case.caps is None:
            return Transfers.by_links(limits)
        single, sets = self.case.caps.inside(areas, members, 0)
        return Transfers(limits, single[0], None if sets is None else (sets[0], sets[1][0]))


def year_case(grid: xr.Dataset, scenario: Scenario, name: str, asked: Asked, *, plain: bool = False) -> YearCase:
    """Network of a country, "US" or "CN", in a year after the grid's last on record, under firm_capacity.

    plain : refuse policies beyond energy, for a caller that knows none
    """
    base = int(grid["history_year"][-1])
    if asked.year <= base:
        raise CapacityError(f"year {asked.year}: give a year after {base}")
    fleet = Fleet.of(grid, name)
    drawn = Draws(asked.seed, draw_ids(asked.draws), np.arange(base + 1, asked.year + 1), scenario)
    policy = Policy.of(fleet.prefix, drawn)
    if plain:
        policies.require_only_energy(drawn, fleet.prefix)
    projected, middle = projection.project(fleet, drawn), projection.project(fleet, drawn.central)
    balances = country.balances_of(grid, fleet, drawn, projected, asked.storage)
    central = country.balances_of(grid, fleet, drawn.central, middle, asked.storage)
    weather = weather_by_area(grid)
    records = notions.area_records(grid, fleet, weather, drawn.central)
    place = weather_place(fleet, weather, base_year_mean_mw(grid, "annual_load_mwh", fleet.areas), drawn)
    stores = [balance.store for balance in balances]
    if asked.storage == "equivalent":
        within = Conditions(records, place).exchanging(links(grid, fleet).groups)
        balances = storage_equivalent.counted(grid, fleet, drawn, (balances, central), within)
    case = case_of(grid, fleet, drawn, records, (balances, central), notions.firm_capacity)
    last = replace(
        case,
        balances=[balance.at(np.s_[:, -1:]) for balance in balances],
        central=[balance.at(np.s_[:, -1:]) for balance in central],
        share=case.share[:, -1:],
        limits_mw=case.limits_mw[:, -1:],
        siting=case.siting.last_year(),
        caps=None if case.caps is None else case.caps.last_year(),
    )
    capacity, limited = (projected.nameplate_mw, middle.nameplate_mw), asked.exchange == "network"
    return YearCase(fleet, drawn, last, case, policy.of_years(np.array([-1])), place, capacity, stores, limited)
