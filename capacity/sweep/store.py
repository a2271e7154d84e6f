"""One Zarr v3 store a sweep. A chunk is one task's output; a task counts once its record is there.

    zarr.json, <variable>/...      what `xarray.open_zarr` sees; a draw that is not computed yet reads as NaN
    sweep/sweep.json               what the numbers depend on; written last when a store is made
    sweep/grid.nc, scenarios.json, design.npy    inputs of the tasks
    sweep/done/<task>.json         checksums of the task's chunks, written after them
    sweep/failed/<task>.json       a quarantined task and its error
    sweep/client.json              the client that runs it, while it runs
    sweep/logs/                    one log a run

Chunks are encoded in memory and put whole, so no writer ever reads, locks or splits a chunk, and a task computed
twice leaves the same bytes as one computed once.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from capacity.errors import CapacityError
from capacity.sweep import identity as identities
from capacity.sweep import places
from capacity.sweep.plan import Layout
from scenarios import Scenario

Floats = NDArray[np.float64]

FORMAT = 1
MARK = "sweep/sweep.json"
DIMS = ("scenario", "year", "draw")
"""First dimensions of every stored variable; others may follow."""
DRAW_AXIS = DIMS.index("draw")


@dataclass(frozen=True)
class Record:
    """A complete task: SHA-256 of each stored chunk, and what it took."""

    task: int
    sha256: Mapping[str, str]
    bytes: int
    seconds: float
    code: str
    worker: str


@dataclass(frozen=True)
class Failure:
    """A quarantined task: what went wrong, how often it was tried, and the traceback where there is one."""

    task: int
    error: str
    attempts: int
    traceback: str = ""


@dataclass(frozen=True)
class Inputs:
    """What tasks read from the store: base scenarios, design (variant, parameter) and the grid file."""

    scenarios: tuple[Scenario, ...]
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    design: Floats
    grid: bytes


@dataclass(frozen=True)
class Opened:
    """A store with its identity read: everything about a sweep but the work itself."""

    place: places.Place
    identity: Mapping[str, Any]
    layout: Layout
    shapes: Mapping[str, tuple[int, ...]]
    """Shape of one chunk of each variable."""

    @property
    def url(self) -> str:
        return self.place.url

    def chunk_key(self, variable: str, task: int) -> str:
        variant, start, _ = self.layout.place(task)
        rest = "/0" * (len(self.shapes[variable]) - DRAW_AXIS - 1)
        return f"{variable}/c/{variant}/0/{start // self.layout.block}{rest}"

    def write(self, task: int, arrays: Mapping[str, Floats], *, seconds: float, worker: str) -> Record:
        """Keep a task's arrays (1, year, draw, ...): all chunks, read back and checksummed, then the record.

        Raises CapacityError for an array that does not fit, OSError where the place cannot take it.
        """
        if set(arrays) != set(self.shapes):
            raise CapacityError(f"task {task}: gave {sorted(arrays)}, the store keeps {sorted(self.shapes)}")
        sums, size = {}, 0
        for name, values in arrays.items():
            content = encode(self._padded(name, task, values))
            key = self.chunk_key(name, task)
            self.place.put(key, content)
            sums[name] = hashlib.sha256(content).hexdigest()
            size += len(content)
            if _sha256(self.place.get(key)) != sums[name]:
                raise OSError(f"{key}: reads back other bytes than were written")
        code = str(identities.code_version()["source_sha256"])
        record = Record(task, sums, size, round(seconds, 3), code, worker)
        self.place.put(f"sweep/done/{_file(task)}", _json(asdict(record)))
        return record

    def _padded(self, name: str, task: int, values: Floats) -> Floats:
        """The whole chunk: NaN beyond the last draw of a variant."""
        _, start, stop = self.layout.place(task)
        shape = self.shapes[name]
        expected = (1, shape[1], stop - start, *shape[DRAW_AXIS + 1 :])
        if values.shape != expected or values.dtype != np.float64:
            raise CapacityError(f"task {task}: {name} has {values.dtype} {values.shape}, expected float64 {expected}")
        if not np.isfinite(values).all():
            raise CapacityError(f"task {task}: {name} is not finite in {int((~np.isfinite(values)).sum())} places")
        if values.shape == shape:
            return values
        chunk = np.full(shape, np.nan)
        chunk[:, :, : stop - start] = values
        return chunk

    def record(self, task: int) -> Record | None:
        """The record of a complete task, or None; a record that cannot be read counts as none."""
        content = self.place.get(f"sweep/done/{_file(task)}")
        if content is None:
            return None
        try:
            return Record(**json.loads(content))
        except (ValueError, TypeError):
            return None

    def fault(self, task: int) -> str:
        """Why a recorded task cannot be believed, or an empty text where every chunk has the recorded bytes."""
        record = self.record(task)
        if record is None or record.task != task or set(record.sha256) != set(self.shapes):
            return "record missing or damaged"
        for name, wanted in record.sha256.items():
            found = _sha256(self.place.get(self.chunk_key(name, task)))
            if found != wanted:
                return f"{name}: chunk {'missing' if not found else 'damaged'}"
        return ""

    def forget(self, task: int) -> None:
        """Take a task's record away, so that it is computed again."""
        self.place.delete(f"sweep/done/{_file(task)}")

    def done(self) -> set[int]:
        return _tasks(self.place.names("sweep/done"))

    def quarantine(self, failure: Failure) -> None:
        self.place.put(f"sweep/failed/{_file(failure.task)}", _json(asdict(failure)))

    def release(self, task: int) -> None:
        self.place.delete(f"sweep/failed/{_file(task)}")

    def failed(self) -> set[int]:
        return _tasks(self.place.names("sweep/failed"))

    def failure(self, task: int) -> Failure | None:
        content = self.place.get(f"sweep/failed/{_file(task)}")
        return None if content is None else Failure(**json.loads(content))

    def note(self, task: int, text: str) -> None:
        """A worker's last words on a task before it ends itself."""
        self.place.put(f"sweep/notes/{_file(task)}", _json({"text": text}))

    def take_note(self, task: int) -> str:
        key = f"sweep/notes/{_file(task)}"
        content = self.place.get(key)
        if content is None:
            return ""
        self.place.delete(key)
        return str(json.loads(content)["text"])

    def inputs(self) -> Inputs:
        """What the tasks read. Raises CapacityError where a part is missing or not what the identity says."""
        parts = {name: self.place.get(f"sweep/{name}") for name in ("scenarios.json", "design.npy", "grid.nc")}
        missing = [name for name, content in parts.items() if content is None]
        if missing:
            raise CapacityError(f"{self.url}: {', '.join(missing)} missing; start the sweep again in another folder")
        text = json.loads(parts["scenarios.json"] or b"")
        design = np.load(io.BytesIO(parts["design.npy"] or b""), allow_pickle=False)
        grid = parts["grid.nc"] or b""
        if _sha256(grid) != self.identity["grid_file_sha256"]:
            raise CapacityError(f"{self.url}: sweep/grid.nc is damaged; put the original grid file back there")
        base = tuple(scenario_from(one) for one in text["base"])
        return Inputs(base, tuple(text["parameters"]), tuple(text["names"]), design, grid)


def create(
    address: str | Path, identity: Mapping[str, Any], layout: Layout, probe: xr.Dataset, inputs: Inputs
) -> Opened:
    """Make an empty store. `probe` has one scenario and one draw and tells dimensions, units and coordinates."""
    place = places.of(address)
    shapes = {
        str(name): (1, v.sizes["year"], layout.block, *v.shape[DRAW_AXIS + 1 :]) for name, v in probe.data_vars.items()
    }
    place.put("sweep/zarr.json", _json({"zarr_format": 3, "node_type": "group", "attributes": {}}))
    place.put("sweep/grid.nc", inputs.grid)
    base = [json.loads(scenario.model_dump_json()) for scenario in inputs.scenarios]
    text = {"base": base, "parameters": inputs.parameters, "names": inputs.names}
    place.put("sweep/scenarios.json", _json(text))
    points = io.BytesIO()
    np.save(points, inputs.design, allow_pickle=False)
    place.put("sweep/design.npy", points.getvalue())
    for key, content in _skeleton(identity, layout, probe, inputs, shapes).items():
        place.put(key, content)
    cut = {"variants": layout.variants, "draws": layout.draws, "block": layout.block, "first_draw": layout.first_draw}
    place.put(MARK, _json({"format": FORMAT, "identity": identity, "layout": cut, "chunks": shapes}))
    return Opened(place, identity, layout, shapes)


def open_store(address: str | Path) -> Opened:
    """An existing store. Raises CapacityError where there is none, or one of another format."""
    place = places.of(address)
    content = place.get(MARK)
    if content is None:
        raise CapacityError(f"{address}: holds no sweep (no {MARK}); check the path")
    said = json.loads(content)
    if said.get("format") != FORMAT:
        raise CapacityError(f"{address}: written in format {said.get('format')}, this version reads {FORMAT}")
    shapes = {name: tuple(shape) for name, shape in said["chunks"].items()}
    return Opened(place, said["identity"], Layout(**said["layout"]), shapes)


def state(address: str | Path) -> str:
    """`empty`, `sweep`, `unfinished` (its making was interrupted) or `foreign`."""
    place = places.of(address)
    if isinstance(place, places.LocalPlace) and place.root.exists() and not place.root.is_dir():
        return "foreign"
    if place.get(MARK) is not None:
        return "sweep"
    names = place.names("")
    own = place.names("sweep") if "sweep" in names else []
    if not names or (names == ["sweep"] and set(own) <= {"client.json"}):
        return "empty"
    return "unfinished" if "zarr.json" in own else "foreign"


def _skeleton(
    identity: Mapping[str, Any],
    layout: Layout,
    probe: xr.Dataset,
    inputs: Inputs,
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, bytes]:
    """Metadata and coordinates of the store, by key: all but the chunks of the tasks."""
    raw: dict[str, Any] = {}
    memory = zarr.storage.MemoryStore(raw)
    coords = probe.drop_vars([*probe.data_vars, "scenario", "draw", "scenario_title"], errors="ignore")
    draws = np.arange(layout.first_draw, layout.first_draw + layout.draws, dtype=np.int64)
    coords = coords.assign_coords(
        scenario=("scenario", np.array(inputs.names, dtype=object)),
        draw=("draw", draws, probe["draw"].attrs),
    )
    if inputs.parameters:
        coords = coords.assign_coords(design_parameter=np.array(inputs.parameters, dtype=object))
        coords["design_value"] = xr.DataArray(
            inputs.design,
            dims=("scenario", "design_parameter"),
            attrs={"long_name": "Value of each parameter of the design, in the parameter's own unit"},
        )
    text = {str(n): v.astype(object) for n, v in coords.coords.items() if v.dtype.kind == "U"}
    about = {k: v for k, v in probe.attrs.items() if k not in ("scenario_hashes", "seed")}
    coords = coords.assign_coords(text)
    coords.attrs = about | {"sweep": json.dumps(identity, sort_keys=True)}
    coords.to_zarr(memory, mode="w", zarr_format=3, consolidated=False)
    group = zarr.open_group(memory, mode="r+", use_consolidated=False)
    for name, variable in probe.data_vars.items():
        shape = (layout.variants, variable.sizes["year"], layout.draws, *variable.shape[DRAW_AXIS + 1 :])
        _array(group, str(name), shape, shapes[str(name)], [str(d) for d in variable.dims], variable.attrs)
    with warnings.catch_warnings():
        # Zarr-python, xarray and GDAL read it; without it, opening on an object store costs a request a variable.
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(memory)
    return {key: value.to_bytes() for key, value in raw.items()}


def _array(
    group: zarr.Group,
    name: str,
    shape: Sequence[int],
    chunks: Sequence[int],
    dims: Sequence[str],
    attrs: Mapping[str, Any],
) -> zarr.Array[Any]:
    """A float64 array whose every chunk carries its own CRC-32C, so that any reader notices a flipped bit."""
    return group.create_array(
        name,
        shape=tuple(shape),
        chunks=tuple(chunks),
        dtype="float64",
        fill_value=float("nan"),
        compressors=[ZstdCodec(level=1), Crc32cCodec()],
        dimension_names=list(dims),
        attributes=dict(attrs),
    )


def encode(chunk: Floats) -> bytes:
    """The stored bytes of one whole chunk: the same values always give the same bytes."""
    raw: dict[str, Any] = {}
    group = zarr.open_group(zarr.storage.MemoryStore(raw), mode="w", zarr_format=3)
    array = _array(group, "x", chunk.shape, chunk.shape, [f"d{i}" for i in range(chunk.ndim)], {})
    array[...] = chunk
    content: bytes = raw["x/c" + "/0" * chunk.ndim].to_bytes()
    return content


def scenario_from(said: dict[str, Any]) -> Scenario:
    """A scenario from its own JSON, whose keys are text where a path over years has numbers."""
    for parameter in said["parameters"]:
        value = parameter["value"]
        if value["kind"] == "path":
            value["nodes"] = {int(year): at for year, at in value["nodes"].items()}
    return Scenario.model_validate(said)


def _sha256(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def _file(task: int) -> str:
    return f"{task:09d}.json"


def _tasks(names: Sequence[str]) -> set[int]:
    return {int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit()}
