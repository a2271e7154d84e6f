"""Outage notions where areas exchange power: what a group hosts while the units of all its areas fail.

Capacities of areas are independent and what is short depends on all of them, so that no table holds the group's
distribution. Every hour has a number of equally likely states, each area's from its own table; the same for all draws
of a seed, whose fleets are the tables' to scale. See docs/network.md, Outages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.adequacy.parts import HOURS, AreaBalance
from capacity.adequacy.reliability import STATE_YEARS, AreaOutages, Outages
from capacity.draws import Draws, stream_number
from capacity.errors import CapacityError
from capacity.network.case import CONSTANT, Case, of_group
from capacity.network.hours import NetworkHours
from capacity.supply.fleet import Fleet
from cuda_kernels import Engine
from cuda_kernels.outage_network import NetworkOutages, Units, network_outage_headroom
from cuda_kernels.outage_states import deeper_mw, sampled_mw
from cuda_kernels.outage_table import HOURS_OF_DAY
from grids.areas import parent_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Beside = tuple[int, notions.Margin, AreaBalance]
"""Number of an area, its margin and its balance."""
FIRM_TIMES = 16
"""Times as many states for firm load, whose shortage is rare and in few hours; label J."""


def require(draws: Draws, fleet: Fleet, notion: str) -> None:
    """Raise CapacityError for what an outage notion does not know where areas exchange power."""
    if draws.parameter("siting_for_total_share").any():
        raise CapacityError(
            f"adequacy={notion!r} in a network knows no split for the largest total; set siting_for_total_share to 0, "
            "or use firm_capacity"
        )
    if any(area != parent_of(area) for area in fleet.areas):
        raise CapacityError(f"adequacy={notion!r} in a network knows no zones; leave --areas us-zones out")


@dataclass(frozen=True)
class GroupOutages:
    """Outages of a country's areas and the states that are sampled of them.

    outages : storage counts as in its group. alone : as in areas that import nothing
    states : of every hour
    """

    outages: Outages
    alone: Outages
    states: int
    _known: dict[tuple[int, int], Units] = field(default_factory=dict)

    def solve_year(
        self,
        case: Case,
        g: int,
        y: int,
        *,
        members: Integers,
        margins: Sequence[notions.Margin],
        engine: Engine,
        hours: NetworkHours,
    ) -> None:
        """Fill in some draws of a group in one year; in the place of the year of `headroom.solve`."""
        areas, share = case.links.groups[g].areas, case.share[members, y]
        balances = [case.balances[a].take(members) for a in areas]
        beside = list(zip(map(int, areas), margins, balances, strict=True))
        alone = [self.alone.solve_year(a, y, members, m, b, (share, engine)).flexible_mw for a, m, b in beside]
        isolated, load = np.stack(alone, axis=1), np.stack([b.load_mw[:, y] for b in balances], axis=1)
        direction = case.siting.direction(y, members, areas, isolated, load)
        if len(areas) == 1:
            found = _as_group(self.outages.solve_year(beside[0][0], y, members, *beside[0][1:], (share, engine)))
        else:
            joined = of_group(margins, y)
            within = case.limits_mw[members, y][:, areas[:, None], areas], direction
            terms = self.outages.criterion, self.outages.limit, share
            energy = load.sum(axis=1) * HOURS
            units = self._units(beside, y, members, joined[1])
            single, sets = (None, None) if case.caps is None else case.caps.inside(areas, members, y)
            found = network_outage_headroom(
                joined, units, within, terms, energy, import_cap_mw=single, import_sets=sets, engine=engine
            )
        hours.isolated_mw[..., y][np.ix_(members, areas)] = isolated
        _take(hours, (g, y, members, areas), found, direction)

    def _units(self, beside: Sequence[Beside], y: int, members: Integers, coefficients: Floats) -> Units:
        """Units of a group's areas, taken out of the constants of coefficients (draw, area, term), in place."""
        scale = np.empty(coefficients.shape[:2])
        for i, (a, _, balance) in enumerate(beside):
            scale[:, i], constant = self.outages.in_place(a, y, members, balance)
            coefficients[:, i, CONSTANT] += constant
        return self.sampled([a for a, _, _ in beside], y - y % STATE_YEARS)._replace(scale=scale)

    def sampled(self, areas: Sequence[int], y: int) -> Units:
        """States of the central fleet's units in a year that has tables, made once; the scale is yet to come."""
        key = areas[0], y
        if key not in self._known:
            lasting = HOURS_OF_DAY if self.outages.criterion == "lole" else 1
            tables = [(self.outages.state(a, y).table, self.outages.rows(a)[1], self._stream(a)) for a in areas]
            flexible = [sampled_mw(table, rows, self.states, (self.outages.seed, at)) for table, rows, at in tables]
            firm = deeper_mw(tables, FIRM_TIMES * self.states, self.outages.seed, lasting=lasting)
            self._known[key] = Units(np.stack(flexible), firm, np.zeros(0))
        return self._known[key]

    def _stream(self, a: int) -> int:
        return stream_number(f"outages of {self.outages.names[a]}")


def _as_group(found: AreaOutages) -> NetworkOutages:
    """A group of one area, whose table says it all."""
    each, hours = found.firm_mw.shape, found.short_hours
    return NetworkOutages(
        firm_mw=found.firm_mw,
        flexible_mw=found.flexible_mw,
        copper_firm_mw=found.firm_mw,
        copper_flexible_mw=found.flexible_mw,
        curtailed_hours=hours,
        short_hours=hours[:, None],
        native_unserved_mwh=found.native_unserved_mwh,
        binding_cut=np.ones((*each, 1), dtype=bool),
        binding_hours=hours,
    )


def _take(
    hours: NetworkHours, at: tuple[int, int, Integers, Integers], found: NetworkOutages, direction: Floats
) -> None:
    """Put down what a group hosts in some draws of a year."""
    g, y, members, areas = at
    place = np.ix_(members, areas)
    for into, mw in (
        (hours.firm_mw, found.firm_mw),
        (hours.flexible_mw, found.flexible_mw),
        (hours.copper_plate_mw, found.copper_flexible_mw),
        (hours.copper_plate_firm_mw, found.copper_firm_mw),
    ):
        into[..., y][place] = mw[:, None] * direction
    curtailed = found.curtailed_hours[:, None]
    hours.curtailed_hours[..., y][place] = np.broadcast_to(curtailed, direction.shape)
    hours.short_share[..., y][place] = np.divide(
        found.short_hours, curtailed, out=np.zeros_like(found.short_hours), where=curtailed > 0.0
    )
    hours.native_unserved_mwh[members, g, y] = found.native_unserved_mwh
    tally = hours.binding.setdefault((g, y), {})
    for cut, count in zip(found.binding_cut, found.binding_hours, strict=True):
        if count > 0.0:
            side = tuple(int(a) for a in areas[cut])
            tally[side] = tally.get(side, 0.0) + float(count)
