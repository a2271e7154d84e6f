"""Light outlines of the 49 areas for maps: `grids/data/outlines.json`, drawn only, never computed with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import shapely
from shapely.geometry.base import BaseGeometry

from grids.areas import AREAS
from grids.sources import boundaries
from grids.variables import GridDataError

SIMPLIFIED_DEGREES: Final = 0.06
"""Tolerance of the simplification [degree], about 6 km: less than a pixel of a map of either country."""

SMALLEST_PART_SQUARE_DEGREES: Final = 0.02
"""Islands and holes smaller than this are left out, unless they are an area's largest part."""

DECIMALS: Final = 2

PROVENANCE: Final = {
    "what": (
        "Simplified outlines of the areas, degrees east and north, rounded to 0.01; each area is a list of closed "
        "rings (islands and holes alike: fill by the even-odd rule). For drawing only. Taiwan, Hong Kong and Macau are "
        "not covered by the data set and not drawn."
    ),
    "sources": {
        "reeds-shapes": "US areas: ReEDS zones (NREL), through pypsa-usa; MIT",
        "us-atlas": "US shoreline: us-atlas 3.0.1, US Census Bureau; ISC",
        "ocha-china": "Provinces of China: OCHA common operational dataset 2020; CC-BY-3.0-IGO, to be confirmed",
    },
}


def build(originals: Path) -> dict[str, Any]:
    """Outlines as a JSON-ready mapping: `PROVENANCE`, and ``areas``: id -> list of rings of [lon, lat].

    Neighbours are simplified together, so that their common border stays common. Raises GridDataError when an
    area has no outline.
    """
    simplified = _simplified(boundaries.us_areas(originals)) | _simplified(boundaries.china_provinces(originals))
    missing = [area.id for area in AREAS if area.id not in simplified]
    if missing:
        raise GridDataError([f"no outline for {area!r}" for area in missing])
    return {**PROVENANCE, "areas": {area.id: _rings(simplified[area.id]) for area in AREAS}}


def write(originals: Path, path: Path) -> None:
    """Write the outlines as compact JSON, the same bytes for the same originals."""
    text = json.dumps(build(originals), ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def _simplified(polygons: dict[str, BaseGeometry]) -> dict[str, BaseGeometry]:
    shapes = shapely.coverage_simplify(list(polygons.values()), SIMPLIFIED_DEGREES)
    return dict(zip(polygons, shapes, strict=True))


def _rings(shape: BaseGeometry) -> list[list[list[float]]]:
    """Closed rings of the parts that matter, the largest part first."""
    parts = sorted(shapely.get_parts(shape), key=lambda part: -part.area)
    polygons = [part for part in parts if part.geom_type == "Polygon"]
    kept = polygons[:1] + [part for part in polygons[1:] if part.area >= SMALLEST_PART_SQUARE_DEGREES]
    rings = []
    for polygon in kept:
        holes = [hole for hole in polygon.interiors if shapely.Polygon(hole).area >= SMALLEST_PART_SQUARE_DEGREES]
        rings += [_rounded(ring) for ring in (polygon.exterior, *holes)]
    return [ring for ring in rings if len(ring) >= 4]


def _rounded(ring: BaseGeometry) -> list[list[float]]:
    """Rounded points of a ring without repeats next to each other; the last equals the first."""
    points = [[round(x, DECIMALS), round(y, DECIMALS)] for x, y in ring.coords]
    kept = [point for point, before in zip(points, [None, *points[:-1]], strict=True) if point != before]
    return kept if kept[0] == kept[-1] else [*kept, kept[0]]
