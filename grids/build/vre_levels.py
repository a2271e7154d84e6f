"""The mean that each hourly series has to meet: the area's own published annual factor where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from grids.build.vre_sites import Place, distance_km
from grids.variables import GridDataError

if TYPE_CHECKING:
    import xarray as xr

RECENT: Final = slice(2018, 2023)
"""Years whose mean stands where the year itself has no figure, and for China, where one weather year serves all. [J]"""
WEATHER_SPREAD: Final = {"wind": (0.85, 1.15), "solar": (0.93, 1.07), "offshore_wind": (0.85, 1.15)}
"""How far weather moves an area's annual factor from its mean. A published year outside is an artefact of a fleet that
grew within the year, and gives way to the mean. [J]"""
ODD_YEAR: Final = (0.75, 1.33)
"""Years outside this multiple of the median of the recent years stay out of their mean. [J]"""
FEWEST_YEARS: Final = 3
"""Two years of a first wind farm (Tibet 0.34 and 0.39) are no level. [J]"""
SMALLEST_FACTOR: Final = 0.02
NEIGHBOURS: Final = 3
MAP_POWER, MAP_RANGE = 0.5, (0.7, 1.3)
"""A map of reanalysis wind is believed by half (in logarithm): it is coarse, and farms choose their sites. [J]"""


@dataclass(frozen=True)
class Levels:
    """Published annual factors, and where each area's plants stand.

    published : DataArray (area, technology, history_year) [1], NaN where there is no figure.
    places : (lat, lon) by area id.
    resource : by technology and area id, a figure whose ratio between areas says how good they are; any unit.
    """

    published: xr.DataArray
    places: dict[str, Place]
    resource: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def target(self, area: str, tech: str, year: int | None) -> tuple[float, str]:
        """Mean to meet and its words: the year, else the recent mean, else the mean of the three nearest areas.

        Where a resource map is known, the mean of the neighbours is moved by the square root of the area's ratio to
        them on the map, within 0.7-1.3.
        year : int or None  Calendar year of the series; None asks for the recent mean.
        Raises GridDataError when no area of the country has a level.
        """
        recent = self.recent(area, tech)
        if recent is None:
            return self._neighbours(area, tech)
        if year is not None and year in self.published["history_year"]:
            value = float(self.published.sel(area=area, technology=tech, history_year=year))
            low, high = WEATHER_SPREAD[tech]
            if np.isfinite(value) and low <= value / recent <= high:
                return value, f"published level of {year}"
        return recent, f"mean published level {RECENT.start}-{RECENT.stop}"

    def recent(self, area: str, tech: str) -> float | None:
        """Mean of the recent years without the odd ones; None where fewer than three are left. [1]"""
        values = self.published.sel(area=area, technology=tech, history_year=RECENT).to_numpy()
        known = values[np.isfinite(values) & (values > SMALLEST_FACTOR)]
        if known.size == 0:
            return None
        middle = float(np.median(known))
        alike = known[(known > ODD_YEAR[0] * middle) & (known < ODD_YEAR[1] * middle)]
        return float(alike.mean()) if alike.size >= FEWEST_YEARS else None

    def _neighbours(self, area: str, tech: str) -> tuple[float, str]:
        country = area.split(".")[0]
        known = {
            other: level
            for other in self.places
            if other.startswith(country) and (level := self.recent(other, tech)) is not None
        }
        if not known:
            raise GridDataError(f"no published {tech} factor in any area of {country}: nothing to take for {area}")
        nearest = sorted(known, key=lambda other: distance_km(self.places[area], self.places[other]))[:NEIGHBOURS]
        level, words = float(np.mean([known[n] for n in nearest])), f"no published level, mean of {', '.join(nearest)}"
        chart = self.resource.get(tech)
        if chart is None:
            return level, words
        ratio = chart[area] / float(np.mean([chart[n] for n in nearest]))
        factor = float(np.clip(ratio**MAP_POWER, *MAP_RANGE))
        return level * factor, f"{words} x {factor:.2f} by the MERRA-2 map"
