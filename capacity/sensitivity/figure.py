"""Tornado figure: what one parameter at a time does to deployed compute. Written as PNG."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from capacity.output.page import INK, MUTED, PANEL_PT, RULE, SMALL_PT, foot, head, page
from capacity.sensitivity.study import OUTPUTS, Study, largest_swings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STILL = 1e-3
"""Of the middle: an end nearer to it has not moved."""
SHOWN = 10
"""Parameters in each panel."""
HEAD_IN, PANEL_IN, GAP_IN = 1.15, 2.6, 0.95
# Blue and vermilion of Okabe and Ito 2008; the lower quantile is hatched as well.
LOW_COLOUR, HIGH_COLOUR = "#56B4E9", "#D55E00"
PANELS = {
    "us": ("United States", "million H100e"),
    "cn": ("China", "million H100e"),
    "ratio": ("United States over China", "times"),
}


def tornado(study: Study, path: Path, source_line: str, outputs: tuple[str, ...] = tuple(OUTPUTS)) -> None:
    """Draw the parameters that move each output most, from their 10 % to their 90 % quantile, one panel an output."""
    height = HEAD_IN + len(outputs) * (PANEL_IN + GAP_IN)
    with page(path, height) as figure:
        head(
            figure,
            f"What moves deployed compute in {study.year}",
            f"One parameter at a time, all others at the median, scenario {study.scenario}. Hatched: at its 10 % "
            "quantile. Plain: at its 90 % quantile.",
        )
        for row, output in enumerate(outputs):
            bottom = height - HEAD_IN - (row + 1) * PANEL_IN - row * GAP_IN
            _panel(figure.add_axes((0.3, bottom / height, 0.64, PANEL_IN / height)), study, output)
        foot(figure, source_line)


def _panel(axes: Axes, study: Study, output: str) -> None:
    title, unit = PANELS[output]
    middle = study.middle[output]
    swings = largest_swings(study, output, SHOWN)
    for place, swing in enumerate(swings):
        ends = ((swing.low[output], LOW_COLOUR, "////"), (swing.high[output], HIGH_COLOUR, ""))
        for value, colour, hatch in ends:
            axes.barh(place, value - middle, left=middle, height=0.62, color=colour, hatch=hatch, edgecolor="white")
        below, above = sorted((swing.low[output], swing.high[output]))
        # An end that moves nothing has its number on the side without a bar.
        for value, right in ((below, below > middle), (above, above >= (1.0 - STILL) * middle)):
            axes.annotate(
                f"{value:,.3g}",
                (value, place),
                xytext=(4 if right else -4, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
                fontsize=SMALL_PT - 1.5,
                color=INK,
            )
    axes.axvline(middle, color=INK, linewidth=1.0)
    axes.set_yticks(range(len(swings)), ["\n".join(textwrap.wrap(s.parameter, 40)) for s in swings])
    axes.set_ylim(max(len(swings), 1) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.set_title(f"{title}: {middle:,.3g} at the medians", loc="left", fontsize=PANEL_PT, weight="bold", color=INK)
    axes.set_xlabel(unit, fontsize=SMALL_PT, color=MUTED)
    axes.tick_params(labelsize=SMALL_PT, colors=MUTED, length=0)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
