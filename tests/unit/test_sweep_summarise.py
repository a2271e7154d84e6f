"""The streaming reduction: exact, associative, the same bits as NumPy on all draws at once."""

from fractions import Fraction
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from capacity.sweep import summarise
from capacity.sweep.summarise import Brackets, ExactSum, Extent, Histogram

finite = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True)
tables = arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=st.floats(-1e6, 1e6))
wild = arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=finite)
TINY_BUDGET = 1


def cut(values, sizes):
    """Blocks of the given sizes, and the rest."""
    edges = [int(edge) for edge in np.cumsum([0, *sizes]) if edge < len(values)]
    return [values[a:b] for a, b in pairwise([*edges, len(values)])]


@given(a=finite, b=finite)
def test_keys_keep_the_order_and_come_back(a, b):
    keys = summarise.to_keys(np.array([a, b]))
    assert (keys[0] < keys[1]) == (a < b)
    np.testing.assert_array_equal(summarise.from_keys(keys), [a, b])


@settings(max_examples=60, deadline=None)
@given(values=tables, sizes=st.lists(st.integers(1, 9), max_size=8))
def test_counted_quantiles_are_numpys_to_the_last_bit(values, sizes):
    found = summarise.quantiles_of(cut(values, sizes), summarise.QUANTILES, TINY_BUDGET)
    np.testing.assert_array_equal(found, np.quantile(values, summarise.QUANTILES, axis=0))


@settings(max_examples=60, deadline=None)
@given(values=wild)
def test_order_statistics_of_any_finite_values(values):
    extent = Extent.of(values)
    at = Brackets.start(extent, range(len(values)))
    while not at.found:
        at = at.narrowed(Histogram.of(values, at))
    np.testing.assert_array_equal(summarise.from_keys(at.low), np.sort(values, axis=0))


def test_few_distinct_and_equal_values():
    for values in (np.zeros((9, 2)), np.tile([[1.0, -2.0]], (7, 1)), np.array([[0.0, 1], [-0.0, 1], [5e-324, 2]])):
        found = summarise.quantiles_of([values], summarise.QUANTILES, TINY_BUDGET)
        np.testing.assert_array_equal(found, np.quantile(values, summarise.QUANTILES, axis=0))


@settings(max_examples=60, deadline=None)
@given(values=wild, sizes=st.lists(st.integers(1, 7), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_states_add_in_any_order_and_grouping(values, sizes, seed):
    parts = cut(values, sizes)
    at = Brackets.start(Extent.of(values), [0])
    for make in (Extent.of, ExactSum.of, lambda part: Histogram.of(part, at)):
        states = [make(part) for part in parts]
        shuffled = [states[i] for i in np.random.default_rng(seed).permutation(len(states))]
        left = reduce(add, shuffled)
        right = reduce(lambda total, state: state + total, reversed(states[:-1]), states[-1])
        for whole in (left, right):
            for name, wanted in vars(make(values)).items():
                np.testing.assert_array_equal(getattr(whole, name), wanted)


@settings(max_examples=60, deadline=None)
@given(values=arrays(np.float64, st.tuples(st.integers(1, 20), st.just(2)), elements=st.floats(-1e300, 1e300)))
def test_the_mean_is_the_nearest_float_to_the_exact_one(values):
    exact = [float(sum(map(Fraction, column)) / len(values)) for column in values.T.tolist()]
    assert ExactSum.of(values).mean().tolist() == exact


def test_memory_does_not_grow_with_draws():
    """A block at a time is alive, whatever the number of blocks."""
    import tracemalloc

    def peak(blocks):
        def stream():
            for number in range(blocks):
                yield np.random.default_rng(number).lognormal(size=(200, 10))

        class Again:
            def __iter__(self):
                return stream()

        tracemalloc.start()
        found = summarise.quantiles_of(Again(), (0.5,), budget=200_000)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.isfinite(found).all()
        return top

    assert peak(60) < 1.2 * peak(15)


@pytest.mark.parametrize("q", [0.0, 0.5, 1.0])
def test_ends(q):
    values = np.random.default_rng(0).normal(size=(11, 3))
    np.testing.assert_array_equal(summarise.quantiles_of([values], [q], TINY_BUDGET), np.quantile(values, [q], axis=0))
