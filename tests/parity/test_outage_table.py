"""Outage tables and probabilistic headroom against every combination of unit states."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from network_reference import unserved_lp
from numpy.testing import assert_allclose

from cuda_kernels import KernelError, headroom_mw
from cuda_kernels.network import unserved_mw
from cuda_kernels.outage_table import expected_headroom_mw, look_up, outage_table

UNITS = np.array([50.0, 120.0, 80.0, 200.0, 30.0, 120.0, 250.0])
RATES = np.array([[0.05, 0.1, 0.02, 0.08, 0.2, 0.1, 0.03], [0.15, 0.2, 0.05, 0.1, 0.3, 0.2, 0.06]])
CONDITION = np.tile(np.r_[np.zeros(12, np.int64), np.ones(12, np.int64)], 6)
NET_LOAD = np.random.default_rng(4).normal(430, 90, (3, 144))


def states(units, rates):
    """Capacity and probability of every combination of units in and out."""
    for works in itertools.product((0, 1), repeat=len(units)):
        yield units @ works, np.prod(np.where(works, 1 - rates, rates))


def by_enumeration(net_load, condition):
    """H and F of net loads (..., hour), unit states one by one."""
    expected, short = np.zeros_like(net_load), np.zeros_like(net_load)
    for row in range(2):
        here = condition == row
        for capacity, probability in states(UNITS, RATES[row]):
            expected[..., here] += probability * np.maximum(net_load[..., here] - capacity, 0.0)
            short[..., here] += probability * (capacity < net_load[..., here])
    return expected, short


def test_table_is_every_combination_of_units():
    table = outage_table(UNITS, RATES)
    assert_allclose(table.probability.sum(axis=1), 1.0, rtol=1e-12)
    assert table.most_mw == UNITS.sum()
    expected, short = look_up(table, NET_LOAD, CONDITION)
    want = by_enumeration(NET_LOAD, CONDITION)
    assert_allclose(expected, want[0], rtol=1e-11, atol=1e-11)
    assert_allclose(short, want[1], rtol=1e-11, atol=1e-11)
    assert_allclose(look_up(table, np.full(144, 5000.0), CONDITION)[1], 1.0)


def test_sizes_off_the_grid_keep_the_total():
    table = outage_table(np.full(40, 24.7), np.full(40, 0.1))
    assert table.most_mw == pytest.approx(40 * 24.7, abs=5.0)
    mean = table.probability[0] @ (np.arange(table.probability.shape[1]) * 10.0)
    assert mean == pytest.approx(0.9 * 40 * 24.7, rel=0.01)


def test_each_notion_is_met_and_one_more_megawatt_breaks_it():
    table = outage_table(UNITS, RATES)
    energy = np.full(3, 430.0 * 144)
    native = by_enumeration(NET_LOAD, CONDITION)[0].sum(axis=1)
    measures = {
        "eue_flexible": lambda e, f, load: (e.sum(axis=1) - native) / (144 * load),
        "eue_firm": lambda e, f, load: e.sum(axis=1) / (energy + 144 * load),
        "lolh": lambda e, f, load: f.sum(axis=1),
        "lole": lambda e, f, load: f.reshape(3, 6, 24).max(axis=2).sum(axis=1),
    }
    for (notion, measure), limit in zip(measures.items(), (0.05, 0.02, 20.0, 3.0), strict=True):
        found = expected_headroom_mw(NET_LOAD, table, CONDITION, notion, limit, native_mwh=energy).headroom_mw
        assert (found > 1.0).all(), notion
        for load, fits in ((found * (1 - 1e-9), True), (found + 1e-3, False)):
            expected, short = by_enumeration(NET_LOAD + load[:, None], CONDITION)
            assert ((measure(expected, short, load) <= limit * (1 + 1e-9)) == fits).all(), notion


def test_units_that_never_fail_are_the_known_capacity():
    table = outage_table([100.0, 400.0], [0.0, 0.0])
    found = expected_headroom_mw(NET_LOAD, table, np.zeros(144, np.int64), "eue_flexible", 0.02).headroom_mw
    want = headroom_mw(500.0 - NET_LOAD, np.eye(3), 0.02, engine="numpy").headroom_mw
    assert_allclose(found, want, rtol=1e-9, atol=1e-9)


def test_three_areas_with_outages_and_lines_equal_the_enumeration_of_all_units():
    """Expected unserved energy of a toy of three areas: tables and cuts against unit states and linear programs."""
    units = [np.array([60.0, 40.0]), np.array([50.0, 50.0, 30.0]), np.array([90.0])]
    rates = [np.array([0.1, 0.05]), np.array([0.08, 0.08, 0.2]), np.array([0.04])]
    limits = np.array([[0.0, 20.0, 0.0], [10.0, 0.0, 15.0], [0.0, 25.0, 0.0]])
    loads = np.array([[85.0, 110.0, 70.0], [70.0, 90.0, 95.0]])
    tables = [outage_table(u, r) for u, r in zip(units, rates, strict=True)]
    grids = [np.flatnonzero(t.probability[0]) for t in tables]
    points = np.array(list(itertools.product(*grids)))
    weight = np.prod([t.probability[0][points[:, i]] for i, t in enumerate(tables)], axis=0)
    for load in loads:
        eue = weight @ unserved_mw(load - 10.0 * points, limits).unserved_mw
        want = 0.0
        for combination in itertools.product(*(states(u, r) for u, r in zip(units, rates, strict=True))):
            capacity = np.array([c for c, _ in combination])
            want += np.prod([p for _, p in combination]) * unserved_lp(load - capacity, limits)
        assert eue == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: outage_table([1.0], [1.5]), "between 0 and 1"),
        (lambda: outage_table([1.0], [0.1, 0.1]), "outage_rate"),
        (lambda: expected_headroom_mw(np.ones((1, 5)), outage_table([9], [0.1]), np.zeros(5), "lole", 0.1), "days"),
        (lambda: expected_headroom_mw(np.ones((1, 5)), outage_table([9], [0.1]), np.ones(5), "lolh", 0.1), "row 1"),
        (
            lambda: expected_headroom_mw(np.ones((1, 5)), outage_table([9], [0.1]), np.zeros(5), "eue_firm", 0.1),
            "native",
        ),
    ],
)
def test_wrong_input_is_named(call, words):
    with pytest.raises(KernelError, match=words):
        call()
