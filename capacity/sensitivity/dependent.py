"""Mixtures of two sets of draws in which the exchanged groups are drawn anew, given what the others say.

Groups are not independent: parameters of different groups follow the same common factors. To exchange a group alone is
to draw it from its distribution given all others. With Gaussian factors that distribution is known: the factors given
the scores of the parameters that stay are normal, and the scores of those that go follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from capacity.draws import Draws, combined
from capacity.sensitivity.draws import NAMES, scores
from scenarios.distributions import Distribution
from scenarios.groups import group_of

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Runs of a model.

    ids : int64 (run, group)              Draw number that a group's own chances come from.
    factors : float64 (run, group, factor)  Common factors that a group's parameters follow; 0 where none does.
    """

    ids: Numbers
    factors: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, runs: Numbers) -> Rows:
        return Rows(self.ids[runs], self.factors[runs])

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Rows:
        return cls(np.concatenate([p.ids for p in parts]), np.concatenate([p.factors for p in parts]))

    def unique(self, groups: Sequence[int], follows: Sequence[tuple[int, int]]) -> tuple[Numbers, Numbers]:
        """First run of each different mixture of some groups and (group, factor) pairs, and each run's mixture."""
        one, other = ([pair[i] for pair in follows] for i in range(2))
        bits = np.ascontiguousarray(self.factors[:, one, other]).view(np.int64)
        key = np.concatenate([self.ids[:, groups], bits], axis=1)
        _, first, back = np.unique(key, axis=0, return_index=True, return_inverse=True)
        return first, back.reshape(-1)


def exchanged(kept: Draws, new: Draws, groups: Flags) -> Rows:
    """Runs that take some groups from `new`, given what the groups of `kept` that stay say.

    kept, new : draws (n,) of the same seed and scenario
    groups : (step, n, group) or (step, 1, group)   Groups to exchange. Runs are ordered by step, then by draw.
    """
    groups = np.broadcast_to(groups, (len(groups), len(kept), len(NAMES)))
    loads = _Loads.of(kept)
    factors = np.where(groups[..., None], _resampled(loads, new, groups)[:, :, None, :], kept.factors[None, :, None, :])
    ids = np.where(groups, new.ids[:, None], kept.ids[:, None])
    shown = np.where(loads.precision > 0.0, factors, 0.0)
    runs = groups.shape[0] * groups.shape[1]
    return Rows(ids.reshape(runs, -1), shown.reshape(runs, *loads.precision.shape))


@dataclass(frozen=True)
class _Loads:
    """What the parameters of a group tell about the factors.

    precision : (group, factor)   Sum of loading^2 / (1 - loading^2) over its parameters.
    told : (draw, group, factor)  Sum of loading x score / (1 - loading^2).
    """

    precision: Floats
    told: Floats

    @classmethod
    def of(cls, draws: Draws) -> _Loads:
        correlation = draws.scenario.correlation
        shape = (len(NAMES), len(correlation.factors))
        precision, told = np.zeros(shape), np.zeros((len(draws), *shape))
        for name, factor, loading in correlation.loadings:
            if isinstance(draws.scenario.parameter(name).value, Distribution):
                at = NAMES.index(group_of(name)), correlation.factors.index(factor)
                precision[at] += loading**2 / (1.0 - loading**2)
                told[:, *at] += loading / (1.0 - loading**2) * scores(draws, name, "parameter")[:, 0]
        return cls(precision, told)


def _resampled(kept: _Loads, new: Draws, groups: Flags) -> Floats:
    """Factors (step, draw, factor) given the groups that stay, with the chances of `new`.

    Blocks of factors that are independent of each other are drawn apart, so that what a block does not touch keeps
    its bits, and a grid that does not read it need not be solved again.
    """
    correlation = new.scenario.correlation
    found = np.empty((*groups.shape[:2], len(correlation.factors)))
    for block in correlation.blocks:
        members = list(block)
        telling = np.flatnonzero(kept.precision[:, members].any(axis=1))
        stay = ~groups[..., telling]
        chances = [new.factor_chances[factor] for factor in members]
        within = correlation.matrix[np.ix_(members, members)], correlation.root[np.ix_(members, members)]
        for pattern in np.unique(stay.reshape(-1, len(telling)), axis=0):
            drawn = _given(kept, telling[pattern], members, within, chances)
            step, draw = np.nonzero((stay == pattern).all(axis=-1))
            found[step[:, None], draw[:, None], members] = drawn[draw]
    return found


def _given(
    kept: _Loads, telling: Numbers, members: list[int], within: tuple[Floats, Floats], chances: list[Floats]
) -> Floats:
    """Factors (draw, member) of one block, given the parameters of some groups."""
    matrix, root = within
    if not len(telling):
        return combined(root, chances, len(kept.told))
    precision = np.linalg.inv(matrix) + np.diag(kept.precision[telling][:, members].sum(axis=0))
    spread = np.linalg.inv(precision)
    spread = 0.5 * (spread + spread.T)
    told = [reduce(np.add, [kept.told[:, group, member] for group in telling]) for member in members]
    draws = len(kept.told)
    left: Floats = np.asarray(np.linalg.cholesky(spread), dtype=np.float64)
    return combined(spread, told, draws) + combined(left, chances, draws)
