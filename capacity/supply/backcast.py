"""Retirements of 2015 to 2023 by the curves of today, beside what went; `python -m capacity.supply.backcast`.

What stood at the end of 2014 by commissioning years, and what went, come from `grids/data/lifetimes.yaml`. The
announcements of that time are not at hand as data, so all plants leave by age here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from capacity.draws import Draws
from capacity.supply.fleet import Fleet
from capacity.supply.retirement import remaining_share
from scenarios import Scenario, load

DRAWS, SEED = 4000, 2025


class Backcast(NamedTuple):
    """Retired capacity of one series over `years`: quantiles of the model, and what went. [MW]"""

    series: str
    years: tuple[int, int]
    standing_mw: float
    low_mw: float
    median_mw: float
    high_mw: float
    retired_mw: float


@cache
def lifetimes() -> Mapping[str, Any]:
    """The shipped records of retirement by country and technology (`us.coal`); see grids/build/lifetimes.py."""
    from ruamel.yaml import YAML

    text = files("grids").joinpath("data", "lifetimes.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = YAML(typ="safe").load(text)["lifetimes"]
    return table


def backcast(series: str, scenario: Scenario) -> Backcast:
    """One series, `us.coal`, with the parameters of a scenario: median and 90 % band over draws."""
    entry = lifetimes()[series]["backcast"]
    first, last = entry["years"]
    country, technology = series.upper().split(".")[0], series.split(".")[1]
    standing = {int(vintage): float(mw) for vintage, mw in entry["standing_mw"].items()}
    fleet = _fleet(country, technology, standing, first - 1)
    draws = Draws(SEED, np.arange(DRAWS), np.arange(first, last + 1), scenario)
    left = remaining_share(fleet, draws, technology)[..., -1] @ fleet.nameplate_mw[0, 0]
    stood = float(fleet.nameplate_mw.sum())
    low, median, high = (float(q) for q in np.quantile(stood - left, (0.05, 0.5, 0.95)))
    return Backcast(series, (first, last), stood, low, median, high, float(entry["retired_mw"]))


class Ahead(NamedTuple):
    """US coal that went in a year against what the model says at its start, knowing what owners planned. [GW]"""

    year: int
    planned: float
    low: float
    median: float
    high: float
    went: float


def ahead(scenario: Scenario) -> tuple[Ahead, ...]:
    """One year ahead: of what was planned a part comes on time, and what had not been announced goes by age.

    Plans of a year hold what slipped from the years before. Summer capability and nameplate are taken as one.
    """
    record = lifetimes()["us.coal"]["ahead"]
    first = int(record["from"])
    plans = planned()
    fleet = _fleet("US", "coal", {int(v): float(mw) for v, mw in record["standing_mw"].items()}, first - 1)
    draws = Draws(SEED, np.arange(DRAWS), np.arange(first, first + len(plans)), scenario)
    stood = remaining_share(fleet, draws, "coal").swapaxes(1, 2) @ fleet.nameplate_mw[0, 0]
    gone = -np.diff(np.concatenate([np.full((DRAWS, 1), fleet.nameplate_mw.sum()), stood], axis=1), axis=1)
    slip = draws.scalar("us.retirement_slip_probability")
    on_time = 1.0 - slip * np.exp(-1.0 / np.maximum(draws.scalar("us.retirement_slip_years"), 1e-9))
    unannounced = 1.0 - np.exp(-1.0 / draws.scalar("retirement_notice_years"))
    found = []
    for y, entry in enumerate(plans):
        model = on_time * entry["planned_gw"] + unannounced * gone[:, y] / 1e3
        low, median, high = (float(q) for q in np.quantile(model, (0.05, 0.5, 0.95)))
        found.append(Ahead(int(entry["year"]), entry["planned_gw"], low, median, high, entry["went_gw"]))
    return tuple(found)


@cache
def planned() -> tuple[Mapping[str, Any], ...]:
    """What owners of US coal planned at the start of each year, and what went."""
    from ruamel.yaml import YAML

    text = files("capacity").joinpath("data", "retirements_planned.yaml").read_text(encoding="utf-8")
    return tuple(YAML(typ="safe").load(text))


def backcasts() -> tuple[Backcast, ...]:
    """All series of the record under `reference`."""
    (scenario,) = load(["reference"])
    return tuple(backcast(series, scenario) for series in lifetimes())


def _fleet(country: str, technology: str, standing: Mapping[int, float], base_year: int) -> Fleet:
    mw = np.array([standing[vintage] for vintage in sorted(standing)])[None, None]
    nothing = np.zeros((1, 1, 1))
    return Fleet(
        country=country,
        areas=(country.lower(),),
        technologies=(technology,),
        vintages=np.array(sorted(standing), dtype=np.int64),
        plan_years=np.array([base_year + 1]),
        base_year=base_year,
        nameplate_mw=mw,
        planned_addition_mw=nothing,
        planned_retirement_mw=nothing,
        history_mw=mw.sum(axis=2, keepdims=True),
    )


def table() -> str:
    """The comparison as Markdown, GW."""
    rows = ["| retired 2015-2023, GW | stood | p5 | median | p95 | went |", "|---|---|---|---|---|---|"]
    for row in backcasts():
        gw = [row.standing_mw, row.low_mw, row.median_mw, row.high_mw, row.retired_mw]
        rows.append(f"| {row.series} | " + " | ".join(f"{value / 1e3:.1f}" for value in gw) + " |")
    return "\n".join(rows)


def ahead_table() -> str:
    """One year ahead as Markdown, GW."""
    rows = ["| US coal, GW | planned | p5 | median | p95 | went |", "|---|---|---|---|---|---|"]
    (scenario,) = load(["reference"])
    for row in ahead(scenario):
        rows.append(f"| {row.year} | " + " | ".join(f"{value:.1f}" for value in row[1:]) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
    print()
    print(ahead_table())
