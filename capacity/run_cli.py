"""`gridflops run` and `gridflops base-year`."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

DEFAULT_SCENARIOS = ("reference", "us-stagnant-grid", "cn-five-year-plan-surge", "us-flexible-load")
LAST_YEAR = 2060
TABLE_YEARS = (2025, 2030, 2035, 2040)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the packages' own exceptions into one clear line and exit code 1."""
    from capacity.errors import CapacityError
    from cuda_kernels import KernelError
    from grids import GridDataError
    from scenarios import ScenarioError

    try:
        yield
    except (CapacityError, GridDataError, KernelError, ScenarioError) as error:
        raise click.ClickException(str(error)) from error


def parse_years(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """`2025-2040` or `2030` as consecutive years."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", text.strip())
    if not match:
        raise click.BadParameter(f"{text!r} is no year or range of years; write for example 2025-2040")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise click.BadParameter(f"{text!r} ends before it begins; write {last}-{first}")
    if first < 2025 or last > LAST_YEAR:
        raise click.BadParameter(f"{text!r}: the model covers 2025 to {LAST_YEAR}")
    return tuple(range(first, last + 1))


@click.command(
    epilog="Example: gridflops run reference us-flexible-load --years 2025-2035 --draws 500 --out runs/flexible"
)
@click.argument("scenario_names", metavar="[SCENARIO]...", nargs=-1)
@click.option(
    "--years",
    default="2025-2040",
    show_default=True,
    callback=parse_years,
    help="Year or range of years to report.",
)
@click.option(
    "--draws", default=256, show_default=True, type=click.IntRange(min=1), help="Draws per scenario."
)
@click.option(
    "--seed",
    default=2025,
    show_default=True,
    type=click.IntRange(0, 2**64 - 1),
    help="Seed; the same seed gives the same bits.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "gpu"]),
    help="Where the kernels run.",
)
@click.option(
    "--engine",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "numpy", "numba"]),
    help="CPU engine of the kernels.",
)
@click.option(
    "--out",
    default=Path("runs/latest"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the results; an earlier run there is replaced at the end.",
)
@click.option(
    "--grid",
    "grid_file",
    type=click.Path(path_type=Path),
    help="Your own grid file instead of the embedded one.",
)
@click.option("--zarr", "as_zarr", is_flag=True, help="Write result.zarr instead of result.nc.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary table as JSON.")
def run(
    scenario_names: tuple[str, ...],
    years: tuple[int, ...],
    draws: int,
    seed: int,
    device: str,
    engine: str,
    out: Path,
    grid_file: Path | None,
    as_zarr: bool,
    as_json: bool,
) -> None:
    """Estimate hostable AI load and compute under one or more scenarios.

    Scenarios are names from `gridflops scenarios list` or YAML files; without any, the four of the library run.
    """
    started = time.monotonic()
    with plain_errors():
        import grids
        import scenarios
        from capacity import outputs
        from capacity.estimate import estimate

        chosen = scenarios.load(scenario_names or DEFAULT_SCENARIOS)
        outputs.check_target(out)
        grid = grids.open_grid(grid_file)
        with progress_bar(quiet=as_json) as progress:
            result = estimate(
                grid,
                chosen,
                years=years,
                draws=draws,
                seed=seed,
                device=device,
                engine=engine,
                progress=progress,
            )
        manifest = outputs.manifest(result, grid, chosen, wall_seconds=time.monotonic() - started)
        outputs.write_run(result, out, manifest=manifest, as_zarr=as_zarr)
        _print_run(result, out, time.monotonic() - started, as_json)


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A rich progress bar with time left on standard error; silent when that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda step, done, total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda step, done, total: bar.update(task, description=step, completed=done, total=total)


def _print_run(result: xr.Dataset, out: Path, seconds: float, as_json: bool) -> None:
    from capacity import report

    table = report.summary(result)
    if as_json:
        rows = json.loads(table.to_json(orient="records"))
        print(json.dumps({"out": str(out), "wall_seconds": round(seconds, 1), "summary": rows}, indent=2))
        return
    shown = [y for y in TABLE_YEARS if y in set(table["year"])] or [int(table["year"].max())]
    _summary_table(table[table["year"].isin(shown)])
    first, last = str(result["scenario"].to_numpy()[0]), int(table["year"].max())
    for year in sorted({min(max(2030, int(table["year"].min())), last), last}):
        _areas_table(report.largest_areas(result, first, year), first, year)
    print(f"device {result.attrs['device']}, {result.sizes['draw']} draws, {seconds:.1f} s; written to {out}")


def _summary_table(table: pd.DataFrame) -> None:
    show(
        "Hostable AI load and compute: areas as islands, chips and capital not limiting (medians; hostable with 10-90 % band)",
        ["scenario", "country", "year", "supply\nTWh", "native\npeak GW", "hostable GW\np10", "\np50", "\np90", "MC se\nof p50", "H100e\nmillion", "BF16 dense\nFLOP/s", "FLOP\nper year"],
        [
            [r.scenario, r.country, str(r.year), f"{r.supply_twh:,.0f}", f"{r.native_peak_gw:,.0f}", f"{r.hostable_gw_p10:,.1f}", f"{r.hostable_gw_p50:,.1f}", f"{r.hostable_gw_p90:,.1f}", f"{r.hostable_gw_p50_se:,.1f}", f"{r.h100e_million_p50:,.0f}", f"{r.peak_bf16_flop_per_s_p50:.2g}", f"{r.flop_per_year_p50:.2g}"]
            for r in table.itertuples()
        ],
    )  # fmt: skip


def _areas_table(table: pd.DataFrame, scenario: str, year: int) -> None:
    show(
        f"Largest areas, {scenario}, {year}",
        ["area", "name", "hostable GW\np10", "\np50", "\np90", "H100e\nmillion", "curtailed\nh/yr", "peak\nPUE"],
        [
            [r.area, r.area_name, f"{r.hostable_gw_p10:,.1f}", f"{r.hostable_gw_p50:,.1f}", f"{r.hostable_gw_p90:,.1f}", f"{r.h100e_million_mean:,.1f}", f"{r.curtailed_hours_mean:,.0f}", f"{r.peak_pue_mean:.2f}"]
            for r in table.itertuples()
        ],
    )  # fmt: skip


def show(title: str, header: list[str], rows: list[list[str]]) -> None:
    """Print a table that keeps every column whole, also when the output is no terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for name in header:
        number = name not in ("scenario", "country", "area", "name", "reason")
        table.add_column(
            name, justify="right" if number else "left", overflow="fold", no_wrap=name != "reason"
        )
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)


@click.command("base-year", epilog="Example: gridflops base-year --json")
@click.option(
    "--scenario",
    "scenario_name",
    default="reference",
    show_default=True,
    help="Whose parameter medians to use.",
)
@click.option(
    "--grid",
    "grid_file",
    type=click.Path(path_type=Path),
    help="Your own grid file instead of the embedded one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def base_year(scenario_name: str, grid_file: Path | None, as_json: bool) -> None:
    """Headroom of today's grids under both adequacy notions, and areas whose data still imply shortage."""
    with plain_errors():
        import grids
        import scenarios
        from capacity import base_year as module

        grid = grids.open_grid(grid_file)
        table = module.compare(grid, scenarios.load([scenario_name])[0])
    if as_json:
        json.dump(_base_year_json(table, module.national(table)), sys.stdout, indent=2, ensure_ascii=False)
        print()
        return
    _print_base_year(table, module.national(table))


def _base_year_json(table: pd.DataFrame, sums: pd.DataFrame) -> dict[str, Any]:
    return {
        "areas": json.loads(table.to_json(orient="records")),
        "national": json.loads(sums.to_json(orient="records")),
    }


def _print_base_year(table: pd.DataFrame, sums: pd.DataFrame) -> None:
    show(
        "Base-year headroom by adequacy notion, areas as islands",
        ["area", "name", "peak\nGW", "net export\nTWh", "firm_capacity\nGW", "historic_peak\nGW", "native short\nh/yr", "share of\nenergy"],
        [
            [r.area, r.area_name, f"{r.peak_load_gw:,.1f}", f"{r.net_export_twh:,.0f}", f"{r.firm_capacity_headroom_gw:,.1f}", f"{r.historic_peak_headroom_gw:,.1f}", f"{r.native_shortage_hours:,.0f}", f"{r.native_shortage_share:.3%}"]
            for r in table.itertuples()
        ],
    )  # fmt: skip
    for r in sums.itertuples():
        print(
            f"{r.country}: firm_capacity {r.firm_capacity_headroom_gw:,.0f} GW, historic_peak {r.historic_peak_headroom_gw:,.0f} GW, "
            f"difference {r.difference_gw:+,.0f} GW. firm_capacity counts plants above the peak and charges reserve and outages; "
            "historic_peak trusts whatever served the peak, imports included."
        )
    short = table[table["reason"] != ""]
    if len(short):
        print(f"\n{len(short)} areas whose base-year data imply native shortage beyond 0.1 % of energy:")
        for r in short.itertuples():
            print(f"  {r.area}: {r.reason}")
