"""Sixteen cases of a leaf at once for which nothing may be curtailed: their headroom is their lowest margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._headroom_group import an_hour, four_hours, place_group
from ._headroom_lists import margin_at
from ._headroom_types import Call, Frame, Group, Part
from ._jit import lean
from ._lanes import WIDTH, bits, load, lowest_bit, save, spread, where


@lean
def _lowest(part: Part, space: Group) -> Any:
    """x of all hours into space.x, and the lowest by lane."""
    n, x, weights = part.hours.size, space.x, space.weights
    whole, least = n - n % 4, spread(np.float32(np.inf))
    for i in range(0, whole, 4):
        a, b, c, d = four_hours(part.rows, n, i, weights)
        save(x, i * WIDTH, a)
        save(x, (i + 1) * WIDTH, b)
        save(x, (i + 2) * WIDTH, c)
        save(x, (i + 3) * WIDTH, d)
        a, b = where(a < b, a, b), where(c < d, c, d)
        a = where(a < b, a, b)
        least = where(a < least, a, least)
    for i in range(whole, n):
        a = an_hour(part.rows, n, i, weights)
        save(x, i * WIDTH, a)
        least = where(a < least, a, least)
    return least


@lean
def solve_firm(plane: Any, frame: Frame, part: Part, call: Call, given: Any, space: Group) -> None:
    """The lowest margin of the cases in the lanes, or 0, into space.load, to the bit that every engine gives.

    plane as `solve_group` has it; given = (coefficients, cases). float32 tells which hours it may be.
    """
    coefficients, cases = given
    place_group(plane, frame, part, call, space)
    least, room = _lowest(part, space), load(space.few, 4 * WIDTH)
    none, limit = bits(least < load(space.few, 3 * WIDTH) - room), least + room + room
    save(space.load, 0, spread(np.inf if part.hours.size > 0 else 0.0))
    for i in range(part.hours.size):
        lanes = bits(load(space.x, i * WIDTH) < limit) & ~none
        while lanes != 0:
            lane = lowest_bit(lanes)
            lanes &= lanes - 1
            c = coefficients[cases[min(lane, cases.size - 1)]]
            margin = margin_at(call.profiles, call.grid[0], part.hours[i], c)
            space.load[lane] = min(space.load[lane], margin)
    for lane in range(WIDTH):
        space.load[lane] = 0.0 if (none >> lane) & 1 else max(space.load[lane], 0.0)
