"""Claims 4 and 5: what an end of spending would cost, and what efficiency saves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity.claims import statistics as stats
from capacity.claims.evidence import Answer, Evidence, Finding, Table
from capacity.claims.posterior import probability
from capacity.claims.texts import Claim
from capacity.claims.words import number, percent

Floats = NDArray[np.float64]

BUST, NO_BUST = "ai-capital-bust", "no-bust"
"""A bust in a given year, and the reference without any; the second is made by the report."""
SHOCK_LOW, SHOCK_HIGH = "efficiency-shock-low-rebound", "efficiency-shock-high-rebound"
SHOCK_DRAWN = "efficiency-shock-drawn"
"""The shock with the rebound as the reference draws it; made by the report."""
REBOUND = {SHOCK_LOW: "rebound low", SHOCK_DRAWN: "rebound as drawn", SHOCK_HIGH: "rebound high"}


def capital(evidence: Evidence, claim: Claim) -> Answer:
    """Claim 4."""
    years, horizon, span = evidence.years, claim.threshold("horizon"), int(claim.threshold("loss_years"))
    start = int(evidence.scenarios[BUST].parameter("us.bust_year").value.span()[0])
    path, base = (evidence.values("deployed_flop_per_year", "US", name) for name in (BUST, NO_BUST))
    after = (years >= start) & (years < start + span)
    lost = 100 * stats.loss(path[:, after], base[:, after])
    costs = np.asarray(lost >= 100 * claim.threshold("setback"))
    breaks = evidence.values("bust", "US") > 0.5
    ends = np.asarray(breaks[:, years < horizon].any(axis=1))
    holds = probability(ends & costs)
    wait = stats.years_to_recover(path[:, years >= start], base[:, years >= start])
    never = np.isinf(wait)
    shares = evidence.mean_shares("US")
    others = [100 * claim.threshold(name) for name in ("setback_low", "setback_high")]
    name = f"US compute lost in {start}-{start + span - 1} when spending breaks off in {start}"
    findings = [
        Finding.of(name, "%", lost, f"at least {100 * claim.threshold('setback'):g} %", costs),
        Finding.of(
            f"First year of a bust in the reference, before {horizon:g} (an input, label J)", "calendar year",
            stats.first_year_of(breaks, years), f"before {horizon:g}", ends,
        ),
        Finding.of(
            "Years until US compute stays at 95 % of the path without a bust", "years", wait,
            f"not within the run, to {years[-1]}", never,
        ),
        Finding.of(
            f"Share of US compute limited by capital, {evidence.first}-{evidence.last}", "%", 100 * shares["capital"],
            "the largest of the three", stats.largest(shares, "capital"),
        ),
        Finding.of("Largest share of US site power left idle after the bust", "%", 100 * _idle_share(evidence, after)),
        *(_with_setback(lost, ends, least, horizon) for least in others),
    ]  # fmt: skip
    return Answer(
        claim, holds, findings, lost, findings[0].name, "%", ("us",), _bust_sentences(findings, claim, start),
        [_bust_against(findings, int(years[-1]))], [], _bust_figure(path, base, years, start),
        f"US compute with a bust in {start}, in percent of the same draw without any: median and 90 % band of "
        f"{len(lost)} draws.",
    )  # fmt: skip


def _with_setback(lost: Floats, ends: NDArray[np.bool_], least: float, horizon: float) -> Finding:
    """The claim with another limit of what counts as a setback."""
    condition = f"spending breaks off before {horizon:g} and at least {least:g} % are lost"
    return Finding.of(
        f"The claim with {least:g} % as the limit of a setback", "%", lost, condition, ends & (lost >= least)
    )


def _bust_sentences(findings: list[Finding], claim: Claim, start: int) -> list[str]:
    horizon, span = claim.threshold("horizon"), claim.threshold("loss_years")
    low, high = (100 * claim.threshold(name) for name in ("setback_low", "setback_high"))
    loss, event, recovery, limited, _, *others = findings
    return [
        f"Spending breaks off before {horizon:g} in {event.chance}; this follows from the hazard and the spending put "
        "in (label J), it is no finding.",
        f"A bust in {start} costs {loss.band} of US compute over {span:g} years; {loss.condition} in "
        f"{loss.chance}. "
        f"It is made up after {number(recovery.posterior.median)} years in the median; in {recovery.chance} not within "
        "the run.",
        f"Capital is the largest limit on US compute in {limited.chance}.",
        f"The verdict moves with what counts as a setback: with {low:g} % the claim holds in "
        f"{others[0].chance}, with {high:g} % in {others[1].chance}.",
    ]


def _bust_against(findings: list[Finding], last: int) -> str:
    _, _, recovery, limited, idle, *_ = findings
    back = recovery.posterior.median
    when = f"after {number(back)} years" if np.isfinite(back) else f"after {last}"
    return (
        f"In this run capital is the largest limit on US compute in {limited.chance}; after the bust "
        f"{number(100 - idle.posterior.median)} % of site power still runs at the worst, and compute is back {when} in "
        "the median."
    )


def _idle_share(evidence: Evidence, window: NDArray[np.bool_]) -> Floats:
    idle, deployed = (evidence.values(name, "US", BUST)[:, window] for name in ("idle_mw", "deployed_mw"))
    return np.divide(idle, deployed, out=np.zeros_like(idle), where=deployed > 0).max(axis=1)


def _bust_figure(path: Floats, base: Floats, years: NDArray[np.int64], start: int) -> dict[str, Any]:
    """Compute with a bust in percent of the same draw without, from the year before the bust."""
    shown = years >= start - 1
    lines = {"with a bust": 100 * path[:, shown] / base[:, shown]}
    panels = [{"country": "US", "past": None, "lines": lines}]
    return {
        "kind": "paths",
        "title": "US compute after a bust",
        "unit": "% of the same draw without a bust",
        "years": years[shown],
        "panels": panels,
    }


def efficiency(evidence: Evidence, claim: Claim) -> Answer:
    """Claim 5."""
    last = evidence.last
    changes = {name: _changes(evidence, name) for name in REBOUND}
    findings = _shock_findings(evidence, changes, float(np.log1p(claim.threshold("tie"))))
    power = findings[1]
    holds = findings[0].probability
    assert holds is not None
    high = findings[3]
    groups = {
        title: {label: np.exp(changes[name][key]) for name, label in REBOUND.items()}
        for title, key in (("Effective compute", "effective"), ("Connected power", "power"), ("Spending", "capital"))
    }
    figure = {"kind": "intervals", "log": True, "title": f"US in {last} with faster algorithms", "groups": groups}
    return Answer(
        claim,
        holds,
        findings,
        percent(changes[SHOCK_DRAWN]["power"]),
        power.name,
        power.unit,
        ("us",),
        _shock_sentences(evidence, findings, last),
        [f"In this run, where demand rebounds most, faster algorithms change connected US power by {high.band}."],
        [_table(changes, last)],
        figure | {"unit": "times the same draw of the reference"},
        f"With the shock over the same draw of the reference in {last}, by rebound of demand; 1 is no change, the "
        f"scale logarithmic: median and 90 % band of {holds.draws} draws.",
    )


def _shock_findings(evidence: Evidence, changes: dict[str, dict[str, Floats]], tie: float) -> list[Finding]:
    """The first one asks whether the claim holds as stated."""
    drawn, last = changes[SHOCK_DRAWN], evidence.last
    spared = {name: np.asarray((c["effective"] > 0) & (c["power"] <= tie)) for name, c in changes.items()}
    more = "effective compute up, power not"
    name = f"in {last}, shock against reference, rebound as drawn"
    found = [
        Finding.of(f"Effective US compute {name}", "times", np.exp(drawn["effective"]), more, spared[SHOCK_DRAWN]),
        Finding.of(f"Connected US power {name}", "%", percent(drawn["power"]), "more power", drawn["power"] > tie),
    ]
    for scenario in (SHOCK_LOW, SHOCK_HIGH):
        xi = evidence.scenarios[scenario].parameter("demand_rebound").value.span()[0]
        power = percent(changes[scenario]["power"])
        found.append(Finding.of(f"Connected US power, rebound {xi:g}", "%", power, more, spared[scenario]))
    gain = drawn["effective"] / np.where(drawn["algorithms"] == 0, np.nan, drawn["algorithms"])
    below, shares = evidence.scalar("demand_rebound"), evidence.mean_shares("US")
    return [
        *found,
        Finding.of("Effective US compute for 1 % of algorithmic gain", "%", gain),
        Finding.of("US compute for 1 % more power: the share limited by power", "%", shares["power"]),
        Finding.of(
            "US compute for 1 % more FLOP per watt at the same price of a site: the shares of power and capital",
            "%",
            shares["power"] + shares["capital"],
        ),
        Finding.of("Rebound of demand (an input, label J)", "1", below, "below 1", below < 1.0),
    ]


def _shock_sentences(evidence: Evidence, findings: list[Finding], last: int) -> list[str]:
    effective, power, low, high, gain, watts, chips, put_in = findings
    return [
        f"With the shock effective compute in {last} is {effective.band} that of the reference, and connected power "
        f"changes by {power.band}; power rises in {power.chance}.",
        f"The sign hangs on the rebound, which is put in: below one in {put_in.chance}. Effective compute rises "
        f"without "
        f"more power in {low.chance} with {low.name.split(', ')[1]} and in {high.chance} with "
        f"{high.name.split(', ')[1]}.",
        f"One percent of algorithmic gain gives {number(gain.posterior.median)} % of effective compute, one percent of "
        f"FLOP per watt {number(chips.posterior.median)} % and one percent of power {number(watts.posterior.median)} % "
        "(medians).",
    ]


def _changes(evidence: Evidence, scenario: str) -> dict[str, Floats]:
    """ln changes (draw,) of the US against the reference in the last year of the tests."""
    names = {
        "effective": "effective_flop_per_year",
        "physical": "deployed_flop_per_year",
        "power": "deployed_mw",
        "capital": "capital_busd",
    }
    found = {
        key: stats.log_change(evidence.at_end(name, "US", scenario), evidence.at_end(name, "US"))
        for key, name in names.items()
    }
    return found | {"algorithms": found["effective"] - found["physical"]}


def _table(changes: dict[str, dict[str, Floats]], last: int) -> Table:
    columns = (
        "Rebound",
        "Algorithms, %",
        "Effective compute, %",
        "Physical compute, %",
        "Connected power, %",
        "Spending, %",
    )
    rows = [
        (
            label,
            *(
                number(float(np.median(percent(changes[name][key]))))
                for key in ("algorithms", "effective", "physical", "power", "capital")
            ),
        )
        for name, label in REBOUND.items()
    ]
    return Table(f"US in {last}, median change against the reference", columns, rows)
