"""US net generation by area, technology and year, and what of it never reaches the grid's meters."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.build import fleet_us
from grids.build.axes import HISTORY_YEARS, STATE_YEAR
from grids.sources import eia_international, eia_state, owid
from grids.sources.checks import Column, Frame
from grids.units import MWH_PER_GWH, MWH_PER_TWH

LAST_PUBLISHED: Final = 2019  # last year of the state by fuel table
LAST_SEDS: Final = 2023
HEAT_RATE_YEARS: Final = range(2015, LAST_PUBLISHED + 1)
# Utility-scale solar of the fifty states in 2024: national total less small-scale systems, TWh. The total is
# in the national series; small-scale generation is R (EIA Electric Power Monthly, February 2025).
SMALL_SCALE_SOLAR_2024_TWH: Final = 84.9
# Batteries: full-power hours of discharge a year (R: EIA reports roughly two hours on two days out of
# three for the arbitrage fleet of 2023) and round-trip efficiency (R, EIA 0.82; J within 0.80-0.88).
BATTERY_DISCHARGE_HOURS: Final = 500.0
BATTERY_EFFICIENCY: Final = 0.85
DISPATCHED_GROWTH: Final = (0.85, 1.1)  # output of a dispatched fuel in a state, 2024 over 2023; J


def by_state(originals: Path, published: Frame) -> Frame:
    """Net generation of utility-scale plants in the 48 states: year, state, technology, mwh, 2010-2024.

    2010-2019 EIA's table. 2020-2023: hydro, nuclear, wind, geothermal and power-sector solar from SEDS; coal,
    gas and oil from the fuel burnt times the state's 2015-2019 output per unit of fuel; biomass (with odd fuels)
    and pumped storage by their 2019 or 2015-2019 pattern. 2024: the year before times the growth of capacity.
    From 2020 each fuel is scaled to the national figure, less what Alaska and Hawaii had of it in 2019.
    """
    import pandas as pd

    table = eia_state.read_generation(originals)
    table["technology"] = table["technology"].replace({"other": "biomass"})
    keys = ["year", "state", "technology"]
    known = table.groupby(keys)["mwh"].sum()
    known = known[known.index.get_level_values("year").isin(HISTORY_YEARS)]
    targets = national_targets(originals, known)
    seds = eia_state.read_seds(originals)
    parts = [known]
    for year in range(LAST_PUBLISHED + 1, LAST_SEDS + 1):
        parts.append(_scaled(_from_seds(seds, known, year), targets[year], year))
    before = parts[-1].droplevel("year")
    parts.append(_scaled(_grown(before, published), targets[STATE_YEAR], STATE_YEAR))
    whole = pd.concat(parts).rename("mwh").reset_index()
    battery = _battery(published).reset_index()
    return pd.concat([whole, battery], ignore_index=True)


def national_targets(originals: Path, known: Column) -> dict[int, Column]:
    """What the 48 states generated, MWh by technology, for 2020-2024."""
    import pandas as pd

    long = owid.read_long_history(originals).query("country == 'US'").set_index("year")
    recent = owid.read_national().query("country == 'US'").set_index("year")
    series = {
        name: eia_international.read_generation_twh(originals, "US", name)
        for name in ("Oil", "Other gases", "Biomass and waste", "Hydroelectric pumped storage", "Geothermal")
    }
    last = int(series["Oil"].index.max())
    inside = _share_inside(originals, known)
    targets = {}
    for year in range(LAST_PUBLISHED + 1, STATE_YEAR + 1):
        fuels = recent.loc[year] if year in recent.index else long.loc[year]
        at = min(year, last)  # EIA's international series end in 2022; later years keep that year's gap
        base = recent.loc[at] if at in recent.index else long.loc[at]
        pumped = series["Hydroelectric pumped storage"][at]
        twh = {
            "coal": fuels["coal"],
            "gas": fuels["gas"] + series["Other gases"][at],
            "oil": fuels["oil"] - (base["oil"] - series["Oil"][at]),
            "biomass": fuels["bioenergy"] + (series["Biomass and waste"][at] - base["bioenergy"]),
            "nuclear": fuels["nuclear"],
            "pumped_storage": pumped,
        }
        if year > LAST_SEDS:
            twh |= {
                "hydro": fuels["hydro"] - pumped,
                "wind": fuels["wind"],
                "solar": fuels["solar"] - SMALL_SCALE_SOLAR_2024_TWH,
                "geothermal": series["Geothermal"][at] * fuels["other"] / base["other"],
            }
        targets[year] = (pd.Series(twh, dtype=float) * MWH_PER_TWH).mul(inside).dropna()
    return targets


def by_area(states: Frame, units: Frame) -> Column:
    """MWh by area, technology, history_year: state figures shared out by the units then operating.

    Dispatched fuels by capacity times the units' past output, the others by capacity; a state's wind by
    its farms on land and at sea.
    """
    import pandas as pd

    parts = []
    whole = fleet_us.state_shares(units)
    for year in HISTORY_YEARS:
        shares = fleet_us.area_shares(units, year, by_output=True)
        laid = fleet_us.shared_to_areas(states[states["year"] == year], shares, whole, "mwh")
        parts.append(laid.assign(history_year=year))
    return pd.concat(parts).groupby(["area", "technology", "history_year"])["mwh"].sum()


def industrial_by_area(originals: Path, units: Frame) -> Column:
    """MWh by area and history_year from industrial plants; 2020-2024 keep 2019.

    The stock from which on-site use is taken: an industrial plant serves its own site before the grid.
    """
    import pandas as pd

    table = eia_state.read_generation(originals)
    table["technology"] = table["technology"].replace({"other": "biomass"})
    whole = fleet_us.state_shares(units)
    parts = []
    for year in HISTORY_YEARS:
        rows = table[table["year"] == min(year, LAST_PUBLISHED)]
        rows = rows.groupby(["state", "technology"], as_index=False)["industrial_mwh"].sum()
        shares = fleet_us.area_shares(units, year, by_output=True)
        laid = fleet_us.shared_to_areas(rows, shares, whole, "industrial_mwh")
        parts.append(laid.assign(history_year=year))
    return pd.concat(parts).groupby(["area", "history_year"])["industrial_mwh"].sum()


def net_imports_mwh(originals: Path) -> Column:
    """National net imports by year: SEDS, and the national series for 2024."""
    seds = eia_state.read_seds(originals)
    rows = seds[(seds["series"] == eia_state.SEDS_NET_IMPORTS) & (seds["state"] == "US")]
    series = rows.set_index("year")["value"] * MWH_PER_GWH
    recent = owid.read_national().query("country == 'US'").set_index("year")["net_imports_twh"]
    series = series[series.index.isin(HISTORY_YEARS)].copy()
    series[STATE_YEAR] = recent[STATE_YEAR] * MWH_PER_TWH
    return series


def _from_seds(seds: Frame, known: Column, year: int) -> Column:
    """One year by state and technology before scaling."""
    import pandas as pd

    inside = set(known.index.get_level_values("state"))
    rows = seds.assign(state=seds["state"].replace({"DC": "MD"}))
    rows = rows[rows["state"].isin(inside)]
    by_series = rows.groupby(["series", "year", "state"])["value"].sum(min_count=1)
    parts = {}
    for technology, names in eia_state.SEDS_GENERATION.items():
        parts[technology] = sum(by_series[name, year] for name in names) * MWH_PER_GWH
    parts["solar"] = by_series[eia_state.SEDS_SOLAR_POWER_SECTOR, year] * MWH_PER_GWH
    for technology, name in eia_state.SEDS_FUEL.items():
        output = known.xs(technology, level="technology")
        output = output[output.index.get_level_values("year").isin(HEAT_RATE_YEARS)].groupby("state").sum()
        fuel = by_series[name].loc[list(HEAT_RATE_YEARS)].groupby("state").sum()
        burnt = by_series[name, year]
        # A state that burns none in the power sector keeps its industrial output of 2019.
        kept = known[LAST_PUBLISHED].xs(technology, level="technology")
        parts[technology] = (output / fuel * burnt).where(fuel > 0, kept).dropna()
    parts["biomass"] = known[LAST_PUBLISHED].xs("biomass", level="technology")
    pumped = known.xs("pumped_storage", level="technology")
    recent = pumped[pumped.index.get_level_values("year").isin(HEAT_RATE_YEARS)]
    parts["pumped_storage"] = recent.groupby("state").mean()
    return pd.concat({name: part.rename_axis("state") for name, part in parts.items()}, names=["technology"])


def _grown(before: Column, published: Frame) -> Column:
    """2024 before scaling: 2023 times the growth of mean capacity, where both years have some."""
    import pandas as pd

    mw = published.set_index(["technology", "state", "year"])["nameplate_mw"].unstack("year")
    # The mean of two year ends stands for a year; a fuel new in 2024 has no 2023 to grow from.
    growth = (mw[STATE_YEAR] + mw[STATE_YEAR - 1]) / (mw[STATE_YEAR - 1] + mw[STATE_YEAR - 2])
    ordered = before.reorder_levels(["technology", "state"])
    factor = growth.reindex(ordered.index)
    called = ordered.index.get_level_values("technology").isin(fleet_us.DISPATCHED)
    # A plant turned from one fuel to another moves capacity at once and output by far less.
    factor = factor.where(~called, factor.clip(*DISPATCHED_GROWTH))
    return pd.Series(ordered * factor.where(factor.notna(), 1.0))


def _scaled(table: Column, target: Column, year: int) -> Column:
    """Each fuel scaled to its national target; fuels without one (SEDS states them) stay."""
    import pandas as pd

    sums = table.groupby(level="technology").transform("sum")
    wanted = pd.Series(target.reindex(table.index.get_level_values("technology")).to_numpy(), table.index)
    scaled = table * (wanted / sums).where(wanted.notna(), 1.0)
    return pd.concat({year: scaled.dropna()}, names=["year"]).reorder_levels(["year", "state", "technology"])


def _share_inside(originals: Path, known: Column) -> Column:
    """Part of each fuel's national generation that the 48 states had in 2019."""
    import pandas as pd

    series = {"coal": "Coal", "gas": "Natural gas", "oil": "Oil", "nuclear": "Nuclear", "wind": "Wind"}
    series |= {"hydro": "Hydroelectricity", "geothermal": "Geothermal", "biomass": "Biomass and waste"}
    here = known[LAST_PUBLISHED].groupby(level="technology").sum()
    whole = {k: eia_international.read_generation_twh(originals, "US", v)[LAST_PUBLISHED] for k, v in series.items()}
    whole["gas"] += eia_international.read_generation_twh(originals, "US", "Other gases")[LAST_PUBLISHED]
    share = here / (pd.Series(whole) * MWH_PER_TWH)
    return share.reindex(here.index).clip(upper=1.0).where(lambda values: values.notna(), 1.0)


def _battery(published: Frame) -> Column:
    """Net generation of batteries is what they lose: a stated number of hours at a stated efficiency."""
    import pandas as pd

    mw = published[published["technology"] == "battery"].set_index(["year", "state"])["nameplate_mw"]
    wide = mw.unstack("year")
    years = [year for year in HISTORY_YEARS if year in wide.columns]
    # A state and year that the list lacks has no battery.
    wide = wide[years].where(wide[years].notna(), 0.0)
    mean = (wide + wide.shift(axis=1, fill_value=0.0)) / 2
    loss = -mean * BATTERY_DISCHARGE_HOURS * (1 / BATTERY_EFFICIENCY - 1)
    table = pd.concat({"battery": loss.stack()}, names=["technology"])
    return table.rename("mwh").reorder_levels(["year", "state", "technology"])
