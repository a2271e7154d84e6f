"""The existing fleet and what is announced, as plain arrays of one country, and delays. How it ages: `retirement`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.supply.known_additions import Known, known_additions, nothing_known, with_younger_plans
from capacity.supply.products import product
from grids.areas import parent_of

Floats = NDArray[np.float64]
VINTAGE_YEARS = 5
"""Width of a commissioning bin in years."""


@dataclass(frozen=True)
class Fleet:
    """One country's plants at the end of `base_year`, its plans, and its history.

    nameplate_mw : (area, technology, vintage)            Operating at the end of base_year. [MW]
    planned_addition_mw : (area, technology, plan_year)   [MW]
    planned_retirement_mw : (area, technology, plan_year) [MW]
    history_mw : (area, technology, history_year)         Operating at the end of each year. [MW]
    known : national additions on record after base_year; None means that there are none
    """

    country: str
    areas: tuple[str, ...]
    technologies: tuple[str, ...]
    vintages: NDArray[np.int64]
    plan_years: NDArray[np.int64]
    base_year: int
    nameplate_mw: Floats
    planned_addition_mw: Floats
    planned_retirement_mw: Floats
    history_mw: Floats
    known: Known | None = None

    @classmethod
    def of(cls, grid: xr.Dataset, country: str) -> Fleet:
        """Select one country's areas of a validated grid."""
        part = grid.isel(area=(grid["area_country"] == country).to_numpy())
        areas = tuple(map(str, part["area"].to_numpy()))
        technologies = tuple(map(str, part["technology"].to_numpy()))
        base_year = int(part["history_year"][-1])
        known = known_additions(country, areas, technologies, base_year)
        return cls(
            country=country,
            areas=areas,
            technologies=technologies,
            vintages=part["vintage"].to_numpy().astype(np.int64),
            plan_years=part["plan_year"].to_numpy().astype(np.int64),
            base_year=base_year,
            nameplate_mw=part["nameplate_mw"].to_numpy(),
            planned_addition_mw=with_younger_plans(known, part["planned_addition_mw"].to_numpy()),
            planned_retirement_mw=part["planned_retirement_mw"].to_numpy(),
            history_mw=part["capacity_history_mw"].to_numpy(),
            known=known,
        )

    @property
    def prefix(self) -> str:
        return self.country.lower()

    @property
    def on_record(self) -> Known:
        """What is known of the years after base_year."""
        return nothing_known(len(self.technologies)) if self.known is None else self.known

    def planned(self, table: Floats, years: NDArray[np.int64]) -> Floats:
        """A plan table on the model years; years outside the plan hold nothing planned."""
        result = np.zeros((*table.shape[:2], len(years)))
        for column, year in enumerate(years):
            (match,) = np.nonzero(self.plan_years == year)
            if match.size:
                result[..., column] = table[..., match[0]]
        return result


def number_of(grid: xr.Dataset, area: str) -> tuple[str, int]:
    """Country and number in its fleet of an area. Raises CapacityError naming near ones."""
    known = list(map(str, grid["area"].to_numpy()))
    if area not in known:
        if parent_of(area) in known:
            raise CapacityError(f"no area {area!r}; if it is a zone of {parent_of(area)}, add --areas us-zones")
        alike = [name for name in known if area.split(".")[-1][:4] in name] or get_close_matches(area, known)
        hint = f"did you mean {', '.join(alike)}?" if alike else f"known: {', '.join(known)}"
        raise CapacityError(f"no area {area!r}; {hint}")
    name = str(grid["area_country"].sel(area=area).item())
    return name, Fleet.of(grid, name).areas.index(area)


def delayed(planned: Floats, mean_delay: Floats) -> Floats:
    """Spread planned MW (..., year) over later years by an exponential delay of mean (draw,) years.

    Returns (draw, ..., year); what falls beyond the last year is not built within the horizon.
    """
    years = planned.shape[-1]
    rows = planned.reshape(-1, years)
    result = np.zeros((len(mean_delay), *rows.shape))
    (filled,) = np.nonzero(rows.any(axis=1))
    if filled.size:
        result[:, filled] = product(rows[filled], delays(mean_delay, years), upper=True)
    return result.reshape(len(mean_delay), *planned.shape)


def delays(mean_delay: Floats, years: int) -> Floats:
    """Share (draw, year planned, year built) of what is planned for one year that is built in another."""
    lags = np.arange(years + 1, dtype=float)
    reached = 1.0 - np.exp(-lags[None, :] / np.maximum(mean_delay, 1e-9)[:, None])
    return toeplitz(np.diff(reached, axis=1))


def toeplitz(by_lag: Floats) -> Floats:
    """Table (draw, from year, to year) of a share (draw, lag); zero before the year itself."""
    years = by_lag.shape[1]
    table = np.zeros((len(by_lag), years, years))
    for start in range(years):
        table[:, start, start:] = by_lag[:, : years - start]
    return table
