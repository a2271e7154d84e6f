"""Parameters as draws: uniforms from a counter-based generator, mapped through each parameter's quantile function.

The uniform behind (seed, draw, parameter, year) depends on nothing else: not on how many draws are
computed, in which blocks, or for which scenario. Two scenarios therefore share common random numbers,
and their difference in one draw is caused by their parameters alone. Parameters that go together take part of their
score from a common factor, whose number has an address of its own (`scenarios.correlation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cuda_kernels import philox
from scenarios import Scenario, default_parameters, parameter_number

Floats = NDArray[np.float64]

SMALLEST = 2.0**-53
"""Quantiles of correlated parameters keep this far from 0 and 1."""


def stream_number(name: str) -> int:
    """Generator number of a stream that is no scenario parameter, e.g. the weather year of a draw."""
    return crc32(f"stream:{name}".encode())


@dataclass(frozen=True)
class Draws:
    """One scenario's parameters over draws and years.

    seed : int                     Seed of the run.
    ids : int64 (draw,)            Draw numbers; any subset gives the same values for those draws.
    years : int64 (year,)          Model years, ascending.
    scenario : Scenario            Whose parameters to map the uniforms through.
    """

    seed: int
    ids: NDArray[np.int64]
    years: NDArray[np.int64]
    scenario: Scenario
    # What was asked for already, as many parts of a run ask for the same: uniforms and quantiles by number and name,
    # and values of parameters, all (draw,). Threads may both work one out; they find the same.
    _drawn: dict[int, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)
    _moved: dict[str, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)
    _mapped: dict[str, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ids)

    def under(self, scenario: Scenario) -> Self:
        """The same draws under another scenario, with the uniforms that are known."""
        return self._knowing(replace(self, scenario=scenario), "_drawn")

    def through(self, year: int) -> Self:
        """The same draws from the same first year to another last, with all that is known of them."""
        years = np.arange(self.years[0], year + 1)
        return self._knowing(replace(self, years=years), "_drawn", "_moved", "_mapped")

    def _knowing(self, other: Self, *names: str) -> Self:
        for name in names:
            object.__setattr__(other, name, getattr(self, name))
        return other

    def parameter(self, name: str) -> Floats:
        """Values (draw, year) of a parameter that keeps one quantile through all years."""
        return self.scenario.parameter(name).at(self.quantiles(name), self.years)

    def default(self, name: str) -> Floats:
        """Values (draw, year) that the documented default has at the same quantiles, whatever the scenario says."""
        return default_parameters()[name].at(self.quantiles(name), self.years)

    def scalar(self, name: str) -> Floats:
        """Values (draw,) of a parameter that does not vary over years; worked out once, not to be written to."""
        if name not in self._mapped:
            values = self.scenario.parameter(name).at(self.quantiles(name), self.years[:1])[:, 0]
            values.flags.writeable = False
            self._mapped[name] = values
        return self._mapped[name]

    def yearly(self, name: str) -> Floats:
        """Values (draw, year) of a parameter drawn anew in every year."""
        uniform = self.quantiles(name, yearly=True)
        columns = [
            self.scenario.parameter(name).at(uniform[:, i], self.years[i : i + 1])[:, 0] for i in range(len(self.years))
        ]
        return np.stack(columns, axis=1)

    def uniform(self, stream: str) -> Floats:
        """Uniforms (draw,) of a named stream."""
        return self.chances(stream)

    def normal(self, stream: str, *, yearly: bool = False) -> Floats:
        """Standard normals (draw,), or (draw, year) with `yearly`, of a named stream."""
        return philox.normal_from_uniform(self.chances(stream, yearly=yearly))

    def quantiles(self, name: str, *, yearly: bool = False) -> Floats:
        """Quantiles (draw,), or (draw, year), at which a parameter stands; uniform whatever it is correlated with."""
        number = parameter_number(name)
        follows = self.scenario.correlation.of(name)
        if follows is None:
            return self._uniform(number, yearly=yearly)
        if yearly:
            return self._correlated(self._uniform(number, yearly=True), *follows)
        if name not in self._moved:
            self._moved[name] = self._correlated(self._uniform(number), *follows)
            self._moved[name].flags.writeable = False
        return self._moved[name]

    def _correlated(self, uniform: Floats, factor: int, loading: float) -> Floats:
        shared = self.factors[:, factor].reshape(-1, *[1] * (uniform.ndim - 1))
        own = philox.normal_from_uniform(uniform)
        return np.clip(ndtr(loading * shared + np.sqrt(1.0 - loading**2) * own), SMALLEST, 1.0 - SMALLEST)

    def chances(self, stream: str, *, yearly: bool = False) -> Floats:
        """Uniforms (draw,), or (draw, year), of a named stream."""
        return self._uniform(stream_number(stream), yearly=yearly)

    @cached_property
    def factors(self) -> Floats:
        """Standard normals (draw, factor) of the common factors of the scenario's correlation."""
        return combined(self.scenario.correlation.root, self.factor_chances, len(self))

    @cached_property
    def factor_chances(self) -> list[Floats]:
        """Independent standard normals (draw,) from which the factors are made, one for each."""
        numbers = [stream_number(f"factor.{name}") for name in self.scenario.correlation.factors]
        return [philox.normal_from_uniform(self._uniform(number)) for number in numbers]

    def _uniform(self, number: int, *, yearly: bool = False) -> Floats:
        if yearly:
            return philox.uniform(self.seed, self.ids, number, self.years)
        if number not in self._drawn:
            drawn = philox.uniform(self.seed, self.ids, number, np.zeros(1, dtype=np.int64))[:, 0]
            drawn.flags.writeable = False
            self._drawn[number] = drawn
        return self._drawn[number]

    @cached_property
    def central(self) -> CentralPath:
        return CentralPath(self.scenario, self.years)


@dataclass(frozen=True)
class CentralPath:
    """The path on which every parameter takes its median: what planners would schedule against."""

    scenario: Scenario
    years: NDArray[np.int64]
    _mapped: dict[str, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    ids = np.zeros(1, dtype=np.int64)

    def __len__(self) -> int:
        return 1

    def parameter(self, name: str) -> Floats:
        return self.scenario.parameter(name).at(np.array([0.5]), self.years)

    def default(self, name: str) -> Floats:
        return default_parameters()[name].at(np.array([0.5]), self.years)

    def scalar(self, name: str) -> Floats:
        if name not in self._mapped:
            values = self.scenario.parameter(name).at(np.array([0.5]), self.years[:1])[:, 0]
            values.flags.writeable = False
            self._mapped[name] = values
        return self._mapped[name]

    def yearly(self, name: str) -> Floats:
        return self.parameter(name)

    def uniform(self, stream: str) -> Floats:
        return np.array([0.5])

    def normal(self, stream: str, *, yearly: bool = False) -> Floats:
        return np.zeros((1, len(self.years)) if yearly else 1)


def combined(weights: Floats, scores: Sequence[Floats], draws: int) -> Floats:
    """Weighted sums (draw, row) of scores (draw,); added one by one, so that a draw's bits depend on no other draw."""
    found = np.zeros((draws, len(weights)))
    for row, amounts in enumerate(weights):
        for amount, score in zip(amounts, scores, strict=True):
            if amount:
                found[:, row] += amount * score
    return found


def draw_ids(draws: int | Sequence[int]) -> NDArray[np.int64]:
    """Draw numbers of a request: a count means the first that many."""
    return np.arange(draws, dtype=np.int64) if isinstance(draws, int) else np.asarray(draws, dtype=np.int64)
