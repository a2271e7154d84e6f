"""US areas cut into the 134 zones of ReEDS: `split` turns a grid of areas into one of zones and keeps every sum.

The second embedded file, `grids/bundle/us_zones.nc` (made by `grids.build.zones`), says how the fleet, the hourly load
and the transfer limits of the 18 areas lie in zones. What is known by area only, such as hourly wind and sun, a zone
takes over from its area. A zone is named after its area: us.ercot.p63.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from grids.areas import parent_of
from grids.variables import LABELS, GridDataError, validate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

FILE: Final = ("bundle", "us_zones.nc")
RATIO_STEP: Final = 2.0**-8
"""Step in which hourly ratios are stored: an error of at most 0.2 % of a zone's load in an hour."""
NO_RATIO: Final = 65535
"""Code of a missing ratio; none is."""

_UNITS: Final = "powergenome-reeds eia-state oet-efuels-plants wri-gppd"
_OUTPUT: Final = "eia-state eia-seds eia-international owid-energy powergenome-reeds"
_LOAD: Final = "eia-930 eia-seds tamu-load reeds-shapes powergenome-reeds"
_AS_AREA: Final = "As the variable of the areas, units placed by ReEDS zone; the zones of an area add up to it."
_LINKS: Final = "reeds-naris powergenome-reeds"
_FIT: Final = (
    "Hourly EIA-930 series lie in the zones that a table names [J]; how much of each, by proportional fitting to state "
    "sales, the area's part of the state, and synthetic substations inside both."
)

VARIABLES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "zone_state": ("", "F", "powergenome-reeds", "State of the zone, postal code."),
    "nameplate_mw": ("MW", "P", _UNITS, _AS_AREA),
    "planned_addition_mw": ("MW", "P", _UNITS + " eia-planned-additions", _AS_AREA),
    "planned_retirement_mw": ("MW", "P", _UNITS + " eia860m", _AS_AREA),
    "capacity_history_mw": ("MW", "P", _UNITS, _AS_AREA),
    "generation_mwh": ("MWh", "P", _OUTPUT, _AS_AREA),
    "load_share": ("1", "J", _LOAD, "Share of the area's energy in a year. " + _FIT),
    "zone_load_mwh": ("MWh", "J", _LOAD, "Energy of the last year. " + _FIT),
    "load_ratio": ("1", "J", _LOAD, "Share of the area's load in an hour over that share of energy. " + _FIT),
    "expected_load_share": ("1", "P", _LOAD, "Share of the area's energy by sales and substations alone."),
    "cell_zone": ("", "P", "reeds-shapes", "Of its area's zones the one that overlaps most; each zone has a cell."),
    "cell_row": ("1", "P", "reeds-shapes", "South edge of the cell over its width."),
    "cell_column": ("1", "P", "reeds-shapes", "West edge of the cell over its width."),
    "link_from": ("", "F", _LINKS, "Zone at the sending end."),
    "link_to": ("", "F", _LINKS, "Zone at the receiving end."),
    "link_limit_low_mw": (
        "MW",
        "J",
        _LINKS,
        "Inside an area the median ratio of N-1 to N-0 between areas, 0.772, times the higher figure; between areas "
        "the zones' limits scaled to the areas' lower one. DC ties added. Raised inside an area where a zone's highest "
        "load so far could not be served; its record says so.",
    ),
    "link_limit_high_mw": (
        "MW",
        "P",
        _LINKS,
        "Inside an area the zone limit without contingency; between areas scaled to the areas' higher one. DC ties "
        "added. At least the lower figure.",
    ),
    "link_record": ("", "F", _LINKS, "Figure of the source and what was done to it."),
}  # fmt: skip
"""Units, label, sources and method of every variable of the file."""


def open_zones(path: Path | None = None) -> xr.Dataset:
    """The embedded file of zones, or one of the same form, in memory as float64, int64 and text.

    Raises GridDataError for a file that is missing, unreadable or not of this form, naming all that is wrong.
    """
    import xarray as xr

    from grids.store import UNREADABLE, plain

    chosen = Path(str(importlib.resources.files("grids").joinpath(*FILE))) if path is None else Path(path)
    if not chosen.is_file():
        raise GridDataError(f"{chosen}: no such file of zones; reinstall gridflops, or make it with grids.build.zones")
    try:
        with xr.open_dataset(chosen, engine="netcdf4") as lazy:
            ds = lazy.load()
        ds = ds.map(plain, keep_attrs=True).assign_coords({name: plain(ds[name]) for name in ds.coords}).drop_encoding()
    except UNREADABLE as error:
        raise GridDataError(f"{chosen}: cannot be read ({error}); reinstall gridflops") from error
    check(ds, str(chosen))
    # float32 shares add up to one but for 1e-8, and demand is to be met exactly.
    owner = xr.DataArray([parent_of(zone) for zone in ds["zone"].values.tolist()], dims="zone", name="owner")
    shares = ds["load_share"].groupby(owner)
    exact = (shares / shares.sum()).drop_vars("owner").transpose("zone", "year")
    return ds.assign(load_share=exact.assign_attrs(ds["load_share"].attrs))


def check(ds: xr.Dataset, place: str) -> None:
    """Raise GridDataError with all that is wrong with a dataset of zones."""
    import numpy as np

    problems = [f"{place}: {name} is missing" for name in VARIABLES if name not in ds]
    for name in (name for name in VARIABLES if name in ds):
        units, label = ds[name].attrs.get("units"), ds[name].attrs.get("label")
        if units != VARIABLES[name][0]:
            problems.append(f"{place}: {name} must be in {VARIABLES[name][0]!r}, got {units!r}")
        if label not in LABELS:
            problems.append(f"{place}: {name} has label {label!r}; known: {', '.join(LABELS)}")
        if ds[name].dtype.kind == "f" and not np.isfinite(ds[name].to_numpy()).all():
            problems.append(f"{place}: {name} has a value that is not finite")
    if not problems:
        zones = set(ds["zone"].values.tolist())
        for name in ("cell_zone", "link_from", "link_to"):
            unknown = sorted(set(ds[name].values.tolist()) - zones)
            problems += [f"{place}: {name} holds {one!r}, which is no zone" for one in unknown]
        problems += [f"{place}: no cell in {one}" for one in sorted(zones - set(ds["cell_zone"].values.tolist()))]
        owner = np.array([parent_of(zone) for zone in ds["zone"].values.tolist()])
        for area in np.unique(owner):
            total = ds["load_share"].values[owner == area].sum(axis=0)
            if (abs(total - 1.0) > 1e-5).any():
                problems.append(f"{place}: load_share of {area} sums to {total.min():.6f}")
    if problems:
        raise GridDataError(problems)


def write_zones(ds: xr.Dataset, target: Path) -> None:
    """Write a dataset of zones as one packed NetCDF file: hourly ratios in 16 bits, other numbers as float32."""
    import numpy as np

    from grids.store import whole_file

    check(ds, str(target))
    ds = ds.assign(load_ratio=ds["load_ratio"].copy(data=np.round(ds["load_ratio"].values / RATIO_STEP) * RATIO_STEP))
    packed = {"zlib": True, "complevel": 9, "shuffle": True, "fletcher32": True}
    encoding: dict[str, dict[str, Any]] = {}
    for name in map(str, ds.variables):
        kind, dims = ds[name].dtype.kind, ds[name].dims
        if "hour" in dims:
            shape = (1, 1, ds.sizes["hour"])
            encoding[name] = {**packed, "dtype": "uint16", "scale_factor": RATIO_STEP, "_FillValue": NO_RATIO}
            encoding[name]["chunksizes"] = shape
        elif kind in "fiu":
            encoding[name] = {**packed, "dtype": "float32" if kind == "f" else "int32", "_FillValue": None}
    with whole_file(target) as partial:
        ds.to_netcdf(partial, format="NETCDF4", engine="netcdf4", encoding=encoding)


class Cut(NamedTuple):
    """Areas of a grid after the cut; `area` is their number.

    names : (area,)    Ids, zones in the place of their area.
    parent : (area,)   Number of the area in the grid that is cut.
    zone : (area,)     Number of the zone; -1 for an area that stays whole.
    weight : (area,)   Share of the parent's load in the last year on record. [1]
    """

    names: list[str]
    parent: npt.NDArray[np.int64]
    zone: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]

    @classmethod
    def of(cls, grid: xr.Dataset, zones: xr.Dataset) -> Cut:
        import numpy as np

        inside: dict[str, list[int]] = {}
        ids = zones["zone"].values.tolist()
        for number, name in enumerate(ids):
            inside.setdefault(parent_of(name), []).append(number)
        share = zones["load_share"].values[:, -1]
        rows: list[tuple[str, int, int, float]] = []
        for at, area in enumerate(grid["area"].values.tolist()):
            mine = inside.get(area)
            rows += [(ids[z], at, z, float(share[z])) for z in mine] if mine else [(area, at, -1, 1.0)]
        if len(rows) == grid.sizes["area"]:
            raise GridDataError(f"no area of this grid has zones; those with zones are {', '.join(sorted(inside))}")
        names, parent, zone, weight = zip(*rows, strict=True)
        return cls(list(names), np.array(parent), np.array(zone), np.array(weight, dtype=np.float64))

    @property
    def is_zone(self) -> npt.NDArray[np.bool_]:
        return self.zone >= 0

    def sums(self, values: npt.NDArray[np.float64], areas: int) -> npt.NDArray[np.float64]:
        """Sums by parent (parent, ...) of values (area, ...)."""
        import numpy as np

        total = np.zeros((areas, *values.shape[1:]))
        np.add.at(total, self.parent, values)
        return total


Part = tuple[str, tuple[str, ...], Any]
"""Name, dimensions and values of a variable of the cut grid."""


def split(grid: xr.Dataset, zones: xr.Dataset | None = None) -> xr.Dataset:
    """A grid whose US areas are cut into zones; areas without zones, as China's, stay as they are.

    grid : a valid grid of areas, the embedded one or your own
    zones : from `open_zones`, which is the default

    Fleet, plans, history, generation, interchange, cells and hourly load of the zones add up to those of their area,
    in every hour. Wind, sun, monthly water and capacity factors are the area's. Raises GridDataError if nothing can be
    cut.
    """
    import xarray as xr

    from grids import zones_cells, zones_load

    known = open_zones() if zones is None else zones
    cut = Cut.of(grid, known)
    parts: dict[str, Any] = {}
    for name in map(str, grid.data_vars):
        variable = grid[name]
        if "area" in variable.dims:
            parts[name] = (variable.dims, variable.isel(area=cut.parent).values, dict(variable.attrs))
        elif not {"profile", "link"} & set(variable.dims):
            parts[name] = variable
    coords: dict[str, Any] = {str(name): grid[name].values for name in grid.coords}
    coords["area"] = cut.names
    for part in (_texts, _amounts, zones_load.profiles, zones_load.history, zones_cells.cells, zones_cells.links):
        for name, dims, values in part(grid, known, cut):
            if name in coords:
                coords[name] = values
            else:
                parts[name] = (dims, values, _said(grid, known, name))
    parts["net_export_mwh"] = (*_net_export(grid, cut, parts), _said(grid, known, "net_export_mwh"))
    result = xr.Dataset(parts, coords=coords, attrs=dict(grid.attrs))
    result.attrs["title"] = f"{int(cut.is_zone.sum())} US zones; " + str(grid.attrs.get("title", "areas"))
    validate(result)
    return result


def _texts(grid: xr.Dataset, zones: xr.Dataset, cut: Cut) -> Iterator[Part]:
    """Names and members of zones."""
    state = zones["zone_state"].values.tolist()
    for name, language in (("area_name", "{state} {zone}, {area}"), ("area_name_zh", "{area} {zone}")):
        values = grid[name].values.tolist()
        texts = [
            language.format(state=state[z], zone=new.rsplit(".", 1)[1], area=values[at]) if z >= 0 else values[at]
            for new, at, z in zip(cut.names, cut.parent, cut.zone, strict=True)
        ]
        yield name, ("area",), texts
    members = grid["area_members"].values.tolist()
    texts = [
        f"ReEDS zone {new.rsplit('.', 1)[1]}; {state[z]}" if z >= 0 else members[at]
        for new, at, z in zip(cut.names, cut.parent, cut.zone, strict=True)
    ]
    yield "area_members", ("area",), texts


def _amounts(grid: xr.Dataset, zones: xr.Dataset, cut: Cut) -> Iterator[Part]:
    """Fleet, plans, history and generation; what zones and area differ by is spread like the zones' own figures."""
    for name in map(str, zones.data_vars):
        if name in grid and "area" in grid[name].dims and name not in ("annual_load_mwh", "peak_load_mw"):
            dims = grid[name].dims
            table = zones[name].transpose(*("zone" if dim == "area" else dim for dim in dims))
            yield name, tuple(map(str, dims)), conserved(grid[name].values, table.values, cut)


def conserved(
    area_values: npt.NDArray[np.float64], zone_values: npt.NDArray[np.float64], cut: Cut
) -> npt.NDArray[np.float64]:
    """Values (area, ...) after the cut, from those of areas (parent, ...) and of zones (zone, ...).

    They add up to the areas'; what zones lack is spread like their own, or by load where they have nothing.
    """
    import numpy as np

    values = np.where(_wide(cut.is_zone, area_values), zone_values[cut.zone], area_values[cut.parent])
    size = cut.sums(abs(values), len(area_values))[cut.parent]
    spread = np.divide(abs(values), size, out=np.zeros_like(values), where=size > 0.0)
    spread = np.where(size > 0.0, spread, _wide(cut.weight, area_values))
    lacking = area_values - cut.sums(values, len(area_values))
    return np.asarray(values + lacking[cut.parent] * spread)


def _wide(column: npt.NDArray[Any], like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return column.reshape(-1, *([1] * (like.ndim - 1)))


def _net_export(
    grid: xr.Dataset, cut: Cut, parts: Mapping[str, Any]
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Generation less load; what an area's own figure differs by, mostly output used on site, is spread by load."""
    made, load = parts["generation_mwh"][1].sum(axis=1), parts["annual_load_mwh"][1]
    whole = grid["net_export_mwh"].values - grid["generation_mwh"].values.sum(axis=1) + grid["annual_load_mwh"].values
    share = load / grid["annual_load_mwh"].values[cut.parent]
    return ("area", "history_year"), made - load + whole[cut.parent] * share


def _said(grid: xr.Dataset, zones: xr.Dataset, name: str) -> dict[str, Any]:
    """Attributes of a variable after the cut: label and sources of both files, and what the cut does."""
    attrs = dict(grid[name].attrs)
    own = name if name in zones else "load_share"
    attrs["source"] = " ".join(dict.fromkeys(f"{attrs['source']} {zones[own].attrs['source']}".split()))
    if grid[name].dtype.kind == "f" and zones[own].attrs["label"] == "J":
        attrs["label"] = "J"
    attrs["method"] = f"{attrs.get('method', '')} Zones: {zones[own].attrs['method']}".strip()
    return attrs
