"""`gridflops sensitivity`."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors
from capacity.cli_options import LAST_YEAR
from capacity.run_cli import progress_bar

if TYPE_CHECKING:
    from capacity.sensitivity.study import Plan, Study
    from cuda_kernels import Engine

FIGURE = "tornado.png"
SHOWN = 5
"""Parameters worth knowing most that are reported."""


@click.command(epilog="Example: gridflops sensitivity --draws 256 --year 2030 --out runs/sensitivity")
@click.option("--draws", default=256, show_default=True, type=click.IntRange(min=8), help="Base draws; see the cost.")
@click.option("--year", default=2030, show_default=True, type=click.IntRange(2026, LAST_YEAR), help="Year studied.")
@click.option(
    "--country",
    type=click.Choice(["US", "CN", "both"]),
    default="both",
    show_default=True,
    help="Whose deployed compute to show; both adds their ratio.",
)
@click.option("--scenario", "scenario_name", default="reference", show_default=True, help="Name or YAML file.")
@cli_options.SEED
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder for {FIGURE} and the tables as CSV and JSON.",
)
@cli_options.GRID
@cli_options.ENGINE
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def sensitivity(
    draws: int,
    year: int,
    country: str,
    scenario_name: str,
    seed: int,
    out: Path | None,
    grid_file: Path | None,
    engine: Engine,
    as_json: bool,
) -> None:
    """Which group of parameters decides deployed compute, and what it is worth to know it better.

    First-order and total Sobol indices and Shapley effects of twelve groups, the value of information for the ranking
    of the US and China, and the parameters that move compute most, one at a time.
    """
    began = time.monotonic()
    with plain_errors():
        import grids
        import scenarios
        from capacity.output import writing
        from capacity.sensitivity import study
        from capacity.sensitivity.model import Model

        if out is not None:
            writing.check_folder(out)
        outputs = tuple(study.OUTPUTS) if country == "both" else (country.lower(),)
        scenario = scenarios.load([scenario_name])[0]
        grid = grids.open_grid(grid_file)
        with progress_bar(quiet=as_json) as progress:
            plan = study.Plan(Model(grid, scenario, seed, year, engine=engine, progress=progress), draws)
            click.echo(_cost(plan), err=True)
            found = plan.run()
        record = _record(found, outputs, time.monotonic() - began)
        if out is not None:
            with writing.replaced_files(out) as folder:
                _write(found, record, outputs, folder)
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    _print(found, record)
    if out is not None:
        click.echo(f"written to {out}")


def _cost(plan: Plan) -> str:
    grids = ", ".join(f"{count:,} of {country}" for country, count in plan.cost.grids.items())
    return (
        f"{plan.cost.runs:,} runs of the chain; the grid is solved for {grids} of them, "
        f"about {max(1.0, plan.cost.seconds):,.0f} s by a trial"
    )


def _record(found: Study, outputs: Sequence[str], seconds: float) -> dict[str, Any]:
    """All that is printed or written, as plain JSON types."""
    from capacity.sensitivity import study

    def chosen(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["output"] in outputs]

    return {
        "scenario": found.scenario,
        "year": found.year,
        "seed": found.seed,
        "draws": found.draws,
        "cost": asdict(found.cost),
        "wall_seconds": round(seconds, 1),
        "outputs": {
            name: {
                "title": study.OUTPUTS[name],
                "unit": "1" if name == "ratio" else "million H100e",
                **{f"p{level}": getattr(found.outputs[name], f"p{level}") for level in (10, 50, 90)},
                "at_medians": found.middle[name],
            }
            for name in outputs
        },
        "groups": chosen(study.group_rows(found)),
        "information": study.question_rows(found) if "ratio" in outputs else [],
        "information_parameters": study.parameter_rows(found, SHOWN) if "ratio" in outputs else [],
        "parameters": chosen(study.swing_rows(found)),
    }


def _write(found: Study, record: Mapping[str, Any], outputs: tuple[str, ...], folder: Path) -> None:
    from capacity.sensitivity.figure import tornado

    command = f"gridflops sensitivity --draws {found.draws} --year {found.year} --seed {found.seed}"
    tornado(found, folder / FIGURE, f"Source: {command} --scenario {found.scenario}", outputs)
    (folder / "sensitivity.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for name in ("groups", "information", "information_parameters", "parameters"):
        rows = record[name]
        if rows:
            with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)


def _print(found: Study, record: Mapping[str, Any]) -> None:
    from capacity.output import tables
    from capacity.sensitivity.tables import GROUPS, INFORMATION, PARAMETERS

    for name, about in record["outputs"].items():
        unit = "times" if name == "ratio" else about["unit"]
        rows = sorted((row for row in record["groups"] if row["output"] == name), key=lambda row: -row["shapley"])
        tables.show(
            f"{about['title']}, {found.year}: median {about['p50']:,.3g} {unit} ({about['p10']:,.3g} to "
            f"{about['p90']:,.3g}); shares of the variance of its logarithm, with standard errors",
            GROUPS,
            rows,
        )
        moved = [row for row in record["parameters"] if row["output"] == name][:8]
        tables.show(f"One parameter at a time; {about['at_medians']:,.3g} {unit} at the medians", PARAMETERS, moved)
    for question in found.questions if record["information"] else ():
        kinds = (record["information"], record["information_parameters"])
        rows = [row for kind in kinds for row in kind if row["line"] == question.line]
        tables.show(
            f"Does the US deploy more than {question.line:.3g} times what China does? Probability "
            f"{question.probability:.1%}; what knowing a group, or one of the {SHOWN} parameters worth most, adds to "
            "the share of right answers",
            INFORMATION,
            rows,
        )
    print(f"{found.cost.runs:,} runs, {record['wall_seconds']:,.1f} s")
