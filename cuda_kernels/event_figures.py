"""Events of curtailment of constant loads: how many hours, in what runs, how deep, in which season and part of the day.

A load takes what is left of its margin in each hour, coefficients @ profiles or nothing where that is negative; what it
misses is curtailed. See docs/adequacy.md, Events.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._namespace import Array, array_namespace
from .errors import KernelError
from .headroom import Engine, _use_numba

Floats = NDArray[np.float64]
Hours = NDArray[np.int64]

KINDS = 4
"""Seasons, and parts of the day."""
COLUMNS = 4 + 2 * KINDS
_YES = np.ones(1, dtype=bool)


class Cuts(NamedTuple):
    """Curtailment where there is any: numbers of cases, ascending, hours of the year, ascending in each, and MW."""

    cases: Hours
    hours: Hours
    cut_mw: Floats


def event_figures(
    profiles: Floats, coefficients: Floats, load_mw: Floats, kinds: Hours, *, engine: Engine = "auto"
) -> Floats:
    """Figures (case, 12) of each load, all nil where nothing is curtailed.

    profiles (K, hour), coefficients (case, K) : the margin is their product, added term by term. [MW]
    load_mw : (case,)
    kinds : (2, hour)   Season and part of the day of each hour, 0 to 3.
    engine : "auto" (numba when installed), "numpy" or "numba"; CuPy arrays run on the device; the same bits

    Columns: hours with any curtailment, runs of them, the longest run [h], the deepest cut over the load [1], hours by
    season, hours by part of the day. Raises KernelError for shapes that do not fit.
    """
    terms, hours = profiles.shape
    wanted = ((len(load_mw), terms), (2, hours))
    if (coefficients.shape, kinds.shape) != wanted:
        raise KernelError(f"coefficients and kinds must be {wanted}, got {(coefficients.shape, kinds.shape)}")
    if array_namespace(profiles, coefficients, load_mw, kinds) is not np:
        from ._event_figures_cuda import count as on_device

        figures_of_set: Floats = on_device(profiles[None], coefficients[None], load_mw[None], kinds, COLUMNS)[0]
        return figures_of_set
    if _use_numba(engine):
        from ._event_figures_numba import count

        found = np.zeros((len(load_mw), COLUMNS))
        profiles, coefficients, load_mw = map(np.ascontiguousarray, (profiles, coefficients, load_mw))
        count(profiles, coefficients, load_mw, np.ascontiguousarray(kinds), found)
        return found
    return figures(cuts_of_constant_load(profiles, coefficients, load_mw), load_mw, kinds)


def event_figures_of_sets(profiles: Array, coefficients: Array, load_mw: Array, kinds: Array) -> Array:
    """The same figures (set, case, 12) for several sets of profiles, such as years; on the device in one launch.

    profiles (set, K, hour), coefficients (set, case, K), load_mw (set, case), kinds (2, hour)
    """
    sets, terms, hours = profiles.shape
    wanted = ((sets, load_mw.shape[-1], terms), (sets, coefficients.shape[1]), (2, hours))
    if (coefficients.shape, load_mw.shape, kinds.shape) != wanted:
        shapes = (coefficients.shape, load_mw.shape, kinds.shape)
        raise KernelError(f"coefficients, loads and kinds must be {wanted}, got {shapes}")
    if array_namespace(profiles, coefficients, load_mw, kinds) is np:
        each = zip(profiles, coefficients, load_mw, strict=True)
        return np.stack([event_figures(*one, kinds) for one in each])
    from ._event_figures_cuda import count

    return count(profiles, coefficients, load_mw, kinds, COLUMNS)


def figures(cuts: Cuts, load_mw: Floats, kinds: Hours) -> Floats:
    """The figures (case, 12) of loads (case,) from their cuts."""
    cases, hours, cut_mw = cuts
    found = np.zeros((len(load_mw), COLUMNS))
    if not hours.size:
        return found
    first = np.flatnonzero(np.concatenate([_YES, (cases[1:] > cases[:-1]) | (hours[1:] - hours[:-1] > 1)]))
    found[:, 0] = np.bincount(cases, minlength=len(found))
    found[:, 1] = np.bincount(cases[first], minlength=len(found))
    np.maximum.at(found[:, 2], cases[first], np.diff(first, append=len(hours)))
    np.maximum.at(found[:, 3], cases, cut_mw)
    np.divide(found[:, 3], load_mw, out=found[:, 3], where=found[:, 0] > 0.0)
    for row, kind in enumerate(kinds):
        counts = np.bincount(cases * KINDS + kind[hours], minlength=KINDS * len(found))
        found[:, 4 + KINDS * row :][:, :KINDS] = counts.reshape(-1, KINDS)
    return found


def cuts_of_constant_load(profiles: Floats, coefficients: Floats, load_mw: Floats) -> Cuts:
    """Cuts of loads (case,) beside margins coefficients (case, K) @ profiles (K, hour).

    A sum in single precision finds the hours that may be short, and these are summed again in a fixed order, so that a
    case's cuts do not depend on the cases beside it.
    """
    rough = coefficients.astype(np.float32) @ profiles.astype(np.float32)
    slack = 1e-5 * (np.abs(coefficients) @ np.maximum(profiles.max(axis=1), -profiles.min(axis=1)))
    level = np.where(load_mw > 0.0, load_mw + slack, -np.inf).astype(np.float32)
    near = np.flatnonzero(rough < level[:, None])  # slack is far more than that rounding
    cases = near // rough.shape[1]
    hours = near - cases * rough.shape[1]
    weights = np.ascontiguousarray(coefficients.T)
    margin = weights[0].take(cases) * profiles[0].take(hours)
    for term in range(1, len(profiles)):
        margin += weights[term].take(cases) * profiles[term].take(hours)
    cut = load_mw[cases] - np.maximum(margin, 0.0)
    short = cut > 0.0
    return Cuts(cases[short], hours[short], cut[short])


def margin_mw(profiles: Floats, coefficients: Floats) -> Floats:
    """Margins (case, hour), the terms added in order, so that a case does not depend on the cases beside it. [MW]"""
    total = coefficients[:, :1] * profiles[0]
    for term in range(1, len(profiles)):
        total += coefficients[:, term : term + 1] * profiles[term]
    return total
