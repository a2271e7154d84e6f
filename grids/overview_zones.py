"""The part of `docs/data.md` on US zones, made from the embedded file of zones."""

from __future__ import annotations

import textwrap

import numpy as np

from grids.areas import parent_of
from grids.zones import VARIABLES, open_zones

WIDTH = 120
INTRODUCTION = (
    "`--areas us-zones` (of `run`, `base-year`, `explain`, `frontier`, `project` and `grids info`; in Python "
    '`grids.open_grid(areas="us-zones")`) cuts the 18 US areas into the {zones} zones of NREL\'s ReEDS, also those'
    " of a grid file of your own. China stays 31 provinces. A zone is named after its area, `us.ercot.p63`. A "
    "second file, `grids/bundle/us_zones.nc`, says how the figures of an area lie in its zones. Zones add up to "
    "their area exactly: fleet by vintage, plans, retirements, history, generation, interchange and cells, and "
    "demand in every hour of every weather year."
)
POINTS = (
    (
        "**Fleet**: every unit of the list has its zone, so that the zones' fleet is made by the very steps that make"
        " the areas'. Capacity that EIA counts in a state but no list names lies where the state's fleet lies."
    ),
    (
        "**Demand**: {shapes} different hourly shapes for {zones} zones, from the EIA-930 series of utilities and "
        "subregions. Which zones a series lies in was judged from the outlines of the zones and the cities that "
        "utilities serve (J); how much of it lies in each is fitted to state sales and substations. The result "
        "differs from sales and substations alone by {median:.0%} in the median zone and by more than a third in "
        "{far} ({furthest}), where series know what people do not show: oil fields, irrigation, servers beside dams. "
        "New England has one shape, as its subregions do not add up, and MISO South one series."
    ),
    (
        "**Wind, sun, water**: those of the area; nothing finer is at hand. What zones of one area make in different "
        "hours is missing, so that they look more alike than they are."
    ),
    (
        "**Links**: {links} directed limits between zones (ReEDS NARIS2024). The study gives them without contingency"
        " only; with the worst line out they are taken as 0.772 of that, the median between areas (J). Across the "
        "border of two areas zones' limits add up to {over:.0%} of the areas' own in the median pair, and are scaled "
        "down to it. Into {raised}, links from inside the area are raised until the highest load so far can be served "
        "(J): it was, so that either the load or the limits are wrong there. Zone p19 in "
        "Montana (0.8 TWh a year) has no link in the source and stays alone."
    ),
    (
        "**Requests** for data centres lie in an area's zones by the figures of nine states, and by load elsewhere "
        "(`capacity/data/datacenter_requests.yaml`). Rules, queues and siting weights are those of the area."
    ),
)


def section() -> list[str]:
    """Lines of the section, without a blank line at the end."""
    ds = open_zones()
    names = ds["zone"].values.tolist()
    areas = sorted({parent_of(name) for name in names})
    owner, ratio = [areas.index(parent_of(name)) for name in names], ds["load_ratio"].values
    share, expected = ds["load_share"].values[:, -1], ds["expected_load_share"].values
    change = share / expected - 1.0
    far = np.flatnonzero(abs(np.log(share / expected)) > np.log(4.0 / 3.0))
    order = far[np.argsort(-abs(change[far]), kind="stable")]
    numbers = {
        "zones": len(names),
        "shapes": len(np.unique(np.column_stack([owner, ratio.reshape(len(names), -1)]), axis=0)),
        "median": float(np.median(abs(change))),
        "far": len(far),
        "furthest": ", ".join(f"{names[z].rsplit('.', 1)[1]} x {share[z] / expected[z]:.1f}" for z in order[:5]),
        "links": ds.sizes["link"],
        "raised": " and ".join(", ".join(_raised()).rsplit(", ", 1)),
        "over": 1.0 / float(np.median(_scales())),
    }
    lines = ["## US zones", "", *textwrap.wrap(INTRODUCTION.format(**numbers), WIDTH), ""]
    for point in POINTS:
        lines += textwrap.wrap("- " + point.format(**numbers), WIDTH, subsequent_indent="  ")
    lines += ["", "Made again by `python -m grids.build.zones originals/ us_zones.nc`. Its variables:"]
    for name, (units, label, source, method) in VARIABLES.items():
        dims = " x ".join(map(str, ds[name].dims))
        lines += [
            "",
            f"**`{name}`** ({dims}; {units or 'text'}; {label}): {method}",
            f"Sources: {', '.join(source.split())}.",
        ]
    return lines


def _raised() -> list[str]:
    """Zones into which links were raised."""
    ds = open_zones()
    into = ds["link_to"].values[["raised" in text for text in ds["link_record"].values.tolist()]]
    return sorted({name.rsplit(".", 1)[1] for name in into.tolist()}, key=lambda zone: int(zone[1:]))


def _scales() -> list[float]:
    """What each pair of areas' zone limits were scaled by, from the figures of the source in the records."""
    ds = open_zones()
    stated: dict[tuple[str, str], float] = {}
    given: dict[tuple[str, str], float] = {}
    rows = zip(
        *(ds[name].values.tolist() for name in ("link_from", "link_to", "link_limit_high_mw", "link_record")),
        strict=True,
    )
    for a, b, mw, record in rows:
        pair = parent_of(a), parent_of(b)
        if pair[0] != pair[1] and "scaled to" in record and "DC" not in record:
            stated[pair] = stated.get(pair, 0.0) + float(record.split("zone limit ")[1].split(" MW")[0])
            given[pair] = given.get(pair, 0.0) + mw
    return [given[pair] / stated[pair] for pair in given if stated[pair] > 0.0]
