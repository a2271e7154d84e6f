"""Oracles of the storage kernel: linear programs with perfect foresight, solved by HiGHS; and stores to try it on."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

SHARES = np.array([0.0, 0.005, 0.01, 0.05])


def random_store(seed: int, hours: int = 30) -> tuple[np.ndarray, float, float, float]:
    """Margin (hour,), power, energy, efficiency; some stores are nil, some lossless."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(rng.uniform(0, 2), 2, hours)
    power, energy = rng.exponential(1.5) * (seed % 7 > 0), rng.exponential(4)
    return margin, float(power), float(energy), 1.0 if seed % 3 == 0 else float(rng.uniform(0.6, 1.0))


def days_and_nights(
    seed: int,
    cases: int = 24,
    hours: int = 700,
    *,
    period: int = 24,
    lasting: tuple[float, float] = (0.5, 6.0),
    served: bool = False,
) -> tuple[list, tuple, np.ndarray]:
    """Two sets of days and nights; natives are short in most cases, some stores are nil in power or energy.

    period : hours of a day; lasting : hours of a store at full power; served : natives are never short
    """
    rng = np.random.default_rng(seed)
    sets = []
    for _ in range(2):
        day = np.sin(np.arange(hours) * 2 * np.pi / period)
        profiles = np.stack([np.ones(hours), day, rng.normal(0, 1, hours), np.zeros(hours)])
        shape = (cases // 2, 1)
        weights = [rng.uniform(-0.5, 4, shape), rng.uniform(0, 3, shape), rng.uniform(0.2, 2, shape), np.ones(shape)]
        coefficients = 10.0 ** rng.integers(0, 5) * np.concatenate(weights, axis=1)
        if served:
            least = (coefficients[:, 1:] @ profiles[1:]).min(axis=1)
            coefficients[:, 0] = 0.02 * np.abs(coefficients).max(axis=1) - least
        sets.append((profiles, coefficients))
    size = np.concatenate([np.abs(c).max(axis=1) for _, c in sets])
    power = rng.exponential(0.5, cases) * size * (np.arange(cases) % 7 > 0)
    energy = rng.uniform(*lasting, cases) * power * (np.arange(cases) % 5 > 0)
    return sets, (power, energy, rng.uniform(0.6, 1.0, cases)), SHARES[np.arange(cases) % 4]


def _program(hours: int, power: float, energy: float, eta: float) -> tuple[sparse.spmatrix, sparse.spmatrix, list]:
    """Balance rows, charge rows and bounds over charge, discharge, state of charge and unserved load."""
    one, nil = sparse.eye(hours), sparse.csr_matrix((hours, hours))
    balance = sparse.hstack([one, -one, nil, -one])  # charge - discharge - unserved <= margin
    before = sparse.eye(hours, k=-1)
    state = sparse.hstack([-eta * one, one, one - before, nil])
    bounds = [(0, power)] * (2 * hours) + [(0, energy)] * hours + [(0, None)] * hours
    return balance, state, bounds


def storage_lp(margin: np.ndarray, power: float, energy: float, eta: float) -> float:
    """Least unserved energy of one series; the store starts full."""
    hours = len(margin)
    balance, state, bounds = _program(hours, power, energy, eta)
    start = np.r_[energy, np.zeros(hours - 1)]
    cost = np.r_[np.zeros(3 * hours), np.ones(hours)]
    found = linprog(cost, A_ub=balance, b_ub=margin, A_eq=state, b_eq=start, bounds=bounds)
    assert found.status == 0, found.message
    return float(found.fun)


def storage_headroom_lp(margin: np.ndarray, power: float, energy: float, eta: float, share: float) -> float:
    """Largest constant load with unserved(l) - unserved(0) <= share * hours * l."""
    hours = len(margin)
    native = storage_lp(margin, power, energy, eta)
    balance, state, bounds = _program(hours, power, energy, eta)
    with_load = sparse.hstack([sparse.csr_matrix(np.ones((hours, 1))), balance])
    curtailed = sparse.csr_matrix(np.r_[-share * hours, np.zeros(3 * hours), np.ones(hours)])
    found = linprog(
        np.r_[-1.0, np.zeros(4 * hours)],
        A_ub=sparse.vstack([with_load, curtailed]),
        b_ub=np.r_[margin, native],
        A_eq=sparse.hstack([sparse.csr_matrix((hours, 1)), state]),
        b_eq=np.r_[energy, np.zeros(hours - 1)],
        bounds=[(0, None), *bounds],
    )
    assert found.status == 0, found.message
    return float(found.x[0])


def ramp_lp(need: np.ndarray, ramp: float) -> float:
    """Least curtailed energy that covers the need and keeps to the ramp."""
    hours = len(need)
    step = sparse.eye(hours - 1, hours, k=1) - sparse.eye(hours - 1, hours)
    found = linprog(
        np.ones(hours),
        A_ub=sparse.vstack([step, -step]),
        b_ub=np.full(2 * (hours - 1), ramp),
        bounds=[(n, None) for n in need],
    )
    assert found.status == 0, found.message
    return float(found.fun)
