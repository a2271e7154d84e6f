"""Scores of a hindcast, the shipping rule, and the targets that the forecasts are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["scope", "series", "entity", "origin", "horizon"]
FOCUS = {"United States": "USA", "China": "CHN"}
SHIP_COVERAGE = (0.80, 0.98)
"""90 % bands of a shipped series hold between 80 and 98 % of the outcomes."""
SHIP_RATIO = 1.0
TARGET_RATIO = {"total": 0.80, "wind": 0.60, "gas": 0.75, "solar": 0.75, "coal": 0.95}
"""CRPS over that of naive drift, all countries, held-out origins."""
TARGET_FOCUS = {"total": 1.0, "solar": 1.0}
"""The same for the United States and China each."""
TARGET_COVERAGE = (0.85, 0.97)
FIRST_ORIGINS = 5
"""Origins that the targets are looked at alone as well: the earliest, which have the least to learn from."""
AREAS = {"United States": ("us-states", "us-states-capacity"), "China": ("cn-provinces", "cn-provinces-capacity")}


def summary(table: pd.DataFrame, entity: str | None = None) -> list[dict[str, Any]]:
    """One record a scope, series and model: CRPS over naive drift on the same rows, coverage, bias, counts."""
    import pandas as pd

    part = table if entity is None else table[table["entity"] == entity]
    naive = part[part["model"] == "naive_drift"].set_index(KEYS)["crps"]
    records = []
    for (scope, series, model), rows in part.groupby(["scope", "series", "model"], sort=False):
        against = naive.reindex(pd.MultiIndex.from_frame(rows[KEYS]))
        distance = np.abs(rows["pit"].to_numpy() - 0.5)
        records.append(
            {
                "scope": scope,
                "series": series,
                "model": model,
                "crps": float(rows["crps"].mean()),
                "crps_over_naive": float(rows["crps"].sum() / against.sum()),
                "coverage_50": float((distance < 0.25).mean()),
                "coverage_90": float((distance < 0.45).mean()),
                "log_bias": float(rows["bias"].mean()),
                "entities": int(rows["entity"].nunique()),
                "pairs": len(rows),
            }
        )
    return records


def of_country(table: pd.DataFrame, country: str) -> list[dict[str, Any]]:
    """Records of a country of FOCUS alone, then of its states or provinces together."""
    return summary(table, FOCUS[country]) + summary(table[table["scope"].isin(AREAS[country])])


def first_origins(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the earliest FIRST_ORIGINS origins."""
    return table[table["origin"] < table["origin"].min() + FIRST_ORIGINS]


def pit_histogram(table: pd.DataFrame, bins: int = 10) -> dict[str, list[float]]:
    """Share of the pooled forecasts' outcomes in each tenth of the forecast, by "scope series"; 1/bins is ideal."""
    pooled = table[table["model"] == "pooled"]
    edges = np.linspace(0.0, 1.0, bins + 1)
    return {
        f"{scope} {series}": (np.histogram(rows["pit"], edges)[0] / len(rows)).round(4).tolist()
        for (scope, series), rows in pooled.groupby(["scope", "series"], sort=False)
    }


def targets(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Every target on countries with the figure reached; `short_by` is how far it is missed, 0 where it is met."""
    pooled = table[(table["model"].isin(["pooled", "naive_drift"])) & (table["scope"] == "countries")]
    records = []
    for record in summary(pooled):
        if record["model"] != "pooled" or record["series"] not in TARGET_RATIO:
            continue
        series = record["series"]
        records.append(_at_most(f"{series}, all countries", record["crps_over_naive"], TARGET_RATIO[series]))
        low, high = TARGET_COVERAGE
        reached = record["coverage_90"]
        miss = max(low - reached, reached - high, 0.0)
        records.append(_target(f"{series}, 90 % coverage", reached, f"{low:.2f}-{high:.2f}", miss))
    for name, code in FOCUS.items():
        for record in summary(pooled, code):
            if record["model"] == "pooled" and record["series"] in TARGET_FOCUS:
                limit = TARGET_FOCUS[record["series"]]
                records.append(_at_most(f"{record['series']}, {name}", record["crps_over_naive"], limit))
    return records


def _at_most(what: str, reached: float, limit: float) -> dict[str, Any]:
    return _target(what, reached, f"at most {limit:.2f}", max(reached - limit, 0.0))


def _target(what: str, reached: float, limit: str, miss: float) -> dict[str, Any]:
    return {"target": what, "reached": round(reached, 4), "limit": limit, "short_by": round(miss, 4)}


def complies(ratio: float, coverage: float) -> bool:
    """The shipping rule: no worse than naive drift, and 90 % bands that hold 80 to 98 % of the outcomes."""
    return ratio <= SHIP_RATIO and SHIP_COVERAGE[0] <= coverage <= SHIP_COVERAGE[1]
