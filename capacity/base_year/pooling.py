"""What it is worth that areas help each other in the base year, by adequacy notion and siting. See docs/network.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity import demand
from capacity.adequacy import notions
from capacity.adequacy.parts import AreaWeather, balances, weather_by_area
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.draws import CentralPath
from capacity.network import best_total, import_caps
from capacity.network.case import Case, case_of, margin_of
from capacity.network.hours import Group
from capacity.network.links import links
from capacity.storage_equivalent import Conditions, in_any_weather
from capacity.supply.fleet import Fleet
from cuda_kernels import headroom_mw
from cuda_kernels.network import network_headroom
from scenarios import Scenario

Floats = NDArray[np.float64]

SITINGS = ("isolated", "request", "load", "total")
"""Splits of a group's new load: by isolated headroom, requests of 2025, native load, and the best for the total."""
MORE_LINES = 2.0
"""Factor on all limits in the column that asks what lines could add."""


@dataclass(frozen=True)
class Hours:
    """One group in one weather year of the base year. margins (hour, area), limits (area, area). [MW]

    island : margins with the yearly interchange of the base year; isolated : nothing imported; joint : the same with
    stores that serve the group. firm_extra : (area,) what they are worth beyond that to load that is never curtailed.
    weights : {siting: (area,)}
    """

    group: str
    island: Floats
    isolated: Floats
    joint: Floats
    firm_extra: Floats
    limits: Floats
    share: float
    weights: Mapping[str, Floats]

    def sum_of_areas(self, margin: Floats, share: float) -> float:
        """Headroom of the areas one by one, summed. [MW]"""
        ones = np.ones((1, 1))
        return float(sum(headroom_mw(m[None], ones, share).headroom_mw.sum() for m in margin.T))

    def pooled(self, margin: Floats, share: float) -> float:
        """Headroom of the areas as one: no limits. [MW]"""
        return float(headroom_mw(margin.sum(axis=1)[None], np.ones((1, 1)), share).headroom_mw.sum())

    def along(self, weight: Floats, share: float, more: float = 1.0) -> float:
        """Headroom of the network along a split, with `more` times the limits. [MW]"""
        if weight.sum() <= 0.0:
            return 0.0
        profiles, ones = self._case(share)
        found = network_headroom(profiles, ones, more * self.limits, weight / weight.sum(), share)
        return float(found.headroom_mw[0, 0])

    def shared(self, share: float) -> Floats:
        """Margins (hour, area) of areas that exchange power, for new load with such a share. [MW]"""
        return self.joint if share > 0.0 else self.joint + self.firm_extra

    def best(self) -> Floats:
        """The split with the largest total at the curtailable share."""
        start = self.weights["isolated"]
        case = (*self._case(self.share), self.limits[None])
        return best_total.direction(case, (start / max(start.sum(), 1e-300))[None], np.array([self.share]))[0]

    def _case(self, share: float) -> tuple[Floats, Floats]:
        return np.ascontiguousarray(self.shared(share).T)[:, None], np.ones((1, self.joint.shape[1], 1))


def table(grid: xr.Dataset, scenario: Scenario) -> pd.DataFrame:
    """Headroom [GW] of each group in the base year, medians of parameters, mean over its weather years.

    One row a notion, group and kind of load (firm, flexible at the scenario's curtailable fraction): islands with the
    yearly interchange, areas that import nothing, the network by siting, with twice the lines, and without limits;
    `interchange_counted_gw` is what the islands' imports add beyond what the same islands' exports take away, in the
    hours that bind them together.
    """
    rows = []
    weather = weather_by_area(grid)
    for country in ("US", "CN"):
        fleet = Fleet.of(grid, country)
        for notion in notions.NOTIONS:
            for group in groups(grid, scenario, fleet, weather, notion):
                for kind in ("firm", "flexible"):
                    columns = [_row(hours, kind == "flexible") for hours in group]
                    said = {"country": country, "notion": notion, "group": group[0].group, "load": kind}
                    rows.append(said | {k: float(np.mean([c[k] for c in columns])) / 1e3 for k in columns[0]})
    return pd.DataFrame(rows)


def groups(
    grid: xr.Dataset,
    scenario: Scenario,
    fleet: Fleet,
    weather: Mapping[str, Sequence[AreaWeather]],
    notion: str,
) -> Iterator[list[Hours]]:
    """Each group of a country in all its weather years."""
    central = CentralPath(scenario, np.array([fleet.base_year], dtype=np.int64))
    import_caps.refuse(central, "base-year --pooling")
    today = fleet.nameplate_mw.sum(axis=2)[None, :, :, None]
    path = demand.DemandPath(np.ones((1, 1)), np.ones((1, 1)))
    # The other notion reads no firm capacity.
    storage: StorageName = DEFAULT_STORAGE if notion == notions.DEFAULT_NOTION else "credit"
    apart = balances(grid, fleet, today, path, central, storage)
    records = notions.area_records(grid, fleet, weather, central)
    alone = Conditions(records, np.zeros(1))
    together = alone.exchanging(links(grid, fleet).groups)
    islands, joined = (in_any_weather(grid, fleet, central, apart, within) for within in (alone, together))
    case = case_of(grid, fleet, central, records, (joined, joined), notions.NOTIONS[notion])
    island = replace(case, records=records, balances=islands, central=islands)
    load = np.array([balance.load_mw[0, 0] for balance in joined])
    for group in case.links.groups:
        years = range(max(len(records[a].weather) for a in group.areas))
        yield [_hours((island, case), group, number, load) for number in years]


def _hours(cases: tuple[Case, Case], group: Group, number: int, load: Floats) -> Hours:
    """One weather year of a group, of areas with their yearly interchange and of areas that links join."""

    def margins(of: Case) -> Floats:
        one = np.zeros(1, dtype=np.int64)
        parts = [margin_of(of, int(a), number, one, of.records) for a in group.areas]
        return np.stack([part.coefficients[0, 0] @ part.profiles[0] for part in parts], axis=1)

    island, case = cases
    share, joint = float(case.share[0, 0]), margins(case)
    isolated = joint + _of_stores([case.balances[a].alone_mw for a in group.areas])
    extra = _of_stores([case.balances[a].firm_extra_mw for a in group.areas])
    alone = np.array([headroom_mw(m[None], np.ones((1, 1)), share).headroom_mw.sum() for m in isolated.T])
    weights = {"isolated": alone, "request": case.siting.requests[group.areas], "load": load[group.areas]}
    limits = case.limits_mw[0, 0][np.ix_(group.areas, group.areas)]
    return Hours(group.name, margins(island), isolated, joint, extra, limits, share, weights)


def _of_stores(values: Sequence[Floats | None]) -> Floats:
    """What areas have (area,) of values (1, 1) that only stores have. [MW]"""
    return np.array([0.0 if value is None else value[0, 0] for value in values])


def _row(hours: Hours, flexible: bool) -> dict[str, float]:
    """Columns of one weather year. [MW]"""
    share = hours.share if flexible else 0.0
    weights = {**hours.weights, "total": hours.best()}
    copper = hours.pooled(hours.shared(share), share)
    return {
        "island_gw": hours.sum_of_areas(hours.island, share),
        "interchange_counted_gw": hours.pooled(hours.island, share) - copper,
        "isolated_gw": hours.sum_of_areas(hours.isolated, share),
        **{f"network_by_{name}_gw": hours.along(weights[name], share) for name in SITINGS},
        "more_lines_by_isolated_gw": hours.along(weights["isolated"], share, MORE_LINES),
        "more_lines_by_request_gw": hours.along(weights["request"], share, MORE_LINES),
        "copper_plate_gw": copper,
    }
