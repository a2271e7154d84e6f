"""The record that forecasts start from: one series of many countries, states or provinces, cut at an origin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DRIFT_YEARS = 8
"""Years of growth behind a drift, as in `capacity.supply.projection`."""
LEAST_DRIFT_YEARS = 4
LEAST_SPREAD = 0.005
"""Log points a year below which a series is not believed to be steady: a setting of the scoring."""
GONE_SHARE = 0.01
"""A series that falls below one percent of its level at the origin counts as one percent: a setting of the scoring."""
SOURCE_CHANGE_YEAR = 2000
"""First year of another publisher's figures for countries: growth into it mixes two statistics and is masked."""
WORLD = "WLD"
LEAST_LEVEL = {
    ("generation_twh", "country"): (0.5, 10.0),
    ("generation_twh", "us_state"): (0.5, 5.0),
    ("generation_twh", "cn_province"): (0.5, 5.0),
    ("capacity_mw", "us_state"): (100.0, 1000.0),
    ("capacity_mw", "cn_province"): (200.0, 1000.0),
}
"""Smallest level of a source, and of the total, at the origin: below it, rounding dominates: a scoring rule."""


@dataclass(frozen=True)
class Panel:
    """One series of many entities.

    entities : (entity,) ids
    years : int64 (year,), consecutive
    level : (entity, year)        The series, NaN where there is no figure. [TWh or MW]
    total : (entity, year)        All sources together.
    renewables : (entity, year)   Wind, solar and bioenergy together; a missing part counts as not there.
    least : (level, total)        What an entity needs at an origin to be forecast.
    series, scope, unit : what this is a panel of
    """

    entities: tuple[str, ...]
    years: NDArray[np.int64]
    level: Floats
    total: Floats
    renewables: Floats
    least: tuple[float, float]
    series: str
    scope: str
    unit: str

    def until(self, origin: int) -> Panel:
        """The same panel as it was known at the end of `origin`."""
        keep = int(np.searchsorted(self.years, origin, side="right"))
        return replace(
            self,
            years=self.years[:keep],
            level=self.level[:, :keep],
            total=self.total[:, :keep],
            renewables=self.renewables[:, :keep],
        )

    @cached_property
    def growth(self) -> Floats:
        """Log growth (entity, year - 1); NaN where a level is absent or not positive, or the statistics change."""
        logs = np.log(np.where(self.level > 0.0, self.level, np.nan))
        growth = np.diff(logs, axis=1)
        growth[:, self.years[1:] == self._break] = np.nan
        return growth

    @cached_property
    def total_growth(self) -> Floats:
        logs = np.log(np.where(self.total > 0.0, self.total, np.nan))
        growth = np.diff(logs, axis=1)
        growth[:, self.years[1:] == self._break] = np.nan
        return growth

    @property
    def _break(self) -> int:
        return SOURCE_CHANGE_YEAR if self.scope == "country" else -1

    @cached_property
    def window(self) -> Floats:
        """Growth (entity, <= DRIFT_YEARS) of the last years; NaN before a series starts."""
        return self.growth[:, -DRIFT_YEARS:]

    @cached_property
    def eligible(self) -> Flags:
        """Entities that can be forecast from here: large enough, and with the last four growth rates on record."""
        recent = self.window[:, -LEAST_DRIFT_YEARS:]
        if recent.shape[1] < LEAST_DRIFT_YEARS:
            return np.zeros(len(self.entities), dtype=bool)
        large = (self.level[:, -1] >= self.least[0]) & (self.total[:, -1] >= self.least[1])
        return large & np.isfinite(recent).all(axis=1)

    @cached_property
    def counted(self) -> Flags:
        """Eligible entities without the world, which is their sum."""
        return self.eligible & np.array([name != WORLD for name in self.entities])

    def outcomes(self, origin: int, horizon: int, *, world: bool = False) -> Floats:
        """Log level over that of the origin (entity, horizon); NaN where there is none to compare with.

        The world is forecast beside its countries, but neither learnt from nor scored unless `world` asks for it.
        """
        at = int(origin - self.years[0])
        result = np.full((len(self.entities), horizon), np.nan)
        base = np.where(self.level[:, at] > 0.0, self.level[:, at], np.nan)
        for h in range(1, horizon + 1):
            crosses = origin < self._break <= origin + h
            if at + h < self.level.shape[1] and not crosses:
                result[:, h - 1] = np.log(np.maximum(self.level[:, at + h] / base, GONE_SHARE))
        if not world and WORLD in self.entities:
            result[self.entities.index(WORLD)] = np.nan
        return result


def read_panel(history: xr.Dataset, variable: str, scope: str, series: str) -> Panel:
    """One series of one scope of `grids.history.open_history`.

    Raises CapacityError for an unknown variable, scope or series, naming what there is.
    """
    if (variable, scope) not in LEAST_LEVEL:
        raise CapacityError(f"no panel of {variable} by {scope}; there are {sorted(LEAST_LEVEL)}")
    known = [str(name) for name in history["series"].values]
    if series not in known:
        raise CapacityError(f"series {series!r} is not on record; choose from {', '.join(known)}")
    scopes = (scope, "world") if scope == "country" else (scope,)
    part = history.isel(entity=history["scope"].isin(scopes).to_numpy())
    table = part[variable]
    green = [np.where(np.isfinite(x), x, 0.0) for x in _rows(table, ("wind", "solar", "bioenergy"))]
    least, least_total = LEAST_LEVEL[variable, scope]
    return Panel(
        entities=tuple(str(name) for name in part["entity"].values),
        years=part["year"].to_numpy().astype(np.int64),
        level=table.sel(series=series).to_numpy(),
        total=table.sel(series="total").to_numpy(),
        renewables=np.sum(green, axis=0),
        least=(least_total if series == "total" else least, least_total),
        series=series,
        scope=scope,
        unit=str(table.attrs["units"]),
    )


def _rows(table: xr.DataArray, names: tuple[str, ...]) -> list[Floats]:
    return [table.sel(series=name).to_numpy() for name in names]


def mean_known(table: Floats) -> Floats:
    """Mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(table)
    count = known.sum(axis=-1)
    total = np.where(known, table, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def spread_known(table: Floats) -> Floats:
    """Standard deviation (one degree of freedom less) over the last axis of what is known, at least LEAST_SPREAD."""
    count = np.isfinite(table).sum(axis=-1)
    deviation = np.where(np.isfinite(table), table - mean_known(table)[..., None], 0.0)
    variance = np.divide((deviation**2).sum(axis=-1), count - 1, out=np.full(count.shape, np.nan), where=count > 1)
    return np.maximum(np.sqrt(variance), LEAST_SPREAD)
