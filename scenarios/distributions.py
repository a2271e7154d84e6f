"""What a parameter's value can be: a constant, a path over years, or a distribution.

Every distribution is sampled by its quantile function, so that equal u gives comparable draws in every
scenario (common random numbers) and a result is monotone in u. SciPy is imported on first use.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic import model_validator as validator
from pydantic_core import PydanticCustomError

Floats = NDArray[np.float64]

FIRST_YEAR, LAST_YEAR = 1990, 2100
Z95 = 1.6448536269514722
"""Standard normal quantile of 0.95."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise PydanticCustomError("scenario_value", "{message}", {"message": message})


class Distribution(_Closed):
    """A probability distribution given by its quantile function."""

    @abstractmethod
    def quantile(self, u: ArrayLike) -> Floats:
        """Value below which a share u of the probability lies.

        u : array (...), 0 < u < 1. Returns float64 (...), in the parameter's unit, non-decreasing in u.
        """

    def span(self) -> tuple[float, float]:
        """The 0.1 % and 99.9 % quantiles: what is checked against a parameter's range."""
        low, high = self.quantile(np.array([0.001, 0.999]))
        return float(low), float(high)


class Constant(_Closed):
    """One number in every draw and year. In YAML a bare number means the same."""

    kind: Literal["constant"] = "constant"
    value: Number

    def span(self) -> tuple[float, float]:
        return self.value, self.value


def _nodes(raw: Any) -> Any:
    """A mapping year -> value as pairs ordered by year; anything else is left to pydantic."""
    if not isinstance(raw, dict):
        return raw
    _require(bool(raw), "a path needs at least one node, year: value")
    for year, value in raw.items():
        _require(
            isinstance(year, int) and not isinstance(year, bool) and FIRST_YEAR <= year <= LAST_YEAR,
            f"{year!r} is not a year from {FIRST_YEAR} to {LAST_YEAR}",
        )
        _require(
            isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value)),
            f"the value of {year} must be a finite number, not {value!r}",
        )
    return tuple(sorted((year, float(value)) for year, value in raw.items()))


Nodes = Annotated[
    tuple[tuple[int, float], ...],
    BeforeValidator(_nodes),
    PlainSerializer(dict),
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[0-9]{4}$"},
            "additionalProperties": {"type": "number"},
        }
    ),
]


class Path(_Closed):
    """Certain values over the years: linear between nodes, flat before the first and after the last."""

    kind: Literal["path"]
    nodes: Nodes
    """Year: value."""

    def at(self, years: ArrayLike) -> Floats:
        """Values of years (year,), float64 (year,)."""
        at, values = zip(*self.nodes, strict=True)
        return np.asarray(np.interp(np.asarray(years, dtype=np.float64), at, values), dtype=np.float64)

    def span(self) -> tuple[float, float]:
        values = [value for _, value in self.nodes]
        return min(values), max(values)


class Normal(Distribution):
    """Normal distribution."""

    kind: Literal["normal"]
    mean: Number
    sd: Positive
    """Standard deviation."""

    def quantile(self, u: ArrayLike) -> Floats:
        from scipy.special import ndtri

        return np.asarray(self.mean + self.sd * ndtri(np.asarray(u, dtype=np.float64)), dtype=np.float64)


class Lognormal(Distribution):
    """Two-piece lognormal that meets its median, p5 and p95 exactly.

    ln x is the log of the median plus z times a spread, z standard normal; the spread is ln(median/p5)/z95
    below the median and ln(p95/median)/z95 above it. Each half keeps half of the probability, so the quantile
    function is continuous; if p5 and p95 lie symmetric in logs it is the ordinary lognormal.
    """

    kind: Literal["lognormal"]
    median: Positive
    p5: Positive
    """5 % quantile."""
    p95: Positive
    """95 % quantile."""

    @validator(mode="after")
    def _ordered(self) -> Self:
        _require(
            self.p5 < self.median < self.p95,
            f"needs p5 < median < p95, got {self.p5:g}, {self.median:g}, {self.p95:g}",
        )
        return self

    def quantile(self, u: ArrayLike) -> Floats:
        from scipy.special import ndtri

        z = ndtri(np.asarray(u, dtype=np.float64))
        below, above = np.log(self.median / self.p5) / Z95, np.log(self.p95 / self.median) / Z95
        return np.asarray(self.median * np.exp(z * np.where(z < 0, below, above)), dtype=np.float64)


class Triangular(Distribution):
    """Triangular distribution on min..max with its peak at mode."""

    kind: Literal["triangular"]
    min: Number
    mode: Number
    max: Number

    @validator(mode="after")
    def _ordered(self) -> Self:
        _require(
            self.min <= self.mode <= self.max and self.min < self.max,
            f"needs min <= mode <= max and min < max, got {self.min:g}, {self.mode:g}, {self.max:g}",
        )
        return self

    def quantile(self, u: ArrayLike) -> Floats:
        u = np.asarray(u, dtype=np.float64)
        width = self.max - self.min
        rising = self.min + np.sqrt(u * width * (self.mode - self.min))
        falling = self.max - np.sqrt((1 - u) * width * (self.max - self.mode))
        return np.where(u * width < self.mode - self.min, rising, falling)


class Uniform(Distribution):
    """Every value from min to max equally likely."""

    kind: Literal["uniform"]
    min: Number
    max: Number

    @validator(mode="after")
    def _ordered(self) -> Self:
        _require(self.min < self.max, f"needs min < max, got {self.min:g}, {self.max:g}")
        return self

    def quantile(self, u: ArrayLike) -> Floats:
        return self.min + (self.max - self.min) * np.asarray(u, dtype=np.float64)


class Beta(Distribution):
    """Beta distribution of a share, by its two shape numbers; a + b is worth that many observations."""

    kind: Literal["beta"]
    a: Positive
    b: Positive

    def quantile(self, u: ArrayLike) -> Floats:
        from scipy.special import betaincinv

        return np.asarray(betaincinv(self.a, self.b, np.asarray(u, dtype=np.float64)), dtype=np.float64)


class BetaMean(Distribution):
    """Beta distribution of a share, by its mean and the number n of observations it is worth (a + b)."""

    kind: Literal["beta_mean"]
    mean: Share
    n: Positive

    def quantile(self, u: ArrayLike) -> Floats:
        return Beta(kind="beta", a=self.mean * self.n, b=(1 - self.mean) * self.n).quantile(u)


class Exponential(Distribution):
    """Exponential distribution: a waiting time with no memory."""

    kind: Literal["exponential"]
    mean: Positive

    def quantile(self, u: ArrayLike) -> Floats:
        return np.asarray(-self.mean * np.log1p(-np.asarray(u, dtype=np.float64)), dtype=np.float64)


def _bare_number(raw: Any) -> Any:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return {"kind": "constant", "value": raw}
    return raw


_Kind = Annotated[
    Constant | Path | Normal | Lognormal | Triangular | Uniform | Beta | BetaMean | Exponential,
    Field(discriminator="kind"),
]
Value = Annotated[_Kind, BeforeValidator(_bare_number, json_schema_input_type=float | _Kind)]
"""Any value of a parameter; `kind` says which."""

KINDS: dict[str, type[_Closed]] = {
    "constant": Constant,
    "path": Path,
    "normal": Normal,
    "lognormal": Lognormal,
    "triangular": Triangular,
    "uniform": Uniform,
    "beta": Beta,
    "beta_mean": BetaMean,
    "exponential": Exponential,
}
