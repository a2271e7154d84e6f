"""Events of curtailment of areas that exchange power: those of their group. See docs/adequacy.md, Events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity import events, network
from capacity.hosting import HOURS, Hosting, figures_of
from cuda_kernels.network import curtailed_mw

Floats = NDArray[np.float64]
Members = NDArray[np.int64]


def count(case: network.Case, place: Floats, hosting: Hosting, found: network.NetworkHours, *, limited: bool) -> None:
    """Count events of the hosted load of every group in the draws of the sample, as those of each of its areas.

    Natives first, a group's new load is short of U(load) - U(0) in an hour; whose load that is, links leave open. Under
    terms beyond energy, what the hosted load forgoes is told `hosting` in all draws.
    place : (draw,) uniform that picks each draw's weather year. limited : whether links have limits.
    """
    for g, group in enumerate(case.links.groups):
        for number, members in network.weather_of(case.records, group, place):
            few = members if not hosting.policy.only_energy else members[hosting.tally.sampled(members)]
            if few.size:
                _count(case, g, number, few, (hosting, found, limited))


def _count(
    case: network.Case, g: int, number: int, few: Members, hosted: tuple[Hosting, network.NetworkHours, bool]
) -> None:
    hosting, found, limited = hosted
    areas = case.links.groups[g].areas
    margins = [network.margin_of(case, int(a), number, few) for a in areas]
    place = np.ix_(few, areas)
    for y in range(found.flexible_mw.shape[2]):
        load = np.minimum(found.flexible_mw[..., y][place], hosting.limit_mw[place])
        limits, caps, sets = np.full((len(areas), len(areas)), np.inf), None, None
        if limited:
            limits = case.limits_mw[few, y][:, areas[:, None], areas]
            caps, sets = (None, None) if case.caps is None else case.caps.inside(areas, few, y)
        profiles, coefficients = network.of_group(margins, y)
        cut = curtailed_mw(
            profiles, coefficients, limits, load, import_cap_mw=caps, import_sets=sets, engine=hosting.engine
        )
        if not hosting.policy.only_energy:
            total = load.sum(axis=1)
            cut[total <= found.firm_mw[..., y][place].sum(axis=1)] = 0.0
            parts = np.divide(load, total[:, None], out=np.zeros_like(load), where=total[:, None] > 0.0)
            hosting.lost_mwh[..., y][place] = cut.sum(axis=1)[:, None] * parts
            hosting.hosted_mwh[..., y][place] = load * HOURS
        sample = hosting.tally.sampled(few)
        figures: dict[tuple[int, str], Floats] = {}  # most areas of a group share a clock
        for a in areas:
            weather = case.records[a].weather
            clock = weather[min(number, len(weather) - 1)].weather_year, hosting.zones[a]
            if clock not in figures:
                kinds = events.kinds_of_hours(*clock)
                figures[clock] = figures_of(cut[sample], load[sample].sum(axis=1), kinds)
            hosting.tally.take(few[sample], (int(a), y), figures[clock])
