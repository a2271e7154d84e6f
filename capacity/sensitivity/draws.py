"""Draws whose groups of parameters come from different draw numbers, and draws that move one parameter at a time.

The generator's uniform behind a parameter depends on the draw number alone, so a run in which only one group differs
is a run in which that group takes its uniforms from another draw number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from capacity.draws import Draws
from capacity.errors import CapacityError
from cuda_kernels import philox
from scenarios import default_parameters, parameter_number
from scenarios.distributions import Distribution
from scenarios.groups import GROUPS, group_of

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

NAMES = tuple(GROUPS)

_STREAMS: Mapping[str, str] = {
    r"weather_year|hard_winter|cold_\w+": "adequacy",
    r"(us|cn)\.(expert|statistics|trend|drift|tail)\.\w+": "queue",
    r"(us|cn)\.(regime|states|(plan|federal|state|moratorium)\..+)": "queue",
    r"export_control": "export control",
    r"(us|cn)\.bust|us\.commitments": "capital",
}
"""Groups of the chances that are no parameters, as regular expressions of their streams."""


def group_of_stream(stream: str) -> str:
    """The group whose draw number a stream follows. Raises CapacityError for an unknown stream."""
    for pattern, group in _STREAMS.items():
        if re.fullmatch(pattern, stream):
            return group
    raise CapacityError(f"random stream {stream!r} belongs to no group; give it one in capacity/sensitivity/draws.py")


@dataclass(frozen=True)
class Reads:
    """What a model has read: name, and kind `parameter`, `yearly`, `uniform`, `normal` or `normals`."""

    found: set[tuple[str, str]] = field(default_factory=set)

    def groups(self) -> frozenset[str]:
        return frozenset(_group(name, kind) for name, kind in self.found)

    def of(self, group: str) -> list[tuple[str, str]]:
        """Name and kind of what was read of a group."""
        return [(name, kind) for name, kind in self.found if _group(name, kind) == group]


PARAMETERS = ("parameter", "yearly")
"""Kinds that are parameters; the others are streams."""


def _group(name: str, kind: str) -> str:
    return group_of(name) if kind in PARAMETERS else group_of_stream(name)


@dataclass(frozen=True)
class MixedDraws(Draws):
    """Draws in which each group of parameters and chances follows draw numbers of its own.

    by_group : int64 (draw, group)   Draw number of each group, in the order of NAMES.
    reads : Reads                    Collects what is asked for.
    """

    by_group: Numbers = field(default_factory=lambda: np.zeros((0, len(NAMES)), dtype=np.int64))
    reads: Reads = field(default_factory=Reads)

    def parameter(self, name: str) -> Floats:
        return self._source(name, "parameter", group_of(name)).parameter(name)

    def default(self, name: str) -> Floats:
        return self._source(name, "parameter", group_of(name)).default(name)

    def yearly(self, name: str) -> Floats:
        return self._source(name, "yearly", group_of(name)).yearly(name)

    def uniform(self, stream: str) -> Floats:
        return self._source(stream, "uniform", group_of_stream(stream)).uniform(stream)

    def normal(self, stream: str, *, yearly: bool = False) -> Floats:
        kind = "normals" if yearly else "normal"
        return self._source(stream, kind, group_of_stream(stream)).normal(stream, yearly=yearly)

    def _source(self, name: str, kind: str, group: str) -> Draws:
        self.reads.found.add((name, kind))
        return Draws(self.seed, self.by_group[:, NAMES.index(group)], self.years, self.scenario)


def scores(draws: Draws, name: str, kind: str) -> Floats:
    """Normal scores (draw, number) behind a read; none where the value does not depend on chance."""
    if kind in PARAMETERS:
        if not isinstance(draws.scenario.parameter(name).value, Distribution):
            return np.zeros((len(draws), 0))
        uniform = draws._uniform(parameter_number(name), yearly=kind == "yearly")
        return philox.normal_from_uniform(uniform.reshape(len(draws), -1))
    if kind == "uniform":
        return philox.normal_from_uniform(draws.uniform(name))[:, None]
    return draws.normal(name, yearly=kind == "normals").reshape(len(draws), -1)


@dataclass(frozen=True)
class OneAtATime(Draws):
    """Rows in which every parameter has its median and one has another quantile; all chances are in the middle.

    moved : for each row the parameter that is moved and its quantile, or None.
    """

    moved: Sequence[tuple[str, float] | None] = ()

    def parameter(self, name: str) -> Floats:
        return self.scenario.parameter(name).at(self._quantiles(name), self.years)

    def default(self, name: str) -> Floats:
        return default_parameters()[name].at(self._quantiles(name), self.years)

    def yearly(self, name: str) -> Floats:
        return self.parameter(name)

    def uniform(self, stream: str) -> Floats:
        return np.full(len(self), 0.5)

    def normal(self, stream: str, *, yearly: bool = False) -> Floats:
        return np.zeros((len(self), len(self.years)) if yearly else len(self))

    def _quantiles(self, name: str) -> Floats:
        return np.array([move[1] if move and move[0] == name else 0.5 for move in self.moved])
