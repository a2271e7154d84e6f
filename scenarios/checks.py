"""From what pydantic says about plain values to problems with file, line, key, value and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scenarios.distributions import KINDS
from scenarios.nearest import did_you_mean
from scenarios.yaml_text import Document

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]

FEW = 12
"""Known words up to this many are listed in full."""


def checked(model: type[Model], raw: object, document: Document, path: Path) -> Model | None:
    """The validated model, or None with every problem added to the document."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = _keys(raw, detail["loc"])
            message, value = _said(model, detail, where)
            document.add((*path, *where), message, value)
        return None


def as_mapping(raw: object, document: Document, path: Path) -> Mapping[Any, Any]:
    """raw if it is a mapping; else an empty one, with a problem added."""
    if isinstance(raw, dict):
        return raw
    document.add(path, "must be a mapping, key: value", raw)
    return {}


def unknown_key(key: object, known: Iterable[str], what: str) -> str:
    """Message for a key that nobody reads."""
    words = tuple(known)
    listed = f" (known: {', '.join(words)})" if len(words) <= FEW else ""
    return f"unknown {what}{did_you_mean(str(key), words)}{listed}"


def _keys(raw: object, loc: Path) -> Path:
    """Those steps of a pydantic location that are keys of the file (it adds names of union members)."""
    keys: list[str | int] = []
    at: Any = raw
    for index, step in enumerate(loc):
        missing = index == len(loc) - 1 and step not in KINDS
        if isinstance(at, dict) and (step in at or missing):
            keys.append(step)
            at = at.get(step)
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            keys.append(step)
            at = at[step]
    return tuple(keys)


def _said(model: type[BaseModel], detail: ErrorDetails, where: Path) -> tuple[str, object]:
    """Message and offending value, in the words of this package."""
    kind, value = detail["type"], detail["input"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "missing":
        return "is missing", ""
    if kind == "extra_forbidden":
        loc = detail["loc"]
        owner = KINDS.get(str(loc[-2]), model) if len(loc) > 1 else model
        return unknown_key(loc[-1], owner.model_fields, "key"), value
    if kind == "union_tag_invalid":
        return unknown_key(context["tag"], KINDS, "kind"), context["tag"]
    if kind in ("union_tag_not_found", "model_attributes_type", "model_type"):
        return f"must be a number, or a mapping with kind: one of {', '.join(KINDS)}", value
    if kind in ("string_too_short", "too_short"):
        return "must not be empty", ""
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}", value
    message = detail["msg"].removeprefix("Input ").removeprefix("Value ")
    return message.removeprefix("error, "), "" if isinstance(value, dict) else value
