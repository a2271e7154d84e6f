"""`gridflops doctor`."""

from __future__ import annotations

import json
from itertools import groupby

import click

MARKS = {"ok": "ok", "note": "--", "fault": "!!"}


@click.command(epilog="Example: gridflops doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what is installed here and whether it can run: packages, engines, devices, data.

    Exit code 0: a run is possible (a note, marked --, is about something optional). 1: something, marked !!, is wrong.
    """
    from dataclasses import asdict

    from capacity.doctor import examine

    findings = examine()
    faults = sum(finding.status == "fault" for finding in findings)
    if as_json:
        document = {"ok": faults == 0, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        context.exit(1 if faults else 0)
    for topic, some in groupby(findings, key=lambda finding: finding.topic):
        click.echo(topic)
        for finding in some:
            click.echo(f"  {MARKS[finding.status]}  {finding.text}")
    click.echo(f"\nTo repair: {faults}, marked !!" if faults else "\nReady to run.")
    context.exit(1 if faults else 0)
