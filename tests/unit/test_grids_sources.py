"""The list of sources: complete, well formed, current in DATA-LICENSES.md, and in step with the builders."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from grids import provenance
from grids.provenance import Source, licence_summary, licences_markdown, sources
from grids.variables import RESERVED_SOURCES, GridDataError

ROOT = Path(__file__).parents[2]
EVERY = list(sources().values())


@pytest.mark.parametrize("source", EVERY, ids=lambda source: source.id)
def test_entry_is_well_formed(source: Source) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", source.id)
    assert source.files
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


def test_every_source_is_cited_by_a_builder() -> None:
    words = {
        word
        for name in ("build", "sources")
        for text in _strings(ROOT / "grids" / name)
        for word in text.split()
    }
    assert set(sources()) - words == set()


def test_every_file_the_readers_name_is_listed() -> None:
    """A reader joins folder and file name; both must be in sources.yaml, or `fetch` cannot bring them."""
    listed = {file.path for source in EVERY for file in source.files}
    folders = {path.split("/")[0] for path in listed}
    names = {path.split("/")[1] for path in listed}
    text = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "grids" / "sources").glob("*.py")))
    read = set(re.findall(r'"([^"\s{}]+\.(?:parquet|csv|csv\.gz|xlsx|nc|geojson|json|shp|png|npz))"', text))
    assert read
    assert {name.split("/")[-1] for name in read} - names == set()
    assert {name.split("/")[0] for name in read if "/" in name} - folders == set()


def test_licence_summary_groups_by_licence() -> None:
    line = licence_summary(["owid-energy", "eia-930", "test-material"])
    assert line.endswith("sources: CC-BY-4.0 (eia-930, owid-energy)")


def test_wrong_entries_are_all_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        "a": {"title": "A", "publisher": "P", "standing": "free", "files": [{"path": "x", "hash": "1"}]},
        "b": {**dict.fromkeys(("title", "publisher", "repository", "commit", "licence", "used"), "t"),
              "standing": "attribution", "files": [], "colour": "blue"},
    }  # fmt: skip
    monkeypatch.setattr(YAML, "load", lambda self, text: entries)
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
