"""Which cases of the headroom kernels share a block of threads, and with it a list of hours.

A list holds every hour that can be curtailed in any case of its block, so that it is short where the cases lie close
together: the widths of their box, each times the mean size of its profile, should be small. What is dealt changes no
answer, only how long it takes.

Up to MOST_CASES cases of a set are a group, halved by the coefficient of the widest effect until a block holds them, as
a k-d tree does. More cases are cut into groups first, along a Gray code of their coefficients' ranks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ._launch import Kernel, launch
from ._namespace import Array, array_namespace

BLOCK = 128
"""Most cases of a block."""

MOST_CASES = 2048
"""Of a group; MOST_CASES in headroom_deal.cu."""

_THREADS = 512  # THREADS in headroom_deal.cu
_FINER = 4  # halvings by rank beyond the number of groups
_SHAPE = 1.5707963267948966  # makes x / sqrt(x * x + it) as steep at 0 as the normal distribution


class Deal(NamedTuple):
    """Result of deal.

    order : int32 (block, width)  Cases of a block, numbered through all sets; -1 fills what is left over.
    reach : float64 (set, case)   Largest margin a case can have: sizes of its coefficients times `peaks`. [MW]
    """

    order: Array
    reach: Array


class _Plan(NamedTuple):
    """How the cases of each set are cut: groups, places of the largest (a power of two), halvings, cases of a block."""

    groups: int
    capacity: int
    halvings: int
    width: int


def deal(coefficients: Array, effects: Array, peaks: Array) -> Deal:
    """Deal the cases of some sets of profiles to blocks of at most BLOCK neighbours; a block serves one set.

    coefficients : float64 (set, case, K)   Finite, or the order is one of many.
    effects, peaks : float64 (set, K)       Mean and largest absolute value of each profile.
    """
    xp = array_namespace(coefficients, effects, peaks)
    sets, cases, _ = coefficients.shape
    plan = _plan(cases)
    if plan.groups == 1:
        members = xp.arange(sets * cases, dtype=xp.int32)
    else:
        bits = (plan.groups - 1).bit_length() + _FINER
        members = keys(coefficients, effects, bits).argsort(kind="stable").astype(xp.int32)
    return halved(members, coefficients, effects, peaks)


def keys(coefficients: Array, effects: Array, bits: int, moments: tuple[Array, Array] | None = None) -> Array:
    """A number for each case, int64 (set * case,): its set, then `bits` halvings, neighbours next to each other.

    moments : mean and standard deviation of the coefficients, both (set, K); worked out where they are not given.
    """
    xp = array_namespace(coefficients, effects)
    sets, cases, terms = coefficients.shape
    mean, spread = moments or (coefficients.mean(axis=1), coefficients.std(axis=1))
    if xp is np:
        return _keys(coefficients, effects, bits, (mean, spread))
    out = xp.empty(sets * cases, dtype=xp.int64)
    sizes = tuple(np.int32(size) for size in (cases, sets, bits))
    launch(keys_kernel(terms), sets * cases, (coefficients, mean, spread, effects, out, *sizes))
    return out


def halved(members: Array, coefficients: Array, effects: Array, peaks: Array) -> Deal:
    """Deal `members`, int32 (set * case,), the cases of one set after the other; neighbours stay together."""
    xp = array_namespace(members, coefficients, effects, peaks)
    sets, cases, terms = coefficients.shape
    plan = _plan(cases)
    if xp is np:
        return Deal(_halved(members, coefficients, effects, plan), _reach(coefficients, peaks))
    order = xp.empty((sets * plan.groups * 2**plan.halvings, plan.width), dtype=xp.int32)
    reach = xp.empty((sets, cases), dtype=xp.float64)
    sizes = tuple(np.int32(size) for size in (cases, *plan))
    arguments = (members, coefficients, effects, peaks, order, reach, *sizes)
    launch(deal_kernel(terms), sets * plan.groups * _THREADS, arguments, block=_THREADS)
    return Deal(order, reach)


def keys_kernel(terms: int) -> Kernel:
    """headroom_keys for a number of profiles."""
    return Kernel("headroom_deal", f"headroom_keys<{terms}>", (*("float64[]",) * 4, "int64[]", *("int32",) * 3))


def deal_kernel(terms: int) -> Kernel:
    """headroom_deal for a number of profiles."""
    arrays = ("int32[]", *("float64[]",) * 3, "int32[]", "float64[]")
    return Kernel("headroom_deal", f"headroom_deal<{terms}>", (*arrays, *("int32",) * 5))


def _plan(cases: int) -> _Plan:
    groups = -(-cases // MOST_CASES)
    largest = -(-cases // groups)
    halvings = (-(-largest // BLOCK) - 1).bit_length()
    return _Plan(groups, 2 ** (largest - 1).bit_length(), halvings, -(-largest // 2**halvings))


def _keys(coefficients: Any, effects: Any, bits: int, moments: tuple[Any, Any]) -> Any:
    """NumPy body of headroom_keys."""
    sets, cases, _ = coefficients.shape
    mean, spread = (moment[:, None] for moment in moments)
    far = np.divide(coefficients - mean, spread, out=np.zeros(coefficients.shape), where=spread > 0.0)
    rank = np.clip(0.5 + 0.5 * far / np.sqrt(far * far + _SHAPE), 0.0, 1.0 - 2.0**-53)
    width = (effects * moments[1]).astype(np.float32)
    key, parity = np.arange(sets)[:, None].repeat(cases, axis=1), np.zeros((sets, cases), dtype=np.int64)
    own = np.arange(sets)
    for _ in range(bits):
        widest = width.argmax(axis=1)
        width[own, widest] *= 0.5
        mine = rank[own, :, widest] * 2.0
        upper = mine >= 1.0
        rank[own, :, widest] = mine - upper
        parity ^= upper
        key = 2 * key + parity
    return key.ravel()


def _halved(members: Any, coefficients: Any, effects: Any, plan: _Plan) -> Any:
    """NumPy body of headroom_deal: the order."""
    sets, cases, terms = coefficients.shape
    flat = coefficients.reshape(-1, terms)
    blocks = []
    for each, effect in zip(members.reshape(sets, cases), effects, strict=True):
        ends = [cases * number // plan.groups for number in range(plan.groups + 1)]
        parts = [each[first:last] for first, last in pairwise(ends)]
        for _ in range(plan.halvings):
            parts = [half for part in parts for half in _halves(part, flat[part], effect)]
        blocks += parts
    order = np.full((len(blocks), plan.width), -1, dtype=np.int32)
    for row, block in zip(order, blocks, strict=True):
        row[: len(block)] = block
    return order


def _halves(part: Any, values: Any, effect: Any) -> tuple[Any, Any]:
    """Cases with the smaller and the larger coefficients of the widest effect; of an odd number, the first are more."""
    if len(part) == 0:
        return part, part
    widest = ((values.max(axis=0) - values.min(axis=0)) * effect).argmax()
    ranked = part[np.lexsort((part, values[:, widest]))]
    left = (len(part) + 1) // 2
    return ranked[:left], ranked[left:]


def _reach(coefficients: Any, peaks: Any) -> Any:
    """In this order of k on every engine."""
    reach = np.zeros(coefficients.shape[:2])
    for k in range(coefficients.shape[2]):
        reach += np.abs(coefficients[:, :, k]) * peaks[:, k, None]
    return reach
