"""Events of curtailment while units fail, in sampled years in which they go out and come back. See docs/adequacy.md.

A table of outages knows how often each hour is short, not which hours follow one another. The years of
`cuda_kernels.outage_years` do: a figure is its mean over them. Of an area on its own the hours are known beside, by
season and part of the day, and the number of events is that of the sampled years over their hours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import events, notions
from capacity.adequacy.hosting import Hosting, figures_of
from capacity.adequacy.parts import AreaBalance
from capacity.adequacy.reliability import SAMPLED_YEARS, STATE_YEARS, Outages
from capacity.network.case import CONSTANT, Case, weather_of
from capacity.network.hours import NetworkHours
from capacity.network.terms import Within
from cuda_kernels import Engine
from cuda_kernels.event_figures import KINDS, event_figures, margin_mw
from cuda_kernels.network import curtailed_mw
from cuda_kernels.outage_table import look_up

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HOURS_FIGURE, EVENTS_FIGURE = events.FIGURES.index("hours"), events.FIGURES.index("events")
BY_KIND = len(events.FIGURES) - 2 * KINDS
"""The first figure of hours by season, then by part of the day."""


class Area(NamedTuple):
    """Some draws of an area in a weather year: number of the area, draws, margin and balance, kinds of its hours."""

    a: int
    members: Integers
    margin: notions.Margin
    balance: AreaBalance
    kinds: Integers


def figures(outages: Outages, area: Area, y: int, load_mw: Floats, engine: Engine) -> Floats:
    """Figures (draw, figure) of loads (draw,) in one year; nil where nothing is hosted."""
    scale, constant = outages.in_place(area.a, y, area.members, area.balance)
    coefficients = area.margin.coefficients[:, y].copy()
    coefficients[:, 0] += constant
    profiles = area.margin.profiles[y]
    found = np.zeros((len(load_mw), len(events.FIGURES)))
    with_units = np.concatenate([profiles, np.empty((1, profiles.shape[1]))])
    weights = np.concatenate([coefficients, scale[:, None]], axis=1)
    for units in outages.years_mw(area.a, y - y % STATE_YEARS):
        with_units[-1] = units
        found += event_figures(with_units, weights, load_mw, area.kinds, engine=engine)
    found /= SAMPLED_YEARS
    state, rows = outages.state(area.a, y - y % STATE_YEARS), outages.rows(area.a)[1]
    wanted = (load_mw[:, None] - margin_mw(profiles, coefficients)) / scale[:, None]
    short = look_up(state.table, wanted, rows)[1]
    return exactly(found, np.where(load_mw[:, None] > 0.0, short, 0.0), area.kinds)


def exactly(found: Floats, short: Floats, kinds: Integers) -> Floats:
    """Figures (draw, figure) with the hours of known probabilities of shortage (draw, hour), and with as many events
    over hours as before."""
    exact = found.copy()
    for row, kind in enumerate(kinds):
        by_kind = [np.bincount(kind, hourly, KINDS) for hourly in short]
        exact[:, BY_KIND + KINDS * row :][:, :KINDS] = by_kind
    hours, sampled = exact[:, BY_KIND : BY_KIND + KINDS].sum(axis=1), found[:, HOURS_FIGURE]
    exact[:, HOURS_FIGURE] = hours
    exact[:, EVENTS_FIGURE] *= np.divide(hours, sampled, out=np.ones_like(hours), where=sampled > 0.0)
    return exact


def count_island(outages: Outages, area: Area, hosting: Hosting, flexible_mw: Floats) -> None:
    """Count events of the hosted load of some draws of an area, whose numbers in `hosting` are 0, 1, ...

    flexible_mw : (draw, 1, year)   Their headroom. [MW]
    """
    few = hosting.tally.sampled(np.arange(len(area.members)))
    if not few.size:
        return
    margin = area.margin._replace(coefficients=area.margin.coefficients[few])
    some = area._replace(members=area.members[few], margin=margin, balance=area.balance.take(few))
    for y in range(flexible_mw.shape[2]):
        load = np.minimum(flexible_mw[few, 0, y], hosting.limit_mw[few, 0])
        hosting.tally.take(few, (0, y), figures(outages, some, y, load, hosting.engine))


def count_network(
    outages: Outages, case: Case, place: Floats, hosting: Hosting, found: NetworkHours, *, limited: bool
) -> None:
    """Count events of the hosted load of every group in the draws of the sample, as those of each of its areas.

    place : (draw,) uniform that picks each draw's weather year. limited : whether links have limits.
    """
    for group in case.links.groups:
        for number, members in weather_of(case.records, group, place):
            few = members[hosting.tally.sampled(members)]
            if few.size:
                within = Within.of(case, group.areas, (number, few), hosting.policy, limited)
                for y in range(found.flexible_mw.shape[2]):
                    _count_group(outages, within, (number, y), hosting, found)


def _count_group(outages: Outages, within: Within, at: tuple[int, int], hosting: Hosting, found: NetworkHours) -> None:
    """The same of a group in one year. at : numbers of weather year and year"""
    number, y = at
    areas, members = within.areas, within.members
    place = np.ix_(members, areas)
    load = np.minimum(found.flexible_mw[..., y][place], hosting.limit_mw[place])
    clocks = [_clock(within.case.records[a], number, hosting.zones[a]) for a in areas]
    if len(areas) == 1:
        balance = within.case.balances[areas[0]].take(members)
        alone = Area(int(areas[0]), members, within.margins[0], balance, events.kinds_of_hours(*clocks[0]))
        each = {clocks[0]: figures(outages, alone, y, load[:, 0], hosting.engine)}
    else:
        each = _figures_of_group(outages, within, y, (load, set(clocks)), hosting.engine)
    for a, clock in zip(areas, clocks, strict=True):
        hosting.tally.take(members, (int(a), y), each[clock])


def _figures_of_group(
    outages: Outages, within: Within, y: int, asked: tuple[Floats, set[tuple[int, str]]], engine: Engine
) -> dict[tuple[int, str], Floats]:
    """Figures (draw, figure) by clock. asked : load (draw, area) [MW], and the clocks of the areas"""
    load, clocks = asked
    joined = within.known(y, np.arange(len(load)), noticed=False).now
    scale = np.empty(load.shape)
    coefficients = joined.coefficients
    for i, a in enumerate(within.areas):
        scale[:, i], constant = outages.in_place(
            int(a), y, within.members, within.case.balances[a].take(within.members)
        )
        coefficients[:, i, CONSTANT] += constant
    weights = np.concatenate([coefficients, scale[..., None]], axis=2)
    years = np.stack([outages.years_mw(int(a), y - y % STATE_YEARS) for a in within.areas], axis=1)
    each = {clock: np.zeros((len(load), len(events.FIGURES))) for clock in clocks}
    for units in years:
        profiles = np.concatenate([joined.profiles, units[:, None]], axis=1)
        cut = curtailed_mw(profiles, weights, joined.limits_mw, load, **joined.capped, engine=engine)
        for clock, figures_found in each.items():
            figures_found += figures_of(cut, load.sum(axis=1), events.kinds_of_hours(*clock))
    return {clock: summed / SAMPLED_YEARS for clock, summed in each.items()}


def _clock(record: notions.AreaRecord, number: int, zone: str) -> tuple[int, str]:
    """Weather year and time zone of an area in one of its weather years."""
    return record.weather[min(number, len(record.weather) - 1)].weather_year, zone
