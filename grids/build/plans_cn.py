"""What China is building, by province and first year: tracked units, and what 2025 has already brought."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.build import fleet_cn_national as known
from grids.build.axes import PLAN_YEARS, STATE_YEAR
from grids.sources import gem, nea
from grids.sources.checks import Column, Frame

# Earliest year in which a unit of that status can start: permitted units still need two years of work
# after the tracker's date (mid-2024), the others three. J.
EARLIEST_YEAR: Final = {"construction": 2025, "permitted": 2026, "pre_permit": 2027, "announced": 2027}
# Undated units are spread evenly over these years; undated announcements are left out. J.
UNDATED_YEARS: Final = {
    "construction": range(2026, 2029),
    "permitted": range(2027, 2031),
    "pre_permit": range(2029, 2033),
}
# Hydro and pumped storage take longer, and far more is permitted than will be built by 2035: undated
# permits are left out. J.
UNDATED_HYDRO_YEARS: Final = {"construction": range(2028, 2032)}
# The nuclear tracker has no years. Reactors under construction: a first connection six years after first
# concrete, so an even spread over 2025-2030; permitted ones (2024-25 approvals) over 2030-2032. J.
NUCLEAR_YEARS: Final = {"construction": range(2025, 2031), "permitted": range(2030, 2033)}
# The thermal trackers date from July to September 2024: what was due by the end of 2024 is inside the
# published capacity of that date. The hydro tracker dates from April 2025: what it still calls under
# construction had slipped.
THERMAL: Final = ("coal", "gas", "oil", "biomass")
RECENT_YEARS: Final = 3


def planned_additions(originals: Path, capacity: Frame) -> Column:
    """MW by technology, province, plan_year.

    `capacity` is `fleet_cn.capacity_by_province`. Wind, solar and batteries have only the year 2025
    (observed or reported); the trackers of later wind and solar projects are not among the originals.
    """
    import pandas as pd

    units = gem.read_china_units(originals)
    tracked = _tracked(units[units["technology"] != "nuclear"])
    parts = [tracked, _nuclear(units, capacity), *_observed(originals, capacity)]
    return pd.concat(parts).groupby(level=["technology", "province", "plan_year"]).sum()


def planned_retirements(originals: Path) -> Column:
    """MW by technology, province, plan_year of operating units with a stated closing year."""
    units = gem.read_china_units(originals)
    going = units[(units["status"] == "operating") & units["planned_retirement"].isin(PLAN_YEARS)]
    table = going.groupby(["technology", "province", "planned_retirement"])["nameplate_mw"].sum()
    table.index = table.index.set_names("plan_year", level="planned_retirement")
    return table


def _tracked(units: Frame) -> Column:
    import pandas as pd

    parts = []
    for status, earliest in EARLIEST_YEAR.items():
        mine = units[units["status"] == status]
        dated = mine[mine["start_year"].notna()].copy()
        finished = dated["technology"].isin(THERMAL) & (dated["start_year"] <= STATE_YEAR) & (status == "construction")
        dated = dated[~finished]
        dated["plan_year"] = dated["start_year"].clip(lower=earliest).astype(int)
        parts.append(dated[dated["plan_year"].isin(PLAN_YEARS)])
        undated = mine[mine["start_year"].isna()]
        water = undated["technology"].isin(("hydro", "pumped_storage"))
        parts.append(_spread(undated[~water], UNDATED_YEARS.get(status)))
        parts.append(_spread(undated[water], UNDATED_HYDRO_YEARS.get(status)))
    whole = pd.concat(parts)
    return whole.groupby(["technology", "province", "plan_year"])["nameplate_mw"].sum()


def _spread(units: Frame, years: range | None) -> Frame:
    import pandas as pd

    if years is None:
        return units.iloc[:0].assign(plan_year=0)
    even = units.assign(nameplate_mw=units["nameplate_mw"] / len(years))
    return pd.concat([even.assign(plan_year=year) for year in years])


def _nuclear(units: Frame, capacity: Frame) -> Column:
    """Reactors under construction less what has since been connected, then those permitted."""
    import pandas as pd

    sites = units[units["technology"] == "nuclear"]
    by_status = sites.groupby(["status", "province"])["nameplate_mw"].sum()
    building = by_status.loc["construction"]
    since = capacity.loc["nuclear"][STATE_YEAR].sub(by_status.loc["operating"], fill_value=0.0).clip(lower=0.0)
    # A province that is building nothing has nothing to take the new connections from.
    building = (building - since.reindex(building.index, fill_value=0.0)).clip(lower=0.0)
    parts = []
    for status, amounts in (("construction", building), ("permitted", by_status.loc["permitted"])):
        years = NUCLEAR_YEARS[status]
        parts += [amounts.rename("nameplate_mw").reset_index().assign(plan_year=y, share=1 / len(years)) for y in years]
    table = pd.concat(parts).assign(technology="nuclear")
    table["nameplate_mw"] *= table["share"]
    return table.groupby(["technology", "province", "plan_year"])["nameplate_mw"].sum()


def _observed(originals: Path, capacity: Frame) -> list[Column]:
    """2025: solar by province as published, wind and batteries of the country shared out."""
    quarters = nea.read_solar_capacity(originals)
    solar = (quarters[202512] - quarters[202412]).clip(lower=0.0)
    recent = capacity[STATE_YEAR] - capacity[STATE_YEAR - RECENT_YEARS]
    growth = recent.clip(lower=0.0)
    national = {
        "wind": known.WIND_2025_MW - known.OFFSHORE_2025_MW,
        "offshore_wind": known.OFFSHORE_2025_MW,
        "battery": known.BATTERY_2025_MW - known.BATTERY_2024_MW,
    }
    shared = {name: growth[name] / growth[name].sum() * total for name, total in national.items()}
    return [_of_2025("solar", solar), *[_of_2025(name, mw) for name, mw in shared.items()]]


def _of_2025(technology: str, mw: Column) -> Column:
    table = mw.rename("nameplate_mw").rename_axis("province").reset_index()
    table = table.assign(technology=technology, plan_year=STATE_YEAR + 1)
    return table.set_index(["technology", "province", "plan_year"])["nameplate_mw"]
