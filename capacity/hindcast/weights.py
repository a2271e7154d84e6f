"""What a hindcast leaves for the projection: `capacity/data/experts.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast import displacement, experts
from capacity.hindcast.panel import Panel, read_panel
from capacity.hindcast.rolling import SCOPES, Request, forecaster, sequence
from capacity.hindcast.shipping import verdict
from capacity.hindcast.tuning import Learnt

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]

BASE_YEAR = 2024
"""Year from whose end the projection starts; the experts learn from outcomes up to it and from nothing later."""
LATER_YEARS = (2025,)
"""Later years that the countries' own record holds already; the second expert's path is known from them as well."""
PATH_YEARS = 30
COUNTRIES = {"US": "USA", "CN": "CHN"}
SCOPE = "countries"
DIGITS = 6


def earned(history: xr.Dataset, request: Request, table: pd.DataFrame) -> dict[str, Any]:
    """Contents of the file: per series what the experts learnt until BASE_YEAR, and how held-out origins went.

    `table` is what `rolling.hindcast` returned for `request`; only its scope of countries is used.
    """
    from grids.history import history_hash

    series = {name: _series(history, request, name, table) for name in request.series}
    about = {
        "unit": "log points, shares",
        "label": "P",
        "source": "gridflops hindcast on the embedded history (Our World in Data: Ember, Energy Institute)",
        "history_sha256": history_hash(history),
        "held_out_origins": sequence(request.origins),
        "horizon": request.horizon,
        "learnt_until": BASE_YEAR,
        "largest_entities_for_slow_baselines": 40,
    }
    return {"about": about, "series": series}


def _series(history: xr.Dataset, request: Request, name: str, table: pd.DataFrame) -> dict[str, Any]:
    panel = read_panel(history, *SCOPES[SCOPE], name)
    predict = forecaster(panel, request.horizon)
    learnt = predict.learn(BASE_YEAR)
    ruling = verdict(history, request, SCOPE, name, table)
    known = panel.until(BASE_YEAR)
    _, size = experts.spreads(known)
    path = _path(known, predict.second, learnt)
    later = {year: _path(panel.until(year), predict.second, learnt) for year in LATER_YEARS}
    at = {country: panel.entities.index(code) for country, code in COUNTRIES.items()}
    return {
        "second": predict.second,
        "weight_of_second": _plain(learnt.weight),
        "kappa": {key: round(value, DIGITS) for key, value in learnt.kappa.items()},
        "tail": learnt.tail,
        "own_weight": learnt.own,
        "widening": _plain(learnt.widening * ruling.factor),
        "settings": {
            key: [[round(w, 4), list(map(float, s))] for w, s in blend] for key, blend in learnt.setting.items()
        },
        "flag": ruling.flag,
        "crps_over_naive": round(ruling.crps_over_naive, 4),
        "coverage_90": round(ruling.coverage_90, 4),
        "pairs_learnt_from": learnt.pairs,
        "countries": {
            country: {
                "size_spread": round(float(size[row]), DIGITS),
                "path_of_second": _plain(path[row]),
                "later_paths_of_second": {str(year): _plain(later[year][row]) for year in LATER_YEARS},
            }
            for country, row in at.items()
        },
    }


def _path(known: Panel, second: str | None, learnt: Learnt) -> Floats:
    """Mean path (entity, PATH_YEARS) of the second expert; zeros where there is none."""
    if second == "diffusion":
        parts = [
            w * experts.diffusion_path(known, experts.Diffusion(*s), PATH_YEARS) for w, s in learnt.setting[second]
        ]
        return np.asarray(np.sum(parts, axis=0))
    if second == "displacement":
        return displacement.displacement_path(known, PATH_YEARS)
    return np.zeros((len(known.entities), PATH_YEARS))


def _plain(values: Floats) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def write(contents: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")
