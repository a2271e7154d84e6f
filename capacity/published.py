"""Published figures beside the model's own, each computed by a run, with tolerance and verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import model_validator

from capacity import compute
from capacity.draws import Draws
from capacity.errors import CapacityError
from grids import info
from scenarios import Scenario, ScenarioError, checks, yaml_text
from scenarios.accelerators import vintages
from scenarios.distributions import Number, Positive
from scenarios.schema import Closed, Label, Text

Floats = NDArray[np.float64]

FILE = Path(__file__).parent / "data" / "published.yaml"
VERDICTS = ("agrees", "misses", "not modelled", "no data")
BAND = (0.05, 0.95)
SHIPPING_NOW = "GB200"
"""Accelerator whose rating stands for what ships to the US in 2025; label J, the commonest of that year."""


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
class Run:
    """What the measures read: the result of a run under one scenario, and how it was drawn.

    duke : xr.Dataset or None  Headroom of the 22 authorities (`capacity.duke`); None where no demand file was given.
    """

    result: xr.Dataset
    scenario: Scenario
    duke: xr.Dataset | None = None

    @property
    def draws(self) -> Draws:
        years = self.result["year"].to_numpy().astype(np.int64)
        return Draws(
            int(self.result.attrs["seed"]), self.result["draw"].to_numpy().astype(np.int64), years, self.scenario
        )


@dataclass(frozen=True)
class Row:
    """One published figure beside ours.

    ours, low, high : median and 90 % band over draws, in the unit of the figure; None where there is no figure of ours.
    difference : our median over the nearest published figure less one [1]; 0 inside a published span.
    verdict : one of VERDICTS. `no data` means that the figure can be computed, but this call lacks what it needs.
    """

    published_low: float
    published_high: float
    ours: float | None
    low: float | None
    high: float | None
    difference: float | None
    verdict: str
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


SAID = tuple(field.name for field in fields(Row))[7:]
"""What a row repeats from the published figure."""


def _of(run: Run, name: str, figure: Published) -> Floats | None:
    """Draws of a country's variable in the figure's year, or None where the run does not hold it."""
    if name not in run.result or figure.year not in run.result["year"].to_numpy():
        return None
    part = run.result[name].isel(scenario=0).sel(country=figure.country, year=figure.year)
    return np.asarray(part.transpose("draw", ...).to_numpy(), dtype=np.float64)


def _scaled(name: str, factor: float) -> Callable[[Run, Published], Floats | None]:
    def measure(run: Run, figure: Published) -> Floats | None:
        values = _of(run, name, figure)
        return None if values is None else values * factor

    return measure


def _load_with_dc_twh(run: Run, figure: Published) -> Floats | None:
    """Native load and what new data centres take."""
    native, added = _of(run, "load_mwh", figure), _of(run, "operated_mwh", figure)
    return None if native is None or added is None else (native + added) / 1e6


def _nameplate_gw(run: Run, figure: Published) -> Floats | None:
    values = _of(run, "nameplate_mw", figure)
    return None if values is None else values.sum(axis=1) / 1e3


def _it_power_per_h100e_w(run: Run, figure: Published) -> Floats | None:
    draws = run.draws
    if figure.year not in draws.years:
        return None
    return compute.it_power_per_h100e_w(figure.country, draws)[:, draws.years == figure.year][:, 0]


def _chip_share_percent(run: Run, figure: Published) -> Floats | None:
    """Rating of what ships now over its IT power times our peak PUE."""
    facility, it = _of(run, "hostable_mw", figure), _of(run, "it_power_mw", figure)
    if facility is None or it is None:
        return None
    chip = next(v for v in vintages() if SHIPPING_NOW in v.name)
    used = it > 0
    return 100.0 * chip.accelerator_tdp_w / chip.it_power_per_accelerator_w.median * it[used] / facility[used]


def _duke_gw(run: Run, figure: Published) -> Floats | None:
    from capacity.duke import national_total_gw

    if run.duke is None or figure.argument is None:
        return None
    return np.atleast_1d(national_total_gw(run.duke).sel(share=figure.argument).isel(period=0).to_numpy())


MEASURES: dict[str, Callable[[Run, Published], Floats | None]] = {
    "added_dc_twh": _scaled("operated_mwh", 1e-6),
    "operated_gw": _scaled("operated_mw", 1e-3),
    "chips_available_million": _scaled("chips_available_h100e", 1e-6),
    "it_power_per_h100e_w": _it_power_per_h100e_w,
    "chip_share_percent": _chip_share_percent,
    "largest_run_flop": _scaled("largest_run_flop", 1.0),
    "campus_run_flop": _scaled("campus_run_flop", 1.0),
    "load_with_dc_twh": _load_with_dc_twh,
    "nameplate_gw": _nameplate_gw,
    "supply_twh": _scaled("supply_mwh", 1e-6),
    "duke_gw": _duke_gw,
}


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
    ours = low = high = difference = None
    if drawn is None or not drawn.size:
        verdict = "not modelled" if figure.measure is None else "no data"
    else:
        low, ours, high = (float(x) for x in np.quantile(drawn, (BAND[0], 0.5, BAND[1])))
        difference = ours / min(max(ours, first), last) - 1.0
        verdict = "agrees" if first / (1.0 + figure.tolerance) <= ours <= last * (1.0 + figure.tolerance) else "misses"
    about = {name: getattr(figure, name) for name in SAID}
    return Row(first, last, ours, low, high, difference, verdict, **about)


def national(grid: xr.Dataset) -> list[Row]:
    """National totals that the grid itself should meet (`gridflops grids info`), in the same form."""
    rows = []
    for found in info.known_totals(grid):
        known = found.known
        verdict = {"agrees": "agrees", "differs": "misses"}.get(found.verdict, "no data")
        origin: dict[str, Any] = {"publisher": known.source, "published": None, "source": f"check: {known.check}"}
        about: dict[str, Any] = {name: getattr(known, name) for name in SAID if name not in origin}
        rows.append(
            Row(known.low, known.high, found.computed, None, None, found.difference, verdict, **about, **origin)
        )
    return rows
