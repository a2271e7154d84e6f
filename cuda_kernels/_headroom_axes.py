"""Axes along which the numba headroom engine measures how cases differ.

Coefficients differ in ways that hardly matter near a root: all of them in scale, which moves the load with the
margins, or so that one term takes what another gives. A box along the coefficients' own axes bounds each term by itself
and sees none of that. Here one axis is the mean case, and the others are ways to differ from it, uncorrelated over the
cases and with effects that are uncorrelated over the hours near its load. Any axes are right; good ones leave fewer
hours undecided.

A case's coefficients c are places z = c @ turn along the axes, in shares of the largest margin of the call, and its
margins z @ (peaks * rows) with the rows turned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_block import LEAST_SPREAD, NEARBY
from ._headroom_box import threshold
from ._headroom_single import dot, raise_to
from ._headroom_types import Axes, Bounds, Call
from ._jit import lean
from ._lanes import WIDTH, load, save, spread

_SAMPLE = 256  # cases that tell how they differ
_SWEEPS = 10
_LARGE = 1e250  # what no number of the axes exceeds, nor its inverse


@lean
def plain(call: Call, whole: float, axes: Axes) -> None:
    """The coefficients' own axes; whole = the largest margin of the call."""
    for k in range(call.peaks.size):
        for j in range(call.peaks.size):
            axes.turn[k, j] = call.peaks[k] / whole if j == k else 0.0
    _widen(whole, axes)


@lean
def _widen(whole: float, axes: Axes) -> None:
    """What follows from axes.turn."""
    k_count = axes.peaks.size
    across = axes.wide.size // k_count
    for k in range(k_count):
        axes.peaks[k], axes.inverse[k] = whole, 1.0 / whole
        for j in range(k_count):
            axes.wide[k * across + j] = axes.turn[k, j]


@lean
def _differences(given: Any, call: Call, axes: Axes) -> None:
    """Mean case and covariance of a sample, in shares of the mean case's largest margin.

    given = (coefficients, cases).
    """
    coefficients, cases = given
    centre, covariance, here = axes.centre, axes.spread, axes.size
    k_count, step = centre.size, max(1, cases.size // _SAMPLE)
    count, reach = float((cases.size + step - 1) // step), 0.0
    for k in range(k_count):
        centre[k] = 0.0
        for j in range(k_count):
            covariance[k, j] = 0.0
    for i in range(0, cases.size, step):
        for k in range(k_count):
            share = coefficients[cases[i], k] * call.peaks[k] / count
            centre[k], reach = centre[k] + share, reach + abs(share)
    for k in range(k_count):
        centre[k] /= reach
    for i in range(0, cases.size, step):
        for k in range(k_count):
            here[k] = coefficients[cases[i], k] * call.peaks[k] / reach - centre[k]
            for j in range(k + 1):
                covariance[k, j] += here[k] * here[j] / count
    for k in range(k_count):
        covariance[k, k] += LEAST_SPREAD * LEAST_SPREAD
        for j in range(k):
            covariance[j, k] = covariance[k, j]


@lean
def _active(rows: Any, allowed: float, call: Call, axes: Axes, work: Bounds) -> Any:
    """The mean case's load, in shares of the largest margin, with the plane of its curtailed hours, into axes.mean."""
    k_count, n = axes.centre.size, work.x.size
    for k in range(k_count):
        axes.few[k] = np.float32(axes.centre[k])
    dot(rows, axes.few, work.x)
    if call.lowest == 0.0:
        raise_to(work.x, np.float32(0.0))
    _, found = threshold(allowed, np.float32(1.0), work)
    load = 0.0
    for k in range(k_count):
        axes.mean[k] = 0.0
        for j in range(found):
            axes.mean[k] += rows[k * n + work.places[j]]
        axes.mean[k] /= max(found - allowed, 1.0)
        load += axes.mean[k] * axes.centre[k]
    return np.float32(load)


@lean
def _variance(rows: Any, n: int, i: int, axes: Axes) -> float:
    """How much the margin of hour i less the plane varies over the cases; overwrites axes.size."""
    variance = 0.0
    for k in range(axes.size.size):
        axes.size[k] = rows[k * n + i] - axes.mean[k]
        for j in range(k):
            variance += 2.0 * axes.size[k] * axes.size[j] * axes.spread[k, j]
        variance += axes.size[k] * axes.size[k] * axes.spread[k, k]
    return variance


@lean
def _effects(rows: Any, load: Any, axes: Axes, work: Bounds) -> None:
    """Sum of the outer products of profiles less the plane over hours near it."""
    effect, d, n = axes.effect, axes.size, work.x.size
    k_count = d.size
    for k in range(k_count):
        for j in range(k_count):
            effect[k, j] = 0.0
    step, variance = max(1, n // 64), 0.0
    for i in range(0, n, step):
        variance += _variance(rows, n, i, axes) / ((n + step - 1) // step)
    room = np.float32(NEARBY * variance**0.5)
    for i in range(n):
        if abs(work.x[i] - load) < room:
            for k in range(k_count):
                d[k] = rows[k * n + i] - axes.mean[k]
                for j in range(k + 1):
                    effect[k, j] += d[k] * d[j]
    for k in range(k_count):
        for j in range(k):
            effect[j, k] = effect[k, j]


@lean
def _factor(a: Any, inverse: Any) -> None:
    """a, positive definite, becomes its Cholesky factor; that one's inverse."""
    n = a.shape[0]
    for k in range(n):
        for j in range(k + 1):
            total = a[k, j]
            for i in range(j):
                total -= a[k, i] * a[j, i]
            a[k, j] = total / a[j, j] if j < k else total**0.5
        for j in range(k + 1, n):
            a[k, j] = 0.0
    for j in range(n):
        for k in range(n):
            total = 1.0 if k == j else 0.0
            for i in range(j, k):
                total -= a[k, i] * inverse[i, j]
            inverse[k, j] = total / a[k, k] if k >= j else 0.0


@lean
def _product(a: Any, b: Any, transposed: bool, out: Any) -> None:
    """out = a @ b, or a.T @ b."""
    n = a.shape[0]
    for k in range(n):
        for j in range(n):
            total = 0.0
            for i in range(n):
                total += (a[i, k] if transposed else a[k, i]) * b[i, j]
            out[k, j] = total


@lean
def _rotate(a: Any, vectors: Any, p: int, q: int) -> None:
    """Turn axes p and q of a symmetric matrix until they no longer go together (Jacobi)."""
    ratio = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
    t = (1.0 if ratio >= 0.0 else -1.0) / (abs(ratio) + (1.0 + ratio * ratio) ** 0.5)
    c = 1.0 / (1.0 + t * t) ** 0.5
    s = t * c
    for i in range(a.shape[0]):
        one, two = a[i, p], a[i, q]
        a[i, p], a[i, q] = c * one - s * two, s * one + c * two
    for i in range(a.shape[0]):
        one, two = a[p, i], a[q, i]
        a[p, i], a[q, i] = c * one - s * two, s * one + c * two
        one, two = vectors[i, p], vectors[i, q]
        vectors[i, p], vectors[i, q] = c * one - s * two, s * one + c * two


@lean
def _vectors(a: Any, vectors: Any) -> None:
    """Eigenvectors of a symmetric matrix, by column; a is overwritten."""
    n, whole = a.shape[0], 0.0
    for k in range(n):
        whole += abs(a[k, k])
        for j in range(n):
            vectors[k, j] = 1.0 if j == k else 0.0
    for _ in range(_SWEEPS):
        left = 0.0
        for p in range(n):
            for q in range(p + 1, n):
                left += abs(a[p, q])
                if abs(a[p, q]) > 1e-12 * whole:
                    _rotate(a, vectors, p, q)
        if not left > 1e-9 * whole:
            break


@lean
def _mean_apart(axes: Axes) -> bool:
    """Make the mean case an axis by itself; False: there is no such."""
    effect, first, along, inverse = axes.effect, axes.size, axes.mean, axes.basis
    k_count = first.size
    length, whole, both = 0.0, 0.0, 0.0
    for k in range(k_count):
        first[k] = 0.0
        for j in range(k + 1):
            first[k] += inverse[k, j] * axes.centre[j]
        length += first[k] * first[k]
        whole += effect[k, k]
    if not (length > 0.0 and whole > 0.0):
        return False
    for k in range(k_count):
        first[k] /= length**0.5
    for k in range(k_count):
        along[k] = 0.0
        for j in range(k_count):
            along[k] += effect[k, j] * first[j]
        both += along[k] * first[k]
    for k in range(k_count):
        for j in range(k_count):
            effect[k, j] += (both + 2.0 * whole) * first[k] * first[j]  # larger than any other
            effect[k, j] -= along[k] * first[j] + first[k] * along[j]
    return True


@lean
def _settle(whole: float, call: Call, axes: Axes) -> bool:
    """Axes in the units of coefficients and rows, from axes.effect (one a column) and axes.turn (one a row)."""
    k_count, turn = call.peaks.size, axes.turn
    fine = True
    for j in range(k_count):
        size = 0.0
        for k in range(k_count):
            size += abs(axes.effect[k, j])
        for k in range(k_count):
            axes.basis[j, k] = axes.effect[k, j] / size
            axes.singles[j, k] = np.float32(axes.basis[j, k])
            turn[j, k] *= size
        fine &= 1.0 / _LARGE < size < _LARGE
        for k in range(j):
            turn[j, k], turn[k, j] = turn[k, j], turn[j, k]
    for k in range(k_count):
        for j in range(k_count):
            turn[k, j] *= call.peaks[k] / whole
            fine &= abs(turn[k, j]) < _LARGE
    return fine


@lean
def choose(given: Any, rows: Any, allowed: float, limits: Any, axes: Axes, work: Bounds) -> bool:
    """Axes for cases on a list of hours; False: there are none.

    given = (coefficients, cases); limits = (call, the largest margin of the call).
    """
    factor, inverse, turn, effect = axes.spread, axes.basis, axes.turn, axes.effect
    call, whole = limits
    _differences(given, call, axes)
    _effects(rows, _active(rows, allowed, call, axes, work), axes, work)
    _factor(factor, inverse)
    _product(effect, factor, False, turn)
    _product(factor, turn, True, effect)  # what differences do that are uncorrelated and of one size
    if not _mean_apart(axes):
        return False
    _vectors(effect, axes.vectors)
    _product(axes.vectors, inverse, True, turn)
    _product(factor, axes.vectors, False, effect)
    fine = _settle(whole, call, axes)
    _widen(whole, axes)
    return fine


@lean
def turn_back(turned: Any, axes: Axes, plane: Any) -> None:
    """A plane over places becomes one over coefficients."""
    k_count = axes.peaks.size
    for k in range(k_count):
        plane[k] = 0.0
        for j in range(k_count):
            plane[k] += axes.turn[k, j] * turned[j]
    plane[k_count] = turned[k_count]


@lean
def place_of(c: Any, j: int, axes: Axes) -> float:
    """A case's place along axis j."""
    place = 0.0
    for k in range(c.size):
        place += c[k] * axes.turn[k, j]
    return place


@lean
def turn_rows(rows: Any, n: int, axes: Axes, out: Any) -> None:
    """Rows along the axes, into out, which has room for 16 more."""
    k_count = axes.peaks.size
    for j in range(k_count):
        for i in range(0, n, WIDTH):
            sums = load(rows, i) * spread(axes.singles[j, 0])
            for k in range(1, k_count):
                sums = sums + load(rows, k * n + i) * spread(axes.singles[j, k])
            save(out, j * n + i, sums)
