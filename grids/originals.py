"""The folder of originals: what belongs where, and what became of each file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from grids.provenance import Source, SourceFile
from grids.variables import GridDataError

UPSTREAM: Final = "upstream"
"""Folder, below that of the originals, of public files from which an original is prepared."""
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_IN_A_REPOSITORY: Final = 3
"""Owner, repository and commit lead the path of a raw file on GitHub."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    status: `fetched`, `prepared` (made from the public files that were fetched), `kept` (was there already),
    `upstream` (the public file was fetched, and no rule makes the original from it) or `by hand`.
    """

    source: str
    path: str
    status: str
    url: str | None
    how: str | None


def outcome(source: Source, file: SourceFile, status: str) -> Outcome:
    """The outcome `status` of `file`, with its address and how it is made."""
    return Outcome(source.id, file.path, status, file.url, file.reencoded)


def chosen(wanted: Iterable[str] | None, known: Mapping[str, Source]) -> list[Source]:
    """The `wanted` sources, or all; GridDataError for a name that is not known."""
    names = list(known) if wanted is None else list(wanted)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise GridDataError(f"unknown source {', '.join(unknown)}; known: {', '.join(known)}")
    return [known[name] for name in names]


def inside(target: Path, path: str) -> Path:
    """`path` below `target`; an absolute path, a drive or a `..` is refused."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path:
        raise GridDataError(f"{path!r} leads out of the folder of originals; correct the entry in sources.yaml")
    return target.joinpath(*pure.parts)


def upstream_urls(file: SourceFile) -> list[str]:
    """Addresses of the public files that make `file`, with the braces of its `parts` written out.

    `a/{x,y}.csv` stands for `a/x.csv` and `a/y.csv`. A file without parts is made from the one at its `url`.
    """
    patterns = file.parts or ((file.url,) if file.url is not None else ())
    return [url for pattern in patterns for url in _written_out(pattern)]


def _written_out(pattern: str) -> list[str]:
    braces = _BRACES.search(pattern)
    if braces is None:
        return [pattern]
    head, tail = pattern[: braces.start()], pattern[braces.end() :]
    return [url for word in braces[1].split(",") for url in _written_out(f"{head}{word.strip()}{tail}")]


def upstream_path(source: Source, url: str) -> str:
    """Where the public file at `url` lies below the folder of originals; for GitHub as in the repository."""
    words = urlsplit(url)
    names = PurePosixPath(unquote(words.path)).parts[1:]
    kept = names[_IN_A_REPOSITORY:] if words.hostname == "raw.githubusercontent.com" else names[-1:]
    return "/".join((UPSTREAM, source.id, *kept))


def checksum(url: str) -> str | None:
    """The SHA-256 that an address carries as `#sha256=...`, as package indexes write it."""
    fragment = urlsplit(url).fragment
    return fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None
