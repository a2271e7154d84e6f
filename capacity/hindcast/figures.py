"""Two figures of a hindcast: fans with what came, and the PIT histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast.outlooks import levels
from capacity.hindcast.panel import read_panel
from capacity.hindcast.rolling import SCOPES, forecaster
from capacity.output.page import MUTED, PANEL_PT, RULE, SMALL_PT, foot, head, page

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

BLUE, ORANGE = "#0072B2", "#D55E00"
SHOWN = (("USA", "United States"), ("CHN", "China"))
FAN_ORIGINS = (2012, 2017)
FIRST_SHOWN = 2000
SOURCE = "Source: gridflops hindcast; data: Our World in Data (Ember, Energy Institute), CC BY 4.0."


def fan_figure(history: xr.Dataset, series: Sequence[str], horizon: int, path: Path) -> None:
    """US and China by series, on a log axis: the record, and the 50 and 90 % bands from two held-out origins."""
    rows = list(series)
    with page(path, 1.4 + 2.3 * len(rows)) as figure:
        years = " and ".join(map(str, FAN_ORIGINS))
        head(
            figure,
            "Forecasts of the past",
            f"Generation, TWh, log scale: 50 and 90 % bands from {years}, line: what came",
        )
        for row, name in enumerate(rows):
            panel = read_panel(history, *SCOPES["countries"], name)
            predict = forecaster(panel, horizon)
            forecasts = {origin: predict.forecast(origin)[0] for origin in FAN_ORIGINS if predict.raw(origin).rows.size}
            for column, (code, label) in enumerate(SHOWN):
                axes = _panel(figure, row, column, len(rows), f"{label}, {name}")
                known = panel.level[panel.entities.index(code)]
                shown = panel.years >= FIRST_SHOWN
                for number, (origin, forecast) in enumerate(forecasts.items()):
                    if (predict.raw(origin).rows == panel.entities.index(code)).any():
                        bands = levels(forecast, predict.raw(origin).rows, panel, code, origin)
                        _fan(axes, origin, bands, (BLUE, ORANGE)[number % 2])
                axes.plot(
                    panel.years[shown], np.where(known > 0.0, known, np.nan)[shown], color="#222222", linewidth=1.8
                )
                axes.set_yscale("log")
        foot(figure, SOURCE)


def _panel(figure: Figure, row: int, column: int, rows: int, title: str) -> Axes:
    top, bottom = 0.9 / figure.get_figheight(), 0.55 / figure.get_figheight()
    tall = (1.0 - top - bottom) / rows
    axes = figure.add_axes((0.06 + 0.49 * column, bottom + tall * (rows - 1 - row) + 0.12 * tall, 0.42, 0.7 * tall))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    axes.tick_params(labelsize=SMALL_PT, colors=MUTED)
    axes.set_title(title, fontsize=PANEL_PT, loc="left", weight="bold")
    return axes


def _fan(axes: Axes, origin: int, bands: Mapping[float, Floats], colour: str) -> None:
    years = origin + np.arange(1, len(bands[0.5]) + 1)
    axes.fill_between(years, bands[0.05], bands[0.95], color=colour, alpha=0.15, linewidth=0)
    axes.fill_between(years, bands[0.25], bands[0.75], color=colour, alpha=0.3, linewidth=0)
    axes.plot(years, bands[0.5], color=colour, linewidth=1.6, linestyle=(0, (5, 2)))


def pit_figure(histograms: Mapping[str, Sequence[float]], path: Path) -> None:
    """Share of outcomes by tenth of the forecast, one small panel a series; a flat line at 0.1 is ideal."""
    names = list(histograms)
    rows = -(-len(names) // 2)
    with page(path, 1.4 + 1.9 * rows) as figure:
        head(figure, "Where outcomes fell in their forecasts", "Share of outcomes in each tenth of the pooled forecast")
        for place, name in enumerate(names):
            axes = _panel(figure, place // 2, place % 2, rows, name)
            count = len(histograms[name])
            axes.bar((np.arange(count) + 0.5) / count, histograms[name], width=0.9 / count, color=BLUE)
            axes.axhline(1.0 / count, color=ORANGE, linewidth=1.4, linestyle="--")
            axes.set_xlim(0.0, 1.0)
        foot(figure, SOURCE)
