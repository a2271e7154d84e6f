"""The curtailment-enabled headroom of Norris et al. 2025, reproduced through the public headroom kernel.

Norris, T. H., Profeta, T., Patino-Echeverri, D. and Cowie-Haskell, A. (2025), Rethinking Load Growth,
Nicholas Institute for Energy, Environment & Sustainability, Duke University, NI R 25-01. A new load L is
constant; a balancing authority can serve the seasonal peak of its *gross* load over all years on record and
nothing above it; what lies above is curtailed. L is the load whose curtailed energy, averaged over the
years, is a given share of 8,760 h x L. `docs/duke.md` holds the results and what is weak about the
definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from capacity.errors import CapacityError
from cuda_kernels import headroom_mw

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rule = Literal["plain", "native_first"]

HOURS_PER_YEAR = 8760  # the paper divides by this in leap years too
POOLED = "pooled"
SOURCE = "Norris et al. 2025, Rethinking Load Growth, Duke University NI R 25-01"
PUBLISHED_YEARS = tuple(range(2016, 2025))
# National totals of the paper: curtailed share -> GW over its 22 balancing authorities. Label F.
PUBLISHED_GW = {0.005: 98.0, 0.01: 126.0}


@dataclass(frozen=True)
class SeasonRule:
    """Months whose maximum gives the seasonal peak, and the months to which that peak then applies."""

    summer_peak: tuple[int, ...]
    winter_peak: tuple[int, ...]
    text: str
    summer_applies: tuple[int, ...] = (4, 5, 6, 7, 8, 9, 10)


SEASON_RULES: dict[str, SeasonRule] = {
    "apr_oct_nov_mar": SeasonRule(
        (4, 5, 6, 7, 8, 9, 10),
        (11, 12, 1, 2, 3),
        "peaks of Apr-Oct and Nov-Mar, each applied to its own months",
    ),
    "may_sep_nov_mar": SeasonRule(
        (5, 6, 7, 8, 9),
        (11, 12, 1, 2, 3),
        "peaks of Jun-Aug and Dec-Feb widened by one month either way, applied to Apr-Oct and Nov-Mar",
    ),
    "strict_jun_aug_dec_feb": SeasonRule(
        (6, 7, 8), (12, 1, 2), "peaks of Jun-Aug and Dec-Feb only, applied to Apr-Oct and Nov-Mar"
    ),
}
DEFAULT_SEASON_RULE = "apr_oct_nov_mar"

# Hours from UTC in standard time, where most of the authority's load is; daylight saving is not followed.
STANDARD_TIME_OFFSET = {
    **dict.fromkeys(("PJM", "NYIS", "ISNE", "FPL", "DUK", "FPC", "CPLE", "SC", "SCEG"), -5),
    **dict.fromkeys(("MISO", "ERCO", "SWPP", "SOCO", "TVA"), -6),
    **dict.fromkeys(("AZPS", "SRP", "PSCO", "PACE"), -7),
    **dict.fromkeys(("CISO", "BPAT", "PACW", "PGE"), -8),
}
CLOCKS = {
    "utc": "month and year of the UTC hour",
    "local_standard": "month and year of the authority's standard time",
}


class Hours(NamedTuple):
    """One authority's hours: load [MW], whether the summer peak applies, and the two seasonal peaks [MW]."""

    load_mw: Floats
    summer: Flags
    summer_peak_mw: float
    winter_peak_mw: float


class Answer(NamedTuple):
    """Per share: headroom [MW], hours with curtailment per year, and whether the share can be met at all."""

    headroom_mw: Floats
    hours_per_year: Floats
    has_root: Flags


def curtailment_enabled_headroom(
    demand: pd.DataFrame,
    shares: Sequence[float],
    *,
    season_rule: str = DEFAULT_SEASON_RULE,
    clock: str = "utc",
) -> xr.Dataset:
    """Headroom by curtailed share, authority and period after Norris et al. 2025.

    demand : DataFrame (hour, authority), gross load [MW], complete calendar years, UTC index, no gaps.
    shares : curtailed energy over 8,760 h x L, each in [0, 1); 0.005 is the paper's middle case.
    season_rule : name in `SEASON_RULES`. clock : name in `CLOCKS`, on which months and years are read.

    Returns a Dataset (share, authority, period); period is "pooled" (all years together, as in the paper),
    then each year alone against the *same* seasonal peaks, which shows the load growth that pooling hides.
    `headroom_mw`, `curtailed_hours_per_year` and `has_root` follow the paper's rule, `native_first_*`
    charge the new load only with what it causes; `curtailed_share_of_pooled` is each year's curtailed share
    of the pooled headroom (NaN where that headroom is zero and nothing can be curtailed). Where the paper's
    rule has no root, no load however small meets the share: `has_root` is False, headroom 0. Raises
    ValueError for an unknown rule or clock, bad shares, gaps, or years that are not complete.
    """
    share = checked_shares(shares)
    if season_rule not in SEASON_RULES:
        raise CapacityError(f"season rule {season_rule!r} is not known; choose from {list(SEASON_RULES)}")
    if clock not in CLOCKS:
        raise CapacityError(f"clock {clock!r} is not known; choose from {list(CLOCKS)}")
    years = _complete_years(demand)
    periods = [POOLED, *map(str, years)]
    result = _empty_result(share, list(map(str, demand.columns)), periods)
    for column, name in enumerate(demand.columns):
        times = _on_clock(demand.index, str(name), clock)
        hours = season_hours(demand[name].to_numpy(dtype=np.float64), times, season_rule)
        result["seasonal_peak_mw"][column] = [hours.summer_peak_mw, hours.winter_peak_mw]
        _fill_authority(result, column, hours, np.asarray(times.year), years)
    result.attrs |= {
        "source": SOURCE,
        "season_rule": season_rule,
        "season_rule_text": SEASON_RULES[season_rule].text,
        "clock": clock,
        "clock_text": CLOCKS[clock],
    }
    return result


def checked_shares(shares: Sequence[float]) -> Floats:
    """Shares as an array; CapacityError naming every one outside [0, 1), or given twice, or none at all."""
    values = np.asarray(list(shares), dtype=np.float64)
    if values.size == 0:
        raise CapacityError("no curtailed share given; 0.005 is half a percent")
    bad = [float(value) for value in values if not 0.0 <= value < 1.0]
    if bad:
        raise CapacityError(f"curtailed share {bad} must be at least 0 and below 1; 0.005 is half a percent")
    if np.unique(values).size < values.size:
        raise CapacityError(f"curtailed share given twice in {values.tolist()}")
    return values


def season_hours(load_mw: Floats, times: pd.DatetimeIndex, season_rule: str) -> Hours:
    """Join one authority's load with the season of each hour and its two seasonal peaks under a named
    rule."""
    rule = SEASON_RULES[season_rule]
    month = np.asarray(times.month)
    summer_peak = float(load_mw[np.isin(month, rule.summer_peak)].max())
    winter_peak = float(load_mw[np.isin(month, rule.winter_peak)].max())
    return Hours(load_mw, np.isin(month, rule.summer_applies), summer_peak, winter_peak)


def headroom_of_hours(hours: Hours, shares: Floats, years: int, rule: Rule = "plain") -> Answer:
    """Headroom of one authority through the public kernel.

    hours : all hours of `years` years, or only those that could ever be curtailed: the hours left out need
        only have a margin above the answer. shares : (share,). rule : "plain" is the paper's, charging
        every hour above the seasonal peak to the new load; "native_first" subtracts what is short without
        it.
    """
    profiles = np.stack([hours.load_mw, hours.summer.astype(np.float64), (~hours.summer).astype(np.float64)])
    coefficients = np.array([[-1.0, hours.summer_peak_mw, hours.winter_peak_mw]])
    # The kernel's share is per hour given, the paper's per 8,760 h a year.
    fraction = shares * HOURS_PER_YEAR * years / hours.load_mw.size
    margin = coefficients[0] @ profiles
    has_root = np.ones(shares.size, dtype=np.bool_)
    if rule == "plain":
        has_root = _plain_has_root(margin, fraction)
    headroom = np.zeros(shares.size)
    curtailed = np.zeros(shares.size)
    if has_root.any():
        found = headroom_mw(profiles, coefficients, fraction[has_root], rule=rule, missing="refuse")
        headroom[has_root] = found.headroom_mw[0]
        curtailed[has_root] = found.curtailed_hours[0] / years
    return Answer(headroom, curtailed, has_root)


def national_total_gw(result: xr.Dataset, variable: str = "headroom_mw") -> xr.DataArray:
    """Sum over authorities [GW], (share, period); an authority without a root adds nothing."""
    return result[variable].sum("authority", skipna=False) / 1000.0


def published_gw(share: float) -> float | None:
    """The paper's national total [GW] at a share, or None where this project carries no published figure."""
    return next((value for key, value in PUBLISHED_GW.items() if abs(key - share) < 1e-9), None)


def _plain_has_root(margin_mw: Floats, fraction: Floats) -> Flags:
    """Whether sum(max(0, L - margin)) - fraction x H x L reaches zero for some L >= 0.

    The difference is convex in L and lowest where the number of curtailed hours passes fraction x H, so its
    sign at that order statistic decides. Only a native shortage (a negative margin) can lift it above zero
    everywhere.
    """
    if margin_mw.min() >= 0.0:
        return np.ones(fraction.size, dtype=np.bool_)
    ordered = np.sort(margin_mw)
    allowed = fraction * margin_mw.size
    turning = np.maximum(ordered[np.minimum(np.floor(allowed).astype(np.int64), ordered.size - 1)], 0.0)
    over = np.array([np.maximum(0.0, load - ordered).sum() for load in turning])
    return np.asarray(over - allowed * turning <= 0.0)


def _fill_authority(
    result: xr.Dataset, column: int, hours: Hours, hour_year: npt.NDArray[np.integer], years: Sequence[int]
) -> None:
    share = result["share"].to_numpy()
    spans: list[tuple[Flags, int]] = [(np.ones(hour_year.size, dtype=np.bool_), len(years))]
    spans += [(hour_year == year, 1) for year in years]
    peak = np.where(hours.summer, hours.summer_peak_mw, hours.winter_peak_mw)
    for position, (chosen, count) in enumerate(spans):
        part = Hours(hours.load_mw[chosen], hours.summer[chosen], hours.summer_peak_mw, hours.winter_peak_mw)
        plain = headroom_of_hours(part, share, count)
        native = headroom_of_hours(part, share, count, "native_first")
        place = (slice(None), column, position)
        result["headroom_mw"].values[place] = plain.headroom_mw
        result["curtailed_hours_per_year"].values[place] = plain.hours_per_year
        result["has_root"].values[place] = plain.has_root
        result["native_first_headroom_mw"].values[place] = native.headroom_mw
        result["native_first_curtailed_hours_per_year"].values[place] = native.hours_per_year
    pooled = result["headroom_mw"].values[:, column, 0]
    for row, load in enumerate(pooled):
        over = np.maximum(0.0, hours.load_mw + load - peak)
        for position, (chosen, count) in enumerate(spans):
            curtailed = over[chosen].sum() / (HOURS_PER_YEAR * count)
            result["curtailed_share_of_pooled"].values[row, column, position] = curtailed / load if load > 0 else np.nan


def _empty_result(share: Floats, authorities: list[str], periods: list[str]) -> xr.Dataset:
    dims = ("share", "authority", "period")
    shape = (share.size, len(authorities), len(periods))
    wanted = {
        "headroom_mw": ("MW", "constant new load at the curtailed share, Norris et al. 2025"),
        "curtailed_hours_per_year": ("h/yr", "hours with any curtailment at that load"),
        "native_first_headroom_mw": ("MW", "the same, charging the new load only with what it causes"),
        "native_first_curtailed_hours_per_year": ("h/yr", "hours short with the native-first load"),
        "curtailed_share_of_pooled": ("1", "curtailed share of the pooled headroom in the period"),
    }
    variables = {
        name: (dims, np.full(shape, np.nan), {"units": units, "long_name": text})
        for name, (units, text) in wanted.items()
    }
    result = xr.Dataset(variables, {"share": share, "authority": authorities, "period": periods})
    result["has_root"] = (dims, np.zeros(shape, dtype=np.bool_), {"long_name": "some load meets the share"})
    peaks = np.full((len(authorities), 2), np.nan)
    result["seasonal_peak_mw"] = (("authority", "season"), peaks, {"units": "MW"})
    return result.assign_coords(season=["summer", "winter"])


def _complete_years(demand: pd.DataFrame) -> list[int]:
    index = demand.index
    if not isinstance(index, pd.DatetimeIndex):
        raise CapacityError("demand needs an hourly UTC time index")
    wanted = pd.date_range(f"{index[0].year}-01-01", f"{index[-1].year}-12-31 23:00", freq="h", tz=index.tz)
    if len(wanted) != len(index) or not (index.as_unit("ns") == wanted.as_unit("ns")).all():
        raise CapacityError(f"demand must cover whole calendar years hour by hour; got {index[0]} to {index[-1]}")
    gaps = [str(name) for name in demand.columns if not np.isfinite(demand[name].to_numpy()).all()]
    if gaps:
        raise CapacityError(f"demand has missing hours for {gaps}; clean it first (grids.sources.eia930_22)")
    return list(range(index[0].year, index[-1].year + 1))


def _on_clock(index: pd.Index[pd.Timestamp], authority: str, clock: str) -> pd.DatetimeIndex:
    """Times whose month and year decide the season; local hours before the first year count to that year."""
    times = pd.DatetimeIndex(index).tz_localize(None)
    if clock == "utc":
        return times
    if authority not in STANDARD_TIME_OFFSET:
        raise CapacityError(f"no standard time on record for {authority!r}; use clock='utc'")
    shifted = times + pd.Timedelta(hours=STANDARD_TIME_OFFSET[authority])
    return shifted.where(shifted >= times[0], times)
