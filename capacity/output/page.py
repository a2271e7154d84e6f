"""The page that figures of a run share: size, type, title, source line, panels, labels that do not collide.

Pages are 1,800 pixels wide and read at two thirds of that. A file appears complete or not at all, and one
version of Matplotlib gives the same figure the same bytes.
"""

from __future__ import annotations

import os
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

FONT = "DejaVu Sans"
WIDTH_IN = 12.0
DPI = 150
SMALL_PT, TEXT_PT, PANEL_PT, TITLE_PT = 10.0, 11.0, 12.5, 15.0
INK, MUTED, RULE = "#222222", "#555555", "#d0d0d0"
LABEL_CHARACTERS = 19
COUNTRY_NAMES = {"us": "United States", "cn": "China"}
# Largest ratio of panel maxima up to which both countries share one vertical axis.
SHARED_AXIS_RATIO = 4.0


def prepare() -> None:
    """Load what pages are drawn with, which takes a while, and find the fonts."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure
    import matplotlib.font_manager

    assert matplotlib.font_manager.findfont(FONT)


@contextmanager
def page(path: Path, height_in: float) -> Iterator[Figure]:
    """A blank page, written beside `path` and renamed into place only when it is complete."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: Any = {
        "font.family": FONT,
        "font.size": TEXT_PT,
        "axes.edgecolor": MUTED,
        "text.color": INK,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        yield figure
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".png")
        os.close(handle)
        try:
            # A fixed Software entry: the default names the library's version.
            figure.savefig(name, format="png", metadata={"Software": "gridflops"})
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def head(figure: Figure, title: str, subtitle: str) -> None:
    """Title and subtitle at the top of the page."""
    height = figure.get_figheight()
    figure.text(0.02, 1.0 - 0.16 / height, title, fontsize=TITLE_PT, weight="bold", va="top")
    figure.text(0.02, 1.0 - 0.48 / height, subtitle, fontsize=TEXT_PT, color=MUTED, va="top")


def foot(figure: Figure, source_line: str) -> None:
    """What the figure rests on, at the bottom of the page."""
    text = textwrap.fill(source_line, width=150)
    figure.text(0.02, 0.12 / figure.get_figheight(), text, fontsize=SMALL_PT, color=MUTED, va="bottom")


def panels(figure: Figure, tops: Sequence[float], *, right: float) -> Iterator[tuple[Axes, int, float]]:
    """Panels side by side with room for labels on the right; one vertical scale where sizes allow it."""
    shared = min(tops) > 0.0 and max(tops) <= SHARED_AXIS_RATIO * min(tops)
    if len(tops) > 1 and not shared:
        figure.text(0.98, 1.0 - 0.48 / figure.get_figheight(), "vertical axes differ", ha="right", va="top",
                    fontsize=SMALL_PT, color=MUTED)  # fmt: skip
    step = 0.98 / len(tops)
    for column, top in enumerate(tops):
        axes = figure.add_axes((0.06 + column * step, 0.15, step - right - 0.06, 0.635))
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.grid(axis="y", color=RULE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=SMALL_PT, colors=MUTED)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:g}")
        yield axes, column, max(tops) if shared else top


def panel_title(axes: Axes, country: str, unit: str) -> None:
    """Country above the panel, and below it the unit, above the numbers of the vertical axis."""
    name = COUNTRY_NAMES.get(country.lower(), country)
    axes.text(0.0, 1.085, name, transform=axes.transAxes, va="bottom", fontsize=PANEL_PT, weight="bold")
    axes.text(-0.02, 1.03, unit, transform=axes.transAxes, ha="right", va="bottom", fontsize=SMALL_PT, color=MUTED)


def year_axis(axes: Axes, years: Sequence[int]) -> None:
    """Years of a run, first to last, at most seven of them with a number."""
    first, last = int(years[0]), int(years[-1])
    axes.set_xlim(first - 0.5 if first == last else first, last + 0.5 if first == last else last)
    step = next(size for size in (1, 2, 5, 10, 20) if (last - first) / size <= 6)
    axes.set_xticks([year for year in range(first, last + 1) if year % step == 0] or [first])
    axes.set_xlabel("Year", fontsize=TEXT_PT)


def significant(value: float) -> str:
    """A whole number from ten on, two digits below."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.2g}"


def labels_right(axes: Axes, heights: Floats, labels: Sequence[str], colours: Sequence[str]) -> None:
    """Labels beside the right end of the panel, pushed apart where they would touch, each with a leader."""
    low, high = axes.get_ylim()
    figure = axes.get_figure(root=True)
    tall = axes.get_position().height * (figure.get_figheight() if figure is not None else 1.0) * 72.0
    wrapped = [
        "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, LABEL_CHARACTERS))
        for text in labels
    ]
    sizes = np.array([1.32 * SMALL_PT * (text.count("\n") + 1) + 3.0 for text in wrapped]) / tall
    places = spread((np.asarray(heights) - low) / (high - low), sizes)
    for height, place, text, colour in zip(heights, places, wrapped, colours, strict=True):
        start = (float(height) - low) / (high - low)
        axes.plot(
            [1.005, 1.03],
            [start, place],
            transform=axes.transAxes,
            clip_on=False,
            color=colour,
            linewidth=1.4,
        )
        axes.text(
            1.04,
            place,
            text,
            transform=axes.transAxes,
            fontsize=SMALL_PT,
            color=INK,
            va="center",
            linespacing=1.2,
        )


def spread(wanted: Floats, sizes: Floats) -> Floats:
    """Centres near `wanted` within 0 to 1 such that intervals of `sizes` do not overlap; order is kept.

    Intervals that would touch form a block around their mean wish. Where they do not all fit, the topmost rise
    above 1.
    """
    order = np.argsort(wanted, kind="stable")
    groups: list[tuple[list[int], float]] = []
    for index in order:
        members = [int(index)]
        centre = _inside(float(wanted[index]), float(sizes[index]))
        while groups:
            before, middle = groups[-1]
            if middle + sizes[before].sum() / 2.0 <= centre - sizes[members].sum() / 2.0:
                break
            groups.pop()
            members = before + members
            edges = np.concatenate(([0.0], np.cumsum(sizes[members])[:-1])) + sizes[members] / 2.0
            height = float(sizes[members].sum())
            centre = _inside(float(np.mean(wanted[members] - edges)) + height / 2.0, height)
        groups.append((members, centre))
    places = np.zeros(len(wanted))
    for members, centre in groups:
        edges = np.concatenate(([0.0], np.cumsum(sizes[members])[:-1])) + sizes[members] / 2.0
        places[members] = centre - sizes[members].sum() / 2.0 + edges
    return places


def _inside(centre: float, size: float) -> float:
    return max(min(centre, 1.0 - size / 2.0), size / 2.0)
