"""Headroom of several sets of profiles at once, without waiting for the device.

As `headroom_mw`, but what is wrong with an input is answered with the numbers instead of being looked up before: on a
device, every look costs a wait.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._namespace import Array, array_namespace
from .errors import KernelError
from .headroom import _LARGEST, Engine, Rule, headroom_mw


class HeadroomSets(NamedTuple):
    """Result of headroom_sets_mw, all on the device of the inputs.

    headroom_mw : float64 (set, case, share)      Largest added load, >= 0. [MW]
    curtailed_hours : int64 (set, case, share)    Hours in which that load is curtailed; with weights float64. [h]
    fault : bool ()                               True where an input is NaN or out of range: the numbers say nothing.
    """

    headroom_mw: Array
    curtailed_hours: Array
    fault: Array


def headroom_sets_mw(
    profiles: Array,
    coefficients: Array,
    shares: Array,
    *,
    rule: Rule = "native_first",
    engine: Engine = "auto",
    hour_weights: Array | None = None,
) -> HeadroomSets:
    """Largest constant load that can be added at a curtailable share of its energy (`headroom_mw`).

    profiles : float64 (set, K, H)          Hourly profiles, such as those of an area in each year.
    coefficients : float64 (set, case, K)   Weights; a case's margin is coefficients @ profiles of its set. [MW]
    shares : float64 (set, case, share)     0 <= eps < 1. [1]
    hour_weights : float64 (H,)             Of the hours of every set, as in `headroom_mw`; looked at on the host. [1]

    The numbers are those of `headroom_mw`, set by set; on the device, all sets go into one launch. Raises KernelError
    for shapes; NumPy arrays with a fault raise as `headroom_mw(..., missing="refuse")` does.
    """
    xp = array_namespace(profiles, coefficients, shares)
    shapes = profiles.shape, coefficients.shape, shares.shape
    fit = (
        all(len(shape) == 3 for shape in shapes)
        and len({shape[0] for shape in shapes}) == 1
        and shapes[0][1] == shapes[1][2]
        and shapes[1][1] == shapes[2][1]
        and min(shapes[0]) > 0
    )
    if not fit:
        raise KernelError(f"(set, K, hour), (set, case, K) and (set, case, share) are needed, got {shapes}")
    if xp is np:
        each = [
            headroom_mw(*one, rule=rule, engine=engine, missing="refuse", hour_weights=hour_weights)
            for one in zip(profiles, coefficients, shares, strict=True)
        ]
        load, hours = (np.stack([one[i] for one in each]) for i in (0, 1))
        return HeadroomSets(load, hours, np.array(False))
    arrays = [xp.ascontiguousarray(array, dtype=xp.float64) for array in (profiles, coefficients, shares)]
    peaks = xp.maximum(arrays[0].max(axis=2), -arrays[0].min(axis=2))
    found = _on_device((arrays[0], peaks), arrays[1], arrays[2], rule == "native_first", hour_weights)
    return HeadroomSets(*found, _fault(xp, peaks, arrays[1:], profiles.shape[2]))


def _on_device(
    profile_set: Any, coefficients: Array, shares: Array, native_first: bool, weights: Any
) -> tuple[Any, Any]:
    if weights is None:
        from ._headroom_cuda import headroom_of_sets

        return headroom_of_sets(profile_set, coefficients, shares, native_first)
    from ._headroom_weighted import checked, headroom

    weights = checked(weights, profile_set[0].shape[2])
    return headroom(profile_set, coefficients, shares, weights, (native_first, False))


def _fault(xp: Any, peaks: Array, inputs: list[Array], hours: int) -> Array:
    """True where a comparison with NaN or infinity fails."""
    coefficients, shares = inputs
    reach = (xp.abs(coefficients) * peaks[:, None]).sum(axis=2)
    right = (reach < _LARGEST / hours).all() & (peaks.sum(axis=1) < _LARGEST).all()
    return ~(right & (xp.abs(coefficients) < _LARGEST).all() & ((shares >= 0.0) & (shares < 1.0)).all())
