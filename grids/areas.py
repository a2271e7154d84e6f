"""The areas a grid is solved for, and the names of technologies and countries.

US areas are the 18 planning subregions of the contiguous states used by ReEDS (NREL); Chinese areas are the 31
provincial grids. Tables: `grids/data/us_areas.yaml`, `grids/data/cn_areas.yaml`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from grids.tables import read_table

COUNTRIES = ("US", "CN")
TECHNOLOGIES = (
    "coal",
    "gas",
    "oil",
    "nuclear",
    "hydro",
    "pumped_storage",
    "wind",
    "offshore_wind",
    "solar",
    "biomass",
    "geothermal",
    "battery",
)


@dataclass(frozen=True)
class Area:
    """One balancing area.

    `state_shares` (US only) is the part of each state's electricity sales that lies in the area [1].
    """

    id: str
    name: str
    name_zh: str
    country: str
    interconnection: str
    timezone: str
    authorities: tuple[str, ...]
    states: tuple[str, ...]
    note: str = ""
    state_shares: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def members(self) -> str:
        """Who is inside, as one line: balancing authorities, then states; or the province."""
        if self.authorities:
            return f"{' '.join(self.authorities)}; {' '.join(self.states)}"
        return " ".join(self.states)


def _load() -> tuple[Area, ...]:
    us = [_us_area(identifier, entry) for identifier, entry in read_table("us_areas.yaml")["areas"].items()]
    cn = [_cn_area(identifier, entry) for identifier, entry in read_table("cn_areas.yaml")["areas"].items()]
    return (*us, *cn)


def _us_area(identifier: str, entry: dict[str, Any]) -> Area:
    return Area(
        id=identifier,
        name=entry["name"],
        name_zh=entry["name_zh"],
        country="US",
        interconnection=entry["interconnection"],
        timezone=entry["timezone"],
        authorities=tuple(entry["authorities"]),
        states=tuple(entry["state_shares"]),
        note=entry.get("note", ""),
        state_shares=MappingProxyType({state: float(share) for state, share in entry["state_shares"].items()}),
    )


def _cn_area(identifier: str, entry: dict[str, Any]) -> Area:
    return Area(
        id=identifier,
        name=entry["name"],
        name_zh=entry["name_zh"],
        country="CN",
        interconnection=entry["interconnection"],
        timezone=entry.get("timezone", "Asia/Shanghai"),
        authorities=(),
        states=(entry["name"],),
        note=entry.get("note", ""),
    )


AREAS: tuple[Area, ...] = _load()
AREA_IDS: tuple[str, ...] = tuple(area.id for area in AREAS)
_BY_ID: Mapping[str, Area] = MappingProxyType({area.id: area for area in AREAS})


def parent_of(identifier: str) -> str:
    """Id of the area that a zone (`grids.zones`) lies in: us.ercot for us.ercot.p63; of any other area its own."""
    return ".".join(identifier.split(".")[:2])


def area(identifier: str) -> Area:
    """The area of an id such as "us.ercot" or "cn.jiangsu".

    Raises GridDataError with the nearest id or name when there is none.
    """
    from grids.variables import GridDataError

    if identifier in _BY_ID:
        return _BY_ID[identifier]
    names = {item.id: item.id for item in AREAS} | {item.name.lower(): item.id for item in AREAS}
    names |= {item.id.split(".", 1)[1]: item.id for item in AREAS} | {item.name_zh: item.id for item in AREAS}
    near = difflib.get_close_matches(identifier.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {names[near[0]]!r}?" if near else f"ids look like {AREA_IDS[0]!r} or {AREA_IDS[-1]!r}"
    raise GridDataError(f"no area {identifier!r}; {hint} (grids.areas.AREAS lists all {len(AREAS)})")
