"""Sums of profiles that come out the same in whatever order they are added.

Each profile is rounded once to a grid so coarse that the sum over all hours still fits 62 bits, and so fine (2**-48 of
the profile's largest value for a year of hours) that it does not matter. Sums of grid points are then exact, either
as int64 or as two float64 halves, and do not depend on order, grouping, vector width or device. The headroom of a case
is finished from such sums over its curtailed hours, which is what makes every engine return the same bits.
"""

from __future__ import annotations

from typing import Any

_SUM_BITS = 62
_MOST_BITS = 50  # anchors must stay clear of the next power of two
_LEAST_EXPONENT = -1074  # of float64


def split(xp: Any, profiles: Any) -> tuple[Any, Any]:
    """Rounded profiles (K, H) and their anchors (K,).

    The spacing of float64 numbers about an anchor is the grid: adding and taking away the anchor rounds to it, and the
    bits of (profile + anchor) minus the bits of the anchor count the grid steps.
    """
    bits = min(_MOST_BITS, _SUM_BITS - (profiles.shape[1] - 1).bit_length())
    _, exponent = xp.frexp(xp.abs(profiles).max(axis=1))
    exponent = xp.maximum(exponent - bits, _LEAST_EXPONENT)
    anchor = xp.ldexp(xp.full(exponent.shape, 1.5), exponent + 52)
    return (profiles + anchor[:, None]) - anchor[:, None], anchor


def halves(rounded: Any, anchor: Any) -> tuple[Any, Any]:
    """High and low halves of rounded profiles (K, n): multiples of the grid of at most 25 bits each, so that float64
    adds half a billion of them exactly."""
    cutter = (anchor * 2.0**25)[:, None]
    high = (rounded + cutter) - cutter
    return high, rounded - high


def steps(anchor: Any) -> Any:
    """The grid spacing of each profile."""
    return anchor / (1.5 * 2.0**52)
