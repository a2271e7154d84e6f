"""Read and write grid files: one validated, packed NetCDF file, or a user's own NetCDF or Zarr store."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from grids.variables import GridDataError, validate

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

AreasName = Literal["us-areas", "us-zones"]
BUNDLE = ("bundle", "grid.nc")
CONVENTIONS = "CF-1.11"
STANDARD_NAMES = {"cell_lat": "latitude", "cell_lon": "longitude"}
# The largest code that stands for a value; the one above it stands for "missing".
LARGEST_CODE = 65534
MISSING_CODE = 65535
# What the readers of NetCDF and Zarr raise on a damaged or foreign file.
UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError)


def open_grid(path: Path | str | None = None, *, areas: AreasName = "us-areas") -> xr.Dataset:
    """Load a grid into memory, validated: the embedded bundle, or a user's `.nc` file or `.zarr` store.

    areas : "us-areas" as the file has them, or "us-zones" with its US areas cut into zones (`grids.zones`)

    Numbers come back as float64 (int64 for years, hours and months), text as str; every variable of
    `variables.yaml` is present with its unit, dimensions and range.

    Raises GridDataError, naming the file and the way out, if it is missing, unreadable or not a valid grid.
    """
    if areas == "us-zones":
        from grids.zones import split

        return split(open_grid(path))
    if path is not None:
        return _open(Path(path), hint="check the path, or fetch or export the file again")
    resource = importlib.resources.files("grids").joinpath(*BUNDLE)
    if not resource.is_file():
        raise GridDataError(
            f"{resource}: the embedded grid is missing; reinstall gridflops, or build it with "
            "`gridflops grids fetch DIR` and `gridflops grids build --originals DIR`"
        )
    with importlib.resources.as_file(resource) as bundle:
        return _open(bundle, hint="reinstall gridflops")


def _open(path: Path, *, hint: str) -> xr.Dataset:
    if path.suffix not in (".nc", ".zarr"):
        raise GridDataError(f"{path}: a grid is a .nc file or a .zarr store, got {path.suffix or 'no suffix'!r}")
    if not path.exists():
        raise GridDataError(f"{path}: no such file; {hint}")
    try:
        ds = _load(path)
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise GridDataError(f"{path}: cannot be read, perhaps cut short or damaged ({reason}); {hint}") from error
    try:
        validate(ds)
    except GridDataError as error:
        raise GridDataError([f"{path}: {problem}" for problem in error.problems]) from error
    return ds


def _load(path: Path) -> xr.Dataset:
    """Decoded and loaded; the file is closed and its encoding forgotten."""
    import xarray as xr

    options: dict[str, Any] = {"decode_times": False}
    if path.suffix == ".zarr":
        options |= {"engine": "zarr", "consolidated": False}
    else:
        options |= {"engine": "netcdf4"}
    with xr.open_dataset(path, **options) as lazy:
        ds = lazy.load()
    ds = ds.reset_coords([name for name in ds.coords if name not in ds.dims])
    return ds.map(plain, keep_attrs=True).assign_coords({name: plain(ds[name]) for name in ds.coords}).drop_encoding()


def plain(array: xr.DataArray) -> xr.DataArray:
    """The same values as float64, int64 or fixed-width text, whatever the file stored them as."""
    import numpy as np

    kind = array.dtype.kind
    if kind == "f":
        return array.astype(np.float64)
    if kind in "iu":
        return array.astype(np.int64)
    return array.copy(data=np.array([str(value) for value in array.values.ravel()]).reshape(array.shape))


def write_grid(ds: xr.Dataset, path: Path | str) -> None:
    """Write `ds` as one packed NetCDF-4 file, atomically: `path` is the old file or the complete new one.

    Hourly series become 16-bit integers with a power-of-two step, so that 0 and 1 stay exact and the error is
    at most half a step (1.6e-5 for a capacity factor); other numbers become float32, years and months int32.
    The same dataset gives the same bytes with the same library versions: no time stamp goes in.

    Raises GridDataError if `ds` is not a valid grid or the file cannot be written.
    """
    target = Path(path)
    check_target(target)
    validate(ds)
    described = _describe(ds)
    encoding = {str(name): _encoding(variable) for name, variable in described.variables.items()}
    with whole_file(target) as partial:
        described.to_netcdf(partial, format="NETCDF4", engine="netcdf4", encoding=encoding)


def check_target(target: Path) -> None:
    """Raise GridDataError where a grid cannot be written; worth asking before one is built."""
    if target.suffix != ".nc":
        raise GridDataError(f"{target}: a grid is written as a .nc file, got {target.suffix or 'no suffix'!r}")
    if target.is_dir():
        raise GridDataError(f"{target}: is a folder; give the name of a file in it")
    check_folder(target.parent)


def check_folder(folder: Path) -> None:
    """Make a folder where there is none. Raise GridDataError where nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise GridDataError(f"{folder}: cannot write there ({error.strerror}); choose another folder") from error


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that replaces it at the end, or disappears on any error."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, target)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise GridDataError(f"{target}: cannot be written ({reason}); check the folder and the free space") from error
    finally:
        with contextlib.suppress(OSError):  # nothing to remove where the folder itself is the problem
            partial.unlink()


def _describe(ds: xr.Dataset) -> xr.Dataset:
    """A copy with CF attributes on the file and on every variable, in one fixed order."""
    from grids.variables import REGISTRY

    names = sorted(str(name) for name in ds.data_vars)
    described = ds[names].copy().drop_encoding()
    for name in described.variables:
        known = REGISTRY.get(str(name))
        if known is not None:
            described[name].attrs.setdefault("long_name", known.doc)
        if "cell" in described[name].dims and name not in ("cell", *STANDARD_NAMES):
            described[name].attrs["coordinates"] = " ".join(STANDARD_NAMES)
    for position, standard in STANDARD_NAMES.items():
        described[position].attrs["standard_name"] = standard
    described.attrs = _file_attributes(ds)
    return described


def _file_attributes(ds: xr.Dataset) -> dict[str, str]:
    from grids.provenance import licence_summary

    ids = source_ids(ds)
    defaults = {
        "title": "US and Chinese grids: load, fleet, capacity factors and cells",
        "institution": "gridflops",
        "source": " ".join(ids),
        "license": licence_summary(ids),
        "history": f"written by gridflops {version('gridflops')}",
        "references": "DATA-LICENSES.md of gridflops lists every source with its licence",
    }
    given = {str(key): str(value) for key, value in ds.attrs.items()}
    return {**defaults, **given, "Conventions": CONVENTIONS}


def source_ids(ds: xr.Dataset) -> list[str]:
    """Sorted ids of every source that a variable of `ds` names in its `source` attribute."""
    return sorted(
        {word for variable in ds.data_vars.values() for word in str(variable.attrs.get("source", "")).split()}
    )


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    kind = variable.dtype.kind
    if kind not in "fiu":
        return {}  # variable-length strings cannot be compressed
    common: dict[str, Any] = {"zlib": True, "complevel": 6, "shuffle": True, "fletcher32": True}
    if kind in "iu":
        return {"dtype": "int32", "_FillValue": None, **common}
    if "hour" not in variable.dims:
        return {"dtype": "float32", "_FillValue": _nan32(variable), **common}
    packing = {"dtype": "uint16", "scale_factor": _step(variable.values), "_FillValue": MISSING_CODE}
    return {**packing, "chunksizes": (1, variable.shape[-1]), **common}


def _nan32(variable: xr.Variable) -> Any:
    import numpy as np

    return np.float32("nan") if np.isnan(variable.values).any() else None


def _step(values: np.ndarray[Any, Any]) -> float:
    """Smallest power of two in which the largest value still has a code; 0 and 1 are multiples of it."""
    import numpy as np

    if np.nanmin(values, initial=0.0) < 0:
        raise GridDataError(f"hourly series must not be negative, got {np.nanmin(values)}")
    largest = float(np.nanmax(values, initial=0.0))
    step = 2.0**-15
    while round(largest / step) > LARGEST_CODE:
        step *= 2
    return step


def grid_hash(ds: xr.Dataset) -> str:
    """SHA-256 (hexadecimal) of what a grid says: names, dimensions, units and values as they would be stored.

    A dataset and its file, compressed or not, NetCDF or Zarr, give the same hash; attributes that only
    describe (title, method, licence) do not count.
    """
    digest = hashlib.sha256()
    for name in sorted(str(name) for name in ds.variables):
        variable = ds.variables[name]
        header = f"{name}|{','.join(map(str, variable.dims))}|{variable.shape}|{variable.attrs.get('units', '')}|"
        digest.update(header.encode())
        digest.update(_content(variable))
    return digest.hexdigest()


def _content(variable: xr.Variable) -> bytes:
    import numpy as np

    values = variable.values
    if values.dtype.kind in "iu":
        return values.astype("<i8").tobytes()
    if values.dtype.kind != "f":
        return "\x00".join(str(value) for value in values.ravel()).encode()
    if "hour" in variable.dims:
        step = _step(values)
        stored = np.round(values / step) * step
    else:
        stored = values.astype(np.float32).astype(np.float64)
    return np.where(np.isnan(stored), np.nan, stored + 0.0).astype("<f8").tobytes()
