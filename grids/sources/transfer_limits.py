"""Readers of transfer limits: ReEDS (NARIS 2024) for the US, PyPSA-China-PIK and GTD for China."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from grids.sources.boundaries import area_of_zone, province_id
from grids.sources.checks import original

_GTD_CODES = """
AN=anhui BE=beijing CH=chongqing FU=fujian GA=gansu GD=guangdong GU=guizhou GX=guangxi HA=hainan HB=hebei
HE=henan HJ=heilongjiang HN=hunan HU=hubei JI=jilin JS=jiangsu JX=jiangxi LI=liaoning NI=ningxia
NM=inner_mongolia QI=qinghai SC=sichuan SD=shandong SH=shanghai SI=shaanxi SX=shanxi TI=tibet TJ=tianjin
XI=xinjiang YU=yunnan ZH=zhejiang
"""
GTD_PROVINCES: Final[dict[str, str]] = {pair[:2]: pair[3:] for pair in _GTD_CODES.split()}
"""Node codes of the Global Transmission Database after ``CHN``; read off the coordinates of its node list."""

GTD_NOT_COVERED: Final = frozenset({"HK", "MA"})
"""Hong Kong and Macau: nodes of GTD without an area here; their ties are left out."""


class DirectedLimit(NamedTuple):
    """A limit from one area to another: without contingency and with the worst line out [MW]."""

    sender: str
    receiver: str
    limit_mw: float
    contingency_mw: float | None


def reeds_group_limits(originals: Path) -> list[DirectedLimit]:
    """AC limits between US planning subregions, both directions [MW].

    Source: ReEDS, NREL's NARIS 2024 interface limits by the method of Brown et al. 2023. Columns f0, r0: no
    contingency; f1, r1: worst single contingency. A zero in the latter stands for "not computed" (the file by
    zone holds zeros throughout), so it becomes None.
    """
    import pandas as pd

    table = pd.read_csv(original(originals, "pypsa_usa_reeds/transmission_capacity_init_AC_transgrp_NARIS2024.csv"))
    limits = []
    for row in table.itertuples():
        a, b = "us." + str(row.transgrp).lower(), "us." + str(row.transgrpp).lower()
        limits.append(DirectedLimit(a, b, _mw(row.MW_f0), _mw(row.MW_f1) or None))
        limits.append(DirectedLimit(b, a, _mw(row.MW_r0), _mw(row.MW_r1) or None))
    return limits


def reeds_zone_limits(originals: Path) -> dict[tuple[str, str], float]:
    """AC limits without contingency between the 134 US zones (`p63`), by (sender, receiver) [MW].

    Same study as the groups'; its columns with a line out hold zeros throughout, so there is no such figure.
    """
    import pandas as pd

    table = pd.read_csv(original(originals, "pypsa_usa_reeds/transmission_capacity_init_AC_ba_NARIS2024.csv"))
    limits: dict[tuple[str, str], float] = {}
    for row in table.itertuples():
        a, b = str(row.r), str(row.rr)
        limits[a, b], limits[b, a] = _mw(row.MW_f0), _mw(row.MW_r0)
    return limits


def reeds_direct_current(originals: Path, area: Mapping[str, str] | None = None) -> dict[tuple[str, str], float]:
    """Ratings of DC lines and back-to-back ties between US areas, summed by (sender, receiver) [MW].

    The file gives one rating per tie; it is taken to hold both ways. Ties inside an area are left out.
    area : names by zone, to sum by something else than the area
    """
    import pandas as pd

    table = pd.read_csv(original(originals, "pypsa_usa_reeds/transmission_capacity_init_nonAC_ba.csv"))
    if area is None:
        area = area_of_zone(originals)
    sums: dict[tuple[str, str], float] = {}
    for row in table.itertuples():
        a, b = area[str(row.r)], area[str(row.rr)]
        if a != b:
            for pair in ((a, b), (b, a)):
                sums[pair] = sums.get(pair, 0.0) + _mw(row.MW)
    return sums


def pik_edges(originals: Path) -> dict[tuple[str, str], float]:
    """Capacity between provinces, by (sender, receiver) [MW]; the undirected figure counts both ways.

    Source: PyPSA-China-PIK ``edges_current.csv`` (no header row). Close to the sum of line ratings.
    """
    import pandas as pd

    path = original(originals, "pypsa_china_pik/edges_current.csv")
    table = pd.read_csv(path, header=None, names=["a", "b", "mw"])
    edges: dict[tuple[str, str], float] = {}
    for row in table.itertuples():
        a, b = (province_id(str(name).replace("InnerMongolia", "Inner Mongolia")) for name in (row.a, row.b))
        for pair in ((a, b), (b, a)):
            edges[pair] = edges.get(pair, 0.0) + _mw(row.mw)
    return edges


def gtd_china(originals: Path) -> dict[tuple[str, str], float]:
    """Existing capacity between provinces by (sender, receiver) [MW], Global Transmission Database v1.1.

    Its Chinese figures restate a 2020 model baseline plus lines opened since. Zero is a published figure
    here: the pair is listed with no capacity in that direction.
    """
    import pandas as pd

    path = original(originals, "gtd_v1_1/GTD-v1.1_regional_existing.csv")
    table = pd.read_csv(path, encoding="cp1252")
    table = table[(table["from_country"] == "CHN") & (table["to_country"] == "CHN")]
    limits: dict[tuple[str, str], float] = {}
    for row in table.itertuples():
        codes = [str(code).removeprefix("CHN") for code in (row.from_region, row.to_region)]
        if GTD_NOT_COVERED.intersection(codes):
            continue
        a, b = ("cn." + GTD_PROVINCES[code] for code in codes)
        limits[a, b] = limits.get((a, b), 0.0) + _mw(row.max_flow)
        limits[b, a] = limits.get((b, a), 0.0) + _mw(row.max_counter_flow)
    return limits


def _mw(value: object) -> float:
    return float(str(value))
