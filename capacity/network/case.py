"""A country as a network: its links, limits and siting, and the margins of its areas by group and weather year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.adequacy.parts import AreaBalance, base_year_mean_mw
from capacity.adequacy.policies import Policy
from capacity.draws import CentralPath, Draws
from capacity.network.hours import Group
from capacity.network.import_caps import ImportCaps
from capacity.network.links import Links, limits_of, links
from capacity.network.siting import Siting
from capacity.supply.fleet import Fleet

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NetworkName = Literal["island", "network", "copper-plate"]
NETWORKS: tuple[NetworkName, ...] = ("island", "network", "copper-plate")
CONSTANT = notions.TERMS.index("constant")
"""The term of a margin that firm capacity is in."""


@dataclass(frozen=True)
class Case:
    """What a country's network is solved from; balances and records in the order of the fleet; caps on net imports."""

    links: Links
    records: Sequence[notions.AreaRecord]
    balances: Sequence[AreaBalance]
    central: Sequence[AreaBalance]
    notion: notions.Notion
    share: Floats
    limits_mw: Floats
    siting: Siting
    caps: ImportCaps | None = None


def case_of(
    grid: xr.Dataset,
    fleet: Fleet,
    draws: Draws | CentralPath,
    records: Sequence[notions.AreaRecord],
    balances: tuple[Sequence[AreaBalance], Sequence[AreaBalance]],
    notion: notions.Notion,
) -> Case:
    """Links, limits and siting of a country under a scenario. balances : of the draws, of the central path."""
    known = links(grid, fleet)
    return Case(
        known,
        without_interchange(records),
        *balances,
        notion,
        Policy.of(fleet.prefix, draws).energy,
        limits_of(known, fleet, draws),
        Siting.of(fleet, draws),
        ImportCaps.of(fleet, draws, balances[0], base_year_mean_mw(grid, "annual_load_mwh", fleet.areas)),
    )


def without_interchange(records: Sequence[notions.AreaRecord]) -> list[notions.AreaRecord]:
    """The same areas without the interchange of the base year, which links take the place of."""
    return [replace(record, net_export_mw=0.0) for record in records]


def of_group(margins: Sequence[notions.Margin], y: int) -> tuple[Floats, Floats]:
    """Profiles (area, K, hour) and coefficients (draw, area, K) of a group's margins in one year."""
    rows = [margin.profiles[y] for margin in margins]
    used = np.flatnonzero(np.any([row.any(axis=1) for row in rows], axis=0))  # the interchange of an island is nil here
    profiles = np.empty((len(rows), len(used), rows[0].shape[1]))
    for out, row in zip(profiles, rows, strict=True):
        np.take(row, used, axis=0, out=out, mode="clip")  # "clip" writes into out without a copy of its own
    return profiles, np.stack([margin.coefficients[:, y][:, used] for margin in margins], axis=1)


def weather_of(records: Sequence[notions.AreaRecord], group: Group, weather: Floats) -> Iterator[tuple[int, Integers]]:
    """Number of each weather year of a group with the draws that live in it. weather : (draw,) uniform."""
    most = max(len(records[a].weather) for a in group.areas)
    chosen = np.minimum((weather * most).astype(np.int64), most - 1)
    for number in range(most):
        members = np.flatnonzero(chosen == number)
        if members.size:
            yield number, members


def margin_of(
    case: Case, a: int, number: int, members: Integers, records: Sequence[notions.AreaRecord] | None = None
) -> notions.Margin:
    """Margin of one area in a weather year for some draws, nothing imported unless other `records` say so."""
    record = (case.records if records is None else records)[a]
    conditions = record.weather[min(number, len(record.weather) - 1)]
    return case.notion(record, conditions, case.balances[a].take(members), case.central[a])
