"""What demand grows by: cars, heat, cooling, industry and the rest, each with hours of its own.

How much demand other than data centres grows stays with `nondatacenter_growth_*`; the components say how the growth
divides. `component_share` of it divides so, the rest grows in the shape of today's load; at zero no bit changes. See
docs/projection.md, Demand by component.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from capacity.winter import by_hour, monthly_temperature_c
from grids.tables import read_table

if TYPE_CHECKING:
    import xarray as xr

    from capacity.demand import DemandPath
    from capacity.draws import CentralPath, Draws
    from capacity.supply.fleet import Fleet

Floats = NDArray[np.float64]
Hours = NDArray[np.bool_]

COMPONENTS = ("vehicles", "heat", "cooling", "industry")
"""Components with a share of the growth of their own, `added_share_<component>`; the rest grows as today's load."""
HOURLY = COMPONENTS[:3]
"""Those with a profile of their own; industry is flat."""
CALM_QUANTILE = 0.2
"""Quantile over the days of a year of the load at an hour of the day that is taken to be without heat and cooling;
label J: the middle of the four or so months that are neither cold nor hot."""
MILD_C = 16.0
"""Normal temperature of the day above which what exceeds the calm load is cooling, and below which it is heat; label J,
between the common bases of heating (15) and cooling degree days (18)."""


class Added(NamedTuple):
    """Mean load that the components with hours of their own have added since the base year; all (draw, year). [MW]"""

    vehicles_mw: Floats
    heat_mw: Floats
    cooling_mw: Floats


def divide(mean_mw: float, path: DemandPath, shares: Floats | None) -> tuple[Floats, Added | None]:
    """How an area's growth divides: load that is alike in all hours, and what has hours of its own; (draw, year). [MW]

    mean_mw : mean load of the area in the base year, data centres included
    shares : (draw, component) of the growth, as in COMPONENTS; None where all of it grows as today's load

    What falls, falls in the shape of today's load. That shape holds data centres, which do not grow: the flat part is
    short of what growth by that shape would give them, so it may be negative.
    """
    frozen = path.frozen[:, None]
    rest = mean_mw * (1.0 - frozen) * (path.energy_ratio - 1.0)
    if shares is None:
        return -rest * frozen / (1.0 - frozen), None
    taken = np.maximum(rest, 0.0)[:, :, None] * shares[:, None, :]
    rest = rest - taken.sum(axis=-1)
    flat = taken[..., COMPONENTS.index("industry")] - rest * frozen / (1.0 - frozen)
    return flat, Added(*(taken[..., COMPONENTS.index(name)] for name in HOURLY))


def added_shares(grid: xr.Dataset, fleet: Fleet, draws: Draws | CentralPath) -> Floats | None:
    """Share (draw, area, component) of the growth of each area, together at most 1; None where components are off.

    The parameters are shares of the country's growth. Heat and cooling come where they are today: an area's share is
    to the country's as what they take of its load is to what they take of the country's.
    """
    on = draws.scalar(f"{fleet.prefix}.component_share")
    if not on.any():
        return None
    national = np.stack([draws.scalar(f"{fleet.prefix}.added_share_{name}") for name in COMPONENTS], axis=1)
    load = grid["annual_load_mwh"].sel(area=list(fleet.areas)).to_numpy()[:, -1]
    today = np.array([weather_share(grid, area) for area in fleet.areas])
    mean = load @ today / load.sum()
    relative = np.ones((len(fleet.areas), len(COMPONENTS)))
    relative[:, 1:3] = np.divide(today, mean, out=np.zeros_like(today), where=mean > 0.0)
    shares = national[:, None, :] * relative
    return on[:, None, None] * shares / np.maximum(shares.sum(axis=2, keepdims=True), 1.0)


def peak_ratio(path: DemandPath, fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Growth (draw, year) of the peak-to-mean ratio of the load shape since the base year. [1]

    That of `path` as far as growth does not divide, else what the hours of the components miss; in logs.
    """
    on = draws.scalar(f"{fleet.prefix}.component_share")[:, None]
    if not on.any():
        return path.peak_ratio
    missed = 1.0 + draws.scalar(f"{fleet.prefix}.component_peak_error")[:, None]
    return np.asarray(path.peak_ratio ** (1.0 - on) * missed ** (on * (draws.years - fleet.base_year)))


def weather_share(grid: xr.Dataset, area: str) -> Floats:
    """What heat and cooling (2,) take of an area's load today, mean over its weather years. [1]"""
    rows = np.flatnonzero(grid["profile_area"].to_numpy() == area)
    loads, years = grid["load_shape"].to_numpy()[rows], grid["weather_year"].to_numpy()[rows]
    warm, offset = warm_hours(monthly_temperature_c(grid, area)), utc_offset(grid, area)
    parts = [weather_load(load, warm, int(year), offset) for load, year in zip(loads, years, strict=True)]
    return np.asarray(np.mean(parts, axis=(0, 2)))


def shapes(load_shape: Floats, warm: Hours, weather_year: int, offset: int) -> Floats:
    """Hourly shapes (3, 8760) of the components with hours of their own over their means, as in HOURLY, in UTC. [1]

    load_shape : (8760,) load over its mean; warm : (8760,) as from `warm_hours`
    offset : of the local clock's standard time from UTC. [h]
    """
    weekend = at_weekend(weather_year)
    charging = np.where(weekend[:, None], *charging_by_hour()[::-1]).ravel()
    parts = np.stack([np.roll(charging, -offset), *weather_load(load_shape, warm, weather_year, offset)])
    mean = parts.mean(axis=1, keepdims=True)
    return np.divide(parts, mean, out=np.ones_like(parts), where=mean > 0.0)


def warm_hours(temperature_c: Floats) -> Hours:
    """Whether each hour (8760,) is in the warm part of the year, from normal temperatures of the months (12,)."""
    return np.asarray(by_hour(temperature_c) >= MILD_C)


def weather_load(load_shape: Floats, warm: Hours, weather_year: int, offset: int) -> Floats:
    """What heat and cooling take (2, 8760) of a load (8760,), in its unit and hours.

    It is what exceeds the calm load of the same hour of the day, on working days or at weekends, in the cold and the
    warm part of the year: the hot and cold spells of the weather year are in it, and so is all else that comes with
    the season, such as light. Cold and warm go by the normal temperature, which no spell moves.
    """
    days = np.roll(load_shape, offset).reshape(365, 24)
    weekend = at_weekend(weather_year)
    calm = np.where(weekend[:, None], *(_calm(days[kind]) for kind in (weekend, ~weekend)))
    excess = np.roll(np.maximum(days - calm, 0.0).ravel(), -offset)
    return np.stack([np.where(warm, 0.0, excess), np.where(warm, excess, 0.0)])


def _calm(days: Floats) -> Floats:
    """Load without heat and cooling (hour,) from days of one kind (day, hour)."""
    place = round(CALM_QUANTILE * (len(days) - 1))
    return np.asarray(np.partition(days, place, axis=0)[place])


@cache
def at_weekend(year: int) -> Hours:
    """Whether each day (365,) of a year without its 29 February is a Saturday or Sunday."""
    days = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[D]")
    days = days[days != np.datetime64(f"{year}-02-28") + 1] if len(days) == 366 else days
    # Day 0 of the calendar, 1 January 1970, was a Thursday.
    return np.asarray((days.astype(np.int64) + 3) % 7 >= 5)


@cache
def charging_by_hour() -> tuple[Floats, Floats]:
    """Charging by hour of the local day (24,), on working days and at weekends, over the mean of the day. [1]"""
    found = read_table("charging.yaml", "capacity")
    days = (np.array(found["share_of_day"][kind], dtype=np.float64) for kind in ("working_day", "weekend"))
    working, weekend = (day / day.mean() for day in days)
    return working, weekend


def utc_offset(grid: xr.Dataset, area: str) -> int:
    """Hours that an area's clock is ahead of UTC in January.

    The same all year: an hour of summer time is within the doubt about shapes.
    """
    here = list(grid["area"].to_numpy()).index(area)
    offset = ZoneInfo(str(grid["area_timezone"].to_numpy()[here])).utcoffset(datetime(2025, 1, 15))
    assert offset is not None
    return round(offset.total_seconds() / 3600)


def peak_hours(load_shape: Floats, own: Sequence[tuple[float, Floats]]) -> list[int]:
    """A few hours of which one has the highest load.

    own : of each part with hours of its own, the highest ratio to what follows the load shape, and its hours (hour,);
        the ratio may be anything from nil to that
    """
    reach = load_shape + sum(ratio * hours for ratio, hours in own)
    left = np.argsort(-reach, kind="stable")
    kept: list[int] = []
    while left.size:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        # How far the first is above each other hour at the least; a hair is left, so that rounding decides nothing.
        above = load_shape[first] - load_shape[left]
        for ratio, hours in own:
            above = above + ratio * np.minimum(hours[first] - hours[left], 0.0)
        left = left[above <= 1e-9]
    return kept
