"""Transformers and switchgear, for which new plants and new large loads compete. See docs/projection.md, Equipment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity import deployment
from capacity.draws import CentralPath, Draws
from capacity.supply.fleet import Fleet

Floats = NDArray[np.float64]


class Equipment:
    """What a country can connect in a year, plants and loads together, handed out pro rata; year by year.

    limit_mw : (draw, year)  Plants, and loads at their weight, that can be connected; without limit up to 2025. [MW]
    weight : (draw,)         MW of plants that need as much equipment as one MW of load.
    """

    def __init__(self, fleet: Fleet, draws: Draws | CentralPath) -> None:
        pre = fleet.prefix
        ahead = (draws.years - deployment.START - 1)[None, :]
        growth = 1.0 + draws.scalar(f"{pre}.equipment_growth")[:, None]
        limit = draws.parameter(f"{pre}.equipment_shared_gw") * deployment.GW * growth ** np.maximum(ahead, 0)
        self.limit_mw: Floats = np.where(ahead < 0, np.inf, limit)
        self.weight = draws.scalar("equipment_load_weight")
        # One place for the whole country: what the queue lets through, wherever it is.
        one = np.ones((len(draws), 1, len(draws.years)))
        self._queue = deployment.energised(fleet.country, (pre,), one, one[:, 0], draws)[0][:, 0]
        self._most = deployment.equipment_mw(fleet.country, draws)
        self._connected = np.zeros(len(draws))

    def share(self, y: int, plants_mw: Floats) -> Floats:
        """Part (draw,) in [0, 1] of what plants (draw,) and loads want in year number y that gets its equipment."""
        load = np.minimum(np.maximum(self._queue[:, y] - self._connected, 0.0), self._most[:, y])
        need = plants_mw + self.weight * load
        limit = self.limit_mw[:, y]
        part = np.divide(limit, need, out=np.ones_like(need), where=need > limit)
        self._connected = self._connected + part * load
        return part
