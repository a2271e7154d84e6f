"""Caps on what US planning regions import on balance, as shares of their peak. See docs/network.md, Net-import caps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy.parts import AreaBalance
from capacity.draws import CentralPath, Draws
from capacity.errors import CapacityError
from capacity.supply.fleet import Fleet
from grids.areas import parent_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PARAMETER = "us.transfer_import_cap_tightness"


@dataclass(frozen=True)
class ImportCaps:
    """Regions whose net imports have a cap.

    names : (region,)
    member : bool (region, area)        Areas of each region; no area is in two.
    cap_mw : (draw, year, region)       Infinite in draws without a cap. [MW]
    """

    names: tuple[str, ...]
    member: NDArray[np.bool_]
    cap_mw: Floats

    @classmethod
    def of(
        cls, fleet: Fleet, draws: Draws | CentralPath, balances: Sequence[AreaBalance], base_mean_mw: Floats
    ) -> ImportCaps | None:
        """Caps of a fleet's regions; None where no draw has one.

        balances : of its areas, whose native load says how far each region's peak has grown
        base_mean_mw : (area,) native load of the base year. [MW]

        A cap is the historical share of the region's peak, rising to all of it, over the tightness. Zones lie in the
        region of their area.
        """
        if fleet.country != "US" or not draws.parameter(PARAMETER).any():
            return None
        owners = [parent_of(area) for area in fleet.areas]
        names = [name for name, entry in regions()["regions"].items() if set(entry["areas"]) <= set(owners)]
        tightness = draws.parameter(PARAMETER)
        member = np.zeros((len(names), len(fleet.areas)), dtype=bool)
        caps = np.empty((*tightness.shape, len(names)))
        for r, name in enumerate(names):
            entry = regions()["regions"][name]
            inside = [a for a, owner in enumerate(owners) if owner in entry["areas"]]
            member[r, inside] = True
            load: Floats = sum((balances[a].load_mw for a in inside), np.zeros(tightness.shape))
            peak = entry["peak_mw"] * load / base_mean_mw[inside].sum()
            cap = share_of_peak(entry["mw"] / entry["peak_mw"], draws.years) * peak
            caps[..., r] = np.divide(cap, tightness, out=np.full(cap.shape, np.inf), where=tightness > 0.0)
        return cls(tuple(names), member, caps)

    def last_year(self) -> ImportCaps:
        """The same for the last year only."""
        return replace(self, cap_mw=self.cap_mw[:, -1:])

    def inside(self, areas: Integers, members: Integers, y: int) -> tuple[Floats, tuple[Floats, Floats] | None]:
        """What the kernel takes for a group of areas in some draws of one year.

        Returns caps (member, area) of regions that are one area of the group, and sets (set, area) with caps
        (member, set) of larger ones; None without any.
        """
        part = self.member[:, areas]
        size = part.sum(axis=1)
        single = np.full((len(members), len(areas)), np.inf)
        for r in np.flatnonzero(size == 1):
            single[:, part[r]] = self.cap_mw[members, y, r][:, None]
        # A region that is the whole group has nobody to import from.
        large = (size > 1) & (size < len(areas))
        if not large.any():
            return single, None
        return single, (part[large].astype(np.float64), self.cap_mw[members, y][:, large])


def share_of_peak(history: float, years: Integers) -> Floats:
    """Share (year,) of its peak that a region may import on balance. [1]"""
    until, gone = regions()["until"], regions()["gone_by"]
    return np.interp(years, [until, gone], [history, 1.0])


def refuse(draws: Draws | CentralPath, what: str) -> None:
    """Raise CapacityError for a scenario with caps where `what` would not know them."""
    if draws.parameter(PARAMETER).any():
        raise CapacityError(f"{what} knows no net-import caps; set {PARAMETER} to 0, or leave one of the two out")


@cache
def regions() -> Mapping[str, Any]:
    """Regions with highest net imports, peak and areas, and how long the caps hold (`data/net_import_caps.yaml`)."""
    from ruamel.yaml import YAML

    text = files("capacity").joinpath("data", "net_import_caps.yaml").read_text(encoding="utf-8")
    known: Mapping[str, Any] = YAML(typ="safe").load(text)
    return known
