"""Options that several verbs share, said once so that they mean and read the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import click

LAST_YEAR = 2060

SEED = click.option(
    "--seed",
    default=2025,
    show_default=True,
    type=click.IntRange(0, 2**64 - 1),
    help="Seed; the same seed gives the same bits.",
)
DEVICE = click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "gpu"]),
    help="Where the kernels run. Under --network: the headroom of groups of up to 32 areas; their policies, events and "
    "outages stay on the CPU.",
)
ENGINE = click.option(
    "--engine",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "numpy", "numba"]),
    help="CPU engine of the kernels.",
)
OUTAGE_STATES = click.option(
    "--outage-states",
    default=4,
    show_default=True,
    type=click.IntRange(min=1),
    help="States of every hour in which outage notions look at areas that exchange power, 16 times as many for firm "
    "load; more err less and take longer.",
)
NETWORK = click.option(
    "--network",
    "exchange",
    default="island",
    show_default=True,
    type=click.Choice(["island", "network", "copper-plate"]),
    help="Exchange between areas: base-year interchange, hourly transfers within limits, or without limits.",
)
STORAGE = click.option(
    "--storage",
    default="equivalent",
    show_default=True,
    type=click.Choice(["equivalent", "dispatch", "credit"]),
    help="Storage of the fleet: as the firm capacity that its hourly dispatch is worth, found every fifth year; "
    "dispatched in every year (slower; islands); or by a firm share of its nameplate.",
)
GRID = click.option(
    "--grid",
    "grid_file",
    type=click.Path(path_type=Path),
    help="Your own grid file instead of the embedded one.",
)
AREAS = click.option(
    "--areas",
    "areas_as",
    default="us-areas",
    show_default=True,
    type=click.Choice(["us-areas", "us-zones"]),
    help="The grid's own areas, or its US areas cut into the 134 zones of ReEDS (docs/data.md).",
)


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
