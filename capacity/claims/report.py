"""The report: sections with figures, influences and commands, the ledger, and every parameter with its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import pandas as pd

from capacity.claims import drawings, ledger
from capacity.claims.evidence import REFERENCE, Answer, Evidence
from capacity.claims.influence import (
    CHANCE,
    CHANCE_SAID,
    METHOD,
    Influence,
    chances,
    most_influential,
    noise_bound,
    parameter_values,
)
from capacity.claims.posterior import BAND, Probability
from capacity.claims.texts import Untestable, document
from capacity.claims.words import number
from capacity.errors import CapacityError
from capacity.output import run_folder
from capacity.output.writing import replaced_run
from scenarios import Scenario
from scenarios.schema import LABELS

LABELS_SAID = LABELS
TITLE = "Six claims on AI, power, the United States and China"
SHOWN_INFLUENCES = 3


@dataclass(frozen=True)
class Section:
    """One claim with all that is printed about it."""

    answer: Answer
    influences: Sequence[Influence]
    influence_text: str
    against: Sequence[str]
    command: str
    source: str
    alternative: str

    @property
    def figure_name(self) -> str:
        return f"claim_{self.answer.claim.number}.png"


@dataclass(frozen=True)
class Report:
    """Everything that is written."""

    title: str
    run: str
    scenarios: Sequence[str]
    sections: Sequence[Section]
    untestable: Sequence[Untestable]
    ledger_columns: Sequence[str]
    ledger_rows: Sequence[Sequence[str]]
    threshold_columns: Sequence[str]
    threshold_rows: Sequence[Sequence[str]]
    parameter_columns: Sequence[str]
    parameter_rows: Sequence[Sequence[str]]


def build(evidence: Evidence, answers: Sequence[Answer], out: Path, grid_file: Path | None = None) -> Report:
    """The report of a run's answers; `out` and the user's grid file are named in the commands that make it again."""
    ledger_rows = _ledger_rows(evidence)
    return Report(
        TITLE,
        _run_line(evidence),
        list(evidence.scenarios),
        [_section(evidence, answer, command(evidence, answer.claim.number, out, grid_file)) for answer in answers],
        document().untestable,
        ("Figure", "As stated", "What sources say", "Computed", "Verdict", "Label", "Source"),
        ledger_rows,
        ("Claim", "Limit", "Value", "Unit", "Label", "Source"),
        _threshold_rows(answers),
        ("Parameter", "Value", "Unit", "Label", "What it is", "Source"),
        parameter_rows(evidence.scenarios[REFERENCE]),
    )


def _run_line(evidence: Evidence) -> str:
    result = evidence.result
    return (
        f"gridflops {result.attrs['gridflops_version']}, {result.sizes['draw']} draws, seed "
        f"{int(result.attrs['seed'])}, "
        f"{evidence.years[0]}-{evidence.years[-1]}; tests over {evidence.first}-{evidence.last}."
    )


def command(evidence: Evidence, claim: int, out: Path, grid_file: Path | None = None) -> str:
    """What to type to get a section and its figure again."""
    seed, draws = int(evidence.result.attrs["seed"]), evidence.result.sizes["draw"]
    years = f"{evidence.years[0]}-{evidence.years[-1]}"
    words = f"gridflops claims --claim {claim} --years {years} --draws {draws} --seed {seed} --out {quote(str(out))}"
    return words if grid_file is None else f"{words} --grid {quote(str(grid_file))}"


def _section(evidence: Evidence, answer: Answer, again: str) -> Section:
    draws = evidence.draws()
    values = parameter_values(draws, answer.countries, answer.claim.topics)
    values |= chances(draws, answer.countries, evidence.last)
    influences = most_influential(answer.headline, draws, values, SHOWN_INFLUENCES)
    bound = noise_bound(len(answer.headline), len(values))
    against = [f"{item.text} ({item.label}: {item.source}.)" for item in answer.claim.against]
    source = (
        f"Source: gridflops {evidence.result.attrs['gridflops_version']}, {evidence.result.sizes['draw']} draws, seed "
        f"{int(evidence.result.attrs['seed'])}; data listed by gridflops grids info."
    )
    return Section(
        answer,
        influences,
        _influence_text(influences, bound, answer.headline_unit),
        [*answer.against, *against],
        again,
        source,
        alternative_text(answer),
    )


def _influence_text(influences: Sequence[Influence], bound: float, unit: str) -> str:
    clear = [influence for influence in influences if influence.above_noise]
    method = f"Method: {METHOD}; up to {bound:.2f} is what noise would reach in one of the parameters."
    if not clear:
        return f"No single parameter stands out of the noise of these draws. {method}"
    said = "; ".join(
        f"with {i.id} in its highest quarter the median is {number(i.high)} {unit}, in its lowest {number(i.low)}"
        for i in clear
    )
    luck = f" {CHANCE_SAID}" if any(i.id.startswith(CHANCE) for i in influences) else ""
    return f"{said[0].upper()}{said[1:]}.{luck} {method}"


def alternative_text(answer: Answer) -> str:
    """The figure in words, for those who do not see it: what it shows and its main numbers."""
    first = answer.findings[0]
    p = first.posterior
    return (
        f"{answer.figure['title']}. {answer.caption} {first.name}: median {number(p.median)} {first.unit}, "
        f"90 % band {number(p.low)} to {number(p.high)}."
    )


def _ledger_rows(evidence: Evidence) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for entry in ledger.entries():
        computed = "; ".join(_computed(check) for check in ledger.check(entry, evidence.grid))
        ends = [value for value in (entry.value, entry.low, entry.high) if value is not None]
        figure = f"{' to '.join(number(value) for value in ends)} {entry.unit}"
        rows.append((figure, entry.stated, entry.says, computed or "-", entry.verdict, entry.label, entry.source))
    return rows


def _computed(check: ledger.Check) -> str:
    """Arithmetic with its result; one that does not come out (on another grid) says so."""
    piece = check.arithmetic
    unit = "" if piece.unit == "1" else f" {piece.unit}"
    doubt = "" if check.holds else f" (not the {number(piece.gives)} of the ledger)"
    return f"{piece.says}: {number(check.computed)}{unit}{doubt}"


def _threshold_rows(answers: Sequence[Answer]) -> list[tuple[str, ...]]:
    return [
        (
            str(answer.claim.number),
            name,
            number(float(t.value)) if t.unit != "yr" else f"{t.value:g}",
            t.unit,
            t.label,
            t.source,
        )
        for answer in answers
        for name, t in answer.claim.thresholds.items()
    ]


def parameter_rows(scenario: Scenario) -> list[tuple[str, ...]]:
    """Every parameter with unit, label and source. Raises CapacityError for one without a label."""
    rows: list[tuple[str, ...]] = []
    for p in scenario.parameters:
        if getattr(p, "label", None) not in LABELS:
            raise CapacityError(f"parameter {p.id} has no label F, P, R or J; no number is shown without one")
        rows.append((p.id, value_text(p.value.model_dump()), p.unit, p.label, p.description, p.source))
    return rows


def value_text(value: dict[str, Any]) -> str:
    """A parameter's value in one line."""
    kind = value.get("kind", "constant")
    rest = {key: item for key, item in value.items() if key != "kind"}
    if kind == "constant":
        return f"{rest['value']:g}"
    if kind == "path":
        return ", ".join(f"{year}: {at:g}" for year, at in dict(rest["nodes"]).items())
    return f"{kind.replace('_', ' ')} ({', '.join(f'{key} {item:g}' for key, item in rest.items())})"


def write(report: Report, evidence: Evidence, out: Path, *, wall_seconds: float) -> None:
    """Write claims.html, the figures, CSV tables and a manifest to a folder, all or nothing."""
    from capacity.claims.page import html

    manifest = run_folder.manifest(
        evidence.result, evidence.grid, list(evidence.scenarios.values()), wall_seconds=wall_seconds
    )
    with replaced_run(out) as folder:
        for section in report.sections:
            answer = section.answer
            subtitle = f"Claim {answer.claim.number}. {answer.figure['unit']}; {_drawn(answer.figure['kind'])}"
            drawings.draw(answer.figure, folder / section.figure_name, subtitle, f"{section.source} {section.command}")
        (folder / "claims.html").write_text(html(report, folder), encoding="utf-8")
        tables = {
            "claims": findings_table(report),
            "influences": influence_table(report),
            "ledger": pd.DataFrame(report.ledger_rows, columns=list(report.ledger_columns)),
            "thresholds": pd.DataFrame(report.threshold_rows, columns=list(report.threshold_columns)),
            "parameters": pd.DataFrame(report.parameter_rows, columns=list(report.parameter_columns)),
        }
        for name, table in tables.items():
            run_folder.write_table(table, folder / f"{name}.csv")
        run_folder.write_manifest(manifest, folder)


def _drawn(kind: str) -> str:
    """What of the draws a kind of figure shows."""
    return "mean over draws" if kind == "layers" else f"median and {100 * (BAND[1] - BAND[0]):.0f} % band over draws"


def findings_table(report: Report) -> pd.DataFrame:
    """One row for each claim as stated and for each of its statistics."""
    rows = []
    for section in report.sections:
        answer = section.answer
        first = {"claim": answer.claim.number, "statistic": answer.claim.sentence, "condition": answer.claim.condition}
        rows.append(first | _chance(answer.holds))
        for finding in answer.findings:
            p = finding.posterior
            row: dict[str, Any] = {"claim": answer.claim.number, "statistic": finding.name, "unit": finding.unit}
            row |= {"median": p.median, "p05": p.low, "p95": p.high, "median_mc_error": p.error, "draws": p.draws}
            row |= {"condition": finding.condition}
            rows.append(row | (_chance(finding.probability) if finding.probability else {}))
    order = [
        "claim",
        "statistic",
        "unit",
        "median",
        "p05",
        "p95",
        "median_mc_error",
        "draws",
        "condition",
        "probability",
    ]
    return pd.DataFrame(rows)[[*order, "probability_mc_error"]]


def _chance(chance: Probability) -> dict[str, Any]:
    return {"probability": chance.value, "probability_mc_error": chance.error, "draws": chance.draws}


def influence_table(report: Report) -> pd.DataFrame:
    """One row for each influence of each claim."""
    columns = ["claim", "statistic", *Influence.__dataclass_fields__]
    rows = [
        {"claim": s.answer.claim.number, "statistic": s.answer.headline_of, **asdict(influence)}
        for s in report.sections
        for influence in s.influences
    ]
    return pd.DataFrame(rows, columns=columns)


def as_record(report: Report) -> dict[str, Any]:
    """The report as plain JSON types, without pictures."""
    claims = [
        {
            "number": s.answer.claim.number,
            "claim": s.answer.claim.sentence,
            "statistic": s.answer.claim.test,
            "condition": s.answer.claim.condition,
            "holds": asdict(s.answer.holds) | {"words": s.answer.holds.words},
            "findings": [asdict(finding) for finding in s.answer.findings],
            "sentences": list(s.answer.sentences),
            "influences": [asdict(influence) for influence in s.influences],
            "influence_method": METHOD,
            "against": list(s.against),
            "tables": [asdict(table) for table in s.answer.tables],
            "left_out": s.answer.claim.untested,
            "command": s.command,
        }
        for s in report.sections
    ]
    ledger_records = [dict(zip(report.ledger_columns, row, strict=True)) for row in report.ledger_rows]
    untestable = [item.model_dump() for item in report.untestable]
    return {
        "run": report.run,
        "scenarios": list(report.scenarios),
        "claims": claims,
        "untestable": untestable,
        "ledger": ledger_records,
    }
