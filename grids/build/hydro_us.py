"""How US conventional hydro spreads over the months.

No monthly generation by state is among the originals, so the shapes are judgement (J): the known course of
runoff and of reservoir release in each part of the country, as months of a year whose mean is 1. The yearly
level of each area is measured. Sources of the knowledge: NWPP and Columbia River operations (spring freshet in
May-June, low in September-October), California snow-melt (April-July), Missouri and upper Colorado storage
(summer release), Southeast rain (winter and spring), New England snow-melt (April-May and late autumn),
Niagara and St Lawrence (near constant).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from grids.hours import DAYS_IN_MONTH

SHAPES: Final = {
    #                    Jan   Feb   Mar   Apr   May   Jun   Jul   Aug   Sep   Oct   Nov   Dec
    "columbia":          (1.03, 1.00, 1.05, 1.10, 1.35, 1.33, 1.05, 0.88, 0.72, 0.70, 0.85, 0.97),
    "northern_rockies":  (0.88, 0.86, 0.93, 1.08, 1.36, 1.42, 1.14, 0.96, 0.83, 0.78, 0.85, 0.91),
    "california":        (0.80, 0.85, 1.00, 1.15, 1.35, 1.38, 1.30, 1.12, 0.92, 0.74, 0.67, 0.72),
    "colorado":          (0.92, 0.88, 0.95, 1.05, 1.12, 1.15, 1.18, 1.13, 1.00, 0.86, 0.84, 0.92),
    "missouri":          (0.90, 0.86, 0.90, 0.95, 1.05, 1.10, 1.20, 1.20, 1.08, 0.98, 0.92, 0.86),
    "southeast":         (1.30, 1.28, 1.27, 1.10, 0.98, 0.87, 0.88, 0.82, 0.72, 0.74, 0.88, 1.16),
    "south_central":     (0.95, 0.95, 1.10, 1.20, 1.35, 1.30, 1.10, 0.95, 0.75, 0.70, 0.77, 0.88),
    "new_england":       (0.98, 0.90, 1.15, 1.48, 1.32, 0.95, 0.78, 0.68, 0.62, 0.84, 1.12, 1.18),
    "great_lakes":       (1.02, 1.00, 1.05, 1.08, 1.05, 0.99, 0.97, 0.95, 0.93, 0.94, 0.99, 1.03),
    "upper_midwest":     (0.82, 0.82, 1.00, 1.38, 1.32, 1.20, 1.05, 0.88, 0.86, 0.92, 0.92, 0.83),
    "mid_atlantic":      (1.12, 1.08, 1.38, 1.40, 1.22, 0.92, 0.72, 0.62, 0.60, 0.72, 0.96, 1.26),
}  # fmt: skip
AREA_SHAPE: Final = {
    "us.nyiso": "great_lakes",
    "us.isone": "new_england",
    "us.pjm_east": "mid_atlantic",
    "us.pjm_west": "upper_midwest",
    "us.miso_north": "upper_midwest",
    "us.miso_central": "upper_midwest",
    "us.miso_south": "south_central",
    "us.spp_north": "missouri",
    "us.spp_south": "south_central",
    "us.sertp": "southeast",
    "us.frcc": "southeast",
    "us.ercot": "south_central",
    "us.caiso": "california",
    "us.northerngrid_west": "columbia",
    "us.northerngrid_east": "northern_rockies",
    "us.northerngrid_south": "colorado",
    "us.westconnect_north": "colorado",
    "us.westconnect_south": "colorado",
}


def monthly_factor(area: str, annual_factor: float) -> NDArray[np.float64]:
    """Capacity factor in each month (12,), whose mean over the year's days is `annual_factor`, at most 1."""
    shape = np.asarray(SHAPES[AREA_SHAPE[area]])
    shape = shape / np.average(shape, weights=DAYS_IN_MONTH)
    factor: NDArray[np.float64] = np.minimum(shape * annual_factor, 1.0)
    return factor
