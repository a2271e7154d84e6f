"""Published outlooks beside forecasts from the same origin, and China's solar, the best known miss."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.baselines import last_value, naive_drift
from capacity.hindcast.mixture import Mixture, crps, quantile
from capacity.hindcast.panel import Panel, read_panel
from capacity.hindcast.rolling import SCOPES, forecaster
from capacity.hindcast.tuning import Forecaster

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

CHINA_SOLAR = ((2010, 2015), (2015, 2020))
"""Origins and years whose outcome has to lie inside the 90 % band."""
HORIZON = 10


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


def against_aeo(history: xr.Dataset) -> list[dict[str, Any]]:
    """Reference cases of past Annual Energy Outlooks: mean log error over their years, beside our forecasts' own.

    An edition's level is compared with what EIA later reported, ours with our record: sales stand beside total
    generation, of which they are a steady share. `error` is the mean absolute log error, which is the CRPS of a single
    number; `ours_crps` is that of our pool, `naive` and `last_value` are the errors of those baselines' medians.
    """
    from ruamel.yaml import YAML

    text = files("capacity.hindcast").joinpath("aeo.yaml").read_text(encoding="utf-8")
    book = YAML(typ="safe").load(text)
    forecasters: dict[str, Forecaster] = {}
    records = []
    for entry in book["editions"]:
        panel = read_panel(history, *SCOPES["countries"], entry["series"])
        predict = forecasters.setdefault(entry["series"], forecaster(panel, HORIZON))
        origin, row = int(entry["origin"]), panel.entities.index("USA")
        years = [int(year) for year in entry["values"]]
        steps = np.array(years) - origin - 1
        outcome = panel.outcomes(origin, HORIZON)[row]
        pooled, _, raw = predict.forecast(origin)
        ours = Mixture(*(part[:, int(np.flatnonzero(raw.rows == row)[0])] for part in pooled))
        missed = np.array([np.log(entry["values"][y] / book["actual"][entry["quantity"]][y]) for y in years])
        known = panel.until(origin)
        naive, last = (baseline(known, HORIZON).mean[0, row] for baseline in (naive_drift, last_value))
        records.append(
            {
                "publication": f"Annual Energy Outlook {entry['edition']}",
                "quantity": entry["quantity"],
                "years": f"{years[0]}-{years[-1]}",
                "bias": float(missed.mean()),
                "error": float(np.abs(missed).mean()),
                "ours_bias": float((quantile(ours, 0.5) - outcome)[steps].mean()),
                "ours_error": float(np.abs(quantile(ours, 0.5) - outcome)[steps].mean()),
                "ours_crps": float(crps(ours, outcome)[steps].mean()),
                "naive_error": float(np.abs(naive - outcome)[steps].mean()),
                "last_value_error": float(np.abs(last - outcome)[steps].mean()),
                "label": book["about"]["label"],
                "source": book["about"]["source"],
            }
        )
    return records
