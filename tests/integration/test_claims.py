"""`gridflops claims` as a user runs it, on a made-up grid: files, a single claim alone, the command under a figure."""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from capacity.cli import main

pytestmark = pytest.mark.slow

DRAWS = ("--draws", "3", "--years", "2025-2031")


def gridflops(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(grid_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("claims") / "all"
    done = gridflops("claims", *DRAWS, "--grid", grid_file, "--out", out)
    assert done.exit_code == 0, done.output
    for number in range(1, 7):
        assert f"\n{number}. " in done.output
    assert "As stated it" in done.output
    return out


def test_all_claims_are_written(folder):
    names = {path.name for path in folder.iterdir()}
    assert {"claims.html", "claims.csv", "influences.csv", "ledger.csv", "parameters.csv", "manifest.json"} <= names
    stored = pd.read_csv(folder / "claims.csv")
    assert sorted(stored["claim"].unique()) == [1, 2, 3, 4, 5, 6]
    assert stored.groupby("claim")["probability"].first().between(0, 1).all()


def test_one_claim_alone_gives_the_same_figure_and_numbers(folder, grid_file, tmp_path):
    done = gridflops("claims", "--claim", 1, *DRAWS, "--grid", grid_file, "--out", tmp_path / "one", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [claim["number"] for claim in said["claims"]] == [1]
    everything = pd.read_csv(folder / "claims.csv")
    alone = pd.read_csv(tmp_path / "one" / "claims.csv")
    pd.testing.assert_frame_equal(alone, everything[everything["claim"] == 1].reset_index(drop=True), check_dtype=False)


def test_the_printed_command_makes_the_figure_again(folder, tmp_path):
    text = (folder / "claims.html").read_text(encoding="utf-8")
    command = html.unescape(re.findall(r"<pre><code>(.*?)</code></pre>", text)[1])
    assert "--claim 2 " in command
    shutil.copytree(folder, tmp_path / "kept")
    done = gridflops(*shlex.split(command)[1:])
    assert done.exit_code == 0, done.output
    assert (folder / "claim_2.png").read_bytes() == (tmp_path / "kept" / "claim_2.png").read_bytes()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "kept", folder)


class Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attrs if key in ("src", "href", "srcset", "data", "action") and value]


def test_page_names_no_address_outside(folder):
    text = (folder / "claims.html").read_text(encoding="utf-8")
    parser = Addresses()
    parser.feed(text)
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in parser.found)


def test_too_few_years_are_one_clear_line(grid_file, tmp_path):
    done = gridflops("claims", "--years", "2030", "--grid", grid_file, "--out", tmp_path / "x")
    assert done.exit_code == 1
    assert "2026 to 2031" in done.output
    assert not (tmp_path / "x").exists()


def test_an_out_that_is_no_run_is_refused_before_anything_runs(tmp_path):
    (Path(tmp_path) / "mine.txt").write_text("keep me")
    done = gridflops("claims", "--claim", 1, "--draws", 3, "--out", tmp_path)
    assert done.exit_code == 1
    assert "manifest.json" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
