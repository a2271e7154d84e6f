"""Shapes that follow from a schedule: hydro within its monthly energy, and the area's interchange.

Both are scheduled against the central path of a scenario, not against each draw: water and firm
interchange are planned before the weather and the fleet of a draw are known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cuda_kernels import Engine
from cuda_kernels.water_level import water_level
from grids.hours import DAYS_IN_MONTH

Floats = NDArray[np.float64]

HOURS_OF_MONTH = DAYS_IN_MONTH * 24
MONTH_STARTS = np.concatenate([[0], np.cumsum(HOURS_OF_MONTH)[:-1]])


def hydro_schedule(
    net_load_mw: Floats, energy_share: Floats, floor_share: float, ceiling: float, engine: Engine = "auto"
) -> Floats:
    """Hourly hydro output over nameplate that shaves the highest net load within each month's energy.

    net_load_mw : (year, 8760)  Load minus wind and solar, in units of hydro nameplate or MW per MW. [MW/MW]
    energy_share : (12,)        Mean output over nameplate of each month. [1]
    floor_share : float         Must-run share of each month's mean output. [1]
    ceiling : float             Highest output over nameplate. [1]
    engine : of the search for the level; changes no bit

    Returns (year, 8760) in [0, ceiling]; each month's mean equals min(energy_share, ceiling). The level above which
    hydro serves is found by bisection and the remainder closed exactly, so that energy is conserved.
    """
    mean = np.minimum(energy_share, ceiling)
    target = mean * HOURS_OF_MONTH
    level = water_level(net_load_mw, MONTH_STARTS, floor_share * mean, ceiling, target, engine=engine)
    low = np.repeat(floor_share * mean, HOURS_OF_MONTH)
    served = net_load_mw - _hourly(level)
    np.clip(served, low, ceiling, out=served)
    return _close(served, target, low, ceiling)


def _close(served: Floats, target: Floats, low: Floats, ceiling: float) -> Floats:
    """Spread the last rounding of the level search over the room that is left, up or down."""
    missing = target - _by_month(np.add, served)
    room = np.where(_hourly(missing) >= 0, ceiling - served, served - low)
    total = _by_month(np.add, room)
    share = np.divide(missing, total, out=np.zeros_like(missing), where=total > 0)
    room *= _hourly(np.clip(share, -1.0, 1.0))
    served += room
    return served


def _by_month(ufunc: np.ufunc, hourly: Floats) -> Floats:
    return np.asarray(ufunc.reduceat(hourly, MONTH_STARTS, axis=-1))


def _hourly(monthly: Floats) -> Floats:
    return np.repeat(monthly, HOURS_OF_MONTH, axis=-1)


def export_shape(surplus_mw: Floats, export_mwh: float) -> Floats:
    """Hourly export (..., hour) that is sent out of surplus hours only, in proportion to the surplus. [MW]

    surplus_mw : (..., hour)  Available minus native load; negative in shortage.
    export_mwh : float        Energy to send out in the year, >= 0.

    An area never exports out of its own shortage: where the year's surplus is smaller than the export, the
    export shrinks to the surplus.
    """
    surplus = np.clip(surplus_mw, 0.0, None)
    total = surplus.sum(axis=-1, keepdims=True)
    share = np.divide(export_mwh, total, out=np.zeros_like(total), where=total > 0)
    return surplus * np.minimum(share, 1.0)


def interchange(load_shape: Floats, surplus_mw: Floats, net_export_mwh: float) -> Floats:
    """Hourly net export (..., hour), positive out. [MW]

    Importers receive their energy shaped to their load; exporters send theirs out of surplus hours.
    """
    if net_export_mwh <= 0.0:
        hours = load_shape.shape[-1]
        return np.broadcast_to(net_export_mwh / hours * load_shape, surplus_mw.shape).copy()
    return export_shape(surplus_mw, net_export_mwh)
