"""Where stores of a group count for firm load, against the best split by a linear program over all cuts."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from network_reference import headroom_lp, random_network
from scipy.optimize import linprog

from capacity.network import storage_split
from capacity.network.sites import Joined

AREAS = 4


def joined_of(margin, limits) -> Joined:
    """One network of margins (hour, area), with a constant that is nil."""
    profiles = np.stack([np.ones_like(margin.T), margin.T], axis=1)
    return Joined(profiles, np.tile([0.0, 1.0], (1, margin.shape[1], 1)), limits[None])


def best_split(margin, limits, direction, total: float, most) -> float:
    """Largest firm load of any split of a total, natives served as well."""
    rows, bound = [], []
    for side in product([False, True], repeat=margin.shape[1]):
        inside = np.array(side)
        if inside.any():
            rows.append(np.r_[direction[inside].sum(), -inside.astype(float)])
            bound.append(margin[:, inside].sum(axis=1).min() + limits[np.ix_(~inside, inside)].sum())
    cost, one = np.r_[-1.0, np.zeros(len(direction))], np.r_[0.0, np.ones(len(direction))]
    bounds = [(0.0, None), *((0.0, m) for m in most)]
    found = linprog(cost, A_ub=np.array(rows), b_ub=bound, A_eq=one[None], b_eq=[total], bounds=bounds)
    assert found.status == 0, found.message
    return float(found.x[0])


def test_as_much_is_split_better_and_never_beyond_the_best():
    gained, possible = 0.0, 0.0
    for seed in range(16):
        margin, limits, direction = random_network(seed, AREAS, 12)
        margin, limits = np.abs(margin) + 0.5, np.minimum(limits, 1e6)
        rng = np.random.default_rng(seed)
        extra = rng.uniform(0.1, 1.0, AREAS)
        most = extra * rng.uniform(1.0, 3.0, AREAS)
        given = joined_of(margin, limits), direction[None], extra[None], most[None]
        one, found = (storage_split.towards_short(*given, engine)[0] for engine in ("auto", "numpy"))
        np.testing.assert_allclose(one, found, rtol=1e-9)
        assert found.sum() == pytest.approx(extra.sum())
        assert found.min() >= 0.0
        assert (found <= most).all()
        before, after = (headroom_lp(margin + mw, limits, direction, 0.0) for mw in (extra, found))
        best = best_split(margin, limits, direction, extra.sum(), most)
        assert before * (1 - 1e-9) <= after <= best * (1 + 1e-9)
        gained, possible = gained + after - before, possible + best - before
    assert gained >= 0.6 * possible > 0.0


def test_stores_go_where_load_waits_for_them():
    joined = joined_of(np.full((3, 2), 10.0), np.zeros((2, 2)))
    given = np.array([[0.25, 0.75]]), np.array([[4.0, 4.0]]), np.array([[9.0, 7.0]])
    np.testing.assert_allclose(storage_split.towards_short(joined, *given, "numpy"), [[1.0, 7.0]])


@pytest.mark.parametrize("pulled", [False, True])
def test_only_siting_that_leaves_isolated_headroom_moves_them(pulled):
    extra, power = np.array([[1.0], [2.0]]), np.array([[9.0], [9.0]])
    balances = [SimpleNamespace(firm_extra_mw=extra, storage_power_mw=power, storage_mw=0.0 * power) for _ in range(2)]
    nil = np.zeros((2, 1))
    siting = SimpleNamespace(by_load=nil, by_request=np.array([[0.0], [0.5 * pulled]]), by_weight=nil, for_total=nil)
    one = joined_of(np.full((3, 2), 10.0), np.zeros((2, 2)))
    joined = one._replace(coefficients=np.repeat(one.coefficients, 2, axis=0), limits_mw=np.zeros((2, 2, 2)))
    at = np.arange(2), np.arange(2), 0
    found = storage_split.for_firm(
        SimpleNamespace(balances=balances, siting=siting), at, joined, np.tile([0.25, 0.75], (2, 1)), "numpy"
    )
    np.testing.assert_array_equal(found[0], [1.0, 1.0])
    assert (found[1] == [2.0, 2.0]).all() != pulled
