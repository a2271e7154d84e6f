"""The shipping rule: what fails on held-out origins is widened until it complies, and flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.mixture import Mixture, crps, pit
from capacity.hindcast.panel import read_panel
from capacity.hindcast.rolling import SCOPES, Request, forecaster
from capacity.hindcast.scores import FOCUS, SHIP_COVERAGE, SHIP_RATIO, complies
from capacity.supply.experts_data import COMPLIES, WIDE, WIDENED, WORSE

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]

WIDENINGS = tuple(round(1.0 + 0.05 * step, 2) for step in range(1, 61))
NARROWINGS = tuple(round(1.0 - 0.05 * step, 2) for step in range(1, 11))


@dataclass(frozen=True)
class Verdict:
    """How one series ships: factor on its spread beyond the learnt one, and what a user must be told.

    kind is a name in `experts_data.VERDICTS`; flag says it in words and is None for a series that complies.
    """

    factor: float
    kind: str
    flag: str | None
    crps_over_naive: float
    coverage_90: float


def verdict(
    history: xr.Dataset, request: Request, scope: str, series: str, table: pd.DataFrame, entity: str | None = None
) -> Verdict:
    """Apply the rule to the pooled forecasts of one series; `table` is what `rolling.hindcast` returned.

    entity : judge this one alone instead of all together. Its few outcomes can say that bands are too narrow, not
        that they are too wide, so nothing is narrowed.

    A series that complies ships as it is. Otherwise its spread grows in steps until it complies, or shrinks where the
    bands hold too much. One whose centre is worse than naive drift complies at no width; it grows until its bands do.
    """
    rows = table[(table["scope"] == scope) & (table["series"] == series)]
    if entity is not None:
        rows = rows[rows["entity"] == entity]
    naive = float(rows.loc[rows["model"] == "naive_drift", "crps"].sum())
    pooled = rows[rows["model"] == "pooled"]
    ratio, coverage = float(pooled["crps"].sum()) / naive, float((np.abs(pooled["pit"] - 0.5) < 0.45).mean())
    if complies(ratio, coverage):
        return Verdict(1.0, COMPLIES, None, ratio, coverage)
    held = f"CRPS {ratio:.2f} of naive drift, 90 % bands held {coverage:.0%}"
    wide = coverage > SHIP_COVERAGE[1]
    if wide and entity is not None:
        kind, words = (WIDE, "") if ratio <= SHIP_RATIO else (WORSE, "worse than naive drift, and ")
        return Verdict(1.0, kind, f"{words}bands are wide, left so: {held}", ratio, coverage)
    parts = _parts(history, request, scope, series, entity)
    tried = [(1.0, ratio, coverage)]
    for factor in NARROWINGS if wide else WIDENINGS:
        score, inside = _scored(parts, factor)
        tried.append((factor, score / naive, inside))
        if complies(*tried[-1][1:]):
            return Verdict(factor, WIDENED, f"spread times {factor:.2f}: had {held}", *tried[-1][1:])
    kept = next((one for one in tried if SHIP_COVERAGE[0] <= one[2] <= SHIP_COVERAGE[1]), tried[0])
    text = f"worse than naive drift at any width: {held}"
    if kept[0] != 1.0:
        text += f"; with the spread times {kept[0]:.2f}, as shipped, {kept[1]:.2f} and {kept[2]:.0%}"
    return Verdict(kept[0], WORSE, text, *kept[1:])


def flags(history: xr.Dataset, request: Request, table: pd.DataFrame) -> dict[str, str]:
    """Words by "scope series" of every flagged series, and by "entity series" for the countries of FOCUS alone."""
    found = {}
    for scope, series in table[["scope", "series"]].drop_duplicates().itertuples(index=False):
        of_series = table[(table["scope"] == scope) & (table["series"] == series)]
        judged = {scope: None} | {code: code for code in FOCUS.values() if (of_series["entity"] == code).any()}
        for who, entity in judged.items():
            flag = verdict(history, request, scope, series, table, entity).flag
            if flag:
                found[f"{who} {series}"] = flag
    return found


def _scored(parts: list[tuple[Mixture, Floats]], factor: float) -> tuple[float, float]:
    """Sum of CRPS and share inside the 90 % bands with the spread times `factor`."""
    total = sum(float(crps(forecast.widened(factor), outcome).sum()) for forecast, outcome in parts)
    inside = [np.abs(pit(forecast.widened(factor), outcome) - 0.5) < 0.45 for forecast, outcome in parts]
    return total, float(np.concatenate(inside).mean())


def _parts(
    history: xr.Dataset, request: Request, scope: str, series: str, entity: str | None
) -> list[tuple[Mixture, Floats]]:
    """Pooled forecasts and outcomes of every origin, flat and without gaps, of all or of one entity."""
    panel = read_panel(history, *SCOPES[scope], series)
    predict = forecaster(panel, request.horizon)
    parts = []
    for origin in request.origins:
        rows = predict.raw(origin).rows
        outcome = panel.outcomes(origin, request.horizon)[rows]
        known = np.isfinite(outcome)
        if entity is not None:
            known &= (rows == panel.entities.index(entity))[:, None]
        if known.any():
            pooled, _, _ = predict.forecast(origin)
            parts.append((Mixture(*(table[:, known] for table in pooled)), outcome[known]))
    return parts
