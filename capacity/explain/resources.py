"""What one can have one more MW of, where an explanation says what it adds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESOURCES = {
    "constant": "firm capacity after outages and reserve",
    "wind": "wind nameplate",
    "offshore_wind": "offshore wind nameplate",
    "solar": "solar nameplate",
    "hydro": "hydro nameplate, with its water",
}
"""Terms of the margin that one can build, and what a MW of each is."""
ADDED = {
    **RESOURCES,
    "imports": "imports, on average, shaped to load",
    "storage": "storage nameplate, with its hours",
}
"""All that an island can have more of."""
NOTHING_MW = 1e-6
"""Headroom below it is rounding."""


def island_outputs(profiles: Mapping[str, Floats]) -> dict[str, Floats]:
    """Output (hour,) of one MW of all but storage that an island can have more of, from its margin's profiles."""
    return {**{name: profiles[name] for name in RESOURCES}, "imports": profiles["load"]}
