"""How much each expert counts in the pool: by group of horizons for all entities, then by entity.

Both learn from outcomes on record alone and are drawn towards what needs no record: halves for the two kinds of
experts, statistical and structural, and for an entity the weights of all together.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.mixture import Mixture, crps, pool

Floats = NDArray[np.float64]

STATISTICAL = ("trend", "smoothing")
"""Experts that know the series alone; two of the same kind share the weight of one."""
STEPS = 20
"""Weights are sought in steps of 1/20."""
ORIGINS_TO_TRUST = 8
"""Origins with outcomes on record at which the fitted weights count as much as the standing ones: equal weights are
hard to beat (forecast combination puzzle, Claeskens et al. 2016), the more so the fewer origins; a setting."""
PAIRS_TO_TRUST = 40.0
"""Outcomes of one entity at which its own record counts half, about five origins; a setting of the learning."""
OWN_SCALE = 0.5
"""An expert whose past errors for an entity are larger by this share of the mean counts 1/e of the best, where the
record is long; a setting of the learning."""


def standing(names: tuple[str, ...]) -> Floats:
    """Weights (expert,) without a record: half to each kind, evenly within it."""
    kind = np.array([name in STATISTICAL for name in names])
    return np.asarray([1.0 / (kind == one).sum() for one in kind]) / len(set(kind.tolist()))


def fitted(parts: list[Mixture], outcome: Floats) -> Floats:
    """Weights (expert,) with the least CRPS of the pool. parts : by expert, each (component, pair); outcome : (pair,)

    CRPS of a linear pool is quadratic in its weights: the sum of w_i c_i less that of w_i w_j e_ij over pairs of
    experts. It follows from the scores c of each expert alone and of each two in equal parts, so that all weights
    can be tried.
    """
    count = len(parts)
    alone = np.array([float(crps(part, outcome).mean()) for part in parts])
    gain = np.zeros((count, count))
    half = [np.array(0.5), np.array(0.5)]
    for i, j in combinations(range(count), 2):
        together = float(crps(pool([parts[i], parts[j]], half), outcome).mean())
        gain[i, j] = 4.0 * (0.5 * (alone[i] + alone[j]) - together)
    tried = (
        np.array([*w, STEPS - sum(w)]) / STEPS for w in product(range(STEPS + 1), repeat=count - 1) if sum(w) <= STEPS
    )
    return min(tried, key=lambda w: float(w @ alone - w @ gain @ w))


def trusted(found: Floats, start: Floats, origins: int) -> Floats:
    """Fitted weights drawn towards the standing ones, half of the way at ORIGINS_TO_TRUST."""
    trust = origins / (origins + ORIGINS_TO_TRUST)
    return np.asarray(trust * found + (1.0 - trust) * start)


def own_factors(error: Floats, pairs: Floats) -> Floats:
    """Factor (expert, entity) on the weights of all, at most 1, that an entity's own record asks for.

    error : (expert, entity)  Sum of absolute errors over the expected spread; pairs : (entity,) how many. Without a
    record every factor is 1; n pairs count as n / (n + PAIRS_TO_TRUST) of the whole difference.
    """
    trust = pairs / (pairs + PAIRS_TO_TRUST)
    relative = error / np.maximum(error.mean(axis=0), 1e-9)
    return np.asarray(np.exp(-trust * (relative - relative.min(axis=0)) / OWN_SCALE))
