"""The chain from load growth to deployed compute in one year, run for many mixtures of draws and no more than needed.

Most of the time goes into hourly headroom, which knows nothing of chips, capital or export control. So the grid is
solved once for each mixture of the groups that it has read, and the rest of the chain for each mixture of all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import country as country_chain
from capacity import joint
from capacity.adequacy import weather_by_area
from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.estimation import COUNTRIES
from capacity.sensitivity.draws import NAMES, MixedDraws, Reads
from cuda_kernels import Engine
from scenarios import Scenario

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Progress = Callable[[str, int, int], None]

_BLOCK = 512
_TRIALS = (8, 64)
"""Draws of the two trials whose times tell the fixed cost of a block and that of a draw."""
_NOT_OF_THE_GRID = {"chips"}
"""Groups that the solution of a grid reads for results which nobody uses here: what power could run if chips were
free. A test holds it to that."""


class Hosted(NamedTuple):
    """What the chain needs of a country's grid. All (draw, area, year)."""

    hostable_mw: Floats
    siting_limited: NDArray[np.bool_]
    pue: Floats

    def take(self, rows: Numbers) -> Hosted:
        return Hosted(self.hostable_mw[rows], self.siting_limited[rows], self.pue[rows])

    @classmethod
    def join(cls, parts: Sequence[Hosted]) -> Hosted:
        return cls(
            np.concatenate([part.hostable_mw for part in parts]),
            np.concatenate([part.siting_limited for part in parts]),
            np.concatenate([part.pue for part in parts]),
        )


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

    def cost(self, rows: Numbers) -> Cost:
        """What `deployed` will take for the draw numbers `rows` (run, group), from a trial of a few of them."""
        unique = np.unique(rows, axis=0)
        counts, seconds = {}, 0.0
        for country in COUNTRIES:
            self._trial(country, unique, _TRIALS[0])  # compiles, and learns what is read
            few, many = (self._trial(country, unique, size) for size in _TRIALS)
            counts[country] = len(np.unique(unique[:, self._columns(country)], axis=0))
            each = max(many - few, 0.0) / (_TRIALS[1] - _TRIALS[0])
            fixed = max(few - each * _TRIALS[0], 0.0)
            seconds += each * counts[country] + fixed * (1 + counts[country] // _BLOCK)
        return Cost(len(unique), counts, seconds)

    def _trial(self, country: str, rows: Numbers, size: int) -> float:
        """Seconds that a few draws take, as far as there are so many."""
        began = time.perf_counter()
        self._host(country, self._draws(np.resize(rows, (size, rows.shape[1])), self.reads[country]))
        return time.perf_counter() - began

    def deployed(self, rows: Numbers) -> Floats:
        """Accelerators in use (run, country) in the year, of draw numbers (run, group). [H100e]"""
        unique, back = np.unique(rows, axis=0, return_inverse=True)
        hosted = {country: self._hosted(country, unique) for country in COUNTRIES}
        found = np.empty((len(unique), len(COUNTRIES)))
        for block in _blocks(len(unique)):
            part = {country: (values.take(where[block])) for country, (values, where) in hosted.items()}
            found[block] = self._joint(part, self._draws(unique[block], self.reads["joint"]))
            self.progress("chips and capital", int(block[-1]) + 1, len(unique))
        return found[back.reshape(-1)]

    def deployed_of(self, draws: Draws) -> Floats:
        """The same (draw, country) for draws that are no mixture."""
        return self._joint({country: self._host(country, draws) for country in COUNTRIES}, draws)

    @property
    def years(self) -> Numbers:
        """Years of the path, from the first after the grid's base year."""
        return self._years

    def _draws(self, rows: Numbers, reads: Reads) -> MixedDraws:
        return MixedDraws(self.seed, np.arange(len(rows)), self._years, self.scenario, by_group=rows, reads=reads)

    def _columns(self, country: str) -> list[int]:
        return sorted(NAMES.index(group) for group in self.reads[country].groups() - _NOT_OF_THE_GRID)

    def _hosted(self, country: str, rows: Numbers) -> tuple[Hosted, Numbers]:
        """Grid of every different mixture, and for each row which of them is its own."""
        while True:
            columns = self._columns(country)
            _, first, back = np.unique(rows[:, columns], axis=0, return_index=True, return_inverse=True)
            parts = []
            for block in _blocks(len(first)):
                parts.append(self._host(country, self._draws(rows[first[block]], self.reads[country])))
                self.progress(f"grid of {country}", int(block[-1]) + 1, len(first))
            if self._columns(country) == columns:  # a group may be read in some draws only
                return Hosted.join(parts), back.reshape(-1)

    def _host(self, country: str, draws: Draws) -> Hosted:
        found = country_chain.run(
            self.grid,
            country,
            draws,
            self._weather,
            notion="firm_capacity",
            device="cpu",
            engine=self.engine,
            advance=lambda: None,
        )
        self._templates[country] = found
        return Hosted(found.placed.hostable_mw, found.placed.siting_limited, found.pue)

    def _joint(self, hosted: dict[str, Hosted], draws: Draws) -> Floats:
        # The chain reads the fleet and these three arrays of a country's result; the rest is of other draws.
        results = {
            country: replace(
                self._templates[country],
                placed=replace(
                    self._templates[country].placed,
                    hostable_mw=values.hostable_mw,
                    siting_limited=values.siting_limited,
                ),
                pue=values.pue,
            )
            for country, values in hosted.items()
        }
        solved = joint.solve(results, draws)
        return np.stack([solved[country].deployed_h100e[:, -1] for country in COUNTRIES], axis=1)


def _blocks(count: int) -> Iterator[Numbers]:
    for start in range(0, count, _BLOCK):
        yield np.arange(start, min(start + _BLOCK, count))
