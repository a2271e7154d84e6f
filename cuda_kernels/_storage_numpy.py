"""NumPy body of the storage scan: hours one after another, all cases side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._storage_runs import stretches


def scanner(margin: Any, power: Any, energy: Any, efficiency: Any) -> Callable[[Any], tuple[Any, Any, Any]]:
    """The scan as a function of the load (case,); fields of storage_dispatch.Dispatch."""
    by_hour = np.ascontiguousarray(margin.T)

    def scan(load: Any) -> tuple[Any, Any, Any]:
        charge, tangent = energy.copy(), np.zeros_like(energy)
        unserved, slope = np.zeros_like(energy), np.zeros_like(energy)
        short = np.zeros(len(energy), dtype=np.int64)
        for hour in by_hour:
            surplus = hour - load
            room = (energy - charge) / efficiency
            taken = np.minimum(np.minimum(np.maximum(surplus, 0.0), power), room)
            # how each of the three limits moves with the load
            moved = np.where(
                surplus <= np.minimum(power, room), -1.0, np.where(power <= room, 0.0, -tangent / efficiency)
            )
            need = np.maximum(-surplus, 0.0)
            given = np.minimum(np.minimum(need, power), charge)
            drawn = np.where(need <= np.minimum(power, charge), 1.0, np.where(power <= charge, 0.0, tangent))
            gaining = surplus >= 0.0
            full = gaining & (taken == room)
            charge = np.where(gaining, np.where(full, energy, charge + efficiency * taken), charge - given)
            missing = ~gaining & (need > given)
            tangent = np.where(gaining, tangent + efficiency * moved, tangent - drawn)
            tangent = np.where(full, 0.0, tangent)
            unserved += np.where(missing, need - given, 0.0)
            slope += np.where(missing, 1.0 - drawn, 0.0)
            short += missing
        return unserved, slope, short

    return scan


def trace(margin: Any, power: Any, energy: Any, efficiency: Any) -> tuple[Any, Any]:
    """Unserved power and charge by hour; fields of storage_trace.Trace.

    Only hours in which a store is used are walked; in all others it is full and nothing goes unserved.
    """
    unserved, held = np.zeros_like(margin), np.tile(energy[:, None], (1, margin.shape[1]))
    used = stretches(margin, np.zeros(len(margin)), np.stack([power, energy, efficiency]))
    for surplus, number, (most, full, eta) in used.runs:
        gaining = surplus >= 0.0
        taken = np.minimum(np.maximum(surplus, 0.0), most)
        given = np.minimum(np.maximum(-surplus, 0.0), most)
        gained = eta * taken
        charge, state = full, np.empty_like(surplus)
        for h, gains in enumerate(gaining):
            np.minimum(given[h], charge, out=given[h])
            filled = np.where(taken[h] >= (full - charge) / eta, full, charge + gained[h])
            charge = state[h] = np.where(gains, filled, charge - given[h])
        place, stretch = np.nonzero(np.arange(len(surplus))[:, None] < used.length[number])
        at = used.case[number[stretch]], used.hour[number[stretch]] + place
        unserved[at] = np.where(gaining, 0.0, -surplus - given)[place, stretch]
        held[at] = state[place, stretch]
    return unserved, held


def site(margin: Any, load: Any, backup: tuple[Any, Any], store: tuple[Any, Any, Any]) -> Any:
    """Unserved power by hour of a load behind a margin, backup (its power, permitted hours) and a store."""
    mw, permitted = backup
    left = margin - load[:, None]
    helped = np.minimum(left + mw[:, None], 0.0)
    return trace(np.where(permitted & (left < 0.0), helped, left), *store)[0]


def ramp(need: Any, limit: Any) -> Any:
    """Two passes over the hours, all cases side by side."""
    envelope = need.T.copy()
    for t in range(1, len(envelope)):
        np.maximum(envelope[t], envelope[t - 1] - limit, out=envelope[t])
    for t in range(len(envelope) - 2, -1, -1):
        np.maximum(envelope[t], envelope[t + 1] - limit, out=envelope[t])
    return np.ascontiguousarray(envelope.T)
