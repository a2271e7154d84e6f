"""One area of a country, over draws, in the last year that they reach: what explanations of an island begin with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import country, storage_equivalent
from capacity.adequacy import notions
from capacity.adequacy.parts import AreaBalance, AreaWeather, base_year_mean_mw, weather_by_area
from capacity.adequacy.storage import StorageName, Store
from capacity.draws import Draws, draw_ids
from capacity.errors import CapacityError
from capacity.explain.standing import standing_mw
from capacity.storage_equivalent import Conditions
from capacity.supply import projection
from capacity.supply.fleet import Fleet, number_of
from capacity.winter import weather_place
from scenarios import Scenario

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class AreaCase:
    """An area, its draws and what its margins are made of.

    a : number of the area in its fleet
    nameplate_mw, central_mw : (draw, area, technology, year) Projected, of the draws and the central path. [MW]
    balances, central : by area, of the draws and of the central path; storage is counted in the area alone
    store : of the area before it counts as firm; None by its credit
    place : (draw,) uniform that picks each draw's weather year
    """

    fleet: Fleet
    draws: Draws
    a: int
    nameplate_mw: Floats
    central_mw: Floats
    balances: list[AreaBalance]
    central: list[AreaBalance]
    record: notions.AreaRecord
    store: Store | None
    place: Floats

    @property
    def balance(self) -> AreaBalance:
        """Of the area."""
        return self.balances[self.a]

    @property
    def last(self) -> int:
        """Number of the year that is explained."""
        return len(self.draws.years) - 1

    def standing(self, grid: xr.Dataset, draw: int) -> dict[str, float]:
        """What the area's firm capacity is made of in a draw and the last year. [MW]"""
        return standing_mw(grid, (self.fleet, self.draws), (draw, self.a), self.nameplate_mw[..., -1], self.balance)

    def by_weather(self) -> Iterator[tuple[AreaWeather, Integers]]:
        """Weather years that draws live in, with these draws."""
        for conditions, members in notions.weather_groups(self.record.weather, self.place):
            if members.size:
                yield conditions, members

    def margin(self, conditions: AreaWeather, balance: AreaBalance) -> notions.Margin:
        """Margin of the area under firm_capacity, in all years; balance : of some of the draws."""
        return notions.firm_capacity(self.record, conditions, balance, self.central[self.a])


def area_case(grid: xr.Dataset, fleet: Fleet, draws: Draws, a: int, storage: StorageName) -> AreaCase:
    """An area over draws; storage : how it counts."""
    projected, middle = projection.project(fleet, draws), projection.project(fleet, draws.central)
    balances = country.balances_of(grid, fleet, draws, projected, storage)
    central = country.balances_of(grid, fleet, draws.central, middle, storage)
    weather = weather_by_area(grid)
    records = notions.area_records(grid, fleet, weather, draws.central)
    place = weather_place(fleet, weather, base_year_mean_mw(grid, "annual_load_mwh", fleet.areas), draws)
    store = balances[a].store
    if storage == "equivalent":
        within = Conditions(records, place, areas=[a])
        balances[a] = storage_equivalent.counted(grid, fleet, draws, (balances, central), within)[0]
    nameplates = projected.nameplate_mw, middle.nameplate_mw
    return AreaCase(fleet, draws, a, *nameplates, balances, central, records[a], store, place)


def asked(
    grid: xr.Dataset, scenario: Scenario, area: str, at: tuple[int, float], sample: tuple[int, int]
) -> tuple[Fleet, Draws, int]:
    """Fleet, draws and number of an area. at : year and quantile; sample : number of draws and seed.

    Raises CapacityError for an unknown area, a year before the model's first, or a quantile outside 0 to 1.
    """
    (year, quantile), (draws, seed) = at, sample
    name, a = number_of(grid, area)
    base = int(grid["history_year"][-1])
    if year <= base or not 0.0 <= quantile <= 1.0:
        raise CapacityError(f"year {year}, quantile {quantile}: give a year after {base} and a quantile from 0 to 1")
    return Fleet.of(grid, name), Draws(seed, draw_ids(draws), np.arange(base + 1, year + 1), scenario), a


def at_quantile(load_mw: Floats, quantile: float) -> int:
    """The draw whose load is a quantile of those of all (draw,)."""
    order = np.argsort(load_mw, kind="stable")
    return int(order[min(int(quantile * len(order)), len(order) - 1)])
