"""Sites of US power plants: plants of 50 MW and more (EIA-860M), smaller units from a 2023 unit list.

The first list has one row per plant with its main fuel and its total, the second one row per unit with its own
fuel. Units of the second that stand at a plant of the first split that plant by technology.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from grids.sources.checks import original, require_columns, translated
from grids.sources.reeds_generators import TECHNOLOGY

if TYPE_CHECKING:
    import pandas as pd

SAME_SITE_KM: Final = 3.0
"""Units of the two lists closer than this are one plant. Label J: of the units at large sites within 5 km of a
listed plant, 99.5 % are within 3 km."""

LARGE_MW: Final = 50.0
"""Least plant of the EIA-860M list [MW]; unmatched sites of the unit list above it have retired or moved."""

OPERATING_FROM: Final = "2025-01"
"""A plant whose stated retirement lies in or after this month stood at the end of 2024."""

UNIT_FUEL: Final = {
    "CCGT": "gas",
    "OCGT": "gas",
    "battery": "battery",
    "biomass": "biomass",
    "coal": "coal",
    "geothermal": "geothermal",
    "hydro": "hydro",
    "nuclear": "nuclear",
    "offwind-ac": "offshore_wind",
    "oil": "oil",
    "onwind": "wind",
    "solar": "solar",
}
CONTIGUOUS: Final = (24.0, 50.0, -125.5, -66.0)
"""South, north, west, east of the contiguous states [degree]; Alaska and Hawaii are not covered."""


def sites(originals: Path) -> pd.DataFrame:
    """Located capacity in the contiguous US: columns technology, mw, lat, lon, recent.

    recent marks plants of the list of 2025 without their units in the list of 2023: built (or rebuilt) between.

    Megawatts are a siting pattern, not a total: the plant list is of December 2025 and the unit list of 2023, the
    caller scales both to the fleet of its own year. Raises GridDataError on an unknown fuel or a missing column.
    """
    import pandas as pd

    plants, units = _plants(originals), _units(originals)
    tree = cKDTree(_plane_km(plants["lat"], plants["lon"]))
    distance, nearest = tree.query(_plane_km(units["lat"], units["lon"]))
    at_plant = distance <= SAME_SITE_KM
    large = _split(plants, units[at_plant].assign(plant=nearest[at_plant]))
    rest = units[~at_plant]
    small = rest[rest.groupby(["lat", "lon"])["mw"].transform("sum") < LARGE_MW]
    located = pd.concat([large, small.assign(recent=False)], ignore_index=True)
    chosen: pd.DataFrame = located[["technology", "mw", "lat", "lon", "recent"]]
    return chosen


def _plants(originals: Path) -> pd.DataFrame:
    import pandas as pd

    path = original(originals, "eia860m_gridsite/power-plants.geojson")
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    table = pd.DataFrame([feature["properties"] for feature in features])
    names = ["latitude", "longitude", "total_capacity_mw", "fuel_type", "status", "planned_retirement_date"]
    require_columns(table, names, path.name)
    stays = table["planned_retirement_date"].isna() | (table["planned_retirement_date"] >= OPERATING_FROM)
    running = table["status"].isin(["operating", "retiring"]) | table["planned_retirement_date"].notna()
    table = table[running & stays]
    return pd.DataFrame(
        {
            "technology": translated(table["fuel_type"], TECHNOLOGY, path.name),
            "mw": table["total_capacity_mw"].astype(float),
            "lat": table["latitude"].astype(float),
            "lon": table["longitude"].astype(float),
        }
    ).reset_index(drop=True)


def _units(originals: Path) -> pd.DataFrame:
    import pandas as pd

    path = original(originals, "oet_efuels/custom_powerplants_us_2023.csv.gz")
    table = pd.read_csv(path)
    require_columns(table, ["Fueltype", "Technology", "Capacity", "lat", "lon"], path.name)
    south, north, west, east = CONTIGUOUS
    inside = table["lat"].between(south, north) & table["lon"].between(west, east)
    table = table[inside & table["Fueltype"].notna()]
    technology = translated(table["Fueltype"], UNIT_FUEL, path.name)
    technology = technology.mask(table["Technology"] == "Pumped Storage", "pumped_storage")
    columns = {"technology": technology, "mw": table["Capacity"], "lat": table["lat"], "lon": table["lon"]}
    return pd.DataFrame(columns).reset_index(drop=True)


def _split(plants: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Plants by technology, in the proportion of their units.

    A plant whose main technology is not among its units (built or rebuilt since) keeps its whole total there.
    """
    import pandas as pd

    mix = members.groupby(["plant", "technology"], as_index=False)["mw"].sum()
    mix["main"] = plants["technology"].to_numpy()[mix["plant"]]
    known = mix.loc[mix["technology"] == mix["main"], "plant"]
    mix = mix[mix["plant"].isin(known)]
    share = mix["mw"] / mix.groupby("plant")["mw"].transform("sum")
    mix["mw"] = share * plants["mw"].to_numpy()[mix["plant"]]
    mix["lat"], mix["lon"] = (plants[name].to_numpy()[mix["plant"]] for name in ("lat", "lon"))
    rest = plants[~plants.index.isin(known)]
    split: pd.DataFrame = pd.concat([mix.assign(recent=False), rest.assign(recent=True)], ignore_index=True)
    return split


def _plane_km(lat: pd.Series, lon: pd.Series) -> NDArray[np.float64]:
    """Flat coordinates good enough for distances of a few kilometres [km]."""
    latitude, longitude = lat.to_numpy(dtype=float), lon.to_numpy(dtype=float)
    km_per_degree = 111.195
    return np.column_stack([km_per_degree * longitude * np.cos(np.radians(39.0)), km_per_degree * latitude])
