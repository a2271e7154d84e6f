"""The shipping rule: what fails on held-out origins is widened until it complies, and flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.mixture import Mixture, crps, pit
from capacity.hindcast.panel import read_panel
from capacity.hindcast.rolling import SCOPES, Request, forecaster
from capacity.hindcast.scores import SHIP_COVERAGE, complies

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]

WIDENINGS = tuple(round(1.0 + 0.05 * step, 2) for step in range(1, 61))
NARROWINGS = tuple(round(1.0 - 0.05 * step, 2) for step in range(1, 11))


@dataclass(frozen=True)
class Verdict:
    """How one series ships: factor on its spread beyond the learnt one, and what a user must be told."""

    factor: float
    flag: str | None
    crps_over_naive: float
    coverage_90: float


def verdict(history: xr.Dataset, request: Request, scope: str, series: str, table: pd.DataFrame) -> Verdict:
    """Apply the rule to the pooled forecasts of one series; `table` is what `rolling.hindcast` returned.

    A series that complies ships as it is. Otherwise its spread grows in steps until it complies (it shrinks where the
    bands hold too much); one that complies at no width, because its centre is worse than naive drift, keeps the
    width with the least CRPS. All but the first are flagged.
    """
    rows = table[(table["scope"] == scope) & (table["series"] == series)]
    naive = float(rows.loc[rows["model"] == "naive_drift", "crps"].sum())
    pooled = rows[rows["model"] == "pooled"]
    ratio, coverage = float(pooled["crps"].sum()) / naive, float((np.abs(pooled["pit"] - 0.5) < 0.45).mean())
    if complies(ratio, coverage):
        return Verdict(1.0, None, ratio, coverage)
    parts = _parts(history, request, scope, series)
    before = f"CRPS was {ratio:.2f} of naive drift, 90 % bands held {coverage:.0%}"
    tried = [(1.0, ratio, coverage)]
    for factor in NARROWINGS if coverage > SHIP_COVERAGE[1] else WIDENINGS:
        score, inside = _scored(parts, factor)
        tried.append((factor, score / naive, inside))
        if complies(*tried[-1][1:]):
            return Verdict(factor, f"spread times {factor:.2f}: {before}", *tried[-1][1:])
    factor, ratio, coverage = min(tried, key=lambda entry: entry[1])
    text = f"fails the shipping rule at any width: CRPS {ratio:.2f} of naive drift, 90 % bands hold {coverage:.0%}"
    return Verdict(factor, text, ratio, coverage)


def _scored(parts: list[tuple[Mixture, Floats]], factor: float) -> tuple[float, float]:
    """Sum of CRPS and share inside the 90 % bands with the spread times `factor`."""
    total = sum(float(crps(forecast.widened(factor), outcome).sum()) for forecast, outcome in parts)
    inside = [np.abs(pit(forecast.widened(factor), outcome) - 0.5) < 0.45 for forecast, outcome in parts]
    return total, float(np.concatenate(inside).mean())


def _parts(history: xr.Dataset, request: Request, scope: str, series: str) -> list[tuple[Mixture, Floats]]:
    """Pooled forecasts and outcomes of every origin, flat and without gaps."""
    panel = read_panel(history, *SCOPES[scope], series)
    predict = forecaster(panel, request.horizon)
    parts = []
    for origin in request.origins:
        rows = predict.raw(origin).rows
        outcome = panel.outcomes(origin, request.horizon)[rows]
        if rows.size and np.isfinite(outcome).any():
            known = np.isfinite(outcome)
            pooled, _, _ = predict.forecast(origin)
            parts.append((Mixture(*(table[:, known] for table in pooled)), outcome[known]))
    return parts
