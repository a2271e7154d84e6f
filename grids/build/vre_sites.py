"""Where wind and solar plants stand, as far as the hourly models need it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.sources import boundaries
from grids.tables import read_table

Floats = npt.NDArray[np.float64]
Place = tuple[float, float]

EARTH_RADIUS_KM = 6371.0
TECHNOLOGIES = {"Onshore Wind Turbine": "wind", "Solar Photovoltaic": "solar"}
SMALLEST_FLEET_MW = 50.0
"""Below this the middle of the area stands for its plants. [J]"""
LAST_YEAR = 2024


def models() -> dict[str, Any]:
    """The table ``grids/data/vre_models.yaml``."""
    table: dict[str, Any] = read_table("vre_models.yaml")
    return table


def us_zones(originals: Path) -> pd.DataFrame:
    """The 134 ReEDS zones with the wind and solar capacity operating at the end of 2024.

    originals : Path  Folder that holds ``pypsa_usa_reeds`` and ``powergenome_reeds``.
    Returns DataFrame indexed by zone: area, state, lat, lon [degrees, centroid], wind and solar [MW].
    """
    folder = originals / "powergenome_reeds"
    units = pd.read_csv(folder / "reeds_generators_transformed.csv.gz", low_memory=False)
    zone_of = pd.read_csv(folder / "plant_region_map.csv.gz").set_index("plant_id")["region"]
    running = (units["operating_year"] <= LAST_YEAR) & (units["retirement_year"] > LAST_YEAR)
    units = units[running & units["technology"].isin(TECHNOLOGIES)]
    tech = units["technology"].map(TECHNOLOGIES)
    built = units.groupby([units["plant_id"].map(zone_of), tech])["capacity_mw"].sum().unstack()
    shapes = boundaries.us_zones(originals)
    state = pd.read_csv(folder / "hierarchy.csv", dtype=str).set_index("ba")["st"]
    area = boundaries.area_of_zone(originals)
    rows = {z: (area[z], state[z], shape.centroid.y, shape.centroid.x) for z, shape in shapes.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["area", "state", "lat", "lon"])
    for name in ("wind", "solar"):
        # A zone without a row in the plant table has no plant of that kind: a true zero.
        frame[name] = built[name].reindex(frame.index).where(lambda v: v.notna(), 0.0)
    return frame


def weights(zones: pd.DataFrame, area: str, tech: str) -> pd.Series:
    """Share of each zone of an area in its capacity, sum 1; equal shares where the fleet is tiny."""
    inside = zones.loc[zones["area"] == area, tech].astype(np.float64)
    if inside.sum() < SMALLEST_FLEET_MW:
        return pd.Series(1.0 / len(inside), index=inside.index)
    return inside[inside > 0.0] / inside.sum()


def us_places(zones: pd.DataFrame, tech: str) -> dict[str, Place]:
    """Capacity-weighted middle of each area's fleet, (lat, lon) in degrees."""
    out: dict[str, Place] = {}
    for area in sorted(zones["area"].unique()):
        share = weights(zones, str(area), tech)
        rows = zones.loc[share.index]
        middle = share.to_numpy() @ rows[["lat", "lon"]].to_numpy(dtype=np.float64)
        out[str(area)] = (float(middle[0]), float(middle[1]))
    return out


def china_places(originals: Path) -> dict[str, Place]:
    """Centroid of each province by area id, (lat, lon) in degrees."""
    shapes = boundaries.china_provinces(originals)
    return {area: (float(shape.centroid.y), float(shape.centroid.x)) for area, shape in shapes.items()}


def distance_km(a: Place, b: Place) -> float:
    """Great-circle distance on a sphere. [km]"""
    lat_a, lon_a, lat_b, lon_b = np.radians([*a, *b])
    cosine = np.sin(lat_a) * np.sin(lat_b) + np.cos(lat_a) * np.cos(lat_b) * np.cos(lon_a - lon_b)
    return float(EARTH_RADIUS_KM * np.arccos(np.clip(cosine, -1.0, 1.0)))


def distances_km(places: list[Place]) -> Floats:
    """All pairs, shape (n, n). [km]"""
    return np.array([[distance_km(a, b) for b in places] for a in places])
