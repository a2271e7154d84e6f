"""Where plants were added, cell by cell: made once from unit lists, `data/cell_additions.csv.gz` for everybody else.

    python -m capacity.hindcast.placement_data --originals DIR

United States: units standing in 2023 with place and year (PyPSA's list after EIA-860). China: trackers of Global Energy
Monitor, which give places to coal, gas, hydro and biomass but not to wind and solar. Units that have gone since are in
neither list.
"""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

PERIODS = ((2015, 2019), (2020, 2024))
"""First and last year of what each origin, the end of the year before, is scored on."""
TECHNOLOGIES = {
    "US": ("gas", "wind", "solar", "battery", "hydro", "biomass"),
    "CN": ("coal", "gas", "hydro", "pumped_storage", "biomass"),
}
FILE = "cell_additions.csv.gz"
CELL_DEGREES = 0.5
STANDING = ("operating", "mothballed")


def read_additions() -> pd.DataFrame:
    """One row a technology and cell: centre, MW standing in 2014 (`before_mw`), MW added in each of PERIODS."""
    import pandas as pd

    with files("capacity").joinpath("data", FILE).open("rb") as stream:
        return pd.read_csv(stream, compression="gzip")


def build(originals: Path, grid: xr.Dataset) -> pd.DataFrame:
    """The table from unit lists; units outside the cells of their country are left out.

    Raises GridDataError for a list that is absent or has other columns.
    """
    import pandas as pd

    units = pd.concat([_american(originals), _chinese(originals)], ignore_index=True)
    for name in ("lat", "lon"):
        units[name] = (np.floor(units[name] / CELL_DEGREES) + 0.5) * CELL_DEGREES
    known = {
        (float(lat), float(lon)) for lat, lon in zip(grid["cell_lat"].values, grid["cell_lon"].values, strict=True)
    }
    units = units[[place in known for place in zip(units["lat"], units["lon"], strict=True)]]
    first = PERIODS[0][0]
    units["period"] = np.where(units["year"] < first, "before_mw", "")
    for start, end in PERIODS:
        units.loc[units["year"].between(start, end), "period"] = f"added_{start}_{end}_mw"
    keys = ["country", "technology", "lat", "lon"]
    # The lists are complete: a cell with no unit of a period had nothing added in it.
    listed = units[units["period"] != ""]
    table = listed.pivot_table(index=keys, columns="period", values="mw", aggfunc="sum", fill_value=0.0)
    return table.round(1).reset_index().rename_axis(columns=None)


def _american(originals: Path) -> pd.DataFrame:
    import pandas as pd

    from grids.sources.checks import original, require_columns, translated
    from grids.sources.plants_us import CONTIGUOUS, UNIT_FUEL

    path = original(originals, "oet_efuels/custom_powerplants_us_2023.csv.gz")
    raw = pd.read_csv(path, low_memory=False)
    require_columns(raw, ["Fueltype", "Technology", "Capacity", "DateIn", "lat", "lon"], path.name)
    south, north, west, east = CONTIGUOUS
    inside = raw["lat"].between(south, north) & raw["lon"].between(west, east) & raw["Fueltype"].notna()
    raw = raw[inside]
    technology = translated(raw["Fueltype"], UNIT_FUEL, path.name)
    technology = technology.mask(raw["Technology"] == "Pumped Storage", "pumped_storage")
    table = pd.DataFrame(
        {
            "country": "US", "technology": technology, "mw": raw["Capacity"], "lat": raw["lat"], "lon": raw["lon"],
            "year": pd.to_numeric(raw["DateIn"], errors="coerce"),
        }
    )  # fmt: skip
    return table[table["technology"].isin(TECHNOLOGIES["US"]) & table["year"].notna()]


def _chinese(originals: Path) -> pd.DataFrame:
    from grids.sources.gem_points import all_units

    table = all_units(originals)
    chosen = (table["country"] == "CN") & table["status"].isin(STANDING) & table["year"].notna()
    chosen &= table["technology"].isin(TECHNOLOGIES["CN"])
    return table.loc[chosen, ["country", "technology", "mw", "lat", "lon", "year"]]


def main() -> None:
    """`python -m capacity.hindcast.placement_data --originals DIR` writes the table that the package ships."""
    from grids import open_grid

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--originals", type=Path, required=True, help="Folder of the downloaded unit lists.")
    table = build(parser.parse_args().originals, open_grid())
    target = Path(str(files("capacity").joinpath("data", FILE)))
    # No time of writing in the file: the same lists give the same bytes.
    table.to_csv(target, index=False, compression={"method": "gzip", "mtime": 0})
    print(f"{target}: {len(table):,} rows")


if __name__ == "__main__":
    main()
