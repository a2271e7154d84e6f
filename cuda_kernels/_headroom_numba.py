"""numba body of the headroom kernel; `headroom.headroom_mw` holds the contract.

Certified pruning. For any set A of more than `allowed` hours, sum_A margin / (|A| - allowed) is at or above the root
and linear in the coefficients: a plane above the answers of *all* cases. A node of the tree holds cases within a box
of coefficients and the hours that may still be curtailed in any of them. It solves the case at the box's centre,
takes that case's curtailed hours as A, and drops every hour whose margin stays above the plane over the whole box
(interval arithmetic in float32, with a guard for rounding). The box is cut in two across its widest effect until few
cases are left; `_headroom_leaf` solves those.

Floored margins (native first) are followed by a chord above the kink where an hour changes sign within the box.
"""

from __future__ import annotations

from time import sleep
from typing import Any

import numpy as np

from . import _exact
from ._headroom_axes import choose, plain, turn_rows
from ._headroom_box import narrow, place_margins
from ._headroom_divide import (
    AXES_CHOSEN,
    BUSY,
    CHUNKS_LAID,
    FIRST,
    JOB,
    LISTED,
    OUTSIDE,
    OVER,
    READY,
    STAGE,
    THREADS,
    Job,
    come_in,
    follow_axes,
    follow_root,
    largest_margin,
    lay_chunks,
    lay_rows,
    leave,
    new_job,
    offer,
    share_plainly,
    take,
    take_back,
    wait_until,
)
from ._headroom_leaf import bounds_of, in_play, solve_cases
from ._headroom_lines import cut, effects, enclose, lay_lines
from ._headroom_space import MAX_DEPTH, leaf_scratch, lines_of, shared_memory, tree_scratch, workspace
from ._headroom_types import (
    GIVEN,
    MEMORY,
    PROBLEM,
    RESULT,
    SHARED_MEMORY,
    Call,
    Leaf,
    Lines,
    Tree,
    double,
    double_table,
    number,
    real,
    together,
    truth,
)
from ._helpers import ask, cores
from ._jit import add_to, entry, lean, put, view
from ._lanes import WIDTH, bits, load, number_of, pack, size_of, spread, where
from ._lanes import most as largest
from .headroom import _LARGEST

_LEAF = 200  # cases solved on one list
_WIDE_LEAF = 96  # the same where it holds half of the hours or more
_KEEP = 0.8  # a list is copied when it shrinks below this share of its parent's
_CASES_PER_THREAD = 512  # fewer are not worth a thread
_ORDINARY = (1e-250, 1e250)  # profiles whose peaks lie between, or are 0, have float32 twins
_APART = 1e-2  # the smallest case over the largest of a call: what is told of both is told in shares of the larger
_MOST_HOURS = 2**24  # float32 counts no further
_OFFERED = 1000  # added to the depth of a node that other threads may take
_ODD, _SOLVED, _NOT_YET = range(3)  # what became of a call: not ordinary after all, done, nothing to do yet

_at_work: list[int] = []  # an item for each call that is under way, in whatever thread

SHARED = together([*GIVEN.types, SHARED_MEMORY])
RULE = together([real, real, truth])


def headroom(profile_set: tuple[Any, Any], coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any]:
    """Headroom [MW] and curtailed hours, both (case, share); inputs checked by the caller.

    profile_set = (profiles, their largest absolute values).
    """
    profiles, coefficients = _writable(profile_set[0]), _writable(coefficients)
    if len(coefficients) == 0:
        return np.zeros(shares.shape), np.zeros(shares.shape, dtype=np.int64)
    peaks, inverse = np.empty(len(profiles)), np.empty(len(profiles))
    fine, reach = _peaks(profiles, peaks, inverse), np.abs(coefficients) @ peaks
    ordinary = fine and bool(_ORDINARY[0] < reach.min())
    if ordinary and reach.max() * _APART > reach.min():  # powers of two change no bit
        size = np.frexp(reach)[1][:, None]
        load, hours = headroom(profile_set, np.ldexp(coefficients, -size), shares, native_first)
        return np.ldexp(load, size), hours
    for how in (ordinary, False):
        load, hours, fine = _solve_all((profiles, peaks, inverse), coefficients, shares, native_first, how)
        if fine:
            break
    return load, hours


def at_once(profiles: Any, coefficients: Any, shares: Any, native_first: bool) -> tuple[Any, Any] | None:
    """As `headroom`, of arrays that nobody has looked at. None: they are not as numbers commonly are."""
    profiles, coefficients = _writable(profiles), _writable(coefficients)
    peaks, inverse = np.empty(len(profiles)), np.empty(len(profiles))
    if not _peaks(profiles, peaks, inverse):
        return None
    load, hours, fine = _solve_all((profiles, peaks, inverse), coefficients, shares, native_first, True)
    return (load, hours) if fine else None


def _writable(array: Any) -> Any:
    """A read-only array is another type to numba."""
    return array if array.flags.writeable else array.copy()


def _solve_all(
    profile_set: tuple[Any, Any, Any], coefficients: Any, shares: Any, native_first: bool, ordinary: bool
) -> tuple[Any, Any, bool]:
    """Headroom, curtailed hours, and whether all coefficients were ordinary where that was supposed.

    profile_set = (profiles, their largest absolute values, the inverses of these where they are ordinary).
    """
    profiles, peaks, inverse = profile_set
    load, hours = np.empty(shares.shape), np.empty(shares.shape, dtype=np.int64)
    allowed = shares * profiles.shape[1]
    anchor = _exact.anchors(np, peaks, profiles.shape[1])
    steps = (anchor, anchor.view(np.int64), _exact.steps(anchor))
    threads = max(1, min(cores() - len(_at_work), len(coefficients) // _CASES_PER_THREAD))
    job, places = new_job(coefficients, threads), lines_of(len(coefficients), len(peaks))
    cases, spare = np.empty((2, len(coefficients)), dtype=np.int64)
    rule = (0.0 if native_first else -np.inf, float(allowed.max()), ordinary)
    with workspace(*profiles.shape) as space:
        given = (profiles, steps, peaks, inverse, shared_memory(space))

        def solve(mine: Any, helps: bool) -> int:
            problem = (coefficients, allowed, cases, Lines(places, spare, *mine[-1]))
            return int(_solve(given, rule, problem, (load, hours), mine[:-1], job, helps))

        def help_along() -> None:
            with workspace(*profiles.shape) as mine:
                while solve(mine, True) == _NOT_YET:
                    sleep(0.0)

        _at_work.append(threads)
        try:
            ask(help_along, threads - 1)
            done = solve(space, False)
        finally:
            job.state[STAGE] = OVER
            _at_work.pop()
        while job.state[OUTSIDE] < 0:  # a helper is still inside
            sleep(0.0)
    return load, hours, done == _SOLVED


@lean
def _shorten(tree: Tree, at: Any, box: Any, plane: Any, limits: Any, space: Leaf) -> Any:
    """Narrow a node's list; a new list behind the old one when it pays and there is room."""
    k_count = plane.size - 1
    first, n = at
    rows = view(tree.rows, first * k_count, n * k_count)
    work = bounds_of(space.bounds, n)
    short = place_margins((rows, box, limits[1], limits[2], work))
    guard = narrow((rows, box, plane, limits, short, work))
    masks, kept = space.case.mask, 0
    for i in range(0, n, WIDTH):
        masks[i // WIDTH] = in_play(work, i, guard, limits[1])
        kept += number_of(masks[i // WIDTH])
    behind = first + n
    if kept > _KEEP * n or behind + kept > tree.hours.size:
        return first, n
    to = behind * k_count
    for k in range(k_count):
        for i in range(0, n, WIDTH):
            pack(tree.rows, to, rows, k * n + i, masks[i // WIDTH])
            to += number_of(masks[i // WIDTH])
    to = behind
    for i in range(0, n, WIDTH):
        pack(tree.hours, to, tree.hours, first + i, masks[i // WIDTH])
        to += number_of(masks[i // WIDTH])
    return behind, kept


@lean
def _turn(tree: Tree, given: Any, allowed: float, limits: Any, space: Leaf) -> tuple[int, int]:
    """The year's rows along axes of the cases' own, behind the year itself; where such a list begins, and its length.

    given = (coefficients, cases); limits = (call, the largest margin of the call).
    """
    call, whole = limits
    k_count, n = call.profiles.shape
    rows, axes = view(tree.rows, 0, n * k_count), space.axes
    if not choose(given, rows, allowed, limits, axes, bounds_of(space.bounds, n)):
        plain(call, whole, axes)
        return 0, n
    turn_rows(rows, n, axes, view(tree.rows, n * k_count, n * k_count))
    for i in range(n):
        tree.hours[n + i] = i
    return n, n


@lean
def _push(stack: Any, top: int, node: Any, at: Any) -> None:
    """A node to come: first case, end, depth; where its list of hours begins, and how many they are."""
    stack[top, 0], stack[top, 1], stack[top, 2] = node
    stack[top, 3], stack[top, 4] = at


@lean
def _begin(call: Call, rule: Any, problem: Any, tree: Tree, space: Leaf, job: Job) -> bool:
    """Hours and axes of all cases, and where the tree begins. False: odd numbers."""
    coefficients, _, cases, _ = problem
    k_count, hour_count = call.profiles.shape
    axes, at = space.axes, (0, hour_count)
    whole = largest_margin(call, job.flat, (_ORDINARY[0], _LARGEST / hour_count, _APART, _LARGEST), axes)
    if whole == 0.0:
        return False
    for case in range(cases.size):
        cases[case] = case
    lay_rows(call, tree)
    plain(call, whole, axes)
    if cases.size > _LEAF:
        at = _turn(tree, (coefficients, cases), rule[1], (call, whole), space)
    for k in range(k_count):  # the plane to begin with: a constant right of every root
        tree.planes[0, k] = 0.0
    tree.planes[0, k_count] = whole * (1.0 / (1.0 - rule[1] / hour_count))
    job.state[FIRST], job.state[LISTED] = at
    put(job.state, STAGE, AXES_CHOSEN)
    return True


@lean
def _work(given: Any, call: Call, rule: Any, problem: Any, result: Any, scratch: Any, space: Leaf, mine: Any) -> bool:
    """All cases, or, for helpers, what others offer; then what others offer in any case.

    mine = (job, whether it helps). False: nothing was done, as it takes too long until there is something to do.
    """
    job, helps = mine
    state, axes, cases = job.state, space.axes, problem[0].shape[0]
    if helps and not follow_axes(given, axes, state):
        return False
    lay_chunks(problem[0], axes, problem[3], state)
    if helps and not follow_root(given, scratch[0], state):
        return False
    if not helps:
        if not wait_until(state, CHUNKS_LAID, cases):
            lay_lines(problem[0], 0, cases, axes, problem[3])
        add_to(state, BUSY, 1)
    who, limits = add_to(state, THREADS, 1), (rule[1], rule[0], axes.peaks, axes.inverse)
    first, end, depth = 0, 0 if helps else cases, 0
    while True:
        if first == end:
            first, end = take(job)
            depth = 1
        if first == end:
            return True
        at = (0 if helps else state[FIRST], state[LISTED])
        _grow(call, problem, result, scratch, space, limits, (first, end, depth), at, (job, who))
        add_to(state, BUSY, -1)
        end = first


@lean
def _beside(lines: Lines, first: int, size: int) -> Lines:
    """With scratch for some cases that no other thread uses."""
    spare = view(lines.cases, first, size)
    return Lines(lines.all, spare, lines.width, lines.few, lines.stack, lines.edges, lines.centre)


@lean
def _grow(
    call: Call, problem: Any, result: Any, scratch: Any, space: Leaf, limits: Any, node: Any, at: Any, mine: Any
) -> None:
    """Prune for the cases of each node, from one of the first down to leaves, which are solved.

    node = (first case, end, depth); at = where the list of its hours begins, and how many they are; mine = (job, which
    of its threads this is).
    """
    coefficients, allowed, cases, lines = problem
    tree, box = scratch
    job, who = mine
    k_count, hour_count = call.profiles.shape
    planes, stack, axes = tree.planes, tree.stack, space.axes
    _push(stack, 0, node, at)
    top = 1
    while top > 0:
        top -= 1
        first, end, depth = stack[top, 0], stack[top, 1], stack[top, 2]
        at = (stack[top, 3], stack[top, 4])
        if depth >= _OFFERED:
            depth -= _OFFERED
            if not take_back(job, who):
                continue
        part = view(cases, first, end - first)
        beside = _beside(lines, first, part.size)
        plane = planes[depth + 1]
        for k in range(k_count + 1):
            plane[k] = planes[depth, k]
        enclose(lines, part, box.edges, box.centre)
        middle = 0
        if part.size > (_LEAF if 2 * at[1] < hour_count else _WIDE_LEAF) and depth < MAX_DEPTH:
            at = _shorten(tree, at, box, plane, limits, space)
            if depth == 0:
                job.state[FIRST], job.state[LISTED] = at
                put(job.state, STAGE, READY)
            effects(view(tree.rows, at[0] * k_count, at[1] * k_count), at[1], plane, axes.inverse, tree.effect)
            middle = cut(beside, part, box.edges, box.centre, tree.effect)
        if middle == 0 or middle == part.size:
            rows, hours = view(tree.rows, at[0] * k_count, at[1] * k_count), view(tree.hours, at[0], at[1])
            here = (coefficients, allowed, part, beside)
            solve_cases(((rows, hours, part, plane), box, here, call, result, space))
            continue
        away = _OFFERED if offer(job, who, first + middle, end) else 0
        _push(stack, top, (first + middle, end, depth + 1 + away), at)
        _push(stack, top + 1, (first, first + middle, depth + 1), at)
        top += 2


@lean
def _call(given: Any, rule: Any) -> Call:
    profiles, grid, peaks, inverse, _ = given
    return Call(profiles, grid, peaks, inverse, rule[0])


@entry(truth(double_table, double, double))
def _peaks(profiles: Any, peaks: Any, inverse: Any) -> bool:
    """Each profile's largest absolute value, and its inverse or 0; whether float32 can stand in for scaled profiles."""
    fine, limit, n, none = (1 << WIDTH) - 1, spread(_LARGEST), profiles.shape[1], True
    for k in range(peaks.size):
        row, high = profiles[k], spread(0.0)
        whole = n - n % WIDTH
        for i in range(0, whole, WIDTH):
            here = size_of(load(row, i))
            fine &= bits(here < limit)
            high = where(high < here, here, high)
        peaks[k] = largest(high)
        for i in range(whole, n):
            peaks[k] = max(peaks[k], abs(row[i]))
            fine = fine if abs(row[i]) < _LARGEST else 0
        inverse[k] = 1.0 / peaks[k] if peaks[k] > 0.0 else 0.0
        fine = fine if peaks[k] == 0.0 or _ORDINARY[0] < peaks[k] < _ORDINARY[1] else 0
        none &= peaks[k] == 0.0
    return fine == (1 << WIDTH) - 1 and not none and n < _MOST_HOURS


@entry(number(SHARED, RULE, PROBLEM, RESULT, MEMORY, JOB, truth))
def _solve(given: Any, rule: Any, problem: Any, result: Any, memory: Any, job: Any, helps: Any) -> int:
    """Solve the cases of a call, or help another thread that does.

    given = what they share, the memory of the one that is helped last; rule = (lowest, the most hours that a case may
    curtail, whether float32 will do).
    """
    call, state = _call(given, rule), job.state
    hours = given[0].shape[1]
    space = leaf_scratch(memory, hours)
    scratch = tree_scratch(memory[0], memory[2], memory[3], memory[4], hours)
    if helps:
        if not come_in(state):
            return _SOLVED
    elif rule[2] and not _begin(call, rule, problem, scratch[0], space, job):
        return _ODD
    done = True
    if rule[2]:
        done = _work(given, call, rule, problem, result, scratch, space, (job, helps))
    else:
        share_plainly(call, problem, result, space, state)
    if helps:
        leave(state)
        return _SOLVED if done else _NOT_YET
    put(state, STAGE, OVER)
    wait_until(state, OUTSIDE, 0)
    return _SOLVED
