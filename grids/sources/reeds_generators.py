"""US generating units prepared for ReEDS, as published with PowerGenome.

One row is one owner's share of a unit, so a unit may appear several times and its rows add up.
The table was made from EIA-860M around the middle of 2024: units dated 2024 or later are partly plans.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import Column, Frame, original, require_columns, translated
from grids.sources.us_coal_ages import first_operation

FOLDER: Final = "powergenome_reeds"

TECHNOLOGY: Final = {
    "Conventional Steam Coal": "coal",
    "Coal Integrated Gasification Combined Cycle": "coal",
    "Natural Gas Fired Combined Cycle": "gas",
    "Natural Gas Fired Combustion Turbine": "gas",
    "Natural Gas Internal Combustion Engine": "gas",
    "Natural Gas Steam Turbine": "gas",
    "Natural Gas with Compressed Air Storage": "gas",
    "Other Natural Gas": "gas",
    "Other Gases": "gas",
    "Petroleum Liquids": "oil",
    "Petroleum Coke": "oil",
    "Nuclear": "nuclear",
    "Conventional Hydroelectric": "hydro",
    "Run of River Hydroelectric": "hydro",
    "Hydroelectric Pumped Storage": "pumped_storage",
    "Onshore Wind Turbine": "wind",
    "Offshore Wind Turbine": "offshore_wind",
    "Solar Photovoltaic": "solar",
    "Solar Thermal with Energy Storage": "solar",
    "Solar Thermal without Energy Storage": "solar",
    "Wood/Wood Waste Biomass": "biomass",
    "Landfill Gas": "biomass",
    "Municipal Solid Waste": "biomass",
    "Other Waste Biomass": "biomass",
    "All Other": "biomass",
    "Geothermal": "geothermal",
    "Batteries": "battery",
    "Flywheels": "battery",
}

# Lifetimes with which the publisher fills retirement years that nobody has announced, read off the
# table itself: in each technology these ages hold most of the capacity.
FILLED_LIFETIME_YEARS: Final = {
    "coal": (65, 75),
    "gas": (50, 55, 75),
    "oil": (50, 55, 75),
    "nuclear": (60, 80),
}
# Units already older than their filled lifetime are all given this year.
FILLED_OVERDUE_YEAR: Final = 2030
# Two owners of this offshore farm (132 MW) are each listed twice.
TWICE_LISTED_PLANTS: Final = (65561,)
# South Fork Wind lands on Long Island and EIA counts it in New York; the table puts it in Rhode Island.
MOVED_PLANTS: Final = {65561: ("NY", "p128")}

# Stood at the end of 2024 (EIA-860M) but is not in the table, which holds only what replaces it: the coal units of
# Intermountain Power (Utah), closed in November 2025.
ADDED_UNITS: Final = (
    {
        "plant_id": 6481,
        "technology": "coal",
        "generator_id": "coal",
        "nameplate_capacity_mw": 1640.0,
        "operating_year": 1986,
        "retirement_year": 2025,
    },
)

_COLUMNS: Final = (
    "technology",
    "plant_id",
    "generator_id",
    "capacity_mw",
    "nameplate_capacity_mw",
    "operating_year",
    "retirement_year",
    "historical_capacity_factor",
)


def read_generators(originals: Path, *, by_zone: bool = False) -> Frame:
    """Units by area, or `by_zone` by the zone inside it.

    Returns one row per unit share: plant_id, state (postal code), area (us.ercot, or us.ercot.p63), technology,
    nameplate_mw, operating_year, retirement_year, announced (bool: the retirement year is not one of the publisher's
    filled lifetimes), past_capacity_factor (NaN where not published). Coal units carry the year of their first use
    where it is known (see `us_coal_ages`). Raises `GridDataError` for an unknown technology, a plant or a region
    without an area, or a capacity that is missing or negative.
    """
    import pandas as pd

    from grids.variables import GridDataError

    path = original(originals, f"{FOLDER}/reeds_generators_transformed.csv.gz")
    units = pd.read_csv(path)
    require_columns(units, _COLUMNS, path)
    units["technology"] = translated(units["technology"], TECHNOLOGY, path)
    bad = units[~(units["nameplate_capacity_mw"] >= 0)]
    if len(bad):
        raise GridDataError(f"{path}: {len(bad)} unit(s) without a nameplate, first {bad.iloc[0].to_dict()}")
    # A rating of exactly 0 is an owner's share of nothing (three rows): it carries no capacity.
    units = units[units["nameplate_capacity_mw"] > 0]
    here = [unit for unit in ADDED_UNITS if unit["plant_id"] in set(units["plant_id"])]
    if here:
        units = pd.concat([units, pd.DataFrame(here)], ignore_index=True)
    twice = units["plant_id"].isin(TWICE_LISTED_PLANTS)
    units = units[~(twice & (units[twice].groupby(list(_COLUMNS)).cumcount().reindex(units.index) >= 2))]
    regions = read_plant_regions(originals, by_zone=by_zone)
    lost = sorted(set(units["plant_id"]) - set(regions.index))
    if lost:
        raise GridDataError(f"{path}: {len(lost)} plant(s) without a region: {lost[:10]}")
    placed = units.join(regions, on="plant_id")
    placed = placed.rename(columns={"nameplate_capacity_mw": "nameplate_mw"})
    placed["announced"] = _announced(placed)
    coal = placed[placed["technology"] == "coal"].copy()
    coal["unit_mw"] = coal.groupby(["plant_id", "generator_id"])["nameplate_mw"].transform("sum")
    first = first_operation(originals, coal)
    placed["operating_year"] = first.combine_first(placed["operating_year"]).astype(int)
    # The publisher fills coal from the first operation too, not only from the year it prints.
    placed["announced"] &= _announced(placed)
    placed = placed.rename(columns={"historical_capacity_factor": "past_capacity_factor"})
    keep = ["plant_id", "state", "area", "technology", "nameplate_mw", "operating_year", "retirement_year"]
    return placed[[*keep, "announced", "past_capacity_factor"]].reset_index(drop=True)


def read_plant_regions(originals: Path, *, by_zone: bool = False) -> Frame:
    """State and area, or `by_zone` zone, of each EIA plant id, through the ReEDS balancing area it is assigned to."""
    import pandas as pd

    from grids.variables import GridDataError

    folder = Path(originals) / FOLDER
    plants = pd.read_csv(original(originals, f"{FOLDER}/plant_region_map.csv.gz"))
    hierarchy = pd.read_csv(original(originals, f"{FOLDER}/hierarchy.csv"))
    require_columns(plants, ("plant_id", "region"), folder / "plant_region_map.csv.gz")
    require_columns(hierarchy, ("ba", "transgrp", "st"), folder / "hierarchy.csv")
    lost = sorted(set(plants["region"]) - set(hierarchy["ba"]))
    if lost:
        raise GridDataError(f"{folder}: region(s) {lost} are not in hierarchy.csv")
    table = plants.merge(hierarchy[["ba", "transgrp", "st"]], left_on="region", right_on="ba")
    table["area"] = "us." + table["transgrp"].str.lower()
    table = table.rename(columns={"st": "state"}).set_index("plant_id")[["state", "area", "region"]]
    area_of = dict(zip(hierarchy["ba"], "us." + hierarchy["transgrp"].str.lower(), strict=True))
    for plant, (state, zone) in MOVED_PLANTS.items():
        if plant in table.index:
            table.loc[plant] = [state, area_of[zone], zone]
    if by_zone:
        table["area"] += "." + table["region"]
    return table.drop(columns="region")


def _announced(units: Frame) -> Column:
    """Whether a retirement year is anything but a filled lifetime."""
    import pandas as pd

    age = units["retirement_year"] - units["operating_year"]
    announced = pd.Series(False, index=units.index)
    for technology, lifetimes in FILLED_LIFETIME_YEARS.items():
        mine = units["technology"] == technology
        overdue = (units["operating_year"] + min(lifetimes) <= FILLED_OVERDUE_YEAR) & (
            units["retirement_year"] == FILLED_OVERDUE_YEAR
        )
        announced |= mine & ~age.isin(lifetimes) & ~overdue
    return announced
