"""`gridflops run`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from capacity import cli_options
from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    import xarray as xr

    from capacity.adequacy.storage import StorageName
    from capacity.network.case import NetworkName
    from cuda_kernels import DeviceName, Engine
    from grids.store import AreasName

DEFAULT_SCENARIOS = ("reference", "us-stagnant-grid", "cn-five-year-plan-surge", "us-flexible-load")
TABLE_YEARS = (2025, 2030, 2035, 2040)
AREAS_AS = {
    "island": "areas as islands",
    "network": "areas that exchange power within transfer limits",
    "copper-plate": "areas that exchange power without limit",
}


@click.command(
    epilog="Example: gridflops run reference us-flexible-load --years 2025-2035 --draws 500 --out runs/flexible"
)
@click.argument("scenario_names", metavar="[SCENARIO]...", nargs=-1)
@click.option(
    "--years",
    default="2025-2040",
    show_default=True,
    callback=cli_options.parse_years,
    help="Year or range of years to report.",
)
@click.option("--draws", default=256, show_default=True, type=click.IntRange(min=1), help="Draws per scenario.")
@cli_options.SEED
@click.option(
    "--adequacy",
    default="firm_capacity",
    show_default=True,
    type=click.Choice(["firm_capacity", "historic_peak", "expected_unserved", "lolh", "lole"]),
    help="Adequacy notion; the last three count outages one unit at a time.",
)
@cli_options.OUTAGE_STATES
@cli_options.NETWORK
@cli_options.STORAGE
@click.option(
    "--event-draws",
    default=32,
    show_default=True,
    type=click.IntRange(min=0),
    help="Draws in which events of curtailment are counted, the first ones; under outage notions in sampled years.",
)
@cli_options.DEVICE
@cli_options.ENGINE
@click.option(
    "--out",
    default=Path("runs/latest"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the results; an earlier run there is replaced at the end.",
)
@cli_options.GRID
@cli_options.AREAS
@click.option("--zarr", "as_zarr", is_flag=True, help="Write result.zarr instead of result.nc.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary table as JSON.")
def run(
    scenario_names: tuple[str, ...],
    years: tuple[int, ...],
    draws: int,
    seed: int,
    adequacy: str,
    outage_states: int,
    exchange: NetworkName,
    storage: StorageName,
    event_draws: int,
    device: DeviceName,
    engine: Engine,
    out: Path,
    grid_file: Path | None,
    areas_as: AreasName,
    as_zarr: bool,
    as_json: bool,
) -> None:
    """Estimate hostable and deployed AI load and compute, and what limits them, under one or more scenarios.

    Scenarios are names from `gridflops scenarios list` or YAML files, a+b both in one; without any, four of the library
    run.
    """
    started = time.monotonic()
    _require_outage_states_used(adequacy, exchange)
    with plain_errors():
        import grids
        import scenarios
        from capacity import heap
        from capacity.estimation import estimate
        from capacity.output import page, run_folder, writing

        if exchange != "island":
            heap.share()
        chosen = scenarios.load(scenario_names or DEFAULT_SCENARIOS)
        writing.check_run(out)
        grid = grids.open_grid(grid_file, areas=areas_as)
        with progress_bar(quiet=as_json) as progress, ThreadPoolExecutor(1) as beside:
            beside.submit(page.prepare)
            result = estimate(
                grid, chosen, years=years, draws=draws, seed=seed, adequacy=adequacy, exchange=exchange, device=device,
                engine=engine, progress=progress, event_draws=event_draws, storage=storage, outage_states=outage_states,
            )  # fmt: skip
        manifest = run_folder.manifest(result, grid, chosen, wall_seconds=time.monotonic() - started)
        run_folder.write_run(result, out, manifest=manifest, as_zarr=as_zarr)
        _print_run(result, out, time.monotonic() - started, as_json)


def _require_outage_states_used(adequacy: str, exchange: str) -> None:
    """Refuse a number of states that nothing would look at."""
    default = click.get_current_context().get_parameter_source("outage_states") is ParameterSource.DEFAULT
    if not default and (exchange == "island" or adequacy in ("firm_capacity", "historic_peak")):
        raise click.UsageError(
            "--outage-states counts only where --adequacy is expected_unserved, lolh or lole and --network is network "
            "or copper-plate; leave it out"
        )


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A rich progress bar with time left on standard error, and above it what the package logs; silent when that is no
    terminal."""
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
    with (
        Progress(*columns, console=console) as bar,
        _logged_to(lambda line: bar.console.print(line, markup=False, highlight=False)),
    ):
        task = bar.add_task("starting", total=None)
        yield lambda step, done, total: bar.update(task, description=step, completed=done, total=total)


@contextmanager
def _logged_to(show: Callable[[str], None]) -> Iterator[None]:
    """Shows what the package logs for its users."""
    logger, handler = logging.getLogger("gridflops"), logging.Handler(logging.INFO)
    handler.emit = lambda record: show(record.getMessage())  # type: ignore[method-assign]
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _print_run(result: xr.Dataset, out: Path, seconds: float, as_json: bool) -> None:
    from capacity.output import report, tables
    from capacity.supply import hindcast_flags

    summary = report.summary(result)
    if as_json:
        rows = json.loads(summary.to_json(orient="records"))
        flags = {hindcast_flags.ATTRIBUTE: hindcast_flags.of_result(result)}
        print(json.dumps({"out": str(out), "wall_seconds": round(seconds, 1), "summary": rows} | flags, indent=2))
        return
    first_year, last_year = int(summary["year"].min()), int(summary["year"].max())
    shown = [year for year in TABLE_YEARS if first_year <= year <= last_year] or [last_year]
    tables.show(
        f"Hostable and deployed AI load and compute, {AREAS_AS[result.attrs['exchange']]}: medians over draws",
        tables.SUMMARY,
        summary[summary["year"].isin(shown)].to_dict("records"),
    )
    print(tables.SUMMARY_NOTE)
    scenario = str(result["scenario"].to_numpy()[0])
    for year in sorted({max(first_year, min(2030, last_year)), last_year}):
        largest = report.largest_areas(result, scenario, year).to_dict("records")
        tables.show(f"Largest areas, {scenario}, {year}", tables.LARGEST_AREAS, largest)
    if "event_hours" in result:
        from capacity.output import events as events_report

        rows = events_report.by_country(result.sel(year=shown[-2:])).to_dict("records")
        tables.show(events_report.title(result), tables.EVENTS, rows)
    for line in hindcast_flags.of_result(result):
        print(f"Supply flagged by the hindcast: {line}")
    print(f"device {result.attrs['device']}, {result.sizes['draw']} draws, {seconds:.1f} s; written to {out}")
