"""`gridflops validate figures`: published figures beside the model's own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    import xarray as xr

    from capacity.validate.published import Row

YEARS = range(2025, 2031)


@click.command(epilog="Example: gridflops validate figures --draws 128 --duke demand_22ba.parquet")
@click.option("--scenario", "scenario_name", default="reference", show_default=True, help="Name or YAML file.")
@click.option("--draws", default=64, show_default=True, type=click.IntRange(min=1), help="Draws of the run.")
@cli_options.SEED
@click.option(
    "--duke",
    "duke_file",
    type=click.Path(path_type=Path),
    help="Hourly demand of 22 authorities (as for `validate duke`); without it those figures have no data.",
)
@cli_options.GRID
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def figures(
    scenario_name: str, draws: int, seed: int, duke_file: Path | None, grid_file: Path | None, as_json: bool
) -> None:
    """Published figures beside the model's own, with tolerance and verdict.

    Ours are medians and 90 % bands over the draws of a run of 2025-2030; data centres that stood before are counted
    from below. A miss is shown as a miss, also where our band holds the figure, with what it comes from: another
    scope, or disagreement.
    """
    with plain_errors():
        import grids
        import scenarios
        from capacity.estimation import estimate
        from capacity.run_cli import progress_bar
        from capacity.validate import measures, published

        scenario = scenarios.load([scenario_name])[0]
        grid = grids.open_grid(grid_file)
        duke = None if duke_file is None else _duke(duke_file)
        with progress_bar(quiet=as_json) as progress:
            result = estimate(grid, [scenario], years=YEARS, draws=draws, seed=seed, progress=progress)
        rows = published.compare(measures.Run(result, scenario, duke))
        totals = published.national(grid)
    if as_json:
        said = {"scenario": scenario.name, "draws": draws, "seed": seed}
        tables = {"figures": [asdict(row) for row in rows], "national_totals": [asdict(row) for row in totals]}
        click.echo(json.dumps(said | tables, indent=2, ensure_ascii=False))
        return
    _print(rows, totals, f"{scenario.name}, {draws} draws, seed {seed}")


def _duke(file: Path) -> xr.Dataset:
    from capacity.validate.duke import PUBLISHED_GW, curtailment_enabled_headroom
    from grids.sources.eia930_22 import read_eia930_22

    return curtailment_enabled_headroom(read_eia930_22(file).demand, tuple(PUBLISHED_GW))


def _print(rows: list[Row], totals: list[Row], run: str) -> None:
    from capacity.output import tables

    for title, some in (
        (f"Published figures beside ours: {run}", rows),
        ("National totals that the grid should meet", totals),
    ):
        tables.show(title, tables_columns(), [line(row) for row in some])
    print("\nWhat agreement or a miss means:")
    for row in rows:
        print(f"  {row.id}: {row.what} ({row.publisher} {row.published}, {row.source}). {row.why}")
    counted = {
        verdict: sum(row.verdict == verdict for row in rows) for verdict in dict.fromkeys(r.verdict for r in rows)
    }
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counted.items()))


def tables_columns() -> tuple[tuple[str, str, str], ...]:
    """Columns of the printed table."""
    return (
        ("figure", "id", "{}"),
        ("country", "country", "{}"),
        ("year", "year", "{}"),
        ("unit", "unit", "{}"),
        ("published", "published", "{:>}"),
        ("tolerance", "tolerance", "{:.0%}"),
        ("ours p50", "ours", "{:>}"),
        ("p5 to p95", "band", "{:>}"),
        ("difference", "difference", "{:>}"),
        ("in band", "in_band", "{}"),
        ("verdict", "verdict", "{}"),
        ("a miss of", "miss", "{}"),
        ("label", "label", "{}"),
    )


def line(row: Row) -> dict[str, Any]:
    """A row as texts for people: figures to three or four places, a dash where there is none."""
    span = number(row.published_low)
    if row.published_high != row.published_low:
        span += f" to {number(row.published_high)}"
    band = "-" if row.low is None or row.high is None else f"{number(row.low)} to {number(row.high)}"
    return {
        **asdict(row),
        "published": span,
        "ours": "-" if row.ours is None else number(row.ours),
        "band": band,
        "difference": "-" if row.difference is None else f"{row.difference:+.1%}",
        "in_band": {None: "-", True: "yes", False: "no"}[row.in_band],
        "miss": row.miss or "-",
    }


def number(value: float) -> str:
    """Thousands with separators, small ones to three places, huge ones in powers of ten."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
