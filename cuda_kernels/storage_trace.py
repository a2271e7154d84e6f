"""Hour by hour: what a greedy store holds and leaves unserved, and a site with backup and a store of its own.

See `storage_dispatch` for the rule.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._namespace import Array
from .headroom import Engine, _use_numba
from .storage_dispatch import _checked


class Trace(NamedTuple):
    """Result of storage_trace; both float64 (case, hour).

    unserved_mw    Need that neither the margin nor the store covers. [MW]
    charge_mwh     What the store holds at the end of the hour. [MWh]
    """

    unserved_mw: Array
    charge_mwh: Array


def storage_trace(
    margin_mw: Array, power_mw: Array, energy_mwh: Array, efficiency: Array, *, engine: Engine = "auto"
) -> Trace:
    """Greedy dispatch against a margin (case, hour), negative where power is short; arguments as in storage_scan.

    Unserved power and charge of an hour fall and rise with the margin of every hour up to it: a lower margin never
    leaves more in the store. NumPy arrays only.
    """
    margin, store = _checked(np, margin_mw, power_mw, energy_mwh, efficiency)
    if _use_numba(engine):
        from ._storage_numba import trace
    else:
        from ._storage_numpy import trace
    return Trace(*trace(margin, *store))


class Backup(NamedTuple):
    """Generators that help before the store: mw (case,) in the hours (case, hour) that are permitted. [MW]"""

    mw: Array
    permitted: Array


def site_unserved_mw(
    margin_mw: Array, load_mw: Array, backup: Backup, store: tuple[Array, Array, Array], *, engine: Engine = "auto"
) -> Array:
    """What a constant load (case,) lacks hour by hour (case, hour) behind a margin, backup and a store. [MW]

    margin_mw : float64 (case, hour), finite; backup runs only as far as the margin is short of the load, and the store,
    (power, energy, efficiency) as in storage_scan, charges from what the margin has left. Other than elsewhere in this
    package the values are not looked through, since a search calls this again and again with the same ones.
    """
    if _use_numba(engine):
        from ._storage_numba import site
    else:
        from ._storage_numpy import site
    return site(margin_mw, load_mw, (backup.mw, backup.permitted), store)
