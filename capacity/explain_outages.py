"""Why an area can host what it can where its units fail: the hours that carry the risk, and what one more MW adds.

Load that may be curtailed is bound by the expected share of its energy, load that may not by the criterion of the
notion (`capacity.reliability`). Hours count by how the risk in each moves with the load (`cuda_kernels.outage_worth`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity import adequacy, explain, notions, reliability
from capacity.errors import CapacityError
from capacity.events import DAY_PARTS, SEASON_OF_HOUR, SEASONS, day_part_of_hour
from capacity.explain import NOTHING_MW
from capacity.explain_area import AreaCase, area_case, asked, at_quantile
from capacity.explain_store import Held
from capacity.policies import Policy, require_only_energy
from capacity.reliability import Outages
from capacity.storage import DEFAULT_STORAGE, StorageName
from cuda_kernels.outage_table import Notion, OutageTable, look_up
from cuda_kernels.outage_worth import Worth, worth_at
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
    **explain.ADDED,
    "constant": "capacity that never fails",
    "units": "units like those that stand, less their mean outage",
    "storage": "storage nameplate, as what there is counts",
}


class Load(NamedTuple):
    """New load of one kind, its hours and what binds it.

    headroom_mw : float          Constant new load that fits. [MW]
    short_hours : float          Expected hours of shortage beside it, those that natives have alone included. [h]
    hours : pandas.DataFrame     Hours with most expected curtailment of flexible load, or by which firm load is bound
                                 most: UTC and local time, what stands and what is expected to be out, what may be out
                                 before load is short, how likely that is, what is then expected to be lacking beyond
                                 natives alone (firm load: with them), the hour's part in the derivatives, and what the
                                 store holds if as much stands as is expected. [MW], [1], [MWh]
    adds : {resource: MW}        Headroom that one more MW of each adds: exact derivatives; of hours and days of
                                 shortage with their probability evened out over a step of the table. [MW/MW]
    """

    headroom_mw: float
    short_hours: float
    hours: pd.DataFrame
    adds: dict[str, float]


@dataclass(frozen=True)
class OutageExplanation:
    """One area, year and draw, as an island whose units fail.

    notion : str                 Of load that is never curtailed, a name in `reliability.NOTIONS`.
    draw : int                   Whose flexible headroom is the asked quantile of the draws.
    flexible, firm : Load        New load that may be curtailed by its share of energy, and that may not.
    standing : {name: MW}        The area's units, their mean outage, storage as it counts firm. [MW]
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
    outages = _outages(grid, known, notion)
    area, year = known.fleet.areas[known.a], int(known.draws.years[-1])
    case, found = _case(grid, known, outages, at_quantile(_headrooms(known, outages), quantile))
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


def _outages(grid: xr.Dataset, known: AreaCase, notion: str) -> Outages:
    """Outages of the area's country, with storage as it counts in the area."""
    found = Outages.of(grid, known.fleet, known.draws, (known.nameplate_mw, known.central_mw), notion)
    if known.store is None:  # by its credit
        return found
    return found.beside(known.balances, adequacy.reserve_of(known.fleet, known.draws))


def _headrooms(known: AreaCase, outages: Outages) -> Floats:
    """Flexible headroom (draw,) in the last year. [MW]"""
    load = np.zeros(len(known.draws.ids))
    for conditions, members in known.by_weather():
        load[members] = _solved(known, outages, conditions, members)[1].flexible_mw
    return load


def _solved(
    known: AreaCase, outages: Outages, conditions: adequacy.AreaWeather, members: Integers
) -> tuple[notions.Margin, reliability.AreaOutages]:
    """Margin of some draws under one weather year, and their headroom in the last year."""
    balance = known.balance.take(members)
    margin = known.margin(conditions, balance)
    share = Policy.of(known.fleet.prefix, known.draws).energy[members, known.last]
    return margin, outages.solve_year(known.a, known.last, members, margin, balance, (share, "auto"))


class _Risk(NamedTuple):
    """Probability of shortage and what is expected to be lacking, both (hour,). [1], [MW]"""

    probability: Floats
    lacking_mw: Floats


class AreaUnits(NamedTuple):
    """What stands of an area's units in one draw: an outage table, the row of each hour, and the draw's fleet over it.

    mean_mw : of the table, over the year [MW]
    """

    table: OutageTable
    rows: Integers
    scale: float
    mean_mw: float

    @classmethod
    def of(cls, outages: Outages, a: int, y: int, scale: float) -> AreaUnits:
        """Of an area in a year; scale : of the draw's fleet over the table's."""
        state = outages.state(a, y - y % reliability.STATE_YEARS)
        return cls(state.table, outages.rows(a)[1], scale, state.mean_mw)

    @property
    def all_mw(self) -> float:
        """When nothing is out. [MW]"""
        return self.scale * self.table.most_mw

    @property
    def expected_mw(self) -> Floats:
        """What is expected to stand (hour,). [MW]"""
        nodes = np.arange(self.table.probability.shape[1]) * self.table.step_mw
        return np.asarray(self.scale * (self.table.probability @ nodes)[self.rows])

    def standing_mw(self, storage_mw: float) -> dict[str, float]:
        """All of them, their mean outage, and storage beside them. [MW]"""
        mean = self.scale * self.mean_mw
        return {"units_mw": self.all_mw, "expected_outage_mw": self.all_mw - mean, "storage_mw": storage_mw}

    def risk(self, net_mw: Floats) -> _Risk:
        """Beside net loads (hour,)."""
        lacking, probability = look_up(self.table, net_mw / self.scale, self.rows)
        return _Risk(probability, lacking * self.scale)

    def worth(self, net_mw: Floats, bound: tuple[Notion, float], load_mw: float) -> Worth:
        """What hours are worth to a new load that a bound lets in beside net loads (hour,)."""
        return worth_at(net_mw / self.scale, (self.table, self.rows), bound, load_mw / self.scale)


@dataclass(frozen=True)
class _Case:
    """One draw in the last year.

    profiles, parts : by term of its margin under firm_capacity, of one MW, and what each gives (hour,). [1], [MW]
    net_mw : (hour,)             Native load less all that does not fail. [MW]
    firm_mw, storage_mw : float  Firm capacity within `parts`, and storage as it counts here. [MW]
    held : Held                  Its store, without a reserve; None where there is none.
    share : float                Curtailable share of energy. [1]
    """

    draw: int
    weather_year: int
    profiles: dict[str, Floats]
    parts: dict[str, Floats]
    net_mw: Floats
    units: AreaUnits
    firm_mw: float
    storage_mw: float
    held: Held | None
    share: float

    def curtailed_mw(self, load_mw: float) -> Floats:
        """What is expected to be lacking beside a load beyond natives alone (hour,). [MW]"""
        beside, alone = (self.units.risk(self.net_mw + mw).lacking_mw for mw in (load_mw, 0.0))
        return np.maximum(beside - alone, 0.0)

    def load(self, bound: tuple[Notion, float], load_mw: float, shown: int, zone: str) -> Load:
        """What is reported of a load that a bound lets in."""
        worth, risk = self.units.worth(self.net_mw, bound, load_mw), self.units.risk(self.net_mw + load_mw)
        flexible = bound[0] == "eue_flexible" and load_mw > 0.0
        lacking = self.curtailed_mw(load_mw) if flexible else risk.lacking_mw
        total = worth.weight.sum()
        part = worth.weight / total if total > 0.0 else worth.weight
        rows = np.argsort(-lacking if flexible or total <= 0.0 else -part, kind="stable")[:shown]
        charge = None
        if self.held is not None:
            charge = self.held.charge_mwh(self.units.expected_mw + self.storage_mw - self.net_mw, load_mw)
        at = explain.dates(self.weather_year, rows, zone)
        by = {term: values[rows] for term, values in self.parts.items()}
        table = make_up(at, by, self.firm_mw, (self.units, self.storage_mw), rows) | {
            "net_import_mw": by["net_export"] + 0.0,  # no -0
            "may_be_out_mw": self.units.all_mw - self.net_mw[rows] - load_mw,
            "short_probability": risk.probability[rows],
            "lacking_mw": lacking[rows],
            "part": part[rows],
            **({} if charge is None else {"storage_mwh": charge[rows]}),
        }
        return Load(load_mw, float(risk.probability.sum()), pd.DataFrame(table), self._adds(worth))

    def _adds(self, worth: Worth) -> dict[str, float]:
        """Headroom that one more MW of each resource adds. [MW/MW]"""
        outputs = explain.island_outputs(self.profiles)
        found = worth.adds(np.stack(list(outputs.values()))).tolist()
        adds = {"units": worth.unit_adds(self.units.mean_mw)} if self.units.mean_mw > 0.0 else {}
        adds |= dict(zip(outputs, found, strict=True))
        if self.held is not None:
            adds["storage"] = adds["constant"] * self.storage_mw / self.held.nameplate_mw
        return adds


def make_up(
    at: tuple[pd.Index, pd.Index],
    by: Mapping[str, Floats],
    firm_mw: float,
    standing: tuple[AreaUnits, float],
    rows: Integers,
) -> dict[str, Any]:
    """Date of some hours and what an area has in them, but for what it imports. [MW]

    at : UTC and local time; by : what each term of the margin gives then, firm capacity `firm_mw` within it
    standing : units and storage in the place of that; rows : the hours
    """
    units, storage_mw = standing
    lost = -by.get("cold_spell", np.zeros(len(rows)))
    return {
        "utc": at[0],
        "local": at[1],
        "load_mw": notions.load_mw(by, firm_mw),
        **notions.added_mw(by),
        "units_mw": np.full(len(rows), units.all_mw),
        "outage_mw": units.all_mw - units.expected_mw[rows] + lost,
        "storage_firm_mw": np.full(len(rows), storage_mw),
        "wind_mw": by["wind"] + by["offshore_wind"],
        "solar_mw": by["solar"],
        "hydro_mw": by["hydro"],
    }


def _case(grid: xr.Dataset, known: AreaCase, outages: Outages, draw: int) -> tuple[_Case, reliability.AreaOutages]:
    """One draw in the last year, and its headroom."""
    a, last, members = known.a, known.last, np.array([draw])
    conditions = next(weather for weather, draws in known.by_weather() if draw in draws)
    margin, found = _solved(known, outages, conditions, members)
    balance = known.balance.take(members)
    scale, constant = outages.in_place(a, last, members, balance)
    coefficients = margin.coefficients[0, last]
    parts = dict(zip(margin.terms, coefficients[:, None] * margin.profiles[last], strict=True))
    held = Held.of(grid, known, draw)
    storage_mw = float(outages.storage_mw[draw, a, last])
    if held is not None:
        held = held.without_reserve(float(adequacy.reserve_of(known.fleet, known.draws)[draw, last]), storage_mw)
    case = _Case(
        int(known.draws.ids[draw]),
        conditions.weather_year,
        dict(zip(margin.terms, margin.profiles[last], strict=True)),
        parts,
        -(coefficients @ margin.profiles[last]) - constant[0],
        AreaUnits.of(outages, a, last, float(scale[0])),
        float(balance.firm_mw[0, last]),
        storage_mw,
        held,
        float(Policy.of(known.fleet.prefix, known.draws).energy[draw, last]),
    )
    return case, found


def _summed(values: Floats, kind: Integers, names: Iterable[str]) -> dict[str, float]:
    """Sums of hours by kind."""
    return {name: float(values[kind == number].sum()) for number, name in enumerate(names)}
