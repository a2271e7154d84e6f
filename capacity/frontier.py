"""How new load in two or three areas of one group trades off: the frontier, and the mix with the largest total.

Loads L that fit form a convex set: sum_h [U_h(L - m) - U_h(-m)] - eps T sum L is convex in L. Along a direction its
edge is the headroom of the network kernel. There the hours in which an area is on the short side, less eps T, are the
slope of that function, so that each point on the edge brings a half-space that holds the whole set: the hull of the
points and the half-spaces enclose the support function max p L from both sides, exactly where they meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import linprog

from capacity.adequacy.notions import DEFAULT_NOTION
from capacity.adequacy.reliability import DEFAULT_STATES, NOTIONS
from capacity.errors import CapacityError
from capacity.explain import group_year
from capacity.explain.area_year import at_quantile
from capacity.explain.outage_group import group_of, sampled_of
from capacity.explain.outage_group import solved as outages_solved
from capacity.explain.point import Transfers, point_at
from capacity.network.outages import require
from capacity.supply.fleet import number_of
from cuda_kernels.network import network_headroom
from scenarios import Scenario

Floats = NDArray[np.float64]

DIRECTIONS = {2: 32, 3: 8}
"""Steps along an edge of the simplex of directions, by number of areas: 33 and 45 directions."""
CLOSE = 1e-6
"""Relative gap of the support function at which the best mix is taken as found."""
MOST_CUTS = 80
_SLIVER = 1e-8  # of the largest margin


@dataclass
class Edge:
    """The set of loads that fit in some areas of a group, known by points on its edge.

    margin : (hour, area) of the group, nothing imported, or of all states of its hours; within : its limits. [MW]
    chosen : numbers, within the group, of the areas that take new load; share : eps
    points : (point, chosen) [MW]; slopes : (point, chosen)   slope L <= slope point holds for all L that fit.
    """

    margin: Floats
    within: Transfers
    chosen: Sequence[int]
    share: float
    points: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    slopes: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def along(self, directions: Floats) -> Floats:
        """Points (direction, chosen) of the edge along directions that sum to 1, kept with their half-spaces. [MW]"""
        whole = np.zeros((len(directions), self.margin.shape[1]))
        whole[:, list(self.chosen)] = directions
        ones = np.ones((len(directions), self.margin.shape[1], 1))
        profiles = np.ascontiguousarray(self.margin.T)[:, None]
        found = network_headroom(profiles, ones, self.within.limits_mw, whole, self.share, **self.within.caps)
        total = found.headroom_mw[:, 0]
        slopes = [self._slope(w, float(load)) for w, load in zip(whole, total, strict=True)]
        points = np.asarray(total[:, None] * directions)
        size = len(self.chosen)
        self.points = np.concatenate([self.points.reshape(-1, size), points])
        self.slopes = np.concatenate([self.slopes.reshape(-1, size), slopes])
        return points

    def support(self, prices: Floats) -> tuple[Floats, float]:
        """The known point with the highest price p L, and a bound that no load that fits exceeds. [MW], [MW]"""
        best = self.points[int(np.argmax(self.points @ prices))]
        outer = linprog(-prices, A_ub=self.slopes, b_ub=(self.slopes * self.points).sum(axis=1), method="highs")
        return best, float(-outer.fun) if outer.status == 0 else np.inf

    def best(self, prices: Floats) -> tuple[Floats, float]:
        """The load that fits with the highest price, by cutting planes, and the bound that shows it."""
        for _ in range(MOST_CUTS):
            point, bound = self.support(prices)
            if bound - point @ prices <= CLOSE * max(bound, 1.0):
                break
            outer = linprog(-prices, A_ub=self.slopes, b_ub=(self.slopes * self.points).sum(axis=1), method="highs")
            if outer.status != 0 or outer.x.sum() <= 0.0:
                break
            self.along((outer.x / outer.x.sum())[None])
        return self.support(prices)

    def _slope(self, direction: Floats, load_mw: float) -> Floats:
        """Outward normal of the set at its edge; where nothing fits this way, at the first sliver of load."""
        sliver = _SLIVER * float(np.abs(self.margin).sum(axis=1).max())
        found = point_at(self.margin, self.within, direction, max(load_mw, sliver), self.share)
        slope = found.beside.short_side.sum(axis=0)[list(self.chosen)] - found.allowed
        return np.asarray(slope / max(float(np.abs(slope).max()), 1e-300))


@dataclass(frozen=True)
class Frontier:
    """Frontier of two or three areas in one draw. All loads [MW], (area,) in the order of `areas`.

    draw : int                 Whose group headroom is the asked quantile of the draws.
    directions, points : (direction, area)   Shares, and the largest load along each.
    mixes : {name: (area,)}    Largest load in proportion to isolated headroom, to native load, to the user's weights,
                               and the best for the total.
    best_bound_mw : float      No mix exceeds this total.
    isolated_mw : (area,)      What each area could host on its own, nothing imported.
    """

    areas: tuple[str, ...]
    year: int
    quantile: float
    draw: int
    directions: Floats
    points: Floats
    mixes: dict[str, Floats]
    best_bound_mw: float
    isolated_mw: Floats


def frontier(
    grid: xr.Dataset,
    scenario: Scenario,
    areas: Sequence[str],
    year: int,
    *,
    weights: Sequence[float] = (),
    quantile: float = 0.5,
    draws: int = 32,
    seed: int = 2025,
    notion: str = DEFAULT_NOTION,
    states: int = DEFAULT_STATES,
) -> Frontier:
    """Frontier of new load in two or three areas of one group, nothing new elsewhere, at a quantile of the draws.

    weights : of the user, one an area, >= 0
    notion : firm_capacity, or one of outages, whose `states` of every hour are looked at; load may be curtailed

    Raises CapacityError for areas, weights, year, quantile and notion.
    """
    name, numbers = _checked(grid, areas, weights, quantile)
    known = group_year.year_case(grid, scenario, name, group_year.Asked(year, draws, seed), plain=True)
    groups = {known.group_of(a) for a in numbers}
    if len(groups) > 1:
        raise CapacityError(f"{', '.join(areas)} exchange no power with each other; choose areas of one group")
    g = groups.pop()
    inside = known.case.links.groups[g].areas
    draw, margin, alone = _looked_at(grid, known, g, (notion, states), quantile)
    chosen = [int(np.flatnonzero(inside == a)[0]) for a in numbers]
    edge = Edge(margin, known.transfers(g, draw), chosen, float(known.case.share[draw, 0]))
    directions = simplex(len(areas))
    points = edge.along(directions)
    isolated = alone[numbers]
    load = np.array([known.case.balances[a].load_mw[draw, 0] for a in numbers])
    wishes = {"isolated headroom": isolated, "native load": load}
    if len(weights):
        wishes["your weights"] = np.asarray(weights, dtype=np.float64)
    mixes = {wish: edge.along((w / w.sum())[None])[0] for wish, w in wishes.items() if w.sum() > 0.0}
    mixes["best for the total"], bound = edge.best(np.ones(len(areas)))
    return Frontier(
        tuple(areas), year, quantile, int(known.draws.ids[draw]), directions, points, mixes, bound, isolated
    )


def _looked_at(
    grid: xr.Dataset, known: group_year.YearCase, g: int, how: tuple[str, int], quantile: float
) -> tuple[int, Floats, Floats]:
    """The draw at a quantile of a group, its margins (hour or state of an hour, area), and isolated headroom of all
    areas of the country (area,). how : notion, and states of every hour. [MW]"""
    notion, states = how
    if notion == DEFAULT_NOTION:
        draw, solved, _ = known.at_quantile(g, quantile)
        margin = np.stack([m.coefficients[0, 0] @ m.profiles[0] for m in known.margins(g, draw)], axis=1)
        return draw, margin, solved.isolated_mw[draw, :, 0]
    if notion not in NOTIONS:
        raise CapacityError(f"adequacy={notion!r} has no frontier; choose {DEFAULT_NOTION}, {', '.join(NOTIONS)}")
    require(known.draws, known.fleet, notion)
    sampled = sampled_of(grid, known, notion, states)
    hours = outages_solved(known, sampled, g)
    areas = known.case.links.groups[g].areas
    draw = at_quantile(hours.flexible_mw[:, areas, -1].sum(axis=1), quantile)
    return draw, group_of(known, sampled, g, draw, int(areas[0])).rows_mw, hours.isolated_mw[draw, :, -1]


def simplex(areas: int) -> Floats:
    """Directions (direction, area) that sum to 1, evenly spread."""
    steps = DIRECTIONS[areas]
    first = np.arange(steps + 1) / steps
    if areas == 2:
        return np.stack([first, 1.0 - first], axis=1)
    pairs = [(i, j) for i in range(steps + 1) for j in range(steps + 1 - i)]
    return np.array([[i, j, steps - i - j] for i, j in pairs], dtype=np.float64) / steps


def _checked(
    grid: xr.Dataset, areas: Sequence[str], weights: Sequence[float], quantile: float
) -> tuple[str, list[int]]:
    problems: list[str] = []
    if len(areas) not in DIRECTIONS or len(set(areas)) < len(areas):
        problems.append(f"{', '.join(areas)}: give two or three different areas")
    if not 0.0 <= quantile <= 1.0:
        problems.append(f"quantile {quantile}: give a quantile from 0 to 1")
    if len(weights) not in (0, len(areas)) or any(not w >= 0.0 for w in weights) or (len(weights) and not sum(weights)):
        problems.append(f"weights {list(weights)}: give one weight an area, none negative, not all 0")
    found = []
    for area in dict.fromkeys(areas):
        try:
            found.append(number_of(grid, area))
        except CapacityError as error:
            problems.append(str(error))
    names = {name for name, _ in found}
    if len(names) > 1:
        problems.append(f"{', '.join(areas)} lie in two countries; choose areas of one")
    if problems:
        raise CapacityError(problems)
    return names.pop(), [number for _, number in found]
