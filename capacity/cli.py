"""The `gridflops` command: thin verbs over public functions."""

from __future__ import annotations

import click
from grids.cli import grids

from capacity.run_cli import base_year, run
from capacity.validate_cli import validate
from scenarios.cli import scenarios


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gridflops")
def main() -> None:
    """How much AI-datacenter load, and how much compute, can each US and Chinese grid host?

    \b
    Example:
      gridflops run reference us-flexible-load --years 2025-2040 --draws 256 --out runs/first
    """


for command in (run, base_year, grids, scenarios, validate):
    main.add_command(command)
