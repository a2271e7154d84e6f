"""What a run writes: its result, tables, figures and manifest."""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from capacity.output import events, figures, report
from capacity.output.writing import RUN_MARK, replaced_run
from capacity.result.netcdf import to_file
from grids.store import grid_hash
from scenarios import Scenario, scenario_hash

PACKAGES = ("gridflops", "numpy", "scipy", "xarray", "pandas", "numba", "cupy-cuda12x", "cupy-cuda13x")


def write_run(result: xr.Dataset, target: Path, *, manifest: Mapping[str, Any], as_zarr: bool = False) -> None:
    """Write result, tables, figures and manifest of a run to a folder, all or nothing."""
    with replaced_run(target) as folder, ThreadPoolExecutor(1) as beside:
        stored = beside.submit(write_result, result, folder / ("result.zarr" if as_zarr else "result.nc"))
        write_table(report.summary(result), folder / "summary.csv")
        write_table(report.areas(result), folder / "areas.csv")
        if "area_event_hours" in result:
            write_table(events.by_area(result), folder / "events.csv")
        figures.write_all(result, folder)
        write_manifest(manifest, folder)
        stored.result()


def write_result(result: xr.Dataset, path: Path) -> None:
    """Write the Dataset as NetCDF4 or, for a path ending in .zarr, as Zarr."""
    if path.suffix == ".zarr":
        text = {
            str(name): values.astype(object) for name, values in result.variables.items() if values.dtype.kind == "U"
        }
        result = result.assign_coords(text)  # Zarr 3 has a stable type for text of any length only
        result.to_zarr(path, mode="w", zarr_format=3, consolidated=False)
        return
    stored, encoding = to_file(result)
    packed = {"zlib": True, "complevel": 3, "shuffle": True}
    for name in (str(n) for n, v in stored.data_vars.items() if v.dtype.kind == "f"):
        # Single precision halves the cells; what has to add up to the areas keeps its digits.
        half = name.startswith("cell_") and name != "cell_hostable_mw_mean"
        encoding[name] = packed | {"dtype": "float32"} if half else packed
    stored.to_netcdf(path, engine="netcdf4", format="NETCDF4", encoding=encoding)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, numbers to six significant digits."""
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def write_manifest(manifest: Mapping[str, Any], folder: Path) -> None:
    """Write what makes a folder that of a run."""
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / RUN_MARK).write_text(text + "\n", encoding="utf-8")


def manifest(
    result: xr.Dataset, grid: xr.Dataset, scenarios: Sequence[Scenario], *, wall_seconds: float
) -> dict[str, Any]:
    """What it takes to make the same run again, and how long it took."""
    return {
        "versions": versions(),
        "seed": int(result.attrs["seed"]),
        "device": result.attrs["device"],
        "draws": result.sizes["draw"],
        "years": [int(result["year"][0]), int(result["year"][-1])],
        "scenarios": {s.name: scenario_hash(s) for s in scenarios},
        "grid_sha256": grid_hash(grid),
        "wall_seconds": round(wall_seconds, 2),
    }


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
