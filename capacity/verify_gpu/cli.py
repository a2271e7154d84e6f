"""`gridflops verify-gpu`."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import click

from capacity.cli_errors import plain_errors
from capacity.output.plain_json import finite

NO_DEVICE = 3


@click.command("verify-gpu", epilog="Example: gridflops verify-gpu --report gpu.md")
@click.option(
    "--cases",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Cases per comparison; batches go to 1000x.",
)
@click.option("--hours", type=click.IntRange(min=24), default=8760, show_default=True, help="Hours of a case.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the random inputs; fresh ones when left out.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file too.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def verify_gpu(
    context: click.Context, cases: int, hours: int, seed: int | None, report: Path | None, as_json: bool
) -> None:
    """Compare every CUDA kernel with its NumPy twin on a card, and time it against its floor.

    Exit code 0: all agree. 1: some do not. 3: there is no usable card.
    """
    from dataclasses import asdict

    from capacity.output import writing
    from capacity.verify_gpu.checks import verify
    from capacity.verify_gpu.report import markdown
    from cuda_kernels import KernelError, devices

    try:
        devices.survey()
    except KernelError as error:
        click.echo(f"nothing was verified: {error}", err=True)
        context.exit(NO_DEVICE)
    if report is not None:
        with plain_errors():
            writing.check_file(report, "--report")
    chosen = secrets.randbits(32) if seed is None else seed
    run = verify(cases, hours, chosen, progress=lambda line: click.echo(line, err=True))
    page = markdown(run)
    if report is not None:
        with plain_errors(), writing.replaced_file(report, "--report") as path:
            path.write_text(page, encoding="utf-8")
    document = finite(asdict(run)) | {"agrees": run.agrees}
    click.echo(json.dumps(document, indent=2, allow_nan=False) if as_json else page, nl=as_json)
    context.exit(0 if run.agrees else 1)
