"""Winter: heat that has become electric, gas that fails in a cold spell, the hardest weather years.

See docs/adequacy.md, Winter. All of it is off unless a scenario turns it on; off, it changes no bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grids.hours import DAYS_IN_MONTH, MONTH_OF_HOUR

if TYPE_CHECKING:
    import xarray as xr

    from capacity.adequacy.parts import AreaWeather
    from capacity.draws import CentralPath, Draws
    from capacity.supply.fleet import Fleet

Floats = NDArray[np.float64]

HEATING_BELOW_C = 15.0
"""Outdoor temperature above which no building is heated; label J, common base of heating degree days."""
IS_WINTER = np.isin(MONTH_OF_HOUR, (12, 1, 2))


class Winter(NamedTuple):
    """What winter adds to an area's burden, over draws and years; both (draw, year). [MW]

    heating_mw     Part of the mean native load that follows the heating of buildings.
    cold_loss_mw   Firm gas capacity that is missing in a cold spell.
    """

    heating_mw: Floats
    cold_loss_mw: Floats


def winter(fleet: Fleet, draws: Draws | CentralPath, load_mw: Floats, gas_firm_mw: Floats) -> Winter | None:
    """The burden of one area with a mean load and firm gas capacity (draw, year); None where no lever is moved."""
    heating = draws.parameter(f"{fleet.prefix}.electric_heating_share")
    loss = draws.parameter(f"{fleet.prefix}.cold_spell_gas_loss")
    if not (heating.any() or loss.any()):
        return None
    return Winter(heating * load_mw, loss * gas_firm_mw)


def heating_shape(monthly_temperature_c: Floats) -> Floats:
    """Hourly heat demand (8760,) over its mean, from monthly mean temperatures (12,).

    Degrees below HEATING_BELOW_C, linear between the middles of months; no day or cold spell stands out, so peaks come
    out low. Flat where no month is cold.
    """
    degrees = np.maximum(HEATING_BELOW_C - monthly_temperature_c, 0.0)
    hours = by_hour(degrees)
    return hours / hours.mean() if degrees.any() else np.ones(8760)


def by_hour(monthly: Floats) -> Floats:
    """Hours (8760,) of monthly means (12,), linear between the middles of months."""
    ends = np.cumsum(DAYS_IN_MONTH * 24.0)
    middle = ends - DAYS_IN_MONTH * 12.0
    return np.interp(np.arange(8760) + 0.5, middle, monthly, period=8760.0)


def monthly_temperature_c(grid: xr.Dataset, area: str) -> Floats:
    """Mean temperature (12,) of an area's months where its load is. [degC]"""
    here = (grid["cell_area_id"] == area).to_numpy()
    weight = grid["cell_load_weight"].to_numpy()[here]
    return weight @ grid["cell_temperature_c"].to_numpy()[here] / weight.sum()


def cold_spell(load_shape: Floats, hours: int) -> Floats:
    """1 in the hours (8760,) of the year's cold spell, else 0: so many winter hours with the highest load."""
    (candidates,) = np.nonzero(IS_WINTER)
    order = np.argsort(-load_shape[candidates], kind="stable")
    result = np.zeros(len(load_shape))
    result[candidates[order[:hours]]] = 1.0
    return result


def weather_place(
    fleet: Fleet, weather: Mapping[str, Sequence[AreaWeather]], mean_load_mw: Floats, draws: Draws
) -> Floats:
    """Uniform (draw,) that picks each draw's weather year, for all areas of a country at once.

    Where `hard_winter_share` is below 1, only that share of the years is lived in (at least one), those with the
    hardest winters first: the highest mean, over `cold_hours_judged` winter hours, of the country's load of the base
    year less what its wind and sun give. mean_load_mw : (area,) of the base year.
    """
    uniform = draws.uniform("weather_year")
    share = float(draws.scalar(f"{fleet.prefix}.hard_winter_share")[0])
    if share >= 1.0:
        return uniform
    by_area = [weather[area] for area in fleet.areas]
    count = max(len(years) for years in by_area)
    judged = int(draws.scalar("cold_hours_judged")[0])
    together = [[years[min(n, len(years) - 1)] for years in by_area] for n in range(count)]
    hardness = [_hardness(fleet, conditions, mean_load_mw, judged) for conditions in together]
    kept = max(1, round(share * count))
    hardest = np.argsort(-np.array(hardness), kind="stable")[:kept]
    chosen = hardest[np.minimum((uniform * kept).astype(np.int64), kept - 1)]
    return (chosen + 0.5) / count


def _hardness(fleet: Fleet, weather: Sequence[AreaWeather], mean_load_mw: Floats, hours: int) -> float:
    standing = fleet.nameplate_mw.sum(axis=2)
    net = np.zeros(8760)
    for a, conditions in enumerate(weather):
        net += mean_load_mw[a] * conditions.load_shape
        for name in ("wind", "offshore_wind", "solar"):
            net -= standing[a, fleet.technologies.index(name)] * getattr(conditions, name)
    return float(np.sort(net[IS_WINTER])[-hours:].mean())
