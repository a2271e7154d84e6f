"""Demand of the 134 ReEDS zones: how the hourly load of each US area lies in its zones, 2020-2024.

Each EIA-930 series lies in the zones that `us_series_to_zone.yaml` names (all zones of the area if none). How much of
it lies in which is fitted: sums over zones are those of the series, and sums over series come as near to the zones'
expected shares as the table lets them. Expected: sales of the state, by area, and inside both by synthetic substations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from grids.areas import AREAS
from grids.build.cell_weights import nearest_area
from grids.build.demand import HOURLY_YEARS, US, us_hourly_load
from grids.build.demand_history import by_year
from grids.hours import year_values
from grids.sources import boundaries, tamu
from grids.sources.us_consumption import read_state_sales
from grids.tables import read_table
from grids.variables import GridDataError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

SALES_YEAR: Final = 2023
FITTING_STEPS: Final = 500
"""Sweeps of proportional fitting; where the table cannot meet the expected shares, it settles between them. [method]"""


class ZoneLoad(NamedTuple):
    """Load of zones as shares of their area.

    share : (zone, year)         Of the area's energy in a year. [1]
    ratio : (zone, year, hour)   Of the area's load in an hour, over that share; 29 February dropped. [1]
    energy_mwh : (zone,)         Energy of the last year. [MWh]
    peak_mw : (zone,)            Highest hour of all years. [MW]
    expected : (zone,)           Share by sales and substations alone. [1]
    """

    share: Floats
    ratio: Floats
    energy_mwh: Floats
    peak_mw: Floats
    expected: Floats


def build(originals: Path, zones: Mapping[str, Sequence[str]]) -> ZoneLoad:
    """Load of the zones (`p63`) of every US area, in the order of `zones`.

    Raises GridDataError for a table with unknown zones, or one that leaves a zone without load.
    """
    support = _support(zones)
    expected = expected_shares(originals, zones)
    areas, cleaned, rules = us_hourly_load(originals)
    years = [int(year) for year in HOURLY_YEARS]
    shares, ratios, energies, peaks = [], [], [], []
    for area in US:
        inside = list(zones[area])
        mine = {code: rule.shares[area] for code, rule in rules.items() if area in rule.shares}
        series = cleaned.load[list(mine)] * np.array(list(mine.values()))
        allowed = np.array([[zone in support.get(code, inside) for zone in inside] for code in mine])
        part = fitted(series.sum().to_numpy(), expected[area], allowed)
        hours = series.dot(part).reindex(areas.index).ffill()  # the last hour of 2024 is not in the release
        share, ratio = _shares(hours, years)
        energy = dict(by_year(areas[[area]]).sum()[area])
        energies.append(share[:, -1] * energy[years[-1]])
        shares.append(share)
        ratios.append(ratio)
        peaks.append(hours.max().to_numpy(dtype=np.float64))
    by_area = (shares, ratios, energies, peaks, [expected[area] for area in US])
    return ZoneLoad(*(np.concatenate(parts) for parts in by_area))


def fitted(energy: Floats, expected: Floats, allowed: npt.NDArray[np.bool_]) -> Floats:
    """Part (series, zone) of each series that lies in a zone: rows sum to 1, zero where not allowed.

    energy : (series,) >= 0; expected : (zone,) shares of the total, > 0; sums by zone are met if the table allows it.
    """
    table = np.where(allowed, expected, 0.0)
    if not (allowed.any(axis=1).all() and allowed.any(axis=0).all()):
        raise GridDataError("a series without a zone, or a zone without a series")
    wanted = expected / expected.sum() * energy.sum()
    table *= (energy / table.sum(axis=1))[:, None]
    for _ in range(FITTING_STEPS):
        table *= wanted / table.sum(axis=0)
        table *= np.divide(energy, table.sum(axis=1), out=np.zeros_like(energy), where=energy > 0.0)[:, None]
    # A series that is nil (an authority that has ended) lies anywhere.
    nil = energy <= 0.0
    table[nil] = allowed[nil]
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def expected_shares(originals: Path, zones: Mapping[str, Sequence[str]]) -> dict[str, Floats]:
    """Share (zone,) of each area's load by state sales, the area's part of the state, and substations in both."""
    import pandas as pd

    polygons = boundaries.us_zones(originals)
    substations = tamu.substation_load(originals)
    where = nearest_area(polygons, substations["lat"].to_numpy(float), substations["lon"].to_numpy(float))
    load = pd.Series(substations["mw"].to_numpy(float)).groupby(where).sum()
    sales = read_state_sales(originals)[SALES_YEAR]
    state = boundaries.state_of_zone(originals)
    result = {}
    for area in AREAS:
        if area.country != "US":
            continue
        inside = list(zones[area.id])
        mw = np.array([float(load.get(zone, 0.0)) for zone in inside])
        share = np.zeros(len(inside))
        for name in sorted({state[zone] for zone in inside}):
            here = np.array([state[zone] == name for zone in inside])
            # Substations may miss the only zone of a state in the area; then its zones are alike.
            weight = mw[here] if mw[here].sum() > 0.0 else np.ones(int(here.sum()))
            share[here] = float(sales[name]) * area.state_shares[name] * weight / weight.sum()
        result[area.id] = share / share.sum()
    return result


def _support(zones: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    support: dict[str, list[str]] = read_table("us_series_to_zone.yaml")["series"]
    known = {zone for inside in zones.values() for zone in inside}
    unknown = sorted({zone for listed in support.values() for zone in listed} - known)
    if unknown:
        raise GridDataError(f"us_series_to_zone.yaml: no such zone {', '.join(unknown)}")
    return support


def _shares(hours: pd.DataFrame, years: Sequence[int]) -> tuple[Floats, Floats]:
    """Share (zone, year) of energy and ratio (zone, year, hour) of hourly shares to it."""
    energy = by_year(hours).sum().T[list(years)].to_numpy()
    share = energy / energy.sum(axis=0)
    part = hours.div(hours.sum(axis=1), axis=0)
    ratios = [np.stack([year_values(part[zone], year) for year in years]) for zone in hours]
    return share, np.stack(ratios) / share[:, :, None]
