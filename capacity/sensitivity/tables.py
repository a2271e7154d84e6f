"""Columns of the tables that `gridflops sensitivity` prints."""

from __future__ import annotations

from collections.abc import Sequence

from capacity.output.tables import Column

GROUPS: Sequence[Column] = (
    ("group", "title", "{}"),
    ("Shapley", "shapley", "{:.3f}"),
    ("\n±", "shapley_se", "{:.3f}"),
    ("first\norder", "first", "{:.3f}"),
    ("\n±", "first_se", "{:.3f}"),
    ("total", "total", "{:.3f}"),
    ("\n±", "total_se", "{:.3f}"),
)
INFORMATION: Sequence[Column] = (
    ("group or parameter", "name", "{}"),
    ("right answers\nadded", "value", "{:.3f}"),
    ("\n±", "value_se", "{:.3f}"),
    ("variance\nexplained", "explained", "{:.3f}"),
    ("expected ratio\n5 %", "ratio_p05", "{:.2f}"),
    ("\n95 %", "ratio_p95", "{:.2f}"),
)
PARAMETERS: Sequence[Column] = (
    ("parameter", "parameter", "{}"),
    ("at its\n10 %", "at_p10", "{:,.3g}"),
    ("at its\n90 %", "at_p90", "{:,.3g}"),
)
