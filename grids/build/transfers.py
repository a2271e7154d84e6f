"""Transfer limits between areas, with a lower and a higher figure for each direction."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import NamedTuple

import xarray as xr

from grids.areas import AREAS
from grids.sources import transfer_limits as source
from grids.variables import GridDataError


class Limit(NamedTuple):
    """Limit of one direction [MW] and where it comes from."""

    low_mw: float
    high_mw: float
    record: str


def build(originals: Path) -> xr.Dataset:
    """Transfer limits of every ordered pair of areas that exchange power.

    Returns a dataset over ``link`` (``us.nyiso->us.isone``; each direction is a link of its own) with
    ``link_from``, ``link_to``, ``link_limit_low_mw``, ``link_limit_high_mw`` [MW] and ``link_record``.
    No link joins the two countries. Raises GridDataError naming every inconsistent link.
    """
    limits = {**us_limits(originals), **china_limits(originals)}
    order = {area.id: number for number, area in enumerate(AREAS)}
    check(limits, frozenset(order))
    pairs = sorted(limits, key=lambda pair: (order[pair[0]], order[pair[1]]))
    return _dataset(pairs, limits)


def us_limits(originals: Path) -> dict[tuple[str, str], Limit]:
    """Limits between the 18 US areas, by (sender, receiver).

    High: no contingency; low: worst single line out. A missing contingency figure is the unconstrained one
    times the median ratio of all other interfaces (J). DC ties are added to both. PJM East and West have no
    link: none of their zones share an interface, they meet only through MISO Central.
    """
    groups = source.reeds_group_limits(originals)
    contingency = median(item.contingency_mw / item.limit_mw for item in groups if item.contingency_mw is not None)
    limits: dict[tuple[str, str], Limit] = {}
    for item in groups:
        with_outage, record = item.contingency_mw, "ReEDS NARIS2024 group limit, N-1 to N-0"
        if with_outage is None:
            with_outage = contingency * item.limit_mw
            record = f"ReEDS NARIS2024 group limit; no N-1 figure, taken as {contingency:.3f} of N-0 (J)"
        low, high = sorted((with_outage, item.limit_mw))
        limits[item.sender, item.receiver] = Limit(low, high, record)
    return with_ties(limits, source.reeds_direct_current(originals))


def china_limits(originals: Path) -> dict[tuple[str, str], Limit]:
    """Limits between the 31 provinces, by (sender, receiver): lower and higher of two disagreeing sources.

    A pair that only one source lists keeps that one figure; a pair without capacity in either is left out.
    """
    pik, gtd = source.pik_edges(originals), source.gtd_china(originals)
    limits: dict[tuple[str, str], Limit] = {}
    for pair in sorted(pik.keys() | gtd.keys()):
        figures = {name: table[pair] for name, table in (("PIK", pik), ("GTD", gtd)) if pair in table}
        reverse = (pair[1], pair[0])
        if max(figures.values()) == 0.0 and max(table.get(reverse, 0.0) for table in (pik, gtd)) == 0.0:
            continue
        record = "; ".join(f"{name} {mw:.0f} MW" for name, mw in figures.items())
        if len(figures) == 1:
            record += " (the only source that lists the pair)"
        limits[pair] = Limit(min(figures.values()), max(figures.values()), record)
    return limits


def check(limits: dict[tuple[str, str], Limit], known: frozenset[str]) -> None:
    """Raise GridDataError with every unknown area, self link, one-way pair and low > high among ``limits``."""
    faults = []
    for (sender, receiver), limit in limits.items():
        name = f"{sender}->{receiver}"
        faults += [f"{name}: {area!r} is not an area" for area in (sender, receiver) if area not in known]
        if sender == receiver:
            faults.append(f"{name}: joins an area to itself")
        if (receiver, sender) not in limits:
            faults.append(f"{name}: no link back")
        if not 0.0 <= limit.low_mw <= limit.high_mw:
            faults.append(f"{name}: low {limit.low_mw} MW and high {limit.high_mw} MW are not in order")
    if faults:
        raise GridDataError(faults)


def with_ties(limits: dict[tuple[str, str], Limit], ties: dict[tuple[str, str], float]) -> dict[tuple[str, str], Limit]:
    """Add DC ratings to both figures; a pair joined by DC only gets its rating as both."""
    joined = dict(limits)
    for pair, rating in ties.items():
        if pair in limits:
            low, high, record = limits[pair]
            joined[pair] = Limit(low + rating, high + rating, f"{record}; plus {rating:.0f} MW of DC ties")
        else:
            joined[pair] = Limit(rating, rating, f"ReEDS: {rating:.0f} MW of DC ties, no AC interface")
    return joined


def _dataset(pairs: list[tuple[str, str]], limits: dict[tuple[str, str], Limit]) -> xr.Dataset:
    sources = "reeds-naris pik-edges gtd"
    texts = {"units": "", "label": "F", "source": sources}
    numbers = {"units": "MW", "label": "F", "source": sources}
    us = "US: ReEDS NARIS2024 limits between planning subregions"
    low = f"{us} with the worst line out (N-1), plus DC ties. China: lower of two sources."
    high = f"{us} without contingency (N-0), plus DC ties. China: higher of two sources."
    return xr.Dataset(
        {
            "link_from": ("link", [a for a, _ in pairs], {**texts, "method": "Area at the sending end."}),
            "link_to": ("link", [b for _, b in pairs], {**texts, "method": "Area at the receiving end."}),
            "link_limit_low_mw": (
                "link",
                [limits[pair].low_mw for pair in pairs],
                {**numbers, "method": low},
            ),
            "link_limit_high_mw": (
                "link",
                [limits[pair].high_mw for pair in pairs],
                {**numbers, "method": high},
            ),
            "link_record": (
                "link",
                [limits[pair].record for pair in pairs],
                {**texts, "method": "Figures of each source; where a figure is inferred, by which factor."},
            ),
        },
        coords={"link": [f"{a}->{b}" for a, b in pairs]},
    )
