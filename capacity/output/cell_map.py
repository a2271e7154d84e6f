"""The map of a value per cell: the United States and China side by side, equal areas, one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.output.page import COUNTRY_NAMES, INK, MUTED, PANEL_PT, SMALL_PT, foot, head, page, significant

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, LogNorm
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Outlines = Mapping[str, Sequence[Floats]]

EARTH_RADIUS_KM = 6371.0
# Pale to dark: much reads as much on white, and every step differs in lightness for colour-blind eyes.
COLOUR_MAP, PALEST = "YlGnBu", 0.14
ZERO, OUTLINE = "#e4e4e4", "#6b6b6b"
DECADES = 3
SUBTITLE = "MW per cell of {size:g} degrees; 48 contiguous states and DC, 31 provinces; one scale, equal areas"
FRAME_KM = (5150.0, 4150.0)


@dataclass(frozen=True)
class Frame:
    """Albers equal-area conic: standard parallels and the point in the middle of the frame, degrees."""

    parallels: tuple[float, float]
    longitude: float
    latitude: float

    def project(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
        """Kilometres east and north of the frame's middle (Snyder 1987, spherical form)."""
        first, second, middle = np.sin(np.radians([*self.parallels, self.latitude]))
        n = (first + second) / 2.0
        c = 1.0 - first**2 + 2.0 * n * first
        theta = n * np.radians(np.asarray(longitude) - self.longitude)
        radius = EARTH_RADIUS_KM * np.sqrt(c - 2.0 * n * np.sin(np.radians(latitude))) / n
        origin = EARTH_RADIUS_KM * np.sqrt(c - 2.0 * n * middle) / n
        return radius * np.sin(theta), origin - radius * np.cos(theta)


MAP_FRAMES = {"us": Frame((29.5, 45.5), -95.8, 38.2), "cn": Frame((25.0, 47.0), 104.3, 36.6)}


class Scale(NamedTuple):
    """Colours by value, and whether some positive values lie below the lowest colour."""

    norm: LogNorm
    colours: Colormap
    below: bool


def hostable_map(cells: xr.Dataset, outlines: Outlines, path: Path, *, title: str, source_line: str) -> None:
    """Draw a value per cell on two equal-area maps of one scale, the United States and China.

    cells : `lat`, `lon` of the centres [degrees] and `value_mw` [MW] by `cell`; a cell is as wide as the closest
        rows lie apart (0.5 degrees where there is one row). Zero is grey; NaN, meaning no data, stays white and is
        named in the legend.
    outlines : rings (point, 2) of longitude and latitude by area id, as `grids.outlines.read_outlines` gives them.
    """
    lat, lon = cells["lat"].to_numpy(), cells["lon"].to_numpy()
    value = cells["value_mw"].to_numpy().astype(np.float64)
    steps = np.diff(np.unique(lat.astype(np.float64)))
    half = float(steps.min() if steps.size else 0.5) / 2.0
    with page(path, 6.9) as figure:
        head(
            figure,
            title,
            SUBTITLE.format(size=2 * half),
        )
        scale = _colour_scale(value)
        for (country, frame), place in zip(MAP_FRAMES.items(), ((0.02, 0.47), (0.51, 0.47)), strict=True):
            axes = figure.add_axes((place[0], 0.17, place[1], 0.68))
            inside = (lon < 0.0) if country == "us" else (lon > 0.0)
            _map_cells(axes, frame, (lat[inside], lon[inside], value[inside]), half, scale)
            _map_outlines(axes, frame, outlines, country)
            total = float(np.nansum(value[inside])) / 1000.0
            axes.set_title(
                f"{COUNTRY_NAMES[country]}: {significant(total)} GW", fontsize=PANEL_PT, weight="bold", color=INK, pad=4
            )
            _map_frame(axes, bar=country == "us")
        _map_legend(figure, scale, missing=bool(np.isnan(value).any()))
        foot(figure, source_line)


def _colour_scale(value: Floats) -> Scale:
    """Three decades below the next 1, 2 or 5 times a power of ten above the largest value."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap, LogNorm

    positive = value[np.isfinite(value) & (value > 0.0)]
    largest = float(positive.max()) if positive.size else 1.0
    power = 10.0 ** np.floor(np.log10(largest))
    top = next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= largest * (1.0 - 1e-9))
    low = top / 10.0**DECADES
    colours = ListedColormap(mpl.colormaps[COLOUR_MAP](np.linspace(PALEST, 1.0, 256)))
    return Scale(LogNorm(low, top, clip=True), colours, bool((positive < low).any()))


def _map_cells(axes: Axes, frame: Frame, cells: tuple[Floats, Floats, Floats], half: float, scale: Scale) -> None:
    from matplotlib.collections import PolyCollection

    lat, lon, value = cells
    corners = ((-half, -half), (half, -half), (half, half), (-half, half))
    points = [frame.project(lon + east, lat + north) for east, north in corners]
    squares: Any = np.stack([np.stack(point, axis=-1) for point in points], axis=1)  # an array is quicker than a list
    known = np.isfinite(value)
    positive = known & (value > 0.0)
    # Edges in the colour of the face close the hairlines that antialiasing leaves between neighbours.
    zero = squares[known & ~positive]
    axes.add_collection(PolyCollection(zero, facecolors=ZERO, edgecolors=ZERO, linewidths=0.3))
    colours = scale.colours(scale.norm(value[positive]))
    axes.add_collection(PolyCollection(squares[positive], facecolors=colours, edgecolors=colours, linewidths=0.3))


def _map_outlines(axes: Axes, frame: Frame, outlines: Outlines, country: str) -> None:
    from matplotlib.collections import LineCollection

    rings = [
        np.stack(frame.project(*np.asarray(ring, dtype=np.float64).T), axis=-1)
        for area, parts in outlines.items()
        if str(area).startswith(f"{country}.")
        for ring in parts
    ]
    axes.add_collection(LineCollection(rings, colors=OUTLINE, linewidths=0.8))


def _map_frame(axes: Axes, *, bar: bool) -> None:
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-FRAME_KM[0] / 2, FRAME_KM[0] / 2)
    axes.set_ylim(-FRAME_KM[1] / 2, FRAME_KM[1] / 2)
    if bar:
        left, low = -0.47 * FRAME_KM[0], -0.46 * FRAME_KM[1]
        axes.plot([left, left + 1000.0], [low, low], color=MUTED, linewidth=2.0, solid_capstyle="butt")
        axes.text(left + 500.0, low + 50.0, "1,000 km", ha="center", va="bottom", fontsize=SMALL_PT, color=MUTED)


def _map_legend(figure: Figure, scale: Scale, *, missing: bool) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.patches import Patch

    place = figure.add_axes((0.30, 0.125, 0.40, 0.022))
    bar = figure.colorbar(
        ScalarMappable(scale.norm, scale.colours),
        cax=place,
        orientation="horizontal",
        extend="min" if scale.below else "neither",
    )
    bar.ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1.0 else f"{value:g}")
    bar.ax.tick_params(labelsize=SMALL_PT, colors=INK)
    bar.outline.set_visible(False)
    figure.text(0.71, 0.136, "MW per cell", fontsize=SMALL_PT, va="center", color=INK)
    keys = [Patch(facecolor=ZERO, label="none")]
    if missing:
        keys.append(Patch(facecolor="white", edgecolor=OUTLINE, label="no data"))
    figure.legend(
        handles=keys,
        loc="center right",
        bbox_to_anchor=(0.285, 0.136),
        frameon=False,
        fontsize=SMALL_PT,
        ncols=2,
    )
