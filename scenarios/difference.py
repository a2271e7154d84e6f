"""What sets two scenarios apart."""

from __future__ import annotations

from typing import NamedTuple

from scenarios.schema import Parameter, Scenario


class Difference(NamedTuple):
    """One parameter as each of two scenarios has it."""

    id: str
    unit: str
    first: Parameter
    second: Parameter


def differences(first: Scenario, second: Scenario) -> tuple[Difference, ...]:
    """Parameters whose value differs between two scenarios, ordered by id.

    Label and source do not count: two scenarios with equal values give equal numbers.
    """
    return tuple(
        Difference(own.id, own.unit, own, other)
        for own, other in zip(first.parameters, second.parameters, strict=True)
        if own.value != other.value
    )


class Tie(NamedTuple):
    """A correlation as each of two scenarios has it; 0 where it has none."""

    of: str
    first: float
    second: float


def ties(first: Scenario, second: Scenario) -> tuple[Tie, ...]:
    """Correlations of factors, and loadings of parameters on factors, that differ between two scenarios, by name."""
    mine, theirs = _ties(first), _ties(second)
    names = sorted(mine.keys() | theirs.keys())
    found = (Tie(name, mine.get(name, 0.0), theirs.get(name, 0.0)) for name in names)
    return tuple(tie for tie in found if tie.first != tie.second)


def _ties(scenario: Scenario) -> dict[str, float]:
    said = scenario.correlation
    return {f"{one} with {other}": value for one, other, value in (*said.between, *said.loadings)}
