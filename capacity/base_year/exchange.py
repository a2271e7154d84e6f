"""The base year as a network: isolated, networked and copper-plate headroom, and who helps whom where it binds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capacity.network import headroom
from capacity.network.case import Case, margin_of
from capacity.network.hours import Group, cut_name
from cuda_kernels.network import unserved_mw

Floats = NDArray[np.float64]

HOURS_SHOWN = 400
"""Tightest hours of a weather year whose transfers are averaged."""


@dataclass(frozen=True)
class GroupYear:
    """One group in its base year, mean over weather years.

    name : of the group; areas : their numbers
    isolated_mw, networked_mw, copper_plate_mw : (area,)   Headroom of each area. [MW]
    native_unserved_mwh : float                            Before any new load.
    curtailed_hours : float
    cut, cut_share : the short side that binds most often, and its share of curtailed hours
    transfer_mw : (area, area)                             Mean transfer from, to in the curtailed hours. [MW]
    """

    name: str
    areas: NDArray[np.int64]
    isolated_mw: Floats
    networked_mw: Floats
    copper_plate_mw: Floats
    native_unserved_mwh: float
    curtailed_hours: float
    cut: str
    cut_share: float
    transfer_mw: Floats

    @property
    def import_mw(self) -> Floats:
        """Mean net import (area,) in the curtailed hours. [MW]"""
        return self.transfer_mw.sum(axis=0) - self.transfer_mw.sum(axis=1)


def group_years(case: Case, names: Sequence[str]) -> list[GroupYear]:
    """Every group of a case of one draw and one year, over all its weather years.

    names : area ids in the order of the fleet, for the cut in words
    """
    return [_group_year(case, g, group, names) for g, group in enumerate(case.links.groups)]


def _group_year(case: Case, g: int, group: Group, names: Sequence[str]) -> GroupYear:
    most = max(len(case.records[a].weather) for a in group.areas)
    found = [headroom.solve(case, np.array([(number + 0.5) / most]), "auto") for number in range(most)]
    binding: dict[tuple[int, ...], float] = {}
    for hours in found:
        for side, count in hours.binding.get((g, 0), {}).items():
            binding[side] = binding.get(side, 0) + count
    total = sum(binding.values())
    side = max(sorted(binding), key=lambda cut: binding[cut]) if binding else ()

    def mean(field: str) -> Floats:
        return np.mean([getattr(hours, field)[0, group.areas, 0] for hours in found], axis=0)

    transfers = [
        _transfers(case, group, number, hours.flexible_mw[0, group.areas, 0]) for number, hours in enumerate(found)
    ]
    return GroupYear(
        group.name,
        group.areas,
        mean("isolated_mw"),
        mean("flexible_mw"),
        mean("copper_plate_mw"),
        float(np.mean([hours.native_unserved_mwh[0, g, 0] for hours in found])),
        float(mean("curtailed_hours")[0]),
        cut_name(side, group, names) if side else "none",
        binding[side] / total if side else 0.0,
        np.mean(transfers, axis=0),
    )


def _transfers(case: Case, group: Group, number: int, load_mw: Floats) -> Floats:
    """Mean transfers (area, area) in the hours that are short at the hosted load, at most the tightest 400. [MW]"""
    margins = [margin_of(case, a, number, np.zeros(1, np.int64)) for a in group.areas]
    spare = np.stack([m.coefficients[0, 0] @ m.profiles[0] for m in margins], axis=1) - load_mw
    tightest = np.sort(np.argsort(spare.sum(axis=1), kind="stable")[:HOURS_SHOWN])
    limits = case.limits_mw[0, 0][np.ix_(group.areas, group.areas)]
    found = unserved_mw(-spare[tightest], limits)
    short = found.unserved_mw > 0.0
    if not short.any():
        return np.zeros(limits.shape)
    return found.transfer_mw[short].mean(axis=0)
