"""Where every number comes from: sources, their files and their licences (`grids/data/sources.yaml`)."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grids.tables import read_table
from grids.variables import GridDataError

# How far the derived figures of a source may travel; each word is explained in `licences_markdown`.
STANDINGS = ("attribution", "public-domain", "facts-only", "no-licence-stated")

# How far the rule that makes a file is proved.
PREPARED = {
    "checked-upstream": "the rule was tried on the first lines of the public file (packages: on all of it) and gave "
    "what the build has read so far",
    "checked-inverse": "the rule was run on a file turned back from what the build has read so far; names of "
    "columns and sheets are as published, the layout around them is not confirmed",
    "unchecked": "the rule follows the publisher's description; its result has not been compared",
}

PREAMBLE = """\
# Data licences

<!-- Made from grids/data/sources.yaml: `python -m grids.provenance > DATA-LICENSES.md`. -->

gridflops ships derived figures only: sums, shares, normalised shapes and cell totals that its own build
computes. It ships no copy of a file listed here. The code is Apache-2.0 (LICENSE); the derived figures carry
the attribution below. Please name the publishers when you use them.

What ships: `grids/bundle/grid.nc` and `grids/bundle/us_zones.nc`, whose variables each name their sources;
`grids/data/history.nc`, annual generation
and capacity of countries (owid-energy), US states (eia-state, eia-seds) and Chinese provinces (crea-china: the annual
figures of the statistics as facts, standing `facts-only`); outlines for the maps (reeds-shapes, ocha-china); and small
tables of published figures, each with its source.

What the second column of the table says:

- `attribution`: a free licence that asks for attribution;
- `public-domain`: works of the US government, or dedicated to the public domain;
- `facts-only`: the licence or the terms of the file are in doubt or restrict copies; only facts computed
  from it (totals, shares, ratios) are used;
- `no-licence-stated`: the copy that was read carries no licence; the facts in it were published by the
  publisher named, and only figures computed from them are used.
"""


@dataclass(frozen=True)
class SourceFile:
    """One public original that the build reads."""

    path: str
    """Where it belongs below the folder of originals, with forward slashes."""
    url: str | None
    """Public address of the original, or None where it has to be typed or exported by hand."""
    sha256: str | None
    """SHA-256 of the file at `url`; None where the build reads a re-encoding of it."""
    reencoded: str | None
    """How the file at `path` is made from the one at `url`; None where it is the same file."""
    parts: tuple[str, ...] = ()
    """Public files it is made from, where these are several: addresses, `{a,b}` standing for both in turn."""
    prepared: str | None = None
    """How far the rule that makes it is proved, one of PREPARED; None where it is downloaded or made by hand."""
    optional: bool = False
    """True where no part of the build stops without it."""


@dataclass(frozen=True)
class Source:
    """One publisher's data set."""

    id: str
    title: str
    publisher: str
    repository: str
    commit: str | None
    licence: str
    """SPDX expression, or `LicenseRef-` and a name, explained in `note`."""
    standing: str
    """One of STANDINGS."""
    used: str
    note: str
    files: tuple[SourceFile, ...]


@functools.cache
def sources() -> Mapping[str, Source]:
    """Every source by id, in the order of `sources.yaml`.

    Raises GridDataError listing every entry with an unknown or missing key.
    """
    entries: dict[str, dict[str, Any]] = read_table("sources.yaml")
    problems: list[str] = []
    found = {name: _source(name, entry, problems) for name, entry in entries.items()}
    if problems:
        raise GridDataError([f"sources.yaml: {problem}" for problem in problems])
    return found


def _source(name: str, entry: Mapping[str, Any], problems: list[str]) -> Source:
    required = {"title", "publisher", "repository", "commit", "licence", "standing", "used", "files"}
    wrong = (required - entry.keys()) | (entry.keys() - required - {"note"})
    if wrong:
        problems.append(f"{name}: missing or unknown key {', '.join(sorted(wrong))}")
    if entry.get("standing") not in STANDINGS:
        problems.append(f"{name}: standing {entry.get('standing')!r} is not one of {', '.join(STANDINGS)}")
    return Source(
        id=name,
        title=str(entry.get("title")),
        publisher=str(entry.get("publisher")),
        repository=str(entry.get("repository")),
        commit=entry.get("commit"),
        licence=str(entry.get("licence")),
        standing=str(entry.get("standing")),
        used=str(entry.get("used")),
        note=str(entry.get("note", "")),
        files=tuple(_file(name, item, problems) for item in entry.get("files", ())),
    )


def _file(name: str, entry: Mapping[str, Any], problems: list[str]) -> SourceFile:
    wrong = ({"path", "url"} - entry.keys()) | (entry.keys() - set(SourceFile.__dataclass_fields__))
    if wrong:
        problems.append(f"{name}: file {entry.get('path')!r}: missing or unknown key {', '.join(sorted(wrong))}")
    if entry.get("prepared") not in (None, *PREPARED):
        problems.append(f"{name}: prepared {entry['prepared']!r} is not one of {', '.join(PREPARED)}")
    return SourceFile(
        path=str(entry.get("path")),
        url=entry.get("url"),
        sha256=entry.get("sha256"),
        reencoded=entry.get("reencoded"),
        parts=tuple(entry.get("parts", ())),
        prepared=entry.get("prepared"),
        optional=bool(entry.get("optional", False)),
    )


def required_files() -> Iterable[tuple[Source, SourceFile]]:
    """Every file without which the build stops, with its source."""
    return [(source, file) for source in sources().values() for file in source.files if not file.optional]


def licence_summary(ids: Iterable[str]) -> str:
    """One line for a file's `license` attribute: the project's own licence, then those of the sources."""
    known = sources()
    groups: dict[str, list[str]] = {}
    for name in ids:
        if name in known:
            groups.setdefault(known[name].licence, []).append(name)
    parts = [f"{licence} ({', '.join(sorted(names))})" for licence, names in sorted(groups.items())]
    return "Derived figures, Apache-2.0 as far as ours; sources: " + ("; ".join(parts) or "none stated")


def licences_markdown() -> str:
    """Text of DATA-LICENSES.md, made from `sources.yaml`."""
    lines = [
        *PREAMBLE.splitlines(),
        "",
        "A file that the build reads in another form is prepared from the public one; how far that is proved stands",
        "behind it in brackets:",
        "",
        *(f"- `{word}`: {meaning};" for word, meaning in PREPARED.items()),
        "- `by hand`: no program makes it; what is said before tells how.",
        "",
        "| id | standing | licence | publisher | title |",
        "|---|---|---|---|---|",
    ]
    for source in sources().values():
        cells = (
            f"[{source.id}](#{source.id})",
            source.standing,
            source.licence,
            source.publisher,
            source.title,
        )
        lines.append(f"| {' | '.join(cells)} |")
    for source in sources().values():
        lines += _section(source)
    return "\n".join(lines) + "\n"


def _section(source: Source) -> list[str]:
    lines = [
        "",
        f"## {source.id}",
        "",
        f"{source.title}. {source.publisher.rstrip('.')}. Licence: {source.licence}.",
    ]
    lines.append(f"Read from <{source.repository}>" + (f" at `{source.commit}`." if source.commit else "."))
    lines.append(f"Used for: {source.used.rstrip('.')}.")
    if source.note:
        lines.append(source.note)
    lines += ["", *(_file_line(file) for file in source.files)]
    return lines if source.files else lines[:-1]


def _file_line(file: SourceFile) -> str:
    origin = f"<{file.url}>" if file.url else "no public address"
    made = f"; {file.reencoded} ({file.prepared or 'by hand'})" if file.reencoded else ""
    return f"- `{file.path}` from {origin}{made}"


if __name__ == "__main__":
    print(licences_markdown(), end="")
