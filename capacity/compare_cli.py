"""`gridflops compare`."""

from __future__ import annotations

import json

import click

from capacity.cli_errors import plain_errors

TABLE_YEARS = (2025, 2030, 2035, 2040)


@click.command(
    epilog="Examples: gridflops compare runs/base runs/flexible runs/network\n\n"
    "          gridflops compare runs/latest::reference runs/latest::us-flexible-load"
)
@click.argument("runs", metavar="RUN RUN [RUN]...", nargs=-1, required=True)
@click.option("--unpaired", is_flag=True, help="Compare runs whose seed or draws differ, as independent samples.")
@click.option("--all-years", is_flag=True, help="Every year in the table, not only 2025, 2030, 2035 and 2040.")
@click.option("--json", "as_json", is_flag=True, help="Print every year as JSON.")
def compare(runs: tuple[str, ...], unpaired: bool, all_years: bool, as_json: bool) -> None:
    """Differences of every other RUN from the first, draw by draw.

    A RUN is a folder that `gridflops run` wrote, or FOLDER::SCENARIO for one of its scenarios. Runs with several
    scenarios are compared scenario by scenario of the same name. Draws are pairs, so the standard error is that of the
    differences, mostly far below that of either run.
    """
    if len(runs) < 2:
        raise click.UsageError("give at least two runs")
    with plain_errors():
        import pandas as pd

        from capacity import compare as module
        from capacity.output import tables

        pairs = list(module.pairs([module.read(run) for run in runs]))
        found = pd.concat([module.differences(*pair, paired=not unpaired) for pair in pairs], ignore_index=True)
        samples = [sample for pair in pairs for sample in pair]
        other, flags = module.other_settings(samples), module.flags(samples)
    kind = "independent samples" if unpaired else "draw by draw"
    if as_json:
        rows = json.loads(found.to_json(orient="records", double_precision=12))
        told = {"paired": not unpaired, "differ_also_in": other, "hindcast_flags": flags, "differences": rows}
        print(json.dumps(told, indent=2))
        return
    years = sorted({int(year) for year in found["year"]})
    shown = years if all_years else [year for year in TABLE_YEARS if year in years] or years[-1:]
    for (first, second), part in found.groupby(["first", "second"], sort=False):
        rows = part[part["year"].isin(shown)].to_dict("records")
        tables.show(f"{second} minus {first}, {kind}", tables.COMPARE, rows)
    for name, values in other.items():
        print(f"The runs differ in {name} as well: {', '.join(values)}")
    everywhere = {sample.run for sample in samples}
    for line, named in flags.items():
        where = "" if set(named) == everywhere else f" in {', '.join(named)}"
        print(f"Supply flagged by the hindcast{where}: {line}")
