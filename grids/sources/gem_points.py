"""Sites of generating units in the Global Energy Monitor trackers (CC BY 4.0), China and the US.

Only where units stand and in what proportion: how much there is in total is the fleet's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from grids.sources.boundaries import province_id
from grids.sources.checks import original, require_columns, translated
from grids.sources.gem import (
    BY_PRODUCT,
    FOLDER,
    PROVINCE_SPELLING,
    PUMPED_STORAGE_FROM_MW,
    STATUS,
)

if TYPE_CHECKING:
    import pandas as pd

OPERATING: Final = frozenset({"operating", "mothballed"})
"""Statuses that stand. Mothballed units can return, and capacity statistics count them."""

PIPELINE: Final = frozenset({"construction", "permitted", "pre_permit", "announced"})

FLEET_YEAR: Final = 2024
"""The fleet is that of the end of this year; a unit under construction with this start year or earlier counts."""


PUMPED_STORAGE_ON_A_RIVER: Final = frozenset(
    f"{name} hydroelectric plant"
    for name in (
        "Baoquan",
        "Dunhua",
        "Fengning",
        "Fukang",
        "Hainan Qiongzhong",
        "Jixi",
        "Tianhuangping",
        "Tongbai",
        "Zhanghewan",
    )
)
"""Chinese pumped-storage stations to which the tracker gives a river. Label R: well-known stations."""


@dataclass(frozen=True)
class _Tracker:
    """One feed: its file, and our name of each of its columns."""

    file: str
    columns: dict[str, str]
    technology: str | Callable[[pd.DataFrame], pd.Series]


def operating(originals: Path) -> pd.DataFrame:
    """Units that stood at the end of 2024: columns country, province, technology, mw, lat, lon.

    country is US or CN; province is the area id (``cn.jiangsu``) in China and empty in the US. The trackers are
    of July 2024 (coal, nuclear), August 2024 (oil and gas), September 2024 (bioenergy), March 2025 (geothermal)
    and April 2025 (hydro); a unit then under construction for 2024 or earlier is counted.
    """
    units = all_units(originals)
    names = ["country", "province", "technology", "mw", "lat", "lon"]
    return units.loc[_stands(units), names]


def captive_coal(originals: Path) -> pd.DataFrame:
    """Chinese coal units that serve a works of their own (aluminium, chemicals, steel, paper): columns of `operating`.

    They show where heavy industry draws power that people do not explain.
    """
    units = all_units(originals)
    chosen = _stands(units) & units["captive"] & (units["country"] == "CN")
    return units.loc[chosen, ["country", "province", "technology", "mw", "lat", "lon"]]


def planned(originals: Path, first: int = 2025, last: int = 2035) -> pd.DataFrame:
    """Units under construction, permitted or announced, stated to start in ``first`` to ``last``.

    Columns as `operating`, and year. A unit under construction without a stated year (all nuclear units: their
    feed has no years) is kept, with a missing year; other undated plans are left out.
    """
    units = all_units(originals)
    dated = units["status"].isin(PIPELINE) & units["year"].between(first, last)
    under_way = (units["status"] == "construction") & units["year"].isna()
    names = ["country", "province", "technology", "mw", "lat", "lon", "year"]
    return units.loc[dated | under_way, names]


def _stands(units: pd.DataFrame) -> pd.Series[bool]:
    built = units["status"].isin(OPERATING) & ~(units["year"] > FLEET_YEAR)
    finished = (units["status"] == "construction") & (units["year"] <= FLEET_YEAR)
    return built | finished


def all_units(originals: Path) -> pd.DataFrame:
    """Every unit of every tracker with its status, year, place and our technology."""
    import pandas as pd

    parts = []
    for tracker in _TRACKERS:
        path = original(originals, f"{FOLDER}/{tracker.file}")
        raw = pd.read_csv(path)
        require_columns(raw, tracker.columns, path.name)
        table = raw.rename(columns=tracker.columns)
        table["technology"] = tracker.technology if isinstance(tracker.technology, str) else tracker.technology(raw)
        table["status"] = translated(table["status"], STATUS, path.name)
        table["year"] = table["year"] if "year" in table else float("nan")
        table["captive"] = table["captive"].notna() if "captive" in table else False
        names = ["country", "province", "technology", "mw", "status", "year", "lat", "lon", "captive"]
        parts.append(table[names])
    units = pd.concat(parts, ignore_index=True)
    units["country"] = units["country"].str.rstrip(";").map({"China": "CN", "United States": "US"})
    stated = units["province"].where(units["country"] == "CN", "").fillna("")
    units["province"] = [province_id(name) if name else "" for name in stated.replace(PROVINCE_SPELLING)]
    located = units["lat"].notna() & units["lon"].notna() & (units["mw"] > 0)
    return units[located & units["country"].notna()]


def _oil_or_gas(raw: pd.DataFrame) -> pd.Series:
    """First fuel of the list decides: liquids and by-product gases are oil (as in the fleet), the rest gas."""
    oil = raw["fuel_type"].str.startswith(("fossil liquids", BY_PRODUCT))
    return oil.map({True: "oil", False: "gas"})


def _hydro_kind(raw: pd.DataFrame) -> pd.Series:
    """Pumped storage has no column: read from the name, in China also from the lack of a river (label J)."""
    named = raw["name"].str.contains("pumped storage", case=False) | raw["name"].isin(PUMPED_STORAGE_ON_A_RIVER)
    large = raw["areas"].str.startswith("China") & (raw["capacity"] >= PUMPED_STORAGE_FROM_MW)
    return (named | (raw["river"].isna() & large)).map({True: "pumped_storage", False: "hydro"})


_TRACKERS: Final = (
    _Tracker(
        "gcpt_coal_units_jul2024_cn_us.csv.gz",
        {
            "Country/Area": "country",
            "Subnational unit (province, state)": "province",
            "Capacity (MW)": "mw",
            "Status": "status",
            "Start year": "year",
            "Latitude": "lat",
            "Longitude": "lon",
            "Captive": "captive",
        },
        "coal",
    ),
    _Tracker(
        "gogpt_oil_gas_units_aug2024_cn_us.csv.gz",
        {"start_year": "year", "capacity": "mw", "lng": "lon"}
        | {name: name for name in ("country", "province", "status", "lat")},
        _oil_or_gas,
    ),
    _Tracker(
        "gnpt_nuclear_units_jul2024_cn_us.csv.gz",
        {"capacity-(mw)": "mw", "state/province": "province", "lng": "lon"}
        | {name: name for name in ("country", "status", "lat")},
        "nuclear",
    ),
    _Tracker(
        "ghpt_hydro_apr2025_cn_us.csv.gz",
        {"areas": "country", "subnat": "province", "capacity": "mw", "start-year": "year"}
        | {"status": "status", "Latitude": "lat", "Longitude": "lon"},
        _hydro_kind,
    ),
    _Tracker(
        "gbpt_bioenergy_sep2024_cn_us.csv.gz",
        {"country/area": "country", "state/province": "province", "capacity-(mw)": "mw", "start-year": "year"}
        | {"status": "status", "lat": "lat", "lng": "lon"},
        "biomass",
    ),
    _Tracker(
        "ggpt_geothermal_mar2025_cn_us.csv.gz",
        {"country/area": "country", "state/province": "province", "unit-capacity-(mw)": "mw"}
        | {"start-year": "year", "status": "status", "lat": "lat", "lng": "lon"},
        "geothermal",
    ),
)
