"""What an area's firm capacity is made of, alike in all hours: units, their expected outage, storage, reserve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import reliability
from capacity.adequacy.parts import STORAGE, AreaBalance, firm_factor, reserve_of
from capacity.draws import Draws
from capacity.supply.fleet import Fleet

Floats = NDArray[np.float64]


def standing_mw(
    grid: xr.Dataset, of: tuple[Fleet, Draws], at: tuple[int, int], nameplate_mw: Floats, balance: AreaBalance
) -> dict[str, float]:
    """Of the last year of some draws of a fleet; at : numbers of draw and area. [MW]

    nameplate_mw : (draw, area, technology) in that year; balance : of the area. Dispatched storage is none of it.
    """
    (fleet, draws), (draw, a) = of, at
    summer = grid["summer_capability_fraction"].sel(country=fleet.country).to_numpy()
    last = replace(draws, years=draws.years[-1:])

    def expected(technologies: tuple[str, ...]) -> float:
        found = reliability.expected_mw(fleet, last, nameplate_mw[..., None], summer, technologies)
        return float(found[draw, a, 0])

    units = [k for k, technology in enumerate(fleet.technologies) if technology in reliability.UNITS]
    installed = sum(float(nameplate_mw[draw, a, k] * summer[k]) for k in units)
    available, storage = expected(tuple(fleet.technologies[k] for k in units)), 0.0
    if balance.storage_mw is not None:
        storage = float(balance.storage_mw[draw, -1] * reserve_of(fleet, last)[draw, 0])
    elif balance.store is None:  # by its credit
        storage = expected(STORAGE)
    return {
        "units_mw": installed,
        "expected_outage_mw": installed - available,
        "storage_mw": storage,
        "reserve_mw": available + storage - float(balance.firm_mw[draw, -1]),
    }


def unit_shares(grid: xr.Dataset, of: tuple[Fleet, Draws], draw: int, *, reserve: bool = True) -> dict[str, float]:
    """What one MW of nameplate of units counts for in the last year, by technology. [MW/MW]

    reserve : over one plus the reserve margin, as firm capacity; else as it is expected to stand
    """
    fleet, draws = of
    summer = grid["summer_capability_fraction"].sel(country=fleet.country).to_numpy()
    last = replace(draws, years=draws.years[-1:])
    over = float(reserve_of(fleet, last)[draw, 0]) if reserve else 1.0

    def share(technology: str) -> float:
        capability = float(summer[fleet.technologies.index(technology)])
        return float(firm_factor(technology, fleet.country, last, capability)[draw, 0]) / over

    return {technology: share(technology) for technology in reliability.UNITS}
