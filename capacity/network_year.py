"""A country's network in one year: what `explain` and `frontier` look into. See docs/network.md."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import adequacy, country, import_caps, network, notions, storage_equivalent, supply
from capacity.draws import Draws, draw_ids
from capacity.errors import CapacityError
from capacity.fleet import Fleet
from capacity.policies import require_only_energy
from capacity.storage_equivalent import Conditions
from capacity.winter import weather_place
from scenarios import Scenario

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class YearCase:
    """One country in one year.

    case : network.Case                The last model year only, all groups.
    place : (draw,)                    Uniform that picks each draw's weather year.
    nameplate_mw : (draw, a, k)        Projected capacity of that year. [MW]
    """

    fleet: Fleet
    draws: Draws
    case: network.Case
    place: Floats
    nameplate_mw: Floats

    def group_of(self, area: int) -> int:
        """Number of the group that an area belongs to."""
        return next(g for g, group in enumerate(self.case.links.groups) if area in group.areas)

    def only(self, g: int) -> network.Case:
        """The case with one group."""
        return replace(self.case, links=replace(self.case.links, groups=(self.case.links.groups[g],)))

    def weather_number(self, g: int, draw: int) -> int:
        """Which weather year of a group a draw lives in."""
        most = max(len(self.case.records[a].weather) for a in self.case.links.groups[g].areas)
        return min(int(self.place[draw] * most), most - 1)

    def margins(self, g: int, draw: int) -> list[notions.Margin]:
        """Margins of a group's areas in one draw, nothing imported; shapes (1, term, hour), (1, 1, term)."""
        number, members = self.weather_number(g, draw), np.array([draw], dtype=np.int64)
        return [network.margin_of(self.case, int(a), number, members) for a in self.case.links.groups[g].areas]

    def at_quantile(self, g: int, quantile: float) -> tuple[int, network.NetworkHours]:
        """The draw whose group headroom is a quantile of the draws, and the group solved in all draws."""
        solved = network.solve(self.only(g), self.place, "auto")
        total = solved.flexible_mw[:, self.case.links.groups[g].areas, 0].sum(axis=1)
        order = np.argsort(total, kind="stable")
        return int(order[min(int(quantile * len(order)), len(order) - 1)]), solved

    def limits(self, g: int, draw: int) -> Floats:
        """Transfer limits (area, area) of a group in one draw. [MW]"""
        areas = self.case.links.groups[g].areas
        return self.case.limits_mw[draw, 0][np.ix_(areas, areas)]


def year_case(grid: xr.Dataset, scenario: Scenario, name: str, year: int, draws: int, seed: int) -> YearCase:
    """Network of a country, "US" or "CN", in a year after the grid's last on record, under firm_capacity."""
    base = int(grid["history_year"][-1])
    if year <= base:
        raise CapacityError(f"year {year}: give a year after {base}")
    fleet = Fleet.of(grid, name)
    drawn = Draws(seed, draw_ids(draws), np.arange(base + 1, year + 1), scenario)
    require_only_energy(drawn, fleet.prefix)
    if name == "US":  # the others have none
        import_caps.refuse(drawn, "the network of a single year")
    projected, middle = supply.project(fleet, drawn), supply.project(fleet, drawn.central)
    balances = country.balances_of(grid, fleet, drawn, projected)
    central = country.balances_of(grid, fleet, drawn.central, middle)
    weather = adequacy.weather_by_area(grid)
    records = notions.area_records(grid, fleet, weather, drawn.central)
    place = weather_place(fleet, weather, adequacy.base_year_mean_mw(grid, "annual_load_mwh", fleet.areas), drawn)
    within = Conditions(records, place).exchanging(network.links(grid, fleet).groups)
    balances = storage_equivalent.counted(grid, fleet, drawn, (balances, central), within)
    case = network.case_of(grid, fleet, drawn, records, (balances, central), notions.firm_capacity)
    last = replace(
        case,
        balances=[balance.at(np.s_[:, -1:]) for balance in balances],
        central=[balance.at(np.s_[:, -1:]) for balance in central],
        share=case.share[:, -1:],
        limits_mw=case.limits_mw[:, -1:],
        siting=case.siting.last_year(),
    )
    return YearCase(fleet, drawn, last, place, projected.nameplate_mw[..., -1])
