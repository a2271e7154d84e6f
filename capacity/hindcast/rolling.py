"""Rolling origins: forecast from each origin with what was known then, and set the outcomes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.hindcast import baselines, statistical
from capacity.hindcast.mixture import Mixture, crps, median_mean, pit
from capacity.hindcast.panel import WORLD, Panel, read_panel
from capacity.hindcast.tuning import Forecaster, Learnt

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]
Progress = Callable[[str], None]

FAST = ("naive_drift", "last_value")
SLOW = ("ets", "auto_arima")
BASELINES = (*FAST, *SLOW)
LARGEST = 40
"""Entities that the slow baselines are fitted to at each origin: the largest then."""
FIRST_YEAR_OF_LEARNING = 1993
SCOPES = {
    "countries": ("generation_twh", "country"),
    "us-states": ("generation_twh", "us_state"),
    "cn-provinces": ("generation_twh", "cn_province"),
    "us-states-capacity": ("capacity_mw", "us_state"),
    "cn-provinces-capacity": ("capacity_mw", "cn_province"),
}
SERIES = ("total", "coal", "gas", "wind", "solar", "nuclear", "hydro")


@dataclass(frozen=True)
class Request:
    """What to hindcast: names in SCOPES and series, origins, longest horizon, baselines."""

    scopes: tuple[str, ...]
    series: tuple[str, ...]
    origins: tuple[int, ...]
    horizon: int
    baselines: tuple[str, ...]


def hindcast(history: xr.Dataset, request: Request, progress: Progress = lambda text: None) -> pd.DataFrame:
    """One row a scope, series, model, entity, origin and horizon: crps, pit, bias (log points), outcome.

    Models: `pooled`, each expert, and the baselines. bias is mean forecast minus outcome of the log level. Raises
    CapacityError naming every fault of the request.
    """
    import pandas as pd

    _check(history, request)
    tables = []
    for scope in request.scopes:
        for series in request.series:
            progress(f"{scope} {series}")
            panel = read_panel(history, *SCOPES[scope], series)
            tables += [table.assign(scope=scope, series=series) for table in _panel_tables(panel, request)]
    if not tables:
        raise CapacityError("nothing to hindcast: no entity has a record long enough at any of the origins")
    return pd.concat(tables, ignore_index=True)


def _check(history: xr.Dataset, request: Request) -> None:
    problems = [f"scope {name!r}; known: {', '.join(SCOPES)}" for name in request.scopes if name not in SCOPES]
    problems += [
        f"baseline {name!r}; known: {', '.join(BASELINES)}" for name in request.baselines if name not in BASELINES
    ]
    if "naive_drift" not in request.baselines:
        problems.append("baseline naive_drift is what all others are measured against; keep it")
    last = int(history["year"][-1])
    problems += [
        f"origin {year}: give years from 1995 to {last - 1}" for year in request.origins if not 1995 <= year < last
    ]
    if not 1 <= request.horizon <= 15:
        problems.append(f"horizon {request.horizon}: give 1 to 15 years")
    if problems:
        raise CapacityError("; ".join(problems))
    if set(request.baselines) & set(SLOW):
        statistical.require_statsmodels()


def forecaster(panel: Panel, horizon: int) -> Forecaster:
    return Forecaster(panel, horizon, FIRST_YEAR_OF_LEARNING)


def _panel_tables(panel: Panel, request: Request) -> Iterable[pd.DataFrame]:
    predict = forecaster(panel, request.horizon)
    for origin in request.origins:
        rows = predict.raw(origin).rows
        if not rows.size:
            continue
        outcome = panel.outcomes(origin, request.horizon)[rows]
        if not np.isfinite(outcome).any():
            continue
        pooled, learnt, _ = predict.forecast(origin)
        yield _scored(panel, rows, origin, "pooled", pooled, outcome)
        yield from _experts(predict, panel, rows, origin, learnt, outcome)
        yield from _baselines(panel.until(origin), panel, rows, origin, request, outcome)


def _experts(
    predict: Forecaster, panel: Panel, rows: NDArray[np.int64], origin: int, learnt: Learnt, outcome: Floats
) -> Iterable[pd.DataFrame]:
    if len(predict.names) > 1:
        for name in predict.names:
            yield _scored(panel, rows, origin, name, predict.expert(origin, name, learnt), outcome)


def _baselines(
    known: Panel, panel: Panel, rows: NDArray[np.int64], origin: int, request: Request, outcome: Floats
) -> Iterable[pd.DataFrame]:
    """`known` ends at the origin; `panel` only lends the names."""
    for name in request.baselines:
        if name in FAST:
            whole: Mixture = getattr(baselines, name)(known, request.horizon)
            part = Mixture(*(table[:, rows] for table in whole))
            yield _scored(panel, rows, origin, name, part, outcome)
        else:
            size = np.where([panel.entities[row] == WORLD for row in rows], -1.0, known.level[rows, -1])
            chosen = np.sort(np.argsort(-size, kind="stable")[:LARGEST])
            fitted: Mixture = getattr(statistical, name)(known, rows[chosen], request.horizon)
            yield _scored(panel, rows[chosen], origin, name, fitted, outcome[chosen])


def _scored(
    panel: Panel, rows: NDArray[np.int64], origin: int, model: str, forecast: Mixture, outcome: Floats
) -> pd.DataFrame:
    import pandas as pd

    entity, step = np.nonzero(np.isfinite(outcome))
    columns: dict[str, Any] = {
        "model": model,
        "entity": np.array(panel.entities)[rows[entity]],
        "origin": origin,
        "horizon": step + 1,
        "crps": crps(forecast, outcome)[entity, step],
        "pit": pit(forecast, outcome)[entity, step],
        "bias": (median_mean(forecast) - outcome)[entity, step],
        "outcome": outcome[entity, step],
    }
    return pd.DataFrame(columns)


def sequence(values: Sequence[int]) -> str:
    """Years as a reader writes them: 2012-2022, or 2012, 2014."""
    ordered = sorted(values)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]}-{ordered[-1]}"
    return ", ".join(map(str, ordered))
