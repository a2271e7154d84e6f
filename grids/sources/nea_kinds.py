"""Utility-scale part of each province's solar capacity (National Energy Administration, quarterly)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.boundaries import province_id
from grids.sources.checks import original, require_columns
from grids.sources.nea import FOLDER, NOT_A_PROVINCE, XINJIANG_WITH_CORPS
from grids.variables import GridDataError

QUARTER: Final = "202412"


def utility_share(originals: Path, quarter: str = QUARTER) -> dict[str, float]:
    """Share of utility-scale plants in solar capacity by area id [1]; the rest stands on roofs."""
    import pandas as pd

    path = original(originals, f"{FOLDER}/nea_provincial_solar_gw_201612_202603.csv")
    raw = pd.read_csv(path, encoding="utf-8-sig")
    require_columns(raw, ("Area", "Category", quarter), path)
    rows = raw[~raw["Area"].isin(NOT_A_PROVINCE)].replace({"Area": {XINJIANG_WITH_CORPS: "Xinjiang"}})
    table = rows.pivot(index="Area", columns="Category", values=quarter).astype(float)
    share = table["Utility-scale"] / table["Total"]
    unknown = sorted(str(name) for name in share.index[share.isna()])
    if unknown:
        raise GridDataError(f"{path.name}: no utility-scale or total figure at {quarter} for {unknown}")
    return {province_id(str(name)): float(value) for name, value in share.items()}
