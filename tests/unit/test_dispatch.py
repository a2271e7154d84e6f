"""Hydro keeps its water and exports never come out of shortage."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.adequacy import dispatch


def random_net_load(seed: int, years: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 0.6, (years, 8760)).cumsum(axis=1) % 3.0


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    share=st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12),
    floor=st.floats(0.0, 0.9),
)
def test_hydro_conserves_each_months_water(seed, share, floor):
    share = np.array(share)
    output = dispatch.hydro_schedule(random_net_load(seed), share, floor, 0.93)
    months = np.add.reduceat(output, dispatch.MONTH_STARTS, axis=1) / dispatch.HOURS_OF_MONTH
    np.testing.assert_allclose(months, np.broadcast_to(np.minimum(share, 0.93), months.shape), rtol=1e-9, atol=1e-12)
    low = np.repeat(floor * np.minimum(share, 0.93), dispatch.HOURS_OF_MONTH)
    assert (output >= low - 1e-9).all()
    assert (output <= 0.93 + 1e-9).all()


def test_hydro_shaves_the_peak_like_a_sorted_fill():
    """Oracle: raise the lowest level hour by hour until the month's water is spent."""
    net = random_net_load(3, years=1)
    share = np.full(12, 0.3)
    output = dispatch.hydro_schedule(net, share, 0.0, 1.0)
    january = slice(0, 744)
    order = np.sort(net[0, january])[::-1]
    budget = 0.3 * 744
    levels = np.linspace(order[-1] - 1, order[0], 200_001)
    served = np.array([np.clip(net[0, january] - level, 0, 1).sum() for level in levels[::2000]])
    bracket = np.searchsorted(-served, -budget)
    lowest = levels[::2000][bracket - 1]
    highest = levels[::2000][bracket]
    level = (net[0, january] - output[0, january])[(output[0, january] > 0.01) & (output[0, january] < 0.99)]
    assert np.ptp(level) < 1e-4
    assert lowest - 1e-4 <= level.mean() <= highest + 1e-4


def test_hydro_with_flat_net_load_runs_flat():
    output = dispatch.hydro_schedule(np.ones((1, 8760)), np.full(12, 0.4), 0.5, 0.9)
    np.testing.assert_allclose(output, 0.4, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), energy=st.floats(0.0, 20_000.0))
def test_exports_leave_no_shortage_behind(seed, energy):
    surplus = random_net_load(seed) - 1.5
    export = dispatch.interchange(np.ones(8760), surplus, energy)
    assert (export[surplus <= 0] == 0).all()
    assert (surplus[surplus > 0] - export[surplus > 0] >= -1e-9).all()
    available = np.clip(surplus, 0, None).sum(axis=1)
    np.testing.assert_allclose(export.sum(axis=1), np.minimum(energy, available), rtol=1e-9, atol=1e-9)


def test_imports_follow_the_load():
    shape = 1.0 + 0.3 * np.sin(np.arange(8760))
    shape /= shape.mean()
    export = dispatch.interchange(shape, np.zeros((2, 8760)), -8760.0)
    np.testing.assert_allclose(export, -np.broadcast_to(shape, (2, 8760)))


def test_months_cover_the_year():
    assert dispatch.HOURS_OF_MONTH.sum() == 8760
    assert dispatch.MONTH_STARTS[-1] + dispatch.HOURS_OF_MONTH[-1] == 8760
