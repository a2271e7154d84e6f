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
        _scan(fixed[0], fixed[1], fixed[2], fixed[3], load, unserved, slope, short)
        return unserved, slope, short

    return scan


@in_order
def _scan(
    margin: Any, power: Any, energy: Any, efficiency: Any, load: Any, unserved: Any, slope: Any, short: Any
) -> None:
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
