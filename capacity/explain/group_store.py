"""How what storage counts for moves with everything else, in areas whose stores count as one.

Stores count as the constant capacity C that leaves room for the same load as their dispatch does, found for the sum of
the areas' margins and shared out over power (`capacity.network.storage_group`). A megawatt that moves the dispatched
headroom by D and by H the one beside the constant moves C by (D - H) / H_c, with H_c of one MW of constant capacity;
one of storage, which the constant knows nothing of, by D / H_c. Exact in the years of dispatch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy.storage import Store
from capacity.explain.store import beside_store
from capacity.network import storage_group
from cuda_kernels import headroom_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_trace import storage_trace

Floats = NDArray[np.float64]

Adds = list[dict[str, float]]
"""By area, what one more MW of each resource there adds. [MW/MW]"""


class GroupStore(NamedTuple):
    """Stores of some areas in one draw and year.

    margin_mw : (hour, area)   Under firm_capacity, with what storage counts for. [MW]
    power_mw, counted_mw, nameplate_mw : (area,)   Of each store; what it counts for; what it is built of. [MW]
    whole : Store              All of them as one case.
    share : float              Of its energy that new load may forgo. [1]
    """

    margin_mw: Floats
    power_mw: Floats
    counted_mw: Floats
    nameplate_mw: Floats
    whole: Store
    share: float

    @classmethod
    def of(
        cls, stores: Sequence[Store | None], mw: tuple[Floats, Floats, Floats], at: tuple[int, int], share: float
    ) -> GroupStore | None:
        """Of the stores (draw, year) of areas; None where they count by their credit, or there are none.

        mw : margins (hour, area), what storage counts for and nameplate (area,); at : draw and year
        """
        known = [store for store in stores if store is not None]
        if len(known) < len(stores):
            return None
        power = np.array([store.power_mw[at] for store in known])
        if not power.any():
            return None
        whole = storage_group.one_of(known).at(np.array(at[:1]), at[1])
        return cls(mw[0], power, mw[1], mw[2], whole, share)

    @property
    def apart_mw(self) -> Floats:
        """Sum of the margins without storage (hour,). [MW]"""
        return np.asarray(self.margin_mw.sum(axis=1) - self.counted_mw.sum())

    def charge_mwh(self, load_mw: float) -> Floats:
        """What all stores hold together at the end of each hour (hour,), dispatched beside a new load. [MWh]"""
        return np.asarray(storage_trace((self.apart_mw - load_mw)[None], *self.whole).charge_mwh[0])

    def held_adds(self, adds: Adds, reserve: float = 1.0) -> Adds:
        """Adds with a MW of storage of the areas' mix, at what it counts for; reserve : as of `found_again`. [MW/MW]"""
        return [each | {"storage": each["constant"] * reserve * self._per_nameplate} for each in adds]

    def found_again(self, adds: Adds, outputs: Sequence[Mapping[str, Floats]], reserve: float = 1.0) -> Adds:
        """Adds where what storage counts for follows; none where nothing fits beside the dispatched store. [MW/MW]

        adds : of `held_adds`; `units`, where it is told apart, is capacity over which a reserve is kept elsewhere
        outputs : by area, (hour,) of one MW; reserve : that storage counts for more than in these margins
        """
        moves = self._moves(outputs)
        if moves is None:
            return []
        constant = reserve * np.array([each["constant"] for each in adds])
        shared = float(constant @ self.power_mw / self.power_mw.sum())
        found = []
        for i, (each, moved) in enumerate(zip(adds, moves, strict=True)):
            more = {name: each[name] + shared * mw for name, mw in moved.items() if name != "storage"}
            if "units" in each:
                more["units"] = each["units"] + shared * moved["constant"] / reserve
            more["storage"] = shared * moved["storage"] + (float(constant[i]) - shared) * self._per_nameplate
            found.append({name: more[name] for name in each})
        return found

    @property
    def _per_nameplate(self) -> float:
        """What one MW of nameplate counts for. [MW/MW]"""
        return float(self.counted_mw.sum() / self.nameplate_mw.sum())

    def _moves(self, outputs: Sequence[Mapping[str, Floats]]) -> Adds | None:
        """What all stores together count for more with one more MW of each resource in each area. [MW/MW]"""
        ones = np.ones((1, 1))
        total, share = self.margin_mw.sum(axis=1), np.array([[self.share]])
        load = float(storage_headroom_mw(self.apart_mw[None], *self.whole, share).headroom_mw[0, 0])
        beside = float(headroom_mw(total[None], ones, share).headroom_mw[0, 0])
        binding = (total < beside * (1.0 + 1e-12)) & (total > 0.0)
        rise = np.count_nonzero(total < beside * (1.0 + 1e-12)) - self.share * len(total)
        if load <= 0.0 or beside <= 0.0 or rise <= 0.0 or not binding.any():
            return None
        every = np.stack([output for each in outputs for output in each.values()] + [np.zeros(len(total))])
        power, energy = (np.zeros(len(every)) for _ in range(2))
        power[-1], energy[-1] = (float(values[0]) / self.nameplate_mw.sum() for values in self.whole[:2])
        dispatched = beside_store(self.apart_mw, self.whole, (load, self.share), every, (power, energy))
        constant = np.count_nonzero(binding) / rise
        moved = ((dispatched - every[:, binding].sum(axis=1) / rise) / constant).tolist()
        names = [(i, name) for i, each in enumerate(outputs) for name in each]
        found: Adds = [{"storage": moved[-1]} for _ in outputs]
        for (i, name), mw in zip(names, moved, strict=False):
            found[i][name] = mw
        return found
