"""NumPy body of the levels of a network; `network_levels` holds the contracts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._network_numpy import MAX_STEPS, MOST_IN_A_WORD, NEGLIGIBLE, Network
from ._network_sets import body_of
from .headroom import Engine, _use_numba

_HOURS_AT_ONCE = 512  # of large networks, whose flows are matrices


def levels(
    linear: tuple[Any, Any],
    network: tuple[Any, Any, Any],
    weights: Any,
    at: tuple[Any, Any],
    how: tuple[Engine, bool],
) -> Any:
    """All cases, (case, hour, 1 or area). linear : profiles, coefficients; network : limits, caps, sets or None.

    at : top (case,), and whether anything is short there (case, hour)
    how : engine, and whether each area has a level of its own. Inputs checked by the caller.
    """
    profiles, coefficients = linear
    limits, caps, sets = network
    (top, short), (engine, apart) = at, how
    found = np.empty((len(top), profiles.shape[2], len(profiles) if apart else 1))
    found[:] = top[:, None, None]
    for case in range(len(top)):
        margin = np.einsum("ak,akh->ha", coefficients[case], profiles)
        tolerance = NEGLIGIBLE * float(np.abs(margin).sum(axis=1).max())
        own = network_of(limits[case], caps[case], None if sets is None else (sets[0], sets[1][case]), engine)
        (hours,) = np.nonzero(short[case])
        for first in range(0, len(hours), _HOURS_AT_ONCE):
            rows = hours[first : first + _HOURS_AT_ONCE]
            given = own, margin[rows], weights[case], float(top[case]), tolerance
            if not apart:
                found[case, rows, 0] = _descend(*given)
                continue
            found[case, rows] = _split(*given)
            if sets is not None:
                found[case, rows] = _that_fit(*given, found[case, rows])
    return found


def network_of(limits: Any, caps: Any, sets: tuple[Any, Any] | None, engine: Engine) -> Network:
    """One set of limits, caps of areas and of sets: membership (set, area), caps (set,)."""
    if sets is None:
        if not (_use_numba(engine) and len(limits) > MOST_IN_A_WORD):
            return Network(limits, caps)
        from ._network_wide import WideNetwork

        return WideNetwork(limits, caps)
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


def _split(network: Network, margin: Any, weights: Any, top: float, tolerance: float) -> Any:
    """Levels (hour, area): where the tightest set grows by an area as the load rises to the top.

    Between two loads whose sets differ, their lines cross at the only load where a single step could lie; what is short
    there either lies on the lines, or is a line of its own between them.
    """
    found = np.full(margin.shape, top)
    value, member = network.tightest(-margin)
    most, wide = network.tightest(top * weights - margin)
    wide |= member
    found[member] = 0.0
    hours = np.arange(len(margin))
    low: tuple[Any, ...] = value, member @ weights, member
    high: tuple[Any, ...] = most - wide @ weights * top, wide @ weights, wide
    while hours.size:
        rise = high[1] - low[1]
        step = np.divide(low[0] - high[0], rise, out=np.zeros_like(rise), where=rise > 0.0)
        load = np.clip(step, 0.0, top)
        value, member = network.tightest(load[:, None] * weights - margin[hours])
        member = (member | low[2]) & high[2]
        slope = member @ weights
        line = low[0] + low[1] * load
        done = (value - line <= tolerance) | (slope <= low[1]) | (slope >= high[1])
        at = np.flatnonzero(done)
        rows, areas = np.nonzero(high[2][at] & ~low[2][at])  # an hour may be here twice
        found[hours[at][rows], areas] = load[at][rows]
        on = np.flatnonzero(~done)
        middle = value[on] - slope[on] * load[on], slope[on], member[on]
        ends = [tuple(part[on] for part in end) for end in (low, high)]
        low = tuple(np.concatenate(pair) for pair in zip(ends[0], middle, strict=True))
        high = tuple(np.concatenate(pair) for pair in zip(middle, ends[1], strict=True))
        hours = np.concatenate([hours[on], hours[on]])
    return found


def _that_fit(network: Network, margin: Any, weights: Any, top: float, tolerance: float, found: Any) -> Any:
    """Levels (hour, area) that can be served at once beside natives: from the hour's lowest as far to them as fits."""
    native = network.tightest(-margin)[0]
    over = np.flatnonzero(network.tightest(found * weights - margin)[0] - native > 2.0 * tolerance)
    if over.size:
        low = _descend(network, margin[over], weights, top, tolerance)[:, None]
        more = np.maximum(found[over] - low, 0.0)
        found[over] = low + _part(network, margin[over] - low * weights, more * weights, tolerance)[:, None] * more
    return found


def _part(network: Network, margin: Any, more: Any, tolerance: float) -> Any:
    """Newton from all of more load (hour, area): the largest part (hour,) of it beside which margins lack no more."""
    native = network.tightest(-margin)[0]
    part, going = np.ones(len(margin)), np.arange(len(margin))
    for _ in range(MAX_STEPS):
        value, member = network.tightest(part[going, None] * more[going] - margin[going])
        cost, slope = value - native[going], (member * more[going]).sum(axis=1)
        on = (cost > tolerance) & (slope > 0.0) & (part[going] > 0.0)
        going = going[on]
        if not going.size:
            break
        part[going] = np.maximum(part[going] - cost[on] / slope[on], 0.0)
    return part
