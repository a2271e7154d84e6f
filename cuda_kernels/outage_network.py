"""Headroom of areas that help each other while units fail: expectations over sampled states of every hour.

In every hour each area's units stand at one of K equally likely states (outage_states.py), independent of the other
areas'. With U the unserved load of a state as in network.py and E the mean over states, load l along a direction w that
may be curtailed is the largest with

    sum_h E[ U_h(l w) - U_h(0) ] <= share hours l,

natives first; load that may not is bounded by a criterion of outage_headroom.py, of any area's shortage:

    eue_firm   sum_h E[ U_h(l w) ] <= limit (native energy + hours l)
    lolh       sum_h P( U_h(l w) > 0 ) <= limit                              [h a year]
    lole       sum over days of P( U_h(l w) > 0 in an hour of the day ) <= limit, states lasting a day   [d a year]

**Which hours are looked at.** U(d) is supermodular in the deficits d (a maximum of sums over sets less a submodular
cut), so that what new load adds to it grows with every area's deficit. A state in which each area stands at its lowest
of the hour is therefore a bound for all: an hour that is served in it at a load is served in all its states at every
lower load. Some hundred hours are left of 8,760, and all states of those are one problem of network.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import KernelError
from .headroom import Engine, headroom_mw
from .network import curtailed_mw, network_headroom, unserved_mw
from .outage_headroom import CRITERIA, Criterion
from .outage_table import HOURS_OF_DAY

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SETTLED = 1e-12
"""Of the largest margin: an excess below it is rounding, as in the network kernel."""
BEYOND = 1.02
"""The first load tried over that of areas as one with fewer states an hour."""
FEW = 4
"""States an hour of that guess for firm load."""
LEAST_START = 1e-3
"""Of the largest total margin: the first load tried is at least that."""
MOST_STEPS = 200


class NetworkOutages(NamedTuple):
    """Result of network_outage_headroom.

    firm_mw, flexible_mw : float64 (case,)          Largest load by the criterion, and with curtailment; >= 0. [MW]
    copper_firm_mw, copper_flexible_mw : (case,)    The same if transfers had no limit. [MW]
    curtailed_hours : float64 (case,)               Expected hours in which the flexible load is curtailed. [h]
    short_hours : float64 (case, area)              Those in which the area lies on the short side. [h]
    native_unserved_mwh : float64 (case,)           Expected unserved energy without new load. [MWh]
    binding_cut : bool (case, area)                 The short side that binds in most of the curtailed hours.
    binding_hours : float64 (case,)                 Expected hours in which exactly that cut binds. [h]
    """

    firm_mw: Floats
    flexible_mw: Floats
    copper_firm_mw: Floats
    copper_flexible_mw: Floats
    curtailed_hours: Floats
    short_hours: Floats
    native_unserved_mwh: Floats
    binding_cut: NDArray[np.bool_]
    binding_hours: Floats


class Units(NamedTuple):
    """What stands of units that fail, in a number of equally likely states of every hour.

    flexible_mw : (area, hour, state)   For load that may be curtailed. [MW]
    firm_mw : (area, hour, state)       For load that may not, whose shortage is rarer: more states, of fewer hours that
                                        matter; states that last a day where days are counted. [MW]
    scale : (case, area)                What a case has over these, >= 0. [1]
    """

    flexible_mw: Floats
    firm_mw: Floats
    scale: Floats


class _Joined(NamedTuple):
    """One case: margins without units (area, hour), scale (area,), limits (area, area), direction (area,)."""

    margin: Floats
    scale: Floats
    limits: Floats
    direction: Floats
    engine: Engine

    def states(self, capacity: Floats, hours: Integers) -> Floats:
        """Margins (area, hour * state) in all states of some hours."""
        scaled = self.scale[:, None, None] * capacity[:, hours]
        scaled += self.margin[:, hours, None]
        return scaled.reshape(len(scaled), -1)

    def hours_short(self, lowest: Floats, load: float) -> Integers:
        """Hours that are not served at a load in their deepest state, nor then in any state at any lower load."""
        margin = self.margin + self.scale[:, None] * lowest
        return np.flatnonzero(self.unserved(margin, load))

    def unserved(self, margin: Floats, load: float) -> Floats:
        """All that is short (row,) beside margins (area, row), natives included; nil where it is rounding."""
        # The kernel counts what load adds: what natives lack is made load as well.
        lacking = np.maximum(-margin.min(axis=1, initial=0.0), 0.0)
        given = (margin + lacking[:, None])[:, None], np.ones((1, len(margin), 1))
        return curtailed_mw(*given, self.limits, (lacking + load * self.direction)[None], engine=self.engine)[0]

    def tightest(self, margin: Floats, load: Floats | float) -> tuple[Floats, Floats]:
        """What is short beside margins (area, row) at a load or (row,), and the share of the load in the short side."""
        need = np.multiply.outer(load * np.ones(margin.shape[1]), self.direction) - margin.T
        found = unserved_mw(need, self.limits, engine=self.engine)
        return found.unserved_mw, found.short_side @ self.direction


def network_outage_headroom(
    margins: tuple[ArrayLike, ArrayLike],
    units: Units,
    network: tuple[ArrayLike, ArrayLike],
    terms: tuple[Criterion, float, ArrayLike],
    native_mwh: ArrayLike,
    *,
    engine: Engine = "auto",
) -> NetworkOutages:
    """Headroom of every case; a case does not depend on its company.

    margins : profiles (area, K, hour) and coefficients (case, area, K), as of network_headroom, without units. [MW]
    units : what stands of the units that fail
    network : limits (case, area, area) [MW] and direction (case, area) [1], as of network_headroom
    terms : criterion of the load that is never curtailed and its limit (1, h or d), and the share (case,) of its energy
        that the flexible load may forgo, 0 <= share < 1. [1]
    native_mwh : (case,)   Energy of the native load of all areas. [MWh]
    engine : "auto" (numba when installed), "numpy" or "numba"

    Raises KernelError for shapes and values.
    """
    profiles, coefficients = (np.asarray(part, np.float64) for part in margins)
    limits, direction = (np.asarray(part, np.float64) for part in network)
    share, native = np.asarray(terms[2], np.float64), np.asarray(native_mwh, np.float64)
    _check((profiles, coefficients), units, (limits, direction), terms[:2], (share, native))
    cases, areas = coefficients.shape[:2]
    firm, flexible, copper_firm, copper, hours, unserved, binding = np.zeros((7, cases))
    short, cut = np.zeros((cases, areas)), np.zeros((cases, areas), np.bool_)
    criterion, limit = terms[0], float(terms[1])
    flexible_at, firm_at = ((mw, mw.min(axis=2)) for mw in units[:2])
    for c in range(cases):
        margin = np.einsum("ak,akh->ah", coefficients[c], profiles)
        one = _Joined(margin, units.scale[c], limits[c], direction[c], engine)
        found = _flexible(one, flexible_at, float(share[c]))
        flexible[c], copper[c], hours[c], unserved[c], binding[c], cut[c], short[c] = found
        if direction[c].any():
            bound = _Bound(criterion, limit, float(native[c]), *units.firm_mw.shape[1:])
            copper_firm[c], firm[c] = _firm(one, firm_at, bound, max(copper[c], flexible[c]))
    return NetworkOutages(firm, flexible, copper_firm, copper, hours, short, unserved, cut, binding)


class _Bound(NamedTuple):
    """What firm load is bounded by: criterion, its limit, energy of the native load, hours, and states of each."""

    criterion: Criterion
    limit: float
    native_mwh: float
    every: int
    states: int

    @property
    def energy(self) -> tuple[float, float]:
        """Unserved energy allowed in all states together, without new load and for each MW of it. [MWh], [h]"""
        return self.states * self.limit * self.native_mwh, self.states * self.limit * self.every

    def as_one(self, total: Floats, hours: Integers) -> float:
        """Largest load of areas without limits, whose margins add up to `total` (hour * state,) in some hours.

        Infinite where it is short too seldom in these hours to say.
        """
        if self.criterion != "eue_firm":
            return self.by_levels(total, hours)
        fixed, rate = self.energy
        lowest = np.sort(total)
        if -np.minimum(lowest, 0.0).sum() > fixed:
            return 0.0
        count = np.arange(1, lowest.size + 1)
        # The lowest n rows lack n load - their sum; more than the shortage is at no n.
        many = count > rate
        most: Floats = (lowest.cumsum()[many] + fixed) / (count[many] - rate)
        return max(float(most.min(initial=np.inf)), 0.0)

    def by_levels(self, level: Floats, hours: Integers) -> float:
        """Largest load that leaves so many of the states (hour * state,), which serve `level`, short as is allowed."""
        by_hour = level.reshape(len(hours), -1)
        if self.criterion == "lole" and len(hours):
            first = np.flatnonzero(np.diff(hours // HOURS_OF_DAY, prepend=-1))
            by_hour = np.minimum.reduceat(by_hour, first, axis=0)
        allowed = int(self.limit * self.states + 1e-9)
        if allowed >= by_hour.size:
            return np.inf
        return max(float(np.partition(by_hour.ravel(), allowed)[allowed]), 0.0)


def _flexible(one: _Joined, sampled: tuple[Floats, Floats], share: float) -> tuple[Any, ...]:
    """Flexible headroom, that without limits, hours curtailed, native energy unserved, the cut and hours by area."""
    capacity, lowest = sampled
    hosting = bool(one.direction.any())
    every, states = capacity.shape[1:]
    first = (one.margin + one.scale[:, None] * capacity[:, :, 0]).sum(axis=0)
    least = LEAST_START * float(np.abs(first).max())
    top = max(_as_one(first, share) * BEYOND, least) if hosting else 0.0
    for _ in range(MOST_STEPS):
        hours = one.hours_short(lowest, top)
        if hosting and len(hours) <= 2.0 * share * every:  # their energy could hardly be what is allowed
            top *= 2.0
            continue
        if not hours.size:
            return 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(len(one.scale), bool), np.zeros(len(one.scale))
        margin = one.states(capacity, hours)
        given = margin[:, None], np.ones((1, len(margin), 1)), one.limits, one.direction
        found = network_headroom(*given, share * every / len(hours), engine=one.engine)
        load, copper = float(found.headroom_mw[0, 0]), float(found.copper_plate_mw[0, 0])
        # Hours left out are short at larger loads only, so that what lies beyond `top` is too large, never too small.
        if max(load, copper) <= top:
            break
        top = max(load, copper)
    counted = (found.curtailed_hours[0, 0], found.native_unserved_mwh[0], found.binding_hours[0, 0])
    expected = [float(value) / states for value in counted]
    return load, copper, *expected, found.binding_cut[0, 0], found.short_hours[0, 0] / states


def _as_one(total: Floats, share: float) -> float:
    """Flexible headroom of areas without limits, whose margins add up to `total` (row,)."""
    return float(headroom_mw(total[None], np.ones((1, 1)), share).headroom_mw[0])


def _firm(one: _Joined, sampled: tuple[Floats, Floats], bound: _Bound, most: float) -> tuple[float, float]:
    """Firm headroom of the areas without limits, then within them. sampled : capacity, its lowest; most : a guess."""
    capacity, lowest = sampled
    few = capacity[:, :, :FEW]
    all_hours = np.arange(bound.every)
    total = np.einsum("a,ahs->hs", one.scale, few) + one.margin.sum(axis=0)[:, None]
    guess = bound._replace(states=few.shape[2]).as_one(total.ravel(), all_hours)
    top = min(max(guess * BEYOND, LEAST_START * float(np.abs(total).max())), max(most, 1.0))
    for _ in range(MOST_STEPS):
        hours = one.hours_short(lowest, top)
        margin = one.states(capacity, hours)
        copper = bound.as_one(margin.sum(axis=0), hours)
        if copper <= top:
            break
        top = copper if copper < np.inf else 2.0 * top
    # A cut around all areas is one of those that unserved load is the maximum of: links can but lower what fits.
    if bound.criterion == "eue_firm":
        return copper, _by_energy(one, margin, bound.energy, copper)
    return copper, min(bound.by_levels(_levels(one, margin, copper), hours), copper)


def _by_energy(one: _Joined, margin: Floats, allowed: tuple[float, float], load: float) -> float:
    """Largest load whose unserved energy keeps within what is allowed, by Newton's method from right of it."""
    fixed, rate = allowed
    margin = margin[:, one.unserved(margin, load) > 0.0]
    if not margin.size or one.tightest(margin, 0.0)[0].sum() > fixed:
        return load if not margin.size else 0.0
    for _ in range(MOST_STEPS):
        short, share = one.tightest(margin, load)
        cost, rise = short.sum() - fixed - rate * load, share.sum() - rate
        if cost <= SETTLED * (1.0 + fixed + rate * load) or rise <= 0.0:
            break
        lower = load - cost / rise
        if load - lower <= 1e-13 * load:
            break
        load, margin = lower, margin[:, short > 0.0]
    return max(load, 0.0)


def _levels(one: _Joined, margin: Floats, most: float) -> Floats:
    """Largest load (row,) of which nothing is short, natives included: up to `most`, infinite beyond; 0 for none."""
    level = np.full(margin.shape[1], np.inf)
    rows = np.flatnonzero(one.unserved(margin, most))
    least = SETTLED * float(np.abs(margin).sum(axis=0).max(initial=0.0))
    level[rows] = most
    for _ in range(MOST_STEPS):
        if not rows.size:
            break
        short, share = one.tightest(margin[:, rows], level[rows])
        wanting = short > least
        rows, cost, rise = rows[wanting], short[wanting], share[wanting]
        down = np.divide(cost, rise, out=np.full_like(cost, np.inf), where=rise > 0.0)
        level[rows] = np.maximum(level[rows] - down, 0.0)
        rows = rows[level[rows] > 0.0]
    return level


def _check(
    margins: tuple[Floats, Floats],
    units: Units,
    network: tuple[Floats, Floats],
    criterion: tuple[Criterion, float],
    by_case: tuple[Floats, Floats],
) -> None:
    """Shapes and values that network_headroom does not look at itself, all problems at once."""
    profiles, coefficients = margins
    if profiles.ndim != 3 or coefficients.ndim != 3 or coefficients.shape[1:] != profiles.shape[:2]:
        found = f"{profiles.shape}, {coefficients.shape}"
        raise KernelError(f"profiles must be (area, K, hour) and coefficients (case, area, K), got {found}")
    cases, areas, hours = len(coefficients), len(profiles), profiles.shape[2]
    problems = []
    for name, capacity in (("flexible_mw", units.flexible_mw), ("firm_mw", units.firm_mw)):
        if capacity.ndim != 3 or capacity.shape[:2] != (areas, hours) or 0 in capacity.shape:
            problems.append(f"{name} must be ({areas}, {hours}, state) with a state, got {capacity.shape}")
        elif not (np.isfinite(capacity).all() and capacity.min() >= 0.0):
            problems.append(f"{name} must be finite and >= 0")
    shapes = {"limits": (cases, areas, areas), "direction": (cases, areas), "scale": (cases, areas)}
    given = {"limits": network[0], "direction": network[1], "scale": units.scale}
    shapes |= {"share": (cases,), "native_mwh": (cases,)}
    given |= dict(zip(("share", "native_mwh"), by_case, strict=True))
    problems += [f"{n} must be {shapes[n]}, got {v.shape}" for n, v in given.items() if v.shape != shapes[n]]
    finite = (profiles, coefficients, network[1], units.scale, by_case[1])
    if not all(np.isfinite(values).all() for values in finite) or (units.scale < 0.0).any():
        problems.append("all but limits must be finite, scale >= 0")
    if not ((by_case[0] >= 0.0) & (by_case[0] < 1.0)).all():
        problems.append("share must be 0 <= share < 1")
    if criterion[0] not in CRITERIA or not criterion[1] >= 0.0:
        problems.append(f"criterion is {criterion}; choose {', '.join(CRITERIA)} and a limit >= 0")
    if criterion[0] == "lole" and hours % HOURS_OF_DAY:
        problems.append(f"lole counts whole days; {hours} hours are none")
    if problems:
        raise KernelError("; ".join(problems))
