"""A plan made ready: what it refers to read and checked, what it will take estimated from two short runs."""

from __future__ import annotations

import hashlib
import importlib.util
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

import capacity
import grids
from capacity.errors import CapacityError
from capacity.sweep import design, identity, store, tasks
from capacity.sweep.plan import Layout, Plan, fingerprint, layout
from cuda_kernels import DeviceName
from grids.store import grid_hash
from scenarios import Scenario, scenario_hash

PROBE_DRAWS = 16
"""Draws of the second calibration run; the first has one."""


@dataclass(frozen=True)
class Prepared:
    """A plan with everything it refers to read and checked. `inputs.grid` is the grid file's bytes."""

    plan: Plan
    identity: Mapping[str, Any]
    layout: Layout
    inputs: store.Inputs
    grid: xr.Dataset


def prepare(plan: Plan, *, folder: Path, grid_file: Path | None = None, device: str = "cpu") -> Prepared:
    """Read scenarios and grid, make the design, and say what the numbers will depend on.

    folder : of the plan file, where its scenario files are. Raises the error of whichever part is at fault.
    """
    content = _grid_bytes(grid_file)
    grid = grids.open_grid(grid_file)
    base = design.base_scenarios(plan, folder)
    points = design.design_points(plan, base)
    cut = layout(plan, len(points) // len(base))
    names, parameters = design.variant_names(base, len(points)), design.parameter_names(plan)
    _check_corners(base, parameters, points)
    resolved = plan.engine
    if resolved == "auto":
        resolved = "numba" if importlib.util.find_spec("numba") else "numpy"
    said = {
        "plan": plan.model_dump(mode="json"),
        "years": list(plan.year_range()),
        "device": device,
        "engine": resolved,
        "scenarios": {scenario.name: scenario_hash(scenario) for scenario in base},
        "design_sha256": fingerprint(points.tolist()),
        "grid_sha256": grid_hash(grid),
        "grid_file_sha256": hashlib.sha256(content).hexdigest(),
        "code": identity.code_version(),
    }
    return Prepared(plan, said, cut, store.Inputs(base, parameters, names, points, content), grid)


def _grid_bytes(grid_file: Path | None) -> bytes:
    if grid_file is None:
        grid_file = Path(grids.__file__).parent / "bundle" / "grid.nc"
    if grid_file.suffix != ".nc":
        raise CapacityError(f"--grid {grid_file}: a sweep carries its grid along as one file; export it as .nc first")
    try:
        return grid_file.read_bytes()
    except OSError as error:
        raise CapacityError(f"--grid {grid_file}: {error.strerror}; check the path") from error


def _check_corners(base: Sequence[Scenario], parameters: Sequence[str], points: Any) -> None:
    """Every parameter exists and its lowest and highest value are allowed: then every point between is."""
    for values in (points.min(axis=0), points.max(axis=0)):
        for scenario in base:
            design.variant(scenario, scenario.name, dict(zip(parameters, map(float, values), strict=True)))


def probe(prepared: Prepared, draws: int = 1, device: DeviceName | None = None) -> xr.Dataset:
    """The kept variables of the first variant with a few draws: dimensions, units, coordinates.

    device : None for the sweep's own; "cpu" where only the shape matters, since a client need not have a GPU
    """
    said = prepared.identity
    values = dict(zip(prepared.inputs.parameters, map(float, prepared.inputs.design[0]), strict=True))
    scenario = design.variant(prepared.inputs.scenarios[0], prepared.inputs.names[0], values)
    first = prepared.layout.first_draw
    result = capacity.estimate(
        prepared.grid,
        [scenario],
        years=said["years"],
        draws=list(range(first, first + draws)),
        seed=prepared.plan.seed,
        adequacy=prepared.plan.adequacy,
        exchange=prepared.plan.exchange,
        storage=prepared.plan.storage,
        device=device or said["device"],
        engine=said["engine"],
        area_draws=True,
    )
    return tasks.chosen_outputs(result, prepared.plan.outputs)


@dataclass(frozen=True)
class Estimate:
    """What a plan will take, before anything runs. Seconds are of one worker on this machine."""

    tasks: int
    variants: int
    draws_a_task: int
    chunks_a_task: int
    output_bytes_a_task: int
    working_bytes_a_task: int
    output_bytes: int
    seconds_fixed: float
    seconds_a_draw: float
    seconds_a_task: float
    workers: int
    seconds: float


def estimate(prepared: Prepared, workers: int) -> Estimate:
    """Sizes from the plan's integers, times from runs of one and a few draws, the first of each not counted."""
    cut = prepared.layout
    few = min(cut.block, PROBE_DRAWS)
    probe(prepared)
    started = time.monotonic()
    sample = probe(prepared)
    one = time.monotonic() - started
    started = time.monotonic()
    probe(prepared, few)
    several = time.monotonic() - started
    slope = max(0.0, (several - one) / max(1, few - 1))
    fixed = max(0.0, one - slope)
    a_task = fixed + slope * cut.block
    output = sum(v.size for v in sample.data_vars.values()) * 8
    tracemalloc.start()
    probe(prepared, few)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Estimate(
        tasks=cut.tasks,
        variants=cut.variants,
        draws_a_task=cut.block,
        chunks_a_task=len(sample.data_vars),
        output_bytes_a_task=output * cut.block,
        working_bytes_a_task=int(peak * max(1.0, cut.block / few)),
        output_bytes=output * cut.variants * cut.draws,
        seconds_fixed=round(fixed, 3),
        seconds_a_draw=round(slope, 5),
        seconds_a_task=round(a_task, 3),
        workers=workers,
        seconds=round(cut.tasks * a_task / workers, 1),
    )
