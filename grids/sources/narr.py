"""Monthly mean surface solar radiation by US state, 1979-2023, from the North American Regional Reanalysis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from grids.variables import GridDataError

FILE = Path("climate") / "narr_monthly_surface_solar_wm2_by_state_1979_2023.csv.gz"
LARGEST_W_PER_M2 = 450.0
MISSING = -9999.0
"""Marker of the file. The District of Columbia, smaller than a cell of the reanalysis, holds nothing else."""


def read(originals: Path) -> pd.DataFrame:
    """Monthly mean downward solar radiation.

    originals : Path  Folder that holds ``climate``.
    Returns DataFrame (month, state) [W/m2] on a PeriodIndex, 1979-01 to 2023-12; columns postal codes
    of the 48 contiguous states (a column that holds the missing marker only is left out).
    Raises GridDataError for missing months, duplicates, missing values or values outside 0-450.
    """
    table = pd.read_csv(originals / FILE)
    month = pd.PeriodIndex(pd.to_datetime({"year": table["YYYY"], "month": table["MM"], "day": 1}), freq="M")
    frame = table.drop(columns=["YYYY", "MM"]).astype(np.float64).set_axis(month)
    frame = frame.loc[:, ~(frame == MISSING).all()]
    values = frame.to_numpy()
    problems = []
    if month.has_duplicates or len(month) != (month.max() - month.min()).n + 1:
        problems.append("months repeat or are missing")
    if not (np.isfinite(values).all() and (values > 0.0).all() and (values < LARGEST_W_PER_M2).all()):
        problems.append(f"values outside 0-{LARGEST_W_PER_M2:g} W/m2 or missing")
    if problems:
        raise GridDataError(f"{FILE.name}: " + "; ".join(problems))
    return frame
