"""The `gridflops` command."""

import click


@click.group()
@click.version_option(package_name="gridflops")
def main() -> None:
    """How much AI-datacenter load, and how much compute, can each grid host?"""
