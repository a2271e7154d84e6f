"""Two adequacy notions as hourly margins: what is left for new load in each hour before it must curtail.

firm_capacity   Derated available capacity over (1 + reserve margin), plus wind, solar and scheduled hydro, minus
                native load and net export. The default.
historic_peak   The area can serve its own seasonal peak, whatever stands behind it (Norris et al. 2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import demand, dispatch
from capacity.draws import CentralPath, Draws
from capacity.errors import CapacityError
from capacity.fleet import Fleet
from grids.hours import hours_in_year

Floats = NDArray[np.float64]

HOURS = 8760
STORAGE = ("battery", "pumped_storage")
VARIABLE = ("wind", "offshore_wind", "solar")
TERMS = ("constant", "load", "wind", "offshore_wind", "solar", "hydro", "net_export")
"""Profiles of the margin, in the order of its coefficients."""
SUMMER_MONTHS = (4, 5, 6, 7, 8, 9, 10)
"""April to October against the summer peak, the rest against the winter peak."""


@dataclass(frozen=True)
class AreaWeather:
    """One area in one weather year; all (hour,), per unit of annual mean load or of nameplate. [1]"""

    area: str
    weather_year: int
    load_shape: Floats
    wind: Floats
    offshore_wind: Floats
    solar: Floats


@dataclass(frozen=True)
class AreaBalance:
    """What one area's margin is made of, over draws and years. All (draw, year) unless noted.

    load_mw        Mean native load. [MW]
    stretch        Pull of the load shape away from its mean. [1]
    firm_mw        Derated firm capacity over (1 + reserve margin). [MW]
    variable_mw    Nameplate of wind, offshore wind and solar, each (draw, year). [MW]
    hydro_mw       Hydro nameplate times the hydro-year factor. [MW]
    """

    load_mw: Floats
    stretch: Floats
    firm_mw: Floats
    variable_mw: dict[str, Floats]
    hydro_mw: Floats

    def coefficients(self) -> Floats:
        """Coefficients (draw, year, term) of TERMS in the hourly margin. [MW]"""
        return np.stack(
            [
                self.firm_mw + self.load_mw * self.stretch,
                -self.load_mw * (1.0 + self.stretch),
                *(self.variable_mw[name] for name in VARIABLE),
                self.hydro_mw,
                -np.ones_like(self.load_mw),
            ],
            axis=-1,
        )

    def take(self, draws: NDArray[np.int64]) -> AreaBalance:
        """The same area for a subset of draws."""
        return AreaBalance(
            self.load_mw[draws],
            self.stretch[draws],
            self.firm_mw[draws],
            {name: values[draws] for name, values in self.variable_mw.items()},
            self.hydro_mw[draws],
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
    for row in np.argsort(columns[1], kind="stable"):
        area, year, *series = (column[row] for column in columns)
        found[str(area)].append(AreaWeather(str(area), int(year), *series))
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
    grid: xr.Dataset, fleet: Fleet, nameplate_mw: Floats, path: demand.DemandPath, draws: Draws | CentralPath
) -> list[AreaBalance]:
    """One AreaBalance per area of the fleet, from projected capacity (draw, area, technology, year)."""
    mean_load = base_year_mean_mw(grid, "annual_load_mwh", fleet.areas)
    peak_to_mean = peak_to_mean_ratio(grid, fleet.areas)
    pre = fleet.prefix
    summer = grid["summer_capability_fraction"].sel(country=fleet.country).to_numpy()
    reserve = 1.0 + draws.parameter(f"{pre}.reserve_margin")
    water = draws.yearly(f"{pre}.hydro_year_factor")
    names = fleet.technologies
    firm = np.zeros((len(draws), len(fleet.areas), len(draws.years)))
    for k, technology in enumerate(names):
        factor = firm_factor(technology, fleet.country, draws, float(summer[k]))
        firm += nameplate_mw[:, :, k] * factor[:, None, :]
    result = []
    for a in range(len(fleet.areas)):
        result.append(
            AreaBalance(
                load_mw=mean_load[a] * path.energy_ratio,
                stretch=demand.stretch(path.peak_ratio, float(peak_to_mean[a])),
                firm_mw=firm[:, a] / reserve,
                variable_mw={name: nameplate_mw[:, a, names.index(name)] for name in VARIABLE},
                hydro_mw=nameplate_mw[:, a, names.index("hydro")] * water,
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


def profiles(weather: AreaWeather, central: AreaBalance, water: HydroPlan, net_export_mw: float) -> Floats:
    """Profiles (year, term, hour) of the margin, with hydro and interchange scheduled on the central path.

    central : AreaBalance of one draw, the central path.
    net_export_mw : yearly mean, positive out. [MW]
    """
    mean, pull = central.load_mw[0, :, None], central.stretch[0, :, None]
    load = mean * (1.0 + (1.0 + pull) * (weather.load_shape - 1.0))
    variable = sum(central.variable_mw[name][0, :, None] * getattr(weather, name) for name in VARIABLE)
    net_load = load - variable
    hydro = water.schedule(net_load, central.hydro_mw[0, :, None])
    available = central.firm_mw[0, :, None] + central.hydro_mw[0, :, None] * hydro
    export = dispatch.interchange(weather.load_shape, available - net_load, net_export_mw * HOURS)
    years = len(export)
    fixed = [np.ones(HOURS), weather.load_shape, weather.wind, weather.offshore_wind, weather.solar]
    shared = np.broadcast_to(np.stack(fixed)[None], (years, len(fixed), HOURS))
    return np.ascontiguousarray(np.concatenate([shared, hydro[:, None], export[:, None]], axis=1))


@dataclass(frozen=True)
class HydroPlan:
    """Water of one area: monthly energy share (12,) of nameplate, must-run share of it, highest output. [1]"""

    energy_share: Floats
    floor_share: float
    ceiling: float

    def schedule(self, net_load_mw: Floats, hydro_mw: Floats) -> Floats:
        """Output (year, hour) over nameplate; nil where the area has no hydro."""
        if not (hydro_mw > 0.0).any():
            return np.zeros_like(net_load_mw)
        return dispatch.hydro_schedule(net_load_mw / hydro_mw, self.energy_share, self.floor_share, self.ceiling)


def hydro_plan(grid: xr.Dataset, area: str, central: CentralPath) -> HydroPlan:
    """Water of an area from its monthly record and the two scheduling parameters."""
    return HydroPlan(
        energy_share=grid["hydro_monthly_capacity_factor"].sel(area=area).to_numpy(),
        floor_share=float(central.scalar("hydro_minimum_share")[0]),
        ceiling=float(1.0 - central.scalar("forced_outage_rate_hydro")[0]),
    )


def historic_peak_terms(load_mw: Floats) -> tuple[Floats, Floats]:
    """Profiles (3, hour) and coefficients (1, 3) of the historic_peak margin of one hourly load. [MW]

    Margin = the season's highest load minus load, April to October against the summer peak.
    """
    month = np.repeat(np.arange(1, 13), dispatch.HOURS_OF_MONTH)
    summer = np.isin(month, SUMMER_MONTHS)
    peaks = [load_mw[summer].max(), load_mw[~summer].max()]
    return np.stack([load_mw, summer.astype(float), (~summer).astype(float)]), np.array([[-1.0, *peaks]])
