"""Safe YAML with the line of every key: plain values only, no aliases, no tags, no duplicate keys."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError

from grids.tables import nodes
from scenarios.errors import Problem

OURS = tuple(Path(__file__).parents[1] / name for name in ("scenarios", "capacity"))
TAG = "tag:yaml.org,2002:"
MAX_BYTES = 1_000_000
"""A scenario is a page or two; a larger file is not one."""


@dataclass
class Document:
    """A YAML file as plain Python values, with line numbers (from 1) by path of keys."""

    file: str
    content: Any = None
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Sequence[str | int]) -> int:
        """Line of the deepest known key along path; steps that are not keys of the file are passed over."""
        known: tuple[str | int, ...] = ()
        for step in path:
            if (*known, step) in self.lines:
                known = (*known, step)
        return self.lines.get(known, 1)

    def add(self, path: Sequence[str | int], message: str, value: object = "") -> None:
        """Record a problem at a path of keys."""
        key = ".".join(str(step) for step in path)
        self.problems.append(Problem(message, self.file, self.line(path), key, _short(value)))


def _short(value: object) -> str:
    if isinstance(value, str) and value == "":
        return ""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def read(path: Path) -> Document:
    """Read one YAML file. Faults of syntax end up in `problems`, with content None."""
    document = Document(str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        document.problems.append(Problem(error.strerror or str(error), str(path)))
        return document
    if len(raw) > MAX_BYTES:
        document.problems.append(Problem(f"larger than {MAX_BYTES} bytes: not a scenario", str(path)))
        return document
    try:
        node = _composed(raw.decode("utf-8"), any(map(path.is_relative_to, OURS)))
    except UnicodeDecodeError as error:
        document.problems.append(Problem(f"not UTF-8 text (byte {error.start})", str(path)))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        text = error.problem or error.context or "cannot be read"
        line = mark.line + 1 if mark is not None else None
        document.problems.append(Problem(f"not valid YAML: {text}", str(path), line))
    except (YAMLStreamError, YAMLError) as error:
        document.problems.append(Problem(f"not valid YAML: {str(error).splitlines()[0]}", str(path)))
    except RecursionError:
        document.problems.append(Problem("nested too deeply", str(path)))
    else:
        if node is not None:
            document.content = _Reader(document).value(node, ())
    return document


def _composed(text: str, ours: bool) -> Any:
    """The root node of a text; a sound file of the package is read quickly."""
    if ours:
        with suppress(ValueError):
            return nodes(text)
    return YAML(typ="safe", pure=True).compose(text)


class _Reader:
    """Turns nodes into plain values once each, so that an alias (the same node again) is seen."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.seen: set[int] = set()

    def value(self, node: Any, path: tuple[str | int, ...]) -> Any:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.seen:
            self.document.add(path, "aliases (*name) are not allowed; write the value out")
            return None
        self.seen.add(id(node))
        if node.id == "mapping" and node.tag == f"{TAG}map":
            return self.mapping(node, path)
        if node.id == "sequence" and node.tag == f"{TAG}seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.id == "scalar" and str(node.tag).startswith(TAG):
            return self.scalar(node, path)
        self.document.add(path, f"the tag {node.tag!r} is not allowed; plain values only")
        return None

    def mapping(self, node: Any, path: tuple[str | int, ...]) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        first: dict[Any, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.id != "scalar" or key_node.tag == f"{TAG}merge":
                self.document.add(path, f"line {line}: keys must be plain words; merge keys are not allowed")
                continue
            key = self.scalar(key_node, path)
            if key in result:
                place = ".".join(str(step) for step in (*path, key))
                text = f"given twice, first on line {first[key]}; keep one"
                self.document.problems.append(Problem(text, self.document.file, line, place))
                continue
            first[key] = self.document.lines[(*path, key)] = line
            result[key] = self.value(value_node, (*path, key))
        return result

    def scalar(self, node: Any, path: tuple[str | int, ...]) -> Any:
        text: str = node.value
        kind = str(node.tag).removeprefix(TAG)
        try:
            if kind == "int":
                return int(text.replace("_", ""), 0)
            if kind == "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            self.document.add(path, "not a number that can be read", text)
            return None
        if kind == "bool":
            return text.lower() == "true"
        return None if kind == "null" else text
