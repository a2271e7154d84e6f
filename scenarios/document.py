"""The parameter table of a documentation page: `python -m scenarios.document PAGE` brings it up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from scenarios.correlation_file import read as read_correlation
from scenarios.defaults import Group, default_parameters, groups
from scenarios.distributions import Constant, Value
from scenarios.distributions import Path as YearPath
from scenarios.schema import Parameter

BEGIN, END = "<!-- parameters: begin -->", "<!-- parameters: end -->"


def value_text(value: Value) -> str:
    """A value in one short line, e.g. `lognormal(median 1, p5 0.8, p95 1.35)`."""
    if isinstance(value, Constant):
        return f"{value.value:g}"
    if isinstance(value, YearPath):
        return "path(" + ", ".join(f"{year}: {at:g}" for year, at in value.nodes) + ")"
    numbers = ", ".join(f"{name} {number:g}" for name, number in value.model_dump(exclude={"kind"}).items())
    return f"{value.kind}({numbers})"


def parameter_table() -> str:
    """Every parameter with value, unit, range, label, meaning and source, as Markdown, by topic and group."""
    lines: list[str] = []
    topic = ""
    for group in groups():
        if group.topic != topic:
            topic = group.topic
            lines += [f"### {topic.capitalize()}", ""]
        lines += _group_lines(group)
    return "\n".join([*lines, *_correlation_lines()])


def _correlation_lines() -> list[str]:
    """Factors, how they go together, and what follows them, with labels and sources."""
    said = read_correlation()
    lines = ["### Correlation", "", "| factor | what it stands for |", "|---|---|"]
    lines += [f"| {name} | {text} |" for name, text in said.factors.items()]
    lines += ["", "| factors | correlation | label | source | no spread |", "|---|---|---|---|---|"]
    lines += [
        f"| {' and '.join(pair.factors)} | {pair.value:g} | {pair.label} | {pair.source} | {pair.fixed_because} |"
        for pair in said.between
    ]
    lines += ["", "| factor | loadings of parameters | label | source | no spread |", "|---|---|---|---|---|"]
    for follow in said.loadings:
        members = ", ".join(f"`{name}` {at:g}" for name, at in follow.parameters.items())
        lines.append(f"| {follow.factor} | {members} | {follow.label} | {follow.source} | {follow.fixed_because} |")
    return [*lines, ""]


def _group_lines(group: Group) -> list[str]:
    """One group: a table of its numbers, then each meaning and source once, with the ids it holds for."""
    members = [default_parameters()[parameter_id] for parameter_id in group.ids]
    lines = [f"#### {group.title}", "", "| id | default | unit | range | label |", "|---|---|---|---|---|"]
    for p in members:
        low, high = p.range
        lines.append(f"| `{p.id}` | {value_text(p.value)} | {p.unit} | {low:g} to {high:g} | {p.label} |")
    lines.append("")
    for name in ("description", "source", "fixed_because"):
        lines += _told(name, members)
    return [*lines, ""]


def _told(field: str, members: list[Parameter]) -> list[str]:
    """Texts of a field, each once; the ids are named where not all members share the text."""
    texts: dict[str, list[str]] = {}
    for parameter in members:
        text = getattr(parameter, field)
        if text is not None:
            texts.setdefault(text, []).append(f"`{parameter.id}`")
    title = {"description": "Meaning", "source": "Source", "fixed_because": "No spread"}[field]
    return [
        f"- {title}: {text}" if len(ids) == len(members) else f"- {title} of {', '.join(ids)}: {text}"
        for text, ids in texts.items()
    ]


def with_table(page: str) -> str:
    """The page with what stands between the two marks replaced by the present table."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{parameter_table()}\n{END}{tail}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_table(target.read_text(encoding="utf-8")), encoding="utf-8")
