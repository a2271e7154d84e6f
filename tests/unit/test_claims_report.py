"""The claims from a made-up result with known answers: sections, page, tables, labels, scenarios that are needed."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from claims_factory import DRAWS, YEARS, evidence
from click.testing import CliRunner

from capacity.claims import drawings, judge, ledger, limits, money, report, texts
from capacity.claims.evidence import pinned, scaled, with_parameter
from capacity.claims.page import STYLE, html, table
from capacity.cli import main
from capacity.errors import CapacityError
from scenarios import load


@pytest.fixture(scope="module")
def made():
    return evidence()


@pytest.fixture(scope="module")
def answers(made):
    return {a.claim.number: a for a in judge.answer(made, judge.claims_of(()))}


@pytest.fixture(scope="module")
def written(made, answers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("claims") / "out"
    built = report.build(made, list(answers.values()), Path("runs/claims"))
    report.write(built, made, folder, wall_seconds=1.0)
    return built, folder


def found(answer, start):
    return next(f for f in answer.findings if f.name.startswith(start))


def test_claim_1_growth_of_supply(answers):
    answer = answers[1]
    assert found(answer, "Growth of supply 2026-2035, China less US").posterior.median == pytest.approx(4.5)
    assert found(answer, "Growth of supply 2026-2035, US").posterior.median == pytest.approx(0.5)
    assert answer.holds.value == 1.0
    assert "grows by 10 GW in 2026" in answer.against[0]


def test_claim_1_fails_where_the_us_grows():
    values = evidence().result["supply_mwh"].to_numpy().copy()
    values[:, 0] = values[:, 1]
    changed = evidence(supply_mwh=values)
    (answer,) = judge.answer(changed, judge.claims_of((1,)))
    assert answer.holds.value == 0.0
    assert found(answer, "Growth of supply 2026-2035, China less").posterior.median == pytest.approx(0.0)


def test_claim_2_power_and_price(made, answers):
    answer = answers[2]
    assert found(answer, "Share of compute limited by power, United States").posterior.median == pytest.approx(60.0)
    assert found(answer, "Share of compute limited by power, China").probability.value == 0.0
    share = limits.electricity_cost_share(made, answer.claim, "CN")
    np.testing.assert_allclose(limits._mean_draw(made, "CN"), 0.6)
    prices = [made.scalar(f"{c}.electricity_price_usd_per_mwh") for c in ("us", "cn")]
    worth = 100 * share * (prices[0] / prices[1] - 1)
    assert found(answer, "Compute that China's spending buys").posterior.median == pytest.approx(np.median(worth))
    assert answer.holds.value == pytest.approx((worth >= 5.0).mean())
    assert found(answer, "Change of compute for 1 % more on the price of power, China").posterior.median < 0


def test_claim_3_regimes(answers):
    answer = answers[3]
    assert found(answer, "US compute in 2035, under five-year plans").posterior.median == pytest.approx(10.0)
    assert found(answer, "US supply in 2035").posterior.median == pytest.approx(10.0)
    assert found(answer, "China's compute").posterior.median == pytest.approx(100 * (1 / 0.9 - 1))
    assert answer.holds.value == 1.0
    rows = {row[0]: row for row in answer.tables[0].rows}
    assert rows["US, permitting reform"][5] == "+20.0"
    assert rows["US, patchwork"][1] == "+0.0"
    assert rows["US, five-year plans"][6] == "1.10 (0.00)"


def test_claim_4_bust(answers):
    answer = answers[4]
    weights = np.exp(0.3 * (np.arange(2027, 2032) - 2025))
    lost = 50 * weights[:4].sum() / weights.sum()
    assert answer.findings[0].posterior.median == pytest.approx(lost)
    assert found(answer, "Years until").posterior.median == 4.0
    ends = found(answer, "First year of a bust").probability
    assert ends.value == pytest.approx(8 / 24)
    assert answer.holds.value == pytest.approx(ends.value)
    assert found(answer, "Largest share of US site power").posterior.median == pytest.approx(30.0)


def test_claim_5_both_signs_of_rebound(answers):
    answer = answers[5]
    low, high = found(answer, "Connected US power, rebound 0.6"), found(answer, "Connected US power, rebound 1.3")
    assert (low.posterior.median, high.posterior.median) == pytest.approx((-10.0, 10.0))
    assert (low.probability.value, high.probability.value) == (1.0, 0.0)
    assert answer.holds.value == 1.0
    assert found(answer, "Effective US compute for 1 %").posterior.median == pytest.approx(
        np.log(1.5 * 0.97) / np.log(1.5)
    )


def test_claim_6_speed_and_chips(made, answers):
    answer = answers[6]
    assert found(answer, "China's compute over").posterior.median == pytest.approx(0.2)
    faster = made.scalar("cn.energisation_lag_years") < made.scalar("us.energisation_lag_years")
    assert answer.holds.value == pytest.approx((~faster).mean())
    slope = np.expm1(np.log(1.05) / (0.25 * made.scalar("us.energisation_lag_years")))
    gained = found(answer, "Compute in 2035 gained for a year of lag taken away, United States")
    assert gained.posterior.median == pytest.approx(100 * np.median(slope))
    assert answer.tables[0].rows[0][1:4] == ("700", "200", "100 (2.7)")


def test_every_verdict_has_its_number_and_every_caption_its_draws(written):
    built, _ = written
    for section in built.sections:
        assert f"{DRAWS} draws" in section.answer.caption
        assert section.answer.figure["unit"]
        assert "--seed 3" in section.command
        assert f"--claim {section.answer.claim.number} " in section.command
        assert section.against


class Reader(HTMLParser):
    """Collects tags, addresses, headings and table captions, and checks that tags close."""

    VOID = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.counts: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.addresses += [v for k, v in given.items() if k in ("src", "href", "srcset", "action") and v]
        self.ids += [v for k, v in given.items() if k == "id" and v]
        if tag == "img":
            self.images.append(given)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_and_asks_for_nothing(written):
    _, folder = written
    text = (folder / "claims.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    for address in reader.addresses:
        assert address.startswith("data:image/png;base64,") or address[1:] in reader.ids, address[:60]
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert '<html lang="en">' in text
    assert "prefers-color-scheme: dark" in text
    assert len(reader.images) == 6
    assert all(len(image["alt"] or "") > 60 for image in reader.images)
    assert reader.counts["table"] == reader.counts["caption"] == reader.counts["thead"]
    assert reader.counts["h1"] == 1
    for number in range(1, 7):
        assert f"claim-{number}" in reader.ids


def test_labels_survive_to_the_parameter_table(written, made):
    built, folder = written
    parameters = {p.id: p for p in made.scenarios["reference"].parameters}
    shown = {row[0]: row for row in built.parameter_rows}
    assert shown.keys() == parameters.keys()
    assert all(row[3] == parameters[name].label and row[2] == parameters[name].unit for name, row in shown.items())
    stored = pd.read_csv(folder / "parameters.csv").set_index("Parameter")
    assert stored["Label"].to_dict() == {name: p.label for name, p in parameters.items()}
    text = (folder / "claims.html").read_text(encoding="utf-8")
    assert all(name in text for name in parameters)
    assert {row[4] for row in built.threshold_rows} <= set("FPRJ")


def test_a_parameter_without_a_label_is_refused(made):
    reference = made.scenarios["reference"]
    bare = reference.parameters[0].model_copy(update={"label": ""})
    broken = reference.model_copy(update={"parameters": (bare, *reference.parameters[1:])})
    with pytest.raises(CapacityError, match="label"):
        report.parameter_rows(broken)


def test_a_threshold_or_fact_without_a_label_is_refused(tmp_path):
    text = texts.FILE.read_text(encoding="utf-8")
    for pattern in (r"flat_below: \{value: 0.01, unit: 1/yr, label: J, ", r", label: F, source: \"EIA, Today"):
        match = re.search(pattern, text)
        assert match
        broken = tmp_path / "claims.yaml"
        broken.write_text(text.replace(match[0], re.sub(r"label: ., ", "", match[0])), encoding="utf-8")
        with pytest.raises(CapacityError, match="label"):
            texts.read(broken)


def test_csv_tables_hold_every_statistic(written):
    built, folder = written
    stored = pd.read_csv(folder / "claims.csv")
    assert len(stored) == sum(1 + len(s.answer.findings) for s in built.sections)
    assert stored["probability_mc_error"].dropna().between(0, 0.5).all()
    assert len(pd.read_csv(folder / "ledger.csv")) == len(ledger.entries())
    assert set(pd.read_csv(folder / "influences.csv")["claim"]) <= set(range(1, 7))
    assert json.loads((folder / "manifest.json").read_text())["draws"] == DRAWS


def test_thresholds_stand_in_the_sentences():
    for claim in texts.document().claims:
        assert "`" not in claim.condition + claim.test
        used = claim.holds + claim.statistic
        assert any(f"`{name}`" in used for name in claim.thresholds) or claim.number in (3, 5, 6)


def test_tables_escape_what_they_are_given():
    text = table("a < b", ("x", "y"), [("<script>", "1"), ("&", "2")])
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert 'class="number"' in text


def test_scenarios_run_once_and_by_name():
    reference = load(["reference"])[0]
    chosen = judge.scenarios_for(judge.claims_of(()))
    names = [scenario.name for scenario in chosen]
    assert len(names) == len(set(names))
    assert names[0] == "reference"
    assert set(names) == {name for needed in judge.NEEDS.values() for name in needed}
    by_name = dict(zip(names, chosen, strict=True))
    assert by_name[money.SHOCK_LOW].parameter("demand_rebound").value.value < 1
    assert by_name[money.SHOCK_HIGH].parameter("demand_rebound").value.value > 1
    assert by_name[money.SHOCK_DRAWN].parameter("demand_rebound") == reference.parameter("demand_rebound")
    assert by_name[money.NO_BUST].parameter("us.bust_hazard").value.value == 0
    lag = by_name[limits.FASTER["US"]].parameter("us.energisation_lag_years").value
    assert lag.median == pytest.approx(0.75 * reference.parameter("us.energisation_lag_years").value.median)
    with pytest.raises(CapacityError, match="claim 9"):
        judge.claims_of((9,))


def test_changed_scenarios_say_so():
    reference = load(["reference"])[0]
    changed = pinned(reference, "changed", {"demand_rebound": 1.0})
    assert changed.overridden == ("demand_rebound",)
    assert changed.parameter("demand_rebound").label == "J"
    with pytest.raises(CapacityError, match="lognormal"):
        scaled(reference, "x", "demand_rebound", 0.5)
    back = with_parameter(changed, "back", reference.parameter("demand_rebound"))
    assert back.parameters == reference.parameters


def test_page_reads_figures_from_its_folder(written):
    built, folder = written
    assert html(built, folder) == (folder / "claims.html").read_text(encoding="utf-8")


def test_command_with_a_claim_that_there_is_not():
    done = CliRunner().invoke(main, ["claims", "--claim", "9"])
    assert done.exit_code == 1
    assert "claim 9" in done.output


def test_years_of_the_tests_stay_inside_the_run(made):
    assert (made.first, made.last) == (2026, 2035)
    assert made.window.sum() == 10
    assert YEARS[-1] == 2040


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e9])
def test_paths_on_a_logarithmic_scale_of_any_size(size, tmp_path):
    drawn = size * np.exp(np.linspace(0, 3, 16))[None, :] * np.linspace(0.5, 2, 9)[:, None]
    panels = [{"country": c, "past": None, "lines": {"reference": drawn * f}} for c, f in (("US", 1.0), ("CN", 0.1))]
    figure = {"kind": "paths", "log": True, "title": "T", "unit": "u", "years": YEARS, "panels": panels}
    drawings.draw(figure, tmp_path / "a.png", "subtitle", "source")
    drawings.draw(figure, tmp_path / "b.png", "subtitle", "source")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_a_median_that_is_nothing_beside_its_band_is_written_as_nothing(monkeypatch):
    said = []
    axes = SimpleNamespace(plot=lambda *_, **__: None, annotate=lambda text, *_, **__: said.append(text))
    drawings._interval(axes, 0.0, np.array([-5.0, 1.2e-6, 6.0]))
    drawings._interval(axes, 0.0, np.array([-5.0, 1.2e-2, 6.0]))
    assert said == ["0", "0.012"]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_are_legible_in_light_and_dark():
    """Contrast of at least 4.5 to 1 (WCAG 2.2, AA) of every text colour on every ground."""
    for part in STYLE.split("@media (prefers-color-scheme: dark)"):
        named = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part))
        for text in ("ink", "muted", "link"):
            for ground in ("paper", "soft"):
                high, low = sorted((luminance(named[text]), luminance(named[ground])), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
