"""The embedded record that forecasts are tested on: annual generation and capacity, 1985-2025.

One packed NetCDF file, `data/history.nc`, made by `python -m grids.history ORIGINALS TARGET`.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grids.variables import GridDataError

if TYPE_CHECKING:
    import xarray as xr

FILE = ("data", "history.nc")
VARIABLES = {"generation_twh": "TWh", "capacity_mw": "MW"}
DIMENSIONS = ("entity", "series", "year")
SOURCE_CHANGE_YEAR = 2000
"""First year of the newer publisher's figures of countries; growth from the year before mixes two statistics."""


def open_history(path: Path | None = None) -> xr.Dataset:
    """Annual history in memory: generation_twh and capacity_mw over (entity, series, year), float64.

    path : your own file of the same form; the embedded one when left out.

    entity is an ISO 3166 alpha-3 code, WLD, a US state (US-TX) or a Chinese province (cn.jiangsu); coordinates
    `scope` (world, country, us_state, cn_province) and `entity_name`. NaN where there is no figure, zero where the
    figure is zero. Raises GridDataError if the file is missing or not of this form.
    """
    import numpy as np
    import xarray as xr

    chosen = Path(str(importlib.resources.files("grids").joinpath(*FILE))) if path is None else Path(path)
    if not chosen.is_file():
        raise GridDataError(f"{chosen}: no such history; reinstall gridflops, or make it with python -m grids.history")
    try:
        with xr.open_dataset(chosen, engine="netcdf4") as lazy:
            ds = lazy.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise GridDataError(f"{chosen}: cannot be read ({error}); reinstall gridflops") from error
    _check(ds, chosen)
    for name in VARIABLES:
        ds[name] = ds[name].astype(np.float64)
    return ds.drop_encoding()


def _check(ds: xr.Dataset, place: Path) -> None:
    import numpy as np

    problems = []
    for name, unit in VARIABLES.items():
        if name not in ds or ds[name].dims != DIMENSIONS:
            problems.append(f"{place}: {name} over {DIMENSIONS} is missing")
            continue
        if ds[name].attrs.get("units") != unit:
            problems.append(f"{place}: {name} must be in {unit}, got {ds[name].attrs.get('units')!r}")
        # Single sources may be below zero: net generation counts what a plant uses and what pumps take.
        if float(np.nanmin(ds[name].sel(series="total").values)) < 0.0:
            problems.append(f"{place}: the total of {name} is negative somewhere")
    for coordinate in ("scope", "entity_name"):
        if coordinate not in ds.coords:
            problems.append(f"{place}: coordinate {coordinate} is missing")
    if problems:
        raise GridDataError(problems)


def history_hash(ds: xr.Dataset) -> str:
    """SHA-256 (hexadecimal) of the names and figures of a history."""
    import numpy as np

    digest = hashlib.sha256()
    for name in ("entity", "series", "year"):
        digest.update("\x00".join(map(str, ds[name].values)).encode())
    for name in VARIABLES:
        digest.update(np.where(np.isnan(ds[name].values), np.nan, ds[name].values).astype("<f4").tobytes())
    return digest.hexdigest()


def write_history(ds: xr.Dataset, path: Path) -> None:
    """Write a history as packed NetCDF-4; the same history gives the same bytes with the same libraries."""
    from grids.provenance import licence_summary

    ids = sorted({word for name in VARIABLES for word in str(ds[name].attrs["source"]).split()})
    described = ds.assign_attrs(
        title="Annual generation and capacity of countries, US states and Chinese provinces, 1985-2025",
        source=" ".join(ids),
        license=licence_summary(ids),
        Conventions="CF-1.11",
    )
    packing = {"zlib": True, "complevel": 9, "shuffle": True, "dtype": "float32"}
    encoding = {name: dict(packing) for name in VARIABLES} | {"year": {"dtype": "int32"}}
    described.to_netcdf(path, format="NETCDF4", engine="netcdf4", encoding=encoding)


def main(arguments: list[str]) -> None:
    """`python -m grids.history ORIGINALS TARGET`: rebuild the record from the public originals."""
    from grids.build.history import build

    if len(arguments) != 2:
        raise SystemExit("usage: python -m grids.history ORIGINALS TARGET")
    write_history(build(Path(arguments[0])), Path(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
