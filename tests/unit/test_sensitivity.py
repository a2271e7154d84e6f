"""Sensitivity: estimators on functions with known answers, draws that mix, and a small study of the real chain."""

import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid
from scipy.stats import sobol_indices, uniform

from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.sensitivity import dependent, estimators, study
from capacity.sensitivity.draws import NAMES, MixedDraws, OneAtATime, group_of_stream
from capacity.sensitivity.information import FOLDS, predict_unseen, worth_of_knowing
from capacity.sensitivity.model import Model
from cuda_kernels import philox
from scenarios import load

# Ishigami and Homma 1990 with a = 7, b = 0.1: first order and total known in closed form.
FIRST, TOTAL = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)


def ishigami(x):
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])


def inputs(rows):
    """Three uniforms on (-pi, pi) from the project's generator, by draw numbers (run, 3)."""
    u = np.stack([philox.uniform(5, rows[:, i], i, 0) for i in range(3)])
    return np.pi * (2 * u - 1)


def exchanged(a, b, groups):
    """Draw numbers (run, group) with the marked groups (step, n, group) from b."""
    return np.where(groups, b[:, None], a[:, None]).reshape(-1, groups.shape[-1])


def test_sobol_of_ishigami_and_equal_to_scipy():
    n = 8192
    a, b = np.arange(n), np.arange(n, 2 * n)
    one = np.broadcast_to(np.eye(3, dtype=bool)[:, None, :], (3, n, 3))
    f_a, f_b = (ishigami(inputs(np.tile(ids[:, None], 3))) for ids in (a, b))
    f_ab = ishigami(inputs(exchanged(a, b, one))).reshape(3, n)
    first, total = estimators.sobol(f_a, f_b, f_ab, f_ab)
    for found, want in ((first, FIRST), (total, TOTAL)):
        assert (np.abs(found.value - want) < 4 * found.error).all()
        assert (found.error < 0.02).all()
    dists = [uniform(-np.pi, 2 * np.pi)] * 3
    theirs = sobol_indices(func={"f_A": f_a[None], "f_B": f_b[None], "f_AB": f_ab[:, None]}, n=n, dists=dists)
    np.testing.assert_allclose(first.value, theirs.first_order, atol=1e-12)
    np.testing.assert_allclose(total.value, theirs.total_order, atol=1e-12)


def test_shapley_of_ishigami():
    """The interaction of the first and third input, 0.2437 of the variance, is halved between them."""
    n = 8192
    order = np.random.default_rng(1).permuted(np.tile(np.arange(3), (n, 1)), axis=1)
    rows = exchanged(np.arange(n), np.arange(n, 2 * n), estimators.chain_steps(order))
    found = estimators.shapley(ishigami(inputs(rows)), order)
    want = np.array([FIRST[0] + TOTAL[2] / 2, FIRST[1], TOTAL[2] / 2])
    assert found.value.sum() == pytest.approx(1.0)
    assert (np.abs(found.value - want) < 4 * found.error).all()
    assert (found.error < 0.03).all()


def test_an_output_without_spread_has_no_influences():
    ones = np.ones(8)
    first, total = estimators.sobol(ones, ones, np.ones((3, 8)), np.ones((3, 8)), resamples=4)
    assert not first.value.any()
    assert not total.value.any()
    assert not estimators.shapley(np.ones(32), np.tile(np.arange(3), (8, 1))).value.any()


def test_chains_exchange_one_group_a_step():
    chain = exchanged(np.array([4]), np.array([9]), estimators.chain_steps(np.array([[2, 0, 1]])))
    assert chain.tolist() == [[4, 4, 4], [4, 4, 9], [9, 4, 9], [9, 9, 9]]


def test_worth_of_knowing_a_linear_input():
    """y = 2 x + z > 0? With x known the answer is right in 1/2 + arctan(2) / pi of the cases, else in half of them."""
    x, z, other = np.random.default_rng(2).normal(size=(3, 4000))
    y = 2 * x + z
    known, noise = (worth_of_knowing(predict_unseen(score[:, None], y), y, 0.0) for score in (x, other))
    assert known.value == pytest.approx(np.arctan(2.0) / np.pi, abs=0.03)
    assert known.explained == pytest.approx(0.8, abs=0.02)
    assert noise.value < 0.02
    assert noise.explained < 0.01


def test_features_that_say_nothing_hide_none_that_does():
    rng = np.random.default_rng(4)
    scores, z = rng.normal(size=(600, 400)), rng.normal(size=600)
    assert _explained(predict_unseen(scores, z), z) < 0.01
    y = scores[:, 7] + z
    assert _explained(predict_unseen(scores, y), y) == pytest.approx(0.5, abs=0.1)


def _explained(predicted, output):
    return 1 - ((output - predicted) ** 2).sum() / ((output - output.mean()) ** 2).sum()


def test_predictions_are_those_of_fits_that_have_not_seen_the_draw():
    rng = np.random.default_rng(5)
    x = rng.normal(size=400)
    y = 3 * x + 0.01 * rng.normal(size=400)
    fold = np.arange(400) % FOLDS
    want = np.empty(400)
    for left_out in range(FOLDS):
        fit = np.polyfit(x[fold != left_out], y[fold != left_out], 2)
        want[fold == left_out] = np.polyval(fit, x[fold == left_out])
    np.testing.assert_allclose(predict_unseen(x[:, None], y), want, atol=0.05)


def test_mixed_draws_take_each_group_from_its_own_number():
    scenario, years = load(["reference"])[0], np.arange(2025, 2027)
    rows = np.full((3, len(NAMES)), 7)
    rows[1, NAMES.index("chips")] = 11
    rows[2, NAMES.index("adequacy")] = 11
    mixed = MixedDraws(1, np.arange(3), years, scenario, by_group=rows)
    plain = Draws(1, np.array([7, 11]), years, scenario)
    for name, moved in (("us_aligned_growth_2026", 1), ("us.reserve_margin", 2)):
        want = plain.parameter(name)[[int(row == moved) for row in range(3)]]
        np.testing.assert_array_equal(mixed.parameter(name), want)
    np.testing.assert_array_equal(mixed.uniform("weather_year"), plain.uniform("weather_year")[[0, 0, 1]])
    assert mixed.reads.groups() == {"chips", "adequacy"}
    with pytest.raises(CapacityError, match="belongs to no group"):
        group_of_stream("tea_leaves")


def test_one_at_a_time_moves_one():
    scenario, years = load(["reference"])[0], np.arange(2025, 2027)
    moved = [None, ("us.reserve_margin", 0.9)]
    draws = OneAtATime(1, np.arange(2), years, scenario, moved=moved)
    middle, high = scenario.parameter("us.reserve_margin").at(np.array([0.5, 0.9]), years)
    np.testing.assert_array_equal(draws.parameter("us.reserve_margin"), [middle, high])
    still = draws.parameter("cn.reserve_margin")
    np.testing.assert_array_equal(still[0], still[1])


@cache
def model():
    return Model(tiny_grid(), load(["reference"])[0], 3, 2027, engine="numpy")


def test_the_grid_is_solved_once_for_each_mixture_it_reads():
    """Equal to the chain without any saving; the groups and factors left out of the grid change nothing there."""
    a, b = (Draws(3, ids, model().years, model().scenario) for ids in (np.arange(3), np.arange(3, 6)))
    one = np.eye(len(NAMES), dtype=bool)[:, None, :]
    parts = [(a, b, np.zeros_like(one[:1])), (b, a, ~one), (a, b, one)]
    rows = dependent.Rows.join([dependent.exchanged(*part) for part in parts])
    model().cost(rows)
    deployed = model().deployed(rows)
    mixed = MixedDraws(3, np.arange(len(rows)), model().years, model().scenario, by_group=rows.ids, shared=rows.factors)
    np.testing.assert_allclose(deployed, model().deployed_of(mixed), rtol=1e-12)
    np.testing.assert_allclose(deployed[:3], model().deployed_of(a), rtol=1e-12)
    assert (deployed > 0).all()


def test_what_is_correlated_is_read():
    """A loading on a parameter that no draw is taken of would say something and do nothing."""
    a = Draws(3, np.arange(2), model().years, model().scenario)
    rows = dependent.exchanged(a, a, np.zeros((1, 1, len(NAMES)), dtype=bool))
    model().cost(rows)
    model().deployed(rows)
    read = set().union(*(reads.parameters() for reads in model().reads.values()))
    assert {name for name, _, _ in model().scenario.correlation.loadings} <= read


def test_correlation_asks_for_few_more_grids():
    """Only groups tied to requests, which the grid reads, are drawn anew in ways that it notices: four of twelve."""
    a, b = (Draws(3, ids, model().years, model().scenario) for ids in (np.arange(4), np.arange(4, 8)))
    one = np.eye(len(NAMES), dtype=bool)[:, None, :]
    independent = dependent.exchanged(a, b, one)
    both = dependent.Rows.join([independent, dependent.exchanged(b, a, ~one)])
    model().cost(both)
    for country in ("US", "CN"):
        columns = model()._columns(country)
        more = len(both.unique(*columns)[0]) - len(independent.unique(*columns)[0])
        assert 0 <= more <= 4 * len(a)


def test_the_command_writes_tables_and_figure(tmp_path, monkeypatch):
    from capacity.sensitivity.cli import sensitivity

    monkeypatch.setattr("grids.open_grid", lambda path=None: tiny_grid())
    monkeypatch.setattr("capacity.sensitivity.model._TRIALS", (1, 2))
    out = tmp_path / "study"
    done = CliRunner().invoke(
        sensitivity, ["--draws", "8", "--year", "2027", "--engine", "numpy", "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert "runs of the chain" in done.stderr
    for output in study.OUTPUTS:
        rows = [row for row in record["groups"] if row["output"] == output]
        assert [row["group"] for row in rows] == list(NAMES)
        assert sum(row["shapley"] for row in rows) == pytest.approx(1.0)
    assert {row["name"] for row in record["information"]} == set(NAMES)
    assert record["parameters"][0]["at_p10"] != record["parameters"][0]["at_p90"]
    assert sorted(path.name for path in out.iterdir()) == [
        "groups.csv", "information.csv", "information_parameters.csv", "parameters.csv", "sensitivity.json",
        "tornado.png",
    ]  # fmt: skip


def test_an_end_that_moves_nothing_has_its_number_beside_the_bar():
    from matplotlib.figure import Figure

    from capacity.sensitivity.figure import _panel

    swings = [study.Swing("up", {"us": 10.0}, {"us": 12.0}), study.Swing("down", {"us": 8.0}, {"us": 10.0})]
    axes = Figure().add_subplot()
    _panel(axes, SimpleNamespace(middle={"us": 10.0}, swings=swings), "us")
    sides = [(text.get_text(), text.get_horizontalalignment()) for text in axes.texts]
    assert sides == [("8", "right"), ("10", "left"), ("10", "right"), ("12", "left")]


def test_a_year_before_the_chips_is_refused():
    with pytest.raises(CapacityError, match="ask from 2026 on"):
        Model(tiny_grid(), load(["reference"])[0], 1, 2025)
