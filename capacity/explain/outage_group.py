"""A group of areas in one draw while units of all of them fail: margins, states of units and limits, for `explain`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.adequacy.parts import reserve_of
from capacity.adequacy.reliability import STATE_YEARS, Outages
from capacity.explain import group_year
from capacity.explain.group_store import GroupStore
from capacity.explain.outage_area import AreaUnits
from capacity.explain.point import Transfers
from capacity.explain.resources import RESOURCES
from capacity.network.case import margin_of, weather_of
from capacity.network.hours import NetworkHours
from capacity.network.outages import GroupOutages
from cuda_kernels.outage_states import Deeper

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """One group in one draw and the last year, its units apart.

    areas : numbers; own : the place among them of the one asked for
    margins : of each under firm_capacity in the draw, all years
    margin_mw : (area, hour) less all that fails [MW]; units : of each area, to scale
    flexible : (area, hour, state) [MW] and firm : states of the units before they are scaled
    """

    known: group_year.YearCase
    outages: Outages
    draw: int
    areas: Integers
    own: int
    margins: list[notions.Margin]
    margin_mw: Floats
    units: list[AreaUnits]
    flexible: Floats
    firm: Deeper
    within: Transfers

    @property
    def names(self) -> list[str]:
        return [self.known.fleet.areas[i] for i in self.areas]

    @property
    def last(self) -> int:
        return len(self.known.draws.years) - 1

    @property
    def states(self) -> int:
        return int(self.flexible.shape[2])

    @property
    def scale(self) -> Floats:
        return np.array([units.scale for units in self.units])

    @property
    def rows_mw(self) -> Floats:
        """Margins (hour and state, area) in all states that flexible load is looked at in. [MW]"""
        margin = self.margin_mw[..., None] + self.scale[:, None, None] * self.flexible
        return np.ascontiguousarray(margin.reshape(len(margin), -1).T)

    def outputs(self, i: int) -> dict[str, Floats]:
        """Output (hour,) of one MW of what an area can have more of."""
        margin = self.margins[i]
        profiles = dict(zip(margin.terms, margin.profiles[self.last], strict=True))
        return {name: profiles[name] for name in RESOURCES}

    def storage_mw(self, i: int) -> float:
        """Storage of an area as it counts. [MW]"""
        return float(self.outages.storage_mw[self.draw, self.areas[i], self.last])

    @property
    def reserve(self) -> float:
        """One plus the reserve margin that hourly margins keep. [1]"""
        return float(reserve_of(self.known.fleet, self.known.draws)[self.draw, self.last])

    @cached_property
    def store(self) -> GroupStore | None:
        """What all areas' stores are as one, beside hourly margins."""
        known, balances = self.known, [self.known.case.balances[i] for i in self.areas]
        margin = np.stack([m.coefficients[0, self.last] @ m.profiles[self.last] for m in self.margins], axis=1)
        counted = np.array([0.0 if b.storage_mw is None else b.storage_mw[self.draw, 0] for b in balances])
        mw = margin, counted, known.storage_nameplate_mw(self.draw, self.areas)
        share = float(known.case.share[self.draw, 0])
        return GroupStore.of([known.stores[i] for i in self.areas], mw, (self.draw, self.last), share)


def sampled_of(grid: xr.Dataset, known: group_year.YearCase, notion: str, states: int) -> GroupOutages:
    """States of all areas, storage as it counts in its group and in areas that import nothing."""
    outages = Outages.of(grid, known.fleet, known.draws, known.capacity_mw, notion)
    reserve = reserve_of(known.fleet, known.draws)
    if any(store is not None for store in known.stores):
        outages = outages.beside(known.whole.balances, reserve)
    return GroupOutages(outages, outages.importing_nothing(known.whole.balances, reserve), states)


def solved(known: group_year.YearCase, sampled: GroupOutages, g: int) -> NetworkHours:
    """Loads of a group in all draws in the last year."""
    case, years = known.whole, len(known.draws.years)
    hours = NetworkHours.empty(len(known.place), case.links.groups, len(case.records), years)
    for number, members in weather_of(case.records, case.links.groups[g], known.place):
        margins = [margin_of(case, int(a), number, members) for a in case.links.groups[g].areas]
        sampled.solve_year(case, g, years - 1, members=members, margins=margins, engine="auto", hours=hours)
    return hours


def group_of(known: group_year.YearCase, sampled: GroupOutages, g: int, draw: int, a: int) -> Group:
    """A group in one draw, with the states of its units."""
    case, outages, last = known.whole, sampled.outages, len(known.draws.years) - 1
    areas, members = case.links.groups[g].areas, np.array([draw])
    number = known.weather_number(g, draw)
    margins, margin_mw, units = [], [], []
    for i in map(int, areas):
        margin = margin_of(case, i, number, members)
        scale, constant = outages.in_place(i, last, members, case.balances[i].take(members))
        margins.append(margin)
        margin_mw.append(margin.coefficients[0, last] @ margin.profiles[last] + constant[0])
        units.append(AreaUnits.of(outages, i, last, float(scale[0])))
    stands = sampled.sampled([int(i) for i in areas], last - last % STATE_YEARS)
    own, within = int(np.flatnonzero(areas == a)[0]), known.transfers(g, draw)
    each = (margins, np.stack(margin_mw), units, stands.flexible_mw, stands.firm, within)
    return Group(known, outages, draw, areas, own, *each)
