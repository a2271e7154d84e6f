"""Writing a run: everything beside its target first, then one rename, so that no run is ever half there."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from capacity import events_report, figures, report
from capacity.errors import CapacityError
from capacity.result_file import to_file
from grids.store import grid_hash
from scenarios import Scenario, scenario_hash

PACKAGES = ("gridflops", "numpy", "scipy", "xarray", "pandas", "numba", "cupy-cuda12x", "cupy-cuda13x")
RUN_MARK = "manifest.json"


@contextlib.contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """A folder to fill that takes the place of `target` when the block ends without an error.

    On any error or interrupt nothing of it stays and an earlier `target` is untouched. Raises CapacityError
    where the place cannot be written or holds something that is not an earlier run.
    """
    check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise CapacityError(f"--out {target}: cannot write there ({error.strerror}); choose another folder") from error
    try:
        yield work
        _swap(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_target(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise CapacityError(f"--out {target}: is a file; choose a folder")
    if target.is_dir() and any(target.iterdir()) and not (target / RUN_MARK).exists():
        raise CapacityError(
            f"--out {target}: holds files but no {RUN_MARK}, so it is no earlier run; choose another folder"
        )


def _swap(work: Path, target: Path) -> None:
    work.chmod(0o755)
    if not target.exists():
        os.replace(work, target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    os.replace(target, aside / "run")
    try:
        os.replace(work, target)
    except OSError:
        os.replace(aside / "run", target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_run(result: xr.Dataset, target: Path, *, manifest: Mapping[str, Any], as_zarr: bool = False) -> None:
    """Write result, tables, figures and manifest of a run to a folder, all or nothing."""
    try:
        with replaced_folder(target) as folder, ThreadPoolExecutor(1) as beside:
            stored = beside.submit(write_result, result, folder / ("result.zarr" if as_zarr else "result.nc"))
            _csv(report.summary(result), folder / "summary.csv")
            _csv(report.areas(result), folder / "areas.csv")
            if "area_event_hours" in result:
                _csv(events_report.by_area(result), folder / "events.csv")
            figures.write_all(result, folder)
            text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
            (folder / RUN_MARK).write_text(text + "\n", encoding="utf-8")
            stored.result()
    except OSError as error:
        raise CapacityError(
            f"--out {target}: writing failed ({error.strerror or error}); nothing new was left there; "
            "free some space or choose another folder"
        ) from error


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


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


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
