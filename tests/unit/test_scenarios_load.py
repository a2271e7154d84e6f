"""Reading scenarios: the library, merging, and errors that list every problem with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenarios import ScenarioError, default_parameters, json_schema, library, load, scenario_hash
from scenarios.distributions import KINDS
from scenarios.document import BEGIN, with_table
from scenarios.loading import LIBRARY

HEADER = "name: mine\ntitle: Mine\nrationale: A test.\nsources: [Test.]\n"
PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str, name: str = "mine.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def _problems(*asked: str | Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load(asked)
    return [f"{problem.line}: {problem.key}: {problem.value}: {problem.message}" for problem in caught.value.problems]


def test_library_begins_with_reference_and_holds_the_four() -> None:
    assert library()[0] == "reference"
    assert {"us-stagnant-grid", "cn-five-year-plan-surge", "us-flexible-load"} < set(library())


def test_library_is_sound_and_each_scenario_but_reference_changes_something() -> None:
    scenarios = load(library())
    assert [scenario.name for scenario in scenarios] == list(library())
    reference = scenarios[0]
    assert reference.overridden == ()
    assert reference.parameters == tuple(default_parameters().values())
    for scenario in scenarios[1:]:
        changed = {p.id for p, q in zip(scenario.parameters, reference.parameters, strict=True) if p.value != q.value}
        assert changed == set(scenario.overridden)
        assert changed


def test_hash_follows_the_numbers_not_the_words(write: Write) -> None:
    (reference, flexible) = load(["reference", "us-flexible-load"])
    (renamed,) = load([write(HEADER)])
    assert scenario_hash(renamed) == scenario_hash(reference)
    assert scenario_hash(flexible) != scenario_hash(reference)


def test_override_replaces_value_label_and_source_and_keeps_the_meaning(write: Write) -> None:
    text = HEADER + "overrides:\n  us.mfu: {value: 0.4, label: F, source: A paper., unit: '1'}\n"
    (scenario,) = load([write(text)])
    mine, default = scenario.parameter("us.mfu"), default_parameters()["us.mfu"]
    assert (mine.label, mine.source) == ("F", "A paper.")
    assert (mine.description, mine.range, mine.unit) == (default.description, default.range, default.unit)
    assert scenario.parameter("cn.mfu") == default_parameters()["cn.mfu"]


def test_every_problem_is_listed_with_its_line(write: Write) -> None:
    text = """\
name: other
titel: Mine
rationale: A test.
sources: []
overrides:
  us.curtailable_fracton: {value: 0.01, label: F, source: me}
  us.curtailable_fraction:
    value: {kind: path, nodes: {2025: 0.005, 2030: 0.5}}
    label: F
    unit: percent
    source: me
  us.mfu: 0.4
  cn.mfu: {value: {kind: normal, mean: 0.5, sd: 0.4}, label: J, source: me}
  us.busy_share: {value: {kind: norml, mean: 0.5}, label: Q, source: me}
  cn.busy_share:
    value: 0.5
    label: J
    source: me
    label: F
  us.reserve_margin: {value: {kind: normal, mean: 0.1, sdd: 0.01}, label: J, source: me}
"""
    assert _problems(write(text)) == [
        "1: title: : is missing",
        "2: titel: 'Mine': unknown key; did you mean 'title'? (known: name, title, rationale, sources, "
        "overrides, flexible_load, correlation)",
        "4: sources: : must not be empty",
        "6: overrides.us.curtailable_fracton: : unknown parameter; did you mean 'us.curtailable_fraction'?",
        "8: overrides.us.curtailable_fraction.value: : 2030: 0.5 lies outside the range 0 to 0.1 [1]",
        "10: overrides.us.curtailable_fraction.unit: 'percent': the unit of us.curtailable_fraction is '1'",
        "12: overrides.us.mfu: 0.4: must be a mapping with value, label and source",
        "13: overrides.cn.mfu.value: : the 0.1-99.9 % span, -0.7361 to 1.736, leaves the range 0 to 1 [1]",
        f"14: overrides.us.busy_share.value: 'norml': unknown kind; did you mean 'normal'? (known: {', '.join(KINDS)})",
        "14: overrides.us.busy_share.label: 'Q': should be 'F', 'P', 'R' or 'J'",
        "16: overrides.cn.busy_share.value: : labelled J, so it must be a distribution, "
        "or say why not in fixed_because",
        "19: overrides.cn.busy_share.label: : given twice, first on line 17; keep one",
        "20: overrides.us.reserve_margin.value.sd: : is missing",
        "20: overrides.us.reserve_margin.value.sdd: 0.01: unknown key; did you mean 'sd'? (known: kind, mean, sd)",
    ]


def test_name_must_be_that_of_the_file(write: Write) -> None:
    assert _problems(write(HEADER.replace("mine", "yours"))) == ["1: name: 'yours': must equal the file's name, 'mine'"]


def test_problems_of_several_files_and_names_come_together(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        load([write("name: [\n"), "us-flexible-lod", "zzz", tmp_path / "none.yaml", tmp_path])
    text = str(caught.value)
    assert text.startswith("5 problems")
    assert f"{tmp_path / 'mine.yaml'}:2: not valid YAML" in text
    assert "unknown scenario 'us-flexible-lod'; did you mean 'us-flexible-load'?" in text
    assert "unknown scenario 'zzz'; the library has reference" in text
    assert f"{tmp_path / 'none.yaml'}: no such file" in text
    assert "is a folder" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("- a\n- b\n", "must be a mapping"),
        ("just words\n", "must be a mapping"),
        (f"{HEADER}---\n{HEADER}", "not valid YAML: but found another document"),
        (HEADER + "overrides: &x {}\nextra: *x\n", "aliases"),
        (HEADER + "overrides: &x\n  a: *x\n", "aliases"),
        (HEADER + "overrides: !!python/object:os.system {}\n", "is not allowed; plain values only"),
        (HEADER + "overrides:\n  <<: {a: 1}\n", "merge keys are not allowed"),
        (HEADER + "overrides:\n  ? [a, b]\n  : 1\n", "keys must be plain words"),
        (HEADER + "overrides:\n  us.mfu: {value: .nan, label: F, source: me}\n", "finite"),
        (HEADER + "overrides:\n  us.mfu: {value: 007, label: F, source: me}\n", "not a number that can be read"),
        (HEADER + "overrides:\n  us.mfu: {value: '0.4', label: F, source: me}\n", "must be a number, or a mapping"),
        (HEADER + "overrides:\n  us.mfu: {value: , label: F, source: me}\n", "must be a number, or a mapping"),
        (HEADER + "overrides:\n  2030: {value: 1, label: F, source: me}\n", "unknown parameter"),
        (HEADER + "overrides: 5\n", "must be a mapping"),
        (HEADER + "\tx: 1\n", "not valid YAML"),
        (HEADER + "note: " + "x" * 1_000_001, "not a scenario"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(write: Write, text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        load([write(text)])


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff\xfe")
    assert _problems(path) == ["None: : : not UTF-8 text (byte 6)"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(text=st.text(alphabet="abus.mf:{}[]-,&*!|>'\"#%\n\t 012", max_size=80))
def test_no_text_gets_past_or_breaks_the_reader(write: Write, text: str) -> None:
    with pytest.raises(ScenarioError):
        load([write(text)])


def test_the_same_scenario_twice_is_an_error_and_so_is_none() -> None:
    with pytest.raises(ScenarioError, match="asked for twice"):
        load(["reference", "reference"])
    with pytest.raises(ScenarioError, match="no scenario given"):
        load([])


def test_a_single_name_is_taken_as_one() -> None:
    assert load("reference") == load(["reference"])


def test_json_schema_is_closed_and_covers_every_parameter() -> None:
    schema = json_schema()
    overrides = schema["properties"]["overrides"]
    assert schema["additionalProperties"] is False
    assert overrides["additionalProperties"] is False
    assert overrides["properties"].keys() == default_parameters().keys()
    kinds: dict[str, Any] = schema["$defs"]["Override"]["properties"]["value"]["anyOf"][1]
    assert kinds["discriminator"]["mapping"].keys() == KINDS.keys()
    assert all(schema["$defs"][model.__name__]["additionalProperties"] is False for model in KINDS.values())


def test_parameter_table_of_the_documentation_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page
    assert page == with_table(page), "run: python -m scenarios.document docs/scenarios.md"


def test_example_of_the_documentation_is_sound(write: Write) -> None:
    page = PAGE.read_text(encoding="utf-8")
    example = page.split("<!-- example: begin -->")[1].split("<!-- example: end -->")[0]
    (scenario,) = load([write(example.replace("```yaml", "").replace("```", ""))])
    assert scenario.overridden == ("us.addition_limit_gas", "us.curtailable_fraction")


def test_every_library_scenario_says_why_and_from_what() -> None:
    for path in LIBRARY.glob("*.yaml"):
        (scenario,) = load([path])
        assert len(scenario.rationale) > 100
        assert scenario.sources
