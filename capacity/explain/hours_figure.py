"""The hours that bind, drawn: what stands against native and new load, what is out, and what the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from capacity.explain.group import NetworkExplanation
from capacity.explain.group_outages import NetworkOutageExplanation
from capacity.explain.island_outages import OutageExplanation
from capacity.output.figures import LINE_COLOURS
from capacity.output.page import INK, MUTED, PANEL_PT, RULE, SMALL_PT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from capacity.explain.report import Found

Floats = NDArray[np.float64]

MOST = 12
"""Hours drawn."""
_LAYERS = (
    ("standing_mw", "units that are expected to stand", "#9a9a9a"),
    ("firm_mw", "firm capacity, storage included", "#9a9a9a"),
    ("storage_firm_mw", "storage as it counts firm", LINE_COLOURS[3]),
    ("hydro_mw", "hydro", LINE_COLOURS[0]),
    ("wind_mw", "wind", LINE_COLOURS[6]),
    ("solar_mw", "solar", LINE_COLOURS[5]),
    ("import_mw", "net import", LINE_COLOURS[2]),
)
"""Column, name and colour of what serves load, bottom to top; those that an explanation has."""


def hours_of(found: Found) -> pd.DataFrame:
    """Hours in which flexible load is cut most, with columns of _LAYERS."""
    hours = found.flexible.hours if isinstance(found, OutageExplanation) else found.hours
    networked = isinstance(found, NetworkExplanation | NetworkOutageExplanation)
    hours = hours.rename(columns={"import_beside_mw" if networked else "net_import_mw": "import_mw"}).head(MOST)
    return hours.assign(standing_mw=hours["units_mw"] - hours["outage_mw"]) if "units_mw" in hours else hours


def draw_hours(axes: Axes, found: Found) -> None:
    """Stacked bars of an area in its group's or its own hardest hours. [GW]"""
    hours = hours_of(found)
    at = np.arange(len(hours))
    top, below = np.zeros(len(hours)), np.zeros(len(hours))
    for column, name, colour in _LAYERS:
        if column in hours:
            mw = hours[column].to_numpy() / 1e3
            axes.bar(at, mw, 0.62, bottom=np.where(mw >= 0.0, top, below), color=colour, label=name)
            top, below = top + np.maximum(mw, 0.0), below + np.minimum(mw, 0.0)
    if "outage_mw" in hours:
        out = hours["outage_mw"].to_numpy() / 1e3
        axes.bar(at, out, 0.62, bottom=top, label="expected outage", color="none", edgecolor=MUTED, hatch="////")
        top = top + out
    native = hours["load_mw"].to_numpy() / 1e3
    whole = native + found.headroom_mw / 1e3
    for load, name, colour in ((native, "native load", INK), (whole, "with new load", LINE_COLOURS[1])):
        axes.hlines(load, at - 0.42, at + 0.42, color=colour, linewidth=2.2, label=name)
    axes.set_xlim(-0.6, len(hours) - 0.4)
    axes.set_ylim(
        min(0.0, 1.05 * float(below.min(initial=0.0))), 1.06 * float(np.maximum(top, whole).max(initial=1e-3))
    )
    axes.set_xticks(at, _labels(hours))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=SMALL_PT)


def title(found: Found) -> str:
    """What is drawn."""
    stored = "; GWh that its store then holds" if "storage_mwh" in hours_of(found) else ""
    return f"{found.area} in the hours with the deepest cuts, GW, local time{stored}"


def _labels(hours: pd.DataFrame) -> list[str]:
    lines = [f"{when[4:-6]}\n{when[-5:]}" for when in hours["local"]]
    if "storage_mwh" not in hours:
        return lines
    return [
        f"{line}\n{mwh / 1e3:,.{0 if mwh >= 1e4 else 1}f} GWh"
        for line, mwh in zip(lines, hours["storage_mwh"], strict=True)
    ]


def prepare(axes: Axes, text: str) -> None:
    """The look that panels share."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL_PT, colors=MUTED)
    axes.set_title(text, loc="left", fontsize=PANEL_PT)
