"""The frontier of two areas as a curve, of three as the total over the triangle of their shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capacity.output.figures import LINE_COLOURS
from capacity.output.page import INK, MUTED, RULE, SMALL_PT, TEXT_PT, foot, head, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from capacity.frontier import Frontier

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
MARKERS = ("o", "s", "D", "*")


def draw(found: Frontier, path: Path) -> None:
    """Write the page as PNG."""
    with page(path, 7.0) as figure:
        note = f"{found.year}, draw {found.draw} (quantile {found.quantile:g}); nothing new elsewhere in the group"
        head(figure, "Largest new load in " + ", ".join(found.areas), note)
        axes = figure.add_axes((0.08, 0.14, 0.52, 0.68))
        if len(found.areas) == 2:
            _curve(axes, found)
        else:
            _triangle(axes, found)
        axes.legend(loc="upper left", bbox_to_anchor=(1.12, 1.0), fontsize=SMALL_PT, frameon=False)
        foot(figure, f"Exact along every direction; no split exceeds {found.best_bound_mw / 1e3:,.2f} GW in total.")


def _mark(axes: Axes, found: Frontier, places: NDArray[np.float64]) -> None:
    for (name, load), (x, y), marker in zip(found.mixes.items(), places, MARKERS[: len(places)], strict=True):
        label = f"{name}: {load.sum() / 1e3:,.1f} GW"
        axes.plot([x], [y], marker=marker, color=INK, linestyle="none", markersize=9, label=label)


def _curve(axes: Axes, found: Frontier) -> None:
    loads = np.array([*found.points, found.mixes["best for the total"]]) / 1e3
    loads = loads[np.argsort(np.arctan2(loads[:, 1], loads[:, 0]))]
    axes.fill(np.r_[0.0, loads[:, 0], 0.0], np.r_[0.0, loads[:, 1], 0.0], color=LINE_COLOURS[0], alpha=0.12)
    axes.plot(loads[:, 0], loads[:, 1], color=LINE_COLOURS[0], linewidth=2.0, label="frontier")
    alone = found.isolated_mw / 1e3
    axes.plot([0, alone[0], alone[0]], [alone[1], alone[1], 0], color=MUTED, linestyle="--", label="each on its own")
    _mark(axes, found, np.array(list(found.mixes.values())) / 1e3)
    axes.set_xlim(0.0, 1.05 * max(float(loads[:, 0].max()), 1e-3))
    axes.set_ylim(0.0, 1.05 * max(float(loads[:, 1].max()), 1e-3))
    axes.set_xlabel(f"New load in {found.areas[0]}, GW", fontsize=TEXT_PT)
    axes.set_ylabel(f"New load in {found.areas[1]}, GW", fontsize=TEXT_PT)
    axes.grid(color=RULE, linewidth=0.7)


def _triangle(axes: Axes, found: Frontier) -> None:
    corners = found.directions @ CORNERS
    total = found.points.sum(axis=1) / 1e3
    if np.ptp(total) > 0.0:
        filled = axes.tricontourf(corners[:, 0], corners[:, 1], total, levels=12, cmap="Blues")
        axes.figure.colorbar(filled, ax=axes, label="Total new load, GW", fraction=0.05, pad=0.02)
    shares = np.array([load / max(float(load.sum()), 1e-9) for load in found.mixes.values()])
    _mark(axes, found, shares @ CORNERS)
    for area, (x, y) in zip(found.areas, CORNERS, strict=True):
        axes.text(x, y + (0.03 if y else -0.05), f"all in {area}", ha="center", fontsize=SMALL_PT)
    axes.set_axis_off()
