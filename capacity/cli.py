"""The `gridflops` command. Verbs are imported when they are used, so that --help stays quick."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
from typing import Any

import click

# Areas are solved side by side already; threads of BLAS within each would only be in the way. Before NumPy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

VERBS: dict[str, tuple[str, str]] = {
    "run": ("capacity.run_cli:run", "Estimate hostable AI load and compute under scenarios."),
    "compare": ("capacity.compare_cli:compare", "Differences between runs, draw by draw."),
    "sweep": ("capacity.sweep.cli:sweep", "Run thousands of scenarios and draws on Dask, resumable."),
    "summarise": ("capacity.sweep.cli:summarise", "Reduce a sweep to exact quantiles, streaming."),
    "base-year": ("capacity.base_year.cli:base_year", "Today's headroom under three adequacy notions."),
    "explain": ("capacity.explain.cli:explain", "The hours that bind in an area, and what one more MW adds."),
    "frontier": ("capacity.frontier_cli:frontier", "How new load in areas that exchange power trades off."),
    "project": ("capacity.project.cli:project", "Project supply by technology for a country, area or cell."),
    "sensitivity": ("capacity.sensitivity.cli:sensitivity", "Which group of parameters decides deployed compute."),
    "hindcast": ("capacity.hindcast.cli:hindcast", "Forecast the past and score it against named baselines."),
    "grids": ("grids.cli:grids", "Look at, check, fetch and build the grid data."),
    "scenarios": ("scenarios.cli:scenarios", "List, show and check growth scenarios."),
    "doctor": ("capacity.doctor_cli:doctor", "Versions, engines, devices and data of this installation."),
    "verify-gpu": ("capacity.verify_gpu.cli:verify_gpu", "Check and time every CUDA kernel on a card."),
    "claims": ("capacity.claims.cli:claims", "Numbers for six claims of a commentary on AI and power."),
    "validate": ("capacity.validate.cli:validate", "Published figures beside ours; published results reproduced."),
}
"""Where each verb lives, and its line in the overview."""


class Verbs(click.Group):
    """A group that imports a verb only when it is called."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """As the command of a process of its own."""
        # What is loaded stays: looking through it for garbage, again and again and at the end, took 0.7 seconds.
        gc.set_threshold(10_000, 20, 20)
        atexit.register(gc.freeze)
        return super().__call__(*arguments, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, attribute = VERBS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gridflops")
def main() -> None:
    """How much AI-datacenter load, and how much compute, can each US and Chinese grid host?

    \b
    Example:
      gridflops run reference us-flexible-load --years 2025-2040 --draws 256 --out runs/first
    """
