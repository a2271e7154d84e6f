"""Areas that help each other: the headroom of synchronous groups along a siting direction. See docs/network.md.

In place of the yearly net interchange of the base year, power flows in every hour wherever the links let it, native
load first. A group's new load is spread over its areas along a direction and grows until the curtailed share of its
energy reaches the limit; the areas on the short side of the cut that binds then say which links to widen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.network import best_total, storage_split
from capacity.network.case import CONSTANT, Case, NetworkName, margin_of, of_group, weather_of
from capacity.network.hours import NetworkHours
from capacity.network.sites import Joined
from capacity.network.siting import mixed, siting_direction
from cuda_kernels import Engine, headroom_mw
from cuda_kernels.network import NetworkHeadroom, network_headroom

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def solve(
    case: Case,
    weather: Floats,
    engine: Engine,
    exchange: NetworkName = "network",
    *,
    threads: int = 1,
    alive: Callable[[], None] = lambda: None,
    solve_year: Callable[..., None] | None = None,
) -> NetworkHours:
    """Headroom of every group.

    weather : (draw,)  Uniform that picks each draw's weather year, for all areas at once.
    exchange : "network", or "copper-plate" to spread what the group could host without limits.
    threads : areas, then years, of a group side by side; changes no bit of the result.
    alive : called after each year of a group; what it raises ends this.
    solve_year : fills in a year of a group in the place of `_solve_year`, where units fail (`outages`)
    """
    draws, years = case.share.shape
    hours = NetworkHours.empty(draws, case.links.groups, len(case.records), years)
    fill: Callable[..., None] = solve_year or _solve_year
    with ThreadPoolExecutor(threads) as pool:
        for g, group in enumerate(case.links.groups):
            for number, members in weather_of(case.records, group, weather):
                margins = list(pool.map(partial(margin_of, case, number=number, members=members), group.areas))
                year = partial(fill, case, g, members=members, margins=margins, engine=engine, hours=hours)
                for _ in pool.map(year, range(years)):
                    alive()
    if exchange == "copper-plate":
        return hours.without_limits()
    return hours


class Asked(NamedTuple):
    """What the kernel is asked of some draws of a group in one year.

    inputs : profiles, coefficients, limits, direction and shares, the first five arguments of `network_headroom`
    caps : on net imports of areas and of sets of areas; None where there are none
    firm_extra_mw : (member, area) firm capacity of stores beyond their equivalent. [MW]
    isolated_mw : (member, area) flexible headroom of areas on their own. [MW]
    """

    inputs: tuple[Floats, Floats, Floats, Floats, Floats]
    caps: tuple[Floats | None, tuple[Floats, Floats] | None]
    firm_extra_mw: Floats
    isolated_mw: Floats


def _solve_year(
    case: Case,
    g: int,
    y: int,
    *,
    members: Integers,
    margins: Sequence[notions.Margin],
    engine: Engine,
    hours: NetworkHours,
) -> None:
    ask = asked(case, g, y, members, margins, engine)
    hours.put((g, y), members, (ask.inputs[3], ask.isolated_mw), answer(ask, engine))


def answer(ask: Asked, engine: Engine) -> NetworkHeadroom:
    """What the kernel answers on the CPU."""
    single, sets = ask.caps
    return network_headroom(
        *ask.inputs, import_cap_mw=single, import_sets=sets, firm_extra_mw=ask.firm_extra_mw, engine=engine
    )


def asked(case: Case, g: int, y: int, members: Integers, margins: Sequence[notions.Margin], engine: Engine) -> Asked:
    """What the kernel is asked of some draws of a group in one year; margins : of the group's areas."""
    areas = case.links.groups[g].areas
    profiles, coefficients = of_group(margins, y)
    flexible = case.share[members, y]
    shares = np.stack([np.zeros(len(members)), flexible], axis=1)
    isolated = _isolated(case, areas, y, members, (profiles, coefficients), engine)
    load = np.stack([case.balances[a].load_mw[members, y] for a in areas], axis=1)
    direction = case.siting.direction(y, members, areas, isolated, load)
    limits = case.limits_mw[members, y][:, areas[:, None], areas]
    pull = case.siting.for_total[members, y]
    caps = (None, None) if case.caps is None else case.caps.inside(areas, members, y)
    if pull.any():
        start = siting_direction(isolated, load, (isolated.sum(axis=1) <= 0.0).astype(np.float64))
        best = best_total.direction((profiles, coefficients, limits), start, flexible, caps=caps, engine=engine)
        direction = mixed(direction, best, pull)
    joined = Joined(profiles, coefficients, limits, *caps)
    extra = storage_split.for_firm(case, (areas, members, y), joined, direction, engine)
    return Asked((profiles, coefficients, limits, direction, shares), caps, extra, isolated)


def _isolated(
    case: Case, areas: Integers, y: int, members: Integers, margins: tuple[Floats, Floats], engine: Engine
) -> Floats:
    """Flexible headroom (member, area) of areas that import nothing, each with its own store. [MW]"""
    profiles, coefficients = margins
    alone = storage_split.of_stores([case.balances[a].alone_mw for a in areas], members, y)
    if alone.any():
        coefficients = coefficients.copy()
        coefficients[..., CONSTANT] += alone
    share = case.share[members, y, None]
    each = zip(profiles, coefficients.swapaxes(0, 1), strict=True)
    found = [headroom_mw(*one, share, engine=engine, missing="refuse").headroom_mw for one in each]
    return np.concatenate(found, axis=1)
