"""One country under one scenario: supply, demand, headroom, sites and compute, over draws and years."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import (
    adequacy,
    compute,
    demand,
    network,
    notions,
    on_device,
    policies,
    reliability,
    sites,
    storage_headroom,
    supply,
)
from capacity.draws import CentralPath, Draws
from capacity.events import Tally
from capacity.fleet import Fleet
from capacity.hosting import Found, Hosting
from capacity.storage import StorageName
from capacity.storage_headroom import AreaStored
from capacity.winter import peak_mw, weather_place
from cuda_kernels import DeviceName, Engine, asnumpy, headroom_mw, to_device

Floats = NDArray[np.float64]
Weather = Mapping[str, Sequence[adequacy.AreaWeather]]

HOURS = 8760
RECENT_YEARS = 5
"""Years of capacity factors averaged for the energy of dispatchable plants."""


@dataclass(frozen=True)
class CountryResult:
    """What one country gives. Shapes: s draw, a area, y year, k technology.

    supply : supply.Supply          Projected capacity (s, a, k, y). [MW]
    load_mwh, peak_load_mw : (s, a, y)         Native load of the draw's weather year.
    supply_mwh : (s, a, y)          Energy at recent capacity factors and the draw's weather.
    firm_headroom_mw, grid_headroom_mw, curtailed_hours : (s, a, y)
    placed : sites.Placed           The part of the headroom that the cells can take, and where.
    pue : (s, a, y)                 Peak facility over IT power. [1]
    mean_over_peak_pue : (s, a)     Its yearly mean over that. [1]
    it_power_mw : (s, a, y)
    compute : compute.Compute
    network : network.NetworkHours  How areas helped each other; None for islands.
    served : (s, y)                 Part of the hosted load's energy that its policy lets it use; None where that is all
                                    but the curtailable fraction. [1]
    events : events.Tally           Events of curtailment of the hosted load; None where they are not counted.
    """

    fleet: Fleet
    supply: supply.Supply
    load_mwh: Floats
    peak_load_mw: Floats
    supply_mwh: Floats
    firm_headroom_mw: Floats
    grid_headroom_mw: Floats
    curtailed_hours: Floats
    placed: sites.Placed
    pue: Floats
    mean_over_peak_pue: Floats
    it_power_mw: Floats
    compute: compute.Compute
    network: network.NetworkHours | None
    served: Floats | None = None
    events: Tally | None = None


def run(
    grid: xr.Dataset,
    country: str,
    draws: Draws,
    weather: Weather,
    *,
    notion: str,
    device: DeviceName,
    engine: Engine,
    advance: Callable[[], None],
    exchange: network.NetworkName = "island",
    threads: int | None = None,
    event_draws: int = 0,
    storage: StorageName = "credit",
    shared: on_device.Shared | None = None,
) -> CountryResult:
    """Solve one country under the scenario of `draws`.

    weather : weather years by area (`adequacy.weather_by_area`), read once for all scenarios
    notion : a name in `notions.NOTIONS` or, for islands, `reliability.NOTIONS`
    advance : called after each area and weather year
    exchange : how areas help each other, a name in `network.NETWORKS`
    threads : areas solved at a time on the CPU; None means one for each core
    event_draws : draws whose events of curtailment are counted, the first ones; of islands with an hourly margin only
    storage : "credit" counts storage as firm by a share of its nameplate, "dispatch" runs it hour by hour
    shared : profiles that scenarios share on a GPU; None for a run of one scenario

    On a GPU, draws stay on the device from headroom to compute where areas are islands with an hourly margin and the
    energy share is the only term of new load; events are counted on the host.
    """
    fleet = Fleet.of(grid, country)
    projected = supply.project(fleet, draws)
    hourly = _Hourly.empty(len(draws), len(fleet.areas), len(draws.years))
    balances = balances_of(grid, fleet, draws, projected, storage)
    middle = supply.project(fleet, draws.central)
    central = balances_of(grid, fleet, draws.central, middle, storage)
    hosting = Hosting.of(grid, fleet, draws, event_draws, engine)
    hourly_margin = exchange == "island" and notion in notions.NOTIONS
    if not hourly_margin or storage == "dispatch":
        policies.require_only_energy(draws, fleet.prefix)
    share = hosting.policy.energy
    records = notions.area_records(grid, fleet, weather, draws.central)
    margin_of = notions.NOTIONS.get(notion, notions.firm_capacity)
    outages = None
    if notion in reliability.NOTIONS:
        outages = reliability.Outages.of(grid, fleet, draws, (projected.nameplate_mw, middle.nameplate_mw), notion)
    place = weather_place(fleet, weather, adequacy.base_year_mean_mw(grid, "annual_load_mwh", fleet.areas), draws)
    tasks = [(a, *group) for a, record in enumerate(records) for group in weather_groups(record.weather, place)]
    resident = device == "gpu" and hourly_margin and hosting.policy.only_energy and storage == "credit"
    sample = None

    def margin(a: int, conditions: adequacy.AreaWeather, members: NDArray[np.int64]) -> notions.Margin:
        return margin_of(records[a], conditions, balances[a].take(members), central[a])

    def solve(a: int, conditions: adequacy.AreaWeather, members: NDArray[np.int64]) -> None:
        if members.size:
            balance = balances[a].take(members)
            if sample is not None:
                hosting.count(members[members < event_draws], a, conditions, margin, sample)
            elif exchange == "island" and not resident:
                hours = margin(a, conditions, members)
                if outages is not None:
                    hourly.take(members, a, outages.solve(a, members, hours, balance, share[members], engine))
                elif balance.store is not None:
                    hourly.take(members, a, storage_headroom.solve(hours, balance.store, share[members], engine))
                else:
                    hourly.solve(members, a, hours, share[members], device, engine)
                if hourly_margin:
                    hosting.solve(members, a, conditions, balance, hours, hourly.found)
            hourly.tally(members, a, conditions, balance)

    if resident:
        found = on_device.solve(tasks, margin, share, shared or on_device.Shared())
        hourly = replace(hourly, **found._asdict())
        if event_draws:
            sample = Found(*(asnumpy(values[:event_draws]) for values in (found.flexible, found.curtailed_hours)))
    workers = 1 if device == "gpu" else threads or os.cpu_count() or 1
    _side_by_side(solve, tasks, advance, workers)
    joined = None
    if exchange != "island":
        case = network.case_of(grid, fleet, draws, records, (balances, central), margin_of)
        joined = network.solve(case, place, engine, exchange, threads=workers)
        hourly.adopt(joined)
    result = _host(grid, fleet, draws, projected, hourly, hosting.served, joined)
    return replace(result, events=hosting.tally) if hourly_margin and event_draws else result


def balances_of(
    grid: xr.Dataset,
    fleet: Fleet,
    draws: Draws | CentralPath,
    projected: supply.Supply,
    storage: StorageName = "credit",
) -> list[adequacy.AreaBalance]:
    """Balances of a country's areas from projected capacity and demand."""
    path = demand.project(fleet.country, fleet.base_year, draws)
    return adequacy.balances(grid, fleet, projected.nameplate_mw, path, draws, storage)


def _side_by_side(
    solve: Callable[..., None], tasks: Sequence[tuple[Any, ...]], advance: Callable[[], None], workers: int
) -> None:
    """Solve tasks on a few threads; each fills its own part of the result, so their order does not matter."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(solve, *task) for task in tasks]
        try:
            for done in as_completed(waiting):
                done.result()
                advance()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def weather_groups(
    years: Sequence[adequacy.AreaWeather], place: Floats
) -> Iterator[tuple[adequacy.AreaWeather, NDArray[np.int64]]]:
    """Each weather year of an area with the draws that live in it.

    place : (draw,)  One uniform per draw picks the year for all areas at once, so that weather stays simultaneous.
    """
    chosen = np.minimum((place * len(years)).astype(np.int64), len(years) - 1)
    for number, conditions in enumerate(years):
        yield conditions, np.flatnonzero(chosen == number)


@dataclass(frozen=True)
class _Hourly:
    """Results that need the hours, filled area by area. All (s, a, y)."""

    firm: Floats
    flexible: Floats
    curtailed_hours: Floats
    peak_mw: Floats
    load_mwh: Floats
    variable_mwh: Floats

    @classmethod
    def empty(cls, draws: int, areas: int, years: int) -> _Hourly:
        return cls(*(np.zeros((draws, areas, years)) for _ in range(6)))

    def solve(
        self,
        members: NDArray[np.int64],
        area: int,
        margin: notions.Margin,
        share: Floats,
        device: DeviceName,
        engine: Engine,
    ) -> None:
        move = to_device(device)
        for y, profiles in enumerate(margin.profiles):
            shares = np.stack([np.zeros(len(members)), share[:, y]], axis=1)
            cases = np.ascontiguousarray(margin.coefficients[:, y])
            found = headroom_mw(move(profiles), move(cases), move(shares), engine=engine, missing="refuse")
            load, hours = asnumpy(found.headroom_mw), asnumpy(found.curtailed_hours)
            self.firm[members, area, y] = load[:, 0]
            self.flexible[members, area, y] = load[:, 1]
            self.curtailed_hours[members, area, y] = hours[:, 1]

    @property
    def found(self) -> Found:
        """What a policy lowers."""
        return Found(self.flexible, self.curtailed_hours)

    def take(self, members: NDArray[np.int64], area: int, found: reliability.AreaOutages | AreaStored) -> None:
        """Headroom under outages or beside a store; hours of the former are expected hours of shortage."""
        self.firm[members, area], self.flexible[members, area] = found.firm_mw, found.flexible_mw
        self.curtailed_hours[members, area] = found.short_hours

    def adopt(self, found: network.NetworkHours) -> None:
        """Take the headroom from a network in the place of islands."""
        self.firm[:], self.flexible[:] = found.firm_mw, found.flexible_mw
        self.curtailed_hours[:] = found.curtailed_hours

    def tally(
        self,
        members: NDArray[np.int64],
        area: int,
        weather: adequacy.AreaWeather,
        balance: adequacy.AreaBalance,
    ) -> None:
        self.peak_mw[members, area] = peak_mw(weather, balance.load_mw, balance.stretch, balance.winter)
        self.load_mwh[members, area] = balance.load_mw * HOURS
        self.variable_mwh[members, area] = sum(
            balance.variable_mw[name] * float(getattr(weather, name).sum()) for name in adequacy.VARIABLE
        )


def _host(
    grid: xr.Dataset,
    fleet: Fleet,
    draws: Draws,
    projected: supply.Supply,
    hourly: _Hourly,
    served: Floats | None,
    joined: network.NetworkHours | None,
) -> CountryResult:
    placed = sites.place(grid, fleet, draws, hourly.flexible)
    pue = sites.hosted_pue(grid, fleet, draws, placed)
    it_power = placed.hostable_mw / pue
    used = compute.uncurtailed(fleet.country, draws) if served is None else served
    return CountryResult(
        fleet=fleet,
        supply=projected,
        load_mwh=hourly.load_mwh,
        peak_load_mw=hourly.peak_mw,
        supply_mwh=hourly.variable_mwh + dispatchable_mwh(grid, fleet, projected.nameplate_mw, draws),
        firm_headroom_mw=hourly.firm,
        grid_headroom_mw=hourly.flexible,
        curtailed_hours=hourly.curtailed_hours,
        placed=placed,
        pue=pue,
        mean_over_peak_pue=sites.mean_over_peak_pue(grid, fleet, draws),
        it_power_mw=it_power,
        compute=compute.from_it_power(fleet.country, it_power, used, draws),
        network=joined,
        served=served,
    )


def dispatchable_mwh(grid: xr.Dataset, fleet: Fleet, nameplate_mw: Floats, draws: Draws) -> Floats:
    """Energy (s, a, y) of all but wind, solar and storage, at the area's recent mean capacity factors. [MWh]

    Where an area has no recent factor of a technology, the country's capacity-weighted mean stands in.
    """
    factors = recent_capacity_factor(grid, fleet)
    water = draws.yearly(f"{fleet.prefix}.hydro_year_factor")
    energy = np.zeros((nameplate_mw.shape[0], nameplate_mw.shape[1], nameplate_mw.shape[3]))
    for k, technology in enumerate(fleet.technologies):
        if technology in adequacy.VARIABLE or technology in adequacy.STORAGE:
            continue
        yearly = nameplate_mw[:, :, k] * factors[None, :, k, None] * HOURS
        energy += yearly * water[:, None, :] if technology == "hydro" else yearly
    return energy


def recent_capacity_factor(grid: xr.Dataset, fleet: Fleet) -> Floats:
    """Mean capacity factor (area, technology) of the last five years on record; NaN only where the country has none."""
    known = grid["annual_capacity_factor"].sel(area=list(fleet.areas)).to_numpy()[..., -RECENT_YEARS:]
    valid = np.isfinite(known)
    mean = np.divide(
        np.where(valid, known, 0.0).sum(axis=-1),
        valid.sum(axis=-1),
        out=np.full(known.shape[:2], np.nan),
        where=valid.any(axis=-1),
    )
    weight = np.where(np.isfinite(mean), fleet.nameplate_mw.sum(axis=2), 0.0)
    total = weight.sum(axis=0)
    national = np.divide(
        (weight * np.where(np.isfinite(mean), mean, 0.0)).sum(axis=0),
        total,
        out=np.zeros_like(total),
        where=total > 0,
    )
    return np.where(np.isfinite(mean), mean, national[None, :])
