"""The result on disk: a NetCDF file that xarray, ncview and Panoply take without a warning, and back.

Old readers know no text labels on a dimension, no 64-bit integers and only units of UDUNITS. In the file a labelled
dimension is numbered and its labels stand beside it, as `scenario_label` for `scenario`; `open_result` puts them back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from capacity.errors import CapacityError

LABEL: Final = "_label"
"""Ending of the variable that holds the labels of a numbered dimension."""
CELL_POINT: Final = "cell_point"
"""The geometry container (CF-1.8 and later) that ties variables on cells to `cell_lat` and `cell_lon`."""
UNITS: Final = {
    "MWh": "MW h",
    "FLOP": "1",
    "FLOP/s": "s-1",
    "OP/s": "s-1",
    "1/day": "day-1",
    "1/GW": "GW-1",
}
"""Our units that UDUNITS does not know, as it knows them; `counted_in` keeps ours."""
UDUNITS: Final = frozenset(
    {"1", "MW", "GW", "W", "h", "year", "degrees_north", "degrees_east", "MW h", "s-1", "day-1", "GW-1"}
)
"""What may stand in a file as it is; anything else counts as a number of its own kind."""
LARGEST_INT: Final = np.iinfo(np.int32).max


def to_file(result: xr.Dataset) -> tuple[xr.Dataset, dict[str, dict[str, Any]]]:
    """The Dataset as it goes into a NetCDF file, and the encoding of its coordinates.

    Labels of dimensions become numbers from 0 with the labels in `<dimension>_label`; text is stored as characters,
    integers as 32 bits; units are those of UDUNITS, ours in the attribute `counted_in`. No number is changed.
    """
    stored = result.copy()
    encoding: dict[str, dict[str, Any]] = {}
    for name in [str(dim) for dim in result.dims if dim in result.coords and _is_text(result[dim])]:
        labels = result[name]
        about = labels.attrs.get("long_name", name)
        stored = stored.drop_vars(name).assign_coords(
            {
                name: (name, np.arange(labels.size, dtype=np.int32), _numbered(name, about)),
                f"{name}{LABEL}": (name, labels.to_numpy().astype(str), {"long_name": about}),
            }
        )
    for key, variable in stored.variables.items():
        name = str(key)
        variable.attrs = _with_udunits(variable.attrs)
        if _is_text(variable):
            encoding[name] = {"dtype": "S1", "char_dim_name": f"{name}_length"}
        elif variable.dtype.kind in "iu":
            encoding[name] = {"dtype": "int32"}
        elif name in stored.coords:
            encoding[name] = {"_FillValue": None}
    _tie_cells(stored)
    for data in stored.data_vars.values():
        # Readers of maps stumble over labels named here; xarray finds them in the attribute of the whole file.
        data.encoding["coordinates"] = None
    stored.attrs = {name: _plain(value) for name, value in stored.attrs.items()}
    return stored, encoding


def from_file(stored: xr.Dataset) -> xr.Dataset:
    """The Dataset as `estimate` gave it: labels on the dimensions again, units as we write them."""
    result = stored.drop_vars(CELL_POINT, errors="ignore")
    for name in [str(n).removesuffix(LABEL) for n in stored.variables if str(n).endswith(LABEL)]:
        labels = result[f"{name}{LABEL}"]
        text = xr.Variable(name, labels.to_numpy().astype(str), labels.attrs)
        result = result.drop_vars([name, f"{name}{LABEL}"]).assign_coords({name: text})
    for variable in result.variables.values():
        ours = variable.attrs.pop("counted_in", None)
        if ours is not None:
            variable.attrs["units"] = ours
        variable.attrs.pop("geometry", None)
    return result


def open_result(path: Path | str) -> xr.Dataset:
    """The result of a run from its `result.nc` or `result.zarr`, read lazily, selectable by label.

    `open_result("run/result.nc")["hostable_mw"].sel(scenario="reference", country="US")`. Close it, or use it in a
    `with` block. Raises CapacityError where the file cannot be read or is no result.
    """
    path = Path(path)
    try:
        stored = xr.open_zarr(path, consolidated=False) if path.suffix == ".zarr" else xr.open_dataset(path)
    except (OSError, ValueError) as error:
        words = " ".join(str(error).split())[:200]
        raise CapacityError(f"{path}: cannot be read as the result of a run ({words}); run it again") from error
    result = from_file(stored)
    result.set_close(stored.close)
    return result


def _is_text(variable: Any) -> bool:
    return variable.dtype.kind in "OUST"


def _numbered(name: str, about: str) -> dict[str, str]:
    return {"units": "1", "long_name": f"{about}, numbered; labels in {name}{LABEL}"}


def _with_udunits(attrs: dict[Any, Any]) -> dict[Any, Any]:
    ours = attrs.get("units")
    if ours is None or ours in UDUNITS:
        return dict(attrs)
    return {**attrs, "units": UNITS.get(ours, "1"), "counted_in": ours}


def _tie_cells(stored: xr.Dataset) -> None:
    """Say in the way of CF where the cells lie."""
    on_cells = [variable for variable in stored.data_vars.values() if "cell" in variable.dims]
    if not on_cells or "cell_lat" not in stored.coords:
        return
    for axis, name in (("Y", "cell_lat"), ("X", "cell_lon")):
        stored[name].attrs["axis"] = axis
    for variable in on_cells:
        variable.attrs["geometry"] = CELL_POINT
    about = {
        "geometry_type": "point",
        "node_coordinates": "cell_lon cell_lat",
        "long_name": "centres of the cells",
    }
    stored[CELL_POINT] = xr.Variable((), np.int32(0), about)


def _plain(value: Any) -> Any:
    """Integers of 32 bits as they are; larger ones, which old readers do not know, as text."""
    if isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, (int, np.integer)):
        return np.int32(value) if abs(int(value)) <= LARGEST_INT else str(value)
    return value
