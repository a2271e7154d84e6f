"""National generation by source from Our World in Data (Ember and the Energy Institute)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import Frame, original, require_columns
from grids.tables import read_table

FOLDER: Final = "owid_energy"
COUNTRY: Final = {"China": "CN", "United States": "US"}
SOURCES: Final = ("total", "coal", "gas", "oil", "nuclear", "hydro", "wind", "solar", "bioenergy", "other")
TRADE: Final = {"demand": "demand_twh", "net_imports": "net_imports_twh"}
RECENT: Final = "national_recent.yaml"

LONG_SOURCES: Final = {
    "coal_twh": "coal",
    "gas_twh": "gas",
    "oil_twh": "oil",
    "nuclear_twh": "nuclear",
    "hydro_twh": "hydro",
    "wind_twh": "wind",
    "solar_twh": "solar",
    "bioenergy_twh": "bioenergy",
    "other_renewables_excluding_bioenergy_twh": "other",
}
BIOENERGY_FROM: Final = 2000


def read_national() -> Frame:
    """Recent years: country, year, demand_twh, net_imports_twh, and one column per source, TWh.

    China 2006-2025, United States 2022-2025, from `grids/data/national_recent.yaml`. 'oil' of China is mostly waste
    heat and by-product gases. A source for which the publisher gives no figure is NaN.
    """
    import pandas as pd

    parts = []
    for country, block in read_table(RECENT).items():
        part = pd.DataFrame(block["series"], dtype=float)
        require_columns(part, (*TRADE, *SOURCES), RECENT)
        part.insert(0, "country", country)
        part.insert(1, "year", range(block["first_year"], block["first_year"] + len(part)))
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).rename(columns=TRADE)
    return table[["country", "year", *TRADE.values(), *SOURCES]]


def read_long_history(originals: Path) -> Frame:
    """1985-2023 for the two countries: country, year, and one column per source, TWh (no total).

    Bioenergy and other renewables start in 2000: the zeros before are gaps and become NaN. Zeros of wind,
    solar and nuclear before their first positive figure are real (rounded) zeros.
    """
    import pandas as pd

    path = original(originals, f"{FOLDER}/electricity_by_source_twh_1985_2023.csv.gz")
    raw = pd.read_csv(path)
    require_columns(raw, ("entity", "year", *LONG_SOURCES), path)
    table = raw[raw["entity"].isin(COUNTRY)].rename(columns=LONG_SOURCES)
    table["country"] = table["entity"].map(COUNTRY)
    table.loc[table["year"] < BIOENERGY_FROM, ["bioenergy", "other"]] = float("nan")
    return table[["country", "year", *LONG_SOURCES.values()]].reset_index(drop=True)
