"""A user's own hourly wind and solar factors in place of ours: files as atlite writes them.

``cutout.wind(..., shapes=areas, per_unit=True)`` (and ``pv``) gives an array of (shape index, time) or (time, shape
index); saved with ``to_netcdf`` or ``to_zarr`` it can be read here as it is.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from grids.hours import hours_in_year
from grids.variables import GridDataError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = npt.NDArray[np.float64]

VARIABLE: Final = {
    "wind": "wind_capacity_factor",
    "offshore_wind": "offshore_wind_capacity_factor",
    "solar": "solar_capacity_factor",
}
RECORD: Final = {"wind": "wind_record", "offshore_wind": "wind_record", "solar": "solar_record"}
PER_UNIT: Final = frozenset({"", "1", "p.u.", "pu", "per unit", "-"})
UTC_NAMES: Final = frozenset({"utc", "gmt", "z", "etc/utc"})
TOLERANCE: Final = 1e-6
"""Rounding of a float32 file: factors this far outside 0-1 are set to the bound."""
LARGEST_CLOCK_SHIFT: Final = 1
"""Hours by which a solar series may miss the sun: reanalysis radiation is often labelled by the end of the hour."""
MOST_NAMED: Final = 8
UNREADABLE: Final = (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError)


@dataclass
class _Series:
    """What the file holds, by area and year, with every problem met on the way."""

    values: dict[tuple[str, int], Floats] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def import_capacity_factors(grid: xr.Dataset, path: Path, technology: str) -> xr.Dataset:
    """The grid with its hourly factors of one technology replaced by those of a file.

    grid : Dataset      A valid grid (``grids.open_grid``); it is not changed.
    path : Path         NetCDF file or Zarr store with one array of two dimensions, ``time`` and the areas. Labels of
                        the areas: ids (us.ercot), English or Chinese names. Time: UTC, hour-beginning, whole hours,
                        complete calendar years (8,760 or 8,784 hours). Values: 0 to 1, none missing.
    technology : str    "wind", "offshore_wind" or "solar".
    Returns Dataset with, for each area and year of the file, in this order of preference: the profile of that weather
    year with the new factors; the profiles whose wind and solar are paired with that year (``vre_year``); else a new
    profile of that weather year, whose load and other factors are those of the area's nearest year. 29 February is
    dropped. Records read "user: file name, sha256".
    Raises GridDataError listing every problem of the file.
    """
    path = Path(path)
    if technology not in VARIABLE:
        raise GridDataError(f"technology {technology!r}: hourly factors exist for {', '.join(VARIABLE)}")
    array = _array(path)
    found = _read(array, grid, path, technology)
    if found.problems:
        raise GridDataError([f"{path.name}: {problem}" for problem in found.problems])
    return _insert(grid, found.values, technology, f"user: {path.name}, sha256 {sha256(path)}")


def sha256(path: Path) -> str:
    """Digest of a file, or of the names and contents of all files of a store."""
    digest = hashlib.sha256()
    for item in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if item.is_file():
            if path.is_dir():
                digest.update(item.relative_to(path).as_posix().encode())
            digest.update(item.read_bytes())
    return digest.hexdigest()


def _array(path: Path) -> xr.DataArray:
    """The one array of a file that has a time dimension, loaded."""
    import xarray as xr

    if not path.exists():
        raise GridDataError(f"{path}: no such file or store; give a NetCDF file or a Zarr directory")
    try:
        with xr.open_zarr(path, consolidated=None) if path.is_dir() else xr.open_dataset(path) as dataset:
            arrays = [dataset[name] for name in dataset.data_vars if "time" in dataset[name].dims]
            if len(arrays) == 1:
                return arrays[0].load()
            names = ", ".join(map(repr, dataset.data_vars)) or "nothing"
    except UNREADABLE as error:
        raise GridDataError(f"{path}: cannot be read as NetCDF or Zarr ({error}); export it again") from error
    raise GridDataError(f"{path}: one variable with dimension 'time' expected, the file holds {names}; save it alone")


def _read(array: xr.DataArray, grid: xr.Dataset, path: Path, technology: str) -> _Series:
    import pandas as pd

    found = _Series()
    others = [str(dim) for dim in array.dims if dim != "time"]
    if len(others) != 1:
        found.problems.append(
            f"dimensions {array.dims}: time and one dimension of areas expected; aggregate the cells with shapes= and "
            "per_unit=True"
        )
        return found
    units = str(array.attrs.get("units", "")).strip()
    if units.lower() not in PER_UNIT:
        found.problems.append(f"units {units!r}: factors of 0 to 1 expected; use per_unit=True")
    zone = str(array["time"].attrs.get("timezone", array.attrs.get("timezone", "UTC")))
    if zone.lower() not in UTC_NAMES:
        found.problems.append(f"time zone {zone!r}: UTC expected; convert the time coordinate")
    if not np.issubdtype(array["time"].dtype, np.datetime64):
        found.problems.append(f"time has type {array['time'].dtype}: dates of the standard calendar expected")
        return found
    labels = array[others[0]].to_numpy().tolist() if others[0] in array.coords else list(range(array.sizes[others[0]]))
    areas = _area_ids(labels, grid, found.problems)
    years = _years(pd.DatetimeIndex(array["time"].to_numpy()), found.problems)
    table = array.transpose("time", others[0]).to_numpy().astype(np.float64)
    index = pd.DatetimeIndex(array["time"].to_numpy())
    for column, area in areas.items():
        for year in years:
            inside = index.year == year
            _take(found, area, year, pd.Series(table[inside, column], index=index[inside]))
    if technology == "solar":
        _check_sun(found, grid)
    return found


def _area_ids(labels: list[Any], grid: xr.Dataset, problems: list[str]) -> dict[int, str]:
    """Column to area id; names match without regard to case, blanks, dots and the country prefix."""
    known: dict[str, str] = {}
    for area, name, chinese in zip(
        grid["area"].to_numpy().tolist(),
        grid["area_name"].to_numpy().tolist(),
        grid["area_name_zh"].to_numpy().tolist(),
        strict=True,
    ):
        for alias in (area, area.split(".", 1)[1], name, chinese):
            known.setdefault(_plain(alias), area)
    out: dict[int, str] = {}
    unknown: list[str] = []
    for column, label in enumerate(labels):
        area = known.get(_plain(str(label)))
        if area is None:
            near = difflib.get_close_matches(_plain(str(label)), known, n=1)
            unknown.append(f"{label!r}" + (f" (nearest: {known[near[0]]})" if near else ""))
        elif area in out.values():
            problems.append(f"area {area} appears twice, the second time as {label!r}; keep one")
        else:
            out[column] = area
    if unknown:
        more = f" and {len(unknown) - MOST_NAMED} more" if len(unknown) > MOST_NAMED else ""
        problems.append(
            f"{len(unknown)} labels name no area: {', '.join(unknown[:MOST_NAMED])}{more}; "
            "use area ids as the index of shapes"
        )
    return out


def _plain(text: str) -> str:
    return re.sub(r"[\s_.\-]+", "", text).casefold()


def _years(index: pd.DatetimeIndex, problems: list[str]) -> list[int]:
    """Complete calendar years of the time axis; anything else is a problem."""
    import pandas as pd

    if len(index) == 0:
        problems.append("time is empty; a complete calendar year is needed")
        return []
    if index.isna().any() or index.has_duplicates or not index.is_monotonic_increasing:
        problems.append("time has missing, repeated or unordered labels; sort it and keep each hour once")
        return []
    if (index != index.floor("h")).any():
        problems.append(f"label {index[index != index.floor('h')][0]} is no whole hour; resample to hours")
        return []
    complete: list[int] = []
    for year, count in pd.Series(1, index=index).groupby(index.year).size().items():
        want = hours_in_year(int(str(year)))
        if count == want:
            complete.append(int(str(year)))
        else:
            problems.append(
                f"year {year} has {count} of {want} hours; give complete calendar years in UTC, or leave it out"
            )
    return complete


def _take(found: _Series, area: str, year: int, series: pd.Series) -> None:
    import pandas as pd

    values = series.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        found.problems.append(
            f"{area} {year}: {int((~np.isfinite(values)).sum())} hours have no value; fill them by your own rule"
        )
        return
    if values.min() < -TOLERANCE or values.max() > 1.0 + TOLERANCE:
        found.problems.append(
            f"{area} {year}: values {values.min():.4g} to {values.max():.4g} outside 0-1; use per_unit=True, not MW"
        )
        return
    index = pd.DatetimeIndex(series.index)
    leap_day = (index.month == 2) & (index.day == 29)
    found.values[area, year] = np.clip(values[~leap_day], 0.0, 1.0)


def _check_sun(found: _Series, grid: xr.Dataset) -> None:
    """A solar series whose day lies hours away from the sun over the area's cells is not in UTC."""
    import pandas as pd

    from grids.sources.hourly import clock_shift_hours

    cell_area = grid["cell_area_id"].to_numpy()
    share = grid["cell_load_weight"].to_numpy()
    for (area, year), values in found.values.items():
        inside = cell_area == area
        lat, lon = (float((share * grid[name].to_numpy())[inside].sum()) for name in ("cell_lat", "cell_lon"))
        if np.ptp(values) == 0.0:
            found.problems.append(
                f"{area} {year}: solar is {values[0]:g} in every hour; it cannot be checked against the sun"
            )
            continue
        series = pd.Series(
            values, index=pd.date_range("2019-01-01", periods=values.size, freq="h"), name=f"{area} {year}"
        )
        shift = clock_shift_hours(series, lat, lon)
        if abs(shift) > LARGEST_CLOCK_SHIFT:
            found.problems.append(f"{area} {year}: the sun asks for a shift of {shift:+d} h; convert the labels to UTC")


def _insert(grid: xr.Dataset, values: dict[tuple[str, int], Floats], technology: str, record: str) -> xr.Dataset:

    out = grid.copy(deep=True)
    fresh: list[xr.Dataset] = []
    for (area, year), hours in values.items():
        own = (out["profile_area"] == area).to_numpy()
        same = own & (out["weather_year"] == year).to_numpy()
        paired = own & (out["vre_year"] == year).to_numpy()
        if not own.any():
            raise GridDataError(f"the grid has no profile of {area}; use a grid that covers it")
        rows = np.flatnonzero(same if same.any() else paired)
        if rows.size:
            _write(out, rows, hours, technology, record)
            out["vre_year"][rows] = year
        else:
            fresh.append(_new_profile(out, np.flatnonzero(own), area, year))
            _write(fresh[-1], np.array([0]), hours, technology, record)
    if fresh:
        out = _extended(out, fresh)
    for name in (VARIABLE[technology], RECORD[technology]):
        source = str(out[name].attrs.get("source", ""))
        if "own-data" not in source.split():
            out[name].attrs["source"] = f"{source} own-data".strip()
    return out


def _write(ds: xr.Dataset, rows: npt.NDArray[np.intp], hours: Floats, technology: str, record: str) -> None:
    ds[VARIABLE[technology]].values[rows] = hours
    texts = ds[RECORD[technology]].to_numpy().astype(object)
    for row in rows:
        # One record serves onshore and offshore wind: what it says of the other one stays.
        texts[row] = f"{texts[row]}. Offshore {record}" if technology == "offshore_wind" else record
    ds[RECORD[technology]] = ("profile", texts, ds[RECORD[technology]].attrs)


def _new_profile(grid: xr.Dataset, own: npt.NDArray[np.intp], area: str, year: int) -> xr.Dataset:
    """A copy of the area's profile of the nearest weather year, dated ``year``."""
    years = grid["weather_year"].to_numpy()[own]
    nearest = int(own[np.argmin(np.abs(years - year))])
    per_profile = [name for name in grid.data_vars if "profile" in grid[name].dims]
    copy = grid[per_profile].isel(profile=[nearest]).copy(deep=True)
    load = f"{copy['load_record'].values[0]}; shape of {int(years[np.argmin(np.abs(years - year))])} paired by hour"
    copy["load_record"] = ("profile", np.array([load], dtype=object), copy["load_record"].attrs)
    for name in ("weather_year", "vre_year"):
        copy[name] = ("profile", np.array([year]), copy[name].attrs)
    return copy.assign_coords(profile=[f"{area}/{year}"])


def _extended(grid: xr.Dataset, fresh: list[xr.Dataset]) -> xr.Dataset:
    """Profiles old and new in the order of the areas, then of the years."""
    import xarray as xr

    per_profile = [name for name in grid.data_vars if "profile" in grid[name].dims]
    joined = xr.concat([grid[per_profile], *fresh], dim="profile", join="override", combine_attrs="override")
    rank = {area: place for place, area in enumerate(grid["area"].to_numpy().tolist())}
    keys = zip(joined["profile_area"].to_numpy().tolist(), joined["weather_year"].to_numpy().tolist(), strict=True)
    order = [place for place, _ in sorted(enumerate(keys), key=lambda item: (rank[item[1][0]], item[1][1]))]
    rest = grid.drop_dims("profile")
    return rest.merge(joined.isel(profile=order), join="exact", combine_attrs="override")[list(grid.data_vars)]
