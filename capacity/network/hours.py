"""What a country hosts as a network, filled in by groups and years, and the cuts that bind in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cuda_kernels.network import NetworkHeadroom

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """Areas that exchange power with each other; `areas` are numbers in the order of the fleet."""

    name: str
    areas: Integers


@dataclass(frozen=True)
class NetworkHours:
    """Headroom of areas as a network, over draws s, areas a and years y; groups g where noted.

    firm_mw, flexible_mw : (s, a, y)        The area's share of its group's load, without and with curtailment. [MW]
    isolated_mw : (s, a, y)                 Flexible headroom of the area on its own, nothing imported. [MW]
    copper_plate_mw, copper_plate_firm_mw : (s, a, y)   The same if transfers had no limit. [MW]
    curtailed_hours : (s, a, y)             Hours in which its group's load is curtailed. [h]
    short_share : (s, a, y)                 Share of these hours in which the area is on the short side. [1]
    native_unserved_mwh : (s, g, y)         Native load that the group cannot serve before any new load. [MWh]
    binding : {(g, y): {areas: hours}}      Curtailed hours by short side, summed over draws.
    """

    groups: tuple[Group, ...]
    firm_mw: Floats
    flexible_mw: Floats
    isolated_mw: Floats
    copper_plate_mw: Floats
    copper_plate_firm_mw: Floats
    curtailed_hours: Floats
    short_share: Floats
    native_unserved_mwh: Floats
    binding: dict[tuple[int, int], dict[tuple[int, ...], float]]

    @classmethod
    def empty(cls, draws: int, groups: tuple[Group, ...], areas: int, years: int) -> NetworkHours:
        firm, flexible, isolated, copper, copper_firm, curtailed, short = np.zeros((7, draws, areas, years))
        native = np.zeros((draws, len(groups), years))
        return cls(groups, firm, flexible, isolated, copper, copper_firm, curtailed, short, native, {})

    def put(self, at: tuple[int, int], members: Integers, alone: tuple[Floats, Floats], found: NetworkHeadroom) -> None:
        """Fill in some draws of a group in one year.

        at : numbers of group and year. alone : direction and isolated headroom [MW] (member, area)
        found : at two shares, nothing curtailed and what may be
        """
        (g, y), (direction, isolated_mw) = at, alone
        areas = self.groups[g].areas
        place = np.ix_(members, areas)
        self.isolated_mw[..., y][place] = isolated_mw
        self.firm_mw[..., y][place] = found.headroom_mw[:, :1] * direction
        self.flexible_mw[..., y][place] = found.headroom_mw[:, 1:] * direction
        self.copper_plate_mw[..., y][place] = found.copper_plate_mw[:, 1:] * direction
        self.copper_plate_firm_mw[..., y][place] = found.copper_plate_mw[:, :1] * direction
        curtailed = found.curtailed_hours[:, 1:]
        self.curtailed_hours[..., y][place] = np.broadcast_to(curtailed, direction.shape)
        self.short_share[..., y][place] = found.short_hours[:, 1] / np.maximum(curtailed, 1)
        self.native_unserved_mwh[members, g, y] = found.native_unserved_mwh
        tally = self.binding.setdefault((g, y), {})
        for cut, count in zip(found.binding_cut[:, 1], found.binding_hours[:, 1], strict=True):
            if count:
                side = tuple(int(a) for a in areas[cut])
                tally[side] = tally.get(side, 0) + int(count)

    def without_limits(self) -> NetworkHours:
        """The same with what the groups could host if transfers had no limit."""
        return replace(self, firm_mw=self.copper_plate_firm_mw, flexible_mw=self.copper_plate_mw)


def cut_name(side: Sequence[int], group: Group, names: Sequence[str]) -> str:
    """A cut in words: all of the group, the short side, or all but the few areas that could still give."""
    if not side:
        return "none"
    if len(side) == len(group.areas):
        return "whole group"
    inside = set(side)
    if 2 * len(side) > len(group.areas):
        return "all but " + ", ".join(names[a] for a in group.areas if a not in inside)
    return ", ".join(names[a] for a in side)


def main_cut(hours: NetworkHours, at: tuple[int, int]) -> tuple[tuple[int, ...], float]:
    """Short side that binds most often over the draws, and its share of all such hours; empty without any."""
    tally: Mapping[tuple[int, ...], float] = hours.binding.get(at, {})
    if not tally:
        return (), 0.0
    side = max(sorted(tally), key=lambda cut: tally[cut])
    return side, tally[side] / sum(tally.values())
