"""One hour's flow between areas: augmentation along shortest residual paths. Used by _network_numba.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import in_order

_DEAD = -2  # an area that leads nowhere in this round


@in_order
def imports_into_side(level: Any, limits: Any, lists: Any) -> float:
    """Limit of all links into the areas with level >= 0."""
    start, joined = lists
    total = 0.0
    for i in range(level.size):
        if level[i] >= 0:
            for e in range(start[i], start[i + 1]):
                if level[joined[e]] < 0:
                    total += limits[joined[e], i]
    return total


@in_order
def augment(balance: Any, carried: Any, residual: Any, lists: Any, work: Any) -> None:
    """Send surplus to short areas until no way is left; then level >= 0 marks the tightest set, if any area is short.

    balance : surplus left, negative where short; carried : net import so far. Shortest ways first (Dinic).
    """
    level = work[0]
    _ask_neighbours(balance, carried, residual, lists)
    while True:
        if not _surplus(balance):  # everybody short or just served: no set is tighter than all areas together
            level[:] = 0
            return
        reached = _levels(balance, residual, lists, level, work[1])
        if reached == 0:
            return
        for s in range(balance.size):
            if level[s] == reached and balance[s] > 0.0:
                _send(s, balance, carried, residual, lists, work)


@in_order
def _surplus(balance: Any) -> bool:
    count = 0
    for b in balance:
        count += b > 0.0
    return count > 0


@in_order
def _ask_neighbours(balance: Any, carried: Any, residual: Any, lists: Any) -> None:
    """Short areas draw on neighbours with surplus, to half the difference where that is more than they need: what is
    evened out beyond the need of this hour often carries the next one."""
    start, joined = lists
    for v in range(balance.size):
        if balance[v] < 0.0:
            for e in range(start[v], start[v + 1]):
                u = joined[e]
                if balance[u] > 0.0 and residual[u, v] > 0.0:
                    amount = min(balance[u], max(-balance[v], 0.5 * (balance[u] - balance[v])))
                    amount = min(amount, residual[u, v])
                    residual[u, v] -= amount
                    residual[v, u] += amount
                    balance[u] -= amount
                    balance[v] += amount
                    carried[u] -= amount
                    carried[v] += amount
                    if balance[v] >= 0.0:
                        break


@in_order
def _levels(balance: Any, residual: Any, lists: Any, level: Any, queue: Any) -> int:
    """Steps from each area to the nearest short one (-1: no way); the least from a surplus, 0 when there is none."""
    start, joined = lists
    end = 0
    for i in range(balance.size):
        level[i] = -1
        if balance[i] < 0.0:
            level[i] = 0
            queue[end] = i
            end += 1
    reached = 0
    head = 0
    while head < end:
        v = queue[head]
        head += 1
        if reached > 0 and level[v] >= reached:
            break
        for e in range(start[v], start[v + 1]):
            u = joined[e]
            if level[u] == -1 and residual[u, v] > 0.0:
                level[u] = level[v] + 1
                queue[end] = u
                end += 1
                if balance[u] > 0.0:
                    reached = level[u]
    for i in range(balance.size):
        queue[i] = start[i]  # the queue is done; it now holds where each area's search goes on
    return reached


@in_order
def _send(source: int, balance: Any, carried: Any, residual: Any, lists: Any, work: Any) -> None:
    """Send the surplus of one area down the levels."""
    start, joined = lists
    level, cursor, path = work
    depth = 0
    path[0] = source
    while True:
        v = path[depth]
        if level[v] == 0 and balance[v] < 0.0:
            amount = min(balance[source], -balance[v])
            for k in range(depth):
                amount = min(amount, residual[path[k], path[k + 1]])
            for k in range(depth):
                residual[path[k], path[k + 1]] -= amount
                residual[path[k + 1], path[k]] += amount
            balance[source] -= amount
            balance[v] += amount
            carried[source] -= amount
            carried[v] += amount
            if balance[source] <= 0.0:
                return
            depth = 0
            continue
        found = False
        if level[v] > 0:
            while cursor[v] < start[v + 1]:
                u = joined[cursor[v]]
                if level[u] == level[v] - 1 and residual[v, u] > 0.0:
                    found = True
                    break
                cursor[v] += 1
        if found:
            depth += 1
            path[depth] = joined[cursor[v]]
            continue
        level[v] = _DEAD
        if depth == 0:
            return
        depth -= 1


def neighbours(limits: Any) -> tuple[Any, Any]:
    """Lists of joined areas of limits (..., area, area): where each area's list starts, and the areas."""
    joined = (limits > 0.0).reshape(-1, *limits.shape[-2:]).any(axis=0)
    joined = (joined | joined.T) & ~np.eye(len(joined), dtype=bool)
    start = np.concatenate([[0], np.cumsum(joined.sum(axis=1))])
    return start.astype(np.int64), np.nonzero(joined)[1].astype(np.int64)
