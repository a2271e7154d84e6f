"""Hourly wind and solar series of the 18 US areas before they are moved to their levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.build import solar_model, vre_sites, wind_model
from grids.build.vre_sites import Place
from grids.sources import conus_era5, narr, us_iso
from grids.sources.hourly import whole_year

Floats = npt.NDArray[np.float64]
Series = tuple[Floats, str]
"""Hours (8760,) and the words of their record."""
Table = dict[tuple[str, int], Series]
"""By area and calendar year."""

MODEL_YEARS: Final = (2016, 2017, 2018, 2019, 2020)
OPERATORS: Final = ("ERCO", "MISO", "ISNE", "NYIS")
CLOUD_YEARS: Final = {"ISNE": range(2013, 2021), "ERCO": (2021, 2022), "SOUTHWEST": range(2010, 2021)}
"""ISO-NE before 2013 has too few plants."""
SOUTHWEST: Final = pd.DataFrame(
    [("AZ", 33.5, -112.5), ("NV", 36.0, -115.5), ("NM", 34.5, -106.5), ("CA", 35.0, -117.5), ("UT", 38.0, -111.5)],
    columns=["state", "lat", "lon"],
).assign(share=0.2)
"""Points for the best quarter of ERA5 solar cells. [J]"""
SOUTHWEST_PLACE: Final = (35.4, -112.3)
WEST_TEXAS: Final = pd.DataFrame({"state": ["TX"], "lat": [31.4], "lon": [-102.0], "share": [1.0]})
"""Where ERCOT's plants of 2021-2022 stood; the middle of its zones lies east of them. [J]"""
OBSERVED_SOLAR: Final = {"us.isone": "ISNE", "us.ercot": "ERCO"}
TRACKERS_FROM: Final = 0.5
"""Tracker share from which the hours of a day are those of ERCOT's tracking fleet, below it New England's. [J]"""
OFFSHORE_LEVEL: Final = 0.92
"""ERA5 factor at sea with losses (NREL 5 MW x 0.8855) over the MERRA-2 map off Jiangsu, Fujian and Shandong. [P]"""


@dataclass(frozen=True)
class UsWind:
    """Onshore series, and the anomalies (8760,) from which offshore ones are made."""

    table: Table
    anomalies: dict[tuple[str, int], Floats]
    stations: dict[str, wind_model.Station]


def wind(originals: Path, zones: pd.DataFrame) -> UsWind:
    """Onshore wind of every US area, 2016-2020, and of ERCOT also 2021-2022, as observed or modelled."""
    models = vre_sites.models()
    observed = us_iso.read(originals)
    source = {name: observed[name, "wind"] for name in OPERATORS}
    source["PLAINS"] = conus_era5.read(originals)["wind"]
    places = {name: place_of(models["stations"][name]) for name in source}
    source["MISO"], filled = fill_gaps(
        source["MISO"], source["PLAINS"], wind_model.delay_hours(places["PLAINS"], places["MISO"])
    )
    stations = {name: wind_model.station(series, places[name]) for name, series in source.items()}
    rows = {area: row for area, row in models["wind"].items() if area.startswith("us.")}
    out = UsWind({}, {}, stations)
    for area, row in rows.items():
        name = row.get("observed")
        if name is not None:
            for year in (year for year in (*MODEL_YEARS, 2021, 2022) if year in stations[name].anomaly):
                count = int((filled.year == year).sum()) if name == "MISO" else 0
                note = f" ({count} faulty hours after ERA5)" if count else ""
                out.table[area, year] = whole_year(source[name], year), f"observed: {name} {year}, hourly{note}"
                out.anomalies[area, year] = stations[name].anomaly[year]
    _model_wind(out, rows, _climates(originals, models, stations), vre_sites.us_places(zones, "wind"))
    return out


def fill_gaps(series: pd.Series, other: pd.Series, delay: int) -> tuple[pd.Series, pd.DatetimeIndex]:
    """Missing hours inside a series after another one, ``delay`` hours earlier, of equal rank in its distribution.

    Returns the filled series (hour,) [1] and the hours that were filled.
    """
    guide = other.copy()
    guide.index = pd.DatetimeIndex(other.index) + pd.Timedelta(hours=delay)
    both = pd.concat([series, guide], axis="columns", keys=["own", "guide"], sort=True).dropna()
    missing = pd.DatetimeIndex(series.index[series.isna()]).intersection(pd.DatetimeIndex(guide.index))
    rank = np.searchsorted(np.sort(both["guide"].to_numpy()), guide[missing].to_numpy()) / len(both)
    filled = series.copy()
    filled[missing] = np.quantile(both["own"].to_numpy(), np.clip(rank, 0.0, 1.0))
    return filled, missing


def _climates(
    originals: Path, models: dict[str, Any], stations: dict[str, wind_model.Station]
) -> dict[str, wind_model.Climate]:
    west = conus_era5.read_srex(originals)["WNA", "wind"]
    table = models["california_wind"]
    california = wind_model.california_climate(
        table["monthly_factor"],
        table["july_midnight_over_midday"],
        np.mean([stations[name].quantiles for name in models["wind"]["us.caiso"]["spread"]], axis=0),
        stations["MISO"].climate[1],
    )
    west_climate = wind_model.station(west, conus_era5.SREX_SOLAR_PLACE["WNA"]).climate
    return {n: item.climate for n, item in stations.items()} | {"WNA": west_climate, "CALIFORNIA": california}


def _model_wind(
    out: UsWind, rows: dict[str, Any], climates: dict[str, wind_model.Climate], places: dict[str, Place]
) -> None:
    targets = {area: places[area] for area, row in rows.items() if "observed" not in row}
    for year in MODEL_YEARS:
        made, words = wind_model.anomalies(out.stations, targets, year, list(MODEL_YEARS))
        for area, anomaly in made.items():
            row = rows[area]
            climate = wind_model.blend_climates([climates[name] for name in row["climate"]])
            spread = np.mean([out.stations[name].quantiles for name in row["spread"]], axis=0)
            hours = wind_model.output(anomaly, climate, places[area][1], spread)
            taken = f"climate of {'+'.join(row['climate'])}, spread of {'+'.join(row['spread'])}"
            out.table[area, year] = hours, f"modelled {year}: {words[area]}; {taken}"
            out.anomalies[area, year] = anomaly


def offshore(onshore: UsWind, quantiles: Floats) -> Table:
    """Wind at sea of the nine coastal areas: part of the onshore anomaly, a station-year of its own, flat over the day.

    quantiles : (1001,) distribution of the output of an offshore fleet at equal steps of probability. [1]
    """
    points = offshore_points()
    mean, spread = onshore.stations["ISNE"].climate
    flat = np.repeat(mean.mean(axis=1, keepdims=True), 24, axis=1)
    share = wind_model.OFFSHORE_SHARE
    out: Table = {}
    for (area, year), land in onshore.anomalies.items():
        if area in points:
            place = list(points).index(area)
            # Taken from the far end of the list: the near end serves the onshore remainders.
            label, own = wind_model.donor_series(onshore.stations, year, 40)[-1 - place]
            hours = wind_model.output(
                share * land + np.sqrt(1.0 - share**2) * own, (flat, spread), points[area][1], quantiles
            )
            out[area, year] = hours, f"modelled {year}: {share:g} x its onshore anomaly, rest {label}, climate ISNE"
    return out


def offshore_points() -> dict[str, Place]:
    """A point at sea for each coastal area, (lat, lon)."""
    return {area: place_of(row) for area, row in vre_sites.models()["offshore"].items() if area.startswith("us.")}


def offshore_levels(originals: Path) -> dict[str, float]:
    """Mean offshore factor by coastal area: the MERRA-2 map at its point at the level of ERA5 with losses. [1]

    The few plants of 2017-2024 (Block Island, the first of Vineyard Wind) are no level for what is planned.
    """
    chart = conus_era5.read_annual_wind_map(originals)
    return {
        area: OFFSHORE_LEVEL * float(chart.sel(lat=lat, lon=lon, method="nearest"))
        for area, (lat, lon) in offshore_points().items()
    }


def place_of(row: Mapping[str, float]) -> Place:
    """The (lat, lon) of a row of the model table."""
    return float(row["lat"]), float(row["lon"])


def solar(originals: Path, zones: pd.DataFrame) -> Table:
    """Solar of every US area, 2016-2020, and of ERCOT also 2021-2022, as observed or modelled."""
    shares = {area: float(value) for area, value in vre_sites.models()["solar"].items() if area.startswith("us.")}
    places = vre_sites.us_places(zones, "solar")
    skies = {a: solar_model.area_sky(originals, zones, a, share, places[a]) for a, share in shares.items()}
    observed = us_iso.read(originals)
    stations = _cloud_stations(originals, observed, skies)
    out: Table = {}
    for area, name in OBSERVED_SOLAR.items():
        for year in stations[name].ratio:
            # Station use and round-off leave traces at night: no sun on any zone, no output.
            values = np.where(skies[area].output > 0.0, whole_year(observed[name, "solar"], year), 0.0)
            note = ", shape only (its nameplate is incomplete)" if name == "ISNE" else ""
            out[area, year] = values, f"observed: {name} {year}, hourly{note}"
    surface = narr.read(originals)
    law = solar_model.fit_level(list(stations.values()), surface)
    spread = solar_model.day_spread([stations["ISNE"], stations["ERCO"]])
    targets = {area: places[area] for area in skies if area != "us.isone"}
    for year in MODEL_YEARS:
        donors = solar_model.donor_days(stations, year)
        scores, words = solar_model.day_scores(stations, targets, year, donors)
        for turn, area in enumerate(targets):
            level = solar_model.month_level(law, skies[area], surface, year)
            pattern = "ERCO" if shares[area] >= TRACKERS_FROM else "ISNE"
            daily = solar_model.daily_ratio(scores[area], level, spread)
            hours = solar_model.hourly_output(skies[area], daily, stations[pattern], turn)
            plant = f"clear-sky geometry, {shares[area]:.0%} on trackers, months by NARR {year}"
            out[area, year] = hours, f"modelled {year}: {plant}, {words[area]}, hours of like {pattern} days"
    return out


def _cloud_stations(
    originals: Path, observed: dict[tuple[str, str], pd.Series], skies: dict[str, solar_model.Sky]
) -> dict[str, solar_model.CloudStation]:
    southwest = solar_model.points_sky(originals, SOUTHWEST, 1.0, SOUTHWEST_PLACE)
    west_texas = solar_model.points_sky(originals, WEST_TEXAS, 0.95, (31.4, -102.0))
    series = {
        "ISNE": (observed["ISNE", "solar"], skies["us.isone"]),
        "ERCO": (observed["ERCO", "solar"], west_texas),
        "SOUTHWEST": (conus_era5.read(originals)["solar"], southwest),
    }
    return {name: solar_model.cloud_station(*pair, list(CLOUD_YEARS[name])) for name, pair in series.items()}
