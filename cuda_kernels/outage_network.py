"""Headroom of areas that help each other while units fail: expectations over sampled states of every hour.

In every hour each area's units stand at one of K equally likely states (outage_states.py), independent of the other
areas'. With U the unserved load of a state as in network.py and E the mean over states, load l along a direction w that
may be curtailed is the largest with

    sum_h E[ U_h(l w) - U_h(0) ] <= share hours l,

natives first; load that may not is bounded by a criterion of outage_headroom.py, of any area's shortage:

    eue_firm   sum_h E[ U_h(l w) ] <= limit (native energy + hours l)
    lolh       sum_h P( U_h(l w) > 0 ) <= limit                              [h a year]
    lole       sum over days of P( U_h(l w) > 0 in an hour of the day ) <= limit, states lasting a day   [d a year]

**Which hours are looked at.** U falls as any area's margin grows, and rises with the load. A state in which each area
stands at its lowest of the hour is therefore a bound for all: an hour that is served in it at a load is served in all
its states at every lower load. Some hundred hours are left of 8,760, and all states of those are one problem of
network.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import KernelError
from .headroom import Engine, headroom_mw
from .network import _capped_sets, _caps, curtailed_mw, network_headroom, unserved_mw
from .outage_headroom import CRITERIA, Criterion
from .outage_states import TOGETHER, Deeper, Singles
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
    """What stands of units that fail, in a number of states of every hour.

    flexible_mw : (area, hour, state)   For load that may be curtailed: equally likely states. [MW]
    firm : Deeper                       For load that may not, whose shortage is rarer: states with weights, more of
                                        them, as fewer hours matter; lasting a day where days are counted.
    scale : (case, area)                What a case has over these, >= 0. [1]
    """

    flexible_mw: Floats
    firm: Deeper
    scale: Floats


class _Joined(NamedTuple):
    """One case: margins without units (area, hour), scale (area,), limits (area, area), direction (area,), most that
    areas import on balance (area,), and sets of areas: membership (set, area) and (set,)."""

    margin: Floats
    scale: Floats
    limits: Floats
    direction: Floats
    caps: Floats
    sets: tuple[Floats, Floats] | None
    engine: Engine

    @property
    def capped(self) -> dict[str, Any]:
        """Caps as network.py takes them."""
        return {"import_cap_mw": self.caps, "import_sets": self.sets}

    def states(self, capacity: Floats | Singles, hours: Integers) -> Floats:
        """Margins (area, hour * state) in all states of some hours."""
        scaled = self.scale[:, None, None] * capacity[:, hours]
        scaled += self.margin[:, hours, None]
        return scaled.reshape(len(scaled), -1)

    def hours_short(self, lowest: Floats | Singles, load: float) -> Integers:
        """Hours that are not served at a load in their deepest state, nor then in any state at any lower load."""
        margin = self.margin + self.scale[:, None] * lowest
        return np.flatnonzero(self.unserved(margin, load))

    def unserved(self, margin: Floats, load: float) -> Floats:
        """All that is short (row,) beside margins (area, row), natives included; nil where it is rounding."""
        # The kernel counts what load adds: what natives lack is made load as well.
        lacking = np.maximum(-margin.min(axis=1, initial=0.0), 0.0)
        given = (margin + lacking[:, None])[:, None], np.ones((1, len(margin), 1))
        added = (lacking + load * self.direction)[None]
        found: Floats = curtailed_mw(*given, self.limits, added, **self.capped, engine=self.engine)[0]
        return found

    def tightest(self, margin: Floats, load: Floats | float) -> tuple[Floats, Floats]:
        """What is short beside margins (area, row) at a load or (row,), and the share of the load in the short side."""
        need = np.multiply.outer(load * np.ones(margin.shape[1]), self.direction) - margin.T
        if self.sets is None:
            value, side, _ = unserved_mw(need, self.limits, import_cap_mw=self.caps, engine=self.engine)
        else:
            from ._network_levels_numpy import network_of

            value, side = network_of(self.limits, self.caps, self.sets, self.engine).tightest(need)
        return value, side @ self.direction


def network_outage_headroom(
    margins: tuple[ArrayLike, ArrayLike],
    units: Units,
    network: tuple[ArrayLike, ArrayLike],
    terms: tuple[Criterion, float, ArrayLike],
    native_mwh: ArrayLike,
    *,
    import_cap_mw: ArrayLike | None = None,
    import_sets: tuple[ArrayLike, ArrayLike] | None = None,
    engine: Engine = "auto",
) -> NetworkOutages:
    """Headroom of every case; a case does not depend on its company.

    margins : profiles (area, K, hour) and coefficients (case, area, K), as of network_headroom, without units. [MW]
    units : what stands of the units that fail
    network : limits (case, area, area) [MW] and direction (case, area) [1], as of network_headroom
    terms : criterion of the load that is never curtailed and its limit (1, h or d), and the share (case,) of its energy
        that the flexible load may forgo, 0 <= share < 1. [1]
    native_mwh : (case,)   Energy of the native load of all areas. [MWh]
    import_cap_mw, import_sets : caps on what areas, and sets of areas, import on balance, as of network_headroom
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
    caps = _caps(import_cap_mw, cases, areas)
    sets = None if import_sets is None else _capped_sets(import_sets, cases, areas, engine)
    flexible_at = units.flexible_mw, units.flexible_mw.min(axis=2)
    lowest = units.firm.lowest_mw.min(axis=2)
    for c in range(cases):
        margin = np.einsum("ak,akh->ah", coefficients[c], profiles)
        of_sets = None if sets is None else (sets[0], sets[1][c])
        one = _Joined(margin, units.scale[c], limits[c], direction[c], caps[c], of_sets, engine)
        found = _flexible(one, flexible_at, float(share[c]))
        flexible[c], copper[c], hours[c], unserved[c], binding[c], cut[c], short[c] = found
        if direction[c].any():
            bound = _Bound(criterion, limit, float(native[c]), units.firm)
            copper_firm[c], firm[c] = _firm(one, lowest, bound, max(copper[c], flexible[c]))
    return NetworkOutages(firm, flexible, copper_firm, copper, hours, short, unserved, cut, binding)


class _Rows(NamedTuple):
    """Some states of some hours: margins (area, row), and hour and state of each (row,)."""

    margin: Floats
    hour: Integers
    state: Integers

    def some(self, which: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.margin[:, which], self.hour[which], self.state[which])


class _Bound(NamedTuple):
    """What firm load is bounded by: criterion, its limit, energy of the native load, and states."""

    criterion: Criterion
    limit: float
    native_mwh: float
    known: Deeper

    @property
    def energy(self) -> tuple[float, float]:
        """Unserved energy allowed in all states together, without new load and for each MW of it. [MWh], [h]"""
        hours, states = self.known.weight.shape
        return states * self.limit * self.native_mwh, states * self.limit * hours

    def as_one(self, rows: _Rows) -> float:
        """Largest load of areas without limits, of states beyond which none can be short.

        Infinite where it is short too seldom in these to say.
        """
        total = rows.margin.sum(axis=0)
        if self.criterion != "eue_firm":
            return self.by_levels(total, rows)
        fixed, rate = self.energy
        order = np.argsort(total, kind="stable")
        lowest, weight = total[order], self.known.weight[rows.hour, rows.state][order]
        if -(weight * np.minimum(lowest, 0.0)).sum() > fixed:
            return 0.0
        # The lowest rows lack their weight times the load, less their sum; more than the shortage is in no choice.
        count, sums = weight.cumsum(), (weight * lowest).cumsum()
        many = count > rate
        most: Floats = (sums[many] + fixed) / (count[many] - rate)
        return max(float(most.min(initial=np.inf)), 0.0)

    def by_levels(self, level: Floats, rows: _Rows) -> float:
        """Largest load that leaves so many of the states, which serve `level` (row,), short as is allowed."""
        length = HOURS_OF_DAY if self.criterion == "lole" else 1
        first, block = np.unique(rows.hour // length, return_inverse=True)
        lowest = np.full((len(first), self.known.weight.shape[1]), np.inf)
        np.minimum.at(lowest, (block, rows.state), level)
        order = np.argsort(lowest, axis=None, kind="stable")
        weight = self.known.weight[first * length].ravel()[order]
        above = weight.cumsum() > self.limit * lowest.shape[1] * (1.0 + 1e-12)
        return max(float(lowest.ravel()[order[above.argmax()]]), 0.0) if above.any() else np.inf


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
        found = network_headroom(*given, share * every / len(hours), **one.capped, engine=one.engine)
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


def _firm(one: _Joined, lowest: Singles, bound: _Bound, most: float) -> tuple[float, float]:
    """Firm headroom of the areas without limits, then within them. lowest : of each hour; most : a guess."""
    top = min(_guess(one, bound), max(most, 1.0))
    for _ in range(MOST_STEPS):
        rows = _rows(one, lowest, bound.known, top)
        copper = bound.as_one(rows)
        if copper <= top:
            break
        top = copper if copper < np.inf else 2.0 * top
    # A cut around all areas is one of those that unserved load is the maximum of: links can but lower what fits.
    if bound.criterion == "eue_firm":
        return copper, _by_energy(one, rows, bound, copper)
    return copper, min(bound.by_levels(_levels(one, rows.margin, copper), rows), copper)


def _guess(one: _Joined, bound: _Bound) -> float:
    """A load to begin with, from areas without limits in a few of the states."""
    states = bound.known.weight.shape[1]
    few = np.arange(0, states, max(states // FEW, 1))
    capacity, weight = bound.known.capacity_mw[:, :, few], bound.known.weight[:, few]
    total = np.einsum("a,ahs->hs", one.scale, capacity) + one.margin.sum(axis=0)[:, None]
    hour, state = np.divmod(np.arange(total.size), len(few))
    known = bound.known._replace(weight=weight)
    guess = bound._replace(known=known).as_one(_Rows(total.reshape(1, -1), hour, state))
    return max(guess * BEYOND, LEAST_START * float(np.abs(total).max()))


def _rows(one: _Joined, lowest: Singles, known: Deeper, load: float) -> _Rows:
    """All states that are short at a load, and few others."""
    hours = one.hours_short(lowest, load)
    margin = one.states(known.lowest_mw, hours)
    parts = known.lowest_mw.shape[2]
    (short,) = np.nonzero(one.unserved(margin, load)) if margin.size else (np.zeros(0, np.int64),)
    first = short % parts * TOGETHER
    state = np.minimum(first[:, None] + np.arange(TOGETHER), known.weight.shape[1])
    hour = np.broadcast_to(hours[short // parts, None], state.shape)
    inside = state < known.weight.shape[1]
    hour, state = hour[inside], state[inside]
    margin = one.margin[:, hour] + one.scale[:, None] * known.capacity_mw[:, hour, state]
    found = _Rows(margin, hour, state)
    return found.some(one.unserved(margin, load) > 0.0) if hour.size else found


def _by_energy(one: _Joined, rows: _Rows, bound: _Bound, load: float) -> float:
    """Largest load whose unserved energy keeps within what is allowed, by Newton's method from right of it."""
    fixed, rate = bound.energy
    margin, weight = rows.margin, bound.known.weight[rows.hour, rows.state]
    for _ in range(MOST_STEPS):
        short, share = one.tightest(margin, load)
        cost, rise = float((weight * short).sum()) - fixed - rate * load, float((weight * share).sum()) - rate
        if cost <= SETTLED * (1.0 + fixed + rate * load) or rise <= 0.0:
            break
        lower = load - cost / rise
        if lower <= 0.0:
            return 0.0
        if load - lower <= 1e-13 * load:
            break
        load, margin, weight = lower, margin[:, short > 0.0], weight[short > 0.0]
    # Who is short without new load is short beside it.
    native = (weight * one.tightest(margin, 0.0)[0]).sum() if weight.size else 0.0
    return load if native <= fixed else 0.0


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
    if units.firm.weight.shape != units.firm.capacity_mw.shape[1:] or not (units.firm.weight >= 0.0).all():
        problems.append("weights of firm must be (hour, state) and >= 0")
    if criterion[0] == "lole" and units.firm.lasting != HOURS_OF_DAY:
        problems.append(f"lole needs states that last a day, not {units.firm.lasting} h")
    for name, capacity in (("flexible_mw", units.flexible_mw), ("firm", units.firm.capacity_mw)):
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
