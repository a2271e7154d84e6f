"""How threads share a call of the numba headroom engine.

The thread that calls lays out the profiles and chooses axes. Others, which take as long to wake, lay out cases by
the side of the first. This one begins the tree; each puts off the larger second
halves of what it cuts, and whoever has nothing to do takes the largest of these. So that no thread has to trust that
another one runs, what it has waited for in vain is done again: both write the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._headroom_lines import lay_lines
from ._headroom_slow import solve_plainly
from ._headroom_space import MAX_DEPTH
from ._headroom_types import Axes, Call, Leaf, Lines, Tree, double, long, long_table, together
from ._jit import add_to, give_way, lean, put, view
from ._lanes import WIDTH, bits, load, save, size_of, spread, where

# What `Job.state` holds.
STAGE, OUTSIDE, THREADS, BUSY, CHUNKS, CHUNKS_LAID, LOCK, FIRST, LISTED = range(9)
PREPARING, AXES_CHOSEN, READY, OVER = range(4)  # stages
_CHUNK = 1024  # cases laid out at a time
_GRAIN = 256  # cases worth another thread
_PATIENCE = 10_000  # looks at what another thread is about, some 0.1 ms
_POLITE = 32  # of them until a thread that wants the core has it
_COURTESY = 2_000  # looks while the caller goes on


class Job(NamedTuple):
    """What the threads of a call share, but for results."""

    state: Any  # (9,)
    offered: Any  # (thread, 2): of its `parts` the oldest that nobody has taken, and the end
    parts: Any  # (thread * MAX_DEPTH, 2): first case and end of what it has put off
    flat: Any  # coefficients, one case behind the other


JOB = together([long, long_table, long_table, double], Job)


def new_job(coefficients: Any, threads: int) -> Job:
    """For so many threads."""
    offered = np.zeros((threads, 2), dtype=np.int64)
    parts = np.empty((threads * MAX_DEPTH, 2), dtype=np.int64)
    return Job(np.zeros(9, dtype=np.int64), offered, parts, coefficients.reshape(-1))


@lean
def wait_until(state: Any, place: int, value: int) -> bool:
    """Wait a little until what stands there is at least so much; whether it is."""
    looks = 0
    while add_to(state, place, 0) < value and looks < _PATIENCE:
        looks += 1
        if looks % _POLITE == 0:
            give_way()
    return looks < _PATIENCE


@lean
def come_in(state: Any) -> bool:
    """Before a helper touches anything; False: the call is over."""
    add_to(state, OUTSIDE, -1)
    if add_to(state, STAGE, 0) < OVER:
        return True
    add_to(state, OUTSIDE, 1)
    return False


@lean
def leave(state: Any) -> None:
    """A helper touches nothing any more. The last one lets the caller ask for the interpreter before it does itself."""
    add_to(state, OUTSIDE, 1)
    for _ in range(_COURTESY):
        if add_to(state, STAGE, 0) < OVER:
            return


@lean
def largest_margin(call: Call, flat: Any, limits: Any, axes: Axes) -> float:
    """At least the largest margin that a case may have; 0: some are too small or too large, or no numbers.

    limits = (the smallest, the largest, the smallest over the largest, the largest coefficient); overwrites some axes.
    """
    k_count, lows, highs = call.peaks.size, axes.mean, axes.size
    group, fine, bound = WIDTH * k_count, (1 << WIDTH) - 1, spread(limits[3])  # 16 cases
    for k in range(k_count):
        lows[k], highs[k] = np.inf, 0.0
    for at in range(0, group, WIDTH):
        low, high = spread(np.inf), spread(0.0)
        for first in range(0, flat.size if flat.size >= group else 0, group):
            size = size_of(load(flat, min(first, flat.size - group) + at))  # some twice rather than beyond the end
            fine &= bits(size < bound)
            low, high = where(size < low, size, low), where(high < size, size, high)
        save(axes.wide, 0, low)
        for lane in range(WIDTH):
            lows[(at + lane) % k_count] = min(lows[(at + lane) % k_count], axes.wide[lane])
        save(axes.wide, 0, high)
        for lane in range(WIDTH):
            highs[(at + lane) % k_count] = max(highs[(at + lane) % k_count], axes.wide[lane])
    least, most = 0.0, 0.0
    for k in range(k_count):
        least, most = max(least, lows[k] * call.peaks[k]), most + highs[k] * call.peaks[k]
    told = flat.size >= group and fine == (1 << WIDTH) - 1
    if told and limits[0] < least and most < limits[1] and limits[2] * most < least:
        return most
    return _by_case(call, flat, limits)  # few cases, or closer to the limits than their bounds


@lean
def _by_case(call: Call, flat: Any, limits: Any) -> float:
    k_count, fine, least, most = call.peaks.size, True, np.inf, 0.0
    for first in range(0, flat.size, k_count):
        reach = 0.0
        for k in range(k_count):
            reach += abs(flat[first + k]) * call.peaks[k]
            fine &= abs(flat[first + k]) < limits[3]
        least, most = min(least, reach), max(most, reach)
    return most if fine and limits[0] < least and most < limits[1] and limits[2] * most < least else 0.0


@lean
def lay_chunks(coefficients: Any, axes: Axes, lines: Lines, state: Any) -> None:
    """Places of cases that nobody has laid out yet."""
    cases = coefficients.shape[0]
    while True:
        first = add_to(state, CHUNKS, _CHUNK)
        if first >= cases:
            return
        end = min(first + _CHUNK, cases)
        lay_lines(coefficients, first, end, axes, lines)
        add_to(state, CHUNKS_LAID, end - first)


@lean
def _lock(state: Any) -> None:
    while put(state, LOCK, 1) == 1:
        pass  # it is never held for more than some instructions


@lean
def offer(job: Job, who: int, first: int, end: int) -> bool:
    """Leave some cases to whoever has nothing to do until this thread comes to them; False: they are too few."""
    if end - first < _GRAIN or job.offered.shape[0] == 1:
        return False
    place = job.offered[who, 1]
    job.parts[who * MAX_DEPTH + place, 0], job.parts[who * MAX_DEPTH + place, 1] = first, end
    _lock(job.state)
    job.offered[who, 1] = place + 1
    put(job.state, LOCK, 0)
    return True


@lean
def take_back(job: Job, who: int) -> bool:
    """Come to what this thread has offered last; False: another has taken it."""
    _lock(job.state)
    job.offered[who, 1] -= 1
    mine = job.offered[who, 0] <= job.offered[who, 1]
    if not mine:
        job.offered[who, 0] -= 1
    put(job.state, LOCK, 0)
    return mine


@lean
def _largest_offer(job: Job) -> int:
    """Whose oldest part has the most cases; -1: there is none."""
    best, size = -1, 0
    for who in range(job.offered.shape[0]):
        place = who * MAX_DEPTH + job.offered[who, 0]
        if job.offered[who, 0] < job.offered[who, 1] and job.parts[place, 1] - job.parts[place, 0] > size:
            best, size = who, job.parts[place, 1] - job.parts[place, 0]
    return best


@lean
def take(job: Job) -> tuple[int, int]:
    """First case and end of what another thread has put off; the same twice: nobody is at work who might offer more."""
    looks = 0
    while True:
        if _largest_offer(job) >= 0:
            _lock(job.state)
            best, first, end = _largest_offer(job), 0, 0
            if best >= 0:
                place = best * MAX_DEPTH + job.offered[best, 0]
                first, end = job.parts[place, 0], job.parts[place, 1]
                job.offered[best, 0] += 1
                add_to(job.state, BUSY, 1)
            put(job.state, LOCK, 0)
            if first < end:
                return first, end
        if add_to(job.state, BUSY, 0) == 0:
            return 0, 0
        looks += 1
        if looks % _POLITE == 0:
            give_way()


@lean
def lay_rows(call: Call, tree: Tree) -> None:
    """Profiles over their peaks in float32."""
    k_count, n = call.profiles.shape
    for k in range(k_count):
        profile, to, inverse = call.profiles[k], view(tree.rows, k * n, n), call.inverse[k]
        for i in range(n):
            to[i] = np.float32(profile[i] * inverse)
    for i in range(n):
        tree.hours[i] = i


@lean
def follow_axes(given: Any, axes: Axes, state: Any) -> bool:
    """Take over the axes; False: it takes longer than one should wait."""
    turn, peaks, inverse, wide = given[4][3:]
    if not wait_until(state, STAGE, AXES_CHOSEN):
        return False
    for k in range(peaks.size):
        axes.peaks[k], axes.inverse[k] = peaks[k], inverse[k]
        for j in range(peaks.size):
            axes.turn[k, j] = turn[k, j]
    for i in range(wide.size):
        axes.wide[i] = wide[i]
    return True


@lean
def follow_root(given: Any, tree: Tree, state: Any) -> bool:
    """Take over the root's list and plane; False: it takes longer than one should wait."""
    rows, hours, planes = given[4][:3]
    if not wait_until(state, STAGE, READY):
        return False
    k_count, first, n = planes.shape[1] - 1, state[FIRST], state[LISTED]
    for i in range(n):
        tree.hours[i] = hours[first + i]
    for i in range(k_count * n):
        tree.rows[i] = rows[k_count * first + i]
    for k in range(k_count + 1):
        tree.planes[1, k] = planes[1, k]
    return True


@lean
def share_plainly(call: Call, problem: Any, result: Any, space: Leaf, state: Any) -> None:
    """Cases where float32 will not do."""
    coefficients, allowed, cases, lines = problem
    while True:
        case = add_to(state, CHUNKS, 1)
        if case >= cases.size:
            return
        cases[case] = case
        solve_plainly(((coefficients, allowed, view(cases, case, 1), lines), call, result, space))
