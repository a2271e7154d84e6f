"""`gridflops explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    from capacity.explain import Explanation
    from capacity.explain_network import NetworkExplanation
    from capacity.storage import StorageName
    from grids.store import AreasName


NOT_YET = "one more MW of anything adds no headroom yet: native load comes first"


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
@click.option(
    "--network",
    "exchange",
    default="island",
    show_default=True,
    type=click.Choice(["island", "network"]),
    help="AREA on its own, or with the areas that it exchanges power with.",
)
@cli_options.STORAGE
@click.option("--figure", type=click.Path(path_type=Path), help="Also draw what binds to this PNG.")
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
    exchange: str,
    storage: StorageName,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Explain the headroom of AREA in YEAR: its binding hours and the worth of one more MW.

    AREA is an id such as us.ercot or cn.jiangsu, with --areas us-zones also us.ercot.p63; with --network network the
    whole group that it belongs to is explained. Each hour shows what makes up the area's margin; then come the term
    that keeps more load from fitting and what one more MW of each resource would add.
    """
    with plain_errors():
        import grids
        import scenarios
        from capacity import explain as module
        from capacity import explain_network

        call = module.explain if exchange == "island" else explain_network.explain_group
        scenario = scenarios.load([scenario_name])[0]
        grid = grids.open_grid(grid_file, areas=areas_as)
        found = call(
            grid, scenario, area, year, quantile=quantile, draws=draws, seed=seed, shown=hours, storage=storage
        )
        if figure is not None:
            from capacity import explain_figure

            explain_figure.draw(found, figure)
    if as_json:
        print(json.dumps(_plain(found), indent=2, ensure_ascii=False))
    elif isinstance(found, explain_network.NetworkExplanation):
        _print_network(found)
    else:
        _print(found)


def _plain(found: Explanation | NetworkExplanation) -> dict[str, object]:
    """What JSON can hold: rows in place of the table, links by name, no hour by hour curtailment."""
    plain = {**vars(found), "hours": found.hours.to_dict("records")}
    plain.pop("curtailed_mw", None)
    if "link_adds" in plain:
        plain["link_adds"] = {f"{start} > {end}": worth for (start, end), worth in plain["link_adds"].items()}
    return plain


def _print_network(found: NetworkExplanation) -> None:
    from capacity import explain, tables

    title = f"with the make-up of {found.area}, {found.year}, draw {found.draw}, weather {found.weather_year}"
    tables.show(_title(found, found.group, title), tables.EXPLAIN_NETWORK, found.hours.to_dict("records"))
    _print_hours(found.group_mw, found)
    print(f"{found.area}: {found.headroom_mw / 1e3:,.2f} GW of these")
    _print_standing(found)
    if found.group_mw <= 0.0:
        print(NOT_YET)
        return
    print(f"one more MW in {found.area} of ... adds MW of headroom of the group:")
    for name, worth in found.adds[found.area].items():
        print(f"  {explain.ADDED[name]}: {worth:.3f}")
    print(
        "firm capacity, by area: " + ", ".join(f"{area} {worth['constant']:.3f}" for area, worth in found.adds.items())
    )
    links = ", ".join(f"{start} to {end} {worth:.3f}" for (start, end), worth in found.link_adds.items())
    print(f"links: {links or 'none would help'}")
    if found.cap_adds:
        print("caps on net imports: " + ", ".join(f"{name} {worth:.3f}" for name, worth in found.cap_adds.items()))


def _print_standing(found: Explanation | NetworkExplanation) -> None:
    mw = {name: f"{value / 1e3:,.1f}" for name, value in found.standing.items()}
    print(
        f"firm capacity of {found.area}: units {mw['units_mw']} GW less expected outage {mw['expected_outage_mw']} and "
        f"reserve {mw['reserve_mw']}, with storage as it counts firm {mw['storage_mw']}"
    )


def _title(found: Explanation | NetworkExplanation, where: str, rest: str) -> str:
    what = "is curtailed most" if found.curtailed_hours else "has least left"
    return f"Hours in which new load in {where} {what}, {rest}"


def _print_hours(load_mw: float, found: Explanation | NetworkExplanation) -> None:
    short = f"; native load is short in {found.native_short_hours} h without it" if found.native_short_hours else ""
    if load_mw <= 0.0:
        print(f"nothing fits (quantile {found.quantile:g} of the draws){short}")
        return
    seasons = ", ".join(f"{name} {count}" for name, count in found.season_hours.items())
    often = f"curtailed in {found.curtailed_hours} h ({seasons}), at most {found.longest_event_h} h in a row"
    print(
        f"{load_mw / 1e3:,.2f} GW fit (quantile {found.quantile:g} of the draws), "
        f"{often if found.curtailed_hours else 'never curtailed'}{short}"
    )
    print(f"bound by: {found.bound_by}")


def _print(found: Explanation) -> None:
    from capacity import explain, tables

    tables.show(
        _title(found, found.area, f"{found.year}, draw {found.draw}, weather {found.weather_year}"),
        tables.EXPLAIN + (tables.STORAGE if "storage_mwh" in found.hours else ()),
        found.hours.to_dict("records"),
    )
    _print_hours(found.headroom_mw, found)
    if found.curtailed_hours:
        parts = ", ".join(f"{name} {count}" for name, count in found.day_part_hours.items())
        print(f"in {found.events} events; hours by local time: {parts}")
    _print_standing(found)
    if found.headroom_mw <= 0.0:
        print(NOT_YET)
        return
    print("one more MW of ... adds MW of headroom:")
    for name, worth in found.adds.items():
        print(f"  {explain.ADDED[name]}: {worth:.3f}")
