"""A sweep as data: what to compute (Plan, from YAML) and how it is cut (Layout, integers only)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.errors import CapacityError
from scenarios import yaml_text

FIRST_YEAR, LAST_YEAR = 2025, 2060
MAX_TASKS = 1_000_000
"""More tasks than this are a plan to cut differently: the store would hold tens of millions of chunks."""
MAX_DRAW = 2**31

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
ParameterId = Annotated[str, StringConstraints(pattern=r"^((us|cn)\.)?[a-z][a-z0-9_]*$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Values(_Closed):
    """Named values of a parameter, for a full grid."""

    values: Annotated[tuple[Finite, ...], Field(min_length=1)]


class Interval(_Closed):
    """Values from low to high, equally likely, in the parameter's unit."""

    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"needs low < high, got {self.low:g} and {self.high:g}")
        return self


class Spread(_Closed):
    """Quantiles of the parameter's own distribution in the base scenario, from low to high."""

    quantile_low: Annotated[float, Field(gt=0, lt=1)]
    quantile_high: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.quantile_low < self.quantile_high:
            raise ValueError("needs quantile_low < quantile_high")
        return self


class Design(_Closed):
    """Points in a space of named parameters; every base scenario is run at every point."""

    kind: Literal["full_grid", "latin_hypercube", "sobol"]
    parameters: Annotated[Mapping[ParameterId, Values | Interval | Spread], Field(min_length=1)]
    points: Annotated[int, Field(ge=1, le=MAX_TASKS)] | None = None
    """How many points; not for a full grid, whose values say so."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of the scrambling of a latin_hypercube or sobol design."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        grid = self.kind == "full_grid"
        wrong = [name for name, axis in self.parameters.items() if isinstance(axis, Values) != grid]
        if wrong:
            form = "{values: [...]}" if grid else "{low:, high:} or {quantile_low:, quantile_high:}"
            raise ValueError(f"{', '.join(wrong)}: a {self.kind} design takes {form}")
        if grid and self.points is not None:
            raise ValueError("points: leave it out, a full grid has the product of its values")
        if not grid and self.points is None:
            raise ValueError("points: say how many")
        return self


class Plan(_Closed):
    """What a sweep computes. Nothing here says where, with how many workers, or where it is written."""

    name: Name
    scenarios: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names from the library, or .yaml files beside or below the plan file; `a+b` composes."""
    draws: Annotated[int, Field(ge=1, le=MAX_DRAW)]
    """Draws a scenario variant."""
    first_draw: Annotated[int, Field(ge=0, le=MAX_DRAW)] = 0
    years: str
    """First and last reported year, e.g. 2025-2040."""
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    block: Annotated[int, Field(ge=1, le=4096)] = 256
    """Draws a task."""
    adequacy: str = "firm_capacity"
    exchange: Literal["island", "network", "copper-plate"] = "island"
    storage: StorageName = DEFAULT_STORAGE
    engine: Literal["auto", "numpy", "numba"] = "auto"
    outputs: Annotated[tuple[str, ...], Field(min_length=1)] = ("country", "area")
    """`country`, `area`, `fleet`, or single variables of the result that have a draw dimension."""
    design: Design | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.year_range()
        if len(set(self.scenarios)) < len(self.scenarios):
            raise ValueError("scenarios: one is named twice")
        for name in self.scenarios:
            for member in name.split("+"):
                _refuse_escape(member)
        return self

    def year_range(self) -> tuple[int, ...]:
        match = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", self.years)
        if not match:
            raise ValueError(f"years: {self.years!r} is no range of years; write for example 2025-2040")
        first, last = int(match[1]), int(match[2] or match[1])
        if not FIRST_YEAR <= first <= last <= LAST_YEAR:
            raise ValueError(f"years: {self.years!r} must ascend and lie within {FIRST_YEAR} to {LAST_YEAR}")
        return tuple(range(first, last + 1))


def _refuse_escape(name: str) -> None:
    """Each part of a scenario is a library name or a file at or below the plan: nothing absolute, nothing upwards, no
    address."""
    for part in name.split("+"):
        path = PurePosixPath(part.replace("\\", "/"))
        drive = re.match(r"^[A-Za-z]:", part)
        if path.is_absolute() or drive or ".." in path.parts or "://" in name or "\x00" in name:
            raise ValueError(
                f"scenarios: {name!r} leaves the plan's folder; give a library name or a file below the plan"
            )


def read(path: Path) -> Plan:
    """A plan from a YAML file: plain values only. Raises CapacityError with every fault and its line."""
    document = yaml_text.read(path)
    faults = [str(problem) for problem in document.problems]
    if not faults and not isinstance(document.content, dict):
        faults = [f"{path}: a plan is a mapping with at least name, scenarios, draws, years and seed"]
    if faults:
        raise CapacityError(faults)
    content = dict(document.content)
    if isinstance(content.get("years"), int):
        content["years"] = str(content["years"])
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        raise CapacityError(_fault(document, detail) for detail in error.errors()) from error


def _fault(document: yaml_text.Document, detail: Any) -> str:
    keys = tuple(str(step) if isinstance(step, str) else step for step in detail["loc"])
    place = ".".join(str(step) for step in keys if step not in ("Values", "Interval", "Spread"))
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "unknown key; remove it"
    if detail["type"] == "missing":
        message = "is missing; docs/sweeps.md says what a plan holds"
    return f"{document.file}:{document.line(keys)}: {place + ': ' if place else ''}{message}"


def fingerprint(content: Any) -> str:
    """SHA-256, in hex, of plain values; equal content gives equal text whatever the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Layout:
    """How the work is cut, in integers: task = variant x blocks + block. Knows nothing of Dask or Zarr.

    variants : scenario variants; draws : draws of each; block : draws a task; first_draw : number of the first.
    """

    variants: int
    draws: int
    block: int
    first_draw: int = 0

    @property
    def blocks(self) -> int:
        """Tasks a variant."""
        return -(-self.draws // self.block)

    @property
    def tasks(self) -> int:
        return self.variants * self.blocks

    def place(self, task: int) -> tuple[int, int, int]:
        """Variant of a task, and the positions [start, stop) of its draws."""
        if not 0 <= task < self.tasks:
            raise CapacityError(f"task {task}: this sweep has tasks 0 to {self.tasks - 1}")
        variant, block = divmod(task, self.blocks)
        return variant, block * self.block, min((block + 1) * self.block, self.draws)

    def draw_numbers(self, task: int) -> range:
        _, start, stop = self.place(task)
        return range(self.first_draw + start, self.first_draw + stop)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.tasks))


def layout(plan: Plan, points: int) -> Layout:
    """The cut of a plan whose design has that many points. Raises CapacityError for a plan with too many tasks."""
    result = Layout(len(plan.scenarios) * points, plan.draws, min(plan.block, plan.draws), plan.first_draw)
    if result.tasks > MAX_TASKS:
        raise CapacityError(
            f"{plan.name}: {result.tasks:,} tasks, more than {MAX_TASKS:,}; raise block (now {plan.block}), "
            "or cut the plan in several"
        )
    return result
