"""States in which load that is never cut falls short, and what one more MW adds to it (`group_outages`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.explain.outage_group import Group

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

AROUND = 0.02
"""Of the firm load: states that fall short within it on either side say what one more MW adds under lolh and lole."""


class FirmRows(NamedTuple):
    """States that bind firm load, and how they move it.

    hour : (row,)
    weight : (row,)             In the derivative.
    short_side : (row, area)
    capacity_mw : (area, row)   What stands of the units before they are scaled. [MW]
    rise : float                What one more MW of load adds, less what it allows, in the terms of the weights.
    """

    hour: Integers
    weight: Floats
    short_side: Flags
    capacity_mw: Floats
    rise: float

    def worth(self, i: int, output: Floats) -> float:
        """Firm load of the group that one more MW in an area adds, for its output (row,). [MW/MW]"""
        return float((self.weight * self.short_side[:, i]) @ output / self.rise) if self.rise > 0.0 else 0.0


def firm_rows(group: Group, direction: Floats, load_mw: float) -> FirmRows:
    """States that bind firm load along a direction."""
    known, limit = group.firm, group.outages.limit
    by_energy = group.outages.criterion == "eue_firm"
    most = load_mw if by_energy else load_mw * (1.0 + AROUND)
    hour, state, margin = _short_states(group, most * direction)
    if load_mw <= 0.0 or not hour.size:
        return FirmRows(hour[:0], np.zeros(0), np.zeros((0, len(direction)), bool), np.zeros((len(direction), 0)), 0.0)
    cuts = group.within.cuts(most * direction - margin)
    side, share = cuts.short_side, cuts.short_side @ direction
    weight = known.weight[hour, state]
    capacity = known.capacity_mw[:, hour, state].astype(np.float64)
    if by_energy:
        allowed = known.weight.shape[1] * limit * known.weight.shape[0]
        return FirmRows(hour, weight, side, capacity, float(weight @ share) - allowed)
    least = load_mw * (1.0 - AROUND) * direction
    before = group.within.cuts(least - margin).unserved_mw > _rounding(margin)
    level = most - np.divide(cuts.unserved_mw, share, out=np.full_like(share, np.inf), where=share > 0.0)
    kept = _first_of_blocks(hour // known.lasting * known.weight.shape[1] + state, level, before)
    kept = kept[share[kept] > 0.0]
    rise = float(weight[kept].sum())
    return FirmRows(hour[kept], weight[kept] / share[kept], side[kept], capacity[:, kept], rise)


def _short_states(group: Group, load_mw: Floats) -> tuple[Integers, Integers, Floats]:
    """Hour and state (row,) of states in which a load (area,) or natives are short, with margins (row, area)."""
    known, scale = group.firm, group.scale
    lowest = (group.margin_mw + scale[:, None] * known.lowest_mw.min(axis=2)).T
    (hours,) = np.nonzero(group.within.cuts(load_mw - lowest).unserved_mw > _rounding(lowest))
    margin = group.margin_mw[:, hours, None] + scale[:, None, None] * known.capacity_mw[:, hours]
    rows = np.ascontiguousarray(margin.reshape(len(margin), -1).T)
    (short,) = np.nonzero(group.within.cuts(load_mw - rows).unserved_mw > _rounding(lowest))
    at, state = np.divmod(short, known.weight.shape[1])
    return hours[at], state, rows[short]


def _first_of_blocks(block: Integers, level: Floats, before: Flags) -> Integers:
    """The row with the lowest level of each block of states that none is short `before` in."""
    order = np.lexsort((level, block))
    first = order[np.unique(block[order], return_index=True)[1]]
    return first[~np.isin(block[first], block[before])]


def _rounding(margin: Floats) -> float:
    """What is short by rounding of margins (row, area). [MW]"""
    return 1e-11 * float(np.abs(margin).sum(axis=1).max(initial=0.0))
