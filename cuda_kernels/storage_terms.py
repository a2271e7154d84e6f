"""Headroom behind a store of a load that may be cut on terms: how deep, how long, in how many calls, how much in all.

The store gives before the load is cut, and the cut comes as late as its depth allows: a store keeps what later hours
of the same shortage will need beyond the deepest cut, and no more. Without a limit on depth that is the greedy dispatch
of `storage_dispatch`. With one, it cuts the least energy of all dispatches in which the store charges from what the
uncut load leaves; limits on length and number of events are then met or not, so that the headroom under them is a
bound from below. Cuts that start earlier or later than this might meet them with more load.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import KernelError
from .headroom import Engine, _use_numba

Floats = NDArray[np.float64]

STEPS = 18
"""Halvings of the loads between which the headroom is sought."""
NO_CUT = 1e-9
"""A cut below this part of the load counts as none."""


class CutTerms(NamedTuple):
    """How a load may be cut; all float64 (case,).

    energy_share : of its energy over all hours, 0 to 1. [1]
    depth_share : of its power in an hour, 0 to 1. [1]
    longest_hours : in a row, >= 0; of a call as well. [h]
    calls : windows of longest_hours, that hold all hours with a cut; >= 0. [1]
    """

    energy_share: Floats
    depth_share: Floats
    longest_hours: Floats
    calls: Floats


def stored_headroom_mw(
    margin_mw: Floats,
    store: tuple[Floats, Floats, Floats],
    terms: CutTerms,
    between_mw: tuple[Floats, Floats],
    *,
    engine: Engine = "auto",
) -> Floats:
    """Largest constant load (case,) behind stores whose cuts keep the terms. [MW]

    margin_mw : float64 (case, hour)  Available power without the store minus native load, beside what natives lack with
        the store: nothing is short without new load. [MW]
    store : power, energy, round-trip efficiency (case,), as in storage_dispatch; full at the start
    between_mw : loads (case,); one that the terms are known to allow, and one beyond which none is sought. [MW]

    Of the halvings of the gap the last load that keeps the terms is taken, or the lower end. Raises KernelError for
    shapes that do not fit and for what is not finite.
    """
    margin = np.ascontiguousarray(margin_mw, dtype=np.float64)
    numbers = [np.ascontiguousarray(values, dtype=np.float64) for values in (*store, *terms, *between_mw)]
    if margin.ndim != 2 or any(values.shape != margin.shape[:1] for values in numbers):
        shapes = [values.shape for values in numbers]
        raise KernelError(f"margin_mw must be (case, hour) and all else (case,); got {margin.shape}, {shapes}")
    if not (np.isfinite(margin).all() and all(np.isfinite(values).all() for values in numbers)):
        raise KernelError("margins, stores, terms and loads must be finite")
    if _use_numba(engine):
        from ._storage_terms_numba import headroom
    else:
        from ._storage_terms_numpy import headroom
    return headroom(margin, numbers)
