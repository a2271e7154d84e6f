"""Generation, capacity factors and net exports of a grid file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from grids.areas import AREAS, COUNTRIES, TECHNOLOGIES
from grids.build import fleet_cn, fleet_us, generation_cn, generation_us, hydro_us
from grids.build.axes import CN_AREAS, HISTORY_YEARS, PROVINCE_AREA, US_AREAS, to_array
from grids.sources import owid
from grids.sources.checks import Column, Frame
from grids.units import HOURS_PER_LEAP_YEAR, HOURS_PER_YEAR, MWH_PER_TWH
from grids.variables import GridDataError, attrs_for

if TYPE_CHECKING:
    import xarray as xr

AREA_IDS: Final = tuple(area.id for area in AREAS)
SOURCES: Final = ("total", "coal", "gas", "oil", "nuclear", "hydro", "wind", "solar", "bioenergy", "other")
NATIONAL_YEARS: Final = tuple(range(1985, 2026))
MONTHS: Final = tuple(range(1, 13))
# Below this mean capacity a capacity factor says more about rounding than about plants. J.
LEAST_CAPACITY_MW: Final = 20.0
# Where the part of industrial output that stays on site must lie; outside, load and generation contradict
# each other. EIA's own figure of direct use is about 0.95 of it. J.
ONSITE_SHARE: Final = (0.3, 1.3)
RECENT_YEARS: Final = range(2019, 2025)

_US: Final = "eia-state eia-seds eia-international owid-energy powergenome-reeds"
_CN: Final = "crea-china gem-trackers china-recalled nea-storage-2025"
ATTRS: Final = {
    "generation_mwh": {
        "units": "MWh",
        "label": "P",
        "source": f"{_US} {_CN}",
        "method": (
            "US (48 states, net, utility scale): EIA state by fuel table to 2019, later from SEDS figures and "
            "fuel use scaled to national fuel totals, 2024 from 2023 and capacity growth; states shared out to "
            "areas by the units then operating. China (gross): provincial thermal, hydro and nuclear output, wind"
            " and solar from capacity and published hours, each fuel scaled to the national total; thermal fitted"
            " to fuel totals; 'oil' is other fossil. Storage: US pumped storage net, China's gross discharge (its"
            " statistics count pumping as consumption); batteries are their losses by stated hours and "
            "efficiency."
        ),
    },
    "annual_capacity_factor": {
        "units": "1",
        "label": "P",
        "source": f"{_US} {_CN}",
        "method": (
            "generation_mwh over the mean of two year-end capacities (2010: its own year end) and the "
            f"hours of the year; masked below {LEAST_CAPACITY_MW:g} MW and where the two tables contradict each "
            "other (above 1)."
        ),
    },
    "net_export_mwh": {
        "units": "MWh",
        "label": "P",
        "source": f"{_US} {_CN} eia-930",
        "method": (
            "Generation minus annual_load_mwh at the meters of the load. US: generation of industrial plants that"
            " stays on site is taken out first, one national share of it a year (attribute onsite_share, by year)"
            " set so that the areas add up to the national net import. China: battery losses are consumption; "
            "what national generation exceeds consumption plus net export by (attribute unexplained_share of "
            "consumption) is taken from the areas in proportion to consumption."
        ),
    },
    "hydro_monthly_capacity_factor": {
        "units": "1",
        "label": "P",
        "source": f"{_CN} eia-state eia-seds",
        "method": (
            "China: monthly provincial hydro output 2019-2024 without pumped storage over capacity. US: the "
            "area's mean annual factor of 2015-2024 times a runoff shape of its part of the country (judgement). "
            "Areas without conventional hydro carry their country's mean."
        ),
    },
    "national_generation_twh": {
        "units": "TWh",
        "label": "F",
        "source": "owid-energy",
        "method": (
            "Our World in Data (Ember, Energy Institute): series 1985-2023, overlaid by the newer table for China"
            " from 2006 and the United States from 2022. Includes small-scale solar, Alaska and Hawaii. Before "
            "the newer table the total is the sum of the sources; bioenergy and other start in 2000."
        ),
    },
}


def build(originals: Path, fleet: xr.Dataset, demand: xr.Dataset | None = None) -> xr.Dataset:
    """Generation variables of the grid file.

    Parameters
    ----------
    originals : folder of the downloaded originals.
    fleet : what `grids.build.fleet.build` returns (capacity_history_mw is used).
    demand : dataset with annual_load_mwh (area, history_year); without it net_export_mwh is left out.

    Returns
    -------
    Dataset with generation_mwh and annual_capacity_factor (area, technology, history_year), net_export_mwh
    (area, history_year), hydro_monthly_capacity_factor (area, month), national_generation_twh (country,
    source, national_year).

    Raises
    ------
    GridDataError for a missing original or column, and for tables that contradict each other.
    """
    import pandas as pd
    import xarray as xr

    units = fleet_us.build_units(originals)
    us = generation_us.by_area(generation_us.by_state(originals, fleet_us.published_capacity(originals)), units)
    capacity = fleet_cn.capacity_by_province(originals)
    china = generation_cn.by_province(originals, capacity).rename_axis(columns="history_year").stack()
    placed = china.rename("mwh").reset_index()
    placed["area"] = placed["province"].map(PROVINCE_AREA)
    levels = ["area", "technology", "history_year"]
    both: Column = pd.concat([us, placed.groupby(levels)["mwh"].sum()])
    mwh = to_array(both, area=AREA_IDS, technology=TECHNOLOGIES, history_year=HISTORY_YEARS)
    factor = capacity_factor(mwh, fleet["capacity_history_mw"])
    monthly = generation_cn.monthly_hydro_factor(originals, capacity, RECENT_YEARS)
    variables = {
        "generation_mwh": mwh,
        "annual_capacity_factor": factor,
        "hydro_monthly_capacity_factor": _monthly_hydro(monthly, factor),
        "national_generation_twh": national_generation(originals),
    }
    if demand is not None:
        onsite = to_array(generation_us.industrial_by_area(originals, units), area=US_AREAS, history_year=HISTORY_YEARS)
        imports, exports = national_exchange(originals)
        variables["net_export_mwh"] = net_export(mwh, demand["annual_load_mwh"], onsite, imports, exports)
    dataset = xr.Dataset(variables)
    for name in variables:
        extra = {key: value for key, value in dataset[name].attrs.items() if key.endswith("_share")}
        dataset[name].attrs = attrs_for(name) | ATTRS[name] | extra
    return dataset


def capacity_factor(generation_mwh: xr.DataArray, capacity_mw: xr.DataArray) -> xr.DataArray:
    """Generation over mean nameplate times hours; NaN below `LEAST_CAPACITY_MW` or above 1.

    The mean of two year ends stands for a year; the first year has only its own.
    """
    before = capacity_mw.shift(history_year=1)
    mean = ((before + capacity_mw) / 2).where(before.notnull(), capacity_mw)
    years = generation_mwh["history_year"]
    leap = (years % 4 == 0).astype(float)
    hours = HOURS_PER_YEAR + leap * (HOURS_PER_LEAP_YEAR - HOURS_PER_YEAR)
    factor = generation_mwh / (mean.where(mean >= LEAST_CAPACITY_MW) * hours)
    sane: xr.DataArray = factor.where(factor <= 1.0)
    return sane.transpose("area", "technology", "history_year")


def national_exchange(originals: Path) -> tuple[xr.DataArray, xr.DataArray]:
    """Net imports of the United States and net exports of China by year, MWh."""
    recent = owid.read_national()
    china = recent[recent["country"] == "CN"].set_index("year")["net_imports_twh"]
    return _by_year(generation_us.net_imports_mwh(originals)), _by_year(-china * MWH_PER_TWH)


def net_export(
    generation_mwh: xr.DataArray,
    load_mwh: xr.DataArray,
    onsite_mwh: xr.DataArray,
    us_imports_mwh: xr.DataArray,
    cn_exports_mwh: xr.DataArray,
) -> xr.DataArray:
    """Net interchange by area and year, positive out, adding up to each country's own.

    `onsite_mwh` (US area, history_year) is the output of industrial plants, of which one national share a
    year stays on site; the two national figures are by history_year. The attributes onsite_share and
    unexplained_share record what the sums required. Raises `GridDataError` when the first leaves
    `ONSITE_SHARE`, that is when load and generation contradict each other beyond what self-supply can explain.
    """
    import xarray as xr

    total = generation_mwh.sum("technology")
    us = {"area": list(US_AREAS)}
    gap = total.sel(us).sum("area") - load_mwh.sel(us).sum("area") + us_imports_mwh
    share = gap / onsite_mwh.sum("area")
    if float(share.min()) < ONSITE_SHARE[0] or float(share.max()) > ONSITE_SHARE[1]:
        raise GridDataError(f"on-site use would have to be {share.values.round(2).tolist()} of industrial output")
    american = total.sel(us) - share * onsite_mwh - load_mwh.sel(us)
    cn = {"area": list(CN_AREAS)}
    gross = generation_mwh.sel(cn).drop_sel(technology="battery").sum("technology")
    load = load_mwh.sel(cn)
    unexplained = (gross.sum("area") - load.sum("area") - cn_exports_mwh) / load.sum("area")
    chinese = gross - load * (1 + unexplained)
    result = xr.concat([american, chinese], dim="area").reindex(area=list(AREA_IDS))
    result.attrs["onsite_share"] = [round(float(value), 3) for value in share]
    result.attrs["unexplained_share"] = [round(float(value), 4) for value in unexplained]
    return result.transpose("area", "history_year")


def national_generation(originals: Path) -> xr.DataArray:
    """TWh by country, source and year, 1985-2025; NaN where nobody published a figure."""
    import pandas as pd
    import xarray as xr

    long = owid.read_long_history(originals).set_index(["country", "year"])
    parts = [source for source in SOURCES if source != "total"]
    # Sources that are not covered yet are left out of the sum (bioenergy and other before 2000).
    long["total"] = long[parts].sum(axis=1, min_count=len(parts) - 2)
    recent = owid.read_national().set_index(["country", "year"])[list(SOURCES)]
    index = pd.MultiIndex.from_product([COUNTRIES, NATIONAL_YEARS], names=["country", "year"])
    table = long.reindex(index)[list(SOURCES)]
    newer = recent.index.intersection(index)
    table.loc[newer] = recent.loc[newer]
    cube = table.to_numpy(dtype=float).reshape(len(COUNTRIES), len(NATIONAL_YEARS), len(SOURCES))
    coordinates = {"country": list(COUNTRIES), "source": list(SOURCES), "national_year": list(NATIONAL_YEARS)}
    return xr.DataArray(cube.transpose(0, 2, 1), coords=coordinates, dims=("country", "source", "national_year"))


def _monthly_hydro(china: Frame, factor: xr.DataArray) -> xr.DataArray:
    import xarray as xr

    recent = factor.sel(technology="hydro", history_year=slice(2015, None))
    # A masked year (too little capacity) takes no part in the mean.
    usual = recent.mean("history_year")
    us = usual.sel(area=list(US_AREAS))
    middle = float(np.mean([value for value in us.values if np.isfinite(value)]))
    rows = [
        hydro_us.monthly_factor(area, float(us.sel(area=area)) if np.isfinite(us.sel(area=area)) else middle)
        for area in US_AREAS
    ]
    named = china.rename(index=PROVINCE_AREA)
    rows += [named.loc[area].to_numpy(dtype=float) for area in CN_AREAS]
    return xr.DataArray(np.array(rows), coords={"area": list(AREA_IDS), "month": list(MONTHS)}, dims=("area", "month"))


def _by_year(series: Column) -> xr.DataArray:
    import xarray as xr

    values = [float(series[year]) for year in HISTORY_YEARS]
    return xr.DataArray(values, coords={"history_year": list(HISTORY_YEARS)}, dims="history_year")
