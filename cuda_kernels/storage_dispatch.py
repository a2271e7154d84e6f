"""Headroom behind a store that charges from surplus and discharges into shortage.

Greedy dispatch (charge whenever there is surplus, discharge whenever there is shortage) leaves the least energy
unserved of all dispatches, without foresight. Unserved energy U(L) is convex and piecewise linear in a constant new
load L, its slope is carried through the scan beside the state of charge, and Newton's method from the right of the root
of U(L) - U(0) = eps H L ends at the exact root. U(0) is what native customers miss with the store serving them first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._namespace import Array, array_namespace
from .errors import KernelError
from .headroom import Engine, _shares, _use_numba

MAX_STEPS = 200
CONVERGED = 1e-13


class StorageHeadroom(NamedTuple):
    """Result of storage_headroom_mw.

    headroom_mw : float64 (case, share)             Largest constant new load, >= 0. [MW]
    unserved_mwh : float64 (case, share)            Energy unserved at that load, natives included. [MWh]
    native_unserved_mwh : float64 (case,)           Energy unserved before it. [MWh]
    """

    headroom_mw: Array
    unserved_mwh: Array
    native_unserved_mwh: Array


class Dispatch(NamedTuple):
    """Result of storage_scan, all (case,): unserved energy [MWh], its slope in the load [h], hours of shortage [h]."""

    unserved_mwh: Array
    slope_h: Array
    short_hours: Array


def storage_headroom_mw(
    margin_mw: Array,
    power_mw: Array,
    energy_mwh: Array,
    efficiency: Array,
    curtailable_fraction: Array | float,
    *,
    engine: Engine = "auto",
) -> StorageHeadroom:
    """Largest constant load that a margin and a store can serve but for a share of its energy.

    margin_mw : float64 (case, hour)     Available power without the store minus native load. [MW]
    power_mw, energy_mwh : (case,)       Of the store, >= 0; it starts full. [MW], [MWh]
    efficiency : (case,)                 Round trip, taken when charging, 0 < eta <= 1. [1]
    curtailable_fraction : float, (share,) or (case, share)   0 <= eps < 1. [1]
    engine : "auto" (numba when installed), "numpy" or "numba"; CuPy arrays run on the device.

    Raises KernelError for shapes and for values out of range. A device's headroom is within 1e-10 of the host's.
    """
    xp = array_namespace(margin_mw, power_mw, energy_mwh, efficiency)
    margin, store = _checked(xp, margin_mw, power_mw, energy_mwh, efficiency)
    shares, _ = _shares(xp, curtailable_fraction, len(margin))
    scan = _scan_of(xp, margin, store, engine)
    native = scan(xp.zeros(len(margin)))
    allowed = shares * margin.shape[1]
    load, unserved = xp.zeros(shares.shape), xp.zeros(shares.shape)
    for s in range(shares.shape[1]):
        load[:, s], unserved[:, s] = _newton(xp, scan, margin, store, native, allowed[:, s])
    return StorageHeadroom(load, unserved, native.unserved_mwh)


def storage_scan(
    margin_mw: Array,
    load_mw: Array,
    power_mw: Array,
    energy_mwh: Array,
    efficiency: Array,
    *,
    engine: Engine = "auto",
) -> Dispatch:
    """Unserved energy of a constant load (case,), finite, under greedy dispatch; other arguments and what is raised as
    in storage_headroom_mw.

    Hours of shortage are the same on every engine and device. Energy and slope of a device differ by 1e-12 of
    themselves at most: lanes add up their own hours.
    """
    xp = array_namespace(margin_mw, load_mw, power_mw, energy_mwh, efficiency)
    margin, store = _checked(xp, margin_mw, power_mw, energy_mwh, efficiency)
    load = xp.ascontiguousarray(xp.broadcast_to(xp.asarray(load_mw, dtype=xp.float64), (len(margin),)))
    if not bool(xp.isfinite(load).all()):
        at = int(xp.argmax(~xp.isfinite(load)))
        raise KernelError(f"load_mw is {float(load[at])} in case {at}; give a finite load")
    return _scan_of(xp, margin, store, engine)(load)


def ramp_envelope_mw(need_mw: Array, ramp_mw: Array, *, engine: Engine = "auto") -> Array:
    """Least curtailment (case, hour) that covers the need and moves by at most `ramp_mw` from hour to hour. [MW]

    need_mw : float64 (case, hour)   Curtailment that the grid needs, >= 0. [MW]
    ramp_mw : (case,)                Largest change from one hour to the next, >= 0. [MW]

    The envelope is max_u (need_u - ramp |t - u|)^+, which two passes give exactly; it is convex in the need.
    """
    need = np.ascontiguousarray(need_mw, dtype=np.float64)
    ramp = np.asarray(ramp_mw, dtype=np.float64)
    if need.ndim != 2 or ramp.shape != (len(need),):
        raise KernelError(f"need_mw must be (case, hour) and ramp_mw (case,), got {need.shape}, {ramp.shape}")
    if not ((need >= 0.0).all() and np.isfinite(need).all() and (ramp >= 0.0).all()):
        raise KernelError("need_mw and ramp_mw must be >= 0 and not NaN, need_mw finite")
    if _use_numba(engine):
        from ._storage_numba import ramp as body
    else:
        from ._storage_numpy import ramp as body
    return body(need, ramp)


def _checked(xp: Any, margin: Array, *store: Array) -> tuple[Array, tuple[Array, ...]]:
    margin = xp.ascontiguousarray(xp.asarray(margin), dtype=xp.float64)
    if margin.ndim != 2 or margin.shape[1] == 0:
        raise KernelError(f"margin_mw must be (case, hour), got {margin.shape}")
    fields = []
    names = ("power_mw", "energy_mwh", "efficiency")
    problems = [] if bool(xp.isfinite(margin).all()) else ["margin_mw holds NaN or infinity; remove or fill it first"]
    for name, values in zip(names, store, strict=True):
        values = xp.ascontiguousarray(xp.broadcast_to(xp.asarray(values, dtype=xp.float64), (len(margin),)))
        right = xp.isfinite(values) & (values >= 0.0)
        if name == "efficiency":
            right &= (values > 0.0) & (values <= 1.0)
        if not bool(right.all()):
            at = int(xp.argmax(~right))
            problems.append(f"{name} is {float(values[at])} in case {at}")
        fields.append(values)
    if problems:
        raise KernelError("; ".join(problems))
    return margin, tuple(fields)


def _scan_of(xp: Any, margin: Array, store: tuple[Array, ...], engine: Engine) -> Any:
    """The scan of one batch, as a function of the load (case,)."""
    if xp is not np:
        from ._storage_cuda import scanner
    elif _use_numba(engine):
        from ._storage_numba import scanner
    else:
        from ._storage_numpy import scanner
    scan = scanner(margin, *store)
    return lambda load: Dispatch(*scan(load))


def _newton(
    xp: Any, scan: Any, margin: Array, store: tuple[Array, ...], native: Dispatch, allowed: Array
) -> tuple[Array, Array]:
    """Descend all cases together; a case stops where it no longer moves."""
    hours = margin.shape[1]
    supply = xp.maximum(margin, 0.0).sum(axis=1) + store[1]  # more than all of it cannot be served
    load = supply / (hours - allowed) + 1.0
    unserved, moves = native.unserved_mwh, xp.ones(len(load), dtype=bool)
    for _ in range(MAX_STEPS):
        found = scan(load)
        cost = found.unserved_mwh - native.unserved_mwh - allowed * load
        rise = found.slope_h - allowed
        open_ = moves & (cost > CONVERGED * (1.0 + found.unserved_mwh)) & (rise > 0.0)
        unserved = xp.where(moves, found.unserved_mwh, unserved)
        lower = xp.where(open_, xp.maximum(load - cost / xp.where(open_, rise, 1.0), 0.0), load)
        moves = load - lower > CONVERGED * load  # else it would depend on how long others go on
        load = lower
        if not bool(moves.any()):
            break
    return load, unserved
