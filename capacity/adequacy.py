"""What an hourly margin is made of: weather of an area, and its firm capacity, load, wind, sun and water over draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import demand
from capacity.demand_components import peak_ratio
from capacity.draws import CentralPath, Draws
from capacity.errors import CapacityError
from capacity.fleet import Fleet
from capacity.storage import TECHNOLOGIES, StorageName, Store, store_of
from capacity.winter import Winter, heating_shape, monthly_temperature_c, winter
from grids.hours import hours_in_year

Floats = NDArray[np.float64]

HOURS = 8760
STORAGE = TECHNOLOGIES
VARIABLE = ("wind", "offshore_wind", "solar")


@dataclass(frozen=True)
class AreaWeather:
    """One area in one weather year; all (hour,), per unit of annual mean load, of nameplate, or of mean heat. [1]"""

    area: str
    weather_year: int
    load_shape: Floats
    wind: Floats
    offshore_wind: Floats
    solar: Floats
    heating: Floats = field(default_factory=lambda: np.ones(HOURS))


@dataclass(frozen=True)
class AreaBalance:
    """What one area's margin is made of, over draws and years. All (draw, year) unless noted.

    load_mw        Mean native load. [MW]
    stretch        Pull of the load shape away from its mean. [1]
    firm_mw        Derated firm capacity over (1 + reserve margin). [MW]
    variable_mw    Nameplate of wind, offshore wind and solar, each (draw, year). [MW]
    hydro_mw       Hydro nameplate times the hydro-year factor. [MW]
    winter         What winter adds; None where no scenario asks. [MW]
    store          Storage that is dispatched; None where it counts by its credit, within firm_mw.
    """

    load_mw: Floats
    stretch: Floats
    firm_mw: Floats
    variable_mw: dict[str, Floats]
    hydro_mw: Floats
    winter: Winter | None = None
    store: Store | None = None

    @property
    def shaped_mw(self) -> Floats:
        """Mean load (draw, year) that follows the load shape; the rest follows the heating of buildings. [MW]"""
        return self.load_mw if self.winter is None else self.load_mw - self.winter.heating_mw

    def take(self, draws: NDArray[np.int64]) -> AreaBalance:
        """The same area for a subset of draws."""
        return AreaBalance(
            self.load_mw[draws],
            self.stretch[draws],
            self.firm_mw[draws],
            {name: values[draws] for name, values in self.variable_mw.items()},
            self.hydro_mw[draws],
            None if self.winter is None else Winter(*(values[draws] for values in self.winter)),
            None if self.store is None else self.store.take(draws),
        )


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
    heating = {area: heating_shape(monthly_temperature_c(grid, area)) for area in found}
    for row in np.argsort(columns[1], kind="stable"):
        area, year, load, wind, at_sea, sun = (column[row] for column in columns)
        heat = heating[str(area)]
        found[str(area)].append(AreaWeather(str(area), int(year), load, wind, at_sea, sun, heat))
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

    storage : a name in `capacity.storage.STORAGE`; "dispatch" takes it out of the firm capacity
    """
    mean_load = base_year_mean_mw(grid, "annual_load_mwh", fleet.areas)
    peak_to_mean = peak_to_mean_ratio(grid, fleet.areas)
    pre = fleet.prefix
    summer = grid["summer_capability_fraction"].sel(country=fleet.country).to_numpy()
    reserve = 1.0 + draws.parameter(f"{pre}.reserve_margin")
    water = draws.yearly(f"{pre}.hydro_year_factor")
    names = fleet.technologies
    firm = np.zeros((len(draws), len(fleet.areas), len(draws.years)))
    dispatched = storage == "dispatch"
    for k, technology in enumerate(names):
        if dispatched and technology in STORAGE:
            continue
        factor = firm_factor(technology, fleet.country, draws, float(summer[k]))
        firm += nameplate_mw[:, :, k] * factor[:, None, :]
    gas = names.index("gas")
    gas_firm = firm_factor("gas", fleet.country, draws, float(summer[gas])) / reserve
    result = []
    for a in range(len(fleet.areas)):
        load = mean_load[a] * path.energy_ratio
        result.append(
            AreaBalance(
                load_mw=load,
                stretch=demand.stretch(peak_ratio(grid, fleet, a, path, draws), float(peak_to_mean[a])),
                firm_mw=firm[:, a] / reserve,
                variable_mw={name: nameplate_mw[:, a, names.index(name)] for name in VARIABLE},
                hydro_mw=nameplate_mw[:, a, names.index("hydro")] * water,
                winter=winter(fleet, draws, load, nameplate_mw[:, a, gas] * gas_firm),
                store=store_of({t: nameplate_mw[:, a, names.index(t)] / reserve for t in STORAGE}, pre, draws)
                if dispatched
                else None,
            )
        )
    return result


def base_year_mean_mw(grid: xr.Dataset, name: str, areas: Sequence[str]) -> Floats:
    """Mean power (area,) of a yearly energy in the last year on record, which may be a leap year. [MW]"""
    hours = hours_in_year(int(grid["history_year"].to_numpy()[-1]))
    return grid[name].sel(area=list(areas)).to_numpy()[:, -1] / hours


def peak_to_mean_ratio(grid: xr.Dataset, areas: Sequence[str]) -> Floats:
    """Highest load shape (area,) over an area's weather years. [1]"""
    owner, peak = grid["profile_area"].to_numpy(), grid["load_shape"].to_numpy().max(axis=1)
    return np.array([peak[owner == area].max() for area in areas])
