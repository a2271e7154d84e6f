"""The small tables that come with the package: `grids/data/*.yaml`."""

from __future__ import annotations

import importlib.resources
from typing import Any


def read_table(name: str) -> Any:
    """A YAML table of `grids/data`, as plain Python objects."""
    from ruamel.yaml import YAML

    text = importlib.resources.files("grids").joinpath("data", name).read_text(encoding="utf-8")
    return YAML(typ="safe").load(text)
