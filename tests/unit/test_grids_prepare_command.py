"""Preparing originals as a user meets it: what is made, kept, missing, or told to be made by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from grids import prepare as preparing
from grids import prepare_tables as tables
from grids.build import bundle
from grids.cli import grids as command
from grids.fetch import DOWNLOADABLE_HOSTS
from grids.originals import checksum, outcome, upstream_path, upstream_urls
from grids.prepare import RULES, prepare, prepare_file
from grids.provenance import Source, SourceFile, sources
from grids.variables import GridDataError


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Source:
    """A source of a compressed copy, a table of two parts and a file without a rule."""
    base = "https://raw.githubusercontent.com/o/r/c/data"
    files = (
        SourceFile("demo/a.csv.gz", f"{base}/a.csv", None, "gzip", prepared="checked-upstream"),
        SourceFile("demo/b.csv", "https://example.org", None, "joined", (f"{base}/{{x, y}}.csv",), "unchecked"),
        SourceFile("demo/c.csv", "https://example.org", None, "typed"),
        SourceFile("demo/d.csv", f"{base}/d.csv", "0" * 64, None),
    )
    words = {"title": "t", "publisher": "p", "repository": "https://example.org", "commit": None, "note": ""}
    source = Source(id="demo", files=files, licence="CC0-1.0", standing="attribution", used="tests", **words)
    rules: dict[str, Callable[..., object]] = {
        "demo/a.csv.gz": tables.same_bytes,
        "demo/b.csv": lambda parts: pd.concat(pd.read_csv(part) for part in parts),
    }
    monkeypatch.setattr(preparing, "sources", lambda: {"demo": source})
    monkeypatch.setattr(preparing, "RULES", rules)
    return source


def _place(target: Path, name: str, text: str) -> None:
    path = target / "upstream" / "demo" / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_addresses_are_written_out_and_kept_apart(demo: Source) -> None:
    urls = upstream_urls(demo.files[1])
    assert [upstream_path(demo, url) for url in urls] == ["upstream/demo/data/x.csv", "upstream/demo/data/y.csv"]
    wheel = "https://files.pythonhosted.org/packages/26/k-1.whl#sha256=abc"
    assert upstream_path(demo, wheel) == "upstream/demo/k-1.whl"
    assert (checksum(wheel), checksum(urls[0])) == ("abc", None)


def test_prepares_what_it_can_and_keeps_what_is_there(demo: Source, tmp_path: Path) -> None:
    for name in ("a.csv", "x.csv", "y.csv"):
        _place(tmp_path, name, f"n\n{name}\n")
    made = prepare(tmp_path)
    assert [(row.path, row.status) for row in made] == [
        ("demo/a.csv.gz", "prepared"),
        ("demo/b.csv", "prepared"),
        ("demo/c.csv", "by hand"),
    ]
    assert gzip.decompress((tmp_path / "demo/a.csv.gz").read_bytes()) == b"n\na.csv\n"
    assert (tmp_path / "demo/b.csv").read_text(encoding="utf-8") == "n\nx.csv\ny.csv\n"
    before = (tmp_path / "demo/a.csv.gz").read_bytes()
    (tmp_path / "demo/b.csv").write_text("mine", encoding="utf-8")
    assert [row.status for row in prepare(tmp_path)] == ["kept", "kept", "by hand"]
    assert (tmp_path / "demo/b.csv").read_text(encoding="utf-8") == "mine"
    (tmp_path / "demo/a.csv.gz").unlink()
    prepare(tmp_path)
    assert (tmp_path / "demo/a.csv.gz").read_bytes() == before, "no time stamp"


def test_all_problems_come_at_once_and_nothing_half_made_stays(demo: Source, tmp_path: Path) -> None:
    _place(tmp_path, "x.csv", "n\n1\n")
    _place(tmp_path, "y.csv", 'n\n"')
    with pytest.raises(GridDataError) as caught:
        prepare(tmp_path)
    first, second = caught.value.problems
    assert "demo/a.csv.gz: 1 of 1 public files missing" in first
    assert "gridflops grids fetch" in first
    assert "demo/b.csv: cannot be made from" in second
    assert "x.csv and others" in second
    assert not list(tmp_path.rglob(".*"))
    assert not (tmp_path / "demo").exists()
    with pytest.raises(GridDataError, match="unknown source other; known: demo"):
        prepare(tmp_path, ["other"])


def test_a_missing_package_is_named(demo: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(parts: object) -> object:
        raise ImportError("Missing optional dependency 'openpyxl'")

    _place(tmp_path, "a.csv", "")
    monkeypatch.setitem(preparing.RULES, "demo/a.csv.gz", rule)  # type: ignore[arg-type]
    with pytest.raises(GridDataError, match=r"openpyxl.*gridflops\[build\]"):
        prepare_file(tmp_path, demo, demo.files[0])


def test_command_prepares_and_says_what_is_left(demo: Source, tmp_path: Path) -> None:
    for name in ("a.csv", "x.csv", "y.csv"):
        _place(tmp_path, name, "n\n1\n")
    done = CliRunner().invoke(command, ["prepare", str(tmp_path), "--json"])
    assert done.exit_code == 0
    assert [row["status"] for row in json.loads(done.output)] == ["prepared", "prepared", "by hand"]
    told = CliRunner().invoke(command, ["prepare", str(tmp_path)])
    assert "3 originals; 1 to make by hand" in told.output
    assert outcome(demo, demo.files[2], "by hand").how == "typed"


def test_every_file_that_is_no_copy_has_a_rule() -> None:
    remade = [file for source in sources().values() for file in source.files if file.sha256 is None]
    assert {file.path for file in remade} == set(RULES)
    assert all(file.reencoded and file.prepared for file in remade)


def test_every_file_can_be_downloaded_by_a_program() -> None:
    for source in sources().values():
        for file in source.files:
            for url in upstream_urls(file):
                assert urlsplit(url).hostname in DOWNLOADABLE_HOSTS, file.path
                assert "/tree/" not in url, file.path


# ---- the width of cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", ["0.3", "1", "fine"])
def test_build_refuses_another_width_of_cells(width: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["build", "--originals", str(tmp_path), "--cell-degrees", width])
    assert done.exit_code == 2
    assert "'0.5'" in done.output
    assert "'0.25'" in done.output


def test_width_of_cells_reaches_the_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def parts(originals: Path, cell_degrees: float, say: object) -> dict[str, xr.Dataset]:
        seen.append(cell_degrees)
        raise GridDataError("enough")

    monkeypatch.setattr(bundle, "_checksums", lambda originals: {})
    monkeypatch.setattr(bundle, "_parts", parts)
    for options in ([], ["--cell-degrees", "0.25"]):
        done = CliRunner().invoke(command, ["build", "--originals", str(tmp_path), *options])
        assert done.exit_code == 1
        assert "enough" in done.output
    assert seen == [0.5, 0.25]
    with pytest.raises(GridDataError, match=r"0\.5 or 0\.25 degrees wide, got 0\.3"):
        bundle.build_bundle(tmp_path, tmp_path / "grid.nc", cell_degrees=0.3)
