"""Events of curtailment of areas that exchange power: those of their group. See docs/adequacy.md, Events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import events
from capacity.adequacy.hosting import HOURS, Hosting, figures_of
from capacity.network import sites
from capacity.network import terms as network_terms
from capacity.network.case import Case, weather_of
from capacity.network.hours import NetworkHours
from capacity.network.terms import Within

Floats = NDArray[np.float64]
Members = NDArray[np.int64]

ROUNDING = 1e-12
"""Of load that needs no cut, split over areas and added up again."""


def count(case: Case, place: Floats, hosting: Hosting, found: NetworkHours, *, limited: bool) -> None:
    """Count events of the hosted load of every group in the draws of the sample, as those of each of its areas.

    Natives first, a group's new load is short of U(load) - U(0) in an hour; whose load that is, links leave open. Under
    terms beyond energy, what the hosted load forgoes is told `hosting` in all draws.
    place : (draw,) uniform that picks each draw's weather year. limited : whether links have limits.
    """
    for g, group in enumerate(case.links.groups):
        for number, members in weather_of(case.records, group, place):
            few = members if not hosting.policy.only_energy else members[hosting.tally.sampled(members)]
            if few.size:
                within = Within.of(case, group.areas, (number, few), hosting.policy, limited)
                for y in range(found.flexible_mw.shape[2]):
                    _count(within, (g, number, y), hosting, found)


def _count(within: Within, at: tuple[int, int, int], hosting: Hosting, found: NetworkHours) -> None:
    """The same of the draws of a weather year in one year. at : numbers of group, weather year and year"""
    y = at[2]
    terms = hosting.policy.at(within.members, y)
    for rows in network_terms.alike(terms):
        few, these = within.members[rows], terms.rows(rows)
        place = np.ix_(few, within.areas)
        load = np.minimum(found.flexible_mw[..., y][place], hosting.limit_mw[place])
        known = within.known(y, rows, bool(these.notice_hours.any()))
        cut, lost = sites.cuts_mw(known, load, these, hosting.engine)
        if not hosting.policy.only_energy:
            total = load.sum(axis=1)
            kept = total <= found.firm_mw[..., y][place].sum(axis=1) * (1.0 + ROUNDING)
            cut[kept], lost[kept] = 0.0, 0.0
            cut, lost = within_depth(cut, lost, these.depth * total)
            parts = np.divide(load, total[:, None], out=np.zeros_like(load), where=total[:, None] > 0.0)
            hosting.lost_mwh[..., y][place] = lost[:, None] * parts
            hosting.hosted_mwh[..., y][place] = load * HOURS
        _tell(within, at, hosting, few, (cut, load))


def within_depth(cut_mw: Floats, lost_mwh: Floats, deepest_mw: Floats) -> tuple[Floats, Floats]:
    """Cuts (case, hour) and what is lost (case,) if no cut is deeper than (case,). [MW], [MWh]

    The rest of the load needs no cut, and so has what storage adds to that beyond its equivalent.
    """
    within = np.minimum(cut_mw, deepest_mw[:, None])
    return within, np.maximum(lost_mwh - (cut_mw - within).sum(axis=1), 0.0)


def _tell(
    within: Within, at: tuple[int, int, int], hosting: Hosting, few: Members, hosted: tuple[Floats, Floats]
) -> None:
    """Hand a block's events to the tally of every area. hosted : cuts (draw, hour), load (draw, area). [MW]"""
    (_, number, y), (cut, load) = at, hosted
    sample = hosting.tally.sampled(few)
    figures: dict[tuple[int, str], Floats] = {}  # most areas of a group share a clock
    for a in within.areas:
        weather = within.case.records[a].weather
        clock = weather[min(number, len(weather) - 1)].weather_year, hosting.zones[a]
        if clock not in figures:
            kinds = events.kinds_of_hours(*clock)
            figures[clock] = figures_of(cut[sample], load[sample].sum(axis=1), kinds)
        hosting.tally.take(few[sample], (int(a), y), figures[clock])
