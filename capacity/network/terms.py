"""New load on terms beyond energy in areas that exchange power. See docs/network.md, Policies.

Links leave open whose load is cut, so a call reaches all new load of a group at once: length and number of events are
those of the hours in which the group's load is short. Depth holds in every area: served demands form a polymatroid, so
that what is short in all can be shared out within the depth wherever the rest of the load is served. What carries on
from hour to hour holds in every area too (`sites`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import notions, policies
from capacity.adequacy.parts import native_terms
from capacity.adequacy.policies import NO_CUT, Policy
from capacity.network import sites
from capacity.network.case import Case, margin_of, of_group, weather_of
from capacity.network.hours import NetworkHours
from capacity.network.sites import Joined, Known
from cuda_kernels import Engine
from cuda_kernels.network import curtailed_mw, network_headroom
from cuda_kernels.network_levels import served_mw, short_side

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK = 64
"""Cases worked on at a time; changes no bit."""


class Called(NamedTuple):
    """Largest load (case,), and of each case the hours with a cut and the areas short in them (hour, area). [MW]"""

    load_mw: Floats
    hours: list[Integers]
    short_side: list[NDArray[np.bool_]]


class Within(NamedTuple):
    """A group of areas in one weather year, for some draws.

    limited : whether links have limits
    margins : of its areas; called : the same as forecast when a cut has to be called, None without notice
    """

    case: Case
    areas: Integers
    members: Integers
    limited: bool
    margins: Sequence[notions.Margin]
    called: Sequence[notions.Margin] | None

    @classmethod
    def of(cls, case: Case, areas: Integers, weather: tuple[int, Integers], policy: Policy, limited: bool) -> Within:
        """weather : number of the weather year, and the draws that live in it."""
        number, members = weather
        margins = [margin_of(case, int(a), number, members) for a in areas]
        called = None
        if policy.notice_hours.any():
            error = policy.call_error[members]
            called = [_forecast(case, int(a), weather, m, error) for a, m in zip(areas, margins, strict=True)]
        return cls(case, areas, members, limited, margins, called)

    def known(self, y: int, rows: Integers, noticed: bool) -> Known:
        """What is known of some of the draws in one year. noticed : whether they have notice."""
        now = self._joined(self.margins, y, rows)
        return Known(now, self._joined(self.called, y, rows) if noticed and self.called is not None else now)

    def _joined(self, margins: Sequence[notions.Margin], y: int, rows: Integers) -> Joined:
        areas, members = self.areas, self.members[rows]
        profiles, coefficients = of_group(margins, y)
        limits, caps, sets = np.full((len(rows), len(areas), len(areas)), np.inf), None, None
        if self.limited:
            limits = self.case.limits_mw[members, y][:, areas[:, None], areas]
            if self.case.caps is not None:
                caps, sets = self.case.caps.inside(areas, members, y)
        return Joined(profiles, coefficients[rows], limits, caps, sets)


def _forecast(
    case: Case, a: int, weather: tuple[int, Integers], margin: notions.Margin, error: Floats
) -> notions.Margin:
    """The margin of an area less the error (member, year) of its native load's forecast."""
    number, members = weather
    years = case.records[a].weather
    native = native_terms(years[min(number, len(years) - 1)], case.balances[a].take(members))
    hours = np.stack([hours for _, hours in native])
    less = np.stack([-error * mw for mw, _ in native], axis=-1)
    profiles = np.concatenate([margin.profiles, np.broadcast_to(hours, (len(margin.profiles), *hours.shape))], axis=1)
    named = (*margin.terms, *(f"error of {n}" for n in range(len(native))))
    return notions.Margin(profiles, np.concatenate([margin.coefficients, less], axis=-1), margin.yearly, named)


def limit(
    case: Case,
    place: Floats,
    policy: Policy,
    found: NetworkHours,
    *,
    limited: bool,
    how: tuple[Engine, int],
) -> None:
    """Change the headroom of every group, by its share of energy, to what a policy allows; in place.

    place : (draw,) uniform that picks each draw's weather year. limited : whether links have limits.
    how : engine, and years side by side; the latter changes no bit
    """
    found.binding.clear()
    engine, threads = how
    with ThreadPoolExecutor(threads) as pool:
        for g, group in enumerate(case.links.groups):
            for weather in weather_of(case.records, group, place):
                within = Within.of(case, group.areas, weather, policy, limited)
                year = partial(_limit_year, within, g, policy, found, engine)
                list(pool.map(year, range(found.flexible_mw.shape[2])))


def _limit_year(within: Within, g: int, policy: Policy, found: NetworkHours, engine: Engine, y: int) -> None:
    tally = found.binding.setdefault((g, y), {})
    terms = policy.at(within.members, y)
    for rows in alike(terms):
        areas = within.areas
        place = np.ix_(within.members[rows], areas)
        firm, most = (mw[..., y][place].sum(axis=1) for mw in (found.firm_mw, found.flexible_mw))
        direction = _direction(
            [mw[..., y][place] for mw in (found.flexible_mw, found.copper_plate_mw, found.isolated_mw)]
        )
        these = terms.rows(rows)
        known = within.known(y, rows, bool(these.notice_hours.any()))
        called = headroom(known, direction, these, (firm, most), engine)
        found.flexible_mw[..., y][place] = called.load_mw[:, None] * direction
        count = np.array([len(hours) for hours in called.hours])
        found.curtailed_hours[..., y][place] = np.broadcast_to(count[:, None], direction.shape)
        short = np.array([side.sum(axis=0) for side in called.short_side])
        found.short_share[..., y][place] = short / np.maximum(count, 1)[:, None]
        for side in called.short_side:
            if len(side):
                cuts, hours = np.unique(side, axis=0, return_counts=True)
                binding = tuple(int(a) for a in areas[cuts[hours.argmax()]])
                tally[binding] = tally.get(binding, 0) + int(hours.max())


def _direction(loads: Sequence[Floats]) -> Floats:
    """Shares (case, area) of the first of some loads (case, area) that is not nil; nil where all are. [MW]"""
    found = np.zeros_like(loads[0])
    for load in reversed(loads):  # where nothing fits by energy, supply at the site may let something in
        total = load.sum(axis=1, keepdims=True)
        np.divide(load, total, out=found, where=total > 0.0)
    return found


def alike(terms: Policy) -> Iterator[Integers]:
    """Cases that ask for the same kinds of terms, a block at a time, so that none depends on its company."""
    kinds = np.stack([terms.notice_hours > 0.0, terms.ramped, terms.supplied, terms.payback_share > 0.0], axis=1)
    for kind in np.unique(kinds, axis=0):
        rows = np.flatnonzero((kinds == kind).all(axis=1))
        for start in range(0, len(rows), BLOCK):
            yield rows[start : start + BLOCK]


def headroom(
    known: Known, direction: Floats, terms: Policy, between_mw: tuple[Floats, Floats], engine: Engine
) -> Called:
    """Largest load (case,) along a direction (case, area) whose cuts keep all terms, which are alike in kind.

    between_mw : what needs no cut, and what the share of energy allows (case,) without notice. [MW]
    """
    firm, most = between_mw
    if known.called is not known.now:
        most = np.minimum(most, _by_energy(known.called, direction, terms, engine))
    if terms.local:
        load, hours = _by_calls(known.called, direction, terms, (firm, most), engine)
    else:
        load, hours = sites.headroom(known, direction, terms, (firm, most), engine)
    called, sides = known.called, []
    for c, short in enumerate(hours):
        sides.append(np.zeros((0, direction.shape[1]), dtype=bool))
        if short.size:
            need = load[c] * direction[c] - called.margin_mw(c)[short]
            sides[c] = short_side(need, called.limits_mw[c], **called.only(c), engine=engine)
    return Called(load, hours, sides)


def _by_energy(called: Joined, direction: Floats, terms: Policy, engine: Engine) -> Floats:
    """Headroom (case,) by the share of energy. [MW]"""
    linear = called.profiles, called.coefficients, called.limits_mw, direction
    return network_headroom(*linear, terms.energy[:, None], **called.capped, engine=engine).headroom_mw[:, 0]


def _by_calls(
    called: Joined, direction: Floats, terms: Policy, between_mw: tuple[Floats, Floats], engine: Engine
) -> tuple[Floats, list[Integers]]:
    """Largest load (case,) under local terms, and its curtailed hours."""
    firm, most = between_mw
    served = 1.0 - terms.depth
    deep = np.divide(firm, served, out=np.full_like(firm, np.inf), where=served > 0.0)
    load = np.maximum(np.minimum(most, deep), firm)
    linear = called.profiles, called.coefficients, called.limits_mw
    cut = curtailed_mw(*linear, load[:, None] * direction, **called.capped, engine=engine)
    cut[load <= firm] = 0.0
    hours = [np.flatnonzero(row) for row in cut]
    over = np.array([c for c, short in enumerate(hours) if not _kept(short, terms.rows(slice(c, c + 1)))], np.int64)
    if over.size:
        some = called.rows(over)
        linear = some.profiles, some.coefficients, some.limits_mw
        level = served_mw(*linear, direction[over], load[over], **some.capped, engine=engine)
        # A hair below the load at which an hour too many would be cut, whose margin is known to rounding.
        allowed = policies.by_calls(level, terms.rows(over), load[over]) * (1.0 - NO_CUT)
        load[over] = np.maximum(allowed, firm[over])
        for c, row in zip(over, level, strict=True):
            hours[c] = np.flatnonzero((row < load[c]) & (load[c] > firm[c]))
    return load, hours


def _kept(hours: Integers, terms: Policy) -> bool:
    """Whether cuts in these hours keep length and number of events of one case."""
    longest, calls = int(terms.longest_event_hours[0]), int(terms.events_a_year[0])
    run = max(len(part) for part in np.split(hours, np.flatnonzero(np.diff(hours) > 1) + 1))
    return run <= longest and policies.fits(hours, calls, longest)
