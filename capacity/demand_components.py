"""Peak growth from what grows: cars, heat, industry and the rest, each with hours of its own.

How much demand grows stays with `nondatacenter_growth_*`; the components say how the growth divides, and so how its
peak grows. Off unless `component_peak_share` is above zero; off, it changes no bit. See docs/projection.md, Demand by
component.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from capacity.winter import heating_shape, monthly_temperature_c
from grids.hours import local_hour

if TYPE_CHECKING:
    import xarray as xr

    from capacity.demand import DemandPath
    from capacity.draws import CentralPath, Draws
    from capacity.fleet import Fleet

Floats = NDArray[np.float64]

COMPONENTS = ("base", "vehicles", "heat", "industry")
ADDED = COMPONENTS[1:]
"""Components with a share of the growth of their own, `added_share_<component>`; the base takes the rest."""
CHARGING = (
    *(1.2, 1.1, 0.9, 0.7, 0.6, 0.5, 0.5, 0.6, 0.8, 0.9, 0.9, 0.9),
    *(0.9, 0.9, 0.9, 1.0, 1.1, 1.3, 1.5, 1.6, 1.5, 1.4, 1.3, 1.2),
)
"""Charging by hour of the local day, over its mean. Label J: mostly at home from the evening on, some of it put off
into the night, a third at work and on the road; no measured profile by area was at hand."""


def peak_ratio(grid: xr.Dataset, fleet: Fleet, a: int, path: DemandPath, draws: Draws | CentralPath) -> Floats:
    """Growth (draw, year) of the peak-to-mean ratio of area number a since the base year. [1]

    That of `path`, or as far as `component_peak_share` says, in logs, that of the components.
    """
    follows = draws.scalar(f"{fleet.prefix}.component_peak_share")[:, None]
    if not follows.any():
        return path.peak_ratio
    shares = added_shares(fleet, draws)
    own = component_peak_ratio(shapes(grid, fleet.areas[a]), shares, path.energy_ratio)
    return np.asarray(path.peak_ratio ** (1.0 - follows) * own**follows)


def added_shares(fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Share (draw, component) of the growth in energy, components as in ADDED; together at most 1."""
    shares = np.stack([draws.scalar(f"{fleet.prefix}.added_share_{name}") for name in ADDED], axis=1)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0)


def component_peak_ratio(by_component: Floats, shares: Floats, energy_ratio: Floats) -> Floats:
    """Growth (draw, year) of the peak-to-mean ratio where growth divides into components.

    by_component : (component, hour) shapes over their mean, in the order of COMPONENTS, the base first
    shares : (draw, component)  Of the growth, in the order of ADDED.
    energy_ratio : (draw, year) Energy over that of the base year; where it falls, the base falls. [1]

    Load = (energy - added) x base shape + sum of added x own shape, over its mean.
    """
    added = np.maximum(energy_ratio - 1.0, 0.0)[:, :, None] * shares[:, None, :]
    base = energy_ratio - added.sum(axis=-1)
    # Every weight is positive, so the highest hour is one that no other hour beats in all shapes.
    some = by_component[:, unbeaten(by_component)]
    highest = np.full(energy_ratio.shape, -np.inf)
    for hour in range(some.shape[1]):
        highest = np.maximum(highest, base * some[0, hour] + added @ some[1:, hour])
    return np.asarray(highest / energy_ratio / float(by_component[0].max()))


def unbeaten(by_component: Floats) -> NDArray[np.int64]:
    """Hours, ascending, that no other hour equals or beats in every shape."""
    unlike = np.unique(by_component, axis=1, return_index=True)[1]
    order = unlike[np.argsort(-by_component[:, unlike].sum(axis=0), kind="stable")]
    kept: list[int] = []
    for hour in order:
        # An hour that is beaten is beaten by one with a larger sum, which comes first.
        if not (by_component[:, kept] >= by_component[:, [hour]]).all(axis=0).any():
            kept.append(int(hour))
    return np.sort(np.array(kept, dtype=np.int64))


def shapes(grid: xr.Dataset, area: str) -> Floats:
    """Hourly shapes (component, 8760) of an area over their means, in UTC; the base in the weather year with its peak.

    Heat follows degrees below 15 degC of the month, which knows no cold spell; industry is flat.
    """
    rows = np.flatnonzero(grid["profile_area"].to_numpy() == area)
    loads = grid["load_shape"].to_numpy()[rows]
    base = loads[int(np.argmax(loads.max(axis=1)))]
    zone = ZoneInfo(str(grid["area_timezone"].sel(area=area).item()))
    # Standard time of January, all year: cars are charged by the clock, an hour of summer time is within the doubt.
    offset = zone.utcoffset(datetime(2025, 1, 15))
    assert offset is not None
    charging = np.array(CHARGING)[local_hour(round(offset.total_seconds() / 3600))]
    heat = heating_shape(monthly_temperature_c(grid, area))
    return np.stack([base, charging / charging.mean(), heat, np.ones_like(base)])
