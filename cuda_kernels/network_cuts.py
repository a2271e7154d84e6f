"""The cut that binds in an hour, and what one more megawatt of a link or a cap on net imports would be worth there.

Unserved load is a maximum over sets S of areas (`network`). With the prices l of the caps that hold back what S
imports (`_network_sets`), links see z = [in S] - l, so that one more MW of the link i -> j lowers unserved load by
max(0, z_j - z_i), one more of a cap by its price, and one more of capacity in an area by 1 if it is in S.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._namespace import Array
from ._network_numpy import MOST_IN_A_WORD, Network
from .headroom import Engine, _use_numba
from .network import _by_case, _capped_sets, _caps, _check


class TightestCuts(NamedTuple):
    """Result of tightest_cuts.

    unserved_mw : float64 (hour,)     Least total of unserved load. [MW]
    short_side : bool (hour, area)    A set of areas that attains it; empty where everything is served.
    cap_price : float64 (hour, area)  What one more MW of an area's cap on its imports serves. [1]
    set_price : float64 (hour, set)   The same of the caps of sets. [1]
    """

    unserved_mw: Array
    short_side: Array
    cap_price: Array
    set_price: Array

    def seen(self, member: Array) -> Array:
        """Prices z (hour, area) that links see; member : (set, area). One more MW of i -> j serves max(0, z_j - z_i)"""
        return self.short_side - self.cap_price - self.set_price @ member


def tightest_cuts(
    deficit_mw: Array,
    limits_mw: Array,
    *,
    import_cap_mw: Array | None = None,
    import_sets: tuple[Array, Array] | None = None,
    engine: Engine = "auto",
) -> TightestCuts:
    """Least unserved load of each hour, the cut that explains it and the prices of caps.

    deficit_mw : float64 (hour, area)   Load minus available power; negative where an area can help. [MW]

    The rest as of network.network_headroom, for one case: limits_mw (area, area), import_cap_mw (area,), import_sets
    (set, area) and (set,). Raises KernelError for shapes, NaN, negative limits.
    """
    deficit = np.ascontiguousarray(deficit_mw, dtype=np.float64)
    areas = deficit.shape[1]
    limits, caps = _by_case(limits_mw, 1, (areas, areas), "limits_mw"), _caps(import_cap_mw, 1, areas)
    _check(deficit.T[:, None], np.ones((1, areas, 1)), limits, np.zeros((1, areas)), caps)
    # An area keeps what its deficit exceeds its cap by; the network sees the rest.
    shared, capped = np.minimum(deficit, caps[0]), deficit > caps[0]
    if import_sets is None:
        value, side = _tightest(shared, limits[0], engine)
        price = np.zeros((len(deficit), 0))
    else:
        from ._network_sets import body_of

        member, most = _capped_sets(import_sets, 1, areas, engine)
        ends = np.concatenate([np.full(areas, np.inf), most[0]])
        value, side, price = body_of(engine)(member, limits[0], ends).priced(shared)
    kept = np.where(capped, deficit - shared, 0.0).sum(axis=1)
    return TightestCuts(value + kept, side | capped, (capped & ~side).astype(np.float64), price)


def _tightest(deficit: Any, limits: Any, engine: Engine) -> tuple[Any, Any]:
    if _use_numba(engine) and len(limits) > MOST_IN_A_WORD:
        from ._network_wide import WideNetwork

        return WideNetwork(limits).tightest(deficit)
    if _use_numba(engine):
        from ._network_numba import unserved

        return unserved(deficit, (limits, np.full(len(limits), np.inf)))[:2]
    return Network(limits).tightest(deficit)
