"""`gridflops base-year`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    import pandas as pd

    from grids.store import AreasName


@click.command("base-year", epilog="Example: gridflops base-year --json")
@click.option(
    "--scenario",
    "scenario_name",
    default="reference",
    show_default=True,
    help="Whose parameter medians to use.",
)
@cli_options.GRID
@cli_options.AREAS
@click.option(
    "--pooling",
    is_flag=True,
    help="Instead, what it is worth that areas help each other: by notion, siting and lines (docs/network.md).",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def base_year(scenario_name: str, grid_file: Path | None, areas_as: AreasName, pooling: bool, as_json: bool) -> None:
    """Headroom of today's grids under three adequacy notions, and areas whose data still imply shortage."""
    with plain_errors():
        import grids
        import scenarios
        from capacity.base_year import pooling as pooled
        from capacity.base_year.areas import compare, national

        grid = grids.open_grid(grid_file, areas=areas_as)
        scenario = scenarios.load([scenario_name])[0]
        if pooling:
            _show_pooling(pooled.table(grid, scenario), as_json)
            return
        table = compare(grid, scenario)
    if as_json:
        json.dump(_base_year_json(table, national(table)), sys.stdout, indent=2, ensure_ascii=False)
        print()
        return
    _print_base_year(table, national(table))


def _show_pooling(table: pd.DataFrame, as_json: bool) -> None:
    if as_json:
        json.dump(json.loads(table.to_json(orient="records")), sys.stdout, indent=2)
        print()
        return
    from capacity.output import tables

    tables.show("Base-year headroom of groups of areas, GW", tables.POOLING, table.to_dict("records"))


def _base_year_json(table: pd.DataFrame, sums: pd.DataFrame) -> dict[str, Any]:
    return {
        "areas": json.loads(table.to_json(orient="records")),
        "national": json.loads(sums.to_json(orient="records")),
    }


def _print_base_year(table: pd.DataFrame, sums: pd.DataFrame) -> None:
    from capacity.output import tables

    tables.show("Base-year headroom by adequacy notion, areas as islands", tables.BASE_YEAR, table.to_dict("records"))
    for row in sums.to_dict("records"):
        print(
            f"{row['country']}: firm_capacity {row['firm_capacity_headroom_gw']:,.0f} GW, historic_peak "
            f"{row['historic_peak_headroom_gw']:,.0f} GW, difference {row['difference_gw']:+,.0f} GW; with outages "
            f"unit by unit and no reserve margin (expected_unserved) {row['expected_unserved_headroom_gw']:,.0f} GW"
        )
    print("\nNew load along each area's isolated headroom, nothing taken as imported beforehand:")
    for row in sums.to_dict("records"):
        print(
            f"{row['country']}: island {row['firm_capacity_headroom_gw']:,.0f} GW, isolated "
            f"{row['isolated_headroom_gw']:,.0f} GW, networked {row['networked_headroom_gw']:,.0f} GW, copper plate "
            f"{row['copper_plate_headroom_gw']:,.0f} GW"
        )
        if "expected_unserved_networked_headroom_gw" in row:
            isolated, networked, copper = (
                row[f"expected_unserved_{name}_headroom_gw"] for name in ("isolated", "networked", "copper_plate")
            )
            print(
                f"  while units fail (expected_unserved): isolated {isolated:,.0f} GW, networked {networked:,.0f} GW, "
                f"copper plate {copper:,.0f} GW"
            )
    for (country, group), part in table.groupby(["country", "group"], sort=False):
        whole = part.iloc[0]
        unserved = whole["group_native_unserved_mwh"] / 1e3
        print(
            f"  {country} {group}: short side of {whole['group_binding_cut_share']:.0%} of its curtailed hours: "
            f"{whole['group_binding_cut']}; native load unserved {unserved:,.1f} GWh a year"
        )
    print(
        "\nWhy they differ: firm_capacity counts plants that stand above the highest load on record and charges\n"
        "outages and reserve; historic_peak trusts whatever served the peak, imports and thin reserves included."
    )
    short = table[table["reason"] != ""].to_dict("records")
    if short:
        print("\nAreas whose base-year data imply native shortage beyond 0.1 % of energy:")
    for row in short:
        print(f"  {row['area']}: {row['reason']}")
