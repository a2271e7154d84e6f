"""The chain from load growth to deployed compute in one year, run for many mixtures of draws and no more than needed.

Most of the time goes into hourly headroom, which knows nothing of chips, capital or export control. So the grid is
solved once for each mixture of the groups that it has read, and the rest of the chain for each mixture of all.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import country as country_chain
from capacity.adequacy.parts import weather_by_area
from capacity.area_hours import How
from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.estimation import COUNTRIES
from capacity.limits import joint
from capacity.sensitivity.dependent import Rows
from capacity.sensitivity.draws import NAMES, MixedDraws, Reads
from cuda_kernels import Engine
from scenarios import Scenario
from scenarios.groups import group_of

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Progress = Callable[[str, int, int], None]

_BLOCK = 1024
_TRIALS = (8, 64)
"""Draws of the two trials whose times tell the fixed cost of a block and that of a draw."""
_NOT_OF_THE_GRID = {"chips"}
"""Groups that the solution of a grid reads for results which nobody uses here: what power could run if chips were
free. A test holds it to that."""
_FACTOR_NOT_OF_THE_GRID = re.compile(r"(us|cn)\.(flop_per_watt_growth|busy_share)")
"""Parameters of other groups of which the same is true, so that the factors they follow do not matter there."""


class Hosted(NamedTuple):
    """What the chain needs of a country's solution, as in `country.CountryResult`."""

    hostable_mw: Floats
    siting_limited: NDArray[np.bool_]
    pue: Floats
    mean_over_peak_pue: Floats
    equipped: Floats

    def take(self, rows: Numbers) -> Hosted:
        return Hosted._make(values[rows] for values in self)

    @classmethod
    def join(cls, parts: Sequence[Hosted]) -> Hosted:
        return cls._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


@dataclass(frozen=True)
class Cost:
    """Size of a study: runs of the chain, grid solutions of each country, seconds by a trial on this machine."""

    runs: int
    grids: dict[str, int]
    seconds: float


@dataclass
class Model:
    """Deployed H100-equivalents of both countries in `year` under one scenario."""

    grid: xr.Dataset
    scenario: Scenario
    seed: int
    year: int
    engine: Engine = "auto"
    progress: Progress = lambda step, done, total: None
    reads: dict[str, Reads] = field(default_factory=lambda: {name: Reads() for name in (*COUNTRIES, "joint")})

    def __post_init__(self) -> None:
        base = int(self.grid["history_year"][-1])
        if self.year <= base + 1:
            raise CapacityError(
                f"year {self.year}: chips are known to the end of {base + 1}, so ask from {base + 2} on"
            )
        self._years = np.arange(base + 1, self.year + 1)
        self._weather = weather_by_area(self.grid)
        self._templates: dict[str, country_chain.CountryResult] = {}

    def cost(self, rows: Rows) -> Cost:
        """What `deployed` will take for the runs, from a trial of a few of them."""
        unique = rows.take(self._different(rows)[0])
        counts, seconds = {}, 0.0
        for country in COUNTRIES:
            self._trial(country, unique, _TRIALS[0])  # compiles, and learns what is read
            few, many = (self._trial(country, unique, size) for size in _TRIALS)
            counts[country] = len(unique.unique(*self._columns(country))[0])
            each = max(many - few, 0.0) / (_TRIALS[1] - _TRIALS[0])
            fixed = max(few - each * _TRIALS[0], 0.0)
            seconds += each * counts[country] + fixed * (1 + counts[country] // _BLOCK)
        return Cost(len(unique), counts, seconds)

    def _trial(self, country: str, rows: Rows, size: int) -> float:
        """Seconds that a few draws take, as far as there are so many."""
        began = time.perf_counter()
        self._host(country, self._draws(rows.take(np.arange(size) % len(rows)), self.reads[country]))
        return time.perf_counter() - began

    def _different(self, rows: Rows) -> tuple[Numbers, Numbers]:
        """First run of each different one, and which of them each run is."""
        correlated = [name for name, _, _ in self.scenario.correlation.loadings]
        return rows.unique(range(len(NAMES)), self._follows(correlated))

    def deployed(self, rows: Rows) -> Floats:
        """Accelerators in use (run, country) in the year. [H100e]"""
        first, back = self._different(rows)
        unique = rows.take(first)
        hosted = {country: self._hosted(country, unique) for country in COUNTRIES}
        found = np.empty((len(unique), len(COUNTRIES)))
        for block in _blocks(len(unique)):
            part = {country: (values.take(where[block])) for country, (values, where) in hosted.items()}
            found[block] = self._joint(part, self._draws(unique.take(block), self.reads["joint"]))
            self.progress("chips and capital", int(block[-1]) + 1, len(unique))
        return found[back]

    def deployed_of(self, draws: Draws) -> Floats:
        """The same (draw, country) for draws that are no mixture."""
        return self._joint({country: self._host(country, draws) for country in COUNTRIES}, draws)

    @property
    def years(self) -> Numbers:
        """Years of the path, from the first after the grid's base year."""
        return self._years

    def _draws(self, rows: Rows, reads: Reads) -> MixedDraws:
        numbers = np.arange(len(rows))
        return MixedDraws(
            self.seed, numbers, self._years, self.scenario, by_group=rows.ids, shared=rows.factors, reads=reads
        )

    def _columns(self, country: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Groups that a country's grid reads, and (group, factor) of what it reads that is correlated."""
        reads = self.reads[country]
        groups = sorted(NAMES.index(group) for group in reads.groups() - _NOT_OF_THE_GRID)
        names = {name for name in reads.parameters() if not _FACTOR_NOT_OF_THE_GRID.fullmatch(name)}
        return groups, [pair for pair in self._follows(names) if pair[0] in groups]

    def _follows(self, names: Iterable[str]) -> list[tuple[int, int]]:
        """Different (group, factor) of those parameters that follow a factor, in order."""
        found = ((NAMES.index(group_of(name)), self.scenario.correlation.of(name)) for name in names)
        return sorted({(group, follows[0]) for group, follows in found if follows is not None})

    def _hosted(self, country: str, rows: Rows) -> tuple[Hosted, Numbers]:
        """Grid of every different mixture, and for each row which of them is its own."""
        while True:
            columns = self._columns(country)
            first, back = rows.unique(*columns)
            parts = []
            for block in _blocks(len(first)):
                parts.append(self._host(country, self._draws(rows.take(first[block]), self.reads[country])))
                self.progress(f"grid of {country}", int(block[-1]) + 1, len(first))
            if self._columns(country) == columns:  # a group may be read in some draws only
                return Hosted.join(parts), back

    def _host(self, country: str, draws: Draws) -> Hosted:
        how = How("firm_capacity", "cpu", self.engine)
        found = country_chain.run(self.grid, country, draws, self._weather, how, lambda _: None)
        self._templates[country] = found
        return Hosted(
            found.placed.hostable_mw,
            found.placed.siting_limited,
            found.pue,
            found.mean_over_peak_pue,
            found.supply.equipped,
        )

    def _joint(self, hosted: dict[str, Hosted], draws: Draws) -> Floats:
        # The chain reads the fleet and these arrays of a country's result; the rest is of other draws.
        results = {
            country: replace(
                self._templates[country],
                placed=replace(
                    self._templates[country].placed,
                    hostable_mw=values.hostable_mw,
                    siting_limited=values.siting_limited,
                ),
                pue=values.pue,
                mean_over_peak_pue=values.mean_over_peak_pue,
                supply=replace(self._templates[country].supply, equipped=values.equipped),
                served=None,
            )
            for country, values in hosted.items()
        }
        solved = joint.solve(results, draws)
        return np.stack([solved[country].deployed_h100e[:, -1] for country in COUNTRIES], axis=1)


def _blocks(count: int) -> Iterator[Numbers]:
    for start in range(0, count, _BLOCK):
        yield np.arange(start, min(start + _BLOCK, count))
