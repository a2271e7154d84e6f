"""Units in China from the Global Energy Monitor trackers (map feeds, 2024-25)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import Frame, original, require_columns, translated

FOLDER: Final = "gem_maps"

STATUS: Final = {
    "operating": "operating",
    "construction": "construction",
    "permitted": "permitted",
    "pre-permit": "pre_permit",
    "pre-construction": "permitted",
    "announced": "announced",
    "retired": "retired",
    "mothballed": "mothballed",
    "shelved": "shelved",
    "cancelled": "cancelled",
}
PROVINCE_SPELLING: Final = {"Shangdong": "Shandong"}
BY_PRODUCT: Final = "industrial by-product"
# A hydro record without a river is an off-stream plant, that is pumped storage, when it is large;
# small ones are plants whose river nobody entered. Judgement: all Chinese pumped storage under
# construction is at least this large.
PUMPED_STORAGE_FROM_MW: Final = 290.0
RESEARCH_REACTOR_BELOW_MW: Final = 50.0

_FILES: Final = {
    "coal": (
        "gcpt_coal_units_jul2024_cn_us.csv.gz",
        {
            "Country/Area": "country",
            "Capacity (MW)": "nameplate_mw",
            "Status": "status",
            "Start year": "start_year",
            "Retired year": "retired_year",
            "Planned retirement": "planned_retirement",
            "Subnational unit (province, state)": "province",
        },
    ),
    "gas": (
        "gogpt_oil_gas_units_aug2024_cn_us.csv.gz",
        {
            "country": "country",
            "capacity": "nameplate_mw",
            "status": "status",
            "start_year": "start_year",
            "fuel_type": "fuel",
            "province": "province",
        },
    ),
    "nuclear": (
        "gnpt_nuclear_units_jul2024_cn_us.csv.gz",
        {
            "country": "country",
            "capacity-(mw)": "nameplate_mw",
            "status": "status",
            "state/province": "province",
        },
    ),
    "hydro": (
        "ghpt_hydro_apr2025_cn_us.csv.gz",
        {
            "areas": "country",
            "capacity": "nameplate_mw",
            "status": "status",
            "start-year": "start_year",
            "river": "river",
            "name": "name",
            "subnat": "province",
        },
    ),
    "biomass": (
        "gbpt_bioenergy_sep2024_cn_us.csv.gz",
        {
            "country/area": "country",
            "capacity-(mw)": "nameplate_mw",
            "status": "status",
            "start-year": "start_year",
            "state/province": "province",
        },
    ),
}
_KEEP: Final = ("province", "technology", "nameplate_mw", "status", "start_year", "retired_year", "planned_retirement")


def read_china_units(originals: Path) -> Frame:
    """All thermal, nuclear and hydro units in China.

    Returns province (English), technology (coal, gas, oil = by-product gases, nuclear, hydro,
    pumped_storage, biomass), nameplate_mw, status (see `STATUS`), start_year, retired_year,
    planned_retirement (NaN where the tracker says nothing). Raises `GridDataError` for an unknown
    status or a missing column.
    """
    import pandas as pd

    parts = [_read(originals, technology) for technology in _FILES]
    table = pd.concat(parts, ignore_index=True)
    table["province"] = table["province"].replace(PROVINCE_SPELLING)
    return table


def _read(originals: Path, technology: str) -> Frame:
    import pandas as pd

    name, lexicon = _FILES[technology]
    path = original(originals, f"{FOLDER}/{name}")
    raw = pd.read_csv(path, low_memory=False)
    require_columns(raw, lexicon, path)
    rows = raw.rename(columns=lexicon)[list(lexicon.values())]
    rows = rows[rows["country"].str.strip(";") == "China"].copy()
    rows["status"] = translated(rows["status"], STATUS, path)
    rows["technology"] = technology
    if technology == "gas":
        rows.loc[rows["fuel"].str.startswith(BY_PRODUCT), "technology"] = "oil"
    if technology == "nuclear":
        rows = rows[rows["nameplate_mw"] >= RESEARCH_REACTOR_BELOW_MW]
    if technology == "hydro":
        off_stream = rows["river"].isna() & (rows["nameplate_mw"] >= PUMPED_STORAGE_FROM_MW)
        named = rows["name"].str.contains("Pumped Storage", case=False)
        rows.loc[off_stream | named, "technology"] = "pumped_storage"
    for column in ("start_year", "retired_year", "planned_retirement"):
        if column in rows:
            rows[column] = pd.to_numeric(rows[column], errors="coerce")
        else:
            rows[column] = float("nan")
    return rows[list(_KEEP)]
