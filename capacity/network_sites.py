"""Ramps, and batteries and backup at the site, of new load in areas that exchange power. See docs/network.md, Policies.

What carries on from hour to hour asks whose load is cut. Here all new load of a group is cut in the same proportion, so
that each area's load keeps whatever its group's does: an hour serves the load up to its level, the largest of which
nothing is short, and levels stand where the margins of an island stand. Sharing cuts out otherwise, as links let it,
might leave less to be cut: a bound from below.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity import policies
from capacity.policies import Policy, Site
from cuda_kernels import Engine
from cuda_kernels.network import curtailed_mw
from cuda_kernels.network_levels import served_mw

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BEGIN = 1.5
"""Levels are looked for up to this many times what the share of energy allows, and twice as far where that binds."""
LEAST = 0.05
"""And up to at least this part of the mean that is spare, where the site has power of its own."""
NEAR = 1e-6
SLACK = 1e-8
"""Energy cut beyond its share by less than this part is rounding."""


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


def site_of(known: Known, direction: Floats, top_mw: Floats, terms: Policy, engine: Engine) -> Site:
    """What a group has for new load along a direction (case, area), up to a top (case,). [MW]"""

    def levels(joined: Joined) -> Floats:
        linear = joined.profiles, joined.coefficients, joined.limits_mw
        return served_mw(*linear, direction, top_mw, **joined.capped, engine=engine)

    margin = levels(known.now)
    return Site.served(margin, margin if known.called is known.now else levels(known.called), terms)


def headroom(
    known: Known, direction: Floats, terms: Policy, between_mw: tuple[Floats, Floats], engine: Engine
) -> tuple[Floats, Floats]:
    """Largest load (case,) that keeps all terms, at least what needs no cut, with its cuts (case, hour). [MW]

    between_mw : as of network_terms.headroom
    """
    firm, most = between_mw
    load, cut = np.zeros_like(firm), np.zeros((len(firm), known.now.profiles.shape[2]))
    top = BEGIN * _reach(terms) * np.maximum(most, firm)
    if terms.supplied.any():  # may let load in where none fits by energy
        spare = np.einsum("cak,ak->c", known.called.coefficients, known.called.profiles.mean(axis=2))
        top = np.maximum(top, np.where(direction.sum(axis=1) > 0.0, LEAST * spare, 0.0))
    left = np.flatnonzero(top > 0.0)
    while left.size:
        these = terms.rows(left)
        site = site_of(known.rows(left), direction[left], top[left], these, engine)
        load[left] = policies.headroom(site, these, most[left], engine)
        cut[left] = policies.cuts_mw(site, these, load[left], engine)
        # A load that never draws as much as was looked for is the largest.
        beyond = (load[left] * _reach(these) > top[left] * (1.0 - NEAR)) & (site.margin_mw >= top[left, None]).any(
            axis=1
        )
        left = left[beyond]
        top[left] *= 2.0
    cut[load <= firm] = 0.0
    return np.maximum(load, firm), cut


def cuts_mw(known: Known, load_mw: Floats, terms: Policy, engine: Engine) -> tuple[Floats, Floats]:
    """Cuts (case, hour) [MW] of a group's load (case, area) that keeps its terms, and what is lost (case,). [MWh]

    Without ramps, a load that keeps its terms with nothing of the site's own used, but not otherwise, uses nothing.
    """
    total = load_mw.sum(axis=1)
    linear = known.called.profiles, known.called.coefficients, known.called.limits_mw
    cut = curtailed_mw(*linear, load_mw, **known.called.capped, engine=engine)
    if terms.local and not terms.payback_share.any():
        return cut, cut.sum(axis=1)
    direction = np.divide(load_mw, total[:, None], out=np.zeros_like(load_mw), where=total[:, None] > 0.0)
    site = site_of(known, direction, _reach(terms) * total, terms, engine)
    if not terms.local:
        own = policies.cuts_mw(site, terms, total, engine)
        within = own.sum(axis=1) <= terms.energy * total * own.shape[1] * (1.0 + SLACK)
        used = terms.ramped | (within & policies.kept(site, terms, total, engine))
        cut[used] = own[used]
    return cut, policies.lost_mwh(site, terms, total, cut)


def _reach(terms: Policy) -> Floats:
    """The most (case,) that a load draws in an hour, over the load: batteries charge, and what was cut is made up."""
    return 1.0 + np.maximum(terms.site_battery_share, terms.payback_share)
