"""First operation of US coal units.

The ReEDS unit list dates many coal units by their last retrofit (no coal unit in it is older than the
emission control it received). The original years stand in a plant list of 2023 that names units and
places but no EIA plant id; the Global Power Plant Database has id and place. The join is place plus rating.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grids.sources.checks import Column, Frame, original, require_columns

PLANTS: Final = "wri_gppd/usa_gppd_2019.csv.gz"
UNITS: Final = "oet_efuels/custom_powerplants_us_2023.csv.gz"
# Same plant: coordinates this close (about 3 km); same unit: nameplate equal to this many MW.
NEARBY_DEGREES: Final = 0.03
SAME_RATING_MW: Final = 1.0


def first_operation(originals: Path, units: Frame) -> Column:
    """Original start year of each coal unit that can be matched, indexed like `units`.

    `units` needs plant_id and unit_mw (rating of the whole unit). Unmatched units are absent.
    """
    import pandas as pd

    known = pd.read_csv(original(originals, UNITS), low_memory=False)
    require_columns(known, ("Fueltype", "Capacity", "DateIn", "lat", "lon"), UNITS)
    place = plant_places(originals)
    coal = known[known["Fueltype"] == "coal"]
    years = {}
    for index, unit in units.iterrows():
        plant = int(unit["plant_id"])
        if plant not in place.index:
            continue
        here = place.loc[plant]
        near = (abs(coal["lat"] - here["latitude"]) < NEARBY_DEGREES) & (
            abs(coal["lon"] - here["longitude"]) < NEARBY_DEGREES
        )
        same = near & (abs(coal["Capacity"] - unit["unit_mw"]) < SAME_RATING_MW)
        if same.any():
            years[index] = int(coal[same]["DateIn"].median())
    return pd.Series(years, dtype="int64")


def plant_places(originals: Path) -> Frame:
    """Latitude and longitude of US plants by EIA plant id."""
    import pandas as pd

    plants = pd.read_csv(original(originals, PLANTS))
    require_columns(plants, ("gppd_idnr", "latitude", "longitude"), PLANTS)
    # Entries without an EIA id (WRI...) cannot be joined.
    plants = plants[plants["gppd_idnr"].str.fullmatch(r"USA\d+")].copy()
    plants["plant_id"] = plants["gppd_idnr"].str.removeprefix("USA").astype(int)
    return plants.drop_duplicates("plant_id").set_index("plant_id")[["latitude", "longitude"]]
