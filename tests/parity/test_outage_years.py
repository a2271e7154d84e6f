"""Years of outages beside exact chains of all unit states, the tables, and units simulated hour by hour."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels import KernelError
from cuda_kernels.event_figures import Cuts, figures
from cuda_kernels.outage_table import look_up, on_grid, outage_table
from cuda_kernels.outage_years import Kind, outage_year_mw

HOURS = 8760
STEADY = np.zeros(HOURS, dtype=np.int64)
KINDS = (
    Kind(np.array([300.0]), np.array([0.1]), 60.0),
    Kind(np.array([200.0, 200.0]), np.array([0.06]), 24.0),
)
"""Three units, few and large, where jumps of capacity matter most."""


def net_load():
    """A load (hour,) between 380 and 620 MW by season and hour of the day."""
    hour = np.arange(HOURS)
    return 500.0 + 70.0 * np.cos(2 * np.pi * hour / HOURS) + 50.0 * np.cos(2 * np.pi * hour / 24.0)


def exact(load):
    """Expected hours and number of events of a year: all states of the units, and how they follow one another."""
    chance, moves, standing = np.ones(1), np.ones((1, 1)), np.zeros(1)
    for kind in KINDS:
        for size in kind.capacity_mw:
            out = float(kind.outage_rate[0])
            repaired = 1.0 / kind.outage_h
            fails = repaired * out / (1.0 - out)
            moves = np.kron(moves, [[1.0 - fails, fails], [repaired, 1.0 - repaired]])
            chance = np.kron(chance, [1.0 - out, out])
            standing = np.array([sum(pair) for pair in product(standing, (size, 0.0))])
    assert_allclose(chance @ moves, chance)
    short = standing < load[:, None]
    begins = np.einsum("ti,i,ij,tj->t", ~short[:-1], chance, moves, short[1:].astype(float), optimize=True)
    return (short @ chance).sum(), (short[0] @ chance) + begins.sum()


def hour_by_hour(rng, years):
    """Capacity (year, hour) of the units, each a chain of its own, one hour after the other."""
    total = np.zeros((years, HOURS))
    for kind in KINDS:
        out, repaired = float(kind.outage_rate[0]), 1.0 / kind.outage_h
        for size in kind.capacity_mw:
            down = rng.random(years) < out
            moved = rng.random((HOURS, years))
            for hour in range(HOURS):
                total[:, hour] += np.where(down, 0.0, size)
                down = np.where(down, moved[hour] >= repaired, moved[hour] < repaired * out / (1.0 - out))
    return total


def mean_figures(capacity, load):
    """Figures of curtailment by the hour (12,), means over years (year, hour)."""
    rows, hours = np.nonzero(capacity < load)
    cuts = Cuts(rows, hours, (load - capacity)[rows, hours])
    return figures(cuts, np.full(len(capacity), 1e3), np.zeros((2, HOURS), dtype=np.int64)).mean(axis=0)


def sampled(years, kinds=KINDS, condition=STEADY, seed=11):
    return np.stack([outage_year_mw(kinds, condition, (seed, 5, year)) for year in range(years)])


def test_hours_events_and_lengths_of_few_large_units():
    """Hours and number of events within 3 % of all states of the units, the longest and deepest within 4 % of chains
    walked hour by hour: 800 years of each, whose standard errors are about 1 %."""
    load = net_load()
    found = mean_figures(sampled(800), load)
    hours, events = exact(load)
    assert_allclose(found[:2], [hours, events], rtol=0.03)
    assert_allclose(found[0] / found[1], hours / events, rtol=0.03)
    walked = mean_figures(hour_by_hour(np.random.default_rng(4), 800), load)
    assert_allclose(walked[:2], [hours, events], rtol=0.03)
    assert_allclose(found[2:4], walked[2:4], rtol=0.04)


def test_outages_last_as_long_as_asked_and_rates_hold():
    one = [Kind(np.ones(1), np.array([0.08]), 40.0)]
    down = sampled(400, one) == 0.0
    begins = (np.diff(down.astype(int), axis=1, prepend=0) == 1).sum()
    assert down.mean() == pytest.approx(0.08, rel=0.03)
    assert down.sum() / begins == pytest.approx(40.0, rel=0.03)


def test_every_condition_has_the_distribution_of_the_table():
    """Rates that change from hour to hour, even at once from one end to the other."""
    condition = np.arange(HOURS) // 36 % 3
    kinds = [
        Kind(np.full(9, 70.0), np.array([0.02, 0.2, 0.4]), 48.0),
        Kind(np.full(2, 400.0), np.array([0.1, 0.0, 1.0]), 200.0),
        Kind(np.zeros(0), np.array([0.5, 0.5, 0.5]), 5.0),
    ]
    units = np.concatenate([kind.capacity_mw for kind in kinds])
    rates = np.concatenate([np.repeat(k.outage_rate[:, None], len(k.capacity_mw), axis=1) for k in kinds], axis=1)
    table = outage_table(units, rates)
    assert_array_equal(on_grid(units, 10.0) * 10.0, units)
    capacity = sampled(200, kinds, condition)
    for level in np.arange(5.0, 1430.0, 110.0):
        want = look_up(table, np.full(3, level), np.arange(3))[1]
        found = [(capacity[:, condition == row] < level).mean() for row in range(3)]
        assert_allclose(found, want, atol=0.02)


def test_units_fail_independently_of_each_other():
    """Variances of independent units add up, and a year tells nothing of the next."""
    many = [Kind(np.full(40, 1.0), np.array([0.1]), 10.0)]
    capacity = sampled(60, many)
    assert capacity.var() == pytest.approx(40 * 0.1 * 0.9, rel=0.05)
    assert abs(np.corrcoef(capacity[:-1].ravel(), capacity[1:].ravel())[0, 1]) < 0.02


def test_limits():
    always, never = (Kind(np.array([5.0, 7.0]), np.array([rate]), 30.0) for rate in (1.0, 0.0))
    assert not outage_year_mw([always], STEADY, (1, 2, 3)).any()
    assert (outage_year_mw([never], STEADY, (1, 2, 3)) == 12.0).all()
    assert (outage_year_mw([], STEADY, (1, 2, 3)) == 0.0).all()
    tiny = Kind(np.array([5.0]), np.array([1e-300]), 1e300)
    assert (outage_year_mw([tiny], STEADY, (1, 2, 3)) == 5.0).all()
    short = outage_year_mw([Kind(np.array([1.0]), np.array([0.5]), 0.1)], STEADY, (1, 2, 3))
    assert short.mean() == pytest.approx(0.5, abs=0.02)


def test_a_year_is_a_function_of_its_address():
    first = outage_year_mw(KINDS, STEADY, (11, 5, 0))
    assert_array_equal(first, sampled(3)[0])
    for other in ((12, 5, 0), (11, 6, 0), (11, 5, 1)):
        assert (outage_year_mw(KINDS, STEADY, other) != first).any()


def test_what_does_not_fit_is_told():
    rate = np.array([0.1])
    for kinds, condition, address, text in (
        (KINDS, STEADY, (-1, 0, 0), "seed -1"),
        (KINDS, STEADY, (1, 2**32, 0), "32 bits"),
        (KINDS, STEADY[:0], (1, 1, 0), "at least one hour"),
        (KINDS, STEADY + 1, (1, 1, 0), "kind 0: .* 1 named"),
        ([Kind(np.array([-1.0]), rate, 1.0)], STEADY, (1, 1, 0), ">= 0"),
        ([Kind(np.ones(1), rate + 1.0, 1.0)], STEADY, (1, 1, 0), "rates 0 to 1"),
        ([Kind(np.ones(1), rate, 0.0)], STEADY, (1, 1, 0), "longer than 0 h"),
    ):
        with pytest.raises(KernelError, match=text):
            outage_year_mw(kinds, condition, address)
