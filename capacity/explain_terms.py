"""The headroom of one area and year as `explain` asks for it: by energy, by a policy, or beside a store."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from capacity import policies, storage_headroom
from capacity.policies import Policy, Site
from capacity.storage import Store
from cuda_kernels import headroom_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_trace import storage_trace

Floats = NDArray[np.float64]


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

    def charge_mwh(self, margin_mw: Floats, load_mw: Floats) -> Floats | None:
        """What dispatched storage holds at the end of each hour (case, hour). [MWh]"""
        if self.store is None:
            return None
        return storage_trace(margin_mw - load_mw[:, None], *self.store).charge_mwh

    def _firm(self, margin_mw: Floats) -> Floats:
        """Load (case,) that need not be curtailed. [MW]"""
        under_terms, extra = self.aside_mw
        return np.asarray(np.maximum(margin_mw.min(axis=1) - under_terms, 0.0) + extra)

    def _site(self, margin_mw: Floats) -> Site:
        return Site.of(margin_mw, self.native_mw, self.policy)
