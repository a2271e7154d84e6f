"""Retirements of 2015 to 2023 by the curves of today, beside what went: `python -m capacity.backcast` prints them.

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
from capacity.fleet import Fleet
from capacity.retirement import remaining_share
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


if __name__ == "__main__":
    print(table())
