"""Parameter and Scenario: frozen, closed, documented objects."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints
from pydantic import model_validator as validator
from pydantic_core import PydanticCustomError

from scenarios.correlation import Correlation
from scenarios.distributions import Constant, Floats, Number, Path, Value
from scenarios.errors import ScenarioError
from scenarios.nearest import did_you_mean

Label = Literal["F", "P", "R", "J"]
LABELS: dict[str, str] = {
    "F": "found in a source that was opened",
    "P": "computed from found figures",
    "R": "recalled, to be sourced again",
    "J": "judgement",
}
Unit = Literal[
    "1", "1/yr", "yr", "months", "h", "h/yr", "d/yr", "MW", "MW/yr", "GW", "GW/yr", "W", "degC", "1/degC", "H100e",
    "J/token", "usd_2024/MWh", "bn_usd_2025", "bn_usd_2025/yr", "bn_usd_2025/GW",
]  # fmt: skip
UNITS: tuple[str, ...] = get_args(Unit)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ParameterId = Annotated[str, StringConstraints(pattern=r"^((us|cn)\.)?[a-z][a-z0-9_]*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
JointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*(\+[a-z][a-z0-9-]*)*$")]


class Closed(BaseModel):
    """Base of every object here: cannot change, and knows no key beyond its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Override(Closed):
    """What a scenario puts in the place of a documented default."""

    value: Value
    """Number, path over years, or distribution."""
    label: Label
    """F found in a source, P computed from found figures, R recalled, J judgement."""
    source: Text
    """Where the number comes from, or who judged it and from what."""
    unit: str | None = None
    """Optional reminder; must be the parameter's own unit."""
    fixed_because: Text | None = None
    """Why a number labelled R or J has no distribution; needed then, and only then."""


class ScenarioHeader(Closed):
    """A scenario file without its overrides."""

    name: Name
    """Lower-case words joined by hyphens; the file's own name."""
    title: Text
    """One line."""
    rationale: Text
    """Why this world is worth asking about, and how the overrides make it."""
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Publisher, title, year."""


class Parameter(Closed):
    """One uncertain or chosen number of the model, with what it means and what it is worth."""

    id: ParameterId
    """`us.<name>`, `cn.<name>`, or `<name>` for both countries."""
    value: Value
    unit: Unit
    range: tuple[Number, Number]
    """Smallest and largest value that makes sense; draws are clipped to it."""
    description: Text
    label: Label
    source: Text
    fixed_because: Text | None = None

    def faults(self) -> tuple[tuple[str, str], ...]:
        """Field and message of each rule this parameter breaks."""
        found: list[tuple[str, str]] = []
        low, high = self.range
        if not low < high:
            found.append(("range", f"needs low < high, got {low:g}, {high:g}"))
        first, last = self.value.span()
        if first < low or last > high:
            found.append(("value", self._outside(first, last)))
        fixed = isinstance(self.value, Constant | Path)
        judged = self.label in ("R", "J")
        if judged and fixed and self.fixed_because is None:
            rule = f"labelled {self.label}, so it must be a distribution, or say why not in fixed_because"
            found.append(("value", rule))
        if self.fixed_because is not None and not (judged and fixed):
            found.append(("fixed_because", "only for a constant or path labelled R or J; leave it out"))
        return tuple(found)

    def _outside(self, first: float, last: float) -> str:
        low, high = self.range
        if isinstance(self.value, Constant):
            what = f"{first:g} is outside"
        elif isinstance(self.value, Path):
            nodes = (f"{year}: {at:g}" for year, at in self.value.nodes if not low <= at <= high)
            what = f"{', '.join(nodes)} lies outside"
        else:
            what = f"the 0.1-99.9 % span, {first:.4g} to {last:.4g}, leaves"
        return f"{what} the range {low:g} to {high:g} [{self.unit}]"

    @validator(mode="after")
    def _sound(self) -> Self:
        faults = self.faults()
        if faults:
            text = "; ".join(f"{self.id}.{field}: {message}" for field, message in faults)
            raise PydanticCustomError("parameter", "{text}", {"text": text})
        return self

    def at(self, u: ArrayLike, years: ArrayLike) -> Floats:
        """Values in each draw and year, clipped to the range.

        u : array (draw,) for one value a draw, or (draw, year) for a fresh one each year; 0 < u < 1. [1]
        years : array (year,). Returns float64 (draw, year), in `unit`.
        Raises ScenarioError if u is not inside (0, 1) or the shapes do not fit.
        """
        u = np.asarray(u, dtype=np.float64)
        years = np.asarray(years)
        if years.ndim != 1 or u.ndim not in (1, 2) or (u.ndim == 2 and u.shape[1] != years.size):
            raise ScenarioError(
                f"{self.id}: u must be (draw,) or (draw, year) and years (year,), got {u.shape} and {years.shape}"
            )
        if not ((u > 0) & (u < 1)).all():
            raise ScenarioError(f"{self.id}: u must lie strictly between 0 and 1 (and not be NaN)")
        shape = (u.shape[0], years.size)
        if isinstance(self.value, Constant):
            return np.full(shape, self.value.value)
        if isinstance(self.value, Path):
            return np.broadcast_to(self.value.at(years), shape).copy()
        drawn = np.clip(self.value.quantile(u), *self.range)
        return np.broadcast_to(drawn if u.ndim == 2 else drawn[:, None], shape).copy()


def _default_correlation() -> Correlation:
    from scenarios.correlation_file import default_correlation

    return default_correlation()


class Scenario(Closed):
    """Documented defaults with a scenario's overrides merged in."""

    name: JointName
    """That of the file; of a composition the members' names joined by +."""
    title: Text
    rationale: Text
    sources: tuple[Text, ...]
    overridden: tuple[ParameterId, ...]
    """Ids whose default this scenario replaces."""
    parameters: tuple[Parameter, ...]
    """All parameters, ordered by id."""
    correlation: Correlation = Field(default_factory=lambda: _default_correlation())
    """How the parameters move together."""
    _by_id: dict[str, Parameter] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: object) -> None:
        self._by_id.update((parameter.id, parameter) for parameter in self.parameters)

    def parameter(self, parameter_id: str) -> Parameter:
        """The parameter of that id, default or overridden. Raises ScenarioError if there is none."""
        if parameter_id not in self._by_id:
            near = did_you_mean(parameter_id, self._by_id)
            raise ScenarioError(f"scenario {self.name!r}: no parameter {parameter_id!r}{near}")
        return self._by_id[parameter_id]


def parameter_number(parameter_id: str) -> int:
    """Stable 32-bit number of a parameter id (CRC-32): its address in the random stream."""
    return crc32(parameter_id.encode("utf-8"))
