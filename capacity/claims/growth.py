"""Claims 1 and 3: how fast supply grows, and what the regime of building is worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.claims import statistics as stats
from capacity.claims.evidence import Answer, Evidence, Finding, Table
from capacity.claims.posterior import Probability, probability, spread_ratio
from capacity.claims.texts import Claim
from capacity.claims.words import number, percent, share

Floats = NDArray[np.float64]

ORIGINS = (2000, 2005, 2010, 2015, 2020, 2021)
SHORTEST = 3
"""Shortest span of the observed record that is asked, in years; label J."""
SWAPPED, REFORM, PATCHWORK, SURGE = (
    "regimes-swapped",
    "us-permitting-reform",
    "us-50-state-patchwork",
    "cn-five-year-plan-surge",
)


def supply(evidence: Evidence, claim: Claim) -> Answer:
    """Claim 1."""
    energy = {country: evidence.values("supply_mwh", country)[:, evidence.window] for country in ("US", "CN")}
    span = evidence.last - evidence.first
    rates = {c: stats.growth_rate(values[:, 0], values[:, -1], span) for c, values in energy.items()}
    larger = np.asarray((energy["CN"] > energy["US"]).all(axis=1))
    flat, fast = rates["US"] < claim.threshold("flat_below"), rates["CN"] > claim.threshold("fast_above")
    holds = probability(larger & flat & fast)
    findings = _growth_findings(evidence, claim, rates, larger)
    observed, table = _observed(evidence)
    end = max(observed["US"])
    return Answer(
        claim,
        holds,
        findings,
        100.0 * (rates["CN"] - rates["US"]),
        findings[0].name,
        findings[0].unit,
        ("us", "cn"),
        _growth_sentences(evidence, claim, findings, observed),
        [
            f"US generation grew by {number(100 * observed['US'][end]['recent'])} % a year from 2021 to {end} and by "
            f"{number(100 * observed['US'][end]['year'])} % in {end} alone, not near zero (Ember through Our World in "
            "Data). " + _net_additions(evidence)
        ],
        [table],
        _growth_figure(evidence),
        f"Generation observed to {end} (with small solar, Alaska and Hawaii), and the energy that the projected fleet "
        f"can give (without): median and 90 % band of {holds.draws} draws.",
    )


def _net_additions(evidence: Evidence) -> str:
    """What the US fleet of the run gains in the first two years of it, for comparison with published plans."""
    fleet = evidence.result["nameplate_mw"].sel(scenario="reference", country="US").sum("technology")
    before, after = (fleet.isel(year=place).to_numpy() for place in (0, 1))
    gain = float(np.median(after - before)) / 1e3
    return f"The US fleet of this run grows by {number(gain)} GW in {evidence.years[1]} (median, net of retirements)."


def _growth_findings(
    evidence: Evidence, claim: Claim, rates: dict[str, Floats], larger: NDArray[np.bool_]
) -> list[Finding]:
    flat, fast = claim.threshold("flat_below"), claim.threshold("fast_above")
    name = f"Growth of supply {evidence.first}-{evidence.last}"
    us, cn = 100.0 * rates["US"], 100.0 * rates["CN"]
    found = [
        Finding.of(f"{name}, China less US", "points a year", cn - us, "China grows faster", cn > us),
        Finding.of(f"{name}, US", "% a year", us, f"below {100 * flat:g} %", rates["US"] < flat),
        Finding.of(f"{name}, China", "% a year", cn, f"above {100 * fast:g} %", rates["CN"] > fast),
    ]
    for limit in (claim.threshold("flat_low"), claim.threshold("flat_high")):
        name = f"The claim with {100 * limit:g} % as the limit of standing still"
        condition = f"US below {100 * limit:g} % and China above {100 * fast:g} %"
        met = larger & (rates["US"] < limit) & (rates["CN"] > fast)
        found.append(Finding.of(name, "% a year", us, condition, met))
    return found


def _growth_sentences(
    evidence: Evidence, claim: Claim, findings: list[Finding], observed: dict[str, dict[int, dict[str, float]]]
) -> list[str]:
    end = max(observed["US"])
    twh = evidence.grid["national_generation_twh"].sel(source="total", national_year=end)
    size = float(twh.sel(country="CN")) / float(twh.sel(country="US"))
    long = {country: number(100 * observed[country][end]["long"]) for country in ("US", "CN")}
    return [
        f"Observed: in {end} China generated {number(size)} times as much as the US; from 2005 to {end} generation "
        f"grew "
        f"by {long['CN']} % a year in China and {long['US']} % in the US.",
        f"Projected {evidence.first} to {evidence.last}: the US fleet's energy changes by {findings[1].band}, "
        f"China's by "
        f"{findings[2].band}.",
        _all_origins(evidence, claim),
        "Projected is what the fleet could give at recent capacity factors, not what will be asked of it. "
        + _beside_record(evidence),
    ]


def _beside_record(evidence: Evidence) -> str:
    """How the run's first year compares with what was generated in it, where the record holds that year."""
    year = int(evidence.years[0])
    record = evidence.grid["national_generation_twh"].sel(source="total")
    if year not in record["national_year"].to_numpy():
        return ""
    said = {}
    for country in ("US", "CN"):
        could = float(np.median(evidence.values("supply_mwh", country)[:, 0])) / 1e6
        made = float(record.sel(country=country, national_year=year)) * _scope(evidence, country)
        said[country] = f"{100 * could / made:.0f} %"
    return (
        f"In {year} the US fleet could give {said['US']} and the Chinese one {said['CN']} of what was generated (small "
        "solar, Alaska and Hawaii left out): less where plants ran more than in their last five years, more where "
        "capacity grew faster than use. Growth is counted within the projection, not across that step."
    )


def _scope(evidence: Evidence, country: str) -> float:
    """Generation of the grid's areas over the national record, in the last year of both."""
    made = evidence.grid["generation_mwh"].isel(history_year=-1)
    here = [str(area) for area in made["area"].to_numpy() if str(area).startswith(f"{country.lower()}.")]
    year = int(made["history_year"])
    record = evidence.grid["national_generation_twh"].sel(source="total", country=country, national_year=year)
    return float(made.sel(area=here).sum()) / 1e6 / float(record)


def _observed(evidence: Evidence) -> tuple[dict[str, dict[int, dict[str, float]]], Table]:
    """Observed growth by country, and the table by first year."""
    record = evidence.grid["national_generation_twh"].sel(source="total")
    known = record.transpose("national_year", "country").notnull().all("country")
    years = [int(year) for year in record["national_year"].to_numpy()[known.to_numpy()]]
    end = years[-1]
    origins = [year for year in ORIGINS if years[0] <= year < end]
    rows, found = [], {}
    for country in ("US", "CN"):
        series = record.sel(country=country)
        rates = stats.growth_by_origin(series, [*origins, end - 1], end)
        found[country] = {end: {"long": rates[2005], "recent": rates[2021], "year": rates[end - 1]}}
        rows.append(rates)
    table = Table(
        f"Observed growth of generation to {end}, by first year",
        ("First year", "US, % a year", "China, % a year"),
        [(str(year), number(100 * rows[0][year]), number(100 * rows[1][year])) for year in origins],
    )
    return found, table


def _all_origins(evidence: Evidence, claim: Claim) -> str:
    """How many first years of the observed record meet the claim's conditions."""
    record = evidence.grid["national_generation_twh"].sel(source="total")
    known = record.transpose("national_year", "country").notnull().all("country").to_numpy()
    years = [int(year) for year in record["national_year"].to_numpy()[known]]
    origins = [year for year in years if year <= years[-1] - SHORTEST]
    rates = {c: stats.growth_by_origin(record.sel(country=c), origins, years[-1]) for c in ("US", "CN")}
    flat, fast = claim.threshold("flat_below"), claim.threshold("fast_above")
    met = [year for year in origins if rates["US"][year] < flat and rates["CN"][year] > fast]
    between = f"{met[0]} to {met[-1]}" if met else "none"
    return (
        f"Observed to {years[-1]} from first years {origins[0]} to {origins[-1]}, both conditions are met from "
        f"{len(met)} of {len(origins)} first years ({between})."
    )


def _growth_figure(evidence: Evidence) -> dict[str, object]:
    panels = []
    for country in ("US", "CN"):
        record = evidence.grid["national_generation_twh"].sel(source="total", country=country)
        known = record.notnull().to_numpy()
        past = (record["national_year"].to_numpy()[known], record.to_numpy()[known])
        drawn = evidence.values("supply_mwh", country) / 1e6
        panels.append({"country": country, "past": past, "lines": {"fleet could give": drawn}})
    return {
        "kind": "paths",
        "title": "Electricity supply",
        "unit": "TWh a year",
        "years": evidence.years,
        "panels": panels,
    }


def regimes(evidence: Evidence, claim: Claim) -> Answer:
    """Claim 3."""
    last, least = evidence.last, float(np.log1p(claim.threshold("tie")))
    built = {country: _towards_plans(evidence, "supply_mwh", country) for country in ("US", "CN")}
    compute = {country: _towards_plans(evidence, "deployed_flop_per_year", country) for country in ("US", "CN")}
    holds = probability((built["US"] > least) & (built["CN"] > least))
    findings = [
        _more(f"US supply in {last}, under five-year plans against as it is", built["US"], least),
        _more(f"China's supply in {last}, under plans as it is against a patchwork", built["CN"], least),
        _more(f"US compute in {last}, under five-year plans against as it is", compute["US"], least),
        _more(f"China's compute in {last}, under plans as it is against a patchwork", compute["CN"], least),
    ]
    ties = {country: probability(np.abs(change) <= least) for country, change in compute.items()}
    rows, shown = _regime_table(evidence)
    columns = (
        "Regime",
        *(
            f"{what}{how}"
            for what in ("Supply", "Connected power", "Compute")
            for how in (", mean, %", ", spread, ratio (error)")
        ),
    )
    title = f"Against the reference in {last}: change of the mean, and ratio of the standard deviations"
    figure = {"kind": "intervals", "title": f"Supply and compute in {last} when the regime changes", "groups": shown}
    return Answer(
        claim,
        holds,
        findings,
        percent(built["US"]),
        findings[0].name,
        findings[0].unit,
        ("us",),
        _regime_sentences(findings, rows, ties, last),
        [
            f"In this run permitting reform, which keeps fifty rule-sets, changes US compute by {rows[1][5]} % in the "
            f"mean; five-year plans by {rows[0][5]} %."
        ],
        [Table(title, columns, rows)],
        figure | {"unit": "% against the same draw of the reference"},
        f"Change in {last} against the same draw of the reference: median and 90 % band of {holds.draws} draws.",
    )


def _towards_plans(evidence: Evidence, name: str, country: str) -> Floats:
    """ln change (draw,) from a patchwork to plans: in the US plans are the swap, in China as it is."""
    swapped, own = evidence.at_end(name, country, SWAPPED), evidence.at_end(name, country)
    return stats.log_change(swapped, own) if country == "US" else stats.log_change(own, swapped)


def _more(name: str, change: Floats, least: float) -> Finding:
    return Finding.of(name, "%", percent(change), "more under plans", change > least)


def _regime_table(evidence: Evidence) -> tuple[list[list[str]], dict[str, dict[str, Floats]]]:
    """Rows of the table, and the changes in percent by quantity and regime."""
    rows: list[list[str]] = []
    shown: dict[str, dict[str, Floats]] = {"Supply": {}, "Compute": {}}
    for label, country, scenario in (
        ("US, five-year plans", "US", SWAPPED),
        ("US, permitting reform", "US", REFORM),
        ("US, patchwork", "US", PATCHWORK),
        ("China, plan overfulfilled", "CN", SURGE),
        ("China, patchwork", "CN", SWAPPED),
    ):
        row = [label]
        for name, quantity in (("supply_mwh", "Supply"), ("deployed_mw", ""), ("deployed_flop_per_year", "Compute")):
            values, before = evidence.at_end(name, country, scenario), evidence.at_end(name, country)
            ratio = spread_ratio(values, before)
            row += [
                f"{100 * (values.mean() / before.mean() - 1):+.1f}",
                "-" if np.isnan(ratio.value) else f"{ratio.value:.2f} ({ratio.error:.2f})",
            ]
            if quantity:
                shown[quantity][label] = percent(stats.log_change(values, before))
        rows.append(row)
    return rows, shown


def _regime_sentences(
    findings: list[Finding], rows: list[list[str]], ties: dict[str, Probability], last: int
) -> list[str]:
    said = [(finding.band, finding.chance) for finding in findings]
    return [
        f"Built: under plans US supply in {last} changes by {said[0][0]} and is more in {said[0][1]}; China's is "
        f"{said[1][0]} above what a patchwork would give and more in {said[1][1]}.",
        f"In compute: the US changes by {said[2][0]} and has more in {said[2][1]}, China by {said[3][0]} and has more "
        f"in {said[3][1]}. The regime changes compute by less than a tie in {share(ties['US'])} in the US and "
        f"{share(ties['CN'])} in China, where something else limits it.",
        f"Mean and spread: under plans US supply changes by {rows[0][1]} % in the mean and its standard deviation is "
        f"{rows[0][2].split(' ')[0]} of what it was; for China under a patchwork {rows[4][1]} % and "
        f"{rows[4][2].split(' ')[0]}.",
    ]
