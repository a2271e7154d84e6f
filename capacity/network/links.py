"""Which areas of a country exchange power, how much at most, and how that grows. See docs/network.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import pace
from capacity.draws import CentralPath, Draws
from capacity.network import planned_lines
from capacity.network.hours import Group
from capacity.supply.fleet import Fleet

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """Transfer limits [MW] (area, area) from, to, lower and higher figure, and the groups they join."""

    low_mw: Floats
    high_mw: Floats
    groups: tuple[Group, ...]

    def limits(self, position: Floats, growth: Floats) -> Floats:
        """Limits (draw, year, area, area) at a position (draw, year) between the figures, times growth. [MW]"""
        between = self.low_mw + position[..., None, None] * (self.high_mw - self.low_mw)
        return between * growth[..., None, None]


def links(grid: xr.Dataset, fleet: Fleet) -> Links:
    """The links inside a country. US links across interconnections (DC ties of at most 820 MW) are left out."""
    number = {area: i for i, area in enumerate(fleet.areas)}
    joint = grid["area_interconnection"].sel(area=list(fleet.areas)).to_numpy().astype(str)
    limits = np.zeros((2, len(number), len(number)))
    ends = zip(grid["link_from"].to_numpy(), grid["link_to"].to_numpy(), strict=True)
    figures = np.stack([grid["link_limit_low_mw"].to_numpy(), grid["link_limit_high_mw"].to_numpy()])
    for at, (start, end) in enumerate(ends):
        if start in number and end in number:
            i, j = number[start], number[end]
            if fleet.country != "US" or joint[i] == joint[j]:
                limits[:, i, j] = figures[:, at]
    from scipy.sparse.csgraph import connected_components  # takes a while to load

    count, member = connected_components(limits[1] > 0.0, directed=False)
    groups = []
    for g in range(count):
        areas = np.flatnonzero(member == g)
        inside = sorted(set(joint[areas]))
        groups.append(Group(inside[0] if len(inside) == 1 else fleet.country.lower(), areas))
    return Links(limits[0], limits[1], tuple(groups))


def limits_of(known: Links, fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Limits (draw, year, area, area): those on record and their growth, or planned lines where these are more. [MW]"""
    position, rate, share, delay = (
        draws.parameter(f"{fleet.prefix}.transfer_{name}")
        for name in ("limit_position", "growth", "planned_share", "planned_delay_years")
    )
    if fleet.country == "US":
        sets, spread = (draws.parameter(f"us.transfer_{name}") for name in ("rule_sets", "consent_spread"))
        rate = rate / pace.slowest(sets, spread)
    grown = known.limits(position, compounded(rate, draws.years - fleet.base_year))
    today = known.limits(position, np.ones(position.shape))
    return np.maximum(grown, today + planned_lines.added_mw(fleet.areas, draws.years, fleet.base_year, delay, share))


def compounded(rate: Floats, elapsed: Integers) -> Floats:
    """Growth (draw, year) since the base year at yearly rates (draw, year), `elapsed` (year,) years after it. [1]"""
    if (rate == rate[:, :1]).all():
        return np.asarray((1.0 + rate) ** elapsed[None, :])
    steps = np.diff(elapsed, prepend=0)
    return np.asarray(np.cumprod((1.0 + rate) ** steps[None, :], axis=1))
