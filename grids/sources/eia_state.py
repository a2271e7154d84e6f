"""EIA state tables: capacity 1990-2024, generation 1990-2019, and the State Energy Data System."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import Frame, original, require_columns, translated
from grids.units import MWH_PER_TWH

FOLDER: Final = "eia_state"
ALL_PRODUCERS: Final = "Total Electric Power Industry"
# Industrial plants that mostly serve their own site; both spellings occur, before and after 2011.
INDUSTRIAL_PRODUCERS: Final = ("Combined Heat and Power, Industrial Power", "Industrial Power")
OUTSIDE_THE_AREAS: Final = ("AK", "HI", "PR")
NATIONAL: Final = ("US", "US-TOTAL", "US-Total")

FUEL: Final = {
    "Coal": "coal",
    "Natural Gas": "gas",
    "Other Gases": "gas",
    "Petroleum": "oil",
    "Nuclear": "nuclear",
    "Hydroelectric": "hydro",
    "Hydroelectric Conventional": "hydro",
    "Pumped Storage": "pumped_storage",
    "Wind": "wind",
    "Solar Thermal and Photovoltaic": "solar",
    "Wood and Wood Derived Fuels": "biomass",
    "Other Biomass": "biomass",
    "Geothermal": "geothermal",
    "Other": "other",
    "All Sources": "total",
    "Total": "total",
}

# SEDS: net generation by sector, million kWh; the sum of a technology's series is its generation.
SEDS_GENERATION: Final = {
    "hydro": ("HYTCP",),
    "nuclear": ("NUETP",),
    "wind": ("WYTCP",),
    "geothermal": ("GEEGP",),
}
# Solar: the power sector only; the commercial and industrial series mix in small-scale systems.
SEDS_SOLAR_POWER_SECTOR: Final = "SOEGP"
# SEDS: fuel burnt in the power sector, any physical unit (only ratios are used).
SEDS_FUEL: Final = {"coal": "CLEIP", "gas": "NGEIP", "oil": "PAEIP"}
SEDS_NET_IMPORTS: Final = "ELNIP"
SEDS_SALES: Final = "ESTCP"
NO_NEIGHBOURS: Final = ("AK", "HI")
LAST_GENERATION_YEAR: Final = 2019


def read_capacity(originals: Path) -> Frame:
    """Capacity of all producers at the end of each year, 1990-2024.

    Returns year, state (48 states; DC counted in MD), technology ('other' = batteries and odd fuels),
    nameplate_mw, summer_mw. Alaska, Hawaii and Puerto Rico are outside the areas.
    """
    raw = _capacity_rows(originals)
    rows = raw[(raw["producer"] == ALL_PRODUCERS) & (raw["technology"] != "total")]
    rows = rows[~rows["state"].isin(NATIONAL) & ~rows["state"].isin(OUTSIDE_THE_AREAS)]
    return rows.groupby(["year", "state", "technology"], as_index=False)[["nameplate_mw", "summer_mw"]].sum()


def read_national_capacity(originals: Path) -> Frame:
    """The same for the fifty states together: year, technology, nameplate_mw, summer_mw."""
    raw = _capacity_rows(originals)
    rows = raw[(raw["producer"] == ALL_PRODUCERS) & (raw["technology"] != "total") & (raw["state"] == "US")]
    return rows.groupby(["year", "technology"], as_index=False)[["nameplate_mw", "summer_mw"]].sum()


def read_generation(originals: Path) -> Frame:
    """Net generation 1990-2019: year, state (as in `read_capacity`), technology, mwh, industrial_mwh.

    industrial_mwh is the part from industrial plants. Utility scale only.
    """
    import pandas as pd

    path = original(originals, f"{FOLDER}/annual_generation_state_mwh_1990_2019.csv.gz")
    raw = pd.read_csv(path, thousands=",")
    names = ("YEAR", "STATE", "TYPE OF PRODUCER", "ENERGY SOURCE", "GENERATION (Megawatthours)")
    require_columns(raw, names, path)
    raw.columns = pd.Index(["year", "state", "producer", "fuel", "mwh"])
    raw["technology"] = translated(raw["fuel"], FUEL, path)
    raw["state"] = raw["state"].str.strip().replace({"DC": "MD"})
    # Rows without a state code repeat part of the national total (2003 only).
    raw = raw[~raw["state"].isin((*NATIONAL, *OUTSIDE_THE_AREAS, "")) & (raw["technology"] != "total")]
    keys = ["year", "state", "technology"]
    everything = raw[raw["producer"] == ALL_PRODUCERS].groupby(keys)["mwh"].sum()
    industrial = raw[raw["producer"].isin(INDUSTRIAL_PRODUCERS)].groupby(keys)["mwh"].sum()
    table = everything.to_frame("mwh")
    # A state without industrial rows has no industrial plant of that fuel: the table lists all plants.
    table["industrial_mwh"] = industrial.reindex(table.index, fill_value=0)
    return table.reset_index()


def generation_of_alaska_and_hawaii_twh(originals: Path, year: int) -> float:
    """Utility-scale generation of the two states that no area holds, TWh, in a year from 2019 to 2023.

    The state table ends in 2019; later years follow each state's sales, since neither trades with a neighbour.
    `grids/data/known_totals.yaml` subtracts it from the published totals of all states.
    """
    import pandas as pd

    path = original(originals, f"{FOLDER}/annual_generation_state_mwh_1990_2019.csv.gz")
    raw = pd.read_csv(path, thousands=",")
    raw.columns = pd.Index(["year", "state", "producer", "fuel", "mwh"])
    total = raw[(raw["year"] == LAST_GENERATION_YEAR) & (raw["producer"] == ALL_PRODUCERS) & (raw["fuel"] == "Total")]
    seds = read_seds(originals)
    sales = seds[seds["series"] == SEDS_SALES].set_index(["state", "year"])["value"]
    mwh = total.set_index("state")["mwh"]
    return float(sum(mwh[s] * sales[s, year] / sales[s, LAST_GENERATION_YEAR] for s in NO_NEIGHBOURS) / MWH_PER_TWH)


def read_seds(originals: Path) -> Frame:
    """State Energy Data System: columns state, series, year, value; the series listed above, 1960-2023."""
    import pandas as pd

    path = original(originals, f"{FOLDER}/seds_use_all_phy_electricity_1960_2023.parquet")
    raw = pd.read_parquet(path)
    raw.columns = pd.Index([str(name) for name in raw.columns])
    require_columns(raw, ("State", "MSN", "2023"), path)
    wanted = [name for names in SEDS_GENERATION.values() for name in names]
    wanted += [SEDS_SOLAR_POWER_SECTOR, SEDS_NET_IMPORTS, SEDS_SALES, *SEDS_FUEL.values()]
    years = [name for name in raw.columns if name.isdigit()]
    rows = raw[raw["MSN"].isin(wanted)].melt(["State", "MSN"], years, "year", "value")
    rows.columns = pd.Index(["state", "series", "year", "value"])
    rows["year"] = rows["year"].astype(int)
    return rows


def _capacity_rows(originals: Path) -> Frame:
    import pandas as pd

    names = {
        "Year": "year",
        "State Code": "state",
        "Producer Type": "producer",
        "Fuel Source": "fuel",
        "Nameplate Capacity (Megawatts)": "nameplate_mw",
        "Summer Capacity (Megawatts)": "summer_mw",
    }
    parts = []
    for relative, years in (("1990_2023", range(1990, 2024)), ("2023_2024", range(2024, 2025))):
        path = original(originals, f"{FOLDER}/existcapacity_annual_{relative}.csv.gz")
        raw = pd.read_csv(path, thousands=",")
        require_columns(raw, names, path)
        raw = raw.rename(columns=names)[list(names.values())]
        raw = raw[raw["year"].isin(years) & raw["fuel"].notna()].copy()
        raw["technology"] = translated(raw["fuel"], FUEL, path)
        # "." stands for a withheld summer figure in a handful of single-plant rows.
        raw["summer_mw"] = pd.to_numeric(raw["summer_mw"].astype(str).str.replace(",", ""), errors="coerce")
        parts.append(raw)
    table = pd.concat(parts, ignore_index=True)
    table["state"] = table["state"].str.strip().replace({"DC": "MD"})
    return table
