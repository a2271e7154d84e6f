"""Retirement dates that US plants had on file with EIA at the end of 2025.

The ReEDS unit list knows the announcements of mid-2024; many have been put off since. EIA-860M of December 2025
(plants of at least 50 MW, one date a plant) says where. The join is by place, through the Global Power Plant
Database, which has EIA's plant ids.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from grids.sources.checks import Frame, original, require_columns
from grids.sources.us_coal_ages import NEARBY_DEGREES, plant_places

PLANTS: Final = "eia860m_gridsite/power-plants.geojson"
COAL: Final = "Conventional Steam Coal"
FIRST_PLAN_YEAR: Final = 2025
STANDING: Final = ("operating", "retiring", "retooled", "retired")


def updated(originals: Path, units: Frame) -> Frame:
    """`reeds_generators.read_generators` with announced retirements as of December 2025.

    A plant with a date: units announced for earlier years move to it; where the whole plant was announced for
    one year, that year is replaced. A plant that operates without a date has withdrawn: its units are no longer
    announced. A coal plant that the list calls closed or converted in 2025 closes its remaining coal units then.
    Plants that are not in the list keep their year.
    """
    table = units.copy()
    filed = _filed(originals, table)
    announced = table[table["announced"]]
    single = announced.groupby(["plant_id", "technology"])["retirement_year"].transform("nunique") == 1
    for index, unit in announced.iterrows():
        year = filed.year.get(int(unit["plant_id"]))
        if year is None:
            continue
        if year == 0:
            table.loc[index, "announced"] = False
        elif single[index] or year > unit["retirement_year"]:
            table.loc[index, "retirement_year"] = year
    closed = (table["technology"] == "coal") & table["plant_id"].isin(filed.coal_closed)
    table.loc[closed, "announced"] = True
    table.loc[closed, "retirement_year"] = FIRST_PLAN_YEAR
    return table


class Filed(NamedTuple):
    """What is on file: year by EIA plant id (0: operates without a date), coal plants closed in 2025."""

    year: dict[int, int]
    coal_closed: frozenset[int]


def _filed(originals: Path, units: Frame) -> Filed:
    import pandas as pd

    from grids.variables import GridDataError

    path = original(originals, PLANTS)
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    plants = pd.DataFrame([feature["properties"] for feature in features])
    require_columns(plants, ("latitude", "longitude", "fuel_type", "status", "planned_retirement_date"), path)
    unknown = sorted(set(plants["status"]) - set(STANDING))
    if unknown:
        raise GridDataError(f"{path}: no rule for the status {unknown}; known: {sorted(STANDING)}")
    places = plant_places(originals)
    candidates = units.loc[units["announced"] | (units["technology"] == "coal"), "plant_id"]
    with_coal = set(units.loc[units["technology"] == "coal", "plant_id"])
    years, closed = {}, set()
    for plant in sorted(set(candidates) & set(places.index)):
        here = places.loc[plant]
        apart = abs(plants["latitude"] - here["latitude"]) + abs(plants["longitude"] - here["longitude"])
        if apart.min() >= NEARBY_DEGREES:
            continue
        # Where plants share a site, a coal unit belongs to the one that EIA lists under coal.
        of_coal = apart[plants["fuel_type"] == COAL]
        at_coal = plant in with_coal and of_coal.min() < NEARBY_DEGREES
        nearest = plants.loc[of_coal.idxmin() if at_coal else apart.idxmin()]
        date = nearest["planned_retirement_date"]
        years[int(plant)] = int(date[:4]) if isinstance(date, str) else 0
        gone = nearest["status"] in ("retired", "retooled") and years[int(plant)] == FIRST_PLAN_YEAR
        if gone and nearest["fuel_type"] == COAL:
            closed.add(int(plant))
    return Filed(years, frozenset(closed))
