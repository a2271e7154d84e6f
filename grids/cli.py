"""`gridflops grids`: look at a grid, check one, fetch the originals, rebuild the bundle, import capacity factors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from grids.fetch import Progress
    from grids.info import Comparison
    from grids.originals import Outcome
    from grids.store import AreasName

FILE = click.Path(path_type=Path)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")


class GridCommandError(click.ClickException):
    """A GridDataError as the user sees it: the message, one problem a line, exit code 1."""


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    from grids.variables import GridDataError

    try:
        yield
    except GridDataError as error:
        raise GridCommandError(str(error)) from error


PIPE_WIDTH = 170
"""Columns of a table that goes to a file or a pipe, where nothing need fold. [1]"""


TO_DO = ("by hand", "upstream")
"""What became of a file that still wants somebody's hand."""


@click.group()
def grids() -> None:
    """Supply and demand of the US and Chinese grids: look, check, fetch, build.

    \b
    Example:
      gridflops grids info
    """


@grids.command()
@click.option("--grid", "path", type=FILE, help="A .nc file or .zarr store; the embedded grid when left out.")
@click.option(
    "--areas",
    "areas_as",
    default="us-areas",
    show_default=True,
    type=click.Choice(["us-areas", "us-zones"]),
    help="The grid's own areas, or its US areas cut into the 134 zones of ReEDS.",
)
@as_json
def info(path: Path | None, areas_as: AreasName, as_json: bool) -> None:
    """Show coverage, totals against published figures, records, sources and licences.

    \b
    Example:
      gridflops grids info
      gridflops grids info --grid my-grid.nc --json
    """
    from grids import info as look
    from grids.store import grid_hash, open_grid

    with _plain_errors():
        ds = open_grid(path, areas=areas_as)
        coverage, records = look.coverage(ds), look.records(ds)
        totals, sources = look.known_totals(ds), look.source_table(ds)
    if as_json:
        document = {
            "grid": str(path) if path else "embedded",
            "hash": grid_hash(ds),
            "coverage": coverage,
            "known_totals": [_comparison(row) for row in totals],
            "records": records,
            "sources": sources,
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    _table("Coverage", coverage)
    _table("Totals against published figures", [_readable(row) for row in totals])
    _table("Profiles by kind of record", records)
    _table("Sources", [{**row, "variables": len(row["variables"])} for row in sources])


def _comparison(row: Comparison) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(row.known), "computed": row.computed, "difference": row.difference, "verdict": row.verdict}


def _readable(row: Comparison) -> dict[str, Any]:
    known = row.known
    span = f"{known.low:,.6g}"
    if known.high != known.low:
        span += f" to {known.high:,.6g}"
    return {
        "country": known.country,
        "figure": f"{known.what}, {known.year}",
        "published": f"{span} {known.unit}",
        "here": "-" if row.computed is None else f"{row.computed:.1f}",
        "difference": "-" if row.difference is None else f"{row.difference:+.1%}",
        "verdict": row.verdict,
        "check": known.check,
        "label": known.label,
        "source": known.source,
    }


@grids.command()
@click.argument("file", type=FILE)
@as_json
def validate(file: Path, as_json: bool) -> None:
    """Check FILE, a grid of your own (.nc or .zarr), and list every problem.

    \b
    Example:
      gridflops grids validate my-grid.nc
    """
    from grids.store import grid_hash, open_grid
    from grids.variables import GridDataError

    try:
        ds = open_grid(file)
    except GridDataError as error:
        if as_json:
            click.echo(json.dumps({"file": str(file), "valid": False, "problems": list(error.problems)}, indent=2))
            raise click.exceptions.Exit(1) from error
        raise GridCommandError(str(error)) from error
    sizes = {str(name): int(size) for name, size in ds.sizes.items()}
    if as_json:
        document = {"file": str(file), "valid": True, "problems": [], "hash": grid_hash(ds), "sizes": sizes}
        click.echo(json.dumps(document, indent=2))
        return
    counts = f"{sizes['area']} areas, {sizes['profile']} profiles, {sizes['cell']} cells"
    click.echo(f"{file}: a valid grid ({counts}), hash {grid_hash(ds)[:12]}")


@grids.command()
@click.argument("directory", type=FILE)
@click.option("--source", "wanted", multiple=True, help="Only this source (repeatable); all when left out.")
@click.option("--base-url", help="A mirror that holds the files in the layout of DIRECTORY.")
@as_json
def fetch(directory: Path, wanted: Sequence[str], base_url: str | None, as_json: bool) -> None:
    """Download the public originals into DIRECTORY and prepare them; run again to continue after a break.

    Files are checked by SHA-256 where the build reads them as published. What it reads in another form is made
    from the public files, which are kept in DIRECTORY/upstream (0.4 GB; not needed afterwards). Files that no
    program can bring are listed with the address of the original and how to make them.

    \b
    Example:
      gridflops grids fetch originals/
      gridflops grids fetch originals/ --source crea-china --source reeds-naris
    """
    from grids import fetch as fetching

    with _plain_errors(), _download_bar() as progress:
        outcomes = fetching.fetch(directory, wanted or None, base_url, progress)
    _print_outcomes(directory, outcomes, as_json)


@grids.command()
@click.argument("directory", type=FILE)
@click.option("--source", "wanted", multiple=True, help="Only this source (repeatable); all when left out.")
@as_json
def prepare(directory: Path, wanted: Sequence[str], as_json: bool) -> None:
    """Make the originals that the build reads in another form from the public files in DIRECTORY/upstream.

    `fetch` does this at its end; use this where the public files were placed by hand. What is there is kept.

    \b
    Example:
      gridflops grids prepare originals/
    """
    from grids.prepare import prepare as prepare_all

    with _plain_errors():
        outcomes = prepare_all(directory, wanted or None)
    _print_outcomes(directory, outcomes, as_json)


def _print_outcomes(directory: Path, outcomes: Sequence[Outcome], as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        click.echo(json.dumps([asdict(row) for row in outcomes], indent=2, ensure_ascii=False))
        return
    _table(f"Originals in {directory}", [_outcome(row) for row in outcomes])
    left = [row for row in outcomes if row.status in TO_DO]
    click.echo(
        f"{len(outcomes)} originals; {len(left)} to make by hand" if left else f"all {len(outcomes)} originals there"
    )


def _outcome(row: Outcome) -> dict[str, str]:
    """A row for the table; where the user has to do something, what and from where."""
    note = f"{row.how or ''} ({row.url})" if row.status in TO_DO else ""
    return {"source": row.source, "file": row.path, "status": row.status, "to do": note}


@contextlib.contextmanager
def _download_bar() -> Iterator[Progress]:
    """A rich progress bar on the terminal's error stream; silent where that is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def update(path: str, received: int, total: int | None) -> None:
            if path not in tasks:
                tasks[path] = bar.add_task(path, total=total)
            bar.update(tasks[path], completed=received, total=total, visible=received != total)

        yield update


@grids.command()
@click.option("--originals", type=FILE, required=True, help="Folder of the originals, as `fetch` fills it.")
@click.option("--out", type=FILE, default=Path("grid.nc"), show_default=True, help="File to write.")
@click.option(
    "--cell-degrees",
    type=click.Choice(["0.5", "0.25"]),
    default="0.5",
    show_default=True,
    help="Width of the cells; a grid of 0.25 degree cells has four times as many and is too heavy to embed.",
)
@as_json
def build(originals: Path, out: Path, cell_degrees: str, as_json: bool) -> None:
    """Rebuild the grid from the public originals.

    \b
    Example:
      gridflops grids build --originals originals/ --out grid.nc
      gridflops grids build --originals originals/ --out fine.nc --cell-degrees 0.25
    """
    from grids.build.bundle import build_bundle, sizes

    say: Callable[[str], None] = (lambda line: click.echo(line, err=True)) if as_json else click.echo
    with _plain_errors():
        ds = build_bundle(originals, out, cell_degrees=float(cell_degrees), say=say)
    rows = sizes(ds, out)
    if as_json:
        click.echo(json.dumps({"file": str(out), "bytes": out.stat().st_size, "parts": rows}, indent=2))
        return
    _table(f"{out}: {out.stat().st_size / 1e6:.2f} MB", rows)


@grids.command("import-cf")
@click.argument("file", type=FILE)
@click.option(
    "--technology",
    type=click.Choice(["wind", "offshore_wind", "solar"]),
    required=True,
    help="What the factors in FILE are of.",
)
@click.option("--grid", "path", type=FILE, help="Grid to put the factors into; the embedded one when left out.")
@click.option("--out", type=FILE, default=Path("grid-with-cf.nc"), show_default=True, help="Grid file to write.")
@as_json
def import_cf(file: Path, technology: str, path: Path | None, out: Path, as_json: bool) -> None:
    """Take hourly factors of your own from FILE (NetCDF or Zarr, as atlite writes them) into a grid.

    FILE holds one array over time (UTC, hour-beginning, whole years) and areas. The result is a grid file for
    `gridflops run --grid`.

    \b
    Example:
      gridflops grids import-cf era5-wind-2019.nc --technology wind --out my-grid.nc
    """
    from grids.import_cf import import_capacity_factors
    from grids.store import check_target, grid_hash, open_grid, write_grid

    with _plain_errors():
        check_target(out)
        before = open_grid(path)
        after = import_capacity_factors(before, file, technology)
        write_grid(after, out)
    record = after[f"{technology.removeprefix('offshore_')}_record"].values
    taken = [str(name) for name, text in zip(after["profile"].values, record, strict=True) if file.name in text]
    if as_json:
        click.echo(json.dumps({"file": str(out), "profiles": taken, "hash": grid_hash(after)}, indent=2))
        return
    click.echo(f"{out}: written; {technology} of {len(taken)} profiles is from {file.name}")


def _table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console = Console()
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
