"""One country under one scenario: supply, demand, headroom, sites and compute, over draws and years."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import compute, demand, outage_events, sites, storage_equivalent
from capacity.adequacy import notions, parts, policies, reliability
from capacity.adequacy.events import Tally
from capacity.adequacy.hosting import Hosting
from capacity.adequacy.parts import STORAGE, VARIABLE, AreaBalance, AreaWeather, base_year_mean_mw, reserve_of
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.area_hours import HOURS, AreaHours, Hourly, How
from capacity.draws import CentralPath, Draws
from capacity.network import events as network_events
from capacity.network import headroom
from capacity.network import on_device as network_on_device
from capacity.network import outages as network_outages
from capacity.network import terms as network_terms
from capacity.network.case import Case, case_of
from capacity.network.hours import NetworkHours
from capacity.network.links import links
from capacity.storage_equivalent import Conditions
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from capacity.supply.projection import Supply
from capacity.winter import weather_place

Floats = NDArray[np.float64]
Weather = Mapping[str, Sequence[AreaWeather]]

RECENT_YEARS = 5
"""Years of capacity factors averaged for the energy of dispatchable plants."""


@dataclass(frozen=True)
class CountryResult:
    """What one country gives. Shapes: s draw, a area, y year, k technology.

    supply : Supply                 Projected capacity (s, a, k, y). [MW]
    load_mwh, peak_load_mw : (s, a, y)         Native load of the draw's weather year.
    supply_mwh : (s, a, y)          Energy at recent capacity factors and the draw's weather.
    firm_headroom_mw, grid_headroom_mw, curtailed_hours : (s, a, y)
    placed : sites.Placed           The part of the headroom that the cells can take, and where.
    pue : (s, a, y)                 Peak facility over IT power. [1]
    mean_over_peak_pue : (s, a)     Its yearly mean over that. [1]
    it_power_mw : (s, a, y)
    compute : compute.Compute
    network : NetworkHours          How areas helped each other; None for islands.
    served : (s, y)                 Part of the hosted load's energy that its policy lets it use; None where that is all
                                    but the curtailable fraction. [1]
    events : events.Tally           Events of curtailment of the hosted load; None where they are not counted.
    """

    fleet: Fleet
    supply: Supply
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
    network: NetworkHours | None
    served: Floats | None = None
    events: Tally | None = None


def run(
    grid: xr.Dataset, country: str, draws: Draws, weather: Weather, how: How, advance: Callable[[int], None]
) -> CountryResult:
    """Solve one country under the scenario of `draws`.

    weather : weather years by area (`weather_by_area`), read once for all scenarios
    advance : told after each area and weather year that one more is done, in a network now and then that none is;
              what it raises ends the run

    Raises CapacityError for terms of new load that outages or dispatched storage do not know.
    """
    fleet = Fleet.of(grid, country)
    further = storage_equivalent.reaching(draws) if how.treatment == "equivalent" else draws
    projected, middle = projection.project(fleet, further), projection.project(fleet, further.central)
    balances = balances_of(grid, fleet, further, projected, how.treatment)
    central = balances_of(grid, fleet, further.central, middle, how.treatment)
    projected, middle = (supply.through(len(draws.years)) for supply in (projected, middle))
    hosting = Hosting.of(grid, fleet, draws, how.event_draws, how.engine)
    if how.notion not in notions.NOTIONS or how.storage == "dispatch":
        policies.require_only_energy(draws, fleet.prefix)
    records = notions.area_records(grid, fleet, weather, draws.central, how.engine)
    outages = None
    if how.notion in reliability.NOTIONS:
        nameplates = (projected.nameplate_mw, middle.nameplate_mw)
        outages = reliability.Outages.of(grid, fleet, draws, nameplates, how.notion)
        if how.exchange != "island":
            network_outages.require(draws, fleet, how.notion)
    place = weather_place(fleet, weather, base_year_mean_mw(grid, "annual_load_mwh", fleet.areas), draws)
    with how.turn:
        if how.treatment == "equivalent":
            within = Conditions(records, place, how.engine, how.cores, how.call, how.device)
            if how.exchange != "island":
                within = within.exchanging(links(grid, fleet).groups)
            balances = storage_equivalent.counted(grid, fleet, further, (balances, central), within)
            asked = np.s_[:, : len(draws.years)]
            balances, central = ([balance.at(asked) for balance in some] for some in (balances, central))
            outages = None if outages is None else outages.beside(balances, reserve_of(fleet, draws))
        areas = AreaHours(how, hosting, records, balances, central, outages)
        hourly = areas.solve(place, len(draws.years), advance)
    joined = None
    if how.exchange != "island":
        joined = _exchange(grid, fleet, draws, areas, place, partial(advance, 0))
        hourly.adopt(joined)
    result = replace(_host(grid, fleet, draws, projected, hourly, hosting.served), network=joined)
    return replace(result, events=hosting.tally) if how.event_draws else result


def _exchange(
    grid: xr.Dataset, fleet: Fleet, draws: Draws, areas: AreaHours, place: Floats, alive: Callable[[], None]
) -> NetworkHours:
    """Headroom of areas that help each other, its events told to the hosting.

    place : (draw,) uniform that picks each draw's weather year. alive : called now and then; what it raises ends this.
    """
    how, hosting, outages = areas.how, areas.hosting, areas.outages
    case = case_of(grid, fleet, draws, areas.records, (areas.balances, areas.central), how.margin_of)
    limited, year = how.exchange == "network", None
    if not (limited or case.siting.for_total.any()):  # a split for the largest total is one within limits
        case = _without_limits(case)
    if outages is not None:
        alone = outages.importing_nothing(areas.balances, reserve_of(fleet, draws))
        states = network_outages.GroupOutages(outages, alone, how.outage_states)
        year = states.solve_year
    if how.device == "gpu" and outages is None:
        joined = network_on_device.solve(case, place, how.engine, how.exchange, alive=alive)
    else:
        joined = headroom.solve(
            case, place, how.engine, how.exchange, threads=how.workers, alive=alive, solve_year=year
        )
    if not hosting.policy.only_energy:
        network_terms.limit(case, place, hosting.policy, joined, limited=limited, how=(how.engine, how.workers))
    if outages is None:
        network_events.count(case, place, hosting, joined, limited=limited)
    else:
        outage_events.count_network(outages, case, place, hosting, joined, limited=limited)
    return joined


def _without_limits(case: Case) -> Case:
    """The same where links have no limits and regions no caps, so that hours and cuts are those of the copper plate."""
    linked = case.links.high_mw + case.links.high_mw.T > 0.0
    limits = np.broadcast_to(np.where(linked, np.inf, 0.0), case.limits_mw.shape)
    return replace(case, limits_mw=limits, caps=None)


def balances_of(
    grid: xr.Dataset,
    fleet: Fleet,
    draws: Draws | CentralPath,
    projected: Supply,
    storage: StorageName = DEFAULT_STORAGE,
) -> list[AreaBalance]:
    """Balances of a country's areas from projected capacity and demand."""
    path = demand.project(fleet.country, fleet.base_year, draws)
    return parts.balances(grid, fleet, projected.nameplate_mw, path, draws, storage)


def _host(
    grid: xr.Dataset,
    fleet: Fleet,
    draws: Draws,
    projected: Supply,
    hourly: Hourly,
    served: Floats | None,
) -> CountryResult:
    """What the headroom hosts, as of islands."""
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
        network=None,
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
        if technology in VARIABLE or technology in STORAGE:
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
