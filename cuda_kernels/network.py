"""Headroom of areas that help each other: transfers within directed limits, native load first.

In one hour the areas have deficits d[i] = load - available (negative: surplus). Whatever the transfers, the areas of a
set S cannot serve more of their deficit than the links into S carry, and some set is exactly that tight (max-flow
min-cut). Unserved load is therefore a maximum over cuts,

    U(d) = max over S of  sum_{i in S} d[i] - sum_{j not in S, i in S} limit[j, i],   the empty set giving 0.

New load l is spread over the areas along a direction w (sum w = 1). Served demands form a polymatroid, so that native
customers can be served first at no cost to the total: new load goes short by U(d + l w) - U(d) in an hour, and the
headroom is the largest l with

    sum_h [ U_h(l w) - U_h(0) ] <= curtailable_fraction * H * l.

The left side is convex and piecewise linear in l with slope sum_h w(S_h), S_h the tightest set of the hour, so that
Newton's method from the right of the root ends at the exact root, as for one area (headroom.py).

A cap on what an area imports on balance is one more link, from its junction with the others to itself; out of it there
is no limit but those of the links. The area then has a deficit min(d[i], cap[i]) in the network and keeps the rest,

    U(d) = sum_i max(0, d[i] - cap[i]) + U_without(min(d, cap)),

as when a leaf is folded, and lies on the short side where d[i] > cap[i].

Three bodies find the tightest set by different roads. NumPy folds leaves (an area with one neighbour passes on to it
what its link lets through, which is exact) and then compares all cuts as one matrix product with a row maximum, up to
12 areas; beyond, it augments all hours' flows side by side. numba drops the hours that evening out in float32 serves,
and augments the flows of the others along shortest paths, with sets of areas as words of bits, an hour beginning each
step of Newton's method with its flow of the step before; of more than 64 areas, hours are walked in order with one flow
that is carried along, and sets are arrays (`_network_wide`). CUDA gives an hour to a warp and an area to each of its
lanes, for up to 32 areas (`network_flow.cuh`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._namespace import Array, DeviceName, resolve_device
from ._network_numpy import MOST_IN_A_WORD
from .errors import KernelError
from .headroom import Engine, _shares, _use_numba

MOST_AREAS = 256
"""More areas are refused: flows are kept as a matrix."""


class NetworkHeadroom(NamedTuple):
    """Result of network_headroom.

    headroom_mw : float64 (case, share)       Largest total new load along the direction, >= 0. [MW]
    copper_plate_mw : float64 (case, share)   The same if transfers had no limit. [MW]
    curtailed_hours : int64 (case, share)     Hours in which that load is curtailed; 0 where there is no headroom. [h]
    native_unserved_mwh : float64 (case,)     Native load unserved before any new load. [MWh]
    native_short_hours : int64 (case,)        Hours of it. [h]
    binding_cut : bool (case, share, area)    The short side of the cut that binds in the most curtailed hours.
    binding_hours : int64 (case, share)       Curtailed hours in which exactly that cut binds. [h]
    short_hours : int64 (case, share, area)   Curtailed hours in which the area lies on the short side. [h]
    """

    headroom_mw: Array
    copper_plate_mw: Array
    curtailed_hours: Array
    native_unserved_mwh: Array
    native_short_hours: Array
    binding_cut: Array
    binding_hours: Array
    short_hours: Array


class Unserved(NamedTuple):
    """Result of unserved_mw.

    unserved_mw : float64 (hour,)     Least total of unserved load. [MW]
    short_side : bool (hour, area)    A set of areas that attains it; empty where everything is served.
    transfer_mw : float64 (hour, area, area)   Transfers from, to that attain it. [MW]
    """

    unserved_mw: Array
    short_side: Array
    transfer_mw: Array


def network_headroom(
    profiles: Array,
    coefficients: Array,
    limits_mw: Array,
    direction: Array,
    curtailable_fraction: Array | float,
    *,
    import_cap_mw: Array | None = None,
    import_sets: tuple[Array, Array] | None = None,
    firm_extra_mw: Array | None = None,
    engine: Engine = "auto",
    device: DeviceName = "cpu",
) -> NetworkHeadroom:
    """Largest load that a network of areas can host along a direction at a curtailable share of its energy.

    profiles : float64 (area, K, H)             Hourly profiles, shared by all cases.
    coefficients : float64 (case, area, K)      coefficients[c, a] @ profiles[a] is an area's margin: available power
                                                minus native load. [MW]
    limits_mw : float64 (area, area) or (case, area, area)   Transfer limit from, to; 0 where there is no link,
                                                infinity where there is no limit; the diagonal is ignored. [MW]
    direction : float64 (area,) or (case, area) Share of the new load in each area, >= 0, sum 1; all zero where a case
                                                hosts nothing. [1]
    curtailable_fraction : float, (share,) or (case, share)   0 <= eps < 1. [1]
    import_cap_mw : float64 (area,) or (case, area)   Most that an area imports on balance, flows in less flows
                                                out, >= 0; infinity for no such limit. None: no area has one. [MW]
    import_sets : bool (set, area) and float64 (set,) or (case, set)   Disjoint sets of areas, and the most that each
                                                imports on balance, >= 0. Without numba at most 5 sets, of 12 areas in
                                                all (`_network_sets`). None: no set has a cap. [MW]
    firm_extra_mw : float64 (area,) or (case, area)   Firm capacity beside the margins, >= 0, where nothing may be
                                                curtailed beside a larger share, whose headroom it then does not pass;
                                                what natives lack is counted without it. None: nothing. [MW]
    engine : "auto" (numba when installed), "numpy" or "numba"
    device : where the cases are solved; arrays are NumPy's in any case. Loads of a GPU are within 1e-9 of the CPU's; it
        takes the networks of `network_sets.fits_device`, and several sets of profiles at once as there.

    Returns NetworkHeadroom, always with a share dimension. A case does not depend on its company. The copper plate
    knows neither limits nor caps.
    Raises KernelError for shapes, for values that are not finite or negative where they must not be, and for what a GPU
    does not take.
    """
    beside = import_cap_mw, firm_extra_mw
    one = prepared(profiles, coefficients, limits_mw, direction, curtailable_fraction, beside)
    cases, areas = one.coefficients.shape[:2]
    if resolve_device(device) == "gpu":
        from ._network_cuda import headroom

        return NetworkHeadroom(*headroom([one], sets=import_sets is not None))
    if import_sets is not None:
        from . import _network_sets

        capped = one.firmer, _capped_sets(import_sets, cases, areas, engine), engine
        return NetworkHeadroom(*_network_sets.headroom(*one[:5], capped))
    return NetworkHeadroom(*_body(engine, areas).headroom(*one))


class Prepared(NamedTuple):
    """Checked inputs of network_headroom, in the order of its bodies; of every case, `network` limits and caps."""

    profiles: Array
    coefficients: Array
    network: tuple[Array, Array]
    weights: Array
    shares: Array
    firmer: Array


def prepared(
    profiles: Array,
    coefficients: Array,
    limits_mw: Array,
    direction: Array,
    curtailable_fraction: Array | float,
    beside: tuple[Array | None, Array | None],
) -> Prepared:
    """Inputs of network_headroom; beside : import_cap_mw, firm_extra_mw. Raises KernelError as it does."""
    profiles, coefficients = np.asarray(profiles, np.float64), np.asarray(coefficients, np.float64)
    if profiles.ndim != 3 or coefficients.ndim != 3 or coefficients.shape[1:] != profiles.shape[:2]:
        shapes = f"{profiles.shape}, {coefficients.shape}"
        raise KernelError(f"profiles must be (area, K, H) and coefficients (case, area, K), got {shapes}")
    cases, areas = coefficients.shape[:2]
    shares, _ = _shares(np, curtailable_fraction, cases)
    limits = _by_case(limits_mw, cases, (areas, areas), "limits_mw")
    weights = _by_case(direction, cases, (areas,), "direction")
    caps = _caps(beside[0], cases, areas)
    _check(profiles, coefficients, limits, weights, caps)
    firmer = _firmer(beside[1], cases, areas)
    return Prepared(profiles, coefficients, (limits, caps), weights, shares, firmer)


def curtailed_mw(
    profiles: Array,
    coefficients: Array,
    limits_mw: Array,
    load_mw: Array,
    *,
    import_cap_mw: Array | None = None,
    import_sets: tuple[Array, Array] | None = None,
    engine: Engine = "auto",
) -> Array:
    """What new load is short of in each hour beyond what natives are, U(load - margin) - U(-margin): (case, hour). [MW]

    load_mw : float64 (case, area)   New load, >= 0. [MW]

    The rest as of network_headroom. Differences below 1e-12 of the largest margin are rounding, and 0.
    """
    profiles, coefficients = np.asarray(profiles, np.float64), np.asarray(coefficients, np.float64)
    cases, areas = coefficients.shape[:2]
    load = np.asarray(load_mw, np.float64)
    if load.shape != (cases, areas) or coefficients.shape[1:] != profiles.shape[:2]:
        raise KernelError(
            f"load_mw must be (case, area) and coefficients (case, area, K), got {load.shape}, {coefficients.shape}"
        )
    limits = _by_case(limits_mw, cases, (areas, areas), "limits_mw")
    caps = _caps(import_cap_mw, cases, areas)
    total = load.sum(axis=1)
    weights = np.divide(load, total[:, None], out=np.zeros_like(load), where=total[:, None] > 0.0)
    _check(profiles, coefficients, limits, weights, caps)
    if import_sets is not None:
        from ._network_sets import curtailed as of_sets

        beside = _capped_sets(import_sets, cases, areas, engine), engine
        return of_sets(profiles, coefficients, (limits, caps), load, beside)
    return _body(engine, areas).curtailed(profiles, coefficients, (limits, caps), load)


def unserved_mw(
    deficit_mw: Array, limits_mw: Array, *, import_cap_mw: Array | None = None, engine: Engine = "auto"
) -> Unserved:
    """Least unserved load of each hour, the cut that explains it and transfers that attain it.

    deficit_mw : float64 (hour, area)   Load minus available power; negative where an area can help. [MW]
    limits_mw : float64 (area, area)    Transfer limit from, to; 0 no link, infinity no limit. [MW]
    import_cap_mw : float64 (area,)     Most that an area imports on balance, as of network_headroom. [MW]

    Raises KernelError for shapes, NaN, negative limits.
    """
    deficit = np.ascontiguousarray(deficit_mw, dtype=np.float64)
    if deficit.ndim != 2:
        raise KernelError(f"deficit_mw must be (hour, area), got {deficit.shape}")
    limits = _by_case(limits_mw, 1, (deficit.shape[1],) * 2, "limits_mw")
    caps = _caps(import_cap_mw, 1, deficit.shape[1])
    _check(deficit.T[:, None], np.ones((1, deficit.shape[1], 1)), limits, np.zeros((1, deficit.shape[1])), caps)
    if _use_numba(engine) and deficit.shape[1] <= MOST_IN_A_WORD:
        from ._network_numba import unserved as body
    else:
        from ._network_numpy import unserved as body
    return Unserved(*body(deficit, (limits[0], caps[0])))


def _body(engine: Engine, areas: int) -> Any:
    """The module that solves networks of so many areas."""
    if not _use_numba(engine):
        from . import _network_numpy

        return _network_numpy
    if areas <= MOST_IN_A_WORD:
        from . import _network_numba

        return _network_numba
    from . import _network_wide

    return _network_wide


def _firmer(firm_extra_mw: Array | None, cases: int, areas: int) -> Array:
    """Firm capacity (case, area) beside the margins, nothing where none is given."""
    firmer = _by_case(np.zeros(areas) if firm_extra_mw is None else firm_extra_mw, cases, (areas,), "firm_extra_mw")
    wrong = _found(~(firmer >= 0.0) | ~np.isfinite(firmer), firmer, "firm_extra_mw", "case, area")
    if wrong:
        raise KernelError(wrong[0])
    return firmer


def _caps(import_cap_mw: Array | None, cases: int, areas: int) -> Array:
    """Caps (case, area), infinite where none is given."""
    given = np.full(areas, np.inf) if import_cap_mw is None else import_cap_mw
    return _by_case(given, cases, (areas,), "import_cap_mw")


def _capped_sets(
    import_sets: tuple[Array, Array], cases: int, areas: int, engine: Engine = "auto"
) -> tuple[Array, Array]:
    """Membership (set, area) of 0 and 1, and caps (case, set). Raises KernelError for what cannot be solved."""
    from ._network_numpy import MOST_ENUMERATED
    from ._network_sets import MOST_SETS

    member = np.asarray(import_sets[0], np.float64)
    if member.ndim != 2 or member.shape[1] != areas:
        raise KernelError(f"import_sets must hold a membership (set, area) with {areas} areas, got {member.shape}")
    caps = _by_case(import_sets[1], cases, (len(member),), "caps of import_sets")
    problems = []
    if not _use_numba(engine) and (len(member) > MOST_SETS or areas > MOST_ENUMERATED):
        most = f"{MOST_SETS} and {MOST_ENUMERATED} without numba (the extra [fast])"
        problems.append(f"{len(member)} capped sets, {areas} areas: at most {most}")
    if (member.sum(axis=0) > 1.0).any():
        problems.append("capped sets must not share an area")
    problems += _found(~(caps >= 0.0), caps, "caps of import_sets", "case, set")
    if problems:
        raise KernelError("; ".join(problems))
    return member, caps


def _by_case(values: Array, cases: int, shape: tuple[int, ...], name: str) -> Array:
    """Values of one for all or one a case as (case, *shape) float64."""
    array = np.asarray(values, np.float64)
    if array.shape not in (shape, (cases, *shape)):
        raise KernelError(f"{name} must be {shape} or {(cases, *shape)}, got {array.shape}")
    return np.broadcast_to(array, (cases, *shape))


def _check(profiles: Array, coefficients: Array, limits: Array, direction: Array, caps: Array) -> None:
    """All problems of the values at once."""
    areas = profiles.shape[0]
    problems = []
    if areas > MOST_AREAS or areas == 0 or profiles.shape[2] == 0:
        problems.append(f"{areas} areas, {profiles.shape[2]} hours: 1 to {MOST_AREAS} areas and an hour are needed")
    off = ~np.eye(areas, dtype=bool)
    problems += _found(~np.isfinite(profiles), profiles, "profiles", "area, profile, hour")
    problems += _found(~np.isfinite(coefficients), coefficients, "coefficients", "case, area, coefficient")
    problems += _found(off & ~(limits >= 0.0), limits, "limits_mw", "case, from, to")
    problems += _found(~(caps >= 0.0), caps, "import_cap_mw", "case, area")
    problems += _found(~(direction >= 0.0) | ~np.isfinite(direction), direction, "direction", "case, area")
    total = direction.sum(axis=1)
    if not problems:
        wrong = (total != 0.0) & (np.abs(total - 1.0) > 1e-9)
        problems += _found(wrong, total, "sum of direction", "case")
    if problems:
        raise KernelError("; ".join(problems))


def _found(bad: Any, values: Array, name: str, axes: str) -> list[str]:
    bad = np.broadcast_to(bad, values.shape)
    if not bad.any():
        return []
    at = tuple(int(i) for i in np.argwhere(bad)[0])
    return [f"{name} holds {values[at]} at {axes} = {', '.join(map(str, at))} ({int(bad.sum())} such values)"]
