"""Outlines of the areas for maps, read from the package."""

from __future__ import annotations

import importlib.resources
import json

import numpy as np
from numpy.typing import NDArray


def read_outlines() -> dict[str, list[NDArray[np.float64]]]:
    """Closed rings of each area by id, (point, 2) longitude and latitude [degree].

    Simplified to about 6 km: for drawing only. Sources and licences stand in `grids/data/outlines.json`.
    """
    text = importlib.resources.files("grids").joinpath("data", "outlines.json").read_text(encoding="utf-8")
    return {area: [np.asarray(ring) for ring in rings] for area, rings in json.loads(text)["areas"].items()}
