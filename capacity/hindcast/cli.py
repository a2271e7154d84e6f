"""`gridflops hindcast`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from capacity.cli_errors import plain_errors

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from capacity.hindcast.rolling import Request

SERIES = ("total", "coal", "gas", "wind", "solar", "nuclear", "hydro")
SCOPES = ("countries", "us-states", "cn-provinces", "us-states-capacity", "cn-provinces-capacity")
BASELINES = ("naive_drift", "last_value", "ets", "auto_arima")
COLUMNS = (
    ("scope", "scope", "{}"),
    ("series", "series", "{}"),
    ("model", "model", "{}"),
    ("CRPS", "crps", "{:.3f}"),
    ("CRPS over\nnaive drift", "crps_over_naive", "{:.3f}"),
    ("50 % bands\nheld", "coverage_50", "{:.3f}"),
    ("90 % bands\nheld", "coverage_90", "{:.3f}"),
    ("log bias", "log_bias", "{:+.3f}"),
    ("entities", "entities", "{:,}"),
    ("pairs", "pairs", "{:,}"),
)
TARGET_COLUMNS = (
    ("target", "target", "{}"),
    ("reached", "reached", "{:.4f}"),
    ("limit", "limit", "{}"),
    ("short by", "short_by", "{:.4f}"),
)
OUTLOOK_COLUMNS = (
    ("outlook", "publication", "{}"),
    ("origin", "origin", "{}"),
    ("year", "year", "{}"),
    ("figure\nGW", "outlook", "{:,.0f}"),
    ("actual\nGW", "actual", "{:,.0f}"),
    ("log error of\nthe outlook", "log_error_outlook", "{:+.2f}"),
    ("log error of\nour median", "log_error_median", "{:+.2f}"),
)
AEO_COLUMNS = (
    ("outlook", "publication", "{}"),
    ("of", "quantity", "{}"),
    ("years", "years", "{}"),
    ("bias", "bias", "{:+.3f}"),
    ("error", "error", "{:.3f}"),
    ("our bias", "ours_bias", "{:+.3f}"),
    ("error of\nour median", "ours_error", "{:.3f}"),
    ("our CRPS", "ours_crps", "{:.3f}"),
    ("naive\ndrift", "naive_error", "{:.3f}"),
    ("last\nvalue", "last_value_error", "{:.3f}"),
)
MISS_COLUMNS = (
    ("origin", "origin", "{}"),
    ("year", "year", "{}"),
    ("p5 TWh", "p5_twh", "{:,.0f}"),
    ("p50 TWh", "p50_twh", "{:,.0f}"),
    ("p95 TWh", "p95_twh", "{:,.0f}"),
    ("actual TWh", "actual_twh", "{:,.0f}"),
    ("inside", "inside", "{}"),
)
DEMAND_COLUMNS = (
    ("entity", "entity", "{}"),
    ("model", "model", "{}"),
    ("years\nahead", "horizons", "{}"),
    *COLUMNS[4:8],
    ("pairs", "pairs", "{:,}"),
)
GROWTH_COLUMNS = (
    ("entity", "entity", "{}"),
    ("until", "year", "{}"),
    ("model", "model", "{}"),
    ("p5", "p05", "{:+.1%}"),
    ("p50", "p50", "{:+.1%}"),
    ("p95", "p95", "{:+.1%}"),
)
PLACEMENT_COLUMNS = (
    ("inside", "level", "{}"),
    ("country", "country", "{}"),
    ("technology", "technology", "{}"),
    ("years", "years", "{}"),
    ("GW added", "added_gw", "{:,.1f}"),
    ("rule\nbits a MW", "bits_rule", "{:+.2f}"),
    ("existing\nfleet", "bits_existing", "{:+.2f}"),
    ("recent, or\nland or load", "bits_other", "{:+.2f}"),
    ("distance of\nthe rule", "distance_rule", "{:.2f}"),
    ("existing\nfleet", "distance_existing", "{:.2f}"),
    ("even\nspread", "distance_uniform", "{:.2f}"),
)


def _names(known: tuple[str, ...]) -> Any:
    def parse(context: click.Context, option: click.Parameter, text: str) -> tuple[str, ...]:
        chosen = known if text == "all" else tuple(part.strip() for part in text.split(",") if part.strip())
        unknown = [name for name in chosen if name not in known]
        if unknown or not chosen:
            raise click.BadParameter(f"{', '.join(unknown) or text!r} is not known; choose from {', '.join(known)}")
        return chosen

    return parse


def parse_origins(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """`2012-2022`, `2012` or `2012,2016` as years."""
    years: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{4})(?:-(\d{4}))?\s*", part)
        if not match:
            raise click.BadParameter(f"{part!r} is no year or range of years; write for example 2012-2022")
        years += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(sorted(set(years)))


@click.command(epilog="Example: gridflops hindcast --series solar,wind --origins 2012-2016 --horizons 5")
@click.option("--series", default="all", show_default=True, callback=_names(SERIES), help="Series, comma-separated.")
@click.option("--scopes", default="all", show_default=True, callback=_names(SCOPES), help="What to forecast.")
@click.option("--origins", default="2012-2022", show_default=True, callback=parse_origins, help="Origins.")
@click.option("--horizons", default=10, show_default=True, type=click.IntRange(1, 15), help="Longest horizon, years.")
@click.option(
    "--baselines",
    default="naive_drift,last_value,ets,auto_arima",
    show_default=True,
    callback=_names(BASELINES),
    help="Named baselines; the last two take 40 minutes of one core (40 largest entities of each scope).",
)
@click.option(
    "--out", default=Path("runs/hindcast"), show_default=True, type=click.Path(path_type=Path), help="Folder."
)
@click.option(
    "--write-weights", type=click.Path(path_type=Path), help="Also write what the projection reads to this file."
)
@click.option(
    "--placement", is_flag=True, help="Score where additions were put instead; seconds, writes placement.json."
)
@click.option("--demand", is_flag=True, help="Score the priors of demand growth instead; a minute, writes demand.json.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def hindcast(
    series: tuple[str, ...],
    scopes: tuple[str, ...],
    origins: tuple[int, ...],
    horizons: int,
    baselines: tuple[str, ...],
    out: Path,
    write_weights: Path | None,
    placement: bool,
    demand: bool,
    as_json: bool,
) -> None:
    """Forecast the past from rolling origins and score it against named baselines.

    Each forecast uses the record up to its origin and nothing later, settings included. Scores are kept in the
    folder's `parts`; the same command goes on from there after an interruption.
    """
    if placement or demand:
        _alone("placement" if placement else "demand")
        (_placement if placement else _demand)(out, as_json)
        return
    with plain_errors():
        from capacity.hindcast import rolling, weights
        from capacity.output import writing
        from grids.history import open_history

        history = open_history()
        request = rolling.Request(scopes, series, origins, horizons, baselines)
        if write_weights is not None:
            weights.check_scopes(request)
            writing.check_file(write_weights, "--write-weights")
        writing.check_folder(out)
        with writing.written(out):
            table = rolling.hindcast(history, request, lambda text: click.echo(text, err=True), out / "parts")
        report = _report(history, request, table)
        with writing.replaced_files(out) as folder:
            _write(history, request, report, folder)
        if write_weights is not None:
            with writing.replaced_file(write_weights, "--write-weights") as path:
                weights.write(weights.earned(history, request, table), path)
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    _show(report)
    click.echo(f"{out}: scores.csv, hindcast.json, fans.png, pit.png")


def _alone(chosen: str) -> None:
    """Refuse options that say nothing beside --placement or --demand."""
    context = click.get_current_context()
    given = {name for name in context.params if context.get_parameter_source(name) is not ParameterSource.DEFAULT}
    others = ["--" + name.replace("_", "-") for name in sorted(given - {chosen, "out", "as_json"})]
    if others:
        raise click.UsageError(f"--{chosen} takes no {', '.join(others)}; leave out one or the other")


def _placement(out: Path, as_json: bool) -> None:
    """Bits gained over an even spread per MW added, and half the sum of differences in share."""
    with plain_errors():
        import grids
        from capacity.hindcast import placement
        from capacity.output import writing

        writing.check_folder(out)
        records = placement.table(grids.open_grid())
        _keep(records, out / "placement.json")
    if as_json:
        click.echo(json.dumps(records, indent=1))
        return
    from capacity.output.tables import show

    rows = []
    for record in records:
        other = "recent" if record["level"] == "areas" else "land_or_load"
        bits = {f"bits_{name}": record["bits"][name] for name in ("rule", "existing")}
        distance = {f"distance_{name}": record["distance"][name] for name in ("rule", "existing", "uniform")}
        rows.append(record | bits | distance | {"bits_other": record["bits"][other]})
    show("Where additions went (over an even spread)", PLACEMENT_COLUMNS, rows)
    click.echo(f"{out}: placement.json")


def _demand(out: Path, as_json: bool) -> None:
    """Scores of total generation as it came under the priors of demand growth, and both beside each other ahead."""
    with plain_errors():
        from capacity.hindcast import demand
        from capacity.hindcast.scores import FOCUS
        from capacity.output import writing
        from grids.history import open_history

        writing.check_folder(out)
        history = open_history()
        report: dict[str, Any] = {
            "scores": demand.table(history),
            "growth_ahead": demand.growth_ahead(history),
            "spread_needed": {entity: demand.needed_spread(history, entity) for entity in FOCUS.values()},
        }
        _keep(report, out / "demand.json")
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    from capacity.output.tables import show

    show("Growth of demand, forecast from past years (log level)", DEMAND_COLUMNS, report["scores"])
    show("Growth a year from the end of 2024", GROWTH_COLUMNS, report["growth_ahead"])
    for entity, factor in report["spread_needed"].items():
        click.echo(f"{entity}: the prior's bands would have held 90 % with {factor:.1f} times its spread")
    click.echo(f"{out}: demand.json")


def _keep(contents: Any, path: Path) -> None:
    from capacity.output import writing

    with writing.replaced_file(path, "--out") as unfinished:
        unfinished.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")


def _report(history: xr.Dataset, request: Request, table: pd.DataFrame) -> dict[str, Any]:
    from capacity.hindcast import outlooks, scores, shipping

    solar = "solar" in request.series and "countries" in request.scopes
    return {
        "origins": list(request.origins),
        "horizon": request.horizon,
        "scores": scores.summary(table),
        "united_states": scores.of_country(table, "United States"),
        "china": scores.of_country(table, "China"),
        "targets": scores.targets(table),
        "targets_of_first_origins": scores.targets(scores.first_origins(table)),
        "china_solar": outlooks.known_misses(history) if solar else [],
        "outlooks": outlooks.against_outlooks(history) if solar else [],
        "annual_energy_outlooks": outlooks.against_aeo(history) if "countries" in request.scopes else [],
        "flags": shipping.flags(history, request, table),
        "pit": scores.pit_histogram(table),
    }


def _write(history: xr.Dataset, request: Request, report: dict[str, Any], folder: Path) -> None:
    import pandas as pd

    from capacity.hindcast import figures

    pd.DataFrame(report["scores"]).to_csv(folder / "scores.csv", index=False)
    (folder / "hindcast.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    figures.pit_figure(report["pit"], folder / "pit.png")
    if "countries" in request.scopes:
        figures.fan_figure(history, request.series, request.horizon, folder / "fans.png")


def _show(report: dict[str, Any]) -> None:
    from capacity.output.tables import show

    show("Scores (log level; CRPS over naive drift on the same pairs)", COLUMNS, report["scores"])
    titles = {"united_states": "United States, then its states", "china": "China, then its provinces"}
    for key, title in titles.items():
        rows = [row for row in report[key] if row["model"] in ("pooled", *BASELINES)]
        if rows:
            show(title, COLUMNS, rows)
    if report["targets"]:
        show("Targets", TARGET_COLUMNS, report["targets"])
        first = [row for row in report["targets_of_first_origins"] if row["short_by"] > 0.0]
        if first:
            show("Missed on the first five origins alone", TARGET_COLUMNS, first)
    if report["china_solar"]:
        show("China's solar, from two origins", MISS_COLUMNS, report["china_solar"])
        show("World solar additions: published outlooks beside our median", OUTLOOK_COLUMNS, report["outlooks"])
    if report["annual_energy_outlooks"]:
        title = "Reference cases of Annual Energy Outlooks (mean log error) beside our forecasts from the same origin"
        show(title, AEO_COLUMNS, report["annual_energy_outlooks"])
    for name, flag in report["flags"].items():
        click.echo(f"flagged: {name}: {flag}")
