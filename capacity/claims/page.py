"""The report as one HTML file: no request leaves it, it reads in light and dark, tables have headers and captions."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from capacity.claims.evidence import Finding
from capacity.claims.report import LABELS_SAID, Report, Section
from capacity.claims.words import number, share_with_error, year

STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c1c1c; --paper: #ffffff; --muted: #555555; --rule: #cfcfcf; --soft: #f3f4f6; --link: #0b57a4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8e8e8; --paper: #16181c; --muted: #b4b4b4; --rule: #464a52; --soft: #22252b; --link: #8ec5ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 system-ui, sans-serif; }
main, header, footer { max-width: 62rem; margin: 0 auto; padding: 0 1.2rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 2rem 0 0.6rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 0.4rem; border-top: 1px solid var(--rule); padding-top: 1.4rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 0.4rem; }
a { color: var(--link); }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: 0.4rem; }
.claim { font-size: 1.15rem; margin: 0.4rem 0 0.8rem; }
.verdict { background: var(--soft); border-left: 4px solid var(--link); padding: 0.7rem 1rem; margin: 1rem 0; }
.note, figcaption, caption { color: var(--muted); font-size: 0.92rem; }
figure { margin: 1.4rem 0; }
figure img { display: block; width: 100%; height: auto; background: #ffffff; border: 1px solid var(--rule); }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
tbody th { min-width: 7.5rem; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--link); padding: 0.3rem 0; }
caption { text-align: left; padding: 0.3rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.7rem 0.35rem 0; }
th, td { border-bottom: 1px solid var(--rule); }
thead th { border-bottom: 2px solid var(--muted); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-family: ui-monospace, monospace; font-size: 0.88em; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: 0.6rem 0.8rem; overflow-x: auto; font-size: 0.88rem; }
@media (max-width: 44rem) {
  main, header, footer { padding: 0 1rem; }
  figure img { width: 44rem; max-width: none; }
  .cards thead { position: absolute; left: -999rem; }
  .cards tr { display: block; padding: 0.5rem 0; border-bottom: 2px solid var(--rule); }
  .cards th, .cards td { display: block; border: 0; padding: 0.15rem 0; text-align: left; }
  .cards tbody th::before { content: attr(data-column) " "; font-weight: normal; color: var(--muted); }
  .cards td::before { content: attr(data-column) ": "; color: var(--muted); }
  .cards td.number, .cards th.number { text-align: left; }
  .cards td[data-empty] { display: none; }
}
@media print { .wide { overflow: visible; } h2 { break-before: page; } }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
PARTS = 3
"""Conditions shown beside a verdict, since a claim with two parts can fail by one."""
NUMERIC = set("0123456789+-−.,()% ")


def html(report: Report, figures: Path) -> str:
    """The page; figures are read from the folder and put into it.

    figures : folder that holds the PNG of each section
    """
    sections = "\n".join(_section(section, figures) for section in report.sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#claims">To the claims</a>\n'
        f"<header>\n<h1>{escape(report.title)}</h1>\n{_opening(report)}\n</header>\n"
        f'<main id="claims">\n{_overview(report)}\n{sections}\n{_closing(report)}\n</main>\n'
        f"<footer>\n<p class='note'>{escape(report.run)}</p>\n</footer>\n</body>\n</html>\n"
    )


def _opening(report: Report) -> str:
    scenarios = f"Scenarios, with the same draws in each: {', '.join(report.scenarios)}."
    texts = [
        "Each section takes one sentence of a commentary on artificial intelligence, power, the United States and "
        "China, says what "
        "statistic would tell whether it holds, and gives what a model with labelled inputs says about it. A "
        "probability here is the "
        "share of the model's draws in which the condition is met. It is as good as the inputs, many of which are "
        "judgements "
        "(label J in the table of parameters), and says nothing about what the model leaves out.",
        f"{report.run} {scenarios}",
    ]
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts)


def _overview(report: Report) -> str:
    rows = [
        (
            f"{s.answer.claim.number}",
            s.answer.claim.sentence,
            f"{100 * s.answer.holds.value:.0f} ({100 * s.answer.holds.error:.1f})",
            f"{s.answer.findings[0].name}: {s.answer.findings[0].band}",
            _parts(s),
        )
        for s in report.sections
    ]
    columns = (
        "Claim",
        "In one sentence",
        "Holds as stated, % of draws (Monte-Carlo error)",
        "First statistic",
        "Parts",
    )
    contents = "".join(
        f'<li><a href="#claim-{s.answer.claim.number}">{s.answer.claim.number}. {escape(s.answer.claim.title)}</a></li>'
        for s in report.sections
    )
    rest = "".join(
        f'<li><a href="#{anchor}">{text}</a></li>'
        for anchor, text in (
            ("untested", "What no run can test"),
            ("ledger", "The commentary's own figures"),
            ("thresholds", "Limits of the tests"),
            ("parameters", "Parameters"),
        )
    )
    return (
        f"<nav aria-label='Contents'><ul>{contents}{rest}</ul></nav>\n"
        f"{table('The claims at a glance', columns, rows, cards=True)}"
    )


def _parts(section: Section) -> str:
    """The first conditions of a claim, each with how often it holds alone."""
    asked = [finding for finding in section.answer.findings if finding.probability is not None][:PARTS]
    return "; ".join(f"{finding.name}: {finding.condition}: {finding.chance}" for finding in asked)


def _section(section: Section, figures: Path) -> str:
    answer, claim = section.answer, section.answer.claim
    parts = [
        f'<section id="claim-{claim.number}" aria-labelledby="title-{claim.number}">',
        f'<h2 id="title-{claim.number}">{claim.number}. {escape(claim.title)}</h2>',
        f'<p class="claim">{escape(claim.sentence)}</p>',
        f"<p><strong>Test.</strong> {escape(claim.test)} It counts as holding where: {escape(claim.condition)}</p>",
        f'<p class="verdict">As stated it {escape(answer.holds.words)}: {escape(share_with_error(answer.holds))}.</p>',
        *(f"<p>{escape(sentence)}</p>" for sentence in answer.sentences),
        _figure(section, figures),
        table("What the draws say", FINDING_COLUMNS, [finding_row(f) for f in answer.findings], cards=True),
        *(table(t.title, t.columns, t.rows) for t in answer.tables),
        "<h3>What would change the verdict</h3>",
        _influence(section),
        "<h3>The strongest data against it</h3>",
        f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in section.against)}</ul>",
        f"<p><strong>Left out.</strong> {escape(claim.untested)}</p>",
        "<h3>To get this section again</h3>",
        f"<pre><code>{escape(section.command)}</code></pre>",
        "</section>",
    ]
    return "\n".join(parts)


def _figure(section: Section, figures: Path) -> str:
    data = base64.b64encode((figures / section.figure_name).read_bytes()).decode("ascii")
    text = f"{section.answer.figure['title']}. {section.answer.caption}"
    name = f"Figure of claim {section.answer.claim.number}"
    return (
        f'<figure>\n<div class="wide" role="region" tabindex="0" aria-label="{name}">'
        f'<img src="data:image/png;base64,{data}" alt="{escape(section.alternative, quote=True)}"></div>\n'
        f"<figcaption>{escape(text)} {escape(section.source)} Command: "
        f"<code>{escape(section.command)}</code></figcaption>\n</figure>"
    )


FINDING_COLUMNS = (
    "Statistic",
    "Unit",
    "Median",
    "5 %",
    "95 %",
    "Monte-Carlo error of the median",
    "Condition",
    "Probability, %",
    "Its error, points",
)


def finding_row(finding: Finding) -> tuple[str, ...]:
    """A finding as texts, in the order of FINDING_COLUMNS."""
    p, chance = finding.posterior, finding.probability
    said_as = year if finding.unit == "calendar year" else number
    said = ("-", "-") if chance is None else (f"{100 * chance.value:.0f}", f"{100 * chance.error:.1f}")
    return (
        finding.name,
        finding.unit,
        said_as(p.median),
        said_as(p.low),
        said_as(p.high),
        number(p.error),
        finding.condition or "-",
        *said,
    )


def _influence(section: Section) -> str:
    if not section.influences:
        return "<p>The statistic does not vary over the draws, so no parameter changes it.</p>"
    rows = [
        (
            i.id,
            i.what,
            i.label,
            f"{i.correlation:+.2f}",
            number(i.low),
            number(i.high),
            "yes" if i.above_noise else "no",
        )
        for i in section.influences
    ]
    columns = (
        "Parameter",
        "What it is",
        "Label",
        "Rank correlation",
        "Median of the statistic, parameter in its lowest quarter",
        "in its highest quarter",
        "Above noise",
    )
    caption = f"Influences on: {section.answer.headline_of}"
    return f"<p>{escape(section.influence_text)}</p>\n{table(caption, columns, rows, cards=True)}"


def _closing(report: Report) -> str:
    untested = "".join(f"<li>{escape(item.text)} {escape(item.why)}</li>" for item in report.untestable)
    labels = "; ".join(f"{label} {text}" for label, text in LABELS_SAID.items())
    return "\n".join(
        [
            f"<section id='untested'><h2>What no run can test</h2><ul>{untested}</ul></section>",
            "<section id='ledger'><h2>The commentary's own figures</h2>",
            table("Each figure beside what sources at hand say", report.ledger_columns, report.ledger_rows, cards=True),
            "</section>",
            "<section id='thresholds'><h2>Limits of the tests</h2>",
            table(
                "Numbers that decide when a claim counts as holding",
                report.threshold_columns,
                report.threshold_rows,
                cards=True,
            ),
            "</section>",
            f"<section id='parameters'><h2>Parameters</h2><p>Labels: {escape(labels)}.</p>",
            f"<details><summary>{escape(_labels_counted(report))}</summary>",
            table("Every parameter of the reference", report.parameter_columns, report.parameter_rows, cards=True),
            "</details></section>",
        ]
    )


def _labels_counted(report: Report) -> str:
    """How many parameters there are, and how many of each label."""
    found = Counter(row[report.parameter_columns.index("Label")] for row in report.parameter_rows)
    each = ", ".join(f"{found[label]} {label}" for label in LABELS_SAID if found[label])
    return f"All {len(report.parameter_rows)} parameters of the reference, with value, unit, label and source ({each})"


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, cards: bool = False) -> str:
    """An accessible table: caption, column headers, the first cell of a row as its header; numbers to the right.

    cards : on narrow screens each row becomes a card, its cells named; for tables of sentences. Roles are written out,
        since a browser that lays a table out as blocks may no longer take it for one.
    """
    body = [list(row) for row in rows]
    right = [bool(body) and all(set(row[c]) <= NUMERIC for row in body if row[c]) for c in range(len(columns))]
    style = [' class="number"' if numbers else "" for numbers in right]
    roles = {name: f' role="{name}"' for name in ("table", "rowgroup", "row", "columnheader", "rowheader", "cell")}
    role = roles if cards else dict.fromkeys(roles, "")
    named = [f' data-column="{escape(name, quote=True)}"' if cards else "" for name in columns]
    head = "".join(
        f'<th scope="col"{role["columnheader"]}{style[c]}>{escape(name)}</th>' for c, name in enumerate(columns)
    )
    lines = []
    for row in body:
        first = f'<th scope="row"{role["rowheader"]}{style[0]}{named[0]}>{escape(row[0])}</th>'
        rest = "".join(
            f"<td{role['cell']}{style[c]}{named[c]}{' data-empty' if text == '-' else ''}>{escape(text)}</td>"
            for c, text in enumerate(row[1:], start=1)
        )
        lines.append(f"<tr{role['row']}>{first}{rest}</tr>")
    group, kind = role["rowgroup"], "wide cards" if cards else "wide"
    return (
        f'<div class="{kind}" role="region" tabindex="0" aria-label="{escape(caption, quote=True)}">\n'
        f"<table{role['table']}>\n<caption>{escape(caption)}</caption>\n"
        f"<thead{group}><tr{role['row']}>{head}</tr></thead>\n"
        f"<tbody{group}>\n{chr(10).join(lines)}\n</tbody>\n</table>\n</div>"
    )
