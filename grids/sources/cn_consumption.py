"""Electricity consumption of the Chinese provinces and peak load of the country.

Facts of the National Bureau of Statistics, the National Energy Administration and the China Electricity Council, as
collected by the Centre for Research on Energy and Clean Air. "Consumption of the whole society" includes line losses
and the power stations' own use, so it is load at the generator.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grids.areas import AREAS
from grids.units import MW_PER_WAN_KW
from grids.variables import GridDataError

if TYPE_CHECKING:
    import pandas as pd

GENERATION: Final = "crea_china_co2/power_generation_by_province_and_source.csv"
PEAKS: Final = "crea_china_co2/Peak Load by Power Grid.xlsx"
UNITS: Final = {"万千瓦": MW_PER_WAN_KW, "10000 kw": MW_PER_WAN_KW}

FIRST_YEAR, LAST_YEAR = 2010, 2024
PEAK_PREFIX: Final = "Peak Load of Power Consumption by Nation's Major Power Grids: "
# The publisher's English calls East China (华东) "WALTON", its sound.
PEAK_SERIES: Final = {
    "Total": "total",
    "North China": "north",
    "Northeast": "northeast",
    "WALTON": "east",
    "Central China": "central",
    "South": "south",
    "Northwest China": "northwest",
}


def read_consumption(originals: Path) -> pd.DataFrame:
    """Consumption of the whole society in MWh; rows area id in yearbook order, columns year 2010-2024.

    The December figure of the year-to-date series. Raises GridDataError when a province or year is absent or zero.
    """
    import pandas as pd

    from grids.sources.crea import read_generation, year_ends

    by_source = read_generation(originals)
    if "consumption" not in by_source.columns.get_level_values(0):
        raise GridDataError(f"{GENERATION}: no series of power consumption; see the lexicon in grids/sources/crea.py")
    monthly: Any = by_source["consumption"]
    table = year_ends(monthly)
    years = list(range(FIRST_YEAR, LAST_YEAR + 1))
    lexicon = {area.name: area.id for area in AREAS if area.country == "CN"}
    problems = [f"{GENERATION}: no consumption of {name}" for name in lexicon if name not in table]
    problems += [f"{GENERATION}: no consumption in December {year}" for year in years if year not in table.index]
    if not problems:
        wanted = table.loc[years, list(lexicon)]
        for name in wanted.columns[wanted.isna().any()]:
            absent = wanted.index[wanted[name].isna()].tolist()
            problems.append(f"{GENERATION}: {name} is missing or zero in {absent}; fill it by a stated rule")
    if problems:
        raise GridDataError(problems)
    result: pd.DataFrame = wanted.rename(columns=lexicon).T
    result.columns = pd.Index(years, name="year")
    return result


def read_grid_peaks(originals: Path) -> pd.DataFrame:
    """Highest load of each year in MW; rows year (to 2022), columns total and regional grid.

    Load that the grids dispatch; the self-supply of industry, large in the north-west, is not counted. The last year
    lacks December. A zero is a month without a figure.
    """
    import pandas as pd

    from grids.sources.checks import original

    raw = pd.read_excel(original(originals, PEAKS), header=None)
    labels = raw[0].astype(str)
    names, units = raw[labels == "Name"], raw[labels == "Unit"]
    if len(names) != 1 or len(units) != 1:
        raise GridDataError(f"{PEAKS}: expected one row 'Name' and one row 'Unit'")
    months = pd.to_datetime(raw.loc[labels.str.fullmatch(r"\d{4}-\d{2}-\d{2}.*"), 0])
    peaks, problems = {}, []
    for series, ours in PEAK_SERIES.items():
        columns = [column for column in raw.columns[1:] if names.iloc[0][column] == PEAK_PREFIX + series]
        unit = str(units.iloc[0][columns[0]]) if columns else ""
        if len(columns) != 1 or unit not in UNITS:
            problems.append(f"{PEAKS}: {len(columns)} series of the peak of {series!r} in {unit!r}; expected one in MW")
            continue
        figures = pd.to_numeric(raw.loc[months.index, columns[0]]) * UNITS[unit]
        peaks[ours] = figures.where(figures > 0).groupby(months.dt.year).max()
    if problems:
        raise GridDataError(problems)
    return pd.DataFrame(peaks).rename_axis("year")
