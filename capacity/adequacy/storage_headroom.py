"""Headroom of an area whose storage is dispatched, and what is curtailed of its load. See docs/adequacy.md, Storage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy.notions import Margin
from capacity.adequacy.policies import NO_CUT
from capacity.adequacy.storage import Store
from cuda_kernels import DeviceName, Engine, asnumpy, resolve_device, to_device
from cuda_kernels.event_figures import margin_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_trace import storage_trace

Floats = NDArray[np.float64]

BLOCK = {"cpu": 64, "gpu": 1024}
"""Cases worked on at a time; changes no bit."""


class AreaStored(NamedTuple):
    """Headroom of one area in some draws, without and with curtailment, and hours with any; all (draw, year)."""

    firm_mw: Floats
    flexible_mw: Floats
    short_hours: Floats


def solve(margin: Margin, store: Store, share: Floats, engine: Engine, device: DeviceName = "cpu") -> AreaStored:
    """Headroom beside a margin without storage, at shares (draw, year); hours of curtailment are told on the host."""
    found = AreaStored(*(np.zeros(share.shape) for _ in range(3)))
    move, block = to_device(device), BLOCK[resolve_device(device)]
    for y, profiles in enumerate(margin.profiles):
        for start in range(0, len(share), block):
            rows = np.arange(start, min(start + block, len(share)))
            hours = margin_mw(profiles, margin.coefficients[rows, y])
            shares = np.stack([np.zeros(len(rows)), share[rows, y]], axis=1)
            inputs = map(move, (hours, *store.at(rows, y), shares))
            load = asnumpy(storage_headroom_mw(*inputs, engine=engine).headroom_mw)
            found.firm_mw[rows, y], found.flexible_mw[rows, y] = load.T
            found.short_hours[rows, y] = (cuts_mw(hours, store.at(rows, y), load[:, 1], engine) > 0.0).sum(axis=1)
    return found


def cuts_mw(margin_mw: Floats, store: Store, load_mw: Floats, engine: Engine) -> Floats:
    """Curtailment (case, hour) of a load (case,): what goes unserved because of it, at most the load in an hour. [MW]

    Over the year natives get what they would without the load. In an hour the store may be emptier for it, and more be
    missing than the load is: the load then waits in the hours before instead, so that the store is there for natives.
    """
    beside = storage_trace(margin_mw - load_mw[:, None], *store, engine=engine).unserved_mw
    alone = storage_trace(margin_mw, *store, engine=engine).unserved_mw
    cut = np.where(beside - alone > NO_CUT * load_mw[:, None], beside - alone, 0.0)
    for case in np.flatnonzero((cut > load_mw[:, None]).any(axis=1)):
        _wait_before(cut[case], float(load_mw[case]))
    return cut


def _wait_before(cut_mw: Floats, load_mw: float) -> None:
    """Move what exceeds the load in an hour to the nearest hours before it that have room, in place."""
    (over,) = np.nonzero(cut_mw > load_mw)
    hour, carried = int(over[-1]), 0.0
    while hour >= 0:
        wanted = float(cut_mw[hour]) + carried
        cut_mw[hour] = min(wanted, load_mw)
        carried = wanted - float(cut_mw[hour])
        if carried > 0.0:
            hour -= 1
        else:
            earlier = int(np.searchsorted(over, hour))
            hour = int(over[earlier - 1]) if earlier else -1
