"""China's monthly power statistics (NBS, NEA, CEC), as collected by the Centre for Research on
Energy and Clean Air.

The sheets put dates down and series across, under a few rows of metadata. Their export writes 0.00
where the publisher gave no figure: a zero is read as missing, never as zero.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from grids.sources.checks import Frame, original
from grids.variables import GridDataError

FOLDER: Final = "crea_china_co2"
PROVINCE_NAMES: Final = (
    "Beijing", "Tianjin", "Hebei", "Shanxi", "Inner Mongolia", "Liaoning", "Jilin", "Heilongjiang",
    "Shanghai", "Jiangsu", "Zhejiang", "Anhui", "Fujian", "Jiangxi", "Shandong", "Henan", "Hubei", "Hunan",
    "Guangdong", "Guangxi", "Hainan", "Chongqing", "Sichuan", "Guizhou", "Yunnan", "Tibet", "Shaanxi",
    "Gansu", "Qinghai", "Ningxia", "Xinjiang",
)  # fmt: skip

MW_PER_10000_KW: Final = 10.0
MWH_PER_10000_KWH: Final = 10.0
MWH_PER_100_MILLION_KWH: Final = 1e5
_UNIT: Final = {
    "10000 kw": MW_PER_10000_KW,
    "10000 kwh": MWH_PER_10000_KWH,
    "100 million kwh": MWH_PER_100_MILLION_KWH,
    "hour": 1.0,
}

CAPACITY_SHEET: Final = "power_capacity_by_province&type.csv"
GENERATION_SHEET: Final = "power_generation_by_province_and_source.csv"
HOURS_SHEET: Final = "wind_solar_utilization_capacity_by_province.csv"
NATIONAL_CAPACITY_SHEET: Final = "Power_Capacity.csv"
NATIONAL_SHEET: Final = "generation-consumption-utilization-capacity.csv"

# A word of the series name -> ours; the first that matches wins.
CAPACITY_WORDS: Final = {
    "Hydropower": "hydro",
    "Thermal Power": "thermal",
    "Nuclear Power": "nuclear",
    "Wind Power": "wind",
    "Solar Power": "solar",
}
GENERATION_WORDS: Final = {
    "Thermal Power Generating": "thermal",
    "Hydro Power Generating": "hydro",
    "Wind Power": "wind",
    "Nuclear Power": "nuclear",
    "Output: Solar": "solar",
    "Power Consumption": "consumption",
}
NATIONAL_CAPACITY_WORDS: Final = {
    "Installed Power Generation Capacity: YTD": "total",
    "Installed Power Generation Capacity: Hydropower: YTD": "hydro",
    "Installed Power Generation Capacity: Thermal Power: YTD": "thermal",
    "Installed Power Generation Capacity: Nuclear Power: YTD": "nuclear",
    "Installed Power Generation Capacity: Wind Power: YTD": "wind",
    "Installed Power Generation Capacity: Thermal Power: Coal: YTD": "coal",
    "Installed Power Generation Capacity: Thermal Power: Gas: YTD": "gas",
    "Installed Capacity: Solar Power Generation: National: YTD": "solar",
}


def read_capacity(originals: Path) -> Frame:
    """Capacity of plants of at least 6 MW (solar: all) in MW: rows month (YYYY-MM), columns (technology, province).

    technology is thermal, hydro (with pumped storage), nuclear, wind or solar; provinces without a
    series, and months without a figure, are absent or NaN.
    """
    return _provincial(originals, CAPACITY_SHEET, CAPACITY_WORDS, "10000 kw")


def read_generation(originals: Path) -> Frame:
    """Generation and consumption since January in MWh: rows month, columns (source, province).

    Plants above the statistical size limit only (solar: less than half of all in 2024).
    """
    table = _provincial(originals, GENERATION_SHEET, GENERATION_WORDS, "10000 kwh")
    return table


def read_utilisation_hours(originals: Path) -> Frame:
    """Full-load hours of wind and solar since January: rows month, columns (wind or solar, province)."""
    sheet = _sheet(originals, HOURS_SHEET)
    hours = sheet.loc[:, [n for n in sheet.columns if "Utilization Hours" in n and "National" not in n]]
    return _by_province(hours, {"Wind Power": "wind", "Solar Power": "solar"}, HOURS_SHEET)


def read_wind_capacity(originals: Path) -> Frame:
    """Wind capacity in MW from the monthly sheet, which goes on to November 2024."""
    sheet = _sheet(originals, HOURS_SHEET)
    wind = sheet.loc[:, [name for name in sheet.columns if name.endswith("Wind Power") and "6000 k" in name]]
    return _by_province(wind, {"Wind Power": "wind"}, HOURS_SHEET)["wind"] * MW_PER_10000_KW


def read_national_capacity(originals: Path) -> Frame:
    """National capacity in MW at year ends, 2012-2024: rows year, columns as NATIONAL_CAPACITY_WORDS."""
    sheet = _sheet(originals, NATIONAL_CAPACITY_SHEET)
    missing = [name for name in NATIONAL_CAPACITY_WORDS if name not in sheet.columns]
    if missing:
        raise GridDataError(f"{NATIONAL_CAPACITY_SHEET}: missing series {missing}")
    table = sheet[list(NATIONAL_CAPACITY_WORDS)].rename(columns=NATIONAL_CAPACITY_WORDS) * MW_PER_10000_KW
    national = year_ends(table)
    biomass = [name for name in _sheet(originals, NATIONAL_SHEET).columns if "Biomass" in name]
    if len(biomass) != 1:
        raise GridDataError(f"{NATIONAL_SHEET}: {len(biomass)} biomass series, expected one")
    national["biomass"] = year_ends(_sheet(originals, NATIONAL_SHEET)[biomass])[biomass[0]] * MW_PER_10000_KW
    return national


def year_ends(table: Frame) -> Frame:
    """The December rows, indexed by year."""
    rows = table[table.index.str.endswith("-12")].copy()
    rows.index = rows.index.str[:4].astype(int)
    return rows


def _provincial(originals: Path, name: str, words: dict[str, str], unit: str) -> Frame:
    sheet = _sheet(originals, name)
    sheet = sheet.loc[:, [column for column in sheet.columns if "National" not in column]]
    return _by_province(sheet, words, name) * _UNIT[unit]


def _by_province(sheet: Frame, words: dict[str, str], name: str) -> Frame:
    import pandas as pd

    keys = []
    for column in sheet.columns:
        province = [p for p in PROVINCE_NAMES if re.search(rf"(^|: ){p}(:|$)", column)]
        kind = [ours for word, ours in words.items() if word in column]
        if len(province) != 1 or not kind:
            raise GridDataError(f"{name}: no rule for the series {column!r}; words known: {sorted(words)}")
        keys.append((kind[0], province[0]))
    table = sheet.copy()
    table.columns = pd.MultiIndex.from_tuples(keys, names=["technology", "province"])
    if table.columns.duplicated().any():
        raise GridDataError(f"{name}: two series for {sorted(set(table.columns[table.columns.duplicated()]))}")
    return table.sort_index(axis=1)


def _sheet(originals: Path, name: str) -> Frame:
    """Dates down, series across; figures as float, 0.00 and blank as NaN."""
    import pandas as pd

    path = original(originals, f"{FOLDER}/{name}")
    raw = pd.read_csv(path, header=None, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    dated = raw[0].str.fullmatch(r"\d{4}-\d{2}")
    names = raw[raw[0] == "Name"]
    if len(names) != 1 or not dated.any():
        raise GridDataError(f"{path}: expected one row 'Name' and rows dated YYYY-MM")
    table = raw[dated].set_index(0)
    table.columns = pd.Index(names.iloc[0, 1:])
    table.index.name = "month"
    figures = table.apply(lambda column: pd.to_numeric(column.str.replace(",", "").str.strip(), errors="raise"))
    return figures.where(figures != 0.0)
