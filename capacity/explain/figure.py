"""One page on what binds an area or a group: curtailment over the hardest hours, and what one more MW adds where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from capacity.explain.group import NetworkExplanation
from capacity.explain.group_outages import NetworkOutageExplanation
from capacity.explain.hours_figure import draw_hours, prepare, title
from capacity.explain.island import Explanation
from capacity.explain.island_outages import OutageExplanation
from capacity.output.figures import LINE_COLOURS
from capacity.output.page import INK, MUTED, foot, head, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from capacity.explain.report import Found

BARS = 12
_FIRM = "firm capacity after outages and reserve"
_SLIGHT = 1e-3
"""Of the deepest: a cut below it is too small to draw."""


def draw(found: Found, path: Path) -> None:
    """Write the page as PNG."""
    where, held, cut, dots = found.area, f"At fixed imports; {_FIRM}", "Curtailed new load", _dots(found)
    if isinstance(found, NetworkExplanation | NetworkOutageExplanation):
        where, held = found.group, f"At a fixed siting direction; {_FIRM}"
    if isinstance(found, OutageExplanation | NetworkOutageExplanation):
        held, cut = held.replace(_FIRM, "units fail one by one"), f"{cut}, expected"
    with page(path, 10.4) as figure:
        head(figure, f"What binds {where} in {found.year}", _note(found))
        draw_hours(_axes(figure, (0.06, 0.56, 0.68, 0.31), title(found)), found)
        _curtailment(_axes(figure, (0.06, 0.10, 0.36, 0.33), f"{cut}, hours from the hardest down, GW"), found)
        _worth(_axes(figure, (0.68, 0.10, 0.30, 0.33), "Headroom that one more MW adds, MW"), found)
        foot(figure, f"{held}. Bound by: {found.bound_by}." + (f" Dots: {dots[0]}." if dots else ""))


def _note(found: Found) -> str:
    from_draw = f"draw {found.draw} (quantile {found.quantile:g}), weather of {found.weather_year}"
    if not isinstance(found, NetworkExplanation | NetworkOutageExplanation):
        return f"{found.headroom_mw / 1e3:,.1f} GW of new load fit; {from_draw}"
    return (
        f"{found.group_mw / 1e3:,.1f} GW of new load fit along the siting direction, "
        f"{found.headroom_mw / 1e3:,.1f} of them in {found.area}; {from_draw}"
    )


def _axes(figure: Figure, place: tuple[float, float, float, float], text: str) -> Axes:
    axes = figure.add_axes(place)
    prepare(axes, text)
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
    dots = _dots(found)
    if dots is not None:
        axes.plot([dots[1][name] for name, _, _ in shown], range(len(shown)), "o", color=INK)
        most = max(most, *dots[1].values())
    axes.set_xlim(0.0, 1.05 * most)


def _dots(found: Found) -> tuple[str, dict[str, float]] | None:
    """A second worth of what an island can have more of, and its name."""
    if isinstance(found, OutageExplanation):
        firm = found.firm.adds_dispatched or found.firm.adds
        return "load that is never cut", {_named(name): value for name, value in firm.items()}
    if isinstance(found, Explanation) and found.adds_dispatched:
        return "at what storage counts for now", {_named(name): value for name, value in found.adds.items()}
    return None


def _bars(found: Found) -> list[tuple[str, float, str]]:
    if not isinstance(found, NetworkExplanation | NetworkOutageExplanation):
        adds = found.adds_dispatched or found.adds
        return [(_named(name), worth, LINE_COLOURS[0]) for name, worth in adds.items()]
    by_area = found.adds_dispatched or found.adds
    bars = [(f"firm, {area}", worth["constant"], LINE_COLOURS[0]) for area, worth in by_area.items()]
    bars += [(f"link {start} to {end}", value, MUTED) for (start, end), value in found.link_adds.items()]
    return bars + [(f"cap on imports, {name}", value, MUTED) for name, value in found.cap_adds.items()]


def _named(resource: str) -> str:
    return {"constant": "firm capacity"}.get(resource, resource.replace("_", " "))
