"""numba body of the storage scan: one case after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._jit import in_order


def scanner(margin: Any, power: Any, energy: Any, efficiency: Any) -> Callable[[Any], tuple[Any, Any, Any]]:
    """The scan as a function of the load (case,); fields of storage_dispatch.Dispatch."""
    fixed = tuple(np.require(a, requirements=["C", "W"]) for a in (margin, power, energy, efficiency))

    def scan(load: Any) -> tuple[Any, Any, Any]:
        unserved, slope = np.zeros(len(load)), np.zeros(len(load))
        short = np.zeros(len(load), dtype=np.int64)
        _scan(fixed[0], fixed[1:], load, (unserved, slope, short))
        return unserved, slope, short

    return scan


@in_order
def _scan(margin: Any, store: Any, load: Any, found: Any) -> None:
    power, energy, efficiency = store
    unserved, slope, short = found
    for case in range(load.size):
        p, e, eta = power[case], energy[case], efficiency[case]
        charge = e
        tangent = 0.0
        for h in range(margin.shape[1]):
            surplus = margin[case, h] - load[case]
            if surplus >= 0.0:
                room = (e - charge) / eta
                if surplus < room and surplus <= p:
                    charge += eta * surplus
                    tangent -= eta
                elif p < room:
                    charge += eta * p
                else:
                    charge = e
                    tangent = 0.0
                continue
            need = -surplus
            if need <= p and need <= charge:
                charge -= need
                tangent -= 1.0
                continue
            short[case] += 1
            if p <= charge:
                charge -= p
                unserved[case] += need - p
                slope[case] += 1.0
            else:
                unserved[case] += need - charge
                slope[case] += 1.0 - tangent
                charge = 0.0
                tangent = 0.0


def trace(margin: Any, power: Any, energy: Any, efficiency: Any) -> tuple[Any, Any]:
    """Unserved power and charge by hour; fields of storage_trace.Trace."""
    unserved, held = np.zeros_like(margin), np.zeros_like(margin)
    margin, power, energy, efficiency = (
        np.require(a, requirements=["C", "W"]) for a in (margin, power, energy, efficiency)
    )
    _trace(margin, power, energy, efficiency, unserved, held)
    return unserved, held


@in_order
def _trace(margin: Any, power: Any, energy: Any, efficiency: Any, unserved: Any, held: Any) -> None:
    for case in range(margin.shape[0]):
        p, e, eta = power[case], energy[case], efficiency[case]
        charge = e
        for h in range(margin.shape[1]):
            surplus = margin[case, h]
            if surplus >= 0.0:
                room = (e - charge) / eta
                taken = min(surplus, p)
                charge = e if taken >= room else charge + eta * taken
            else:
                given = min(-surplus, p, charge)
                charge -= given
                unserved[case, h] = -surplus - given
            held[case, h] = charge


def site(margin: Any, load: Any, backup: tuple[Any, Any], store: tuple[Any, Any, Any]) -> Any:
    """Unserved power by hour of a load behind a margin, backup (its power, permitted hours) and a store."""
    unserved = np.zeros_like(margin)
    own = [np.require(a, requirements=["C", "W"]) for a in (margin, load, backup[0], *store)]
    _site(own[0], own[1], (own[2], backup[1]), (own[3], own[4], own[5]), unserved)
    return unserved


@in_order
def _site(margin: Any, load: Any, backup: Any, store: Any, unserved: Any) -> None:
    mw, permitted = backup
    power, energy, efficiency = store
    for case in range(margin.shape[0]):
        p, e, eta = power[case], energy[case], efficiency[case]
        charge = e
        for h in range(margin.shape[1]):
            surplus = margin[case, h] - load[case]
            if surplus >= 0.0:
                if charge < e:
                    room = (e - charge) / eta
                    taken = min(surplus, p)
                    charge = e if taken >= room else charge + eta * taken
                continue
            if permitted[case, h]:
                surplus = min(surplus + mw[case], 0.0)
            given = min(-surplus, p, charge)
            charge -= given
            unserved[case, h] = -surplus - given


def ramp(need: Any, limit: Any) -> Any:
    """Two passes over the hours of each case."""
    envelope = need.copy()
    _ramp(envelope, np.require(limit, requirements="W"))
    return envelope


@in_order
def _ramp(envelope: Any, limit: Any) -> None:
    for case in range(envelope.shape[0]):
        row = envelope[case]
        for t in range(1, row.size):
            row[t] = max(row[t], row[t - 1] - limit[case])
        for t in range(row.size - 2, -1, -1):
            row[t] = max(row[t], row[t + 1] - limit[case])
