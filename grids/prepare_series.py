"""Rules that prepare series and rasters: hourly load, hourly factors, and reanalysis fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from grids.sources.checks import Frame, require_columns
from grids.variables import GridDataError

CLEANED, RAW = "cleaned demand (MW)", "demand (MW)"

EARLY_FOLDER: Final = "balancing_authorities"
LATE_FOLDER: Final = "subregions_and_balancing_authorities"
RAW_FOLDER: Final = "original_eia_files"
EARLY_YEARS, LATE_YEARS = ("2016", "2019"), ("2020", "2024")

SREX_REGIONS: Final = {"3": "WNA", "4": "CNA", "5": "ENA", "20": "CAS", "21": "TIB", "22": "EAS"}
"""Numbers of the regions of Seneviratne et al. 2012 (IPCC SREX) over the US and China."""
SREX_TECHNOLOGY: Final = {"wCF": "wind", "sCF": "solar"}

MERRA2_STEP_LAT_DEG, MERRA2_STEP_LON_DEG = 0.5, 0.625
"""The grid of MERRA-2: rows from 90 south, columns from 180 west."""


def cleaned_demand(parts: Sequence[Path]) -> Frame:
    """Cleaned hourly load, a column a file, MW on the naive UTC hours that all files have. float32."""
    import pandas as pd

    columns = {part.stem: _hourly(part, CLEANED) for part in parts}
    return pd.DataFrame(columns).rename_axis("date_time").astype(np.float32)


def authorities_of_norris(parts: Sequence[Path]) -> Frame:
    """Hourly load of the authorities of Norris et al. 2025, MW, UTC, 2016-2024, faults left in. float32.

    2016-2019 is the cleaned series of the authority. 2020-2024 is the cleaned series, the sum of the cleaned
    subregions (named `PJM-AE`, ...), or, where the raw file of the authority is among `parts`, that one: the
    subregions of those splice badly with the earlier years.
    """
    import pandas as pd

    early: dict[str, Frame] = {}
    late: dict[str, Frame] = {}
    for part in parts:
        if part.parent.name == EARLY_FOLDER:
            early[part.stem] = _hourly(part, CLEANED).loc[EARLY_YEARS[0] : EARLY_YEARS[1]]
        elif part.parent.name == LATE_FOLDER:
            name = part.stem.split("-")[0]
            values = _hourly(part, CLEANED).loc[LATE_YEARS[0] : LATE_YEARS[1]]
            late[name] = late[name] + values if name in late else values
        elif part.parent.name == RAW_FOLDER:
            late[part.stem] = _hourly(part, RAW).loc[LATE_YEARS[0] : LATE_YEARS[1]]
        else:
            raise GridDataError(f"{part}: in none of {EARLY_FOLDER}, {LATE_FOLDER}, {RAW_FOLDER}")
    if set(early) != set(late):
        raise GridDataError(f"authorities with one half only: {sorted(set(early) ^ set(late))}")
    hours = pd.date_range(f"{EARLY_YEARS[0]}-01-01", f"{LATE_YEARS[1]}-12-31 23:00", freq="h", name="time_utc")
    table = pd.DataFrame({name: pd.concat([early[name], late[name]]) for name in early}).reindex(hours)
    return table.tz_localize("UTC").astype(np.float32)


def _hourly(path: Path, column: str) -> Frame:
    import pandas as pd

    table = pd.read_csv(path)
    require_columns(table, ("date_time", column), path)
    hours = pd.DatetimeIndex(pd.to_datetime(table["date_time"]))
    if hours.has_duplicates:
        raise GridDataError(f"{path}: hour {hours[hours.duplicated()][0]} occurs twice")
    return pd.Series(table[column].to_numpy(dtype=np.float64), index=hours)


def provincial_load(parts: Sequence[Path]) -> Frame:
    """Hourly load of the provinces, a column a province, on the published hour number. float32."""
    import pandas as pd

    return pd.read_csv(parts[0], index_col="Time Series").astype(np.float32)


def carnegie_era5(parts: Sequence[Path]) -> Frame:
    """Wind and solar of the contiguous US (`parts` in this order) from ERA5 by year and hour of the year.

    The publisher moved each series one hour ahead and put its first hour last; that is undone, since the build
    finds the clock on the sun itself.
    """
    import pandas as pd

    wind, solar = (_after_begin_data(part) for part in parts)
    hour = _hour_beginning(wind)
    days = hour.day_of_year.to_numpy() - 1
    return pd.DataFrame(
        {
            "year": hour.year.to_numpy(dtype=np.int64),
            "hour_of_year_utc": (days * 24 + hour.hour.to_numpy()).astype(np.int64),
            "wind_cf": np.roll(wind["w_cfs"].to_numpy(), 1).astype(np.float32),
            "solar_cf": np.roll(solar["s_cfs"].to_numpy(), 1).astype(np.float32),
        }
    )


def srex(parts: Sequence[Path]) -> Frame:
    """Hourly factors of six SREX regions from MERRA-2, columns such as `WNA_wind`, on the published hours. float32."""
    import pandas as pd

    columns = {}
    for part in parts:
        kind, number = part.stem.split("_srex")
        table = _after_begin_data(part)
        # The column is called "demand" whatever it holds.
        values = table["demand"].to_numpy(dtype=np.float32)
        columns[f"{SREX_REGIONS[number]}_{SREX_TECHNOLOGY[kind]}"] = pd.Series(values, index=_hour_beginning(table))
    return pd.DataFrame(columns).rename_axis("time_utc_nominal")


def _after_begin_data(path: Path) -> Frame:
    """The table below the line that begins with BEGIN_DATA."""
    import pandas as pd

    with path.open(encoding="utf-8") as lines:
        skipped = next((number for number, line in enumerate(lines, 1) if line.startswith("BEGIN_DATA")), None)
    if skipped is None:
        raise GridDataError(f"{path}: no line BEGIN_DATA")
    return pd.read_csv(path, skiprows=skipped)


def _hour_beginning(table: Frame) -> Any:
    """DatetimeIndex of a table whose hours run from 1 to 24."""
    import pandas as pd

    days = pd.DatetimeIndex(pd.to_datetime(table[["year", "month", "day"]]))
    return days + pd.to_timedelta(table["hour"].to_numpy() - 1, unit="h")


def merra2_mean(parts: Sequence[Path]) -> Any:
    """Mean over the years of the annual solar and wind factors, (lat, lon), on the grid of MERRA-2. float32."""
    import xarray as xr

    fields: dict[str, list[Any]] = {"scf_annual": [], "wcf_annual": []}
    for part in parts:
        with xr.open_dataset(part, engine="netcdf4", decode_times=False) as file:
            name = next(name for name in fields if name in file)
            fields[name].append(np.squeeze(file[name].to_numpy()).astype(np.float64))
    means = {name: np.mean(years, axis=0).astype(np.float32) for name, years in fields.items()}
    rows, columns = means["scf_annual"].shape
    coords = {
        "lat": -90.0 + MERRA2_STEP_LAT_DEG * np.arange(rows),
        "lon": -180.0 + MERRA2_STEP_LON_DEG * np.arange(columns),
    }
    names = {"solar_cf": means["scf_annual"], "wind_cf_100m": means["wcf_annual"]}
    return xr.Dataset({name: (("lat", "lon"), field) for name, field in names.items()}, coords=coords)


def ncep_window(lat: tuple[float, float], lon: tuple[float, float]) -> Callable[[Sequence[Path]], Frame]:
    """A rule for a window (south, north), (west, east) of the monthly normals, degC to 0.01, a row a point."""

    def rule(parts: Sequence[Path]) -> Frame:
        import xarray as xr

        with xr.open_dataset(parts[0], engine="netcdf4", decode_times=False) as file:
            air = file["air"].squeeze(drop=True).sortby("lat").sel(lat=slice(*lat), lon=slice(*lon)).load()
        if set(air.dims) != {"time", "lat", "lon"} or air.sizes["time"] != 12:
            raise GridDataError(f"{parts[0]}: twelve months of one level expected, found {dict(air.sizes)}")
        if not str(air.attrs.get("units", "")).lower().startswith(("deg", "c")):
            raise GridDataError(f"{parts[0]}: degrees Celsius expected, found {air.attrs.get('units')!r}")
        values = air.transpose("lat", "lon", "time").to_numpy().reshape(-1, 12).astype(np.float64).round(2)
        return _points(air["lat"].to_numpy(), air["lon"].to_numpy(), values)

    return rule


def _points(lat: Any, lon: Any, values: Any) -> Frame:
    import pandas as pd

    table = pd.DataFrame(values, columns=[str(month) for month in range(1, 13)])
    table.insert(0, "lat", np.repeat(lat.astype(np.float64), lon.size))
    table.insert(1, "lon", np.tile(lon.astype(np.float64), lat.size))
    return table
