"""The level above which limited energy serves a load: both bodies take the same decisions, and a sorted fill agrees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuda_kernels import KernelError
from cuda_kernels.water_level import HALVINGS, water_level

pytest.importorskip("numba")


def served(values: np.ndarray, level: float, low: float, high: float) -> float:
    return float(np.clip(values - level, low, high).sum())


def slow_level(values: np.ndarray, low: float, high: float, target: float) -> float:
    """Between two neighbouring places where an hour begins or ends to be served the sum is straight."""
    corners = np.unique(np.concatenate([values - low, values - high]))
    sums = np.array([served(values, corner, low, high) for corner in corners])
    return float(np.interp(target, sums[::-1], corners[::-1]))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    starts=st.lists(st.integers(1, 199), max_size=5, unique=True),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    step=st.sampled_from([0.0, 0.5]),
)
def test_bodies_agree_and_a_sorted_fill_too(seed, starts, scale, step):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.0, scale, (3, 200))
    if step:
        values = np.round(values / (step * scale)) * step * scale
    starts = np.array([0, *sorted(starts)])
    low, high = rng.uniform(0.0, 0.3, len(starts)), 0.9
    lengths = np.diff(starts, append=200)
    target = rng.uniform(low, high) * lengths
    by_numba, by_numpy = (
        water_level(values, starts, low, high, target, engine=engine) for engine in ("numba", "numpy")
    )
    assert (by_numba == by_numpy).all()
    for row, levels in zip(values, by_numba, strict=True):
        for s, span in enumerate(np.split(row, starts[1:])):
            width = np.ptp(span) + high
            assert served(span, levels[s], low[s], high) <= target[s] * (1 + 1e-12)
            assert levels[s] - slow_level(span, low[s], high, target[s]) <= width * (2.0**-HALVINGS + 1e-12)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_decisions_that_hang_on_rounding_are_the_same_too(share):
    values = np.repeat(np.arange(4.0), 25)[None]
    starts, low, high = np.array([0, 50]), np.zeros(2), 0.7
    target = np.full(2, share * high * 50)
    found = [water_level(values, starts, low, high, target, engine=engine) for engine in ("numba", "numpy")]
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_missing_value_stays_in_its_span(engine):
    values = np.linspace(0.0, 1.0, 100)[None].repeat(2, axis=0)
    values[1, 70] = np.nan
    found = water_level(values, np.array([0, 50]), np.zeros(2), 0.5, np.full(2, 5.0), engine=engine)
    assert np.isnan(found).tolist() == [[False, False], [False, True]]


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(KernelError, match="values must be"):
        water_level(np.zeros((1, 10)), np.array([0, 5]), np.zeros(1), 1.0, np.zeros(2))
