"""NumPy body of the levels of a network; `network_levels.served_mw` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._network_numpy import MAX_STEPS, NEGLIGIBLE, Network
from ._network_sets import body_of
from .headroom import Engine

_HOURS_AT_ONCE = 512  # of large networks, whose flows are matrices


def levels(
    linear: tuple[Any, Any], network: tuple[Any, Any, Any], weights: Any, at: tuple[Any, Any], engine: Engine
) -> Any:
    """All cases. linear : profiles, coefficients; network : limits, caps, sets or None. Inputs checked by the caller.

    at : top (case,), and whether anything is short there (case, hour)
    """
    profiles, coefficients = linear
    limits, caps, sets = network
    top, short = at
    found = np.repeat(top[:, None], profiles.shape[2], axis=1)
    for case in range(len(top)):
        margin = np.einsum("ak,akh->ha", coefficients[case], profiles)
        tolerance = NEGLIGIBLE * float(np.abs(margin).sum(axis=1).max())
        own = network_of(limits[case], caps[case], None if sets is None else (sets[0], sets[1][case]), engine)
        (hours,) = np.nonzero(short[case])
        for first in range(0, len(hours), _HOURS_AT_ONCE):
            rows = hours[first : first + _HOURS_AT_ONCE]
            found[case, rows] = _descend(own, margin[rows], weights[case], float(top[case]), tolerance)
    return found


def network_of(limits: Any, caps: Any, sets: tuple[Any, Any] | None, engine: Engine) -> Network:
    """One set of limits, caps of areas and of sets: membership (set, area), caps (set,)."""
    if sets is None:
        return Network(limits, caps)
    network: Network = body_of(engine)(sets[0], limits, np.concatenate([caps, sets[1]]))
    return network


def _descend(network: Network, margin: Any, weights: Any, top: float, tolerance: float) -> Any:
    """Newton from the top in each hour of margins (hour, area): the load (hour,) beside which natives lack no more."""
    native = network.tightest(-margin)[0]
    load, going = np.full(len(margin), top), np.arange(len(margin))
    for _ in range(MAX_STEPS):
        value, member = network.tightest(load[going, None] * weights - margin[going])
        cost, slope = value - native[going], member @ weights
        on = (cost > tolerance) & (slope > 0.0) & (load[going] > 0.0)
        going = going[on]
        if not going.size:
            break
        load[going] = np.maximum(load[going] - cost[on] / slope[on], 0.0)
    return load
