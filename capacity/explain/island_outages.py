"""Why an area can host what it can where its units fail: the hours that carry the risk, and what one more MW adds.

Load that may be curtailed is bound by the expected share of its energy, load that may not by the criterion of the
notion (`capacity.adequacy.reliability`). Hours count by how the risk in each moves with the load
(`cuda_kernels.outage_worth`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import reliability
from capacity.adequacy.events import DAY_PARTS, SEASON_OF_HOUR, SEASONS, day_part_of_hour
from capacity.adequacy.policies import require_only_energy
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.errors import CapacityError
from capacity.explain import resources
from capacity.explain.area_year import AreaCase, area_case, asked, at_quantile
from capacity.explain.outage_area import Load, case_of, headrooms, outages_of
from capacity.explain.resources import NOTHING_MW
from capacity.explain.standing import unit_shares
from scenarios import Scenario

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FLEXIBLE = "expected share of energy"
FIRM_TERM = {
    "expected_unserved": "expected unserved energy",
    "lolh": "expected hours of shortage",
    "lole": "expected days of shortage",
}
ADDED = {
    **resources.ADDED,
    "constant": "capacity that never fails",
    "units": "units like those that stand, less their mean outage",
}


@dataclass(frozen=True)
class OutageExplanation:
    """One area, year and draw, as an island whose units fail.

    notion : str                 Of load that is never curtailed, a name in `reliability.NOTIONS`.
    draw : int                   Whose flexible headroom is the asked quantile of the draws.
    flexible, firm : Load        New load that may be curtailed by its share of energy, and that may not.
    standing : {name: MW}        The area's units, their mean outage, storage as it counts firm. [MW]
    unit_shares : dict           What is expected to stand of one MW of nameplate of units, by technology. [MW/MW]
    native_short_hours : float   Expected hours in which native load is short without any new load. [h]
    native_unserved_mwh : float  Expected energy that natives then lack. [MWh]
    season_hours, day_part_hours : {name: h}   Expected hours with shortage beside flexible load, local time.
    curtailed_mw : (hour,)       Expected curtailment of the flexible load over the year. [MW]
    """

    area: str
    year: int
    quantile: float
    notion: str
    draw: int
    weather_year: int
    flexible: Load
    firm: Load
    standing: dict[str, float]
    unit_shares: dict[str, float]
    native_short_hours: float
    native_unserved_mwh: float
    season_hours: dict[str, float]
    day_part_hours: dict[str, float]
    curtailed_mw: Floats

    @property
    def headroom_mw(self) -> float:
        """New load that may be curtailed. [MW]"""
        return self.flexible.headroom_mw

    @property
    def bound_by(self) -> str:
        """What keeps it from rising."""
        return FLEXIBLE

    @property
    def adds(self) -> dict[str, float]:
        """Headroom of that load that one more MW of each resource adds. [MW/MW]"""
        return self.flexible.adds

    @property
    def adds_dispatched(self) -> dict[str, float]:
        """The same with what storage counts for found again. [MW/MW]"""
        return self.flexible.adds_dispatched


def explain_outages(
    grid: xr.Dataset,
    scenario: Scenario,
    area: str,
    year: int,
    *,
    notion: str = "expected_unserved",
    quantile: float = 0.5,
    draws: int = 64,
    seed: int = 2025,
    shown: int = 20,
    storage: StorageName = DEFAULT_STORAGE,
) -> OutageExplanation:
    """Explain the headroom of an area in a year at a quantile over draws, as an island under an outage notion.

    storage : "equivalent" or "credit", both capacity that never fails

    Raises CapacityError for an unknown area or notion, a year before the model's first, a quantile outside 0 to 1,
    storage that is dispatched, and terms of new load beyond its share of energy.
    """
    require(notion, storage)
    fleet, drawn, a = asked(grid, scenario, area, (year, quantile), (draws, seed))
    require_only_energy(drawn, fleet.prefix)
    known = area_case(grid, fleet, drawn, a, storage)
    return explained(grid, known, notion, quantile, shown)


def explained(grid: xr.Dataset, known: AreaCase, notion: str, quantile: float, shown: int) -> OutageExplanation:
    """Explain an area whose case is known, at a quantile over its draws, with so many hours."""
    outages = outages_of(grid, known, notion)
    area, year = known.fleet.areas[known.a], int(known.draws.years[-1])
    chosen = at_quantile(headrooms(known, outages), quantile)
    case, found = case_of(grid, known, outages, chosen)
    flexible_mw, firm_mw = (float(mw[0]) if mw[0] > NOTHING_MW else 0.0 for mw in (found.flexible_mw, found.firm_mw))
    zone = str(grid["area_timezone"].sel(area=area).item())
    beside, alone = (case.units.risk(case.net_mw + mw).probability for mw in (flexible_mw, 0.0))
    return OutageExplanation(
        area,
        year,
        quantile,
        notion,
        case.draw,
        case.weather_year,
        case.load(("eue_flexible", case.share), flexible_mw, shown, zone),
        case.load((outages.criterion, outages.limit), firm_mw, shown, zone),
        case.units.standing_mw(case.storage_mw),
        unit_shares(grid, (known.fleet, known.draws), chosen, reserve=False),
        float(alone.sum()),
        float(found.native_unserved_mwh[0]),
        _summed(beside, SEASON_OF_HOUR, SEASONS),
        _summed(beside, day_part_of_hour(case.weather_year, zone), DAY_PARTS),
        case.curtailed_mw(flexible_mw),
    )


def require(notion: str, storage: StorageName) -> None:
    """Raise CapacityError for what is no outage notion, and for storage that none knows."""
    if notion not in reliability.NOTIONS:
        raise CapacityError(f"adequacy={notion!r} has no outages; choose {', '.join(reliability.NOTIONS)}")
    if storage == "dispatch":
        raise CapacityError(
            f"storage='dispatch' knows firm_capacity only; with adequacy={notion!r} use 'equivalent' or 'credit'"
        )


def _summed(values: Floats, kind: Integers, names: Iterable[str]) -> dict[str, float]:
    """Sums of hours by kind."""
    return {name: float(values[kind == number].sum()) for number, name in enumerate(names)}
