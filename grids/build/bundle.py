"""Put the parts together: one validated, packed grid file from the folder of originals."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grids.provenance import required_files
from grids.variables import GridDataError

if TYPE_CHECKING:
    import xarray as xr

Say = Callable[[str], None]
TITLE = "Load, fleet, capacity factors, cells and transfer limits of 18 US and 31 Chinese areas"
CELL_DEGREES = (0.5, 0.25)
"""Widths of cells that a grid may have, the usual one first: they tile a degree and are no finer than the sites."""
LARGEST_BYTES = 12_000_000
"""What the embedded file may weigh. [J]"""


def build_bundle(
    originals: Path | str, target: Path | str, *, cell_degrees: float = CELL_DEGREES[0], say: Say = print
) -> xr.Dataset:
    """Build every part from `originals`, check the whole, write it to `target` and return it.

    `cell_degrees`: width of the cells, one of CELL_DEGREES.
    Raises GridDataError for another width, listing every missing original, or whatever a part or the whole fails.
    """
    from grids.store import check_target, write_grid

    if cell_degrees not in CELL_DEGREES:
        widths = " or ".join(map(str, CELL_DEGREES))
        raise GridDataError(f"cells are {widths} degrees wide, got {cell_degrees:g}")
    originals, target = Path(originals), Path(target)
    check_target(target)
    inputs = _checksums(originals)
    ds = merge(_parts(originals, cell_degrees, say))
    ds.attrs = {"title": TITLE, "input_sha256": "\n".join(f"{value}  {name}" for name, value in inputs.items())}
    write_grid(ds, target)
    weight = target.stat().st_size
    say(f"{target}: {weight / 1e6:.2f} MB")
    if weight > LARGEST_BYTES:
        say(f"{target}: heavier than the {LARGEST_BYTES / 1e6:.0f} MB that may be embedded")
    return ds


def _checksums(originals: Path) -> dict[str, str]:
    """SHA-256 of every file the build reads, by path; all that are missing in one error."""
    if not originals.is_dir():
        raise GridDataError(f"{originals}: no such folder; `gridflops grids fetch {originals}` makes and fills it")
    missing, found = [], {}
    for source, file in required_files():
        path = originals / file.path
        if not path.is_file():
            by_hand = file.reencoded and not file.prepared
            way = f"make it: {file.reencoded}, from {file.url}" if by_hand else f"`gridflops grids fetch {originals}`"
            missing.append(f"{file.path}: missing ({source.id}: {source.title}); {way}")
            continue
        with path.open("rb") as content:
            found[file.path] = hashlib.file_digest(content, "sha256").hexdigest()
    if missing:
        raise GridDataError(missing)
    return found


def _parts(originals: Path, cell_degrees: float, say: Say) -> dict[str, xr.Dataset]:
    """Every part by name; a part that needs another one gets it."""
    try:
        from grids.build import capacity_factors, cells, demand, fleet, generation, transfers
    except ModuleNotFoundError as error:
        raise GridDataError(f"{error.name} is not installed; run `pip install 'gridflops[build]'`") from error

    parts: dict[str, xr.Dataset] = {}

    def run(name: str, build: Callable[[], xr.Dataset]) -> None:
        say(f"building {name}")
        parts[name] = build()

    run("demand", lambda: demand.build(originals))
    run("fleet", lambda: fleet.build(originals))
    run("generation", lambda: generation.build(originals, parts["fleet"], parts["demand"]))
    run("capacity factors", lambda: capacity_factors.build(originals, parts["generation"]))
    run("cells", lambda: cells.build(originals, parts["fleet"], cell_degrees))
    run("transfers", lambda: transfers.build(originals))
    return parts


def merge(parts: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """One dataset from the parts, each bringing its own variables on the same coordinates.

    Raises GridDataError naming every coordinate on which two parts disagree and every variable that two bring.
    """
    import numpy as np
    import xarray as xr

    first: dict[str, str] = {}
    owner: dict[str, str] = {}
    problems = []
    for name, part in parts.items():
        for coordinate in map(str, part.coords):
            before = first.setdefault(coordinate, name)
            if not np.array_equal(parts[before][coordinate].values, part[coordinate].values):
                problems.append(f"coordinate {coordinate!r}: {name} and {before} disagree; use one order everywhere")
        for variable in map(str, part.data_vars):
            before = owner.setdefault(variable, name)
            if before != name:
                problems.append(f"{variable!r}: both {before} and {name} bring it; one part owns a variable")
    if problems:
        raise GridDataError(problems)
    return xr.merge(list(parts.values()), join="exact", compat="equals", combine_attrs="override")


def sizes(ds: xr.Dataset, path: Path) -> list[dict[str, Any]]:
    """One row a variable: dimensions, number of values, and what kind of number the file stores."""
    import xarray as xr

    with xr.open_dataset(path, mask_and_scale=False, decode_times=False, engine="netcdf4") as raw:
        return [
            {
                "variable": str(name),
                "dims": ", ".join(map(str, variable.dims)),
                "values": int(variable.size),
                "stored as": "text" if variable.dtype.kind in "OUT" else str(raw[name].dtype),
            }
            for name, variable in ds.data_vars.items()
        ]
