"""Invariants of the chain from plants to accelerators in use: stocks, survival, storage, shares of limits, pairing."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from joint_factory import YEARS, drawn, scenario_with, solved_country

from capacity import deployment
from capacity.draws import Draws
from capacity.limits import chips, joint
from capacity.supply import fleet
from cuda_kernels.storage_dispatch import storage_scan
from grids import units

amounts = st.floats(0.0, 1e5, allow_subnormal=False)
shares = st.floats(0.0, 1.0, allow_subnormal=False)


@settings(max_examples=60, deadline=None)
@given(
    added=arrays(np.float64, (3, 12), elements=amounts), lost=arrays(np.float64, (3, 12), elements=st.floats(0.0, 0.5))
)
def test_stock_of_a_year_is_that_of_the_year_before_and_what_came_less_what_went(added, lost):
    """I12, and I13 where lives only shorten: K_y = K_(y-1) + A_y - R_y with R of every addition by its own age."""
    survival = np.cumprod(np.concatenate([np.ones((3, 1)), 1.0 - lost[:, 1:]], axis=1), axis=1)
    assert (np.diff(survival, axis=1) <= 0.0).all()
    assert ((survival >= 0.0) & (survival <= 1.0)).all()
    table = fleet.toeplitz(survival)
    stock = np.einsum("su,suy->sy", added, table)
    went = np.array(
        [
            [sum(added[s, u] * (survival[s, y - 1 - u] - survival[s, y - u]) for u in range(y)) for y in range(1, 12)]
            for s in range(3)
        ]
    )
    assert (went >= 0.0).all()
    np.testing.assert_allclose(stock[:, 1:], stock[:, :-1] + added[:, 1:] - went, rtol=1e-9, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_accelerators_survive_in_shares_that_never_rise(seed):
    """I13 of chips."""
    draws = drawn(count=8, seed=seed)
    for country in ("US", "CN"):
        alive = chips.survival(country, draws, 20)
        assert ((alive >= 0.0) & (alive <= 1.0)).all()
        assert (np.diff(alive, axis=-1) <= 1e-15).all()


@settings(max_examples=60, deadline=None)
@given(
    margin=arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e3, 1e4, allow_subnormal=False)),
    power=st.floats(0.0, 1e3),
    hours=st.floats(0.0, 20.0),
    efficiency=st.floats(0.1, 1.0),
    loads=st.tuples(st.floats(0.0, 1e4), st.floats(0.0, 1e4)),
)
def test_curtailed_energy_of_new_load_behind_a_store_is_convex_and_never_more_than_the_load(
    margin, power, hours, efficiency, loads
):
    """I14-I16: 0 <= U(L) - U(0) <= L T, U convex (its middle lies under the chord), served + curtailed = L T."""
    store = (np.array([power]), np.array([power * hours]), np.array([efficiency]))

    def unserved(load):
        return float(storage_scan(margin[None], load, *store, engine="numpy").unserved_mwh[0])

    low, high = sorted(loads)
    native, at_low, middle, at_high = map(unserved, (0.0, low, 0.5 * (low + high), high))
    slack = 1e-9 * max(1.0, at_high)
    for load, energy in ((low, at_low), (high, at_high)):
        curtailed = energy - native
        assert -slack <= curtailed <= load * len(margin) + slack
    assert middle <= 0.5 * (at_low + at_high) + slack
    assert at_low <= at_high + slack


@settings(max_examples=60, deadline=None)
@given(
    parts=arrays(np.float64, (2, 3, 3), elements=shares),
    power=arrays(np.float64, (2, 4, 3), elements=amounts),
    limit=arrays(np.int8, (2, 4, 3), elements=st.integers(0, len(deployment.POWER_LIMITS) - 1)),
)
def test_shares_of_all_limits_sum_to_one_however_power_lies(parts, power, limit):
    """I17 after the share of power is split over areas, areas without any power too."""
    raw = parts + 1e-6
    of_three = raw / raw.sum(axis=-1, keepdims=True)
    found = joint.attribution(of_three, power, limit)
    np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found[..., :-2].sum(axis=-1), of_three[..., 0], rtol=1e-9, atol=1e-12)
    assert (found >= 0.0).all()


def arrays_of(found):
    for name, value in ((f.name, getattr(found, f.name)) for f in fields(found)):
        if is_dataclass(value):
            yield from arrays_of(value)
        elif isinstance(value, np.ndarray):
            yield name, value


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), first=st.integers(0, 10**6))
def test_a_scenario_against_itself_differs_by_nothing(seed, first):
    """I20: the same draws of a scenario read twice give the same bits, whatever is drawn beside them."""
    ids = np.arange(first, first + 6)
    once, again = (Draws(seed, numbers, YEARS, scenario_with({})) for numbers in (ids, ids[::-1]))
    one, other = (
        joint.solve({country: solved_country(country, draws) for country in ("US", "CN")}, draws)
        for draws in (once, again)
    )
    for country in ("US", "CN"):
        pairs = zip(arrays_of(one[country]), arrays_of(other[country]), strict=True)
        for (name, mine), (_, theirs) in pairs:
            np.testing.assert_array_equal(mine, theirs[::-1], err_msg=f"{country} {name}")


@given(amount=st.floats(1e-9, 1e12))
def test_every_factor_of_units_goes_there_and_back_and_agrees_with_the_others(amount):
    """I27."""
    for name, factor in vars(units).items():
        if name.isupper() and name.startswith(("MW_PER", "MWH_PER")):
            assert amount * factor / factor == pytest.approx(amount, rel=1e-15), name
    assert units.MWH_PER_TWH == 1e3 * units.MWH_PER_GWH == 10 * units.MWH_PER_YI_KWH
    assert units.MWH_PER_MILLION_KWH == 100 * units.MWH_PER_WAN_KWH == units.MWH_PER_GWH
    assert units.MW_PER_GW == 100 * units.MW_PER_WAN_KW
    assert units.HOURS_PER_LEAP_YEAR - units.HOURS_PER_YEAR == 24
