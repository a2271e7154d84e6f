"""Both YAML parsers read every file of the packages alike."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from grids.tables import nodes, plain
from scenarios import yaml_text

ROOT = Path(__file__).parents[2]
FILES = [file for package in ("capacity", "grids", "scenarios") for file in sorted((ROOT / package).rglob("*.yaml"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_both_parsers_read_a_file_of_the_packages_alike(file):
    text = file.read_text(encoding="utf-8")
    quick, careful = plain(text), YAML(typ="safe").load(text)  # which refuses a key that is given twice
    assert repr(quick) == repr(careful)


@pytest.mark.parametrize("folder", ["parameters", "library", "data"])
def test_documents_are_alike_with_their_lines(folder, tmp_path):
    for file in (ROOT / "scenarios" / folder).glob("*.yaml"):
        elsewhere = tmp_path / file.name
        elsewhere.write_bytes(file.read_bytes())
        quick, careful = yaml_text.read(file), yaml_text.read(elsewhere)
        assert (quick.content, quick.lines, quick.problems) == (careful.content, careful.lines, careful.problems)
        assert quick.lines
        assert not quick.problems


def test_words_are_those_of_yaml_1_2():
    assert plain("[no, on, 1e-3, 0o17, 12:30, 1_000, ~]") == ["no", "on", 1e-3, 15, "12:30", 1000, None]


def test_a_text_that_is_no_yaml_is_refused_and_then_named_with_its_line(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="line 3"):
        nodes("a: 1\nb: [")
    file = tmp_path / "broken.yaml"
    file.write_text("a: 1\nb: [\n", encoding="utf-8")
    before = yaml_text.read(file).problems
    monkeypatch.setattr(yaml_text, "OURS", (tmp_path,))
    assert yaml_text.read(file).problems == before
    assert "not valid YAML" in str(before[0])
