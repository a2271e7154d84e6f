"""Adequacy notions: the hourly margin, what is left for new load in each hour before it must curtail.

firm_capacity   Derated available capacity over (1 + reserve margin), plus wind, solar and scheduled hydro, minus
                native load and net export. The default.
historic_peak   The area can serve its own seasonal peak, whatever stands behind it (Norris et al. 2025).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import dispatch
from capacity.adequacy.parts import HOURS, VARIABLE, AreaBalance, AreaWeather, base_year_mean_mw
from capacity.demand_components import HOURLY
from capacity.draws import CentralPath
from capacity.supply.fleet import Fleet
from capacity.winter import cold_spell
from cuda_kernels import Engine
from grids.hours import MONTH_OF_HOUR

Floats = NDArray[np.float64]

TERMS = ("constant", "load", *VARIABLE, "hydro", "net_export")
"""Profiles of every firm_capacity margin, in the order of its coefficients; a lean one has those that are not nil."""
WINTER_TERMS = ("heating", "cold_spell")
"""Those that follow where a scenario moves winter's levers; after them come components of growth that are on."""
LOAD_TERMS = ("load", "heating", *HOURLY)
"""Terms that are native load, beside its part in the constant."""
SUMMER_MONTHS = (4, 5, 6, 7, 8, 9, 10)
"""April to October against the summer peak, the rest against the winter peak."""
IS_SUMMER = np.isin(MONTH_OF_HOUR, SUMMER_MONTHS)


class Margin(NamedTuple):
    """margin (draw, year, hour) = coefficients (draw, year, term) @ profiles (year, term, hour). [MW]

    yearly : terms whose profile differs from year to year; the others' also does not depend on the scenario.
    terms : names of the terms
    """

    profiles: Floats
    coefficients: Floats
    yearly: tuple[int, ...]
    terms: tuple[str, ...]

    def lifted(self, mw: Floats | None) -> Margin:
        """The same with as much more capacity (draw, year) in all hours. [MW]"""
        if mw is None:
            return self
        coefficients = self.coefficients.copy()
        coefficients[..., self.terms.index("constant")] += mw
        return self._replace(coefficients=coefficients)


@dataclass(frozen=True)
class AreaRecord:
    """What the grid says of one area beyond its fleet.

    weather : its weather years
    water : its hydro
    net_export_mw : yearly mean of the base year, positive out. [MW]
    cold_spell_hours : hours of a cold spell, where a scenario has one
    lean : wind and sun that the area has none of are no terms of its margin
    """

    weather: Sequence[AreaWeather]
    water: HydroPlan
    net_export_mw: float
    cold_spell_hours: int
    lean: bool = False


@dataclass(frozen=True)
class HydroPlan:
    """Water of one area: monthly energy share (12,) of nameplate, must-run share of it, highest output. [1]

    engine : that schedules it; changes no bit
    """

    energy_share: Floats
    floor_share: float
    ceiling: float
    engine: Engine = "auto"

    def schedule(self, net_load_mw: Floats, hydro_mw: Floats) -> Floats:
        """Output (year, hour) over nameplate; nil where the area has no hydro."""
        if not (hydro_mw > 0.0).any():
            return np.zeros_like(net_load_mw)
        served = net_load_mw / hydro_mw
        return dispatch.hydro_schedule(served, self.energy_share, self.floor_share, self.ceiling, self.engine)


Notion = Callable[[AreaRecord, AreaWeather, AreaBalance, AreaBalance], Margin]


def firm_capacity(record: AreaRecord, weather: AreaWeather, balance: AreaBalance, central: AreaBalance) -> Margin:
    """Margin from capacity that stands, with hydro and interchange scheduled on the central path.

    balance : the draws; central : one draw, the central path.
    """
    mean, pull = central.shaped_mw[0, :, None], central.stretch[0, :, None]
    load = central.flat_mw[0, :, None] + mean * (1.0 + (1.0 + pull) * (weather.load_shape - 1.0))
    extra = _extra(record, weather, balance)
    planned = [*(central.winter or ()), *(central.added or ())]
    part = np.empty_like(load)  # of every term: fresh memory would take longer than the sums
    for (_, _, hours), mw in zip(extra, planned, strict=True):
        load += np.multiply(mw[0, :, None], hours, out=part)
    variable = np.zeros_like(load)
    for name in VARIABLE:
        variable += np.multiply(central.variable_mw[name][0, :, None], getattr(weather, name), out=part)
    net_load = np.subtract(load, variable, out=load)
    hydro = record.water.schedule(net_load, central.hydro_mw[0, :, None])
    available = central.firm_mw[0, :, None] + central.hydro_mw[0, :, None] * hydro
    export = dispatch.interchange(weather.load_shape, available - net_load, record.net_export_mw * HOURS)
    blown = [name for name in VARIABLE if not record.lean or getattr(weather, name).any()]
    fixed = (np.ones(HOURS), weather.load_shape, *(getattr(weather, name) for name in blown))
    columns = (*fixed, hydro, export, *(hours for _, _, hours in extra))
    profiles = np.empty((len(load), len(columns), HOURS))
    for term, hours in enumerate(columns):
        profiles[:, term] = hours
    coefficients = [
        balance.firm_mw + balance.shaped_mw * balance.stretch - balance.flat_mw,
        -balance.shaped_mw * (1.0 + balance.stretch),
        *(balance.variable_mw[name] for name in blown),
        balance.hydro_mw,
        -np.ones_like(balance.load_mw),
        *(-mw for _, mw, _ in extra),
    ]
    terms = tuple(term for term in TERMS if term not in VARIABLE or term in blown)
    scheduled = (terms.index("hydro"), terms.index("net_export"))
    return Margin(profiles, np.stack(coefficients, axis=-1), scheduled, (*terms, *(name for name, _, _ in extra)))


def _extra(record: AreaRecord, weather: AreaWeather, balance: AreaBalance) -> list[tuple[str, Floats, Floats]]:
    """Burdens beside the load shape: name, mean (draw, year) [MW], and hours (hour,) over their mean."""
    found: list[tuple[str, Floats, Floats]] = []
    if balance.winter is not None:
        spell = cold_spell(weather.load_shape, record.cold_spell_hours)
        found += zip(WINTER_TERMS, balance.winter, (weather.heating, spell), strict=True)
    if balance.added is not None:
        found += zip(HOURLY, balance.added, weather.added, strict=True)
    return found


def historic_peak(record: AreaRecord, weather: AreaWeather, balance: AreaBalance, central: AreaBalance) -> Margin:
    """Margin below the season's highest load over all weather years of the area, grown with the load.

    The level of the load cancels between peak and hour, so only the shapes and the stretched level remain. Winter
    heating, cold spells and components of growth are left out: the peak that was served says nothing of them.
    """
    peaks = [max(float(year.load_shape[season].max()) for year in record.weather) for season in (IS_SUMMER, ~IS_SUMMER)]
    below_peak = np.where(IS_SUMMER, *peaks) - weather.load_shape
    profiles = np.broadcast_to(below_peak[None, None], (balance.load_mw.shape[1], 1, HOURS))
    coefficients = (balance.load_mw * (1.0 + balance.stretch))[..., None]
    return Margin(np.ascontiguousarray(profiles), coefficients, (), ("below_peak",))


NOTIONS: Mapping[str, Notion] = {"firm_capacity": firm_capacity, "historic_peak": historic_peak}
DEFAULT_NOTION = "firm_capacity"


def load_mw(parts: Mapping[str, Floats], firm_mw: float) -> Floats:
    """Native load (hour,) from what each term gives a margin in some hours and the firm capacity. [MW]"""
    # The constant holds, beside firm capacity, load that is alike in all hours.
    return np.asarray(firm_mw - parts["constant"] - sum(parts[name] for name in LOAD_TERMS if name in parts))


def added_mw(parts: Mapping[str, Floats]) -> dict[str, Floats]:
    """Of that load, what components of growth with hours of their own take, by column of a table. [MW]"""
    return {f"{name}_mw": -parts[name] for name in HOURLY if name in parts}


def area_records(
    grid: xr.Dataset,
    fleet: Fleet,
    weather: Mapping[str, Sequence[AreaWeather]],
    central: CentralPath,
    engine: Engine = "auto",
) -> list[AreaRecord]:
    """The records of a country's areas, in the order of its fleet."""
    exports = base_year_mean_mw(grid, "net_export_mwh", fleet.areas)
    water = grid["hydro_monthly_capacity_factor"].sel(area=list(fleet.areas)).to_numpy()
    floor = float(central.scalar("hydro_minimum_share")[0])
    ceiling = float(1.0 - central.scalar("forced_outage_rate_hydro")[0])
    spell = int(central.scalar("cold_spell_hours")[0])
    return [
        AreaRecord(weather[area], HydroPlan(water[a], floor, ceiling, engine), float(exports[a]), spell)
        for a, area in enumerate(fleet.areas)
    ]


def weather_groups(years: Sequence[AreaWeather], place: Floats) -> Iterator[tuple[AreaWeather, NDArray[np.int64]]]:
    """Each weather year of an area with the draws that live in it.

    place : (draw,)  One uniform per draw picks the year for all areas at once, so that weather stays simultaneous.
    """
    chosen = np.minimum((place * len(years)).astype(np.int64), len(years) - 1)
    for number, conditions in enumerate(years):
        yield conditions, np.flatnonzero(chosen == number)
