"""`docs/data.md`: what the embedded grid holds and what each number is worth, made from the grid itself.

`python -m grids.overview > docs/data.md` writes the page; a test compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from grids import overview_zones
from grids.info import coverage, known_totals, records
from grids.provenance import PREPARED, SourceFile, sources
from grids.variables import REGISTRY

if TYPE_CHECKING:
    import xarray as xr

COUNTRY: Final = {"US": "United States", "CN": "China"}
LABELS: Final = {
    "F": "found in a source",
    "P": "computed by the build from found figures",
    "R": "recalled, to be sourced again",
    "J": "judgement",
}

# What to doubt first. {names} are counts that `_counts` takes from the grid.
WEAK_SPOTS: Final = (
    "**China's hourly load is one typical year of the 2018 level, partly synthetic** ({cn_load_modelled} of "
    "{cn_profiles} profiles). Energy and peaks are scaled to published figures; the shape is not a record, and "
    "there is no second weather year.",
    "**China's wind and solar are one weather year (2020) of ERA5**, province averages moved to the annual and"
    " monthly levels published for the provinces. The publisher's temperature field was damaged above 27 degC; solar"
    " is corrected by an estimated factor.",
    "**Most US wind and solar is modelled**: observed in {us_wind_observed} (wind) and {us_solar_observed} "
    "(solar) of {us_profiles} profiles. Load years 2021-2024 are paired with wind and solar of 2016-2019 except "
    "where observed (label J): the load of a heat wave meets the wind of another year. Months of modelled wind are "
    "those of a neighbour's climate (Months of wind and solar, below).",
    "**US generation by state and fuel ends in 2019** as published; 2020-2024 is rebuilt from SEDS and scaled to "
    "national totals, so agreement with those totals proves nothing.",
    "**Plans are thin**: US units dated after 2026 come from a list of mid-2024; many Chinese units carry no year of"
    " start and are spread over the years of the plan.",
    "**Sites of Chinese wind and solar after 2017 are not on record**; cells share them out by land, resource and"
    " load.",
    "**Transfer limits between provinces** come from two sources that disagree by a factor of ten and more; the"
    " grid holds both, as the low and the high limit of a link.",
    "**Temperature is a monthly normal** on a raster of 2.5 degrees, corrected for the height of the cell. It has no"
    " hours and no humidity.",
    "**There is no Chinese electricity price by province**; in the US {us_priced:,} of {us_cells:,} cells have one.",
    "**{recalled} sources are single figures that were recalled or typed by hand**. Each names its publisher in the"
    " code and has to be sourced again.",
)

REBUILD: Final = """\
## Rebuild it

```
pip install 'gridflops[build]'
gridflops grids fetch originals/
gridflops grids build --originals originals/ --out grid.nc
gridflops grids info --grid grid.nc
```

`fetch` downloads what is public (about 0.4 GB, and the archive of one repository whose size is not known here),
checks it, and prepares what the build reads in another form; `gridflops grids prepare originals/` does only this last
step. Both may be run again at any time: what is there is kept. `--cell-degrees 0.25` builds finer cells. Small tables
of published figures that were typed by hand come with the package: `grids/data/national_recent.yaml` (Our World in
Data) and `us_prices.yaml` (EIA)."""

MONTHS: Final = """\
## Months of wind and solar

Every series meets the published annual level of its own area, or that of its neighbours where the area has none. Its
months are, from best to worst:

- *observed*: ERCOT, MISO North, New York and New England (wind), ERCOT and New England (solar), hour by hour;
- *published*: Chinese provinces, hours of use by month of the weather year itself (crea-china): {cn_wind_months} of
  {cn_profiles} provinces in wind, {cn_solar_months} in solar. January and February are published as one. December is
  left modelled where the year's last figure counts plants of its last days ({cn_december} series), and all months where
  they contradict the weather of the whole year ({cn_contradicted} series);
- *published elsewhere*: Californian wind, the mean course of EIA's monthly factors 2001-2013;
- *measured radiation*: solar of all other US areas, months by NARR by state;
- *borrowed*: wind of the other US areas takes the month-by-hour course of the operators named in its record.

No monthly wind output by state, balancing authority or area could be had for these last. The following were searched
and hold none: EIA's state tables and SEDS (annual), cleaned EIA-930 (load only), EIA-860M, ReEDS and other plant
lists (capacity only), the operators' hours (four operators), generation by grid region 2023 (annual), ERA5 and
MERRA-2 sets (whole country, SREX regions, or annual maps), NREL's reV samples (two states, one year), RTS-GMLC (one
region, one year). EIA does publish it (EIA-923; Electric Power Monthly, table 1.14): whoever has it can bring hourly
factors that meet it, with `gridflops grids import-cf`."""

BRING_YOUR_OWN: Final = """\
## Bring your own

Hourly factors, as atlite writes them (NetCDF or Zarr; time in UTC, hour-beginning, whole years; one array over time
and areas):

```
gridflops grids import-cf era5-wind-2019.nc --technology wind --out my-grid.nc
gridflops run --grid my-grid.nc
```

A whole grid: any file with the variables above. `gridflops grids validate FILE` lists every problem at once, and
`gridflops run --grid FILE` takes it. Each variable carries `units`, `label`, `source` (ids of
`sources.yaml`, or `own-data`) and `method`; NaN is allowed only where the table says what it means."""


def page(grid: xr.Dataset) -> str:
    """Text of `docs/data.md` for `grid`, an opened and valid grid."""
    lines = [
        "# Data",
        "",
        "<!-- Made from the embedded grid: `python -m grids.overview > docs/data.md`. -->",
        "",
        *_size(grid),
        "",
        "## Weak spots first",
        "",
    ]
    counts = _counts(grid)
    lines += [f"{number}. {text.format(**counts)}" for number, text in enumerate(WEAK_SPOTS, 1)]
    lines += [
        "",
        *_kinds(grid),
        "",
        *_months(grid),
        "",
        *_totals(grid),
        "",
        *_variables(grid),
        "",
        *overview_zones.section(),
        "",
        *_rebuild(),
        "",
        BRING_YOUR_OWN,
    ]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(str, cells))} |" for cells in lines]


def _size(grid: xr.Dataset) -> list[str]:
    rows = [
        (
            COUNTRY[row["country"]],
            *(row[name] for name in ("areas", "profiles", "weather years", "history years")),
            f"{row['nameplate GW']:,.0f}",
            f"{row['cells']:,}",
            row["links"],
        )
        for row in coverage(grid)
    ]
    profiles = "profiles (area x weather year)"
    return [
        "The grid that comes with the package; sources and licences stand in",
        "[DATA-LICENSES.md](../DATA-LICENSES.md), the equations in [method.md](method.md).",
        "",
        *_table(("country", "areas", profiles, "weather years", "history", "nameplate GW", "cells", "links"), rows),
    ]


def _counts(grid: xr.Dataset) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in records(grid):
        country = row["country"].lower()
        for kind in ("observed", "modelled"):
            counts[f"{country}_{row['series']}_{kind}"] = row[kind]
    for row in coverage(grid):
        country = row["country"].lower()
        counts |= {f"{country}_profiles": row["profiles"], f"{country}_cells": row["cells"]}
        counts[f"{country}_priced"] = row["cells with a price"]
    counts["recalled"] = sum(not source.files and "typed into" in source.note for source in sources().values())
    counts["recalled"] += sum("Label R" in source.note for source in sources().values())
    return counts


def _kinds(grid: xr.Dataset) -> list[str]:
    kinds = ("observed", "modelled", "borrowed")
    rows = [
        (COUNTRY[row["country"]], f"hourly {row['series']}", *(row[kind] for kind in kinds)) for row in records(grid)
    ]
    lines = [
        "## Observed, modelled, borrowed",
        "",
        "Profiles by what their record says. *Modelled* includes blends of several neighbours and reanalysis;",
        "*borrowed* is another area's series as it stands. The full record of every profile is in `load_record`,",
        "`wind_record` and `solar_record`.",
        "",
        *_table(("country", "series", *kinds), rows),
    ]
    for country, name in COUNTRY.items():
        here = grid["load_history_record"].sel(area=grid["area_country"].values == country)
        counts = Counter(str(text).split(":")[0].split(" (")[0] for text in here.values.ravel())
        words = "; ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
        lines += ["", f"Annual load, {name}, area-years: {words}."]
    return lines


def _months(grid: xr.Dataset) -> list[str]:
    """What the months of wind and solar rest on."""
    chinese = [str(name).startswith("cn.") for name in grid["profile"].values]
    records = {tech: [str(text) for text in grid[f"{tech}_record"].values[chinese]] for tech in ("wind", "solar")}
    both = records["wind"] + records["solar"]
    counts = {
        "cn_profiles": sum(chinese),
        "cn_wind_months": sum("published levels" in text for text in records["wind"]),
        "cn_solar_months": sum("published levels" in text for text in records["solar"]),
        "cn_december": sum("December modelled" in text for text in both),
        "cn_contradicted": sum("contradict the weather" in text for text in both),
    }
    return MONTHS.format(**counts).splitlines()


def _totals(grid: xr.Dataset) -> list[str]:
    rows = []
    for row in known_totals(grid):
        known = row.known
        span = f"{known.low:,.6g}" + (f" to {known.high:,.6g}" if known.high != known.low else "")
        here = "-" if row.computed is None else f"{row.computed:,.1f}"
        gap = "-" if row.difference is None else f"{row.difference:+.1%}"
        what = f"{known.what}, {known.year}"
        rows.append((known.country, what, f"{span} {known.unit}", here, gap, known.label, known.check))
    return [
        "## Against published totals",
        "",
        "*independent*: the build never saw the figure; *summed*: nothing was lost or counted twice; *scaled*: the",
        "build is made to meet it, so agreement proves nothing.",
        "",
        *_table(("country", "figure", "published", "here", "difference", "label", "check"), rows),
    ]


def _variables(grid: xr.Dataset) -> list[str]:
    lines = ["## Variables", "", "Labels: " + ", ".join(f"**{key}** {words}" for key, words in LABELS.items()) + "."]
    for name, variable in REGISTRY.items():
        if name not in grid.data_vars:
            continue
        attrs: dict[str, Any] = grid[name].attrs
        dims = " x ".join(variable.dims)
        units = variable.units or "text"
        lines += ["", f"**`{name}`** ({dims}; {units}; {attrs.get('label', variable.label)}): {variable.doc}"]
        if variable.missing:
            lines.append(f"NaN: {variable.missing}.")
        if attrs.get("method"):
            lines.append(f"*{str(attrs['method']).rstrip('.')}.*")
        lines.append(f"Sources: {', '.join(str(attrs.get('source', '')).split()) or 'none'}.")
    return lines


def _rebuild() -> list[str]:
    files = [file for source in sources().values() for file in source.files]
    remade = [file for file in files if file.reencoded]
    counts = Counter(file.prepared or "by hand" for file in remade)
    lines = [
        *REBUILD.splitlines(),
        "",
        f"Of {len(files)} files {len(files) - len(remade)} are read as published. A rule each prepares the others:",
        "",
        *(f"- {counts[word]} `{word}`: {meaning};" for word, meaning in PREPARED.items()),
    ]
    by_hand = [file for file in remade if file.prepared is None]
    if not by_hand:
        return [*lines, "", "None is made by hand."]
    lines.append(f"- {len(by_hand)} are still made **by hand**, and without them the build stops:")
    return lines + [_by_hand(file) for file in by_hand]


def _by_hand(file: SourceFile) -> str:
    return f"  - `{file.path}`: {file.reencoded}. From <{file.url}>."


if __name__ == "__main__":
    from grids.store import open_grid

    print(page(open_grid()), end="")
