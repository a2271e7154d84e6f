"""Groups that go together: exchange by conditional draws, against closed forms of a linear Gaussian output."""

import itertools
from dataclasses import replace
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.draws import Draws
from capacity.sensitivity import dependent, estimators
from capacity.sensitivity.draws import NAMES, MixedDraws, scores
from scenarios import load
from scenarios.correlation import INDEPENDENT, Correlation
from scenarios.groups import group_of

YEARS = np.arange(2025, 2028)
# Two parameters of one group, three other groups, and one that follows nothing; weights of a linear output.
WEIGHTS = {
    "us.request_growth": 1.0,
    "us.ai_capex_growth_2027_2030": 1.5,
    "us.ai_capex_2026_busd": -0.5,
    "us_aligned_growth_2026": 0.8,
    "us.busy_share": 0.6,
    "us.reserve_margin": 0.7,
}


def scenario(strength=1.0):
    whole = load(["reference"])[0]
    stronger = tuple((name, factor, float(strength * at)) for name, factor, at in whole.correlation.loadings)
    return whole.model_copy(update={"correlation": replace(whole.correlation, loadings=stronger)})


def covariance(of, names):
    """Of the scores of some parameters."""
    found = np.eye(len(names))
    for (i, one), (j, other) in itertools.combinations(enumerate(names), 2):
        mine, theirs = of.correlation.of(one), of.correlation.of(other)
        if mine and theirs:
            found[i, j] = found[j, i] = mine[1] * theirs[1] * of.correlation.matrix[mine[0], theirs[0]]
    return found


def known_variance(of, groups):
    """Variance of the mean of the output given all parameters of some groups, those of weight zero too."""
    names = sorted({*WEIGHTS, *(name for name, _, _ in of.correlation.loadings)})
    weights, cov = np.array([WEIGHTS.get(name, 0.0) for name in names]), covariance(of, names)
    inside = np.array([group_of(name) in groups for name in names])
    if not inside.any():
        return 0.0
    with_known = cov[inside] @ weights
    return float(with_known @ np.linalg.solve(cov[np.ix_(inside, inside)], with_known))


def closed_forms(of):
    """First order, total and Shapley effect of each group that the output reads (Owen and Prieur 2017)."""
    groups = sorted({group_of(name) for name in WEIGHTS}, key=NAMES.index)
    whole = known_variance(of, groups)
    found = np.zeros((3, len(NAMES)))
    for group in groups:
        others = [other for other in groups if other != group]
        gain = 0.0
        for size in range(len(groups)):
            weight = factorial(size) * factorial(len(others) - size) / factorial(len(groups))
            for before in itertools.combinations(others, size):
                gain += weight * (known_variance(of, [*before, group]) - known_variance(of, before))
        first, total = known_variance(of, [group]), whole - known_variance(of, others)
        found[:, NAMES.index(group)] = np.array([first, total, gain]) / whole
    return found


def output(rows, of, seed):
    mixed = MixedDraws(seed, np.arange(len(rows)), YEARS, of, by_group=rows.ids, shared=rows.factors)
    return sum(weight * scores(mixed, name, "parameter")[:, 0] for name, weight in WEIGHTS.items())


def pair(n, of, seed):
    return (Draws(seed, ids, YEARS, of) for ids in (np.arange(n), np.arange(n, 2 * n)))


def test_shapley_effects_and_sobol_indices_of_a_linear_output_are_the_closed_forms():
    n, of, seed = 6000, scenario(1.3), 11
    a, b = pair(n, of, seed)
    order = np.random.default_rng(2).permuted(np.tile(np.arange(len(NAMES)), (n, 1)), axis=1)
    one, none = np.eye(len(NAMES), dtype=bool)[:, None, :], np.zeros((1, 1, len(NAMES)), dtype=bool)
    blocks = [(a, b, none), (b, a, none), (b, a, ~one), (a, b, one), (a, b, estimators.chain_steps(order))]
    f_a, f_b, f_first, f_total, chains = (
        output(dependent.exchanged(*block), of, seed).reshape(-1, n) for block in blocks
    )
    first, total = estimators.sobol(f_a[0], f_b[0], f_first, f_total)
    effects = estimators.shapley(chains.reshape(-1), order)
    want = closed_forms(of)
    assert want[2].sum() == pytest.approx(1.0)
    assert (want[0] > want[1] + 0.03).any(), "correlation makes a group tell more than it alone decides"
    for found, expected in zip((first, total, effects), want, strict=True):
        assert (np.abs(found.value - expected) < 4.5 * found.error + 1e-12).all()
    assert (effects.error < 0.02).all()


def test_without_correlation_the_three_agree():
    n, seed = 300, 4
    of = scenario().model_copy(update={"correlation": INDEPENDENT})
    a, b = pair(n, of, seed)
    one = np.eye(len(NAMES), dtype=bool)[:, None, :]
    first, total = (dependent.exchanged(*block) for block in ((b, a, ~one), (a, b, one)))
    np.testing.assert_array_equal(first.ids, total.ids)
    assert not first.factors.size


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), groups=st.sets(st.sampled_from(NAMES)))
def test_what_stays_keeps_its_bits_and_all_exchanged_is_the_other_draw(seed, groups):
    of = scenario()
    a, b = pair(20, of, seed)
    marked = np.array([[[name in groups for name in NAMES]]])
    rows = dependent.exchanged(a, b, marked)
    mixed = MixedDraws(seed, np.arange(20), YEARS, of, by_group=rows.ids, shared=rows.factors)
    for name in WEIGHTS:
        if group_of(name) not in groups:
            np.testing.assert_array_equal(mixed.scalar(name), a.scalar(name))
    rows = dependent.exchanged(a, b, np.ones_like(marked))
    mixed = MixedDraws(seed, np.arange(20), YEARS, of, by_group=rows.ids, shared=rows.factors)
    for name in WEIGHTS:
        np.testing.assert_array_equal(mixed.scalar(name), b.scalar(name))


def test_an_exchanged_group_has_the_law_it_has_given_the_others():
    """Correlations of the mixture are those of the draws: exchange leaves the joint law as it is."""
    n, of, seed = 40_000, scenario(1.3), 8
    a, b = pair(n, of, seed)
    for group in ("demand", "capital"):
        marked = np.array([[[name == group for name in NAMES]]])
        rows = dependent.exchanged(a, b, marked)
        mixed = MixedDraws(seed, np.arange(n), YEARS, of, by_group=rows.ids, shared=rows.factors)
        found = np.corrcoef([scores(mixed, name, "parameter")[:, 0] for name in WEIGHTS])
        np.testing.assert_allclose(found, covariance(of, list(WEIGHTS)), atol=0.025)


def test_factors_beyond_a_block_do_not_move():
    """What demand and capital share is of AI, so the economy's factor stays with the same bits."""
    of: Correlation = scenario().correlation
    block = {of.factors[i] for block in of.blocks for i in block if of.factors.index("finance") in block}
    assert block == {"ai_demand", "hardware", "finance"}
