"""US load before the hourly record of the areas: 2010-2019 from EIA-930 regions and state sales."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grids.areas import AREAS
from grids.hours import hours_in_year
from grids.sources import eia930
from grids.sources.us_consumption import read_state_sales

if TYPE_CHECKING:
    import pandas as pd
    from pandas.api.typing import DataFrameGroupBy

REGION_YEARS: Final = (2016, 2017, 2018, 2019)  # whole years in the regional series; 2015 has only a half
EARLIER_YEARS: Final = (2010, 2011, 2012, 2013, 2014, 2015)
BASE_YEARS: Final = (2020, 2021)  # nearest hourly years, and before customers moved between PSCO and WACM


@dataclass(frozen=True)
class History:
    """Energy [MWh], peak [MW] and record of areas (rows) by year (columns)."""

    energy_mwh: pd.DataFrame
    peak_mw: pd.DataFrame
    record: pd.DataFrame


def history_before_hourly(originals: Path, base: pd.DataFrame, peak_to_mean: pd.DataFrame) -> History:
    """US load 2010-2019 by area.

    Parameters
    ----------
    base : DataFrame ((region, area), year)
        Energy of the hourly years by EIA region and area. [MWh]
    peak_to_mean : DataFrame (area, year)
        Peak over mean load of the hourly years. [1]

    Method: state sales, weighted by each state's share in the area, move the energy of BASE_YEARS back; in
    REGION_YEARS the parts of a region are scaled to the region's hourly series, before that by the mean scale of
    those years. An area made of whole regions takes energy and peak from their hourly sum. Other peaks are energy
    times the mean ratio of peak to mean load in the nearest years that are observed.
    """
    import pandas as pd

    regional = eia930.read_regions(originals)
    region_energy = by_year(regional).sum()
    estimate = _moved_back(base, read_state_sales(originals))
    region = estimate.index.get_level_values("region")
    scale = pd.DataFrame({y: region_energy.loc[y] / estimate[y].groupby(region).sum() for y in REGION_YEARS})
    for year in EARLIER_YEARS:
        scale[year] = scale[list(REGION_YEARS)].mean(axis=1)
    years = [*EARLIER_YEARS, *REGION_YEARS]
    parts = pd.DataFrame({y: estimate[y] * scale[y].reindex(region).to_numpy() for y in years})
    energy = parts.groupby(level="area").sum()
    mean = energy / [hours_in_year(y) for y in years]
    peak = mean.mul(peak_to_mean.mean(axis=1).reindex(mean.index), axis=0)
    whole = whole_regions(base)
    record = pd.DataFrame(
        {y: [_record(y, whole.get(str(area), ())) for area in energy.index] for y in years}, index=energy.index
    )
    for area, regions in whole.items():
        hourly = regional[list(regions)].sum(axis=1)
        highest = by_year(hourly.to_frame("all")).max()["all"]
        for year in REGION_YEARS:
            peak.loc[area, year] = highest[year]
        usual = (peak.loc[area, list(REGION_YEARS)] / mean.loc[area, list(REGION_YEARS)]).mean()
        peak.loc[area, list(EARLIER_YEARS)] = mean.loc[area, list(EARLIER_YEARS)] * usual
    return History(energy, peak, record)


def by_year(hourly: pd.DataFrame) -> DataFrameGroupBy[Any, Any]:
    """Hourly rows grouped by calendar year (UTC)."""
    import pandas as pd

    return hourly.groupby(pd.DatetimeIndex(hourly.index).year)


def whole_regions(base: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Areas that are made of whole EIA regions, and of which."""
    areas_of: dict[str, set[str]] = {}
    for region, area in base.index:
        areas_of.setdefault(region, set()).add(area)
    regions_of: dict[str, set[str]] = {}
    for region, area in base.index:
        regions_of.setdefault(area, set()).add(region)
    return {
        area: tuple(sorted(regions))
        for area, regions in regions_of.items()
        if all(areas_of[region] == {area} for region in regions)
    }


def _moved_back(base: pd.DataFrame, sales: pd.DataFrame) -> pd.DataFrame:
    """Energy by (region, area) of 2010-2019 as state sales move it, before any scaling. [MWh]"""
    import pandas as pd

    index = pd.DataFrame(
        {
            area.id: sum(share * sales.loc[state] for state, share in area.state_shares.items())
            for area in AREAS
            if area.country == "US"
        }
    ).T
    growth = index.div(index[list(BASE_YEARS)].mean(axis=1), axis=0)
    level = base[list(BASE_YEARS)].mean(axis=1)
    level.index.names = ["region", "area"]
    area = level.index.get_level_values("area")
    return pd.DataFrame({y: level * growth[y].reindex(area).to_numpy() for y in (*EARLIER_YEARS, *REGION_YEARS)})


def _record(year: int, regions: tuple[str, ...]) -> str:
    if year in EARLIER_YEARS:
        return (
            "energy derived: state sales (SEDS) by the area's share of each state, at the level of EIA-930 2016-2021; "
            f"peak derived: energy times mean peak-to-mean ratio of {'2016-2019' if regions else '2020-2024'}"
        )
    if regions:
        return f"energy and peak observed: hourly EIA-930 series of region {' + '.join(regions)}"
    return (
        "energy derived: EIA-930 regional series split by the shares of 2020-2021, moved by state sales (SEDS); "
        "peak derived: energy times mean peak-to-mean ratio of 2020-2024"
    )
