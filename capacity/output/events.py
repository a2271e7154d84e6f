"""Tables of the events of curtailment in a result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from capacity.adequacy.events import DAY_PARTS, SEASONS
from capacity.result.events import PARTS, QUANTILES, TEXTS


def title(result: xr.Dataset) -> str:
    """What a table of events shows."""
    years = result.attrs.get("outage_years")
    mean = f", means of {years} years of outages each" if years else ""
    return f"Curtailment of the hosted load, first {result.attrs['event_draws']} draws{mean}"


def by_country(result: xr.Dataset) -> pd.DataFrame:
    """One row per scenario, country and year: quantiles over draws of hours, events, length and depth, and the season
    and time of day with most hours at the median, with their part of the hours of all."""
    return _rows(result, "", ["scenario", "country", "year"])


def by_area(result: xr.Dataset) -> pd.DataFrame:
    """The same by area."""
    rows = _rows(result, "area_", ["scenario", "year", "area"])
    for place, name in enumerate(("area_country", "area_name")):
        rows.insert(2 * place + 2, name, result[name].sel(area=rows["area"].to_numpy()).to_numpy())
    return rows


def _rows(result: xr.Dataset, prefix: str, order: list[str]) -> pd.DataFrame:
    columns: dict[str, xr.DataArray] = {}
    for name, _, _ in TEXTS.values():
        for quantile in QUANTILES:
            column = result[prefix + name].sel(event_quantile=quantile, drop=True)
            columns[f"{name}_p{round(100 * quantile):02d}"] = column
    for part, members in (("season", SEASONS), ("day_part", DAY_PARTS)):
        hours = result[prefix + PARTS[part][0]].sel(event_quantile=0.5, drop=True)
        values, total = hours.transpose(part, ...), hours.sum(part)
        names = np.array([*members])[values.argmax(part).to_numpy()]
        columns[f"main_{part}"] = total.copy(data=np.where(total.to_numpy() > 0.0, names, "none"))
        columns[f"main_{part}_share"] = (values.max(part) / total.where(total > 0.0)).where(total > 0.0, 0.0)
    kept: dict[str, Any] = {name: column.reset_coords(drop=True) for name, column in columns.items()}
    return xr.Dataset(kept).to_dataframe(dim_order=order).reset_index()[[*order, *columns]]
