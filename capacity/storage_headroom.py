"""Headroom of an area whose storage is dispatched, and what is curtailed of its load. See docs/adequacy.md, Storage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity import events
from capacity.notions import Margin
from capacity.policies import NO_CUT
from capacity.storage import Store
from cuda_kernels import Engine
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_trace import storage_trace

Floats = NDArray[np.float64]

BLOCK = 64
"""Cases worked on at a time; changes no bit."""


class AreaStored(NamedTuple):
    """Headroom of one area in some draws, without and with curtailment, and hours with any; all (draw, year)."""

    firm_mw: Floats
    flexible_mw: Floats
    short_hours: Floats


def solve(margin: Margin, store: Store, share: Floats, engine: Engine) -> AreaStored:
    """Headroom beside a margin without storage, at shares (draw, year)."""
    found = AreaStored(*(np.zeros(share.shape) for _ in range(3)))
    for y, profiles in enumerate(margin.profiles):
        for start in range(0, len(share), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(share)))
            hours = events.margin_mw(profiles, margin.coefficients[rows, y])
            shares = np.stack([np.zeros(len(rows)), share[rows, y]], axis=1)
            load = storage_headroom_mw(hours, *store.at(rows, y), shares, engine=engine).headroom_mw
            found.firm_mw[rows, y], found.flexible_mw[rows, y] = load.T
            found.short_hours[rows, y] = (cuts_mw(hours, store.at(rows, y), load[:, 1], engine) > 0.0).sum(axis=1)
    return found


def cuts_mw(margin_mw: Floats, store: Store, load_mw: Floats, engine: Engine) -> Floats:
    """What goes unserved (case, hour) because of a load (case,); its sum is the energy curtailed. [MW]

    Over the year natives get what they would without the load. In an hour the store may be emptier for it, so that a
    cut can exceed the load: energy that the load owes for earlier hours, in which natives would have waited.
    """
    beside = storage_trace(margin_mw - load_mw[:, None], *store, engine=engine).unserved_mw
    alone = storage_trace(margin_mw, *store, engine=engine).unserved_mw
    return np.where(beside - alone > NO_CUT * load_mw[:, None], beside - alone, 0.0)
