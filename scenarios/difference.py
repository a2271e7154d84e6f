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
