"""Figures of the claims: paths with bands, stacked shares, medians with intervals. Drawn as PNG on the page of all "
"figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.claims.posterior import BAND
from capacity.claims.words import number
from capacity.output.figures import LINE_COLOURS, LINE_DASHES, LINE_MARKERS
from capacity.output.page import (
    INK,
    MUTED,
    RULE,
    SMALL_PT,
    TEXT_PT,
    foot,
    head,
    labels_right,
    page,
    panel_title,
    panels,
    significant,
    year_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

LAYERS = {
    "grid": "#0072B2",
    "siting": "#56B4E9",
    "interconnection": "#009E73",
    "equipment": "#F0E442",
    "chips": "#D55E00",
    "capital": "#CC79A7",
}
"""Limits by colour, of Okabe and Ito's palette; labels stand beside the layers, so that colour is not needed."""
HEIGHT_IN = 6.0
SLIGHT = 1e-4
"""Of a band: a median nearer to 0 is written as 0."""


def draw(figure: Mapping[str, Any], path: Path, subtitle: str, source_line: str) -> None:
    """Draw one claim's figure; `figure` says its kind, paths, layers or intervals, and holds its numbers."""
    {"paths": _paths, "layers": _layers, "intervals": _intervals}[figure["kind"]](figure, path, subtitle, source_line)


def _paths(figure: Mapping[str, Any], path: Path, subtitle: str, source_line: str) -> None:
    years, log = np.asarray(figure["years"]), bool(figure.get("log"))
    bands = [
        {name: np.quantile(v, (BAND[0], 0.5, BAND[1]), axis=0) for name, v in p["lines"].items()}
        for p in figure["panels"]
    ]
    tops = [max(_top(lines), _past_top(p["past"])) for lines, p in zip(bands, figure["panels"], strict=True)]
    low, high = _decades(bands)
    with page(path, HEIGHT_IN) as sheet:
        head(sheet, figure["title"], subtitle)
        for axes, column, top in panels(sheet, [1.0] * len(tops) if log else tops, right=0.16):
            given = figure["panels"][column]
            panel_title(axes, given["country"], "")
            axes.set_ylim(*((low, high) if log else (0.0, 1.06 * top if top > 0 else 1.0)))
            if log:
                axes.set_yticks(range(low, high + 1))
                axes.yaxis.set_major_formatter(lambda value, _: f"{10.0 ** float(value):,g}")
            _lines(axes, years, bands[column], log=log)
            first = int(years[0])
            if given["past"] is not None:
                _past(axes, given["past"])
                first = int(given["past"][0][0])
            year_axis(axes, [first, int(years[-1])])
        foot(sheet, source_line)


def _past(axes: Axes, past: tuple[Floats, Floats]) -> None:
    axes.plot(*past, color=INK, linewidth=2.2)
    middle = len(past[0]) // 3
    place = (past[0][middle], past[1][middle])
    axes.annotate(
        "observed", place, xytext=(-6, 14), textcoords="offset points", ha="right", fontsize=SMALL_PT, color=INK
    )


def _decades(bands: list[dict[str, Floats]]) -> tuple[int, int]:
    """Powers of ten that hold every band; used by figures on a logarithmic scale."""
    every = np.concatenate([band.ravel() for lines in bands for band in lines.values()])
    positive = every[every > 0]
    if not positive.size:
        return 0, 1
    low, high = int(np.floor(np.log10(positive.min()))), int(np.ceil(np.log10(positive.max())))
    return low, max(high, low + 1)


def _top(lines: Mapping[str, Floats]) -> float:
    return max(float(band[2].max()) for band in lines.values())


def _past_top(past: tuple[Floats, Floats] | None) -> float:
    return 0.0 if past is None else float(np.max(past[1]))


def _lines(axes: Axes, years: NDArray[np.int64], bands: Mapping[str, Floats], *, log: bool) -> None:
    """Band of the first line, medians of all; on a logarithmic scale powers of ten are drawn as numbers."""
    every = max(1, len(years) // 6)
    low = axes.get_ylim()[0]
    heights = {name: np.log10(np.maximum(band, 10.0**low)) if log else band for name, band in bands.items()}
    for row, band in enumerate(heights.values()):
        colour = LINE_COLOURS[row]
        if row == 0:
            axes.fill_between(years, band[0], band[2], color=colour, alpha=0.14, linewidth=0)
        axes.plot(
            years,
            band[1],
            color=colour,
            linestyle=LINE_DASHES[row],
            linewidth=2.2,
            marker=LINE_MARKERS[row],
            markersize=6,
            markevery=(row % every, every),
            markeredgecolor="white",
        )
    ends = np.array([band[1, -1] for band in heights.values()])
    labels = [f"{name}\n{significant(float(band[1, -1]))}" for name, band in bands.items()]
    labels_right(axes, ends, labels, [LINE_COLOURS[row] for row in range(len(bands))])


def _layers(figure: Mapping[str, Any], path: Path, subtitle: str, source_line: str) -> None:
    years = np.asarray(figure["years"])
    with page(path, HEIGHT_IN) as sheet:
        head(sheet, figure["title"], subtitle)
        for axes, column, _ in panels(sheet, [100.0, 100.0], right=0.16):
            given = figure["panels"][column]
            panel_title(axes, given["country"], "")
            axes.set_ylim(0.0, 100.0)
            tops = np.cumsum(list(given["layers"].values()), axis=0)
            for row, (name, layer) in enumerate(given["layers"].items()):
                axes.fill_between(years, tops[row] - layer, tops[row], color=LAYERS[name], linewidth=0)
                axes.plot(years, tops[row], color="white", linewidth=0.8)
            shown = [row for row, layer in enumerate(given["layers"].values()) if layer[-1] >= 0.5]
            names = list(given["layers"])
            ends = np.array([given["layers"][names[row]][-1] for row in shown])
            labels = [f"{names[row]}\n{significant(float(end))} %" for row, end in zip(shown, ends, strict=True)]
            labels_right(axes, tops[shown, -1] - ends / 2.0, labels, [LAYERS[names[row]] for row in shown])
            year_axis(axes, [int(year) for year in years])
        foot(sheet, source_line)


def _intervals(figure: Mapping[str, Any], path: Path, subtitle: str, source_line: str) -> None:
    rows = [(group, name, values) for group, lines in figure["groups"].items() for name, values in lines.items()]
    height = 2.0 + 0.42 * (len(rows) + len(figure["groups"]))
    with page(path, max(height, 3.6)) as sheet:
        head(sheet, figure["title"], subtitle)
        axes = _wide(sheet)
        if figure.get("log"):
            _ratio_axis(axes)
        place, ticks, names = 0.0, [], []
        before = None
        for group, name, values in rows:
            place -= 1.0 if group == before or before is None else 1.8
            _interval(axes, place, values)
            ticks.append(place)
            names.append(f"{group}: {name}" if group else name)
            before = group
        axes.set_yticks(ticks, names, fontsize=TEXT_PT)
        axes.set_ylim(place - 0.8, ticks[0] + 0.8)
        axes.axvline(1.0 if figure.get("log") else 0.0, color=MUTED, linewidth=1.0)
        axes.set_xlabel(figure["unit"], fontsize=TEXT_PT)
        foot(sheet, source_line)


def _wide(sheet: Figure) -> Axes:
    axes = sheet.add_axes((0.27, 0.24, 0.63, 0.58))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL_PT, colors=MUTED, length=0)
    return axes


def _ratio_axis(axes: Axes) -> None:
    """A logarithmic axis of ratios, its ticks in plain numbers."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")


def _interval(axes: Axes, place: float, values: Floats) -> None:
    low, middle, high = np.quantile(values, (BAND[0], 0.5, BAND[1]))
    axes.plot([low, high], [place, place], color=LINE_COLOURS[0], linewidth=2.4, solid_capstyle="butt")
    axes.plot([middle], [place], color=LINE_COLOURS[0], marker="o", markersize=9, markeredgecolor="white")
    axes.annotate(
        number(middle if abs(middle) > SLIGHT * (high - low) else 0.0),
        (float(middle), place),
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL_PT,
        color=INK,
    )
