"""`gridflops frontier`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    from capacity.frontier import Frontier
    from grids.store import AreasName


@click.command(epilog="Example: gridflops frontier us.pjm_east us.miso_central --year 2030 --figure mix.png")
@click.argument("areas", nargs=-1, required=True)
@click.option("--year", default=2030, show_default=True, type=int, help="Year.")
@click.option("--weights", default="", help="Your own split, one number an area, for example 2,1.")
@click.option("--quantile", default=0.5, show_default=True, help="Over draws: whose network to look at.")
@click.option("--scenario", "scenario_name", default="reference", show_default=True, help="Name or YAML file.")
@click.option("--draws", default=32, show_default=True, type=click.IntRange(min=1), help="Draws to rank.")
@cli_options.SEED
@click.option(
    "--adequacy",
    default="firm_capacity",
    show_default=True,
    type=click.Choice(["firm_capacity", "expected_unserved"]),
    help="An hourly margin, or outages of units; load that may be curtailed is alike under all notions of outages.",
)
@cli_options.OUTAGE_STATES
@cli_options.GRID
@cli_options.AREAS
@click.option("--figure", type=click.Path(path_type=Path), help="Also draw the frontier to this PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def frontier(
    areas: tuple[str, ...],
    year: int,
    weights: str,
    quantile: float,
    scenario_name: str,
    draws: int,
    seed: int,
    adequacy: str,
    outage_states: int,
    grid_file: Path | None,
    areas_as: AreasName,
    figure: Path | None,
    as_json: bool,
) -> None:
    """How new load in two or three AREAS that exchange power trades off, nothing new elsewhere."""
    with plain_errors():
        import grids
        import scenarios
        from capacity import frontier as module
        from capacity.errors import CapacityError
        from capacity.output import writing

        try:
            split = [float(part) for part in weights.split(",")] if weights else []
        except ValueError:
            raise CapacityError(f"--weights {weights!r}: write numbers with commas, for example 2,1") from None
        if figure is not None:
            writing.check_file(figure, "--figure")
        scenario = scenarios.load([scenario_name])[0]
        grid = grids.open_grid(grid_file, areas=areas_as)
        sample = partial(module.frontier, quantile=quantile, draws=draws, seed=seed, states=outage_states)
        found = sample(grid, scenario, areas, year, weights=split, notion=adequacy)
        if figure is not None:
            from capacity import frontier_figure

            with writing.replaced_file(figure, "--figure") as path:
                frontier_figure.draw(found, path)
    if as_json:
        print(json.dumps(_plain(found), indent=2))
    else:
        _print(found)


def _plain(found: Frontier) -> dict[str, object]:
    lists = {name: getattr(found, name).tolist() for name in ("directions", "points", "isolated_mw")}
    return {**vars(found), **lists, "mixes": {name: load.tolist() for name, load in found.mixes.items()}}


def _print(found: Frontier) -> None:
    print(
        f"Largest new load in {', '.join(found.areas)} in {found.year}, nothing new elsewhere, draw {found.draw} "
        f"(quantile {found.quantile:g}), GW:"
    )
    for name, load in found.mixes.items():
        parts = ", ".join(f"{area} {mw / 1e3:,.2f}" for area, mw in zip(found.areas, load, strict=True))
        print(f"  {name}: {load.sum() / 1e3:,.2f} ({parts})")
    print(f"No split exceeds {found.best_bound_mw / 1e3:,.2f} GW.")
    alone = ", ".join(f"{area} {mw / 1e3:,.2f}" for area, mw in zip(found.areas, found.isolated_mw, strict=True))
    print(f"On their own, nothing imported: {alone}")
