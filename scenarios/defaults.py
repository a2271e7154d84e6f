"""The documented default of every parameter, read from `parameters/*.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scenarios import checks, yaml_text
from scenarios.errors import Problem, ScenarioError
from scenarios.schema import Closed, Parameter, Text

FOLDER = Path(__file__).parent / "parameters"
TOPICS = (
    "demand", "supply", "regimes", "adequacy", "transfers", "flexibility", "siting", "compute", "deployment", "chips",
    "capital", "efficiency",
)  # fmt: skip
"""Files of the folder, in reading order."""

SHARED = ("unit", "range", "description", "label", "source", "fixed_because")
"""What a group of parameters may say once for all of its members."""


class Group(Closed):
    """Parameters that share a meaning, in the order of the file."""

    title: Text
    topic: Text
    ids: tuple[str, ...]


@cache
def _read() -> tuple[Mapping[str, Parameter], tuple[Group, ...]]:
    parameters: dict[str, Parameter] = {}
    groups: list[Group] = []
    problems: list[Problem] = []
    for topic in TOPICS:
        document = yaml_text.read(FOLDER / f"{topic}.yaml")
        for index, raw in enumerate(document.content or ()):
            groups.append(_group(raw, index, topic, parameters, document))
        problems += document.problems
    if problems:
        raise ScenarioError(problems)
    return MappingProxyType(dict(sorted(parameters.items()))), tuple(groups)


def _group(raw: Any, index: int, topic: str, into: dict[str, Parameter], document: yaml_text.Document) -> Group:
    """Add the members of one group to `into`; each member may say anew what the group says."""
    group = checks.as_mapping(raw, document, (index,))
    for key in group.keys() - {"title", "parameters", *SHARED}:
        document.add((index, key), checks.unknown_key(key, (*SHARED, "title", "parameters"), "key"))
    shared = {key: group[key] for key in SHARED if key in group}
    members = checks.as_mapping(group.get("parameters"), document, (index, "parameters"))
    for parameter_id, member in members.items():
        path = (index, "parameters", parameter_id)
        if parameter_id in into:
            document.add(path, "defined twice; keep one")
        merged = {**shared, **checks.as_mapping(member, document, path), "id": parameter_id}
        if merged.get("fixed_because") == "":
            del merged["fixed_because"]
        parameter = checks.checked(Parameter, merged, document, path)
        if parameter is not None:
            into[parameter.id] = parameter
    return Group(title=group.get("title", ""), topic=topic, ids=tuple(members))


def default_parameters() -> Mapping[str, Parameter]:
    """Documented default of every parameter, by id, ordered by id."""
    return _read()[0]


def groups() -> tuple[Group, ...]:
    """The parameters as the documentation groups them."""
    return _read()[1]
