"""A group of areas at a load: who is short in which hour, and what one more MW of anything would be worth there.

At the headroom l along a direction w, sum_h [U_h(l w - m) - U_h(-m)] = eps T l, where U_h is the unserved load of an
hour and S_h its tightest set of areas. One MW in area a that gives g_h raises its margin by g_h, so that

    dl/dMW = sum_h g_h (1[a in S_h(l)] - 1[a in S_h(0)]) / (sum_h w(S_h(l)) - eps T),

and one MW of a link or a cap on net imports counts by what it serves in each hour (`cuda_kernels.network_cuts`). Under
a policy the sum is over the hours that its binding term rests on: all that are curtailed for the share of energy; the
hour that keeps firm load from rising for firm load and, over 1 - d q, for depth; the hour that would ask for one call
too many, or for too long a one, for length and number of events. Exact wherever l moves smoothly; the direction, and
what storage counts for, are held.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy.policies import Policy
from cuda_kernels.network import curtailed_mw, network_headroom, unserved_mw
from cuda_kernels.network_cuts import TightestCuts, tightest_cuts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ENERGY, FIRM = "share of energy", "load that must never be cut"
DEPTH, CALLS = "depth of a cut", "length and number of events"
_RIGHT = (1e-9, 1e-8, 1e-7, 1e-6)
"""Relative: a load that nothing may be cut of is looked at just right of it, where its one hour is curtailed."""
_NEGLIGIBLE = 1e-11
"""Of the largest margin: a shortage below it is rounding."""
_SAME = 1e-7
"""Relative: loads that differ by less are one."""


class Transfers(NamedTuple):
    """Limits of one group: links (area, area), caps on net imports of areas (area,), and of sets of areas. [MW]

    sets : membership (set, area) of 0 and 1 and caps (set,); None without any
    """

    limits_mw: Floats
    caps_mw: Floats
    sets: tuple[Floats, Floats] | None = None

    @classmethod
    def by_links(cls, limits_mw: Floats) -> Transfers:
        """Without caps."""
        return cls(limits_mw, np.full(len(limits_mw), np.inf))

    @property
    def member(self) -> Floats:
        """Membership (set, area) of capped sets."""
        return np.zeros((0, len(self.caps_mw))) if self.sets is None else self.sets[0]

    @property
    def caps(self) -> dict[str, Any]:
        """Caps by the names that kernels know them by."""
        return {"import_cap_mw": self.caps_mw, "import_sets": self.sets}

    def cuts(self, deficit_mw: Floats) -> TightestCuts:
        """Tightest cuts of deficits (hour, area); none of no hours."""
        if not len(deficit_mw):
            nil = np.zeros(deficit_mw.shape)
            return TightestCuts(nil[:, 0], nil.astype(bool), nil, nil @ self.member.T)
        return tightest_cuts(deficit_mw, self.limits_mw, **self.caps)


class Point(NamedTuple):
    """A group at a load along a direction (area,): its curtailed hours, and the cuts there and without new load.

    allowed : curtailed hours eps T; margin : (hour of the year, area); curtailed_mw : (hour of the year,) [MW]
    hours : (n,) those that are curtailed; beside, alone : cuts of these hours
    """

    load_mw: float
    direction: Floats
    allowed: float
    margin: Floats
    within: Transfers
    curtailed_mw: Floats
    hours: Integers
    beside: TightestCuts
    alone: TightestCuts

    @property
    def rise(self) -> float:
        """Slope of curtailed energy in the load, less what is allowed. [h]"""
        return float((self.beside.short_side @ self.direction).sum() - self.allowed)

    @property
    def native_short(self) -> int:
        """Hours in which native load is short without new load."""
        unserved = self.within.cuts(-self.margin).unserved_mw
        return int((unserved > _NEGLIGIBLE * np.abs(self.margin).sum(axis=1).max()).sum())

    def only(self, hours: Integers) -> Point:
        """The same with some of its hours, none of which may be curtailed."""
        kept = np.isin(self.hours, hours)
        beside, alone = (TightestCuts(*(values[kept] for values in cuts)) for cuts in (self.beside, self.alone))
        return self._replace(allowed=0.0, hours=self.hours[kept], beside=beside, alone=alone)


class Bound(NamedTuple):
    """What keeps a headroom from rising: the name of the term, the hours it rests on, and how far it carries them."""

    term: str
    point: Point
    factor: float = 1.0

    def worth(self, i: int, output: Floats) -> float:
        """Group headroom that one more MW in an area adds, for its output (hour,) of one MW. [MW/MW]"""
        beside, alone = self.point.beside.short_side[:, i], self.point.alone.short_side[:, i]
        return self._over(output[self.point.hours] @ (beside.astype(np.float64) - alone))

    def link_worth(self, start: int, end: int) -> float:
        """Group headroom that one more MW of the link from, to adds. [MW/MW]"""
        member = self.point.within.member
        seen = (cuts.seen(member) for cuts in (self.point.beside, self.point.alone))
        served = [np.maximum(z[:, end] - z[:, start], 0.0).sum() for z in seen]
        return self._over(served[0] - served[1])

    def cap_worth(self) -> tuple[Floats, Floats]:
        """The same of caps on net imports, of areas (area,) and of sets (set,). [MW/MW]"""
        pairs = zip(self.point.beside[2:], self.point.alone[2:], strict=True)
        one, more = (np.array([self._over(float(x)) for x in (b - a).sum(axis=0)]) for b, a in pairs)
        return one, more

    def _over(self, served: float) -> float:
        rise = self.point.rise
        return float(self.factor * served / rise) if rise > 0.0 else 0.0


class Loads(NamedTuple):
    """Loads of a group along one direction: the headroom, what needs no cut, what the share of energy allows. [MW]"""

    headroom: float
    firm: float
    by_energy: float


def point_at(margin: Floats, within: Transfers, direction: Floats, load_mw: float, share: float) -> Point:
    """Cuts of every hour at a load along a direction, and without it, beside margins (hour, area).

    Cuts are sought in hours with curtailment alone, a few hundred: in a group of 92 zones each takes its time.
    """
    allowed = share * len(margin)
    for right in _RIGHT if allowed == 0.0 else (0.0,):
        load = load_mw * (1.0 + right) * direction
        found = _curtailed(margin, within, load)
        (hours,) = np.nonzero(found > _NEGLIGIBLE * np.abs(margin).sum(axis=1).max())
        if hours.size:
            break
    curtailed = np.zeros(len(margin))
    curtailed[hours] = found[hours]
    cuts = (within.cuts(deficit) for deficit in (load - margin[hours], -margin[hours]))
    return Point(load_mw, direction, allowed, margin, within, curtailed, hours, *cuts)


def bound_of(point: Point, loads: Loads, terms: Policy, extra_mw: Floats) -> Bound:
    """What binds the headroom of a group under a policy of one case.

    point : at the headroom, by the share of energy; extra_mw : (area,) what storage adds to load that is never cut
    """
    load = loads.headroom
    if load >= loads.by_energy * (1.0 - _SAME) or load <= 0.0:
        return Bound(ENERGY, point)
    asked = loads.firm, point.direction, point.margin + extra_mw, point.within
    served = 1.0 - float(terms.depth[0])
    if load <= loads.firm * (1.0 + _SAME):
        return Bound(FIRM, _of_firm(*asked))
    if served > 0.0 and load >= loads.firm / served * (1.0 - _SAME):
        return Bound(DEPTH, _of_firm(*asked), 1.0 / served)
    right = point_at(point.margin, point.within, point.direction, load * (1.0 + _RIGHT[2]), float(terms.energy[0]))
    new = np.setdiff1d(right.hours, point.hours)
    first = new[np.argsort(-right.curtailed_mw[new], kind="stable")][:1]
    return Bound(CALLS, right.only(first))


def _of_firm(load_mw: float, direction: Floats, margin: Floats, within: Transfers) -> Point:
    return point_at(margin, within, direction, load_mw, 0.0)


def headroom_along(margin: Floats, within: Transfers, direction: Floats, share: float) -> float:
    """Headroom of a group along a direction by the network kernel, for margins (hour, area). [MW]"""
    found = network_headroom(*_kernel(margin), within.limits_mw, direction, share, **within.caps)
    return float(found.headroom_mw[0, 0])


def imports_mw(deficit: Floats, within: Transfers) -> Floats:
    """Net imports (hour, area) that leave least unserved of deficits (hour, area), of several such the ones found."""
    if within.sets is None:
        sent = unserved_mw(deficit, within.limits_mw, import_cap_mw=within.caps_mw).transfer_mw
        return np.asarray(sent.sum(axis=1) - sent.sum(axis=2))
    return np.array([_by_program(hour, within) for hour in deficit]).reshape(deficit.shape)


def _by_program(deficit: Floats, within: Transfers) -> Floats:
    """Net imports (area,) of one hour by a linear program: least unserved, then least sent.

    Columns are what is unserved in each area and what each link carries.
    """
    from scipy.optimize import linprog  # takes a while to load

    start, end = np.nonzero(np.where(np.eye(len(deficit), dtype=bool), 0.0, within.limits_mw))
    links, areas = np.arange(len(start)), np.eye(len(deficit))
    into = np.zeros((len(deficit), len(links)))
    into[end, links], into[start, links] = 1.0, -1.0
    member = np.concatenate([areas, within.member])
    most = np.concatenate([within.caps_mw, within.sets[1] if within.sets is not None else []])
    there = np.isfinite(most)
    rows = np.concatenate(
        [-np.concatenate([areas, into], axis=1), np.pad(member @ into, ((0, 0), (len(areas), 0)))[there]]
    )
    cost = np.concatenate([np.ones(len(areas)), np.full(len(links), 1e-6)])
    upper = [None] * len(areas) + [None if np.isinf(mw) else float(mw) for mw in within.limits_mw[start, end]]
    found = linprog(cost, A_ub=rows, b_ub=np.concatenate([-deficit, most[there]]), bounds=[(0.0, mw) for mw in upper])
    return np.asarray(into @ found.x[len(areas) :])


def _curtailed(margin: Floats, within: Transfers, load: Floats) -> Floats:
    return np.asarray(curtailed_mw(*_kernel(margin), within.limits_mw, load[None], **within.caps)[0])


def _kernel(margin: Floats) -> tuple[Floats, Floats]:
    """Profiles and coefficients of one case whose margins (hour, area) are known."""
    return np.ascontiguousarray(margin.T)[:, None], np.ones((1, margin.shape[1], 1))
