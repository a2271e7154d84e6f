"""What an hourly margin is made of: weather of an area, and its firm capacity, load, wind, sun and water over draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import demand
from capacity import demand_components as components
from capacity.adequacy.storage import TECHNOLOGIES, StorageName, Store, store_of
from capacity.demand_components import Added
from capacity.draws import CentralPath, Draws
from capacity.errors import CapacityError
from capacity.supply.fleet import Fleet
from capacity.winter import Winter, heating_shape, monthly_temperature_c, winter
from grids.hours import hours_in_year

Floats = NDArray[np.float64]

HOURS = 8760
STORAGE = TECHNOLOGIES
VARIABLE = ("wind", "offshore_wind", "solar")


@dataclass(frozen=True)
class AreaWeather:
    """One area in one weather year; per unit of annual mean load, of nameplate, or of a mean. [1]

    All (hour,) but `added`: (component, hour), as in `demand_components.HOURLY`.
    """

    area: str
    weather_year: int
    load_shape: Floats
    wind: Floats
    offshore_wind: Floats
    solar: Floats
    heating: Floats = field(default_factory=lambda: np.ones(HOURS))
    added: Floats = field(default_factory=lambda: np.ones((len(components.HOURLY), HOURS)))


@dataclass(frozen=True)
class AreaBalance:
    """What one area's margin is made of, over draws and years. All (draw, year) unless noted.

    load_mw        Mean native load. [MW]
    flat_mw        Part of it that is alike in all hours, beside what the load shape holds; may be negative. [MW]
    stretch        Pull of the load shape away from its mean. [1]
    firm_mw        Derated firm capacity over (1 + reserve margin). [MW]
    variable_mw    Nameplate of wind, offshore wind and solar, each (draw, year). [MW]
    hydro_mw       Hydro nameplate times the hydro-year factor. [MW]
    winter         What winter adds; None where no scenario asks. [MW]
    added          Part of the mean load that follows components of growth; None where none has hours of its own.
    store          Storage that is dispatched; None where it counts as firm, within firm_mw.
    storage_mw     What dispatched storage is worth within firm_mw; None where it is not or counts by its credit. [MW]
    storage_power_mw  Power of the stores behind it; None likewise. [MW]
    firm_extra_mw  What it adds to headroom without curtailment beyond that; None likewise. [MW]
    alone_mw       What it would be worth beyond storage_mw if it served this area only; None where it does. [MW]
    terms_mw       What it is worth beyond storage_mw under terms beyond energy, or less; None without such terms. [MW]
    """

    load_mw: Floats
    stretch: Floats
    firm_mw: Floats
    variable_mw: dict[str, Floats]
    hydro_mw: Floats
    flat_mw: Floats
    winter: Winter | None = None
    added: Added | None = None
    store: Store | None = None
    storage_mw: Floats | None = None
    storage_power_mw: Floats | None = None
    firm_extra_mw: Floats | None = None
    alone_mw: Floats | None = None
    terms_mw: Floats | None = None

    @property
    def shaped_mw(self) -> Floats:
        """Mean load (draw, year) that follows the load shape, beside what is flat or has hours of its own. [MW]"""
        shaped = self.load_mw - self.flat_mw
        for mw in self.added or ():
            shaped = shaped - mw
        return shaped if self.winter is None else shaped - self.winter.heating_mw

    def take(self, draws: NDArray[np.int64]) -> AreaBalance:
        """The same area for a subset of draws."""
        return self.at(draws)

    def at(self, place: Any) -> AreaBalance:
        """The same area for some draws and years: what `place` picks of arrays (draw, year)."""
        return AreaBalance(
            self.load_mw[place],
            self.stretch[place],
            self.firm_mw[place],
            {name: values[place] for name, values in self.variable_mw.items()},
            self.hydro_mw[place],
            self.flat_mw[place],
            None if self.winter is None else Winter(*(values[place] for values in self.winter)),
            None if self.added is None else Added(*(values[place] for values in self.added)),
            None if self.store is None else Store(*(values[place] for values in self.store)),
            None if self.storage_mw is None else self.storage_mw[place],
            None if self.storage_power_mw is None else self.storage_power_mw[place],
            None if self.firm_extra_mw is None else self.firm_extra_mw[place],
            None if self.alone_mw is None else self.alone_mw[place],
            None if self.terms_mw is None else self.terms_mw[place],
        )


def burdens(weather: AreaWeather, balance: AreaBalance) -> list[tuple[Floats, Floats]]:
    """Mean load (draw, year) that follows hours of its own [MW], with these hours (hour,) over their mean."""
    found = [] if balance.winter is None else [(balance.winter.heating_mw, weather.heating)]
    return [*found, *zip(balance.added or (), weather.added, strict=False)]


def native_mw(weather: AreaWeather, balance: AreaBalance, rows: NDArray[np.int64], y: int) -> Floats:
    """Native load (row, hour) of some draws in one year. [MW]"""
    shape = 1.0 + (1.0 + balance.stretch[rows, y, None]) * (weather.load_shape - 1.0)
    load = balance.flat_mw[rows, y, None] + balance.shaped_mw[rows, y, None] * shape
    for mw, hours in burdens(weather, balance):
        load = load + mw[rows, y, None] * hours
    return load


def native_terms(weather: AreaWeather, balance: AreaBalance) -> list[tuple[Floats, Floats]]:
    """What native load is the sum of: megawatts (draw, year), each times hours (hour,). [MW]"""
    pulled = balance.shaped_mw * balance.stretch
    level = (balance.flat_mw - pulled, np.ones(len(weather.load_shape)))
    return [level, (balance.shaped_mw + pulled, weather.load_shape), *burdens(weather, balance)]


def peak_mw(weather: AreaWeather, balance: AreaBalance) -> Floats:
    """Highest native load (draw, year) of a weather year. [MW]"""
    own = burdens(weather, balance)
    shaped, pull = balance.shaped_mw, 1.0 + balance.stretch
    highest = [(float((mw / (shaped * pull)).max()), hours) for mw, hours in own]
    best = np.full(shaped.shape, -np.inf)
    for hour in components.peak_hours(weather.load_shape, highest):
        load = balance.flat_mw + shaped * (1.0 + pull * (weather.load_shape[hour] - 1.0))
        for mw, hours in own:
            load = load + mw * hours[hour]
        best = np.maximum(best, load)
    return best


def weather_by_area(grid: xr.Dataset) -> dict[str, tuple[AreaWeather, ...]]:
    """The weather years of every area, ascending. Without an offshore resource on record, offshore output is nil."""
    offshore = grid["offshore_wind_capacity_factor"].to_numpy()
    known = np.isfinite(offshore)
    partly = known.any(axis=1) & ~known.all(axis=1)
    if partly.any():
        names = ", ".join(map(str, grid["profile"].to_numpy()[partly]))
        raise CapacityError(f"offshore wind factors cover only part of a year in {names}; give all 8760 hours or none")
    columns = (
        grid["profile_area"].to_numpy(),
        grid["weather_year"].to_numpy(),
        grid["load_shape"].to_numpy(),
        grid["wind_capacity_factor"].to_numpy(),
        np.where(known, offshore, 0.0),
        grid["solar_capacity_factor"].to_numpy(),
    )
    found: dict[str, list[AreaWeather]] = {str(area): [] for area in grid["area"].to_numpy()}
    normal = {area: monthly_temperature_c(grid, area) for area in found}
    heating = {area: heating_shape(normal[area]) for area in found}
    warm = {area: components.warm_hours(normal[area]) for area in found}
    offset = {area: components.utc_offset(grid, area) for area in found}
    for row in np.argsort(columns[1], kind="stable"):
        name, year, load, wind, at_sea, sun = (column[row] for column in columns)
        area = str(name)
        added = components.shapes(load, warm[area], int(year), offset[area])
        found[area].append(AreaWeather(area, int(year), load, wind, at_sea, sun, heating[area], added))
    return {area: tuple(years) for area, years in found.items()}


def firm_factor(technology: str, country: str, draws: Draws | CentralPath, summer: float) -> Floats:
    """Firm share (draw, year) of a technology's nameplate; nil for wind, solar and scheduled hydro."""
    if technology in VARIABLE or technology == "hydro":
        return np.zeros((len(draws), len(draws.years)))
    if technology in STORAGE:
        return draws.parameter(f"{country.lower()}.{technology}_credit")
    rate = draws.parameter(f"forced_outage_rate_{technology}")
    multiplier = draws.parameter(f"{country.lower()}.forced_outage_multiplier")
    return summer * np.clip(1.0 - rate * multiplier, 0.0, 1.0)


def balances(
    grid: xr.Dataset,
    fleet: Fleet,
    nameplate_mw: Floats,
    path: demand.DemandPath,
    draws: Draws | CentralPath,
    storage: StorageName = "credit",
) -> list[AreaBalance]:
    """One AreaBalance per area of the fleet, from projected capacity (draw, area, technology, year).

    storage : a name in `storage.STORAGE`; all but "credit" keep it apart from the firm capacity, as `store`
    """
    mean_load = base_year_mean_mw(grid, "annual_load_mwh", fleet.areas)
    peak_to_mean = peak_to_mean_ratio(grid, fleet.areas)
    pre = fleet.prefix
    summer = grid["summer_capability_fraction"].sel(country=fleet.country).to_numpy()
    reserve = reserve_of(fleet, draws)
    water = draws.yearly(f"{pre}.hydro_year_factor")
    names = fleet.technologies
    firm = np.zeros((len(draws), len(fleet.areas), len(draws.years)))
    dispatched = storage != "credit"
    for k, technology in enumerate(names):
        if dispatched and technology in STORAGE:
            continue
        factor = firm_factor(technology, fleet.country, draws, float(summer[k]))
        firm += nameplate_mw[:, :, k] * factor[:, None, :]
    gas = names.index("gas")
    gas_firm = firm_factor("gas", fleet.country, draws, float(summer[gas])) / reserve
    result = []
    shares = components.added_shares(grid, fleet, draws)
    peak_ratio = components.peak_ratio(path, fleet, draws)
    for a in range(len(fleet.areas)):
        load = mean_load[a] * path.load_ratio
        flat, added = components.divide(float(mean_load[a]), path, None if shares is None else shares[:, a])
        result.append(
            AreaBalance(
                load_mw=load,
                stretch=demand.stretch(peak_ratio, float(peak_to_mean[a])),
                firm_mw=firm[:, a] / reserve,
                variable_mw={name: nameplate_mw[:, a, names.index(name)] for name in VARIABLE},
                hydro_mw=nameplate_mw[:, a, names.index("hydro")] * water,
                flat_mw=flat,
                added=added,
                winter=winter(fleet, draws, load, nameplate_mw[:, a, gas] * gas_firm),
                store=store_of({t: nameplate_mw[:, a, names.index(t)] / reserve for t in STORAGE}, pre, draws)
                if dispatched
                else None,
            )
        )
    return result


def reserve_of(fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """One plus the reserve margin (draw, year), over which all that is firm counts. [1]"""
    return 1.0 + draws.parameter(f"{fleet.prefix}.reserve_margin")


def base_year_mean_mw(grid: xr.Dataset, name: str, areas: Sequence[str]) -> Floats:
    """Mean power (area,) of a yearly energy in the last year on record, which may be a leap year. [MW]"""
    hours = hours_in_year(int(grid["history_year"].to_numpy()[-1]))
    return grid[name].sel(area=list(areas)).to_numpy()[:, -1] / hours


def peak_to_mean_ratio(grid: xr.Dataset, areas: Sequence[str]) -> Floats:
    """Highest load shape (area,) over an area's weather years. [1]"""
    owner, peak = grid["profile_area"].to_numpy(), grid["load_shape"].to_numpy().max(axis=1)
    return np.array([peak[owner == area].max() for area in areas])
