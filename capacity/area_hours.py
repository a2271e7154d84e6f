"""The hours of one country, area by area and weather year by weather year: headroom, load and energy of every draw."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields, replace
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity import apart, on_device, outage_events
from capacity.adequacy import events, notions, parts, reliability, storage_headroom
from capacity.adequacy.hosting import Found, Hosting
from capacity.adequacy.parts import VARIABLE, AreaBalance, AreaWeather
from capacity.adequacy.reliability import DEFAULT_STATES
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.adequacy.storage_headroom import AreaStored
from capacity.network.case import NetworkName
from capacity.network.hours import NetworkHours
from cuda_kernels import DeviceName, Engine, array_namespace, asnumpy, headroom_mw, to_device

Floats = NDArray[np.float64]
Members = NDArray[np.int64]

HOURS = 8760


@dataclass(frozen=True)
class How:
    """How the hours of a country are solved.

    notion : a name in `notions.NOTIONS` or `reliability.NOTIONS`
    exchange : how areas help each other, a name in `capacity.network.case.NETWORKS`
    threads : areas solved at a time on the CPU; None means one for each core
    event_draws : draws whose events of curtailment are counted, the first
    storage : "equivalent" counts storage as the firm capacity that its dispatch is worth, "dispatch" runs it hour by
        hour in every year, "credit" counts a firm share of its nameplate
    outage_states : states of every hour that outage notions look at where areas exchange power
    shared : profiles that scenarios share on a GPU
    turn : held by the country whose hours use the threads
    call : calls a function, perhaps in another process (`capacity.apart`)
    """

    notion: str
    device: DeviceName
    engine: Engine
    exchange: NetworkName = "island"
    threads: int | None = None
    event_draws: int = 0
    storage: StorageName = DEFAULT_STORAGE
    outage_states: int = DEFAULT_STATES
    shared: on_device.Shared = field(default_factory=on_device.Shared)
    turn: AbstractContextManager[Any] = field(default_factory=Lock, compare=False)
    call: apart.Call = field(default=apart.here, compare=False)

    @property
    def apart(self) -> How:
        """The same for what another process does."""
        return replace(self, threads=1, shared=on_device.Shared(), turn=nullcontext(), call=apart.here)

    @property
    def hourly_margin(self) -> bool:
        """Whether each area has a margin of its own in every hour."""
        return self.exchange == "island" and self.notion in notions.NOTIONS

    @property
    def margin_of(self) -> Callable[..., notions.Margin]:
        """What is left for new load; outages and networks work on that of firm capacity."""
        return notions.NOTIONS.get(self.notion, notions.firm_capacity)

    @property
    def treatment(self) -> StorageName:
        """How storage is treated; by its credit where the notion reads no firm capacity."""
        return "credit" if self.notion == "historic_peak" else self.storage

    @property
    def workers(self) -> int:
        return 1 if self.device == "gpu" else self.cores

    @property
    def cores(self) -> int:
        return self.threads or os.cpu_count() or 1


@dataclass(frozen=True)
class AreaHours:
    """What is known of each area before its hours are looked at.

    records : by area, what its hours are made of
    balances, central : by area, of the draws and of the central path
    outages : tables of outages; None where the notion reads none
    """

    how: How
    hosting: Hosting
    records: Sequence[notions.AreaRecord]
    balances: Sequence[AreaBalance]
    central: Sequence[AreaBalance]
    outages: reliability.Outages | None

    def solve(self, place: Floats, years: int, advance: Callable[[int], None]) -> Hourly:
        """Hours of all draws; place : (draw,) one uniform a draw, which picks its weather year for all areas at once.

        On a GPU, draws stay on the device where areas are islands with an hourly margin and the energy share is the
        only term of new load; no hour is then looked at on the host.
        """
        tasks = [
            (a, *group)
            for a, record in enumerate(self.records)
            for group in notions.weather_groups(record.weather, place)
        ]
        hourly = Hourly.empty(len(place), len(self.records), years)
        if not self._is_resident:
            _side_by_side(partial(self._solve, hourly), tasks, advance, self.how.workers)
            return self._with_store(hourly)
        tally = self.hosting.tally
        sample = on_device.Sample(self.hosting.limit_mw[: len(tally.numbers)], self.hosting.zones)
        how = self.how
        found, figures = on_device.solve(tasks, self.margin, self.hosting.policy.energy, how.shared, sample)
        if figures is not None:
            tally.values[:] = asnumpy(figures)
        hourly = replace(hourly, **found._asdict())
        _side_by_side(partial(self._count, hourly), tasks, advance, how.workers)
        return self._with_store(hourly)

    def _with_store(self, hourly: Hourly) -> Hourly:
        """The same with what storage adds to headroom without curtailment beyond its equivalent."""
        extras = [balance.firm_extra_mw for balance in self.balances if balance.firm_extra_mw is not None]
        if not (self.how.hourly_margin and extras):
            return hourly
        extra = to_device("gpu" if self._is_resident else "cpu")(np.stack(extras, axis=1))
        xp = array_namespace(hourly.firm)
        most = xp.maximum(hourly.firm, hourly.flexible)
        return replace(hourly, firm=xp.minimum(hourly.firm + extra, most))

    @property
    def _is_resident(self) -> bool:
        how = self.how
        only_energy = self.hosting.policy.only_energy and how.storage != "dispatch"
        return how.device == "gpu" and how.hourly_margin and only_energy

    def margin(self, a: int, conditions: AreaWeather, members: Members) -> notions.Margin:
        """Margin of some draws in an area and weather year."""
        return self._part(a, conditions, members).margin

    def _part(self, a: int, conditions: AreaWeather, members: Members) -> Part:
        record, how = replace(self.records[a], lean=True), self.how.apart
        if how.margin_of is notions.firm_capacity:
            record = replace(record, weather=())  # which it does not look at
        outages = None if self.outages is None else (self.outages, a, members)
        balance = self.balances[a].take(members)
        return Part(how, self.hosting.part(members, a), record, conditions, balance, self.central[a], outages)

    def _solve(self, hourly: Hourly, a: int, conditions: AreaWeather, members: Members) -> None:
        """Fill in some draws of an area and weather year; the headroom only for islands."""
        if not members.size:
            return
        part = self._part(a, conditions, members)
        call = self.how.call if self.how.exchange == "island" and self.outages is None else apart.here
        found, hosting = call(Part.solve, part)
        hourly.put(members, a, found)
        self.hosting.put(members, a, hosting)

    def _count(self, hourly: Hourly, a: int, conditions: AreaWeather, members: Members) -> None:
        """Fill in the rest of an area and weather year whose headroom the device has found."""
        if members.size:
            hourly.tally(members, a, conditions, self.balances[a].take(members))


@dataclass(frozen=True)
class Part:
    """Some draws of one area in one of its weather years, by themselves.

    balance, hosting : of these draws and this area
    outages : of the country, the number of the area in it, and the draws; None where the notion reads none
    """

    how: How
    hosting: Hosting
    record: notions.AreaRecord
    conditions: AreaWeather
    balance: AreaBalance
    central: AreaBalance
    outages: tuple[reliability.Outages, int, Members] | None

    @property
    def margin(self) -> notions.Margin:
        return self.how.margin_of(self.record, self.conditions, self.balance, self.central)

    def solve(self) -> tuple[Hourly, Hosting]:
        """Results of the hours, the headroom only for islands, and of what is hosted."""
        how, balance, hosting = self.how, self.balance, self.hosting
        members = np.arange(len(balance.load_mw))
        hourly = Hourly.empty(len(members), 1, balance.load_mw.shape[1])
        if how.exchange == "island":
            share = hosting.policy.energy
            hours = self.margin
            under_terms = hours.lifted(balance.terms_mw)
            if self.outages is not None:
                outages, a, draws = self.outages
                hourly.take(members, 0, outages.solve(a, draws, hours, balance, share, how.engine))
                kinds = events.kinds_of_hours(self.conditions.weather_year, hosting.zones[0])
                area = outage_events.Area(a, draws, hours, balance, kinds)
                outage_events.count_island(outages, area, hosting, hourly.flexible)
            elif balance.store is not None:
                hourly.take(members, 0, storage_headroom.solve(hours, balance.store, share, how.engine, how.device))
            else:
                hourly.solve(members, 0, (hours, under_terms), share, how)
            if how.hourly_margin:
                hosting.solve(members, 0, self.conditions, balance, under_terms, hourly.found)
        hourly.tally(members, 0, self.conditions, balance)
        return hourly, hosting


@dataclass(frozen=True)
class Hourly:
    """Results that need the hours, filled area by area. All (s, a, y)."""

    firm: Floats
    flexible: Floats
    curtailed_hours: Floats
    peak_mw: Floats
    load_mwh: Floats
    variable_mwh: Floats

    @classmethod
    def empty(cls, draws: int, areas: int, years: int) -> Hourly:
        return cls(*(np.zeros((draws, areas, years)) for _ in range(6)))

    def solve(
        self,
        members: Members,
        area: int,
        margins: tuple[notions.Margin, notions.Margin],
        share: Floats,
        how: How,
    ) -> None:
        """Headroom without and with curtailment of some draws, beside a margin each; share : (member, year). [1]"""
        one = margins[0] is margins[1]
        move = to_device(how.device)
        for y, profiles in enumerate(margins[0].profiles):
            shares = np.stack([np.zeros(len(members)), share[:, y]], axis=1)
            asked = [(margins[0], shares)] if one else list(zip(margins, (shares[:, :1], shares[:, 1:]), strict=True))
            for margin, these in asked:
                cases = np.ascontiguousarray(margin.coefficients[:, y])
                found = headroom_mw(move(profiles), move(cases), move(these), engine=how.engine, missing="refuse")
                load, hours = asnumpy(found.headroom_mw), asnumpy(found.curtailed_hours)
                if margin is margins[0]:
                    self.firm[members, area, y] = load[:, 0]
                if margin is margins[1]:
                    self.flexible[members, area, y] = load[:, -1]
                    self.curtailed_hours[members, area, y] = hours[:, -1]

    def put(self, members: Members, area: int, found: Hourly) -> None:
        """Take what was found for some draws of an area by themselves."""
        for field_ in fields(self):
            getattr(self, field_.name)[members, area] = getattr(found, field_.name)[:, 0]

    @property
    def found(self) -> Found:
        """What a policy lowers."""
        return Found(self.firm, self.flexible, self.curtailed_hours)

    def take(self, members: Members, area: int, found: reliability.AreaOutages | AreaStored) -> None:
        """Headroom under outages or beside a store; hours of the former are expected hours of shortage."""
        self.firm[members, area], self.flexible[members, area] = found.firm_mw, found.flexible_mw
        self.curtailed_hours[members, area] = found.short_hours

    def adopt(self, found: NetworkHours) -> None:
        """Take the headroom from a network in the place of islands."""
        self.firm[:], self.flexible[:] = found.firm_mw, found.flexible_mw
        self.curtailed_hours[:] = found.curtailed_hours

    def tally(
        self,
        members: Members,
        area: int,
        weather: AreaWeather,
        balance: AreaBalance,
    ) -> None:
        self.peak_mw[members, area] = parts.peak_mw(weather, balance)
        self.load_mwh[members, area] = balance.load_mw * HOURS
        self.variable_mwh[members, area] = sum(
            balance.variable_mw[name] * float(getattr(weather, name).sum()) for name in VARIABLE
        )


def _side_by_side(
    solve: Callable[..., None], tasks: Sequence[tuple[Any, ...]], advance: Callable[[int], None], workers: int
) -> None:
    """Solve tasks on a few threads; each fills its own part of the result, so their order does not matter."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(solve, *task) for task in tasks]
        try:
            for done in as_completed(waiting):
                done.result()
                advance(1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
