"""Headroom behind a store on terms: linear programs, a readable dispatch, both engines, and constant capacity."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from policy_reference import LOCAL_TERMS, fewest_calls, least_cut_behind_store, terms

from capacity.adequacy import policies, storage_terms
from capacity.adequacy.policies import Site
from cuda_kernels import KernelError, headroom_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_terms import STEPS, CutTerms, stored_headroom_mw
from cuda_kernels.storage_trace import storage_trace

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")
HOURS = 48


def problem(seed: int, cases: int = 1) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Margins (case, hour) that are never short without new load, and stores."""
    rng = np.random.default_rng(seed)
    margin = 4.0 + 2.0 * np.sin(2 * np.pi * np.arange(HOURS) / 24) + rng.normal(0.0, 1.0, (cases, HOURS))
    store = rng.uniform(0.2, 2.0, cases), rng.uniform(0.5, 8.0, cases), rng.uniform(0.7, 1.0, cases)
    margin += storage_trace(margin, *store, engine="numpy").unserved_mw
    return margin, store


def asked(cases: int, energy: float, depth: float = 1.0, longest: float = HOURS, calls: float = HOURS) -> CutTerms:
    return CutTerms(*(np.full(cases, value) for value in (energy, depth, longest, calls)))


def between(margin: np.ndarray, store: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The load that need not be cut, and one that could not be served with the store's power in all hours."""
    nothing = np.zeros((len(margin), 1))
    firm = storage_headroom_mw(margin, *store, nothing, engine="numpy").headroom_mw[:, 0]
    return firm, margin.max(axis=1) + store[0]


def cuts(margin: np.ndarray, load: float, depth: float, store: tuple[float, ...]) -> list[float]:
    """Cut of every hour as late as depth allows, written out with lists."""
    power, energy, efficiency = store
    needs = [load - m for m in margin]
    ahead = [0.0]
    for need in reversed(needs):
        if need > 0.0:
            ahead.append(ahead[-1] + max(0.0, need - depth * load))
        else:
            ahead.append(max(0.0, ahead[-1] - efficiency * min(power, -need)))
    ahead.reverse()
    charge, found = energy, []
    for need, kept in zip(needs, ahead[1:], strict=True):
        if need > 0.0:
            given = min(need, power, charge - kept)
            charge -= given
            found.append(need - given)
        else:
            charge = min(energy, charge + efficiency * min(power, -need))
            found.append(0.0)
    return found


@pytest.mark.parametrize("depth", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("seed", range(12))
def test_energy_and_depth_equal_the_linear_program(seed, depth):
    margin, store = problem(seed)
    low, high = between(margin, store)
    load = stored_headroom_mw(margin, store, asked(1, 0.05, depth), (low, high), engine="numpy")[0]
    one = tuple(float(values[0]) for values in store)
    step = (high - low)[0] / 2**STEPS
    assert least_cut_behind_store(margin[0], load, depth * load, one) <= 0.05 * HOURS * load * (1 + 1e-9) + 1e-9
    more = load + 2.0 * step
    assert least_cut_behind_store(margin[0], more, depth * more, one) > 0.05 * HOURS * more
    assert load > low[0]


@pytest.mark.parametrize("seed", range(30))
def test_found_loads_keep_every_term(seed):
    margin, store = problem(seed)
    depth, longest, calls = (0.3, 0.6, 1.0)[seed % 3], 1 + seed % 4, seed % 5
    wanted = asked(1, 0.1, depth, longest, calls)
    load = stored_headroom_mw(margin, store, wanted, between(margin, store), engine="numpy")[0]
    cut = np.array(cuts(margin[0], load, depth, tuple(float(values[0]) for values in store)))
    hours = np.flatnonzero(cut > 1e-9 * load)
    assert cut.max() <= depth * load * (1 + 1e-9)
    assert cut.sum() <= 0.1 * HOURS * load * (1 + 1e-9)
    assert fewest_calls(hours.tolist(), longest) <= calls
    assert policies.longest_run(cut[None] > 1e-9 * load)[0] <= longest


def test_share_alone_is_the_greedy_dispatch():
    margin, store = problem(3, cases=6)
    found = stored_headroom_mw(margin, store, asked(6, 0.03), between(margin, store), engine="numpy")
    greedy = storage_headroom_mw(margin, *store, np.full((6, 1), 0.03), engine="numpy").headroom_mw[:, 0]
    np.testing.assert_allclose(found, greedy, rtol=1e-4)


@needs_numba
def test_engines_give_the_same_bits():
    margin, store = problem(8, cases=40)
    rng = np.random.default_rng(1)
    wanted = CutTerms(
        rng.choice([0.0, 0.02, 0.1], 40), rng.choice([0.2, 0.5, 1.0], 40), rng.integers(0, 9, 40) + 0.0,
        rng.integers(0, 9, 40) + 0.0,
    )  # fmt: skip
    numba, numpy = (
        stored_headroom_mw(margin, store, wanted, between(margin, store), engine=engine)
        for engine in ("numba", "numpy")
    )
    np.testing.assert_array_equal(numba, numpy)


@pytest.mark.parametrize("seed", range(6))
def test_hours_left_out_change_no_bit(seed):
    rng = np.random.default_rng(seed)
    hours, cases = (720, 145)[seed % 2], 8
    day = np.sin(2.0 * np.pi * np.arange(hours) / 24.0)
    margin = rng.uniform(4.0, 20.0, (cases, 1)) + rng.uniform(0.0, 9.0, (cases, 1)) * day
    margin += rng.normal(0.0, rng.uniform(0.0, 2.0, (cases, 1)), (cases, hours))
    store = rng.uniform(0.0, 5.0, cases), rng.uniform(0.0, 20.0, cases), rng.choice([1.0, 0.86, 0.5], cases)
    if seed > 2:  # ties
        margin, store = np.rint(margin), (np.rint(store[0]), np.rint(store[1]), store[2])
    traced = storage_trace(margin, *store, engine="numpy")
    for case in range(cases):
        plain = by_hand(margin[case], tuple(float(values[case]) for values in store))
        np.testing.assert_array_equal(np.stack([traced.unserved_mw[case], traced.charge_mwh[case]]), plain)
    margin = margin + traced.unserved_mw
    wanted = CutTerms(
        *(rng.choice(values, cases) for values in ([0.002, 0.02, 1.0], [0.2, 1.0], [2.0, 9e3], [4.0, 9e3]))
    )
    low = np.maximum(margin.min(axis=1), 0.0) * 0.5
    high = low + rng.uniform(1.0, 12.0, cases)
    found = stored_headroom_mw(margin, store, wanted, (low, high), engine="numpy")
    for case in range(cases):
        one = tuple(float(values[case]) for values in store)
        bottom, top = float(low[case]), float(high[case])
        for _ in range(STEPS):
            middle = 0.5 * (bottom + top)
            bottom, top = (middle, top) if keeps(margin[case], middle, wanted, case, one) else (bottom, middle)
        assert found[case] == bottom


def by_hand(margin: np.ndarray, store: tuple[float, ...]) -> list[list[float]]:
    """Unserved and held, an hour at a time."""
    power, energy, efficiency = store
    charge, found = energy, []
    for surplus in margin.tolist():
        given, taken = min(max(-surplus, 0.0), power, charge), min(max(surplus, 0.0), power)
        if surplus < 0.0:
            charge -= given
        else:
            charge = energy if taken >= (energy - charge) / efficiency else charge + efficiency * taken
        found.append((-surplus - given if surplus < 0.0 else 0.0, charge))
    return [list(column) for column in zip(*found, strict=True)]


def keeps(margin: np.ndarray, load: float, terms: CutTerms, case: int, store: tuple[float, ...]) -> bool:
    """Whether cuts over all hours keep the terms; what the store has to keep back it must be able to hold."""
    share, depth, longest, calls = (float(values[case]) for values in terms)
    cut = cuts(margin, load, depth, store)
    hours = [h for h, mw in enumerate(cut) if mw > 1e-9 * load]
    held, able = 0.0, True
    for need in (load - m for m in reversed(margin.tolist())):
        firm = max(0.0, need - depth * load)
        held = held + firm if need > 0.0 else max(0.0, held - store[2] * min(store[0], -need))
        able = able and not (need > 0.0 and (firm > store[0] or held > store[1]))
    run = policies.longest_run(np.isin(np.arange(len(margin)), hours)[None])[0]
    within = sum(cut[h] for h in hours) <= share * len(margin) * load
    return able and within and run <= longest and policies.fits(np.array(hours), int(calls), int(longest))


local_terms = st.fixed_dictionaries(
    {"curtailable_fraction": st.floats(0.001, 0.1)},
    optional=LOCAL_TERMS,
)


@settings(max_examples=40, deadline=None)
@given(
    margin=arrays(np.float64, 30, elements=st.floats(-20.0, 100.0, allow_subnormal=False)),
    store=st.tuples(st.floats(0.5, 30.0), st.floats(0.5, 90.0), st.floats(0.6, 1.0)),
    said=local_terms,
)
def test_capacity_stands_in_for_the_store_and_no_policy_is_below_firm_load(margin, store, said):
    policy = terms(**said)
    stores = tuple(np.array([value]) for value in store)
    beside = margin[None] + storage_trace(margin[None], *stores, engine="numpy").unserved_mw
    firm = storage_headroom_mw(beside, *stores, np.zeros((1, 1)), engine="numpy").headroom_mw[:, 0]
    top = np.maximum(firm, allowed(margin + store[0], policy))
    wanted = CutTerms(policy.energy, policy.depth, policy.longest_event_hours, policy.events_a_year)
    load = stored_headroom_mw(beside, stores, wanted, (firm, top), engine="numpy")
    capacity = storage_terms.least_capacity_mw(margin[None], None, policy, load)
    assert load[0] >= firm[0]
    if load[0] < 1e-6:  # nothing fits, and no capacity stands for that
        return
    assert capacity[0] <= store[0] + 1e-6
    assert allowed(margin + capacity[0], policy)[0] >= load[0] * (1 - 1e-6) - 1e-6
    if capacity[0] > 1e-3:
        assert allowed(margin + capacity[0] - 1e-3, policy)[0] <= load[0] + 1e-6


def allowed(margin: np.ndarray, policy: policies.Policy) -> np.ndarray:
    ceiling = headroom_mw(margin[None], np.ones((1, 1)), float(policy.energy[0]), engine="numpy").headroom_mw
    return policies.headroom(Site.of(margin[None], None, policy), policy, np.ravel(ceiling), "numpy")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"margin": np.full((2, 4), np.nan)}, "finite"), ({"margin": np.ones((3, 4))}, "case, hour")],
)
def test_wrong_input_is_named(change, words):
    margin = change.get("margin")
    ones = np.ones(2)
    with pytest.raises(KernelError, match=words):
        stored_headroom_mw(margin, (ones, ones, ones), CutTerms(ones, ones, ones, ones), (ones, ones))
