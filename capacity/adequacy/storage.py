"""Storage of the fleet dispatched hour by hour, in the place of a firm credit. See docs/adequacy.md, Storage.

Batteries and pumped storage of an area act as one store: it charges whenever there is surplus and discharges whenever
there is shortage, which leaves the least energy unserved without foresight (`cuda_kernels.storage_dispatch`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws

Floats = NDArray[np.float64]

StorageName = Literal["equivalent", "dispatch", "credit"]
STORAGE: tuple[StorageName, ...] = ("equivalent", "dispatch", "credit")
DEFAULT_STORAGE: StorageName = "equivalent"
"""As the firm capacity that dispatch is worth (`capacity.storage_equivalent`), dispatched each year, by its credit."""
TECHNOLOGIES = ("battery", "pumped_storage")


class Store(NamedTuple):
    """The stores of one area as one; all (draw, year), or (case,) after `at`.

    power_mw    Nameplate less forced outages, over (1 + reserve margin) like all that is firm. [MW]
    energy_mwh  Hours at that power. [MWh]
    efficiency  Round trip, weighted by power. [1]
    """

    power_mw: Floats
    energy_mwh: Floats
    efficiency: Floats

    def at(self, rows: NDArray[np.int64], y: int) -> Store:
        """Cases of some draws in one year."""
        return Store(*(np.ascontiguousarray(values[rows, y]) for values in self))


def store_of(nameplate_mw: dict[str, Floats], prefix: str, draws: Draws | CentralPath) -> Store:
    """The store of an area from its nameplate (draw, year) of TECHNOLOGIES over (1 + reserve margin). [MW]"""
    multiplier = draws.parameter(f"{prefix}.forced_outage_multiplier")
    power, energy, given = (np.zeros((len(draws), len(draws.years))) for _ in range(3))
    for name in TECHNOLOGIES:
        out = np.clip(draws.parameter(f"forced_outage_rate_{name}") * multiplier, 0.0, 1.0)
        able = nameplate_mw[name] * (1.0 - out)
        power += able
        energy += able * draws.parameter(f"{prefix}.{name}_duration_hours")
        given += able * draws.parameter(f"{name}_efficiency")
    return Store(power, energy, np.divide(given, power, out=np.ones_like(given), where=power > 0.0))
