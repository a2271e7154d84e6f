"""Draws whose groups of parameters come from different draw numbers, and draws that move one parameter at a time.

The generator's uniform behind a parameter depends on the draw number alone, so a run in which only one group differs
is a run in which that group takes its uniforms from another draw number, and its common factors from
`capacity.sensitivity.dependent`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from capacity.draws import Draws
from capacity.errors import CapacityError
from cuda_kernels import philox
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


PARAMETERS = ("parameter", "yearly")
"""Kinds of reads that are parameters; the others, `chance` and `chances`, are streams."""


@dataclass(frozen=True)
class Reads:
    """What a model has read: name, and kind `parameter` or `chance`, drawn anew each year `yearly` or `chances`."""

    found: set[tuple[str, str]] = field(default_factory=set)

    def groups(self) -> frozenset[str]:
        return frozenset(_group(name, kind) for name, kind in self.found)

    def of(self, group: str) -> list[tuple[str, str]]:
        """Name and kind of what was read of a group."""
        return [(name, kind) for name, kind in self.found if _group(name, kind) == group]

    def parameters(self) -> frozenset[str]:
        return frozenset(name for name, kind in self.found if kind in PARAMETERS)


def _group(name: str, kind: str) -> str:
    return group_of(name) if kind in PARAMETERS else group_of_stream(name)


@dataclass(frozen=True)
class MixedDraws(Draws):
    """Draws in which each group of parameters and chances follows draw numbers of its own.

    by_group : int64 (draw, group)          Draw number of each group, in the order of NAMES.
    shared : float64 (draw, group, factor)  Common factors that the parameters of a group follow; None means those of
                                            the group's draw number.
    reads : Reads                           Collects what is asked for.
    """

    by_group: Numbers = field(default_factory=lambda: np.zeros((0, len(NAMES)), dtype=np.int64))
    shared: Floats | None = None
    reads: Reads = field(default_factory=Reads)

    def quantiles(self, name: str, *, yearly: bool = False) -> Floats:
        self.reads.found.add((name, PARAMETERS[yearly]))
        return self._source(group_of(name)).quantiles(name, yearly=yearly)

    def chances(self, stream: str, *, yearly: bool = False) -> Floats:
        self.reads.found.add((stream, "chances" if yearly else "chance"))
        return self._source(group_of_stream(stream)).chances(stream, yearly=yearly)

    def _source(self, group: str) -> Draws:
        if group not in self._sources:
            number = NAMES.index(group)
            of_group = (self.seed, self.by_group[:, number], self.years, self.scenario)
            made = Draws(*of_group) if self.shared is None else _GroupDraws(*of_group, self.shared[:, number])
            self._sources[group] = made
        return self._sources[group]

    @cached_property
    def _sources(self) -> dict[str, Draws]:
        return {}


@dataclass(frozen=True)
class _GroupDraws(Draws):
    """Draws whose common factors (draw, factor) are given."""

    given: Floats

    @property
    def factors(self) -> Floats:
        return self.given


def scores(draws: Draws, name: str, kind: str) -> Floats:
    """Normal scores (draw, number) behind a read; none where the value does not depend on chance."""
    if kind not in PARAMETERS:
        return draws.normal(name, yearly=kind == "chances").reshape(len(draws), -1)
    if not isinstance(draws.scenario.parameter(name).value, Distribution):
        return np.zeros((len(draws), 0))
    return philox.normal_from_uniform(draws.quantiles(name, yearly=kind == "yearly").reshape(len(draws), -1))


@dataclass(frozen=True)
class OneAtATime(Draws):
    """Rows in which every parameter has its median and one has another quantile; all chances are in the middle.

    moved : for each row the parameter that is moved and its quantile, or None. What is correlated with it stays.
    """

    moved: Sequence[tuple[str, float] | None] = ()

    def quantiles(self, name: str, *, yearly: bool = False) -> Floats:
        at = np.array([move[1] if move and move[0] == name else 0.5 for move in self.moved])
        return np.repeat(at[:, None], len(self.years), axis=1) if yearly else at

    def chances(self, stream: str, *, yearly: bool = False) -> Floats:
        return np.full((len(self), len(self.years)) if yearly else len(self), 0.5)
