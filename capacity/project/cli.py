"""`gridflops project`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capacity import cli_options
from capacity.cli_errors import plain_errors
from capacity.cli_options import parse_years

if TYPE_CHECKING:
    from grids.store import AreasName

TABLE_YEARS = (2025, 2030, 2035, 2040, 2050)
MAPS = {
    "coal": ("coal",),
    "gas": ("gas",),
    "nuclear": ("nuclear",),
    "hydro": ("hydro",),
    "wind": ("wind", "offshore_wind"),
    "solar": ("solar",),
    "batteries": ("battery",),
}
"""Maps of `--grid`: name and technologies."""
COLUMNS = (
    ("technology", "technology", "{}"),
    ("year", "year", "{}"),
    ("base year\nGW", "base_gw", "{:,.1f}"),
    ("p10 GW", "p10_gw", "{:,.1f}"),
    ("p50 GW", "p50_gw", "{:,.1f}"),
    ("p90 GW", "p90_gw", "{:,.1f}"),
    ("mean GW", "mean_gw", "{:,.1f}"),
    ("sd GW", "sd_gw", "{:,.1f}"),
    ("experts followed", "experts", "{}"),
)
OUTLOOKS = (
    ("who", "who", "{}"),
    ("year", "year", "{}"),
    ("unit", "unit", "{}"),
    ("their figure", "value", "{:,.0f}"),
    ("ours p10", "p10", "{:,.0f}"),
    ("p50", "p50", "{:,.0f}"),
    ("p90", "p90", "{:,.0f}"),
    ("median\nover theirs", "difference", "{:+.0%}"),
)


@click.command(epilog="Example: gridflops project --where us.ercot --years 2025-2040 --out runs/ercot-supply")
@click.argument("scenario", default="reference")
@click.option("--where", default="US", show_default=True, help="US, CN, an area such as us.ercot, or LAT,LON.")
@click.option("--years", default="2025-2050", show_default=True, callback=parse_years, help="Years to report.")
@click.option("--draws", default=500, show_default=True, type=click.IntRange(min=1), help="Draws.")
@cli_options.SEED
@click.option(
    "--grid",
    "on_grid",
    is_flag=True,
    help="Also write every cell with quantiles (supply_cells.nc), and maps; a grid of your own goes to --grid-file.",
)
@click.option("--grid-file", type=click.Path(path_type=Path), help="Your own grid file instead of the embedded one.")
@cli_options.AREAS
@click.option("--out", default=Path("runs/supply"), show_default=True, type=click.Path(path_type=Path), help="Folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON.")
def project(
    scenario: str,
    where: str,
    years: tuple[int, ...],
    draws: int,
    seed: int,
    on_grid: bool,
    grid_file: Path | None,
    areas_as: AreasName,
    out: Path,
    as_json: bool,
) -> None:
    """Project supply by technology for a country, an area or a cell under one scenario.

    Writes supply.nc and supply.png with the history joined on; medians are printed beside published outlooks.
    """
    with plain_errors():
        import grids
        import scenarios
        from capacity.output import writing
        from capacity.project import figure, place
        from capacity.supply import hindcast_flags

        (chosen,) = scenarios.load([scenario])
        writing.check_folder(out)
        grid = grids.open_grid(grid_file, areas=areas_as)
        found = place.project(grid, place.find_place(grid, where), chosen, years=years, draws=draws, seed=seed)
        source = f"Source: gridflops, scenario {chosen.name}, {draws} draws, seed {seed}; data: gridflops grids info."
        with writing.replaced_files(out) as folder:
            place.dataset(found, chosen.name, seed).to_netcdf(folder / "supply.nc")
            figure.draw(found, folder / "supply.png", source)
            if on_grid:
                _write_cells(_cells(grid, chosen, years, draws, seed), folder, source)
            names = sorted(path.name for path in folder.iterdir())
        report = {
            "place": found.place.name,
            "scenario": chosen.name,
            "supply": place.table(found, TABLE_YEARS),
            "outlooks": place.beside_outlooks(grid, found),
            "flags": hindcast_flags.told(found.place.country),
        }
    _show(report, as_json)
    if not as_json:
        click.echo(f"{out}: {', '.join(names)}")


def _cells(grid: Any, chosen: Any, years: tuple[int, ...], draws: int, seed: int) -> Any:
    """Supply of all cells in the years of the table, country after country."""
    from capacity.project.grid import on_grid

    asked = [year for year in TABLE_YEARS if year in years] or [years[-1]]
    return on_grid(
        grid, chosen, years=asked, draws=draws, seed=seed,
        progress=lambda country: click.echo(f"cells of {country}", err=True),
    )  # fmt: skip


def _write_cells(cells: Any, folder: Path, source: str) -> None:
    packed = {name: {"zlib": True, "dtype": "float32"} for name, v in cells.data_vars.items() if v.dtype.kind == "f"}
    cells.to_netcdf(folder / "supply_cells.nc", encoding=packed)
    draw_maps(cells, folder, source)


def draw_maps(cells: Any, out: Path, source: str) -> list[Path]:
    """A map (PNG) of the last year for each entry of MAPS: mean over draws of what stands in each cell."""
    import xarray as xr

    from capacity.output.cell_map import hostable_map
    from grids.outlines import read_outlines

    year = int(cells["year"][-1])
    outlines, written = read_outlines(), []
    for name, technologies in MAPS.items():
        value = cells["nameplate_mean_mw"].sel(year=year, technology=list(technologies)).sum("technology")
        table = xr.Dataset({"value_mw": ("cell", value.to_numpy())})
        table = table.assign_coords({axis: ("cell", cells[axis].to_numpy()) for axis in ("lat", "lon")})
        path = out / f"supply_map_{name}_{year}.png"
        title = f"Where {name} stands in {year}, mean over draws"
        hostable_map(table, outlines, path, title=title, source_line=source)
        written.append(path)
    return written


def _show(report: dict[str, Any], as_json: bool) -> None:
    from capacity.output.tables import show

    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    show(f"Supply of {report['place']}, {report['scenario']}", COLUMNS, report["supply"])
    if report["outlooks"]:
        show("Beside published outlooks (energy: capacity at recent capacity factors)", OUTLOOKS, report["outlooks"])
        for row in report["outlooks"]:
            click.echo(f"{row['year']}, {row['who']}: {row['why']}")
    for series, flag in report["flags"].items():
        click.echo(f"flagged by the hindcast: {series}: {flag}")
