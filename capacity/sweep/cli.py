"""`gridflops sweep PLAN.yaml`, `gridflops sweep status STORE` and `gridflops summarise STORE`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    from capacity.sweep.orders import Limits, Pool
    from capacity.sweep.prepare import Prepared

PARTIAL = 3
"""Exit code of a run in which tasks were quarantined."""
INTERRUPTED = 130
TABLE = ("peak_load_mw", "firm_headroom_mw", "hostable_mw", "deployed_mw", "deployed_h100e", "largest_run_flop")
"""Variables that `summarise` prints unasked, where the store has them; all others with --variable, --json or --out."""


class PlanFirst(click.Group):
    """A group whose first word may also be a plan: `sweep PLAN.yaml` means `sweep run PLAN.yaml`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {*self.commands, "-h", "--help"}
        if args and args[0] not in known:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=PlanFirst,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: gridflops sweep PLAN.yaml --out sweeps/first --dry-run",
)
def sweep() -> None:
    """Run a plan of many scenarios and draws, or ask how one stands: sweep PLAN.yaml, sweep status STORE."""


def _execution(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say where and how a plan runs."""
    path = click.Path(path_type=Path)
    options = (
        click.option("--scheduler", default="local", show_default=True, help="local, threads, tcp://... or tls://..."),
        click.option("--workers", type=click.IntRange(min=1), help="Processes (threads) of a local pool; one a core."),
        click.option("--gpus", is_flag=True, help="One local worker a GPU, through dask-cuda."),
        click.option("--memory", type=click.IntRange(min=1), help="MiB a local worker may use."),
        click.option("--tls-ca", type=path, help="Certificate authority for tls:// addresses."),
        click.option("--tls-cert", type=path, help="This client's certificate."),
        click.option("--tls-key", type=path, help="This client's private key."),
        click.option("--retries", default=2, show_default=True, type=click.IntRange(min=0), help="Further tries."),
        click.option("--task-timeout", default=3600.0, show_default=True, help="Seconds a task may take; 0 for ever."),
        click.option("--max-failed", default=1000, show_default=True, help="Failed tasks after which to stop."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@sweep.command("run", epilog="Example: gridflops sweep PLAN.yaml --out sweeps/first --workers 8")
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--out", help="Store to make or resume: a folder or an fsspec address such as s3://bucket/name.")
@click.option("--grid", "grid_file", type=click.Path(path_type=Path), help="Your own grid file (.nc).")
@click.option("--resume", is_flag=True, help="Go on with the sweep at --out; what is there is checked first.")
@click.option("--allow-code-change", is_flag=True, help="Resume although code or libraries have changed.")
@click.option("--dry-run", is_flag=True, help="Say what it would take, from a short calibration; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@_execution
def run(
    plan_file: Path,
    out: str | None,
    grid_file: Path | None,
    resume: bool,
    allow_code_change: bool,
    dry_run: bool,
    as_json: bool,
    **execution: Any,
) -> None:
    """Run a plan; with --resume, go on after any interruption.

    Exit code 0: complete. 3: complete but for tasks that kept failing; `sweep status` names them. 1: an error.
    """
    with plain_errors():
        from capacity.errors import CapacityError
        from capacity.sweep import plan, prepare

        asked = plan.read(plan_file)
        device = "gpu" if execution["gpus"] else "cpu"
        prepared = prepare.prepare(asked, folder=plan_file.parent, grid_file=grid_file, device=device)
        if dry_run:
            _show_estimate(prepared, execution["workers"], as_json)
            return
        if out is None:
            raise CapacityError("--out: say where the store goes")
        failed = _execute(prepared, out, (resume, allow_code_change), execution, as_json)
    if failed:
        sys.exit(PARTIAL)


def _pool_and_limits(execution: dict[str, Any]) -> tuple[Pool, Limits]:
    from capacity.errors import CapacityError
    from capacity.sweep.orders import Limits, Pool

    files = tuple(execution[f"tls_{name}"] for name in ("ca", "cert", "key"))
    if any(files) and not all(files):
        raise CapacityError("--tls-ca, --tls-cert and --tls-key belong together; give all three")
    memory = execution["memory"]
    pool = Pool(
        scheduler=execution["scheduler"],
        workers=execution["workers"],
        gpus=execution["gpus"],
        memory=memory * 2**20 if memory else None,
        tls=(str(files[0]), str(files[1]), str(files[2])) if all(files) else None,
    )
    return pool, Limits(execution["retries"], execution["task_timeout"], execution["max_failed"])


def _execute(prepared: Prepared, out: str, resume: tuple[bool, bool], execution: dict[str, Any], as_json: bool) -> int:
    """Run and report; the number of failed tasks."""
    from capacity.errors import CapacityError

    try:
        pool, limits = _pool_and_limits(execution)
        from capacity.sweep import engine, session

        engine.check(pool)
        opened = session.make_or_open(out, prepared, resume=resume[0], allow_code_change=resume[1])
        with _interruptible(), _bar(as_json) as progress:
            tally = session.execute(opened, pool, limits, progress=progress, announce=_say(as_json))
    except ModuleNotFoundError as error:
        raise CapacityError(f"{error.name} is not installed; install gridflops[sweep]") from error
    except KeyboardInterrupt:
        click.echo(f"interrupted; nothing finished is lost, go on with --resume --out {out}", err=True)
        sys.exit(INTERRUPTED)
    if as_json:
        print(json.dumps({"store": opened.url, **vars(tally)}, indent=2))
    else:
        print(
            f"{tally.done} of {tally.tasks} tasks done ({tally.computed} computed now, {tally.damaged} of them again "
            f"because they were damaged), {tally.failed} failed, {tally.seconds:.1f} s; {opened.url}"
        )
    if tally.failed:
        click.echo(f"partial: see `gridflops sweep status {out}` for the errors; --resume tries them again", err=True)
    return tally.failed


def _say(as_json: bool) -> Callable[[str], None]:
    return lambda text: None if as_json else click.echo(text, err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends a run the way Ctrl-C does: cancel what waits, close the log, say how to go on."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[int, int, int], None]]:
    """Done, failed, throughput and time left on standard error; silent when that is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda done, failed, total: None
        return
    columns = (
        TextColumn("tasks"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("tasks", total=None, failed=0, rate="")

        def progress(done: int, failed: int, total: int) -> None:
            speed = bar.tasks[0].speed
            rate = f"{60 * speed:.1f}/min" if speed else ""
            bar.update(task, completed=done + failed, total=total, failed=failed, rate=rate)

        yield progress


def _show_estimate(prepared: Prepared, workers: int | None, as_json: bool) -> None:
    import os

    from capacity.sweep import prepare

    found = prepare.estimate(prepared, workers or os.cpu_count() or 1)
    if as_json:
        print(json.dumps(vars(found), indent=2))
        return
    mib = 2**20
    print(f"{prepared.plan.name}: {found.variants:,} scenario variants x {prepared.layout.draws:,} draws")
    print(f"  tasks            {found.tasks:,}: 1 variant x {found.draws_a_task:,} draws, {found.chunks_a_task} chunks")
    print(f"  memory a task    about {found.working_bytes_a_task / mib:,.0f} MiB beside the grid and the libraries")
    print(f"  output a task    {found.output_bytes_a_task / mib:,.2f} MiB before compression")
    print(f"  output           {found.output_bytes / 2**30:,.2f} GiB before compression")
    print(
        f"  time a task      {found.seconds_a_task:,.2f} s on this machine "
        f"({found.seconds_fixed:.2f} s + {1e3 * found.seconds_a_draw:.1f} ms a draw)"
    )
    print(f"  time             {found.seconds / 3600:,.2f} h with {found.workers} such workers")


@sweep.command("status", epilog="Example: gridflops sweep status sweeps/first")
@click.argument("address", metavar="STORE")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(address: str, as_json: bool) -> None:
    """How a sweep stands, read from its store: while it runs, or after."""
    with plain_errors():
        from capacity.sweep import session

        found = session.status(address)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['name']}: {found['state']}, {found['store']}")
    counts = (found[name] for name in ("done", "tasks", "failed", "remaining"))
    print("  {:,} of {:,} tasks done, {:,} failed, {:,} to do".format(*counts))
    if found["seconds_a_task"] is not None:
        print(f"  {found['seconds_a_task']:.2f} s a task, {found['stored_bytes'] / 2**20:,.1f} MiB stored")
    for failure in found["failures"]:
        print(f"  task {failure['task']} failed {failure['attempts']} times: {failure['error']}")
    if found["client"]:
        print(f"  client: {found['client']}")
    if found["last_log_line"]:
        print(f"  log: {found['last_log_line']}")


@click.command(epilog="Example: gridflops summarise sweeps/first --out summary.csv")
@click.argument("address", metavar="STORE")
@click.option("--variable", "variables", multiple=True, help="Only this variable; may be given again.")
@click.option("--partial", is_flag=True, help="Also where tasks are missing, over the draws that are there.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write all rows to a CSV file.")
@click.option("--json", "as_json", is_flag=True, help="Print all rows as JSON.")
def summarise(address: str, variables: tuple[str, ...], partial: bool, out: Path | None, as_json: bool) -> None:
    """Exact quantiles and means over the draws of every scenario of a sweep, in memory that does not grow with it."""
    with plain_errors():
        from capacity.errors import CapacityError
        from capacity.output import writing
        from capacity.sweep import report, store

        if out is not None:
            writing.check_file(out, "--out")
        opened = store.open_store(address)
        unknown = [name for name in variables if name not in opened.shapes]
        if unknown:
            raise CapacityError(f"--variable {', '.join(unknown)}: the store has {', '.join(opened.shapes)}")
        chosen = variables
        if not chosen and not as_json and out is None:
            chosen = tuple(name for name in TABLE if name in opened.shapes)
        found = report.all_rows(opened, chosen, partial=partial)
        if out is not None:
            report.write_csv(found, report.columns(opened), out)
        elif as_json:
            report.print_json(found)
        else:
            report.print_table(found)
