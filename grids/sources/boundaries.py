"""Outlines of states, provinces and planning subregions, as polygons in degrees.

Three publishers: US states from us-atlas (US Census cartographic boundaries, ISC), provinces of China from
the OCHA common operational dataset, zones of the contiguous US from the ReEDS model (by pypsa-usa, MIT).
Taiwan, Hong Kong and Macau are in the OCHA file but not covered by this grid data set: they have no area.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapefile
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from grids.sources.checks import original
from grids.variables import GridDataError

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius of the Earth (IUGG)."""

WEB_MERCATOR_RADIUS_M: Final = 6378137.0
"""Sphere of the Mercator projection in which the ReEDS shapes are stored (their .prj file)."""

_FIPS = """
01=AL 04=AZ 05=AR 06=CA 08=CO 09=CT 10=DE 11=DC 12=FL 13=GA 16=ID 17=IL 18=IN 19=IA 20=KS 21=KY 22=LA 23=ME
24=MD 25=MA 26=MI 27=MN 28=MS 29=MO 30=MT 31=NE 32=NV 33=NH 34=NJ 35=NM 36=NY 37=NC 38=ND 39=OH 40=OK 41=OR
42=PA 44=RI 45=SC 46=SD 47=TN 48=TX 49=UT 50=VT 51=VA 53=WA 54=WV 55=WI 56=WY
"""
STATE_OF_FIPS: Final[dict[str, str]] = {pair[:2]: pair[3:] for pair in _FIPS.split()}
"""FIPS 5-2 number to postal code: 48 contiguous states and the District of Columbia."""

OCHA_SUFFIXES: Final = (
    " Zhuang Autonomous Region",
    " Hui Autonomous Region",
    " Uygur Autonomous Region",
    " Autonomous Region",
    " Municipality",
    " Province",
    " province",
)
NOT_COVERED: Final = frozenset(
    {"Taiwan Province", "Hong Kong Special Administrative Region", "Macao Special Administrative Region"}
)
"""Names in the OCHA file for which there is no area in this data set."""


def us_states(originals: Path) -> dict[str, BaseGeometry]:
    """Polygons of the 48 contiguous states and DC, keyed by postal code, degrees east and north.

    Source: us-atlas 3.0.1 ``states`` layer (US Census Bureau, 1:10 million, shoreline included).
    """
    path = original(originals, "boundaries/us_states-10m.json")
    topology = json.loads(path.read_text(encoding="utf-8"))
    arcs = _topojson_arcs(topology)
    states = {
        STATE_OF_FIPS[item["id"]]: _topojson_polygons(item, arcs)
        for item in topology["objects"]["states"]["geometries"]
        if item["id"] in STATE_OF_FIPS
    }
    missing = sorted(set(STATE_OF_FIPS.values()) - set(states))
    if missing:
        raise GridDataError(f"{path.name}: no polygon for {', '.join(missing)}")
    return dict(sorted(states.items()))


def china_provinces(originals: Path) -> dict[str, BaseGeometry]:
    """Polygons of 31 provinces keyed by area id (``cn.jiangsu``), degrees east and north.

    Source: OCHA common operational dataset 2020, simplified to 0.03 degree.
    """
    path = original(originals, "boundaries/china_adm1_ocha_simplified_0p03deg.geojson")
    provinces = {}
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        name = feature["properties"]["ADM1_EN"]
        if name not in NOT_COVERED:
            polygon = shapely.from_geojson(json.dumps(feature["geometry"]))
            provinces[province_id(name)] = shapely.make_valid(polygon)
    if len(provinces) != 31:
        raise GridDataError(f"{path.name}: {len(provinces)} provinces, expected 31: {sorted(provinces)}")
    return provinces


def province_id(name: str) -> str:
    """Area id of an English province name, with or without its administrative suffix."""
    for suffix in OCHA_SUFFIXES:
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    return "cn." + name.strip().lower().replace(" ", "_")


def area_of_zone(originals: Path) -> dict[str, str]:
    """Area id (``us.ercot``) of each of the 134 ReEDS zones (``p1`` ... ``p134``).

    Source: ReEDS ``hierarchy.csv``, column ``transgrp``.
    """
    return {zone: "us." + group.lower() for zone, group in _of_zone(originals, "transgrp").items()}


def state_of_zone(originals: Path) -> dict[str, str]:
    """Postal code of the state of each of the 134 ReEDS zones. Source: ReEDS ``hierarchy.csv``, column ``st``."""
    return _of_zone(originals, "st")


def _of_zone(originals: Path, column: str) -> dict[str, str]:
    import pandas as pd

    table = pd.read_csv(original(originals, "powergenome_reeds/hierarchy.csv"), dtype=str)
    return dict(zip(table["ba"], table[column], strict=True))


def us_zones(originals: Path) -> dict[str, BaseGeometry]:
    """Polygons of the 134 ReEDS zones, keyed ``p1`` ... ``p134``, degrees east and north.

    The file is in spherical Mercator metres; the projection is undone here.
    """
    reader = shapefile.Reader(str(original(originals, "pypsa_usa_reeds/rb_and_ba_areas.shp")))
    zones: dict[str, BaseGeometry] = {}
    for item in reader.iterShapeRecords():
        polygon = shapely.geometry.shape(item.shape.__geo_interface__)
        zones[str(item.record["rb"])] = shapely.make_valid(shapely.transform(polygon, _undo_web_mercator))
    return zones


def us_areas(originals: Path) -> dict[str, BaseGeometry]:
    """Land polygons of the 18 US areas: ReEDS zones dissolved by subregion, clipped to the states."""
    members: dict[str, list[BaseGeometry]] = {}
    group = area_of_zone(originals)
    for zone, polygon in us_zones(originals).items():
        members.setdefault(group[zone], []).append(polygon)
    land = shapely.union_all(list(us_states(originals).values()))
    dissolved = {area: shapely.union_all(parts) for area, parts in sorted(members.items())}
    return {area: shapely.intersection(polygon, land) for area, polygon in dissolved.items()}


def topojson_layer(topology: dict[str, Any], layer: str) -> BaseGeometry:
    """All polygons of one layer of a TopoJSON file as one geometry, degrees east and north."""
    arcs = _topojson_arcs(topology)
    item = topology["objects"][layer]
    parts = item["geometries"] if item["type"] == "GeometryCollection" else [item]
    return shapely.union_all([_topojson_polygons(part, arcs) for part in parts])


def equal_area_km(geometry: BaseGeometry) -> BaseGeometry:
    """Project degrees to cylindrical equal-area kilometres: planar area is then area on the sphere [km2].

    Meridians and parallels stay straight, so a cell of the lattice stays a rectangle.
    """
    return shapely.transform(geometry, project_km)


def project_km(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cylindrical equal-area coordinates [km] of points in degrees, (n, 2) -> (n, 2)."""
    x = EARTH_RADIUS_KM * np.radians(lonlat[:, 0])
    y = EARTH_RADIUS_KM * np.sin(np.radians(lonlat[:, 1]))
    return np.column_stack([x, y])


def _undo_web_mercator(metres: NDArray[np.float64]) -> NDArray[np.float64]:
    lon = np.degrees(metres[:, 0] / WEB_MERCATOR_RADIUS_M)
    lat = np.degrees(2.0 * np.arctan(np.exp(metres[:, 1] / WEB_MERCATOR_RADIUS_M))) - 90.0
    return np.column_stack([lon, lat])


def _topojson_arcs(topology: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Arcs in degrees: TopoJSON stores integer steps, to be summed, scaled and shifted."""
    scale = np.asarray(topology["transform"]["scale"])
    translate = np.asarray(topology["transform"]["translate"])
    return [np.cumsum(np.asarray(arc), axis=0) * scale + translate for arc in topology["arcs"]]


def _topojson_ring(indices: list[int], arcs: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """One ring; a negative index is the bitwise complement of an arc walked backwards."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def _topojson_polygons(item: dict[str, Any], arcs: list[NDArray[np.float64]]) -> BaseGeometry:
    groups = item["arcs"] if item["type"] == "MultiPolygon" else [item["arcs"]]
    polygons = []
    for rings in groups:
        shell, *holes = (_topojson_ring(ring, arcs) for ring in rings)
        polygons.append(shapely.Polygon(shell, holes))
    return shapely.make_valid(shapely.MultiPolygon(polygons))
