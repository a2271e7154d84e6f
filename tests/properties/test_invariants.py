"""Invariants of the model that no single function owns: energy, order, permutation, units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from capacity import demand
from capacity.adequacy import notions
from capacity.adequacy.parts import VARIABLE, AreaBalance, AreaWeather
from cuda_kernels import headroom_mw
from grids import units

ENGINES = ("numpy", "numba")

margins = arrays(np.float64, st.integers(2, 200), elements=st.floats(-1e4, 1e5, allow_subnormal=False))
shares = st.floats(0.0, 0.2)


def solve(margin, share, engine="numpy", rule="native_first"):
    found = headroom_mw(margin[None, :], np.ones((1, 1)), share, engine=engine, rule=rule)
    return float(found.headroom_mw[0])


@settings(max_examples=80, deadline=None)
@given(margin=margins, share=shares)
@pytest.mark.parametrize("engine", ENGINES)
def test_energy_served_and_curtailed_is_all_the_energy(engine, margin, share):
    """I14, I15: in each hour the curtailed part lies between nothing and the load, and the rest is served."""
    load = solve(margin, share, engine)
    curtailed = np.clip(load - np.maximum(margin, 0.0), 0.0, None)
    served = np.minimum(load, np.maximum(margin, 0.0))
    assert (curtailed <= load + 1e-9).all()
    np.testing.assert_allclose(served.sum() + curtailed.sum(), load * len(margin), rtol=1e-12, atol=1e-9)
    assert curtailed.sum() <= share * load * len(margin) * (1 + 1e-9) + 1e-6


@settings(max_examples=60, deadline=None)
@given(margin=margins, share=shares, seed=st.integers(0, 9999))
def test_order_of_hours_does_not_matter(margin, share, seed):
    """I9."""
    turned = np.random.default_rng(seed).permutation(margin)
    assert solve(turned, share) == pytest.approx(solve(margin, share), rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(margin=margins, share=shares, extra=st.floats(0.0, 1e4))
def test_more_supply_more_share_less_demand_never_lower_the_headroom(margin, share, extra):
    """I1, I2, I3."""
    base = solve(margin, share)
    slack = 1e-9 * max(1.0, base)
    assert solve(margin + extra, share) >= base - slack
    assert solve(margin, share + 0.01) >= base - slack
    assert solve(margin - extra, share) <= base + slack


@settings(max_examples=60, deadline=None)
@given(margin=margins, share=shares, shift=st.floats(0, 1e4), scale=st.floats(0.01, 100))
def test_shift_of_supply_and_demand_together_and_scale(margin, share, shift, scale):
    """I7: demand and supply moved by the same MW; I8: all MW scaled."""
    profiles = np.stack([np.ones(len(margin)), margin])
    moved = headroom_mw(profiles, np.array([[shift - shift, 1.0]]), share, engine="numpy").headroom_mw[0]
    assert float(moved) == pytest.approx(solve(margin, share), rel=1e-9, abs=1e-6)
    assert solve(margin * scale, share) == pytest.approx(scale * solve(margin, share), rel=1e-9, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(margin=margins, share=shares)
def test_chance_constraint_is_a_quantile(margin, share):
    """I25 in one line: a load is within the share exactly when it is not above the headroom."""
    load = solve(margin, share)
    for other in (0.5 * load, load * (1 + 1e-6) + 1e-3):
        curtailed = np.clip(other - np.maximum(margin, 0.0), 0.0, None).sum()
        within = curtailed <= share * other * len(margin) + 1e-7 * max(1.0, other)
        assert within == (other <= load * (1 + 1e-9) + 1e-9) or abs(other - load) < 2e-3


@settings(max_examples=60, deadline=None)
@given(values=arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6)))
def test_quantiles_rise(values):
    """I24."""
    assert (np.diff(np.quantile(values, np.linspace(0, 1, 21))) >= 0).all()


@given(mw=st.floats(1e-3, 1e9))
def test_units_there_and_back(mw):
    """I27."""
    for factor in (
        units.MW_PER_GW,
        units.MW_PER_WAN_KW,
        units.MWH_PER_TWH,
        units.MWH_PER_WAN_KWH,
        units.MWH_PER_YI_KWH,
    ):
        assert mw / factor * factor == pytest.approx(mw, rel=1e-15)
    assert units.MWH_PER_YI_KWH == 1e4 * units.MWH_PER_WAN_KWH
    assert units.MWH_PER_TWH == units.MWH_PER_GWH * 1e3


@given(ratio=st.floats(0.8, 1.3), peak=st.floats(1.05, 3.0))
def test_stretch_grows_the_peak_and_keeps_the_mean(ratio, peak):
    pull = float(demand.stretch(np.array(ratio), peak))
    shape = np.array([peak, 2.0 - peak])
    stretched = 1.0 + (1.0 + pull) * (shape - 1.0)
    assert stretched.mean() == pytest.approx(1.0)
    if demand.STRETCH_LIMITS[0] < pull < demand.STRETCH_LIMITS[1]:
        assert stretched.max() == pytest.approx(max(ratio * peak, 2.0 - ratio * peak), rel=1e-9)


def test_historic_peak_leaves_no_headroom_without_curtailment():
    shape = np.random.default_rng(1).uniform(0.5, 1.5, 8760)
    weather = AreaWeather("us.ercot", 2020, shape, *(np.zeros(8760) for _ in range(3)))
    record = notions.AreaRecord([weather], notions.HydroPlan(np.zeros(12), 0.0, 1.0), 0.0, 120)
    level, nil = np.full((1, 1), 1000.0), np.zeros((1, 1))
    balance = AreaBalance(level, nil, nil, dict.fromkeys(VARIABLE, nil), nil, nil)
    margin = notions.historic_peak(record, weather, balance, balance)
    loads = margin.coefficients[0, 0] @ margin.profiles[0]
    for season in (notions.IS_SUMMER, ~notions.IS_SUMMER):
        np.testing.assert_allclose(loads[season], 1000.0 * (shape[season].max() - shape[season]))
    assert headroom_mw(margin.profiles[0], margin.coefficients[:, 0], 0.0).headroom_mw[0] == 0.0
    assert headroom_mw(margin.profiles[0], margin.coefficients[:, 0], 0.01).headroom_mw[0] > 0.0
