"""The US fleet: unit records placed in areas, reconciled with EIA's state capacity tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.build.axes import HISTORY_YEARS, PLAN_YEARS, STATE_YEAR, vintage_of
from grids.sources import eia_state, reeds_generators, us_retirements
from grids.sources.checks import Column, Frame

# What developers reported to EIA for the whole country, MW: EIA "Today in Energy", 20 August 2025
# (64 GW in 2025) and 20 February 2026 (86 GW in 2026: 51 % solar, 28 % storage, 14 % wind, 6.3 GW gas).
REPORTED_ADDITIONS_MW: Final = {
    2025: {"solar": 33_300.0, "battery": 18_300.0, "wind": 7_800.0, "gas": 4_700.0},
    2026: {"solar": 43_860.0, "battery": 24_080.0, "wind": 12_040.0, "gas": 6_300.0},
}
# Fuels whose units run as the market calls them, so that capacity alone does not say where they generate.
DISPATCHED: Final = ("coal", "gas", "oil", "biomass", "hydro", "geothermal")
LEAST_CAPACITY_FACTOR: Final = 0.01  # a unit that exists generates something; J
# EIA counts wind on land and at sea together.
WIND: Final = ("wind", "offshore_wind")


def build_units(originals: Path, *, by_zone: bool = False) -> Frame:
    """Units operating at the end of 2024 or dated later, with nameplate_mw reconciled.

    Columns as `reeds_generators.read_generators` plus status ('operating' or 'planned'). For each state
    and fuel the operating units are made to add up to EIA's table: where the units exceed it, those dated
    2024 give way first (they had slipped) and come back as planned for 2025; the rest is scaled. `by_zone`: the
    column area holds zones (us.ercot.p63); all else is the same.
    """
    import pandas as pd

    units = us_retirements.updated(originals, reeds_generators.read_generators(originals, by_zone=by_zone))
    units = units[units["retirement_year"] > STATE_YEAR].copy()
    units["fuel"] = units["technology"].replace({"offshore_wind": "wind"})
    published = published_capacity(originals)
    target = published[published["year"] == STATE_YEAR].set_index(["state", "technology"])["nameplate_mw"]
    old = units[units["operating_year"] <= STATE_YEAR].copy()
    planned = units[units["operating_year"] > STATE_YEAR].copy()
    kept, slipped = _trim_to(old, target)
    sums = kept.groupby(["state", "fuel"])["nameplate_mw"].transform("sum")
    wanted = pd.Series(target.reindex(pd.MultiIndex.from_frame(kept[["state", "fuel"]])).to_numpy(), kept.index)
    # A fuel that EIA does not list in a state: the units are below its cut or sit across a border.
    kept["nameplate_mw"] *= (wanted / sums).where(wanted.notna(), 0.0)
    missing = _unlisted(old, target, set(zip(kept["state"], kept["fuel"], strict=True)))
    operating = pd.concat([kept[kept["nameplate_mw"] > 0], missing]).assign(status="operating")
    slipped = slipped.assign(operating_year=STATE_YEAR + 1)
    return pd.concat([operating, pd.concat([slipped, planned]).assign(status="planned")], ignore_index=True)


def published_capacity(originals: Path) -> Frame:
    """EIA's state table with 'other' split into batteries and the rest, which is counted as biomass.

    'other' is batteries plus waste heat, tyre-derived fuel and the like. The second part is taken as
    what 'other' held at the end of 2023 beyond the battery units of that date, and kept constant;
    before 2024 batteries are the dated units, at most 'other' itself.
    """
    import pandas as pd

    table = eia_state.read_capacity(originals)
    other = table[table["technology"] == "other"].set_index(["year", "state"])["nameplate_mw"]
    units = reeds_generators.read_generators(originals)
    batteries = units[units["technology"] == "battery"]
    parts = []
    for year in sorted(set(other.index.get_level_values("year")) & {*HISTORY_YEARS}):
        dated = (
            batteries[batteries["operating_year"] <= min(year, STATE_YEAR - 1)].groupby("state")["nameplate_mw"].sum()
        )
        here = other.loc[year]
        # A state without a dated battery unit has none: the unit list is complete above 1 MW.
        battery = dated.reindex(here.index, fill_value=0.0).clip(upper=here)
        if year == STATE_YEAR:
            before = other.loc[year - 1]
            odd = (before - dated.reindex(before.index, fill_value=0.0)).clip(lower=0.0)
            battery = (here - odd.reindex(here.index, fill_value=0.0)).clip(lower=0.0)
        split = pd.concat({"battery": battery, "biomass": here - battery}, names=["technology"])
        parts.append(split.rename("nameplate_mw").reset_index().assign(year=year))
    kept = table[(table["technology"] != "other") & table["year"].isin(HISTORY_YEARS)]
    columns = ["year", "state", "technology", "nameplate_mw"]
    whole = pd.concat([kept[columns], *[part[columns] for part in parts]])
    summed = whole.groupby(["year", "state", "technology"], as_index=False)["nameplate_mw"].sum()
    return summed[summed["nameplate_mw"] > 0]


def nameplate(units: Frame) -> Column:
    """MW by area, technology, vintage."""
    old = units[units["status"] == "operating"].copy()
    old["vintage"] = old["operating_year"].map(vintage_of)
    return old.groupby(["area", "technology", "vintage"])["nameplate_mw"].sum()


def planned_additions(units: Frame) -> Column:
    """MW by area, technology, plan_year.

    2025 and 2026: EIA's reported national figures, shared out like the planned units of 2025-2027 of that
    technology (the unit list itself dates from 2024 and falls short); other technologies and later years
    as listed.
    """
    import pandas as pd

    plans = units[(units["status"] == "planned") & units["operating_year"].isin(PLAN_YEARS)]
    listed = plans.groupby(["area", "technology", "operating_year"])["nameplate_mw"].sum()
    listed.index = listed.index.set_names("plan_year", level="operating_year")
    near = plans[plans["operating_year"] <= PLAN_YEARS[2]]
    parts = []
    for year, figures in REPORTED_ADDITIONS_MW.items():
        for fuel, total_mw in figures.items():
            technologies = WIND if fuel == "wind" else (fuel,)
            shares = near[near["technology"].isin(technologies)].groupby(["area", "technology"])["nameplate_mw"].sum()
            part = (shares / shares.sum() * total_mw).rename("nameplate_mw").reset_index().assign(plan_year=year)
            parts.append(part.set_index(["area", "technology", "plan_year"])["nameplate_mw"])
    reported = pd.concat(parts)
    replaced = listed.index.get_level_values("plan_year").isin(list(REPORTED_ADDITIONS_MW))
    replaced &= listed.index.get_level_values("technology").isin(["solar", "battery", "gas", *WIND])
    return pd.concat([listed[~replaced], reported])


def planned_retirements(units: Frame) -> Column:
    """MW by area, technology, plan_year of operating units whose retirement was announced."""
    going = units[(units["status"] == "operating") & units["announced"] & units["retirement_year"].isin(PLAN_YEARS)]
    table = going.groupby(["area", "technology", "retirement_year"])["nameplate_mw"].sum()
    table.index = table.index.set_names("plan_year", level="retirement_year")
    return table


def capacity_history(units: Frame, published: Frame) -> Column:
    """MW by area, technology, history_year: state totals shared out by the units then operating."""
    import pandas as pd

    old = units[units["status"] == "operating"]
    states = state_shares(old)
    parts = []
    for year in HISTORY_YEARS[:-1]:
        totals = published[published["year"] == year]
        laid = shared_to_areas(totals, area_shares(old, year), states, "nameplate_mw")
        parts.append(laid.assign(history_year=year))
    last = nameplate(units).groupby(["area", "technology"]).sum().rename("nameplate_mw").reset_index()
    parts.append(last.assign(history_year=STATE_YEAR))
    return pd.concat(parts).groupby(["area", "technology", "history_year"])["nameplate_mw"].sum()


def area_shares(units: Frame, year: int, *, by_output: bool = False) -> Frame:
    """How a state's capacity of a fuel lies in areas: state, fuel, area, technology, share (sums to 1).

    By the reconciled units commissioned up to the year; a state and fuel without any is shared out
    like that fuel's units of all dates. With `by_output` a unit of a dispatched fuel weighs as much as it
    used to generate (nameplate times its past capacity factor), else its nameplate.
    """
    import pandas as pd

    old = units[units["status"] == "operating"]
    if by_output:
        old = old.assign(nameplate_mw=_usual_output(old))
    keys = ["state", "fuel", "area", "technology"]
    dated = old[old["operating_year"] <= year].groupby(keys)["nameplate_mw"].sum()
    every = old[old["technology"] != "offshore_wind"].groupby(keys)["nameplate_mw"].sum()
    known = set(dated.index.droplevel(["area", "technology"]))
    rest = every[[key not in known for key in every.index.droplevel(["area", "technology"])]]
    mw = pd.concat([dated, rest])
    return (mw / mw.groupby(level=["state", "fuel"]).transform("sum")).rename("share").reset_index()


def state_shares(units: Frame) -> Frame:
    """How a state's whole fleet lies in areas: state, area, share."""
    old = units[units["status"] == "operating"]
    state = old.groupby(["state", "area"])["nameplate_mw"].sum()
    return (state / state.groupby(level="state").transform("sum")).rename("share").reset_index()


def shared_to_areas(totals: Frame, shares: Frame, states: Frame, column: str) -> Frame:
    """State totals (state, technology, `column`) laid out in areas: area, technology, `column`.

    A fuel that no unit of the state has any more lies where the state's whole fleet lies.
    """
    import pandas as pd

    rows = totals.rename(columns={"technology": "fuel"})[["state", "fuel", column]]
    gone = rows.merge(shares[["state", "fuel"]].drop_duplicates(), how="left", indicator=True)
    gone = gone[gone["_merge"] == "left_only"].drop(columns="_merge")
    by_state = gone.merge(states, on="state").assign(technology=lambda frame: frame["fuel"])
    whole = pd.concat([rows.merge(shares, on=["state", "fuel"]), by_state], ignore_index=True)
    whole[column] *= whole["share"]
    return whole.groupby(["area", "technology"], as_index=False)[column].sum()


def _usual_output(units: Frame) -> Column:
    past = units["past_capacity_factor"]
    # A unit without a record runs like the middle unit of its technology.
    filled = past.where(past.notna(), past.groupby(units["technology"]).transform("median"))
    dispatched = units["technology"].isin(DISPATCHED)
    factor = filled.clip(lower=LEAST_CAPACITY_FACTOR).where(dispatched, 1.0)
    return units["nameplate_mw"] * factor


def _trim_to(old: Frame, target: Column) -> tuple[Frame, Frame]:
    """Take the excess over the published total out of the units dated 2024."""
    import pandas as pd

    keys = pd.MultiIndex.from_frame(old[["state", "fuel"]])
    sums = old.groupby(["state", "fuel"])["nameplate_mw"].transform("sum")
    wanted = pd.Series(target.reindex(keys).to_numpy(), old.index)
    young = old["nameplate_mw"].where(old["operating_year"] == STATE_YEAR, 0.0)
    young_sum = young.groupby([old["state"], old["fuel"]]).transform("sum")
    excess = (sums - wanted).clip(lower=0.0).where(wanted.notna(), 0.0)
    part = (excess.clip(upper=young_sum) / young_sum).where(young_sum > 0, 0.0)
    slipped = old.assign(nameplate_mw=young * part)
    kept = old.assign(nameplate_mw=old["nameplate_mw"] - young * part)
    return kept, slipped[slipped["nameplate_mw"] > 0]


def _unlisted(old: Frame, target: Column, covered: set[tuple[str, str]]) -> Frame:
    """Stand-ins for what EIA lists in a state without any unit record: spread like the state's fleet.

    Commissioning years follow the fuel's units in the whole country.
    """
    rest = target[[key not in covered for key in target.index]].rename("wanted").reset_index()
    rest = rest.rename(columns={"technology": "fuel"})
    state = old.groupby(["state", "area"])["nameplate_mw"].sum()
    state_share = (state / state.groupby(level="state").transform("sum")).rename("area_share").reset_index()
    age = old.groupby(["fuel", "technology", "operating_year"])["nameplate_mw"].sum()
    age_share = (age / age.groupby(level="fuel").transform("sum")).rename("age_share").reset_index()
    age_share = age_share[age_share["technology"] != "offshore_wind"]
    table = rest.merge(state_share, on="state").merge(age_share, on="fuel")
    scale = table.groupby(["state", "fuel"])["age_share"].transform("sum")
    regions = table.groupby(["state", "fuel"])["area"].transform("nunique")
    table["nameplate_mw"] = table["wanted"] * table["area_share"] * table["age_share"] / (scale / regions)
    table["nameplate_mw"] /= table.groupby(["state", "fuel"])["nameplate_mw"].transform("sum") / table["wanted"]
    table["announced"] = False
    return table.drop(columns=["wanted", "area_share", "age_share"])
