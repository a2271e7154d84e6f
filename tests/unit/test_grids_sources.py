"""The list of sources: complete, well formed, current in DATA-LICENSES.md, and in step with the builders."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from grids import provenance
from grids.provenance import Source, licence_summary, licences_markdown, sources
from grids.variables import RESERVED_SOURCES, GridDataError

ROOT = Path(__file__).parents[2]
FILE_NAME = re.compile(r"\.(?:parquet|csv|csv\.gz|xlsx|nc|geojson|json|shp|png|npz)$")
EVERY = list(sources().values())


@pytest.mark.parametrize("source", EVERY, ids=lambda source: source.id)
def test_entry_is_well_formed(source: Source) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", source.id)
    assert source.files or source.note
    assert source.repository.startswith("https://")
    words = re.split(r" (?:AND|OR) ", source.licence)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", word) for word in words)
    assert source.standing == "attribution" or source.note or source.standing == "public-domain"
    for file in source.files:
        assert file.url is not None
        assert urlsplit(file.url).scheme == "https"
        assert (file.sha256 is None) != (file.reencoded is None), file.path
        assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)


def test_no_path_is_listed_twice() -> None:
    paths = [file.path for source in EVERY for file in source.files]
    assert len(paths) == len(set(paths))


def test_data_licences_file_is_current() -> None:
    assert (ROOT / "DATA-LICENSES.md").read_text(encoding="utf-8") == licences_markdown(), (
        "run: python -m grids.provenance > DATA-LICENSES.md"
    )


def _strings(folder: Path) -> Iterator[str]:
    """Every string constant of the Python files of a folder, docstrings included."""
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _cited(folder: Path) -> Iterator[str]:
    """Ids written as the value of a `source` entry or argument."""
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            pairs: list[tuple[ast.expr | None, ast.expr]] = []
            if isinstance(node, ast.Dict):
                pairs = list(zip(node.keys, node.values, strict=True))
            if isinstance(node, ast.Call):
                pairs = [(ast.Constant(word.arg), word.value) for word in node.keywords]
            for key, value in pairs:
                named = isinstance(key, ast.Constant) and key.value == "source"
                if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield from value.value.split()


def test_builders_cite_known_sources_only() -> None:
    cited = {word for name in ("build", "sources") for word in _cited(ROOT / "grids" / name)}
    assert cited - set(sources()) - RESERVED_SOURCES == set()


@functools.cache
def _file_patterns() -> set[str]:
    """File names that readers and builders spell out, as regular expressions (an f-string's fields match all)."""
    patterns = set()
    for name in ("build", "sources"):
        for path in sorted((ROOT / "grids" / name).glob("*.py")):
            nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
            inner = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
            for node in nodes:
                if id(node) in inner:
                    continue
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                words = [
                    re.escape(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else ".*"
                    for part in parts
                ]
                last = parts[-1] if parts else None
                if isinstance(last, ast.Constant) and isinstance(last.value, str) and FILE_NAME.search(last.value):
                    patterns.add("".join(words))
    # An error text that ends with a file name is no file name.
    return {pattern for pattern in patterns if ":" not in pattern and not pattern.startswith("\\.")}


def _read(path: str) -> bool:
    """A shapefile is read by the name of its .shp; everything else by its own."""
    stem, _, ending = path.rpartition(".")
    wanted = f"{stem}.shp" if ending in ("shx", "dbf", "prj", "cpg") else path
    return any(re.fullmatch(f"(?:.*/)?{pattern}", wanted) for pattern in _file_patterns())


def test_every_source_is_used() -> None:
    words = {word for name in ("build", "sources") for text in _strings(ROOT / "grids" / name) for word in text.split()}
    idle = [source.id for source in EVERY if source.id not in words and not any(_read(f.path) for f in source.files)]
    assert idle == []


def test_every_listed_file_is_read() -> None:
    assert [file.path for source in EVERY for file in source.files if not _read(file.path)] == []


def test_every_file_the_readers_name_is_listed() -> None:
    """A reader joins folder and file name; both must be in sources.yaml, or `fetch` cannot bring them."""
    listed = [file.path for source in EVERY for file in source.files]
    unknown = [p for p in _file_patterns() if not any(re.fullmatch(f"(?:.*/)?{p}", path) for path in listed)]
    assert unknown == []


def test_licence_summary_groups_by_licence() -> None:
    line = licence_summary(["owid-energy", "eia-930", "test-material"])
    assert line.endswith("sources: CC-BY-4.0 (eia-930, owid-energy)")


def test_wrong_entries_are_all_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        "a": {"title": "A", "publisher": "P", "standing": "free", "files": [{"path": "x", "hash": "1"}]},
        "b": {**dict.fromkeys(("title", "publisher", "repository", "commit", "licence", "used"), "t"),
              "standing": "attribution", "files": [], "colour": "blue"},
    }  # fmt: skip
    monkeypatch.setattr(provenance, "read_table", lambda name: entries)
    provenance.sources.cache_clear()
    try:
        with pytest.raises(GridDataError) as caught:
            sources()
    finally:
        provenance.sources.cache_clear()
    message = str(caught.value)
    for part in (
        "a: missing or unknown key commit, licence, repository, used",
        "standing 'free'",
        "hash",
        "colour",
    ):
        assert part in message
