"""EIA international statistics for China and the United States, 1980-2022."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import Column, original, require_columns
from grids.variables import GridDataError

FOLDER: Final = "eia_international"
CAPACITY_MW_PER_UNIT: Final = 1000.0  # the publisher's "million kW" is a GW


def read_capacity_mw(originals: Path, country: str, series: str) -> Column:
    """One capacity series in MW by year, e.g. country 'CN', series 'Solar'; gaps are left out."""
    name = "capacity_gw_us_china_1980_2022.csv.gz"
    return _series(originals, name, country, series) * CAPACITY_MW_PER_UNIT


def read_generation_twh(originals: Path, country: str, series: str) -> Column:
    """One generation series in TWh (the publisher's billion kWh) by year; gaps are left out."""
    return _series(originals, "generation_bkwh_us_china_1980_2022.csv.gz", country, series)


def _series(originals: Path, name: str, country: str, series: str) -> Column:
    import pandas as pd

    path = original(originals, f"{FOLDER}/{name}")
    raw = pd.read_csv(path)
    require_columns(raw, ("country", "series"), path)
    names = raw["series"].str.replace(r"\s*\(.*", "", regex=True)
    code = {"CN": "CHN", "US": "USA"}[country]
    rows = raw[(raw["country"] == code) & (names == series)]
    if len(rows) != 1:
        known = sorted(names[raw["country"] == code])
        raise GridDataError(f"{path}: {len(rows)} series named {series!r} for {country}; known: {known}")
    years = [column for column in raw.columns if str(column).isdigit()]
    values = rows.iloc[0][years].astype(float)
    values.index = values.index.astype(int)
    return values.dropna()
