"""Published outlooks beside forecasts from the same origin, and China's solar, the best known miss."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.mixture import Mixture, quantile
from capacity.hindcast.panel import Panel, read_panel
from capacity.hindcast.rolling import SCOPES, forecaster

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

CHINA_SOLAR = ((2010, 2015), (2015, 2020))
"""Origins and years whose outcome has to lie inside the 90 % band."""
HORIZON = 10
KEPT = ("body", "publication", "entity", "series", "quantity", "origin", "year")


def known_misses(history: xr.Dataset) -> list[dict[str, Any]]:
    """China's solar generation: 90 % band and median of each pair in CHINA_SOLAR beside what came, TWh."""
    panel = read_panel(history, *SCOPES["countries"], "solar")
    predict = forecaster(panel, HORIZON)
    records = []
    for origin, year in CHINA_SOLAR:
        band = levels(predict.forecast(origin)[0], predict.raw(origin).rows, panel, "CHN", origin)
        low, middle, high = (float(band[level][year - origin - 1]) for level in (0.05, 0.5, 0.95))
        actual = float(panel.level[panel.entities.index("CHN"), int(year - panel.years[0])])
        records.append(
            {
                "entity": "CHN", "series": "solar", "origin": origin, "year": year, "p5_twh": low, "p50_twh": middle,
                "p95_twh": high, "actual_twh": actual, "inside": low <= actual <= high,
            }
        )  # fmt: skip
    return records


def levels(forecast: Mixture, rows: NDArray[np.int64], panel: Panel, entity: str, origin: int) -> dict[float, Floats]:
    """Quantiles (horizon,) of the level of one entity at 0.05, 0.25, 0.5, 0.75 and 0.95."""
    at = panel.entities.index(entity)
    place = int(np.flatnonzero(rows == at)[0])
    one = Mixture(*(table[:, place] for table in forecast))
    base = float(panel.level[at, int(origin - panel.years[0])])
    return {q: base * np.exp(quantile(one, q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}


def against_outlooks(history: xr.Dataset) -> list[dict[str, Any]]:
    """Each published outlook of `outlooks.yaml`: log error of its figure and of our median from the same origin.

    An addition is the gain of generation in the year; it is compared with the actual gain as the outlook's gigawatts
    are with the actual gigawatts, so the unit drops out.
    """
    from ruamel.yaml import YAML

    text = files("capacity.hindcast").joinpath("outlooks.yaml").read_text(encoding="utf-8")
    records = []
    for entry in YAML(typ="safe").load(text):
        panel = read_panel(history, *SCOPES["countries"], entry["series"])
        predict = forecaster(panel, HORIZON)
        origin, year = int(entry["origin"]), int(entry["year"])
        bands = levels(predict.forecast(origin)[0], predict.raw(origin).rows, panel, entry["entity"], origin)
        own = panel.level[panel.entities.index(entry["entity"])]
        start = int(origin - panel.years[0])
        path = np.concatenate([[own[start]], bands[0.5]])
        ours = float(path[year - origin] - path[year - origin - 1])
        came = float(own[int(year - panel.years[0])] - own[int(year - panel.years[0]) - 1])
        records.append(
            {
                **{
                    key: entry[key] for key in ("body", "publication", "entity", "series", "quantity", "origin", "year")
                },
                "outlook": float(entry["value"]),
                "actual": float(entry["actual"]),
                "unit": entry["unit"],
                "log_error_outlook": float(np.log(entry["value"] / entry["actual"])),
                "log_error_median": float(np.log(max(ours, 1e-9) / came)),
                "label": entry["label"],
                "source": entry["source"],
            }
        )
    return records
