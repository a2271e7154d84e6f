"""Load of US substations in the synthetic grid of Texas A&M University (CC BY 4.0, through PowerSimData)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grids.sources.checks import original, require_columns

if TYPE_CHECKING:
    import pandas as pd


def substation_load(originals: Path) -> pd.DataFrame:
    """Columns mw, lat, lon: peak load of 37,021 substations of the contiguous states, 2016 level.

    Synthetic: drawn from census population, so it places people well and single large industries less so.
    """
    import pandas as pd

    path = original(originals, "powersimdata_tamu/substation_load_mw_2016.csv.gz")
    table = pd.read_csv(path)
    require_columns(table, ["lat", "lon", "Pd"], path.name)
    return table.rename(columns={"Pd": "mw"}).loc[table["Pd"] > 0, ["mw", "lat", "lon"]].reset_index(drop=True)
