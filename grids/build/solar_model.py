"""Hourly solar of US areas without an observed series: clear-sky geometry times clouds.

Clouds enter as the ratio of output to clear-sky output. Its monthly mean follows surface radiation by state (NARR) for
the very month; its days are a blend of the stations' days of the same year and of other years, correlated by distance;
its hours within a day are those of an observed day (ERCOT for trackers, New England for fixed tilt) of like season and
like cloudiness.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri

from grids.build.solar_geometry import clear_sky, hours_of_year
from grids.build.temperature import monthly_temperature_c
from grids.build.vre_sites import Place, distance_km, distances_km, weights
from grids.sources.hourly import whole_year

Floats = npt.NDArray[np.float64]

LENGTH_KM = 600.0
"""e-folding distance of the correlation of daily cloudiness: 465 pairs of Chinese provinces, ERA5 2020. [P]"""
FULL_OUTPUT = 1.03
"""Ceiling of the daily ratio over its clear level, the level that one day in fifty passes. [J]"""
CLEAR_SHARE = 0.98
DARK = 0.03
"""Hours with less clear-sky output than this say nothing about clouds."""
SEASON_DAYS = 45
CANDIDATES = 5
"""The day of hours is drawn by turns from this many best-fitting observed days, so that areas do not share days. [J]"""
SMALLEST_ZONE_SHARE = 0.03
SMALLEST_REMAINDER = 0.3
LEVEL_RANGE = (0.25, 0.95)


@dataclass(frozen=True)
class Sky:
    """Clear-sky frame of an area."""

    place: Place
    output: Floats
    """(8760,) clear-sky output over nameplate, UTC. [1]"""
    radiation: pd.DataFrame
    """Per zone: share, state and the twelve monthly means of clear-sky horizontal radiation [W/m2]."""


@dataclass(frozen=True)
class CloudStation:
    """Observed or reanalysis clouds."""

    sky: Sky
    ratio: dict[int, Floats]
    """(365,) by year: daily output over clear-sky output, 1 = the station's clear level."""
    score: dict[int, Floats]
    """(365,) by year: normal score of the ratio within its calendar month."""
    hours: dict[int, Floats]
    """(365, 24) by year: output over its clear level, local solar hours."""


def months_of_days() -> npt.NDArray[np.int64]:
    """Month 0-11 of the 365 days."""
    return hours_of_year()[::24].month.to_numpy(dtype=np.int64) - 1


def local_days(values: Floats, lon: float) -> Floats:
    """(8760,) UTC to (365, 24) local mean solar days; the hours that cross the year's end wrap around."""
    return np.roll(values, round(lon / 15.0)).reshape(365, 24)


def utc_hours(days: Floats, lon: float) -> Floats:
    """The inverse of ``local_days``."""
    return np.roll(days.reshape(-1), -round(lon / 15.0))


def area_sky(originals: Path, zones: pd.DataFrame, area: str, tracker_share: float, place: Place) -> Sky:
    """Capacity-weighted clear-sky frame of an area's zones (those with 3 % of its solar capacity or more)."""
    share = weights(zones, area, "solar")
    share = share[share >= SMALLEST_ZONE_SHARE]
    return points_sky(originals, zones.loc[share.index].assign(share=share / share.sum()), tracker_share, place)


def points_sky(originals: Path, points: pd.DataFrame, tracker_share: float, place: Place) -> Sky:
    """Clear-sky frame of weighted points: columns lat, lon, share (sum 1) and state."""
    air = monthly_temperature_c(originals, points["lat"], points["lon"])
    month = hours_of_year().month.to_numpy()
    output, rows = np.zeros(8760), []
    for (_, point), normal in zip(points.iterrows(), air, strict=True):
        clear, horizontal = clear_sky((point["lat"], point["lon"]), tracker_share, normal)
        output += point["share"] * clear
        rows.append(pd.Series(horizontal).groupby(month).mean())
    radiation = pd.DataFrame(rows, index=points.index).assign(share=points["share"], state=points["state"])
    return Sky(place=place, output=output, radiation=radiation)


def cloud_station(series: pd.Series, sky: Sky, years: list[int]) -> CloudStation:
    """Ratios, scores and hours of a station; each year is measured against its own clear level."""
    lon = sky.place[1]
    clear = local_days(sky.output, lon)
    ratio: dict[int, Floats] = {}
    hours: dict[int, Floats] = {}
    for year in years:
        observed = local_days(whole_year(series, year), lon)
        daily = observed.sum(axis=1) / clear.sum(axis=1)
        level = np.quantile(daily, CLEAR_SHARE)
        ratio[year] = daily / level
        hours[year] = np.where(clear > DARK, observed / np.maximum(clear, DARK) / level, np.nan)
    month = months_of_days()
    pooled = np.stack(list(ratio.values()))
    score = np.empty_like(pooled)
    for m in range(12):
        part = pooled[:, month == m]
        rank = part.ravel().argsort(kind="stable").argsort(kind="stable")
        score[:, month == m] = ndtri((rank + 0.5) / rank.size).reshape(part.shape)
    return CloudStation(sky, ratio, dict(zip(years, score, strict=True)), hours)


def narr_ratio(sky: Sky, narr: pd.DataFrame, year: int) -> Floats:
    """Surface radiation over clear-sky radiation by month (12,), from the states of the area's zones."""
    rows = narr.loc[f"{year}-01" : f"{year}-12"]
    parts = [share * rows[state].to_numpy() / clear for share, state, clear in _zone_rows(sky)]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _zone_rows(sky: Sky) -> list[tuple[float, str, Floats]]:
    months = sky.radiation[list(range(1, 13))].to_numpy(dtype=np.float64)
    return list(zip(sky.radiation["share"], sky.radiation["state"], months, strict=True))


def fit_level(stations: list[CloudStation], narr: pd.DataFrame) -> Floats:
    """Least squares of monthly cloud ratio on NARR ratio and season over all station months: (constant, slope, winter).

    NARR overstates surface radiation, in winter most; this is measured against output instead of being taken over.
    """
    month = months_of_days()
    rows, seen = [], []
    for item in stations:
        for year, daily in item.ratio.items():
            surface = narr_ratio(item.sky, narr, year)
            rows += [(1.0, surface[m], _winter(m)) for m in range(12)]
            seen += [daily[month == m].mean() for m in range(12)]
    return np.asarray(np.linalg.lstsq(np.array(rows), np.array(seen), rcond=None)[0], dtype=np.float64)


def month_level(law: Floats, sky: Sky, narr: pd.DataFrame, year: int) -> Floats:
    """Monthly mean cloud ratio (12,) of an area by the fitted law, held within 0.25-0.95. [1]"""
    surface = narr_ratio(sky, narr, year)
    raw = law[0] + law[1] * surface + law[2] * np.array([_winter(m) for m in range(12)])
    return np.asarray(np.clip(raw, *LEVEL_RANGE), dtype=np.float64)


def _winter(month: int) -> float:
    return float(np.cos(2.0 * np.pi * (month + 0.5) / 12.0))


def day_spread(stations: list[CloudStation]) -> Floats:
    """Deviation of the logit of the daily ratio by month (12,), mean of the stations, smoothed over three months."""
    month = months_of_days()
    each = []
    for item in stations:
        bounded = np.clip(np.stack(list(item.ratio.values())) / FULL_OUTPUT, 0.02, 0.98)
        each.append([logit(bounded[:, month == m]).std() for m in range(12)])
    mean = np.mean(each, axis=0)
    return np.asarray(0.25 * np.roll(mean, 1) + 0.5 * mean + 0.25 * np.roll(mean, -1), dtype=np.float64)


def day_scores(
    stations: dict[str, CloudStation], targets: dict[str, Place], year: int, donors: list[tuple[str, Floats]]
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Normal scores (365,) of daily cloudiness by target, and the words that say from what."""
    coincident = {name: item for name, item in stations.items() if year in item.score}
    mix = np.linalg.cholesky(np.exp(-distances_km(list(targets.values())) / LENGTH_KM))
    remainders = mix @ np.stack([score for _, score in donors[: len(targets)]])
    out: dict[str, Floats] = {}
    words: dict[str, str] = {}
    for remainder, (label, _), (area, place) in zip(remainders, donors, targets.items(), strict=False):
        share = {name: np.exp(-distance_km(item.sky.place, place) / LENGTH_KM) for name, item in coincident.items()}
        share = {name: float(w) for name, w in share.items() if w >= 0.05}
        known = np.zeros(365) + sum(w * coincident[name].score[year] for name, w in share.items())
        rest = max(1.0 - sum(w * w for w in share.values()), SMALLEST_REMAINDER**2)
        out[area] = known + np.sqrt(rest) * remainder
        names = ", ".join(f"{name} x{w:.2f}" for name, w in share.items()) or "no station near"
        words[area] = f"days from {names} of {year} and, {rest:.0%} of variance, other years ({label} and neighbours')"
    return out, words


def donor_days(stations: dict[str, CloudStation], year: int) -> list[tuple[str, Floats]]:
    """Scores of all station-years other than ``year``, the stations taking turns."""
    queues = [[(f"{n} {y}", s) for y, s in item.score.items() if y != year] for n, item in stations.items()]
    longest = max(len(queue) for queue in queues)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def daily_ratio(score: Floats, level: Floats, spread: Floats) -> Floats:
    """Daily cloud ratio (365,) with given monthly means: logistic-normal under the ceiling, order of ``score``."""
    month = months_of_days()
    out = np.empty(365)
    for m in range(12):
        part = spread[m] * score[month == m]
        target = level[m] / FULL_OUTPUT

        def miss(offset: float, part: Floats = part, target: float = target) -> float:
            return float(expit(offset + part).mean()) - target

        out[month == m] = FULL_OUTPUT * expit(brentq(miss, -12.0, 12.0) + part)
    return out


def hourly_output(sky: Sky, daily: Floats, pattern: CloudStation, turn: int) -> Floats:
    """Output (8760,) whose days have the cloud ratio ``daily`` and the hours of like observed days. [1]

    turn : int  Number of the area: shifts which of the five best days is taken.
    Within a day the borrowed hours are stretched to the length of the day; an hour never passes its clear-sky output
    by more than the ceiling, which may take a little from a day of broken clouds.
    """
    clear = local_days(sky.output, sky.place[1])
    days = np.concatenate(list(pattern.hours.values()))
    ratio = np.concatenate(list(pattern.ratio.values()))
    season = np.tile(np.arange(365), len(pattern.hours))
    out = np.zeros((365, 24))
    for day in range(365):
        apart = np.abs((season - day + 182) % 365 - 182)
        miss = np.abs(ratio - daily[day]) + np.where(apart <= SEASON_DAYS, 0.0, np.inf)
        chosen = np.argpartition(miss, CANDIDATES)[:CANDIDATES]
        pick = chosen[np.argsort(miss[chosen], kind="stable")][(day + turn) % CANDIDATES]
        shape = _stretched(days[pick], clear[day])
        weight = clear[day].sum() / (shape * clear[day]).sum()
        out[day] = clear[day] * np.minimum(shape * weight * daily[day], FULL_OUTPUT)
    return utc_hours(out, sky.place[1])


def _stretched(donor: Floats, clear: Floats) -> Floats:
    """Cloud ratios of a donor day (24,), NaN at night, laid onto the daylight of another day."""
    have, want = np.flatnonzero(np.isfinite(donor)), np.flatnonzero(clear > DARK)
    if have.size < 2 or want.size < 2:
        return np.ones(24)
    at = np.interp(np.arange(24), [want[0], want[-1]], [0.0, 1.0])
    place = (have - have[0]) / (have[-1] - have[0])
    return np.maximum(np.interp(at, place, donor[have]), 1e-3)
