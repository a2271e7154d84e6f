"""Batches of headroom under outages: engines, the one-case functions, fleets to scale, and a sampled three-area toy."""

from __future__ import annotations

import itertools
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cuda_kernels import KernelError
from cuda_kernels.network import unserved_mw
from cuda_kernels.outage_headroom import CRITERIA, outage_headroom_mw
from cuda_kernels.outage_table import expected_headroom_mw, look_up, outage_table

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
engines = pytest.mark.parametrize("engine", ["numpy", pytest.param("numba", marks=needs_numba)])

UNITS = np.array([50.0, 120.0, 80.0, 200.0, 30.0, 120.0, 250.0])
RATES = np.array([[0.05, 0.1, 0.02, 0.08, 0.2, 0.1, 0.03], [0.15, 0.2, 0.05, 0.1, 0.3, 0.2, 0.06]])
TABLE = outage_table(UNITS, RATES)
ROWS = np.tile(np.r_[np.zeros(9, np.int64), np.ones(15, np.int64)], 10)
LIMITS = {"eue_firm": 0.01, "lolh": 12.0, "lole": 2.0}


def problem(cases: int):
    rng = np.random.default_rng(6)
    profiles = np.stack([np.ones(240), rng.normal(size=240), rng.random(240)])
    coefficients = rng.normal([350.0, 60.0, -40.0], [120.0, 20.0, 20.0], (cases, 3))
    return profiles, coefficients, rng.uniform(0.0, 0.1, cases), rng.uniform(1e4, 1e5, cases)


@engines
@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_batch_is_its_cases_one_by_one(engine, criterion):
    profiles, coefficients, share, native = problem(25)
    limit = (criterion, LIMITS[criterion])
    found = outage_headroom_mw((profiles, coefficients), (TABLE, ROWS), limit, share, native, engine=engine)
    for c, load in enumerate(coefficients @ profiles):
        flexible = expected_headroom_mw(load, TABLE, ROWS, "eue_flexible", share[c])
        firm = expected_headroom_mw(load, TABLE, ROWS, *limit, native_mwh=[native[c]])
        assert_allclose(found.flexible_mw[c], flexible.headroom_mw[0], rtol=1e-9, atol=1e-6)
        assert_allclose(found.short_hours[c], flexible.short_hours[0], rtol=1e-6, atol=1e-9)
        assert_allclose(found.firm_mw[c], firm.headroom_mw[0], rtol=1e-8, atol=1e-4)
        assert_allclose(found.native_unserved_mwh[c], look_up(TABLE, load, ROWS)[0].sum(), rtol=1e-9)
    assert (found.flexible_mw > 0.0).any()
    assert (found.firm_mw == 0.0).any()


@engines
def test_a_fleet_to_scale_is_the_same_table(engine):
    profiles, coefficients, share, native = problem(6)
    big = outage_table(3.0 * UNITS, RATES, step_mw=30.0)
    criterion = ("eue_firm", 0.01)
    one = outage_headroom_mw((profiles, coefficients), (TABLE, ROWS), criterion, share, native, engine=engine)
    three = outage_headroom_mw(
        (profiles, 3.0 * coefficients), (big, ROWS), criterion, share, 3.0 * native, engine=engine
    )
    assert_allclose(three.flexible_mw, 3.0 * one.flexible_mw, rtol=1e-10, atol=1e-9)
    assert_allclose(three.firm_mw, 3.0 * one.firm_mw, rtol=1e-10, atol=1e-9)


FLEETS = (
    (np.full(9, 60.0), np.full(9, 0.07)),
    (np.r_[np.full(4, 100.0), np.full(8, 25.0)], np.r_[np.full(4, 0.05), np.full(8, 0.12)]),
    (np.full(14, 40.0), np.full(14, 0.09)),
)
LINKS = np.array([[0.0, 60.0, 0.0], [40.0, 0.0, 50.0], [0.0, 70.0, 0.0]])


def sampled(rng, units, rates, count):
    """Available capacity of fleets drawn unit by unit."""
    return (rng.random((count, len(units))) >= rates) @ units


def by_cuts(deficit):
    """Unserved load of three areas (sample, 3) as the largest of their eight cuts, written out."""
    best = np.zeros(len(deficit))
    for inside in itertools.product((False, True), repeat=3):
        into = sum(LINKS[j, i] for i in range(3) for j in range(3) if inside[i] and not inside[j])
        best = np.maximum(best, deficit[:, list(inside)].sum(axis=1) - into)
    return best


def test_three_areas_within_two_percent_of_sampled_outages():
    """Each area's headroom meets its criterion in a Monte Carlo of unit states, and so does what lines save."""
    rng = np.random.default_rng(11)
    day = 20.0 * np.sin(2 * np.pi * (np.arange(240) - 9) / 24)
    loads, tables = [], []
    for units, rates in FLEETS:
        profiles = np.stack([np.ones(240), day])
        table, rows = outage_table(units, rates, step_mw=5.0), np.zeros(240, np.int64)
        net = np.array([[0.72 * units.sum(), 1.0]])
        energy = (net @ profiles).sum(axis=1)
        found = outage_headroom_mw((profiles, net), (table, rows), ("eue_firm", 4e-3), [0.03], energy)
        draws = sampled(rng, units, rates, 1_000_000)
        seen, count = np.unique(draws, return_counts=True)
        native = (net @ profiles)[0]

        def unserved(load, native=native, draws=draws, seen=seen, count=count):
            return (np.maximum(native + load - seen[:, None], 0.0) * (count / draws.size)[:, None]).sum()

        firm, flexible = float(found.firm_mw[0]), float(found.flexible_mw[0])
        assert unserved(firm) / (energy[0] + 240 * firm) == pytest.approx(4e-3, rel=0.02)
        assert (unserved(flexible) - unserved(0.0)) / (240 * flexible) == pytest.approx(0.03, rel=0.02)
        loads.append(native[12] + flexible)
        tables.append(table)
    capacity = np.stack([sampled(rng, *fleet, 200_000) for fleet in FLEETS], axis=1)
    lined = by_cuts(np.array(loads) - capacity).mean()
    alone = np.maximum(np.array(loads) - capacity, 0.0).sum(axis=1).mean()
    nodes = [np.flatnonzero(table.probability[0] > 1e-9) for table in tables]
    states = np.array(list(itertools.product(*nodes)))
    weight = np.prod([t.probability[0][states[:, i]] for i, t in enumerate(tables)], axis=0)
    table_lined = weight @ unserved_mw(np.array(loads) - 5.0 * states, LINKS).unserved_mw
    assert lined < 0.9 * alone
    assert table_lined == pytest.approx(lined, rel=0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"criterion": ("hours", 1.0)}, "choose eue_firm, lolh, lole"),
        ({"share": [1.0, 0.0]}, "share must be"),
        ({"table": (TABLE, np.full(240, 2))}, "row of each hour"),
        ({"native_mwh": [1.0]}, "native_mwh"),
        ({"net_load": (np.full((1, 240), np.nan), np.ones((2, 1)))}, "finite"),
        ({"net_load": (np.ones((2, 240)), np.ones((2, 1)))}, "profiles must be"),
    ],
)
def test_wrong_input_is_named(change, words):
    right = {
        "net_load": (np.ones((1, 240)), np.ones((2, 1))),
        "table": (TABLE, ROWS),
        "criterion": ("lolh", 1.0),
        "share": [0.1, 0.1],
        "native_mwh": [1.0, 1.0],
    }
    with pytest.raises(KernelError, match=words):
        outage_headroom_mw(**(right | change))
