"""Hours in which stores are used, of many cases side by side: what NumPy bodies look at in the place of all hours.

The year is gone through in parts, each from an empty store, and what is charged counts for a hair less than it is: what
is held here is never more than what any greedy rule holds, however it rounds, or one that keeps something back. Where a
stretch of use begins the store is full.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._storage_firm_runs import Runs, blocks

_PARTS = 12
_HAIR = 1e-12
"""Of the energy, by which an hour charges less."""
_NEAR = 1e-9
"""Of power and energy: an hour that comes so near to going short counts as one that does."""


class Stretches(NamedTuple):
    """Hours in a row, in blocks (place, stretch) of about the same length; beyond the end margins are above any need.

    runs : with numbers of stretches in the place of cases
    case, hour, length : (stretch,) its case, first hour, and hours
    """

    runs: Runs
    case: Any
    hour: Any
    length: Any


def stretches(margin: Any, load: Any, store: Any, *, short: bool = False) -> Stretches:
    """Where stores (3, case) are used at a load (case,), and so at lower ones, beside margins (case, hour).

    short : only stretches in which something goes unserved, up to the last hour in which it does
    """
    hours = margin.shape[1]
    used, lacks = _in_use(margin, load, store)
    # Cases lie one behind the other, with an unused hour between them.
    begin, end = np.flatnonzero(np.diff(used.reshape(-1), prepend=False)).reshape(-1, 2).T
    if short:
        last = np.append(-1, np.flatnonzero(lacks.reshape(-1)))
        last = last[np.searchsorted(last, end) - 1]
        begin, end = begin[last >= begin], last[last >= begin] + 1
    case, hour = np.divmod(begin, hours + 1)
    places = case * hours + hour, np.ones_like(begin), end - begin
    return Stretches(blocks(margin.reshape(-1), places, np.arange(len(case)), store[:, case]), case, hour, end - begin)


def _in_use(margin: Any, load: Any, store: Any) -> tuple[Any, Any]:
    """Hours (case, hour + 1), the last of them never, in which stores are used, and in which something is unserved."""
    cases, hours = margin.shape
    parts = _PARTS if hours % _PARTS == 0 else 1
    power, energy, efficiency = (np.tile(values, parts) for values in store)
    need = (load - margin.T).reshape(parts, -1, cases).transpose(1, 0, 2).reshape(-1, parts * cases)
    short = need > 0.0
    taken = np.where(short, np.minimum(need, power), _HAIR * energy - efficiency * np.minimum(-need, power))
    held = np.empty((len(need) + 1, parts * cases))
    held[0, :cases], held[0, cases:] = energy[:cases], 0.0
    for before, row, after in zip(held, taken, held[1:], strict=False):
        np.minimum(row, before, out=row)
        np.subtract(before, row, out=after)
        np.minimum(after, energy, out=after)
    lacks = short & (need > np.minimum(held[:-1], power) - _NEAR * (power + energy))
    found = np.zeros((2, cases, hours + 1), dtype=bool)
    for into, flags in zip(found, (short | (held[:-1] < energy), lacks), strict=True):
        into[:, :-1] = flags.reshape(-1, parts, cases).transpose(2, 1, 0).reshape(cases, hours)
    return found[0], found[1]
