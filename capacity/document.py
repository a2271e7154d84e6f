"""The tables of results in the README and the docs: `gridflops run`, then `python -m capacity.document` renews them.

A table stands between two marks, `<!-- run: NAME -->` and `<!-- end -->`; what is between them is replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

BLOCK = re.compile(r"(<!-- run: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SUMMARY_YEARS = (2025, 2030, 2040)
REFERENCE_YEARS = (2025, 2028, 2030, 2035, 2040)
SHARE_YEARS = (2026, 2028, 2030, 2035, 2040)
LIMITS = ("grid", "interconnection", "equipment", "chips", "capital")
STAYS = {"us-stagnant-grid": "US", "us-flexible-load": "US", "cn-five-year-plan-surge": "CN"}
"""Scenarios that change one country only: the other's rows repeat the reference."""
COUNTRIES = {"US": "US", "CN": "China"}


def summary(result: xr.Dataset) -> list[str]:
    """The README's table: scenarios by country and year, medians over draws."""
    from capacity.output import report

    frame = report.summary(result).query("year in @SUMMARY_YEARS")
    rows = [row for row in frame.to_dict("records") if STAYS.get(row["scenario"], row["country"]) == row["country"]]
    head = (
        "scenario", "country", "year", "supply TWh", "native peak GW", "hostable GW p10 / **p50** / p90",
        "deployed GW p50 (in use)", "main limit, its share", "H100e in use, million", "FLOP a year",
    )  # fmt: skip
    body = (
        (
            row["scenario"], row["country"], row["year"], f"{row['supply_twh']:,.0f}", f"{row['native_peak_gw']:,.0f}",
            f"{row['hostable_gw_p10']:,.0f} / **{row['hostable_gw_p50']:,.0f}** / {row['hostable_gw_p90']:,.0f}",
            f"{row['deployed_gw_p50']:,.0f} ({row['operated_gw_p50']:,.0f})",
            f"{row['main_limit']} {100 * row['main_limit_share']:.0f} %",
            _short(row["deployed_h100e_million_p50"]), f"{row['deployed_flop_per_year_p50']:.1e}",
        )
        for row in sorted(rows, key=lambda row: row["country"], reverse=True)
    )  # fmt: skip
    return markdown(head, body)


def reference(result: xr.Dataset) -> list[str]:
    """What the grid hosts, what is connected and what is in use, in the reference."""
    head = (
        "", "year", "hostable GW", "deployed GW (10-90 %)", "supported GW", "in use GW", "in use TWh", "H100e million",
        "largest run FLOP",
    )  # fmt: skip
    return markdown(head, _by_year(result, REFERENCE_YEARS, _reference_cells))


def _reference_cells(part: xr.Dataset) -> tuple[str, ...]:
    def median(name: str, scale: float) -> float:
        return float(np.median(part[name].to_numpy())) / scale

    low, middle, high = np.quantile(part["deployed_mw"].to_numpy() / 1e3, (0.1, 0.5, 0.9))
    return (
        f"{median('hostable_mw', 1e3):,.0f}", f"{middle:,.0f} ({low:,.0f}-{high:,.0f})",
        f"{median('supported_mw', 1e3):,.0f}", f"{median('operated_mw', 1e3):,.0f}",
        f"{median('operated_mwh', 1e6):,.0f}", _short(median("deployed_h100e", 1e6)),
        f"{median('largest_run_flop', 1.0):.1e}".replace("e+", "e"),
    )  # fmt: skip


def limits(result: xr.Dataset) -> list[str]:
    """Shares of the limits in the reference, mean over draws."""

    def cells(part: xr.Dataset) -> tuple[str, ...]:
        shares = part["binding_share"].mean("draw")
        return tuple(f"{100 * float(shares.sel(limit=limit)):.0f} %" for limit in LIMITS)

    return markdown(("", "year", *LIMITS), _by_year(result, SHARE_YEARS, cells))


TABLES: dict[str, Callable[[xr.Dataset], list[str]]] = {"summary": summary, "reference": reference, "limits": limits}


def _by_year(
    result: xr.Dataset, years: Sequence[int], cells: Callable[[xr.Dataset], tuple[str, ...]]
) -> Iterable[tuple[object, ...]]:
    """Rows of the reference by country, which is named once."""
    for country, name in COUNTRIES.items():
        for year in years:
            part = result.sel(scenario="reference", country=country, year=year)
            yield (name if year == years[0] else "", year, *cells(part))


def _short(value: float) -> str:
    """Two figures at least, no more than the unit needs."""
    return f"{value:,.1f}" if value < 20 else f"{value:,.0f}"


def markdown(head: Sequence[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """A table as lines of Markdown."""
    lines = [f"| {' | '.join(map(str, line))} |".replace("|  |", "| |") for line in (head, *rows)]
    return [lines[0], "|---" * len(head) + "|", *lines[1:]]


def renewed(page: str, result: xr.Dataset) -> str:
    """The page with each marked table as the result has it. KeyError for a mark without a table."""
    return BLOCK.sub(lambda found: found[1] + "\n".join(TABLES[found[2]](result)) + "\n" + found[4], page)


def main(run: Path, pages: Iterable[Path]) -> None:
    """Renew the tables of the pages from `run`/result.nc."""
    from capacity import open_result

    with open_result(run / "result.nc") as result:
        for page in pages:
            page.write_text(renewed(page.read_text(encoding="utf-8"), result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), map(Path, sys.argv[2:] or ("README.md", "docs/limits.md")))
