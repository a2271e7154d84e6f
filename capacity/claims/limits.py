"""Claims 2 and 6: what power, chips and lags are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity.claims import statistics as stats
from capacity.claims.evidence import Answer, Evidence, Finding, Table
from capacity.claims.posterior import Probability, probability
from capacity.claims.texts import Claim
from capacity.claims.words import COUNTRY, number, percent, share
from capacity.limits import runs

Floats = NDArray[np.float64]

TIGHT, LOOSE = "cn-export-control-tight", "cn-export-control-loose"
FASTER = {"US": "us-lag-cut", "CN": "cn-lag-cut"}
"""Reference with shorter lags, made by the report."""
LIMIT_SHARE = "Share of deployed compute by what limits it"


def power(evidence: Evidence, claim: Claim) -> Answer:
    """Claim 2."""
    shares = {country: evidence.mean_shares(country) for country in ("US", "CN")}
    costs = {country: electricity_cost_share(evidence, claim, country) for country in ("US", "CN")}
    prices = {c: evidence.scalar(f"{c.lower()}.electricity_price_usd_per_mwh") for c in ("US", "CN")}
    worth = np.expm1(-stats.compute_change_from_price(costs["CN"], prices["US"] / prices["CN"]))
    helps = np.asarray(worth >= claim.threshold("price_matters"))
    holds = probability(stats.largest(shares["US"], "power") & helps)
    least = f"at least {100 * claim.threshold('price_matters'):g} %"
    name = "Compute that China's spending buys beyond what it would buy at the US price"
    findings = [
        *(_power_share(evidence, country, shares[country]) for country in ("US", "CN")),
        Finding.of(name, "%", 100 * worth, least, helps),
        Finding.of(f"{name}, at any size", "%", 100 * worth, "more than nothing", np.asarray(worth > 0.0)),
        *_price_findings(evidence, shares, costs),
    ]
    chips = number(float(np.median(100 * shares["CN"]["chips"])))
    us, cn = findings[:2]
    return Answer(
        claim,
        holds,
        findings,
        100 * shares["US"]["power"],
        us.name,
        us.unit,
        ("us", "cn"),
        _power_sentences(evidence, findings),
        [
            f"In this run chips account for {chips} % of China's compute (median over draws) and power for "
            f"{number(cn.posterior.median)} %."
        ],
        [limit_table(evidence)],
        shares_figure(evidence),
        f"Mean over {holds.draws} draws of the reference.",
    )


def _power_share(evidence: Evidence, country: str, shares: dict[str, Floats]) -> Finding:
    name = f"Share of compute limited by power, {COUNTRY[country]}, {evidence.first}-{evidence.last}"
    return Finding.of(name, "%", 100 * shares["power"], "the largest of the three", stats.largest(shares, "power"))


def _price_findings(
    evidence: Evidence, shares: dict[str, dict[str, Floats]], costs: dict[str, Floats]
) -> list[Finding]:
    """Cost of electricity, what its price does, and what the grid itself limits, by country."""
    found = []
    for country in ("US", "CN"):
        where = COUNTRY[country]
        elastic = -costs[country] * shares[country]["capital"]
        headroom = 100 * _limit_share(evidence, country, "grid")[:, evidence.window].mean(axis=1)
        found += [
            Finding.of(f"Electricity in the yearly cost of a site, {where}", "%", 100 * costs[country]),
            Finding.of(f"Change of compute for 1 % more on the price of power, {where}", "%", elastic),
            Finding.of(f"Share of compute limited by the grid's own headroom, {where}", "%", headroom),
        ]
    return found


def _power_sentences(evidence: Evidence, findings: list[Finding]) -> list[str]:
    us, cn, price, at_all, _, _, own = findings[:7]
    late = 100 * float(_limit_share(evidence, "US", "grid")[:, evidence.years == evidence.last].mean())
    return [
        f"In the US {us.band} of deployed compute is limited by power; power is the largest limit in {us.chance}. In "
        f"China {cn.band}; the largest in {cn.chance}.",
        f"Of the US figure the grid's own headroom (plants and reserve) makes {own.band} over the years and "
        f"{number(late)} % in {evidence.last} in the mean; the rest is sites, connections and equipment.",
        f"China's price advantage is worth {price.band} of compute at the same spending; {price.condition} in "
        f"{price.chance}, anything at all in {at_all.chance}. Where power or chips limit compute, a price changes "
        "nothing in this model.",
    ]


def _limit_share(evidence: Evidence, country: str, limit: str) -> Floats:
    """Share (draw, year) of compute that one limit accounts for."""
    part = evidence.result["binding_share"].sel(scenario="reference", country=country, limit=limit)
    return np.asarray(part.transpose("draw", "year").to_numpy(), dtype=np.float64)


def electricity_cost_share(evidence: Evidence, claim: Claim, country: str) -> Floats:
    """Share (draw,) of electricity in the yearly cost of a site: all spending over its life, at the country's price."""
    pre = country.lower()
    capital = stats.yearly_capital_cost(
        evidence.scalar(f"{pre}.cost_busd_per_gw"),
        evidence.scalar("shell_cost_share"),
        evidence.scalar(f"{pre}.chip_life_years"),
        claim.threshold("shell_years"),
    )
    facility, it = (evidence.at_end(name, country) for name in ("hostable_mw", "it_power_mw"))
    pue = np.divide(facility, it, out=np.ones_like(it), where=it > 0)
    return stats.energy_cost_share(
        evidence.scalar(f"{pre}.electricity_price_usd_per_mwh"), capital, pue, _mean_draw(evidence, country)
    )


def _mean_draw(evidence: Evidence, country: str) -> Floats:
    """Mean over peak power (draw,) of a site in the last year of the tests: its load factor, and PUE over the year."""
    rated, energy = (evidence.at_end(name, country) for name in ("operated_mw", "operated_mwh"))
    alike = runs.load_factor(country, evidence.draws())[:, 0]
    return np.divide(energy / runs.HOURS_PER_YEAR, rated, out=alike, where=rated > 0)


def limit_table(evidence: Evidence) -> Table:
    """Mean share of each single limit by country, first and last year of the tests."""
    part = evidence.result["binding_share"].sel(scenario="reference")
    rows = []
    for limit in (str(name) for name in part["limit"].to_numpy()):
        row = [limit]
        for country in ("US", "CN"):
            for year in (evidence.first, evidence.last):
                row.append(number(100 * float(part.sel(limit=limit, country=country, year=year).mean())))
        rows.append(row)
    columns = ("Limit", *(f"{COUNTRY[c]} {y}, %" for c in ("US", "CN") for y in (evidence.first, evidence.last)))
    return Table(f"{LIMIT_SHARE}, mean over draws", columns, rows)


def shares_figure(evidence: Evidence) -> dict[str, Any]:
    """Stacked mean shares of the limits by year and country."""
    part = evidence.result["binding_share"].sel(scenario="reference").mean("draw")
    names = [str(name) for name in part["limit"].to_numpy()]
    panels = [
        {"country": c, "layers": {n: 100 * part.sel(country=c, limit=n).to_numpy() for n in names}}
        for c in ("US", "CN")
    ]
    return {"kind": "layers", "title": LIMIT_SHARE, "unit": "%", "years": evidence.years, "panels": panels}


def speed(evidence: Evidence, claim: Claim) -> Answer:
    """Claim 6."""
    last = evidence.last
    lags = {c: evidence.scalar(f"{c.lower()}.energisation_lag_years") for c in ("US", "CN")}
    compute = {c: evidence.at_end("deployed_flop_per_year", c) for c in ("US", "CN")}
    faster, more = lags["CN"] < lags["US"], compute["CN"] > compute["US"]
    holds = probability(faster == more)
    gap = stats.log_change(compute["CN"], compute["US"])
    chips = evidence.mean_shares("CN")
    name = f"Share of China's compute limited by chips, {evidence.first}-{last}"
    findings = [
        Finding.of(f"China's compute over that of the US in {last}", "times", np.exp(gap), "China has more", more),
        Finding.of(
            "Years from order to power, US less China", "years", lags["US"] - lags["CN"], "China is faster", faster
        ),
        Finding.of(name, "%", 100 * chips["chips"], "the largest of the three", stats.largest(chips, "chips")),
        *(_gain(evidence, claim, country, compute[country], lags[country]) for country in ("US", "CN")),
    ]
    table, compare = worth_of_chips_and_power(evidence)
    both = share(probability(faster & ~more))
    return Answer(
        claim,
        holds,
        findings,
        100 * np.expm1(gap),
        "China's compute less that of the US, in % of the US's",
        "%",
        ("us", "cn"),
        _speed_sentences(findings, compare, last),
        [f"In this run China is the faster one and still has less compute in {last} in {both}."],
        [table],
        _compute_figure(evidence),
        f"Deployed compute by country and state of export control: medians, and the 90 % band of the reference, "
        f"{holds.draws} draws; logarithmic scale.",
    )


def _speed_sentences(findings: list[Finding], compare: Probability, last: int) -> list[str]:
    ratio, lag, limited, us, cn = findings
    return [
        f"Power comes {lag.band} later in the US; China is faster in {lag.chance} and has more compute in {last} in "
        f"{ratio.chance}. Its compute is {ratio.band} that of the US.",
        f"A year of lag taken away is worth {us.band} of compute in the US and {cn.band} in China.",
        f"Chips are the largest limit in China in {limited.chance}; there a million H100e adds more compute than a "
        f"gigawatt in {share(compare)} of the reference.",
    ]


def _gain(evidence: Evidence, claim: Claim, country: str, before: Floats, lag: Floats) -> Finding:
    """Compute gained for each year of lag taken away, from a run with lags cut by a share."""
    after = evidence.at_end("deployed_flop_per_year", country, FASTER[country])
    slope = percent(stats.log_change(after, before) / (claim.threshold("lag_cut") * lag))
    name = f"Compute in {evidence.last} gained for a year of lag taken away, {COUNTRY[country]}"
    return Finding.of(name, "%", slope, "more than 1 %", np.asarray(slope > 1.0))


def worth_of_chips_and_power(evidence: Evidence) -> tuple[Table, Probability]:
    """What a million H100e and a gigawatt add in China under each control, and how often the chips add more."""
    rows, chips_win = [], None
    for label, scenario in (("as in the reference", "reference"), ("tight", TIGHT), ("loose", LOOSE)):
        chips = 1e6 * evidence.at_end("h100e_per_h100e", "CN", scenario)
        watts = evidence.at_end("h100e_per_gw", "CN", scenario)
        wins = probability(chips > watts)
        chips_win = chips_win or wins
        limit = evidence.mean_shares("CN", scenario)
        rows.append(
            (
                label,
                number(float(np.median(chips)) / 1e3),
                number(float(np.median(watts)) / 1e3),
                f"{100 * wins.value:.0f} ({100 * wins.error:.1f})",
                f"{100 * probability(stats.largest(limit, 'chips')).value:.0f}",
                number(float(np.median(evidence.at_end("deployed_h100e", "CN", scenario))) / 1e6),
                f"{100 * probability(_ahead(evidence, scenario)).value:.0f}",
            )
        )
    assert chips_win is not None
    columns = (
        "Export control",
        "A million H100e adds, thousand H100e",
        "A gigawatt adds, thousand H100e",
        "Chips add more, % of draws (error)",
        "Chips are the largest limit, % of draws",
        "Deployed, million H100e",
        "More compute than the US, % of draws",
    )
    return Table(f"China in {evidence.last}: medians over draws", columns, rows), chips_win


def _ahead(evidence: Evidence, scenario: str) -> NDArray[np.bool_]:
    china, us = (evidence.at_end("deployed_flop_per_year", country, scenario) for country in ("CN", "US"))
    return np.asarray(china > us)


def _compute_figure(evidence: Evidence) -> dict[str, Any]:
    unit = "million H100e"
    us = evidence.values("deployed_h100e", "US") / 1e6
    cn = {
        f"{label}": evidence.values("deployed_h100e", "CN", scenario) / 1e6
        for label, scenario in (("reference", "reference"), ("tight control", TIGHT), ("loose control", LOOSE))
    }
    panels = [{"country": "US", "past": None, "lines": {"reference": us}}, {"country": "CN", "past": None, "lines": cn}]
    return {
        "kind": "paths",
        "log": True,
        "title": "Deployed accelerators",
        "unit": unit,
        "years": evidence.years,
        "panels": panels,
    }
