"""Demand: hourly shapes by weather year, and energy and peak of every area and year since 2010.

United States: EIA-930 hourly demand (net of rooftop solar), balancing authorities and subregions summed to areas.
China: provincial consumption of the whole society, and a provincial load shape of the 2018 level.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from grids.areas import AREA_IDS, AREAS
from grids.build.demand_china import chinese_demand
from grids.build.demand_history import History, by_year, history_before_hourly
from grids.hours import hours_in_year, year_values
from grids.sources import eia930
from grids.tables import read_table
from grids.units import MW_PER_GW, MWH_PER_TWH
from grids.variables import attrs_for

if TYPE_CHECKING:
    import numpy.typing as npt

YEARS: Final = tuple(range(2010, 2025))
HOURLY_YEARS: Final = (2020, 2021, 2022, 2023, 2024)
CHINA_WEATHER_YEAR: Final = 2020
US: Final = tuple(area.id for area in AREAS if area.country == "US")

METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "area_name": ("powergenome-reeds crea-china", "ReEDS planning subregions and Chinese provinces."),
    "area_name_zh": ("crea-china", "Provinces as published; names of US areas are ours [J]."),
    "area_country": ("powergenome-reeds crea-china", "US: 18 planning subregions; CN: 31 provinces."),
    "area_interconnection": ("powergenome-reeds crea-china", "US synchronous grid; branch of State or Southern Grid."),
    "area_timezone": ("powergenome-reeds crea-china", "Zone of most of the load [J]; all of China keeps Beijing time."),
    "area_members": ("eia-930 powergenome-reeds crea-china", "* marks an authority of which only a part lies inside."),
    "profile_area": ("eia-930 china-hourly-load", "US areas in 2020-2024, Chinese provinces once."),
    "weather_year": ("eia-930 china-hourly-load", "Year of the US load; 2020 for China (no weather year)."),
    "load_record": ("eia-930 china-hourly-load", "States origin, hours changed by the cleaning rule, and doubts."),
    "load_shape": (
        "eia-930 china-hourly-load crea-china",
        "US: hourly EIA-930 demand over its mean, hour-ending moved to hour-beginning, 29 February dropped. "
        "China: 2018-level provincial series moved from Beijing time, deviations from the mean scaled by one factor "
        "per regional grid so that regional and national peaks meet the published ones. US cleaning: "
        + eia930.CLEANING_RULE,
    ),
    "annual_load_mwh": (
        "eia-930 eia-seds crea-china",
        "All hours of the calendar year, 29 February included: mean load is this over 8760 or 8784 h. US 2020-2024 "
        "hourly demand, before that EIA-930 regions and state sales; China consumption of the whole society.",
    ),
    "peak_load_mw": (
        "eia-930 eia-seds china-hourly-load crea-china",
        "Highest hour where hourly data exist, else energy times the usual ratio of peak to mean; China: shape "
        "scaled to the national peak of the year. load_history_record says which.",
    ),
    "load_history_record": ("eia-930 eia-seds crea-china", "observed or derived, separately for energy and peak."),
}  # fmt: skip


class KnownTotal(NamedTuple):
    """A sum over the areas beside the published figure; `tolerance` is the largest relative difference expected."""

    what: str
    value: float
    known: float
    units: str
    tolerance: float
    publisher: str

    def holds(self) -> bool:
        """True when the sum is as near to the published figure as expected."""
        return abs(self.value / self.known - 1.0) <= self.tolerance


def known_totals(ds: xr.Dataset) -> tuple[KnownTotal, ...]:
    """National energy and coincident peak of 2024 against published figures.

    ds : a grid with load_shape, profile_area, weather_year, area_country, annual_load_mwh and all 49 areas.
    """
    energy = ds["annual_load_mwh"].groupby(ds["area_country"]).sum() / MWH_PER_TWH
    us, cn = coincident_peak_mw(ds, "US", 2024), coincident_peak_mw(ds, "CN", 2024)
    eia, nbs, nea = (
        "EIA-930, hourly total of the release",
        "National Bureau of Statistics",
        "National Energy Administration",
    )
    return (
        KnownTotal("US load 2024", float(energy.sel(area_country="US", history_year=2024)), 4183.4, "TWh", 2e-3, eia),
        KnownTotal("US coincident peak 2024", us / MW_PER_GW, 744.7, "GW", 5e-3, eia),
        KnownTotal("US load 2020", float(energy.sel(area_country="US", history_year=2020)), 3896.0, "TWh", 2e-3, eia),
        KnownTotal(
            "China load 2024", float(energy.sel(area_country="CN", history_year=2024)), 9852.1, "TWh", 1e-3, nbs
        ),
        KnownTotal(
            "China load 2018", float(energy.sel(area_country="CN", history_year=2018)), 6844.9, "TWh", 1e-3, nbs
        ),
        KnownTotal("China coincident peak 2024", cn / MW_PER_GW, 1450.0, "GW", 5e-3, nea),
    )


def coincident_peak_mw(ds: xr.Dataset, country: str, year: int) -> float:
    """Highest hour of a country's summed load [MW], each area in its last weather year up to `year`."""
    load = np.zeros(ds.sizes["hour"])
    for area in ds["area"].values[ds["area_country"].values == country]:
        mine = np.flatnonzero((ds["profile_area"].values == area) & (ds["weather_year"].values <= year))
        mean = float(ds["annual_load_mwh"].sel(area=area, history_year=year)) / hours_in_year(year)
        load += mean * ds["load_shape"].values[mine[-1]]
    return float(load.max())


def build(originals: Path) -> xr.Dataset:
    """Areas, profiles, load shapes and load history of all 49 areas.

    originals : folder of the public originals.
    Returns variables area_*, profile_area, weather_year, load_record, load_shape (profile, hour) [1],
    annual_load_mwh, peak_load_mw, load_history_record (area, history_year).
    Raises GridDataError for originals that are absent, unknown or incomplete.
    """
    us_hourly, us_records, us = _united_states(Path(originals))
    cn_shape, cn_records, cn = chinese_demand(Path(originals))
    profiles, shapes, records = [], [], []
    for area in US:
        for year in HOURLY_YEARS:
            values = year_values(us_hourly[area], year)
            profiles.append((area, year))
            shapes.append(values / values.mean())
            records.append(us_records[area, year])
    for area in cn_shape.columns:
        profiles.append((area, CHINA_WEATHER_YEAR))
        shapes.append(cn_shape[area].to_numpy())
        records.append(cn_records[area])
    ds = _dataset(profiles, np.stack(shapes), records, [us, cn])
    for name in ds.data_vars:
        source, method = METHODS[str(name)]
        ds[name].attrs.update(attrs_for(str(name)) | {"source": source, "method": method})
    return ds


def _dataset(
    profiles: list[tuple[str, int]], shapes: npt.NDArray[np.float64], records: list[str], histories: list[History]
) -> xr.Dataset:
    energy = pd.concat([history.energy_mwh for history in histories]).loc[list(AREA_IDS), list(YEARS)]
    peak = pd.concat([history.peak_mw for history in histories]).loc[list(AREA_IDS), list(YEARS)]
    record = pd.concat([history.record for history in histories]).loc[list(AREA_IDS), list(YEARS)]
    area_text = {
        "area_name": [area.name for area in AREAS],
        "area_name_zh": [area.name_zh for area in AREAS],
        "area_country": [area.country for area in AREAS],
        "area_interconnection": [area.interconnection for area in AREAS],
        "area_timezone": [area.timezone for area in AREAS],
        "area_members": [area.members for area in AREAS],
    }
    history_dims = ("area", "history_year")
    return xr.Dataset(
        {name: ("area", np.array(values)) for name, values in area_text.items()}
        | {
            "profile_area": ("profile", np.array([area for area, _ in profiles])),
            "weather_year": ("profile", np.array([year for _, year in profiles])),
            "load_record": ("profile", np.array(records)),
            "load_shape": (("profile", "hour"), shapes),
            "annual_load_mwh": (history_dims, energy.to_numpy(dtype=np.float64)),
            "peak_load_mw": (history_dims, peak.to_numpy(dtype=np.float64)),
            "load_history_record": (history_dims, record.to_numpy(dtype=str)),
        },
        coords={
            "area": np.array(AREA_IDS),
            "history_year": np.array(YEARS),
            "profile": np.array([f"{area}/{year}" for area, year in profiles]),
            "hour": np.arange(shapes.shape[1]),
        },
    )


def us_hourly_load(originals: Path) -> tuple[pd.DataFrame, eia930.Cleaned, dict[str, eia930.SeriesRule]]:
    """Cleaned hourly demand by series and, summed, by US area, 2020-2024.

    Returns the areas' load [MW] (hour UTC hour-beginning, area), the cleaned series, and the rule of each.
    """
    rules = eia930.series_rules()
    table = eia930.read_subregions(originals, rules)
    for authority in read_table("us_series_to_area.yaml")["whole_authority"]:
        parts = [code for code in table if str(code).startswith(f"{authority}-")]
        whole = eia930.read_authority(originals, authority).reindex(table.index)
        table = pd.concat([table.drop(columns=parts), whole], axis=1)
        rules[authority] = rules[str(parts[0])]
        for code in parts:
            del rules[str(code)]
    cleaned = eia930.clean(table, rules)
    areas = pd.DataFrame(0.0, index=cleaned.load.index, columns=list(US))
    for code, rule in rules.items():
        for area, share in rule.shares.items():
            areas[area] += share * cleaned.load[code]
    return _whole_years(areas), cleaned, rules


def _whole_years(areas: pd.DataFrame) -> pd.DataFrame:
    """Cut to 2020-2024; the release lacks the last hour of 2024, which follows the day before."""
    last = pd.Timestamp(f"{HOURLY_YEARS[-1]}-12-31 23:00")
    if areas.index[-1] == last - pd.Timedelta(hours=1):
        day = pd.Timedelta(hours=24)
        step = areas.loc[last - day] / areas.loc[last - day - pd.Timedelta(hours=1)]
        final = areas.iloc[-1] * step
        areas = areas.reindex(areas.index.append(pd.DatetimeIndex([last])))
        areas.loc[last] = final
    return areas.loc[f"{HOURLY_YEARS[0]}-01-01" : str(last)]


def _united_states(originals: Path) -> tuple[pd.DataFrame, dict[tuple[str, int], str], History]:
    hourly, cleaned, rules = us_hourly_load(originals)
    energy, peak = by_year(hourly).sum().T, by_year(hourly).max().T
    base = _series_energy(cleaned, rules)
    mean = energy / [hours_in_year(year) for year in HOURLY_YEARS]
    earlier = history_before_hourly(originals, base, peak / mean)
    doubts = {area: _doubts(area, rules) for area in US}
    records = {(area, y): _us_record(area, y, cleaned, rules) + doubts[area] for area in US for y in HOURLY_YEARS}
    observed = "energy and peak observed: hourly EIA-930 demand, cleaned"
    record = pd.DataFrame({y: [observed + doubts[area] for area in US] for y in HOURLY_YEARS}, index=list(US))
    history = History(
        pd.concat([earlier.energy_mwh, energy], axis=1),
        pd.concat([earlier.peak_mw, peak], axis=1),
        pd.concat([earlier.record, record], axis=1),
    )
    return hourly, records, history


def _series_energy(cleaned: eia930.Cleaned, rules: Mapping[str, eia930.SeriesRule]) -> pd.DataFrame:
    """Energy [MWh] by (region, area) in the rows and hourly year in the columns."""
    annual = by_year(cleaned.load).sum()
    rows: dict[tuple[str, str], pd.Series[float]] = {}
    for code, rule in rules.items():
        for area, share in rule.shares.items():
            key = (rule.region, area)
            rows[key] = rows[key] + share * annual[code] if key in rows else share * annual[code]
    return pd.DataFrame(rows).T[list(HOURLY_YEARS)]


def _us_record(area: str, year: int, cleaned: eia930.Cleaned, rules: Mapping[str, eia930.SeriesRule]) -> str:
    codes = [code for code, rule in rules.items() if area in rule.shares]
    inside = pd.DatetimeIndex(cleaned.changed.index).year == year
    changed = cleaned.changed.loc[inside, codes].to_numpy()
    borrowed: npt.NDArray[np.bool_] = cleaned.borrowed.loc[inside, codes].to_numpy(dtype=bool)
    split = [code for code in codes if len(rules[code].shares) > 1]
    text = f"observed: EIA-930, {len(codes)} series; {int(changed.sum())} of {changed.size} series-hours changed"
    if borrowed.any():
        who = [code for code, any_hour in zip(codes, np.any(borrowed, axis=0), strict=True) if any_hour]
        text += f", {int(borrowed.sum())} of them filled from other series ({', '.join(who)})"
    return text + (f"; only a share of {', '.join(split)} [J]" if split else "")


def _doubts(area: str, rules: Mapping[str, eia930.SeriesRule]) -> str:
    """What to say of an area that holds a series with a known weakness."""
    reasons = read_table("us_series_to_area.yaml")["doubts"]
    return "".join(
        f"; doubt about {code}: {' '.join(reasons[rule.doubt].split())}"
        for code, rule in rules.items()
        if rule.doubt is not None and area in rule.shares
    )
