"""China's provincial solar capacity as published quarterly by the National Energy Administration."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import Frame, original, require_columns

FOLDER: Final = "gem_gipt_nea"
MW_PER_GW: Final = 1000.0
# Until 2024 the Production and Construction Corps was published apart from Xinjiang.
XINJIANG_WITH_CORPS: Final = "Xinjiang (Including Corps)"
NOT_A_PROVINCE: Final = ("Total", "Xinjiang", "Xinjiang Corps")


def read_solar_capacity(originals: Path) -> Frame:
    """Solar capacity in MW at the end of a quarter: rows province (English), columns YYYYMM as int.

    Xinjiang includes the Corps. Quarters that the publisher skipped are absent; NaN stays NaN.
    """
    import pandas as pd

    path = original(originals, f"{FOLDER}/nea_provincial_solar_gw_201612_202603.csv")
    raw = pd.read_csv(path, encoding="utf-8-sig")
    require_columns(raw, ("Area", "Category"), path)
    rows = raw[(raw["Category"] == "Total") & ~raw["Area"].isin(NOT_A_PROVINCE)]
    table = rows.set_index("Area").drop(columns="Category").rename(index={XINJIANG_WITH_CORPS: "Xinjiang"})
    table.columns = pd.Index([int(column) for column in table.columns], name="quarter")
    table.index.name = "province"
    return table.astype(float) * MW_PER_GW
