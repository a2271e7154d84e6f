"""Headroom: the largest constant added load whose curtailed share stays within a limit.

For each case (one draw of one area and year) the hourly margin is a sum of profiles weighted by the
case's coefficients, margin[h] = sum_k coefficient[k] * profile[k, h]: available power minus native load.
A constant new load L is curtailed by max(0, L - margin[h]) in hour h. The answer is the largest L with

    sum_h curtailed(h, L) <= curtailable_fraction * H * L

(Norris et al. 2025). Under the rule "plain" that is the whole condition. Under "native_first" (default)
an hour's existing shortage max(0, -margin[h]) is not charged to the new load, which is the same as
raising negative margins to zero. Both sides are convex and piecewise linear in L, so Newton's method
from the right of the root ends after finitely many steps at the exact root: L = sum_A margin / (|A| - eps H),
A = {h : margin[h] < L}. Hours that stand for several, or for a part of one, have weights; every sum over hours, H
included, is then a sum of weights.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import numpy as np

from ._namespace import Array, array_namespace, asnumpy
from .errors import KernelError

Rule = Literal["native_first", "plain"]
Engine = Literal["auto", "numpy", "numba"]
Missing = Literal["nan", "refuse"]

_LARGEST = 1e290  # margins and their sums over any realistic number of hours stay finite below this
_NAMED = 10  # cases that a warning lists


class Headroom(NamedTuple):
    """Result of headroom_mw; both arrays are (case, share), or (case,) for a scalar share.

    headroom_mw : float64     Largest added load, >= 0; NaN where an input is NaN or infinite. [MW]
    curtailed_hours : int64   Hours in which that load is curtailed at all; 0 where there is no headroom, -1 where it is
                              NaN. With hour_weights float64, the sum of their weights. [h]
    """

    headroom_mw: Array
    curtailed_hours: Array


def headroom_mw(
    profiles: Array,
    coefficients: Array,
    curtailable_fraction: Array | float,
    *,
    rule: Rule = "native_first",
    engine: Engine = "auto",
    missing: Missing = "nan",
    hour_weights: Array | None = None,
) -> Headroom:
    """Largest constant load that can be added at a curtailable share of its energy.

    profiles : float64 (K, H)         Hourly profiles shared by all cases.
    coefficients : float64 (case, K)  Weights; coefficients @ profiles is the margin. [MW]
    curtailable_fraction : float, (share,) or (case, share)  0 <= eps < 1. [1]
    rule : "native_first" leaves existing shortage out of the new load's account, "plain" charges it.
    engine : "auto" (numba when installed), "numpy" or "numba"; CuPy arrays always run on the device.
    missing : "nan" gives NaN for the cases that meet a NaN or an infinity, and a RuntimeWarning that names them;
        "refuse" raises KernelError.
    hour_weights : float64 (H,)       How many hours each hour stands for, >= 0, with a sum above 0; None: one each. [1]
        At eps = 0 hours of weight 0 do not count. Every engine then looks at all hours in turn, without pruning:
        equal bits on all of them, and within 1e-12 of the answer without weights where all are 1.

    Returns Headroom, on the device of the input. A case's result does not depend on which other cases
    share the call. Where no positive load fits (the native system is short too often) the answer is 0;
    at eps = 0 it is max(0, min(margin)). Raises KernelError for shapes, dtypes and numbers whose margins
    overflow, naming the first case or profile.
    """
    xp = array_namespace(profiles, coefficients)
    profiles, coefficients = _float64(xp, profiles, "profiles"), _float64(xp, coefficients, "coefficients")
    shares, scalar = _shares(xp, curtailable_fraction, len(coefficients))
    choices = (rule, missing)
    if xp is np and hour_weights is None and _right(profiles, coefficients, choices) and _use_numba(engine):
        found = _numba_at_once(profiles, coefficients, shares, rule == "native_first")
        if found is not None:
            return Headroom(found[0][:, 0], found[1][:, 0]) if scalar else Headroom(*found)
    undefined, peaks = None, _peaks_at_a_look(xp, profiles, coefficients, choices)
    if peaks is None:
        undefined = _undefined(xp, profiles, coefficients) if missing == "nan" else None
        if undefined is not None:
            profiles = xp.where(xp.isfinite(profiles), profiles, 0.0)
            coefficients = xp.where(undefined[:, None], 0.0, coefficients)
        peaks = _check(xp, profiles, coefficients, choices)
    solve = _body(xp, engine) if hour_weights is None else _weighted(xp, engine, hour_weights)
    load, hours = solve((profiles, peaks), coefficients, shares, rule == "native_first")
    if undefined is not None:
        load, hours = xp.where(undefined[:, None], xp.nan, load), xp.where(undefined[:, None], -1, hours)
    return Headroom(load[:, 0], hours[:, 0]) if scalar else Headroom(load, hours)


def _float64(xp: Any, array: Array, name: str) -> Array:
    array = xp.asarray(array)
    if array.ndim != 2:
        raise KernelError(f"{name} must have two dimensions, got shape {array.shape}")
    if array.dtype.kind not in "fiu":
        raise KernelError(f"{name} must be real numbers, got {array.dtype}")
    return xp.ascontiguousarray(array, dtype=xp.float64)


def _shares(xp: Any, fraction: Array | float, cases: int) -> tuple[Array, bool]:
    """The shares as (case, share) float64, and whether one scalar was given."""
    if xp is np and isinstance(fraction, float) and 0.0 <= fraction < 1.0:  # all that follows takes 40 us
        return np.full((cases, 1), fraction), True
    own = array_namespace(fraction)  # numbers of the host are looked at there
    shares = own.asarray(fraction, dtype=own.float64)
    if shares.ndim > 2 or (shares.ndim == 2 and shares.shape[0] != cases):
        raise KernelError(f"curtailable_fraction must be a number, (share,) or ({cases}, share), got {shares.shape}")
    if shares.size == 0 and cases > 0:
        raise KernelError("curtailable_fraction is empty; give at least one share")
    bad = ~((shares >= 0.0) & (shares < 1.0))
    if bool(bad.any()):
        at = int(bad.ravel().argmax())
        value = float(shares.ravel()[at])
        raise KernelError(f"curtailable_fraction is {value} at flat index {at}; 0 <= share < 1 is needed")
    scalar = shares.ndim == 0
    shares = shares.reshape(1, -1) if shares.ndim < 2 else shares
    return xp.ascontiguousarray(xp.broadcast_to(xp.asarray(shares), (cases, shares.shape[1]))), scalar


def _right(profiles: Array, coefficients: Array, choices: tuple[str, str]) -> bool:
    """Whether shapes and choices are as `_check` wants them."""
    named = choices[0] in ("native_first", "plain") and choices[1] in ("nan", "refuse")
    shape = (*profiles.shape, len(coefficients))
    return named and profiles.shape[0] == coefficients.shape[1] and 0 not in shape


def _peaks_at_a_look(xp: Any, profiles: Array, coefficients: Array, choices: tuple[str, str]) -> Array | None:
    """Each profile's largest absolute value where all is as `_check` wants it, waiting for a device once; else None."""
    if xp is np or not _right(profiles, coefficients, choices):
        return None
    peaks = xp.maximum(profiles.max(axis=1), -profiles.min(axis=1))
    sizes = xp.abs(coefficients)
    reach = sizes @ peaks  # a NaN fails each comparison
    right = (peaks.sum() < _LARGEST) & (sizes.max() < _LARGEST) & (reach.max() < _LARGEST / profiles.shape[1])
    return peaks if bool(right) else None


def _undefined(xp: Any, profiles: Array, coefficients: Array) -> Array | None:
    """Which cases meet a NaN or an infinity (one in a profile: all), None if none does. A warning names them."""
    finite, whole = xp.isfinite(coefficients), xp.isfinite(profiles).all()
    if bool(whole & finite.all()):
        return None
    undefined = (~finite).any(axis=1) | ~whole
    reasons = _not_finite(xp, profiles, "profile", "hour") + _not_finite(xp, coefficients, "case", "coefficient")
    cases = np.flatnonzero(asnumpy(undefined))
    named = ", ".join(map(str, cases[:_NAMED])) + (", ..." if len(cases) > _NAMED else "")
    text = f"headroom is NaN in {len(cases)} of {len(undefined)} cases ({named}): {'; '.join(reasons)}"
    warnings.warn(text, RuntimeWarning, stacklevel=3)
    return undefined


def _check(xp: Any, profiles: Array, coefficients: Array, choices: tuple[str, str]) -> Array:
    """All problems of the two matrices at once; returns each profile's largest absolute value.

    choices = (rule, missing).
    """
    rule, missing = choices
    problems = []
    if profiles.shape[0] != coefficients.shape[1]:
        problems.append(f"{profiles.shape[0]} profiles but {coefficients.shape[1]} coefficients per case")
    if profiles.shape[0] == 0 or profiles.shape[1] == 0:
        raise KernelError(f"profiles must not be empty, got {profiles.shape}")
    if rule not in ("native_first", "plain"):
        problems.append(f"rule is {rule!r}; choose 'native_first' or 'plain'")
    if missing not in ("nan", "refuse"):
        problems.append(f"missing is {missing!r}; choose 'nan' or 'refuse'")
    peaks = xp.maximum(profiles.max(axis=1), -profiles.min(axis=1))  # NaN and infinity come through
    if not float(peaks.sum()) < _LARGEST:
        problems += _not_finite(xp, profiles, "profile", "hour")
    problems += _not_finite(xp, coefficients, "case", "coefficient")
    if not problems and len(coefficients):
        with np.errstate(over="ignore"):  # an overflow is what the next line looks for
            reach = xp.abs(coefficients) @ peaks
        if not float(reach.max()) < _LARGEST / profiles.shape[1]:
            worst = int(xp.argmax(reach))
            problems.append(f"case {worst}: margins of up to {float(reach[worst]):.3g} MW overflow")
    if problems:
        raise KernelError("; ".join(problems))
    return peaks


def _not_finite(xp: Any, matrix: Array, row: str, column: str) -> list[str]:
    bad = ~(xp.abs(matrix) < _LARGEST)
    if not bool(bad.any()):
        return []
    rows, columns = xp.nonzero(bad)
    i, j, count = int(rows[0]), int(columns[0]), len(rows)
    value = float(matrix[i, j])
    return [
        f"{row} {i} holds {value} at {column} {j} ({count} such values); finite numbers below {_LARGEST:g} are needed"
    ]


def _body(xp: Any, engine: str) -> Callable[..., tuple[Array, Array]]:
    return _cuda if xp is not np else _numba if _use_numba(engine) else _numpy


def _weighted(xp: Any, engine: str, hour_weights: Array) -> Callable[..., tuple[Array, Array]]:
    from ._headroom_weighted import checked, headroom

    with_numba = xp is np and _use_numba(engine)

    def solve(profile_set: Any, coefficients: Any, shares: Any, native_first: bool) -> tuple[Array, Array]:
        weights = checked(hour_weights, profile_set[0].shape[1])
        if xp is np:
            return headroom(profile_set, coefficients, shares, weights, (native_first, with_numba))
        one = tuple(array[None] for array in profile_set), coefficients[None], shares[None]
        load, hours = headroom(*one, weights, (native_first, False))
        return load[0], hours[0]

    return solve


def _numpy(*arguments: Any) -> tuple[Array, Array]:
    from ._headroom_numpy import headroom

    return headroom(*arguments)


def _numba(*arguments: Any) -> tuple[Array, Array]:
    from ._headroom_numba import headroom

    return headroom(*arguments)


def _numba_at_once(*arguments: Any) -> tuple[Array, Array] | None:
    from ._headroom_numba import at_once

    return at_once(*arguments)


def _cuda(*arguments: Any) -> tuple[Array, Array]:
    from ._headroom_cuda import headroom

    return headroom(*arguments)


def resolve_engine(engine: Engine) -> Literal["numpy", "numba"]:
    """What `engine` means on this machine. Raises KernelError for one that is not there."""
    return "numba" if _use_numba(engine) else "numpy"


def _use_numba(engine: str) -> bool:
    if engine not in ("auto", "numpy", "numba"):
        raise KernelError(f"engine is {engine!r}; choose 'auto', 'numpy' or 'numba'")
    if engine == "numpy":
        return False
    if sys.modules.get("numba") or find_spec("numba") is not None:
        return True
    if engine == "numba":
        raise KernelError("engine 'numba' is not installed: install gridflops[fast], or choose 'numpy'")
    return False
