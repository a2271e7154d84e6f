"""`gridflops scenarios ...` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scenarios import default_parameters, library
from scenarios.cli import scenarios


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(scenarios, arguments)


@pytest.mark.parametrize("command", [(), ("list",), ("show",), ("diff",), ("validate",), ("schema",)])
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    result = _run(*command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output


def test_list_names_the_library() -> None:
    assert all(name in _run("list").output for name in library())
    rows = json.loads(_run("list", "--json").output)
    assert [row["name"] for row in rows] == list(library())


def test_show_tells_what_is_overridden() -> None:
    text = _run("show", "us-flexible-load").output
    assert "us.curtailable_fraction" in text
    assert "2030: 0.01" in text
    assert "us.mfu" not in text
    shown = json.loads(_run("show", "us-flexible-load", "--json").output)
    assert [parameter["id"] for parameter in shown["parameters"]] == [
        "us.curtailable_fraction",
        "us.flexible_connection_share",
        "us.flexible_lag_factor",
    ]
    assert shown["parameters"][0]["value"] == {"kind": "path", "nodes": {"2025": 0.005, "2030": 0.01}}
    assert len(shown["hash"]) == 64


def test_show_all_has_every_parameter() -> None:
    shown = json.loads(_run("show", "reference", "--all", "--json").output)
    assert [parameter["id"] for parameter in shown["parameters"]] == list(default_parameters())
    assert "Nothing is overridden" in _run("show", "reference").output


def test_a_wrong_name_is_one_clear_line() -> None:
    result = _run("show", "us-flexibel-load")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: unknown scenario 'us-flexibel-load'; did you mean 'us-flexible-load'? (a file's name ends in .yaml)"
    ]


def test_diff_has_both_values_units_labels_and_sources() -> None:
    text = _run("diff", "us-flexible-load", "us-stagnant-grid").output
    assert "us.curtailable_fraction" in text
    assert "Sources of us-flexible-load" in text
    assert "cn.mfu" not in text
    found = json.loads(_run("diff", "reference", "us-flexible-load", "--json").output)
    assert (found["a"]["name"], found["b"]["name"]) == ("reference", "us-flexible-load")
    row = next(row for row in found["parameters"] if row["id"] == "us.curtailable_fraction")
    assert row["unit"] == "1"
    assert row["a"]["value"] == {"kind": "constant", "value": 0.005}
    assert row["b"]["value"] == {"kind": "path", "nodes": {"2025": 0.005, "2030": 0.01}}
    assert "Norris" in row["a"]["source"]
    assert row["b"]["label"] == "J"


def test_diff_of_a_scenario_with_itself_and_of_a_composition() -> None:
    assert _run("diff", "reference", "reference").output == "reference and reference set every parameter alike.\n"
    alone = json.loads(_run("diff", "reference", "us-flexible-load", "--json").output)
    joint = json.loads(_run("diff", "regimes-swapped", "us-flexible-load+regimes-swapped", "--json").output)
    assert joint["parameters"] == alone["parameters"]
    assert _run("diff", "reference", "us-flexible-lod").exit_code == 1


def test_validate_passes_the_sound_and_lists_the_rest(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("name: good\ntitle: T\nrationale: R\nsources: [S]\n")
    bad.write_text("name: bad\ntitle: T\nrationale: R\nsources: [S]\noverrides: {us.mfu: 1, us.mfx: 2}\n")
    passed = _run("validate", str(good), "reference")
    assert passed.exit_code == 0
    assert passed.stdout.splitlines() == [f"{good}: sound", "reference: sound"]
    failed = _run("validate", str(good), str(bad))
    assert failed.exit_code == 1
    assert f"{good}: sound" in failed.stdout
    assert failed.stderr.startswith("Error: 3 problems\n")
    assert failed.stderr.count(f"{bad}:5: overrides.us.mf") == 3
    listed = json.loads(_run("validate", str(good), str(bad), "--json").stdout)
    assert listed[str(good)] == []
    assert len(listed[str(bad)]) == 3


def test_schema_is_json() -> None:
    assert json.loads(_run("schema").output)["title"] == "gridflops scenario"


def test_the_command_group_loads_without_the_heavy_libraries() -> None:
    code = (
        "import sys, scenarios.cli; "
        "print([name for name in ('numpy', 'pydantic', 'scipy', 'rich', 'pandas', 'xarray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
