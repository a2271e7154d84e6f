"""The headroom of one area and year as `explain` asks for it: by energy, by a policy, or beside a store; and what one
more MW of a resource adds to it.

One MW that gives g_h in hour h lifts the load by the sum of g over the hours that the binding term rests on, over how
fast that term is used up as the load rises: all curtailed hours that have a margin, over their number less eps T, for
the share of energy; the hour of the lowest margin for load that is never cut and, over 1 - d q, for depth; the hour
whose margin is the load for length and number of events. A dispatched store carries g from hour to hour
(`capacity.explain.store`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import policies, storage_headroom
from capacity.adequacy.policies import Policy, Site
from capacity.adequacy.storage import Store
from capacity.explain.point import CALLS, DEPTH, ENERGY, FIRM
from capacity.explain.store import beside_store
from cuda_kernels import headroom_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_trace import storage_trace

Floats = NDArray[np.float64]

ALL = "several terms at once"
"""Where cuts carry over from hour to hour, and no one term can be told apart."""
_SAME = 1e-9
"""Relative: loads that differ by less are one."""


@dataclass(frozen=True)
class Terms:
    """What decides the headroom of some cases beside their margins.

    policy : Policy             Terms (case,) of the new load.
    native_mw : (case, hour)    Native load. [MW]
    store : Store               Dispatched storage (case,); None where it counts as firm.
    aside_mw : (case,) each     What storage counts for under the policy that it does not for firm load, and for firm
                                load beside its margin. [MW]
    """

    policy: Policy
    native_mw: Floats
    store: Store | None
    aside_mw: tuple[Floats, ...]

    @property
    def plain(self) -> bool:
        """True where the curtailed share of energy is all there is, and derivatives are sums over hours."""
        return self.store is None and self.policy.only_energy

    def row(self, case: int, count: int = 1) -> Terms:
        """One case, `count` times."""
        rows = np.full(count, case)
        store = None if self.store is None else Store(*(values[rows] for values in self.store))
        aside = tuple(mw[rows] for mw in self.aside_mw)
        return replace(self, policy=self.policy.rows(rows), native_mw=self.native_mw[rows], store=store, aside_mw=aside)

    def headroom(self, margin_mw: Floats) -> Floats:
        """Largest load (case,) beside margins (case, hour). [MW]"""
        share = self.policy.energy[:, None]
        if self.store is not None:
            return storage_headroom_mw(margin_mw, *self.store, share).headroom_mw[:, 0]
        ones = np.ones((1, 1))
        limits = zip(margin_mw, share, strict=True)
        ceiling = np.array([headroom_mw(row[None], ones, part[None]).headroom_mw[0, 0] for row, part in limits])
        return np.maximum(policies.headroom(self._site(margin_mw), self.policy, ceiling, "auto"), self._firm(margin_mw))

    def cuts(self, margin_mw: Floats, load_mw: Floats) -> Floats:
        """Curtailment (case, hour) of loads (case,). [MW]"""
        if self.store is not None:
            return storage_headroom.cuts_mw(margin_mw, self.store, load_mw, "auto")
        cut = policies.cuts_mw(self._site(margin_mw), self.policy, load_mw, "auto")
        if not self.policy.only_energy:
            cut[load_mw <= self._firm(margin_mw)] = 0.0
        return cut

    def native_short(self, margin_mw: Floats) -> int:
        """Hours in which native load of the first case is short beside a margin (hour,) and its store."""
        store = self.row(0).store
        short = margin_mw < 0.0 if store is None else storage_trace(margin_mw[None], *store).unserved_mw > 0.0
        return int(short.sum())

    def worth(self, margin_mw: Floats, load_mw: float, outputs: Floats) -> tuple[str, Floats]:
        """Which term binds the first case beside a margin (hour,), and what one more MW adds to it (resource,).

        outputs : (resource, hour) of one MW. The derivative, but where cuts carry over from hour to hour and no store
        is dispatched: there what one MW brings.
        """
        if load_mw <= 0.0:
            return ENERGY, np.zeros(len(outputs))
        if self.store is not None:
            share = float(self.policy.energy[0])
            return ENERGY, beside_store(margin_mw, Store(*(v[:1] for v in self.store)), (load_mw, share), outputs)
        if not self.policy.local:
            more = self.row(0, len(outputs)).headroom(margin_mw + outputs)
            return ALL, np.asarray(more - load_mw)
        term, hours, used = self._binding(margin_mw, load_mw)
        return term, outputs[:, hours].sum(axis=1) / used

    def _binding(self, margin_mw: Floats, load_mw: float) -> tuple[str, NDArray[np.int64], float]:
        """The term, the hours that it rests on, and how fast it is used up as the load rises."""
        site = self.row(0)._site(margin_mw[None])
        called, share = site.called_mw[0], float(self.policy.energy[0])
        cut = np.maximum(load_mw - called, 0.0)
        lowest = np.array([margin_mw.argmin()])
        firm = max(float(margin_mw.min()), 0.0) if self.plain else float(self.row(0)._firm(margin_mw[None])[0])
        if load_mw <= firm * (1.0 + _SAME):
            return FIRM, lowest, 1.0
        if abs(cut.sum() / (share * len(cut) * load_mw) - 1.0) < 1e-6:
            return ENERGY, np.flatnonzero((cut > 0.0) & (called > 0.0)), np.count_nonzero(cut) - share * len(cut)
        served = 1.0 - float(self.policy.depth[0])
        if served > 0.0 and load_mw >= site.margin_mw.min() / served * (1.0 - _SAME):
            return DEPTH, lowest, served
        return CALLS, np.array([np.abs(called - load_mw).argmin()]), 1.0

    def _firm(self, margin_mw: Floats) -> Floats:
        """Load (case,) that need not be curtailed. [MW]"""
        under_terms, extra = self.aside_mw
        return np.asarray(np.maximum(margin_mw.min(axis=1) - under_terms, 0.0) + extra)

    def _site(self, margin_mw: Floats) -> Site:
        return Site.of(margin_mw, self.native_mw, self.policy)
