"""Annual generation and capacity of countries, US states and Chinese provinces: what forecasts are tested on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from grids.build import fleet_cn, fleet_us, generation_cn, generation_us
from grids.build.axes import HISTORY_YEARS, PROVINCE_AREA, STATE_YEAR
from grids.sources import crea, eia_state, owid, owid_world
from grids.sources.checks import Column, Frame
from grids.units import MWH_PER_TWH

if TYPE_CHECKING:
    import xarray as xr

SERIES: Final = (
    "total", "coal", "gas", "oil", "nuclear", "hydro", "wind", "solar", "bioenergy", "other", "thermal"
)  # fmt: skip
YEARS: Final = tuple(range(1985, 2026))
SCOPES: Final = ("world", "country", "us_state", "cn_province")
DIGITS: Final = 4
"""Significant digits kept; the published figures of small systems have fewer."""
LAST_PUBLISHED_STATE_YEAR: Final = 2019
TO_SERIES: Final = {
    "biomass": "bioenergy", "geothermal": "other", "offshore_wind": "wind", "pumped_storage": "hydro"
}  # fmt: skip
"""Our technologies under the names of the national statistics, which put sea and land, and pumped storage and
rivers, together."""
NOT_COUNTED: Final = ("battery",)
CN_THERMAL: Final = ("coal", "gas", "oil", "bioenergy")

ATTRS: Final = {
    "generation_twh": {
        "units": "TWh",
        "long_name": "Generation in the year",
        "label": "P",
        "source": "owid-energy eia-state eia-seds eia-international crea-china gem-trackers nea-storage-2025",
        "method": (
            "Countries: Our World in Data (Ember, Energy Institute), China and the United States to 2025; total = sum "
            "of sources, before 2000 (no bioenergy and other) grown back from 2000 with the sources that are "
            "there. US states: EIA to 2019, then reconstructed as in the grid file. Chinese provinces: by source "
            "2010-2024 as in the grid file; thermal and hydro back to 1997 from provincial output, the total grown "
            "back with thermal, hydro and nuclear. Four significant digits."
        ),
    },
    "capacity_mw": {
        "units": "MW",
        "long_name": "Nameplate capacity at the end of the year",
        "label": "P",
        "source": "eia-state crea-china gem-trackers nea-storage-2025 eia-international",
        "method": (
            "US states: EIA capacity of all producers 1990-2024 (DC in Maryland; batteries left out). Chinese "
            "provinces: published capacity scaled to the nation and split by fuel, 2009-2024. Four significant digits."
        ),
    },
}


def build(originals: Path) -> xr.Dataset:
    """Dataset with generation_twh and capacity_mw over (entity, series, year), NaN where there is no figure.

    entity: ISO alpha-3 codes and WLD, US-XX states, cn.<province>; coordinates entity_name and scope.
    Raises GridDataError for a missing original or column.
    """
    import pandas as pd

    world = owid_world.read_world(originals)
    generation: Column = pd.concat(
        [_world_generation(world), _state_generation(originals), _province_generation(originals)]
    )
    capacity = pd.concat([_state_capacity(originals), _province_capacity(originals)])
    named = world["name"].groupby(level="entity").first()
    return _dataset({"generation_twh": generation, "capacity_mw": capacity}, named)


def _world_generation(world: Frame) -> Column:
    values = world.drop(columns="name").astype(float)
    steady = [name for name in values.columns if name not in ("bioenergy", "other")]
    part, whole = values[steady].sum(axis=1), values.sum(axis=1)
    first = owid.BIOENERGY_FROM
    at_start = whole.xs(first, level="year") / part.xs(first, level="year")
    share = at_start.reindex(values.index.get_level_values("entity")).to_numpy()
    early = values.index.get_level_values("year") < first
    values["total"] = np.where(early, part * share, whole)
    return _long(values)


def _state_generation(originals: Path) -> Column:
    import pandas as pd

    known = eia_state.read_generation(originals)
    later = generation_us.by_state(originals, fleet_us.published_capacity(originals))
    table: Frame = pd.concat([known, later[later["year"] > LAST_PUBLISHED_STATE_YEAR]])
    return _states(table, "mwh") / MWH_PER_TWH


def _state_capacity(originals: Path) -> Column:
    """MW; before the first year in which batteries are told from the rest, 'other' is all of the rest."""
    import pandas as pd

    recent = fleet_us.published_capacity(originals)
    old = eia_state.read_capacity(originals)
    old = old[old["year"] < recent["year"].min()]
    named = "technology" if "technology" in recent.columns else "fuel"
    return _states(pd.concat([old.rename(columns={"technology": named}), recent]), "nameplate_mw")


def _states(table: Frame, figure: str) -> Column:
    """(entity, series, year) with a total over all but batteries."""
    named = "technology" if "technology" in table.columns else "fuel"
    rows = table[~table[named].isin(NOT_COUNTED)].copy()
    rows["series"] = rows[named].replace(TO_SERIES)
    rows["entity"] = "US-" + rows["state"]
    wide = rows.groupby(["entity", "year", "series"])[figure].sum().unstack("series")
    wide["total"] = wide.sum(axis=1)
    return _long(wide)


def _province_generation(originals: Path) -> Column:
    """TWh: by source 2010-2024; thermal, hydro and total also before."""
    import pandas as pd

    recent = _provinces(generation_cn.by_province(originals, fleet_cn.capacity_by_province(originals))) / MWH_PER_TWH
    output = crea.year_ends(crea.read_generation(originals)) / MWH_PER_TWH
    first = HISTORY_YEARS[0]
    old = output.loc[: first - 1].stack(level="province", future_stack=True)
    reference = output.loc[[first]].stack(level="province", future_stack=True).droplevel(0)
    old.index = old.index.set_names(["year", "province"])
    listed = ["thermal", "hydro", "nuclear"]
    # A province without a nuclear or hydro series has no such plant; without thermal the year has no figure.
    ratio = (
        old[listed].sum(axis=1).where(old["thermal"].notna())
        / reference[listed].sum(axis=1).reindex(old.index.get_level_values("province")).to_numpy()
    )
    wide = recent.unstack("series")
    entity = old.index.get_level_values("province").map(PROVINCE_AREA)
    index = pd.MultiIndex.from_arrays([entity, old.index.get_level_values("year")], names=["entity", "year"])
    at_first = wide.xs(first, level="year")
    back = pd.DataFrame(index=index)
    for series, numbers in (("total", ratio), *((s, _ratio(old, reference, s)) for s in ("thermal", "hydro"))):
        back[series] = at_first[series].reindex(entity).to_numpy() * numbers.to_numpy()
    return _long(pd.concat([back, wide]).sort_index())


def _ratio(old: Frame, reference: Frame, series: str) -> Column:
    """Each year's provincial figure over that of the first year of the tables by source."""
    return old[series] / reference[series].reindex(old.index.get_level_values("province")).to_numpy()


def _province_capacity(originals: Path) -> Column:
    return _provinces(fleet_cn.capacity_by_province(originals))


def _provinces(table: Frame) -> Column:
    """(entity, year, series) from rows (technology, province) and columns year, with total and thermal."""
    rows = table[~table.index.get_level_values("technology").isin(NOT_COUNTED)]
    long = rows.rename_axis(columns="year").stack().rename("value").reset_index()
    long["series"] = long["technology"].replace(TO_SERIES)
    long["entity"] = long["province"].map(PROVINCE_AREA)
    long = long[long["year"] <= STATE_YEAR]
    wide = long.groupby(["entity", "year", "series"])["value"].sum().unstack("series")
    wide["thermal"] = wide[[name for name in CN_THERMAL if name in wide.columns]].sum(axis=1)
    wide["total"] = wide.drop(columns="thermal").sum(axis=1)
    return _long(wide)


def _long(wide: Frame) -> Column:
    return wide.rename_axis(columns="series").stack().rename("value")


def _dataset(tables: dict[str, Column], named: Column) -> xr.Dataset:
    import pandas as pd
    import xarray as xr

    entities = sorted({str(entity) for table in tables.values() for entity in table.index.get_level_values("entity")})
    full = pd.MultiIndex.from_product([entities, SERIES, YEARS], names=["entity", "series", "year"])
    shape = (len(entities), len(SERIES), len(YEARS))
    variables = {}
    for name, table in tables.items():
        ordered = table.reorder_levels(["entity", "series", "year"])
        values = _rounded(ordered.reindex(full).to_numpy(dtype=float)).reshape(shape)
        variables[name] = (("entity", "series", "year"), values, ATTRS[name])
    names = [str(named.get(entity, entity)) for entity in entities]
    coords = {
        "entity": entities,
        "series": list(SERIES),
        "year": list(YEARS),
        "entity_name": ("entity", names),
        "scope": ("entity", [_scope(entity) for entity in entities]),
    }
    return xr.Dataset(variables, coords)


def _scope(entity: str) -> str:
    if entity == "WLD":
        return "world"
    return "us_state" if entity.startswith("US-") else "cn_province" if entity.startswith("cn.") else "country"


def _rounded(values: np.ndarray) -> np.ndarray:
    """Values at `DIGITS` significant digits; zero and NaN stay.

    10**-5 is a bit less than that, so that halves of it go up: so it was on the processor that built the first file,
    and others, whose powers differ in their last bit, shall give the same.
    """
    size = np.where((values != 0.0) & np.isfinite(values), np.abs(values), 1.0)
    power = np.floor(np.log10(size)).astype(int) - (DIGITS - 1)
    exact = {k: float(f"1e{k}") for k in range(power.min(), power.max() + 1)}
    table = np.array([np.nextafter(unit, 0.0) if k == -5 else unit for k, unit in exact.items()])
    unit = table[power - power.min()]
    rounded: np.ndarray = np.round(values / unit) * unit
    return rounded
