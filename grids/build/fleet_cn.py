"""The Chinese fleet by province: published capacity split by fuel, technology and commissioning year."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from grids.build import fleet_cn_national as known
from grids.build.axes import STATE_YEAR, vintage_of
from grids.sources import crea, eia_international, gem, nea
from grids.sources.checks import Column, Frame
from grids.variables import GridDataError

# Bins end with these years; the first is the sum of everything older.
BIN_ENDS: Final = (2009, 2014, 2019, STATE_YEAR)
FITTING_ROUNDS: Final = 500
# Share of a province's thermal capacity seeded as 'other thermal' (waste heat and pressure of industry),
# which no tracker lists; fitting to the national residual sets its final size. J.
OTHER_THERMAL_SEED: Final = 0.03
# The four fuels of Chinese 'thermal power'; 'oil' holds oil, waste heat, by-product gases.
THERMAL: Final = ("coal", "gas", "biomass", "oil")
FIRST_YEAR: Final = BIN_ENDS[0]
LEAST_REACTOR_MW: Final = 100.0  # a smaller remainder is rounding of the series, not a reactor


def capacity_by_province(originals: Path) -> Frame:
    """MW at year ends 2009-2024: rows (technology, province), columns year. Never NaN.

    Provincial figures of the statistical offices, scaled to the national figure of the same year where
    there is one.
    """
    import pandas as pd

    units = gem.read_china_units(originals)
    national = crea.read_national_capacity(originals)
    table = crea.year_ends(crea.read_capacity(originals)).T
    thermal = _gaps_filled(table.loc["thermal"], national, "thermal")
    hydro = _gaps_filled(_with_unlisted_hydro(table.loc["hydro"], units, national), national, "hydro")
    parts = split_thermal(thermal, units, national, originals)
    pumped = pumped_storage(hydro, originals)
    parts["pumped_storage"] = pumped
    parts["hydro"] = (hydro - pumped).clip(lower=0.0)
    parts["nuclear"] = _nuclear(table.loc["nuclear"], national)
    wind = _gaps_filled(_wind(originals, national), national, "wind")
    parts["offshore_wind"] = _offshore(wind)
    parts["wind"] = wind - parts["offshore_wind"]
    parts["solar"] = _solar(originals, national)
    parts["battery"] = _battery(parts["wind"] + parts["solar"])
    whole: Frame = pd.concat(parts, names=["technology", "province"])
    if whole.isna().any(axis=None) or (whole < 0).any(axis=None):
        raise GridDataError("China's capacity table has a gap or a negative figure after filling")
    return whole


def split_thermal(thermal: Frame, units: Frame, national: Frame, originals: Path) -> dict[str, Frame]:
    """Provincial thermal capacity by fuel: iterative proportional fitting of unit lists to both totals.

    National gas and coal: published since 2017; before, gas follows the unit list, biomass the EIA
    series, other thermal keeps its 2017 share, and coal is the remainder.
    """
    import pandas as pd

    targets = _national_thermal(thermal.sum(), units, national, originals)
    by_year = {
        year: fitted(_thermal_seed(units, thermal[year], year), thermal[year], targets[year])
        for year in thermal.columns
    }
    whole = pd.concat(by_year, axis=1)
    return {fuel: whole.xs(fuel, axis=1, level=1) for fuel in THERMAL}


def pumped_storage(hydro: Frame, originals: Path) -> Frame:
    """Pumped storage by province and year, at most the province's published hydro capacity."""
    import pandas as pd

    series = eia_international.read_capacity_mw(originals, "CN", "Hydroelectric pumped storage")
    path = Path(originals) / "pypsa_china_pik" / "PHS_p_nom.csv"
    older = pd.read_csv(path).set_index("Region")["MW"].rename({"InnerMongolia": "Inner Mongolia"}).astype(float)
    newer = pd.Series(known.PUMPED_STORAGE_2024_MW).reindex(hydro.index, fill_value=0.0)
    older = older.reindex(hydro.index)
    columns = {}
    for year in hydro.columns:
        total = known.PUMPED_STORAGE_MW.get(year, series.get(year))
        # The older list is of the end of 2021, the newer of the end of 2024.
        weight = min(max((year - 2021) / (STATE_YEAR - 2021), 0.0), 1.0)
        shape = older / older.sum() * (1 - weight) + newer / newer.sum() * weight
        columns[year] = np.minimum(shape * total, hydro[year])
    return pd.DataFrame(columns)


def vintages(capacity: Frame, units: Frame) -> Column:
    """MW at the end of 2024 by technology, province, vintage.

    Coal, gas, hydro and biomass: start years of the tracked units, scaled to the published total; the
    rest, and provinces without a dated unit: growth of the published capacity between bin ends.
    """
    import pandas as pd

    operating = units[(units["status"] == "operating") & units["start_year"].notna()].copy()
    operating["vintage"] = operating["start_year"].map(vintage_of)
    dated = operating.groupby(["technology", "province", "vintage"])["nameplate_mw"].sum()
    grown = _grown(capacity)
    parts = []
    for (technology, province), total in capacity[STATE_YEAR].items():
        shape = grown.loc[(technology, province)]
        if technology == "nuclear" and province in known.NUCLEAR_BEFORE_2010:
            old = pd.Series(known.NUCLEAR_BEFORE_2010[province]) * shape[vintage_of(FIRST_YEAR)]
            shape = shape.drop(vintage_of(FIRST_YEAR)).add(old, fill_value=0.0)
        if technology in ("coal", "gas", "hydro", "biomass") and (
            technology,
            province,
        ) in dated.index.droplevel(2):
            shape = dated.loc[(technology, province)]
        if total > 0:
            parts.append(pd.concat({(technology, province): shape / shape.sum() * total}))
    table = pd.concat(parts)
    table.index = table.index.set_names(["technology", "province", "vintage"])
    return table


def _grown(capacity: Frame) -> Frame:
    """Growth between bin ends; a decline removes the oldest capacity, so later bins are cut to what is left."""
    import pandas as pd

    ends = capacity[list(BIN_ENDS)]
    # Growth that was lost again later is not in today's fleet: look back from the end.
    kept = ends.iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    steps = kept.diff(axis=1)
    steps[BIN_ENDS[0]] = kept[BIN_ENDS[0]]
    steps.columns = pd.Index([vintage_of(year) for year in BIN_ENDS])
    return steps


def _gaps_filled(table: Frame, national: Frame, name: str) -> Frame:
    """All provinces and years, scaled to the national figure; gaps inside a series by straight line.

    The statistics list every plant of at least 6 MW, so a province without a series, or before the
    first figure of its series, has no such plant: 0. A series that breaks off raises `GridDataError`.
    """
    import pandas as pd

    full = table.reindex(list(crea.PROVINCE_NAMES)).reindex(columns=range(FIRST_YEAR, STATE_YEAR + 1))
    broken = full.index[full[STATE_YEAR].isna() & full.notna().any(axis=1)].tolist()
    if broken:
        raise GridDataError(f"{name}: the series of {broken} have no figure for {STATE_YEAR}")
    full = full.interpolate(axis=1, limit_area="inside")
    full = full.where(full.notna(), 0.0)
    for year in full.columns:
        published = national[name].get(year, float("nan"))
        if published == published:  # no national figure before 2012: the provinces stand as they are
            full[year] *= published / full[year].sum()
    return pd.DataFrame(full)


def _with_unlisted_hydro(table: Frame, units: Frame, national: Frame) -> Frame:
    """The national remainder of hydro in provinces without a series where units are tracked (Tibet).

    Before the first national figure the remainder keeps its first size.
    """
    import pandas as pd

    tracked = units[(units["technology"] == "hydro") & (units["status"] == "operating")]
    weight = tracked.groupby("province")["nameplate_mw"].sum()
    weight = weight[[name for name in weight.index if name not in table.index]]
    listed = table.reindex(columns=range(FIRST_YEAR, STATE_YEAR + 1))
    rest = (national["hydro"].reindex(listed.columns) - listed.sum()).clip(lower=0.0).bfill()
    share = weight / weight.sum()
    added = pd.DataFrame({year: share * rest[year] for year in listed.columns})
    return pd.concat([listed.dropna(how="all"), added])


def _wind(originals: Path, national: Frame) -> Frame:
    """Wind by province; 2024 continues the growth published to November up to the national year-end figure."""
    table = crea.year_ends(crea.read_capacity(originals)).T.loc["wind"].copy()
    november = crea.read_wind_capacity(originals).loc[f"{STATE_YEAR}-11"]
    before = table[STATE_YEAR - 1]
    growth = (november - before).clip(lower=0.0)
    left = national.loc[STATE_YEAR, "wind"] - before.sum()
    table[STATE_YEAR] = before + growth / growth.sum() * left
    return table


def _offshore(wind: Frame) -> Frame:
    import pandas as pd

    shape = pd.Series(known.OFFSHORE_2024_MW).reindex(wind.index, fill_value=0.0)
    columns = {}
    for year in wind.columns:
        total = known.OFFSHORE_WIND_MW.get(year, 0.0)  # before 2010: demonstration turbines only
        columns[year] = np.minimum(shape / shape.sum() * total, wind[year])
    return pd.DataFrame(columns)


def _nuclear(table: Frame, national: Frame) -> Frame:
    """Provinces with a series keep it; Hainan as known, Shandong the remainder of the national figure."""
    import pandas as pd

    full = table.reindex(list(crea.PROVINCE_NAMES)).reindex(columns=range(FIRST_YEAR, STATE_YEAR + 1))
    # A province whose series starts later had no reactor before: each start is a first connection.
    full = full.where(full.notna(), 0.0)
    for year in full.columns:
        begun = [mw for first, mw in known.HAINAN_NUCLEAR_MW.items() if first <= year]
        full.loc["Hainan", year] = begun[-1] if begun else 0.0
        total = national["nuclear"].get(year, float("nan"))
        rest = max(total - full[year].sum(), 0.0) if total == total else 0.0
        full.loc[known.UNLISTED_NUCLEAR, year] = rest if rest >= LEAST_REACTOR_MW else 0.0
    return pd.DataFrame(full)


def _solar(originals: Path, national: Frame) -> Frame:
    """Solar by province: statistics from 2018, NEA for 2016-17, before that EIA's national series by 2016 shares."""
    import pandas as pd

    table = crea.year_ends(crea.read_capacity(originals)).T.loc["solar"].reindex(list(crea.PROVINCE_NAMES))
    quarters = nea.read_solar_capacity(originals).reindex(list(crea.PROVINCE_NAMES))
    series = eia_international.read_capacity_mw(originals, "CN", "Solar")
    columns = {}
    for year in range(FIRST_YEAR, STATE_YEAR + 1):
        if year >= 2018:
            columns[year] = table[year] * (national.loc[year, "solar"] / table[year].sum())
        elif year >= 2016:
            columns[year] = quarters[year * 100 + 12]
        else:
            columns[year] = quarters[201612] / quarters[201612].sum() * series[year]
    return pd.DataFrame(columns)


def _battery(renewable: Frame) -> Frame:
    """Five provinces as published; the rest of each region by wind and solar capacity, at least 2 GW where stated."""
    import pandas as pd

    parts = []
    for region, provinces in known.REGION.items():
        total = known.BATTERY_REGION_SHARE[region] * known.BATTERY_2024_MW
        named = {p: known.BATTERY_NAMED_MW[p] for p in provinces if p in known.BATTERY_NAMED_MW}
        others = [p for p in provinces if p not in named]
        rest = total - sum(named.values())
        weight = renewable.loc[others, STATE_YEAR]
        floor = pd.Series({p: known.BATTERY_NAMED_FLOOR_MW * (p in known.BATTERY_ABOVE_2_GW) for p in others})
        floor *= min(1.0, rest / floor.sum()) if floor.sum() > 0 else 1.0
        parts.append(pd.concat([pd.Series(named, dtype=float), floor + weight / weight.sum() * (rest - floor.sum())]))
    last = pd.concat(parts).reindex(renewable.index)
    last *= known.BATTERY_2024_MW / last.sum()
    history = {y: known.BATTERY_HISTORY_MW.get(y, 0.0) for y in renewable.columns}  # none before 2010
    return pd.DataFrame({year: last / last.sum() * total for year, total in history.items()})


def _national_thermal(thermal: Column, units: Frame, national: Frame, originals: Path) -> dict[int, dict[str, float]]:
    eia = eia_international.read_capacity_mw(originals, "CN", "Biomass and waste")
    level = national["biomass"].dropna().iloc[0] / eia[int(national["biomass"].dropna().index[0])]
    gas_units = {year: _in_operation(units, "gas", year).sum() for year in thermal.index}
    first = int(national["coal"].dropna().index[0])

    def fuels(year: int) -> dict[str, float]:
        biomass = national["biomass"].get(year, float("nan"))
        biomass = biomass if biomass == biomass else level * eia[year]
        if year >= first:
            coal, gas = float(national["coal"][year]), float(national["gas"][year])
            return {"coal": coal, "gas": gas, "biomass": biomass, "oil": thermal[year] - coal - gas - biomass}
        gas = float(national["gas"][first]) * gas_units[year] / gas_units[first]
        other = fuels(first)["oil"] / thermal[first] * thermal[year]
        return {"coal": thermal[year] - gas - biomass - other, "gas": gas, "biomass": biomass, "oil": other}

    return {int(year): fuels(int(year)) for year in thermal.index}


def _in_operation(units: Frame, technology: str, year: int) -> Column:
    """MW of tracked units that ran at the end of a year, by province; undated units count as old."""
    mine = units[(units["technology"] == technology) & units["status"].isin(("operating", "mothballed", "retired"))]
    begun = mine["start_year"].isna() | (mine["start_year"] <= year)
    # A retired unit without a year is left out: nothing says that it still ran.
    ended = (mine["retired_year"] <= year) | ((mine["status"] == "retired") & mine["retired_year"].isna())
    running = mine[begun & ~ended].groupby("province")["nameplate_mw"].sum()
    # A province that the tracker does not list has no unit of that kind above its size limit.
    return running.reindex(list(crea.PROVINCE_NAMES), fill_value=0.0)


def _thermal_seed(units: Frame, thermal: Column, year: int) -> Frame:
    import pandas as pd

    seed = pd.DataFrame({fuel: _in_operation(units, fuel, year) for fuel in THERMAL})
    seed["oil"] += OTHER_THERMAL_SEED * thermal
    return seed


def fitted(seed: Frame, rows: Column, columns: dict[str, float]) -> Frame:
    """Iterative proportional fitting; rows fit exactly, columns as far as the seed's zeros allow."""
    matrix = seed.to_numpy(dtype=float)
    row = rows.reindex(seed.index).to_numpy(dtype=float)
    column = np.array([columns[name] for name in seed.columns])
    for _ in range(FITTING_ROUNDS):
        matrix = matrix * (column / matrix.sum(axis=0))
        matrix = matrix * (row / matrix.sum(axis=1))[:, None]
    result = seed.copy()
    result.loc[:, :] = matrix
    return result
