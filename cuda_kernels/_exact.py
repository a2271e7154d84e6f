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


def anchors(xp: Any, peaks: Any, hours: int) -> Any:
    """One anchor per profile, from its largest absolute value (..., K).

    The spacing of float64 numbers about an anchor is the grid: adding and taking away the anchor rounds to it, and the
    bits of (profile + anchor) minus the bits of the anchor count the grid steps.
    """
    bits = min(_MOST_BITS, _SUM_BITS - (hours - 1).bit_length())
    _, exponent = xp.frexp(peaks)
    exponent = xp.maximum(exponent - bits, _LEAST_EXPONENT)
    return xp.ldexp(xp.full(exponent.shape, 1.5), exponent + 52)


def rounded(profiles: Any, anchor: Any) -> Any:
    """Profiles (..., K, H) on their grids."""
    return (profiles + anchor[..., None]) - anchor[..., None]


def halves(on_grid: Any, anchor: Any) -> tuple[Any, Any]:
    """High and low halves of profiles on their grids (K, n).

    Both are multiples of the grid of at most 25 bits, so that float64 adds half a billion of them exactly.
    """
    cutter = (anchor * 2.0**25)[:, None]
    high = (on_grid + cutter) - cutter
    return high, on_grid - high


def steps(anchor: Any) -> Any:
    """The grid spacing of each profile."""
    return anchor / (1.5 * 2.0**52)
