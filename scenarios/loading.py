"""From scenario names and files to Scenario objects, and the JSON schema that editors check files with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from scenarios import checks, correlation_file, yaml_text
from scenarios.composing import JOINT, compose
from scenarios.defaults import default_parameters
from scenarios.errors import Problem, ScenarioError
from scenarios.nearest import did_you_mean
from scenarios.policies import COUNTRIES, PARAMETERS, FlexibleLoad, ScenarioFile
from scenarios.schema import Override, Parameter, Scenario, ScenarioHeader

LIBRARY = Path(__file__).parent / "library"

Asked = str | Path | tuple[str | Path, ...]
"""A library name or the path of a file; several joined by +, or as a tuple, are composed into one scenario."""


def library() -> tuple[str, ...]:
    """Names of the scenarios that come with the package: `reference` first, the others in order."""
    names = sorted(path.stem for path in LIBRARY.glob("*.yaml"))
    return tuple(sorted(names, key=lambda name: name != "reference"))


def load(names_or_paths: Sequence[Asked]) -> tuple[Scenario, ...]:
    """Scenarios by library name or by path of a .yaml file, with the documented defaults merged in.

    `a+b` is the scenario in which the overrides of both hold (`scenarios.composing`): its numbers and its hash do not
    depend on the order, its name does. A file whose own path holds a + is taken as that file.

    Raises ScenarioError with every problem of every file, each with file, line, key, value and a way out.
    """
    if isinstance(names_or_paths, str | Path):
        names_or_paths = (names_or_paths,)
    problems: list[Problem] = []
    loaded: list[Scenario] = []
    if not names_or_paths:
        problems.append(Problem(f"no scenario given; the library has {', '.join(library())}"))
    for asked in names_or_paths:
        scenario, found = _load_one(asked)
        problems += found
        if scenario is not None:
            loaded.append(scenario)
    alike: dict[tuple[str, ...], list[str]] = {}
    for scenario in loaded:
        alike.setdefault(tuple(sorted(scenario.name.split(JOINT))), []).append(scenario.name)
    for names in alike.values():
        if len(names) > 1:
            also = "".join(f", also as {name!r}" for name in dict.fromkeys(names[1:]) if name != names[0])
            problems.append(Problem(f"scenario {names[0]!r} is asked for twice{also}; give each its own name"))
    if problems:
        raise ScenarioError(problems)
    return tuple(loaded)


def _load_one(asked: Asked) -> tuple[Scenario | None, Sequence[Problem]]:
    """The scenario asked for, composed where several are, or None with the problems."""
    members = _members(asked)
    if len(members) == 1:
        return _load_member(members[0])
    found = [_load_member(member) for member in members]
    problems = tuple(problem for _, of_member in found for problem in of_member)
    loaded = [scenario for scenario, _ in found if scenario is not None]
    if problems or len(loaded) < len(members):
        return None, problems
    try:
        return compose(loaded), ()
    except ScenarioError as error:
        return None, error.problems


def _members(asked: Asked) -> tuple[str | Path, ...]:
    if isinstance(asked, tuple):
        return asked
    if isinstance(asked, Path) or JOINT not in asked or Path(asked).is_file():
        return (asked,)
    return tuple(asked.split(JOINT))


def _load_member(asked: str | Path) -> tuple[Scenario | None, Sequence[Problem]]:
    if not str(asked):
        return None, (Problem(f"a scenario without a name beside a {JOINT}; write name{JOINT}name"),)
    path = Path(asked)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "no such file"
            return None, (Problem(what, str(path)),)
    elif path.name in library():
        path = LIBRARY / f"{path.name}.yaml"
    else:
        near = did_you_mean(str(asked), library()) or f"; the library has {', '.join(library())}"
        return None, (Problem(f"unknown scenario {str(asked)!r}{near} (a file's name ends in .yaml)"),)
    document = yaml_text.read(path)
    if document.content is None:
        return None, document.problems or (Problem("the file is empty", str(path)),)
    scenario = _scenario(document)
    in_order = sorted(document.problems, key=lambda problem: problem.line or 0)
    return (None if in_order else scenario), in_order


def _scenario(document: yaml_text.Document) -> Scenario | None:
    content = dict(checks.as_mapping(document.content, document, ()))
    if document.problems and not content:
        return None
    raw_overrides, raw_policies = content.pop("overrides", {}), content.pop("flexible_load", {})
    correlation = correlation_file.of_scenario(content.pop("correlation", None), document)
    for key in [key for key in content if key not in ScenarioHeader.model_fields]:
        document.add((key,), checks.unknown_key(key, ScenarioFile.model_fields, "key"), content.pop(key))
    header = checks.checked(ScenarioHeader, content, document, ())
    if header is not None and header.name != Path(document.file).stem:
        document.add(("name",), f"must equal the file's name, {Path(document.file).stem!r}", header.name)
    merged: dict[str, Parameter] = dict(default_parameters())
    overrides = checks.as_mapping(raw_overrides, document, ("overrides",))
    for parameter_id, raw in overrides.items():
        parameter = _overridden(parameter_id, raw, document)
        if parameter is not None:
            merged[parameter.id] = parameter
    terms = [term for term in _policy_terms(raw_policies, document) if _only_once(term.id, overrides, document)]
    merged.update((term.id, term) for term in terms)
    if header is None or document.problems:
        return None
    changed = tuple(sorted({*overrides, *(term.id for term in terms)}))
    return Scenario(
        **header.model_dump(), overridden=changed, parameters=tuple(merged.values()), correlation=correlation
    )


def _overridden(parameter_id: Any, raw: object, document: yaml_text.Document) -> Parameter | None:
    """The default with an override in its place, or None with the problems added."""
    path = ("overrides", parameter_id)
    defaults = default_parameters()
    default = defaults.get(parameter_id)
    if default is None:
        document.add(path, checks.unknown_key(parameter_id, defaults, "parameter"))
    if not isinstance(raw, dict):
        document.add(path, "must be a mapping with value, label and source", raw)
        return None
    override = checks.checked(Override, raw, document, path)
    unit = raw.get("unit")
    if default is not None and isinstance(unit, str) and unit != default.unit:
        document.add((*path, "unit"), f"the unit of {parameter_id} is {default.unit!r}", unit)
    if default is None or override is None:
        return None
    candidate = _with(default, override)
    for field, message in candidate.faults():
        document.add((*path, field), message)
    return candidate


def _with(default: Parameter, said: Override) -> Parameter:
    """The default with what is said in its place, not yet checked."""
    keep = ("id", "unit", "range", "description")
    new = ("value", "label", "source", "fixed_because")
    fields = {name: getattr(default, name) for name in keep} | {name: getattr(said, name) for name in new}
    return Parameter.model_construct(**fields)


def _policy_terms(raw: object, document: yaml_text.Document) -> list[Parameter]:
    """Parameters that the flexible-load policies set, with the problems added."""
    found = []
    for country, terms in checks.as_mapping(raw, document, ("flexible_load",)).items():
        path = ("flexible_load", country)
        if country not in COUNTRIES:
            document.add(path, checks.unknown_key(country, COUNTRIES, "country"))
        if not isinstance(terms, dict):
            document.add(path, "must be a mapping with label, source and terms", terms)
            continue
        for key in terms.keys() - FlexibleLoad.model_fields.keys():
            document.add((*path, key), checks.unknown_key(key, FlexibleLoad.model_fields, "key"), terms[key])
        known = {key: terms[key] for key in terms if key in FlexibleLoad.model_fields}
        policy = checks.checked(FlexibleLoad, known, document, path)
        if policy is None or country not in COUNTRIES:
            continue
        for field, message in policy.faults():
            document.add((*path, field) if field else path, message)
        for name, value in policy.terms():
            said = Override.model_construct(
                value=value, label=policy.label, source=policy.source, fixed_because=policy.reason(value)
            )
            parameter = _with(default_parameters()[f"{country}.{PARAMETERS[name]}"], said)
            for _, message in parameter.faults():
                document.add((*path, name), message)
            found.append(parameter)
    return found


def _only_once(parameter_id: str, overrides: Mapping[Any, Any], document: yaml_text.Document) -> bool:
    """False, with a problem added, where a policy and an override set the same parameter."""
    if parameter_id not in overrides:
        return True
    document.add(("overrides", parameter_id), "also set by the country's policy in flexible_load; keep one")
    return False


def scenario_hash(scenario: Scenario) -> str:
    """SHA-256, in hex, of all numbers in force, correlations too: equal numbers hash alike, whatever the name."""
    numbers: dict[str, Any] = {
        parameter.id: [parameter.value.model_dump(mode="json"), parameter.range, parameter.unit]
        for parameter in scenario.parameters
    }
    numbers["correlation"] = asdict(scenario.correlation)
    text = json.dumps(numbers, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def json_schema() -> dict[str, Any]:
    """JSON schema of a scenario file, one property for each parameter, for editors."""
    result: dict[str, Any] = ScenarioFile.model_json_schema(mode="validation")
    result["$schema"] = GenerateJsonSchema.schema_dialect
    result["title"] = "gridflops scenario"
    result["properties"]["overrides"] = {
        "type": "object",
        "description": "Parameter id: override.",
        "additionalProperties": False,
        "properties": {
            parameter.id: {"$ref": "#/$defs/Override", "description": _hint(parameter)}
            for parameter in default_parameters().values()
        },
    }
    return result


def _hint(parameter: Parameter) -> str:
    low, high = parameter.range
    return f"{parameter.description} Unit {parameter.unit}, range {low:g} to {high:g}."


def problems_of(paths: Sequence[str | Path]) -> Mapping[str, tuple[Problem, ...]]:
    """Problems of each scenario on its own, by name or path as given; empty where there is none."""
    return {str(path): tuple(_load_one(path)[1]) for path in paths}
