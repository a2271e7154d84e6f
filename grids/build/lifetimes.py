"""How long power plants lasted: survival curves by country and technology, from what stood and what was retired.

    python -m grids.build.lifetimes --originals DIR

writes `grids/data/lifetimes.yaml`, which everybody else reads. Three kinds of record, the best there is for each:

- coal in both countries: units with first and last year (Global Energy Monitor, of at least 30 MW, closed since 2000);
- US gas and oil: units with first year and whether they have gone (the same publisher, of at least 50 MW; the list of
  closed ones begins about 2020); US wind: plants of 2019 against the units of 2024;
- US gas, oil, nuclear, biomass, geothermal: what stood at the end of one year, plus what came, less what stood later
  (EIA), which tells how much went and not how old it was.

Coal that turned to gas leaves coal and joins gas; it is no retirement of gas. See docs/projection.md, Retirements.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from grids.build import hazards
from grids.build.axes import vintage_of
from grids.build.hazards import Curve, Floats, Record
from grids.sources import eia_state, reeds_generators
from grids.sources.checks import Frame, original

OUT: Final = Path(__file__).parents[1] / "data" / "lifetimes.yaml"
COAL_FILE: Final = "gem_maps/gcpt_coal_units_jul2024_cn_us.csv.gz"
GAS_FILE: Final = "gem_maps/gogpt_oil_gas_units_aug2024_cn_us.csv.gz"
PLANTS_2019: Final = "wri_gppd/usa_gppd_2019.csv.gz"
COUNTRY: Final = {"US": "United States", "CN": "China"}
FUEL: Final = {"gas": "fossil gas", "oil": "fossil liquids"}
# The tracker's list of closed units begins about then, and the copy dates from August 2024. J.
UNDATED_FROM, UNDATED_TO = 2020.0, 2024.6
# A unit that burns gas after coal is listed anew under this name.
CONVERTED: Final = "timepoint"
LARGE_MW: Final = 300.0
"""Units of at least this size are nine tenths of both coal fleets of 2024; smaller ones went first."""
COAL_WINDOWS: Final = {"US": (2004, 2009, 2014, 2019), "CN": (2014, 2019)}
"""First years of the five-year windows. China: after the campaign against small units, which had ended by 2014. J."""
LARGE_WINDOWS: Final = {"US": (2009, 2014, 2019), "CN": (2014, 2019)}
"""The same for large units alone, from when more than a handful of them went."""
STOCK_WINDOWS: Final = ((2014, 2019), (2019, 2023))
"""Year ends between which stocks are compared."""
BACKCAST: Final = (2015, 2023)
"""First and last year of the backcast: the last that every record holds whole."""
STEEPNESS_WITHOUT_AGES: Final = 0.1
"""For technologies whose record has no ages: between gas (0.06) and coal (0.13). J."""
ANNOUNCED_FROM: Final = 2021
"""First year of US coal whose announcements at its start are on record (capacity/data/retirements_planned.yaml)."""
GONE_FROM: Final = 0.05
"""A plant that lost less of its capacity than this was rated anew. J."""
OLD_WIND_YEARS: Final = 20
"""A younger wind plant without a counterpart is a mismatch of lists, not a retirement. J."""


def build(originals: Path) -> dict[str, dict[str, Any]]:
    """Entries by country and technology (`us.coal`): curves, windows, standing and retired MW of the backcast."""
    found: dict[str, dict[str, Any]] = {}
    for country in COUNTRY:
        found[f"{country.lower()}.coal"] = _coal(originals, country)
    stocks = Stocks(originals)
    for technology in ("gas", "oil"):
        found[f"us.{technology}"] = _fossil(originals, technology, stocks)
    found["us.wind"] = _wind(originals, stocks)
    for technology in ("nuclear", "biomass", "geothermal"):
        windows = [stocks.window(technology, *years, STEEPNESS_WITHOUT_AGES) for years in STOCK_WINDOWS]
        found[f"us.{technology}"] = _entry(windows, STEEPNESS_WITHOUT_AGES, stocks.backcast(technology))
    return found


class Stocks:
    """US capacity at year ends by EIA, and the units of the list of mid-2024."""

    def __init__(self, originals: Path) -> None:
        table = eia_state.read_national_capacity(originals)
        self.mw = table.groupby(["technology", "year"])["nameplate_mw"].sum()
        units = reeds_generators.read_generators(originals)
        self.units = units[units["operating_year"] <= BACKCAST[1]]
        gas = _read(originals, GAS_FILE)
        turned = gas[(gas["country"] == COUNTRY["US"]) & gas["unit"].astype(str).str.contains(CONVERTED)]
        self.converted = turned.groupby("start_year")["capacity"].sum()

    def went(self, technology: str, first: int, last: int) -> float:
        """MW that went after the end of `first` until the end of `last`."""
        mine = self.units[self.units["technology"] == technology]
        came = mine.loc[mine["operating_year"].between(first + 1, last), "nameplate_mw"].sum()
        if technology == "gas":
            came += self.converted[(self.converted.index > first) & (self.converted.index <= last)].sum()
        return max(float(self.mw[technology, first] + came - self.mw[technology, last]), 0.0)

    def exposed(self, technology: str, first: int, last: int) -> Floats:
        """MW years by age: vintages of units that still stand, in each year scaled to what stood then."""
        total = np.zeros(hazards.OLDEST + 1)
        mine = self.units[self.units["technology"] == technology]
        for year in range(first, last):
            there = mine[mine["operating_year"] <= year]
            mw = there["nameplate_mw"].to_numpy() * (self.mw[technology, year] / there["nameplate_mw"].sum())
            np.add.at(total, np.clip(year - there["operating_year"], 0, hazards.OLDEST).to_numpy().astype(int), mw)
        return total

    def window(self, technology: str, first: int, last: int, steepness: float) -> dict[str, Any]:
        went, exposed = self.went(technology, first, last), self.exposed(technology, first, last)
        half_life = hazards.half_life_at(exposed, went, steepness)
        return _window(f"{first + 1}-{last}, stocks", float(exposed.sum()), went, Curve(half_life, steepness, np.nan))

    def backcast(self, technology: str) -> dict[str, Any]:
        first, last = BACKCAST
        mine = self.units[(self.units["technology"] == technology) & (self.units["operating_year"] < first)]
        by_vintage = mine.groupby(mine["operating_year"].map(vintage_of))["nameplate_mw"].sum()
        stood = float(self.mw[technology, first - 1])
        return _backcast(dict(by_vintage * (stood / by_vintage.sum())), self.went(technology, first - 1, last))


def _coal(originals: Path, country: str) -> dict[str, Any]:
    start, end, mw = _coal_units(originals, country)
    windows = []
    for least, years in ((0.0, COAL_WINDOWS[country]), (LARGE_MW, LARGE_WINDOWS[country])):
        size = mw >= least
        for first in years:
            record = hazards.dated(start[size], end[size], mw[size], range(first, first + 5))
            name = f"{first}-{first + 4}, {'all units' if least == 0.0 else f'units of {least:.0f} MW and more'}"
            windows.append(_window(name, float(record.exposed.sum()), record.retired.sum(), hazards.fitted(record)))
    first, last = BACKCAST
    there = (start < first) & (end >= first)
    steepness = float(np.exp(np.mean([np.log(window["steepness"]) for window in windows])))
    whole = hazards.dated(start, end, mw, range(COAL_WINDOWS[country][0], last + 1))
    went = float(mw[there & (end <= last)].sum())
    entry = _entry(windows, steepness, _backcast(_by_vintage(start[there], mw[there]), went), whole)
    if country == "US":
        then = (start < ANNOUNCED_FROM) & (end >= ANNOUNCED_FROM)
        entry["ahead"] = {"from": ANNOUNCED_FROM, "standing_mw": _rounded(_by_vintage(start[then], mw[then]))}
    return entry


def _by_vintage(start: Floats, mw: Floats) -> dict[int, float]:
    stood: dict[int, float] = {}
    for year, one in zip(start, mw, strict=True):
        stood[vintage_of(int(year))] = stood.get(vintage_of(int(year)), 0.0) + float(one)
    return stood


def _coal_units(originals: Path, country: str) -> tuple[Floats, Floats, Floats]:
    """First year, last year (infinite where it still stands) and MW of coal units that ran."""
    units = _read(originals, COAL_FILE)
    units = units[(units["Country/Area"] == COUNTRY[country]) & units["Start year"].notna()]
    units = units[units["Status"].isin(("operating", "mothballed", "retired"))]
    # A closed unit without a year cannot be placed: a hundred units, 2 % of what China closed.
    units = units[(units["Status"] != "retired") | units["Retired year"].notna()]
    end = units["Retired year"].where(units["Status"] == "retired", np.inf).to_numpy(dtype=float)
    return units["Start year"].to_numpy(dtype=float), end, units["Capacity (MW)"].to_numpy(dtype=float)


def _fossil(originals: Path, technology: str, stocks: Stocks) -> dict[str, Any]:
    units = _read(originals, GAS_FILE)
    units = units[(units["country"] == COUNTRY["US"]) & units["fuel_type"].str.startswith(FUEL[technology], na=False)]
    units = units[units["status"].isin(("operating", "mothballed", "retired"))]
    units = units[~units["unit"].astype(str).str.contains(CONVERTED)]
    gone = (units["status"] == "retired").to_numpy()
    columns = (units[name].to_numpy(dtype=float) for name in ("start_year", "capacity"))
    start, mw = columns
    record = hazards.undated(start, gone, mw, UNDATED_FROM, UNDATED_TO)
    curve = hazards.fitted(record)
    windows = [_window("2020 to mid-2024, units", float(record.exposed.sum()), float(record.retired.sum()), curve)]
    windows += [stocks.window(technology, *years, curve.steepness) for years in STOCK_WINDOWS]
    return _entry(windows, curve.steepness, stocks.backcast(technology), record)


def _wind(originals: Path, stocks: Stocks) -> dict[str, Any]:
    """Plants of 2019 by year of commissioning; what the unit list of 2024 lacks of them has gone."""
    plants = _read(originals, PLANTS_2019)
    plants = plants[(plants["primary_fuel"] == "Wind") & plants["commissioning_year"].notna()]
    plants = plants[plants["gppd_idnr"].str.fullmatch(r"USA\d+")]
    wind = stocks.units[(stocks.units["technology"] == "wind") & (stocks.units["operating_year"] <= 2019)]
    left = plants["gppd_idnr"].str.removeprefix("USA").astype(int).map(wind.groupby("plant_id")["nameplate_mw"].sum())
    old = plants["commissioning_year"] < 2019 - OLD_WIND_YEARS
    plants, left = plants[left.notna() | old], left[left.notna() | old]
    mw = plants["capacity_mw"].to_numpy(dtype=float)
    # No counterpart in the list of 2024 means that nothing is left.
    lost = np.clip(mw - left.where(left.notna(), 0.0).to_numpy(dtype=float), 0.0, None)
    lost = np.where(lost < GONE_FROM * mw, 0.0, lost)
    start = np.tile(plants["commissioning_year"].to_numpy(dtype=float), 2)
    gone = np.repeat([True, False], len(mw))
    record = hazards.undated(start, gone, np.concatenate([lost, mw - lost]), UNDATED_FROM, UNDATED_TO)
    record = Record(record.exposed, record.retired, int((lost > 0).sum()))
    curve = hazards.fitted(record)
    windows = [_window("2020 to mid-2024, plants", float(record.exposed.sum()), float(record.retired.sum()), curve)]
    windows += [stocks.window("wind", *years, curve.steepness) for years in STOCK_WINDOWS]
    return _entry(windows, curve.steepness, stocks.backcast("wind"), record)


def _window(name: str, exposed: float, retired: float, curve: Curve) -> dict[str, Any]:
    row = {"record": name, "exposed_gw_years": round(exposed / 1e3, 1), "retired_gw": round(float(retired) / 1e3, 2)}
    row |= {"half_life_years": round(curve.half_life, 1), "steepness": round(curve.steepness, 3)}
    return row | ({"half_life_error_years": round(curve.error, 1)} if np.isfinite(curve.error) else {})


def _entry(
    windows: list[dict[str, Any]], steepness: float, backcast: dict[str, Any], record: Record | None = None
) -> dict[str, Any]:
    """Mean and spread of the half-lives of the windows, and the hazard by age where the record has ages."""
    lives = np.array([window["half_life_years"] for window in windows])
    entry: dict[str, Any] = {
        "half_life_years": {"mean": round(float(lives.mean()), 1), "sd": round(float(lives.std(ddof=1)), 1)},
        "steepness": round(steepness, 3),
        "windows": windows,
    }
    if record is not None:
        entry["by_age"] = [
            {
                "ages": f"{first}-{first + 9}",
                "exposed_gw_years": round(float(record.exposed[first : first + 10].sum()) / 1e3, 1),
                "retired_gw": round(float(record.retired[first : first + 10].sum()) / 1e3, 2),
            }
            for first in range(0, 80, 10)
        ]
    return entry | {"backcast": backcast}


def _backcast(stood: Mapping[int, float], retired: float) -> dict[str, Any]:
    first, last = BACKCAST
    return {
        "years": [first, last],
        "standing_mw": _rounded(stood),
        "retired_mw": round(retired, 1),
    }


def _rounded(stood: Mapping[int, float]) -> dict[int, float]:
    return {int(vintage): round(float(stood[vintage]), 1) for vintage in sorted(stood)}


def _read(originals: Path, name: str) -> Frame:
    import pandas as pd

    return pd.read_csv(original(originals, name), low_memory=False)


def write(entries: Mapping[str, Any], out: Path) -> None:
    """Write the estimates as YAML, with what they are and where they come from."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 130
    yaml.default_flow_style = None
    header = {
        "label": "P",
        "source": "gem-trackers eia-state powergenome-reeds wri-gppd",
        "method": "python -m grids.build.lifetimes; see its first lines and docs/projection.md, Retirements",
    }
    with out.open("w", encoding="utf-8") as stream:
        yaml.dump({**header, "lifetimes": dict(entries)}, stream)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--originals", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    write(build(options.originals), options.out)
