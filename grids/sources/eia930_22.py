"""Hourly demand of the 22 balancing authorities of Norris et al. 2025, read and cleaned.

Source: EIA-930 as processed by Ruggles et al. (doi 10.5281/zenodo.3517196, CC BY 4.0), nine years joined in
one table of MW by UTC hour. Outliers are still in it, and one of them is enough to decide a seasonal peak:
the rule that removes them is therefore part of every result and carries a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.variables import GridDataError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

AUTHORITIES: dict[str, str] = {
    "PJM": "PJM Interconnection",
    "MISO": "Midcontinent ISO",
    "ERCO": "ERCOT",
    "SWPP": "Southwest Power Pool",
    "CISO": "California ISO",
    "NYIS": "New York ISO",
    "ISNE": "ISO New England",
    "SOCO": "Southern Company",
    "TVA": "Tennessee Valley Authority",
    "FPL": "Florida Power & Light",
    "DUK": "Duke Energy Carolinas",
    "FPC": "Duke Energy Florida",
    "CPLE": "Duke Energy Progress East",
    "SC": "Santee Cooper",
    "SCEG": "Dominion South Carolina",
    "BPAT": "Bonneville Power",
    "AZPS": "Arizona Public Service",
    "PACE": "PacifiCorp East",
    "SRP": "Salt River Project",
    "PSCO": "Xcel Colorado",
    "PACW": "PacifiCorp West",
    "PGE": "Portland General",
}

TIME_COLUMN = "time_utc"
CLEANING_RULE = "neighbour_interpolation_3_pass"
CLEANING_TEXT = (
    "Missing hours and hours below 25 % of the authority's median are interpolated. Then up to three times: "
    "one or two hours in a row are interpolated when they exceed the hours on both sides 1.5-fold, or lie "
    "below half of both, or belong to the top 2 % and exceed both by more than 10 %."
)
LOW_SHARE_OF_MEDIAN = 0.25
TOP_QUANTILE = 0.98
TOP_EXCESS = 1.10
SPIKE_EXCESS = 1.5
DIP_SHARE = 0.5
PASSES = 3
LONGEST_BLOCK = 2
REPEAT_HOURS = 6

# The authorities of this list have a median load of 2 to 90 GW, so a factor of 1000 leaves this window.
PLAUSIBLE_MEDIAN_MW = (500.0, 250_000.0)
MOST_REPLACED_SHARE = 0.05


@dataclass(frozen=True)
class CleanDemand:
    """Cleaned hourly demand with what was done to get it.

    demand : DataFrame (hour, authority), float64 MW, complete calendar years, UTC, hour-beginning, no gaps.
    report : DataFrame, one row per authority; hours `missing`, `low`, `zero` (part of low), `spike`,
        `replaced` (all together), `longest_gap`, and `repeated` (in runs of six or more equal values; kept
        as they are).
    rule, rule_text : name and wording of the cleaning rule.
    """

    demand: pd.DataFrame
    report: pd.DataFrame
    rule: str = CLEANING_RULE
    rule_text: str = CLEANING_TEXT


def read_eia930_22(path: Path) -> CleanDemand:
    """Read a parquet or csv table of hourly demand [MW] by UTC hour and clean it by `CLEANING_RULE`.

    The first column (csv) or the index (parquet) is the hour; every other column is one of `AUTHORITIES`,
    all of which must be there. A time without zone counts as UTC. Raises GridDataError listing every
    problem at once: a file that cannot be read, unknown or absent columns, text or negative demand, an
    index that is not hourly or does not cover whole calendar years, another unit than MW, or more than 5 %
    of hours in need of replacement.
    """
    table = _read_table(Path(path))
    problems = [*_column_problems(table), *_index_problems(table.index)]
    known = [name for name in AUTHORITIES if name in table.columns]
    values = {name: pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64) for name in known}
    for name in known:
        problems += _value_problems(name, table[name], values[name])
    unit = table.attrs.get("units", "MW")
    if unit != "MW":
        problems.append(f"the file gives its unit as {unit!r}; convert demand to MW")
    if problems:
        raise GridDataError(f"{path}: {problem}" for problem in problems)
    cleaned, rows = {}, {}
    for name in known:
        cleaned[name], rows[name] = clean_series(values[name])
    index = _as_utc(table.index)
    demand = pd.DataFrame(cleaned, index=index.rename(TIME_COLUMN))
    report = pd.DataFrame.from_dict(rows, orient="index").rename_axis("authority")
    return CleanDemand(demand, report)


def clean_series(demand_mw: Floats) -> tuple[Floats, dict[str, int]]:
    """Apply `CLEANING_RULE` to one authority's hours and count what was changed.

    demand_mw : array (hour,) [MW], NaN or infinite where missing; at least one plausible hour.
    Returns the cleaned copy and the hour counts described at `CleanDemand.report`. A gap at either end is
    filled with the nearest value, there being nothing on the other side.
    """
    given = np.asarray(demand_mw, dtype=np.float64)
    missing = ~np.isfinite(given)
    median = float(np.median(given[~missing]))
    low = ~missing & (given < LOW_SHARE_OF_MEDIAN * median)
    cleaned = _interpolate(given, missing | low)
    spike = np.zeros(given.size, dtype=np.bool_)
    for _ in range(PASSES):
        found = _outliers(cleaned)
        if not found.any():
            break
        spike |= found
        cleaned = _interpolate(cleaned, found)
    replaced = missing | low | spike
    repeats = np.diff(given, prepend=np.nan) == 0.0
    counts = {
        "missing": int(missing.sum()),
        "low": int(low.sum()),
        "zero": int((given == 0.0).sum()),
        "spike": int(spike.sum()),
        "replaced": int(replaced.sum()),
        "longest_gap": max(_run_lengths(replaced), default=0),
        "repeated": sum(run + 1 for run in _run_lengths(repeats) if run + 1 >= REPEAT_HOURS),
    }
    return cleaned, counts


def _interpolate(values: Floats, where: Flags) -> Floats:
    """Replace the flagged hours by the straight line between the hours around them."""
    hours = np.arange(values.size)
    filled = values.copy()
    filled[where] = np.interp(hours[where], hours[~where], values[~where])
    return filled


def _outliers(values: Floats) -> Flags:
    """Flag blocks of one or two hours that stand out against the hour before and the hour after the block."""
    top = values > np.quantile(values, TOP_QUANTILE)
    flagged = np.zeros(values.size, dtype=np.bool_)
    for width in range(1, min(LONGEST_BLOCK, values.size - 2) + 1):
        starts = values.size - width - 1
        before, after = values[:starts], values[width + 1 :]
        inside = [slice(1 + step, 1 + step + starts) for step in range(width)]
        lowest = np.min([values[part] for part in inside], axis=0)
        highest = np.max([values[part] for part in inside], axis=0)
        all_top = np.all([top[part] for part in inside], axis=0)
        higher, lower = np.maximum(before, after), np.minimum(before, after)
        found = (lowest > SPIKE_EXCESS * higher) | (highest < DIP_SHARE * lower)
        found |= all_top & (lowest > TOP_EXCESS * higher)
        for part in inside:
            flagged[part] |= found
    return flagged


def _run_lengths(flags: Flags) -> list[int]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [int(length) for length in edges[1::2] - edges[::2]]


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise GridDataError(f"{path}: {what}; expected hourly demand of 22 authorities as .parquet or .csv")
    suffix = path.suffix.lower()
    if suffix not in {".parquet", ".csv"}:
        raise GridDataError(f"{path}: cannot read {suffix or 'a file without suffix'!r}; use .parquet or .csv")
    try:
        if suffix == ".parquet":
            table = pd.read_parquet(path)
            return table.set_index(TIME_COLUMN) if TIME_COLUMN in table.columns else table
        table = pd.read_csv(path, index_col=0)
    except ImportError as error:
        raise GridDataError(f"{path}: reading parquet needs pyarrow: pip install 'gridflops[build]'") from error
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GridDataError(f"{path}: unreadable or truncated ({reason}); fetch the file again") from error
    times = pd.to_datetime(table.index, utc=True, errors="coerce")
    return table if times.isna().any() else table.set_axis(times, axis=0)


def _as_utc(index: pd.DatetimeIndex | Any) -> pd.DatetimeIndex:
    times = pd.DatetimeIndex(index)
    return times.tz_localize("UTC") if times.tz is None else times.tz_convert("UTC")


def _column_problems(table: pd.DataFrame) -> list[str]:
    unknown = [str(name) for name in table.columns if name not in AUTHORITIES]
    absent = [name for name in AUTHORITIES if name not in table.columns]
    problems = []
    if unknown:
        problems.append(f"unknown columns {unknown}; known: {list(AUTHORITIES)}")
    if absent:
        problems.append(f"columns absent: {absent}")
    return problems


def _index_problems(index: pd.Index[Any]) -> list[str]:
    if not isinstance(index, pd.DatetimeIndex):
        return ["the index (or first csv column) does not hold times; expected hourly UTC times"]
    if len(index) == 0:
        return ["no rows"]
    times = _as_utc(index)
    steps = np.diff(times.as_unit("s").asi8)
    wrong = np.flatnonzero(steps != 3600)
    problems = []
    if wrong.size:
        first = times[int(wrong[0])]
        problems.append(f"not hourly: {wrong.size} steps differ from one hour, the first after {first:%Y-%m-%d %H:%M}")
    first, last = times.min(), times.max()
    whole = (first.month, first.day, first.hour) == (1, 1, 0) and (last.month, last.day, last.hour) == (
        12,
        31,
        23,
    )
    if not whole or first.minute or last.minute:
        span = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        problems.append(f"covers {span} UTC, not whole calendar years (1 January 00:00 to 31 December 23:00)")
    return problems


def _value_problems(name: str, column: pd.Series[Any], values: Floats) -> list[str]:
    text = int((np.isnan(values) & column.notna().to_numpy()).sum())
    if text:
        return [f"{name}: {text} values are not numbers"]
    negative = int((values < 0.0).sum())
    problems = [f"{name}: {negative} negative hours; demand is counted positive"] if negative else []
    finite = values[np.isfinite(values)]
    if not finite.size:
        return [*problems, f"{name}: no hour has a value"]
    median = float(np.median(finite))
    low, high = PLAUSIBLE_MEDIAN_MW
    if not low <= median <= high:
        return [*problems, f"{name}: median {median:g} is not a load in MW (expected {low:g} to {high:g})"]
    unusable = values.size - finite.size + int((finite < LOW_SHARE_OF_MEDIAN * median).sum())
    if unusable > MOST_REPLACED_SHARE * values.size:
        share = 100.0 * unusable / values.size
        problems.append(f"{name}: {share:.1f} % of hours are missing or near zero; at most 5 % can be interpolated")
    return problems
