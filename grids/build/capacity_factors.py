"""Hourly wind and solar capacity factors of every profile, at each area's own published level."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.areas import AREAS
from grids.build import monotone, us_vre, vre_sites
from grids.build.us_vre import Table
from grids.build.vre_sites import Place
from grids.sources import china_era5
from grids.sources.hourly import year_values
from grids.variables import GridDataError

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]

US_WEATHER_YEARS: Final = (2020, 2021, 2022, 2023, 2024)
CN_WEATHER_YEAR: Final = 2020
PAIRED_YEAR: Final = {2020: 2020, 2021: 2016, 2022: 2017, 2023: 2018, 2024: 2019}
"""Load year to wind and solar year, by hour of the year, where no series covers the load year. [J]"""
COINCIDENT: Final = {("us.ercot", 2021): 2021, ("us.ercot", 2022): 2022}
"""Areas whose observed wind and solar both cover the load year."""
RECENT: Final = slice(2018, 2023)
"""Years whose mean stands where the year itself has no figure, and for China, where one weather year serves all. [J]"""
PLAUSIBLE: Final = (0.75, 1.33)
"""A year's published factor outside this multiple of the usual one (a fleet growing from little) gives way to it. [J]"""
FEWEST_YEARS: Final = 2
"""One odd year (Tibet's first wind farm, 0.39) is no level. [J]"""
SMALLEST_FACTOR: Final = 0.02
NEIGHBOURS: Final = 3
CHINA_OFFSHORE_MEAN: Final = 0.315
CHINA_OFFSHORE_POWER: Final = 0.15
CHINA_OFFSHORE_RANGE: Final = (0.30, 0.33)
"""Offshore utilisation of about 2,600-2,900 h; provinces differ as ERA5 does, to a power that keeps the range. [J]"""

ATTRS: Final[dict[str, dict[str, str]]] = {
    "wind_capacity_factor": {
        "units": "1",
        "label": "P",
        "source": "iso-observed carnegie-era5 srex-merra2 pypsa-china-thu-era5",
        "method": "Observed where an operator publishes it, else a blend of stations by distance; China ERA5 2020. Each "
        "series is moved by a monotone map to the area's published annual level; wind_record says which.",
    },
    "offshore_wind_capacity_factor": {
        "units": "1",
        "label": "P",
        "source": "pypsa-china-thu-era5 carnegie-era5 iso-observed",
        "method": "China ERA5 2020; US part of the onshore anomaly with the distribution of the Chinese offshore series "
        "at the level of the MERRA-2 map. NaN: no offshore wind resource on record.",
    },
    "solar_capacity_factor": {
        "units": "1",
        "label": "P",
        "source": "iso-observed narr-solar carnegie-era5 pypsa-china-thu-era5 ncep-normals",
        "method": "Observed where an operator publishes it, else clear-sky output (pvlib) times clouds with months from "
        "NARR; China ERA5 2020. Moved by a monotone map to the area's published annual level.",
    },
    "vre_year": {
        "units": "year",
        "label": "J",
        "source": "iso-observed carnegie-era5 pypsa-china-thu-era5",
        "method": "2020 with 2020; ERCOT 2021 and 2022 with themselves; else 2021-2024 with 2016-2019 by hour of the year.",
    },
    "wind_record": {
        "units": "",
        "label": "F",
        "source": "iso-observed",
        "method": "Written by the build, per profile.",
    },
    "solar_record": {
        "units": "",
        "label": "F",
        "source": "iso-observed",
        "method": "Written by the build, per profile.",
    },
}


@dataclass(frozen=True)
class Levels:
    """Published annual factors, and where each area's plants stand."""

    published: xr.DataArray
    places: dict[str, Place]

    def target(self, area: str, tech: str, year: int | None) -> tuple[float, str]:
        """Mean to meet and its words: the year, else the recent mean, else the mean of the nearest areas."""
        recent = self._recent(area, tech)
        if recent is None:
            return self._neighbours(area, tech)
        if year is not None and year in self.published["history_year"]:
            value = float(self.published.sel(area=area, technology=tech, history_year=year))
            if np.isfinite(value) and PLAUSIBLE[0] <= value / recent <= PLAUSIBLE[1]:
                return value, f"published level of {year}"
        return recent, f"mean published level {RECENT.start}-{RECENT.stop}"

    def _recent(self, area: str, tech: str) -> float | None:
        values = self.published.sel(area=area, technology=tech, history_year=RECENT).to_numpy()
        # Years without a figure are masked by rule in annual_capacity_factor; the median resists odd years.
        known = values[np.isfinite(values) & (values > SMALLEST_FACTOR)]
        if known.size < FEWEST_YEARS:
            return None
        middle = float(np.median(known))
        return float(known[(known > PLAUSIBLE[0] * middle) & (known < PLAUSIBLE[1] * middle)].mean())

    def _neighbours(self, area: str, tech: str) -> tuple[float, str]:
        country = area.split(".")[0]
        known = {
            other: level
            for other in self.places
            if other.startswith(country) and (level := self._recent(other, tech)) is not None
        }
        if not known:
            raise GridDataError(f"no published {tech} factor in any area of {country}: nothing to take for {area}")
        nearest = sorted(known, key=lambda other: vre_sites.distance_km(self.places[area], self.places[other]))[
            :NEIGHBOURS
        ]
        return float(np.mean([known[n] for n in nearest])), f"no published level, mean of {', '.join(nearest)}"


def profiles() -> list[tuple[str, int]]:
    """(area, weather year) of every profile, in the order of the grid file."""
    years = {"US": US_WEATHER_YEARS, "CN": (CN_WEATHER_YEAR,)}
    return [(area.id, year) for area in AREAS for year in years[area.country]]


def vre_year(area: str, weather_year: int) -> int:
    """Calendar year of the wind and solar series paired with a load year."""
    return COINCIDENT.get((area, weather_year), PAIRED_YEAR[weather_year])


def build(originals: Path, generation: xr.Dataset) -> xr.Dataset:
    """Hourly factors and their records on the 121 profiles.

    originals : Path              Folder of the public originals.
    generation : Dataset          Holds ``annual_capacity_factor`` (area, technology, history_year) [1].
    Returns Dataset on (profile, hour): ``wind_capacity_factor``, ``offshore_wind_capacity_factor`` (NaN where the area
    has no sea), ``solar_capacity_factor`` within 0-1; on (profile): ``vre_year``, ``wind_record``, ``solar_record``.
    Raises GridDataError when a source fails its checks or a level cannot be met.
    """
    zones = vre_sites.us_zones(originals)
    china_places = vre_sites.china_places(originals)
    china = china_era5.read(originals, china_places)
    wind = us_vre.wind(originals, zones)
    sea_quantiles = np.quantile(china["offshore_wind"].to_numpy(), np.linspace(0.0, 1.0, 1001))
    series = {
        "wind": wind.table,
        "offshore_wind": us_vre.offshore(wind, sea_quantiles),
        "solar": us_vre.solar(originals, zones),
    }
    for tech, frame in china.items():
        series[tech] = series[tech] | _china(frame, tech)
    levels = Levels(generation["annual_capacity_factor"].load(), vre_sites.us_places(zones, "wind") | china_places)
    sea = us_vre.offshore_levels(originals) | _china_offshore_levels(china["offshore_wind"])
    fleet = np.mean([wind.stations[name].quantiles for name in us_vre.OPERATORS], axis=0)
    return _dataset([_profile(area, weather, series, levels, sea, fleet) for area, weather in profiles()])


def _china(frame: pd.DataFrame, tech: str) -> Table:
    shift = frame.attrs["clock_shift_hours"]
    table: Table = {}
    for area in frame.columns:
        words = f"modelled {china_era5.YEAR}: ERA5 provincial mean (atlite), labels moved {shift[area]:+d} h to UTC"
        table[str(area), china_era5.YEAR] = year_values(frame[area], china_era5.YEAR), words
    return table


def _china_offshore_levels(frame: pd.DataFrame) -> dict[str, float]:
    """Level of each coastal province, its ERA5 mean relative to all, drawn in to the published range. [1]"""
    mean = frame.mean()
    level = CHINA_OFFSHORE_MEAN * (mean / mean.mean()) ** CHINA_OFFSHORE_POWER
    return {str(area): float(value) for area, value in level.clip(*CHINA_OFFSHORE_RANGE).items()}


def _profile(
    area: str, weather: int, series: dict[str, Table], levels: Levels, sea: dict[str, float], fleet: Floats
) -> dict[str, Any]:
    """One profile: its three series at their levels, with the words of its records."""
    year = vre_year(area, weather)
    own = year if area.startswith("us.") else None
    row: dict[str, Any] = {"id": f"{area}/{weather}", "vre_year": year, "offshore_wind": np.full(8760, np.nan)}
    for tech in ("wind", "solar"):
        hours, words = series[tech][area, year]
        mean, source = levels.target(area, tech, own)
        if tech == "wind" and own is None:
            hours, mapped = monotone.toward(hours, fleet, mean)
            words += mapped
        row[tech], how = monotone.to_mean(hours, mean)
        row[f"{tech}_record"] = f"{words}; {how} to mean {mean:.3f}, {source}"
    if area in sea:
        hours, words = series["offshore_wind"][area, year]
        row["offshore_wind"], how = monotone.to_mean(hours, sea[area])
        row["wind_record"] += f". Offshore {words}; {how} to mean {sea[area]:.3f}"
    return row


def _dataset(rows: list[dict[str, Any]]) -> xr.Dataset:
    import xarray as xr

    columns = {
        "wind_capacity_factor": ("wind", ("profile", "hour")),
        "offshore_wind_capacity_factor": ("offshore_wind", ("profile", "hour")),
        "solar_capacity_factor": ("solar", ("profile", "hour")),
        "vre_year": ("vre_year", ("profile",)),
        "wind_record": ("wind_record", ("profile",)),
        "solar_record": ("solar_record", ("profile",)),
    }
    variables = {}
    for name, (key, dims) in columns.items():
        values = [row[key] for row in rows]
        data = (
            np.stack(values) if dims[-1] == "hour" else np.array(values, dtype=object if "record" in name else np.int64)
        )
        variables[name] = xr.DataArray(data, dims=dims, attrs=ATTRS[name])
    coords = {"profile": [row["id"] for row in rows], "hour": np.arange(8760)}
    return xr.Dataset(variables, coords=coords)
