"""One page on what binds an area or a group: curtailment over the hardest hours, and what one more MW adds where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from capacity.explain_network import NetworkExplanation
from capacity.explain_network_outages import NetworkOutageExplanation
from capacity.explain_outages import OutageExplanation
from capacity.figure_page import MUTED, PANEL_PT, RULE, SMALL_PT, foot, head, page
from capacity.figures import LINE_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from capacity.explain_report import Found

BARS = 12
_FIRM = "firm capacity after outages and reserve"
_HELD = f"At fixed imports; {_FIRM}"
_SLIGHT = 1e-4
"""Of the deepest: a cut below it is too small to draw."""


def draw(found: Found, path: Path) -> None:
    """Write the page as PNG."""
    where, held, cut, adds = found.area, _HELD, "Curtailed new load", "Headroom that one more MW adds, MW"
    if isinstance(found, NetworkExplanation):
        where, held = found.group, f"At a fixed siting direction; {_FIRM}"
    elif isinstance(found, NetworkOutageExplanation):
        where, held, cut = found.group, "At a fixed siting direction; units fail one by one", f"{cut}, expected"
    elif isinstance(found, OutageExplanation):
        held, cut, adds = "At fixed imports; units fail one by one", f"{cut}, expected", f"{adds}; dots: never cut"
    with page(path, 6.4) as figure:
        head(figure, f"What binds {where} in {found.year}", _note(found))
        _curtailment(_axes(figure, 0.06, 0.36, f"{cut}, hours from the hardest down, GW"), found)
        _worth(_axes(figure, 0.68, 0.30, adds), found)
        foot(figure, f"{held}. Bound by: {found.bound_by}.")


def _note(found: Found) -> str:
    from_draw = f"draw {found.draw} (quantile {found.quantile:g}), weather of {found.weather_year}"
    if not isinstance(found, NetworkExplanation | NetworkOutageExplanation):
        return f"{found.headroom_mw / 1e3:,.1f} GW of new load fit; {from_draw}"
    return (
        f"{found.group_mw / 1e3:,.1f} GW of new load fit along the siting direction, "
        f"{found.headroom_mw / 1e3:,.1f} of them in {found.area}; {from_draw}"
    )


def _axes(figure: Figure, left: float, width: float, title: str) -> Axes:
    axes = figure.add_axes((left, 0.15, width, 0.65))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL_PT, colors=MUTED)
    axes.set_title(title, loc="left", fontsize=PANEL_PT)
    return axes


def _curtailment(axes: Axes, found: Found) -> None:
    depth = np.sort(found.curtailed_mw[found.curtailed_mw > _SLIGHT * float(found.curtailed_mw.max())])[::-1] / 1e3
    axes.fill_between(np.arange(len(depth)), depth, color=LINE_COLOURS[0], alpha=0.35, linewidth=0, step="post")
    axes.set_xlim(0, max(len(depth), 1))
    axes.set_ylim(0.0, 1.05 * float(depth.max(initial=1e-3)))
    axes.set_xlabel("Hours of the year")
    if not len(depth):
        axes.text(0.5, 0.5, "never curtailed", transform=axes.transAxes, ha="center", color=MUTED)


def _worth(axes: Axes, found: Found) -> None:
    """What one more MW of what adds, the largest first: resources of an island; firm capacity by area, links and caps
    of a network."""
    shown = sorted(_bars(found), key=lambda bar: -bar[1])[:BARS][::-1]
    axes.barh(
        [name for name, _, _ in shown], [value for _, value, _ in shown], color=[colour for _, _, colour in shown]
    )
    most = max([value for _, value, _ in shown] + [1e-3])
    if isinstance(found, OutageExplanation):
        firm = {_named(name): value for name, value in found.firm.adds.items()}
        axes.plot([firm[name] for name, _, _ in shown], range(len(shown)), "o", color=MUTED)
        most = max(most, *firm.values())
    axes.set_xlim(0.0, 1.05 * most)


def _bars(found: Found) -> list[tuple[str, float, str]]:
    if not isinstance(found, NetworkExplanation | NetworkOutageExplanation):
        return [(_named(name), worth, LINE_COLOURS[0]) for name, worth in found.adds.items()]
    bars = [(f"firm, {area}", worth["constant"], LINE_COLOURS[0]) for area, worth in found.adds.items()]
    bars += [(f"link {start} to {end}", value, MUTED) for (start, end), value in found.link_adds.items()]
    return bars + [(f"cap on imports, {name}", value, MUTED) for name, value in found.cap_adds.items()]


def _named(resource: str) -> str:
    return {"constant": "firm capacity"}.get(resource, resource.replace("_", " "))
