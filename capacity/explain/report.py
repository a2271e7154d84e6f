"""What `gridflops explain` prints of each kind of explanation, and what it gives as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from capacity.explain import island_outages, resources
from capacity.explain.group import NetworkExplanation
from capacity.explain.group_outages import NetworkOutageExplanation
from capacity.explain.island import Explanation
from capacity.explain.island_outages import OutageExplanation
from capacity.explain.outage_area import Load
from capacity.output import tables

Found = Explanation | NetworkExplanation | OutageExplanation | NetworkOutageExplanation

NOT_YET = "one more MW of anything adds no headroom yet: native load comes first"


def show(found: Found) -> None:
    """Print what was found."""
    if isinstance(found, NetworkExplanation):
        _print_network(found)
    elif isinstance(found, OutageExplanation):
        _print_outages(found)
    elif isinstance(found, NetworkOutageExplanation):
        _print_network_outages(found)
    else:
        _print(found)


def hours_of(found: Found) -> pd.DataFrame:
    """The hours as one table; under outages those of both loads, told apart by the column `of`."""
    if not isinstance(found, OutageExplanation):
        return found.hours
    loads = {"flexible": found.flexible, "firm": found.firm}
    return pd.concat([load.hours.assign(of=name) for name, load in loads.items()])


def plain(found: Found) -> dict[str, object]:
    """What JSON can hold: rows in place of tables, links by name, no hour by hour curtailment."""
    plain = dict(vars(found))
    plain.pop("curtailed_mw", None)
    if isinstance(found, OutageExplanation):
        loads = {name: getattr(found, name) for name in ("flexible", "firm")}
        return plain | {n: {**load._asdict(), "hours": load.hours.to_dict("records")} for n, load in loads.items()}
    plain["hours"] = found.hours.to_dict("records")
    if "link_adds" in plain:
        plain["link_adds"] = {f"{start} > {end}": worth for (start, end), worth in plain["link_adds"].items()}
    return plain


def _print_network(found: NetworkExplanation) -> None:
    title = f"with the make-up of {found.area}, {found.year}, draw {found.draw}, weather {found.weather_year}"
    columns = tables.EXPLAIN_NETWORK + (tables.GROUP_STORAGE if "group_storage_mwh" in found.hours else ())
    tables.show(_title(found, found.group, title), columns, found.hours.to_dict("records"))
    _print_hours(found.group_mw, found)
    print(f"{found.area}: {found.headroom_mw / 1e3:,.2f} GW of these")
    _print_standing(found)
    if found.group_mw <= 0.0:
        print(NOT_YET)
        return
    held = _held(found.adds_dispatched)
    print(f"one more MW in {found.area} of ... adds MW of headroom of the group{held}:")
    _print_adds(resources.ADDED, [(found.adds[found.area], found.adds_dispatched.get(found.area, {}))])
    _print_nameplate(found.unit_shares, [(found.adds_dispatched or found.adds)[found.area]["constant"]])
    print("firm capacity, by area: " + _by_area(found.adds_dispatched or found.adds))
    _print_links(found)


def _print_standing(found: Explanation | NetworkExplanation) -> None:
    mw = {name: f"{value / 1e3:,.1f}" for name, value in found.standing.items()}
    print(
        f"firm capacity of {found.area}: units {mw['units_mw']} GW less expected outage {mw['expected_outage_mw']} and "
        f"reserve {mw['reserve_mw']}, with storage as it counts firm {mw['storage_mw']}"
    )


def _title(found: Explanation | NetworkExplanation, where: str, rest: str) -> str:
    what = "is curtailed most" if found.curtailed_hours else "has least left"
    return f"Hours in which new load in {where} {what}, {rest}"


def _print_hours(load_mw: float, found: Explanation | NetworkExplanation) -> None:
    short = f"; native load is short in {found.native_short_hours} h without it" if found.native_short_hours else ""
    if load_mw <= 0.0:
        print(f"nothing fits (quantile {found.quantile:g} of the draws){short}")
        return
    seasons = ", ".join(f"{name} {count}" for name, count in found.season_hours.items())
    often = f"curtailed in {found.curtailed_hours} h ({seasons}), at most {found.longest_event_h} h in a row"
    print(
        f"{load_mw / 1e3:,.2f} GW fit (quantile {found.quantile:g} of the draws), "
        f"{often if found.curtailed_hours else 'never curtailed'}{short}"
    )
    print(f"bound by: {found.bound_by}")


def _print(found: Explanation) -> None:
    tables.show(
        _title(found, found.area, f"{found.year}, draw {found.draw}, weather {found.weather_year}"),
        tables.EXPLAIN + (tables.STORAGE if "storage_mwh" in found.hours else ()),
        found.hours.to_dict("records"),
    )
    _print_hours(found.headroom_mw, found)
    if found.curtailed_hours:
        parts = ", ".join(f"{name} {count}" for name, count in found.day_part_hours.items())
        print(f"in {found.events} events; hours by local time: {parts}")
    _print_standing(found)
    if found.headroom_mw <= 0.0:
        print(NOT_YET)
        return
    print(f"one more MW of ... adds MW of headroom{_held(found.adds_dispatched)}:")
    _print_adds(resources.ADDED, [(found.adds, found.adds_dispatched)])
    _print_nameplate(found.unit_shares, [(found.adds_dispatched or found.adds)["constant"]])


def _print_outages(found: OutageExplanation) -> None:
    load, firm = found.flexible, found.firm
    where = f"{found.area}, {found.year}, draw {found.draw}, weather {found.weather_year}"
    _print_table(f"Hours in which new load is expected to be curtailed most, {where}", load)
    natives = f"natives lack {found.native_unserved_mwh:,.1f} MWh in {found.native_short_hours:,.2f} h without it"
    if load.headroom_mw > 0.0:
        seasons = ", ".join(f"{name} {hours:,.0f}" for name, hours in found.season_hours.items())
        parts = ", ".join(f"{name} {hours:,.0f}" for name, hours in found.day_part_hours.items())
        print(
            f"{load.headroom_mw / 1e3:,.2f} GW fit (quantile {found.quantile:g} of the draws); expected, something is "
            f"short in {load.short_hours:,.0f} h ({seasons}; by local time: {parts}); {natives}"
        )
        print(f"bound by: {found.bound_by}")
    else:
        print(f"nothing fits (quantile {found.quantile:g} of the draws); {natives}")
    _print_units(found)
    print()
    _print_table(f"Hours that bind load which is never cut, {where}", firm)
    term = island_outages.FIRM_TERM[found.notion]
    if firm.headroom_mw > 0.0:
        print(f"{firm.headroom_mw / 1e3:,.2f} GW of it fit, short in {firm.short_hours:,.2f} h, bound by: {term}")
    else:
        print(f"none of it fits: natives use up the {term} that {found.notion} allows")
    if load.headroom_mw <= 0.0 and firm.headroom_mw <= 0.0:
        print(NOT_YET)
        return
    held = _held(load.adds_dispatched or firm.adds_dispatched)
    print(f"one more MW of ... adds MW of headroom, of load that may be curtailed and of load that may not{held}:")
    _print_adds(island_outages.ADDED, [(each.adds, each.adds_dispatched) for each in (load, firm)])
    both = [each.adds_dispatched or each.adds for each in (load, firm)]
    _print_nameplate(found.unit_shares, [adds.get("units", 0.0) for adds in both])


def _print_units(found: OutageExplanation | NetworkOutageExplanation) -> None:
    mw = {name: f"{value / 1e3:,.1f}" for name, value in found.standing.items()}
    print(
        f"{found.area}: units {mw['units_mw']} GW, of which {mw['expected_outage_mw']} are out on average; storage as "
        f"it counts firm {mw['storage_mw']}; no reserve"
    )


def _print_network_outages(found: NetworkOutageExplanation) -> None:
    title = f"with the make-up of {found.area}, {found.year}, draw {found.draw}, weather {found.weather_year}"
    what = "is expected to be curtailed most" if found.group_mw > 0.0 else "finds natives short of most"
    tables.show(
        f"Hours in which new load in {found.group} {what}, {title}",
        tables.EXPLAIN_NETWORK_OUTAGES + (tables.GROUP_STORAGE if "group_storage_mwh" in found.hours else ()),
        found.hours.to_dict("records"),
    )
    natives = f"natives lack {found.native_unserved_mwh:,.1f} MWh without it"
    if found.group_mw > 0.0:
        seasons = ", ".join(f"{name} {hours:,.0f}" for name, hours in found.season_hours.items())
        print(
            f"{found.group_mw / 1e3:,.2f} GW fit (quantile {found.quantile:g} of the draws), expected to be curtailed "
            f"in {found.curtailed_hours:,.0f} h ({seasons}); {natives}; {found.states} states of every hour"
        )
        print(f"bound by: {found.bound_by}")
    else:
        print(f"nothing fits (quantile {found.quantile:g} of the draws); {natives}")
    print(f"{found.area}: {found.headroom_mw / 1e3:,.2f} GW of these")
    _print_units(found)
    print(f"load that is never cut: {found.firm_mw / 1e3:,.2f} GW of the group, bound by: {found.firm_bound_by}")
    if max(found.group_mw, found.firm_mw) <= 0.0:
        print(NOT_YET)
        return
    each = (found.adds, found.adds_dispatched), (found.firm_adds, found.firm_adds_dispatched)
    held = _held(found.adds_dispatched or found.firm_adds_dispatched)
    print(f"one more MW in {found.area} of ... adds MW of headroom of the group, and of load that is never cut{held}:")
    _print_adds(island_outages.ADDED, [(adds[found.area], again.get(found.area, {})) for adds, again in each])
    _print_nameplate(found.unit_shares, [(again or adds)[found.area].get("units", 0.0) for adds, again in each])
    for what, (adds, again) in zip(("may be cut", "is never cut"), each, strict=True):
        print(f"{island_outages.ADDED['constant']}, by area, for load that {what}: " + _by_area(again or adds))
    _print_links(found)


def _held(again: Mapping[str, object]) -> str:
    return " (in brackets: at what storage counts for now, not found again)" if again else ""


def _print_adds(names: Mapping[str, str], loads: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> None:
    """What one more MW adds to each load, in brackets beside it what it would if storage counted for as much."""
    for name in loads[0][0]:
        worth = (f"{again[name]:.3f} ({adds[name]:.3f})" if again else f"{adds[name]:.3f}" for adds, again in loads)
        print(f"  {names[name]}: " + ", ".join(worth))


def _print_nameplate(shares: Mapping[str, float], worth: Sequence[float]) -> None:
    """What one more MW of nameplate of units adds to each load, by technology."""
    each = (f"{name} " + " and ".join(f"{share * mw:.3f}" for mw in worth) for name, share in shares.items())
    print("  nameplate of units, by technology: " + ", ".join(each))


def _by_area(adds: Mapping[str, Mapping[str, float]]) -> str:
    return ", ".join(f"{area} {worth['constant']:.3f}" for area, worth in adds.items())


def _print_links(found: NetworkExplanation | NetworkOutageExplanation) -> None:
    links = ", ".join(f"{start} to {end} {worth:.3f}" for (start, end), worth in found.link_adds.items())
    print(f"links: {links or 'none would help'}")
    if found.cap_adds:
        print("caps on net imports: " + ", ".join(f"{name} {worth:.3f}" for name, worth in found.cap_adds.items()))


def _print_table(title: str, load: Load) -> None:
    columns = tables.EXPLAIN_OUTAGES + (tables.STORAGE if "storage_mwh" in load.hours else ())
    tables.show(title, columns, load.hours.to_dict("records"))
