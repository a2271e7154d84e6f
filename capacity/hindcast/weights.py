"""What a hindcast leaves for the projection: `capacity/data/experts.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.hindcast import displacement, experts
from capacity.hindcast.panel import Panel, read_panel
from capacity.hindcast.rolling import SCOPES, Request, forecaster, sequence
from capacity.hindcast.scores import AREAS
from capacity.hindcast.shipping import Verdict, verdict
from capacity.hindcast.tuning import Forecaster, Learnt

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
AREA_SCOPES = {"US": AREAS["United States"], "CN": AREAS["China"]}
DIGITS = 6


def earned(history: xr.Dataset, request: Request, table: pd.DataFrame) -> dict[str, Any]:
    """Contents of the file: per series what the experts learnt until BASE_YEAR, and how held-out origins went.

    `table` is what `rolling.hindcast` returned for `request`. The experts learn from its scope of countries; the
    scopes of states and provinces only add what a user must be told of them. Raises CapacityError without them all.
    """
    from grids.history import history_hash

    check_scopes(request)
    series = {name: _series(history, request, name, table) for name in request.series}
    about = {
        "unit": "log points, shares",
        "label": "P",
        "source": "gridflops hindcast on the embedded history (Our World in Data: Ember, Energy Institute)",
        "history_sha256": history_hash(history),
        "held_out_origins": sequence(request.origins),
        "horizon": request.horizon,
        "learnt_until": BASE_YEAR,
    }
    return {"about": about, "series": series}


def check_scopes(request: Request) -> None:
    """Raises CapacityError for a request that leaves out a scope which the file tells of."""
    told = (SCOPE, *(scope for scopes in AREA_SCOPES.values() for scope in scopes))
    missing = [scope for scope in told if scope not in request.scopes]
    if missing:
        raise CapacityError(f"the weights need the scopes {', '.join(missing)} as well; leave out --scopes")


def _series(history: xr.Dataset, request: Request, name: str, table: pd.DataFrame) -> dict[str, Any]:
    panel = read_panel(history, *SCOPES[SCOPE], name)
    predict = forecaster(panel, request.horizon)
    learnt = predict.learn(BASE_YEAR)
    ruling = verdict(history, request, SCOPE, name, table)
    return {
        "second": predict.second,
        "weight": {key: _plain(row) for key, row in zip(predict.names, learnt.weight, strict=True)},
        "kappa": {key: round(value, DIGITS) for key, value in learnt.kappa.items()},
        "tail": learnt.tail,
        "own_weight": learnt.own,
        "widening": _plain(learnt.widening),
        "settings": {
            key: [[round(w, 4), list(map(float, s))] for w, s in blend] for key, blend in learnt.setting.items()
        },
        "rule": _told(ruling),
        "pairs_learnt_from": learnt.pairs,
        "countries": _countries(history, request, table, predict, learnt),
    }


def _countries(
    history: xr.Dataset, request: Request, table: pd.DataFrame, predict: Forecaster, learnt: Learnt
) -> dict[str, Any]:
    """What holds for each country of the projection alone, its own scores and those of its areas included."""
    panel, name = predict.panel, predict.panel.series
    known = panel.until(BASE_YEAR)
    _, size = experts.spreads(known)
    paths = {year: _path(panel.until(year), predict.second, learnt) for year in (BASE_YEAR, *LATER_YEARS)}
    found = {}
    for country, code in COUNTRIES.items():
        row = panel.entities.index(code)
        found[country] = {
            "size_spread": round(float(size[row]), DIGITS),
            "own_factor": {
                key: round(float(factor[row]), DIGITS)
                for key, factor in zip(predict.names, learnt.own_factor, strict=True)
            },
            "path_of_second": _plain(paths[BASE_YEAR][row]),
            "later_paths_of_second": {str(year): _plain(paths[year][row]) for year in LATER_YEARS},
            "rule": _told(verdict(history, request, SCOPE, name, table, code)),
            "areas": {
                scope: _told(verdict(history, request, scope, name, table))
                for scope in AREA_SCOPES[country]
                if ((table["scope"] == scope) & (table["series"] == name)).any()
            },
        }
    return found


def _told(ruling: Verdict) -> dict[str, Any]:
    return {
        "verdict": ruling.kind,
        "flag": ruling.flag,
        "factor": ruling.factor,
        "crps_over_naive": round(ruling.crps_over_naive, 4),
        "coverage_90": round(ruling.coverage_90, 4),
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
    """Write what `earned` gave as JSON, for the projection to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")
