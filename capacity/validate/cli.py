"""`gridflops validate`: published results reproduced from the user's copy of the public data."""

from __future__ import annotations

import json
import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capacity.validate.figures_cli import figures

if TYPE_CHECKING:
    import xarray as xr

    from grids.sources.eia930_22 import CleanDemand

# Spelt out here so that --help and completion need not load pandas; a test holds them equal to capacity.validate.duke.
SEASON_RULE_NAMES = ("apr_oct_nov_mar", "may_sep_nov_mar", "strict_jun_aug_dec_feb")
ROUNDING_MW = 1e-6  # a headroom below one watt is the rounding of a sum, not a load
CLOCK_NAMES = ("utc", "local_standard")


@click.group(
    invoke_without_command=True,
    epilog="Example: gridflops validate figures --json. Without a command the table of figures is printed.",
)
@click.pass_context
def validate(context: click.Context) -> None:
    """Published figures beside the model's own, and published results reproduced from public data."""
    if context.invoked_subcommand is None:
        context.invoke(figures)


validate.add_command(figures)


@validate.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--curtailment",
    "shares",
    type=float,
    multiple=True,
    default=(0.005, 0.01),
    show_default=True,
    help="Curtailed share of the new load's energy, 0.005 = half a percent. May be given several times.",
)
@click.option(
    "--season-rule",
    type=click.Choice(SEASON_RULE_NAMES),
    default=SEASON_RULE_NAMES[0],
    show_default=True,
    help="Months that set the seasonal peaks.",
)
@click.option(
    "--clock",
    type=click.Choice(CLOCK_NAMES),
    default=CLOCK_NAMES[0],
    show_default=True,
    help="Clock on which months and years are read.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def duke(file: Path, shares: tuple[float, ...], season_rule: str, clock: str, as_json: bool) -> None:
    """Curtailment-enabled headroom of 22 US balancing authorities after Norris et al. 2025.

    FILE holds hourly demand in MW by UTC hour, one column per balancing authority (.parquet or .csv).

    \b
    Example:
      gridflops validate duke demand_22ba.parquet --curtailment 0.005 --curtailment 0.01
    """
    from capacity.errors import CapacityError
    from capacity.validate.duke import checked_shares, curtailment_enabled_headroom
    from grids.sources.eia930_22 import read_eia930_22
    from grids.variables import GridDataError

    try:
        checked_shares(shares)
        clean = read_eia930_22(file)
        result = curtailment_enabled_headroom(clean.demand, shares, season_rule=season_rule, clock=clock)
    except (GridDataError, CapacityError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(as_record(file, clean, result), indent=2))
        return
    for line in report_lines(file, clean, result):
        click.echo(line)


def as_record(file: Path, clean: CleanDemand, result: xr.Dataset) -> dict[str, Any]:
    """All that the tables show, as plain JSON types; headroom in MW for authorities and GW for totals."""
    from capacity.validate.duke import national_total_gw, published_gw

    periods = [str(period) for period in result["period"].to_numpy()]
    totals = national_total_gw(result)
    native = national_total_gw(result, "native_first_headroom_mw")
    rows = []
    for share in map(float, result["share"].to_numpy()):
        part = result.sel(share=share)
        published = published_gw(share)
        total = float(totals.sel(share=share, period=periods[0]))
        rows.append(
            {
                "curtailed_share": share,
                "total_gw": {period: float(totals.sel(share=share, period=period)) for period in periods},
                "native_first_total_gw": {p: float(native.sel(share=share, period=p)) for p in periods},
                "published_gw": published,
                "difference": None if published is None else total / published - 1.0,
                "authorities": {
                    str(name): _authority_record(part.sel(authority=name)) for name in part["authority"].values
                },
            }
        )
    peaks = result["seasonal_peak_mw"]
    return {
        "file": str(file),
        **{key: result.attrs[key] for key in ("source", "season_rule", "season_rule_text", "clock", "clock_text")},
        "cleaning_rule": clean.rule,
        "cleaning_rule_text": clean.rule_text,
        "cleaning": {str(name): {k: int(v) for k, v in row.items()} for name, row in clean.report.iterrows()},
        "seasonal_peak_mw": {
            str(name): {str(s): float(peaks.sel(authority=name, season=s)) for s in peaks["season"].values}
            for name in peaks["authority"].values
        },
        "results": rows,
    }


def _authority_record(part: xr.Dataset) -> dict[str, dict[str, float | bool | None]]:
    record: dict[str, dict[str, float | bool | None]] = {}
    for period in part["period"].values:
        cell = part.sel(period=period)
        share = float(cell["curtailed_share_of_pooled"])
        record[str(period)] = {
            "has_root": bool(cell["has_root"]),
            **{name: float(cell[name]) for name in NUMBERS},
            "curtailed_share_of_pooled": None if math.isnan(share) else share,
        }
    return record


NUMBERS = (
    "headroom_mw",
    "curtailed_hours_per_year",
    "native_first_headroom_mw",
    "native_first_curtailed_hours_per_year",
)


def report_lines(file: Path, clean: CleanDemand, result: xr.Dataset) -> list[str]:
    """The report a person reads, at most 100 columns wide."""
    years = [str(period) for period in result["period"].to_numpy()[1:]]
    lines = [
        "Curtailment-enabled headroom, gross load, " + f"{years[0]}-{years[-1]} pooled",
        f"  method    {result.attrs['source']}",
        f"  demand    {file}",
        f"  seasons   {result.attrs['season_rule']}: {result.attrs['season_rule_text']}",
        f"  clock     {result.attrs['clock']}: {result.attrs['clock_text']}",
        *_wrapped(f"  cleaning  {clean.rule}: {clean.rule_text}"),
        "",
        *_cleaning_lines(clean),
        "",
        *_pooled_lines(result),
        "",
        *_total_lines(result),
        *_root_lines(result),
    ]
    for share in map(float, result["share"].to_numpy()):
        lines += ["", *_year_lines(result.sel(share=share), share)]
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, width=100, subsequent_indent=" " * 12, drop_whitespace=True)


def _cleaning_lines(clean: CleanDemand) -> list[str]:
    changed = clean.report[clean.report["replaced"] > 0]
    if changed.empty:
        return ["Hours changed by cleaning: none"]
    names = ("missing", "low", "spike", "replaced", "longest_gap", "repeated")
    lines = [f"Hours changed by cleaning, {len(clean.demand):,} hours each (repeated values are kept)"]
    lines.append(f"  {'':6}" + "".join(f"{name.replace('_', ' '):>13}" for name in names))
    for name, row in changed.iterrows():
        lines.append(f"  {name!s:6}" + "".join(f"{int(row[key]):>13,}" for key in names))
    untouched = len(clean.report) - len(changed)
    return [*lines, f"  the other {untouched} authorities: no hour changed"] if untouched else lines


def _pooled_lines(result: xr.Dataset) -> list[str]:
    from grids.sources.eia930_22 import AUTHORITIES

    shares = [float(share) for share in result["share"].to_numpy()]
    pooled = result.isel(period=0)
    lines = ["Pooled headroom L and curtailed hours per year, by curtailed share"]
    lines.append(f"  {'':32}{'peak, GW':>16}" + "".join(f"{f'at {share:.4g}':>19}" for share in shares))
    lines.append(f"  {'':32}{'summer':>8}{'winter':>8}" + "".join(f"{'GW':>10}{'h/yr':>9}" for _ in shares))
    for name in map(str, pooled["authority"].to_numpy()):
        cell = pooled.sel(authority=name)
        summer, winter = cell["seasonal_peak_mw"].to_numpy() / 1000.0
        line = f"  {name:5} {AUTHORITIES.get(name, ''):26}{summer:8.2f}{winter:8.2f}"
        for row in range(len(shares)):
            line += _load_and_hours(cell.isel(share=row))
        lines.append(line)
    totals = pooled["headroom_mw"].sum("authority", skipna=False).to_numpy() / 1000.0
    hours = pooled["curtailed_hours_per_year"].mean("authority", skipna=False).to_numpy()
    ends = "".join(f"{total:10.2f}{mean:9.0f}" for total, mean in zip(totals, hours, strict=True))
    return [*lines, f"  {'total, and mean of the hours':48}{ends}"]


def _load_and_hours(cell: xr.Dataset) -> str:
    if not bool(cell["has_root"]):
        return f"{'no root':>10}{'-':>9}"
    return f"{float(cell['headroom_mw']) / 1000.0:10.2f}{float(cell['curtailed_hours_per_year']):9.0f}"


def _year_lines(part: xr.Dataset, share: float) -> list[str]:
    periods = [str(period) for period in part["period"].to_numpy()]
    lines = [f"Each year alone against the same seasonal peaks, GW, at a curtailed share of {share:.4g}"]
    lines.append("  " + " " * 6 + "".join(f"{period:>8}" for period in periods))
    for name in map(str, part["authority"].to_numpy()):
        cells = part.sel(authority=name)
        roots, loads = cells["has_root"].to_numpy(), cells["headroom_mw"].to_numpy() / 1000.0
        texts = [f"{load:8.2f}" if root else f"{'no root':>8}" for root, load in zip(roots, loads, strict=True)]
        lines.append(f"  {name:6}" + "".join(texts))
    totals = part["headroom_mw"].sum("authority", skipna=False).to_numpy() / 1000.0
    lines.append("  total " + "".join(f"{total:8.2f}" for total in totals))
    pooled = part["headroom_mw"].isel(period=0)
    served = pooled.to_numpy() > ROUNDING_MW
    if not served.any():
        return lines
    weights = pooled / pooled.sum("authority", skipna=False)
    shares = part["curtailed_share_of_pooled"].isel(authority=served)
    mean = (shares * weights.isel(authority=served)).sum("authority", skipna=False).to_numpy()
    lines.append("  curtailed share of the pooled load, %")
    return [*lines, " " * 8 + "".join(f"{100.0 * value:8.2f}" for value in mean)]


def _total_lines(result: xr.Dataset) -> list[str]:
    from capacity.validate.duke import PUBLISHED_YEARS, national_total_gw, published_gw

    total, native = national_total_gw(result), national_total_gw(result, "native_first_headroom_mw")
    years = tuple(int(str(period)) for period in result["period"].to_numpy()[1:])
    lines = ["National total, pooled, GW"]
    lines.append(f"  {'share':>8}{'this run':>11}{'published':>11}{'difference':>12}{'native first':>14}")
    for share in map(float, result["share"].to_numpy()):
        ours = float(total.sel(share=share).isel(period=0))
        published = published_gw(share)
        theirs = "-" if published is None else f"{published:.0f}"
        apart = "-" if published is None else f"{100.0 * (ours / published - 1.0):+.1f} %"
        other = float(native.sel(share=share).isel(period=0))
        lines.append(f"  {share:>8.4g}{ours:>11.2f}{theirs:>11}{apart:>12}{other:>14.2f}")
    if years != PUBLISHED_YEARS:
        lines.append("  The published figures are for 2016-2024; this file covers other years.")
    return lines


def _root_lines(result: xr.Dataset) -> list[str]:
    missing = result["has_root"].isel(period=0)
    lines = []
    for share in missing["share"].to_numpy():
        names = [str(n) for n in missing["authority"].to_numpy()[~missing.sel(share=share).to_numpy()]]
        if names:
            lines.append(f"  No root at {float(share):.4g} for {', '.join(names)}, counted as 0 GW: with these seasons")
            lines.append("  native load alone exceeds the seasonal peak by more than the share allows.")
    return lines
