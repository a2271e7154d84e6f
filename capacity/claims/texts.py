"""The claims as written in `claims.yaml`: sentences, tests, thresholds, data against them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from capacity.errors import CapacityError
from scenarios import ScenarioError, checks, yaml_text
from scenarios.distributions import Number
from scenarios.schema import Closed, Label, Text

FILE = Path(__file__).parent / "claims.yaml"


class Threshold(Closed):
    """A number that a test needs, with unit, label and source."""

    value: Number | int
    unit: Text
    label: Label
    source: Text


class Against(Closed):
    """Published data that speak against a claim."""

    text: Text
    label: Label
    source: Text


class Claim(Closed):
    """One claim and what tests it."""

    number: Annotated[int, Field(ge=1)]
    title: Text
    sentence: Text
    statistic: Text
    holds: Text
    """When it counts as holding; names of thresholds in backticks."""
    thresholds: Mapping[str, Threshold]
    against: Annotated[tuple[Against, ...], Field(min_length=1)]
    untested: Text
    """What the test leaves out."""
    topics: tuple[Text, ...] = ()
    """Topics of parameters that the statistic can depend on; all where none is named."""

    def threshold(self, name: str) -> float:
        return float(self.thresholds[name].value)

    @property
    def condition(self) -> str:
        """`holds` with the values of the thresholds in the place of their names."""
        text = self.holds
        for name, threshold in self.thresholds.items():
            text = text.replace(f"`{name}`", as_text(threshold))
        return text

    @property
    def test(self) -> str:
        """`statistic` with the values of the thresholds in the place of their names."""
        text = self.statistic
        for name, threshold in self.thresholds.items():
            text = text.replace(f"`{name}`", as_text(threshold))
        return text


class Untestable(Closed):
    """A statement of the commentary that no run can test, and why."""

    text: Text
    why: Text


class Document(Closed):
    """The whole file."""

    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]
    untestable: tuple[Untestable, ...]


def as_text(threshold: Threshold) -> str:
    """A threshold in words: shares and rates in percent, years bare."""
    if threshold.unit == "yr":
        return f"{threshold.value:g}"
    each = " a year" if threshold.unit == "1/yr" else ""
    return f"{100.0 * threshold.value:g} %{each}"


@cache
def document() -> Document:
    """Claims and untestable statements. Raises CapacityError with every fault, an absent label among them."""
    return read(FILE)


def read(path: Path) -> Document:
    """A claims file. Raises CapacityError with every fault."""
    found = yaml_text.read(path)
    parsed = checks.checked(Document, found.content, found, ())
    if found.problems or parsed is None:
        raise CapacityError(str(ScenarioError(found.problems)))
    return parsed
