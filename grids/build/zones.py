"""The 134 US zones of ReEDS: how the figures of the 18 areas lie in them. Made by `python -m grids.build.zones`.

    python -m grids.build.zones ORIGINALS grids/bundle/us_zones.nc

The file holds figures of zones; `grids.zones.split` turns a grid of areas into one of zones and keeps every sum.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from grids.areas import AREAS, TECHNOLOGIES, parent_of
from grids.build import fleet_us, generation_us, lattice, transfers, zone_load
from grids.build.axes import HISTORY_YEARS, PLAN_YEARS, VINTAGES, to_array
from grids.build.demand import HOURLY_YEARS
from grids.sources import boundaries
from grids.sources import transfer_limits as limits_source
from grids.zones import VARIABLES, write_zones

Floats = npt.NDArray[np.float64]
Pair = tuple[str, str]

CELL_DEGREES: Final = 0.5
FIRM_SHARE: Final = 0.85
"""Of the nameplate of all but wind and sun, what a zone can count on in its highest hour; J (outages, summer heat)."""
TITLE: Final = "How the figures of 18 US areas lie in the 134 zones of ReEDS"


def build(originals: Path) -> xr.Dataset:
    """All variables of `grids.zones.VARIABLES` from the public originals.

    Raises GridDataError for a missing original, or tables that contradict each other.
    """
    zones = members(originals)
    ids = [f"{area}.{zone}" for area, inside in zones.items() for zone in inside]
    state = boundaries.state_of_zone(originals)
    load = zone_load.build(originals, zones)
    cells = cell_zones(originals, zones)
    fleet = _fleet(originals, ids)
    lacking = load.peak_mw - FIRM_SHARE * _dispatchable_mw(fleet["nameplate_mw"])
    pairs = raised(link_limits(originals, zones), dict(zip(ids, map(float, lacking), strict=True)))
    years = [int(year) for year in HOURLY_YEARS]
    ds = xr.Dataset(
        fleet
        | {
            "zone_state": ("zone", np.array([state[name.split(".")[2]] for name in ids])),
            "load_share": (("zone", "year"), load.share),
            "zone_load_mwh": ("zone", load.energy_mwh),
            "load_ratio": (("zone", "year", "hour"), load.ratio),
            "expected_load_share": ("zone", load.expected),
            "cell_zone": ("zone_cell", np.array([cells[cell] for cell in sorted(cells)])),
            "cell_row": ("zone_cell", np.array([row for row, _ in sorted(cells)])),
            "cell_column": ("zone_cell", np.array([column for _, column in sorted(cells)])),
            "link_from": ("link", np.array([a for a, _ in pairs])),
            "link_to": ("link", np.array([b for _, b in pairs])),
            "link_limit_low_mw": ("link", np.array([pair.low_mw for pair in pairs.values()])),
            "link_limit_high_mw": ("link", np.array([pair.high_mw for pair in pairs.values()])),
            "link_record": ("link", np.array([pair.record for pair in pairs.values()])),
        },
        coords={"zone": np.array(ids), "year": np.array(years)},
        attrs={"title": TITLE, "cell_degrees": CELL_DEGREES},
    )
    for name, (units, label, source, method) in VARIABLES.items():
        ds[name].attrs = {"units": units, "label": label, "source": source, "method": method}
    return ds


def members(originals: Path) -> dict[str, list[str]]:
    """Zones (`p63`) of each US area, in the order of areas and of numbers."""
    area_of = boundaries.area_of_zone(originals)
    order = sorted(area_of, key=lambda zone: int(zone[1:]))
    return {area.id: [z for z in order if area_of[z] == area.id] for area in AREAS if area.country == "US"}


def _fleet(originals: Path, ids: Sequence[str]) -> dict[str, xr.DataArray]:
    """The US fleet and its output by zone, by the very steps that make them by area."""
    units = fleet_us.build_units(originals, by_zone=True)
    published = fleet_us.published_capacity(originals)
    mwh = generation_us.by_area(generation_us.by_state(originals, published), units)
    axes = {"area": ids, "technology": TECHNOLOGIES}
    tables = {
        "nameplate_mw": to_array(fleet_us.nameplate(units), **axes, vintage=VINTAGES),
        "planned_addition_mw": to_array(fleet_us.planned_additions(units), **axes, plan_year=PLAN_YEARS),
        "planned_retirement_mw": to_array(fleet_us.planned_retirements(units), **axes, plan_year=PLAN_YEARS),
        "capacity_history_mw": to_array(
            fleet_us.capacity_history(units, published), **axes, history_year=HISTORY_YEARS
        ),
        "generation_mwh": to_array(mwh, **axes, history_year=HISTORY_YEARS),
    }
    return {name: table.rename(area="zone") for name, table in tables.items()}


def cell_zones(originals: Path, zones: Mapping[str, Sequence[str]]) -> dict[lattice.Cell, str]:
    """Zone of every US cell of the lattice by (row, column): of its area's zones the one with the largest overlap.

    A zone that is nowhere the largest gets the cell that it overlaps most of those whose zone keeps another one.
    """
    polygons = boundaries.us_zones(originals)
    overlap = {zone: lattice.overlaps_km2(polygon, CELL_DEGREES) for zone, polygon in polygons.items()}
    grid = lattice.build(originals, CELL_DEGREES)
    place = np.column_stack([np.floor(grid.lat / CELL_DEGREES), np.floor(grid.lon / CELL_DEGREES)]).astype(int)
    owner: dict[lattice.Cell, str] = {}
    for area, inside in zones.items():
        cells = [(int(row), int(column)) for row, column in place[grid.cells_of(area)]]
        mine = {cell: max(inside, key=lambda zone: overlap[zone].get(cell, 0.0)) for cell in cells}
        for zone in (zone for zone in inside if zone not in mine.values()):
            counts = {name: list(mine.values()).count(name) for name in inside}
            free = [cell for cell in cells if counts[mine[cell]] > 1]
            mine[max(free, key=lambda cell: (overlap[zone].get(cell, 0.0), cell))] = zone
        owner |= {cell: f"{area}.{zone}" for cell, zone in mine.items()}
    return owner


def link_limits(originals: Path, zones: Mapping[str, Sequence[str]]) -> dict[Pair, transfers.Limit]:
    """Limits between zones by (sender, receiver), in the order of zones.

    Inside an area: high is the zone's own limit; the study has none with a line out, so low is the median ratio of
    both between areas times that (J). Between areas zones' limits are scaled to the areas' own, low and high, so that
    zones together never carry more than their areas: single limits add up to more than can flow at once. DC ties are
    added.
    """
    name = {zone: f"{area}.{zone}" for area, inside in zones.items() for zone in inside}
    area_of = {zone: area for area, inside in zones.items() for zone in inside}
    groups = {(item.sender, item.receiver): item for item in limits_source.reeds_group_limits(originals)}
    ratio = median(i.contingency_mw / i.limit_mw for i in groups.values() if i.contingency_mw is not None)
    single = limits_source.reeds_zone_limits(originals)
    total: dict[Pair, float] = {}
    for (a, b), mw in single.items():
        pair = area_of[a], area_of[b]
        total[pair] = total.get(pair, 0.0) + mw
    found: dict[Pair, transfers.Limit] = {}
    for (a, b), mw in single.items():
        pair = area_of[a], area_of[b]
        if pair[0] == pair[1]:
            record = f"ReEDS NARIS2024 zone limit; no N-1 figure, taken as {ratio:.3f} of N-0 (J)"
            found[name[a], name[b]] = transfers.Limit(ratio * mw, mw, record)
            continue
        high = groups[pair].limit_mw
        second = groups[pair].contingency_mw
        low, high = sorted((ratio * high if second is None else second, high))
        part = mw / total[pair]
        record = f"ReEDS NARIS2024 zone limit {mw:.0f} MW, scaled to the limit between the areas"
        found[name[a], name[b]] = transfers.Limit(part * low, part * high, record)
    ties = limits_source.reeds_direct_current(originals, name)
    joined = transfers.with_ties(found, ties)
    transfers.check(joined, frozenset(name.values()))
    order = {zone: number for number, zone in enumerate(name.values())}
    return {pair: joined[pair] for pair in sorted(joined, key=lambda pair: (order[pair[0]], order[pair[1]]))}


def _dispatchable_mw(nameplate: xr.DataArray) -> Floats:
    """Nameplate (zone,) of all but wind and sun. [MW]"""
    kept = [name for name in TECHNOLOGIES if name not in ("wind", "offshore_wind", "solar")]
    return nameplate.sel(technology=kept).sum(["technology", "vintage"]).to_numpy().astype(np.float64)


def raised(limits: Mapping[Pair, transfers.Limit], lacking: Mapping[str, float]) -> dict[Pair, transfers.Limit]:
    """Limits with those into some zones raised, by one factor a zone, so that its highest load so far can be served.

    lacking : what each zone lacks in that hour without imports [MW]; the load was served, so that either its figure or
    the limits are wrong. Only links inside the area are raised, as the others add up to what areas exchange.
    """
    result = dict(limits)
    for zone, need in lacking.items():
        into = {pair: limit for pair, limit in limits.items() if pair[1] == zone}
        inside = {pair for pair in into if parent_of(pair[0]) == parent_of(zone)}
        there, whole = (sum(into[pair].low_mw for pair in pairs) for pairs in (inside, into))
        if need <= whole or there <= 0.0:
            continue
        factor = (need - whole + there) / there
        for pair in inside:
            low, high, record = into[pair]
            low *= factor
            record += f"; low raised by {factor:.2f}, as the zone's highest load was served (J)"
            result[pair] = transfers.Limit(low, max(low, high), record)
    return result


def main(arguments: Sequence[str]) -> None:
    """Write the file of zones."""
    originals, target = map(Path, arguments)
    write_zones(build(originals), target)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
