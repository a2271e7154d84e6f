"""Claims 4 and 5: what an end of spending would cost, and what efficiency saves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity.claims import statistics as stats
from capacity.claims.evidence import Answer, Evidence, Finding, Table
from capacity.claims.posterior import both, posterior, probability
from capacity.claims.texts import Claim
from capacity.claims.words import number, percent, share, spread

Floats = NDArray[np.float64]

BUST, NO_BUST = "ai-capital-bust", "no-bust"
"""A bust in a given year, and the reference without any; the second is made by the report."""
LOSS_YEARS = 5
SHOCK_LOW, SHOCK_HIGH = "efficiency-shock-low-rebound", "efficiency-shock-high-rebound"
SHOCK_DRAWN = "efficiency-shock-drawn"
"""The shock with the rebound as the reference draws it; made by the report."""
REBOUND = {SHOCK_LOW: "rebound low", SHOCK_DRAWN: "rebound as drawn", SHOCK_HIGH: "rebound high"}


def capital(evidence: Evidence, claim: Claim) -> Answer:
    """Claim 4."""
    years, horizon = evidence.years, claim.threshold("horizon")
    start = int(evidence.scenarios[BUST].parameter("us.bust_year").value.span()[0])
    path, base = (evidence.values("deployed_flop_per_year", "US", name) for name in (BUST, NO_BUST))
    after = (years >= start) & (years < start + LOSS_YEARS)
    lost = 100 * stats.loss(path[:, after], base[:, after])
    later = years >= start
    wait = stats.years_to_recover(path[:, later], base[:, later])
    breaks = evidence.values("bust", "US") > 0.5
    ends = probability(np.asarray(breaks[:, years < horizon].any(axis=1), dtype=np.bool_))
    setback = 100 * claim.threshold("setback")
    costs = probability(np.asarray(lost >= setback, dtype=np.bool_))
    holds = both(ends, costs)
    idle = _idle_share(evidence, after)
    shares = evidence.mean_shares("US")
    findings = [
        Finding(
            f"US compute lost in {start}-{start + LOSS_YEARS - 1} when spending breaks off in {start}",
            "%",
            posterior(lost),
            f"at least {setback:g} %",
            costs,
        ),
        Finding(
            "Years until US compute stays at 95 % of the path without a bust",
            "yr",
            posterior(wait),
            f"not within the run, to {years[-1]}",
            probability(np.isinf(wait)),
        ),
        Finding(
            f"Share of US compute limited by capital, {evidence.first}-{evidence.last}",
            "%",
            posterior(100 * shares["capital"]),
            "the largest of the three",
            probability(stats.largest(shares, "capital")),
        ),
        Finding(
            f"First year of a bust in the reference, before {horizon:g} (an input, label J)",
            "yr",
            posterior(stats.first_year_of(breaks, years)),
            f"before {horizon:g}",
            ends,
        ),
        Finding("Largest share of US site power left idle after the bust", "%", posterior(100 * idle)),
    ]
    loss, recovery, limited = findings[:3]
    assert limited.probability is not None
    assert recovery.probability is not None
    sentences = [
        f"Spending breaks off before {horizon:g} in {share(ends)}; this is the hazard put in (label J), not a finding.",
        f"A bust in {start} costs {spread(loss.posterior, '%')} of US compute over {LOSS_YEARS} years; at least "
        f"{setback:g} % in "
        f"{share(costs)}. It is made up after {number(recovery.posterior.median)} years in the median; in "
        f"{share(recovery.probability)} not within the run.",
        f"Capital is the largest limit on US compute in {share(limited.probability)}.",
    ]
    back = recovery.posterior.median
    against = [
        f"In this run capital is the largest limit on US compute in {share(limited.probability)}; after the bust "
        f"{number(100 - findings[4].posterior.median)} % of site power still runs at the worst, and compute is back "
        + (f"after {number(back)} years in the median." if np.isfinite(back) else f"after {years[-1]} in the median.")
    ]
    return Answer(
        claim,
        holds,
        findings,
        lost,
        loss.name,
        loss.unit,
        ("us",),
        sentences,
        against,
        [],
        _bust_figure(path, base, years, start),
        f"US compute with a bust in {start}, in percent of the same draw without any: median and 90 % band of "
        f"{costs.draws} draws.",
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
    tie, last = np.log1p(claim.threshold("tie")), evidence.last
    changes = {name: _changes(evidence, name) for name in REBOUND}
    xi = {name: evidence.scenarios[name].parameter("demand_rebound").value.span()[0] for name in REBOUND}
    drawn = changes[SHOCK_DRAWN]
    spared = {name: (c["effective"] > 0) & (c["power"] <= tie) for name, c in changes.items()}
    holds = probability(spared[SHOCK_DRAWN])
    rises = {name: probability(c["power"] > tie) for name, c in changes.items()}
    elasticity = drawn["effective"] / np.where(drawn["algorithms"] == 0, np.nan, drawn["algorithms"])
    findings = [
        Finding(
            f"Effective US compute in {last}, shock against reference, rebound as drawn",
            "%",
            posterior(percent(drawn["effective"])),
            "more",
            probability(drawn["effective"] > 0),
        ),
        Finding(
            f"Connected US power in {last}, shock against reference, rebound as drawn",
            "%",
            posterior(percent(drawn["power"])),
            "more power",
            rises[SHOCK_DRAWN],
        ),
        Finding(
            f"The same, rebound {xi[SHOCK_LOW]:g}",
            "%",
            posterior(percent(changes[SHOCK_LOW]["power"])),
            "effective compute up, power not",
            probability(spared[SHOCK_LOW]),
        ),
        Finding(
            f"The same, rebound {xi[SHOCK_HIGH]:g}",
            "%",
            posterior(percent(changes[SHOCK_HIGH]["power"])),
            "effective compute up, power not",
            probability(spared[SHOCK_HIGH]),
        ),
        Finding("Effective compute for 1 % of algorithmic gain, US", "%", posterior(elasticity)),
        Finding(
            "Compute for 1 % more power, US: the share limited by power",
            "%",
            posterior(evidence.mean_shares("US")["power"]),
        ),
    ]
    effective, power, low, high, gain, watts = findings
    put_in = probability(evidence.scalar("demand_rebound") < 1.0)
    assert low.probability is not None
    assert high.probability is not None
    sentences = [
        f"With the shock effective compute in {last} changes by {spread(effective.posterior, '%')} and connected "
        f"power by "
        f"{spread(power.posterior, '%')}; power rises in {share(rises[SHOCK_DRAWN])}.",
        f"The sign hangs on the rebound: effective compute rises without more power in {share(low.probability)} at "
        f"{xi[SHOCK_LOW]:g} and in {share(high.probability)} at {xi[SHOCK_HIGH]:g}.",
        f"As put in, the rebound is below one in {share(put_in)}.",
        f"One percent of algorithmic gain gives {number(gain.posterior.median)} % of effective compute, one percent "
        f"of power "
        f"{number(watts.posterior.median)} % (medians).",
    ]
    against = [
        f"In this run faster algorithms raise the power connected in the US in {share(rises[SHOCK_HIGH])} where "
        f"demand rebounds by "
        f"{xi[SHOCK_HIGH]:g}."
    ]
    groups = {
        "Effective compute": {label: percent(changes[name]["effective"]) for name, label in REBOUND.items()},
        "Connected power": {label: percent(changes[name]["power"]) for name, label in REBOUND.items()},
        "Spending": {label: percent(changes[name]["capital"]) for name, label in REBOUND.items()},
    }
    return Answer(
        claim,
        holds,
        findings,
        percent(drawn["power"]),
        power.name,
        power.unit,
        ("us",),
        sentences,
        against,
        [_table(changes, last)],
        {
            "kind": "intervals",
            "title": f"US in {last} with faster algorithms",
            "unit": "% against the same draw of the reference",
            "groups": groups,
        },
        f"Change in {last} against the same draw of the reference, by rebound of demand: median and 90 % band of "
        f"{holds.draws} draws.",
    )


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
