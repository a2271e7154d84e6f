"""Hourly wind and solar capacity factors of every profile, at each area's own published level."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.areas import AREAS
from grids.build import monotone, us_vre, vre_months, vre_sites
from grids.build.us_vre import Table
from grids.build.vre_levels import Levels
from grids.build.vre_sites import Place
from grids.sources import china_era5, conus_era5
from grids.sources.hourly import whole_year
from grids.variables import attrs_for

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]

US_WEATHER_YEARS: Final = (2020, 2021, 2022, 2023, 2024)
CN_WEATHER_YEAR: Final = 2020
PAIRED_YEAR: Final = {2020: 2020, 2021: 2016, 2022: 2017, 2023: 2018, 2024: 2019}
"""Load year to wind and solar year, by hour of the year, where no series covers the load year. [J]"""
COINCIDENT: Final = {("us.ercot", 2021): 2021, ("us.ercot", 2022): 2022}
"""Areas whose observed wind and solar both cover the load year."""
CHINA_OFFSHORE_MEAN: Final = 0.315
CHINA_OFFSHORE_POWER: Final = 0.15
CHINA_OFFSHORE_RANGE: Final = (0.30, 0.33)
"""Where a province has no offshore level of its own: about 2,600-2,900 h, differing as ERA5 does to this power. [J]"""

SOURCES: Final = {
    "wind_capacity_factor": "iso-observed carnegie-era5 srex-merra2 merra2-cf pypsa-china-thu-era5 powergenome-reeds "
    "reeds-shapes eia-state crea-china",
    "offshore_wind_capacity_factor": "pypsa-china-thu-era5 merra2-cf iso-observed carnegie-era5 crea-china",
    "solar_capacity_factor": "iso-observed narr-solar carnegie-era5 pypsa-china-thu-era5 ncep-normals "
    "powergenome-reeds reeds-shapes eia-state crea-china",
    "vre_year": "iso-observed carnegie-era5 pypsa-china-thu-era5",
    "wind_record": "iso-observed carnegie-era5 srex-merra2 pypsa-china-thu-era5",
    "solar_record": "iso-observed narr-solar carnegie-era5 pypsa-china-thu-era5",
}
METHODS: Final = {
    "wind_capacity_factor": "Observed where an operator publishes it, else a blend of stations by distance; China ERA5 "
    "2020 with the distribution of fleets. Moved by monotone maps to the area's published annual level, in China also "
    "to its published monthly levels of 2020; months of US areas are observed, or those of their climate.",
    "offshore_wind_capacity_factor": "China ERA5 2020; US part of the onshore anomaly with the distribution of the "
    "Chinese series at the level of the MERRA-2 map.",
    "solar_capacity_factor": "Observed where an operator publishes it, else clear-sky output (pvlib) times clouds with "
    "months from NARR; China ERA5 2020. Moved by monotone maps to the area's published annual level, in China also to "
    "its published monthly levels of 2020.",
    "vre_year": "2020 with 2020; ERCOT 2021 and 2022 with themselves; else load years 2021-2024 with wind and solar of "
    "2016-2019, by hour of the year.",
    "wind_record": "Written by the build, per profile.",
    "solar_record": "Written by the build, per profile.",
}


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
    places = vre_sites.us_places(zones, "wind") | china_places
    levels = Levels(generation["annual_capacity_factor"].load(), places, {"wind": _map_wind(originals, places)})
    sea = us_vre.offshore_levels(originals) | _china_offshore_levels(china["offshore_wind"], levels)
    fleet = np.mean([wind.stations[name].quantiles for name in us_vre.OPERATORS], axis=0)
    rows = [_profile(area, weather, series, levels, sea, fleet) for area, weather in profiles()]
    return _dataset(_at_published_months(originals, rows))


def _at_published_months(originals: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The Chinese rows with the months of their weather year as published, at the means they have."""
    published = vre_months.published(originals, CN_WEATHER_YEAR)
    for row in rows:
        for tech in ("wind", "solar"):
            wanted = published.get((str(row["id"]).split("/")[0], tech))
            if wanted is not None:
                row[tech], words = vre_months.meet(row[tech], wanted, float(row[tech].mean()))
                record, *sea = str(row[f"{tech}_record"]).split(". Offshore")
                row[f"{tech}_record"] = ". Offshore".join([f"{record}; {words} (hours of use {CN_WEATHER_YEAR})", *sea])
    return rows


def _map_wind(originals: Path, places: dict[str, Place]) -> dict[str, float]:
    """MERRA-2 wind factor at the middle of each area's fleet: good for ratios only. [1]"""
    chart = conus_era5.read_annual_wind_map(originals)
    return {area: float(chart.sel(lat=lat, lon=lon, method="nearest")) for area, (lat, lon) in places.items()}


def _china(frame: pd.DataFrame, tech: str) -> Table:
    shift = frame.attrs["clock_shift_hours"]
    table: Table = {}
    for area in frame.columns:
        words = f"modelled {china_era5.YEAR}: ERA5 provincial mean (atlite), labels moved {shift[area]:+d} h to UTC"
        table[str(area), china_era5.YEAR] = whole_year(frame[area], china_era5.YEAR), words
    return table


def _china_offshore_levels(frame: pd.DataFrame, levels: Levels) -> dict[str, float]:
    """Level of each coastal province: its own published one, else its ERA5 mean drawn in to the usual range. [1]"""
    mean = frame.mean()
    usual = (CHINA_OFFSHORE_MEAN * (mean / mean.mean()) ** CHINA_OFFSHORE_POWER).clip(*CHINA_OFFSHORE_RANGE)
    out: dict[str, float] = {}
    for area, value in usual.items():
        own = levels.recent(str(area), "offshore_wind")
        out[str(area)] = float(value) if own is None else own
    return out


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
        variables[name] = xr.DataArray(
            data, dims=dims, attrs=attrs_for(name) | {"source": SOURCES[name], "method": METHODS[name]}
        )
    coords = {"profile": [row["id"] for row in rows], "hour": np.arange(8760)}
    return xr.Dataset(variables, coords=coords)
