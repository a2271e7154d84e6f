"""Hourly onshore and offshore wind of US areas without an observed series.

Each station series (four observed systems, ERA5 for the Plains) is turned into normal scores and split into a climate
(mean by month and local solar hour) and an anomaly. The anomaly of a target area is the best linear estimate from the
stations in the same hours, each delayed by the time weather needs from there, plus an independent remainder taken from
other years of the same stations and correlated between areas by distance. So areas share weather as far as distance
allows, and no two share a series. Distribution and climate come from the stations named in ``vre_models.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from grids.build.vre_sites import Place, distance_km, distances_km
from grids.sources.hourly import complete_years, whole_year

Floats = npt.NDArray[np.float64]
Climate = tuple[Floats, Floats]
"""Mean score by (month, local solar hour), shape (12, 24), and spread of the scores by month, shape (12,)."""

TRAVEL_KM_PER_H = 60.0
"""Eastward speed of wind weather: best lags MISO->NYISO 23 h, NYISO->ISO-NE 9 h, MERRA-2 west->ERA5 Plains 18 h. [P]"""
LAGGED_LENGTH_KM = 1000.0
"""e-folding distance of anomaly correlation at the best lag, the same pairs of series, 2015-2020. [P]"""
LENGTH_KM = 600.0
"""e-folding distance at equal hours: 465 pairs of Chinese provinces give 550 km, the US pairs 650 km. [P]"""
SMALLEST_REMAINDER = 0.3
"""Share of the standard deviation that is never explained by the stations: two fleets are never copies. [J]"""
OFFSHORE_SHARE = 0.6
"""Correlation of anomalies at sea with those of the area's onshore fleet. [J]"""
FIRST_DONOR_YEAR = 2010


@dataclass(frozen=True)
class Station:
    """Normal scores of one station by year, its climate and the quantiles of its output."""

    place: Place
    anomaly: dict[int, Floats]
    """(8760,) by year: standardised, mean 0 and deviation 1 over all years."""
    climate: Climate
    quantiles: Floats
    """(1001,) sorted output at equal steps of probability. [1]"""


def calendar() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Month 0-11 and UTC hour 0-23 of the 8,760 hours."""
    index = pd.date_range("2021-01-01", periods=8760, freq="h")
    return index.month.to_numpy(dtype=np.int64) - 1, index.hour.to_numpy(dtype=np.int64)


def solar_hour(lon: float) -> npt.NDArray[np.int64]:
    """Local mean solar hour 0-23 of each hour of the year at a longitude [degrees east]."""
    return (calendar()[1] + round(lon / 15.0)) % 24


def station(series: pd.Series, place: Place) -> Station:
    """Scores, climate and quantiles from all complete years of a series of capacity factors since 2010."""
    years = [year for year in complete_years(series) if year >= FIRST_DONOR_YEAR]
    values = np.stack([whole_year(series, year) for year in years])
    rank = values.ravel().argsort(kind="stable").argsort(kind="stable")
    score = ndtri((rank + 0.5) / rank.size).reshape(values.shape)
    month, hour = calendar()[0], solar_hour(place[1])
    mean = np.array([[score[:, (month == m) & (hour == h)].mean() for h in range(24)] for m in range(12)])
    mean = 0.25 * np.roll(mean, 1, 0) + 0.5 * mean + 0.25 * np.roll(mean, -1, 0)
    residual = score - mean[month, hour]
    spread = np.array([residual[:, month == m].std() for m in range(12)])
    anomaly = residual / spread[month]
    return Station(
        place=place,
        anomaly={year: row / anomaly.std() for year, row in zip(years, anomaly, strict=True)},
        climate=(mean, spread),
        quantiles=np.quantile(values.ravel(), np.linspace(0.0, 1.0, 1001)),
    )


def california_climate(monthly: list[float], july_ratio: float, quantiles: Floats, spread: Floats) -> Climate:
    """Climate in scores that reproduces published monthly factors and a day-night ratio.

    monthly : 12 mean factors [1]; july_ratio : output at midnight over midday in July, 1 in January;
    quantiles : (1001,) distribution that the scores will be mapped to; spread : (12,) deviation of the scores.
    """
    hours = np.arange(24)
    nodes, share = np.polynomial.hermite_e.hermegauss(15)
    share = share / share.sum()
    scale = np.mean(monthly) / quantiles.mean()
    mean = np.empty((12, 24))
    for m in range(12):
        depth = (july_ratio - 1.0) / (july_ratio + 1.0) * 0.5 * (1.0 - np.cos(2.0 * np.pi * m / 12.0))
        for h in hours:
            want = monthly[m] * (1.0 + depth * np.cos(2.0 * np.pi * (h - 23.5) / 24.0))

            def miss(offset: float, want: float = want, m: int = m) -> float:
                output = np.interp(ndtr(offset + spread[m] * nodes), np.linspace(0.0, 1.0, 1001), quantiles)
                return float(np.sum(share * output) * scale) - want

            mean[m, h] = brentq(miss, -4.0, 4.0)
    return mean, spread


def blend_climates(climates: list[Climate]) -> Climate:
    """Plain mean of climates, both in scores."""
    means, spreads = zip(*climates, strict=True)
    return np.mean(means, axis=0), np.mean(spreads, axis=0)


def estimate_weights(stations: dict[str, Station], target: Place, years: list[int]) -> dict[str, tuple[float, int]]:
    """Weight and delay [h] of each station in the estimate at a place.

    Weights solve the normal equations with the measured correlation of the delayed anomalies and the distance law for
    the target; those below 0.05 are dropped and the rest solved again.
    """
    lag = {name: delay_hours(item.place, target) for name, item in stations.items()}
    kept = list(stations)
    while True:
        series = np.stack([np.concatenate([np.roll(stations[n].anomaly[y], lag[n]) for y in years]) for n in kept])
        wanted = np.exp([-distance_km(stations[n].place, target) / LAGGED_LENGTH_KM for n in kept])
        solved = np.linalg.solve(np.corrcoef(series).reshape(len(kept), len(kept)), wanted)
        if len(kept) == 1 or solved.min() >= 0.05:
            return {name: (float(w), lag[name]) for name, w in zip(kept, solved, strict=True)}
        kept.pop(int(np.argmin(solved)))


def delay_hours(origin: Place, target: Place) -> int:
    """Hours by which weather at ``target`` lags ``origin``; negative where the target lies to the west."""
    middle = (0.5 * (origin[0] + target[0]), origin[1])
    east = distance_km(middle, (middle[0], target[1])) * np.sign(target[1] - origin[1])
    return round(float(east) / TRAVEL_KM_PER_H)


def anomalies(
    stations: dict[str, Station], targets: dict[str, Place], year: int, years: list[int]
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Standard-normal anomalies (8760,) of every target in one year, and the words that say from what.

    The remainders are donor years of the stations (never the year itself), mixed by the Cholesky factor of the distance
    law, so that neighbouring targets keep their likeness where the stations know nothing.
    """
    donors = donor_series(stations, year, len(targets))
    mix = np.linalg.cholesky(np.exp(-distances_km(list(targets.values())) / LENGTH_KM))
    remainders = mix @ np.stack([series for _, series in donors])
    out: dict[str, Floats] = {}
    words: dict[str, str] = {}
    for remainder, (label, _), (area, place) in zip(remainders, donors, targets.items(), strict=True):
        parts = estimate_weights(stations, place, years)
        known = sum(w * np.roll(stations[n].anomaly[year], lag) for n, (w, lag) in parts.items())
        explained = float(np.var(known))
        rest = max(1.0 - explained, SMALLEST_REMAINDER**2)
        total = known + np.sqrt(rest) * remainder
        out[area] = total / np.sqrt(explained + rest)
        names = ", ".join(f"{n} x{w:.2f} at {lag:+d} h" for n, (w, lag) in parts.items())
        words[area] = f"{names}; {rest / (explained + rest):.0%} of variance from other years ({label} and neighbours')"
    return out, words


def donor_series(stations: dict[str, Station], year: int, count: int) -> list[tuple[str, Floats]]:
    """``count`` station-years other than ``year``, different calendar years first, distant stations for a repeat."""
    order = [("MISO", "ISNE"), ("ERCO", "NYIS"), ("PLAINS", "ISNE")]
    every = sorted({y for item in stations.values() for y in item.anomaly} - {year})
    picked: list[tuple[str, Floats]] = []
    for turn in range(6):
        for place, donor_year in enumerate(every):
            for name in order[(place + turn) % 3][turn % 2 :: 2]:
                label = f"{name} {donor_year}"
                if (
                    name in stations
                    and donor_year in stations[name].anomaly
                    and label not in [used for used, _ in picked]
                ):
                    picked.append((label, stations[name].anomaly[donor_year]))
    return picked[:count]


def output(anomaly: Floats, climate: Climate, lon: float, quantiles: Floats) -> Floats:
    """Capacity factors (8760,) with the given distribution whose order follows climate plus anomaly."""
    month, hour = calendar()[0], solar_hour(lon)
    score = climate[0][month, hour] + climate[1][month] * anomaly
    rank = score.argsort(kind="stable").argsort(kind="stable")
    return np.interp((rank + 0.5) / rank.size, np.linspace(0.0, 1.0, quantiles.size), quantiles)
