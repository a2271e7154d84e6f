"""numba body of the headroom kernel; `headroom.headroom_mw` holds the contract.

Certified pruning. For any set A of more than `allowed` hours, sum_A margin / (|A| - allowed) is at or above
the root, and it is linear in the coefficients: a plane above the answers of *all* cases. A node of the tree
holds cases within a box of coefficients and the hours that may still be curtailed in any of them. It solves
the case at the box's centre, takes that case's active hours as A, and drops every hour whose margin stays
above the plane over the whole box (interval arithmetic, with a guard for rounding). The box is then cut in
two across its widest effect until few cases are left; those are solved one by one on the short list.

The descent on the list adds in any order (vectorised); the last steps repeat the NumPy body's *finish*:
single multiplications and additions over the active hours in ascending order, so that the bits of a
case do not depend on the tree it was solved in. Native-first margins are raised to zero, which the plane
follows with a chord above the kink for hours that change sign within the box.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit

_LEAF = 8  # cases solved on one list
_KEEP = 0.9  # a list is copied when it shrinks below this share of its parent's
_NEAR = 1e-9  # as in the NumPy body
_MAX_STEPS = 400
_MAX_DEPTH = 48
_CASES_PER_THREAD = 512  # fewer are not worth a thread

_ANY_ORDER = {"reassoc", "nsz"}  # never nnan or ninf: they would swallow a NaN


def headroom(profiles: Any, coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller."""
    load = np.zeros(shares.shape)
    hours = np.zeros(shares.shape, dtype=np.int64)
    allowed = shares * profiles.shape[1]
    lowest = 0.0 if native_first else -np.inf
    cases = len(coefficients)
    if cases == 0:
        return load, hours
    # Read-only arrays would be another type to numba, and compiled again.
    profiles, coefficients = np.require(profiles, requirements="W"), np.require(coefficients, requirements="W")
    pieces = max(1, min(_cores(), cases // _CASES_PER_THREAD))
    bounds = [cases * i // pieces for i in range(pieces + 1)]

    def solve(piece: int) -> None:
        part = slice(bounds[piece], bounds[piece + 1])
        _tree(profiles, coefficients[part], allowed[part], lowest, load[part], hours[part])

    if pieces == 1:
        solve(0)
    else:
        with ThreadPoolExecutor(pieces) as pool:
            list(pool.map(solve, range(pieces)))
    return load, hours


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


@njit(cache=True, nogil=True)
def _margins(profiles, c, lowest, out):
    """Margins of one case on a list (K, n), in the finish's own arithmetic."""
    n = profiles.shape[1]
    row = profiles[0]
    ck = c[0]
    for i in range(n):
        out[i] = row[i] * ck
    for k in range(1, profiles.shape[0]):
        row = profiles[k]
        ck = c[k]
        for i in range(n):
            out[i] += row[i] * ck
    if lowest == 0.0:
        for i in range(n):
            out[i] = max(out[i], 0.0)


@njit(cache=True, nogil=True, fastmath=_ANY_ORDER)
def _below(margin, load):
    """Sum and number of the margins below `load`."""
    total = 0.0
    count = 0.0
    for i in range(margin.size):
        below = margin[i] < load
        total += margin[i] if below else 0.0
        count += 1.0 if below else 0.0
    return total, count


@njit(cache=True, nogil=True)
def _search(margin, allowed, load):
    """Newton from the right; the root, and the load whose active hours gave it."""
    previous = load
    for _ in range(_MAX_STEPS):
        total, count = _below(margin, load)
        if count <= allowed:
            break
        lower = total / (count - allowed)
        if lower >= load:
            previous = load
            break
        previous = load
        load = lower
    return load, previous


@njit(cache=True, nogil=True)
def _descend(margin, count, allowed, load, active):
    """The finish: as `_search`, on margin[:count], adding in ascending order. Leaves the active margins
    at the front of `active`; returns load, sum and number of them."""
    n = 0
    for i in range(count):
        active[n] = margin[i]
        n += margin[i] < load
    total = 0.0
    for _ in range(_MAX_STEPS):
        total = 0.0
        for i in range(n):
            total += active[i]
        if n <= allowed:
            break
        lower = total / (n - allowed)
        if lower >= load:
            break
        load = lower
        kept = 0
        for i in range(n):
            value = active[i]
            active[kept] = value
            kept += value < load
        if kept == n:
            break
        n = kept
    return load, total, n


@njit(cache=True, nogil=True)
def _finish(margin, allowed, found, lowest, active):
    """Root and curtailed hours from a found root, the same bits whatever list and start it came from."""
    if margin.size == 0:  # every margin lies above a load that is no longer positive
        return 0.0, 0
    if allowed == 0.0:
        return max(margin.min(), 0.0), 0
    load = found
    if lowest < 0.0:
        load, _, _ = _descend(margin, margin.size, allowed, load, active)
    load, total, n = _descend(margin, margin.size, allowed, load + _NEAR * abs(load), active)
    if load <= 0.0:
        return 0.0, 0
    if lowest < 0.0 and n <= allowed:  # plain rule: too dear with every hour that helps left out: no root
        size = 0.0
        for i in range(n):
            size += abs(active[i])
        if (n - allowed) * load - total > _NEAR * (allowed * load + size):
            return 0.0, 0
    return load, n


@njit(cache=True, nogil=True)
def _row(lists, at, k):
    """Profile k of the list `at` = (offset, row length, hours)."""
    first = at[0] + k * at[1]
    return lists[first : first + at[2]]


@njit(cache=True, nogil=True)
def _list_margins(lists, at, c, lowest, out):
    """`_margins` on a list inside a flat store."""
    n = at[2]
    row = _row(lists, at, 0)
    ck = c[0]
    for i in range(n):
        out[i] = row[i] * ck
    for k in range(1, c.size):
        row = _row(lists, at, k)
        ck = c[k]
        for i in range(n):
            out[i] += row[i] * ck
    if lowest == 0.0:
        for i in range(n):
            out[i] = max(out[i], 0.0)


@njit(cache=True, nogil=True)
def _plane(lists, at, chosen, count, box, excess, lowest, plane):
    """Fill `plane` (K + 1: weights, constant) so that weights . c + constant bounds the root of every case
    in the box from above. chosen[:count] are the hours of the set A; excess = |A| - allowed."""
    k_count = box.shape[1]
    plane[:] = 0.0
    for j in range(count):
        i = chosen[j]
        weight = 1.0
        if lowest == 0.0:
            low = 0.0
            high = 0.0
            for k in range(k_count):
                p = lists[at[0] + k * at[1] + i]
                a = p * box[0, k]
                b = p * box[1, k]
                low += min(a, b)
                high += max(a, b)
            if high <= 0.0:
                continue
            if low < 0.0:
                weight = high / (high - low)
                plane[k_count] -= weight * low
        for k in range(k_count):
            plane[k] += weight * lists[at[0] + k * at[1] + i]
    for k in range(k_count + 1):
        plane[k] /= excess


@njit(cache=True, nogil=True)
def _keep(lists, at, box, plane, guard, slack, kept):
    """Hours of the list whose margin may fall below the plane somewhere in the box."""
    n = at[2]
    for i in range(n):
        slack[i] = -plane[box.shape[1]] - guard
    for k in range(box.shape[1]):
        row = _row(lists, at, k)
        middle = 0.5 * (box[0, k] + box[1, k])
        width = 0.5 * (box[1, k] - box[0, k])
        q = plane[k]
        for i in range(n):
            d = row[i] - q
            slack[i] += middle * d - width * abs(d)
    count = 0
    for i in range(n):
        kept[count] = i
        count += slack[i] <= 0.0
    return count


@njit(cache=True, nogil=True)
def _copy(lists, at, kept, count, store, offset):
    """Copy the kept hours of a list to store[offset:]; returns the new list."""
    for k in range(at[3]):
        row = _row(lists, at, k)
        to = offset + k * count
        for j in range(count):
            store[to + j] = row[kept[j]]
    return offset, count, count, at[3]


@njit(cache=True, nogil=True)
def _box(coefficients, cases, box, centre):
    """Bounds and mean of the coefficients of some cases."""
    box[0, :] = coefficients[cases[0]]
    box[1, :] = coefficients[cases[0]]
    centre[:] = 0.0
    for case in cases:
        for k in range(centre.size):
            value = coefficients[case, k]
            box[0, k] = min(box[0, k], value)
            box[1, k] = max(box[1, k], value)
            centre[k] += value
    for k in range(centre.size):
        centre[k] = min(max(centre[k] / cases.size, box[0, k]), box[1, k])


@njit(cache=True, nogil=True)
def _split(coefficients, cases, box, centre, lists_spread):
    """Reorder `cases` about the mean of the coefficient with the widest effect; size of the first part."""
    best = 0
    for k in range(centre.size):
        if (box[1, k] - box[0, k]) * lists_spread[k] > (box[1, best] - box[0, best]) * lists_spread[best]:
            best = k
    left = 0
    right = cases.size - 1
    while left <= right:
        if coefficients[cases[left], best] <= centre[best]:
            left += 1
        else:
            cases[left], cases[right] = cases[right], cases[left]
            right -= 1
    return left


@njit(cache=True, nogil=True)
def _spread(lists, at, plane, spread):
    """Mean distance of each profile from the plane, over a sample of the list."""
    step = max(1, at[2] // 64)
    for k in range(at[3]):
        row = _row(lists, at, k)
        total = 0.0
        for i in range(0, at[2], step):
            total += abs(row[i] - plane[k])
        spread[k] = total


@njit(cache=True, nogil=True)
def _node(lists, at, work, box, centre, allowed, plane, lowest):
    """Tighten the plane at the centre of a box and list the hours that stay in play; returns their number
    and a guard for rounding."""
    margin, slack, kept = work
    k_count = centre.size
    n = at[2]
    _list_margins(lists, at, centre, lowest, margin[:n])
    start = plane[k_count]
    size = abs(plane[k_count])
    for k in range(k_count):
        start += centre[k] * plane[k]
        size += max(abs(box[0, k]), abs(box[1, k])) * (abs(plane[k]) + plane[k_count + 1 + k])
    guard = 1e-12 * size
    _, threshold = _search(margin[:n], allowed, start + guard)
    count = 0
    for i in range(n):
        kept[count] = i
        count += margin[i] < threshold
    if count > allowed:
        _plane(lists, at, kept, count, box, count - allowed, lowest, plane[: k_count + 1])
    return _keep(lists, at, box, plane, guard, slack, kept), guard


@njit(cache=True, nogil=True)
def _leaf(lists, at, coefficients, cases, allowed, lowest, plane, guard, work, load, hours):
    margin, active, _ = work
    for case in cases:
        _list_margins(lists, at, coefficients[case], lowest, margin[: at[2]])
        start = plane[coefficients.shape[1]] + guard
        for k in range(coefficients.shape[1]):
            start += coefficients[case, k] * plane[k]
        for share in range(allowed.shape[1]):
            found, _ = _search(margin[: at[2]], allowed[case, share], start)
            load[case, share], hours[case, share] = _finish(
                margin[: at[2]], allowed[case, share], found, lowest, active
            )


@njit(cache=True, nogil=True)
def _tree(profiles, coefficients, allowed, lowest, load, hours):
    """Solve all cases of one profile set."""
    k_count, hour_count = profiles.shape
    flat = profiles.reshape(k_count * hour_count)
    store = np.empty(4 * k_count * hour_count)
    work = (np.empty(hour_count), np.empty(hour_count), np.empty(hour_count, dtype=np.int32))
    box = np.empty((2, k_count))
    centre = np.empty(k_count)
    spread = np.empty(k_count)
    planes = np.zeros((_MAX_DEPTH + 1, 2 * k_count + 1))
    cases = np.arange(coefficients.shape[0])
    largest = allowed.max()
    # root plane: the mean of all hours, with negative hours raised by a chord
    planes[0, k_count] = np.inf
    for k in range(k_count):
        planes[:, k_count + 1 + k] = np.abs(profiles[k]).max()
    # stack of (first case, end, depth, list offset, list row, list hours)
    stack = np.empty((_MAX_DEPTH + 2, 6), dtype=np.int64)
    stack[0, 0] = 0
    stack[0, 1] = cases.size
    stack[0, 2] = 0
    stack[0, 3] = -1
    stack[0, 4] = hour_count
    stack[0, 5] = hour_count
    top = 1
    while top > 0:
        top -= 1
        first, end, depth = stack[top, 0], stack[top, 1], stack[top, 2]
        offset, row, n = stack[top, 3], stack[top, 4], stack[top, 5]
        part = cases[first:end]
        _box(coefficients, part, box, centre)
        plane = planes[depth]
        if depth > 0:
            plane[: k_count + 1] = planes[depth - 1, : k_count + 1]
        else:
            _all_hours(profiles, box, hour_count - largest, lowest, plane)
        at_root = offset < 0
        at = (max(offset, 0), row, n, k_count)
        used = 0 if at_root else offset + k_count * n
        lists = flat if at_root else store
        count, guard = _node(lists, at, work, box, centre, largest, plane, lowest)
        if count < _KEEP * n and used + k_count * count <= store.size:
            at = _copy(lists, at, work[2], count, store, used)
            lists = store
            at_root = False
        middle = 0
        if part.size > _LEAF and depth < _MAX_DEPTH:
            _spread(lists, at, plane, spread)
            middle = _split(coefficients, part, box, centre, spread)
        if middle == 0 or middle == part.size:
            _leaf(lists, at, coefficients, part, allowed, lowest, plane, guard, work, load, hours)
            continue
        for begin, stop in ((first + middle, end), (first, first + middle)):
            stack[top, 0] = begin
            stack[top, 1] = stop
            stack[top, 2] = depth + 1
            stack[top, 3] = -1 if at_root else at[0]
            stack[top, 4] = at[1]
            stack[top, 5] = at[2]
            top += 1


@njit(cache=True, nogil=True)
def _all_hours(profiles, box, excess, lowest, plane):
    """The plane of the set of all hours."""
    k_count, hour_count = profiles.shape
    chosen = np.arange(hour_count)
    _plane(
        profiles.reshape(k_count * hour_count),
        (0, hour_count, hour_count, k_count),
        chosen,
        hour_count,
        box,
        excess,
        lowest,
        plane[: k_count + 1],
    )
