"""China's generation by province, technology and year."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from grids.build import fleet_cn
from grids.build import fleet_cn_national as known
from grids.build.axes import HISTORY_YEARS, STATE_YEAR
from grids.sources import crea, owid
from grids.sources.checks import Column, Frame
from grids.units import HOURS_PER_YEAR, MWH_PER_TWH
from grids.variables import GridDataError

FIRST_HOURS_YEAR: Final = {"wind": 2015, "solar": 2018}
# Full-power hours of generation of pumped storage: about 1,150 a year. R: National Energy Administration and
# China Electricity Council reports for 2021-2023. Chinese statistics count this output as hydro.
PUMPED_STORAGE_HOURS: Final = 1_150.0
PUMPED_STORAGE_SHARE_LIMIT: Final = 0.9  # at most this part of a province's hydro output; J
LEAST_MW: Final = 1.0
# Batteries: 1,000 full-power hours in 2024 (F: National Energy Administration, 23 January 2025), taken for all
# years; round-trip efficiency J.
BATTERY_DISCHARGE_HOURS: Final = 1_000.0
BATTERY_EFFICIENCY: Final = 0.85
# Offshore output per MW over onshore output per MW in the same province. J: about 2,700 against 2,100 hours.
OFFSHORE_TO_ONSHORE: Final = 1.3
FULL_OUTPUT: Final = 0.95  # highest annual factor of a reactor; J


def by_province(originals: Path, capacity: Frame) -> Frame:
    """MWh: rows (technology, province), columns year 2010-2024; each fuel adds up to the national figure.

    `capacity` is `fleet_cn.capacity_by_province`. Pumped storage is gross discharge, as in Chinese
    statistics, whose consumption includes the pumping; batteries are their losses.
    """
    import pandas as pd

    national = owid.read_national().query("country == 'CN'").set_index("year")
    output = crea.year_ends(crea.read_generation(originals)).T
    mean = mean_capacity(capacity)
    parts = _thermal(output.loc["thermal"], mean, national)
    hydro = _to_national(_listed(output.loc["hydro"]), national["hydro"])
    pumped = _pumped_storage(hydro, mean)
    parts |= {"pumped_storage": pumped, "hydro": hydro - pumped}
    parts["nuclear"] = _nuclear(output.loc["nuclear"], mean.loc["nuclear"], national["nuclear"])
    hours = crea.read_utilisation_hours(originals)
    wind = _to_national(_wind(output.loc["wind"], mean, hours["wind"]), national["wind"])
    at_sea = mean.loc["offshore_wind"] * OFFSHORE_TO_ONSHORE
    part = at_sea / (at_sea + mean.loc["wind"])
    # A province without any wind capacity generates none of either kind.
    parts["offshore_wind"] = wind * part.where(part.notna(), 0.0)
    parts["wind"] = wind - parts["offshore_wind"]
    parts["solar"] = _to_national(_by_hours(mean.loc["solar"], hours["solar"], "solar"), national["solar"])
    parts["battery"] = -mean.loc["battery"] * BATTERY_DISCHARGE_HOURS * (1 / BATTERY_EFFICIENCY - 1)
    whole: Frame = pd.concat(parts, names=["technology", "province"])
    if whole.isna().any(axis=None):
        raise GridDataError(f"China's generation has gaps at {whole.index[whole.isna().any(axis=1)].tolist()}")
    return whole


def mean_capacity(capacity: Frame) -> Frame:
    """Mean of two year ends, 2010-2024."""
    mean = (capacity + capacity.shift(axis=1)) / 2
    return mean[list(HISTORY_YEARS)]


def monthly_hydro_factor(originals: Path, capacity: Frame, years: range) -> Frame:
    """Conventional hydro output over nameplate by province (rows) and month, mean of the given years.

    Year-to-date figures differenced; February's figure covers two months and is shared by days; a month
    whose figure is missing is left out of that year. Pumped storage is taken out evenly over the year.
    Provinces without conventional hydro get the mean of the others.
    """
    import pandas as pd

    monthly = pd.concat([_months_of(crea.read_generation(originals)["hydro"], year) for year in years])
    annual = by_province(originals, capacity)
    mean = mean_capacity(capacity).loc["hydro"]
    tables = []
    for year in years:
        month = monthly.xs(year, level="year").T.reindex(mean.index)
        days = pd.Series({m: pd.Period(f"{year}-{m:02d}").days_in_month for m in range(1, 13)})
        gross = annual.loc["hydro", year] + annual.loc["pumped_storage", year]
        level = gross / month.sum(axis=1, min_count=12)
        even = annual.loc["pumped_storage", year] / days.sum()
        mwh = month.mul(level, axis=0).sub(np.outer(even, days))
        factor = mwh.div(np.outer(mean[year].where(mean[year] > 0), days * 24))
        tables.append(factor.clip(0.0, 1.0))
    stacked = pd.concat(tables, keys=list(years), names=["year", "province"])
    usual = stacked.groupby("province").mean()
    others = usual.mean()
    return usual.apply(lambda row: row.where(row.notna(), others), axis=1).reindex(list(crea.PROVINCE_NAMES))


def _months_of(hydro: Frame, year: int) -> Frame:
    import pandas as pd

    to_date = hydro.reindex([f"{year}-{month:02d}" for month in range(1, 13)])
    to_date.index = pd.MultiIndex.from_product([[year], range(1, 13)], names=["year", "month"])
    first_two = to_date.loc[(year, 2)]
    january_share = 31 / (31 + pd.Period(f"{year}-02").days_in_month)
    january = to_date.loc[(year, 1)]
    to_date.loc[(year, 1)] = january.where(january.notna(), first_two * january_share)
    # A missing month is shared evenly with the next one that has a figure.
    filled = to_date.interpolate(limit_area="inside")
    steps = filled.diff()
    steps.iloc[0] = filled.iloc[0]
    return steps.clip(lower=0.0)


def _thermal(thermal: Frame, mean: Frame, national: Frame) -> dict[str, Frame]:
    """Thermal output by fuel, fitted to the provinces' thermal output and the national fuel totals."""
    import pandas as pd

    names = {"coal": "coal", "gas": "gas", "oil": "oil", "biomass": "bioenergy"}
    fitted = {}
    for year in HISTORY_YEARS:
        target = {fuel: float(national.loc[year, source]) * MWH_PER_TWH for fuel, source in names.items()}
        rows = thermal[year].reindex(list(crea.PROVINCE_NAMES))
        if rows.isna().any():
            raise GridDataError(f"no thermal generation for {rows.index[rows.isna()].tolist()} in {year}")
        mw = pd.DataFrame({fuel: mean.loc[fuel, year] for fuel in names})
        seed = mw / mw.sum() * pd.Series(target)
        fitted[year] = fleet_cn.fitted(seed, rows * (sum(target.values()) / rows.sum()), target)
    whole: Frame = pd.concat(fitted, axis=1)
    return {fuel: whole.xs(fuel, axis=1, level=1) for fuel in names}


def _listed(table: Frame) -> Frame:
    """All provinces; one without a series (Shanghai or Tianjin for hydro) has no plant of statistical size."""
    full = table.reindex(list(crea.PROVINCE_NAMES))[list(HISTORY_YEARS)]
    listed = full.notna().any(axis=1)
    if full[listed].isna().any(axis=None):
        raise GridDataError(f"gaps in the series of {full.index[listed & full.isna().any(axis=1)].tolist()}")
    return full.where(full.notna(), 0.0)


def _to_national(table: Frame, national_twh: Column) -> Frame:
    years = list(HISTORY_YEARS)
    return table[years] * (national_twh.reindex(years) * MWH_PER_TWH / table[years].sum())


def _pumped_storage(hydro: Frame, mean: Frame) -> Frame:
    """Gross discharge; all of a province's hydro output where nothing but pumped storage stands."""
    usual = (mean.loc["pumped_storage"] * PUMPED_STORAGE_HOURS).clip(upper=hydro * PUMPED_STORAGE_SHARE_LIMIT)
    return usual.where(mean.loc["hydro"] >= LEAST_MW, hydro)


def _nuclear(table: Frame, mean: Frame, national_twh: Column) -> Frame:
    """Listed provinces as published; the national remainder in the unlisted one once it has a reactor."""
    full = table.reindex(list(crea.PROVINCE_NAMES))[list(HISTORY_YEARS)]
    full = full.where(full.notna(), 0.0).where(mean > 0, 0.0)  # no reactor, no output
    unlisted = known.UNLISTED_NUCLEAR
    for year in HISTORY_YEARS:
        total = national_twh[year] * MWH_PER_TWH
        rest = total - full[year].sum()
        if mean.loc[unlisted, year] > 0 and rest > 0:
            full.loc[unlisted, year] = min(rest, mean.loc[unlisted, year] * HOURS_PER_YEAR * FULL_OUTPUT)
        full[year] *= total / full[year].sum()
    return full


def _wind(table: Frame, mean: Frame, hours: Frame) -> Frame:
    """Wind: published December figures to 2017, later mean capacity times published hours."""
    capacity = mean.loc["wind"] + mean.loc["offshore_wind"]
    from_hours = _by_hours(capacity, hours, "wind")
    published = table.reindex(list(crea.PROVINCE_NAMES)).reindex(columns=list(HISTORY_YEARS))
    return published.where(published.notna(), from_hours)


def _by_hours(capacity: Frame, hours: Frame, name: str) -> Frame:
    """Mean capacity times full-load hours of the year.

    December's figure where published, else November's raised by the ratio of the two in the years that
    have both. Years without any figure keep each province's mean hours of the years that have one; a
    province's single gap takes the mean of the provinces.
    """
    import pandas as pd

    provinces = hours.reindex(columns=list(crea.PROVINCE_NAMES))
    december = crea.year_ends(provinces)
    november = provinces[provinces.index.str.endswith("-11")].copy()
    november.index = november.index.str[:4].astype(int)
    both = december.index.intersection(november.index)
    ratio = (december.loc[both] / november.loc[both]).stack().mean()
    years = range(FIRST_HOURS_YEAR[name], STATE_YEAR + 1)
    table = december.reindex(years)
    table = table.where(table.notna(), november.reindex(years) * ratio)
    table = table.apply(lambda row: row.where(row.notna(), row.mean()), axis=1)
    usual = table.mean()
    full = pd.DataFrame({year: table.loc[year] if year in table.index else usual for year in HISTORY_YEARS})
    return capacity * full
