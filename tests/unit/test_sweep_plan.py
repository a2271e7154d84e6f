"""Plans: what they may say, how they are cut, what a design makes of a scenario."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweep_factory import DESIGN, PLAN, write_plan

from capacity.errors import CapacityError
from capacity.sweep import design, plan
from capacity.sweep.plan import Layout
from scenarios import load


@given(variants=st.integers(1, 50), draws=st.integers(1, 500), block=st.integers(1, 600), first=st.integers(0, 99))
def test_tasks_cover_every_draw_of_every_variant_once(variants, draws, block, first):
    cut = Layout(variants, draws, block, first)
    seen = [(cut.place(task)[0], draw) for task in cut for draw in cut.draw_numbers(task)]
    assert seen == [(v, d) for v in range(variants) for d in range(first, first + draws)]
    assert cut.tasks == variants * cut.blocks


def test_a_task_beyond_the_last_is_refused():
    with pytest.raises(CapacityError, match="tasks 0 to 5"):
        Layout(2, 10, 4).place(6)


def test_a_plan_is_read_and_frozen(tmp_path):
    found = plan.read(write_plan(tmp_path))
    assert found.scenarios == ("reference", "us-flexible-load")
    assert found.year_range() == (2025, 2026)
    with pytest.raises(ValueError, match="frozen"):
        found.seed = 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLAN + "speed: 9\n", ["plan.yaml:8", "speed", "unknown key"]),
        (PLAN.replace("2025-2026", "soon"), ["years", "2025-2040"]),
        (PLAN.replace("2025-2026", "2010-2020"), ["2025 to 2060"]),
        (PLAN.replace("draws: 10", "draws: 0"), ["draws", "plan.yaml:3"]),
        (PLAN.replace("name: test", "name: ../../etc"), ["name"]),
        (PLAN.replace("reference,", "../other.yaml,"), ["leaves the plan's folder"]),
        (PLAN.replace("reference,", "/etc/passwd.yaml,"), ["leaves the plan's folder"]),
        (PLAN.replace("reference,", "reference+../other.yaml,"), ["leaves the plan's folder"]),
        (PLAN.replace("reference,", "reference+/etc/passwd,"), ["leaves the plan's folder"]),
        (PLAN.replace("reference,", "'C:\\x.yaml',"), ["leaves the plan's folder"]),
        (PLAN.replace("reference,", "'s3://x/y.yaml',"), ["leaves the plan's folder"]),
        (PLAN.replace("reference,", "us-flexible-load,"), ["named twice"]),
        (PLAN + "out: /somewhere\n", ["out", "unknown key"]),
        (PLAN.replace("seed: 5", "seed: !!python/object/apply:os.system [ls]"), ["tag"]),
        (PLAN + DESIGN.replace("points: 2", ""), ["points: say how many"]),
        (PLAN + DESIGN.replace("high: 0.02", "high: -1"), ["low < high"]),
        (PLAN + DESIGN.replace("sobol", "full_grid"), ["values"]),
        (PLAN + "draws: 11\n", ["given twice"]),
        ("- a\n- b\n", ["mapping"]),
        ("", ["mapping"]),
    ],
)
def test_a_wrong_plan_is_named_with_its_place(text, words, tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(text.lstrip())
    with pytest.raises(CapacityError) as caught:
        plan.read(path)
    for word in words:
        assert word in str(caught.value)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    inside = tmp_path / "plans"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text("name: secret\n")
    (inside / "linked.yaml").symlink_to(tmp_path / "secret.yaml")
    found = plan.read(write_plan(inside, scenarios="[linked.yaml]"))
    with pytest.raises(CapacityError, match="leads out of"):
        design.base_scenarios(found, inside)


def test_too_many_tasks_are_refused_before_anything_runs(tmp_path):
    found = plan.read(write_plan(tmp_path, draws=2_000_000, block=1))
    with pytest.raises(CapacityError, match="raise block"):
        plan.layout(found, 1)


def _design(text, tmp_path):
    found = plan.read(write_plan(tmp_path, PLAN + text))
    base = design.base_scenarios(found, tmp_path)
    return found, base, design.design_points(found, base)


def test_a_full_grid_is_every_combination(tmp_path):
    text = """
design:
  kind: full_grid
  parameters:
    us.curtailable_fraction: {values: [0.0, 0.01]}
    cn.curtailable_fraction: {values: [0.0, 0.005, 0.02]}
"""
    found, base, points = _design(text, tmp_path)
    assert len(points) == 2 * 6
    assert {tuple(p) for p in points} == {(a, b) for a in (0.0, 0.01) for b in (0.0, 0.005, 0.02)}
    names = design.variant_names(base, len(points))
    assert names[0] == "reference-0"
    assert names[6] == "us-flexible-load-0"
    assert len(set(names)) == 12
    assert design.parameter_names(found) == ("us.curtailable_fraction", "cn.curtailable_fraction")


@pytest.mark.parametrize("kind", ["latin_hypercube", "sobol"])
def test_random_designs_fill_their_ranges_and_repeat(kind, tmp_path):
    text = DESIGN.replace("sobol", kind).replace("points: 2", "points: 16")
    _, base, points = _design(text, tmp_path)
    assert points.shape == (32, 2)
    np.testing.assert_array_equal(points, _design(text, tmp_path)[2])
    assert (points[:, 0] >= 0.0).all()
    assert (points[:, 0] <= 0.02).all()
    # both kinds put one point in each sixteenth of each axis
    strata = np.floor(points[:16, 0] / 0.02 * 16).astype(int)
    assert sorted(strata) == list(range(16))
    span = base[0].parameter("us.build_multiplier").value.quantile(np.array([0.05, 0.95]))
    assert (points[:16, 1] >= span[0]).all()
    assert (points[:16, 1] <= span[1]).all()
    other = _design(text.replace("seed: 3", "seed: 4"), tmp_path)[2]
    assert (other != points).any()


def test_a_variant_freezes_its_parameters_and_nothing_else():
    (base,) = load(["reference"])
    made = design.variant(base, "reference-7", {"us.curtailable_fraction": 0.0123})
    years = np.array([2025, 2040])
    np.testing.assert_array_equal(
        made.parameter("us.curtailable_fraction").at([0.1, 0.9], years), np.full((2, 2), 0.0123)
    )
    assert made.name == "reference-7"
    assert "us.curtailable_fraction" in made.overridden
    changed = [a.id for a, b in zip(base.parameters, made.parameters, strict=True) if a != b]
    assert changed == ["us.curtailable_fraction"]


def test_every_fault_of_a_variant_is_named():
    (base,) = load(["reference"])
    with pytest.raises(CapacityError) as caught:
        design.variant(base, "x", {"us.curtailable_fraction": 7.0, "us.no_such_thing": 1.0})
    assert "outside the range" in str(caught.value)
    assert "us.no_such_thing" in str(caught.value)


def test_quantiles_of_a_constant_are_refused(tmp_path):
    with pytest.raises(CapacityError, match="no distribution"):
        _design(DESIGN.replace("us.build_multiplier", "cn.curtailable_fraction"), tmp_path)
