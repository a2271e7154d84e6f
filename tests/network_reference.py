"""Oracles of the network kernel: linear programs solved by HiGHS, integer max-flow by SciPy, cuts one by one."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse.csgraph import maximum_flow


def random_network(seed: int, areas: int, hours: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Margins (hour, area), limits (area, area) with zero and infinite ones, direction (area,)."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(rng.uniform(0.3, 3), rng.uniform(1, 4), (hours, areas))
    linked = rng.random((areas, areas)) < min(1.0, rng.uniform(1, 6) / areas)
    limits = np.where(linked, rng.exponential(rng.uniform(0.3, 3), (areas, areas)), 0.0)
    limits[rng.random((areas, areas)) < 0.04] = np.inf
    np.fill_diagonal(limits, 0.0)
    direction = rng.dirichlet(np.ones(areas)) * (rng.random(areas) < 0.8)
    total = direction.sum()
    return margin, limits, direction / total if total > 0 else np.eye(areas)[0]


def random_tree(seed: int, areas: int) -> np.ndarray:
    """Limits of a tree, different in the two directions."""
    rng = np.random.default_rng(seed)
    limits = np.zeros((areas, areas))
    for child in range(1, areas):
        parent = rng.integers(child)
        limits[parent, child], limits[child, parent] = rng.exponential(1.5, 2)
    return limits


def random_caps(seed: int, areas: int) -> np.ndarray:
    """Caps (area,) on net imports: some 0, some infinite."""
    rng = np.random.default_rng([seed, 1])
    caps = rng.exponential(rng.uniform(0.3, 3), areas) * (rng.random(areas) < 0.9)
    caps[rng.random(areas) < 0.3] = np.inf
    return caps


Sets = tuple[np.ndarray, np.ndarray]
"""Membership (set, area) and cap (set,) on what a set imports on balance."""


def random_sets(seed: int, areas: int) -> Sets:
    """Up to three disjoint sets (set, area) of one to three areas, and their caps, some 0 and some infinite."""
    rng = np.random.default_rng([seed, 2])
    owner = rng.permutation(np.repeat([0, 1, 2, 3], [3, 3, 3, max(areas - 9, 0)]))[:areas]
    member = np.stack([owner == number for number in range(1 + seed % 3)])
    caps = rng.exponential(rng.uniform(0.3, 3.0), len(member)) * (rng.random(len(member)) < 0.9)
    caps[rng.random(len(member)) < 0.1] = np.inf
    return member, caps


def unserved_lp(
    deficit: np.ndarray, limits: np.ndarray, caps: np.ndarray | float = np.inf, sets: Sets | None = None
) -> float:
    """Least unserved load of one hour (HiGHS)."""
    flow, bounds = _flow_columns(limits)
    areas = len(deficit)
    cost = np.r_[np.ones(areas), np.zeros(flow.shape[1])]
    member, most = _capped(areas, caps, sets)
    serve = -sparse.hstack([sparse.eye(areas), flow])
    take = sparse.hstack([sparse.csr_matrix((len(most), areas)), member @ flow])
    rows, limit = sparse.vstack([serve, take]), np.r_[-deficit, most]
    found = linprog(cost, A_ub=rows, b_ub=limit, bounds=[(0, None)] * areas + bounds)
    assert found.status == 0, found.message
    return float(found.fun)


def total_unserved_lp(
    deficits: np.ndarray,
    limits: np.ndarray,
    caps: np.ndarray | float = np.inf,
    sets: Sets | None = None,
    weight: np.ndarray | float = 1.0,
) -> float:
    """Sum of weights (row,) times the least unserved load of deficits (row, area), as one program (HiGHS)."""
    flow, bounds = _flow_columns(limits)
    rows, areas = deficits.shape
    cost = np.multiply.outer(np.broadcast_to(weight, rows), np.r_[np.ones(areas), np.zeros(flow.shape[1])])
    member, most = _capped(areas, caps, sets)
    serve = -sparse.hstack([sparse.eye(areas), flow])
    take = sparse.hstack([sparse.csr_matrix((len(most), areas)), member @ flow])
    every = sparse.block_diag([sparse.vstack([serve, take])] * rows).tocsr()
    limit = np.concatenate([-deficits, np.tile(most, (rows, 1))], axis=1).ravel()
    found = linprog(cost.ravel(), A_ub=every, b_ub=limit, bounds=([(0, None)] * areas + bounds) * rows)
    assert found.status == 0, found.message
    return float(found.fun)


def headroom_lp(
    margin: np.ndarray,
    limits: np.ndarray,
    direction: np.ndarray,
    share: float,
    caps: np.ndarray | float = np.inf,
    sets: Sets | None = None,
) -> float:
    """Largest l with sum of unserved(l w) - unserved(0) <= share * hours * l, native load served first (HiGHS)."""
    hours, areas = margin.shape
    native = sum(unserved_lp(-m, limits, caps, sets) for m in margin)
    flow, bounds = _flow_columns(limits)
    hourly = sparse.hstack([sparse.eye(areas), flow])
    # margin + unserved + net import - l w >= 0
    serve = sparse.hstack([sparse.csr_matrix(np.tile(direction, hours)[:, None]), -sparse.block_diag([hourly] * hours)])
    short = np.r_[-share * hours, np.tile(np.r_[np.ones(areas), np.zeros(flow.shape[1])], hours)]
    member, most = _capped(areas, caps, sets)
    take = sparse.hstack([sparse.csr_matrix((len(most), areas)), member @ flow])
    take = sparse.hstack([sparse.csr_matrix((len(most) * hours, 1)), sparse.block_diag([take] * hours)])
    found = linprog(
        np.r_[-1.0, np.zeros(serve.shape[1] - 1)],
        A_ub=sparse.vstack([serve, sparse.csr_matrix(short), take]).tocsr(),
        b_ub=np.r_[margin.ravel(), native, np.tile(most, hours)],
        bounds=[(0, None)] + ([(0, None)] * areas + bounds) * hours,
    )
    assert found.status == 0, found.message
    return float(found.x[0])


def best_total_lp(
    margin: np.ndarray,
    limits: np.ndarray,
    chosen: list[int],
    prices: np.ndarray,
    share: float,
    sets: Sets | None = None,
) -> float:
    """Largest price L over new loads L of the chosen areas that fit, native load served first (HiGHS)."""
    hours, areas = margin.shape
    native = sum(unserved_lp(-m, limits, np.inf, sets) for m in margin)
    flow, bounds = _flow_columns(limits)
    hourly = sparse.hstack([sparse.eye(areas), flow])
    placed = sparse.csr_matrix(np.tile(np.eye(areas)[:, chosen], (hours, 1)))
    serve = sparse.hstack([placed, -sparse.block_diag([hourly] * hours)])
    short = np.r_[np.full(len(chosen), -share * hours), np.tile(np.r_[np.ones(areas), np.zeros(flow.shape[1])], hours)]
    member, most = _capped(areas, np.inf, sets)
    take = sparse.hstack([sparse.csr_matrix((len(most), areas)), member @ flow])
    take = sparse.hstack([sparse.csr_matrix((len(most) * hours, len(chosen))), sparse.block_diag([take] * hours)])
    found = linprog(
        np.r_[-prices, np.zeros(serve.shape[1] - len(chosen))],
        A_ub=sparse.vstack([serve, sparse.csr_matrix(short), take]).tocsr(),
        b_ub=np.r_[margin.ravel(), native, np.tile(most, hours)],
        bounds=[(0, None)] * len(chosen) + ([(0, None)] * areas + bounds) * hours,
    )
    assert found.status == 0, found.message
    return float(-found.fun)


def _capped(areas: int, caps: np.ndarray | float, sets: Sets | None) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Membership (set, area) and caps (set,) of areas and sets of areas, where there is one."""
    member, most = np.eye(areas), np.broadcast_to(caps, areas)
    if sets is not None:
        member, most = np.vstack([member, sets[0]]), np.r_[most, sets[1]]
    there = np.isfinite(most)
    return sparse.csr_matrix(member[there]), most[there]


def _flow_columns(limits: np.ndarray) -> tuple[sparse.csr_matrix, list[tuple[float, float | None]]]:
    """Net import (area, link) of each link, and the bounds of its flow."""
    start, end = np.nonzero(limits > 0.0)
    links = np.arange(len(start))
    columns = sparse.csr_matrix(
        (np.r_[np.ones(len(links)), -np.ones(len(links))], (np.r_[end, start], np.r_[links, links])),
        shape=(len(limits), len(links)),
    )
    return columns, [(0.0, None if np.isinf(m) else float(m)) for m in limits[start, end]]


def unserved_integer(deficit: np.ndarray, limits: np.ndarray) -> int:
    """Least unserved load of one hour from SciPy's max-flow on whole numbers."""
    areas = len(deficit)
    graph = np.zeros((areas + 2, areas + 2), dtype=np.int32)
    graph[:areas, :areas] = limits
    graph[areas, :areas] = np.maximum(-deficit, 0)
    graph[:areas, areas + 1] = np.maximum(deficit, 0)
    flow = maximum_flow(sparse.csr_matrix(graph), areas, areas + 1).flow_value
    return int(np.maximum(deficit, 0).sum() - flow)


def unserved_by_cuts(deficit: np.ndarray, limits: np.ndarray) -> float:
    """Least unserved load of one hour as the maximum over all sets of areas, one by one."""
    areas = range(len(deficit))
    best = 0.0
    for size in range(1, len(deficit) + 1):
        for inside in itertools.combinations(areas, size):
            outside = [j for j in areas if j not in inside]
            best = max(best, deficit[list(inside)].sum() - limits[np.ix_(outside, list(inside))].sum())
    return best
