"""`gridflops explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    from capacity.explain import Explanation


@click.command(epilog="Example: gridflops explain us.ercot 2030 --quantile 0.1")
@click.argument("area")
@click.argument("year", type=int)
@click.option("--quantile", default=0.5, show_default=True, help="Over draws: whose hours to show.")
@click.option("--scenario", "scenario_name", default="reference", show_default=True, help="Name or YAML file.")
@click.option("--draws", default=64, show_default=True, type=click.IntRange(min=1), help="Draws to rank.")
@click.option("--seed", default=2025, show_default=True, type=click.IntRange(0, 2**64 - 1), help="Seed.")
@click.option("--hours", default=20, show_default=True, type=click.IntRange(min=1), help="Hours to show.")
@click.option(
    "--grid",
    "grid_file",
    type=click.Path(path_type=Path),
    help="Your own grid file instead of the embedded one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def explain(
    area: str,
    year: int,
    quantile: float,
    scenario_name: str,
    draws: int,
    seed: int,
    hours: int,
    grid_file: Path | None,
    as_json: bool,
) -> None:
    """Explain the headroom of AREA in YEAR, as an island: its binding hours and the worth of one more MW.

    AREA is an id such as us.ercot or cn.jiangsu.
    """
    with plain_errors():
        import grids
        import scenarios
        from capacity import explain as module

        scenario = scenarios.load([scenario_name])[0]
        grid = grids.open_grid(grid_file)
        found = module.explain(grid, scenario, area, year, quantile=quantile, draws=draws, seed=seed, shown=hours)
    if as_json:
        plain = {**vars(found), "hours": found.hours.to_dict("records")}
        print(json.dumps(plain, indent=2, ensure_ascii=False))
        return
    _print(found)


def _print(found: Explanation) -> None:
    from capacity import explain, tables

    tables.show(
        f"Hours in which new load in {found.area} is curtailed most, {found.year}, draw {found.draw}, "
        f"weather {found.weather_year}",
        tables.EXPLAIN,
        found.hours.to_dict("records"),
    )
    seasons = ", ".join(f"{name} {count}" for name, count in found.season_hours.items())
    print(
        f"{found.headroom_mw / 1e3:,.2f} GW fit (quantile {found.quantile:g} of the draws); curtailed in "
        f"{found.curtailed_hours} h ({seasons}), at most {found.longest_event_h} h in a row"
    )
    print("one more MW of ... adds MW of headroom:")
    for name, worth in found.adds.items():
        print(f"  {explain.RESOURCES[name]}: {worth:.3f}")
