"""Figures of a run: hostable load by year, the same on the map, and the supply behind it. Written as PNG.

Lines differ by dash, marker and label as well as by colour (palette of Okabe and Ito 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from capacity.output.cell_map import hostable_map
from capacity.output.page import foot, head, labels_right, page, panel_title, panels, significant, year_axis
from grids.outlines import read_outlines

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["fan_chart", "hostable_map", "stacked_supply", "write_all"]

Floats = NDArray[np.float64]

# Okabe and Ito's palette without its yellow, which is too pale for a line on white.
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
LINE_DASHES: tuple[Any, ...] = (
    "-",
    (0, (6, 2)),
    (0, (2, 1.5)),
    (0, (7, 2, 1.5, 2)),
    (0, (10, 3)),
    (0, (1, 1)),
    "-",
)
LINE_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Bottom to top; together the eight colours of the palette.
SUPPLY_LAYERS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Nuclear", ("nuclear",), "#CC79A7"),
    ("Coal", ("coal",), "#333333"),
    ("Gas", ("gas",), "#D55E00"),
    ("Oil, biomass, geothermal", ("oil", "biomass", "geothermal"), "#999999"),
    ("Hydro, pumped storage", ("hydro", "pumped_storage"), "#0072B2"),
    ("Wind", ("wind", "offshore_wind"), "#56B4E9"),
    ("Solar", ("solar",), "#F0E442"),
    ("Batteries", ("battery",), "#009E73"),
)


def fan_chart(years: Sequence[int], quantiles: xr.DataArray, path: Path, source_line: str) -> None:
    """Draw hostable load by year, one panel per country, one line and band per scenario.

    quantiles : (scenario, year, country, quantile) [MW]; quantile holds 0.1, 0.5 and 0.9. Scenarios that are equal
        in a country share a line and a label. Raises ValueError where a quantile is absent.
    """
    wanted = [0.1, 0.5, 0.9]
    have = quantiles["quantile"].to_numpy()
    if not all(np.isclose(have, level).any() for level in wanted):
        raise ValueError(f"fan chart needs quantiles {wanted}, got {have.tolist()}")
    bands = quantiles.sel(quantile=wanted, method="nearest").transpose("scenario", "year", "country", "quantile")
    gigawatts = bands.to_numpy() / 1000.0
    countries = [str(name) for name in bands["country"].to_numpy()]
    with page(path, 6.6) as figure:
        note = f"median and 10-90 % range over draws; labels give the median of {int(years[-1])}"
        head(figure, "Hostable AI-datacenter load", f"Facility power, {note}")
        tops = [float(np.nanmax(gigawatts[:, :, column])) for column in range(len(countries))]
        for axes, column, top in panels(figure, tops, right=0.16):
            panel_title(axes, countries[column], "GW")
            axes.set_ylim(0.0, 1.06 * top if top > 0.0 else 1.0)
            _fan(axes, np.asarray(years), gigawatts[:, :, column], [str(name) for name in bands["scenario"].to_numpy()])
            year_axis(axes, years)
        foot(figure, source_line)


def stacked_supply(years: Sequence[int], nameplate: xr.DataArray, path: Path, source_line: str) -> None:
    """Draw nameplate capacity by technology, stacked, one panel per country.

    nameplate : (year, country, technology) [MW]. Raises ValueError naming technologies without a layer.
    """
    known = {technology for _, members, _ in SUPPLY_LAYERS for technology in members}
    given = [str(name) for name in nameplate["technology"].to_numpy()]
    strange = [name for name in given if name not in known]
    if strange:
        raise ValueError(f"no layer for technologies {strange}; known: {sorted(known)}")
    table = nameplate.transpose("country", "technology", "year")
    layers = np.stack(
        [
            sum((table.sel(technology=name).to_numpy() for name in members if name in given), np.zeros(1))
            + np.zeros((table.sizes["country"], table.sizes["year"]))
            for _, members, _ in SUPPLY_LAYERS
        ],
        axis=1,
    )
    countries = [str(name) for name in table["country"].to_numpy()]
    tops = [float(layers[column].sum(axis=0).max()) / 1000.0 for column in range(len(countries))]
    with page(path, 6.6) as figure:
        note = f"mean over draws; labels give GW in {int(years[-1])}"
        head(figure, "Projected supply", f"Nameplate capacity by technology, {note}")
        for axes, column, top in panels(figure, tops, right=0.16):
            panel_title(axes, countries[column], "GW")
            axes.set_ylim(0.0, 1.04 * top if top > 0.0 else 1.0)
            _stack(axes, np.asarray(years), layers[column] / 1000.0)
            year_axis(axes, years)
        foot(figure, source_line)


def _fan(axes: Axes, years: NDArray[np.int64], values: Floats, names: Sequence[str]) -> None:
    """Bands first, lines above them; values (scenario, year, [low, middle, high])."""
    every = max(1, len(years) // 6)
    rows = _different(values)
    for row in rows:
        colour = LINE_COLOURS[row % len(LINE_COLOURS)]
        axes.fill_between(years, values[row, :, 0], values[row, :, 2], color=colour, alpha=0.10, linewidth=0)
        for edge in (0, 2):
            axes.plot(years, values[row, :, edge], color=colour, linewidth=0.7, alpha=0.55)
    for row in rows:
        style = row % len(LINE_COLOURS)
        axes.plot(
            years, values[row, :, 1], color=LINE_COLOURS[style], linestyle=LINE_DASHES[style], linewidth=2.2,
            marker=LINE_MARKERS[style], markersize=6, markevery=(row % every, every), markeredgecolor="white",
        )  # fmt: skip
    labels = [
        "\n".join([*(names[twin] for twin in twins), f"{significant(values[row, -1, 1])} GW"])
        for row, twins in rows.items()
    ]
    ends = values[list(rows), -1, 1]
    labels_right(axes, ends, labels, [LINE_COLOURS[row % len(LINE_COLOURS)] for row in rows])


def _different(values: Floats) -> dict[int, list[int]]:
    """First row of each set of equal rows, with all rows of the set."""
    sets: dict[bytes, list[int]] = {}
    for row in range(len(values)):
        sets.setdefault(values[row].tobytes(), []).append(row)
    return {twins[0]: twins for twins in sets.values()}


def _stack(axes: Axes, years: NDArray[np.int64], layers: Floats) -> None:
    tops = np.cumsum(layers, axis=0)
    for row, (_, _, colour) in enumerate(SUPPLY_LAYERS):
        axes.fill_between(years, tops[row] - layers[row], tops[row], color=colour, linewidth=0)
        axes.plot(years, tops[row], color="white", linewidth=0.8)
    middles = tops[:, -1] - layers[:, -1] / 2.0
    shown = [row for row in range(len(SUPPLY_LAYERS)) if layers[row, -1] > 0.0]
    labels = [f"{SUPPLY_LAYERS[row][0]} {significant(float(layers[row, -1]))}" for row in shown]
    labels_right(axes, middles[shown], labels, [SUPPLY_LAYERS[row][2] for row in shown])


def write_all(result: xr.Dataset, folder: Path) -> list[Path]:
    """Draw the figures of a run from its result and return their paths.

    `hostable_fan.png`, `hostable_map_YEAR.png` (first scenario; 2030 where the run covers it, else its last year)
    and `supply.png` (first scenario).
    """
    years = [int(year) for year in result["year"].to_numpy()]
    run = f"gridflops {result.attrs.get('gridflops_version', '')}".strip()
    data = "Data: EIA, NREL ReEDS, GEM, OWID/Ember, CREA, NEA and others, listed by `gridflops grids info`."
    source = f"Source: {run}, {result.sizes['draw']} draws, seed {result.attrs.get('seed', 'unknown')}. {data}"
    first = result.isel(scenario=0)
    name = str(first["scenario"].item())
    shown = 2030 if 2030 in years else years[-1]

    fan = folder / "hostable_fan.png"
    quantiles = result["hostable_mw"].quantile([0.1, 0.5, 0.9], dim="draw", skipna=False)
    fan_chart(years, quantiles, fan, source)

    cell_map = folder / f"hostable_map_{shown}.png"
    mean = first["cell_hostable_mw_mean"].sel(year=shown)
    cells = mean.to_dataset(name="value_mw").rename(cell_lat="lat", cell_lon="lon").reset_coords(["lat", "lon"])
    heading = f"Where new AI-datacenter load fits in {shown}: {name}, mean over draws"
    hostable_map(cells, read_outlines(), cell_map, title=heading, source_line=source)

    supply = folder / "supply.png"
    stacked_supply(years, first["nameplate_mw"].mean("draw", skipna=False), supply, f"{source} Scenario {name}.")
    return [fan, cell_map, supply]
