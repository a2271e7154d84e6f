"""Hourly demand of the contiguous United States: EIA form 930, cleaned by Ruggles et al. (2020, and later releases).

The publisher labels an hour by its end, in UTC; a series leaves this reader labelled by its beginning. Values are
MW, means over the hour. The release has no gaps of its own, but it keeps zeros where an authority did not report,
and a few jumps; the rules below turn them into gaps, and gaps into load. Every hour changed is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from grids.tables import read_table
from grids.variables import GridDataError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

SUBREGIONS: Final = "truggles_eia930/hourly_demand_ba_subregion_mw_utc_2020_2024.parquet"
REGIONS_2020_2024: Final = "truggles_eia930/hourly_demand_regions_mw_utc_2020_2024.parquet"
REGIONS_2015_2020: Final = "truggles_eia930/hourly_demand_regions_mw_utc_2015_2020.parquet"
AUTHORITIES: Final = "truggles_eia930/hourly_demand_22ba_mw_utc_2016_2024.parquet"

# EIA's 13 regions; the release adds three interconnections and their total.
REGIONS: Final = (
    "CAL", "CAR", "CENT", "FLA", "MIDA", "MIDW", "NE", "NW", "NY", "SE", "SW", "TEN", "TEX",
)  # fmt: skip
TOTALS: Final = ("EASTERN_IC", "TEXAS_IC", "WESTERN_IC", "CONUS")

LOST = 0.10  # an hour below this share of the series' median was not reported [J]
NEARLY_LOST = 0.30  # hours below this share that touch a lost hour belong to the same gap [J]
JUMP_UP, JUMP_DOWN = 1.5, 0.5  # an hour this far above or below both neighbours is an error [J]
PEAK_SHARE, PEAK_JUMP = 0.02, 1.10  # among the highest 2 % of hours, 10 % above both neighbours is one too [J]
PASSES = 3
SHORT_GAP_HOURS = 3  # gaps up to this long are interpolated [J]

CLEANING_RULE: Final = (
    "An hour is a gap if it is zero, missing, below 10 % of its series' median (with the adjoining hours below 30 %), "
    "more than 1.5 times above or 0.5 times below both neighbours, or among the highest 2 % and more than 10 % above "
    "both neighbours (also two-hour plateaus; three passes). Gaps of up to 3 hours are interpolated; longer ones take "
    "the other series of the area times the usual ratio in that month and hour of the day."
)


@dataclass(frozen=True)
class SeriesRule:
    """What is known of one series beyond its numbers.

    `shares` says which areas its load lies in (sums to 1); `ends` is the first day on which the authority no longer
    exists; `genuine_lows` keeps very low hours that a storm explains.
    """

    region: str
    shares: Mapping[str, float]
    ends: str | None = None
    genuine_lows: bool = False
    doubt: str | None = None


class Cleaned(NamedTuple):
    """Filled load [MW], and which hours were changed at all, and which were taken from other series."""

    load: pd.DataFrame
    changed: pd.DataFrame
    borrowed: pd.DataFrame


def series_rules() -> dict[str, SeriesRule]:
    """The table us_series_to_area.yaml: one rule for each of the 119 series."""
    rules = {}
    for code, entry in read_table("us_series_to_area.yaml")["series"].items():
        rules[code] = SeriesRule(
            region=entry["region"],
            shares=entry["shares"] if "shares" in entry else {entry["area"]: 1.0},
            ends=entry.get("ends"),
            genuine_lows="genuine_lows" in entry,
            doubt=entry.get("doubt"),
        )
    return rules


def read_subregions(originals: Path, wanted: Collection[str]) -> pd.DataFrame:
    """Demand 2020-2024 of every authority and subregion, MW; rows hour-beginning UTC, columns series codes.

    Raises GridDataError when the columns are not exactly `wanted`, or hours repeat or are absent.
    """
    table = _read(originals, SUBREGIONS)
    where = "us_series_to_area.yaml"
    problems = [f"{SUBREGIONS}: no rule for series {code!r}; add it to {where}" for code in _extra(table, wanted)]
    problems += [f"{SUBREGIONS}: series {code!r} of {where} is not there" for code in wanted if code not in table]
    if problems:
        raise GridDataError(problems)
    return table


def read_authority(originals: Path, code: str) -> pd.Series[float]:
    """Demand 2016-2024 of one authority as reported for the whole of it, MW; gaps are NaN."""
    table = _read(originals, AUTHORITIES)
    if code not in table:
        raise GridDataError(f"{AUTHORITIES}: no authority {code!r}; it has {', '.join(map(str, table.columns))}")
    series: pd.Series[float] = table[code]
    return series


def read_regions(originals: Path) -> pd.DataFrame:
    """Demand of EIA's 13 regions, July 2015 to December 2024, MW; from 2020 on by the newer release."""
    import pandas as pd

    older, newer = _read(originals, REGIONS_2015_2020), _read(originals, REGIONS_2020_2024)
    for name, table in ((REGIONS_2015_2020, older), (REGIONS_2020_2024, newer)):
        absent = [region for region in REGIONS if region not in table]
        extra = [code for code in _extra(table, REGIONS) if code not in TOTALS]
        if absent or extra:
            raise GridDataError(f"{name}: regions absent {absent}, unknown {extra}; expected {', '.join(REGIONS)}")
    older, newer = older[list(REGIONS)], newer[list(REGIONS)]
    joined: pd.DataFrame = pd.concat([older[older.index < newer.index[0]], newer])
    zero = (joined <= 0).any()
    if zero.any():
        raise GridDataError(f"regional demand of {', '.join(zero.index[zero])}: zero in some hours; zero is not a load")
    return joined


def _extra(table: pd.DataFrame, wanted: Iterable[str]) -> list[str]:
    known = set(wanted)
    return [str(code) for code in table.columns if code not in known]


def _read(originals: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    from grids.sources.checks import original

    table = pd.read_parquet(original(originals, name)).astype(np.float64).copy()
    index = pd.DatetimeIndex(table.index)
    if index.tz is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    if index.has_duplicates or len(index) != round((index[-1] - index[0]) / pd.Timedelta(hours=1)) + 1:
        raise GridDataError(f"{name}: hours repeat or are absent between {index[0]} and {index[-1]}; fetch it again")
    negative = (table < 0).any()
    if negative.any():
        raise GridDataError(f"{name}: negative demand in {', '.join(map(str, negative.index[negative]))}")
    table.index = index - pd.Timedelta(hours=1)  # hour-ending to hour-beginning
    return table


def clean(table: pd.DataFrame, rules: Mapping[str, SeriesRule]) -> Cleaned:
    """Demand without zeros and jumps, by CLEANING_RULE.

    Parameters
    ----------
    table : DataFrame (hour, series)
        MW; NaN where not reported.
    rules : dict
        Rule of each series; series of one area help each other across long gaps. A series counts 0 MW from the day
        it `ends`, because its load is inside another series from then on.

    Raises GridDataError for a gap that cannot be filled.
    """
    gaps = table.copy()
    for code in table.columns:
        values = table[code].to_numpy(copy=True)
        alive = _alive(table, rules[code])
        values[~alive] = np.nan
        values[alive & (np.isnan(values) if rules[code].genuine_lows else _lost(values))] = np.nan
        _remove_jumps(values)
        gaps[code] = values
    filled = gaps.interpolate(limit_area="inside").where(_short_or_present(gaps))
    long_gaps = filled.isna()
    for code in long_gaps.columns[long_gaps.any()]:
        alive = _alive(table, rules[code])
        long_gaps[code] &= alive
        if long_gaps[code].any():
            filled.loc[alive, code] = _borrow(str(code), filled[alive], rules)
        filled.loc[~alive, code] = 0.0
    changed = gaps.isna() & (filled != 0.0)
    return Cleaned(filled, changed, long_gaps)


def _alive(table: pd.DataFrame, rule: SeriesRule) -> npt.NDArray[np.bool_]:
    if rule.ends is None:
        return np.ones(len(table), dtype=bool)
    return np.asarray(table.index < np.datetime64(rule.ends), dtype=bool)


def _lost(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    present = values[values > 0]
    if present.size == 0:
        return np.ones(values.shape, dtype=bool)
    median = np.median(present)
    low = ~(values >= NEARLY_LOST * median)  # NaN counts as low
    core = ~(values >= LOST * median)
    run = np.cumsum(np.diff(low, prepend=False) & low)  # number of the low run each hour is in
    bad_runs = np.unique(run[core])
    return low & np.isin(run, bad_runs)


def _remove_jumps(values: npt.NDArray[np.float64]) -> None:
    """Set isolated jumps to NaN in place; a later pass compares with the next hour that is left."""
    top = float(np.nanquantile(values, 1 - PEAK_SHARE)) if np.isfinite(values).any() else np.inf
    for _ in range(PASSES):
        kept = np.flatnonzero(~np.isnan(values))
        series = values[kept]
        wrong = np.zeros(series.size, dtype=bool)
        for width in (1, 2):
            wrong |= _plateau(series, width, top)
        if not wrong.any():
            break
        values[kept[wrong]] = np.nan


def _plateau(series: npt.NDArray[np.float64], width: int, top: float) -> npt.NDArray[np.bool_]:
    """True on runs of `width` hours that stand far above or below the hours on both sides."""
    wrong = np.zeros(series.size, dtype=bool)
    if series.size < width + 2:
        return wrong
    before, after = series[: -width - 1], series[width + 1 :]
    body = np.stack([series[1 + k : series.size - width + k] for k in range(width)])
    highest, lowest = np.maximum(before, after), np.minimum(before, after)
    low, high = body.min(axis=0), body.max(axis=0)
    bad = (low > JUMP_UP * highest) | (high < JUMP_DOWN * lowest) | ((low > PEAK_JUMP * highest) & (low >= top))
    for k in range(width):
        wrong[1 + k : series.size - width + k] |= bad
    return wrong


def _short_or_present(gaps: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """True where a value is present or its gap is short enough to interpolate."""
    keep = np.ones(gaps.shape, dtype=bool)
    for column in range(gaps.shape[1]):
        missing = np.isnan(gaps.iloc[:, column].to_numpy())
        edges = np.flatnonzero(np.diff(np.r_[False, missing, False].astype(np.int8)))
        for first, last in edges.reshape(-1, 2):
            if last - first > SHORT_GAP_HOURS:
                keep[first:last, column] = False
    return keep


def _borrow(code: str, filled: pd.DataFrame, rules: Mapping[str, SeriesRule]) -> pd.Series[float]:
    """Fill a series' long gaps from the complete series of its area, by the usual ratio at that time."""
    import pandas as pd

    gap = filled[code].isna()
    mine = set(rules[code].shares)
    others = [
        other
        for other in filled.columns
        if other != code and mine & set(rules[str(other)].shares) and not filled[other].isna().any()
    ]
    if not others:
        raise GridDataError(
            f"series {code!r}: {int(gap.sum())} hours missing from {gap.index[gap][0]} UTC and no complete series in "
            f"{' '.join(sorted(mine))} to fill them from; map it together with one, or end it with `ends`"
        )
    donor = filled[others].sum(axis=1)
    stamps = pd.DatetimeIndex(filled.index)
    season = stamps.month * 24 + stamps.hour
    known = (~gap).to_numpy()
    ratio = filled[code][known].groupby(season[known]).sum() / donor[known].groupby(season[known]).sum()
    absent = sorted(set(season[~known]) - set(ratio.index))
    if absent:
        raise GridDataError(f"series {code!r}: never reported in month {absent[0] // 24}; it cannot be filled")
    guess = donor * ratio.reindex(season).to_numpy()
    return filled[code].where(known, guess)
