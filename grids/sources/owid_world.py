"""National generation by source of all countries from Our World in Data (Ember and the Energy Institute)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources import owid
from grids.sources.checks import Frame, original, require_columns

WORLD_CODE: Final = "OWID_WRL"
# Aggregates carry no code or one that the publisher made up; Kosovo has such a code and is a country.
COUNTRY_CODES: Final = {"OWID_WRL": "WLD", "OWID_KOS": "XKX"}
COUNTRY_OF_EXTRACT: Final = {"CN": "CHN", "US": "USA"}


def read_world(originals: Path) -> Frame:
    """Rows (entity, year), entity the ISO 3166 alpha-3 code or WLD; one column per source and `name`, TWh.

    1985-2023 (most countries to 2022), China to 2025 and the United States to 2025 from the newer extract.
    A year in which every source of a country is zero is a gap and is left out. Bioenergy and other renewables
    before 2000 are NaN: the zeros there are gaps. No total.
    """
    import pandas as pd

    path = original(originals, f"{owid.FOLDER}/electricity_by_source_twh_1985_2023.csv.gz")
    raw = pd.read_csv(path)
    require_columns(raw, ("entity", "code", "year", *owid.LONG_SOURCES), path)
    code = raw["code"].fillna("").where(lambda c: ~c.str.startswith("OWID_") | c.isin(COUNTRY_CODES), "")
    # The world's row carries no code in some versions of the table.
    code = code.mask(raw["entity"] == "World", WORLD_CODE)
    raw["country"] = code.replace(COUNTRY_CODES)
    table = raw[raw["country"] != ""].rename(columns={**owid.LONG_SOURCES, "entity": "name", "country": "entity"})
    table = table.set_index(["entity", "year"])[["name", *owid.LONG_SOURCES.values()]].sort_index()
    values = list(owid.LONG_SOURCES.values())
    table = table[table[values].sum(axis=1) > 0.0]
    early = table.index.get_level_values("year") < owid.BIOENERGY_FROM
    table.loc[early, ["bioenergy", "other"]] = float("nan")
    return _overlaid(table, owid.read_national(), values)


def _overlaid(table: Frame, recent: Frame, values: list[str]) -> Frame:
    """The newer figures of China and the United States in the place of the older ones."""
    import pandas as pd

    newer = recent.assign(entity=recent["country"].map(COUNTRY_OF_EXTRACT)).set_index(["entity", "year"])[values]
    names = table["name"].groupby(level="entity").first()
    newer.insert(0, "name", newer.index.get_level_values("entity").map(names))
    older = table[~table.index.isin(newer.index)]
    return pd.concat([older, newer]).sort_index()
