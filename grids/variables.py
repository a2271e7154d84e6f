"""What a grid file may hold: the registry of variables, and the check every grid passes at every door.

The registry is `grids/data/variables.yaml`; a name that is not in it is refused. `validate` looks at everything
before it speaks, so that one run lists every problem of a file.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grids.tables import read_table

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

LABELS: Mapping[str, str] = {
    "F": "found in a source",
    "P": "computed by the build from found figures",
    "R": "recalled, to be sourced again",
    "J": "judgement",
}
KINDS: Mapping[str, str] = {"float": "f", "integer": "iu", "string": "OUT"}
# Ids that need no entry in sources.yaml: a user's own figures, and the made-up numbers of the tests.
RESERVED_SOURCES = frozenset({"own-data", "test-material"})
# A packed value may decode a hair outside the range it was packed for.
RANGE_TOLERANCE = 1e-6
MOST_SHOWN = 200  # problems written out in one error; the count of all of them is always given


class GridDataError(ValueError):
    """Grid data that cannot be used; the message names the place, the value and the way out.

    Parameters
    ----------
    problems : str or iterable of str
        One or more complete sentences; all of them appear in the message and in `.problems`.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        shown = list(self.problems[:MOST_SHOWN])
        if len(self.problems) > MOST_SHOWN:
            shown.append(f"... and {len(self.problems) - MOST_SHOWN} more")
        head = [] if len(self.problems) == 1 else [f"{len(self.problems)} problems in the grid data:"]
        bullet = "" if len(self.problems) == 1 else "- "
        super().__init__("\n".join([*head, *(bullet + line for line in shown)]))


@dataclass(frozen=True)
class Variable:
    """One variable or coordinate of a grid file.

    `range` is inclusive and in `units`; `masked` says that NaN is allowed and means `missing`.
    """

    name: str
    units: str
    dims: tuple[str, ...]
    kind: str
    label: str
    doc: str
    range: tuple[float, float] | None = None
    masked: bool = False
    missing: str = ""
    coordinate: bool = False


def _load_registry() -> dict[str, Variable]:
    raw: dict[str, dict[str, dict[str, Any]]] = read_table("variables.yaml")
    registry = {}
    for section, coordinate in (("coordinates", True), ("variables", False)):
        for name, entry in raw[section].items():
            registry[name] = _variable(name, entry, coordinate)
    return registry


def _variable(name: str, entry: dict[str, Any], coordinate: bool) -> Variable:
    limits = entry.get("range")
    return Variable(
        name=name,
        units=str(entry.get("units", "")),
        dims=tuple(entry["dims"]),
        kind=entry.get("kind", "float"),
        label=entry.get("label", "F"),
        doc=entry["doc"],
        range=None if limits is None else (float(limits[0]), float(limits[1])),
        masked=bool(entry.get("masked", False)),
        missing=entry.get("missing", ""),
        coordinate=coordinate,
    )


REGISTRY: dict[str, Variable] = _load_registry()


def attrs_for(name: str) -> dict[str, str]:
    """CF attributes of a registered variable: long_name, units and label; add source and method yourself.

    Raises GridDataError for a name that is not in the registry.
    """
    if name not in REGISTRY:
        raise GridDataError(unknown_name(name))
    known = REGISTRY[name]
    attrs = {"long_name": known.doc}
    if known.units:
        attrs["units"] = known.units
    if not known.coordinate:
        attrs["label"] = known.label
        if known.masked:
            attrs["missing"] = known.missing
    return attrs


def unknown_name(name: str) -> str:
    """One sentence that says a variable is not in the registry and which one comes nearest."""
    near = difflib.get_close_matches(name, REGISTRY, n=1)
    hint = f"; nearest: {near[0]!r}" if near else ""
    return f"{name!r}: not a variable of a grid file{hint}; rename it or add it to grids/data/variables.yaml"


def validate(ds: xr.Dataset, *, variables: Collection[str] | None = None) -> None:
    """Check a grid against the registry and against itself.

    Parameters
    ----------
    ds : xarray.Dataset
        A grid, with the variables, dimensions and units of `REGISTRY`.
    variables : names, optional
        What must be there; every registered variable when left out. Builders pass the names of their own part.

    Raises
    ------
    GridDataError
        Lists every problem found: names, units, dimensions, kinds, ranges, missing values, labels, sources,
        and disagreements between variables (see `grids.invariants`).
    """
    from grids.invariants import disagreements

    problems = list(_presence(ds, variables))
    for name in map(str, ds.variables):
        if name in REGISTRY:
            problems += _description(ds, REGISTRY[name])
            problems += _values(ds, REGISTRY[name])
    # Sums over badly shaped or missing numbers would only repeat what is already listed.
    if not problems:
        problems += disagreements(ds)
    if problems:
        raise GridDataError(problems)


def _presence(ds: xr.Dataset, wanted: Collection[str] | None) -> Iterator[str]:
    if wanted is None:
        wanted = [name for name, known in REGISTRY.items() if not known.coordinate]
    coordinates: set[str] = set()
    for name in wanted:
        if name not in REGISTRY:
            yield unknown_name(name)
            continue
        coordinates.update(REGISTRY[name].dims)
        if name not in ds.variables:
            yield f"{name!r}: missing; the grid needs it ({REGISTRY[name].doc})"
    for name in sorted(coordinates):
        if name not in ds.coords:
            yield f"coordinate {name!r}: missing; assign {REGISTRY[name].doc[0].lower()}{REGISTRY[name].doc[1:]}"
    for name in map(str, ds.variables):
        if name not in REGISTRY:
            yield unknown_name(name)


def _description(ds: xr.Dataset, known: Variable) -> Iterator[str]:
    """Problems of the attributes, dimensions and kind of one variable that is in the dataset."""
    variable = ds[known.name]
    if variable.dims != known.dims:
        yield f"{known.name!r}: dimensions must be {known.dims}, got {variable.dims}; transpose or rename"
    if variable.dtype.kind not in KINDS[known.kind]:
        yield f"{known.name!r}: must hold {known.kind} values, got dtype {variable.dtype}; convert it"
    units = variable.attrs.get("units")
    if known.coordinate:
        if units is not None and units != known.units:
            yield f"coordinate {known.name!r}: must be in {known.units!r}, got units={units!r}"
        return
    if units != known.units and not (known.units == "" and units is None):
        yield f"{known.name!r}: must be in {known.units!r}, got units={units!r}; convert it and set the attribute"
    label = variable.attrs.get("label")
    if label not in LABELS:
        yield f"{known.name!r}: attribute label must be one of {', '.join(LABELS)}, got {label!r}"
    yield from _source_problems(known.name, variable.attrs.get("source"))


def _source_problems(name: str, source: object) -> Iterator[str]:
    if not isinstance(source, str) or not source.split():
        yield (
            f"{name!r}: attribute source must name where the figures come from, got {source!r}; "
            "give ids of grids/data/sources.yaml, or own-data"
        )
        return
    known = source_ids()
    for identifier in source.split():
        if identifier not in known and identifier not in RESERVED_SOURCES:
            near = difflib.get_close_matches(identifier, known, n=1)
            hint = f"; nearest: {near[0]!r}" if near else ""
            yield (
                f"{name!r}: source {identifier!r} is not in grids/data/sources.yaml{hint}; "
                "add it there, or write own-data for figures of your own"
            )


@functools.cache
def source_ids() -> frozenset[str]:
    """Ids of `grids/data/sources.yaml`."""
    return frozenset(read_table("sources.yaml"))


def _values(ds: xr.Dataset, known: Variable) -> Iterator[str]:
    """Problems of the numbers of one variable, each with the first place where it happens."""
    variable = ds[known.name]
    values = variable.values
    if known.kind == "string":
        yield from _string_values(variable, known)
        return
    if known.coordinate and len(np.unique(values)) != values.size:
        yield f"coordinate {known.name!r}: values repeat; each must occur once"
    if values.dtype.kind not in "fiu" or values.size == 0:
        return
    finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
    if values.dtype.kind == "f":
        bad = ~finite if not known.masked else np.isinf(values)
        if bad.any():
            way_out = "fill it by a stated rule; missing is not zero"
            if known.masked:
                way_out = "NaN is allowed here, infinity is not"
            yield f"{known.name!r}{_place(variable, bad)}: not a finite number ({_count(bad)}); {way_out}"
    if known.range is not None:
        low, high = known.range
        slack = RANGE_TOLERANCE * (high - low)
        outside = finite & ((values < low - slack) | (values > high + slack))
        if outside.any():
            worst = values[outside][0]
            yield (
                f"{known.name!r}{_place(variable, outside)} = {worst:.6g} {known.units}: outside "
                f"[{low:g}, {high:g}] ({_count(outside)}); check its unit and its source"
            )


def _string_values(variable: xr.DataArray, known: Variable) -> Iterator[str]:
    flat = variable.values.ravel()
    empty = np.array([not isinstance(text, str) or not text.strip() for text in flat.tolist()], dtype=bool)
    if empty.any():
        bad = empty.reshape(variable.shape)
        yield f"{known.name!r}{_place(variable, bad)}: empty or not text ({_count(bad)}); write what is meant"
    elif known.coordinate and len(set(flat.tolist())) != flat.size:
        texts = flat.tolist()
        twice = next(text for text in texts if texts.count(text) > 1)
        yield f"coordinate {known.name!r}: {twice!r} occurs more than once; each value must occur once"


def _place(variable: xr.DataArray, bad: npt.NDArray[np.bool_]) -> str:
    """The first bad entry as [dim=label, ...], so that a user can find it."""
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    parts = []
    for dim, position in zip(variable.dims, index, strict=True):
        label = variable.coords[dim].values[position] if dim in variable.coords else int(position)
        parts.append(f"{dim}={label}")
    return f"[{', '.join(parts)}]"


def _count(bad: npt.NDArray[np.bool_]) -> str:
    count = int(np.count_nonzero(bad))
    return "1 value" if count == 1 else f"{count} values, the first is shown"
