"""Tables on the terminal: a column is a header, a field and a format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 200
"""Width when the output is no terminal, so that no column is cut in a log or a pipe."""
LONG_TEXT = 48
"""Characters beyond which a column may take several lines."""

Column = tuple[str, str, str]

SUMMARY: Sequence[Column] = (
    ("scenario", "scenario", "{}"),
    ("country", "country", "{}"),
    ("year", "year", "{}"),
    ("supply\nTWh", "supply_twh", "{:,.0f}"),
    ("hostable\nGW p10", "hostable_gw_p10", "{:,.1f}"),
    ("\np50", "hostable_gw_p50", "{:,.1f}"),
    ("\np90", "hostable_gw_p90", "{:,.1f}"),
    ("MC error\nof p50", "hostable_gw_p50_se", "{:,.1f}"),
    ("deployed\nGW p10", "deployed_gw_p10", "{:,.1f}"),
    ("\np50", "deployed_gw_p50", "{:,.1f}"),
    ("\np90", "deployed_gw_p90", "{:,.1f}"),
    ("in use\nGW", "operated_gw_p50", "{:,.1f}"),
    ("main\nlimit", "main_limit", "{}"),
    ("its\nshare", "main_limit_share", "{:.0%}"),
    ("H100e\nmillion", "deployed_h100e_million_p50", "{:,.1f}"),
    ("FLOP\na year", "deployed_flop_per_year_p50", "{:.2g}"),
    ("largest\nrun FLOP", "largest_run_flop_p50", "{:.2g}"),
)
SUMMARY_NOTE = """\
Hostable: what grid and sites can take. Deployed: what queue and equipment have let be connected by then; it stays,
also where the grid later has less room. In use, H100e, FLOP: under all limits, chips and capital too. Main limit: the
largest part in the shadow prices (docs/limits.md)."""
LARGEST_AREAS: Sequence[Column] = (
    ("area", "area", "{}"),
    ("name", "area_name", "{}"),
    ("hostable\nGW p10", "hostable_gw_p10", "{:,.1f}"),
    ("\np50", "hostable_gw_p50", "{:,.1f}"),
    ("\np90", "hostable_gw_p90", "{:,.1f}"),
    ("deployed\nGW p50", "deployed_gw_p50", "{:,.1f}"),
    ("main\nlimit", "main_limit", "{}"),
    ("its\nshare", "main_limit_share", "{:.0%}"),
    ("curtailed\nh a year", "curtailed_hours_mean", "{:,.0f}"),
    ("peak\nPUE", "peak_pue_mean", "{:.2f}"),
)
EVENTS: Sequence[Column] = (
    ("scenario", "scenario", "{}"),
    ("country", "country", "{}"),
    ("year", "year", "{}"),
    ("curtailed\nh p10", "event_hours_p10", "{:,.0f}"),
    ("\np50", "event_hours_p50", "{:,.0f}"),
    ("\np90", "event_hours_p90", "{:,.0f}"),
    ("events\np50", "event_count_p50", "{:,.0f}"),
    ("longest\nh p50", "event_longest_hours_p50", "{:,.0f}"),
    ("\np90", "event_longest_hours_p90", "{:,.0f}"),
    ("deepest\np50", "event_deepest_share_p50", "{:.0%}"),
    ("main\nseason", "main_season", "{}"),
    ("its\nhours", "main_season_share", "{:.0%}"),
    ("main time\nof day", "main_day_part", "{}"),
    ("its\nhours", "main_day_part_share", "{:.0%}"),
)
BASE_YEAR: Sequence[Column] = (
    ("area", "area", "{}"),
    ("name", "area_name", "{}"),
    ("peak\nGW", "peak_load_gw", "{:,.1f}"),
    ("net export\nTWh", "net_export_twh", "{:,.0f}"),
    ("firm_capacity\nGW", "firm_capacity_headroom_gw", "{:,.1f}"),
    ("historic_peak\nGW", "historic_peak_headroom_gw", "{:,.1f}"),
    ("isolated\nGW", "isolated_headroom_gw", "{:,.1f}"),
    ("networked\nGW", "networked_headroom_gw", "{:,.1f}"),
    ("copper\nGW", "copper_plate_headroom_gw", "{:,.1f}"),
    ("import at\nlimit GW", "import_at_the_limit_gw", "{:+,.1f}"),
    ("native short\nh a year", "native_shortage_hours", "{:,.0f}"),
    ("share of\nenergy", "native_shortage_share", "{:.3%}"),
)
POOLING: Sequence[Column] = (
    ("group", "group", "{}"),
    ("notion", "notion", "{}"),
    ("load", "load", "{}"),
    ("islands", "island_gw", "{:,.1f}"),
    ("imports that\nno export\nmatches", "interchange_counted_gw", "{:,.1f}"),
    ("isolated", "isolated_gw", "{:,.1f}"),
    ("network by\nisolated\nheadroom", "network_by_isolated_gw", "{:,.1f}"),
    ("by\nrequests", "network_by_request_gw", "{:,.1f}"),
    ("by native\nload", "network_by_load_gw", "{:,.1f}"),
    ("best for\nthe total", "network_by_total_gw", "{:,.1f}"),
    ("twice the\nlines, by\nisolated", "more_lines_by_isolated_gw", "{:,.1f}"),
    ("twice the\nlines, by\nrequests", "more_lines_by_request_gw", "{:,.1f}"),
    ("copper\nplate", "copper_plate_gw", "{:,.1f}"),
)
COMPARE: Sequence[Column] = (
    ("what", "what", "{}"),
    ("unit", "unit", "{}"),
    ("country", "country", "{}"),
    ("year", "year", "{}"),
    ("median of\nfirst", "first_median", "{:,.2f}"),
    ("median of\nsecond", "second_median", "{:,.2f}"),
    ("difference\nmedian", "difference_median", "{:+,.2f}"),
    ("\nmean", "difference_mean", "{:+,.2f}"),
    ("standard\nerror", "difference_mean_se", "{:,.2f}"),
    ("first\nhigher in", "first_higher_share", "{:.0%}"),
    ("equal\nin", "equal_share", "{:.0%}"),
)
_DATE: tuple[Column, ...] = (("UTC", "utc", "{}"), ("local", "local", "{}"))
_WEATHER: tuple[Column, ...] = (
    ("wind\nMW", "wind_mw", "{:,.0f}"),
    ("solar\nMW", "solar_mw", "{:,.0f}"),
    ("hydro\nMW", "hydro_mw", "{:,.0f}"),
)
_HOUR: tuple[Column, ...] = (
    *_DATE,
    ("load\nMW", "load_mw", "{:,.0f}"),
    ("firm\nMW", "firm_mw", "{:,.0f}"),
    *_WEATHER,
)
EXPLAIN: tuple[Column, ...] = (
    *_HOUR,
    ("net import\nMW", "net_import_mw", "{:+,.0f}"),
    ("left\nMW", "margin_mw", "{:,.0f}"),
    ("curtailed\nMW", "curtailed_mw", "{:,.0f}"),
)
STORAGE: tuple[Column, ...] = (("stored\nMWh", "storage_mwh", "{:,.0f}"),)
"""One more column of EXPLAIN and EXPLAIN_OUTAGES: what storage holds at the end of the hour."""
GROUP_STORAGE: tuple[Column, ...] = (("group\nstored MWh", "group_storage_mwh", "{:,.0f}"),)
"""The same of a group."""
_OUTAGES: tuple[Column, ...] = (
    *_DATE,
    ("load\nMW", "load_mw", "{:,.0f}"),
    ("units\nMW", "units_mw", "{:,.0f}"),
    ("expected\noutage MW", "outage_mw", "{:,.0f}"),
    ("storage\nas firm", "storage_firm_mw", "{:,.0f}"),
    *_WEATHER,
)
EXPLAIN_OUTAGES: tuple[Column, ...] = (
    *_OUTAGES,
    ("net import\nMW", "net_import_mw", "{:+,.0f}"),
    ("may be out\nMW", "may_be_out_mw", "{:,.0f}"),
    ("short\nwith", "short_probability", "{:.1%}"),
    ("expected\nlack MW", "lacking_mw", "{:,.0f}"),
    ("counts\nfor", "part", "{:.1%}"),
)
"""Hours where units fail: what may be out before load is short, and how the hour counts in the derivatives."""
EXPLAIN_NETWORK_OUTAGES: tuple[Column, ...] = (
    *_OUTAGES,
    ("out when\ncut MW", "out_when_short_mw", "{:,.0f}"),
    ("import\nMW", "import_beside_mw", "{:+,.0f}"),
    ("cut\nwith", "short_probability", "{:.0%}"),
    ("expected\ncut MW", "lacking_mw", "{:,.0f}"),
    ("counts\nfor", "part", "{:.1%}"),
    ("short side", "short_side", "{}"),
)

EXPLAIN_NETWORK: tuple[Column, ...] = (
    *_HOUR,
    ("import\nMW", "import_beside_mw", "{:+,.0f}"),
    ("group\ncurtailed MW", "group_curtailed_mw", "{:,.0f}"),
    ("short side", "short_side", "{}"),
)


def show(title: str, columns: Sequence[Column], records: Iterable[Mapping[Any, Any]]) -> None:
    """Print records as a table: numbers right-aligned, - where there is none, no column cut, long text in lines."""
    table = Table(title=title, title_justify="left", header_style="bold")
    rows = [[_cell(form, record[field]) for _, field, form in columns] for record in records]
    for i, (header, _, form) in enumerate(columns):
        short = all(len(row[i]) <= LONG_TEXT for row in rows)
        table.add_column(header, justify="left" if form == "{}" else "right", no_wrap=short)
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    console.print(table)


def _cell(form: str, value: object) -> str:
    return "-" if isinstance(value, float) and math.isnan(value) else form.format(value)
