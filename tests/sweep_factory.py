"""Small sweeps of the made-up grid for tests."""

from __future__ import annotations

from pathlib import Path

from grid_factory import tiny_grid

from capacity.sweep import plan, prepare
from grids import store as grid_store

PLAN = """
name: test
scenarios: [reference, us-flexible-load]
draws: 10
block: 4
years: 2025-2026
seed: 5
engine: numpy
"""
DESIGN = """
design:
  kind: sobol
  points: 2
  seed: 3
  parameters:
    us.curtailable_fraction: {low: 0.0, high: 0.02}
    us.build_multiplier: {quantile_low: 0.05, quantile_high: 0.95}
"""


def write_inputs(folder: Path) -> Path:
    """tiny.nc in a folder."""
    path = folder / "tiny.nc"
    grid_store.write_grid(tiny_grid(), path)
    return path


def write_plan(folder: Path, text: str = PLAN + DESIGN, **changes: object) -> Path:
    """plan.yaml in a folder, with some keys changed."""
    lines = [line for line in text.strip().splitlines() if line.split(":")[0] not in changes]
    lines = [f"{key}: {value}" for key, value in changes.items()] + lines
    path = folder / "plan.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def prepared(plan_file: Path, grid_file: Path) -> prepare.Prepared:
    return prepare.prepare(plan.read(plan_file), folder=plan_file.parent, grid_file=grid_file)
