"""Launcher of storage_firm.cu; `storage_firm` holds the contract."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from ._launch import Kernel, fewer, launch
from ._namespace import _import_cupy
from ._storage_cuda import WARP

KERNEL = Kernel("storage_firm", "storage_firm", ("float64[]",) * 3 + ("int32", "int32"))
_MEMORY_SHARE = 0.25  # of what is free, for margins
_TURN = Lock()
"""Areas are prepared side by side by threads of the host, and solved one after another."""


def solve(sets: Any, store: Any, allowed: Any, found: Any) -> None:
    """As _storage_firm_numpy.solve, inputs and answers on the host."""
    cupy = _import_cupy()
    hours = sets[0][0].shape[1]
    rows = np.concatenate([profiles for profiles, _ in sets])
    weights = np.concatenate([coefficients.ravel() for _, coefficients in sets])
    with _TURN:
        there = tuple(map(cupy.asarray, (rows, weights, np.column_stack([store, allowed]))))
        answers = cupy.empty(found.shape, dtype=cupy.float64)
        first, at_once = 0, _cases_at_once(cupy, hours)
        while first < len(found):
            part = slice(first, min(first + at_once, len(found)))
            try:
                _solve(_margins(sets, there[:2], part), there[2][part], answers[part])
            except cupy.cuda.memory.OutOfMemoryError as error:
                one = "the hours of one store", 16 * hours
                at_once = fewer(part.stop - first, ("storage", "cases"), one, error)
                continue  # what the failed attempt held is free once this clause is left
            first = part.stop
        found[:] = answers.get()


def _solve(margin: Any, store: Any, answers: Any) -> None:
    cases, hours = margin.shape
    launch(KERNEL, cases * WARP, (margin, store, answers, np.int32(hours), np.int32(cases)))


def _margins(sets: Any, there: tuple[Any, Any], part: slice) -> Any:
    """Margins (case, hour) of some cases, in whole units; there : profiles and coefficients of all sets.

    Products and their sums are exact, so that any matrix product gives the bits of the host's.
    """
    cupy = _import_cupy()
    rows, weights = there
    margin = cupy.empty((part.stop - part.start, rows.shape[1]), dtype=cupy.float64)
    case = row = weight = 0
    for profiles, coefficients in sets:
        count, terms = coefficients.shape
        some = slice(max(part.start - case, 0), min(part.stop - case, count))
        if some.start < some.stop:
            mine = weights[weight : weight + count * terms].reshape(count, terms)[some]
            into = slice(case + some.start - part.start, case + some.stop - part.start)
            margin[into] = cupy.rint(cupy.matmul(mine, rows[row : row + len(profiles)]))
        case, row, weight = case + count, row + len(profiles), weight + count * terms
    return margin


def _cases_at_once(cupy: Any, hours: int) -> int:
    """Cases whose margins fit a share of the free memory, before rounding and after."""
    free, _ = cupy.cuda.runtime.memGetInfo()
    return max(1, int(_MEMORY_SHARE * free) // (16 * hours))
