"""Supply of one place by technology: stacked median with its history, and the fan of the total."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capacity.output.figures import LINE_COLOURS, SUPPLY_LAYERS
from capacity.output.page import MUTED, PANEL_PT, RULE, SMALL_PT, foot, head, labels_right, page, significant, year_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from capacity.project.place import Floats, Projection

Years = NDArray[np.int64]


def draw(projection: Projection, path: Path, source_line: str) -> None:
    """Write the page as PNG. Left: medians by technology, stacked; right: total with 50, 80 and 90 % ranges."""
    known = np.isfinite(projection.history_mw).all(axis=0)
    past = projection.history_years[known]
    before = projection.history_mw[:, known] / 1000.0
    after = np.median(projection.nameplate_mw, axis=0) / 1000.0
    years = np.concatenate([past, projection.years])
    table = np.concatenate([before, after], axis=1)
    layers = np.stack([_layer(projection, table, members) for _, members, _ in SUPPLY_LAYERS])
    with page(path, 6.6) as figure:
        note = f"to {past[-1]} as built, then projected; labels give GW in {years[-1]}"
        head(figure, f"Supply of {projection.place.name}", f"Nameplate capacity by technology, {note}")
        left = _axes(figure, 0.06, "Median of each technology, stacked, GW")
        _stack(left, years, layers, int(past[-1]))
        right = _axes(figure, 0.60, "Total, GW: median, 50, 80, 90 % of draws")
        _fan(right, past, before.sum(axis=0), projection)
        foot(figure, source_line)


def _layer(projection: Projection, table: Floats, members: tuple[str, ...]) -> Floats:
    rows = [projection.technologies.index(name) for name in members if name in projection.technologies]
    return np.asarray(table[rows].sum(axis=0))


def _axes(figure: Figure, left: float, title: str) -> Axes:
    axes = figure.add_axes((left, 0.15, 0.36, 0.65))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL_PT, colors=MUTED)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:g}")
    axes.set_title(title, loc="left", fontsize=PANEL_PT)
    return axes


def _stack(axes: Axes, years: Years, layers: Floats, last_known: int) -> None:
    tops = np.cumsum(layers, axis=0)
    axes.set_ylim(0.0, 1.04 * max(float(tops[-1].max()), 1e-6))
    for row, (_, _, colour) in enumerate(SUPPLY_LAYERS):
        axes.fill_between(years, tops[row] - layers[row], tops[row], color=colour, linewidth=0)
        axes.plot(years, tops[row], color="white", linewidth=0.8)
    axes.axvline(last_known, color=MUTED, linewidth=1.0, linestyle="--")
    shown = [row for row in range(len(SUPPLY_LAYERS)) if layers[row, -1] > 0.0]
    middles = tops[:, -1] - layers[:, -1] / 2.0
    labels = [f"{SUPPLY_LAYERS[row][0]} {significant(float(layers[row, -1]))}" for row in shown]
    year_axis(axes, years.tolist())
    labels_right(axes, middles[shown], labels, [SUPPLY_LAYERS[row][2] for row in shown])


def _fan(axes: Axes, past: Years, built: Floats, projection: Projection) -> None:
    total = projection.nameplate_mw.sum(axis=1) / 1000.0
    low5, low10, low25, middle, high75, high90, high95 = np.quantile(
        total, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95), axis=0
    )
    years = np.append(past[-1:], projection.years)
    start = built[-1:]
    for low, high, alpha in ((low5, high95, 0.12), (low10, high90, 0.2), (low25, high75, 0.3)):
        axes.fill_between(
            years, np.append(start, low), np.append(start, high), color=LINE_COLOURS[0], alpha=alpha, linewidth=0
        )
    axes.plot(years, np.append(start, middle), color=LINE_COLOURS[0], linewidth=2.0, linestyle=(0, (5, 2)))
    axes.plot(past, built, color="#222222", linewidth=2.0, marker="o", markersize=3)
    axes.set_ylim(0.0, 1.04 * float(high95.max()))
    year_axis(axes, [int(past[0]), int(years[-1])])
