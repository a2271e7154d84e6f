"""What areas that help each other serve of new load hour by hour: the largest load of which nothing is short.

Along a direction w an hour serves the load l beside natives as long as U(l w) = U(0) (`network`). What is short is
convex and piecewise linear in l, so that Newton's method from above ends at the largest such l, the level of the hour.
A load below the level of every hour needs no cut; one that is cut in the same proportion everywhere is cut to it.
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
    profiles, coefficients = np.asarray(profiles, np.float64), np.asarray(coefficients, np.float64)
    cases, areas = coefficients.shape[:2]
    top = np.asarray(top_mw, np.float64)
    if top.shape != (cases,) or not ((top >= 0.0).all() and np.isfinite(top).all()):
        raise KernelError(f"top_mw must be finite and >= 0 of shape {(cases,)}, got {top.shape}")
    limits = network._by_case(limits_mw, cases, (areas, areas), "limits_mw")
    weights = network._by_case(direction, cases, (areas,), "direction")
    caps = network._caps(import_cap_mw, cases, areas)
    network._check(profiles, coefficients, limits, weights, caps)
    if import_sets is None and _use_numba(engine) and areas <= MOST_IN_A_WORD:
        from ._network_levels_numba import levels as quick

        return quick(profiles, coefficients, (limits, caps), weights, top)
    from ._network_levels_numpy import levels

    sets = None if import_sets is None else network._capped_sets(import_sets, cases, areas, engine)
    load = top[:, None] * weights
    beside = {"import_cap_mw": caps, "import_sets": import_sets, "engine": engine}
    short = network.curtailed_mw(profiles, coefficients, limits, load, **beside) > 0.0
    return levels((profiles, coefficients), (limits, caps, sets), weights, (top, short), engine)


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
