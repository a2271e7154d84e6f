"""The base year under three adequacy notions, area by area, with the shortages that the data still imply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity import demand
from capacity.adequacy import notions, parts, reliability
from capacity.adequacy.parts import HOURS, VARIABLE, AreaBalance, reserve_of, weather_by_area
from capacity.adequacy.storage import DEFAULT_STORAGE
from capacity.base_year import exchange
from capacity.base_year import outages as base_year_outages
from capacity.draws import CentralPath
from capacity.network import import_caps
from capacity.network.case import Case, case_of
from capacity.network.links import links
from capacity.storage_equivalent import Conditions, in_any_weather
from capacity.supply.fleet import Fleet
from cuda_kernels import headroom_mw
from grids.areas import parent_of
from scenarios import Scenario

Floats = NDArray[np.float64]

SHORTAGE_SHARE = 0.001
"""Native shortage over native energy above which an area is listed with a reason."""


def compare(grid: xr.Dataset, scenario: Scenario) -> pd.DataFrame:
    """Headroom of every area in the base year under `firm_capacity`, `historic_peak` and `expected_unserved`.

    One row per area, medians of parameters, mean over its weather years: headrooms at the scenario's curtailable
    fraction, native shortage as a share of energy and in hours, and, for an area short beyond 0.1 %, the hours'
    make-up as the reason. No growth, no additions: the fleet, load and interchange on record.
    """
    rows = []
    weather = weather_by_area(grid)
    for country in ("US", "CN"):
        fleet = Fleet.of(grid, country)
        central = CentralPath(scenario, np.array([fleet.base_year], dtype=np.int64))
        import_caps.refuse(central, "base-year")
        today = fleet.nameplate_mw.sum(axis=2)[None, :, :, None]
        path = _unchanged()
        apart = parts.balances(grid, fleet, today, path, central, DEFAULT_STORAGE)
        share = float(central.parameter(f"{fleet.prefix}.curtailable_fraction")[0, 0])
        records = notions.area_records(grid, fleet, weather, central)
        islands = Conditions(records, np.zeros(1))
        groups = islands.exchanging(links(grid, fleet).groups)
        balances, joined = (in_any_weather(grid, fleet, central, apart, within) for within in (islands, groups))
        case = case_of(grid, fleet, central, records, (joined, joined), notions.firm_capacity)
        columns = _network_columns(exchange.group_years(case, fleet.areas), fleet.areas)
        for area, record, balance in zip(fleet.areas, records, balances, strict=True):
            rows.append(_area_row(grid.sel(area=area), record, balance, share) | columns[area])
        outages = reliability.Outages.of(grid, fleet, central, (today, today), "expected_unserved")
        outages = outages.beside(balances, reserve_of(fleet, central))
        for a, row in enumerate(rows[-len(fleet.areas) :]):
            row["expected_unserved_headroom_gw"] = _under_outages(outages, a, records[a], balances[a], share)
        if all(area == parent_of(area) for area in fleet.areas):
            for name, mw in _network_under_outages(case, outages, reserve_of(fleet, central)).items():
                for a, row in enumerate(rows[-len(fleet.areas) :]):
                    row[f"expected_unserved_{name}_headroom_gw"] = float(mw[a]) / 1e3
    return pd.DataFrame(rows)


def _network_under_outages(case: Case, outages: reliability.Outages, reserve: Floats) -> Mapping[str, Floats]:
    """Headroom (area,) by how areas exchange power while units fail. outages : of islands [MW]"""
    joined = outages.beside(case.balances, reserve)
    return base_year_outages.headrooms(case, joined, joined.importing_nothing(case.balances, reserve))


def _network_columns(groups: Sequence[exchange.GroupYear], areas: Sequence[str]) -> dict[str, dict[str, object]]:
    """Columns of each area as part of its group; new load along the isolated headrooms."""
    columns: dict[str, dict[str, object]] = {}
    for group in groups:
        for i, a in enumerate(group.areas):
            columns[areas[a]] = {
                "group": group.name,
                "isolated_headroom_gw": float(group.isolated_mw[i]) / 1e3,
                "networked_headroom_gw": float(group.networked_mw[i]) / 1e3,
                "copper_plate_headroom_gw": float(group.copper_plate_mw[i]) / 1e3,
                "import_at_the_limit_gw": float(group.import_mw[i]) / 1e3,
                "group_native_unserved_mwh": group.native_unserved_mwh,
                "group_binding_cut": group.cut,
                "group_binding_cut_share": group.cut_share,
            }
    return columns


def _unchanged() -> demand.DemandPath:
    return demand.DemandPath(np.ones((1, 1)), np.ones((1, 1)))


def _area_row(info: xr.Dataset, record: notions.AreaRecord, balance: AreaBalance, share: float) -> dict[str, object]:
    headrooms: dict[str, list[float]] = {name: [] for name in notions.NOTIONS}
    shortage = []
    for conditions in record.weather:
        margins = {name: notion(record, conditions, balance, balance) for name, notion in notions.NOTIONS.items()}
        for name, margin in margins.items():
            found = headroom_mw(margin.profiles[0], margin.coefficients[:, 0], share, missing="refuse")
            headrooms[name].append(float(found.headroom_mw[0]))
        firm = margins["firm_capacity"]
        shortage.append(_shortage(firm))
    native = {name: float(np.mean([s[name] for s in shortage])) for name in shortage[0]}
    energy = float(balance.load_mw[0, 0]) * HOURS
    short = native["shortage_mwh"] / energy
    return {
        "area": str(info["area"].item()),
        "area_name": str(info["area_name"].item()),
        "country": str(info["area_country"].item()),
        "peak_load_gw": float(info["peak_load_mw"].to_numpy()[-1]) / 1e3,
        "net_export_twh": float(info["net_export_mwh"].to_numpy()[-1]) / 1e6,
        **{f"{name}_headroom_gw": float(np.mean(values)) / 1e3 for name, values in headrooms.items()},
        "native_shortage_share": short,
        "native_shortage_hours": native["hours"],
        "reason": _reason(native, record.net_export_mw) if short > SHORTAGE_SHARE else "",
    }


def _under_outages(
    outages: reliability.Outages, a: int, record: notions.AreaRecord, balance: AreaBalance, share: float
) -> float:
    """Flexible headroom of one area where its units fail one by one, mean over its weather years. [GW]"""
    one, shares = np.zeros(1, np.int64), np.full((1, 1), share)
    margins = (notions.firm_capacity(record, conditions, balance, balance) for conditions in record.weather)
    return float(np.mean([outages.solve(a, one, m, balance, shares).flexible_mw for m in margins])) / 1e3


def _shortage(firm: notions.Margin) -> dict[str, float]:
    """Energy and hours of native shortage, and the mean make-up of those hours. [MWh, h, MW]"""
    parts = firm.coefficients[0, 0, :, None] * firm.profiles[0]
    margin = parts.sum(axis=0)
    short = margin < 0.0
    hours = float(short.sum())
    mean = parts[:, short].mean(axis=1) if hours else np.zeros(len(parts))
    made_up = dict(zip(firm.terms, mean, strict=True))
    return {"shortage_mwh": float(-margin[short].sum()), "hours": hours} | {k: float(v) for k, v in made_up.items()}


def _reason(native: dict[str, float], net_export_mw: float) -> str:
    """The mean hour of shortage in words: load against what stands against it."""
    variable = sum(native[name] for name in VARIABLE)
    trade = "imports at their yearly mean shaped to load" if net_export_mw <= 0 else "no exports in these hours"
    gap = native["shortage_mwh"] / max(native["hours"], 1.0)
    return (
        f"in {native['hours']:,.0f} h a year load of {-native['load'] / 1e3:,.1f} GW meets firm capacity after reserve "
        f"{native['constant'] / 1e3:,.1f}, hydro {native['hydro'] / 1e3:,.1f}, wind and solar {variable / 1e3:,.1f}, "
        f"net import {native['net_export'] / 1e3:,.1f} GW ({trade}); {gap / 1e3:,.2f} GW short on average: an island "
        "cannot show imports above its yearly mean"
    )


def national(table: pd.DataFrame) -> pd.DataFrame:
    """Sums by country, and how the two notions differ."""
    names = ("firm_capacity", "historic_peak", "expected_unserved", "isolated", "networked", "copper_plate")
    joined = [column for column in table.columns if column.startswith("expected_unserved_")]
    columns = ["peak_load_gw", *dict.fromkeys([*(f"{name}_headroom_gw" for name in names), *joined])]
    sums = table.groupby("country", sort=False)[columns].sum().reset_index()
    sums["difference_gw"] = sums["firm_capacity_headroom_gw"] - sums["historic_peak_headroom_gw"]
    return sums
