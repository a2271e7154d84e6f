"""Scenarios that are composed: a+b."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_factory import write_plan

from capacity.errors import CapacityError
from capacity.sweep import design, plan
from scenarios import Scenario, ScenarioError, default_parameters, library, load, scenario_hash
from scenarios.composing import compose
from scenarios.distributions import Constant

LIBRARY = load(library())
IDS = tuple(default_parameters())


def _file(folder: Path, name: str, overrides: str) -> Path:
    path = folder / f"{name}.yaml"
    head = f"name: {name}\ntitle: T {name}\nrationale: R {name}.\nsources: [S {name}, Both.]\n"
    path.write_text(f"{head}overrides: {{{overrides}}}\n", encoding="utf-8")
    return path


def _at(parameter_id: str, place: float) -> Constant:
    low, high = default_parameters()[parameter_id].range
    return Constant(value=low + place * (high - low))


def _made(name: str, places: dict[str, float]) -> Scenario:
    """A scenario that sets parameters to places between the ends of their ranges, as if read from a file."""
    said = {"label": "F", "source": f"Of {name}.", "fixed_because": None}
    changed = {
        key: default_parameters()[key].model_copy(update={**said, "value": _at(key, place)})
        for key, place in places.items()
    }
    merged = tuple(changed.get(p.id, p) for p in default_parameters().values())
    return Scenario(
        name=name, title=name, rationale=name, sources=(name,), overridden=tuple(sorted(places)), parameters=merged
    )


def test_the_overrides_of_all_members_hold() -> None:
    both, flexible, surge = load(
        ["us-flexible-load+cn-five-year-plan-surge", "us-flexible-load", "cn-five-year-plan-surge"]
    )
    assert both.name == "us-flexible-load+cn-five-year-plan-surge"
    assert both.overridden == tuple(sorted({*flexible.overridden, *surge.overridden}))
    for parameter in both.parameters:
        owner = flexible if parameter.id in flexible.overridden else surge
        assert parameter == owner.parameter(parameter.id)
    for member in (flexible, surge):
        assert member.title in both.title
        assert member.rationale in both.rationale
        assert set(member.sources) <= set(both.sources)


def test_a_file_composes_with_a_name_and_its_hash_is_that_of_one_file_with_all(tmp_path: Path) -> None:
    mine = _file(tmp_path, "mine", "cn.mfu: {value: 0.3, label: F, source: A.}")
    more = _file(tmp_path, "more", "us.mfu: {value: 0.4, label: F, source: B.}")
    whole = _file(
        tmp_path, "whole", "us.mfu: {value: 0.4, label: F, source: B.}, cn.mfu: {value: 0.3, label: F, source: A.}"
    )
    joint, one, with_default = load([f"{mine}+{more}", whole, f"reference+{mine}"])
    assert (joint.name, with_default.name) == ("mine+more", "reference+mine")
    assert joint.parameters == one.parameters
    assert joint.sources == ("S mine", "Both.", "S more")
    assert scenario_hash(joint) == scenario_hash(one)
    assert scenario_hash(with_default) == scenario_hash(load([mine])[0])


def test_a_path_that_holds_a_plus_is_that_file(tmp_path: Path) -> None:
    folder = tmp_path / "a+b"
    folder.mkdir()
    mine = _file(folder, "mine", "")
    assert load([str(mine)])[0].name == load([mine])[0].name == "mine"
    assert load([("reference", mine)])[0].name == "reference+mine"


def test_a_conflict_names_both_scenarios_the_parameter_and_both_values(tmp_path: Path) -> None:
    one = _file(
        tmp_path, "one", "us.mfu: {value: 0.4, label: F, source: A.}, cn.mfu: {value: 0.3, label: F, source: A.}"
    )
    two = _file(
        tmp_path,
        "two",
        "us.mfu: {value: {kind: beta, a: 2, b: 3}, label: J, source: B.}, cn.mfu: {value: 0.2, label: F, source: B.}",
    )
    with pytest.raises(ScenarioError) as caught:
        load([f"{two}+{one}", "us-flexible-lod"])
    cn, us, unknown = map(str, caught.value.problems)
    assert cn.startswith("two+one: cn.mfu: one sets 0.3 [1] and two sets 0.2; ")
    assert us.startswith("two+one: us.mfu: one sets 0.4 [1] and two sets beta(a 2, b 3); ")
    assert "did you mean 'us-flexible-load'" in unknown


def test_the_same_value_twice_is_no_conflict(tmp_path: Path) -> None:
    one = _file(tmp_path, "one", "us.mfu: {value: 1, label: F, source: A.}")
    two = _file(tmp_path, "two", "us.mfu: {value: 1.0, label: P, source: B.}")
    for asked in (f"{one}+{two}", f"{two}+{one}"):
        (both,) = load([asked])
        assert (both.parameter("us.mfu").label, both.parameter("us.mfu").source) == ("F", "A.")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["regimes-swapped+regimes-swapped"], "composed with itself"),
        (["us-flexible-load+"], "without a name beside a +"),
        (["+"], "without a name beside a +"),
        (["us-flexible-load+regimes-swappd"], "did you mean 'regimes-swapped'"),
        (["us-flexible-load+regimes-swapped", "regimes-swapped+us-flexible-load"], "asked for twice, also as"),
    ],
)
def test_what_cannot_be_composed_is_refused(asked: list[str], said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(asked)
    assert said in str(caught.value)


values = st.dictionaries(st.sampled_from(IDS), st.sampled_from([0.25, 0.5]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(tables=st.lists(values, min_size=2, max_size=4), order=st.randoms(use_true_random=False))
def test_order_changes_the_name_and_nothing_else(tables: list[dict[str, float]], order: object) -> None:
    members = [_made(f"m{i}", table) for i, table in enumerate(tables)]
    clashes = {key for key in IDS if len({table[key] for table in tables if key in table}) > 1}
    shuffled = list(members)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    if clashes:
        for some in (members, shuffled):
            with pytest.raises(ScenarioError) as caught:
                compose(some)
            assert {problem.key for problem in caught.value.problems} == clashes
        return
    one, other = compose(members), compose(shuffled)
    assert one.parameters == other.parameters
    assert one.overridden == other.overridden
    assert scenario_hash(one) == scenario_hash(other)
    assert sorted(one.name.split("+")) == sorted(other.name.split("+"))
    for key, place in {key: place for table in tables for key, place in table.items()}.items():
        assert one.parameter(key).value == _at(key, place)
    untouched = [p for p in one.parameters if p.id not in one.overridden]
    assert all(p == default_parameters()[p.id] for p in untouched)


@settings(max_examples=30, deadline=None)
@given(a=st.sampled_from(LIBRARY), b=st.sampled_from(LIBRARY), c=st.sampled_from(LIBRARY))
def test_composing_step_by_step_is_composing_at_once(a: Scenario, b: Scenario, c: Scenario) -> None:
    if len({a.name, b.name, c.name}) < 3:
        return
    try:
        at_once = compose([a, b, c])
    except ScenarioError:
        with pytest.raises(ScenarioError):
            compose([compose([a, b]), c])
        return
    assert scenario_hash(compose([compose([a, b]), c])) == scenario_hash(at_once)
    assert scenario_hash(compose([a, compose([b, c])])) == scenario_hash(at_once)


def test_a_sweep_composes_too(tmp_path: Path) -> None:
    _file(tmp_path, "mine", "cn.mfu: {value: 0.3, label: F, source: A.}")
    found = plan.read(write_plan(tmp_path, scenarios="[reference, us-flexible-load+mine.yaml]"))
    base = design.base_scenarios(found, tmp_path)
    assert [s.name for s in base] == ["reference", "us-flexible-load+mine"]
    assert base[1].parameter("cn.mfu").value == Constant(value=0.3)
    assert [s.name for s in (design.variant(base[1], f"{base[1].name}-07", {"us.mfu": 0.5}),)] == [
        "us-flexible-load+mine-07"
    ]
    for escape in ("reference+../mine.yaml", "reference+/etc/hosts"):
        with pytest.raises(CapacityError, match="leaves the plan's folder"):
            plan.read(write_plan(tmp_path, scenarios=f"[{escape}]"))
