"""Shadow prices of the allocation, as means of what more of a limit adds and what less takes away.

Where a limit is met exactly by chance, the prices of power and capital that prove the allocation optimal are not one
point but a segment or polygon of the (power, capital) plane, cut out by the half planes

    price of power x watts + price of capital x cost  <=, =, >=  throughput

of items used wholly, in part, not at all. Its ends are the one-sided values (Akgul 1984).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_EXACT = 1e-11  # relative: a limit or bound this near is met
_PARALLEL = 1e-9  # relative: items whose ratios of cost to watts differ less price power and capital only together


class Program(Protocol):
    """What this module reads of the cases; see `capacity.limits.allocation.allocate`."""

    @property
    def throughput(self) -> Floats: ...
    @property
    def watts(self) -> Floats: ...
    @property
    def bound(self) -> Floats: ...
    @property
    def cost(self) -> Floats: ...
    @property
    def power_w(self) -> Floats: ...
    @property
    def budget(self) -> Floats: ...


def middle_of_prices(cases: Program, used: Floats, density: Floats, price: Floats) -> tuple[Floats, Floats, Floats]:
    """Prices of power (case,), capital (case,) and items (case, item) at an optimal allocation.

    used : (case, item), the optimal parts of the bounds, 0 to 1.
    density, price : (case,), prices of power and capital that prove it, one point of the polygon.

    Where the point is the only one it is the answer, otherwise the mean of the smallest and largest of each price.
    """
    fractions = used * cases.bound
    power_met = cases.power_w - (cases.watts * fractions).sum(axis=1) <= _EXACT * cases.power_w
    budget_met = cases.budget - (cases.cost * fractions).sum(axis=1) <= _EXACT * cases.budget
    lam = np.where(power_met, density, 0.0)
    nu = np.where(budget_met, price, 0.0)
    partly = (used > _EXACT) & (used < 1.0 - _EXACT) & (cases.bound > 0.0)
    ratio = cases.cost / cases.watts
    most = np.where(partly, ratio, -np.inf).max(axis=1, initial=-np.inf)
    least = np.where(partly, ratio, np.inf).min(axis=1, initial=np.inf)
    some = partly.any(axis=1)
    spread = np.where(some, most - least > _PARALLEL * most, False)
    loose = np.where(power_met & budget_met, ~spread, False)
    loose |= power_met & ~budget_met & ~some
    loose |= budget_met & ~power_met & ~(most > 0.0)
    mu = np.maximum(cases.throughput - lam[:, None] * cases.watts - nu[:, None] * cases.cost, 0.0)
    rows = np.flatnonzero(loose)
    if rows.size:
        face = _Face(cases, used, rows, power_met[rows], budget_met[rows])
        lam[rows], nu[rows], mu[rows] = face.middle()
    return lam, nu, mu


class _Face:
    """Optimal prices (x of power, y of capital) of some cases, scaled so that the largest throughput, watts and cost
    of a case are 1.

    The half planes are a x + b y <= c with a, b, c of shape (case, plane): an item not used wholly must not be worth
    more than its prices, one that is used not less; prices are not negative, and zero where a limit is not met.
    """

    def __init__(
        self, cases: Program, used: Floats, rows: NDArray[np.int64], power_met: Flags, budget_met: Flags
    ) -> None:
        self._cases, self._used, self._rows = cases, used, rows
        given = (cases.throughput[rows], cases.watts[rows], cases.cost[rows])
        self._top = [np.where(values.max(axis=1) > 0.0, values.max(axis=1), 1.0)[:, None] for values in given]
        self._f, self._w, self._k = (values / top for values, top in zip(given, self._top, strict=True))
        self._power_met, self._budget_met = power_met, budget_met
        self._there = there = cases.bound[rows] > 0.0
        not_all, some = there & (used[rows] < 1.0 - _EXACT), there & (used[rows] > _EXACT)
        self._partly = not_all & some
        zero = np.zeros((len(rows), 1))
        slack_x, slack_y = ~power_met[:, None] + zero, ~budget_met[:, None] + zero
        self._a = np.concatenate([-self._w * not_all, self._w * some, zero - 1.0, zero, slack_x, zero], axis=1)
        self._b = np.concatenate([-self._k * not_all, self._k * some, zero, zero - 1.0, zero, slack_y], axis=1)
        self._c = np.concatenate([-self._f * not_all, self._f * some, zero, zero, zero, zero], axis=1)

    def middle(self) -> tuple[Floats, Floats, Floats]:
        """Means of the smallest and largest price, in the caller's units. Of a limit or bound of zero, where nothing
        can be taken away, the smallest: what more adds."""
        low, high = self._ends(*self._only_line())
        polygon = np.flatnonzero(self._power_met & self._budget_met & ~self._partly.any(axis=1))
        if polygon.size:
            low[polygon], high[polygon] = self._corners(polygon)
        high[:, 2:][~self._there] = np.inf
        mean = 0.5 * (low + np.where(np.isinf(high), low, high))
        f, w, k = self._top
        return mean[:, 0] * (f / w)[:, 0], mean[:, 1] * (f / k)[:, 0], mean[:, 2:] * f

    def _only_line(self) -> tuple[Floats, Floats, Floats]:
        """The line (case,) on which all optimal prices lie: of an item used in part, or of a price that is zero."""
        rows, item = np.arange(len(self._f)), self._partly.argmax(axis=1)
        slack = [~self._power_met, ~self._budget_met]
        a = np.select(slack, [1.0, 0.0], self._w[rows, item])
        b = np.select(slack, [0.0, 1.0], self._k[rows, item])
        return a, b, np.select(slack, [0.0, 0.0], self._f[rows, item])

    def _corners(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Smallest and largest prices over the polygon's edges, each a part of one half plane's border."""
        low = np.full((len(rows), 2 + self._f.shape[1]), np.nan)
        high = low.copy()
        part = _Face(self._cases, self._used, self._rows[rows], self._power_met[rows], self._budget_met[rows])
        for plane in range(self._a.shape[1]):
            least, most = part._ends(part._a[:, plane], part._b[:, plane], part._c[:, plane], strict=True)
            low, high = np.fmin(low, least), np.fmax(high, most)
        return low, high

    def _ends(self, a: Floats, b: Floats, c: Floats, *, strict: bool = False) -> tuple[Floats, Floats]:
        """Smallest and largest (x, y, item prices) (case, 2 + item) on the part of a line inside all half planes.

        Infinite where the line is open; with `strict`, NaN where no part of it is inside.
        """
        norm = np.hypot(a, b)
        sure = np.where(norm > 0.0, norm, 1.0)
        foot = np.stack([a * c, b * c], axis=1) / (sure**2)[:, None]
        along = np.stack([-b, a], axis=1) / sure[:, None]
        slope = self._a * along[:, :1] + self._b * along[:, 1:]
        room = self._c - self._a * foot[:, :1] - self._b * foot[:, 1:]
        crossing = np.abs(slope) > _EXACT * np.hypot(self._a, self._b)
        reach = np.divide(room, slope, out=np.zeros_like(room), where=crossing)
        last = np.where(crossing & (slope > 0.0), reach, np.inf).min(axis=1)
        first = np.where(crossing & (slope < 0.0), reach, -np.inf).max(axis=1)
        inside = (norm > 0.0) & (first <= last + _PARALLEL) & (crossing | (room >= -_PARALLEL)).all(axis=1)
        open_end = np.isinf(first) | np.isinf(last)
        ends = (np.where(np.isinf(first), last, first), np.where(np.isinf(last), first, last))
        points = [foot + along * np.where(np.isinf(t), 0.0, t)[:, None] for t in ends]
        values = [np.concatenate([p, self._item_prices(p)], axis=1) for p in points]
        low, high = np.minimum(*values), np.maximum(*values)
        rises = open_end[:, None] & (np.abs(along) > _EXACT)
        high[:, :2][rises] = np.inf
        # Along an open line prices rise without end, and what an item is worth beyond them falls to nothing.
        low[:, 2:][(rises[:, :1] & (self._w > 0.0)) | (rises[:, 1:] & (self._k > 0.0))] = 0.0
        if strict:
            low[~inside], high[~inside] = np.nan, np.nan
        return low, high

    def _item_prices(self, point: Floats) -> Floats:
        return np.maximum(self._f - point[:, :1] * self._w - point[:, 1:] * self._k, 0.0)
