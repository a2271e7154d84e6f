"""`gridflops claims`."""

from __future__ import annotations

import json
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors
from capacity.cli_options import parse_years
from capacity.output.plain_json import finite
from capacity.run_cli import progress_bar

if TYPE_CHECKING:
    from capacity.claims.report import Report
    from cuda_kernels import DeviceName


@click.command(epilog="Example: gridflops claims --claim 3 --draws 512 --out runs/regimes")
@click.option("--claim", "numbers", type=int, multiple=True, help="Number of a claim; all without it. May be repeated.")
@click.option("--years", default="2025-2040", show_default=True, callback=parse_years, help="Years of the runs.")
@click.option("--draws", default=256, show_default=True, type=click.IntRange(min=3), help="Draws per scenario.")
@cli_options.SEED
@cli_options.DEVICE
@click.option(
    "--out",
    default=Path("runs/claims"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for claims.html, figures and CSV tables.",
)
@cli_options.GRID
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def claims(
    numbers: tuple[int, ...],
    years: tuple[int, ...],
    draws: int,
    seed: int,
    device: DeviceName,
    out: Path,
    grid_file: Path | None,
    as_json: bool,
) -> None:
    """Put numbers to six claims of a commentary on AI, power, the US and China.

    Runs the reference and every scenario that a claim needs, once and with the same draws, and writes an HTML page and
    CSV tables: for each claim the statistic that tests it, its posterior, what would change the verdict, and the
    strongest data against it.
    """
    started = time.monotonic()
    with plain_errors():
        import grids
        from capacity.claims import judge, report
        from capacity.output import writing

        chosen = judge.claims_of(numbers)
        writing.check_run(out)
        grid = grids.open_grid(grid_file)
        with progress_bar(quiet=as_json) as progress:
            evidence = judge.gather(grid, chosen, years=years, draws=draws, seed=seed, device=device, progress=progress)
        written = report.build(evidence, judge.answer(evidence, chosen), out, grid_file)
        seconds = time.monotonic() - started
        report.write(written, evidence, out, wall_seconds=seconds)
        if as_json:
            said = {"out": str(out), "wall_seconds": round(seconds, 1)} | report.as_record(written)
            click.echo(json.dumps(finite(said), indent=2, ensure_ascii=False, allow_nan=False))
            return
        _print(written, out, seconds)


def _print(written: Report, out: Path, seconds: float) -> None:
    from capacity.claims.page import finding_row
    from capacity.claims.words import share_with_error
    from capacity.output import tables

    columns = (
        ("statistic", "0", "{}"),
        ("unit", "1", "{}"),
        ("median", "2", "{:>}"),
        ("5 %", "3", "{:>}"),
        ("95 %", "4", "{:>}"),
        ("MC\nerror", "5", "{:>}"),
        ("condition", "6", "{}"),
        ("prob.\n%", "7", "{:>}"),
        ("MC\nerror", "8", "{:>}"),
    )
    for section in written.sections:
        answer = section.answer
        print(f"\n{answer.claim.number}. {answer.claim.sentence}")
        print(f"   As stated it {answer.holds.words}: {share_with_error(answer.holds)}.")
        rows = [{str(i): cell for i, cell in enumerate(finding_row(finding))} for finding in answer.findings]
        tables.show("", columns, rows)
        told = (
            *answer.sentences,
            f"What would change it: {section.influence_text}",
            f"Against it: {section.against[0]}",
        )
        for text in told:
            print(textwrap.fill(text, width=118, initial_indent="   ", subsequent_indent="   "))
    print(f"\n{textwrap.fill(written.run, width=118)}")
    print(f"{seconds:.0f} s; written to {out}: claims.html, claims.csv and other tables")
