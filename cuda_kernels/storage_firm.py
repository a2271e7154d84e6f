"""The firm capacity that a store is worth to new load, by its dispatch hour by hour.

A store beside a margin carries a headroom (`storage_dispatch`). The equivalent is the constant capacity which, in its
place, leaves room for the same load: the firm credit of the store, as many MW. Where nothing fits with the store,
it is the capacity that leaves natives as much unserved.

Unlike `storage_dispatch`, which scans the whole year at every step, this works on the hours from a full store to the
next in which something goes unserved, and stops Newton's method when its steps have become small. Margins, power,
energy and losses are rounded to whole numbers of a unit of 1e-9 of the largest weight, so that all sums are exact and
engines and devices give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._namespace import DeviceName, resolve_device
from .errors import KernelError
from .headroom import Engine, _use_numba

Floats = NDArray[np.float64]

PROFILE_BITS, WEIGHT_BITS, MARGIN_BITS = 22, 26, 30
"""Of profiles over their peak, of weights and of margins over the largest weight."""
LOSS_STEPS = 2.0**16
_ORDINARY_BITS = 1000  # powers of two that float64 has with room to spare


class StorageFirm(NamedTuple):
    """Result of storage_as_firm; all float64 (case,), in MW.

    headroom_mw        Largest constant load beside the store, but for its share; within about 1e-4 of it.
    firm_headroom_mw   The same without any curtailment.
    equivalent_mw      Firm capacity in the place of the store, from 0 to its power.
    firm_extra_mw      What the store adds to the firm headroom beyond the equivalent's, >= 0.
    """

    headroom_mw: Floats
    firm_headroom_mw: Floats
    equivalent_mw: Floats
    firm_extra_mw: Floats


def storage_as_firm(
    sets: Sequence[tuple[Floats, Floats]],
    store: tuple[Floats, Floats, Floats],
    curtailable_fraction: Floats,
    *,
    engine: Engine = "auto",
    device: DeviceName = "cpu",
) -> StorageFirm:
    """Equivalent firm capacity of the stores of many cases.

    sets : of profiles (K, hour) and coefficients (case, K); available power without the store minus native load is
        their product. Cases are those of all sets, one set after another; all with the same hours. [MW]
    store : power, energy, round-trip efficiency (case,), as in storage_dispatch
    curtailable_fraction : (case,)  0 <= eps < 1
    device : where the cases are solved; sets, stores and results are NumPy arrays in any case

    Raises KernelError for shapes that do not fit, for values out of range, and for what is not finite.
    """
    cases = sum(len(coefficients) for _, coefficients in sets)
    power, energy, efficiency, share = (_checked(values, cases) for values in (*store, curtailable_fraction))
    if not ((efficiency > 0.0) & (efficiency <= 1.0) & (share < 1.0)).all():
        raise KernelError("efficiency must be above 0 and at most 1, curtailable_fraction below 1")
    found = np.zeros((cases, 4))
    whole, units = [], []
    for profiles, coefficients in sets:
        rounded, unit = _whole(profiles, coefficients)
        whole.append(rounded)
        units.append(unit)
    unit = np.concatenate(units) if units else np.zeros(0)
    capacity = np.rint(power / unit)
    losses = np.rint(efficiency * LOSS_STEPS) / LOSS_STEPS
    inside = np.stack([capacity, np.rint(energy / unit), losses, np.rint(losses * capacity)], axis=1)
    if cases:
        hours = whole[0][0].shape[1]
        if resolve_device(device) == "gpu":
            from ._storage_firm_cuda import solve
        elif _use_numba(engine):
            from ._storage_firm_numba import solve
        else:
            from ._storage_firm_numpy import solve
        solve(whole, inside, share * hours, found)
    load, firm, equivalent, lowest = found.T * unit
    return StorageFirm(load, firm, equivalent, np.maximum(firm - np.maximum(lowest + equivalent, 0.0), 0.0))


def _checked(values: Any, cases: int) -> Floats:
    array = np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype=np.float64), (cases,)))
    if not (np.isfinite(array).all() and (array >= 0.0).all()):
        raise KernelError("power, energy, efficiency and curtailable_fraction must be finite and >= 0")
    return array


def _whole(profiles: Floats, coefficients: Floats) -> tuple[tuple[Floats, Floats], Floats]:
    """Profiles and weights whose products, and sums of these, are exact and count units; and the unit (case,). [MW]"""
    if profiles.ndim != 2 or coefficients.ndim != 2 or profiles.shape[0] != coefficients.shape[1]:
        raise KernelError(f"profiles (K, hour) and coefficients (case, K): {profiles.shape}, {coefficients.shape}")
    largest = np.maximum(profiles.max(axis=1), -profiles.min(axis=1))
    if not (np.isfinite(largest).all() and np.isfinite(coefficients).all()):
        raise KernelError("profiles and coefficients must be finite")
    peak = np.frexp(largest)[1]
    weights = np.ldexp(coefficients, peak)
    scale = np.frexp(np.abs(weights).max(axis=1, initial=0.0))[1]
    rows = shifted(profiles, (PROFILE_BITS - peak)[:, None])
    np.rint(rows, out=rows)
    steps = np.rint(np.ldexp(weights, (WEIGHT_BITS - scale)[:, None]))
    steps = np.ldexp(steps, MARGIN_BITS - PROFILE_BITS - WEIGHT_BITS)
    return (np.ascontiguousarray(rows), np.ascontiguousarray(steps)), np.ldexp(1.0, scale - MARGIN_BITS)


def shifted(values: Floats, bits: NDArray[Any]) -> Floats:
    """np.ldexp(values, bits), as a product where that is the same: it takes a twentieth of the time."""
    if np.abs(bits).max(initial=0) < _ORDINARY_BITS:
        return np.asarray(values * np.ldexp(1.0, bits))
    return np.asarray(np.ldexp(values, bits))
