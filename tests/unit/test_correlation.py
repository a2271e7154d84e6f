"""Parameters that go together: marginals, matrix, scenarios, and that nothing but the draw number counts."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from capacity.draws import Draws
from cuda_kernels import philox
from scenarios import Scenario, ScenarioError, cli, default_parameters, load, scenario_hash
from scenarios.composing import compose
from scenarios.correlation import INDEPENDENT, Correlation
from scenarios.correlation_file import CorrelationOverride, default_correlation, overridden, read
from scenarios.distributions import Distribution

YEARS = np.arange(2025, 2030)
HEAD = 'name: {name}\ntitle: T\nrationale: R\nsources: ["A test."]\n'
SAID = {"label": "J", "source": "A test.", "fixed_because": "A test."}


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "mine") -> Scenario:
        path = tmp_path / f"{name}.yaml"
        path.write_text(HEAD.format(name=name) + text, encoding="utf-8")
        return load([path])[0]

    return write


def drawn(scenario: Scenario, ids=4000, seed=7) -> Draws:
    return Draws(seed, np.arange(ids) if isinstance(ids, int) else np.asarray(ids), YEARS, scenario)


def score(draws: Draws, name: str):
    return philox.normal_from_uniform(draws.quantiles(name))


@pytest.fixture(scope="module")
def reference() -> Scenario:
    return load(["reference"])[0]


def test_every_quantile_stays_uniform(reference):
    draws = drawn(reference)
    for name, _, _ in reference.correlation.loadings:
        assert kstest(draws.quantiles(name), "uniform").pvalue > 1e-5, name
    yearly = draws.quantiles("us.request_growth", yearly=True)
    assert kstest(yearly[:, 3], "uniform").pvalue > 1e-5


def test_scores_go_together_as_loadings_and_factors_say(reference):
    of, draws = reference.correlation, drawn(reference, 20_000)
    pairs = [
        ("us.request_growth", "us.ai_capex_growth_2027_2030"),  # two factors that go together
        ("us.ai_capex_2026_busd", "us.bust_hazard"),  # one factor, opposite signs
        ("us_aligned_growth_2026", "cn.ai_capex_2026_busd"),
        ("us.nondatacenter_growth_2025_2030", "cn.nondatacenter_growth_2025_2030"),
        ("us.request_growth", "us.build_multiplier"),  # independent factors
    ]
    for one, other in pairs:
        (i, mine), (j, theirs) = of.of(one), of.of(other)
        found = np.corrcoef(score(draws, one), score(draws, other))[0, 1]
        assert found == pytest.approx(mine * theirs * of.matrix[i, j], abs=0.025), (one, other)


def test_what_follows_no_factor_keeps_its_bits(reference):
    plain = drawn(reference.model_copy(update={"correlation": INDEPENDENT}), 50)
    following = {name for name, _, _ in reference.correlation.loadings}
    for name in default_parameters():
        same = np.array_equal(drawn(reference, 50).quantiles(name), plain.quantiles(name))
        assert same == (name not in following), name


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), ids=st.lists(st.integers(0, 2**31), min_size=1, max_size=40, unique=True))
def test_a_draw_depends_on_its_number_alone(reference, seed, ids):
    whole = drawn(reference, ids, seed)
    for name in ("us.request_growth", "us.bust_depth", "cn.flop_per_watt_growth"):
        parts = np.concatenate([drawn(reference, [one], seed).parameter(name) for one in ids])
        np.testing.assert_array_equal(whole.parameter(name), parts)
        np.testing.assert_array_equal(whole.scalar(name), parts[:, 0])


def test_the_same_quantile_under_every_scenario_that_says_nothing(reference):
    """Common random numbers: scenarios differ by their parameters, not by the luck of a draw."""
    bust = load(["ai-capital-bust"])[0]
    np.testing.assert_array_equal(
        drawn(reference).parameter("us.request_growth"), drawn(bust).parameter("us.request_growth")
    )


def test_the_documented_default_is_sound_and_judged():
    of = default_correlation()
    assert np.linalg.eigvalsh(of.matrix)[0] > 0.3
    np.testing.assert_allclose(of.root @ of.root.T, of.matrix, atol=1e-14)
    assert {pair[:2]: pair[2] for pair in of.between} == {
        ("macro_us", "macro_cn"): 0.3,
        ("ai_demand", "finance"): 0.5,
        ("ai_demand", "hardware"): 0.2,
        ("hardware", "finance"): 0.4,
    }
    assert all(0.3 <= abs(loading) <= 0.7 for _, _, loading in of.loadings)
    assert {said.label for said in (*read().between, *read().loadings)} == {"J"}
    for name, _, _ in of.loadings:
        assert isinstance(default_parameters()[name].value, Distribution), f"{name} has no spread to correlate"


def test_blocks_are_the_factors_that_go_together():
    assert [[default_correlation().factors[i] for i in block] for block in default_correlation().blocks] == [
        ["macro_us", "macro_cn"],
        ["policy_us"],
        ["policy_cn"],
        ["ai_demand", "hardware", "finance"],
    ]


def test_a_scenario_switches_correlation_off(written, reference):
    mine = written("correlation: none\n")
    assert mine.correlation == INDEPENDENT
    assert scenario_hash(mine) != scenario_hash(reference)
    found = np.corrcoef(*(score(drawn(mine, 20_000), name) for name in ("us.ai_capex_2026_busd", "us.bust_hazard")))
    assert abs(found[0, 1]) < 0.02


def test_a_scenario_changes_what_it_names_and_leaves_the_rest(written, reference):
    mine = written(
        "correlation:\n  label: J\n  source: A test.\n  fixed_because: A test.\n"
        "  between: {finance-ai_demand: 0.8}\n  loadings: {hardware: {us.request_growth: -0.6, us.mfu: 0.0}}\n"
    ).correlation
    assert mine.matrix[mine.factors.index("ai_demand"), mine.factors.index("finance")] == 0.8
    assert mine.of("us.request_growth") == (mine.factors.index("hardware"), -0.6)
    assert mine.of("us.mfu") is None
    assert mine.of("us.bust_hazard") == reference.correlation.of("us.bust_hazard")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maybe", "must be none, or a mapping"),
        ("{}", "correlation.label: is missing"),
        ("{label: J, source: S, fixed_because: B, between: {ai_demand-finances: 0.1}}", "did you mean 'finance'"),
        ("{label: J, source: S, fixed_because: B, loadings: {finance: {us.bust_hazards: 0.1}}}", "us.bust_hazard'"),
        ("{label: J, source: S, fixed_because: B, loadings: {finance: {us.bust_hazard: 1.0}}}", "less than 1"),
        ("{label: J, source: S, fixed_because: B, between: {finance-finance: 0.3}}", "goes with itself by 1"),
        (
            "{label: J, source: S, fixed_because: B, between: {ai_demand-hardware: -0.9}}",
            "not positive definite, smallest eigenvalue -",
        ),
    ],
)
def test_what_is_wrong_with_a_correlation_is_said_with_its_place(written, text, message):
    with pytest.raises(ScenarioError) as error:
        written(f"correlation: {text}\n")
    assert message in str(error.value)
    assert "mine.yaml:5" in str(error.value)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-0.99, 0.99), min_size=3, max_size=3))
def test_a_matrix_is_taken_exactly_when_it_can_hold(values):
    names = ("ai_demand-finance", "ai_demand-hardware", "hardware-finance")
    said = CorrelationOverride.model_validate({**SAID, "between": dict(zip(names, values, strict=True))})
    found, faults = overridden(said)
    least = np.linalg.eigvalsh(found.matrix)[0]
    assert bool(faults) == (least <= 1e-9)


def test_a_composition_takes_the_one_correlation_that_is_said(written):
    plain, off = written("", "plain"), written("correlation: none\n", "off")
    assert compose([plain, off]).correlation == INDEPENDENT
    assert compose([plain, load(["reference"])[0]]).correlation == default_correlation()
    other = off.model_copy(update={"name": "other", "correlation": Correlation(factors=("finance",))})
    with pytest.raises(ScenarioError, match="correlate parameters differently"):
        compose([off, other])


def test_show_and_diff_tell_what_is_tied_otherwise(written, tmp_path):
    written("correlation: none\n", "off")
    off = str(tmp_path / "off.yaml")
    shown = CliRunner().invoke(cli.scenarios, ["show", off])
    assert "Correlation: none" in shown.output
    told = json.loads(CliRunner().invoke(cli.scenarios, ["diff", "reference", off, "--json"]).output)
    assert {"of": "ai_demand with finance", "a": 0.5, "b": 0.0} in told["correlation"]
    assert not told["parameters"]
    table = CliRunner().invoke(cli.scenarios, ["diff", "reference", off]).output
    assert "us.bust_hazard with finance" in table
    assert "Correlation" not in CliRunner().invoke(cli.scenarios, ["show", "reference"]).output


def test_the_example_of_the_documentation_is_sound(written):
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = page.split("<!-- correlation: begin -->")[1].split("<!-- correlation: end -->")[0]
    mine = written(example.replace("```yaml", "").replace("```", "")).correlation
    assert mine.of("us.bust_hazard") == (mine.factors.index("finance"), -0.7)
    assert ("ai_demand", "finance", 0.8) in mine.between
