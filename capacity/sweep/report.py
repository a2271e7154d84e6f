"""Rows of a summarised sweep, written as they come: to a CSV file, as JSON, or as a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from capacity.output.writing import replaced_file
from capacity.sweep import store, summarise

NUMBERS = ("draws", "mean", *(f"p{round(100 * q):02d}" for q in summarise.QUANTILES))
COUNTRY_ROW = {"scenario", "variable", "year", "country", *NUMBERS}
TABLE_COLUMNS = ("scenario", "variable", "year", "country", "p05", "p50", "p95", "mean")
TABLE_YEARS = 5


def all_rows(opened: store.Opened, variables: Sequence[str], *, partial: bool) -> Iterator[dict[str, Any]]:
    """One row per scenario, variable, year and place."""
    with xr.open_zarr(opened.url, chunks=None) as dataset:
        for summary in summarise.summaries(opened, dataset, variables=variables, partial=partial):
            yield from summarise.rows(summary, dataset)


def columns(opened: store.Opened) -> tuple[str, ...]:
    """Of a row: the scenario, the variable, every dimension that some variable has, and the numbers."""
    with xr.open_zarr(opened.url, chunks=None) as dataset:
        dims = dict.fromkeys(str(dim) for name in opened.shapes for dim in dataset[name].dims)
    return ("scenario", "variable", *(dim for dim in dims if dim not in ("scenario", "draw")), *NUMBERS)


def write_csv(rows: Iterable[dict[str, Any]], names: Sequence[str], target: Path) -> None:
    """All rows, or no file. names : of the columns, from `columns`"""
    with replaced_file(target, "--out") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def print_json(rows: Iterable[dict[str, Any]]) -> None:
    """A JSON list, one row a line, without holding the rows."""
    before = "["
    for row in rows:
        print(f"{before}\n{json.dumps(row)}", end="")
        before = ","
    print("\n]" if before == "," else "[]")


def print_table(rows: Iterable[dict[str, Any]]) -> None:
    """Country rows of a few years, as they come."""
    print(("{:28} {:18} {:>5} {:8}" + " {:>12}" * 4).format(*TABLE_COLUMNS))
    for row in rows:
        if set(row) == COUNTRY_ROW and row["year"] % TABLE_YEARS == 0:
            texts = [str(row[name]) for name in TABLE_COLUMNS[:4]]
            numbers = [f"{row[name]:,.4g}" for name in TABLE_COLUMNS[4:]]
            print(("{:28} {:18} {:>5} {:8}" + " {:>12}" * 4).format(*texts, *numbers))
