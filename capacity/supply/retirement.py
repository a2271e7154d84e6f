"""How today's plants leave: by age, as announced, and what notice says about plants that have announced nothing.

See docs/method.md, Supply, and docs/projection.md, Retirements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.errors import CapacityError
from capacity.supply.fleet import VINTAGE_YEARS, Fleet, delays
from capacity.supply.products import product

Floats = NDArray[np.float64]


class Ageing(NamedTuple):
    """Survival of one technology in one country, each (draw, 1): age limit and half-life [yr], steepness [1/yr]."""

    max_age: Floats
    half_life: Floats
    steepness: Floats

    @classmethod
    def of(cls, country: str, draws: Draws | CentralPath, technology: str) -> Ageing:
        own = f"{country.lower()}.survival"
        names = (f"survival_max_age_{technology}", f"{own}_half_life_{technology}", f"{own}_steepness_{technology}")
        max_age, half_life, steepness = (draws.scalar(name)[:, None] for name in names)
        return cls(max_age, half_life, steepness)

    def tail(self, age: Floats) -> Floats:
        """Share left at an age by the logistic curve alone."""
        return 1.0 / (1.0 + np.exp(np.clip(self.steepness * (age - self.half_life), -700.0, 700.0)))

    def share(self, age: Floats) -> Floats:
        """Share of a vintage still operating at an age: a logistic curve cut at the maximum age.

        age : broadcastable, years since commissioning, >= 0

        Returns the share in [0, 1], non-increasing in age, 1 at age 0. Form used by GCAM's S-curve retirement.
        """
        return np.where(age < self.max_age, self.tail(age) / self.tail(np.zeros(())), 0.0)


def remaining_share(fleet: Fleet, draws: Draws | CentralPath, technology: str) -> Floats:
    """Share (draw, vintage, year) of each commissioning bin that its age leaves standing.

    Conditional on standing at the end of base_year. A unit already near or past the maximum age has
    outlived the cut-off, so it follows the logistic tail instead of vanishing at once.
    """
    ageing = Ageing.of(fleet.country, draws, technology)
    horizon = draws.years - fleet.base_year
    last = max(fleet.base_year - int(fleet.vintages.min()), 0) + int(horizon[-1])
    # Ages are whole years: the curve is worked out once for each, then looked up.
    ages = np.arange(last + 1, dtype=float)[None, :]
    curve = ageing.tail(ages)
    cut = np.where(ages < ageing.max_age, curve, 0.0)
    total = np.zeros((len(draws), len(fleet.vintages), len(horizon)))
    for offset in range(VINTAGE_YEARS):
        now = (fleet.base_year - (fleet.vintages + offset)).clip(0)
        at = now[:, None] + horizon[None, :]
        outlived = now[None, :] >= ageing.max_age - VINTAGE_YEARS
        kept = cut[:, at]
        if outlived.any():
            kept = np.where(outlived[:, :, None], curve[:, at], kept)
        total += kept / curve[:, now][:, :, None]
    return total / VINTAGE_YEARS


def existing_mw(fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Capacity (draw, area, technology, year) of today's plants still standing in each year. [MW]

    Plants with an announced date, the oldest of their area and technology, leave on it or, with a probability, an
    exponential delay later. All others leave by age, the fewer the sooner it is: who goes next year has mostly said so.
    The two are different plants, so none is retired twice. Years on record are met exactly.
    """
    base = fleet.nameplate_mw.sum(axis=2)
    planned = _announced(fleet)
    gone = _announced_gone(fleet, planned, draws)
    without_notice = unannounced_share(fleet, draws)
    result = np.empty((len(draws), *base.shape, len(draws.years)))
    for k, technology in enumerate(fleet.technologies):
        if not base[:, k].any():
            result[:, :, k] = 0.0
            continue
        with_date = oldest(fleet.nameplate_mw[:, k], planned[:, k].sum(axis=1))
        shares = slowed(remaining_share(fleet, draws, technology), without_notice[:, k])
        silent = product(fleet.nameplate_mw[:, k] - with_date, shares)
        result[:, :, k] = silent + np.clip(with_date.sum(axis=1)[None, :, None] - gone[:, :, k], 0.0, None)
    return result


def oldest(nameplate: Floats, total: Floats) -> Floats:
    """MW (area, vintage) of the oldest plants that make up `total` (area,), at most all there are."""
    before = np.cumsum(nameplate, axis=1) - nameplate
    return np.clip(total[:, None] - before, 0.0, nameplate)


def slowed(shares: Floats, part: Floats) -> Floats:
    """Survival (draw, vintage, year) when only a `part` (draw, year) in [0, 1] of each year's retirements happens."""
    before = np.concatenate([np.ones_like(shares[..., :1]), shares[..., :-1]], axis=-1)
    # A remnant too small to divide by has gone for good.
    stays = np.divide(shares, before, out=np.zeros_like(shares), where=before > 1e-300)
    return np.cumprod(1.0 - part[:, None, :] * (1.0 - stays), axis=-1)


def unannounced_share(fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Share (draw, technology, year) of a year's retirements that nobody has announced when the record closes.

    1 - exp(-h / notice), h years after the record; 0 in years for which what went is on record.
    """
    known = fleet.on_record.retired_mw
    ahead = np.maximum(draws.years - fleet.base_year - known.shape[1], 1)
    share = 1.0 - np.exp(-ahead[None, :] / draws.scalar("retirement_notice_years")[:, None])
    result = np.repeat(share[:, None, :], len(fleet.technologies), axis=1)
    over = min(known.shape[1], len(draws.years))
    result[:, :, :over][:, ~np.isnan(known[:, :over])] = 0.0
    return result


def _announced(fleet: Fleet) -> Floats:
    """Announced retirements (area, technology, plan_year), in years on record scaled to what went. [MW]

    Raises CapacityError where the record has retirements that the grid announces nowhere.
    """
    planned = fleet.planned_retirement_mw.copy()
    for (k, y), went in np.ndenumerate(fleet.on_record.retired_mw):
        column = fleet.plan_years == fleet.base_year + 1 + y
        said = float(planned[:, k, column].sum())
        if went > 0.0 and said == 0.0:
            what = f"{fleet.country} {fleet.technologies[k]} {fleet.base_year + 1 + y}"
            raise CapacityError(
                f"{what}: {went:.0f} MW retired are on record but planned_retirement_mw has none of them"
            )
        if said > 0.0 and not np.isnan(went):
            planned[:, k, column] *= went / said
    return planned


def _announced_gone(fleet: Fleet, announced: Floats, draws: Draws | CentralPath) -> Floats:
    """Announced capacity (draw, area, technology, year) that has left by each year; dates up to the record held."""
    planned = fleet.planned(announced, draws.years)
    over = draws.years <= fleet.base_year + fleet.on_record.retired_mw.shape[1]
    slips = draws.scalar(f"{fleet.prefix}.retirement_slip_probability")[:, None, None]
    late = delays(draws.scalar(f"{fleet.prefix}.retirement_slip_years"), len(draws.years))
    gone = np.zeros((len(draws), *planned.shape))
    for k in np.flatnonzero(planned.any(axis=(0, 2))):
        ahead = np.where(over, 0.0, planned[:, k])
        yearly = (planned[:, k] - ahead)[None] + (1.0 - slips) * ahead[None] + slips * product(ahead, late, upper=True)
        gone[:, :, k] = np.cumsum(yearly, axis=-1)
    return gone
