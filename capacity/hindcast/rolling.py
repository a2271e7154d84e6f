"""Rolling origins: forecast from each origin with what was known then, and set the outcomes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.hindcast import baselines, statistical
from capacity.hindcast.mixture import Mixture, crps, median_mean, pit
from capacity.hindcast.panel import WORLD, Panel, read_panel
from capacity.hindcast.parts import CODE_OF_BASELINE, CODE_OF_EXPERTS, identity, read, write
from capacity.hindcast.tuning import Forecaster

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


def hindcast(
    history: xr.Dataset, request: Request, progress: Progress = lambda text: None, kept: Path | None = None
) -> pd.DataFrame:
    """One row a scope, series, model, entity, origin and horizon: crps, pit, bias (log points), outcome.

    kept : folder in which finished parts are left, and looked for by a run that asks for the same

    Models: `pooled`, each expert, and the baselines. bias is mean forecast minus outcome of the log level. Raises
    CapacityError naming every fault of the request.
    """
    import pandas as pd

    _check(history, request)
    groups = ("experts", *(name for name in request.baselines if name in SLOW))
    tables = []
    for scope in request.scopes:
        for series in request.series:
            panel = read_panel(history, *SCOPES[scope], series)
            for group in groups:
                progress(f"{scope} {series} {group}")
                table = _part(panel, request, group, None if kept is None else kept / f"{scope}-{series}-{group}.npz")
                tables.append(table.assign(scope=scope, series=series))
    if not any(len(table) for table in tables):
        raise CapacityError("nothing to hindcast: no entity has a record long enough at any of the origins")
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _part(panel: Panel, request: Request, group: str, path: Path | None) -> pd.DataFrame:
    """Scores of the experts with the fast baselines, or of one slow baseline, from the kept file if it is of now."""
    import pandas as pd

    fast = () if group in SLOW else tuple(name for name in request.baselines if name in FAST)
    said = {"group": group, "fast": fast, "origins": request.origins, "horizon": request.horizon}
    wanted = identity(CODE_OF_BASELINE if group in SLOW else CODE_OF_EXPERTS, panel, said)
    table = None if path is None else read(path, wanted)
    if table is None:
        found = _slow_tables(panel, request, group) if group in SLOW else _expert_tables(panel, request, fast)
        scored = list(found)
        table = pd.concat(scored, ignore_index=True) if scored else pd.DataFrame({"model": []})
        if path is not None:
            write(table, path, wanted)
    return table


def _check(history: xr.Dataset, request: Request) -> None:
    problems = [f"scope {name!r}; known: {', '.join(SCOPES)}" for name in request.scopes if name not in SCOPES]
    problems += [
        f"baseline {name!r}; known: {', '.join(BASELINES)}" for name in request.baselines if name not in BASELINES
    ]
    if "naive_drift" not in request.baselines:
        problems.append("baseline naive_drift is what all others are measured against; keep it")
    last = int(history["year"][-1])
    outside = [str(year) for year in request.origins if not 1995 <= year < last]
    if outside:
        problems.append(f"origins {', '.join(outside)}: give years from 1995 to {last - 1}")
    if not 1 <= request.horizon <= 15:
        problems.append(f"horizon {request.horizon}: give 1 to 15 years")
    if problems:
        raise CapacityError(problems)
    if set(request.baselines) & set(SLOW):
        statistical.require_statsmodels()


def forecaster(panel: Panel, horizon: int) -> Forecaster:
    """The pool that learns from all origins of a panel, for 1 to `horizon` years ahead."""
    return Forecaster(panel, horizon, FIRST_YEAR_OF_LEARNING)


def _expert_tables(panel: Panel, request: Request, fast: Sequence[str]) -> Iterable[pd.DataFrame]:
    predict = forecaster(panel, request.horizon)
    for origin, rows, outcome in _cases(panel, request):
        pooled, learnt, _ = predict.forecast(origin)
        yield _scored(panel, rows, origin, "pooled", pooled, outcome)
        if len(predict.names) > 1:
            for name in predict.names:
                yield _scored(panel, rows, origin, name, predict.expert(origin, name, learnt), outcome)
        for name in fast:
            whole: Mixture = getattr(baselines, name)(panel.until(origin), request.horizon)
            part = Mixture(*(table[:, rows] for table in whole))
            yield _scored(panel, rows, origin, name, part, outcome)


def _slow_tables(panel: Panel, request: Request, name: str) -> Iterable[pd.DataFrame]:
    for origin, rows, outcome in _cases(panel, request):
        known = panel.until(origin)
        size = np.where([panel.entities[row] == WORLD for row in rows], -1.0, known.level[rows, -1])
        chosen = np.sort(np.argsort(-size, kind="stable")[:LARGEST])
        fitted: Mixture = getattr(statistical, name)(known, rows[chosen], request.horizon)
        yield _scored(panel, rows[chosen], origin, name, fitted, outcome[chosen])


def _cases(panel: Panel, request: Request) -> Iterable[tuple[int, NDArray[np.int64], Floats]]:
    """Origins with the rows that can be forecast from there and what came, where anything has come."""
    for origin in request.origins:
        rows = np.flatnonzero(panel.until(origin).eligible)
        if rows.size:
            outcome = panel.outcomes(origin, request.horizon)[rows]
            if np.isfinite(outcome).any():
                yield origin, rows, outcome


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
