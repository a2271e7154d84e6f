"""The fleet of a grid file: capacity by area and technology, its age, history and plans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from grids.areas import AREAS, COUNTRIES, TECHNOLOGIES
from grids.build import fleet_cn, fleet_us, plans_cn
from grids.build import fleet_cn_national as known
from grids.build.axes import HISTORY_YEARS, PLAN_YEARS, PROVINCE_AREA, STATE_YEAR, VINTAGES, to_array
from grids.sources import eia_state, gem
from grids.sources.checks import Column
from grids.variables import GridDataError, attrs_for

if TYPE_CHECKING:
    import xarray as xr

AREA_IDS: Final = tuple(area.id for area in AREAS)
US_SOURCES: Final = "powergenome-reeds eia-state oet-efuels-plants wri-gppd"
CN_SOURCES: Final = (
    "crea-china gem-trackers nea-solar eia-international pik-pumped-storage nea-storage-2025 china-recalled"
)

ATTRS: Final = {
    "nameplate_mw": {
        "units": "MW",
        "label": "P",
        "source": f"{US_SOURCES} {CN_SOURCES}",
        "method": (
            "US: unit records placed by ReEDS balancing area and scaled to EIA's state and fuel totals of all "
            "producers at the end of 2024 (excess taken from units dated 2024 first); utility scale only; odd "
            "fuels and waste heat count as biomass, other gases as gas. China: provincial statistics scaled to "
            "the national totals, thermal split by proportional fitting of tracked units, hydro less pumped "
            "storage; 'oil' is all other thermal (waste heat and pressure, by-product gases, oil); solar includes"
            " distributed. Offshore wind, pumped storage and battery by province rest on recalled or partly "
            "published figures (labels R and J)."
        ),
    },
    "summer_capability_fraction": {
        "units": "1",
        "label": "P",
        "source": "eia-state china-recalled",
        "method": (
            "US: EIA net summer over nameplate, all producers, 2024; offshore as onshore wind, battery as EIA "
            "'other'. China: judgement for thermal units, 1 otherwise."
        ),
    },
    "planned_addition_mw": {
        "units": "MW",
        "label": "P",
        "source": (
            f"{US_SOURCES} eia-planned-additions crea-china gem-trackers nea-solar nea-storage-2025 china-recalled"
        ),
        "method": (
            "US: units dated after 2024; for solar, battery, wind and gas in 2025 and 2026 the national totals "
            "reported to EIA, shared out like those units; 2027 and later are thin because the unit list dates "
            "from mid-2024. China: tracked units by status and year (undated ones spread, undated announcements "
            "left out); solar 2025 as observed, wind and battery 2025 national totals shared out by the growth of"
            " 2022-2024; no wind, solar or battery after 2025."
        ),
    },
    "planned_retirement_mw": {
        "units": "MW",
        "label": "P",
        "source": "powergenome-reeds eia860m wri-gppd eia-state gem-trackers",
        "method": (
            "US: coal, gas, oil and nuclear units whose retirement year in the list of mid-2024 is not one of the "
            "publisher's filled lifetimes, moved or withdrawn by what their plants had on file with EIA in December "
            "2025. China: coal units with a stated closing year. Cut to the capacity that nameplate_mw holds."
        ),
    },
    "capacity_history_mw": {
        "units": "MW",
        "label": "P",
        "source": f"{US_SOURCES} {CN_SOURCES}",
        "method": (
            "US: EIA state totals of each year shared out by the surviving units of that state and fuel "
            "commissioned by then. China: as nameplate_mw for each year; solar before 2016 by the provincial "
            "shares of 2016. The last year equals the sum over vintages."
        ),
    },
}


def build(originals: Path) -> xr.Dataset:
    """Fleet variables of the grid file.

    Parameters
    ----------
    originals : folder of the downloaded originals.

    Returns
    -------
    Dataset with nameplate_mw (area, technology, vintage) at the end of 2024, summer_capability_fraction
    (country, technology), planned_addition_mw and planned_retirement_mw (area, technology, plan_year
    2025-2035), capacity_history_mw (area, technology, history_year 2010-2024); MW, never NaN, never negative.

    Raises
    ------
    GridDataError for a missing original, an unknown column or word, or tables that contradict each other.
    """
    import xarray as xr

    us = fleet_us.build_units(originals)
    china = fleet_cn.capacity_by_province(originals)
    tracked = gem.read_china_units(originals)
    history = _joined(
        fleet_us.capacity_history(us, fleet_us.published_capacity(originals)),
        _placed(china[list(HISTORY_YEARS)].rename_axis(columns="history_year").stack()),
    )
    nameplate = _joined(fleet_us.nameplate(us), _placed(fleet_cn.vintages(china, tracked)))
    additions = _joined(fleet_us.planned_additions(us), _placed(plans_cn.planned_additions(originals, china)))
    leaving = _joined(fleet_us.planned_retirements(us), _placed(plans_cn.planned_retirements(originals)))
    axes = {"area": AREA_IDS, "technology": TECHNOLOGIES}
    dataset = xr.Dataset(
        {
            "nameplate_mw": to_array(nameplate, **axes, vintage=VINTAGES),
            "summer_capability_fraction": _summer_capability(originals),
            "planned_addition_mw": to_array(additions, **axes, plan_year=PLAN_YEARS),
            "planned_retirement_mw": to_array(leaving, **axes, plan_year=PLAN_YEARS),
            "capacity_history_mw": to_array(history, **axes, history_year=HISTORY_YEARS),
        }
    )
    dataset["planned_retirement_mw"] = _within(dataset["planned_retirement_mw"], dataset["nameplate_mw"].sum("vintage"))
    for name, attributes in ATTRS.items():
        dataset[name].attrs = attrs_for(name) | attributes
    _check(dataset)
    return dataset


def _joined(us: Column, china: Column) -> Column:
    import pandas as pd

    return pd.concat([us, china.reorder_levels(us.index.names)])


def _placed(china: Column) -> Column:
    """Province names replaced by area ids."""
    table = china.rename("mw").reset_index()
    unknown = sorted(set(table["province"]) - set(PROVINCE_AREA))
    if unknown:
        raise GridDataError(f"no area for the province(s) {unknown}")
    table["area"] = table["province"].map(PROVINCE_AREA)
    levels = [name for name in table.columns if name not in ("province", "mw")]
    return table.groupby(levels)["mw"].sum()


def _summer_capability(originals: Path) -> xr.DataArray:
    import xarray as xr

    table = eia_state.read_national_capacity(originals)
    last = table[table["year"] == STATE_YEAR].set_index("technology")
    ratio = (last["summer_mw"] / last["nameplate_mw"]).to_dict()
    us = [ratio[{"offshore_wind": "wind", "battery": "other"}.get(name, name)] for name in TECHNOLOGIES]
    china = [known.SUMMER_CAPABILITY.get(name, 1.0) for name in TECHNOLOGIES]
    values = {"US": us, "CN": china}
    return xr.DataArray(
        [values[country] for country in COUNTRIES],
        coords={"country": list(COUNTRIES), "technology": list(TECHNOLOGIES)},
        dims=("country", "technology"),
    )


def _within(leaving: xr.DataArray, installed: xr.DataArray) -> xr.DataArray:
    """Retirements cut so that their running sum never exceeds what is installed."""
    import xarray as xr

    running = leaving.cumsum("plan_year")
    allowed = running.where(running <= installed, installed)
    first = allowed.isel(plan_year=slice(0, 1))
    return xr.concat([first, allowed.diff("plan_year")], dim="plan_year")


def _check(dataset: xr.Dataset) -> None:
    import numpy as np

    problems = []
    for name, values in dataset.data_vars.items():
        if not np.isfinite(values).all():
            problems.append(f"{name} has a gap")
        elif (values < 0).any():
            problems.append(f"{name} is negative, lowest {float(values.min()):.3g}")
    last = dataset["capacity_history_mw"].sel(history_year=STATE_YEAR, drop=True)
    apart = abs(last - dataset["nameplate_mw"].sum("vintage"))
    if float(apart.max()) > 1e-3:
        problems.append(f"the last year of history and the sum of vintages differ by {float(apart.max()):.3g} MW")
    if problems:
        raise GridDataError("fleet: " + "; ".join(problems))
