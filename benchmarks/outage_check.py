"""Outage tables and adequacy notions beside PyPSA and assetra: `python -m benchmarks.outage_check [--trials 50000]`.

A toy of three areas of three units each, over a mild and a cold day (`outage_toy`). With the new load that each area
hosts when 10 % of its energy may be curtailed, expected unserved energy and hours and days of shortage are compared as
islands and with lines between the areas, then the headroom under each notion and the load that one more resource
carries. With lines, headroom from sampled states is put beside that from all states of all units. Needs `pip install -e
".[bench]"` for the tools; compares with what is installed. Ends with 1 if anything is 2 % off.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks import outage_toy
from benchmarks.outage_toy import DAY, LINKS, SUN, Area, Floats, Judged
from cuda_kernels.network import unserved_mw
from cuda_kernels.outage_headroom import Criterion
from cuda_kernels.outage_network import Units, network_outage_headroom
from cuda_kernels.outage_states import deeper_mw, sampled_mw
from cuda_kernels.outage_table import (
    STEP_MW,
    Notion,
    OutageTable,
    expected_headroom_mw,
    look_up,
    outage_table,
)
from cuda_kernels.outage_worth import worth_at

TOLERANCE = 0.02
SHARE = 0.1
"""Of the new load's expected energy, that may be curtailed."""
FIRM_SHARE, HOURS, DAYS = 0.03, 6.0, 0.5
"""Limits of firm load: unserved over all energy [1], hours of shortage [h] and days [d] of the toy's two days."""
STATES = 8192
"""Sampled states of every hour."""
ADDED_MW = 60.0
NEAR_MW = 0.01
"""A headroom by hours or days is an edge: PyPSA must find the limit kept this much below it, broken as much above."""


class Row(NamedTuple):
    """What is compared, with which tool, ours and theirs, and what theirs is known to: a relative error or width.

    Nil where they are exact, NaN where they do not say.
    """

    what: str
    tool: str
    ours: float
    theirs: float
    known_to: float = 0.0

    @property
    def off(self) -> float:
        """Relative deviation; infinite where they find no such value."""
        return abs(self.ours - self.theirs) / abs(self.theirs) if np.isfinite(self.theirs) else np.inf


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50_000, help="of assetra's Monte Carlo")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)  # PyPSA announces every model
    rows = list(compare(outage_toy.areas(), asked.trials))
    print("| what | tool | ours | theirs | off by, % | theirs known to, % |\n|---|---|---|---|---|---|")
    for row in rows:
        ours = f"| {row.what} | {row.tool} | {row.ours:.4f} | {row.theirs:.4f} "
        print(ours + f"| {100 * row.off:.2g} | {100 * row.known_to:.2g} |")
    return int(not rows or max(row.off for row in rows) > TOLERANCE)


def compare(among: Sequence[Area], trials: int, seed: int = 1) -> Iterator[Row]:
    """Rows of every tool at hand."""
    load = [headroom(area, "eue_flexible", SHARE) for area in among]
    yield from with_every_state(among, load)
    for name, rows in (("pypsa", with_pypsa), ("assetra", lambda *given: with_assetra(*given, trials, seed))):
        if importlib.util.find_spec(name) is not None:
            yield from rows(among, load)


def with_every_state(among: Sequence[Area], load: Sequence[float]) -> Iterator[Row]:
    """Headroom with lines, from sampled states, beside that from all combinations of the tables' capacities."""
    direction, lines = np.array(load) / sum(load), LINKS[: len(among), : len(among)]
    energy, hours = sum(float(area.net_load_mw.sum()) for area in among), among[0].net_load_mw.size
    native = judge_lined(among, 0.0 * direction, lines).eue
    keeps: dict[str, Callable[[Judged, float], bool]] = {
        "flexible": lambda found, mw: found.eue - native <= SHARE * hours * mw,
        "eue_firm": lambda found, mw: found.eue <= FIRM_SHARE * (energy + hours * mw),
        "lolh": lambda found, mw: found.lolh <= HOURS,
        "lole": lambda found, mw: found.lole <= DAYS,
    }
    for name, kept in keeps.items():
        low, high = 0.0, 2.0 * sum(area.unit_mw.sum() for area in among)
        while high - low > NEAR_MW:
            middle = 0.5 * (low + high)
            fits = kept(judge_lined(among, middle * direction, lines), middle)
            low, high = (middle, high) if fits else (low, middle)
        yield Row(f"lines, headroom by {name}, MW", "all states", sampled(among, name, direction, lines), low)


def sampled(among: Sequence[Area], name: str, direction: Floats, lines: Floats) -> float:
    """Headroom along a direction from STATES sampled states of every hour: "flexible" or by a criterion. [MW]"""
    criterion: Criterion = "eue_firm" if name == "flexible" else name  # type: ignore[assignment]
    tables = [(table_of(area), area.day, number) for number, area in enumerate(among)]
    flexible = np.stack([sampled_mw(table, day, STATES, (1, stream)) for table, day, stream in tables])
    firm = deeper_mw(tables, STATES, 1, lasting=DAY if name == "lole" else 1)
    every = np.ones((1, len(among)))
    net = np.stack([area.net_load_mw for area in among])
    found = network_outage_headroom(
        (-net[:, None], every[..., None]),
        Units(flexible, firm, every),
        (lines[None], direction[None]),
        (criterion, {"eue_firm": FIRM_SHARE, "lolh": HOURS, "lole": DAYS}[criterion], [SHARE]),
        [net.sum()],
    )
    return float((found.flexible_mw if name == "flexible" else found.firm_mw)[0])


def with_pypsa(among: Sequence[Area], load: Sequence[float]) -> Iterator[Row]:
    """All of it, exact on both sides."""
    for i, (area, added) in enumerate(zip(among, load, strict=True)):
        yield from _measures(f"area {i}", "PyPSA", judge(area, added), outage_toy.by_pypsa([area], [added]))
        yield Row(f"area {i}, flexible headroom, MW", "PyPSA", added, outage_toy.headroom_by_pypsa(area, SHARE))
        firm = outage_toy.headroom_by_pypsa(area, FIRM_SHARE, firm=True)
        yield Row(f"area {i}, firm headroom by energy, MW", "PyPSA", headroom(area, "eue_firm", FIRM_SHARE), firm)
        for notion, limit in (("lolh", HOURS), ("lole", DAYS)):
            edge = headroom(area, notion, limit)
            inside, outside = (getattr(outage_toy.by_pypsa([area], [edge + d]), notion) for d in (-NEAR_MW, NEAR_MW))
            theirs = edge if inside <= limit < outside else np.nan
            yield Row(f"area {i}, firm headroom by {notion}, MW", "PyPSA", edge, theirs, NEAR_MW / edge)
        more, less = (outage_toy.headroom_by_pypsa(area, SHARE, more=part * SUN) for part in (NEAR_MW, -NEAR_MW))
        yield Row(f"area {i}, one more MW of sun, MW", "PyPSA", credit(area, added), (more - less) / (2.0 * NEAR_MW))
    lines = LINKS[: len(among), : len(among)]
    yield from _measures("lines", "PyPSA", judge_lined(among, load, lines), outage_toy.by_pypsa(among, load, lines))


def with_assetra(among: Sequence[Area], load: Sequence[float], trials: int, seed: int) -> Iterator[Row]:
    """Islands; its days of shortage are those of hours that fail one by one, which the table's F says too."""
    for i, (area, added) in enumerate(zip(among, load, strict=True)):
        apart = 1.0 - (1.0 - _short(area, added)).reshape(-1, DAY).prod(axis=1)
        ours = judge(area, added)._replace(lole=float(apart.sum()))
        yield from _measures(f"area {i}", "assetra", ours, outage_toy.by_assetra(area, added, trials, seed))
        for metric in ("eue", "lolh"):
            theirs = outage_toy.elcc_by_assetra(area, ADDED_MW * SUN, metric, trials, seed)
            yield Row(
                f"area {i}, load that sun carries by {metric}, MW", "assetra", carried(area, metric), theirs, np.nan
            )


def _measures(where: str, tool: str, ours: Judged, theirs: Judged) -> Iterator[Row]:
    for name, unit, error in zip(("eue", "lolh", "lole"), ("MWh", "h", "d"), theirs.error, strict=True):
        one, other = getattr(ours, name), getattr(theirs, name)
        yield Row(f"{where}, {name}, {unit}", tool, one, other, error / other)


def table_of(area: Area) -> OutageTable:
    return outage_table(area.unit_mw, area.rate)


def headroom(area: Area, notion: Notion, limit: float, lowered: Floats | float = 0.0) -> float:
    """Largest constant load of an area whose net load is lowered (hour,) under a notion of the outage tables. [MW]"""
    energy = [area.net_load_mw.sum()]
    net = area.net_load_mw - lowered
    found = expected_headroom_mw(net, table_of(area), area.day, notion, limit, native_mwh=energy)
    return float(found.headroom_mw[0])


def judge(area: Area, added: float) -> Judged:
    """An area alone, by its table."""
    expected, short = look_up(table_of(area), area.net_load_mw + added, area.day)
    return Judged(float(expected.sum()), float(short.sum()), float(short.reshape(-1, DAY).max(axis=1).sum()))


def _short(area: Area, added: float) -> Floats:
    return look_up(table_of(area), area.net_load_mw + added, area.day)[1]


def credit(area: Area, added: float) -> float:
    """Marginal credit of the sun beside a load. [MW/MW]"""
    worth = worth_at(area.net_load_mw, (table_of(area), area.day), ("eue_flexible", SHARE), added)
    return float(worth.adds(SUN))


def carried(area: Area, metric: str) -> float:
    """Load that ADDED_MW of sun carry at the same unserved energy or hours of shortage. [MW]"""
    alone = judge(area, 0.0)
    if metric == "lolh":
        return headroom(area, "lolh", alone.lolh * (1.0 + 1e-12), ADDED_MW * SUN)
    # A limit of next to nothing on energy so large that their product is what the area already lacks.
    nothing = 1e-12
    net, known = area.net_load_mw - ADDED_MW * SUN, [alone.eue / nothing]
    found = expected_headroom_mw(net, table_of(area), area.day, "eue_firm", nothing, native_mwh=known)
    return float(found.headroom_mw[0])


def judge_lined(among: Sequence[Area], load: Sequence[float], lines: Floats) -> Judged:
    """Areas with lines: unserved load by cuts in every combination of the tables' capacities; any area's counts."""
    tables = [table_of(area) for area in among]
    kept = [np.flatnonzero(table.probability.any(axis=0)) for table in tables]
    nodes = np.array(list(itertools.product(*kept)))
    weight = np.prod([table.probability[:, nodes[:, i]] for i, table in enumerate(tables)], axis=0)
    eue = lolh = lole = 0.0
    need = np.stack([area.net_load_mw + added for area, added in zip(among, load, strict=True)], axis=1)
    for day, chance in enumerate(weight):
        hours = need[day * DAY : (day + 1) * DAY]
        unserved = np.stack([unserved_mw(hour - STEP_MW * nodes, lines).unserved_mw for hour in hours])
        lacking = unserved > outage_toy.SHORT_MW
        eue += float((unserved @ chance).sum())
        lolh += float((lacking @ chance).sum())
        lole += float(lacking.any(axis=0) @ chance)
    return Judged(eue, lolh, lole)


if __name__ == "__main__":
    raise SystemExit(main())
