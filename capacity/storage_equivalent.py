"""Storage by the firm capacity that its hourly dispatch is worth: the default. See docs/adequacy.md, Storage.

Every fifth year each draw's store is dispatched in its own weather year, beside its own fleet and load; the equivalent
over the store's power is linear in between. It then counts as firm capacity wherever a margin does: islands, networks,
outages, policies of flexible load, explanations, on the CPU and on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import apart, demand
from capacity.adequacy import notions, parts, storage_terms
from capacity.adequacy.parts import AreaBalance
from capacity.adequacy.policies import Policy
from capacity.draws import CentralPath, Draws
from capacity.network import storage_group
from capacity.network.case import without_interchange
from capacity.network.hours import Group
from capacity.supply import projection
from capacity.supply.fleet import Fleet
from cuda_kernels import DeviceName, Engine
from cuda_kernels.storage_firm import storage_as_firm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EVERY = 5
"""Years from one dispatch to the next; in between, interpolation misses 3 to 4 % of national medians at most."""


@dataclass(frozen=True)
class Conditions:
    """What storage is dispatched in.

    records : of the fleet's areas, whose interchange is the one that the margins will have
    place : (draw,)   Uniform that picks each draw's weather year.
    device : where stores beside their own area's margin are dispatched; changes no bit
    workers, call : areas side by side, and what calls a function for each (`capacity.apart`); changes no bit
    areas : numbers of the areas that are asked for; None means all
    groups : areas that exchange power and serve each other with their stores; none for islands
    """

    records: Sequence[notions.AreaRecord]
    place: Floats
    engine: Engine = "auto"
    workers: int = 1
    call: apart.Call = apart.here
    device: DeviceName = "cpu"
    areas: Sequence[int] | None = None
    groups: Sequence[Group] = ()

    def exchanging(self, groups: Sequence[Group]) -> Conditions:
        """The same where areas exchange power, without the interchange of the base year."""
        return replace(self, records=without_interchange(self.records), groups=groups)


def counted(
    grid: xr.Dataset,
    fleet: Fleet,
    draws: Draws | CentralPath,
    standing: tuple[Sequence[AreaBalance], Sequence[AreaBalance]],
    conditions: Conditions,
) -> list[AreaBalance]:
    """Balances of the areas asked for, with the equivalent of the store in their firm capacity.

    standing : balances of all areas, of the draws and of the central path, with their stores apart

    Under terms beyond energy it is that at the default's curtailable share; what the store is worth beyond that to load
    under such terms stands beside it, where an hour's cut follows from its margin alone. In a group it is that of the
    group's store (`capacity.network.storage_group`). A draw's equivalent depends on no other draw, nor on the last year
    asked for: years go on to the next dispatch.
    """
    known = dispatched(draws.years)
    longer, ahead = draws, standing
    if isinstance(draws, Draws) and known[-1] > draws.years[-1]:
        longer = reaching(draws)
        ahead = (_apart(grid, fleet, longer), _apart(grid, fleet, longer.central))
    at = known - draws.years[0]
    policy = Policy.of(fleet.prefix, longer)
    default = longer.default(f"{fleet.prefix}.curtailable_fraction")
    share = np.where(policy.energy_alone, policy.energy, default)[:, at]
    asked = range(len(fleet.areas)) if conditions.areas is None else conditions.areas
    areas = [(conditions.records[a], ahead[0][a], ahead[1][a]) for a in asked]
    plain = policy.only_energy or not policy.local or conditions.groups
    terms = None if plain else policy.of_years(at)
    how = conditions.place, conditions.engine, conditions.device
    with ThreadPoolExecutor(conditions.workers) as pool:
        with_ = (at, (share, terms), how)
        found = list(pool.map(partial(conditions.call, _worth, *with_), areas))
    own = [
        _with(standing[0][a], *(between(known, draws.years, values) for values in worth))
        for a, worth in zip(asked, found, strict=True)
    ]
    if not conditions.groups:
        return own
    then, middle = ([balance.at(np.s_[:, at]) for balance in balances] for balances in ahead)
    whole = storage_group.Areas(conditions.records, then, middle, share, *how)
    for members, joint in storage_group.worth(whole, conditions.groups, conditions.workers):
        shared = [between(known, draws.years, values) for values in joint]
        for a in members:
            own[a] = _beside(_with(standing[0][a], *shared), own[a])
    return own


def in_any_weather(
    grid: xr.Dataset,
    fleet: Fleet,
    path: CentralPath,
    balances: Sequence[AreaBalance],
    conditions: Conditions,
) -> list[AreaBalance]:
    """Balances of one path with the mean of the equivalents in an area's weather years, wherever `conditions` lie."""
    most = max(len(record.weather) for record in conditions.records)
    places = ((number + 0.5) / most * np.ones(1) for number in range(most))
    found = [counted(grid, fleet, path, (balances, balances), replace(conditions, place=place)) for place in places]
    return [
        replace(
            each[0],
            firm_mw=np.mean([balance.firm_mw for balance in each], axis=0),
            storage_mw=_mean([balance.storage_mw for balance in each]),
            firm_extra_mw=_mean([balance.firm_extra_mw for balance in each]),
            alone_mw=_mean([balance.alone_mw for balance in each]),
        )
        for each in zip(*found, strict=True)
    ]


def _mean(values: Sequence[Floats | None]) -> Floats | None:
    known = [value for value in values if value is not None]
    return np.mean(known, axis=0) if known else None


def reaching(draws: Draws) -> Draws:
    """The same draws through the next year in which storage is dispatched."""
    last = dispatched(draws.years)[-1]
    return draws.through(last) if last > draws.years[-1] else draws


def dispatched(years: Integers) -> Integers:
    """Years in which storage is dispatched: every fifth from the first, until the last is reached."""
    return np.arange(years[0], years[-1] + EVERY, EVERY, dtype=np.int64)


def between(known: Integers, years: Integers, values: Floats) -> Floats:
    """Values (draw, known) on years (draw, year), linear in between; those of a known year to the bit."""
    steps = (years - known[0]) / EVERY
    below = np.floor(steps).astype(np.int64)
    above = np.minimum(below + 1, len(known) - 1)
    lower = values[:, below]
    return lower + (steps - below) * (values[:, above] - lower)


def _apart(grid: xr.Dataset, fleet: Fleet, draws: Draws | CentralPath) -> list[AreaBalance]:
    path = demand.project(fleet.country, fleet.base_year, draws)
    return parts.balances(grid, fleet, projection.project(fleet, draws).nameplate_mw, path, draws, "equivalent")


def _worth(
    at: Integers,
    terms: tuple[Floats, Policy | None],
    conditions: tuple[Floats, Engine, DeviceName],
    area: tuple[notions.AreaRecord, AreaBalance, AreaBalance],
) -> Floats:
    """Equivalent at a share, firm headroom beyond it and worth under terms beyond it (3, draw, dispatched year).

    All over the store's power; without a policy the first two only. [MW/MW]

    conditions : the uniform that picks each draw's weather year, engine and device
    """
    place, engine, device = conditions
    record, balance, central = area[0], area[1].at(np.s_[:, at]), area[2].at(np.s_[:, at])
    store, (share, policy) = balance.store, terms
    found = np.zeros((2 if policy is None else 3, *share.shape))
    if store is None or not store.power_mw.any():
        return found
    sets, rows, columns, groups = [], [], [], []
    for weather, members in notions.weather_groups(record.weather, place):
        if not members.size:
            continue
        margin = notions.firm_capacity(record, weather, balance.take(members), central)
        groups.append((weather, members, margin))
        for y, profiles in enumerate(margin.profiles):
            sets.append((profiles, np.ascontiguousarray(margin.coefficients[:, y])))
            rows.append(members)
            columns.append(np.full(len(members), y))
    cases = np.concatenate(rows), np.concatenate(columns)
    power = store.power_mw[cases]
    stores = power, store.energy_mwh[cases], store.efficiency[cases]
    worth = storage_as_firm(sets, stores, share[cases], engine=engine, device=device)
    for into, values in zip(found, (worth.equivalent_mw, worth.firm_extra_mw), strict=False):
        into[cases] = np.divide(values, power, out=np.zeros_like(values), where=power > 0.0)
    if policy is not None:
        firm = np.empty_like(share)
        firm[cases] = worth.firm_headroom_mw
        for weather, members, margin in groups:
            given = (balance.take(members), margin, policy.rows(members), firm[members])
            capacity = storage_terms.equivalent_mw(weather, *given, engine)
            known = np.isfinite(capacity)
            over = np.divide(capacity, store.power_mw[members], out=np.zeros_like(capacity), where=known)
            found[2, members] = np.where(known, over - found[0, members], 0.0)
    return found


def _with(balance: AreaBalance, equivalent: Floats, extra: Floats, under_terms: Floats | None = None) -> AreaBalance:
    if balance.store is None:
        return balance
    power = balance.store.power_mw
    worth = equivalent * power
    return replace(
        balance,
        firm_mw=balance.firm_mw + worth,
        store=None,
        storage_mw=worth,
        storage_power_mw=power,
        firm_extra_mw=extra * power,
        terms_mw=None if under_terms is None else under_terms * power,
    )


def _beside(joint: AreaBalance, own: AreaBalance) -> AreaBalance:
    """The balance of an area in a group, with what its store is worth to it alone beyond that."""
    if joint.storage_mw is None or own.storage_mw is None:
        return joint
    return replace(joint, alone_mw=own.storage_mw - joint.storage_mw)
