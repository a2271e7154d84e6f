"""One page on what binds a group of areas: curtailment over its hardest hours, and what one more MW adds where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from capacity.figure_page import MUTED, PANEL_PT, RULE, SMALL_PT, foot, head, page
from capacity.figures import LINE_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from capacity.explain_network import NetworkExplanation

BARS = 12


def draw(found: NetworkExplanation, path: Path) -> None:
    """Write the page as PNG."""
    with page(path, 6.4) as figure:
        title = f"What binds {found.group} in {found.year}"
        note = (
            f"{found.group_mw / 1e3:,.1f} GW of new load fit along the siting direction, "
            f"{found.headroom_mw / 1e3:,.1f} of them in {found.area}; "
            f"draw {found.draw} (quantile {found.quantile:g}), weather of {found.weather_year}"
        )
        head(figure, title, note)
        _curtailment(_axes(figure, 0.06, 0.36, "Curtailed new load, hours from the hardest down, GW"), found)
        _worth(_axes(figure, 0.68, 0.30, "Headroom that one more MW adds, MW"), found)
        foot(figure, "Exact derivatives at a fixed siting direction; firm capacity after outages and reserve.")


def _axes(figure: Figure, left: float, width: float, title: str) -> Axes:
    axes = figure.add_axes((left, 0.15, width, 0.65))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL_PT, colors=MUTED)
    axes.set_title(title, loc="left", fontsize=PANEL_PT)
    return axes


def _curtailment(axes: Axes, found: NetworkExplanation) -> None:
    depth = np.sort(found.curtailed_mw[found.curtailed_mw > 0.0])[::-1] / 1e3
    axes.fill_between(np.arange(len(depth)), depth, color=LINE_COLOURS[0], alpha=0.35, linewidth=0, step="post")
    axes.set_xlim(0, max(len(depth), 1))
    axes.set_ylim(0.0, 1.05 * float(depth.max(initial=1e-3)))
    axes.set_xlabel("Hours of the year")


def _worth(axes: Axes, found: NetworkExplanation) -> None:
    """Firm capacity by area and the links that would help, the largest first."""
    bars = [(f"firm, {area}", worth["constant"], LINE_COLOURS[0]) for area, worth in found.adds.items()]
    bars += [(f"link {start} to {end}", value, MUTED) for (start, end), value in found.link_adds.items()]
    shown = sorted(bars, key=lambda bar: -bar[1])[:BARS][::-1]
    axes.barh(
        [name for name, _, _ in shown], [value for _, value, _ in shown], color=[colour for _, _, colour in shown]
    )
    axes.set_xlim(0.0, 1.05 * max([value for _, value, _ in shown] + [1e-3]))
