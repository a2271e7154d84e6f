"""Coordinates of the annual tables, and the step from a labelled frame to an array over them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from grids.areas import AREAS
from grids.sources.checks import Column
from grids.variables import GridDataError

if TYPE_CHECKING:
    import xarray as xr

VINTAGES: Final = tuple(range(1950, 2025, 5))
STATE_YEAR: Final = 2024
HISTORY_YEARS: Final = tuple(range(2010, STATE_YEAR + 1))
PLAN_YEARS: Final = tuple(range(2025, 2036))
US_AREAS: Final = tuple(area.id for area in AREAS if area.country == "US")
CN_AREAS: Final = tuple(area.id for area in AREAS if area.country == "CN")
# English name of a province -> area id.
PROVINCE_AREA: Final = {area.name: area.id for area in AREAS if area.country == "CN"}


def vintage_of(year: int) -> int:
    """First year of the five-year bin of a commissioning year; everything before 1955 is in 1950."""
    return max(VINTAGES[0], min(int(year) // 5 * 5, VINTAGES[-1]))


def to_array(series: Column, **coordinates: Iterable[object]) -> xr.DataArray:
    """A series indexed by the named levels as an array over the full coordinates.

    A combination that is absent from the series is 0: the tables list everything that exists. A label
    outside the coordinates, or a NaN, raises `GridDataError`.
    """
    import xarray as xr

    if series.isna().any():
        raise GridDataError(f"no figure for {series[series.isna()].index[:5].tolist()}")
    for name, labels in coordinates.items():
        unknown = sorted(set(series.index.get_level_values(name)) - set(labels), key=str)
        if unknown:
            raise GridDataError(f"{name}: {unknown[:5]} lie outside the axis of the grid")
    summed = series.groupby(level=list(coordinates)).sum()
    array = xr.DataArray.from_series(summed)
    full = array.reindex({name: list(labels) for name, labels in coordinates.items()})
    return full.where(full.notnull(), 0.0).transpose(*coordinates)
