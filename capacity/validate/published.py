"""Published figures beside the model's own, each computed by a run, with tolerance and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import xarray as xr
from pydantic import model_validator

from capacity.errors import CapacityError
from capacity.validate.measures import MEASURES, Run
from grids import info
from scenarios import ScenarioError, checks, yaml_text
from scenarios.accelerators import vintages
from scenarios.distributions import Number, Positive
from scenarios.schema import Closed, Label, Text

FILE = Path(__file__).parents[1] / "data" / "published.yaml"
VERDICTS = ("agrees", "misses", "not modelled", "no data")
BAND = (0.05, 0.95)


class Published(Closed):
    """A published figure: one value, or the span from low to high."""

    id: Text
    what: Text
    country: Text
    year: int
    unit: Text
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    tolerance: Positive
    """Our median may lie outside the figure by a factor of 1 + tolerance either way before it is a miss. [1]"""
    measure: str | None
    """Name in MEASURES; None where the model computes no such figure."""
    argument: Number | None = None
    chip: Text | None = None
    """Accelerator that the figure is about, as named in the table of accelerators."""
    miss: Literal["scope", "disagreement"] | None = None
    """What a miss comes from: figures that count different things, or the same thing seen otherwise."""
    publisher: Text
    published: int
    source: Text
    label: Label
    why: Text

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.value is None) == (self.low is None or self.high is None):
            raise ValueError("give either value, or low and high")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError("low must be below high")
        if self.measure is not None and self.measure not in MEASURES:
            raise ValueError(f"unknown measure {self.measure!r}; known: {', '.join(MEASURES)}")
        if self.chip is not None and self.chip not in (names := [vintage.name for vintage in vintages()]):
            raise ValueError(f"unknown accelerator {self.chip!r}; known: {', '.join(names)}")
        return self

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest published figure; the same twice for a single one."""
        if self.value is not None:
            return self.value, self.value
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


@dataclass(frozen=True)
class Row:
    """One published figure beside ours.

    ours, low, high : median and 90 % band over draws, in the unit of the figure; None where there is no figure of ours.
    difference : our median over the nearest published figure less one [1]; 0 inside a published span.
    in_band : whether our band and the published span meet.
    verdict : one of VERDICTS. `no data` means that the figure can be computed, but this call lacks what it needs.
    miss : what a miss comes from; None where there is none.
    """

    published_low: float
    published_high: float
    ours: float | None
    low: float | None
    high: float | None
    difference: float | None
    in_band: bool | None
    verdict: str
    miss: str | None
    id: str
    what: str
    country: str
    year: int
    unit: str
    tolerance: float
    publisher: str
    published: int | None
    source: str
    label: str
    why: str


SAID = tuple(field.name for field in fields(Row))[9:]
"""What a row repeats from the published figure."""


@cache
def figures() -> tuple[Published, ...]:
    """All published figures, in the order of the file. Raises CapacityError with every fault of the file."""
    return read(FILE)


def read(path: Path) -> tuple[Published, ...]:
    """Published figures of a file. Raises CapacityError naming every fault, an absent label among them."""
    document = yaml_text.read(path)
    found = [checks.checked(Published, raw, document, (i,)) for i, raw in enumerate(document.content or ())]
    if document.problems:
        raise CapacityError(str(ScenarioError(document.problems)))
    return tuple(figure for figure in found if figure is not None)


def compare(run: Run, wanted: Sequence[Published] | None = None) -> list[Row]:
    """Each published figure beside the run's own."""
    return [_row(run, figure) for figure in (figures() if wanted is None else wanted)]


def _row(run: Run, figure: Published) -> Row:
    first, last = figure.span
    drawn = None if figure.measure is None else MEASURES[figure.measure](run, figure)
    ours = low = high = difference = in_band = None
    if drawn is None or not drawn.size:
        verdict = "not modelled" if figure.measure is None else "no data"
    else:
        low, ours, high = (float(x) for x in np.quantile(drawn, (BAND[0], 0.5, BAND[1])))
        difference = ours / min(max(ours, first), last) - 1.0
        in_band = low <= last and high >= first
        verdict = "agrees" if first / (1.0 + figure.tolerance) <= ours <= last * (1.0 + figure.tolerance) else "misses"
    about = {name: getattr(figure, name) for name in SAID}
    miss = figure.miss if verdict == "misses" else None
    return Row(first, last, ours, low, high, difference, in_band, verdict, miss, **about)


def national(grid: xr.Dataset) -> list[Row]:
    """National totals that the grid itself should meet (`gridflops grids info`), in the same form."""
    rows = []
    for found in info.known_totals(grid):
        known = found.known
        verdict = {"agrees": "agrees", "differs": "misses"}.get(found.verdict, "no data")
        origin: dict[str, Any] = {"publisher": known.source, "published": None, "source": f"check: {known.check}"}
        about: dict[str, Any] = {name: getattr(known, name) for name in SAID if name not in origin}
        rows.append(
            Row(
                known.low,
                known.high,
                found.computed,
                None,
                None,
                found.difference,
                None,
                verdict,
                None,
                **about,
                **origin,
            )
        )
    return rows
