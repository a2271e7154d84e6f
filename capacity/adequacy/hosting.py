"""Hosted load hour by hour: what a policy leaves of an area's headroom, what is curtailed of it, and in what events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import sites
from capacity.adequacy import events, policies, storage_headroom
from capacity.adequacy.notions import Margin
from capacity.adequacy.parts import AreaBalance, AreaWeather, native_mw
from capacity.adequacy.policies import Policy, Site
from capacity.adequacy.storage import Store
from capacity.draws import Draws
from capacity.supply.fleet import Fleet
from cuda_kernels import Engine
from cuda_kernels.event_figures import Cuts, event_figures, figures, margin_mw

Floats = NDArray[np.float64]
Members = NDArray[np.int64]

HOURS = 8760
BLOCK = 64
"""Cases worked on at a time; changes no bit."""


@dataclass(frozen=True)
class Hosting:
    """What is filled area by area. Shapes: s draw, a area, y year.

    policy : Policy                   Terms of the country's new load.
    limit_mw : (s, a)                 Load that the area's cells can take. [MW]
    zones : (a,)                      Time zones of the areas.
    tally : events.Tally              Events of the hosted load in a sample of the draws.
    lost_mwh, hosted_mwh : (s, a, y)  What hosted load forgoes in the end, and would use without; nil where the energy
                                      share is the only term, as then the share says it. [MWh]
    """

    policy: Policy
    limit_mw: Floats
    zones: tuple[str, ...]
    tally: events.Tally
    lost_mwh: Floats
    hosted_mwh: Floats
    engine: Engine

    @classmethod
    def of(cls, grid: xr.Dataset, fleet: Fleet, draws: Draws, event_draws: int, engine: Engine) -> Hosting:
        shape = (len(draws), len(fleet.areas), len(draws.years))
        zones = tuple(grid["area_timezone"].sel(area=list(fleet.areas)).to_numpy().astype(str))
        policy = Policy.of(fleet.prefix, draws)
        tally = events.Tally.empty(shape[0], event_draws, shape[1], shape[2])
        limit = sites.limit_mw(grid, fleet, draws)
        return cls(policy, limit, zones, tally, np.zeros(shape), np.zeros(shape), engine)

    def part(self, members: Members, a: int) -> Hosting:
        """The same for some draws of an area by themselves, with nothing filled in yet."""
        shape = (len(members), 1, self.hosted_mwh.shape[2])
        tally = events.Tally.empty(len(members), len(self.tally.sampled(members)), 1, shape[2])
        limit = self.limit_mw[members, a, None]
        nothing = np.zeros(shape), np.zeros(shape)
        return Hosting(self.policy.rows(members), limit, self.zones[a : a + 1], tally, *nothing, self.engine)

    def put(self, members: Members, a: int, found: Hosting) -> None:
        """Take what was filled in for some draws of an area by themselves."""
        self.lost_mwh[members, a], self.hosted_mwh[members, a] = found.lost_mwh[:, 0], found.hosted_mwh[:, 0]
        self.tally.values[members[found.tally.numbers], a] = found.tally.values[:, 0]

    @property
    def served(self) -> Floats | None:
        """Part (s, y) of the hosted load's energy that is served in the end; None where the energy share says it."""
        if self.policy.only_energy:
            return None
        hosted, lost = self.hosted_mwh.sum(axis=1), self.lost_mwh.sum(axis=1)
        return 1.0 - np.divide(lost, hosted, out=np.zeros_like(lost), where=hosted > 0.0)

    def solve(
        self, members: Members, a: int, conditions: AreaWeather, balance: AreaBalance, margin: Margin, found: Found
    ) -> None:
        """Lower the headroom of some draws in an area and weather year to what the policy allows, and count events.

        balance : of these draws; margin : with storage as it counts under the policy
        found : headroom and curtailed hours by the energy share alone, changed in place
        """
        energy_alone = self.policy.only_energy
        if energy_alone and not self.tally.sampled(members).size:
            return
        kinds = events.kinds_of_hours(conditions.weather_year, self.zones[a])
        for y in range(found.headroom_mw.shape[2]):
            if energy_alone:
                self._count(members, (a, y), margin, (kinds, balance.store), found)
                continue
            for rows in _blocks(len(members)):
                native = native_mw(conditions, balance, rows, y)
                hours = margin_mw(margin.profiles[y], margin.coefficients[rows, y])
                firm = found.firm_mw[members[rows], a, y]
                if balance.firm_extra_mw is not None:
                    firm = firm + balance.firm_extra_mw[rows, y]
                self._limit(members[rows], (a, y), (hours, native, firm), kinds, found)

    def _count(
        self, members: Members, at: tuple[int, int], margin: Margin, aside: tuple[Members, Store | None], found: Found
    ) -> None:
        (a, y), (kinds, store), rows = at, aside, self.tally.sampled(members)
        load = np.minimum(found.headroom_mw[members[rows], a, y], self.limit_mw[members[rows], a])
        if store is None:
            counted = event_figures(margin.profiles[y], margin.coefficients[rows, y], load, kinds, engine=self.engine)
        else:
            hours = margin_mw(margin.profiles[y], margin.coefficients[rows, y])
            counted = figures_of(storage_headroom.cuts_mw(hours, store.at(rows, y), load, self.engine), load, kinds)
        self.tally.take(members[rows], at, counted)

    def _limit(
        self, members: Members, at: tuple[int, int], hours: tuple[Floats, Floats, Floats], kinds: Members, found: Found
    ) -> None:
        """The same for a few draws under a policy.

        hours : margin and native load (member, hour), and the load (member,) that need not be curtailed. [MW]
        """
        (a, y), terms, firm = at, self.policy.at(members, at[1]), hours[2]
        site = Site.of(*hours[:2], terms)
        load = np.maximum(policies.headroom(site, terms, found.headroom_mw[members, a, y], self.engine), firm)
        cut = policies.cuts_mw(site, terms, load, self.engine)
        cut[load <= firm] = 0.0
        found.headroom_mw[members, a, y] = load
        found.curtailed_hours[members, a, y] = (cut > 0.0).sum(axis=1)
        hosted = np.minimum(load, self.limit_mw[members, a])
        if (hosted < load).any():
            cut = policies.cuts_mw(site, terms, hosted, self.engine)
            cut[hosted <= firm] = 0.0
        self.lost_mwh[members, a, y] = policies.lost_mwh(site, terms, hosted, cut)
        self.hosted_mwh[members, a, y] = hosted * HOURS
        rows = self.tally.sampled(members)
        self.tally.take(members[rows], at, figures_of(cut[rows], hosted[rows], kinds))


@dataclass(frozen=True)
class Found:
    """Headroom of a country without storage's extra and curtailment, and with curtailment [MW], and hours with any.

    All (draw, area, year), filled area by area.
    """

    firm_mw: Floats
    headroom_mw: Floats
    curtailed_hours: Floats


def figures_of(cut_mw: Floats, load_mw: Floats, kinds: Members) -> Floats:
    """Figures (case, figure) of cuts (case, hour)."""
    cases, hours = np.nonzero(cut_mw > 0.0)
    return figures(Cuts(cases, hours, cut_mw[cases, hours]), load_mw, kinds)


def _blocks(count: int) -> Iterator[Members]:
    for start in range(0, count, BLOCK):
        yield np.arange(start, min(start + BLOCK, count))
