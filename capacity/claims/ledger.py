"""The commentary's own figures beside what sources say; what can be computed is computed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import xarray as xr
from pydantic import Field, model_validator

from capacity.claims.statistics import growth_rate
from capacity.errors import CapacityError
from scenarios import ScenarioError, checks, yaml_text
from scenarios.distributions import Number, Positive
from scenarios.schema import Closed, Label, Text

FILE = Path(__file__).parent / "ledger.yaml"
Verdict = Literal["consistent", "superseded", "unverifiable", "inconsistent"]

OPERATIONS: Mapping[str, tuple[int, Callable[..., float]]] = {
    "ratio": (2, lambda a, b: a / b),
    "percent_of": (2, lambda a, b: 100.0 * a / b),
    "change_percent": (2, lambda a, b: 100.0 * (b / a - 1.0)),
    "without_share": (2, lambda total, share: total * (1.0 - share)),
    "per_added": (
        4,
        lambda cost, cost_before, revenue, revenue_before: (cost - cost_before) / (revenue - revenue_before),
    ),
}
"""Name: number of inputs and what is computed. `generation_growth_percent` reads the grid."""
FROM_GRID = "generation_growth_percent"


class Arithmetic(Closed):
    """One thing that can be computed again: `op` applied to `of` gives `gives`, within `tolerance`, in `unit`."""

    op: Text
    of: tuple[Number | int, ...]
    gives: Number
    tolerance: Positive
    unit: Text
    says: Text
    country: Literal["US", "CN"] | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.op != FROM_GRID and self.op not in OPERATIONS:
            raise ValueError(f"unknown op {self.op!r}; known: {', '.join((*OPERATIONS, FROM_GRID))}")
        inputs = 2 if self.op == FROM_GRID else OPERATIONS[self.op][0]
        if len(self.of) != inputs or (self.op == FROM_GRID) != (self.country is not None):
            raise ValueError(f"{self.op} takes {inputs} inputs, and a country only if it reads the grid")
        return self

    def computed(self, grid: xr.Dataset) -> float:
        """The result, from the inputs or, for growth of generation, from the grid's national record."""
        if self.op != FROM_GRID:
            return OPERATIONS[self.op][1](*self.of)
        first, last = (int(year) for year in self.of)
        total = grid["national_generation_twh"].sel(country=self.country, source="total")
        before, after = (float(total.sel(national_year=year)) for year in (first, last))
        return 100.0 * float(growth_rate(before, after, last - first))


class Entry(Closed):
    """One figure of the commentary."""

    id: Text
    stated: Text
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    unit: Text
    says: Text
    verdict: Verdict
    label: Label
    source: Text
    arithmetic: Annotated[tuple[Arithmetic, ...], Field(min_length=0)] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.value is None) == (self.low is None or self.high is None):
            raise ValueError("give either value, or low and high")
        return self


@dataclass(frozen=True)
class Check:
    """A piece of arithmetic with its result now; `holds` says whether it is what the ledger says."""

    arithmetic: Arithmetic
    computed: float
    holds: bool


@cache
def entries() -> tuple[Entry, ...]:
    """The ledger, in the order of its file. Raises CapacityError with every fault, an absent label among them."""
    return read(FILE)


def read(path: Path) -> tuple[Entry, ...]:
    """A ledger file. Raises CapacityError with every fault."""
    document = yaml_text.read(path)
    found = [checks.checked(Entry, raw, document, (i,)) for i, raw in enumerate(document.content or ())]
    if document.problems:
        raise CapacityError(str(ScenarioError(document.problems)))
    return tuple(entry for entry in found if entry is not None)


def check(entry: Entry, grid: xr.Dataset) -> tuple[Check, ...]:
    """Every piece of an entry's arithmetic, computed again."""
    results = ((piece, piece.computed(grid)) for piece in entry.arithmetic)
    return tuple(Check(piece, value, abs(value - piece.gives) <= piece.tolerance) for piece, value in results)
