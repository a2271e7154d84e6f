"""How demand would have been forecast: the priors of the two countries beside what the record alone would have said.

What is scored is all generation of a country, the nearest thing to demand on record (net imports are about 1 % in the
United States and 0.1 % in China), from each origin over 1 to 10 years, in log level. It holds data centres, whose
growth the priors leave out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast import baselines
from capacity.hindcast.mixture import Mixture, crps, pit, quantile
from capacity.hindcast.panel import Panel, read_panel
from capacity.hindcast.rolling import SCOPES, forecaster
from capacity.hindcast.scores import FOCUS

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

COUNTRIES = {"USA": "US", "CHN": "CN"}
ORIGINS = tuple(range(2004, 2024))
"""From the first year with four growth rates of one publisher, to the last with an outcome for both countries."""
BASE_YEAR = 2024
DRAWS, SEED = 4000, 2025
HORIZON = 10
GROUPS = ((1, 3), (4, 6), (7, 10), (1, 10))
LEVELS = (0.05, 0.5, 0.95)
AHEAD = (2030, 2035)
"""Years to which growth from BASE_YEAR is told, of the priors and of the record."""


class _Scored(NamedTuple):
    """crps, pit and median minus outcome (horizon,) of one forecast, NaN where nothing has come."""

    crps: Floats
    pit: Floats
    bias: Floats


def table(history: xr.Dataset, origins: Sequence[int] = ORIGINS) -> list[dict[str, Any]]:
    """One record a country, model and group of horizons: CRPS over naive drift, coverage, bias, pairs.

    Models: `record`, the trend of total generation as the projection pools it; `prior`, the growth parameters of the
    reference as they stand, from every origin; `prior_spread`, their spread around the median of `record`; naive
    drift; last value.
    """
    panel = read_panel(history, *SCOPES["countries"], "total")
    predict = forecaster(panel, HORIZON)
    records = []
    for entity in FOCUS.values():
        samples = prior(COUNTRIES[entity])
        scored: dict[str, list[_Scored]] = {}
        for origin in origins:
            outcome = panel.outcomes(origin, HORIZON)[panel.entities.index(entity)]
            known = panel.until(origin)
            record = _row(predict.forecast(origin)[0], predict.raw(origin).rows, panel, entity)
            for name, forecast in _forecasts(record, samples, known, entity):
                scored.setdefault(name, []).append(_score(forecast, outcome))
        records += list(_records(entity, scored))
    return records


def growth_ahead(history: xr.Dataset) -> list[dict[str, Any]]:
    """Yearly growth from BASE_YEAR to each of AHEAD, 5, 50 and 95 %: of the priors, and of the record alone."""
    panel = read_panel(history, *SCOPES["countries"], "total")
    longest = max(AHEAD) - BASE_YEAR
    pooled, _, raw = forecaster(panel, longest).forecast(BASE_YEAR)
    records = []
    for entity in FOCUS.values():
        record, samples = _row(pooled, raw.rows, panel, entity), prior(COUNTRIES[entity], longest)
        for year in AHEAD:
            h = year - BASE_YEAR
            levels = {
                "prior": [float(np.quantile(samples[:, h - 1], q)) for q in LEVELS],
                "record": [float(quantile(record, q)[h - 1]) for q in LEVELS],
            }
            for name, found in levels.items():
                rates = dict(zip(("p05", "p50", "p95"), np.expm1(np.array(found) / h).tolist(), strict=True))
                records.append({"entity": entity, "year": year, "model": name} | rates)
    return records


def needed_spread(history: xr.Dataset, entity: str, aim: float = 0.9, origins: Sequence[int] = ORIGINS) -> float:
    """Factor on the prior's spread, in steps of a tenth, at which its 90 % bands around our median hold `aim`."""
    panel = read_panel(history, *SCOPES["countries"], "total")
    predict, samples = forecaster(panel, HORIZON), prior(COUNTRIES[entity])
    low, high = (np.quantile(samples, q, axis=0) - np.median(samples, axis=0) for q in (0.05, 0.95))
    misses = []
    for origin in origins:
        outcome = panel.outcomes(origin, HORIZON)[panel.entities.index(entity)]
        middle = quantile(_row(predict.forecast(origin)[0], predict.raw(origin).rows, panel, entity), 0.5)
        off = outcome - middle
        misses.append(np.where(off > 0.0, off / high, off / low)[np.isfinite(off)])
    return float(np.ceil(10.0 * np.quantile(np.concatenate(misses), aim)) / 10.0)


def prior(country: str, horizon: int = HORIZON) -> Floats:
    """Log growth (draw, horizon) of demand other than data centres, as a run of the reference draws it."""
    from capacity import demand
    from capacity.draws import Draws
    from scenarios import load

    years = np.arange(BASE_YEAR + 1, BASE_YEAR + horizon + 1)
    draws = Draws(SEED, np.arange(DRAWS), years, load(["reference"])[0])
    return np.log(demand.project(country, BASE_YEAR, draws).energy_ratio)


def _row(forecast: Mixture, rows: NDArray[np.int64], panel: Panel, entity: str) -> Mixture:
    """The forecast (component, horizon) of one entity."""
    place = int(np.flatnonzero(rows == panel.entities.index(entity))[0])
    return Mixture(*(table[:, place] for table in forecast))


def _forecasts(record: Mixture, samples: Floats, known: Panel, entity: str) -> Iterator[tuple[str, Mixture | Floats]]:
    """Forecasts of one entity by model: a mixture, or samples (draw, horizon)."""
    at = known.entities.index(entity)
    yield "record", record
    yield "prior", samples
    yield "prior_spread", samples - np.median(samples, axis=0) + quantile(record, 0.5)
    for name in ("naive_drift", "last_value"):
        whole: Mixture = getattr(baselines, name)(known, HORIZON)
        yield name, Mixture(*(part[:, at] for part in whole))


def _score(forecast: Mixture | Floats, outcome: Floats) -> _Scored:
    if isinstance(forecast, Mixture):
        return _Scored(crps(forecast, outcome), pit(forecast, outcome), quantile(forecast, 0.5) - outcome)
    below = np.where(np.isfinite(outcome), (forecast <= outcome).mean(axis=0), np.nan)
    return _Scored(crps_of_samples(forecast, outcome), below, np.median(forecast, axis=0) - outcome)


def crps_of_samples(samples: Floats, outcome: Floats) -> Floats:
    """CRPS (horizon,) of equally likely samples (draw, horizon): E|X - y| - E|X - X'| / 2; NaN where the outcome is."""
    ordered = np.sort(samples, axis=0)
    count = len(ordered)
    rank = 2.0 * np.arange(1, count + 1) - count - 1.0
    return np.asarray(np.abs(ordered - outcome).mean(axis=0) - (rank[:, None] * ordered).sum(axis=0) / count**2)


def _records(entity: str, scored: dict[str, list[_Scored]]) -> Iterator[dict[str, Any]]:
    for low, high in GROUPS:
        columns = slice(low - 1, high)
        naive = np.concatenate([one.crps[columns] for one in scored["naive_drift"]])
        for name, parts in scored.items():
            score, share, bias = (np.concatenate([part[i][columns] for part in parts]) for i in range(3))
            known = np.isfinite(score)
            distance = np.abs(share[known] - 0.5)
            yield {
                "entity": entity,
                "model": name,
                "horizons": f"{low}-{high}",
                "crps_over_naive": float(score[known].sum() / naive[known].sum()),
                "coverage_50": float((distance < 0.25).mean()),
                "coverage_90": float((distance < 0.45).mean()),
                "log_bias": float(bias[known].mean()),
                "pairs": int(known.sum()),
            }
