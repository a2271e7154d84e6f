"""Slow oracles by other methods than the kernels': root bracketing, sorting, integers of any size."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def excess(margin: np.ndarray, load: float, share: float, native_first: bool) -> float:
    """Curtailed minus curtailable energy of a constant load. [MWh]"""
    curtailed = np.maximum(0.0, load - margin)
    if native_first:
        curtailed = curtailed - np.maximum(0.0, -margin)
    return float(curtailed.sum() - share * len(margin) * load)


def headroom_sorted(margin: np.ndarray, share: float, native_first: bool = True) -> tuple[float, int]:
    """Largest load with excess <= 0, in exact rational arithmetic over the sorted margins.

    Between two sorted margins the condition is linear in the load, so each piece is solved by itself and
    the largest solution over all pieces is kept: no descent, no starting point, no rounding.
    """
    values = sorted(Fraction(float(m)) for m in margin)
    allowed = Fraction(float(share * len(values)))
    shortage = sum((-m for m in values if m < 0), Fraction(0)) if native_first else Fraction(0)
    best, total = Fraction(0), Fraction(0)
    for count, value in enumerate(values):
        low, high = (values[count - 1] if count else Fraction(0)), value
        best = max(best, _largest(max(low, Fraction(0)), high, (count - allowed, -total - shortage)))
        total += value
    low = max(values[-1], Fraction(0))
    root = (total + shortage) / (len(values) - allowed)
    best = max(best, root) if root >= low else best
    return float(best), sum(1 for m in values if m < best) if best > 0 else 0


def headroom_weighted(margin: np.ndarray, weights: np.ndarray, share: float, native_first: bool = True) -> float:
    """Largest load whose weighted curtailment stays within the share, by bisection in rational arithmetic.

    The excess is convex and at most zero at zero (native first) or has at most one stretch of loads where it is not
    positive (plain): the bisection keeps a load at which it is not, found among the kinks, and one at which it is.
    """
    hours = [(Fraction(float(m)), Fraction(float(w))) for m, w in zip(margin, weights, strict=True) if w > 0]
    whole = sum(w for _, w in hours)

    def over(load: Fraction) -> Fraction:
        cost = sum((w * (load - m) for m, w in hours if m < load), Fraction(0))
        base = sum((-w * m for m, w in hours if m < 0), Fraction(0)) if native_first else Fraction(0)
        return cost - base - Fraction(share) * whole * load

    kinks = [Fraction(0), *(m for m, _ in hours if m > 0)]
    within = max((load for load in kinks if over(load) <= 0), default=None)
    if within is None:
        return 0.0
    beyond = (max(m for m, _ in hours) + 1) / (1 - Fraction(share)) + 1
    while over(beyond) <= 0:
        beyond *= 2
    for _ in range(200):
        middle = (within + beyond) / 2
        within, beyond = (middle, beyond) if over(middle) <= 0 else (within, middle)
    return float(within)


def _largest(low: Fraction, high: Fraction, line: tuple[Fraction, Fraction]) -> Fraction:
    """Largest x in [low, high] with slope * x + offset <= 0; zero when there is none."""
    slope, offset = line
    if high < low:
        return Fraction(0)
    if slope * high + offset <= 0:
        return high
    if slope * low + offset <= 0:
        return -offset / slope
    return Fraction(0)


def philox4x32(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, ...]:
    """One Philox4x32-10 block with Python integers, written from the paper's figure."""
    left0, right0, left1, right1 = counter[1], counter[0], counter[3], counter[2]
    for number in range(10):
        k0 = (key[0] + number * 0x9E3779B9) % 2**32
        k1 = (key[1] + number * 0xBB67AE85) % 2**32
        high0, low0 = divmod(0xD2511F53 * right0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * right1, 2**32)
        right0, left0 = high1 ^ left0 ^ k0, low1
        right1, left1 = high0 ^ left1 ^ k1, low0
    return right0, left0, right1, left1
