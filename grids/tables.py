"""YAML that comes with the package, and the parser that is quick enough to read all of it at every start.

A file of the package is read by libyaml, in PyYAML's wheel, twenty times as fast as by ruamel.yaml, which reads what
users write and names its faults better. Words mean the same to both, as in YAML 1.2: a test reads every file twice.
"""

from __future__ import annotations

import importlib.resources
from functools import cache
from typing import Any, ClassVar


def read_table(name: str, package: str = "grids") -> Any:
    """A YAML table of the folder `data` of a package, as plain Python objects."""
    return plain(importlib.resources.files(package).joinpath("data", name).read_text(encoding="utf-8"))


def plain(text: str) -> Any:
    """What a YAML text of the package says, as plain Python objects."""
    import yaml

    return yaml.load(text, Loader=_loader())


def nodes(text: str) -> Any:
    """The root of a YAML text of the package, as a PyYAML node, which knows its line. None for an empty text.

    Raises ValueError where it is no YAML.
    """
    import yaml

    try:
        return yaml.compose(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


@cache
def _loader() -> Any:
    """PyYAML's safe loader, in C where it has one, with the words of YAML 1.2: no is text, and 1e-3 a number."""
    import yaml
    from ruamel.yaml.resolver import implicit_resolvers

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {}

    for versions, tag, pattern, first in implicit_resolvers:
        if (1, 2) in versions:
            Loader.add_implicit_resolver(tag, pattern, first)
    return Loader
