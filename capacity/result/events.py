"""Events of curtailment in the result: quantiles over a sample of the draws, by area and by country."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy.events import DAY_PARTS, FIGURES, SEASONS
from capacity.country import CountryResult
from cuda_kernels import asnumpy

Floats = NDArray[np.float64]

QUANTILES = (0.1, 0.5, 0.9)
TEXTS = {
    "hours": ("event_hours", "h", "Hours of a year in which the hosted load is curtailed"),
    "events": ("event_count", "1", "Events of curtailment in a year: runs of curtailed hours"),
    "longest_h": ("event_longest_hours", "h", "Longest event of curtailment in a year"),
    "deepest_share": ("event_deepest_share", "1", "Deepest curtailment in a year over the hosted load"),
}
PARTS: Mapping[str, tuple[str, Mapping[str, tuple[int, ...]], str]] = {
    "season": ("event_hours_by_season", SEASONS, "Curtailed hours of a year by season"),
    "day_part": ("event_hours_by_day_part", DAY_PARTS, "Curtailed hours of a year by part of the day, local time"),
}
OF_COUNTRY = "mean of areas weighted by hosted load"
LONGEST = FIGURES.index("longest_h")


def variables(results: Sequence[CountryResult]) -> dict[str, xr.Variable]:
    """Variables over (year, event_quantile, ...), none where events were not counted. A country's are means of its
    areas, weighted by hosted load, but for the longest event, which is that of any area."""
    counted = [result.events for result in results if result.events is not None]
    if len(counted) < len(results):
        return {}
    areas = np.concatenate([tally.values for tally in counted], axis=1)
    countries = np.stack([_national(result) for result in results], axis=1)
    return _described("area", areas, "area_") | _described("country", countries, "")


def coordinates(results: Sequence[CountryResult]) -> dict[str, Any]:
    """Dimensions of these variables."""
    if any(result.events is None for result in results):
        return {}
    return {
        "event_quantile": ("event_quantile", list(QUANTILES), {"units": "1", "long_name": "quantile over draws"}),
        "season": ("season", list(SEASONS), {"long_name": "season of three months, winter from December"}),
        "day_part": ("day_part", list(DAY_PARTS), {"long_name": "six hours of local time, night from midnight"}),
    }


def _national(result: CountryResult) -> Floats:
    """Figures (sample, year, figure) of a country; hours nowhere curtailed count as nil."""
    assert result.events is not None
    values = result.events.values
    hosted = asnumpy(result.placed.hostable_mw[: len(result.events.numbers)])[..., None]
    total = hosted.sum(axis=1)
    mean = np.divide(
        (values * hosted).sum(axis=1), total, out=np.zeros((*total.shape[:2], len(FIGURES))), where=total > 0
    )
    mean[..., LONGEST] = values[..., LONGEST].max(axis=1)
    return mean


def _described(dim: str, values: Floats, prefix: str) -> dict[str, xr.Variable]:
    """Quantiles of values (sample, place, year, figure)."""
    over = np.moveaxis(np.quantile(values, QUANTILES, axis=0), (2, 0), (0, 1))  # year, quantile, place, figure
    note = "" if prefix else f"; {OF_COUNTRY}"
    found = {}
    for figure, (name, units, text) in TEXTS.items():
        said = text + ("; of any area" if not prefix and figure == "longest_h" else note)
        picked = np.ascontiguousarray(over[..., FIGURES.index(figure)])
        found[prefix + name] = xr.Variable(("year", "event_quantile", dim), picked, {"units": units, "long_name": said})
    for part, (name, members, text) in PARTS.items():
        first = FIGURES.index(next(iter(members)))
        picked = np.moveaxis(over[..., first : first + len(members)], 3, 2)
        dims = ("year", "event_quantile", part, dim)
        found[prefix + name] = xr.Variable(dims, np.ascontiguousarray(picked), {"units": "h", "long_name": text + note})
    return found
