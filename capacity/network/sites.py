"""Ramps, and batteries and backup at the site, of new load in areas that exchange power. See docs/network.md, Policies.

What carries on from hour to hour asks whose load is cut. The least that a group's load can be cut in an hour leaves
each area served up to a level of its own, whatever the load (`cuda_kernels.network_levels`), and all areas can be
served up to their levels at once. An area's new load is then an island beside the margin w_i level_i: ramps, batteries
and backup are those of the area's load. Energy is counted over the group; a call reaches all areas, so that length and
number of events are those of the hours in which any is cut.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import policies
from capacity.adequacy.policies import Policy, Site
from cuda_kernels import Engine
from cuda_kernels.network import curtailed_mw
from cuda_kernels.network_levels import levels_mw

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

BEGIN = 1.5
"""Levels are looked for up to this many times what the share of energy allows, and twice as far where that binds."""
LEAST = 0.05
"""And up to at least this part of the mean that is spare, where the site has power of its own."""
NEAR = 1e-6
"""Of what levels are looked for up to: a load that draws less is not held back by it."""


class Joined(NamedTuple):
    """Areas with links: profiles (area, K, hour), coefficients (case, area, K), limits of links, and caps on imports.

    limits_mw : (case, area, area)
    caps_mw : (case, area) of areas, or None
    sets : membership (set, area) and caps (case, set) of sets of areas, or None
    """

    profiles: Floats
    coefficients: Floats
    limits_mw: Floats
    caps_mw: Floats | None = None
    sets: tuple[Floats, Floats] | None = None

    def margin_mw(self, case: int) -> Floats:
        """Margins (hour, area) of a case. [MW]"""
        return np.einsum("ak,akh->ha", self.coefficients[case], self.profiles)

    def rows(self, rows: Integers) -> Joined:
        """Some of the cases."""
        caps = None if self.caps_mw is None else self.caps_mw[rows]
        sets = None if self.sets is None else (self.sets[0], self.sets[1][rows])
        return Joined(self.profiles, self.coefficients[rows], self.limits_mw[rows], caps, sets)

    @property
    def capped(self) -> dict[str, Any]:
        """Caps as kernels take them."""
        return {"import_cap_mw": self.caps_mw, "import_sets": self.sets}

    def only(self, case: int) -> dict[str, Any]:
        """Caps of one case."""
        one = self.rows(np.array([case]))
        caps = np.full(self.limits_mw.shape[1], np.inf) if one.caps_mw is None else one.caps_mw[0]
        return {"import_cap_mw": caps, "import_sets": None if one.sets is None else (one.sets[0], one.sets[1][0])}


class Known(NamedTuple):
    """A group in some cases: as it is, and as known when a cut has to be called, the same object without notice."""

    now: Joined
    called: Joined

    def rows(self, rows: Integers) -> Known:
        now = self.now.rows(rows)
        return Known(now, now if self.called is self.now else self.called.rows(rows))


class Sites(NamedTuple):
    """New load of a group as islands, one for each area that has any.

    site, terms : of areas, those of a case one after another
    part : (row,) share of the case's load in the area
    case, first : (row,), (case,) number of the case of each area, and of its first area
    of_case : terms of the cases
    """

    site: Site
    terms: Policy
    part: Floats
    case: Integers
    first: Integers
    of_case: Policy
    engine: Engine

    @classmethod
    def of(cls, known: Known, direction: Floats, top_mw: Floats, terms: Policy, engine: Engine) -> Sites:
        """Along a direction (case, area), somewhere more than nil in each case, up to a top (case,). [MW]"""
        case, area = np.nonzero(direction)

        def served(joined: Joined) -> Floats:
            linear = joined.profiles, joined.coefficients, joined.limits_mw
            found = levels_mw(*linear, direction, top_mw, **joined.capped, engine=engine)
            return found[case, :, area] * direction[case, area, None]

        margin = served(known.now)
        called = margin if known.called is known.now else served(known.called)
        rows, first = terms.rows(case), np.searchsorted(case, np.arange(len(direction)))
        return cls(Site.served(margin, called, rows), rows, direction[case, area], case, first, terms, engine)

    def rows(self, cases: Integers) -> Sites:
        """Some of the cases."""
        each = [np.flatnonzero(self.case == c) for c in cases]
        rows = np.concatenate(each)
        case = np.repeat(np.arange(len(cases)), [len(of) for of in each])
        first = np.searchsorted(case, np.arange(len(cases)))
        own = self.site.rows(rows), self.terms.rows(rows), self.part[rows]
        return Sites(*own, case, first, self.of_case.rows(cases), self.engine)

    def cuts_mw(self, load_mw: Floats) -> Floats:
        """Cuts (row, hour) of a load (case,). [MW]"""
        return policies.cuts_mw(self.site, self.terms, self.part * load_mw[self.case], self.engine)

    def together(self, of_area: Floats) -> Floats:
        """Sums over the areas of each case."""
        return np.add.reduceat(of_area, self.first, axis=0)

    def headroom(self, ceiling_mw: Floats) -> Floats:
        """Largest load (case,) that keeps all terms, at most a ceiling where the site has nothing of its own. [MW]"""
        hours, terms = self.site.called_mw.shape[1], self.of_case
        allowed = terms.energy * hours
        if terms.supplied.any():
            ceiling_mw = policies.most_mw(self.together(self.site.called_mw.sum(axis=1)), hours, terms)

        def excess(load: Floats) -> Floats:
            cut = self.together(self.cuts_mw(load).sum(axis=1))
            return np.divide(cut, load, out=np.zeros_like(cut), where=load > 0.0) - allowed

        by_energy = policies.falling_root(excess, ceiling_mw)
        return policies.halved(lambda cases, load: self.rows(cases).kept(load), by_energy)

    def kept(self, load_mw: Floats) -> Booleans:
        """Whether cuts at a load (case,) keep depth in every area, and length and number of events in all."""
        cut = self.cuts_mw(load_mw)
        needed = cut
        if self.site.called_mw is not self.site.margin_mw:
            needed = self._replace(site=self.site.known).cuts_mw(load_mw)
        most = self.terms.depth * self.part * load_mw[self.case] * (1.0 + policies.NO_CUT)
        within = np.logical_and.reduceat(needed.max(axis=1) <= most, self.first)
        return within & policies.calls_kept(self.together(cut), self.of_case, within)

    def lost_mwh(self, load_mw: Floats, cut_mw: Floats) -> Floats:
        """What loads (row,) forgo in the end of cuts (row, hour), over areas: (case,). [MWh]"""
        return self.together(policies.lost_mwh(self.site, self.terms, load_mw, cut_mw))


def headroom(
    known: Known, direction: Floats, terms: Policy, between_mw: tuple[Floats, Floats], engine: Engine
) -> tuple[Floats, list[Integers]]:
    """Largest load (case,) that keeps all terms, at least what needs no cut, and the hours of its cuts. [MW]

    between_mw : as of terms.headroom
    """
    firm, most = between_mw
    load = np.zeros_like(firm)
    hours = [np.zeros(0, np.int64)] * len(firm)
    top = BEGIN * _reach(terms) * np.maximum(most, firm)
    if terms.supplied.any():  # may let load in where none fits by energy
        spare = np.einsum("cak,ak->c", known.called.coefficients, known.called.profiles.mean(axis=2))
        top = np.maximum(top, LEAST * spare)
    left = np.flatnonzero((top > 0.0) & direction.any(axis=1))
    while left.size:
        sites = Sites.of(known.rows(left), direction[left], top[left], terms.rows(left), engine)
        load[left] = sites.headroom(most[left])
        for c, cut in zip(left, sites.together(sites.cuts_mw(load[left])), strict=True):
            hours[c] = np.flatnonzero(cut) if load[c] > firm[c] else hours[c][:0]
        # A load that never draws as much as was looked for is the largest.
        left = left[load[left] * _reach(terms.rows(left)) > top[left] * (1.0 - NEAR)]
        top[left] *= 2.0
    return np.maximum(load, firm), hours


def cuts_mw(known: Known, load_mw: Floats, terms: Policy, engine: Engine) -> tuple[Floats, Floats]:
    """Cuts (case, hour) [MW] of a group's load (case, area), and what is lost (case,) [MWh]; terms alike in kind."""
    if terms.local and not terms.payback_share.any():
        linear = known.called.profiles, known.called.coefficients, known.called.limits_mw
        cut = curtailed_mw(*linear, load_mw, **known.called.capped, engine=engine)
        return cut, cut.sum(axis=1)
    total = load_mw.sum(axis=1)
    cut, lost = np.zeros((len(load_mw), known.now.profiles.shape[2])), np.zeros(len(load_mw))
    some = np.flatnonzero(total > 0.0)
    if some.size:
        direction = load_mw[some] / total[some, None]
        few = terms.rows(some)
        sites = Sites.of(known.rows(some), direction, _reach(few) * total[some], few, engine)
        of_area = sites.cuts_mw(total[some])
        cut[some] = sites.together(of_area)
        lost[some] = sites.lost_mwh(sites.part * total[some][sites.case], of_area)
    return cut, lost


def _reach(terms: Policy) -> Floats:
    """The most (case,) that a load draws in an hour, over the load: batteries charge, and what was cut is made up."""
    return 1.0 + np.maximum(terms.site_battery_share, terms.payback_share)
