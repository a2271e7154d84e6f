"""Wind and solar farms and small hydro in China by the Global Power Plant Database (WRI, CC BY 4.0), state of 2017.

Old, but the only list of Chinese wind farms with coordinates at hand: a pattern of where wind was built first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from grids.sources.checks import original, require_columns

if TYPE_CHECKING:
    import pandas as pd

TECHNOLOGY: Final = {"Wind": "wind", "Solar": "solar", "Hydro": "hydro"}
HYDRO_BELOW_MW: Final = 75.0
"""Larger hydro plants are in the Global Energy Monitor tracker, which starts at this size."""
NOT_RUNNING: Final = ("Shutdown", "Under Construction")


def china_farms(originals: Path) -> pd.DataFrame:
    """Columns technology, mw, lat, lon of wind, solar and small hydro running in 2017, or of unstated status."""
    import pandas as pd

    path = original(originals, "wri_gppd/china_wri_raw_2017.csv.gz")
    table = pd.read_csv(path, encoding="cp1252")
    columns = {"Capacity (MW)": "mw", "Latitude": "lat", "Longitude": "lon"}
    require_columns(table, ["Fuel", "Operational Status", *columns], path.name)
    wanted = table["Fuel"].isin(list(TECHNOLOGY)) & ~table["Operational Status"].isin(NOT_RUNNING)
    wanted &= (table["Fuel"] != "Hydro") | (table["Capacity (MW)"] < HYDRO_BELOW_MW)
    farms = table[wanted].rename(columns=columns)
    farms["technology"] = farms["Fuel"].map(TECHNOLOGY)
    located = farms["lat"].notna() & farms["lon"].notna() & (farms["mw"] > 0)
    return farms.loc[located, ["technology", "mw", "lat", "lon"]].reset_index(drop=True)
