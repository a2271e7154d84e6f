"""What areas that help each other serve of new load hour by hour, and of that of each area.

Along a direction w an hour serves the load l beside natives as long as U(l w) = U(0) (`network`). What is short is
convex and piecewise linear in l, so that Newton's method from above ends at the largest such l, the level of the hour.

Beyond it, served demands form a polymatroid, and the most that can be served of a load can be shared out so that every
area i is served w_i min(l, level_i), with levels that do not depend on l: the tightest sets grow with l, and area i
joins them at its level. The least that is cut in all is therefore cut if each area is cut to its own level,

    sum_i w_i max(0, l - level_i) = U(l w) - U(0)  for every l,

and no other sharing out serves the worst served area more. The lowest level of areas with new load is the hour's.
"""

from __future__ import annotations

import numpy as np

from . import network
from ._namespace import Array
from ._network_numpy import MOST_IN_A_WORD
from .errors import KernelError
from .headroom import Engine, _use_numba


def served_mw(
    profiles: Array,
    coefficients: Array,
    limits_mw: Array,
    direction: Array,
    top_mw: Array,
    *,
    import_cap_mw: Array | None = None,
    import_sets: tuple[Array, Array] | None = None,
    engine: Engine = "auto",
) -> Array:
    """Largest load (case, hour) along a direction, from 0 to top_mw, of which nothing is short in that hour. [MW]

    top_mw : float64 (case,), >= 0   What is looked for up to there. [MW]

    The rest as of network.network_headroom. What is short by less than 1e-12 of the largest margin is served. A case
    does not depend on its company. Raises KernelError as network_headroom, and for a top that is none.
    """
    linear = profiles, coefficients, limits_mw, direction
    return _levels(linear, top_mw, (import_cap_mw, import_sets), (engine, False))[..., 0]


def levels_mw(
    profiles: Array,
    coefficients: Array,
    limits_mw: Array,
    direction: Array,
    top_mw: Array,
    *,
    import_cap_mw: Array | None = None,
    import_sets: tuple[Array, Array] | None = None,
    engine: Engine = "auto",
) -> Array:
    """Levels (case, hour, area), from 0 to top_mw, up to which each area's new load is served. [MW of all new load]

    Arguments as of served_mw. All areas can be served direction[i] * level at once. With caps on sets, where served
    demands are no polymatroid, an hour in which they could not has levels between the largest that all areas can have
    and these, as far towards these as can be served.
    """
    linear = profiles, coefficients, limits_mw, direction
    return _levels(linear, top_mw, (import_cap_mw, import_sets), (engine, True))


def _levels(
    linear: tuple[Array, ...],
    top_mw: Array,
    capped: tuple[Array | None, tuple[Array, Array] | None],
    how: tuple[Engine, bool],
) -> Array:
    """linear : profiles, coefficients, limits, direction; capped : caps of areas, of sets; how : engine, apart."""
    profiles, coefficients = (np.asarray(values, np.float64) for values in linear[:2])
    (import_cap_mw, import_sets), (engine, apart) = capped, how
    cases, areas = coefficients.shape[:2]
    top = np.asarray(top_mw, np.float64)
    if top.shape != (cases,) or not ((top >= 0.0).all() and np.isfinite(top).all()):
        raise KernelError(f"top_mw must be finite and >= 0 of shape {(cases,)}, got {top.shape}")
    limits = network._by_case(linear[2], cases, (areas, areas), "limits_mw")
    weights = network._by_case(linear[3], cases, (areas,), "direction")
    caps = network._caps(import_cap_mw, cases, areas)
    network._check(profiles, coefficients, limits, weights, caps)
    if import_sets is None and _use_numba(engine) and areas <= MOST_IN_A_WORD:
        from ._network_levels_numba import levels as quick

        return quick((profiles, coefficients), (limits, caps), weights, top, apart=apart)
    from ._network_levels_numpy import levels

    sets = None if import_sets is None else network._capped_sets(import_sets, cases, areas, engine)
    load = top[:, None] * weights
    cut = network.curtailed_mw(
        profiles, coefficients, limits, load, import_cap_mw=caps, import_sets=import_sets, engine=engine
    )
    return levels((profiles, coefficients), (limits, caps, sets), weights, (top, cut > 0.0), how)


def short_side(
    deficit_mw: Array,
    limits_mw: Array,
    *,
    import_cap_mw: Array,
    import_sets: tuple[Array, Array] | None = None,
    engine: Engine = "auto",
) -> Array:
    """A set of areas (hour, area) that explains what each hour is short of, of one network.

    deficit_mw, limits_mw, import_cap_mw : as of network.unserved_mw; import_sets : as of network_headroom, of one case
    """
    if import_sets is None:
        return network.unserved_mw(deficit_mw, limits_mw, import_cap_mw=import_cap_mw, engine=engine).short_side
    from ._network_levels_numpy import network_of

    return network_of(limits_mw, import_cap_mw, import_sets, engine).tightest(deficit_mw)[1]
