"""New load on terms beyond energy in areas that exchange power. See docs/network.md, Policies.

Links leave open whose load is cut, so a call reaches all new load of a group at once: length and number of events are
those of the hours in which the group's load is short. Depth holds in every area: served demands form a polymatroid, so
that what is short in all can be shared out within the depth wherever the rest of the load is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity import network, notions, policies
from capacity.policies import NO_CUT, Policy
from cuda_kernels import Engine
from cuda_kernels.network import curtailed_mw, unserved_mw

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SETTLED = 1e-12
"""Of the largest margin: an excess below it is rounding, as in the network kernel."""
MOST_STEPS = 200


class Joined(NamedTuple):
    """Areas with links: profiles (area, K, hour), coefficients (case, area, K), limits and caps of one each case."""

    profiles: Floats
    coefficients: Floats
    limits_mw: Floats
    caps_mw: Floats

    def margin_mw(self, case: int) -> Floats:
        """Margins (hour, area) of a case. [MW]"""
        return np.einsum("ak,akh->ha", self.coefficients[case], self.profiles)


class Called(NamedTuple):
    """Largest load (case,), and of each case the hours with a cut and the areas short in them (hour, area). [MW]"""

    load_mw: Floats
    hours: list[Integers]
    short_side: list[NDArray[np.bool_]]


def limit(
    case: network.Case,
    place: Floats,
    policy: Policy,
    found: network.NetworkHours,
    *,
    limited: bool,
    how: tuple[Engine, int],
) -> None:
    """Lower the headroom of every group, by its share of energy, to what a policy allows; in place.

    place : (draw,) uniform that picks each draw's weather year. limited : whether links have limits.
    how : engine, and years side by side; the latter changes no bit
    """
    found.binding.clear()
    engine, threads = how
    with ThreadPoolExecutor(threads) as pool:
        for g, group in enumerate(case.links.groups):
            for number, members in network.weather_of(case.records, group, place):
                margins = [network.margin_of(case, int(a), number, members) for a in group.areas]
                year = partial(_limit_year, case, (g, members, margins), policy, found, limited, engine)
                list(pool.map(year, range(found.flexible_mw.shape[2])))


def _limit_year(
    case: network.Case,
    part: tuple[int, Integers, Sequence[notions.Margin]],
    policy: Policy,
    found: network.NetworkHours,
    limited: bool,
    engine: Engine,
    y: int,
) -> None:
    g, members, margins = part
    areas = case.links.groups[g].areas
    place = np.ix_(members, areas)
    firm, most = (mw[..., y][place].sum(axis=1) for mw in (found.firm_mw, found.flexible_mw))
    flexible = found.flexible_mw[..., y][place]
    direction = np.divide(flexible, most[:, None], out=np.zeros_like(flexible), where=most[:, None] > 0.0)
    joined = joined_of(case, areas, members, y, margins, limited)
    called = headroom(joined, direction, policy.at(members, y), (firm, most), engine)
    found.flexible_mw[..., y][place] = called.load_mw[:, None] * direction
    count = np.array([len(hours) for hours in called.hours])
    found.curtailed_hours[..., y][place] = np.broadcast_to(count[:, None], direction.shape)
    short = np.array([side.sum(axis=0) for side in called.short_side])
    found.short_share[..., y][place] = short / np.maximum(count, 1)[:, None]
    tally = found.binding.setdefault((g, y), {})
    for side in called.short_side:
        if len(side):
            cuts, hours = np.unique(side, axis=0, return_counts=True)
            binding = tuple(int(a) for a in areas[cuts[hours.argmax()]])
            tally[binding] = tally.get(binding, 0) + int(hours.max())


def joined_of(
    case: network.Case, areas: Integers, members: Integers, y: int, margins: Sequence[notions.Margin], limited: bool
) -> Joined:
    """A group in one year for some draws, without limits unless `limited`; caps on sets of areas are left out."""
    caps = np.full((len(members), len(areas)), np.inf)
    limits = np.full((len(members), len(areas), len(areas)), np.inf)
    if limited:
        limits = case.limits_mw[members, y][:, areas[:, None], areas]
        if case.caps is not None:
            caps = case.caps.inside(areas, members, y)[0]
    return Joined(*network.of_group(margins, y), limits, caps)


def headroom(
    joined: Joined, direction: Floats, terms: Policy, between_mw: tuple[Floats, Floats], engine: Engine
) -> Called:
    """Largest load (case,) along a direction (case, area) whose cuts keep depth, length and number of events.

    between_mw : what needs no cut, and what the share of energy allows (case,). [MW]
    """
    firm, most = between_mw
    served = 1.0 - terms.depth
    deep = np.divide(firm, served, out=np.full_like(firm, np.inf), where=served > 0.0)
    load = np.maximum(np.minimum(most, deep), firm)
    network_ = joined.limits_mw, load[:, None] * direction
    cut = curtailed_mw(joined.profiles, joined.coefficients, *network_, import_cap_mw=joined.caps_mw, engine=engine)
    cut[load <= firm] = 0.0
    hours, sides = [], []
    for c in range(len(load)):
        (short,) = np.nonzero(cut[c])
        one, margin = terms.rows(slice(c, c + 1)), joined.margin_mw(c)
        linked = joined.limits_mw[c], joined.caps_mw[c]
        if short.size and not _kept(short, one):
            level = served_mw(margin[short], linked, direction[c], float(load[c]), engine)
            series = np.full((1, len(margin)), np.inf)
            series[0, short] = level
            # A hair below the load at which an hour too many would be cut, whose margin is known to rounding.
            allowed = policies.by_calls(series, one, load[c : c + 1])[0] * (1.0 - NO_CUT)
            load[c] = max(allowed, firm[c])
            short = short[level < load[c]] if load[c] > firm[c] else short[:0]
        hours.append(short)
        sides.append(np.zeros((0, direction.shape[1]), dtype=bool))
        if short.size:
            need = load[c] * direction[c] - margin[short]
            sides[c] = unserved_mw(need, linked[0], import_cap_mw=linked[1], engine=engine).short_side
    return Called(load, hours, sides)


def _kept(hours: Integers, terms: Policy) -> bool:
    """Whether cuts in these hours keep length and number of events of one case."""
    longest, calls = int(terms.longest_event_hours[0]), int(terms.events_a_year[0])
    run = max(len(part) for part in np.split(hours, np.flatnonzero(np.diff(hours) > 1) + 1))
    return run <= longest and policies.fits(hours, calls, longest)


def served_mw(
    margin_mw: Floats, linked: tuple[Floats, Floats], direction: Floats, top_mw: float, engine: Engine
) -> Floats:
    """Largest load (hour,) along a direction (area,), at most top_mw, of which nothing is short in that hour. [MW]

    margin_mw : (hour, area); linked : limits, caps. By Newton's method from above, which ends at the root: what is
    short is convex and piecewise linear in the load.
    """
    limits, caps = linked
    native = unserved_mw(-margin_mw, limits, import_cap_mw=caps, engine=engine).unserved_mw
    least = SETTLED * float(np.abs(margin_mw).max(initial=0.0))
    load = np.full(len(margin_mw), top_mw)
    for _ in range(MOST_STEPS):
        found = unserved_mw(load[:, None] * direction - margin_mw, limits, import_cap_mw=caps, engine=engine)
        cost, slope = found.unserved_mw - native, found.short_side @ direction
        going = (cost > least) & (slope > 0.0) & (load > 0.0)
        if not going.any():
            break
        step = np.divide(cost, slope, out=np.zeros_like(cost), where=going)
        load = np.maximum(load - step, 0.0)
    return load
