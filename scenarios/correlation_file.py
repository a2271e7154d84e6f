"""Reading correlations: the documented default in `data/correlation.yaml`, and what a scenario says instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from scenarios import checks, yaml_text
from scenarios.correlation import INDEPENDENT, Correlation
from scenarios.errors import ScenarioError
from scenarios.nearest import did_you_mean
from scenarios.schema import Closed, Label, ParameterId, Text

FILE = Path(__file__).parent / "data" / "correlation.yaml"

FactorName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]
PairName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*-[a-z][a-z_]*$")]
Inside = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-1, lt=1)]
"""A correlation that leaves room for chance of its own."""


class Judged(Closed):
    """What every number of a correlation carries."""

    label: Label
    """F found in a source, P computed from found figures, R recalled, J judgement."""
    source: Text
    fixed_because: Text
    """Why these numbers have no distribution."""


class Between(Judged):
    """Correlation of two factors."""

    factors: tuple[FactorName, FactorName]
    value: Inside


class Follow(Judged):
    """Parameters that follow a factor, with the correlation of their normal scores with it."""

    factor: FactorName
    parameters: Mapping[ParameterId, Inside]


class CorrelationFile(Closed):
    """The documented default."""

    factors: Mapping[FactorName, Text]
    """What each factor stands for; more of it is a higher factor."""
    between: tuple[Between, ...]
    loadings: tuple[Follow, ...]


class CorrelationOverride(Judged):
    """What a scenario says instead of the default; all it does not name stays."""

    between: Mapping[PairName, Inside] = {}
    """`factor-factor`: correlation."""
    loadings: Mapping[FactorName, Mapping[ParameterId, Inside]] = {}
    """Factor: parameter: loading. A parameter leaves the factor it followed before; 0 makes it follow none."""


Said = Literal["none"] | CorrelationOverride
"""`correlation:` of a scenario file."""


@cache
def read() -> CorrelationFile:
    """The default with its labels and sources. Raises ScenarioError with every fault of the file."""
    document = yaml_text.read(FILE)
    found = checks.checked(CorrelationFile, document.content, document, ())
    if found is None or document.problems:
        raise ScenarioError(document.problems)
    return found


@cache
def default_correlation() -> Correlation:
    """The documented default. Raises ScenarioError where it contradicts itself or the parameters."""
    said = read()
    pairs = [(*b.factors, b.value) for b in said.between]
    follows = [(name, f.factor, at) for f in said.loadings for name, at in f.parameters.items()]
    problems = _repeated(["-".join(sorted(pair[:2])) for pair in pairs]) + _repeated([name for name, _, _ in follows])
    found, faults = _made(tuple(said.factors), pairs, follows)
    if problems + faults:
        raise ScenarioError(f"{FILE}: " + "; ".join(problems + faults))
    return found


def of_scenario(raw: object, document: yaml_text.Document) -> Correlation:
    """What `correlation:` of a scenario file asks for; what is wrong with it is added to the document."""
    if raw == "none":
        return INDEPENDENT
    path = ("correlation",)
    if raw is not None and not isinstance(raw, dict):
        document.add(path, f"must be none, or a mapping with {', '.join(CorrelationOverride.model_fields)}", raw)
    said = checks.checked(CorrelationOverride, raw, document, path) if isinstance(raw, dict) else None
    if said is None:
        return default_correlation()
    found, faults = overridden(said)
    for fault in faults:
        document.add(path, fault)
    return found


def overridden(said: CorrelationOverride) -> tuple[Correlation, list[str]]:
    """The default with what a scenario says in its place, and what is wrong with it."""
    default = default_correlation()
    pairs = {frozenset(pair[:2]): pair for pair in default.between}
    for name, value in said.between.items():
        one, _, other = name.partition("-")
        pairs[frozenset((one, other))] = (one, other, value)
    named = [name for members in said.loadings.values() for name in members]
    kept = [entry for entry in default.loadings if entry[0] not in named]
    new = [(name, factor, at) for factor, members in said.loadings.items() for name, at in members.items()]
    found, faults = _made(default.factors, list(pairs.values()), kept + new)
    return found, _repeated(named) + faults


def _made(
    factors: tuple[str, ...], pairs: list[tuple[str, str, float]], follows: list[tuple[str, str, float]]
) -> tuple[Correlation, list[str]]:
    """The correlation and what is wrong with it; with an unknown name it is that of independence."""
    from scenarios.defaults import default_parameters

    used = {name for pair in pairs for name in pair[:2]} | {factor for _, factor, _ in follows}
    problems = _unknown("factor", used, factors) + _unknown(
        "parameter", {name for name, _, _ in follows}, default_parameters()
    )
    problems += [f"{one}-{other}: a factor goes with itself by 1" for one, other, _ in pairs if one == other]
    if problems:
        return INDEPENDENT, problems
    place = factors.index
    in_order = [(one, other, at) if place(one) < place(other) else (other, one, at) for one, other, at in pairs if at]
    found = Correlation(
        factors=factors,
        between=tuple(sorted(in_order)),
        loadings=tuple(sorted(entry for entry in follows if entry[2])),
    )
    fault = found.fault()
    return found, [fault] if fault else []


def _unknown(what: str, used: Collection[str], known: Collection[str]) -> list[str]:
    return [f"no {what} {name!r}{did_you_mean(name, known)}" for name in sorted(used) if name not in known]


def _repeated(names: list[str]) -> list[str]:
    return [f"{name} is given twice; keep one" for name in sorted({n for n in names if names.count(n) > 1})]
