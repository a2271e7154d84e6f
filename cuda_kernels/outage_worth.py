"""What one more megawatt is worth where units fail: how the risk that bounds a load moves with each hour's net load.

At the largest load L under a bound of outage_table.py, for net loads x and H, F of a table,

    dL/dMW = sum_h g_h w_h / r

for a resource that gives g_h in hour h, whatever fails. With f = F', the weights w and the rise r are

    eue_flexible   w = F(x + L) - F(x)                                     r = sum F(x + L) - share hours
    eue_firm       w = F(x + L)                                            r = sum F(x + L) - limit hours
    lolh           w = f(x + L)                                            r = sum w
    lole           w = f(x + L) in the hour of each day with highest F     r = sum w

One more megawatt of the units themselves, all of them to scale, gives what stands of them while load is short:
E[A; A < x] = x F(x) - H(x) in the place of F, x f(x) in that of f, each over the mean of A.

The first two are exact derivatives of the headroom. A table's F has steps, on which hours and days of shortage stand
still; there F is evened out over one step of the table, and the derivative is that of the bound by it, whose load is
within a step of the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import KernelError
from .outage_table import HOURS_OF_DAY, Floats, Notion, OutageTable, look_up

Integers = NDArray[np.int64]


class Worth(NamedTuple):
    """Result of worth_at.

    weight : float64 (hour,)     w: what one more MW of net load in the hour adds to the risk of the new load.
    standing : float64 (hour,)   The same of the units' own capacity: w times what of them stands then. [MW]
    rise : float                 r: what one more MW of new load adds, less what it allows; 0 where no load fits.
    """

    weight: Floats
    standing: Floats
    rise: float

    def adds(self, output: Floats) -> Floats:
        """Headroom that one more MW of resources adds (...,), for their output (..., hour) of one MW. [MW/MW]"""
        return self._over(output @ self.weight)

    def unit_adds(self, mean_mw: float) -> float:
        """The same of units to scale, for each MW of what is expected to stand of them. [MW/MW]"""
        return float(self._over(self.standing.sum() / mean_mw)) if mean_mw > 0.0 else 0.0

    def _over(self, gained: Floats) -> Floats:
        return np.asarray(gained / self.rise if self.rise > 0.0 else np.zeros_like(gained))


def worth_at(
    net_load_mw: ArrayLike, table: tuple[OutageTable, ArrayLike], bound: tuple[Notion, float], headroom_mw: float
) -> Worth:
    """Weights of the hours at the headroom of one case.

    net_load_mw : (hour,)   As of outage_table.expected_headroom_mw.
    table : an outage table, and the row of it that each hour (hour,) lives in
    bound : notion and its limit; of the four only the first two are used up by energy, and read the limit

    Raises KernelError for an unknown notion and for shapes.
    """
    load, rows = np.asarray(net_load_mw, dtype=np.float64), np.asarray(table[1], dtype=np.int64)
    notion, limit = bound
    if load.ndim != 1 or rows.shape != load.shape:
        raise KernelError(f"net_load_mw and the row of each hour must be (hour,), got {load.shape}, {rows.shape}")
    if headroom_mw <= 0.0:
        return Worth(np.zeros_like(load), np.zeros_like(load), 0.0)
    beside = load + headroom_mw
    if notion in ("eue_flexible", "eue_firm"):
        expected, short = look_up(table[0], beside, rows)
        weight, standing = short.copy(), beside * short - expected
        if notion == "eue_flexible":
            alone, before = look_up(table[0], load, rows)
            weight, standing = weight - before, standing - (load * before - alone)
        return Worth(weight, standing, float(short.sum() - limit * load.size))
    if notion not in ("lolh", "lole"):
        raise KernelError(f"notion is {notion!r}; choose eue_flexible, eue_firm, lolh or lole")
    short, weight = evened(table[0], beside, rows)
    if notion == "lole":
        if load.size % HOURS_OF_DAY:
            raise KernelError(f"lole counts whole days; {load.size} hours are none")
        hardest = short.reshape(-1, HOURS_OF_DAY).argmax(axis=1)
        counted = np.arange(HOURS_OF_DAY) == hardest[:, None]
        weight = np.where(counted.ravel(), weight, 0.0)
    return Worth(weight, weight * beside, float(weight.sum()))


def evened(table: OutageTable, net_load_mw: Floats, condition: Integers) -> tuple[Floats, Floats]:
    """F [1] of net loads (hour,), evened out over one step of the table, and its slope f. [1/MW]"""
    position = net_load_mw / table.step_mw + 0.5
    nodes = table.probability.shape[1]
    node = np.clip(np.floor(position), 0, nodes - 1).astype(np.int64)
    inside = (position >= 0.0) & (position < nodes)
    mass = np.where(inside, table.probability[condition, node], 0.0)
    below = table.short[condition, node] - mass
    short = np.where(position < 0.0, 0.0, below + mass * np.where(inside, position - node, 0.0))
    return short, mass / table.step_mw
