"""`gridflops scenarios`: list, show, diff, validate, schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from scenarios import Parameter

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


PIPE_WIDTH = 170
"""Columns of a table that goes to a file or a pipe, where nothing need fold."""


@click.group()
def scenarios() -> None:
    """Growth scenarios: what they assume, and whether yours is sound.

    \b
    Example: gridflops scenarios show us-flexible-load
    """


@scenarios.command("list")
@JSON
def list_(as_json: bool) -> None:
    """List the scenarios that come with the package.

    \b
    Example: gridflops scenarios list
    """
    from scenarios import library, load

    loaded = _or_fail(lambda: load(library()))
    rows = [{"name": s.name, "title": s.title, "overrides": len(s.overridden)} for s in loaded]
    if as_json:
        _print_json(rows)
        return
    table = _table("scenario", "title", "overrides")
    for row in rows:
        table.add_row(*(str(cell) for cell in row.values()))
    _print(table)


@scenarios.command()
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Also the parameters left at their default.")
@JSON
def show(name: str, everything: bool, as_json: bool) -> None:
    """Show what the scenario NAME (or FILE.yaml) is for, and what it overrides.

    \b
    Examples: gridflops scenarios show us-flexible-load
              gridflops scenarios show mine.yaml --all --json
    """
    from scenarios import load, scenario_hash
    from scenarios.correlation_file import default_correlation
    from scenarios.difference import ties

    (scenario,) = _or_fail(lambda: load([name]))
    shown = [p for p in scenario.parameters if everything or p.id in scenario.overridden]
    if as_json:
        _print_json(
            {
                **scenario.model_dump(mode="json", exclude={"parameters"}),
                "hash": scenario_hash(scenario),
                "parameters": [parameter.model_dump(mode="json") for parameter in shown],
            }
        )
        return
    click.echo(f"{scenario.name}: {scenario.title}\n\n{click.wrap_text(scenario.rationale, width=100)}\n")
    for source in scenario.sources:
        click.echo(click.wrap_text(source, 100, "Source: ", "        "))
    click.echo()
    default = default_correlation()
    if scenario.correlation != default:
        changed = ties(scenario.model_copy(update={"correlation": default}), scenario)
        told = "; ".join(f"{tie.of} {tie.second:g}" for tie in changed) if scenario.correlation.factors else "none"
        click.echo(click.wrap_text(told, 100, "Correlation: ", "             ") + "\n")
    if shown:
        _print(_parameters(shown))
        for source, ids in _told_once(shown).items():
            click.echo(click.wrap_text(f"{', '.join(ids)}: {source}", 100, "", "    "))
    else:
        click.echo("Nothing is overridden; --all shows the defaults.")


@scenarios.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@JSON
def diff(first: str, second: str, as_json: bool) -> None:
    """Show every value, and tie of parameters, that differs between the scenarios A and B (names, FILE.yaml, or a+b).

    \b
    Examples: gridflops scenarios diff reference us-flexible-load
              gridflops scenarios diff cn-export-control-tight cn-export-control-loose --json
    """
    from scenarios import load
    from scenarios.difference import differences, ties
    from scenarios.document import value_text

    names = [first] if first == second else [first, second]
    loaded = _or_fail(lambda: load(names))
    pair = loaded[0], loaded[-1]
    found, tied = differences(*pair), ties(*pair)
    if as_json:
        sides = [{"name": scenario.name, "title": scenario.title} for scenario in pair]
        rows = [{"id": d.id, "unit": d.unit, "a": _side(d.first), "b": _side(d.second)} for d in found]
        correlation = [{"of": tie.of, "a": tie.first, "b": tie.second} for tie in tied]
        _print_json({"a": sides[0], "b": sides[1], "parameters": rows, "correlation": correlation})
        return
    if tied:
        table = _table("correlation of", pair[0].name, pair[1].name)
        for tie in tied:
            table.add_row(tie.of, f"{tie.first:g}", f"{tie.second:g}")
        _print(table)
    if not found:
        click.echo(f"{pair[0].name} and {pair[1].name} set every parameter alike.")
        return
    table = _table("parameter", "unit", pair[0].name, "label", pair[1].name, "label")
    for d in found:
        table.add_row(
            d.id, d.unit, value_text(d.first.value), d.first.label, value_text(d.second.value), d.second.label
        )
    _print(table)
    for scenario, side in zip(pair, ("first", "second"), strict=True):
        click.echo(f"Sources of {scenario.name}")
        for source, ids in _told_once([getattr(d, side) for d in found]).items():
            click.echo(click.wrap_text(f"{', '.join(ids)}: {source}", 100, "  ", "    "))


def _side(parameter: Parameter) -> dict[str, Any]:
    return parameter.model_dump(mode="json", include={"value", "label", "source", "fixed_because"})


@scenarios.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@JSON
def validate(files: tuple[str, ...], as_json: bool) -> None:
    """Check scenario FILEs; every problem of every file is listed at once.

    \b
    Example: gridflops scenarios validate mine.yaml theirs.yaml
    """
    from scenarios.loading import problems_of

    found = problems_of(files)
    if as_json:
        _print_json({file: [str(problem) for problem in problems] for file, problems in found.items()})
    else:
        for file, problems in found.items():
            if not problems:
                click.echo(f"{file}: sound")
        _complain([str(problem) for problems in found.values() for problem in problems])
    if any(found.values()):
        raise click.exceptions.Exit(1)


@scenarios.command()
def schema() -> None:
    """Print the JSON schema of a scenario file, for editors that complete and check YAML.

    \b
    Example: gridflops scenarios schema > scenario.schema.json
    """
    from scenarios import json_schema

    _print_json(json_schema())


def _or_fail(action: Any) -> Any:
    """Result of action(); a ScenarioError becomes one block on standard error and exit status 1."""
    from scenarios import ScenarioError

    try:
        return action()
    except ScenarioError as error:
        _complain([str(problem) for problem in error.problems])
        raise click.exceptions.Exit(1) from error


def _complain(problems: Sequence[str]) -> None:
    if len(problems) == 1:
        click.echo(f"Error: {problems[0]}", err=True)
    elif problems:
        click.echo(f"Error: {len(problems)} problems", err=True)
        for problem in problems:
            click.echo(f"  {problem}", err=True)


def _parameters(parameters: Sequence[Parameter]) -> Table:
    from scenarios.document import value_text

    table = _table("parameter", "value", "unit", "label")
    for p in parameters:
        table.add_row(p.id, value_text(p.value), p.unit, p.label)
    return table


def _told_once(parameters: Sequence[Parameter]) -> dict[str, list[str]]:
    """Ids by source, so that a source shared by many is printed once."""
    ids: dict[str, list[str]] = {}
    for parameter in parameters:
        ids.setdefault(parameter.source, []).append(parameter.id)
    return ids


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table, markup=False)


def _print_json(content: Any) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
