"""`gridflops explain`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    from capacity.adequacy.storage import StorageName
    from capacity.explain.report import Found
    from capacity.network.case import NetworkName
    from grids.store import AreasName


@click.command(epilog="Example: gridflops explain us.ercot 2030 --quantile 0.1")
@click.argument("area")
@click.argument("year", type=int)
@click.option("--quantile", default=0.5, show_default=True, help="Over draws: whose hours to show.")
@click.option("--scenario", "scenario_name", default="reference", show_default=True, help="Name or YAML file.")
@click.option("--draws", default=64, show_default=True, type=click.IntRange(min=1), help="Draws to rank.")
@cli_options.SEED
@click.option("--hours", default=20, show_default=True, type=click.IntRange(min=1), help="Hours to show.")
@cli_options.GRID
@cli_options.AREAS
@cli_options.NETWORK
@click.option(
    "--adequacy",
    default="firm_capacity",
    show_default=True,
    type=click.Choice(["firm_capacity", "expected_unserved", "lolh", "lole"]),
    help="An hourly margin, or outages of units: hours with their risk of shortage.",
)
@cli_options.OUTAGE_STATES
@cli_options.STORAGE
@click.option("--figure", type=click.Path(path_type=Path), help="Also draw what binds to this PNG.")
@click.option("--csv", type=click.Path(path_type=Path), help="Also write the hours to this CSV file.")
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
    areas_as: AreasName,
    exchange: NetworkName,
    adequacy: str,
    outage_states: int,
    storage: StorageName,
    figure: Path | None,
    csv: Path | None,
    as_json: bool,
) -> None:
    """Explain the headroom of AREA in YEAR: its binding hours and the worth of one more MW.

    AREA is an id such as us.ercot or cn.jiangsu, with --areas us-zones also us.ercot.p63; with --network network the
    whole group that it belongs to is explained. Each hour shows what makes up the area's margin, or under an outage
    notion what may be out before load is short; then come the term that keeps more load from fitting and what one
    more MW of each resource would add.
    """
    with plain_errors():
        import grids
        import scenarios
        from capacity.explain import report
        from capacity.output import writing

        for option, target in (("--figure", figure), ("--csv", csv)):
            if target is not None:
                writing.check_file(target, option)
        scenario, grid = scenarios.load([scenario_name])[0], grids.open_grid(grid_file, areas=areas_as)
        found = _call(exchange, adequacy, outage_states)(
            grid, scenario, area, year, quantile=quantile, draws=draws, seed=seed, shown=hours, storage=storage
        )
        if figure is not None:
            from capacity.explain.figure import draw

            with writing.replaced_file(figure, "--figure") as path:
                draw(found, path)
        if csv is not None:
            with writing.replaced_file(csv, "--csv") as path:
                report.hours_of(found).to_csv(path, index=False)
    if as_json:
        print(json.dumps(report.plain(found), indent=2, ensure_ascii=False))
    else:
        report.show(found)


def _call(exchange: NetworkName, adequacy: str, states: int) -> Callable[..., Found]:
    """What explains areas that exchange power so, or not at all, under a notion."""
    from capacity.explain import group, group_outages, island, island_outages

    if adequacy == "firm_capacity":
        return island.explain if exchange == "island" else partial(group.explain_group, exchange=exchange)
    if exchange == "island":
        return partial(island_outages.explain_outages, notion=adequacy)
    return partial(group_outages.explain_group_outages, notion=adequacy, exchange=exchange, states=states)
