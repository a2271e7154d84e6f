"""One area in one draw while its units fail: what stands, the risk of each hour, and what its hours are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import notions, reliability
from capacity.adequacy.parts import AreaWeather, reserve_of
from capacity.adequacy.policies import Policy
from capacity.adequacy.reliability import Outages
from capacity.explain.area_year import AreaCase
from capacity.explain.group_store import GroupStore
from capacity.explain.hours import dates
from capacity.explain.resources import island_outputs
from capacity.explain.store import Held
from cuda_kernels.outage_table import Notion, OutageTable, look_up
from cuda_kernels.outage_worth import Worth, worth_at

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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
    adds_dispatched : likewise   The same where what storage counts for, which `adds` holds, is found again; empty
                                 where it counts by its credit, and where no load fits beside it dispatched.
    """

    headroom_mw: float
    short_hours: float
    hours: pd.DataFrame
    adds: dict[str, float]
    adds_dispatched: dict[str, float]


def outages_of(grid: xr.Dataset, known: AreaCase, notion: str) -> Outages:
    """Outages of the area's country, with storage as it counts in the area."""
    found = Outages.of(grid, known.fleet, known.draws, (known.nameplate_mw, known.central_mw), notion)
    if known.store is None:  # by its credit
        return found
    return found.beside(known.balances, reserve_of(known.fleet, known.draws))


def headrooms(known: AreaCase, outages: Outages) -> Floats:
    """Flexible headroom (draw,) in the last year. [MW]"""
    load = np.zeros(len(known.draws.ids))
    for conditions, members in known.by_weather():
        load[members] = _solved(known, outages, conditions, members)[1].flexible_mw
    return load


def _solved(
    known: AreaCase, outages: Outages, conditions: AreaWeather, members: Integers
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
class Case:
    """One draw in the last year.

    profiles, parts : by term of its margin under firm_capacity, of one MW, and what each gives (hour,). [1], [MW]
    net_mw : (hour,)             Native load less all that does not fail. [MW]
    firm_mw, storage_mw : float  Firm capacity within `parts`, and storage as it counts here. [MW]
    held : Held                  Its store, without a reserve; None where there is none.
    counted : GroupStore         The same as it counts under firm_capacity, and the reserve there; None by its credit.
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
    counted: tuple[GroupStore, float] | None
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
        at = dates(self.weather_year, rows, zone)
        by = {term: values[rows] for term, values in self.parts.items()}
        table = make_up(at, by, self.firm_mw, (self.units, self.storage_mw), rows) | {
            "net_import_mw": by["net_export"] + 0.0,  # no -0
            "may_be_out_mw": self.units.all_mw - self.net_mw[rows] - load_mw,
            "short_probability": risk.probability[rows],
            "lacking_mw": lacking[rows],
            "part": part[rows],
            **({} if charge is None else {"storage_mwh": charge[rows]}),
        }
        adds = self._adds(worth)
        return Load(load_mw, float(risk.probability.sum()), pd.DataFrame(table), adds, self._again(adds, load_mw))

    def _adds(self, worth: Worth) -> dict[str, float]:
        """Headroom that one more MW of each resource adds. [MW/MW]"""
        outputs = island_outputs(self.profiles)
        found = worth.adds(np.stack(list(outputs.values()))).tolist()
        adds = {"units": worth.unit_adds(self.units.mean_mw)} if self.units.mean_mw > 0.0 else {}
        adds |= dict(zip(outputs, found, strict=True))
        if self.held is not None:
            adds["storage"] = adds["constant"] * self.storage_mw / self.held.nameplate_mw
        return adds

    def _again(self, adds: dict[str, float], load_mw: float) -> dict[str, float]:
        """The same with what storage counts for found again. [MW/MW]"""
        if self.counted is None or load_mw <= 0.0:
            return {}
        store, reserve = self.counted
        found = store.found_again([adds], [island_outputs(self.profiles)], reserve)
        return found[0] if found else {}


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


def case_of(grid: xr.Dataset, known: AreaCase, outages: Outages, draw: int) -> tuple[Case, reliability.AreaOutages]:
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
    share = float(Policy.of(known.fleet.prefix, known.draws).energy[draw, last])
    reserve = float(reserve_of(known.fleet, known.draws)[draw, last])
    counted = None
    if held is not None:
        mw = (coefficients @ margin.profiles[last])[:, None], np.array([held.counted_mw]), np.array([held.nameplate_mw])
        store = GroupStore.of([known.store], mw, (draw, last), share)
        counted = None if store is None else (store, reserve)
        held = held.without_reserve(reserve, storage_mw)
    case = Case(
        int(known.draws.ids[draw]),
        conditions.weather_year,
        dict(zip(margin.terms, margin.profiles[last], strict=True)),
        parts,
        -(coefficients @ margin.profiles[last]) - constant[0],
        AreaUnits.of(outages, a, last, float(scale[0])),
        float(balance.firm_mw[0, last]),
        storage_mw,
        held,
        counted,
        share,
    )
    return case, found
